from __future__ import annotations

import os
import threading

import pytest

from fashionbench.errors import ConfigError
from fashionbench.output_files import check_folder, inside, make_folder, write_output


def test_a_folder_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(ConfigError, match="the folder .* is not there"):
        write_output(tmp_path / "tpyo" / "x.md", "text")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is no folder"):
        write_output(tmp_path / "file" / "x.md", "text")
    with pytest.raises(ConfigError, match="is a folder"):
        write_output(tmp_path, "text")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_devices_and_fifos_are_written_through(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError, match="nobody reads"):
        write_output(pipe, "text")
    heard = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_text()))
    reader.start()
    while True:
        try:
            write_output(pipe, "text")
            break
        except ConfigError:
            continue
    reader.join()
    assert heard == ["text"]
    (tmp_path / "null").symlink_to("/dev/null")
    write_output(tmp_path / "null", "text")
    assert (tmp_path / "null").is_symlink() and pipe.is_fifo()


def test_standard_output_by_its_name_is_that_of_the_command(capsys, tmp_path):
    from pathlib import Path

    write_output(Path("/dev/stdout"), "text\n")
    assert capsys.readouterr().out == "text\n"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/../../x", "/x", "C:\\x", "..\\x", "a\x00b", "a\nb", "link/x"]
)
def test_no_name_leads_out_of_a_folder(tmp_path, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path)
    with pytest.raises(ConfigError, match="leads out of"):
        inside(tmp_path / "out", name)
    assert inside(tmp_path / "out", "a/b.md") == tmp_path / "out" / "a" / "b.md"


def test_a_link_whose_target_has_no_folder_is_not_written(tmp_path):
    (tmp_path / "link.md").symlink_to(tmp_path / "tpyo" / "x.md")
    with pytest.raises(ConfigError, match="the folder .*tpyo is not there"):
        write_output(tmp_path / "link.md", "text")
    assert not (tmp_path / "tpyo").exists()


def test_a_folder_is_made_with_those_above_it_and_said_once(tmp_path):
    said = []
    make_folder(tmp_path / "a" / "b", said.append)
    make_folder(tmp_path / "a" / "b", said.append)
    make_folder(tmp_path / "a" / "c", said.append)
    assert said == [
        f"made the folder {tmp_path / 'a' / 'b'}, and {tmp_path / 'a'} above it",
        f"made the folder {tmp_path / 'a' / 'c'}",
    ]


def test_what_is_no_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name, kind in (("file/x/y", "a file"), ("pipe", "a FIFO"), ("link", "a link that leads nowhere")):
        with pytest.raises(ConfigError, match=f"the folder .*{name} cannot be made: .* is {kind}"):
            check_folder(tmp_path / name)


def test_a_store_takes_no_files_of_others(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "chain.jsonl").write_text("")
    for place in ("store", "store/records", "store/images/ab"):
        with pytest.raises(ConfigError, match="is a place of the store"):
            check_folder(tmp_path / place)
    check_folder(tmp_path / "store" / "boards")
    check_folder(tmp_path / "site")
