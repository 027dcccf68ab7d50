"""A small manifest of composed queries, as JSON Lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.layouts.annotation_files import write_json_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fashionbench_atelier.layouts.comparisons import Comparison
    from fashionbench_atelier.layouts.source import LayoutSource, PhotoKey

FOLDER = "manifest-triplets"
_QUERIES = 60


def chosen(source: LayoutSource) -> list[Comparison]:
    """Select the first queries of train and val, as many of each."""
    half = _QUERIES // 2
    return [
        one
        for split in ("train", "val")
        for one in [one for one in source.comparisons if source.splits[one.target] == split][:half]
    ]


def photos(source: LayoutSource) -> Iterator[tuple[PhotoKey, str]]:
    """List the first photo of each reference and target."""
    for identity in sorted({identity for one in chosen(source) for identity in (one.reference, one.target)}):
        yield (identity, 0), f"{FOLDER}/images/{identity}.jpg"


def write(source: LayoutSource, root: Path) -> None:
    """Write one row a query; its text is what the annotators wrote, joined."""
    rows: list[dict[str, object]] = [
        {
            "reference": f"images/{one.reference}.jpg",
            "text": " and ".join(caption.text for caption in one.captions if caption.text),
            "target": f"images/{one.target}.jpg",
            "split": source.splits[one.target],
        }
        for one in chosen(source)
    ]
    write_json_lines(root / FOLDER / "manifest.jsonl", rows)
