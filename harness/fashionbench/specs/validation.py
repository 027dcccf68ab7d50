"""Read YAML mappings and say what is wrong with their fields, for configurations, boards and recipes alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from fashionbench.errors import ConfigError, FieldError
from fashionbench.files import regular_text
from fashionbench.specs.field_errors import faults_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

M = TypeVar("M", bound=BaseModel)

#: Bytes of a YAML file, and values that it may stand for.
LARGEST_YAML = 64 << 20
MOST_VALUES = 2_000_000

#: libyaml's where it is there: it reads boards ten times as fast, at every start of a command.
_SAFE: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _UniqueKeys(_SAFE):  # type: ignore[misc]  # one of two loaders
    """A safe loader that takes no key twice, of which YAML would keep the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        """Make a mapping.

        :raises yaml.constructor.ConstructorError: where a key stands twice.
        """
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    msg = f"the key {key.value!r} stands twice"
                    raise yaml.constructor.ConstructorError(None, None, msg, key.start_mark)
                seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    :raises ConfigError: where it cannot be read, is no YAML, or holds something else.
    """
    try:
        loaded = _loaded(regular_text(path, largest=LARGEST_YAML))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", remedy="check the path") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: {error}", remedy="save it as UTF-8") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not YAML: {_told(error)}", remedy="mend the line that is named") from error
    if not isinstance(loaded, dict):
        held = "is empty" if loaded is None else "holds no mapping"
        raise ConfigError(f"{path} {held}", remedy="write fields, one 'name: value' a line")
    return loaded


def read_value(text: str, where: str) -> Any:
    """Read a YAML value from a command line, such as ``0.1``, ``true`` or ``[a, b]``.

    :raises ConfigError: where it is no YAML.
    """
    try:
        return _loaded(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: the value is not YAML: {_told(error)}", remedy="put it in quotes") from error


def _told(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _loaded(text: str) -> Any:
    """Load YAML by the safe loader; a few lines of aliases must not stand for more values than memory holds.

    :raises ValueError: where aliases stand for too much, or for themselves; or where a number or a date is none.
    """
    loader = _UniqueKeys(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _size(node, {})
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Count the values that a node stands for, with what its aliases repeat."""
    if id(node) in known:
        if known[id(node)] == 0:
            raise ValueError("an alias stands for something that holds it")
        return known[id(node)]
    known[id(node)] = 0
    inner: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        inner = [one for pair in node.value for one in pair]
    elif isinstance(node, yaml.SequenceNode):
        inner = node.value
    known[id(node)] = size = 1 + sum(_size(one, known) for one in inner)
    if size > MOST_VALUES:
        raise ValueError(f"its aliases stand for more than {MOST_VALUES:,} values")
    return size


def change_field(fields: dict[str, Any], name: str, value: object) -> None:
    """Set a field by its dotted name, such as ``phases.1a.lr``.

    :raises ConfigError: where a part of the name is empty, or has no fields.
    """
    *folders, last = name.split(".")
    if not all([*folders, last]):
        raise ConfigError(f"{name!r} is no name of a field", remedy="such as seed or phases.1a.lr")
    inner = fields
    for folder in folders:
        inner = inner.setdefault(folder, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{name}: {folder} has no fields", remedy="name the field itself")
    inner[last] = value


def validated(model: type[M], fields: Mapping[str, Any], what: str, remedy: str) -> M:
    """Check fields against a pydantic model.

    :param what: the beginning of the message, such as ``my-run.yaml is not a run``.
    :raises FieldError: naming each wrong field, what it is and what it may be.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise FieldError(what, faults_in_words(error, model, fields), remedy=remedy) from error


def blame_changes(error: FieldError, changes: Mapping[str, Any]) -> FieldError:
    """Say of wrong fields which change of a command line made them so.

    A change made a field wrong that it names, that lies within what it names, or that lies beside it, as where a new
    part lacks another field. A field of a part, such as of the model, has a name that begins there.

    :param changes: values by dotted name.
    """
    causes: dict[str, str] = {}
    for field, message in error.faults.items():
        made_by = _change_of(field, changes)
        if made_by is None:
            return error
        cause = f"{made_by}={changes[made_by]}"
        if f".{made_by}".endswith(f".{field}"):
            causes[cause] = message
        else:
            causes[f"{cause}:"] = f"{field} {message}"
    return FieldError("the change does not fit", causes, remedy=f"correct it; {error.remedy}")


def _change_of(field: str, changes: Mapping[str, Any]) -> str | None:
    """Find the change that is nearest to a field."""
    within = [name for name in changes if f"{field}.".startswith(f"{name}.") or f"{name}.".startswith(f"{field}.")]
    within += [name for name in changes if name.endswith(f".{field}")]
    beside = [name for name in changes if "." in name and field.startswith(name.rpartition(".")[0] + ".")]
    return next(iter([*within, *beside]), None)
