"""Files in tar shards are found by their places; what does not belong in one is refused."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from fashionbench.api.data import index_shards
from fashionbench.cli.main import main
from fashionbench.data.tar_shards import INDEX_SUFFIX, read_member, shard_index, write_index
from fashionbench.errors import DataError


def shard(path, *members, form=tarfile.GNU_FORMAT, mode="w"):
    """Write a shard: names with contents, or whole headers."""
    with tarfile.open(path, mode, format=form) as tar:
        for member, content in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def header(name, kind, to=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("written", [False, True])
def test_files_are_those_that_were_put_in(tmp_path, form, written):
    names = ["0001.jpg", "./0001.txt", "deep/er/0002.jpg", "empty.txt"]
    names += [] if form == tarfile.USTAR_FORMAT else ["ä ö/0003.jpg", "x" * 180 + ".jpg"]
    contents = {name: bytes([at]) * (700 * at) for at, name in enumerate(reversed(names))}
    path = shard(tmp_path / "a.tar", (header("deep", tarfile.DIRTYPE), b""), *contents.items(), form=form)
    if written:
        assert write_index(path) == len(names)
    wanted = {name.removeprefix("./"): content for name, content in contents.items()}
    assert shard_index(path).keys() == wanted.keys()
    assert {name: read_member(path, name) for name in wanted} == wanted
    for name, (offset, size) in shard_index(path).items():
        assert path.read_bytes()[offset : offset + size] == wanted[name]
    with pytest.raises(FileNotFoundError):
        read_member(path, "0009.jpg")


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ("../out.jpg", "leads out of it"),
        ("/etc/passwd", "leads out of it"),
        ("a/../../out.jpg", "leads out of it"),
        ("a\\..\\out.jpg", "leads out of it"),
        ("C:/out.jpg", "leads out of it"),
        ("a\nb.jpg", "leads out of it"),
        (header("link.jpg", tarfile.SYMTYPE, "/etc/passwd"), "is a link"),
        (header("link.jpg", tarfile.LNKTYPE, "0001.jpg"), "is a link"),
        (header("dev.jpg", tarfile.CHRTYPE), "is a device"),
        (header("dev.jpg", tarfile.BLKTYPE), "is a device"),
        (header("fifo.jpg", tarfile.FIFOTYPE), "is a device, a FIFO"),
        ("0001.jpg", "stands in it twice"),
    ],
)
def test_what_does_not_belong_in_a_shard_refuses_it_as_a_whole(tmp_path, member, said):
    path = shard(tmp_path / "a.tar", ("0001.jpg", b"a"), (member, b""))
    with pytest.raises(DataError, match=said) as caught:
        shard_index(path)
    assert str(path) in caught.value.message and caught.value.remedy


def test_a_shard_that_is_cut_off_or_compressed_is_named(tmp_path):
    whole = shard(tmp_path / "whole.tar", ("0001.jpg", bytes(5000)))
    (tmp_path / "cut.tar").write_bytes(whole.read_bytes()[:2000])
    shard(tmp_path / "gz.tar", ("0001.jpg", bytes(5000)), mode="w:gz")
    for name in ("cut.tar", "gz.tar", "none.tar"):
        with pytest.raises(DataError, match=name):
            shard_index(tmp_path / name)


def test_an_index_is_read_in_the_place_of_the_headers(tmp_path):
    path = shard(tmp_path / "a.tar", ("0001.jpg", b"abc"), ("0002.jpg", b"def"))
    write_index(path)
    beside = tmp_path / f"a.tar{INDEX_SUFFIX}"
    fields = json.loads(beside.read_text())
    del fields["files"]["0002.jpg"]
    beside.write_text(json.dumps(fields))
    assert list(shard_index(path)) == ["0001.jpg"]


def test_an_index_of_another_state_is_passed_over(tmp_path):
    path = shard(tmp_path / "a.tar", ("0001.jpg", b"abc"))
    write_index(path)
    shard(path, ("0003.jpg", bytes(9000)))
    assert list(shard_index(path)) == ["0003.jpg"]
    assert read_member(path, "0003.jpg") == bytes(9000)


@pytest.mark.parametrize(
    "files",
    [{"../x.jpg": [512, 3]}, {"x.jpg": [512, 10**9]}, {"x.jpg": [0, 3]}, {"x.jpg": [512, -1]}, {"x.jpg": "no"}, []],
)
def test_an_index_that_leads_elsewhere_is_refused(tmp_path, files):
    path = shard(tmp_path / "a.tar", ("0001.jpg", b"abc"))
    write_index(path)
    beside = tmp_path / f"a.tar{INDEX_SUFFIX}"
    beside.write_text(json.dumps({**json.loads(beside.read_text()), "files": files}))
    with pytest.raises(DataError):
        shard_index(path)


def test_an_index_with_a_wrong_place_is_noticed_when_the_file_is_read(tmp_path):
    path = shard(tmp_path / "a.tar", ("0001.jpg", bytes(2000)), ("0002.jpg", b"x"))
    write_index(path)
    beside = tmp_path / f"a.tar{INDEX_SUFFIX}"
    fields = json.loads(beside.read_text())
    fields["files"]["0001.jpg"][0] += 512
    beside.write_text(json.dumps(fields))
    with pytest.raises(DataError, match="is another shard than its index"):
        read_member(path, "0001.jpg")


def test_the_command_indexes_a_folder(tmp_path, capsys):
    (tmp_path / "deep").mkdir()
    shard(tmp_path / "a.tar", ("0001.jpg", b"abc"), ("0002.jpg", b"abc"))
    shard(tmp_path / "deep" / "b.tar", ("0001.jpg", b"abc"))
    assert main(["data", "index", str(tmp_path)]) == 0
    assert "indexed 3 files in 2 shards" in capsys.readouterr().out
    assert index_shards(tmp_path / "deep") == {tmp_path / "deep" / "b.tar": 1}
    (tmp_path / "none").mkdir()
    assert main(["data", "index", str(tmp_path / "none")]) == 2
