"""A run is divided into shards of about equal cost, alike on every machine, whose stores merge to the whole."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timeless_records import timeless_store

from fashionbench import api
from fashionbench.api.merging import merge_records
from fashionbench.cli.main import main
from fashionbench.errors import ConfigError, StoreError
from fashionbench.plugins.manager import Plugins
from fashionbench.records.store import Store
from fashionbench.runner.config import make_config
from fashionbench.runner.earlier_costs import EarlierCosts
from fashionbench.runner.plan import make_plan
from fashionbench.runner.shard_plan import FOLDER, shard_of_plan
from fashionbench.runner.sharding import Piece, divided, read_shard

BACKENDS = ["toy/colour", "toy/raises", "control/random", "control/constant"]
CONFIG = {"tasks": ["toy/squares"], "backends": BACKENDS, "seeds": [0, 1], "device": "cpu"}


def loads(pieces, count):
    return [sum(pieces[at].seconds for at in shard) for shard in divided(pieces, count)]


@given(st.lists(st.floats(0, 1e6), max_size=30), st.integers(1, 7))
def test_every_piece_is_in_one_shard(costs, count):
    pieces = [Piece(str(at), seconds) for at, seconds in enumerate(costs)]
    shards = divided(pieces, count)
    assert len(shards) == count
    assert sorted(itertools.chain(*shards)) == list(range(len(pieces)))


@given(st.lists(st.integers(1, 60), min_size=1, max_size=7), st.integers(1, 3))
def test_the_longest_shard_is_near_that_of_the_best_division(costs, count):
    pieces = [Piece(str(at), float(seconds)) for at, seconds in enumerate(costs)]
    best = min(
        max(sum(c for c, own in zip(costs, chosen, strict=True) if own == shard) for shard in range(count))
        for chosen in itertools.product(range(count), repeat=len(costs))
    )
    assert max(loads(pieces, count)) <= (4 / 3 - 1 / (3 * count)) * best + 1e-9


def test_what_shares_a_model_stays_together_and_the_model_counts_once():
    one, two = {"a": 100.0}, {"a": 100.0, "b": 10.0}
    pieces = [Piece("1", 5, one), Piece("2", 60), Piece("3", 5, two), Piece("4", 50), Piece("5", 5, {"b": 10.0})]
    assert divided(pieces, 2) == [[0, 2, 4], [1, 3]]


@pytest.mark.parametrize("text", ["x", "1", "1/", "/3", "-1/3", "1/2/3", "1.0/2", "²/3", " 1/3", ""])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(ConfigError, match="is not I/N"):
        read_shard(text)


@pytest.mark.parametrize("text", ["0/3", "4/3", "1/0"])
def test_a_shard_that_there_is_not_is_refused(text):
    with pytest.raises(ConfigError, match=f"no shard {text.replace('/', ' of ')}"):
        read_shard(text)
    assert read_shard("2/3") == (2, 3)


def test_costs_come_from_records_or_from_what_is_declared(plugins, store):
    plan = make_plan(make_config(CONFIG), plugins)
    declared = EarlierCosts([])
    assert [declared.of_cell(cell) for cell in plan.cells[::2]] == [30, 30, 5, 5]
    (record,) = api.run({**CONFIG, "backends": ["toy/colour"], "seeds": [0]}, plugins=plugins, store=store)
    slow = record.model_copy(update={"cost": record.cost.model_copy(update={"wall_s": 77.0})})
    known = EarlierCosts([slow])
    assert [known.of_cell(cell) for cell in plan.cells[::2]] == [77, 30, 5, 5]
    # Another task at the last pace; of a failure nothing is learnt.
    assert known.known("toy/other", "toy/colour", 32) == pytest.approx(32 / record.cost.items_per_s)
    assert EarlierCosts([slow.model_copy(update={"status": "error"})]).known("toy/squares", "toy/colour") is None


def test_shards_in_three_stores_merge_to_the_store_of_one_run(plugins, store, tmp_path):
    parts = [tmp_path / f"part {number}" for number in (1, 2, 3)]
    counts = [
        len(api.run(CONFIG, plugins=plugins, store=part, shard=(number, 3))) for number, part in enumerate(parts, 1)
    ]
    assert counts == [2, 3, 3]  # declared are four times 30 s and four times 5 s
    made = merge_records(parts, tmp_path / "merged", plugins=plugins)
    assert (made.ok, made.merged.added, made.notes) == (True, 8, ())
    whole = api.run(CONFIG, plugins=plugins, store=store)
    merged = Store(tmp_path / "merged")
    assert timeless_store(merged) == timeless_store(store)
    assert api.verify_records(merged, plugins=plugins).faults == []
    # Nothing but the cells that failed is run again.
    again = api.run(CONFIG, plugins=plugins, store=merged)
    assert len(again) == len(whole)
    assert len(merged.scan().records) == 8 + 2


def test_a_shard_that_goes_on_has_the_cells_that_it_had(plugins, store):
    plan = make_plan(make_config(CONFIG), plugins)
    begun, line = shard_of_plan(plan, store, (3, 3), keep=True)
    # Records of its own, which say that they are slow, would divide otherwise.
    for record in api.run({**CONFIG, "backends": ["toy/colour"]}, plugins=plugins, store=store):
        cost = record.cost.model_copy(update={"wall_s": 900.0})
        store.add_newest(record.model_copy(update={"cost": cost}))
    again, said = shard_of_plan(plan, Store(store.root), (3, 3), keep=True)
    assert ([cell.name for cell in again.cells], said) == ([cell.name for cell in begun.cells], line)
    (kept,) = (store.root / FOLDER).glob("*.json")
    kept.unlink()
    assert shard_of_plan(plan, store, (3, 3), keep=False)[0].cells != begun.cells
    assert not list((store.root / FOLDER).glob("*.json"))
    kept.write_text('{"costs": [{}]}')
    with pytest.raises(StoreError, match="is damaged"):
        shard_of_plan(plan, store, (3, 3), keep=True)


def test_trainings_are_those_that_a_shard_needs(store):
    fields = {"tasks": ["atelier/fashion-iq-original"], "backends": ["unifashion-quick", "control/random"]}
    plan = make_plan(make_config(fields), Plugins(strict=True))
    shards = [shard_of_plan(plan, store, (number, 2), keep=False)[0] for number in (1, 2)]
    assert [[len(shard.cells), len(shard.trainings)] for shard in shards] == [[1, 1], [1, 0]]


def test_the_command_divides_previews_and_refuses(tmp_path, capsys):
    words = ["run", "--task", "wardrobe/image-to-image", "--backend", "control/*", "--store", str(tmp_path)]
    names = []
    for part in ("1/2", "2/2"):
        assert main([*words, "--shard", part, "--dry-run", "--json"]) == 0
        names += [cell["backend"] for cell in json.loads(capsys.readouterr().out)["cells"]]
    assert main([*words, "--dry-run", "--json"]) == 0
    whole = [cell["backend"] for cell in json.loads(capsys.readouterr().out)["cells"]]
    assert sorted(names) == sorted(whole)
    assert not (tmp_path / FOLDER).exists()
    assert main([*words, "--shard", "3/2", "--dry-run"]) == 2
    assert "there is no shard 3 of 2" in capsys.readouterr().err


def test_a_shard_without_cells_is_no_error(tmp_path, capsys):
    words = ["run", "--task", "wardrobe/image-to-image", "--backend", "control/constant", "--store", str(tmp_path)]
    assert main([*words, "--shard", "2/2"]) == 0
    assert "shard 2 of 2 has 0 of 1 piece" in capsys.readouterr().err
