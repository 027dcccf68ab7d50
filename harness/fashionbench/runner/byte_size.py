"""Sizes in bytes as people write them, such as ``20GB`` and ``1.5 GiB``."""

from __future__ import annotations

import re

from fashionbench.errors import ConfigError

_UNITS = {"": 1, "b": 1} | {
    f"{letter}{suffix}": base ** (power + 1)
    for power, letter in enumerate("kmgt")
    for suffix, base in (("", 1000), ("b", 1000), ("ib", 1024))
}
_FORM = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)\s*([a-z]*)", re.ASCII)


def parse_size(text: str, where: str) -> int:
    """Read a size.

    :param where: what it was given to, such as ``--limit``.
    :raises ConfigError: where it is none.
    """
    found = _FORM.fullmatch(text.strip().lower())
    if found is None or found[2] not in _UNITS:
        raise ConfigError(f"{where} {text!r} is no size", remedy=f"such as {where} 20GB, 500MB or 1.5GiB")
    return int(float(found[1]) * _UNITS[found[2]]) if "." in found[1] else int(found[1]) * _UNITS[found[2]]


def size_text(count: int) -> str:
    """Write a size with the unit that leaves it at least 1."""
    for unit, base in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= base:
            return f"{count / base:.1f} {unit}"
    return f"{count} B"
