"""A backend that answers from a prediction file."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from fashionbench.errors import BackendError, first_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from fashionbench.data.items import ComposedItem, DesignItem, ImageItem, TextItem, TryOnItem
    from fashionbench.predictions.readers import Imported
    from fashionbench.specs.capabilities import Capability, Role


#: Unused images that are named; there may be as many as in a whole other split.
_NAMED = 100


class FileBackend:
    """Answers every item by its id.

    :raises BackendError: from each method, where the file has no answer for an item; the message names the ids.
    """

    def __init__(self, imported: Imported) -> None:
        self.imported = imported
        self._forms: dict[str, str] = {}

    def handed_in(self) -> dict[str, Any]:
        """Return what a record says of the images that were read: their forms, and those that nobody asked for."""
        unused = sorted(self.imported.images.keys() - self._forms.keys()) if self._forms else []
        return {"image_forms": dict(sorted(Counter(self._forms.values()).items())), "unused": tuple(unused[:_NAMED])}

    def encode_images(self, items: Sequence[ImageItem], role: Role) -> NDArray[np.floating[Any]]:
        """Return the embeddings of the file."""
        return self._vectors([item.id for item in items], role)

    def encode_texts(self, items: Sequence[TextItem], role: Role) -> NDArray[np.floating[Any]]:
        """Return the embeddings of the file."""
        return self._vectors([item.id for item in items], role)

    def encode_composed(self, items: Sequence[ComposedItem]) -> NDArray[np.floating[Any]]:
        """Return the embeddings of the file."""
        return self._vectors([item.id for item in items], "query")

    def caption(self, items: Sequence[ImageItem], instruction: str) -> list[str]:  # noqa: ARG002
        """Return the captions of the file, whatever the instruction."""
        self._require([item.id for item in items], self.imported.captions)
        return [self.imported.captions[item.id] for item in items]

    def try_on(self, items: Sequence[TryOnItem]) -> list[NDArray[np.uint8]]:
        """Return the images of the folder."""
        return [self._image(item.id, item.person.size) for item in items]

    def design(self, items: Sequence[DesignItem]) -> list[NDArray[np.uint8]]:
        """Return the images of the folder."""
        return [self._image(item.id, item.person.size) for item in items]

    def _vectors(self, names: Sequence[str], role: str) -> NDArray[np.floating[Any]]:
        import numpy as np  # noqa: PLC0415

        self._require([(role, name) for name in names], self.imported.vectors)
        rows = [self.imported.vectors[role, name] for name in names]
        if len({row.shape for row in rows}) != 1:
            raise BackendError(f"{self.imported.path} holds embeddings of several sizes", remedy="write one size")
        return np.stack(rows)

    def _image(self, name: str, size: tuple[int, int]) -> NDArray[np.uint8]:
        import numpy as np  # noqa: PLC0415

        from fashionbench.data.images import decode_with_form  # noqa: PLC0415

        self._require([name], self.imported.images)
        image, form = decode_with_form(self.imported.images[name])
        self._forms[name] = form
        if image.size != size:
            found, wanted = "x".join(map(str, image.size)), "x".join(map(str, size))
            msg = f"{self.imported.images[name]} is {found}, and the protocol measures at {wanted}"
            raise BackendError(msg, remedy="resize as the protocol card says, or use the task of that size")
        return np.asarray(image)

    def _require(self, wanted: Sequence[Any], found: Any) -> None:
        lacking = [key for key in wanted if key not in found]
        if lacking:
            named = first_names(lacking)
            raise BackendError(f"{self.imported.path} has no answer for {named}", remedy="every item needs one")


def capabilities_of(imported: Imported) -> frozenset[Capability]:
    """Tell which questions a file can answer."""
    found: set[Capability] = set()
    if imported.vectors:
        found |= {"encode-image", "encode-text", "encode-composed"}
    if imported.captions:
        found.add("caption")
    if imported.images:
        found |= {"try-on", "design"}
    return frozenset(found)
