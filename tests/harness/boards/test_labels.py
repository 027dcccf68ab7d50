from __future__ import annotations

import pytest

from fashionbench import Board, BoardSpec, Column, api
from fashionbench.boards.labels import row_label, row_title
from fashionbench.records.schema import TrainingPart


@pytest.fixture
def record(plugins, store):
    (made,) = api.run({"tasks": "toy/squares", "backends": "toy/colour"}, plugins=plugins, store=store)
    return made


def trained(record, digit, config, trainer="small"):
    training = f"sha256:{digit * 64}"
    options = {"model": {"trainer": trainer, "training": training}, "steps": 10}
    backend = record.backend.model_copy(update={"options": options})
    part = TrainingPart(trainer=trainer, training=training, config=config)
    return record.model_copy(update={"backend": backend, "training": part})


def labels(*records):
    return [row_label(record, records) for record in records]


def test_trained_models_go_by_trainer_and_what_was_changed(record):
    base = trained(record, "a", {"seed": 0, "phases": {"two": {"replay": 0.5}}})
    other = trained(record, "b", {"seed": 0, "phases": {"two": None}})
    reseeded = trained(record, "c", {"seed": 1, "phases": {"two": {"replay": 0.5}}})
    assert labels(base, reseeded) == ["toy/colour (small, seed=0)", "toy/colour (small, seed=1)"]
    assert labels(base, other) == ["toy/colour (small, phases.two.replay=0.5)", "toy/colour (small, phases.two=off)"]
    assert labels(base) == ["toy/colour"]
    assert "sha256:" + "a" * 64 in row_title(base)
    assert "steps = 10" in row_title(base)


def test_folders_go_by_the_first_digits_of_their_hashes(record):
    def given(digit):
        options = {"model": {"content": f"sha256:{digit * 64}"}}
        return record.model_copy(update={"backend": record.backend.model_copy(update={"options": options})})

    assert labels(given("a"), given("b")) == ["toy/colour (model=aaaaaaaa)", "toy/colour (model=bbbbbbbb)"]


def test_trainings_of_equal_configuration_are_told_apart_by_hash(record):
    pair = trained(record, "a", {"seed": 0}), trained(record, "b", {"seed": 0})
    assert labels(*pair) == ["toy/colour (small, training aaaaaaaa)", "toy/colour (small, training bbbbbbbb)"]
    other = trained(record, "b", {"seed": 0}, trainer="large")
    assert labels(pair[0], other) == ["toy/colour (small)", "toy/colour (large)"]


def test_seeds_of_one_training_are_no_difference_between_rows(record):
    def seed(number, digit, **options):
        made = trained(record, digit, {"seed": number} if number else {})
        part = made.training.model_copy(update={"apart_from_seed": "sha256:" + "f" * 64})
        backend = made.backend.model_copy(update={"options": made.backend.options | options})
        decoding = made.decoding.model_copy(update={"seed": number})
        return made.model_copy(update={"backend": backend, "training": part, "decoding": decoding})

    few, many = ([seed(number, digit, steps=steps) for number, digit in ((0, "a"), (1, "b"))] for steps in (2, 9))
    assert labels(*few) == ["toy/colour"] * 2
    assert labels(*few, *many) == ["toy/colour (steps=2)"] * 2 + ["toy/colour (steps=9)"] * 2
    alone = trained(record, "c", {"phases": {"two": None}})
    assert labels(few[0], few[1], alone) == ["toy/colour (small, steps=2)"] * 2 + [
        "toy/colour (small, phases.two=off, steps=10)"
    ]


def test_hashes_of_options_are_cut_in_labels_alone(record):
    digest = "sha256:" + "0123456789abcdef" * 4
    pair = [
        record.model_copy(update={"backend": record.backend.model_copy(update={"options": {"model": value}})})
        for value in (digest, "none")
    ]
    assert labels(*pair) == ["toy/colour (model=01234567)", "toy/colour (model=none)"]
    assert digest in row_title(pair[0])


def test_limited_runs_say_so(record):
    limited = record.model_copy(update={"decoding": record.decoding.model_copy(update={"limit": 2})})
    assert labels(record, limited) == ["toy/colour", "toy/colour (limit=2)"]


def test_a_column_that_nobody_measured_has_the_direction_of_its_metric(plugins, record):
    columns = (
        Column(task="toy/squares", metric="median-rank"),
        Column(task="wardrobe/image-to-text", metric="median-rank"),
    )
    spec = BoardSpec(id="b", title="b", summary="b", columns=columns)
    heads = Board.build(spec, [record], plugins).tables[0].heads
    assert [head.higher_is_better for head in heads] == [False, False]
