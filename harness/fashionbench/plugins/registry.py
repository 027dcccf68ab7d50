"""Specifications of one kind by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from fashionbench.errors import PluginError, UnknownNameError
from fashionbench.plugins.origin import BLOCK_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fashionbench.plugins.origin import Origin
    from fashionbench.specs import (
        BackendSpec,
        BoardSpec,
        DatasetSpec,
        ExecutorSpec,
        ExporterSpec,
        MetricSpec,
        ReferenceSpec,
        ReporterSpec,
        SiteSpec,
        StudySpec,
        TaskSpec,
        TrainerSpec,
    )

S = TypeVar(
    "S",
    bound="DatasetSpec | TaskSpec | MetricSpec | BackendSpec | TrainerSpec | StudySpec | BoardSpec | ReferenceSpec"
    " | ReporterSpec | ExporterSpec | SiteSpec | ExecutorSpec",
)


@dataclass(slots=True)
class Registry(Generic[S]):
    """Specifications of one kind by name, with the plugin that each came from."""

    kind: str
    accepts: type[S]
    _specs: dict[str, S] = field(default_factory=dict)
    _origins: dict[str, Origin] = field(default_factory=dict)

    def add(self, spec: S, origin: Origin) -> None:
        """Take a specification.

        :raises PluginError: where it is no specification of this kind, or its name is taken; the message then names
            both distributions.
        """
        if not isinstance(spec, self.accepts):
            msg = f"{origin} gave {type(spec).__name__} as a {self.kind}"
            raise PluginError(msg, remedy=f"return objects of {self.accepts.__name__}")
        if spec.id in self._specs:
            msg = f"{self.kind} {spec.id!r} is registered by {self._origins[spec.id]} and by {origin}: the first stays"
            raise PluginError(msg, remedy=f"rename one, or block a plugin with {BLOCK_VARIABLE}=NAME")
        self._specs[spec.id] = spec
        self._origins[spec.id] = origin

    def put(self, spec: S, origin: Origin) -> None:
        """Take a specification in the place of one that the same process made before, such as an imported row."""
        self._specs[spec.id] = spec
        self._origins[spec.id] = origin

    def __getitem__(self, name: str) -> S:
        if name not in self._specs:
            raise UnknownNameError(self.kind, name, self._specs)
        return self._specs[name]

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def __iter__(self) -> Iterator[S]:
        return iter(sorted(self._specs.values(), key=lambda spec: spec.id))

    def __len__(self) -> int:
        return len(self._specs)

    def names(self) -> list[str]:
        """List the names, sorted."""
        return sorted(self._specs)

    def origin(self, name: str) -> Origin:
        """Tell which plugin registered a name."""
        self[name]
        return self._origins[name]
