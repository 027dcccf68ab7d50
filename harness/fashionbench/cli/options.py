"""Options that several commands share, and what they lead to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fashionbench.control_characters import escaped_in_json
from fashionbench.records.addresses import is_address
from fashionbench.redaction import redacted
from fashionbench.terminal import console, echo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from rich.table import Table

    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.store import Store

F = TypeVar("F", bound="Callable[..., Any]")


class Place(click.Path):
    """The folder of a store, or its address, such as ``s3://bucket/results``, which stays as it is written."""

    name = "store"

    def __init__(self, *, file_okay: bool = True) -> None:
        super().__init__(path_type=Path, file_okay=file_okay)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a string for an address, and a path for all else."""
        if isinstance(value, str) and is_address(value):
            return value
        return super().convert(value, param, ctx)


class State:
    """What the group hands to its commands.

    :param strict: raise on the first plugin that fails.
    """

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self._plugins: Plugins | None = None

    @property
    def plugins(self) -> Plugins:
        """The plugins, loaded when they are first asked for."""
        if self._plugins is None:
            from fashionbench.plugins.manager import Plugins

            self._plugins = Plugins(strict=self.strict)
            for report in self._plugins.failures:
                became = "failed in part" if report.hooks else "was left out"
                message = f"warning: plugin {report.origin.name} of {report.origin} {became}: {report.error}"
                echo(message, err=True)
        return self._plugins

    def roots(self, pairs: Sequence[str]) -> dict[str, Path]:
        """Read pairs of ``NAME=FOLDER``, or of an address of the hub in its place.

        :raises ConfigError: where one is not of that form; an unknown name is an UnknownNameError.
        """
        from fashionbench.data.hub_folder import HubFolder

        found: dict[str, Path] = {}
        for pair in pairs:
            dataset, folder = name_and_value(pair, "--data", "fashion-iq=/data/fashioniq")
            HubFolder.of(folder)  # raises ConfigError where an address names no commit
            found[self.plugins.datasets[dataset].id] = Path(folder)
        return found

    def store(self, where: str | Path | None) -> Store:
        """Open the store."""
        from fashionbench.api import open_store

        return open_store(where, self.plugins)

    def made_store(self, where: str | Path | None) -> Store:
        """Open a store that is written to; one that is not there is made, and said, before work of hours begins.

        :raises StoreError: where it is not there and cannot be made.
        """
        opened = self.store(where)
        if not opened.root.exists():
            with new_folder_said(opened.root):
                opened.check_writable()
        return opened


def new_folder_said(folder: Path) -> AbstractContextManager[None]:
    """Say in a line on standard error that a folder was made, however what makes it ends."""
    from fashionbench.output_files import said_if_made

    return said_if_made(folder, lambda line: echo(line, err=True))


def name_and_value(pair: str, option: str, example: str) -> tuple[str, str]:
    """Split ``NAME=VALUE`` at the first equals sign.

    :param option: the option that it was given to, such as ``--data``.
    :param example: what a right one looks like.
    :raises ConfigError: where a side is empty.
    """
    from fashionbench.errors import ConfigError

    name, _, value = pair.partition("=")
    if not (name and value):
        raise ConfigError(f"{option} {pair!r} is not NAME=VALUE", remedy=f"such as {option} {example}")
    return name, value


def format_of_file(output: Path, formats: Mapping[str, str]) -> str:
    """Tell by the suffix of a file in which format to write it.

    :param formats: by suffix, without the dot.
    :raises ConfigError: where the suffix is that of none of them.
    """
    from fashionbench.errors import ConfigError

    found = formats.get(output.suffix.lstrip(".").lower())
    if found is None:
        listed = ", ".join(f".{suffix}" for suffix in sorted(formats))
        problem = f"{output.suffix} is the suffix of no format" if output.suffix else "it has no suffix"
        raise ConfigError(f"--output {output}: {problem}", remedy=f"use {listed}, or name a --format")
    return found


pass_state = click.make_pass_decorator(State)


def store_option(function: F) -> F:
    """Add ``--store``."""
    option = click.option(
        "--store",
        type=Place(file_okay=False),
        envvar="FASHIONBENCH_STORE",
        show_envvar=True,
        help="Folder of the records, or an address to read from, such as s3://bucket/results.  [default: ./results]",
    )
    return option(function)


def json_option(function: F) -> F:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(function)


def print_json(value: object) -> None:
    """Print JSON on standard output."""
    text = json.dumps(_without_secrets(value), indent=2, ensure_ascii=False, default=str)
    echo(escaped_in_json(text), raw=True)


def _without_secrets(value: Any) -> Any:
    """Redact each text of a value by itself, for a rule that saw its quotes could spoil the JSON."""
    match value:
        case str():
            return redacted(value)
        case dict():
            return {redacted(str(name)): _without_secrets(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_without_secrets(inner) for inner in value]
    return value


def print_table(table: Table) -> None:
    """Print a table as wide as the terminal, or as wide as it likes where there is none."""
    where = console()
    (where if where.is_terminal else console(width=200)).print(table)
