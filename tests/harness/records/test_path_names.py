from __future__ import annotations

import subprocess
import sys

import pytest

from fashionbench import api
from fashionbench.cli.main import main
from fashionbench.errors import MetricError
from fashionbench.records.path_names import without_paths
from fashionbench.records.record_texts import record_with_clean_texts


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("--store /home/ada/results", "--store …/results"),
        ("--data=fashion-iq=/srv/data/fashioniq/", "--data=fashion-iq=…/fashioniq"),
        ("open('/root/.cache/hub/model.bin') failed", "open('…/model.bin') failed"),
        ("file:///home/ada/a.csv", "…/a.csv"),
        (r"C:\Users\Ada\model", "…/model"),
        (r"\\server\share\ada\model", "…/model"),
        ("~/lab/weights.pt", "…/weights.pt"),
        ("~ada/weights.pt", "…/weights.pt"),
        ("--store /home/ada", "--store ~"),
        ("/home/Ada Lovelace/my results/x.json: gone", "…/x.json: gone"),
        ("-I/home/ada/include", "-I~/include"),
        ("/home/ada and /Users/bob/x", "~ and …/x"),
        ("/root", "~"),
        (r"C:\\Users\\Ada\\model", "…/model"),
        ("/usr/bin/python3 -m fashionbench", "…/python3 -m fashionbench"),
    ],
)
def test_absolute_paths_are_cut_to_their_last_name(text, left):
    assert without_paths(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "wardrobe/text-to-image", "control/random", "https://example.org/a/b", "git@example.org:ada/repo.git", "n/a", "1/2/3",
        "tasks/fashionbench_tasks/wardrobe", "results/today", "and/or", "MIT / Apache-2.0", "5 w / 3 t / 2 l", "../up/and/away",
    ],
)  # fmt: skip
def test_ids_addresses_and_relative_paths_stay(text):
    assert without_paths(text) == text


def test_a_record_is_cut_in_every_text_and_keeps_its_id_and_protocol(plugins, store):
    (record,) = api.run({"tasks": "toy/squares", "backends": "toy/raises"}, plugins=plugins, store=store)
    record = record_with_clean_texts(record)  # the command of a test run is a path
    assert record_with_clean_texts(record) is record
    error = record.error.model_copy(update={"message": "no /home/ada/model", "traceback": "File /home/ada/code.py"})
    backend = record.backend.model_copy(update={"options": {"model": "/home/ada/model", "deep": [{"/home/ada/x": 1}]}})
    changed = record.model_copy(update={"error": error, "backend": backend})
    cut = record_with_clean_texts(changed)
    assert "/ada" not in cut.model_dump_json()
    assert cut.error.message == "no …/model"
    assert cut.backend.options == {"model": "…/model", "deep": [{"…/x": 1}]}
    assert (cut.record_id, cut.protocol, cut.backend.config_hash) == (
        record.record_id,
        record.protocol,
        backend.config_hash,
    )


def test_no_record_holds_the_folder_of_this_machine(plugins, store, tmp_path, monkeypatch, capsys):
    """A missing folder, and a metric that names one: people are told where, records are not."""
    gone = tmp_path / "somebody" / "fashion"
    words = ["run", "--task", "fashion-iq/original", "--backend", "control/random", "--data", f"fashion-iq={gone}"]
    assert main([*words, "--store", str(store.root)]) == 1
    assert str(gone) in "".join(capsys.readouterr())

    def breaks(table, arguments):
        raise MetricError("the model is not there", remedy=f"put it into {gone}")

    monkeypatch.setattr("fashionbench.metrics.retrieval.metrics.reciprocal_rank", breaks)
    (record,) = api.run({"tasks": "toy/squares", "backends": "toy/colour"}, plugins=plugins, store=store)
    assert [absent.reason for absent in record.absent] == ["the model is not there (put it into …/fashion)"]
    files = list((store.root / "records").rglob("*.json"))
    assert len(files) == 2
    assert not [path for path in files if str(tmp_path) in path.read_text()]


def test_the_command_of_a_record_names_no_folder(store, tmp_path):
    words = ["run", "--task", "wardrobe/image-to-image", "--backend", "control/random", "--store", str(store.root)]
    process = subprocess.run(
        [sys.executable, "-m", "fashionbench", *words], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    (record,) = store.scan().current()
    assert record.provenance.command[-2:] == ("--store", f"…/{store.root.name}")
    assert str(tmp_path) not in record.model_dump_json()
