"""A name that was replaced is an error that names the new one; the new one is accepted in its place."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

from fashionbench.errors import ConfigError
from fashionbench_unifashion.model.config import preset, validated
from fashionbench_unifashion.renamed import RENAMED
from fashionbench_unifashion.training.recipe import load_recipe


def recipe(**changes):
    return lambda: load_recipe("unifashion-nano", changes)


def phase(**changes):
    return recipe(phases={"mine": {"steps": 1, "kind": "composed", **changes}})


def model(kind):
    def check():
        return validated(
            {**preset("nano").model_dump(mode="json"), "vision": {"kind": kind, "image_size": 64}}, "config.json"
        )

    return check


#: (old, new, what has the old name, what has the new one), by hand.
CASES = [
    ("autoencode", "vae", phase(kind="autoencode"), phase(kind="vae")),
    ("contrast", "contrastive", phase(kind="contrast"), phase(kind="contrastive")),
    ("speak", "language", phase(kind="speak"), phase(kind="language")),
    ("paint", "image", phase(kind="paint"), phase(kind="image")),
    ("compose", "composed", phase(kind="compose"), phase(kind="composed")),
    ("dress", "try_on", phase(kind="dress"), phase(kind="try_on")),
    ("matched", "itm_examples", phase(matched=3), phase(itm_examples=3)),
    ("generated", "lm_examples", phase(generated=3), phase(lm_examples=3)),
    ("rehearsal", "replay", phase(rehearsal=0.5), phase(replay=0.5)),
    ("dressings", "tryon_examples", recipe(data={"dressings": ["a"]}), recipe(data={"tryon_examples": ["a"]})),
    (
        "pocket",
        "efficientnet-lite0",
        recipe(model={"changes": {"vision": {"kind": "pocket"}}}),
        recipe(model={"changes": {"vision": {"kind": "efficientnet-lite0"}}}),
    ),
    ("pocket", "efficientnet-lite0", model("pocket"), model("efficientnet-lite0")),
]


def test_every_entry_of_the_table_is_tried():
    assert {(entry.old, entry.new) for entry in RENAMED} == {(old, new) for old, new, _, _ in CASES}
    assert len(RENAMED) == len(CASES)


@pytest.mark.parametrize(("old", "new", "before", "now"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_an_old_name_is_an_error_that_names_the_new_one(old, new, before, now):
    with pytest.raises(ConfigError, match=f"{old} is now {new}") as caught:
        before()
    assert caught.value.remedy
    now()


def test_all_old_names_are_listed_at_once_with_their_places():
    changes = {"phases": {"a": {"kind": "dress", "rehearsal": 1}, 2: {"matched": 4}}}
    with pytest.raises(ConfigError) as caught:
        load_recipe("unifashion-tiny", changes)
    for fault in (
        "phases.a.kind: dress is now try_on",
        "phases.a: rehearsal is now replay",
        "phases.2: matched is now itm",
    ):
        assert fault in str(caught.value)


def test_a_phase_may_be_called_as_an_old_kind():
    phases = {"dress": {"kind": "try_on", "steps": 1}, "speak": None}
    assert load_recipe("unifashion-nano", {"phases": phases}).phases["dress"].kind == "try_on"
