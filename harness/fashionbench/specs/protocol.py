"""The protocol card: everything about a measurement that changes the number."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from fashionbench.canonical import Json, canonical_json, digest, normalise
from fashionbench.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Fields that no card may leave out, whatever the kind of task: without them two numbers cannot be told apart.
REQUIRED = ("split", "metrics", "average")


@dataclass(frozen=True, slots=True)
class ProtocolCard:
    """A frozen, hashed description of how a task is measured.

    The hash covers the task's id, the major and minor part of its version, and every field, so that two records with
    one hash were measured in the same way. What belongs to the model (input size, its own prompt) is not in here.

    :param task: the id of the task.
    :param version: the task's version, ``major.minor.patch``; a patch never changes a number.
    :param text: the fields as canonical JSON text, which is what makes the card immutable and hashable.
    """

    task: str
    version: str
    text: str

    @classmethod
    def of(cls, task: str, version: str, fields: Mapping[str, object]) -> Self:
        """Make a card of plain fields.

        :raises ConfigError: where a field of :data:`REQUIRED` is missing, or a value has no canonical form.
        """
        missing = [name for name in REQUIRED if name not in fields]
        if missing:
            msg = f"the protocol card of {task} lacks {', '.join(missing)}"
            raise ConfigError(msg, remedy="declare them in the task's specification")
        return cls(task, version, canonical_json(fields))

    @property
    def fields(self) -> dict[str, Json]:
        """The fields, as a fresh copy."""
        loaded: dict[str, Json] = json.loads(self.text)
        return loaded

    @property
    def hash(self) -> str:
        """The protocol hash, ``sha256:`` and 64 hexadecimal digits."""
        numbering = ".".join(self.version.split(".")[:2])
        return digest({"task": self.task, "version": numbering, "fields": self.fields})

    def replace(self, **fields: object) -> ProtocolCard:
        """Make the card of a variant of this protocol; a value of ``None`` removes the field."""
        merged = {**self.fields, **{name: normalise(value) for name, value in fields.items()}}
        return ProtocolCard.of(self.task, self.version, {k: v for k, v in merged.items() if v is not None})

    def differences(self, other: ProtocolCard) -> dict[str, tuple[Json, Json]]:
        """Name the fields in which two cards differ, with both values; ``None`` stands for absent."""
        mine = {"task": self.task, "version": self.version, **self.fields}
        theirs = {"task": other.task, "version": other.version, **other.fields}
        names = sorted(mine.keys() | theirs.keys())
        return {name: (mine.get(name), theirs.get(name)) for name in names if mine.get(name) != theirs.get(name)}
