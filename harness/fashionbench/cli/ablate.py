"""``fashionbench ablate``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fashionbench.cli.executor_options import chosen_executor, executor_options
from fashionbench.cli.options import (
    State,
    format_of_file,
    json_option,
    name_and_value,
    pass_state,
    print_table,
    store_option,
)
from fashionbench.terminal import echo

if TYPE_CHECKING:
    from fashionbench.runner.driver import Preview
    from fashionbench.studies.ablation import Ablation
    from fashionbench.studies.study import Study

EXAMPLES = """
\b
Examples:
  fashionbench ablate study.yaml --dry-run
  fashionbench ablate study.yaml --store runs/study
  fashionbench ablate study.yaml --executor-option workers=4
  fashionbench ablate study.yaml --store runs/study --output study.html
  fashionbench ablate study.yaml --set options.dimension=16,64,256
  fashionbench ablate study.yaml --shard 2/4
  fashionbench ablate unifashion-losses --trainer unifashion-tiny --dry-run
"""


@click.command(epilog=EXAMPLES)
@click.argument("study")
@click.option("--set", "axes", multiple=True, metavar="FIELD=V1,V2", help="One more axis: a field and its values.")
@click.option("--seed", "seeds", multiple=True, type=click.IntRange(min=0), help="In place of the study's seeds.")
@click.option("--trainer", help="In place of the study's trainer, such as unifashion-tiny.")
@executor_options
@click.option("--shard", metavar="I/N", help="Run only this part of the variants and seeds, counted from 1.")
@click.option("--dry-run", is_flag=True, help="Say what would be run and what it may cost, and stop.")
@click.option("--format", "format_", type=click.Choice(["table", "markdown", "json", "html"]), help="How to print.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@store_option
@json_option
@pass_state
def ablate(
    state: State,
    /,
    *,
    study: str,
    trainer: str | None,
    axes: tuple[str, ...],
    seeds: tuple[int, ...],
    executor: str | None,
    executor_options: tuple[str, ...],
    shard: str | None,
    dry_run: bool,
    format_: str | None,
    output: Path | None,
    store: str | Path | None,
    as_json: bool,
) -> int:
    """Run an ablation study: a base, its variants, several seeds; print the effect of each change.

    STUDY is a YAML file, or the name of a registered study ('fashionbench list studies').
    What the store holds already is reused, so a study that was interrupted goes on where it stopped. Ends with exit
    code 1 where a run failed.
    """
    from fashionbench.api.studies import FORMATS, find_study, render_ablation
    from fashionbench.api.studies import ablate as start
    from fashionbench.output_files import check_output, write_output
    from fashionbench.progress import Bars
    from fashionbench.runner.sharding import read_shard

    chosen = _changed(find_study(study, state.plugins), axes, seeds, trainer)
    part = read_shard(shard)
    divided = chosen_executor({}, executor, executor_options) if executor or executor_options else None
    # Before the first run: a wrong suffix must not be found after hours.
    wanted = "json" if as_json else format_
    if output is not None and wanted is None:
        wanted = format_of_file(output, {suffix: name for name, suffix in FORMATS.items()})
    if output is not None:
        check_output(output)
    if dry_run:
        _preview(state, chosen, store, part)
        return 0
    opened = state.made_store(store)
    with Bars(0) as bars:
        made = start(chosen, store=opened, shard=part, executor=divided, plugins=state.plugins, reporter=bars)
    if wanted in {None, "table"}:
        _print(made)
    elif output is None:
        echo(render_ablation(made, str(wanted)), nl=False, raw=True)
    else:
        write_output(output, render_ablation(made, str(wanted)))
        echo(f"wrote {output}")
    return 1 if made.failures else 0


def _changed(study: Study, axes: tuple[str, ...], seeds: tuple[int, ...], trainer: str | None) -> Study:
    from fashionbench.specs.validation import read_value
    from fashionbench.studies.study import checked

    added = {}
    for text in axes:
        field, values = name_and_value(text, "--set", "options.dimension=16,64")
        added[field.rpartition(".")[2]] = {field: read_value(f"[{values}]", f"--set {field}")}
    changes: dict[str, object] = {"axes": {**study.axes, **added}, "seeds": seeds or study.seeds}
    if trainer is not None:
        changes["base"] = study.base.model_copy(update={"trainer": trainer})
    return checked(study.model_copy(update=changes))


def _preview(state: State, study: Study, store: str | Path | None, shard: tuple[int, int]) -> None:
    from rich.table import Table

    from fashionbench.api.studies import preview_study
    from fashionbench.cli.run_cost import cost_text
    from fashionbench.errors import counted

    rows = preview_study(study, store=store, shard=shard, plugins=state.plugins)
    table = Table(title=counted(len(rows), "run"))
    for head in ("variant", "seed", "cells", "reused", "trainings", "cost"):
        table.add_column(head, overflow="fold")
    every: list[Preview] = []
    for variant, seed, cells in rows:
        reused = sum(cell.reused for cell in cells)
        # A model that several variants have is counted with the first of them.
        before = {name for cell in every for name in cell.trainings}
        own = [replace(cell, trainings={n: s for n, s in cell.trainings.items() if n not in before}) for cell in cells]
        every += own
        trainings = {name for cell in own for name in cell.trainings}
        problem = next((cell.problem for cell in cells if cell.problem), "")
        cost = f"will fail: {problem}" if problem else cost_text(own)
        table.add_row(variant.name, str(seed), str(len(cells)), str(reused), str(len(trainings)), cost)
    print_table(table)
    echo(f"cost: {cost_text(every)}")


def _print(made: Ablation) -> None:
    from rich.table import Table

    from fashionbench.studies.ablation_text import HEADS, cells, notes

    table = Table(title=made.study.title or made.study.id)
    for place, head in enumerate(HEADS):
        table.add_column(head, justify="right" if 2 < place < 9 else "left", overflow="fold")
    for effect in made.effects:
        table.add_row(*cells(effect, made))
    print_table(table)
    for note in notes(made):
        echo(f"  – {note}")
