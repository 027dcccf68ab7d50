"""The tasks that come with FashionBench, their data, and the classes that other tasks are made of."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fashionbench_tasks.captioning.task import CaptionFold, Captioning
    from fashionbench_tasks.retrieval.fold import Fold
    from fashionbench_tasks.retrieval.task import Retrieval

__all__ = ["CaptionFold", "Captioning", "Fold", "Retrieval"]

_HOMES = {
    "CaptionFold": "captioning.task",
    "Captioning": "captioning.task",
    "Fold": "retrieval.fold",
    "Retrieval": "retrieval.task",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'fashionbench_tasks' has no attribute {name!r}")
    return getattr(import_module(f"fashionbench_tasks.{_HOMES[name]}"), name)
