"""Registers the controls and baselines that come with FashionBench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.hookspecs import hookimpl
from fashionbench_baselines.specs import BACKENDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fashionbench.specs import BackendSpec

FASHIONBENCH_API = (1, 0)


@hookimpl
def register_backends() -> Iterable[BackendSpec]:
    """Return the backends."""
    return BACKENDS
