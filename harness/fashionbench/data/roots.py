"""Where data sets lie on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PureWindowsPath
from types import MappingProxyType
from typing import TYPE_CHECKING

from fashionbench.data.hub_folder import HubFolder
from fashionbench.errors import DataError
from fashionbench.files import expanded

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A folder that holds one folder for each data set, by the data set's id.
VARIABLE = "FASHIONBENCH_DATA"
#: The index of files below a folder of what is remembered.
INDEX = "files.sqlite"


def _nowhere() -> Mapping[str, Path]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DataRoots:
    """The root folder of each data set: named one by one, or below one common folder.

    :param named: folders by data set id, from the configuration; also addresses of the hub
        (:class:`fashionbench.data.hub_folder.HubFolder`).
    :param common: a folder that holds one folder a data set; by default what ``FASHIONBENCH_DATA`` says.
    :param cache: a folder for what is remembered of files and for generated data; without it nothing is remembered.
    :param remember: whether what is found of files is written into the cache.
    """

    named: Mapping[str, Path] = field(default_factory=_nowhere)
    common: Path | None = None
    cache: Path | None = None
    remember: bool = True

    @property
    def index(self) -> Path | None:
        """The file of the index of files, which all tasks share; None where nothing is remembered."""
        return self.cache / INDEX if self.cache is not None and self.remember else None

    def find(self, dataset: str, beside: str = "") -> Path | None:
        """Return the folder of a data set, or None where nobody named one.

        :param beside: another data set, in whose folder this one lies where it has none of its own.
        :raises DataError: where a folder was named and does not exist, or an address, and cannot be fetched.
        """
        if dataset in self.named:
            hub = HubFolder.of(self.named[dataset])
            root = expanded(self.named[dataset]) if hub is None else hub.fetched()
            if not root.is_dir():
                msg = f"{root}, given as the root of {dataset}, is not a folder"
                raise DataError(msg, remedy=f"correct the path, or see 'fashionbench show {dataset}'")
            return root
        common = self.common or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
        if common is not None and (expanded(common) / dataset).is_dir():
            return expanded(common) / dataset
        return self.find(beside) if beside else None

    def address(self, dataset: str, beside: str = "") -> str:
        """Return the address that a data set was fetched from; empty where it lies in a folder of this machine.

        :param beside: see :meth:`find`.
        """
        if dataset not in self.named:
            return self.address(beside) if beside and self.find(dataset) is None else ""
        hub = HubFolder.of(self.named[dataset])
        return "" if hub is None else hub.address

    def require(self, dataset: str, beside: str = "") -> Path:
        """Return the folder of a data set.

        :param beside: see :meth:`find`.
        :raises DataError: where there is none.
        """
        root = self.find(dataset, beside)
        if root is None:
            msg = f"the data set {dataset} was not found"
            other = f", or into that of {beside}" if beside else ""
            raise DataError(msg, remedy=f"put it at ${VARIABLE}/{dataset}{other}, or pass --data {dataset}=FOLDER")
        return root


def inside(root: Path, name: str) -> Path:
    """Join a name from a data file to a root, and refuse one that leads out of it.

    :raises DataError: for an absolute name, one that climbs above the root, or one with a backslash.
    """
    path = root / name
    plain = name.replace("\\", "/")
    # By its words, not by what it links to: a folder of images often lies on another disk behind a link.
    if Path(plain).is_absolute() or PureWindowsPath(name).is_absolute() or ".." in PurePath(plain).parts:
        msg = f"the name {name!r} leads out of {root}"
        raise DataError(msg, remedy="names in annotation files are relative to the data set's folder")
    if plain != name:
        msg = f"the name {name!r} has a backslash, which parts no folders here"
        raise DataError(msg, remedy=f"write / in its place, as in {plain!r}")
    return path
