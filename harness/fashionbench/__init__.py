"""FashionBench: evaluate multimodal fashion models, and show a number only beside numbers measured the same way.

Everything here is imported when it is first used, so that ``import fashionbench`` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fashionbench.api import load_records, run
    from fashionbench.board import Board
    from fashionbench.capabilities import BackendContext
    from fashionbench.hookspecs import hookimpl
    from fashionbench.plugins import Plugins
    from fashionbench.protocol import ProtocolCard
    from fashionbench.records.record import Record
    from fashionbench.records.store import Store
    from fashionbench.specs import BackendSpec, BoardSpec, Column, DatasetSpec, Licence, MetricSpec, TaskSpec

__all__ = [
    "BackendContext",
    "BackendSpec",
    "Board",
    "BoardSpec",
    "Column",
    "DatasetSpec",
    "Licence",
    "MetricSpec",
    "Plugins",
    "ProtocolCard",
    "Record",
    "Store",
    "TaskSpec",
    "hookimpl",
    "load_records",
    "run",
]

_HOMES = {
    "BackendContext": "capabilities",
    "Board": "board",
    "Plugins": "plugins",
    "ProtocolCard": "protocol",
    "Record": "records.record",
    "Store": "records.store",
    "hookimpl": "hookspecs",
    "load_records": "api",
    "run": "api",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'fashionbench' has no attribute {name!r}")
    return getattr(import_module(f"fashionbench.{_HOMES.get(name, 'specs')}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
