"""``fashionbench plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fashionbench.cli.options import State, json_option, pass_state, print_json, store_option
from fashionbench.terminal import echo

if TYPE_CHECKING:
    from pathlib import Path

    from fashionbench.api.planning import Estimate

EXAMPLES = """
\b
Examples:
  fashionbench plan quickstart
  fashionbench plan my-run.yaml --workers 8 --store results
"""


@click.command(epilog=EXAMPLES)
@click.argument("config")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="How many run cells at once.")
@store_option
@json_option
@pass_state
def plan(state: State, /, *, config: str, workers: int, store: str | Path | None, as_json: bool) -> int:
    """Estimate what a run takes of time, memory and disk; nothing is run.

    CONFIG is the name of a board, or a YAML file. Times are of earlier records, or else as backends and trainers
    declare them; 'run --dry-run' lists the cells.
    """
    from fashionbench.api.planning import estimate
    from fashionbench.runner.config import load_config

    found = estimate(
        load_config(config, state.plugins), workers=workers, store=state.store(store), plugins=state.plugins
    )
    if as_json:
        print_json(
            {
                "cells": len(found.cells),
                "open": len(found.open),
                "problems": [one.problem for one in found.cells if one.problem],
                "not_applicable": len(found.not_applicable),
                "seconds": found.seconds,
                "guessed": found.guessed,
                "workers": found.workers,
                "memory": found.memory,
                "undeclared": found.undeclared,
                "predictions": found.predictions,
                "embeddings": found.embeddings,
                "unsized": found.unsized,
            }
        )
    else:
        _show(found)
    return 0


def _show(found: Estimate) -> None:
    from fashionbench.cli.run_cost import duration_text
    from fashionbench.errors import counted
    from fashionbench.runner.byte_size import size_text

    reused = sum(one.reused for one in found.cells)
    echo(f"{counted(len(found.cells), 'cell')}: {len(found.open)} to run, {reused} reused")
    for problem in dict.fromkeys(one.problem for one in found.cells if one.problem):
        echo(f"will fail: {problem}")
    if found.not_applicable:
        echo(f"left out: {counted(len(found.not_applicable), 'pair')} of task and backend; 'run --dry-run' says why")
    guessed = f", {counted(found.guessed, 'cell')} by declaration alone" if found.guessed else ""
    echo(f"time: about {duration_text(found.seconds)} one after the other{guessed}")
    if len(found.workers) > 1:
        longest, shortest = duration_text(max(found.workers)), duration_text(min(found.workers))
        echo(f"  on {len(found.workers)} workers: about {longest}, and {shortest} for the one that ends first")
    unsaid = f", without {counted(found.undeclared, 'cell')} that declare none" if found.undeclared else ""
    echo(f"memory: {size_text(found.memory)} declared, of all workers at once{unsaid}")
    unsized = f", without {counted(found.unsized, 'cell')} never run before" if found.unsized else ""
    echo(
        f"disk: {size_text(found.predictions)} of predictions, "
        f"{size_text(found.embeddings)} of embeddings in the cache at most{unsized}"
    )
