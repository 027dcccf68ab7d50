"""Options that say what runs the cells of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from fashionbench.cli.options import name_and_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

F = TypeVar("F", bound="Callable[..., Any]")


def executor_options(function: F) -> F:
    """Add ``--executor`` and ``--executor-option``."""
    option = click.option(
        "--executor-option",
        "executor_options",
        multiple=True,
        metavar="NAME=VALUE",
        help="An option of the executor, such as workers=4; may be repeated.",
    )
    name = click.option("--executor", help="What runs the cells: local, or another of 'fashionbench list executors'.")
    return name(option(function))


def chosen_executor(configured: Mapping[str, Any], name: str | None, pairs: Sequence[str]) -> dict[str, Any]:
    """Return the executor of the command line, or else of a configuration, with the options of the command line.

    :param configured: of the configuration.
    :param name: of the command line; None where it names none.
    :param pairs: options of the command line, as ``NAME=VALUE``.
    :raises ConfigError: where an option is not of that form.
    """
    from fashionbench.specs.validation import read_value

    split = (name_and_value(pair, "--executor-option", "workers=4") for pair in pairs)
    given = {key: read_value(text, f"--executor-option {key}") for key, text in split}
    chosen = name or configured.get("id", "local")
    kept = configured.get("options", {}) if chosen == configured.get("id", "local") else {}
    return {"id": chosen, "options": {**kept, **given}}
