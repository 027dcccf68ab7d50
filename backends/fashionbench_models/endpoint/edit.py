"""Image edits of an endpoint: images and a prompt, with or without a mask, are answered by an image."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from fashionbench.data.images import decode_bytes
from fashionbench.errors import BackendError, DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Edit:
    """A question to ``/images/edits``.

    :param fields: model, prompt and what else is passed on.
    :param images: PNG files; the first is edited.
    :param mask: a PNG file of the first image's size, transparent where it is to be painted; None without one.
    """

    reading: ClassVar[int] = 1
    tokens: ClassVar[tuple[str, str]] = ("input_tokens", "output_tokens")
    has_answer: ClassVar[str] = "data"

    item: str
    fields: Mapping[str, str]
    images: Sequence[bytes]
    mask: bytes | None = None

    def asked(self) -> dict[str, Any]:
        """Return the fields, and the hashes of the files."""
        files = [hashlib.sha256(content).hexdigest() for content in (*self.images, self.mask or b"")]
        return {"edit": dict(self.fields), "files": files}

    def send(self, client: Any) -> Any:
        """Ask for the image."""
        files = [(f"{at}.png", content, "image/png") for at, content in enumerate(self.images)]
        mask = {"mask": ("mask.png", self.mask, "image/png")} if self.mask is not None else {}
        return client.images.edit(image=files, **mask, **self.fields)

    def read(self, answered: Any) -> str:
        """Return the image in base64.

        :raises ValueError: where it is broken.
        :raises BackendError: where there is a link to an image, which nobody follows.
        """
        first = answered.data[0]
        content = getattr(first, "b64_json", None) or ""
        if not content and getattr(first, "url", None):
            msg = f"the endpoint answers {self.item} with a link, and not with an image"
            raise BackendError(msg, remedy="give the option response_format=b64_json")
        if content:
            decoded(content, self.item)
        return str(content)


def decoded(content: str, item: str) -> Image:
    """Decode an image in base64.

    :raises ValueError: where it is none.
    """
    try:
        return decode_bytes(base64.b64decode(content, validate=True), f"of the answer for {item}")
    except (binascii.Error, DataError) as error:
        raise ValueError(f"the answer's image cannot be read: {error}") from error


def png(image: Image) -> bytes:
    """Write an image as PNG."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
