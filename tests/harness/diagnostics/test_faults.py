"""A model that knows everything has no fault; each way to break it is named, and nothing else is."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from knowing_model import CAPABILITIES, COLOURS, STYLES, THINGS, KnowingModel, garment_of, subject, text_of

from fashionbench.data.items import TextItem
from fashionbench.diagnostics.caption_style import measure_style
from fashionbench.diagnostics.captions import measure_captions
from fashionbench.diagnostics.composed import measure_composed
from fashionbench.diagnostics.diagnosis import Diagnosis, measure
from fashionbench.diagnostics.matching import measure_matching
from fashionbench.diagnostics.pictures import measure_pictures
from fashionbench.diagnostics.retrieval import measure_retrieval
from fashionbench.diagnostics.system import System
from fashionbench.progress import Silent


class ShuffledCaptions(KnowingModel):
    """Writes as it should, of another product."""

    def caption(self, items, instruction):
        return super().caption(
            [TextItem(f"a/{(self.thing(item) + 17) % len(THINGS)}", "") for item in items], instruction
        )


class OneCaption(KnowingModel):
    def caption(self, items, instruction):
        return [text_of(0)] * len(items)


class OneInstruction(KnowingModel):
    """Hears no instruction."""

    def caption(self, items, instruction):
        return super().caption(items, STYLES["shop"][0])


class SwappedInstructions(KnowingModel):
    """Writes for the one data set as for the other."""

    def caption(self, items, instruction):
        return super().caption(items, next(asked for asked, _ in STYLES.values() if asked != instruction))


class EqualQueries(KnowingModel):
    def encode_images(self, items, role):
        return np.repeat(super().encode_images(items, role)[:, :1], 4, axis=1)


class Collapsed(KnowingModel):
    def encode_images(self, items, role):
        return np.ones((len(items), 4, 12)) + 0 * super().encode_images(items, role)


class Unrelated(KnowingModel):
    def encode_texts(self, items, role):
        return super().encode_texts(items, role)[::-1]


class BlindToWords(KnowingModel):
    def composed(self, reference, further):
        return self.directions[reference] + 0.5 * self.directions[(reference + 3) % len(THINGS)]


class BlindToReferences(KnowingModel):
    """Finds what its words alone are right about, as those of a hundred things seen before."""

    def composed(self, reference, further):
        return sum(self.directions[(at + further) % len(THINGS)] for at in range(len(THINGS)) if 1 + at % 7 == further)


class Scrambled(KnowingModel):
    def composed(self, reference, further):
        return self.directions[(5 * reference + 11 * further + 20) % len(THINGS)]


class BlindMatching(KnowingModel):
    def score_pairs(self, items):
        return np.array([self.noise[self.thing(item.query), 0, 1, 0] for item in items])


class BlindPictures(KnowingModel):
    def try_on(self, items):
        return [self.painted(item, (90, 90, 90)) for item in items]


class Blots(KnowingModel):
    """Paints something else for another garment, but nothing that is like it."""

    def try_on(self, items):
        return [self.painted(item, 255 - np.asarray(item.garment)[0, 0]) for item in items]


class Untrained(Collapsed):
    """Answers the same to everything."""

    def score_pairs(self, items):
        return np.zeros(len(items))

    def caption(self, items, instruction):
        return ["the the"] * len(items)

    def composed(self, reference, further):
        return np.ones(12)

    def try_on(self, items):
        return [np.zeros_like(np.asarray(item.person)) for item in items]


FAMILIES = {
    "retrieval": measure_retrieval,
    "composed": measure_composed,
    "matching": measure_matching,
    "captions": measure_captions,
    "style": lambda asked: measure_style(asked, ""),
    "pictures": measure_pictures,
}


def diagnosed(model, *families, **changes):
    """Measure some families alone, which is quicker than all of them."""
    asked = subject(model, **changes)
    found = [one for name in families for one in FAMILIES[name](asked)] if families else measure(asked, Silent())
    return Diagnosis(system="toy", facts={}, measurements=tuple(found))


def named(found):
    return {fault.fault for fault in found.faults}


@pytest.fixture(scope="module")
def whole():
    return diagnosed(KnowingModel(), untrained=Untrained())


def test_a_model_that_knows_everything_has_no_fault(whole):
    assert named(whole) == set()
    told = [one.verdict.level for one in whole.measurements if one.id in {"ranks", "alignment", "style-gain"}]
    assert told == ["sound"] * 3


@pytest.mark.parametrize(
    ("model", "family", "faults"),
    [
        (
            ShuffledCaptions,
            "captions",
            {"captions ignore the image": {f"{what}:toy/{of}" for what in ("attributes", "cider") for of in STYLES}},
        ),
        (
            OneCaption,
            "captions",
            {
                "captions ignore the image": {
                    f"{what}:toy/{of}" for what in ("attributes", "different-captions", "cider") for of in STYLES
                }
            },
        ),
        (OneInstruction, "style", {"one instruction for all": {"instruction-changes", "style-gain"}}),
        (SwappedInstructions, "style", {"one instruction for all": {"style-gain"}}),
        (EqualQueries, "retrieval", {"frozen queries": {"query-redundancy", "query-rank"}}),
        (
            Collapsed,
            "retrieval",
            {
                "collapsed embeddings": {"uniformity-photos", "effective-rank-photos"},
                "retrieval at chance": {"ranks", "alignment"},
                "frozen queries": {"query-redundancy", "query-rank"},
            },
        ),
        (Unrelated, "retrieval", {"retrieval at chance": {"ranks", "alignment"}}),
        (BlindToWords, "composed", {"composed queries ignore the words": {"composed-text"}}),
        (BlindToReferences, "composed", {"composed queries ignore the reference": {"composed-reference"}}),
        (
            Scrambled,
            "composed",
            {
                "composed retrieval at chance": {"composed-ranks"},
                "composed queries ignore the words": {"composed-text"},
                "composed queries ignore the reference": {"composed-reference"},
            },
        ),
        (BlindMatching, "matching", {"matching at chance": {"matching-auc", "matching-auc-hard"}}),
        (
            BlindPictures,
            "pictures",
            {
                "condition has no effect": {"garment-swapped", "garment-left-out"},
                "pictures ignore the garment": {"garment-followed"},
            },
        ),
        (Blots, "pictures", {"pictures ignore the garment": {"garment-followed"}}),
    ],
)
def test_each_way_to_break_it_is_named_and_nothing_else_of_its_family(model, family, faults):
    found = diagnosed(model(), family)
    assert {one.fault: set(one.measurements) for one in found.faults} == faults


def test_every_measurement_has_its_number_of_items_and_both_references_or_says_why(whole):
    for one in whole.measurements:
        assert one.estimate is not None and one.estimate.n > 1, one.id
        assert one.estimate.interval is not None or one.estimate.method, one.id
        assert one.shuffled.estimate is not None and one.shuffled.what, one.id
        assert one.untrained.estimate is not None and one.untrained.what == "one that was not trained", one.id
        assert one.verdict.words and one.meaning, one.id
    assert len(set(whole.ids)) == len(whole.ids)


def test_the_same_seed_gives_the_same_numbers(whole):
    assert diagnosed(KnowingModel(), untrained=Untrained()).as_json() == whole.as_json()


@pytest.mark.parametrize(
    ("lacking", "gone"),
    [
        ({"encode-text"}, {"ranks", "hubness", "matching-auc-hard"}),
        ({"score-pairs"}, {"matching-auc"}),
        ({"encode-composed"}, {"composed-ranks", "composed-text", "composed-reference"}),
        ({"caption"}, {"attributes", "style-gain", "instruction-changes"}),
        ({"try-on"}, {"garment-followed", "garment-swapped", "garment-left-out"}),
    ],
)
def test_what_a_backend_cannot_do_is_absent_and_says_which_capability(lacking, gone):
    found = diagnosed(KnowingModel(), *FAMILIES, capabilities=CAPABILITIES - lacking, things=12, persons=3)
    for id_ in gone:
        one = found.of(id_)
        assert one.estimate is None and one.verdict.level == "absent"
        assert next(iter(lacking)) in one.verdict.words
    assert named(found) == set()


def test_a_family_that_fails_says_so_and_the_others_are_measured():
    class Broken(KnowingModel):
        def caption(self, items, instruction):
            raise RuntimeError("no decoder")

    found = diagnosed(Broken(), things=24, persons=3)
    assert found.of("captions-failed").verdict.words == "it failed: RuntimeError: no decoder"
    assert found.of("caption-style-failed").verdict.level == "absent"
    assert found.of("ranks").verdict.level == "sound"


def test_with_few_items_a_fault_is_not_claimed():
    found = diagnosed(Unrelated(), "retrieval", things=6)
    assert found.of("ranks").verdict.level == "unclear"
    assert "6 items are too few" in found.of("ranks").verdict.words


def test_of_a_model_without_an_untrained_one_the_reason_stands_there():
    one = diagnosed(KnowingModel(), "retrieval", things=12).of("ranks")
    assert one.untrained.estimate is None and one.untrained.what == "one that was not trained"


def test_the_numbers_are_those_of_the_things_that_were_asked(whole):
    content = json.loads(whole.as_json())
    by_id = {one["id"]: one for one in content["measurements"]}
    assert content["schema"] == "fashionbench.diagnosis/1" and content["faults"] == []
    assert by_id["attributes:toy/shop"]["estimate"]["value"] == 1
    assert by_id["different-captions:toy/shop"]["estimate"]["value"] == 1
    assert by_id["instruction-changes"]["estimate"]["n"] == 2 * len(THINGS)
    assert by_id["matching-auc"]["estimate"]["value"] == 1
    assert by_id["composed-ranks"]["estimate"]["value"] == 1
    assert by_id["garment-followed"]["estimate"]["value"] == 0
    # White in place of each garment's colour.
    shown = [COLOURS[garment_of(at)] for at in range(24)]
    assert by_id["garment-left-out"]["estimate"]["value"] == pytest.approx(np.mean(255 - np.array(shown)) / 255)


def test_a_model_that_lacks_what_its_backend_can_do_says_its_own_reason():
    asked = subject(KnowingModel())
    lacking = System(asked.model.spec, KnowingModel(), "cpu", Silent(), {"caption": "it has no decoder"})
    found = measure_captions(replace(asked, model=lacking))
    assert {one.verdict.words for one in found} == {"it has no decoder"}
    assert {one.verdict.level for one in found} == {"absent"}


def test_a_training_with_one_instruction_is_named_by_what_its_recipe_says():
    asked = subject(KnowingModel())
    apart, one = (measure_style(asked, told)[0].verdict for told in ("", "Describe."))
    assert (apart.level, one.level, one.fault) == ("sound", "fault", "one instruction for all")
    assert "'Describe.'" in one.words


def test_data_sets_that_are_written_alike_say_nothing_of_instructions():
    class Alike(KnowingModel):
        def caption(self, items, instruction):
            return [text_of(self.thing(item)) for item in items]

    asked = subject(Alike())
    first, second = asked.sample.tasks
    alike = replace(
        second, held=tuple(replace(pair, text=other.text) for pair, other in zip(second.held, first.held, strict=True))
    )
    gain = measure_style(replace(asked, sample=replace(asked.sample, tasks=(first, alike))), "")[0]
    assert gain.verdict.level == "unclear" and "written alike" in gain.verdict.words
