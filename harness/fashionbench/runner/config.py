"""The configuration of a run: from YAML, from the command line, or from Python."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, field_validator

from fashionbench.data.hub_folder import HubFolder
from fashionbench.errors import ConfigError, UnknownNameError
from fashionbench.runner.embedding_dtype import EmbeddingDtype
from fashionbench.specs.board_file import read_board
from fashionbench.specs.validation import read_yaml, validated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.plugins.manager import Plugins
    from fashionbench.plugins.registry import Registry

S = TypeVar("S")


class TrainingChoice(BaseModel):
    """The training of a backend's model: a trainer, and what is changed of its configuration.

    ``trainer`` is by default the backend's own. ``changes`` are by dotted name, such as ``phases.1a.lr``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    trainer: str = ""
    changes: dict[str, Any] = {}


class BackendChoice(BaseModel):
    """A backend with options, and a training, of its own; two choices with different ones are two rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    options: dict[str, Any] = {}
    training: TrainingChoice | None = None
    seeds: tuple[NonNegativeInt, ...] | None = None


class ExecutorChoice(BaseModel):
    """What runs the cells, such as ``local`` with the option ``workers``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = "local"
    options: dict[str, Any] = {}


class RunConfig(BaseModel):
    """What to run.

    Names of tasks and backends may be patterns, such as ``wardrobe/*``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tasks: tuple[str, ...] = Field(min_length=1)
    backends: tuple[BackendChoice, ...] = Field(min_length=1)
    seeds: tuple[NonNegativeInt, ...] = (0,)
    limit: int | None = Field(default=None, ge=1)
    batch_size: int | None = Field(default=None, ge=1)
    device: str = "auto"
    data: dict[str, Path] = {}
    board: str | None = None
    embedding_cache: bool = True
    embedding_dtype: EmbeddingDtype = "float32"
    executor: ExecutorChoice = ExecutorChoice()

    @field_validator("executor", mode="before")
    @classmethod
    def _executor(cls, value: Any) -> Any:
        return {"id": value} if isinstance(value, str) else value

    @field_validator("tasks", mode="before")
    @classmethod
    def _tasks(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("backends", mode="before")
    @classmethod
    def _backends(cls, value: Any) -> Any:
        values = (value,) if isinstance(value, (str, dict, BackendChoice)) else value
        if not isinstance(values, (list, tuple)):
            return value
        return tuple({"id": item} if isinstance(item, str) else item for item in values)

    @field_validator("data")
    @classmethod
    def _data(cls, value: dict[str, Path]) -> dict[str, Path]:
        for place in value.values():
            HubFolder.of(place)  # raises ConfigError where an address names no commit
        return value

    @field_validator("batch_size", mode="before")
    @classmethod
    def _batch_size(cls, value: Any) -> Any:
        return None if value == "auto" else value


def make_config(fields: dict[str, Any], where: str = "the configuration") -> RunConfig:
    """Validate a configuration.

    :param where: what to call it in an error.
    :raises ConfigError: naming each wrong field.
    """
    known = ", ".join(RunConfig.model_fields)
    return validated(RunConfig, fields, f"{where} is not a run", f"known fields: {known}")


def load_config(name: str, plugins: Plugins) -> RunConfig:
    """Read a run from a YAML file, or take the tasks and backends of a board by its name or its YAML file.

    :raises ConfigError: where the file cannot be read, or is neither a run nor a board; or a board names no backends.
    :raises UnknownNameError: where the name is neither a file nor a board.
    """
    path = Path(name)
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        fields = read_yaml(path)
        if not {"columns", "groups"} & set(fields):
            return make_config(fields, str(path))
        board = read_board(path)
    else:
        board = plugins.boards[name]
    if not board.backends:
        raise ConfigError(f"the board {name} names no backends to run", remedy="list them under backends:")
    tasks = tuple(dict.fromkeys(column.task for column in board.columns))
    return make_config({"tasks": tasks, "backends": board.backends, "seeds": board.seeds, "board": name}, name)


def matching(pattern: str, registry: Registry[Any]) -> list[str]:
    """List the names that a pattern stands for.

    :raises UnknownNameError: where it stands for none.
    """
    names = [name for name in registry.names() if fnmatchcase(name, pattern)]
    if not names:
        raise UnknownNameError(registry.kind, pattern, registry.names())
    return names


def unique(items: Sequence[S]) -> list[S]:
    """Drop repetitions, keep the order."""
    return list(dict.fromkeys(items))
