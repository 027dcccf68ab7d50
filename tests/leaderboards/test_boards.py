"""The boards in the package: their columns are what tasks measure, and a board file is refused where it is none."""

from __future__ import annotations

import pytest
from cached_twin import cached_twin

from fashionbench import api
from fashionbench.boards.of_tasks import board_of_tasks
from fashionbench.cli.main import main
from fashionbench.errors import ConfigError
from fashionbench.plugins.manager import Plugins
from fashionbench.records.store import Store
from fashionbench.specs.board_file import read_board

BUILT_IN = Plugins(strict=True)
#: Of 100-block the small twin has no block.
SLICED = sorted(
    {column.task for board in BUILT_IN.boards for column in board.columns if column.slice != "all"}
    - {"fashiongen/100-block"}
)
#: Tasks whose twin is not Atelier's.
TWINS = dict.fromkeys(("coco-captions/karpathy-5k", "flickr30k/karpathy-1k"), "scenes/karpathy-retrieval")


@pytest.mark.parametrize("board", list(BUILT_IN.boards), ids=lambda board: board.id)
def test_each_column_is_a_metric_of_its_task_and_has_a_label_of_its_own(board):
    for column in board.columns:
        assert column.metric in BUILT_IN.tasks[column.task].metrics
    labels = [(column.group, column.label) for column in board.columns]
    assert len(set(labels)) == len(labels)
    assert all(name in BUILT_IN.backends for name in board.backends)


@pytest.mark.parametrize("family", sorted({task.kind for task in BUILT_IN.tasks}))
def test_each_family_of_tasks_has_a_board(family):
    shown = {column.task for board in BUILT_IN.boards for column in board.columns}
    assert any(BUILT_IN.tasks[task].kind == family for task in shown)


@pytest.mark.parametrize("task", [task for task in SLICED if not task.startswith(("atelier/", "scenes/"))])
def test_each_slice_is_one_that_the_task_has(task, tmp_path, pytestconfig):
    data = {"atelier": cached_twin(pytestconfig)}
    twin = TWINS.get(task, f"atelier/{task.replace('/', '-')}")
    kinds = {"virtual-try-on": "control/copy-person"}
    backend = kinds.get(BUILT_IN.tasks[task].kind, "control/random")
    fields = {"tasks": twin, "backends": backend, "data": data}
    (record,) = api.run(fields, store=Store(tmp_path), plugins=BUILT_IN)
    slices = {part.slice for part in record.metrics}
    wanted = {column.slice for board in BUILT_IN.boards for column in board.columns if column.task == task}
    assert wanted <= slices | {"all"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id: b\ntitle: b\n", "needs 'columns', or 'groups' of columns"),
        ("id: b\ntitle: b\ncolumns: [{task: t, metric: m}]\ngroups: [{title: g, columns: [{task: t, metric: m}]}]\n", "not both"),
        ("id: b\ntitle: b\ncolumns: [{task: t, metric: m, label: x}]\nsort_by: y\n", "is the label of none"),
        ("id: b\ntitle: b\ncolumns: [{task: t, metric: m, label: x}, {task: t, metric: n, label: x}]\nsort_by: x\n", "the label of 2"),
        ("id: b\ntitle: b\ncolumns: [{task: t, metric: m}]\nsort_by: 1\n", "sorts by column 1, and the last is 0"),
        ("id: b\ntitle: b\ncolumns: [{task: t, metric: m}]\nsort_by: -1\n", "sorts by column -1"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_board_is_refused(tmp_path, text, said):
    path = tmp_path / "board.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_board(path)


def test_groups_and_the_label_to_sort_by_are_read(tmp_path):
    path = tmp_path / "board.yaml"
    path.write_text(
        "id: b\ntitle: b\nsort_by: two\nbase: x\ngroups:\n"
        "  - {title: one, columns: [{task: t, metric: m, label: one}]}\n"
        "  - {title: two, columns: [{task: t, metric: n, label: two}]}\n"
    )
    board = read_board(path)
    assert [(column.group, column.metric) for column in board.columns] == [("one", "m"), ("two", "n")]
    assert (board.sort_by, board.base) == (1, "x")


def test_a_run_that_names_no_board_ends_with_one(tmp_path, capsys):
    run = ["run", "--task", "wardrobe/image-to-image", "--backend", "control/random", "--store", str(tmp_path)]
    assert main(run) == 0
    out = capsys.readouterr().out
    main_metric = BUILT_IN.tasks["wardrobe/image-to-image"].main_metric
    assert f"{main_metric} ↑" in out
    assert (tmp_path / "boards" / "run.html").is_file()


def test_the_board_of_a_run_begins_with_the_main_metric():
    tasks = [BUILT_IN.tasks["fashion-iq/original"], BUILT_IN.tasks["mgd/paired"]]
    board = board_of_tasks(tasks)
    assert [board.columns[0].metric, board.columns[5].metric] == [task.main_metric for task in tasks]


def test_an_error_of_several_cells_is_said_once_with_what_to_do(tmp_path, capsys):
    run = ["run", "--task", "fashion-iq/original", "--task", "fashion-iq/val-union", "--backend", "control/random"]
    assert main([*run, "--store", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert out.count("the data set fashion-iq was not found") == 1
    assert out.count("try: ") == 1


def test_a_board_that_asks_for_it_says_in_how_many_columns_a_row_was_measured(tmp_path):
    api.run({"tasks": "wardrobe/image-to-image", "backends": "control/random"}, store=Store(tmp_path), plugins=BUILT_IN)
    api.run({"tasks": "wardrobe/text-to-image", "backends": "control/random"}, store=Store(tmp_path), plugins=BUILT_IN)
    (table,) = api.make_board("overview", store=tmp_path, plugins=BUILT_IN).tables
    assert [row.coverage for row in table.rows] == ["1 of 12"]
    assert "1 of 12 columns" in api.render_board(api.make_board("overview", store=tmp_path), "markdown")


def test_a_slice_that_a_task_has_not_is_said_with_those_that_it_has(tmp_path):
    api.run({"tasks": "wardrobe/image-to-image", "backends": "control/random"}, store=Store(tmp_path), plugins=BUILT_IN)
    path = tmp_path / "board.yaml"
    path.write_text("id: b\ntitle: b\ncolumns: [{task: wardrobe/image-to-image, metric: mrr, slice: nope}]\n")
    ((row,),) = [table.rows for table in api.make_board(path, store=tmp_path).tables]
    assert row.values[0].reason == "no slice nope; there are all, fluent, noto, twemoji"
