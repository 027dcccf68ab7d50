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
    group: str = ""


class _Board(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    title: str
    summary: str = ""
    columns: list[_Column] = Field(min_length=1)
    backends: list[str] = []
    seeds: list[int] = [0]
    sort_by: int = Field(default=0, ge=0)


def read_board(path: Path) -> BoardSpec:
    """Read one board.

    :raises ConfigError: where the file cannot be read or is not a board; the message names file and field.
    """
    fields = validated(_Board, read_yaml(path), f"{path} is not a board", "see docs/how-to/boards.md")
    if fields.sort_by >= len(fields.columns):
        raise ConfigError(f"{path} sorts by column {fields.sort_by}, and the last is {len(fields.columns) - 1}")
    return BoardSpec(
        id=fields.id,
        title=fields.title,
        summary=fields.summary or fields.title,
        columns=tuple(Column(**column.model_dump()) for column in fields.columns),
        backends=tuple(fields.backends),
        seeds=tuple(fields.seeds),
        sort_by=fields.sort_by,
    )
