"""What Polyvore Outfits says of each item: its categories, its title and its description.

``polyvore_item_metadata.json`` lies beside the folders of the versions and is one object, by item id.
``semantic_category`` is one of eleven coarse categories such as ``tops``, ``category_id`` the number of a fine one;
titles and descriptions may be empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.errors import DataError, first_names
from fashionbench_tasks.datasets.image_folder import actual
from fashionbench_tasks.datasets.readers import read_json

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

FILE = "polyvore_item_metadata.json"


@dataclass(frozen=True, slots=True)
class ItemMetadata:
    """An item in words.

    :param semantic_category: the coarse category, such as ``bottoms``.
    :param category_id: the number of the fine category, as text.
    """

    semantic_category: str
    category_id: str
    title: str = ""
    description: str = ""

    def category(self, kind: str) -> str:
        """Return the category of a kind, ``semantic_category`` or ``category_id``."""
        return self.category_id if kind == "category_id" else self.semantic_category


def metadata_file(root: Path) -> Path:
    """Return where the file lies: in the root, or in ``polyvore_outfits`` below it; else where it would lie."""
    places = [actual(root, name) for name in (FILE, f"polyvore_outfits/{FILE}")]
    return next((place for place in places if place.is_file()), places[0])


def read_metadata(path: Path, items: Collection[str]) -> dict[str, ItemMetadata]:
    """Read what is said of some items.

    :raises DataError: where the file is missing or holds no object, or it says nothing of an item, or not its
        categories.
    """
    entries = read_json(path)
    if not isinstance(entries, dict):
        raise DataError(f"{path} holds no object by item id", remedy="fetch the annotation file again")
    lacking = sorted(set(items) - entries.keys())
    if lacking:
        msg = f"{path} says nothing of {len(lacking)} of {len(set(items))} items: {first_names(lacking)}"
        raise DataError(msg, remedy="fetch the metadata of the same release as the outfits")
    return {name: _item(entries[name], f"{path}, item {name!r}") for name in items}


def _item(entry: object, place: str) -> ItemMetadata:
    """Check one entry.

    :raises DataError: naming the key that is missing or of another type.
    """
    found: Mapping[str, object] = entry if isinstance(entry, dict) else {}
    coarse, fine = found.get("semantic_category"), found.get("category_id")
    if not isinstance(coarse, str) or not coarse:
        raise DataError(f"{place} has no semantic_category", remedy="mend the entry, or fetch the file again")
    if not isinstance(fine, (str, int)) or isinstance(fine, bool) or fine == "":
        raise DataError(f"{place} has no category_id", remedy="mend the entry, or fetch the file again")
    said = {name: text for name in ("title", "description") if isinstance(text := found.get(name), str)}
    return ItemMetadata(coarse, str(fine), **said)
