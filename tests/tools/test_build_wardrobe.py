from __future__ import annotations

import hashlib
import io
import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from build_wardrobe import SOURCES, build, clothing, icon_svg, main, package_folder, resvg_render
from fashionbench.errors import DataError
from fashionbench_tasks.wardrobe.dataset import garments, image_path

if TYPE_CHECKING:
    from pathlib import Path

SQUARE = '<path fill="#f00" d="M0 0h4v8H0z"/><path fill="#00f" d="M4 0h4v8H4z"/>'


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """Four tiny npm packages: two garments and one emoji that is none."""
    folder = tmp_path / "node_modules"
    for source in SOURCES.values():
        write(folder / source.package / "package.json", {"version": "9.9", "license": source.licence})
    labels = folder / SOURCES["labels"].package
    write(labels / "meta" / "groups.json", {"subgroups": {"3": "clothing", "4": "sound"}})
    write(
        labels / "en" / "data.json",
        [
            {"hexcode": "1F457", "emoji": "D", "label": "dress", "tags": ["long", "a"], "subgroup": 3},
            {"hexcode": "1F455", "emoji": "T", "label": "t-shirt", "tags": [], "subgroup": 3},
            {"hexcode": "1F50A", "emoji": "S", "label": "speaker", "tags": [], "subgroup": 4},
            {"hexcode": "1F1E6", "emoji": "A", "label": "indicator A", "tags": []},
        ],
    )
    for artist in ("fluent", "noto", "twemoji"):
        icons = {"gown": {"body": SQUARE}, "tee": {"body": SQUARE, "left": 1, "width": 6}}
        write(
            folder / SOURCES[artist].package / "icons.json",
            {"icons": icons, "aliases": {"dress": {"parent": "gown"}}, "width": 8, "height": 8},
        )
        write(folder / SOURCES[artist].package / "chars.json", {"1f457": "dress", "1f455": "tee", "1f50a": "gown"})
    return tmp_path


def fake_render(svg: str, side: int) -> bytes:
    """Half-transparent square whose red depends on the drawing, to show how transparency lands on white."""
    out = io.BytesIO()
    Image.new("RGBA", (side, side), (hash_byte(svg), 0, 0, 128)).save(out, "PNG")
    return out.getvalue()


def hash_byte(text: str) -> int:
    return hashlib.sha256(text.encode()).digest()[0]


def build_fake(packages: Path, out: Path) -> list[dict[str, Any]]:
    return build(packages, out, render=fake_render, renderer="fake", renderer_version="1", expected=2)


def test_clothing_takes_the_subgroup_and_sorts_by_id(packages: Path) -> None:
    rows = clothing(packages / "node_modules" / "emojibase-data")
    assert [(row["id"], row["label"], row["tags"]) for row in rows] == [
        ("1f455", "t-shirt", []),
        ("1f457", "dress", ["a", "long"]),
    ]


def test_icon_svg_follows_aliases_and_the_icons_own_frame(packages: Path) -> None:
    drawn = icon_svg(package_folder(packages, "@iconify-json/noto"), ["1f457", "1f455", "1f9e6"])
    assert set(drawn) == {"1f457", "1f455"}
    assert 'viewBox="0 0 8 8"' in drawn["1f457"]
    assert SQUARE in drawn["1f457"]
    assert 'viewBox="1 0 6 8"' in drawn["1f455"]


def test_icon_svg_refuses_a_turned_alias(packages: Path) -> None:
    folder = package_folder(packages, "@iconify-json/noto")
    write(
        folder / "icons.json", {"icons": {"gown": {"body": ""}}, "aliases": {"dress": {"parent": "gown", "rotate": 1}}}
    )
    with pytest.raises(DataError, match="alias dress transforms"):
        icon_svg(folder, ["1f457"])


def test_build_writes_what_the_loader_reads_and_flattens_on_white(packages: Path, tmp_path: Path) -> None:
    out = tmp_path / "data"
    build_fake(packages, out)
    assert [garment.caption for garment in garments(out)] == ["t-shirt", "dress; a, long"]
    with Image.open(image_path("1f457", "noto", out)) as image:
        assert (image.mode, image.size) == ("RGB", (160, 160))
        pixel = image.getpixel((80, 80))
    assert isinstance(pixel, tuple)
    assert pixel[1:] == (127, 127)


def test_build_records_version_licence_and_digest_of_what_it_read(packages: Path, tmp_path: Path) -> None:
    build_fake(packages, tmp_path / "data")
    record = json.loads((tmp_path / "data" / "SOURCES.json").read_text(encoding="utf-8"))
    assert record["renderer"] == {"name": "fake", "version": "1", "side": 160}
    noto = record["sources"]["noto"]
    icons = (packages / "node_modules" / "@iconify-json" / "noto" / "icons.json").read_bytes()
    assert (noto["version"], noto["licence"]) == ("9.9", "Apache-2.0")
    assert noto["sha256"]["icons.json"] == hashlib.sha256(icons).hexdigest()


def test_build_twice_gives_the_same_bytes(packages: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        build_fake(packages, tmp_path / name)
    first = {path.relative_to(tmp_path / "one"): path.read_bytes() for path in (tmp_path / "one").rglob("*.*")}
    second = {path.relative_to(tmp_path / "two"): path.read_bytes() for path in (tmp_path / "two").rglob("*.*")}
    assert len(first) == 8
    assert first == second


def test_build_names_what_an_artist_does_not_draw(packages: Path, tmp_path: Path) -> None:
    write(package_folder(packages, "@iconify-json/twemoji") / "chars.json", {"1f455": "tee"})
    with pytest.raises(DataError, match=r"not drawn: dress \(1f457\) by twemoji"):
        build_fake(packages, tmp_path / "data")


def test_build_refuses_another_count_and_another_licence(packages: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected 47 garments by every artist, found 2"):
        build(packages, tmp_path / "data", render=fake_render, renderer_version="1")
    write(package_folder(packages, "@iconify-json/noto") / "package.json", {"version": "9.9", "license": "GPL-3.0"})
    with pytest.raises(DataError, match=r"'GPL-3\.0'"):
        build_fake(packages, tmp_path / "data")


def test_missing_package_and_broken_file_are_named(packages: Path) -> None:
    with pytest.raises(DataError, match="nothing-here") as caught:
        package_folder(packages, "nothing-here")
    assert "npm install" in caught.value.remedy
    labels = package_folder(packages, "emojibase-data")
    (labels / "en" / "data.json").write_text("[", encoding="utf-8")
    with pytest.raises(DataError, match=r"data\.json"):
        clothing(labels)


def test_command_line_reports_an_error_without_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--npm-dir", str(tmp_path), "--out", str(tmp_path / "data")]) == 1
    assert "npm install" in capsys.readouterr().err


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert "--npm-dir sources --out data" in capsys.readouterr().out


@pytest.mark.skipif(find_spec("resvg_py") is None, reason="resvg-py, a dependency of the build only, is not installed")
def test_resvg_draws_the_shapes_where_the_svg_puts_them(packages: Path) -> None:
    svg = icon_svg(package_folder(packages, "@iconify-json/noto"), ["1f457"])["1f457"]
    with Image.open(io.BytesIO(resvg_render(svg, 160))) as image:
        rgb = image.convert("RGB")
    assert rgb.size == (160, 160)
    assert rgb.getpixel((40, 80)) == (255, 0, 0)
    assert rgb.getpixel((120, 80)) == (0, 0, 255)
