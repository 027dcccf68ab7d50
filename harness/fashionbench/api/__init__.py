"""The Python API: one function for each command of the command line, which only formats what they return.

Everything is imported when it is first used, so that the command line starts without what a command does not need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fashionbench.api.boards import find_board, make_board, render_board, write_board
    from fashionbench.api.catalog import describe, list_specs
    from fashionbench.api.data import audit, data_status, make_data
    from fashionbench.api.diagnosis import diagnose, write_diagnosis
    from fashionbench.api.exports import export
    from fashionbench.api.machine import doctor
    from fashionbench.api.records import frame, invalidate, load_records, verify_records
    from fashionbench.api.runs import preview, rescore, run, score
    from fashionbench.api.stores import open_store
    from fashionbench.api.training import train

__all__ = [
    "audit",
    "data_status",
    "describe",
    "diagnose",
    "doctor",
    "export",
    "find_board",
    "frame",
    "invalidate",
    "list_specs",
    "load_records",
    "make_board",
    "make_data",
    "open_store",
    "preview",
    "render_board",
    "rescore",
    "run",
    "score",
    "train",
    "verify_records",
    "write_board",
    "write_diagnosis",
]

_MODULES = {
    "audit": "data",
    "data_status": "data",
    "describe": "catalog",
    "diagnose": "diagnosis",
    "doctor": "machine",
    "export": "exports",
    "find_board": "boards",
    "frame": "records",
    "invalidate": "records",
    "list_specs": "catalog",
    "load_records": "records",
    "make_board": "boards",
    "make_data": "data",
    "open_store": "stores",
    "preview": "runs",
    "render_board": "boards",
    "rescore": "runs",
    "run": "runs",
    "score": "runs",
    "train": "training",
    "verify_records": "records",
    "write_board": "boards",
    "write_diagnosis": "diagnosis",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'fashionbench.api' has no attribute {name!r}")
    return getattr(import_module(f"fashionbench.api.{_MODULES[name]}"), name)
