"""Options of a backend: a frozen dataclass of numbers and texts, filled from the context.

The dataclasses live in modules of their own, which import no model library, so that a specification can list every
field with its default: ``options=asdict(LitOptions())``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

from fashionbench.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed import DataclassInstance

    Options = TypeVar("Options", bound=DataclassInstance)

_KINDS: dict[type, tuple[tuple[type, ...], str]] = {
    int: ((int,), "a whole number, unquoted"),
    float: ((int, float), "a number, unquoted"),
    str: ((str,), "a text"),
}


@dataclass(frozen=True, slots=True)
class NoOptions:
    """Options of a backend that has none."""


def read_options(kind: type[Options], given: Mapping[str, Any]) -> Options:
    """Fill a dataclass from the options of a configuration; what is not given keeps its default.

    :param kind: a dataclass whose fields all have an ``int``, ``float`` or ``str`` default; it checks its own ranges.
    :raises UnknownNameError: on a name that is no field.
    :raises ConfigError: on a value that is not of the field's kind.
    """
    defaults: dict[str, Any] = {field.name: field.default for field in fields(kind)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in defaults:
            raise UnknownNameError("option", name, defaults)
        wanted: type[Any] = type(defaults[name])
        accepted, words = _KINDS[wanted]
        if isinstance(value, bool) or not isinstance(value, accepted):
            raise ConfigError(f"the option {name} is {value!r}", remedy=f"give it {words}")
        values[name] = wanted(value)
    return kind(**values)


def require(holds: bool, name: str, value: float, rule: str) -> None:  # noqa: FBT001
    """Refuse an option that is out of its range.

    :raises ConfigError: where ``holds`` is false.
    """
    if not holds:
        msg = f"the option {name} is {value}"
        raise ConfigError(msg, remedy=f"it must be {rule}")
