"""A backend that is ready for one fold: what a task asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.errors import BackendError
from fashionbench.runner.batch_check import chosen, spread_of
from fashionbench.runner.batch_request import BatchRequest
from fashionbench.runner.embedding_batches import EmbeddingBatches
from fashionbench.runner.image_prefetch import ImagePrefetch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import PairItem
    from fashionbench.data.lazy_items import Source
    from fashionbench.runner.asked_backend import AskedBackend
    from fashionbench.runner.session_state import SessionState
    from fashionbench.specs.capabilities import Capability, Role


class BoundBackend:
    """The answers of a backend that is ready for one fold.

    :param owner: hash under which embeddings are cached; None to cache nothing on disk.
    """

    def __init__(self, state: SessionState, backend: AskedBackend, owner: str | None) -> None:
        self._state = state
        self._backend = backend
        self._owner = owner
        self._prefetch = ImagePrefetch()

    def embed(self, sources: Sequence[Source], role: Role) -> NDArray[Any]:
        """Embed images, texts or composed queries, all of one kind, as float32 [N, D] or [N, Q, D].

        Many rows are a memory map, of float16 where the run rounds embeddings to that: turn a block of them into
        float32 before computing with it.

        :raises BackendError: where the backend breaks its contract, or cannot embed this kind.
        """
        return self.embed_sides([(sources, role)])[0]

    def embed_sides(self, sides: Sequence[tuple[Sequence[Source], Role]]) -> list[NDArray[Any]]:
        """Embed several sets of items, each as :meth:`embed` does.

        The first batch of each comes first, so that the pace of each kind of item is known early.
        """
        for sources, role in sides:
            if not sources:
                raise BackendError(f"there is nothing to embed as {role}", remedy="check the split and the filter")
        made = [
            EmbeddingBatches(
                sources,
                role,
                state=self._state,
                backend=self._backend,
                prefetch=self._prefetch,
                owner=self._owner,
            )
            for sources, role in sides
        ]
        streams = [side.run(alone=len(made) > 1) for side in made]
        for stream in streams:
            next(stream)
        for stream in streams:
            for _ in stream:
                pass
        rows = [side.rows for side in made]
        for side, whole in zip(made, rows, strict=True):
            side.compare(whole)
        return rows

    def score(self, sources: Sequence[PairItem]) -> NDArray[np.float32]:
        """Score pairs of a query and a candidate as [N], higher is better."""
        scores = np.concatenate([part for _, part in self._run("score-pairs", sources)])
        at = self._chosen("score-pairs", sources)
        self._compare_answers("score-pairs", sources, {n: scores[n] for n in at}, spread=spread_of(scores))
        return scores

    def caption(self, sources: Sequence[Source], instruction: str) -> list[str]:
        """Describe images, all with one instruction."""
        texts = [t for _, part in self._run("caption", sources, instruction) for t in part]
        at = self._chosen("caption", sources)
        self._compare_answers("caption", sources, {n: texts[n] for n in at}, instruction)
        return texts

    def try_on(self, sources: Sequence[Source]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Dress persons; gives back the id and the RGB image [H, W, 3] of one item after the other."""
        return self._images("try-on", sources)

    def try_off(self, sources: Sequence[Source]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Make the photos of garments that persons wear; gives back the same as :meth:`try_on`."""
        return self._images("try-off", sources)

    def design(self, sources: Sequence[Source]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Dress persons in designed garments; gives back the same as :meth:`try_on`."""
        return self._images("design", sources)

    def transfer_style(self, sources: Sequence[Source]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Show garments in other colours and patterns; gives back the same as :meth:`try_on`."""
        return self._images("style-transfer", sources)

    def _chosen(self, capability: Capability, sources: Sequence[Source]) -> list[int]:
        return chosen(capability, len(sources), self._state.size_for(capability).size)

    def _run(
        self, capability: Capability, sources: Sequence[Source], argument: str | None = None
    ) -> Iterator[tuple[Sequence[Source], Any]]:
        def begin(_at: int, batch: Sequence[Source], following: Sequence[Source]) -> Callable[[], Any]:
            return self._backend.begin(
                BatchRequest(capability, argument, batch, lambda: self._prefetch.open(batch, following))
            )

        for batch, result in self._state.size_for(capability).run(sources, begin, ahead=self._backend.ahead):
            self._state.done(len(batch), capability)
            yield batch, result

    def _compare_answers(
        self,
        capability: Capability,
        sources: Sequence[Source],
        answers: Mapping[int, Any],
        argument: str | None = None,
        *,
        spread: float = 1.0,
    ) -> None:
        """Ask for some items in another batch, once a capability, and note how far the answers are apart."""

        def ask(again: Sequence[Source]) -> Any:
            return self._backend.begin(BatchRequest(capability, argument, again, lambda: self._prefetch.open(again)))()

        if self._state.batches is not None:
            self._state.batches.compare(capability, capability, sources, answers, ask, spread=spread)

    def _images(self, capability: Capability, sources: Sequence[Source]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        at = self._chosen(capability, sources)
        kept: dict[int, NDArray[np.uint8]] = {}
        position = 0
        for batch, images in self._run(capability, sources):
            for source, image in zip(batch, images, strict=True):
                if position in at:
                    kept[position] = image.copy()
                position += 1
                yield source.id, image
        self._compare_answers(capability, sources, {n: kept[n] for n in at})
