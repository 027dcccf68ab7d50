"""The lists of a store's files that let it be read from a web server, which lists nothing itself.

``index.json`` names records, marks and the chain; ``files.json`` the predictions, values and images, which are many and
which a board does not need. Both are written by a push, last of all.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fashionbench.errors import StoreError
from fashionbench.json_reader import loads
from fashionbench.records.remote_folder import is_inside

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The list of records and marks, and that of the files that they name.
INDEX, FILES = "index.json", "files.json"
#: The folders of a store that are listed in each.
FOLDERS = {INDEX: ("records", "marks"), FILES: ("predictions", "values", "images")}
_FORMAT = "fashionbench-store/1"


def list_of(folder: str) -> str:
    """Return the list that names the files of a folder."""
    return next(name for name, folders in FOLDERS.items() if folder in folders)


def index_text(names: Mapping[str, int], which: str) -> str:
    """Write a list.

    :param names: files of a store with their sizes in bytes; those that belong in the other list are left out.
    :param which: ``INDEX`` or ``FILES``.
    """
    listed = {name: names[name] for name in sorted(names) if name.partition("/")[0] in FOLDERS[which]}
    return json.dumps({"format": _FORMAT, "files": listed}, indent=0, ensure_ascii=False) + "\n"


def read_index(content: bytes, where: str) -> dict[str, int]:
    """Read a list: files by name, with their sizes in bytes.

    :param where: its address, for the message.
    :raises StoreError: where it is no such list, or names a file outside of the store.
    """
    try:
        read = loads(content.decode())
        listed = {str(name): int(size) for name, size in read["files"].items()}
        known = read["format"] == _FORMAT
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{where} is not the list of a store's files: {error}"
        raise StoreError(msg, remedy="push the store again") from error
    if not known:
        msg = f"{where} is a list of the form {read['format']!r}, and {_FORMAT!r} is read"
        raise StoreError(msg, remedy="use the version of FashionBench that pushed it, or push it again")
    outside = [name for name in listed if not is_inside(name)]
    if outside:
        raise StoreError(f"{where} names {outside[0]!r}, which leads out of the store", remedy="do not use this store")
    return listed
