"""Load an extractor by the name that a protocol card gives it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from fashionbench.errors import UnknownNameError
from fashionbench.specs import resolve

if TYPE_CHECKING:
    from fashionbench.extractors.base import Extractor

_TARGETS = {
    "clip-vit-base-patch32": "fashionbench.extractors.clip:Clip",
    "dinov2-large": "fashionbench.extractors.dinov2:Dinov2",
    "inception-v3-fid": "fashionbench.extractors.inception:Inception",
}


@cache
def load(name: str, device: str) -> Extractor:
    """Load an extractor; one of each a process.

    :raises UnknownNameError: for a name that is no extractor.
    :raises MetricError: where its weights are not there; nothing is downloaded.
    """
    if name not in _TARGETS:
        raise UnknownNameError("extractor", name, _TARGETS)
    return cast("Extractor", cast("Any", resolve(_TARGETS[name]))(device))
