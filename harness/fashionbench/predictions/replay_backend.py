"""A backend that answers from a prediction file."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fashionbench.errors import BackendError, first_names
from fashionbench.predictions.id_matching import IdMatcher
from fashionbench.specs.capabilities import GENERATES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from fashionbench.data.items import (
        ComposedItem,
        DesignItem,
        ImageItem,
        StyleTransferItem,
        TextItem,
        TryOffItem,
        TryOnItem,
    )
    from fashionbench.predictions.imported import Imported
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
        captions = self.imported.captions
        return [captions[name] for name in self._found([item.id for item in items], self._captioned)]

    def try_on(self, items: Sequence[TryOnItem]) -> list[NDArray[np.uint8]]:
        """Return the images of the folder."""
        return [self._image(item.id, item.person.size) for item in items]

    def try_off(self, items: Sequence[TryOffItem]) -> list[NDArray[np.uint8]]:
        """Return the images of the folder."""
        return [self._image(item.id, item.person.size) for item in items]

    def design(self, items: Sequence[DesignItem]) -> list[NDArray[np.uint8]]:
        """Return the images of the folder."""
        return [self._image(item.id, item.person.size) for item in items]

    def transfer_style(self, items: Sequence[StyleTransferItem]) -> list[NDArray[np.uint8]]:
        """Return the images of the folder."""
        return [self._image(item.id, item.garment.size) for item in items]

    @cached_property
    def _embedded(self) -> dict[str, IdMatcher]:
        """Ids of the file by role."""
        by_role: dict[str, list[str]] = {"query": [], "candidate": []}
        for role, name in self.imported.vectors:
            by_role[role].append(name)
        return {role: IdMatcher(names) for role, names in by_role.items()}

    @cached_property
    def _captioned(self) -> IdMatcher:
        return IdMatcher(self.imported.captions)

    def _vectors(self, names: Sequence[str], role: str) -> NDArray[np.floating[Any]]:
        import numpy as np  # noqa: PLC0415

        found = self._found(names, self._embedded[role], f"{role} ")
        rows = [self.imported.vectors[role, name] for name in found]
        if len({row.shape for row in rows}) != 1:
            sizes = {row.shape: name for row, name in zip(rows, found, strict=True)}
            shown = ", ".join(f"{name} of {shape}" for shape, name in list(sizes.items())[:3])
            raise BackendError(
                f"{self.imported.name} holds embeddings of several sizes: {shown}", remedy="write one size"
            )
        return np.stack(rows)

    def _image(self, name: str, size: tuple[int, int]) -> NDArray[np.uint8]:
        import numpy as np  # noqa: PLC0415

        from fashionbench.data.images import decode_with_form  # noqa: PLC0415

        if name not in self.imported.images:
            raise BackendError(f"{self.imported.name} has no answer for {name}", remedy="every item needs one")
        image, form = decode_with_form(self.imported.images[name])
        self._forms[name] = form
        if image.size != size:
            found, wanted = "x".join(map(str, image.size)), "x".join(map(str, size))
            msg = f"{self.imported.images[name]} is {found}, and the protocol measures at {wanted}"
            raise BackendError(msg, remedy="resize as the protocol card says, or use the task of that size")
        return np.asarray(image)

    def _found(self, wanted: Sequence[str], there: IdMatcher, kind: str = "") -> list[str]:
        """Return the names that the file has for some items.

        :raises BackendError: where it has none for an item.
        """
        found = {name: there.find(name) for name in wanted}
        lacking = [name for name, own in found.items() if own is None]
        if lacking:
            msg = f"{self.imported.name} has no answer for {len(lacking)} {kind}items: {first_names(lacking)}"
            has = f"it has such as {first_names(there.names, 2)}" if there.names else f"it has no {kind}ids"
            raise BackendError(msg, remedy=f"every item needs one; {has}")
        if len(set(found.values())) < len(found):
            msg = f"{self.imported.name} has one answer for several {kind}items of {first_names(list(found), 3)}"
            raise BackendError(msg, remedy="name each item by its whole id")
        return [str(found[name]) for name in wanted]


def capabilities_of(imported: Imported) -> frozenset[Capability]:
    """Tell which questions a file can answer."""
    found: set[Capability] = set()
    if imported.vectors:
        found |= {"encode-image", "encode-text", "encode-composed"}
    if imported.captions:
        found.add("caption")
    if imported.images:
        found |= GENERATES
    return frozenset(found)
