"""Stores at addresses: read without being copied, reused, compared and judged; pushed and pulled whole."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from store_servers import BUCKET, hub_server, s3_server, web_server
from stored_rows import row

from fashionbench import api
from fashionbench.api.transfers import pull_records, push_records
from fashionbench.cli import options
from fashionbench.cli.main import main
from fashionbench.errors import ConfigError, FashionBenchError, StoreError
from fashionbench.plugins.manager import Plugins
from fashionbench.predictions.images import SCHEMA, images_table
from fashionbench.records.remote_folder import RemoteFolder, is_inside
from fashionbench.records.remote_store import RemoteStore
from fashionbench.records.store import Store
from fashionbench.records.store_index import FILES, INDEX
from fashionbench.studies.gate_baseline import find_records, read_baseline
from fashionbench.studies.gate_policy import GatePolicy

s3fs = pytest.importorskip("s3fs", reason="needs the optional dependencies fashionbench[remote]")
pytest.importorskip("moto", reason="a server of S3")

ADDRESS = f"s3://{BUCKET}/team/results"
RUN = {"tasks": ["toy/squares"], "backends": ["toy/colour"]}


@pytest.fixture(autouse=True)
def fetched(tmp_path, monkeypatch):
    """Where files of addresses go."""
    monkeypatch.setenv("FASHIONBENCH_REMOTE_CACHE", str(tmp_path / "fetched"))
    return tmp_path / "fetched"


@pytest.fixture(scope="module")
def server():
    with s3_server() as server:
        yield server


@pytest.fixture
def s3(server, monkeypatch):
    """The server with an empty bucket."""
    server.begin(monkeypatch)
    yield server
    # A client keeps the credentials that it found.
    if "AWS_ACCESS_KEY_ID" not in os.environ:
        s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture(scope="module")
def made(entry_points_with_toy, tmp_path_factory):
    """A store with two systems on one task, one of them invalid with one seed, and a failure of another task."""
    plugins = Plugins(strict=True, points=entry_points_with_toy)
    store = Store(tmp_path_factory.mktemp("made"))
    config = {"tasks": ["toy/squares"], "backends": ["toy/colour", "control/random"], "seeds": [0, 1]}
    records = api.run(config, store=store, plugins=plugins)
    store.invalidate(records[1], "a reason")
    (failed,) = api.run({"tasks": ["toy/broken"], "backends": ["toy/colour"]}, store=store, plugins=plugins)
    store.invalidate(failed, "of another task")
    return store


@pytest.fixture
def local(made, tmp_path):
    """A copy of that store."""
    shutil.copytree(made.root, tmp_path / "local")
    return Store(tmp_path / "local")


@pytest.fixture
def pushed(plugins, local, s3):
    """The same store at an address."""
    assert push_records(ADDRESS, store=local, plugins=plugins).ok
    s3.taken()
    return local


def written(board, plugins):
    return api.render_board(board, "json", plugins=plugins)


def contents(store):
    """Return the bytes of the files that a push sends, by name."""
    root = store.root if isinstance(store, Store) else store
    folders = ("records", "marks", "predictions", "values", "images")
    files = [path for name in folders for path in (root / name).rglob("*") if path.is_file()]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def of_squares(name, store):
    """Tell whether a file is a record of the board's task, or a mark of one."""
    stems = {path.stem for path in (store.root / "records" / "toy__squares").rglob("*.json")}
    of = name.rpartition("/")[2].partition("-")[0].removesuffix(".json")
    return name.startswith(("records/", "marks/")) and of in stems


def test_a_board_reads_the_records_of_its_tasks_and_nothing_else(plugins, pushed, s3, fetched):
    made = api.make_board("toy", store=ADDRESS, plugins=plugins)
    asked = s3.taken()
    wanted = {f"team/results/{name}" for name in contents(pushed) if of_squares(name, pushed)}
    assert len(wanted) == 4 + 1
    files = [
        path.removeprefix(f"/{BUCKET}/")
        for verb, path in asked
        if verb == "GET" and path.endswith((".json", ".parquet"))
    ]
    assert sorted(files) == sorted(wanted)
    # Beside the files: one listing of what is there, one of the task and one of the marks.
    assert len(asked) == len(wanted) + 3
    assert [path.name for path in fetched.rglob("*.parquet")] == []
    # What was fetched once stays.
    again = api.make_board("toy", store=ADDRESS, plugins=plugins)
    assert len(s3.taken()) == 3
    assert written(made, plugins) == written(again, plugins)


def test_with_predictions_it_is_the_board_of_the_folder(plugins, pushed, s3):
    here = api.make_board("toy", store=pushed, plugins=plugins)
    there = api.make_board("toy", store=ADDRESS, plugins=plugins, predictions=True)
    assert written(here, plugins) == written(there, plugins)
    assert any(table.tests for table in there.tables)
    without = api.make_board("toy", store=ADDRESS, plugins=plugins)
    assert not any(table.tests for table in without.tables)
    assert [[row.values[0].value for row in t.rows] for t in without.tables] == [
        [row.values[0].value for row in t.rows] for t in here.tables
    ]


def test_the_command_says_that_columns_are_not_tested(plugins, pushed, monkeypatch, capsys):
    monkeypatch.setattr(options.State, "plugins", property(lambda self: plugins))
    assert main(["board", "toy", "--store", ADDRESS]) == 0
    out, err = capsys.readouterr()
    assert "toy/colour" in out
    assert "predictions were not fetched, so the columns are not tested" in err
    assert main(["board", "toy", "--store", ADDRESS, "--predictions"]) == 0
    assert "not fetched" not in capsys.readouterr().err
    monkeypatch.setenv("FASHIONBENCH_STORE", ADDRESS)
    assert main(["records", "list", "--all"]) == 0
    assert "invalidated: a reason" in capsys.readouterr().out


def test_one_record_is_found_by_the_beginning_of_its_id(plugins, pushed, s3):
    record = pushed.scan().records[0]
    assert RemoteStore(ADDRESS).get(record.record_id[:14]) == record
    assert [path for _, path in s3.taken() if path.endswith(".json")] == [
        f"/{BUCKET}/team/results/{pushed.path_of(record).relative_to(pushed.root).as_posix()}"
    ]


def test_what_is_pushed_and_pulled_is_the_same_store(plugins, pushed, tmp_path):
    pulled = Store(tmp_path / "pulled")
    made = pull_records(ADDRESS, pulled, plugins=plugins)
    assert (made.ok, made.merged.added, made.merged.known) == (True, 5, 0)
    assert contents(pulled) == contents(pushed)
    assert api.verify_records(pulled, plugins=plugins).ok
    assert pull_records(ADDRESS, pulled, plugins=plugins).merged.added == 0
    # A store that was copied back is a store: the chain lists every entry.
    assert pulled.chain.listed()[0] == pushed.chain.listed()[0]


def test_a_second_push_sends_nothing_and_a_third_what_is_new(plugins, pushed, s3):
    again = push_records(ADDRESS, store=pushed, plugins=plugins)
    assert (again.sent.added, again.sent.known, again.sent.files) == (0, 5, 0)
    assert s3.keys("PUT") == []
    (record,) = api.run(RUN | {"backends": ["control/random"], "seeds": [9]}, store=pushed, plugins=plugins)
    more = push_records(ADDRESS, store=pushed, plugins=plugins)
    assert (more.sent.added, more.sent.files) == (1, 2)
    sent = sorted(name.removeprefix("team/results/") for name in s3.keys("PUT"))
    new = [pushed.path_of(record), pushed.predictions.path(record.predictions)]
    expected = [path.relative_to(pushed.root).as_posix() for path in new]
    assert sent == sorted([*expected, "chain.jsonl", INDEX, FILES])


@pytest.mark.parametrize("taken", [1, 4, 7])
def test_a_push_that_was_interrupted_leaves_a_sound_store_and_goes_on(plugins, local, s3, tmp_path, taken):
    s3.refuse_after = taken
    with pytest.raises(StoreError, match="is refused|cannot be reached"):
        push_records(ADDRESS, store=local, plugins=plugins)
    s3.refuse_after = None
    there = RemoteFolder(ADDRESS).names("")
    assert len(there) == taken
    # No record is there whose predictions are not.
    half = RemoteStore(ADDRESS).scan()
    assert half.faults == []
    assert all(f"predictions/{r.predictions.sha256}.parquet" in there for r in half.records if r.predictions)
    s3.taken()
    made = push_records(ADDRESS, store=local, plugins=plugins)
    assert made.sent.files == len(contents(local)) - taken
    assert pull_records(ADDRESS, tmp_path / "pulled", plugins=plugins).ok
    assert contents(tmp_path / "pulled") == contents(local)


def test_stores_of_two_machines_come_together(plugins, pushed, tmp_path):
    other = Store(tmp_path / "other")
    api.run(RUN | {"seeds": [5]}, store=other, plugins=plugins)
    assert push_records(ADDRESS, store=other, plugins=plugins).ok
    assert pull_records(ADDRESS, tmp_path / "both", plugins=plugins).merged.added == 6
    assert contents(tmp_path / "both").items() >= contents(pushed).items() | contents(other).items()
    assert api.verify_records(tmp_path / "both", plugins=plugins).ok


def test_two_results_of_one_cell_are_named_and_nothing_is_sent(plugins, pushed, s3, tmp_path):
    rival = Store(tmp_path / "rival")
    record = next(r for r in pushed.scan().current() if r.backend.id == "toy/colour" and r.task.id == "toy/squares")
    shutil.copytree(pushed.root / "predictions", rival.root / "predictions")
    metrics = tuple(part.model_copy(update={"value": 0.25, "interval": None}) for part in record.metrics)
    rival.add(record.model_copy(update={"metrics": metrics, "chain": None, "supersedes": None}))
    made = push_records(ADDRESS, store=rival, plugins=plugins)
    (conflict,) = made.sent.conflicts
    assert "toy/squares × toy/colour has two results" in str(conflict)
    assert ADDRESS in str(conflict)
    assert not made.ok and s3.keys("PUT") == []
    pulled = pull_records(ADDRESS, rival, plugins=plugins)
    assert not pulled.ok and str(pulled.merged.conflicts[0]).count("two results") == 1


def test_generated_images_travel(plugins, local, s3, tmp_path):
    import numpy as np

    record = next(r for r in local.scan().current() if r.predictions is not None)
    rows = [row(local, f"item-{at}", np.full((4, 3, 3), 40 * at, np.uint8)) for at in range(3)]
    part = local.write_predictions(images_table(rows), SCHEMA)
    local.add(record.model_copy(update={"predictions": part, "metrics": (), "chain": None, "cell": "other"}))
    assert push_records(ADDRESS, store=local, plugins=plugins).ok
    pictures = {name for name in contents(local) if name.startswith("images/")}
    assert len(pictures) == 3
    assert pull_records(ADDRESS, tmp_path / "pulled", plugins=plugins).ok
    assert pictures < contents(tmp_path / "pulled").keys()
    # Read one by one, by whoever asks for it.
    remote = RemoteStore(ADDRESS)
    s3.taken()
    assert remote.predictions.read_image(rows[0].image) == local.predictions.read_image(rows[0].image)
    assert len(s3.taken()) == 1


def altered(name, content=b"altered"):
    RemoteFolder(ADDRESS)._files.pipe_file(f"{BUCKET}/team/results/{name}", content)


def test_a_table_that_was_altered_there_is_not_taken(plugins, pushed, tmp_path):
    record = next(r for r in pushed.scan().current() if r.predictions is not None)
    name = f"predictions/{record.predictions.sha256}.parquet"
    altered(name)
    with pytest.raises(StoreError, match="altered or damaged: what arrived has another checksum"):
        pull_records(ADDRESS, tmp_path / "pulled", plugins=plugins)
    assert not (tmp_path / "pulled" / name).exists()
    assert Store(tmp_path / "pulled").scan().records == []
    made = api.make_board("toy", store=ADDRESS, plugins=plugins, predictions=True)
    assert not made.complete and "another checksum" in made.faults[0].message
    # Repaired there, it is fetched and taken.
    altered(name, (pushed.root / name).read_bytes())
    assert pull_records(ADDRESS, tmp_path / "pulled", plugins=plugins).ok
    assert api.make_board("toy", store=ADDRESS, plugins=plugins, predictions=True).complete


def test_a_push_does_not_overwrite_what_has_another_size(plugins, pushed, s3):
    record = next(r for r in pushed.scan().current() if r.predictions is not None)
    altered(f"predictions/{record.predictions.sha256}.parquet")
    s3.taken()
    with pytest.raises(StoreError, match="has another file of the name predictions/"):
        push_records(ADDRESS, store=pushed, plugins=plugins)
    assert s3.keys("PUT") == []


def test_a_record_that_was_altered_there_is_a_fault(plugins, pushed, tmp_path):
    record = next(r for r in pushed.scan().current() if r.task.id == "toy/squares")
    name = pushed.path_of(record).relative_to(pushed.root).as_posix()
    altered(name, (pushed.root / name).read_bytes().replace(b'"seed"', b'"seeds"'))
    made = api.make_board("toy", store=ADDRESS, plugins=plugins)
    assert not made.complete and f"of {ADDRESS}: " in made.faults[0].message
    pulled = pull_records(ADDRESS, tmp_path / "pulled", plugins=plugins)
    assert len(pulled.faults) == 1 and not (tmp_path / "pulled").exists()
    with pytest.raises(StoreError, match="has 1 file that cannot be read"):
        push_records(ADDRESS, store=pushed, plugins=plugins)
    altered(name, (pushed.root / name).read_bytes())
    assert api.make_board("toy", store=ADDRESS, plugins=plugins).complete


def test_a_damaged_store_is_not_pushed(plugins, local, s3):
    next((local.root / "predictions").iterdir()).write_bytes(b"")
    made = push_records(ADDRESS, store=local, plugins=plugins)
    assert not made.ok and "altered or damaged" in made.faults[0].message
    assert s3.keys("PUT") == []


def test_a_run_reuses_what_is_there_and_writes_nothing(plugins, pushed, s3, fetched):
    here = api.run(RUN, store=pushed, plugins=plugins)
    assert api.run(RUN, store=ADDRESS, plugins=plugins) == here
    with pytest.raises(StoreError, match=r"has no record to reuse, and the store s3://bench/team/results is read-only"):
        api.run(RUN | {"seeds": [8]}, store=ADDRESS, plugins=plugins)
    assert s3.keys("PUT") == []
    assert list(fetched.rglob("*.parquet")) == []


@pytest.mark.parametrize("command", [
    ["records", "invalidate", "{id}", "--reason", "x"],
    ["records", "scrub"],
    ["rescore"],
    ["score", "toy/squares", "--predictions", "{file}"],
])  # fmt: skip
def test_what_would_write_is_refused(plugins, pushed, s3, monkeypatch, capsys, command):
    monkeypatch.setattr(options.State, "plugins", property(lambda self: plugins))
    name = pushed.scan().records[0].record_id
    assert main([word.format(id=name, file=__file__) for word in command] + ["--store", ADDRESS]) == 2
    said = capsys.readouterr().err
    assert "the store s3://bench/team/results is read-only" in said
    assert "records push" in said
    assert s3.keys("PUT") == []


def test_predictions_and_images_are_refused_too(pushed, plugins):
    remote = RemoteStore(ADDRESS)
    record = pushed.scan().records[0]
    for refused in (
        lambda: remote.add(record),
        lambda: remote.add_newest(record),
        lambda: remote.keep_image(b"x"),
        lambda: remote.predictions.write_values(None),
    ):
        with pytest.raises(StoreError, match="read-only"):
            refused()
    with pytest.raises(StoreError, match="is not verified from here"):
        api.verify_records(ADDRESS, plugins=plugins)


def test_systems_are_compared_and_judged_where_they_lie(plugins, pushed, s3, tmp_path):
    from fashionbench.api.comparisons import compare_stored
    from fashionbench.api.gates import accept_baseline, gate

    (here,) = compare_stored("control/random", "toy/colour", store=pushed, plugins=plugins)
    (there,) = compare_stored("control/random", "toy/colour", store=ADDRESS, plugins=plugins)
    assert there.differences == here.differences
    between = compare_stored(ADDRESS, str(pushed.root), plugins=plugins)
    assert len(between) == 2 and all(one.difference == 0 for pair in between for one in pair.differences)
    accepted = accept_baseline(ADDRESS, tmp_path / "baseline.yaml", who="A", why="B")
    assert accepted.store == ADDRESS
    policy = GatePolicy(margins={"hit@1": 0.01})
    result = gate(tmp_path / "baseline.yaml", ADDRESS, policy, plugins=plugins)
    assert result.code == 0
    assert find_records(ADDRESS).label == "results"


def test_a_folder_that_was_pushed_to_is_read_from_a_web_server(plugins, local, tmp_path):
    www = tmp_path / "www"
    assert push_records(f"file://{www}/results", store=local, plugins=plugins).ok
    with web_server(www) as (host, asked):
        made = api.make_board("toy", store=f"http://{host}/results", plugins=plugins)
        assert made.complete
        names = [path.removeprefix("/results/") for path in asked]
        wanted = [name for name in contents(local) if of_squares(name, local)]
        assert sorted(names) == sorted([INDEX, *wanted])
        here = api.make_board("toy", store=local, plugins=plugins)
        there = api.make_board("toy", store=f"http://{host}/results", plugins=plugins, predictions=True)
        assert written(here, plugins) == written(there, plugins)
        assert pull_records(f"http://{host}/results", tmp_path / "pulled", plugins=plugins).ok
        with pytest.raises(StoreError, match="nothing is pushed to http://"):
            push_records(f"http://{host}/results", store=local, plugins=plugins)
        with pytest.raises(StoreError, match=rf"there is no store at http://{host}/other: it has no {INDEX}"):
            api.make_board("toy", store=f"http://{host}/other", plugins=plugins)
    assert contents(tmp_path / "pulled") == contents(local)


@pytest.mark.parametrize(
    "address", ["hf://datasets/team/results", "hf://datasets/team/results@0123456789abcdef0123456789abcdef01234567/sub"]
)
def test_a_data_set_repository_of_the_hub_is_read(plugins, local, tmp_path, monkeypatch, address):
    huggingface_hub = pytest.importorskip("huggingface_hub")
    from huggingface_hub import constants

    place = tmp_path / "repository" / ("sub" if address.endswith("sub") else "")
    push_records(f"file://{place}", store=local, plugins=plugins)
    with hub_server(tmp_path / "repository") as (url, hub):
        monkeypatch.setattr(constants, "ENDPOINT", url)
        template = f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        huggingface_hub.HfFileSystem.clear_instance_cache()
        made = api.make_board("toy", store=address, plugins=plugins)
        assert made.complete and any(table.rows for table in made.tables)
        files = {path.partition("/resolve/")[2].partition("/")[2] for _, path in hub.asked if "/resolve/" in path}
        assert len(files) == 5 and not any("predictions" in name for name in files)
        assert pull_records(address, tmp_path / "pulled", plugins=plugins).ok
    assert contents(tmp_path / "pulled") == contents(local)
    huggingface_hub.HfFileSystem.clear_instance_cache()


def test_where_the_hub_may_not_be_asked_it_is_not(plugins, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(StoreError, match="HF_HUB_OFFLINE is set"):
        api.make_board("toy", store="hf://datasets/team/results", plugins=plugins)


def test_a_password_in_an_address_is_used_and_never_shown(plugins, local, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(options.State, "plugins", property(lambda self: plugins))
    www = tmp_path / "www"
    push_records(f"file://{www}", store=local, plugins=plugins)
    with web_server(www, password="open-sesame-1") as (host, _):
        address = f"http://reader:open-sesame-1@{host}"
        assert main(["board", "toy", "--store", address]) == 0
        assert (
            main(
                [
                    "gate",
                    "accept",
                    "--candidate",
                    address,
                    "--baseline",
                    str(tmp_path / "b.yaml"),
                    "--who",
                    "A",
                    "--why",
                    "B",
                ]
            )
            == 0
        )
        assert read_baseline(tmp_path / "b.yaml").store == f"http://{host}"
        assert main(["board", "toy", "--store", f"http://reader:another-word-2@{host}"]) == 2
        said = capsys.readouterr()
        assert f"access to http://{host} is refused" in said.err
        assert "sesame" not in said.out + said.err and "another-word" not in said.out + said.err
    assert not any(b"sesame" in path.read_bytes() for path in (tmp_path / "fetched").rglob("*") if path.is_file())


def pages(tmp_path, files):
    (tmp_path / "www").mkdir()
    index = {"format": "fashionbench-store/1", "files": files}
    (tmp_path / "www" / INDEX).write_text(json.dumps(index))
    return tmp_path / "www"


@pytest.mark.parametrize(
    "name", ["records/../../x.json", "/etc/passwd", "records/a/..\\x.json", "C:/x.json", "records//x.json"]
)
def test_a_list_that_leads_out_of_the_store_is_refused(plugins, tmp_path, name):
    with web_server(pages(tmp_path, {name: 3})) as (host, asked):
        with pytest.raises(StoreError, match="leads out of the store"):
            api.load_records(f"http://{host}", plugins=plugins)
        assert asked == [f"/{INDEX}"]


@pytest.mark.parametrize(
    "text", ["<html>", "[]", '{"format": "fashionbench-store/1", "files": {"a": "b"}}', '{"files": {}}']
)
def test_a_page_that_is_no_list_is_named(plugins, tmp_path, text):
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / INDEX).write_text(text)
    with (
        web_server(tmp_path / "www") as (host, _),
        pytest.raises(StoreError, match=f"http://{host}/{INDEX} is not the list"),
    ):
        api.load_records(f"http://{host}", plugins=plugins)


def test_a_list_of_another_form_is_named(plugins, tmp_path):
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / INDEX).write_text('{"format": "fashionbench-store/2", "files": {}}')
    with (
        web_server(tmp_path / "www") as (host, _),
        pytest.raises(StoreError, match="of the form 'fashionbench-store/2'"),
    ):
        api.load_records(f"http://{host}", plugins=plugins)


def test_a_bucket_with_a_name_that_leads_out_is_refused(plugins, pushed, fetched):
    altered("records/toy__squares/..\\..\\x.json")
    with pytest.raises(StoreError, match="which leads out of the store"):
        api.make_board("toy", store=ADDRESS, plugins=plugins)
    assert not any(path.name.endswith("x.json") for path in fetched.rglob("*"))


def test_names_stay_inside_on_every_system():
    assert is_inside("records/a b/c#1%.json", "records")
    outside = ["", "a/../b", "../a", "/a", "a//b", "a\\b", "a:b", "a/./b", "a\x00b"]
    assert [name for name in outside if is_inside(name)] == []
    assert not is_inside("recordsx/a", "records")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (f"s3://{BUCKET}/nothing", "there is no store at s3://bench/nothing: "),
        (
            "s3://no-such-bucket/results",
            "there is no store at s3://no-such-bucket/results: The specified bucket does not exist",
        ),
        ("http://127.0.0.1:9/results", "http://127.0.0.1:9/results cannot be reached"),
        ("sthree://bench/results", "sthree://bench/results cannot be opened"),
    ],
)
def test_an_address_where_nothing_is(plugins, s3, address, said):
    with pytest.raises(StoreError) as caught:
        api.make_board("toy", store=address, plugins=plugins)
    assert said in caught.value.message
    assert caught.value.remedy


def test_an_address_with_a_query_is_refused_without_it(plugins):
    with pytest.raises(ConfigError) as caught:
        api.make_board("toy", store="https://host/results?sig=abcdefghijk", plugins=plugins)
    assert "abcdefghijk" not in str(caught.value)


def test_without_credentials_the_error_says_where_they_come_from(plugins, s3, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(StoreError, match="there are no credentials for s3://bench/team/results") as caught:
        api.make_board("toy", store=ADDRESS, plugins=plugins)
    assert "AWS_ACCESS_KEY_ID" in caught.value.remedy


@pytest.mark.parametrize(
    ("package", "address"), [("fsspec.core", "https://host/x"), ("s3fs", ADDRESS), ("aiohttp", "https://host/x")]
)
def test_without_the_client_library_the_extra_is_named(plugins, monkeypatch, package, address):
    from fsspec.registry import _registry

    for protocol in list(_registry):
        monkeypatch.delitem(_registry, protocol)
    for name in [name for name in sys.modules if name.startswith(("s3fs", "fsspec.implementations.http"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(StoreError) as caught:
        api.make_board("toy", store=address, plugins=plugins)
    assert "fashionbench[remote]" in caught.value.remedy


def test_commands_push_and_pull(plugins, local, s3, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(options.State, "plugins", property(lambda self: plugins))
    assert main(["records", "push", ADDRESS, "--store", str(local.root)]) == 0
    assert "pushed 5 new records, 0 known" in capsys.readouterr().out
    assert main(["records", "pull", ADDRESS, "--into", str(tmp_path / "pulled"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "added": 5, "known": 0, "conflicts": [], "faults": []}
    next((local.root / "predictions").iterdir()).write_bytes(b"")
    assert main(["records", "push", ADDRESS, "--store", str(local.root)]) == 1
    assert "nothing was sent" in capsys.readouterr().out
    assert main(["records", "push", "hf://datasets/a/b", "--store", str(local.root)]) == 2
    assert Path(tmp_path / "pulled").is_dir()
    with pytest.raises(FashionBenchError):
        pull_records(ADDRESS, ADDRESS, plugins=plugins)
