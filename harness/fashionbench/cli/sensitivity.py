"""``fashionbench sensitivity``."""

from __future__ import annotations

from pathlib import Path

import click

from fashionbench.cli.options import State, json_option, pass_state, print_table, store_option
from fashionbench.terminal import echo

EXAMPLES = """
\b
Examples:
  fashionbench sensitivity fashion-iq/original --data fashion-iq=/data/fashioniq
  fashionbench sensitivity atelier/fashiongen-full --metric hit@1 --backend 'baseline/*'
"""


@click.command(epilog=EXAMPLES)
@click.argument("task")
@click.option("--backend", "backends", multiple=True, help="Name or pattern of the systems; may be repeated.")
@click.option("--metric", help="A metric of rankings.  [default: the task's main metric]")
@click.option("--data", "data", multiple=True, metavar="NAME=FOLDER", help="Where a data set lies; may be repeated.")
@click.option("--format", "format_", type=click.Choice(["markdown", "json"]), help="Write this instead of a table.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@store_option
@json_option
@pass_state
def sensitivity(
    state: State,
    /,
    *,
    task: str,
    backends: tuple[str, ...],
    metric: str | None,
    data: tuple[str, ...],
    format_: str | None,
    output: Path | None,
    store: str | Path | None,
    as_json: bool,
) -> int:
    """Say how far values and the order of systems move between the ways in which a benchmark is measured.

    TASK is compared with itself under other tie rules, and with the other tasks of its benchmark: another gallery, the
    reference image kept or removed, captions joined otherwise, lists of sampled candidates. Values come from the
    store's records and from the embeddings that it keeps. No model is asked; what only a model could answer is named.
    """
    from fashionbench.api.sensitivity import sensitivity as measure
    from fashionbench.output_files import check_output, write_output
    from fashionbench.studies import sensitivity_text

    if output is not None:
        check_output(output)
    found = measure(task, backends=backends, metric=metric, data=state.roots(data), store=store, plugins=state.plugins)
    chosen = "json" if as_json else format_ or ("markdown" if output is not None else None)
    if chosen is None:
        from rich.table import Table

        shown = Table(title=f"{found.metric} of {found.task}")
        for at, head in enumerate(sensitivity_text.heads(found)):
            shown.add_column(head, overflow="fold", justify="right" if at else "left")
        for row in sensitivity_text.rows(found):
            shown.add_row(*row)
        print_table(shown)
        for line in sensitivity_text.lines(found):
            echo(f"  {line}")
        echo(sensitivity_text.headline(found))
        return 0
    text = sensitivity_text.as_json(found) if chosen == "json" else sensitivity_text.markdown(found)
    if output is None:
        echo(text, nl=False, raw=True)
    else:
        write_output(output, text)
        echo(f"wrote {output}")
    return 0
