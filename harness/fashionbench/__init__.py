"""FashionBench: evaluate multimodal fashion models, and show a number only beside numbers measured the same way.

Everything here is imported when it is first used, so that ``import fashionbench`` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fashionbench.api import load_records, run
    from fashionbench.boards.board import Board
    from fashionbench.plugins.hookspecs import hookimpl
    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.specs import BackendSpec, BoardSpec, Column, DatasetSpec, Licence, MetricSpec, TaskSpec
    from fashionbench.specs.capabilities import BackendContext
    from fashionbench.specs.protocol import ProtocolCard

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
    "BackendContext": "specs.capabilities",
    "Board": "boards.board",
    "Plugins": "plugins.manager",
    "ProtocolCard": "specs.protocol",
    "Record": "records.schema",
    "Store": "records.store",
    "hookimpl": "plugins.hookspecs",
    "load_records": "api",
    "run": "api",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'fashionbench' has no attribute {name!r}")
    return getattr(import_module(f"fashionbench.{_HOMES.get(name, 'specs')}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
