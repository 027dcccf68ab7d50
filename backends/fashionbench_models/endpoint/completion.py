"""Chat completions of an endpoint: a text, with or without an image, is answered by a text."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from fashionbench_models.endpoint.client import EndpointClient

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PIL.Image import Image

    from fashionbench_models.endpoint.options import ChatOptions
    from fashionbench_models.question import Question


@dataclass(frozen=True, slots=True)
class Completion:
    """A question as the body of a chat completion."""

    #: From 2 on an answer in parts is the text of these parts.
    reading: ClassVar[int] = 2
    tokens: ClassVar[tuple[str, str]] = ("prompt_tokens", "completion_tokens")
    has_answer: ClassVar[str] = "choices"

    item: str
    body: dict[str, Any]

    def asked(self) -> dict[str, Any]:
        """Return the body."""
        return self.body

    def send(self, client: Any) -> Any:
        """Ask for the completion."""
        return client.chat.completions.create(**self.body)

    def read(self, answered: Any) -> str:
        """Read the text of a message: some servers send it as a list of parts.

        :raises ValueError: where it is neither a text nor parts of one.
        """
        content = answered.choices[0].message.content
        parts = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
        said = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
        texts = [text for text in said if isinstance(text, str)]
        if len(texts) < len(parts):
            raise ValueError("the answer's content is no text")
        return "".join(texts).strip()


class ChatClient(EndpointClient):
    """Questions that are answered by texts."""

    def __init__(self, options: ChatOptions, cache: Path) -> None:
        super().__init__(options, cache)
        self.options = options

    def write(self, questions: Sequence[Question]) -> list[str]:
        """Answer each question, several at once.

        :raises BackendError: where an answer cannot be had, or the budget is spent; what was answered is kept.
        """
        return self.answers([Completion(question.id, self._body(question)) for question in questions])

    def facts(self, prompt: str) -> dict[str, str]:
        """Say what was asked how, and what it cost, for the record."""
        return super().facts(prompt) | {"decoding": f"temperature 0, at most {self.options.max_tokens} tokens"}

    def _body(self, question: Question) -> dict[str, Any]:
        content: list[dict[str, Any]] = [{"type": "text", "text": question.text}]
        if question.image is not None:
            content.insert(0, {"type": "image_url", "image_url": {"url": self._data_url(question.image)}})
        return {
            "model": self.options.model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": self.options.max_tokens,
            "temperature": 0,
        }

    def _data_url(self, image: Image) -> str:
        side = self.options.image_side
        if side and max(image.size) > side:
            image = image.copy()
            image.thumbnail((side, side))
        png = io.BytesIO()
        image.convert("RGB").save(png, "PNG")
        return f"data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}"
