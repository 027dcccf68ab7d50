"""What a model that writes is asked: a text, with or without an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    :param id: of the item that it is about, for messages.
    """

    id: str
    text: str
    image: Image | None = None
