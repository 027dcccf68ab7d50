"""``fashionbench doctor``."""

from __future__ import annotations

from dataclasses import asdict

import click

from fashionbench.cli.options import State, json_option, pass_state, print_json, print_table


@click.command(epilog="\b\nExamples:\n  fashionbench doctor\n  fashionbench doctor --json\n")
@json_option
@pass_state
def doctor(state: State, /, *, as_json: bool) -> int:
    """Say what is installed, what is missing, and what that disables.

    Ends with exit code 1 where a plugin is broken; a missing optional package is no fault.
    """
    from rich.table import Table
    from rich.text import Text

    from fashionbench.api.machine import doctor as examine

    findings = examine(state.plugins)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        table = Table(title="doctor")
        for name in ("", "what", "found", "what that means"):
            table.add_column(name, overflow="fold")
        for f in findings:
            table.add_row(Text("ok", "green") if f.ok else Text("--", "yellow"), f.what, f.found, f.consequence)
        print_table(table)
    return 1 if state.plugins.failures else 0
