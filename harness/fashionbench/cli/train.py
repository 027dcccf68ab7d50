"""``fashionbench train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fashionbench.cli.options import State, pass_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.specs import TrainerSpec

EXAMPLES = """
\b
Examples:
  fashionbench train unifashion-tiny
  fashionbench train unifashion-paper --dry-run
  fashionbench train my-recipe.yaml --out models/mine --set seed=1
  fashionbench train unifashion-tiny --data atelier=/data/atelier
  torchrun --nproc_per_node 2 -m fashionbench train unifashion-tiny     two processes
"""


@click.command(epilog=EXAMPLES)
@click.argument("config")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The folder to train in.")
@click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE", help="Change a field, such as seed=1.")
@click.option("--data", "data", multiple=True, metavar="NAME=FOLDER", help="Where a data set lies; may be repeated.")
@click.option("--device", default="auto", show_default=True, help="A torch device.")
@click.option("--dry-run", is_flag=True, help="Say what each phase would train and need, and stop.")
@pass_state
def train(
    state: State,
    /,
    *,
    config: str,
    out: Path | None,
    changes: tuple[str, ...],
    data: tuple[str, ...],
    device: str,
    dry_run: bool,
) -> None:
    """Train a model. CONFIG is the name of a recipe, or a YAML file that names one under "trainer".

    A training that was interrupted goes on from its last checkpoint when the same command is given again.
    """
    from fashionbench.data.roots import DataRoots
    from fashionbench.progress import Bars
    from fashionbench.runner.device import resolve_device
    from fashionbench.training.open_part import train as start

    spec, fields = find_trainer(config, state)
    fields = merged(fields, changes)
    folder = out or Path("models") / Path(config).stem
    with Bars(len(spec.phases)) as bars:
        result = start(
            spec,
            fields,
            state.plugins,
            out=folder,
            roots=DataRoots(named=state.roots(data), cache=folder / "cache" / "surveys"),
            device=resolve_device(device),
            reporter=bars,
            say=bars.console.print,
            dry_run=dry_run,
        )
    for name, value in result.figures.items():
        click.echo(f"{name}: {value:.4g}")
    if result.model is not None:
        click.echo(f"model: {result.model}")
        click.echo(f"record: {result.record}")


def find_trainer(name: str, state: State) -> tuple[TrainerSpec, dict[str, Any]]:
    """Find a trainer by its name, or by the name that a YAML file gives, with the file's other fields.

    :raises ConfigError: where the file is no recipe.
    """
    from fashionbench.errors import ConfigError
    from fashionbench.specs.validation import read_yaml

    if not name.endswith((".yaml", ".yml")):
        return state.plugins.trainers[name], {}
    fields = read_yaml(Path(name))
    trainer = fields.pop("trainer", None)
    if not isinstance(trainer, str):
        known = ", ".join(state.plugins.trainers.names())
        raise ConfigError(f"{name} names no trainer", remedy=f"write trainer: and one of {known}")
    return state.plugins.trainers[trainer], fields


def merged(fields: dict[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """Put ``a.b=value`` changes into nested fields; values are read as YAML.

    :raises ConfigError: where one is not of that form.
    """
    import copy

    from fashionbench.errors import ConfigError
    from fashionbench.specs.validation import read_value

    made = copy.deepcopy(fields)
    for change in changes:
        path, equals, text = change.partition("=")
        *folders, last = path.split(".")
        if not equals or not all([*folders, last]):
            raise ConfigError(f"--set {change!r} is not FIELD=VALUE", remedy="such as --set seed=1")
        inner = made
        for folder in folders:
            inner = inner.setdefault(folder, {})
            if not isinstance(inner, dict):
                raise ConfigError(f"--set {change!r}: {folder} has no fields", remedy="name the field itself")
        inner[last] = read_value(text, f"--set {change!r}")
    return made
