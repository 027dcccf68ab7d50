"""Data at an address of the hub: fetched at one commit from a server on loopback, and then read as a folder is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import timeless_records
from named_colours import COLOURS, NamedColours, png
from store_servers import hub_server

import fashionbench
from fashionbench.cli.main import main
from fashionbench.data import hub_folder
from fashionbench.data.hub_folder import HubFolder
from fashionbench.data.roots import DataRoots
from fashionbench.errors import ConfigError, DataError

hub_client = pytest.importorskip("huggingface_hub", reason="needs the optional dependencies fashionbench[remote]")

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ADDRESS = f"hf://datasets/team/shop@{COMMIT}/small"
TASK = "manifest/text-to-image"
TOKEN = "hf_" + "loopbackLOOPBACKloopbackLOOPBACK00"


@fashionbench.model("test/hub-colour")
class Colour(NamedColours):
    pass


@pytest.fixture
def repository(tmp_path):
    """A folder with a manifest that holds its images, beside one that nobody asks for."""
    small = tmp_path / "repository" / "small"
    small.mkdir(parents=True)
    images = [{"bytes": png(colour), "path": f"{name}.png"} for name, colour in COLOURS.items()]
    pq.write_table(pa.table({"image": images, "text": [f"all in {n}" for n in COLOURS]}), small / "manifest.parquet")
    (small / "notes").mkdir()
    (small / "notes" / "read[me].txt").write_text("some words")
    (small.parent / "smaller").mkdir()
    (small.parent / "smaller" / "other.bin").write_bytes(b"x" * 1000)
    return small.parent


@pytest.fixture
def hub(repository, tmp_path, monkeypatch):
    """The server, which the client is told of, with an empty cache."""
    from huggingface_hub import constants

    with hub_server(repository) as (url, server):
        server.name = "team/shop"
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        )
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("FASHIONBENCH_REMOTE_CACHE", str(tmp_path / "fetched"))
        server.url = url
        yield server


def asked(server):
    """Return the files that were asked for, and whether anything else was; and forget it."""
    paths = [path for _, path in server.asked]
    server.asked.clear()
    files = {unquote(path).partition(f"{COMMIT}/")[2] for path in paths if "/resolve/" in path}
    return files, any("/resolve/" not in path for path in paths)


def again():
    """Forget what this process knows, as another process does."""
    hub_folder._fetched.cache_clear()


def measured(place, store):
    return fashionbench.run({"tasks": TASK, "backends": Colour, "data": {"manifest": place}}, store=store)[0]


def test_a_record_is_that_of_the_folder_and_says_the_address(hub, repository, tmp_path, capsys):
    local = timeless_records.timeless(measured(repository / "small", tmp_path / "local"))
    record = measured(ADDRESS, tmp_path / "store")
    assert asked(hub)[0] == {"small/manifest.parquet", "small/notes/read[me].txt"}
    assert "fetching 2 files" in capsys.readouterr().err
    told = timeless_records.timeless(record)
    assert told["dataset"]["facts"].pop("fetched from") == ADDRESS
    assert told == local and {part.value for part in record.metrics if part.id == "mrr"} == {1.0}
    text = json.dumps(record.model_dump(mode="json"))
    assert TOKEN not in text and str(tmp_path) not in text


def test_what_is_there_is_read_without_the_hub(hub, tmp_path, monkeypatch):
    root = HubFolder.of(ADDRESS).fetched()
    assert sorted(path.name for path in root.iterdir()) == ["manifest.parquet", "notes"]
    asked(hub)
    again()
    assert HubFolder.of(Path(ADDRESS)).fetched() == root
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    again()
    assert HubFolder.of(ADDRESS).fetched() == root
    assert measured(ADDRESS, tmp_path / "store").status == "ok"
    assert hub.asked == []


def test_what_is_lacking_is_fetched_and_offline_it_is_an_error(hub, monkeypatch):
    root = HubFolder.of(ADDRESS).fetched()
    asked(hub)
    lost = root / "manifest.parquet"
    Path(os.path.realpath(lost)).unlink()
    lost.unlink()
    again()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        DataError, match="1 of 2 files of hf://.* are not on this machine, and HF_HUB_OFFLINE"
    ) as caught:
        HubFolder.of(ADDRESS).fetched()
    assert caught.value.remedy == "unset it once, to fetch them" and hub.asked == []
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert HubFolder.of(ADDRESS).fetched() == root and lost.is_file()
    assert asked(hub)[0] == {"small/manifest.parquet"}


def test_a_file_that_is_cut_short_is_fetched_again(hub):
    root = HubFolder.of(ADDRESS).fetched()
    whole = (root / "manifest.parquet").read_bytes()
    Path(os.path.realpath(root / "manifest.parquet")).write_bytes(whole[:-1])
    asked(hub)
    again()
    assert (HubFolder.of(ADDRESS).fetched() / "manifest.parquet").read_bytes() == whole
    assert asked(hub)[0] == {"small/manifest.parquet"}


def test_offline_and_never_fetched_is_one_message(hub, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    words = ["data", "status", "manifest", "--root", ADDRESS]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "was not fetched yet, and HF_HUB_OFFLINE is set" in said and "Traceback" not in said
    assert hub.asked == []


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("s3://bucket/shop", "not read from s3:// addresses"),
        ("hf://datasets/team/shop", "no commit is named"),
        ("hf://datasets/team/shop/small", "no commit is named"),
        ("hf://datasets/team/shop@main/small", "'main' is no commit"),
        (f"hf://datasets/team/shop@{COMMIT[:-1]}", "is no commit"),
        ("hf://team/shop@main", "is no folder of a data set"),
        (f"hf://datasets/shop@{COMMIT}", "is no folder of a data set"),
        (f"hf://datasets/team/shop@{COMMIT}/../other", "is no folder of a data set"),
    ],
)
def test_an_address_without_a_commit_or_a_data_set_is_refused_before_anything_runs(address, said, tmp_path, capsys):
    with pytest.raises(ConfigError, match=said) as caught:
        measured(address, tmp_path / "store")
    assert "hf://datasets/ORG/NAME@COMMIT" in caught.value.remedy
    words = ["run", "--task", TASK, "--backend", "control/random", "--store", str(tmp_path / "store")]
    assert main([*words, "--data", f"manifest={address}"]) == 2
    assert said in capsys.readouterr().err
    assert not list((tmp_path / "store").rglob("*.json"))


def test_what_lies_beside_another_data_set_has_its_address(tmp_path, monkeypatch):
    monkeypatch.delenv("FASHIONBENCH_DATA", raising=False)
    roots = DataRoots(named={"fashion-iq": Path(ADDRESS), "mgd": tmp_path})
    assert roots.address("fashion-iq-cap", "fashion-iq") == roots.address("fashion-iq") == ADDRESS
    assert [roots.address(name) for name in ("mgd", "cirr")] == ["", ""]
    assert DataRoots(named=roots.named, common=tmp_path).address("cirr", "mgd") == ""
    (tmp_path / "fashion-iq-cap").mkdir()
    assert DataRoots(named=roots.named, common=tmp_path).address("fashion-iq-cap", "fashion-iq") == ""


def test_a_password_in_an_address_is_not_shown():
    with pytest.raises(ConfigError) as caught:
        HubFolder.of("hf://me:open-sesame@datasets/team/shop@main")
    assert "sesame" not in f"{caught.value} {caught.value.remedy}"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (ADDRESS.replace("shop", "nothing"), "is not there, or not for everybody"),
        (ADDRESS.replace("0123", "3210", 1), "is not there"),
        (ADDRESS.replace("small", "none"), "is not there"),
    ],
)
def test_what_the_hub_does_not_have_is_said(hub, address, said):
    with pytest.raises(DataError, match=said):
        HubFolder.of(address).fetched()


def test_a_hub_that_fails_is_said(hub, monkeypatch):
    monkeypatch.setattr(hub, "answer", lambda path, query: (400, {"error": "out of order"}))
    with pytest.raises(DataError, match=r"hf://.* cannot be fetched: the hub answered 400") as caught:
        HubFolder.of(ADDRESS).fetched()
    assert "what was fetched stays" in caught.value.remedy


@pytest.mark.slow
def test_the_command_asks_the_hub_that_the_environment_names(hub, tmp_path):
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
        "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": TOKEN,
    }  # fmt: skip
    words = ["run", "--task", TASK, "--backend", "control/random", "--store", "store", "--json"]
    command = [sys.executable, "-m", "fashionbench", *words, "--data", f"manifest={ADDRESS}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    (record,) = json.loads(done.stdout)
    assert record["dataset"]["facts"]["fetched from"] == ADDRESS
    assert TOKEN not in done.stdout + done.stderr and "fetching 2 files" in done.stderr
