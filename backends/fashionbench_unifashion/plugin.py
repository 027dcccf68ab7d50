"""Registers UniFashion: its trainers and its backends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fashionbench.plugins.hookspecs import hookimpl
from fashionbench.specs import BackendSpec, Resources, StudySpec, TrainerSpec
from fashionbench_unifashion.options import DEFAULTS
from fashionbench_unifashion.studies import SUMMARIES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import click

    from fashionbench.specs import DiagnosedModel
    from fashionbench.specs.capabilities import Capability

FASHIONBENCH_API = (1, 0)

_CAPABILITIES: frozenset[Capability] = frozenset(
    {"encode-image", "encode-text", "encode-composed", "score-pairs", "caption", "try-on", "design", "style-transfer"}
)
_PHASES = ("vae", "1a", "1b-language", "1b-diffusion", "2", "try-on")


def _backend(name: str, summary: str, trainer: str = "") -> BackendSpec:
    return BackendSpec(
        id=name,
        summary=summary,
        target="fashionbench_unifashion.backend:UniFashionBackend",
        revision="1",
        capabilities=_CAPABILITIES,
        extra="models",
        packages=("torch", "transformers", "diffusers", "accelerate", "safetensors"),
        options=DEFAULTS,
        models=("model",),
        # A candidate image carries the features of its caption, a query image does not.
        roles_differ=True,
        # Noise is drawn from seed and item id. Captions of a gallery that are kept are those it would write again.
        stateless=True,
        trainer=trainer,
        resources=Resources(gpus=1, seconds=120),
    )


@hookimpl
def register_backends() -> Iterable[BackendSpec]:
    """Return the backends."""
    return [
        _backend("unifashion", "a trained UniFashion model; option model=FOLDER"),
        _backend("unifashion-quick", "a small UniFashion, trained in minutes on generated data", "unifashion-quick"),
        _backend("unifashion-tiny", "a small UniFashion, trained in forty minutes of one core", "unifashion-tiny"),
        replace(
            _backend("unifashion-leaked-captions", "a UniFashion whose gallery captions hold the words of the queries"),
            target="fashionbench_unifashion.leaked_captions:LeakedCaptions",
            capabilities=frozenset({"encode-image", "encode-text", "encode-composed"}),
            control=True,
            privileged=True,
            stateless=False,  # who shares a cell of it would be sent the whole model
        ),
    ]


@hookimpl
def register_studies() -> Iterable[StudySpec]:
    """Return the ready ablation studies."""
    module = "fashionbench_unifashion.studies"
    return [
        StudySpec(id=f"unifashion-{name}", summary=summary, target=f"{module}:{name.replace('-', '_')}")
        for name, summary in SUMMARIES.items()
    ]


@hookimpl
def register_trainers() -> Iterable[TrainerSpec]:
    """Return the trainers."""
    summaries = {
        "tiny": "all phases on the generated twin, in half an hour on two cores",
        "quick": "the same in a minute or two, to see how it works",
        "study": "the same in about eight minutes, for the variants of an ablation",
        "paper": "the paper's size on FashionGen, Fashion-IQ and VITON-HD; needs GPUs",
        "nano": "a few steps of everything, for tests",
    }
    return [
        TrainerSpec(
            id=f"unifashion-{size}",
            summary=summary,
            target=f"fashionbench_unifashion.training.trainer:{size}",
            phases=_PHASES,
            tasks=f"fashionbench_unifashion.training.recipe_tasks:{size}",
            configuration=f"fashionbench_unifashion.training.whole_recipe:{size}",
            extra="models",
            resources=Resources(gpus=1, seconds=600),
            workers=True,
            fsdp=True,
        )
        for size, summary in summaries.items()
    ]


@hookimpl
def describe_model(folder: Path) -> DiagnosedModel | None:
    """Describe a UniFashion model in a folder; None where it is of another kind."""
    from fashionbench_unifashion.diagnosis.description import describe  # noqa: PLC0415

    return describe(folder)


@hookimpl
def register_commands(group: click.Group) -> None:
    """Add ``export-model``."""
    from fashionbench_unifashion.command import export_model  # noqa: PLC0415

    group.add_command(export_model)
