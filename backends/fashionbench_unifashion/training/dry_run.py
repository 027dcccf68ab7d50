"""Dry run of a training: what each phase would train and need, without weights and without data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from fashionbench.errors import BackendError
from fashionbench_unifashion.model.config import overlaid, preset
from fashionbench_unifashion.model.unifashion import UniFashion
from fashionbench_unifashion.training.memory_estimate import activations
from fashionbench_unifashion.training.phases.registry import train_only
from fashionbench_unifashion.weights.source_check import check_sources
from fashionbench_unifashion.weights.source_sizes import without_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.table import Table
    from torch import Tensor

    from fashionbench_unifashion.training.recipe import PhaseConfig, Recipe
    from fashionbench_unifashion.weights.source_check import SourceCheck


class PhasePlan(NamedTuple):
    """What a phase trains and needs on one process; memory in bytes."""

    name: str
    trainable: int
    """Parameters that learn."""
    frozen: int
    """Parameters that do not."""
    weights: int
    """Memory of all weights, in the types that they are kept in."""
    gradients: int
    """Memory of the gradients, one a trainable parameter in its type."""
    optimiser: int
    """Memory of AdamW's two averages of each gradient."""
    activations: int
    """Roughly; see :func:`~fashionbench_unifashion.training.memory_estimate.activations`."""


def empty_model(recipe: Recipe) -> UniFashion:
    """Build the recipe's model on the meta device, without weights, as large as its sources say that they are.

    :raises ConfigError: where ``model.changes`` names a source that is not on this machine.
    """
    config = without_sources(preset(recipe.model.preset, recipe.model.changes))
    with torch.device("meta"):
        return UniFashion(config)


def plan(model: UniFashion, name: str, phase: PhaseConfig, recipe: Recipe) -> PhasePlan:
    """Say what a phase trains and needs, as one process with the whole batch.

    Weights, gradients and AdamW's states follow from the parameters. Mixed precision keeps them as they are and makes
    copies of some weights in 16 bits for a while, which are not counted.
    """
    trained = [*train_only(model, phase).values()]
    ids = {id(value) for value in trained}
    others = [value for value in model.parameters() if id(value) not in ids]
    gradients = _bytes(trained)
    return PhasePlan(
        name,
        sum(value.numel() for value in trained),
        sum(value.numel() for value in others),
        gradients + _bytes([*others, *model.buffers()]),
        gradients,
        2 * gradients,
        activations(model, phase, recipe),
    )


def show_plan(recipe: Recipe, say: Callable[[Any], object]) -> None:
    """Print the parts of the model, and for each phase what learns, how long, and the memory it needs.

    :param say: prints a line or a table.
    :raises ConfigError: where the model lacks a part that a phase trains.
    :raises BackendError: where weights that are on this machine do not fit, after everything else was said.
    """
    model = empty_model(recipe)
    say(_parts(model, recipe))
    rows = {name: plan(model, name, phase, recipe) for name, phase in recipe.phases.items()}
    say(_learning(rows, recipe))
    say(_memory(rows))
    named = "; ".join(
        f"{kind}: {', '.join(tasks)}" for kind, tasks in recipe.data.model_dump(mode="json").items() if tasks
    )
    say(f"learns from {named or 'nothing'}")
    say(
        "Memory is that of one process with the whole batch. Activations are a count of what autograd keeps, right "
        "within a factor of two; accumulate: N divides them by N, and N processes share them."
    )
    checked = check_sources(preset(recipe.model.preset, overlaid(recipe.model.changes, recipe.model.weights)))
    if not checked:
        return
    say(_start(checked))
    say("Names and shapes were compared with the headers of the files; no weights were loaded.")
    wrong = [f"{row.part} from {row.source}: {row.said}" for row in checked if row.fits is False]
    if wrong:
        raise BackendError("; ".join(wrong), remedy="name other weights, or change the model to theirs")


def _start(checked: Sequence[SourceCheck]) -> Table:
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(title="what training starts from")
    for name in ("part", "source", "fits", ""):
        table.add_column(name)
    for row in checked:
        table.add_row(row.part, escape(row.source), {True: "yes", False: "no", None: "?"}[row.fits], escape(row.said))
    return table


def _parts(model: UniFashion, recipe: Recipe) -> Table:
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=f"{recipe.name}: parts (preset {recipe.model.preset})")
    table.add_column("part")
    table.add_column("parameters", justify="right")
    table.add_column("kept as")
    for name, part in model.parts().items():
        types: dict[str, int] = {}
        for value in part.parameters():
            kind = str(value.dtype).removeprefix("torch.")
            types[kind] = types.get(kind, 0) + value.numel()
        kinds = ", ".join(types) if len(types) < 2 else ", ".join(f"{k} {n:,}" for k, n in types.items())
        table.add_row(name, f"{sum(types.values()):,}", kinds)
    table.add_row("all", f"{sum(value.numel() for value in model.parameters()):,}", "")
    return table


def _learning(rows: dict[str, PhasePlan], recipe: Recipe) -> Table:
    from rich.table import Table  # noqa: PLC0415

    table = Table(title="phases")
    for name in ("phase", "length"):
        table.add_column(name, no_wrap=True)
    for name in ("batch", "trainable", "frozen"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, phase in recipe.phases.items():
        length = f"{phase.steps:,} steps" if phase.steps is not None else f"{phase.epochs:g} epochs"
        batch = f"{phase.batch}" + (f" in {phase.accumulate}" if phase.accumulate > 1 else "")
        table.add_row(name, length, batch, f"{rows[name].trainable:,}", f"{rows[name].frozen:,}")
    return table


def _memory(rows: dict[str, PhasePlan]) -> Table:
    from rich.table import Table  # noqa: PLC0415

    table = Table(title="memory in GiB")
    table.add_column("phase")
    for name in ("weights", "gradients", "AdamW", "activations", "all"):
        table.add_column(name, justify="right")
    for name, row in rows.items():
        memory = (row.weights, row.gradients, row.optimiser, row.activations)
        table.add_row(name, *map(_gib, memory), _gib(sum(memory)))
    return table


def _bytes(values: Sequence[Tensor]) -> int:
    return sum(value.numel() * value.element_size() for value in values)


def _gib(count: int) -> str:
    return f"{count / 2**30:.3g}"
