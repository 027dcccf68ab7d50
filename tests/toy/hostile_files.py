"""A folder full of what can be wrong with files."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from fashionbench import api

if TYPE_CHECKING:
    from pathlib import Path

    from fashionbench.plugins.manager import Plugins

DEEP = 100_000
TEXTS = {
    "empty.yaml": "", "list.yaml": "- 1\n- 2\n", "twice.yaml": "tasks: toy/squares\ntasks: toy/folder\n", "tag.yaml": "a: !!python/object/apply:os.system ['x']\n",
    "deep.yaml": "[" * DEEP, "alias.yaml": "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\nself: &s [*s]\n", "deep.json": "[" * DEEP, "cut.json": '{"a": [1, ',
    "nan.json": '{"a": [["b", NaN]]}', "odd.json": '{"a": 5, "b": {"c": null}}', "ranking.json": '{"image-red": ["text-red"]}', "captions.json": '{"image-red": "red"}',
    "broken.py": "def (", "none.yaml": "null\n", "nul.yaml": 'tasks: "a\\0b"\nbackends: ["x\\0y"]\ndata: {toy-folder: "c\\0d"}\n',
    "board.yaml": "id: b\ntitle: '[/x] \\e[2J'\ncolumns: [{task: toy/squares, metric: hit@1}]\n",
    "run.yaml": "tasks: [toy/squares]\nbackends: [toy/colour]\nboard: nowhere\n",
    "study.yaml": "id: s\nbase: {backend: toy/colour}\ntasks: [toy/squares]\naxes: {shade: {options.shade: [1]}}\n",
    "policy.yaml": "tasks: {'*': {margin: 0.1}}\n",
}  # fmt: skip


def fill(folder: Path, plugins: Plugins) -> None:
    """Write files that are cut, deep, doubled, linked to themselves, or no files at all; and a store of two records."""
    folder.mkdir(parents=True)
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    (folder / "latin1.yaml").write_bytes("tasks: Schürze\n".encode("latin-1"))
    (folder / "bytes.csv").write_bytes(b"id,caption\n\xff\xfe,\x00\n")
    (folder / "bytes.jsonl").write_bytes(b'{"id": "a"}\n\xff\n')
    (folder / "cut.npz").write_bytes(b"PK\x03\x04" + bytes(40))
    (folder / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(12))
    (folder / "cut.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(12))
    (folder / "file").write_text("x")
    for name in ("folder", "folder.json", "folder.png", "folder.yaml"):
        (folder / name).mkdir()
    (folder / "folder" / "inner.png").mkdir()
    (folder / "folder" / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(12))
    for name in ("loop", "loop.yaml"):
        (folder / name).symlink_to(name)
    for name in ("pipe", "pipe.yaml", "pipe.json"):
        os.mkfifo(folder / name)
    api.run({"tasks": "toy/squares", "backends": ["toy/colour", "toy/raises"]}, plugins=plugins, store=folder / "store")
    (folder / "store" / "marks").mkdir()
    (folder / "store" / "marks" / "x.json").write_text(json.dumps({"record_id": 5}))
