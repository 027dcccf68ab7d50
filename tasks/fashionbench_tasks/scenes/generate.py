"""Write generated scenes into a folder, in the layout of COCO Captions in Karpathy's splits."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from fashionbench.data.dataset import mark_twin
from fashionbench.errors import ConfigError, DataError
from fashionbench_tasks.scenes.drawing import draw
from fashionbench_tasks.scenes.world import DATASET_ID, VERSION, captions, draw_scene

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fashionbench_tasks.scenes.world import Scene

SIZES: Mapping[str, int] = {"train": 600, "restval": 40, "val": 60, "test": 200}
"""Images of each split, with what is taken where nothing is said."""
#: There are 53,760 different scenes, of which no two are alike in a folder.
_MOST = 40_000
FILE = "dataset_coco.json"


def make(out: Path, seed: int, sizes: Mapping[str, int], advance: Callable[[int, int], object]) -> None:
    """Draw the scenes of a seed; the same seed and sizes give the same files.

    :param sizes: images of each split, by its name.
    :param advance: called with how many images are drawn, of how many.
    :raises ConfigError: on a split that there is not, or a size out of range.
    :raises DataError: where the folder exists and holds anything.
    """
    counts = _sizes(sizes)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} exists and is not empty", remedy="choose another folder with --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        _write(work, seed, counts, advance)
        work.chmod(0o755)
        if out.exists():
            out.rmdir()
        work.rename(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _sizes(sizes: Mapping[str, int]) -> dict[str, int]:
    unknown = sorted(sizes.keys() - SIZES.keys())
    if unknown:
        raise ConfigError(f"scenes have no {', '.join(unknown)}", remedy=f"sizes are {', '.join(SIZES)}")
    counts = {**SIZES, **sizes}
    if min(counts.values()) < 0 or sum(counts.values()) > _MOST or not counts["test"]:
        said = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise ConfigError(f"no scenes of {said}", remedy=f"at least one of test, and at most {_MOST:,} together")
    return counts


def _write(root: Path, seed: int, counts: Mapping[str, int], advance: Callable[[int, int], object]) -> None:
    rng = Random(f"scenes/{VERSION}/{seed}")  # noqa: S311
    entries: list[dict[str, object]] = []
    seen: set[Scene] = set()
    total = sum(counts.values())
    for split, count in counts.items():
        folder = "train2014" if split == "train" else "val2014"
        (root / folder).mkdir(exist_ok=True)
        for _ in range(count):
            scene, number = draw_scene(rng), len(entries)
            while scene in seen:
                scene = draw_scene(rng)
            seen.add(scene)
            name = f"COCO_{folder}_{number:012d}.png"
            draw(scene).save(root / folder / name)
            sentences = [{"raw": text, "imgid": number} for text in captions(scene)]
            entry = {"filepath": folder, "filename": name, "imgid": number, "split": split, "sentences": sentences}
            entries.append(entry)
            advance(len(entries), total)
    text = json.dumps({"images": entries, "dataset": "coco"})
    (root / FILE).write_text(text + "\n", encoding="utf-8", newline="\n")
    mark_twin(root, DATASET_ID, seed)
