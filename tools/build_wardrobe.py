r"""Build the images and captions of wardrobe-emoji from the npm packages of the three artists and of emojibase.

The packages are fetched by npm; the renderer is a build-time dependency that the installed FashionBench never imports::

    npm install --prefix sources @iconify-json/fluent-emoji-flat@1.2.6 @iconify-json/noto@1.2.9 \
        @iconify-json/twemoji@1.2.5 emojibase-data@17.0.0
    pip install resvg-py==0.5.0 pillow
    python tools/build_wardrobe.py --npm-dir sources --out tasks/fashionbench_tasks/wardrobe/data

The same packages and renderer give the same bytes. ``licences`` in the output folder is kept by hand.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image

from fashionbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Render = Callable[[str, int], bytes]
    """From the text of an SVG and a side in pixels to the bytes of a square PNG on white."""

SIDE = 160
EXPECTED_GARMENTS = 47
LABELS_PACKAGE = "emojibase-data"


class Source(NamedTuple):
    """One npm package that the data set is made from; ``files`` are those that are read."""

    package: str
    licence: str
    attribution: str
    files: tuple[str, ...]


_ICON_FILES = ("icons.json", "chars.json")
SOURCES: dict[str, Source] = {
    "fluent": Source(
        "@iconify-json/fluent-emoji-flat",
        "MIT",
        "Fluent Emoji, Copyright (c) Microsoft Corporation, https://github.com/microsoft/fluentui-emoji",
        _ICON_FILES,
    ),
    "noto": Source(
        "@iconify-json/noto",
        "Apache-2.0",
        "Noto Emoji, Copyright Google Inc, https://github.com/googlefonts/noto-emoji",
        _ICON_FILES,
    ),
    "twemoji": Source(
        "@iconify-json/twemoji",
        "CC-BY-4.0",
        "Twemoji, Copyright 2020 Twitter, Inc and other contributors, https://github.com/jdecked/twemoji",
        _ICON_FILES,
    ),
    "labels": Source(
        LABELS_PACKAGE,
        "MIT",
        "emojibase-data, Copyright (c) 2017-2019 Miles Johnson, https://github.com/milesj/emojibase",
        ("en/data.json", "meta/groups.json"),
    ),
}


def package_folder(npm_dir: Path, package: str) -> Path:
    """Find the unpacked package, in ``npm_dir/node_modules`` or straight in ``npm_dir``.

    :raises DataError: it is in neither.
    """
    for folder in (npm_dir / "node_modules" / package, npm_dir / package):
        if (folder / "package.json").is_file():
            return folder
    raise DataError(
        f"npm package {package} is not in {npm_dir}", remedy=f"run npm install --prefix {npm_dir} {package}"
    )


def read_json(path: Path) -> Any:
    """Read a JSON file of a package.

    :raises DataError: it is missing or malformed.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {error}", remedy="unpack the npm package again") from error


def clothing(folder: Path) -> list[dict[str, Any]]:
    """Select the emoji of CLDR subgroup ``clothing``, each as ``{id, emoji, label, tags}``, sorted by id."""
    subgroups = read_json(folder / "meta" / "groups.json")["subgroups"]
    numbers = {int(number) for number, name in subgroups.items() if name == "clothing"}
    return sorted(
        (
            {"id": row["hexcode"].lower(), "emoji": row["emoji"], "label": row["label"], "tags": sorted(row["tags"])}
            for row in read_json(folder / "en" / "data.json")
            if row.get("subgroup") in numbers
        ),
        key=lambda garment: str(garment["id"]),
    )


def icon_svg(folder: Path, hexcodes: Sequence[str]) -> dict[str, str]:
    """Make an SVG of every hexcode that an Iconify icon set draws; those that it does not draw are left out.

    :param folder: unpacked package with ``icons.json`` and ``chars.json`` (hexcode to icon name).
    :raises DataError: an icon is an alias that turns or mirrors its parent, which none of the three sets does here.
    """
    icon_set, names = read_json(folder / "icons.json"), read_json(folder / "chars.json")
    drawn: dict[str, str] = {}
    for hexcode in hexcodes:
        name = names.get(hexcode) or names.get(hexcode.replace("-fe0f", ""))
        while (alias := icon_set.get("aliases", {}).get(name)) is not None:
            if set(alias) - {"parent", "hidden"}:
                raise DataError(
                    f"{folder / 'icons.json'}: alias {name} transforms its parent", remedy="draw it by hand"
                )
            name = alias["parent"]
        if (icon := icon_set["icons"].get(name)) is None:
            continue
        left, top = icon.get("left", icon_set.get("left", 0)), icon.get("top", icon_set.get("top", 0))
        width = icon.get("width", icon_set.get("width", 16))
        height = icon.get("height", icon_set.get("height", 16))
        drawn[hexcode] = (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="{left} {top} {width} {height}">{icon["body"]}</svg>'
        )
    return drawn


def resvg_render(svg: str, side: int) -> bytes:
    """Render with resvg; fonts are switched off, because they would tie the pixels to the machine."""
    import resvg_py  # noqa: PLC0415, a build-time dependency

    return bytes(
        resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side, background="#ffffff", skip_system_fonts=True)
    )


def build(
    npm_dir: Path,
    out: Path,
    *,
    render: Render = resvg_render,
    renderer: str = "resvg-py",
    renderer_version: str | None = None,
    expected: int = EXPECTED_GARMENTS,
) -> list[dict[str, Any]]:
    """Write ``images/<artist>/<id>.png``, ``garments.json`` and ``SOURCES.json`` and return the garments.

    :param render: from SVG to PNG; the default needs resvg-py.
    :param renderer: name of the renderer's distribution for ``SOURCES.json``.
    :param renderer_version: None asks the installed distribution.
    :param expected: how many garments all artists must draw.
    :raises DataError: a package is missing, or the count is not ``expected``; the garments that lack are named.
    """
    folders = {key: package_folder(npm_dir, source.package) for key, source in SOURCES.items()}
    garments = clothing(folders["labels"])
    ids = [garment["id"] for garment in garments]
    drawings = {artist: icon_svg(folders[artist], ids) for artist in SOURCES if artist != "labels"}
    missing = [
        f"{garment['label']} ({garment['id']}) by {artist}"
        for garment in garments
        for artist, drawn in drawings.items()
        if garment["id"] not in drawn
    ]
    if missing or len(garments) != expected:
        raise DataError(
            f"expected {expected} garments by every artist, found {len(garments)}; "
            f"not drawn: {', '.join(missing) or '-'}",
            remedy="use the package versions named in the docstring of build_wardrobe.py",
        )
    for artist, drawn in drawings.items():
        target = out / "images" / artist
        target.mkdir(parents=True, exist_ok=True)
        for hexcode, svg in drawn.items():
            (target / f"{hexcode}.png").write_bytes(_small_png(render(svg, SIDE)))
    _write_json(out / "garments.json", garments)
    tool = {"name": renderer, "version": renderer_version or version(renderer), "side": SIDE}
    sources = {key: _provenance(source, folders[key]) for key, source in SOURCES.items()}
    _write_json(out / "SOURCES.json", {"renderer": tool, "sources": sources})
    return garments


def _small_png(png: bytes) -> bytes:
    with Image.open(io.BytesIO(png)) as image:
        flat = Image.new("RGB", image.size, "white")
        flat.paste(image, mask=image.getchannel("A") if image.mode == "RGBA" else None)
    out = io.BytesIO()
    flat.save(out, "PNG", optimize=True)
    return out.getvalue()


def _provenance(source: Source, folder: Path) -> dict[str, Any]:
    package = read_json(folder / "package.json")
    if package.get("license") != source.licence:
        raise DataError(
            f"{source.package} declares the licence {package.get('license')!r}, not {source.licence!r}",
            remedy="read the package's licence before bundling anything from it",
        )
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in source.files}
    return {
        "package": source.package,
        "version": package["version"],
        "licence": source.licence,
        "attribution": source.attribution,
        "sha256": digests,
    }


def _write_json(path: Path, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1)
    # One garment a line keeps the diff of a new release readable.
    text = re.sub(r"\[\n\s+(\"[^\]{}]*\")\n\s+\]", lambda match: "[" + re.sub(r"\n\s+", " ", match[1]) + "]", text)
    path.write_text(text + "\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; prints what was written and returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python tools/build_wardrobe.py",
        description="Render the wardrobe-emoji data set from unpacked npm packages.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  python tools/build_wardrobe.py --npm-dir sources --out data",
    )
    parser.add_argument(
        "--npm-dir", type=Path, required=True, help="folder of npm install --prefix, or its node_modules"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder to write images/, garments.json, SOURCES.json to"
    )
    options = parser.parse_args(argv)
    try:
        garments = build(options.npm_dir, options.out)
    except DataError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    images = list((options.out / "images").rglob("*.png"))
    size = sum(path.stat().st_size for path in images)
    sys.stdout.write(f"{len(garments)} garments, {len(images)} images, {size:,} bytes in {options.out}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
