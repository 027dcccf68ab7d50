"""A run that rounds embeddings to float16: the same numbers from memory, file and cache, and a cell of its own."""

from __future__ import annotations

import signal
import sys
from contextlib import closing
from dataclasses import replace

import gallery_job
import numpy as np
import pytest
import timeless_records
from gallery_job import flip, only, run_job

from fashionbench import api
from fashionbench.api.comparisons import compare_stored
from fashionbench.boards.labels import row_label
from fashionbench.boards.selection import selected
from fashionbench.canonical import digest
from fashionbench.cli.main import main
from fashionbench.data.ground_truth import Truth
from fashionbench.errors import ConfigError
from fashionbench.metrics.retrieval.rank_counting import count_ranks
from fashionbench.plugins.manager import Plugins
from fashionbench.records.store import Store
from fashionbench.runner import stored_gallery
from fashionbench.runner.cache_contents import cache_contents
from fashionbench.runner.cache_pruning import prune
from fashionbench.runner.config import make_config
from fashionbench.runner.embedding_cache import FILE, EmbeddingCache
from fashionbench.runner.identity import BackendIdentity, CellIdentity, TaskIdentity, embedding_owner
from fashionbench.runner.plan import make_plan

COUNT, DIMENSIONS, BATCH = 3000, 8, 250
#: Items that are asked for again in another batch, once.
AGAIN = 3
RIGHT = np.sin(np.arange(COUNT)[:, None] * np.sqrt(np.arange(2, DIMENSIONS + 2))).astype(np.float32)
HALF = RIGHT.astype(np.float16)
FIELDS = {"tasks": ["toy/squares"], "backends": ["toy/colour"]}
ROUNDED = {**FIELDS, "embedding_dtype": "float16"}


@pytest.fixture
def large(monkeypatch):
    """Galleries of every size are large."""
    monkeypatch.setattr(stored_gallery, "LARGE", 1)


@pytest.fixture
def embed(tmp_path):
    """Embed the gallery, or some texts of it, and give back the rows, what was asked for, and what became 0."""

    def call(texts=None, dtype="float16", **more):
        backend = gallery_job.Counting(DIMENSIONS)
        for name, value in more.items():
            setattr(backend, name, value)
        with closing(EmbeddingCache(tmp_path / FILE)) as cache:
            made = gallery_job.session(backend, cache, dtype=dtype)
            with made.fold(None, Truth()) as bound:
                rows = bound.embed(texts or gallery_job.texts(COUNT), "candidate")
        return rows, len(backend.asked), made.counts.underflows

    return call


def test_a_file_takes_half_and_has_the_rounded_numbers(embed, large, tmp_path):
    for expected in (COUNT + AGAIN, 0):
        rows, asked, _ = embed()
        assert asked == expected and rows.dtype == np.float16 and isinstance(rows, np.memmap)
        np.testing.assert_array_equal(rows, HALF)
    assert (only(tmp_path) / "rows.f16").stat().st_size == RIGHT.nbytes / 2
    assert not (only(tmp_path) / "rows.f32").exists()


def test_rows_in_memory_and_of_the_cache_are_the_same(embed):
    for expected in (COUNT + AGAIN, 0):
        rows, asked, _ = embed()
        assert asked == expected and rows.dtype == np.float32
        np.testing.assert_array_equal(rows, HALF)


def test_types_are_kept_apart(embed, large, tmp_path):
    embed()
    rows, asked, _ = embed(dtype="float32")
    assert asked == COUNT + AGAIN
    np.testing.assert_array_equal(rows, RIGHT)
    np.testing.assert_array_equal(embed()[0], HALF)
    assert len(list((tmp_path / stored_gallery.FOLDER).iterdir())) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")
def test_after_a_kill_the_rest_alone_is_encoded(embed, large, tmp_path):
    assert run_job(tmp_path, COUNT, DIMENSIONS, 1, 1200, "float16") == (-signal.SIGKILL, None)
    rows, asked, _ = embed()
    assert asked == COUNT - 1000 + AGAIN
    np.testing.assert_array_equal(rows, HALF)


def test_single_rows_are_found_and_an_altered_one_is_not(embed, large, tmp_path, monkeypatch):
    embed()
    flip(only(tmp_path) / "rows.f16", 2990 * DIMENSIONS * 2 + 1)
    monkeypatch.setattr(stored_gallery, "LARGE", 1 << 40)
    rows, asked, _ = embed(gallery_job.texts(COUNT)[::-1][:1000])
    np.testing.assert_array_equal(rows, HALF[::-1][:1000])
    assert rows.dtype == np.float32 and asked == BATCH + AGAIN


def test_a_file_that_says_another_type_is_made_anew(embed, large, tmp_path):
    embed()
    facts = only(tmp_path) / stored_gallery.FACTS
    facts.write_text(facts.read_text().replace("float16", "float8"))
    rows, asked, _ = embed()
    assert asked == COUNT + AGAIN
    np.testing.assert_array_equal(rows, HALF)


def test_items_on_both_sides_are_embedded_once_and_a_small_side_is_float32(large, tmp_path):
    gallery, backend = gallery_job.texts(COUNT), gallery_job.Counting(DIMENSIONS)
    with closing(EmbeddingCache(tmp_path / FILE)) as cache:
        made = gallery_job.session(backend, cache, dtype="float16")
        with made.fold(None, Truth()) as bound:
            rows, queries = bound.embed_sides([(gallery, "candidate"), (gallery[::-1][:700], "query")])
    np.testing.assert_array_equal(rows, HALF)
    np.testing.assert_array_equal(queries, HALF[::-1][:700])
    assert len(backend.asked) == COUNT + AGAIN + 1


def test_ranks_are_those_of_the_rounded_numbers(embed, large):
    rows = embed()[0][1:]
    assert rows.dtype == np.float16
    queries, own = HALF[1::97].astype(np.float32), np.arange(COUNT - 1)[::97]
    unit = HALF[1:].astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    # What count_ranks ranks: unit vectors as float32, scored in float64.
    unit = unit.astype(np.float32).astype(np.float64)
    targets = np.roll(own, 5)
    for noise in (0.0, 0.3):
        asked = queries + np.float32(noise)
        one = asked.astype(np.float64) / np.linalg.norm(asked.astype(np.float64), axis=1, keepdims=True)
        scores = one.astype(np.float32).astype(np.float64) @ unit.T
        wanted = scores[np.arange(len(own)), targets][:, None]
        found = count_ranks(asked, rows, targets[:, None], tie_tolerance=1e-6, top_k=5)
        np.testing.assert_array_equal(found.better, (scores > wanted + 1e-6).sum(axis=1))
        np.testing.assert_array_equal(found.top_score[:, 0], scores.max(axis=1).astype(np.float32))


def test_numbers_that_become_0_are_counted_in_every_run(embed, monkeypatch):
    factors = np.array([0.0, 1e-12, -1e-12, *np.ones(DIMENSIONS - 3)])
    for size in (1 << 40, 1):
        monkeypatch.setattr(stored_gallery, "LARGE", size)
        # The first text is 0, and so are all of its numbers.
        assert [embed(factors=factors)[2] for _ in range(2)] == [2 * (COUNT - 1)] * 2


def test_pruning_and_status_know_the_files(embed, large, tmp_path):
    embed()
    (owner,) = cache_contents(tmp_path).owners
    assert (owner.owner, owner.rows) == ("toy/count", COUNT)
    assert RIGHT.nbytes / 2 <= owner.bytes < RIGHT.nbytes / 2 + COUNT * stored_gallery.SEAL + 500
    assert prune(tmp_path, 0).rows == COUNT
    assert embed()[1] == COUNT + AGAIN


def test_records_say_it_and_are_equal_in_every_run(plugins, tmp_path, monkeypatch):
    made = []
    for number, size in enumerate((1 << 40, 1)):
        monkeypatch.setattr(stored_gallery, "LARGE", size)
        store = Store(tmp_path / str(number))
        made += [api.run(ROUNDED, plugins=plugins, store=store, rerun=True)[0] for _ in range(2)]
        uncached = {**ROUNDED, "embedding_cache": False}
        made.append(api.run(uncached, plugins=plugins, store=store, rerun=True)[0])
    assert made[1].decoding.cached == made[1].cost.items
    assert made[0].model_dump(mode="json")["decoding"]["embeddings"]["dtype"] == "float16"
    assert all(timeless_records.timeless(record) == timeless_records.timeless(made[0]) for record in made[1:])


def test_float32_is_the_cell_and_the_record_of_before(plugins, store):
    plain = api.run(FIELDS, plugins=plugins, store=store)[0]
    said = api.run({**FIELDS, "embedding_dtype": "float32"}, plugins=plugins, store=store)[0]
    assert said.record_id == plain.record_id
    assert set(plain.model_dump(mode="json")["decoding"]) == {"seed", "batch_sizes", "device", "limit", "cached"}
    task, backend = TaskIdentity("t", "p", {}, "c", "d"), BackendIdentity("b", "1", {"x": 2}, "k")
    parts = {
        "task": {"id": "t", "protocol": "p", "options": {}, "code": "c", "dataset": "d"},
        "backend": {"id": "b", "revision": "1", "options": {"x": 2}, "code": "k"},
    }
    identity = CellIdentity(task, backend, 3, None, "m")
    whole = {**parts, "seed": 3, "limit": None, "measurement": "m", "fingerprint": "f"}
    assert identity.cell_id("f") == digest(whole)
    owner = {"backend": parts["backend"], "seed": 3, "measurement": "m"}
    assert identity.embedding_owner() == embedding_owner(backend, 3, "m") == digest(owner)
    rounded = replace(identity, embedding_dtype="float16")
    assert rounded.cell_id("f") == digest({**whole, "embedding_dtype": "float16"})
    assert rounded.embedding_owner() == digest({**owner, "embedding_dtype": "float16"})


def test_another_type_is_another_cell_with_a_row_of_its_own(plugins, store):
    plain, rounded = (api.run(fields, plugins=plugins, store=store)[0] for fields in (FIELDS, ROUNDED))
    assert rounded.cell != plain.cell
    assert api.run(ROUNDED, plugins=plugins, store=store)[0].record_id == rounded.record_id
    assert len(selected([plain, rounded])) == 2
    both = [plain, rounded]
    assert [row_label(one, both) for one in both] == ["toy/colour", "toy/colour (embedding_dtype=float16)"]
    found = compare_stored("toy/colour", "toy/colour (embedding_dtype=float16)", plugins=plugins, store=store)
    assert (found[0].baseline, found[0].candidate) == ("toy/colour", "toy/colour (embedding_dtype=float16)")


def test_stores_of_two_types_share_no_system(plugins, tmp_path):
    for name, fields in (("one", FIELDS), ("two", ROUNDED)):
        api.run(fields, plugins=plugins, store=Store(tmp_path / name))
    with pytest.raises(ConfigError, match="no system in common"):
        compare_stored(str(tmp_path / "one"), str(tmp_path / "two"), plugins=plugins)


def test_cells_that_embed_nothing_are_the_same():
    def cells(**more):
        names = {"tasks": ["wardrobe/*", "fashiongen/captioning*"], "backends": ["control/random*", "baseline/*"]}
        plan = make_plan(make_config({**names, **more}), Plugins())
        return {cell.name: (cell.identity.cell_id("f"), cell.task.needs) for cell in plan.cells}

    plain, rounded = cells(), cells(embedding_dtype="float16")
    for name, (cell, needs) in plain.items():
        embeds = any(word.startswith("encode-") for needed in needs for word in needed)
        assert (rounded[name][0] != cell) is embeds, name
    assert {plain[name][0] != rounded[name][0] for name in plain} == {True, False}


def test_a_vector_that_does_not_fit_fails_with_its_item(embed, large):
    from fashionbench.errors import BackendError

    with pytest.raises(BackendError, match=r"float16 ends at 65,504 \(g"):
        embed(factors=np.full(DIMENSIONS, np.inf), encode_texts=lambda items, role: np.full((len(items), 2), 7e4))


def test_another_type_is_refused(plugins):
    with pytest.raises(ConfigError, match="embedding_dtype"):
        make_config({**FIELDS, "embedding_dtype": "bfloat16"})


def test_the_command_line_takes_it_and_the_board_says_it(tmp_path, capsys):
    words = ["run", "--task", "wardrobe/image-to-image", "--backend", "baseline/colour-histogram", "--device", "cpu"]
    for more in ([], ["--embedding-dtype", "float16"]):
        assert main([*words, *more, "--store", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "embedding_dtype=float16" in printed
    records = api.load_records(tmp_path)
    assert [record.decoding.embedding_dtype for record in records] == ["float32", "float16"]
