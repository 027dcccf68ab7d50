"""The data of a task as they were found on this machine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from fashionbench.canonical import digest
from fashionbench.errors import DataError, first_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.data.integrity import Survey


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
    :param images: how many images the task names; 0 where nobody says.
    :param looked_for: where the missing images were looked for, and what is there instead.
    :param annotations: fingerprint of the annotations alone; empty where nobody says.
    """

    fingerprint: str
    sizes: Mapping[str, int]
    missing: tuple[str, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=_none)
    synthetic: bool = False
    facts: Mapping[str, str] = field(default_factory=_none)
    image_forms: Mapping[str, int] = field(default_factory=_no_counts)
    images: int = 0
    looked_for: str = ""
    annotations: str = ""

    @classmethod
    def of(
        cls, found: Survey, sizes: Mapping[str, int], *, synthetic: bool = False, facts: Mapping[str, str] | None = None
    ) -> Self:
        """Describe the data that a survey has found."""
        return cls(
            found.fingerprint,
            sizes,
            found.missing,
            found.unreadable,
            synthetic,
            facts or {},
            image_forms=found.forms,
            images=found.count,
            looked_for=found.looked_for,
            annotations=found.annotations,
        )

    def by_ids(self) -> DataInfo:
        """Return the data as predictions by ids see them, which need no image.

        Where images are absent, the fingerprint is of the annotations alone: a backend that saw the images that are
        there was asked something else.
        """
        if not self.missing and not self.unreadable:
            return self
        return replace(
            self,
            fingerprint=digest(["by ids", self.annotations or self.fingerprint]),
            missing=(),
            unreadable={},
            facts={**self.facts, "images": f"{_missing(self)}; not needed for predictions by id"},
        )

    def require_images(self, dataset: str) -> None:
        """Refuse data of which no image is there at all, or none can be read.

        :raises DataError: naming the place where they were looked for, or why they cannot be read.
        """
        if not self.images or len(self.missing) + len(self.unreadable) < self.images:
            return
        if self.unreadable:
            reasons = first_names([f"{name} ({fault})" for name, fault in self.unreadable.items()], 3)
            msg = f"{len(self.unreadable)} of {self.images} images of {dataset} cannot be read: {reasons}"
            if self.missing:
                msg += f"; the other {len(self.missing)} are missing: {first_names(self.missing, 3)}; {self.looked_for}"
            raise DataError(msg, remedy="these files are damaged, or no images: copy or fetch them again")
        named = first_names(self.missing, 3)
        msg = f"none of the {self.images} images of {dataset} is there: {named}; {self.looked_for}"
        raise DataError(msg, remedy=f"see 'fashionbench show {dataset}' for where they belong")


def _missing(info: DataInfo) -> str:
    names = sorted((*info.missing, *info.unreadable))
    of = f" of {info.images}" if info.images else ""
    return f"{len(names)}{of} images missing: {first_names(names)}"
