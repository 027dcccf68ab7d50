"""Contents for the fuzz tests: files of every format that is read, right ones that were damaged and odd ones."""

from __future__ import annotations

import io
import json

import numpy as np
from hypothesis import strategies as st
from PIL import Image

TEXT = st.one_of(st.sampled_from(["", "red", "image-red", "text-red", "²", "\x1b[2J", "[/b]", "a\r\nb", "NaN", "1e999", "~nouser/x", "../x", "/etc/passwd", "\u202e", "key=abc"]), st.text(max_size=6))  # fmt: skip
SCALARS = st.one_of(TEXT, st.integers(), st.floats(), st.booleans(), st.none(), st.just(10**400))
VALUES = st.recursive(SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)), max_leaves=8)  # fmt: skip


def as_json(value: object) -> str:
    """Write a value, also NaN, as Python does."""
    return json.dumps(value, ensure_ascii=False)


@st.composite
def damaged(draw: st.DrawFn, sound: bytes) -> bytes:
    """Cut a file, or change, add or double some of its bytes."""
    content = bytearray(sound)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(content)))
        match draw(st.integers(0, 4)):
            case 0:
                del content[at:]
            case 1:
                content[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case 2:
                content[at:at] = draw(st.binary(max_size=8))
            case 3:
                content[at:at] = content[: draw(st.integers(0, 40))]
            case 4:
                del content[at : at + draw(st.integers(1, 40))]
    return bytes(content)


def _npz(**arrays: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _npy(array: object) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(file, "PNG")
    return file.getvalue()


def _parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.table({"id": ["image-red", "text-red"], "role": ["query", "candidate"], "embedding": [[1.0, 0.0], [0.0, 1.0]]}), file)  # fmt: skip
    return file.getvalue()


def _safetensors() -> bytes:
    head = {"query_embeddings": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}, "query_ids": {"dtype": "U8", "shape": [13], "data_offsets": [8, 21]}}  # fmt: skip
    text = json.dumps(head).encode()
    return len(text).to_bytes(8, "little") + text + bytes(8) + b'["image-red"]'


_ROWS = np.eye(2, dtype=np.float32)
PREDICTIONS = {
    "p.json": b'{"image-red": ["text-red", "text-blue"], "image-blue": {"text-red": 0.5, "text-blue": 1}}',
    "p.jsonl": b'{"query_id": "image-red", "ranking": ["text-red"]}\n{"query_id": "image-blue", "ranking": [["text-red", 1.5]]}\n',
    "p.csv": b"query_id,candidate_id,score\nimage-red,text-red,0.5\nimage-red,text-blue,0.25\n",
    "p.tsv": b"query_id\tcandidate_id\trank\nimage-red\ttext-red\t1\n",
    "p.trec": b"image-red Q0 text-red 1 0.5 run\nimage-red Q0 text-blue 2 0.25 run\n",
    "p.npz": _npz(query_ids=np.array(["image-red"]), query_embeddings=_ROWS[:1], candidate_ids=np.array(["text-red", "x"]), candidate_embeddings=_ROWS),
    "p.npy": _npy(np.zeros((8, 3), dtype=bool)),
    "p.parquet": _parquet(),
    "p.safetensors": _safetensors(),
    "captions.json": b'[{"image_id": "image-red", "caption": "red"}]',
    "folder/image-red.png": _png(),
    "folder/mapping.json": b'{"image-red": "image-red.png"}',
    "folder/mapping.csv": b"item,file\nimage-red,image-red.png\n",
}  # fmt: skip
MANIFESTS = {
    "manifest.csv": b"image,text,split,group,slice:kind\na.png,red,test,1,x\nb.png,blue,train,2,y\n",
    "manifest.jsonl": b'{"image": "a.png", "text": "red", "split": "test"}\n{"reference": "a.png", "text": "bluer", "target": "b.png"}\n',
    "qrels.csv": b"query_id,candidate_id,grade\na.png,b.png,1\n",
    "qrels.txt": b"a.png 0 b.png 1\na.png 0 c.png 0\n",
    "qrels.tsv": b"query-id\tcorpus-id\tscore\na.png\tb.png\t2\n",
    "a.png": _png(),
}  # fmt: skip
CONFIGS = {
    "run": "tasks: [toy/squares]\nbackends: [{id: toy/colour, options: {shade: 2}}]\nseeds: [0]\nlimit: 2\nbatch_size: 4\ndevice: cpu\nboard: toy\ndata: {toy-folder: folder}\n",
    "board": "id: mine\ntitle: Mine\ncolumns:\n  - {task: toy/squares, metric: hit@1, slice: all, label: x, group: g}\nbackends: [toy/colour]\nsort_by: 0\nbase: toy/colour\n",
    "study": "id: s\ntitle: S\ntasks: [toy/squares]\nbase: {backend: toy/colour, options: {shade: 1}}\naxes: {shade: {options.shade: [1, 2]}}\nseeds: [0, 1]\n",
    "policy": "tasks:\n  '*': {margin: 0.1}\ninconclusive: fail\n",
    "baseline": "records: []\nstore: store\n",
}  # fmt: skip


@st.composite
def configs(draw: st.DrawFn, sound: str) -> bytes:
    """Write a configuration with a field that is odd, absent, unknown or doubled; or damage its bytes."""
    import yaml

    if draw(st.booleans()):
        return draw(damaged(sound.encode()))
    fields = yaml.safe_load(sound)
    name = draw(st.sampled_from([*fields, "nowhere", "trainer", "extends"]))
    if draw(st.integers(0, 5)):
        fields[name] = draw(VALUES)
    else:
        fields.pop(name, None)
    # JSON is YAML, but for what Python writes of NaN.
    return json.dumps(fields, ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")


def of(sound: bytes) -> st.SearchStrategy[bytes]:
    """Draw the content of a file whose sound form is known: damaged, odd JSON, or any bytes."""
    odd = VALUES.map(lambda value: as_json(value).encode(errors="surrogatepass"))
    return st.one_of(damaged(sound), damaged(sound), odd, st.binary(max_size=60))
