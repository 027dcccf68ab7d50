"""The backend that is checked: built anew, and asked through a session as the runner asks it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fashionbench.conformance.inputs import examples, ordinary_items, training, truth
from fashionbench.errors import BackendError
from fashionbench.runner.session import EmbeddingOwner, Session
from fashionbench.specs import resolve
from fashionbench.specs.capabilities import METHODS, BackendContext

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fashionbench.data.items import Item
    from fashionbench.plugins.manager import Plugins
    from fashionbench.runner.bound_backend import BoundBackend
    from fashionbench.specs import BackendSpec
    from fashionbench.specs.capabilities import Capability

#: What answers may differ by where a network's sums are of another order.
TOLERANCE = 2e-5


@dataclass(frozen=True, slots=True)
class Subject:
    """A backend with the options that it is checked with.

    Building is what takes time, so an object that has learnt is kept, and most checks ask it again.

    :param options: instead of its defaults, such as the folder of a tiny model.
    :param known: what the kept object answered to all ordinary items in one batch, with which most checks compare.
    :param kept: the object, once it was built.
    """

    spec: BackendSpec
    plugins: Plugins
    cache: Path
    options: Mapping[str, Any]
    known: dict[Capability, list[Any]] = field(default_factory=dict)
    kept: list[object] = field(default_factory=list)

    def build(self, seed: int = 0) -> object:
        """Build it as the runner does."""
        context = BackendContext({**self.spec.options, **self.options}, seed, "cpu", self.cache)
        built = self.plugins.hook.load_backend(spec=self.spec, context=context)
        return cast("Any", resolve(self.spec.target))(context) if built is None else built

    def ordinary_answers(self, capability: Capability) -> list[Any]:
        """Return what the backend answers to all ordinary items in one batch; it is asked once."""
        if capability not in self.known:
            self.known[capability] = self.answers(capability, ordinary_items(capability))
        return self.known[capability]

    def answers(
        self, capability: Capability, items: Sequence[Item], *, batch_size: int | None = None, fresh: bool = False
    ) -> list[Any]:
        """Ask the backend, through a session that checks what comes back; one answer an item.

        :param fresh: ask an object that was never asked before, which cannot remember an answer.
        :raises BackendError: where it breaks its contract.
        """
        spec, built = self.spec, list(self.kept)
        if built and not fresh:
            # It has learnt, and was shown the truth if it may see it.
            spec = replace(spec, fits=False, privileged=False)

        def load() -> object:
            if fresh or not built:
                built[:] = [self.build()]
            return built[0]

        session = Session(spec, load, owner=EmbeddingOwner(identity="conformance"), seed=0, batch_size=batch_size)
        with session.fold(training() if spec.fits else None, truth(examples())) as backend:
            found = _ask(backend, capability, items)
        if not fresh:
            self.kept[:] = built
        return found


def _ask(backend: BoundBackend, capability: Capability, items: Sequence[Any]) -> list[Any]:
    match capability:
        case "score-pairs":
            return list(backend.score(items))
        case "caption":
            return backend.caption(items, "Describe the product in the photo.")
        case "try-on" | "try-off" | "design" | "style-transfer":
            images = dict(getattr(backend, METHODS[capability])(items))
            return [images[item.id] for item in items]
        case _:
            return list(backend.embed(items, "query"))


def require_equal(first: Sequence[Any], second: Sequence[Any], items: Sequence[Item], when: str) -> None:
    """Compare answers item by item; numbers may differ by the last bits of a sum, relative to the largest.

    :param when: how the two were asked, for the message.
    :raises BackendError: naming the first item whose answers differ, and by how much.
    """
    for one, other, item in zip(first, second, items, strict=True):
        if isinstance(one, str):
            if one != other:
                raise BackendError(
                    f"{item.id}: {one!r}, and {other!r} {when}", remedy="answers depend on the item alone"
                )
            continue
        left, right = (np.asarray(value, dtype=np.float64) for value in (one, other))
        if left.shape != right.shape:
            raise BackendError(f"{item.id}: of the shape {left.shape}, and {right.shape} {when}")
        difference, limit = _difference(left, right), _limit(left)
        if difference > limit:
            msg = f"{item.id}: the answer differs by {difference:.3g} {when}"
            raise BackendError(
                msg, remedy=f"answers depend on the item alone, to {limit:.1g}: no batch norm, no unseeded draw"
            )


def _difference(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    return float(np.abs(left - right).max(initial=0.0))


def _limit(values: NDArray[np.float64]) -> float:
    # Pixels are rounded: one level is the least that can differ.
    whole = values.size > 0 and values.ndim == 3 and values.max() > 1 and np.array_equal(values, values.round())
    return 1.0 if whole else TOLERANCE * max(1.0, float(np.abs(values).max(initial=0.0)))
