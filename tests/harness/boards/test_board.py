from __future__ import annotations

import dataclasses

import pytest
import toy_plugin
from hypothesis import given
from hypothesis import strategies as st

from fashionbench import Board, api
from fashionbench.errors import ConfigError
from fashionbench.specs.board_file import read_board

RUN = {"tasks": "toy/squares", "backends": ["toy/colour", "toy/raises"]}


@pytest.fixture
def board_of(plugins, store):
    return lambda: Board.of(plugins.boards["toy"], store, plugins)


def relabelled(record, **changes):
    """The same record, measured by another protocol."""
    card = record.card.replace(**changes)
    protocol = record.protocol.model_copy(update={"hash": card.hash, "card": card.fields})
    return record.model_copy(update={"protocol": protocol, "cell": "x", "supersedes": None})


def test_values_and_errors(plugins, store, board_of):
    api.run(RUN, plugins=plugins, store=store)
    board = board_of()
    assert board.complete
    assert len(board.tables) == 1
    rows = {row.backend: row for row in board.tables[0].rows}
    assert rows["toy/colour"].values[0].value == 1.0
    assert rows["toy/raises"].values[0].value is None
    assert rows["toy/raises"].values[0].reason == "error: ZeroDivisionError: a bug in a model"
    assert [row.backend for row in board.tables[0].rows] == ["toy/colour", "toy/raises"]


def test_another_protocol_gets_a_table_of_its_own_that_says_why(plugins, store, board_of):
    record = api.run(RUN, plugins=plugins, store=store)[0]
    store.add(relabelled(record, gallery="half", tie_rule="optimistic"))
    main, other = board_of().tables
    assert main.heads[0].signature.protocol == plugins.tasks["toy/squares"].protocol.hash
    assert [row.backend for row in other.rows] == ["toy/colour"]
    assert "gallery: 'half' here, None there" in other.note
    assert "tie_rule: 'optimistic' here, 'expected' there" in other.note


def test_other_data_and_other_implementations_are_kept_apart(plugins, store, board_of):
    record = api.run(RUN | {"backends": ["toy/colour", "toy/greedy"]}, plugins=plugins, store=store)[0]
    data = record.dataset.model_copy(update={"fingerprint": "sha256:" + "1" * 64})
    store.add(record.model_copy(update={"dataset": data, "cell": "x"}))
    assert "other data" in board_of().tables[1].note
    metrics = tuple(m.model_copy(update={"implementation": f"rival.{m.id}/1"}) for m in record.metrics)
    backend = record.backend.model_copy(update={"id": "toy/rival"})
    store.add(record.model_copy(update={"metrics": metrics, "cell": "y", "backend": backend}))
    main, *others = board_of().tables
    assert [row.backend for row in main.rows if row.values[0].value is not None] == ["toy/colour", "toy/greedy"]
    assert next(r for r in main.rows if r.backend == "toy/rival").values[0].reason == "measured otherwise: see below"
    assert {(table.rows[0].backend, table.note.rpartition(": ")[2]) for table in others} == {
        ("toy/colour", "other data (fingerprint differs)"),
        ("toy/rival", "other metric implementation"),
    }


@pytest.mark.parametrize("column", [0, 1])
def test_one_metric_with_the_weights_of_two_networks_is_two_metrics(plugins, store, board_of, column):
    record = api.run(RUN | {"backends": ["toy/colour"]}, plugins=plugins, store=store)[0]
    measured = plugins.boards["toy"].columns[column].metric

    def measured_with(weights, backend, cell):
        metrics = [
            m.model_copy(update={"implementation": f"{m.implementation}@{weights}"}) if m.id == measured else m
            for m in record.metrics
        ]
        named = record.backend.model_copy(update={"id": backend})
        store.add(record.model_copy(update={"metrics": tuple(metrics), "cell": cell, "backend": named}))

    for backend, weights in (("toy/a", "sha256:1"), ("toy/b", "sha256:1"), ("toy/c", "sha256:2")):
        measured_with(weights, backend, backend)
    main, *others = board_of().tables
    assert {r.backend for r in main.rows if r.values[column].value is not None} == {"toy/a", "toy/b"}
    notes = {table.rows[0].backend: table.note.rpartition(": ")[2] for table in others}
    assert notes == {
        "toy/c": "other weights of the network that measures",
        "toy/colour": "other metric implementation",
    }


@given(st.permutations(range(4)))
def test_the_order_of_records_does_not_matter(order):
    plugins, records = _prepared()
    spec = plugins.boards["toy"]
    assert Board.build(spec, [records[i] for i in order], plugins) == Board.build(spec, records, plugins)


_CACHE = {}


def _prepared():
    if not _CACHE:
        import tempfile
        from importlib.metadata import EntryPoint, entry_points

        from fashionbench.plugins.manager import Plugins

        points = [*entry_points(group="fashionbench"), EntryPoint("toy", "toy_plugin", "fashionbench")]
        plugins = Plugins(points=points)
        with tempfile.TemporaryDirectory() as folder:
            records = api.run(RUN | {"seeds": [0, 1]}, plugins=plugins, store=folder)
        _CACHE.update(plugins=plugins, records=[*records])
    return _CACHE["plugins"], _CACHE["records"]


def test_seeds_are_averaged_and_keep_the_sampling_interval_beside_their_deviation(plugins, store, board_of):
    records = api.run(RUN | {"seeds": [0, 1]}, plugins=plugins, store=store)
    for record, value, interval in zip(records[:2], (1.0, 0.5), ((0.7, 1.0), (0.2, 0.9)), strict=True):
        first = record.metrics[0].model_copy(update={"value": value, "interval": interval})
        changed = {"metrics": (first, *record.metrics[1:]), "supersedes": record.record_id}
        store.add(record.model_copy(update=changed))
    value = next(row for row in board_of().tables[0].rows if row.backend == "toy/colour").values[0]
    assert (value.value, value.seeds, value.n) == (0.75, 2, 8)
    assert value.sd_over_seeds == pytest.approx(0.3535533905932738)
    assert value.interval == pytest.approx((0.45, 0.95))


def test_a_seed_without_an_interval_leaves_the_mean_without_one(plugins, store, board_of):
    records = api.run(RUN | {"seeds": [0, 1], "backends": ["toy/colour"]}, plugins=plugins, store=store)
    first = records[1].metrics[0].model_copy(update={"interval": None, "interval_method": "none: for a reason"})
    changed = {"metrics": (first, *records[1].metrics[1:]), "supersedes": records[1].record_id}
    store.add(records[1].model_copy(update=changed))
    (row,) = board_of().tables[0].rows
    assert row.values[0].interval is None
    assert "none: for a reason" in row.values[0].method


def test_options_tell_rows_apart(plugins, store, board_of):
    backends = ["toy/colour", {"id": "toy/colour", "options": {"shade": 2}}]
    api.run({"tasks": "toy/squares", "backends": backends}, plugins=plugins, store=store)
    assert sorted(row.label for row in board_of().tables[0].rows) == ["toy/colour (shade=1)", "toy/colour (shade=2)"]


def test_a_success_replaces_an_error(plugins, store, board_of, monkeypatch):
    api.run(RUN, plugins=plugins, store=store)
    monkeypatch.setattr(toy_plugin, "Raises", toy_plugin.Colour)
    api.run(RUN, plugins=plugins, store=store)
    assert all(value.value is not None for row in board_of().tables[0].rows for value in row.values)


def test_marks(plugins, store, board_of):
    api.run(RUN | {"limit": 2, "backends": ["toy/colour"]}, plugins=plugins, store=store)
    assert "partial" in board_of().tables[0].rows[0].marks


def test_damaged_files_are_named_and_the_rest_is_shown(plugins, store, board_of):
    records = api.run(RUN | {"backends": ["toy/colour", "toy/greedy", "toy/counting"]}, plugins=plugins, store=store)
    damaged = store.root / "predictions" / f"{records[0].predictions.sha256}.parquet"
    damaged.write_bytes(b"?")
    path = next((store.root / "records" / "toy__squares" / "toy__greedy").iterdir())
    path.write_text("{")
    board = board_of()
    assert not board.complete
    assert {fault.path for fault in board.faults} == {path, damaged}


def test_what_was_never_run_and_what_cannot_be_run(plugins, store):
    api.run({"tasks": "wardrobe/image-to-image", "backends": ["control/constant"]}, plugins=plugins, store=store)
    spec = plugins.boards["quickstart"]
    board = Board.of(spec, store, plugins)
    reasons = {value.reason for value in board.tables[0].rows[0].values if value.value is None}
    assert reasons == {"not run"}


def test_groups_of_columns_make_tables_that_leave_out_rows_without_anything_to_say(plugins, store):
    backends = ["control/constant", "control/random", "baseline/colour-histogram"]
    api.run({"tasks": ["wardrobe/*"], "backends": backends}, plugins=plugins, store=store)
    spec = plugins.boards["quickstart"]
    chosen = [c for c in spec.columns if c.task.startswith("wardrobe/") and c.metric.endswith("@5")]
    columns = tuple(
        dataclasses.replace(
            column, group="images" if column.task.endswith("-to-image") and "hit" in column.metric else "texts"
        )
        for column in chosen
    )
    board = Board.of(dataclasses.replace(spec, columns=columns, sort_by=1), store, plugins)
    assert [table.title for table in board.tables] == ["texts", "images"]
    assert [{row.backend for row in table.rows} for table in board.tables] == [set(backends[:2]), set(backends)]
    assert [len(table.heads) for table in board.tables] == [2, 1]


def test_a_board_of_unknown_tasks_is_refused(plugins, store):
    spec = plugins.boards["toy"]
    strange = dataclasses.replace(spec, columns=(dataclasses.replace(spec.columns[0], task="no/such"),))
    with pytest.raises(ConfigError, match="no/such"):
        Board.of(strange, store, plugins)


def test_a_column_of_a_metric_that_its_task_never_has_is_an_error_with_the_names_that_it_has(plugins, store, board_of):
    spec = plugins.boards["toy"]
    strange = dataclasses.replace(spec, columns=(dataclasses.replace(spec.columns[0], metric="hit@7"),))
    for name in ("hit@7", "hti@1"):
        wrong = dataclasses.replace(strange, columns=(dataclasses.replace(spec.columns[0], metric=name),))
        with pytest.raises(ConfigError, match=f"toy/squares never measures '{name}'") as caught:
            Board.of(wrong, store, plugins)
        assert "hit@1, recall@5, mrr, median-rank, map@10" in caught.value.remedy
    # What was computed on top is there to be shown.
    api.run(RUN, plugins=plugins, store=store)
    api.rescore(store, metrics=["hit@7"], plugins=plugins, say=lambda text: None)
    values = {row.backend: row.values[0].value for row in Board.of(strange, store, plugins).tables[0].rows}
    assert values["toy/colour"] == 1.0


BOARD = """
id: mine
title: Mine
columns:
  - {task: toy/squares, metric: hit@1}
"""


def test_boards_are_read_from_yaml(tmp_path):
    path = tmp_path / "board.yaml"
    path.write_text(BOARD)
    board = read_board(path)
    assert (board.id, board.summary, board.seeds, board.columns[0].slice) == ("mine", "Mine", (0,), "all")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("title: Mine", "titel: Mine"), "titel"),
        (("metric: hit@1", "metrics: hit@1"), "columns.0.metric"),
        (("id: mine", "id: mine\nsort_by: 3"), "sorts by column 3"),
        (("id: mine", "id: [mine"), "is not YAML"),
    ],
)
def test_a_wrong_board_file_names_the_field(tmp_path, change, words):
    path = tmp_path / "board.yaml"
    path.write_text(BOARD.replace(*change))
    with pytest.raises(ConfigError, match=words):
        read_board(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_board(tmp_path / "absent.yaml")


def _git(record, **state):
    from fashionbench.records.provenance import CodeState, GitState

    git = GitState(commit="abc", dirty=True) if state.get("dirty") else None
    code = CodeState(package="mine", version=state.get("version", ""), git=git)
    return {"provenance": record.provenance.model_copy(update={"code": (code,)})}


def _dataset(record, **changes):
    return {"dataset": record.dataset.model_copy(update=changes)}


def _policy(kind):
    from fashionbench.records.schema import PolicyFinding

    return {"policy": (PolicyFinding(kind=kind, message="x"),)}


@pytest.mark.parametrize(
    ("change", "mark"),
    [
        (lambda r: _git(r, dirty=True, version="1"), "dirty"),
        (_git, "unversioned"),
        (lambda r: {"backend": r.backend.model_copy(update={"privileged": True})}, "privileged"),
        (lambda r: _dataset(r, missing=("a",)), "incomplete-data"),
        (lambda r: _dataset(r, unreadable={"a": "OSError"}), "incomplete-data"),
        (lambda r: _dataset(r, synthetic=True), "synthetic"),
        (lambda r: _policy("contamination"), "contaminated"),
        (lambda r: _git(r, version="1") | _policy("licence"), None),
    ],
)
def test_each_mark_says_what_a_reader_must_know(plugins, store, board_of, change, mark):
    record = api.run({"tasks": "toy/squares", "backends": "toy/colour"}, plugins=plugins, store=store)[0]
    # Of a package with a version and without a work tree, so that this checkout's own state is no part of the test.
    sound = record.model_copy(update=_git(record, version="1"))
    store.add(sound.model_copy(update={**change(sound), "supersedes": record.record_id}))
    (row,) = board_of().tables[0].rows
    assert row.marks == ((mark,) if mark else ())


def test_a_rescoring_by_changed_code_marks_the_row(plugins, store, board_of):
    from fashionbench.records.provenance import CodeState, GitState
    from fashionbench.records.schema import RescoringPart

    record = api.run({"tasks": "toy/squares", "backends": "toy/colour"}, plugins=plugins, store=store)[0]
    code = (CodeState(package="mine", version="1", git=GitState(commit="abc", dirty=True)),)
    part = RescoringPart(record=record.record_id, time="2026-01-01", metrics=("hit@1",), code=code)
    sound = record.model_copy(update=_git(record, version="1"))
    store.add(sound.model_copy(update={"rescored": part, "supersedes": record.record_id}))
    assert board_of().tables[0].rows[0].marks == ("dirty",)


def test_a_distance_that_is_biased_at_its_n_is_marked(plugins, store, board_of):
    record = api.run(RUN | {"backends": ["toy/colour"]}, plugins=plugins, store=store)[0]
    measured = {column.metric for column in plugins.boards["toy"].columns}
    for below, marked in ((8, False), (9, True)):
        metrics = tuple(m.model_copy(update={"biased_below": below if m.id in measured else 0}) for m in record.metrics)
        record = store.add(record.model_copy(update={"metrics": metrics, "supersedes": record.record_id}))
        assert {m.n for m in metrics if m.id in measured} == {8}
        assert [("few-images" in row.marks) for row in board_of().tables[0].rows] == [marked]


def test_a_board_says_over_how_many_items_its_values_are(plugins, store, board_of):
    from fashionbench.boards.text import how_measured

    api.run(RUN | {"backends": ["toy/colour"]}, plugins=plugins, store=store)
    (line,) = how_measured(board_of())
    assert line.startswith("toy/squares: protocol ")
    assert line.endswith(", n 8")
