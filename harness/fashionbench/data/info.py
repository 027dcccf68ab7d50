"""The data of a task as they were found on this machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def _none() -> Mapping[str, str]:
    return MappingProxyType({})


def _no_counts() -> Mapping[str, int]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DataInfo:
    """The data of a task as they were found on this machine.

    :param fingerprint: ``sha256:`` over the contents of every file.
    :param sizes: counts by name, such as ``queries`` and ``gallery``.
    :param missing: items that the data set lists and that were not there.
    :param unreadable: items whose file could not be decoded, with the reason.
    :param synthetic: whether a generated twin stands in for the real data.
    :param facts: what else was found and changes numbers, such as the hash of candidate lists or the source of masks.
    :param image_forms: how many of its images are of each form, such as ``JPEG`` or ``PNG alpha``.
    """

    fingerprint: str
    sizes: Mapping[str, int]
    missing: tuple[str, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=_none)
    synthetic: bool = False
    facts: Mapping[str, str] = field(default_factory=_none)
    image_forms: Mapping[str, int] = field(default_factory=_no_counts)
