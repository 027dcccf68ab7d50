"""The Fashion200K tasks of M-BEIR: task 0 is text to image, task 3 image to text, both over the whole collection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.layouts import fashion200k
from fashionbench_atelier.layouts.annotation_files import write_json_lines, write_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fashionbench_atelier.layouts.source import LayoutSource, PhotoKey

FOLDER = "fashion200k-mbeir"
_IMAGES = "mbeir_images/fashion200k_images"
_SET = 1
"""Number of Fashion200K in M-BEIR's ids."""


def photos(source: LayoutSource) -> Iterator[tuple[PhotoKey, str]]:
    """List the photos of Fashion200K again, below this root."""
    prefix = f"{fashion200k.FOLDER}/"
    for shot, path in fashion200k.photos(source):
        yield shot, f"{FOLDER}/{_IMAGES}/{path.removeprefix(prefix).replace('.jpeg', '.jpg')}"


def write(source: LayoutSource, root: Path) -> None:
    """Write queries, pools and qrels of both tasks.

    The pools hold train and test. Products of one title cannot be distinguished by it, so every photo of each of them
    is a positive of the title, as in M-BEIR.
    """
    images: dict[str, list[str]] = {"train": [], "test": []}
    titles: dict[str, str] = {}
    for split, paths in images.items():
        for product in fashion200k.garments(source, split):
            for _, index in source.photo_keys(product):
                place = fashion200k.place(source, product, index).replace(".jpeg", ".jpg")
                paths.append(f"{_IMAGES}/{place}")
                titles[paths[-1]] = fashion200k.title(source, product)
    texts = list(dict.fromkeys(titles.values()))
    pool = [*images["train"], *images["test"]]
    number = {key: f"{_SET}:{at}" for at, key in enumerate([*pool, *texts])}
    queries = list(dict.fromkeys(titles[path] for path in images["test"]))
    shown: dict[str, list[str]] = {}
    for path, text in titles.items():
        shown.setdefault(text, []).append(number[path])
    _task(
        root / FOLDER,
        0,
        [{"query_txt": text, "query_img_path": None, "query_modality": "text"} for text in queries],
        [{"did": number[p], "txt": None, "img_path": p, "modality": "image", "src_content": None} for p in pool],
        [shown[text] for text in queries],
    )
    _task(
        root / FOLDER,
        3,
        [{"query_txt": None, "query_img_path": path, "query_modality": "image"} for path in images["test"]],
        [{"did": number[t], "txt": t, "img_path": None, "modality": "text", "src_content": None} for t in texts],
        [[number[titles[path]]] for path in images["test"]],
    )


def _task(
    root: Path,
    task: int,
    queries: Sequence[dict[str, object]],
    candidates: Sequence[dict[str, object]],
    positives: Sequence[list[str]],
) -> None:
    name = f"mbeir_fashion200k_task{task}"
    asked = [
        {
            "qid": f"{_SET}:{at}",
            **query,
            "query_src_content": None,
            "pos_cand_list": own,
            "neg_cand_list": [],
            "task_id": task,
        }
        for at, (query, own) in enumerate(zip(queries, positives, strict=True))
    ]
    write_json_lines(root / "query" / "test" / f"{name}_test.jsonl", asked)
    write_json_lines(root / "cand_pool" / "local" / f"{name}_cand_pool.jsonl", candidates)
    lines = [f"{_SET}:{at} 0 {one} 1 {task}" for at, own in enumerate(positives) for one in own]
    write_lines(root / "qrels" / "test" / f"{name}_test_qrels.txt", lines)
