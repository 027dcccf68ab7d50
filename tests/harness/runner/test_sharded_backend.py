"""Items of one cell that several processes answer: the batches, the bytes and the records of one process."""

from __future__ import annotations

import re
import sqlite3
import sys
from contextlib import closing

import numpy as np
import pytest
from cached_twin import cached_twin
from PIL import Image
from timeless_records import timeless_store

from fashionbench import api
from fashionbench.data.ground_truth import Truth
from fashionbench.data.items import (
    ComposedItem,
    DesignItem,
    ImageItem,
    PairItem,
    StyleTransferItem,
    TextItem,
    TryOffItem,
    TryOnItem,
)
from fashionbench.data.training_examples import Pair, TrainingData
from fashionbench.errors import ExecutorError
from fashionbench.plugins.manager import Plugins
from fashionbench.records.store import Store
from fashionbench.runner.config import make_config
from fashionbench.runner.embedding_cache import FILE, EmbeddingCache
from fashionbench.runner.executors.contract import cell_key
from fashionbench.runner.executors.shard_process import shard_processes
from fashionbench.runner.plan import make_plan
from fashionbench.runner.session import EmbeddingOwner, Session
from fashionbench.runner.session_state import SessionResources

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals"),
]

MODELS = """
import os, pathlib, signal
import numpy as np
from fashionbench import model
HERE = pathlib.Path("FOLDER")

class Answers:
    def __init__(self):
        self.counters = {"asked": 0}

    @property
    def preprocessing(self):
        return {"asked": f"{self.counters['asked']} items"}

    def fingerprint(self):
        return "1"

    def asked(self, items):
        with (HERE / "calls").open("a") as file:  # appended at once, by whichever process it is
            file.write(f"{os.getpid()} {items[0].id} {len(items)}\\n")
        self.counters["asked"] += len(items)
        return items

    def row(self, image, *more):
        # Of the whole batch in the last place, as a network that normalises over its batch: boundaries are seen.
        return [*np.asarray(image.resize((2, 2)), float).ravel(), *more]

    def encode_images(self, items, role):
        return np.array([self.row(item.image, len(items), self.asked(items) is None) for item in items[:1]] +
                        [self.row(item.image, len(items), False) for item in items[1:]])

    def encode_texts(self, items, role):
        self.asked(items)
        return np.array([[len(item.text), ord(item.text[0]), *[len(items)] * 12] for item in items])

    def encode_composed(self, items):
        self.asked(items)
        return np.array([self.row(item.image, len(item.text), 1.0) for item in items])

    def score_pairs(self, items):
        self.asked(items)
        return np.array([len(item.query.text) * 10 + len(item.candidate.text) for item in items])

    def caption(self, items, instruction):
        self.asked(items)
        return [f"{instruction} {item.id}" for item in items]

    def try_on(self, items):
        self.asked(items)
        return [255 - np.asarray(item.person) for item in items]

    try_off = design = try_on

    def transfer_style(self, items):
        self.asked(items)
        return [255 - np.asarray(item.garment) for item in items]

@model(stateless=True)
class Everything(Answers):
    pass

@model(stateless=True)
class NoMemory(Answers):
    def encode_images(self, items, role):
        if len(items) > 3:
            raise RuntimeError("CUDA out of memory")
        return super().encode_images(items, role)

class OwnError(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")

@model(stateless=True)
class Raises(Answers):
    def encode_images(self, items, role):
        if items[0].id == "i20":
            raise OwnError("a", "b")
        return super().encode_images(items, role)

@model(stateless=True)
class Dies(Answers):
    def encode_images(self, items, role):
        if items[0].id == "i20" and not (HERE / "mended").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode_images(items, role)

@model(stateless=True)
class Learns(Answers):
    def fit(self, training, seed):
        self.learnt = [pair.text.text for pair in training.pairs]

    def caption(self, items, instruction):
        return [self.learnt[int(item.id[1:]) % len(self.learnt)] for item in self.asked(items)]

@model(stateless=True)
class CannotTravel(Learns):
    def fit(self, training, seed):
        super().fit(training, seed)
        self.open = lambda: None

@model(stateless=True)
class Uncounted(Answers):
    def __init__(self):
        self.mine = 0

    @property
    def preprocessing(self):
        return {"how": "alike", "mine": f"{self.mine} items"}

    def asked(self, items):
        self.counters = {"asked": 0}
        self.mine += len(items)
        return super().asked(items)

class Remembers(Answers):
    pass
"""
COUNT, BATCH = 30, 4


def picture(number):
    return Image.fromarray(np.random.default_rng(number).integers(0, 255, (6, 4, 3), dtype=np.uint8))


IMAGES = [ImageItem(f"i{n}", picture(n)) for n in range(COUNT)]
TEXTS = [TextItem(f"t{n}", "x" * (n + 1)) for n in range(COUNT)]


@pytest.fixture
def opened(tmp_path):
    """A session of a class of ``MODELS``, with so many processes; gives it, its notes, and what was advanced."""
    path, made = tmp_path / "models.py", []
    path.write_text(MODELS.replace("FOLDER", str(tmp_path)))  # a file of equal content is imported once

    def open_session(name, count, batch_size=BATCH):
        config = make_config({"tasks": "wardrobe/image-to-image", "backends": f"{path}:{name}", "device": "cpu"})
        plugins = Plugins()
        (cell,) = make_plan(config, plugins).cells
        said = {"command": ["of a test"], "shards": count, "shard_gpus": 1}
        fields = {"config": config.model_dump(mode="json"), **said}
        notes, advanced = [], []
        shards = shard_processes(fields, tmp_path / "cache", notes.append)
        if shards is not None:
            made.append(shards)
            shards.begin(cell_key(cell))
            shards = shards.of_cell(str(cell.name), cell.options, stateless=cell.backend.stateless)
        cache = EmbeddingCache(tmp_path / f"of {count}" / FILE)
        made.append(cache)
        resources = SessionResources(cache=cache, advance=lambda number, kind: advanced.append((kind, number)))
        session = Session(
            cell.backend, lambda: plugins.hook.load_backend(spec=cell.backend, context=None),
            owner=EmbeddingOwner(identity="x"), seed=0, batch_size=batch_size, resources=resources, shards=shards,
        )  # fmt: skip
        return session, notes, advanced

    yield open_session
    for one in made:
        one.close()


def calls(tmp_path):
    """How many processes were asked, and the batches in the order of their items."""
    lines = [line.split() for line in (tmp_path / "calls").read_text().splitlines()]
    (tmp_path / "calls").unlink()
    return len({line[0] for line in lines}), sorted((name, int(size)) for _, name, size in lines)


def all_answers(session):
    with session.fold(None, Truth()) as bound:
        gallery, queries = bound.embed_sides([(IMAGES, "candidate"), ([*IMAGES[10:], *IMAGES[:3]], "query")])
        return {
            "images": gallery.tobytes() + queries.tobytes(),
            # The third batch is found in memory, once the first two are done.
            "texts": bound.embed([*TEXTS[:8], *TEXTS[2:6], *TEXTS], "query").tobytes(),
            "composed": bound.embed([ComposedItem(i.id, i.image, "y") for i in IMAGES], "query").tobytes(),
            "scores": bound.score([PairItem(t.id, t, TextItem("c", "z" * (n % 7))) for n, t in enumerate(TEXTS)]).tobytes(),
            "captions": bound.caption(IMAGES, "say"),
            "try-on": pixels(bound.try_on([TryOnItem(i.id, i.image, i.image) for i in IMAGES])),
            "try-off": pixels(bound.try_off([TryOffItem(i.id, i.image, "dress") for i in IMAGES])),
            "design": pixels(bound.design([DesignItem(i.id, i.image, "w", None) for i in IMAGES])),
            "style": pixels(bound.transfer_style([StyleTransferItem(i.id, i.image, None, "red") for i in IMAGES])),
        }  # fmt: skip


def pixels(pairs):
    return [(name, image.tobytes()) for name, image in pairs]


def vectors(path):
    with closing(sqlite3.connect(path)) as base:
        return base.execute("SELECT key, content FROM vector ORDER BY key").fetchall()


def test_one_two_and_three_processes_give_the_same_bytes_of_every_capability(opened, tmp_path):
    found = {}
    for count in (1, 2, 3):
        session, notes, advanced = opened("Everything", count)
        answers = all_answers(session)
        processes, batches = calls(tmp_path)
        assert (processes, notes) == (count, [])
        said = session.counts, session.batch_sizes, session.preprocessing, session.weights_hash, session.batch_findings
        done = {kind: sum(number for other, number in advanced if other == kind) for kind, _ in advanced}
        found[count] = answers, batches, vectors(tmp_path / f"of {count}" / FILE), said, done
    assert found[1] == found[2] == found[3]
    assert found[1][4]["caption"] == COUNT


def test_what_each_process_counts_is_added_up_and_what_each_says_otherwise_is_said_of_each(opened):
    said = {}
    for name, count in (("Everything", 1), ("Everything", 3), ("Uncounted", 1), ("Uncounted", 2)):
        session, notes, _ = opened(name, count)
        with session.fold(None, Truth()) as bound:
            bound.caption(IMAGES, "say")
        said[name, count] = session.preprocessing, notes
    assert said["Everything", 1] == said["Everything", 3]
    total = said["Uncounted", 1][0]["mine"]
    assert total == said["Everything", 1][0]["asked"]
    facts, (note,) = said["Uncounted", 2]
    assert facts["how"] == "alike"
    each = re.fullmatch(r"process 1: (\d+) items; process 2: (\d+) items", facts["mine"])
    assert f"{sum(map(int, each.groups()))} items" == total
    assert "different things of mine" in note
    assert "counters" in note


def test_batches_are_halved_alike_where_memory_runs_out(opened, tmp_path):
    found = []
    for count in (1, 3):
        session, _, _ = opened("NoMemory", count, batch_size=8)
        with session.fold(None, Truth()) as bound:
            rows = bound.embed(IMAGES, "candidate")
        found.append((rows.tobytes(), session.batch_sizes, calls(tmp_path)[1]))
    assert found[0] == found[1]
    assert found[0][1] == {"encode-image": 2}


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_of_a_model_is_its_own_and_says_where_it_was_raised(opened, count):
    session, _, _ = opened("Raises", count)
    with session.fold(None, Truth()) as bound, pytest.raises(Exception, match="a and b") as raised:
        bound.embed(IMAGES, "candidate")
    assert type(raised.value).__name__ == "OwnError"
    if count > 1:
        assert "models.py" in raised.value.trace_elsewhere


def test_of_a_process_that_dies_there_is_one_message_and_the_rest_alone_is_computed_then(opened, tmp_path):
    session, _, _ = opened("Dies", 2)
    with session.fold(None, Truth()) as bound, pytest.raises(ExecutorError, match="of the 2 that share") as lost:
        bound.embed(IMAGES, "candidate")
    assert "SIGKILL" in lost.value.message
    assert "run the same command again" in lost.value.remedy
    (tmp_path / "mended").touch()
    calls(tmp_path)
    session, _, _ = opened("Dies", 2)
    with session.fold(None, Truth()) as bound:
        bound.embed(IMAGES, "candidate")
    assert (session.counts.items, session.counts.cached) == (COUNT, 20)


def test_what_has_learnt_is_handed_over_and_what_cannot_travel_or_remembers_is_said(opened, tmp_path):
    training = TrainingData("all", pairs=[Pair(i, t, t.text) for i, t in zip(IMAGES[:5], TEXTS, strict=False)])
    found = {}
    for name, count in (("Learns", 1), ("Learns", 2), ("CannotTravel", 2), ("Remembers", 2)):
        session, notes, _ = opened(name, count)
        with session.fold(training if name != "Remembers" else None, Truth()) as bound:
            found[name, count] = bound.caption(IMAGES, "")
        found["notes", name, count] = notes
        found["processes", name, count] = calls(tmp_path)[0]
    assert found["Learns", 1] == found["Learns", 2] == found["CannotTravel", 2]
    assert [found["processes", "Learns", 2], found["processes", "CannotTravel", 2]] == [2, 1]
    assert found["notes", "Learns", 2] == []
    assert "answered by one process: what it has learnt cannot be sent" in found["notes", "CannotTravel", 2][0]
    assert "stateless" in found["notes", "Remembers", 2][0]


@pytest.mark.acceptance
def test_records_of_cells_that_are_shared_are_those_of_one_process(tmp_path, pytestconfig):
    tasks = ["wardrobe/image-to-image", "atelier/fashion-iq-original", "atelier/fashiongen-captioning",
             "atelier/viton-hd-unpaired", "atelier/mgd-paired"]  # fmt: skip
    backends = ["control/random", "control/oracle", "control/random-caption", "control/copy-person"]
    config = {
        "tasks": tasks, "backends": backends, "limit": 11, "batch_size": 3, "device": "cpu",
        "data": {"atelier": str(cached_twin(pytestconfig))},
    }  # fmt: skip
    stores = []
    for count in (1, 2, 3):
        store = Store(tmp_path / str(count))
        executor = {"id": "local", "options": {"shards": count}}
        records = api.run({**config, "executor": executor}, store=store, plugins=Plugins(strict=True))
        assert {record.error for record in records} == {None}
        stores.append(store)
    one, two, three = map(timeless_store, stores)
    assert one == two == three
    assert len({record["task"]["id"] for record in one.values()}) == len(tasks)
