"""Read a board specification from YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from fashionbench.errors import ConfigError
from fashionbench.specs.board import BoardSpec, Column
from fashionbench.specs.validation import read_yaml, validated

if TYPE_CHECKING:
    from pathlib import Path


class _Column(BaseModel):
    model_config = ConfigDict(extra="forbid")

    task: str
    metric: str
    slice: str = "all"
    label: str = ""


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str
    columns: list[_Column] = Field(min_length=1)


class _Board(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    title: str
    summary: str = ""
    columns: list[_Column] = []
    groups: list[_Group] = []
    backends: list[str] = []
    seeds: list[int] = [0]
    sort_by: int | str = 0
    base: str = ""
    coverage: bool = False


def read_board(path: Path) -> BoardSpec:
    """Read one board.

    :raises ConfigError: where the file cannot be read or is not a board; the message names file and field.
    """
    fields = validated(_Board, read_yaml(path), f"{path} is not a board", "see docs/how-to/boards.md")
    if bool(fields.columns) == bool(fields.groups):
        raise ConfigError(f"{path} needs 'columns', or 'groups' of columns, and not both")
    columns = [Column(**column.model_dump()) for column in fields.columns]
    columns += [Column(**column.model_dump(), group=group.title) for group in fields.groups for column in group.columns]
    return BoardSpec(
        id=fields.id,
        title=fields.title,
        summary=fields.summary or fields.title,
        columns=tuple(columns),
        backends=tuple(fields.backends),
        seeds=tuple(fields.seeds),
        sort_by=_sort_by(fields.sort_by, columns, path),
        base=fields.base,
        coverage=fields.coverage,
    )


def _sort_by(wanted: int | str, columns: list[Column], path: Path) -> int:
    """Find the column that a board is sorted by: its number, counted from 0, or its label."""
    if isinstance(wanted, int):
        if not 0 <= wanted < len(columns):
            raise ConfigError(f"{path} sorts by column {wanted}, and the last is {len(columns) - 1}")
        return wanted
    found = [at for at, column in enumerate(columns) if column.label == wanted]
    if len(found) != 1:
        msg = f"{path} sorts by the column {wanted!r}, which is the label of {len(found) or 'none'}"
        raise ConfigError(msg, remedy="give the number of the column, counted from 0")
    return found[0]
