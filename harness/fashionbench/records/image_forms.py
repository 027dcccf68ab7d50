"""Forms of image files as records count them: which of them lose what was generated."""

from __future__ import annotations

#: By the name of the format; WebP without the word is the lossy one.
_LOSSY = frozenset({"JPEG", "WEBP", "GIF", "JPEG2000", "AVIF"})


def is_lossy(form: str) -> bool:
    """Tell whether images of a form, such as ``JPEG turned``, are not what was generated."""
    return form.split(maxsplit=1)[0] in _LOSSY and "lossless" not in form
