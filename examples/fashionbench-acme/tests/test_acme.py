"""The plugin's own tests, run with ``pytest`` in its folder; FashionBench must be installed."""

import pytest
from fashionbench_acme.swatches import COLOURS

import fashionbench


def run(store, **options):
    config = {"tasks": "acme/swatches", "backends": {"id": "acme/mean-colour", "options": options}}
    return fashionbench.run(config, store=store)[0]


def test_each_swatch_finds_its_name(tmp_path):
    record = run(tmp_path)
    assert record.status == "ok"
    assert record.metric("hit@1").value == 1.0
    assert record.metric("hit@1").n == len(COLOURS)


def test_colours_that_are_all_alike_are_worth_chance(tmp_path):
    assert run(tmp_path, blur=1.0).metric("hit@1").value == pytest.approx(1 / len(COLOURS))


@pytest.mark.backend("acme/mean-colour")
def test_the_backend_conforms(conformance):
    conformance()
