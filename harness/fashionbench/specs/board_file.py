"""Read a board specification from YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fashionbench.errors import ConfigError
from fashionbench.specs import BoardSpec, Column

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
    try:
        fields = _Board.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", remedy="check the path") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}", remedy="mend the line that is named") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'top level'}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{path} is not a board: {faults}", remedy="see docs/how-to/boards.md") from error
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
