"""Captions by a model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_models.endpoint.completion import ChatClient
from fashionbench_models.endpoint.options import ChatOptions
from fashionbench_models.question import Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.data.items import ImageItem
    from fashionbench.specs.capabilities import BackendContext


class EndpointCaptioner:
    """A captioner behind an endpoint.

    :ivar preprocessing: what was asked how, and what it cost, for the record.
    :raises BackendError: where the environment has no key.
    """

    def __init__(self, context: BackendContext) -> None:
        self._client = ChatClient(ChatOptions(**context.options), context.cache)
        self.preprocessing: dict[str, str] = {}

    def caption(self, items: Sequence[ImageItem], instruction: str) -> list[str]:
        """Describe each image.

        :raises BackendError: where an answer cannot be had, or the budget is spent; what was answered is kept.
        """
        prompt = self._client.options.prompt or instruction
        try:
            return self._client.write([Question(item.id, prompt, item.image) for item in items])
        finally:
            self.preprocessing = self._client.facts(prompt)
