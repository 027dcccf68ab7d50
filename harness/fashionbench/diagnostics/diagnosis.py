"""A diagnosis: all measurements of a model, the failures that they name, and what was asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fashionbench.control_characters import escaped_in_json
from fashionbench.diagnostics.caption_style import measure_style
from fashionbench.diagnostics.captions import measure_captions
from fashionbench.diagnostics.composed import measure_composed
from fashionbench.diagnostics.matching import measure_matching
from fashionbench.diagnostics.measurement import Group, absent
from fashionbench.diagnostics.pictures import measure_pictures
from fashionbench.diagnostics.retrieval import measure_retrieval
from fashionbench.errors import as_error, message_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fashionbench.diagnostics.measurement import Measurement
    from fashionbench.diagnostics.system import Subject
    from fashionbench.progress import Reporter

SCHEMA = "fashionbench.diagnosis/1"
GROUPS: tuple[Group, ...] = ("retrieval", "matching", "adapters", "captions", "caption style", "pictures")


@dataclass(frozen=True, slots=True)
class NamedFault:
    """A known failure, and what says so.

    :param measurements: ids of the measurements that name it.
    """

    fault: str
    measurements: tuple[str, ...]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What was found of a model.

    :param system: the backend, and the folder's name where there is one.
    :param facts: what was asked: options, seed, tasks, counts, versions.
    :param notes: what a reader must know of all numbers.
    """

    system: str
    facts: Mapping[str, Any]
    measurements: tuple[Measurement, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def faults(self) -> list[NamedFault]:
        """The known failures that measurements name, each once."""
        by_name: dict[str, list[Measurement]] = {}
        for one in self.measurements:
            if one.verdict.level == "fault":
                by_name.setdefault(one.verdict.fault, []).append(one)
        return [
            NamedFault(name, tuple(one.id for one in found), f"{found[0].title}: {found[0].verdict.words}")
            for name, found in by_name.items()
        ]

    def of(self, id_: str) -> Measurement:
        """Return a measurement by its id.

        :raises KeyError: where there is none.
        """
        for one in self.measurements:
            if one.id == id_:
                return one
        raise KeyError(id_)

    @property
    def ids(self) -> list[str]:
        """The ids of all measurements."""
        return [one.id for one in self.measurements]

    def as_json(self) -> str:
        """Write it as JSON."""
        content = {
            "schema": SCHEMA,
            "system": self.system,
            "facts": dict(self.facts),
            "notes": list(self.notes),
            "faults": [
                {"fault": one.fault, "measurements": list(one.measurements), "words": one.words} for one in self.faults
            ],
            "measurements": [one.as_json() for one in self.measurements],
        }
        return escaped_in_json(json.dumps(content, indent=1, ensure_ascii=False)) + "\n"


def measure(
    subject: Subject,
    reporter: Reporter,
    *,
    trained_instruction: str = "",
    probes: Mapping[str, Callable[[], Iterable[Measurement]]] | None = None,
) -> tuple[Measurement, ...]:
    """Measure everything that applies; what fails, or does not apply, is a measurement that says why.

    :param trained_instruction: the one instruction of the training; empty where each data set has its own.
    :param probes: measurements of this kind of model alone, by what they are called.
    """
    families: dict[str, Callable[[], Iterable[Measurement]]] = {
        "retrieval": lambda: measure_retrieval(subject),
        "composed retrieval": lambda: measure_composed(subject),
        "matching": lambda: measure_matching(subject),
        "captions": lambda: measure_captions(subject),
        "caption style": lambda: measure_style(subject, trained_instruction),
        "pictures": lambda: measure_pictures(subject),
        **(probes or {}),
    }
    reporter.expect(len(families))
    found: list[Measurement] = []
    for name, work in families.items():
        reporter.begin(name)
        try:
            made = list(work())
        except BaseException as error:  # one family must not take the others with it
            reason = f"it failed: {message_of(as_error(error))}"
            group: Group = next((one for one in GROUPS if name.endswith(one)), "adapters")
            made = [absent(f"{name.replace(' ', '-')}-failed", group, f"Measuring {name}", "all of them", reason)]
        found += made
        named = [one.verdict.fault for one in made if one.verdict.level == "fault"]
        reporter.end(", ".join(dict.fromkeys(named)) or f"{len(made)} measurements, no known failure")
    order = {group: at for at, group in enumerate(GROUPS)}
    return tuple(sorted(found, key=lambda one: order[one.group]))
