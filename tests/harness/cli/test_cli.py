from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from fashionbench.cli.main import main

HEAVY = ("torch", "transformers", "diffusers", "torchmetrics", "pandas", "pyarrow", "scipy", "PIL", "numpy")


def test_a_run_ends_in_a_table_and_the_path_of_an_html_board(cli, tmp_path):
    code, out, err = cli("run", "toy")
    assert code == 0
    assert "100.0" in out
    assert "board: results/boards/toy.html" in out
    assert (tmp_path / "results" / "boards" / "toy.html").is_file()
    assert "[1/1] toy/squares × toy/colour: done" in err
    assert "reused" in cli("run", "toy")[2]


def test_flags_are_a_run(cli):
    code, out, _ = cli("run", "--task", "toy/sq*", "--backend", "toy/colour", "--seed", "3", "--limit", "2", "--json")
    record = json.loads(out)[0]
    assert code == 0
    assert record["decoding"] == record["decoding"] | {"seed": 3, "limit": 2}
    code, out, _ = cli("run", "--task", "toy/squares", "--backend", "toy/colour", "--store", "elsewhere")
    assert re.search(r"toy/colour.* 100\.00 .*n = 8", out)
    assert "records: elsewhere" in out


def test_a_failed_cell_is_exit_code_1(cli):
    code, out, err = cli("run", "--task", "toy/squares", "--backend", "toy/nan", "--backend", "toy/colour")
    assert code == 1
    assert "FAILED: encode_images returned NaN or infinity for image-blue" in err
    assert re.search(r"toy/colour.* 100\.00 .*n = 8", out), "what went well is shown beside what failed"


def test_a_dry_run_runs_nothing(cli, tmp_path):
    code, out, _ = cli("run", "toy", "--backend", "toy/colour", "--backend", "toy/blind", "--dry-run")
    assert code == 0
    assert "1 cell, 1 to run" in out
    assert "left out: toy/blind on toy/squares: it cannot encode-image + encode-text" in out
    assert not (tmp_path / "results").exists()
    planned = json.loads(cli("run", "toy", "--dry-run", "--json")[1])
    assert planned["cells"][0]["reused"] is False


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "quikstart"], "did you mean quickstart"),
        (["run"], "quickstart, style-transfer, toy"),
        (["run", "--task", "toy/squares", "--backend", "toy/color"], "did you mean toy/colour"),
        (["run", "toy", "--data", "toy-squares"], "NAME=VALUE"),
        (["run", "toy", "--data", "toy-squarez=x"], "did you mean toy-squares"),
        (["show", "hit@1k"], "unknown name"),
        (["board", "toy", "--format", "pdf"], "unknown reporter"),
        (["records", "show", "abc"], "0 records"),
        (["records", "show", "12"], "'fashionbench records list'"),
        (["run", "--task", "toy/squars", "--backend", "toy/colour"], "'fashionbench list tasks'"),
        (["rum"], "Did you mean 'run'"),
        (["list", "task"], "is not one of"),
        (["run", "toy", "--limit", "0"], "0 is not in the range"),
    ],
)
def test_mistakes_get_an_answer_and_no_traceback(cli, words, told, tmp_path):
    (tmp_path / "results").mkdir()
    code, out, err = cli(*words)
    assert code == 2
    assert told in err
    assert "Traceback" not in out + err


@pytest.mark.parametrize("kind", ["tasks", "datasets", "backends", "metrics", "boards"])
def test_everything_is_listed(cli, kind):
    code, out, _ = cli("list", kind, "--json")
    names = {row["id"] for row in json.loads(out)}
    expected = {
        "tasks": "wardrobe/text-to-image",
        "datasets": "wardrobe-emoji",
        "backends": "control/oracle",
        "metrics": "hit@k",
        "boards": "quickstart",
    }
    assert code == 0
    assert expected[kind] in names
    assert expected[kind] in cli("list", kind)[1]


def test_a_task_is_shown_with_card_and_hash(cli, plugins):
    card = plugins.tasks["wardrobe/text-to-image"].protocol
    shown = json.loads(cli("show", "wardrobe/text-to-image", "--json")[1])
    assert shown["protocol hash"] == card.hash
    assert shown["protocol card"] == card.fields
    assert card.hash in cli("show", "wardrobe/text-to-image")[1]
    for name in ("wardrobe-emoji", "control/random", "hit@k", "quickstart"):
        assert name in cli("show", name)[1]


@pytest.mark.parametrize("format_", ["markdown", "html", "csv", "json"])
def test_boards_are_written_in_every_format(cli, tmp_path, format_):
    cli("run", "toy")
    code, out, _ = cli("board", "toy", "--format", format_)
    assert code == 0
    assert "toy/colour" in out
    suffix = {"markdown": "md"}.get(format_, format_)
    assert "wrote" in cli("board", "toy", "--output", f"x.{suffix}")[1]
    assert (tmp_path / f"x.{suffix}").read_text() == out


@pytest.mark.parametrize("name", ["b.xyz", "b.tar", "b"])
def test_a_file_whose_suffix_is_of_no_format_is_not_written(cli, tmp_path, name):
    cli("run", "toy")
    study = tmp_path / "study.yaml"
    study.write_text(
        "id: s\nbase: {backend: toy/colour}\ntasks: [toy/squares]\nseeds: [9]\n"
        "axes: {system: {backend: [control/random]}}\n"
    )
    compared = ["compare", "toy/colour", "toy/colour", "--output"]
    ablated = ["ablate", str(study), "--output"]
    for words, known in (
        (["board", "toy", "--output"], ".csv, .html, .json, .md, .tex"),
        (compared, ".html, .json, .md, .tex"),
        (ablated, ".html, .json, .md"),
    ):
        code, _, err = cli(*words, name)
        assert code == 2
        assert f"--output {name}" in err
        assert known in err
        assert not (tmp_path / name).exists()
    assert len(json.loads(cli("records", "list", "--json")[1])) == 1
    assert cli(*compared, "c.csv")[0] == 2
    assert cli(*compared, name, "--format", "markdown")[0] == cli("board", "toy", "--output", "B.MD")[0] == 0


def test_an_incomplete_board_is_exit_code_1(cli, tmp_path):
    cli("run", "toy")
    next((tmp_path / "results" / "records").rglob("*.json")).write_text("{")
    code, _, err = cli("board", "toy")
    assert code == 1
    assert "incomplete: results/records/toy__squares/toy__colour" in err
    code, out, _ = cli("records", "verify")
    assert code == 1
    assert "readable: 0 records; damaged: 1 file" in out


def test_records_are_listed_by_task_backend_status_and_number(cli):
    cli("run", "--task", "wardrobe/image-to-image", "--backend", "control/random", "--backend", "control/constant")

    def listed(*words):
        return [r["backend"]["id"] for r in json.loads(cli("records", "list", "--json", *words)[1])]

    assert sorted(listed()) == ["control/constant", "control/random"]
    assert listed("--backend", "control/r*") == ["control/random"]
    assert sorted(listed("--task", "wardrobe/*", "--status", "ok")) == ["control/constant", "control/random"]
    assert listed("--status", "error") == []
    assert listed("--newest", "1") == listed()[-1:]
    code, _, err = cli("records", "list", "--backend", "control/randm")
    assert code == 2
    assert "did you mean control/random" in err


def test_records_are_listed_shown_and_invalidated(cli):
    cli("run", "toy")
    record = json.loads(cli("records", "list", "--json")[1])[0]
    short = record["record_id"][7:19]
    assert short in cli("records", "list")[1]
    assert json.loads(cli("records", "show", short)[1]) == record
    assert cli("records", "verify")[0] == 0
    assert "invalidated" in cli("records", "invalidate", short, "--reason", "wrong seed")[1]
    assert short not in cli("records", "list")[1]
    assert "wrong seed" in cli("records", "list", "--all")[1]


def test_plugins_and_doctor(cli):
    rows = {row["name"]: row for row in json.loads(cli("plugins", "--json")[1])}
    assert "register_tasks" in rows["toy"]["hooks"]
    assert "register_tasks" in cli("plugins", "--tracebacks")[1]
    findings = {f["what"]: f for f in json.loads(cli("doctor", "--json")[1])}
    assert findings["data wardrobe-emoji"]["ok"]
    assert findings["plugin toy"]["ok"]
    assert "torch" in cli("doctor")[1]


def test_doctor_says_what_a_missing_package_disables(plugins, monkeypatch):
    from fashionbench.api import machine

    monkeypatch.setattr(machine, "PACKAGES", (("no-such", "no_such_package", "pocket"),))
    found = next(f for f in machine.doctor(plugins) if f.what == "no-such")
    assert not found.ok
    assert found.consequence == 'disables toy/needy; pip install "fashionbench[pocket]"'


@pytest.mark.parametrize(
    "words",
    [[], ["--help"], ["run", "--help"], ["list", "tasks"], ["list", "backends"], ["plugins"], ["show", "hit@k"]],
)
def test_nothing_heavy_is_imported_before_it_is_needed(words):
    code = f"""
import sys
from fashionbench.cli.main import main
code = main({words!r})
loaded = [name for name in {HEAVY!r} if name in sys.modules]
sys.exit(f"{{loaded}} {{code}}" if loaded else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_tasks_are_listed_where_torch_cannot_be_imported():
    code = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "transformers", "diffusers", "torchvision", "torchmetrics"}:
            raise ImportError(f"{name} is not importable here")
sys.meta_path.insert(0, Refuse())
from fashionbench.cli.main import main
sys.exit(main(["list", "tasks"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "wardrobe/image-to-text" in done.stdout


def test_the_program_is_installed_under_its_name():
    import shutil
    from pathlib import Path

    program = shutil.which("fashionbench", path=str(Path(sys.executable).parent))
    done = subprocess.run([program, "--version"], capture_output=True, text=True)
    assert done.stdout.startswith("fashionbench, version ")


def test_an_option_reaches_each_backend_that_has_it(tmp_path, capsys):
    words = ["run", "--task", "wardrobe/image-to-text", "--backend", "control/*", "--limit", "2", "--json"]
    assert main([*words, "--store", str(tmp_path), "--option", "dimension=16"]) == 0
    records = {r["backend"]["id"]: r["backend"]["options"] for r in json.loads(capsys.readouterr().out)}
    assert records["control/random"]["dimension"] == 16
    assert records["control/oracle"] != {}
    assert main([*words, "--store", str(tmp_path), "--option", "dimesion=16"]) == 2
    assert "no backend of this run has the option dimesion" in capsys.readouterr().err


def test_rescore_says_what_it_did(tmp_path, capsys):
    store = ["--store", str(tmp_path)]
    assert main(["run", "--task", "wardrobe/image-to-text", "--backend", "control/random", "--limit", "2", *store]) == 0
    capsys.readouterr()
    assert main(["rescore", str(tmp_path)]) == 0
    assert "0 records rescored" in capsys.readouterr().out


def test_rescoring_damaged_predictions_is_exit_code_1_and_one_file(tmp_path, capsys):
    store = ["--store", str(tmp_path)]
    words = ["run", "--task", "wardrobe/image-to-text", "--backend", "control/constant", "--limit", "2", *store]
    assert main(words) == 0
    assert main([*words, "--seed", "1"]) == 0  # constant at any seed, so both records share one file
    (predictions,) = (tmp_path / "predictions").glob("*.parquet")
    predictions.write_bytes(b"PAR1")
    capsys.readouterr()
    assert main(["rescore", *store, "--metric", "map@7"]) == 1
    out, err = capsys.readouterr()
    assert "0 records rescored" in out
    assert predictions.name in err
    assert main(["records", "verify", *store]) == 1
    assert "readable: 2 records; damaged: 1 file" in capsys.readouterr().out


@pytest.mark.parametrize("layout", ["{}", "groups: [{{title: One, {}}}]"])
def test_a_board_file_runs_as_it_is_and_is_shown(cli, tmp_path, layout):
    board = tmp_path / "mine.yaml"
    column = layout.format("columns: [{task: toy/squares, metric: hit@1, label: H1}]") + "\n"
    board.write_text(f"id: mine\ntitle: My squares\n{column}backends: [toy/colour]\nseeds: [3]\n")
    code, out, _ = cli("run", str(board))
    assert code == 0
    assert ("My squares" if layout == "{}" else "One") in out
    assert "H1" in out
    assert "board: results/boards/mine.html" in out
    assert [r["decoding"]["seed"] for r in json.loads(cli("records", "list", "--json")[1])] == [3]
    board.write_text(f"id: mine\ntitle: My squares\n{column}")
    code, _, err = cli("run", str(board))
    assert code == 2
    assert "names no backends to run" in err


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("{task: toy/squares, metric: hit@1}, {task: toy/squares, metric: mmr}", "never measures 'mmr'"),
        ("{task: toy/squares, metric: bleu-4}", "it has hit@1, recall@5, mrr"),
        ("{task: toy/squares, metric: hit@1}, {task: toy/squars, metric: hit@1}", "toy/squars"),
    ],
)
@pytest.mark.parametrize("flags", [[], ["--dry-run"]])
def test_a_column_that_no_record_can_fill_ends_before_the_first_cell(cli, tmp_path, column, told, flags):
    board = tmp_path / "mine.yaml"
    board.write_text(f"id: mine\ntitle: Mine\ncolumns: [{column}]\nbackends: [toy/colour]\n")
    words = ["--task", "toy/squares", "--backend", "toy/colour", "--board", str(board)]
    for run in ([str(board)], words):
        code, _, err = cli("run", *run, *flags)
        assert code == 2
        assert told in err
        assert not (tmp_path / "results" / "records").exists()


def test_a_metric_that_was_computed_afterwards_may_stand_on_a_board_that_is_run(cli, tmp_path):
    board = tmp_path / "mine.yaml"
    board.write_text("id: mine\ntitle: Mine\ncolumns: [{task: toy/squares, metric: hit@3}]\nbackends: [toy/colour]\n")
    cli("run", "--task", "toy/squares", "--backend", "toy/colour")
    assert cli("run", str(board))[0] == 2
    assert cli("rescore", "--metric", "hit@3")[0] == 0
    assert cli("run", str(board))[0] == 0


def test_what_holds_nothing_is_said_and_not_shown_as_nothing(cli, tmp_path):
    (tmp_path / "empty").mkdir()
    for words in (["board", "toy"], ["board", "toy", "--format", "html"], ["export", "bencher", "--out", "out"]):
        code, out, err = cli(*words, "--store", str(tmp_path / "empty"))
        assert code == 2, words
        assert "no record" in err
        assert out == ""
    cli("run", "toy")
    code, _, err = cli("export", "mteb", "--out", "out")
    assert "wrote nothing" in err
    code, _, err = cli("compare", "toy/colour", "toy/colour", "--task", "toy/sqares*")
    assert code == 2
    assert "of these systems: did you mean toy/squares?" in err
