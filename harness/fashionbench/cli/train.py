"""``fashionbench train``."""

from __future__ import annotations

from pathlib import Path

import click

from fashionbench.cli.options import State, name_and_value, pass_state
from fashionbench.terminal import echo

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
@click.option(
    "--workers",
    type=click.IntRange(0),
    help="Processes that decode images ahead, which changes no weight. By default none where each is decoded once.",
)
@click.option(
    "--fsdp",
    is_flag=True,
    help="Spread trained weights, gradients and optimiser over the processes of torchrun.",
)
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
    workers: int | None,
    fsdp: bool,
    dry_run: bool,
) -> None:
    """Train a model. CONFIG is the name of a recipe, or a YAML file that names one under "trainer".

    A training that was interrupted goes on from its last checkpoint when the same command is given again.
    """
    from fashionbench.api.training import find_trainer
    from fashionbench.api.training import train as start
    from fashionbench.progress import Bars
    from fashionbench.specs.validation import read_value

    pairs = [name_and_value(change, "--set", "seed=1") for change in changes]
    spec, _ = find_trainer(config, state.plugins)
    with Bars(len(spec.phases)) as bars:
        result = start(
            config,
            changes={name: read_value(text, f"--set {name}") for name, text in pairs},
            out=out,
            data=state.roots(data),
            device=device,
            workers=workers,
            fsdp=fsdp,
            dry_run=dry_run,
            plugins=state.plugins,
            reporter=bars,
            say=bars.console.print,
        )
    for name, value in result.figures.items():
        echo(f"{name}: {value:.4g}")
    if result.model is not None:
        echo(f"model: {result.model}")
        echo(f"record: {result.record}")
