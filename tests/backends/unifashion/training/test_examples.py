"""Training examples: apart from what is evaluated, held out by product, the same in any order."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

from PIL import Image

from fashionbench.data.items import ImageItem, TextItem, TryOnItem
from fashionbench.data.training_examples import Pair, TrainingData, Triplet, TryOnExample
from fashionbench.errors import ConfigError, DataError
from fashionbench.training.contract import TrainingPart
from fashionbench_unifashion.training.collect_examples import collect
from fashionbench_unifashion.training.recipe import load_recipe

PICTURE = Image.new("RGB", (4, 4))
PHASES = dict.fromkeys(["vae", "1b-language", "1b-diffusion", "2", "try-on"])


def image(name):
    return ImageItem(name, PICTURE)


def part(name, evaluated=(), **kinds):
    data = TrainingData("train", **kinds)
    return TrainingPart(
        name, name, "sha256:0", f"tell of {name}", synthetic=True, data=data, evaluated=frozenset(evaluated)
    )


def pairs(count, views=2):
    return [
        Pair(image(f"p{at}_{view}"), TextItem(f"t{at}", f"text {at}"), f"product {at}")
        for at in range(count)
        for view in range(views)
    ]


def examples(parts, data=None, **changes):
    named = {one.task: one for one in parts}
    fields = {"pairs": [], "captions": [], "triplets": [], "tryon_examples": [], **(data or {"pairs": list(named)})}
    recipe = load_recipe(
        "unifashion-nano", {"data": fields, "phases": PHASES, "images_each": None, "limit": None, **changes}
    )
    return collect(recipe, SimpleNamespace(part=named.__getitem__))


def test_a_product_is_held_out_with_all_its_images_or_not_at_all():
    collected = examples([part("a", pairs=pairs(200))])
    learnt, held = {x.product for x in collected.pairs}, {x.product for x in collected.held_pairs}
    assert not learnt & held
    assert len(learnt | held) == 200
    assert len(collected.pairs) == 2 * len(learnt) and len(collected.held_pairs) == 2 * len(held)
    # A fifth of 200, give or take four standard deviations.
    assert 40 - 23 < len(held) < 40 + 23
    assert collected.counts["pairs"] == len(collected.pairs) and collected.counts["held out pairs"] == len(
        collected.held_pairs
    )


def test_the_order_of_the_data_does_not_matter():
    one, two = (examples([part("a", pairs=rows)]) for rows in (pairs(60), pairs(60)[::-1]))
    assert {*one.pairs} == {*two.pairs}
    assert {*one.held_pairs} == {*two.held_pairs}
    assert {*examples([part("a", pairs=pairs(60))], seed=1).held_pairs} != {*one.held_pairs}


def test_what_is_evaluated_is_refused():
    with pytest.raises(ConfigError, match=r"the image 'p3_0' would be learnt from and is evaluated") as caught:
        examples([part("a", evaluated=["p3_0"], pairs=pairs(20))])
    assert "overlap: drop" in str(caught.value)


def test_what_another_task_evaluates_is_refused_too():
    parts = [part("a", pairs=pairs(20)), part("b", evaluated=["p3_0"], pairs=pairs(1))]
    with pytest.raises(ConfigError, match="p3_0"):
        examples(parts)


def test_what_is_evaluated_is_dropped_and_counted_once():
    parts = [part("a", evaluated=["p3_0", "p4_1", "elsewhere"], pairs=pairs(20)), part("b", pairs=pairs(20))]
    collected = examples(parts, overlap="drop")
    assert collected.counts["left out because they are evaluated"] == 2
    assert len(collected.pairs) + len(collected.held_pairs) == 2 * 40 - 2 * 2
    assert not {"p3_0", "p4_1"} & (
        {x.image for x in (*collected.pairs, *collected.held_pairs)} | collected.sources.keys()
    )


def test_pairs_without_words_are_left_out_and_counted():
    rows = [*pairs(20), Pair(image("x"), TextItem("x", "  "), "product x")]
    collected = examples([part("a", pairs=rows)])
    assert collected.counts["left out because they have no words"] == 1
    assert "x" not in {x.image for x in (*collected.pairs, *collected.held_pairs)}


def test_a_product_has_at_most_so_many_images_and_a_recipe_so_many_examples():
    collected = examples([part("a", pairs=pairs(50, views=3))], images_each=2)
    assert len(collected.pairs) + len(collected.held_pairs) == 100
    few = examples([part("a", pairs=pairs(100, views=1))], limit=8)
    every = examples([part("a", pairs=pairs(100, views=1))])
    assert len(few.pairs) == len(few.held_pairs) == 8
    assert {*few.pairs} < {*every.pairs}
    # From the whole list, not from its beginning.
    assert every.pairs.index(few.pairs[-1]) > len(every.pairs) // 2


def test_a_phase_may_learn_from_the_pairs_of_some_tasks_alone():
    collected = examples([part("one", pairs=pairs(40)), part("two", pairs=pairs(60))], held_out=0.3)
    alone = examples([part("two", pairs=pairs(60))], held_out=0.3)
    chosen = collected.of(("two",))
    assert (chosen.pairs, chosen.held_pairs) == (alone.pairs, alone.held_pairs)
    assert {example.task for example in collected.pairs} == {"one", "two"}
    assert collected.of(None) is collected
    few = examples([part("one", pairs=pairs(40)), part("two", pairs=pairs(1))], held_out=0.3)
    with pytest.raises(DataError, match="two leave no pairs to learn from, or none held out"):
        few.of(("two",))


def test_triplets_have_the_caption_and_the_instruction_of_their_target():
    triplets = [Triplet(image(f"r{at}"), TextItem(f"m{at}", f"change {at}"), image(f"p{at}_0")) for at in range(40)]
    parts = [part("c", pairs=pairs(39)), part("t", triplets=triplets)]
    collected = examples(parts, {"pairs": ["c"], "captions": ["c"], "triplets": ["t"]})
    every = {x.target: x for x in (*collected.triplets, *collected.held_triplets)}
    assert (every["p7_0"].caption, every["p7_0"].instruction) == ("text 7", "tell of c")
    assert every["p39_0"].caption == ""
    assert collected.counts["triplets without a caption of the target"] == 1
    assert not {x.target for x in collected.triplets} & {x.target for x in collected.held_triplets}


def test_a_triplet_is_dropped_for_either_of_its_images_and_both_are_counted():
    triplets = [Triplet(image(f"r{at}"), TextItem(f"m{at}", "change"), image(f"q{at}")) for at in range(40)]
    parts = [part("c", pairs=pairs(20)), part("t", evaluated=["r1", "q2", "r3", "q3"], triplets=triplets)]
    collected = examples(parts, {"pairs": ["c"], "triplets": ["t"]}, overlap="drop")
    assert {x.reference for x in (*collected.triplets, *collected.held_triplets)} == {
        f"r{at}" for at in (0, *range(4, 40))
    }
    assert collected.counts["left out because they are evaluated"] == 4


def tryon_examples(count):
    return [
        TryOnExample(TryOnItem(f"cloth/{at}", PICTURE, PICTURE, {}), image(f"image/{at}"), f"text {at}", None)
        for at in range(count)
    ]


def test_dressings_are_held_out_by_garment_and_kept_apart_from_what_is_evaluated():
    data = {"pairs": ["c"], "tryon_examples": ["d"]}

    def collected(rows, evaluated=(), **changes):
        return examples([part("c", pairs=pairs(20)), part("d", evaluated, tryon_examples=rows)], data, **changes)

    one, two = collected(tryon_examples(60)), collected(tryon_examples(60)[::-1])
    held = {one.tryon_example(x).item.id for x in one.held_tryon_examples}
    assert held == {two.tryon_example(x).item.id for x in two.held_tryon_examples}
    assert 0 < len(held) < 30
    with pytest.raises(ConfigError, match="cloth/5"):
        collected(tryon_examples(60), ["cloth/5"])
    dropped = collected(tryon_examples(60), ["cloth/5", "image/6"], overlap="drop")
    assert len(dropped.tryon_examples) + len(dropped.held_tryon_examples) == 58


def test_a_phase_without_examples_is_refused():
    with pytest.raises(DataError, match="the phase 1a needs pairs"):
        examples([part("a")])


def test_the_twins_examples_are_apart_from_what_its_tasks_evaluate(training, tmp_path):
    collected = training(tmp_path, limit=None, images_each=None).examples
    evaluated = frozenset().union(*(one.evaluated for one in collected.parts.values()))
    assert len(evaluated) > 50
    seen = {x.image for x in (*collected.pairs, *collected.held_pairs)}
    seen |= {name for x in (*collected.triplets, *collected.held_triplets) for name in (x.reference, x.target)}
    assert len(seen) > 60
    assert not seen & evaluated
    worn = {collected.tryon_example(x).target.id for x in (*collected.tryon_examples, *collected.held_tryon_examples)}
    assert worn and not worn & evaluated
    assert collected.counts["triplets without a caption of the target"] < len(collected.triplets)
