"""Registers the controls and baselines that come with FashionBench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.hookspecs import hookimpl
from fashionbench_baselines.caption_specs import CAPTION_BACKENDS
from fashionbench_baselines.specs import BACKENDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fashionbench.specs import BackendSpec

FASHIONBENCH_API = (1, 0)


@hookimpl
def register_backends() -> Iterable[BackendSpec]:
    """Return the backends."""
    captioning = {spec.id for spec in CAPTION_BACKENDS}
    return [*(spec for spec in BACKENDS if spec.id not in captioning), *CAPTION_BACKENDS]
