"""The type of numbers to which a run rounds embeddings before anything uses or keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fashionbench.specs.capabilities import Capability

#: ``float32`` is what backends are asked for, and rounds nothing.
EmbeddingDtype = Literal["float32", "float16"]


def dtype_of_task(wanted: EmbeddingDtype, needs: Iterable[Iterable[Capability]]) -> EmbeddingDtype:
    """Return the type for the embeddings of a task: what a run wants, where the task may ask for embeddings.

    :param needs: sets of capabilities of which the task asks a backend for one.
    """
    embeds = any(capability.startswith("encode-") for needed in needs for capability in needed)
    return wanted if embeds else "float32"
