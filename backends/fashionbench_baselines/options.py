"""The options of a backend, read from its context."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from fashionbench.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed import DataclassInstance

    Options = TypeVar("Options", bound=DataclassInstance)


def read_options(kind: type[Options], given: Mapping[str, Any]) -> Options:
    """Fill a dataclass of numbers from the options of a configuration; what is not given keeps its default.

    :param kind: a dataclass whose fields all have an ``int`` or ``float`` default; it checks its own ranges.
    :raises UnknownNameError: on a name that is no field.
    :raises ConfigError: on a value that is not a number of the field's kind.
    """
    defaults = {field.name: field.default for field in fields(kind)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in defaults:
            raise UnknownNameError("option", name, defaults)
        whole = isinstance(defaults[name], int)
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            msg = f"the option {name} is {value!r}"
            raise ConfigError(msg, remedy=f"give it {'a whole number' if whole else 'a number'}, unquoted")
        values[name] = value if whole else float(value)
    return kind(**values)


def require(holds: bool, name: str, value: float, rule: str) -> None:  # noqa: FBT001
    """Refuse an option that is out of its range.

    :raises ConfigError: where ``holds`` is false.
    """
    if not holds:
        msg = f"the option {name} is {value}"
        raise ConfigError(msg, remedy=f"it must be {rule}")
