"""``fashionbench cache``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from fashionbench.cli.options import State, json_option, pass_state, print_json, print_table, store_option
from fashionbench.terminal import echo

if TYPE_CHECKING:
    from pathlib import Path

    from fashionbench.runner.cache_contents import CacheContents


@click.group(
    epilog="\b\nExamples:\n  fashionbench cache status --store results\n  fashionbench cache prune --limit 20GB\n"
)
def cache() -> None:
    """See what embeddings and features a store remembers, and make that smaller; no result depends on it."""


@cache.command("status")
@store_option
@json_option
@pass_state
def show_cache(state: State, /, *, store: str | Path | None, as_json: bool) -> int:
    """Say what the cache holds: files, and rows by backend or extractor with their last use."""
    from fashionbench.api.caches import cache_status

    found = cache_status(store, plugins=state.plugins)
    if as_json:
        print_json({**asdict(found), "bytes": found.bytes, "rows": found.rows})
    else:
        _show(found)
    return 0


@cache.command("prune")
@click.option(
    "--limit",
    metavar="SIZE",
    envvar="FASHIONBENCH_CACHE_LIMIT",
    show_envvar=True,
    help="What the cache may take, such as 20GB; 0 removes everything.",
)
@store_option
@json_option
@pass_state
def prune_cache(state: State, /, *, limit: str | None, store: str | Path | None, as_json: bool) -> int:
    """Remove what was not used for longest, until the cache takes no more than a limit.

    Refused while a run uses the cache. Records do not change; what was removed is computed again when it is asked for.
    """
    from fashionbench.api.caches import prune_cache as prune
    from fashionbench.errors import counted
    from fashionbench.runner.byte_size import size_text

    done = prune(store, limit=limit, plugins=state.plugins)
    if as_json:
        print_json(asdict(done))
    else:
        echo(f"removed {counted(done.rows, 'row')}: {size_text(done.before)} before, {size_text(done.after)} now")
    return 0


def _show(found: CacheContents) -> None:
    from rich.table import Table

    from fashionbench.errors import counted
    from fashionbench.runner.byte_size import size_text

    if not found.files:
        echo(f"there is no cache in {found.folder}")
        return
    table = Table(title=f"cache in {found.folder}" + (", in use" if found.in_use else ""))
    for name in ("backend or extractor", "rows", "size", "last use"):
        table.add_column(name, justify="right" if name in {"rows", "size"} else "left", overflow="fold")
    for one in found.owners:
        last = "not known"
        if one.last_use is not None:
            last = f"{datetime.fromtimestamp(one.last_use, UTC):%Y-%m-%d %H:%M} UTC"
        table.add_row(one.owner or "not known", f"{one.rows:,}", size_text(one.bytes), last)
    print_table(table)
    for name, size in found.files.items():
        echo(f"{name}: {size_text(size)}")
    echo(f"{counted(found.rows, 'row')}, {size_text(found.bytes)} in files")
