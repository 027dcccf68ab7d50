"""Registers the named models, and takes the address ``hf:FOLDER`` or ``hf:OWNER/NAME``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fashionbench.plugins.hookspecs import hookimpl
from fashionbench_models.endpoint.specs import BACKENDS as ENDPOINTS
from fashionbench_models.named import named_models
from fashionbench_models.pipelines.specs import BACKENDS as PIPELINES
from fashionbench_models.training.backends import BACKENDS as TRAINED
from fashionbench_models.training.specs import TRAINERS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fashionbench.specs import BackendSpec, DiagnosedModel, TrainerSpec

FASHIONBENCH_API = (1, 0)
_PREFIX = "hf:"


@hookimpl
def register_backends() -> list[BackendSpec]:
    """Return models by name, behind an endpoint, of several parts, and those that are trained on demand."""
    return [*named_models(), *ENDPOINTS, *PIPELINES, *TRAINED]


@hookimpl
def register_trainers() -> list[TrainerSpec]:
    """Return the trainers."""
    return list(TRAINERS)


@hookimpl
def describe_backend(address: str, options: Mapping[str, Any]) -> BackendSpec | None:
    """Describe a model of transformers, OpenCLIP or sentence-transformers; None for addresses of another form."""
    if not address.startswith(_PREFIX):
        return None
    from fashionbench_models.description import describe  # noqa: PLC0415

    return describe(address.removeprefix(_PREFIX), options)


@hookimpl
def describe_model(folder: Path) -> DiagnosedModel | None:
    """Describe a model folder that a family knows; None for others."""
    from fashionbench_models.diagnosis import describe  # noqa: PLC0415

    return describe(folder)
