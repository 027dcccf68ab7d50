from __future__ import annotations

import json
import signal

import pytest
import toy_plugin
import yaml
from PIL import Image

from fashionbench import api
from fashionbench.errors import ConfigError, UnknownNameError
from fashionbench.plugins.hookspecs import hookimpl
from fashionbench.plugins.origin import Origin
from fashionbench.runner.config import load_config, make_config
from fashionbench.runner.driver import Runner
from fashionbench.runner.plan import make_plan


def run(plugins, store, *backends, task="toy/squares", **more):
    return api.run({"tasks": task, "backends": list(backends), **more}, plugins=plugins, store=store)


def test_a_perfect_backend_is_perfect_and_its_record_is_whole(plugins, store):
    record = run(plugins, store, "toy/colour")[0]
    assert record.status == "ok"
    assert record.metric("hit@1").value == 1.0
    # Of eight hits in eight the Wilson interval begins at n / (n + z²).
    assert record.metric("hit@1").interval == pytest.approx((8 / (8 + 1.959964**2), 1.0))
    assert record.metric("median-rank").interval is None
    assert "one value, 1" in record.metric("median-rank").interval_method
    assert record.metric("median-rank").value == 1.0
    assert record.task.provider.startswith("unknown")
    assert record.dataset.sizes == {"queries": 8, "gallery": 8}
    assert record.backend.options == {"shade": 1}
    assert record.cost.items == 16
    assert record.decoding.batch_sizes == {"encode-image": 32, "encode-text": 32}
    table = store.read_predictions(record.predictions)
    assert table.column("query_id").to_pylist()[0] == "image-red"
    assert table.column("top_ids").to_pylist()[0][0] == "text-red"


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        ("toy/nan", ["NaN", "image-blue"]),
        ("toy/short", ["7 rows for 8 items", "image-red"]),
        ("toy/flat", ["shape (8,)", "image-red"]),
        ("toy/mutates", ["changed its input", "image-pink"]),
        ("toy/raises", ["a bug in a model"]),
        ("toy/lies", ["no method encode_images"]),
        ("toy/needy", ["needs no_such_package"]),
    ],
)
def test_a_broken_backend_is_an_error_cell_that_names_the_items(plugins, store, backend, words):
    records = run(plugins, store, backend, "toy/colour")
    assert [record.status for record in records] == ["error", "ok"]
    error = records[0].error
    for word in words:
        assert word in error.message
    assert records[0].metrics == ()
    assert not any(other in error.message for other in ["image-black"]) or backend in {"toy/short", "toy/flat"}
    assert store.scan().records[0].error == error


def test_the_remedy_of_a_missing_package_names_the_extra(plugins, store):
    assert run(plugins, store, "toy/needy")[0].error.remedy == 'pip install "fashionbench[pocket]"'


def test_a_bug_leaves_a_traceback_without_machine_paths(plugins, store):
    trace = run(plugins, store, "toy/raises")[0].error.traceback
    assert "toy_plugin.py" in trace
    assert not trace.startswith("/")


def test_a_task_that_cannot_be_opened_fails_alone(plugins, store):
    records = run(plugins, store, "toy/colour", task=["toy/broken", "toy/squares"])
    assert [record.status for record in records] == ["error", "ok"]
    assert records[0].dataset is None
    assert "cannot be opened" in records[0].error.message


def test_a_cell_is_reused_until_something_that_decides_the_number_changes(plugins, store):
    first = run(plugins, store, "toy/colour")[0]
    assert run(plugins, store, "toy/colour")[0] == first
    shaded = run(plugins, store, {"id": "toy/colour", "options": {"shade": 2}})[0]
    seeded = run(plugins, store, "toy/colour", seeds=[1])[0]
    limited = run(plugins, store, "toy/colour", limit=3)[0]
    assert len({r.cell for r in (first, shaded, seeded, limited)}) == 4


def test_a_failed_cell_is_tried_again_and_superseded(plugins, store, monkeypatch):
    failed = run(plugins, store, "toy/raises")[0]
    monkeypatch.setattr(toy_plugin, "Raises", toy_plugin.Colour)
    mended = run(plugins, store, "toy/raises")[0]
    assert mended.status == "ok"
    assert mended.supersedes == failed.record_id


def test_a_limited_run_is_partial(plugins, store):
    record = run(plugins, store, "toy/colour", limit=3)[0]
    assert record.status == "partial"
    assert record.metric("hit@1").n == 3
    assert record.decoding.limit == 3


def test_batch_size_changes_nothing_but_itself(plugins, store):
    whole = run(plugins, store, "toy/colour")[0]
    single = api.run(
        {"tasks": ["toy/squares"], "backends": ["toy/colour"], "batch_size": 1, "embedding_cache": False},
        plugins=plugins, store=store, rerun=True,
    )[0]  # fmt: skip
    assert single.metrics == whole.metrics
    assert single.decoding.batch_sizes == {"encode-image": 1, "encode-text": 1}


def test_a_batch_that_does_not_fit_is_halved(plugins, store):
    toy_plugin.Greedy.seen.clear()
    record = run(plugins, store, "toy/greedy")[0]
    assert record.status == "ok"
    assert toy_plugin.Greedy.seen == [8, 4, 2, 2, 2, 2, 2]  # the last to compare with another batch
    assert record.decoding.batch_sizes["encode-image"] == 2


def test_embeddings_come_from_the_cache_the_second_time(plugins, store):
    toy_plugin.Counting.calls.clear()
    first = run(plugins, store, "toy/counting")[0]
    again = api.run({"tasks": ["toy/squares"], "backends": ["toy/counting"]}, plugins=plugins, store=store, rerun=True)[
        0
    ]
    assert toy_plugin.Counting.calls == [8, 3]  # three of them again, in another batch
    assert (first.decoding.cached, again.decoding.cached) == (0, 16)
    assert again.metrics == first.metrics
    # Another backend with the same vectors must not be served from it.
    assert run(plugins, store, "toy/colour")[0].decoding.cached == 0


def test_a_damaged_cache_is_put_aside(plugins, store):
    run(plugins, store, "toy/colour")
    path = store.cache / "embeddings.sqlite"
    for leftover in store.cache.glob("embeddings.sqlite-*"):
        leftover.unlink()
    path.write_bytes(b"this is no database" * 100)
    record = api.run({"tasks": ["toy/squares"], "backends": ["toy/colour"]}, plugins=plugins, store=store, rerun=True)[
        0
    ]
    assert record.status == "ok"
    assert path.with_suffix(".damaged").is_file()


def test_a_backend_that_fits_is_given_the_training_part(plugins, store, tmp_path):
    toy_plugin.Learner.learnt.clear()
    record = run(plugins, store, "toy/learner", seeds=[7])[0]
    assert toy_plugin.Learner.learnt == [("all", 8, 7)]
    assert record.backend.training_data[0].dataset == "toy-squares"
    data = tmp_path / "folder"
    data.mkdir()
    for name in toy_plugin.COLOURS:
        Image.new("RGB", (4, 4), toy_plugin.COLOURS[name]).save(data / f"{name}.png")
    failed = run(plugins, store, "toy/learner", task="toy/folder", data={"toy-folder": str(data)})[0]
    assert "this task has none" in failed.error.message


def test_what_a_backend_cannot_do_is_a_gap(plugins):
    config = make_config({"tasks": "toy/squares", "backends": ["toy/blind", "toy/colour"]})
    plan = make_plan(config, plugins)
    assert [cell.backend.id for cell in plan.cells] == ["toy/colour"]
    assert plan.not_applicable[0].reason == "it cannot encode-image + encode-text"
    with pytest.raises(ConfigError, match="nothing to run"):
        make_plan(make_config({"tasks": "toy/squares", "backends": "toy/blind"}), plugins)


def test_patterns_and_repetitions(plugins):
    config = make_config(
        {"tasks": ["toy/sq*", "toy/squares"], "backends": ["toy/colo*", "toy/colour"], "seeds": [0, 1]}
    )
    assert [(c.backend.id, c.seed) for c in make_plan(config, plugins).cells] == [("toy/colour", 0), ("toy/colour", 1)]


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"tasks": "toy/squars", "backends": "toy/colour"}, UnknownNameError, "did you mean toy/squares"),
        ({"tasks": "toy/squares", "backends": "toy/color"}, UnknownNameError, "did you mean toy/colour"),
        (
            {"tasks": "toy/squares", "backends": {"id": "toy/colour", "options": {"hue": 1}}},
            ConfigError,
            "no option hue",
        ),
    ],
)
def test_wrong_names_are_answered(plugins, fields, error, words):
    with pytest.raises(error, match=words):
        make_plan(make_config(fields), plugins)


@pytest.mark.parametrize("fields", [{}, {"tasks": "a"}, {"tasks": "a", "backends": "b", "limt": 3}, {"limit": 0}])
def test_a_wrong_configuration_names_its_fields(fields):
    with pytest.raises(ConfigError, match="is not a run"):
        make_config(fields)


def test_configurations_come_from_files_and_boards(plugins, tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump({"tasks": "toy/squares", "backends": "toy/colour", "batch_size": "auto"}))
    assert load_config(str(path), plugins).tasks == ("toy/squares",)
    board = load_config("toy", plugins)
    assert (board.tasks, board.board) == (("toy/squares",), "toy")
    for content in ("- a", "tasks: [", "tasks: !!python/object/apply:os.system ['x']"):
        path.write_text(content)
        with pytest.raises(ConfigError):
            load_config(str(path), plugins)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(str(tmp_path / "absent.yaml"), plugins)
    with pytest.raises(UnknownNameError, match="did you mean quickstart"):
        load_config("quikstart", plugins)


def test_a_dry_run_says_what_would_happen(plugins, store):
    config = make_config({"tasks": ["toy/squares", "toy/broken"], "backends": "toy/colour"})
    runner = Runner(make_plan(config, plugins), plugins, store)
    before = list(runner.preview())
    assert [(p.items, p.reused, p.seconds) for p in before] == [(16, False, None), (None, False, None)]
    assert "cannot be opened" in before[1].problem
    assert not (store.root / "records").exists()
    runner.run()
    after = list(Runner(runner.plan, plugins, store).preview())
    assert [p.reused for p in after] == [True, False]
    assert after[0].seconds is not None


def test_missing_images_are_counted_as_misses_and_named(plugins, store, tmp_path):
    root = tmp_path / "squares"
    root.mkdir()
    for name, rgb in toy_plugin.COLOURS.items():
        Image.new("RGB", (4, 4), rgb).save(root / f"{name}.png")
    (root / "red.png").unlink()
    (root / "blue.png").write_text("no image")
    record = run(plugins, store, "toy/colour", task="toy/folder", data={"toy-folder": str(root)})[0]
    assert record.dataset.missing == ("red",)
    assert set(record.dataset.unreadable) == {"blue"}
    assert record.metric("hit@1").n == 8
    assert record.metric("hit@1").value == pytest.approx(6 / 8)
    assert any(finding.kind == "data" for finding in record.policy)


def test_plugins_are_told_what_happens(plugins, store):
    heard = []

    class Listener:
        @hookimpl
        def on_run_start(self, event):
            heard.append(("run", len(event.cells)))

        @hookimpl
        def on_cell_start(self, event):
            heard.append(("start", event.cell.backend))

        @hookimpl
        def on_cell_end(self, event):
            heard.append(("end", event.cell.backend, event.reused))

        @hookimpl
        def on_cell_error(self, event):
            heard.append(("error", event.cell.backend, str(event.error)))

        @hookimpl
        def on_run_end(self, event):
            heard.append(("over", len(event.records)))

        @hookimpl
        def check_data_policy(self, backend, dataset):
            from fashionbench.records.schema import PolicyFinding

            return [PolicyFinding(kind="licence", message=f"{backend.id} on {dataset.id}")]

        @hookimpl
        def load_backend(self, spec, context):
            return toy_plugin.Colour(context) if spec.id == "toy/lies" else None

        @hookimpl
        def open_store(self, uri):
            return store if uri == "memory:" else None

    plugins.register(Listener(), Origin("listener", "tests", "1"))
    run(plugins, store, "toy/colour")
    heard.clear()
    records = api.run(
        {"tasks": "toy/squares", "backends": ["toy/colour", "toy/raises", "toy/lies"]}, plugins=plugins, store="memory:"
    )
    assert heard == [
        ("run", 3),
        ("end", "toy/colour", True),
        ("start", "toy/raises"),
        ("error", "toy/raises", "a bug in a model"),
        ("start", "toy/lies"),
        ("end", "toy/lies", False),
        ("over", 3),
    ]
    assert records[2].status == "ok"
    assert records[2].policy[0].message == "toy/lies on toy-squares"


@pytest.mark.usefixtures("heeded_interrupts")
def test_an_interrupt_leaves_what_was_finished(plugins, store, monkeypatch):
    def interrupted(self, items, role):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(toy_plugin.Raises, "encode_images", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(plugins, store, "toy/colour", "toy/raises")
    assert [record.backend.id for record in store.scan().records] == ["toy/colour"]
    assert json.dumps([f.message for f in store.scan().faults]) == "[]"
