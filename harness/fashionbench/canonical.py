"""Canonical JSON and the hashes made of it.

Two readers must get one hash for one meaning, so: keys are sorted, strings are Unicode NFC, there is no white space,
and a real number is written as the shortest decimal string that gives it back. ``1.25`` and ``"1.25"`` are therefore
the same value; ``1`` (an integer, a count) and ``1.0`` (a quantity) are not.
"""

from __future__ import annotations

import hashlib
import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import TypeAlias

from fashionbench.errors import ConfigError

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def normalise(value: object) -> Json:
    """Reduce a value to canonical JSON types.

    :param value: mappings with string keys, sequences, sets (sorted), strings, integers, booleans, ``None``, and finite
        real numbers (written as decimal strings).
    :raises ConfigError: on NaN, infinity, keys that are not strings, keys that are one after NFC, or any other type.
    """
    match value:
        case None | bool() | int():
            return value
        case str():
            return unicodedata.normalize("NFC", value)
        case float() | Decimal():
            return _decimal(value)
        case Mapping():
            return _mapping(value)
        case AbstractSet():
            return sorted((normalise(item) for item in value), key=_dump)
        case Sequence() if not isinstance(value, (bytes, bytearray, memoryview)):
            return [normalise(item) for item in value]
    msg = f"{type(value).__name__} has no canonical JSON form: {value!r}"
    raise ConfigError(msg, remedy="use strings, numbers, booleans, lists and mappings")


def canonical_json(value: object) -> str:
    """Write a value as canonical JSON text."""
    return _dump(normalise(value))


def digest(value: object) -> str:
    """Hash the canonical JSON of a value, as ``sha256:`` and 64 hexadecimal digits."""
    return f"sha256:{hashlib.sha256(canonical_json(value).encode()).hexdigest()}"


def short(value: str, length: int = 12) -> str:
    """Return the first hexadecimal digits of a digest, without ``sha256:``, to name it to people."""
    return value.removeprefix("sha256:")[:length]


def _dump(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _decimal(value: float | Decimal) -> str:
    if not math.isfinite(value):
        msg = f"{value} is not a number that can be hashed"
        raise ConfigError(msg, remedy="leave the field out, or give it a finite value")
    text = format(Decimal(repr(value)) if isinstance(value, float) else value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def _mapping(value: Mapping[object, object]) -> dict[str, Json]:
    out: dict[str, Json] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            msg = f"the key {key!r} is not a string"
            raise ConfigError(msg, remedy="quote it")
        name = unicodedata.normalize("NFC", key)
        if name in out:
            msg = f"the key {name!r} is given twice"
            raise ConfigError(msg, remedy="keep one of the two")
        out[name] = normalise(item)
    return out
