"""Say where missing files were looked for, and what is there instead."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from fashionbench.errors import first_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SHOWN = 3


def describe_search(missing: Sequence[Path]) -> str:
    """Describe the place where most of some missing files were looked for.

    :param missing: paths without a file.
    :returns: such as ``looked for D0.jpg in /data/fiq/images, which does not exist; /data/fiq holds captions``; empty
        where nothing is missing.
    """
    if not missing:
        return ""
    (folder, _), *_ = Counter(path.parent for path in missing).most_common(1)
    example = next(path for path in missing if path.parent == folder)
    text = f"looked for {example.name} in {folder}"
    if folder.is_dir():
        return f"{text}, which holds {_content(folder)}"
    above = next((one for one in folder.parents if one.is_dir()), None)
    return f"{text}, which does not exist" + (f"; {above} holds {_content(above)}" if above else "")


def _content(folder: Path) -> str:
    names = sorted(path.name for path in islice(folder.iterdir(), 10_000))
    return first_names(names, _SHOWN) if names else "nothing"
