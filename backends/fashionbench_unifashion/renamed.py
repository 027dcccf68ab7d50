"""Old names of fields and values in recipes and model configurations, and those that replaced them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fashionbench.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Renamed(NamedTuple):
    """A name that is no longer known.

    :param place: where it stood, with ``*`` for a name that the user chose; of a value, the field whose value it was.
    """

    place: str
    kind: str
    old: str
    new: str


RENAMED = (
    Renamed("phases.*.kind", "value", "autoencode", "vae"),
    Renamed("phases.*.kind", "value", "contrast", "contrastive"),
    Renamed("phases.*.kind", "value", "speak", "language"),
    Renamed("phases.*.kind", "value", "paint", "image"),
    Renamed("phases.*.kind", "value", "compose", "composed"),
    Renamed("phases.*.kind", "value", "dress", "try_on"),
    Renamed("phases.*", "field", "matched", "itm_examples"),
    Renamed("phases.*", "field", "generated", "lm_examples"),
    Renamed("phases.*", "field", "rehearsal", "replay"),
    Renamed("data", "field", "dressings", "tryon_examples"),
    Renamed("model.changes.vision.kind", "value", "pocket", "efficientnet-lite0"),
    Renamed("vision.kind", "value", "pocket", "efficientnet-lite0"),
)


def refuse_old_names(fields: Mapping[str, object], where: str) -> None:
    """Refuse names that were replaced, before anything else is said of them.

    :param where: what the fields are of, for the message.
    :raises ConfigError: naming each old name and the new one.
    """
    faults = [
        f"{path}: {entry.old} is now {entry.new}"
        for entry in RENAMED
        for path, value in _at(fields, entry.place.split("."))
        if (value == entry.old if entry.kind == "value" else isinstance(value, dict) and entry.old in value)
    ]
    if faults:
        raise ConfigError(f"{where} has names of before: {'; '.join(faults)}", remedy="write the new names")


def _at(fields: object, place: list[str], path: str = "") -> Iterator[tuple[str, object]]:
    """Find what stands at a place, with the names that led there."""
    if not place:
        yield path, fields
    elif isinstance(fields, dict):
        names = [*fields] if place[0] == "*" else [name for name in fields if name == place[0]]
        for name in names:
            yield from _at(fields[name], place[1:], f"{path}.{name}" if path else str(name))
