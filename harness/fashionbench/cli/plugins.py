"""``fashionbench plugins``."""

from __future__ import annotations

import click

from fashionbench.cli.options import State, json_option, pass_state, print_json, print_table
from fashionbench.terminal import echo

#: A plugin that takes longer to be imported is named, in seconds.
SLOW = 0.5


@click.command(epilog="\b\nExamples:\n  fashionbench plugins\n  fashionbench --strict-plugins plugins\n")
@click.option("--tracebacks", is_flag=True, help="Show where a broken plugin failed.")
@json_option
@pass_state
def plugins(state: State, /, *, tracebacks: bool, as_json: bool) -> int:
    """List the plugins: where each comes from, its hooks, how long its import takes, why one is left out."""
    from rich.table import Table

    _ = state.plugins.references  # read late, and so may fail late
    reports = state.plugins.reports
    if as_json:
        print_json(
            [
                {
                    "name": r.origin.name,
                    "distribution": r.origin.distribution,
                    "version": r.origin.version,
                    "hooks": r.hooks,
                    "seconds": round(r.seconds, 3),
                    "error": r.error,
                    "traceback": r.traceback,
                }
                for r in reports
            ]
        )
        return 0
    table = Table(title=f"{len(reports)} plugins")
    for name in ("name", "distribution", "version", "import", "hooks or error"):
        table.add_column(name, overflow="fold")
    for report in reports:
        outcome = report.error or ", ".join(report.hooks)
        row = (
            report.origin.name,
            report.origin.distribution,
            report.origin.version,
            f"{report.seconds:.2f} s",
            outcome,
        )
        table.add_row(*row, style="red" if report.error else "")
    print_table(table)
    for report in reports:
        if report.seconds > SLOW:
            name = f"{report.origin.name} of {report.origin}"
            echo(
                f"warning: {name} takes {report.seconds:.1f} s to be imported, at each command: import what is heavy, "
                "such as torch, where it is used",
                err=True,
            )
    for report in reports if tracebacks else ():
        if report.traceback:
            echo(f"--- {report.origin.name} of {report.origin}\n{report.traceback}")
    return 0
