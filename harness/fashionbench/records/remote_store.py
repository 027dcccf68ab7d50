"""A store at an address, read-only: what is asked for is fetched into a folder of this machine, and nothing else.

Names of files follow from their content, so that what was fetched once is not fetched again. What there is, is asked
anew by each object, once for a folder: all that one command reads is of one moment.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NoReturn

from fashionbench.data.remote_cache import cache_folder
from fashionbench.errors import StoreError
from fashionbench.files import slug
from fashionbench.records.chain import RECORD_DIGITS
from fashionbench.records.predictions_store import PredictionsStore
from fashionbench.records.remote_folder import RemoteFolder
from fashionbench.records.store import Fault, Store
from fashionbench.records.store_index import INDEX, list_of, read_index

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    import pyarrow as pa

    from fashionbench.records.schema import Record
    from fashionbench.records.store import Scan

_REMEDY = "write to a folder, and send it there with 'fashionbench records push'"


class RemoteStore(Store):
    """Records at an address.

    ``root`` is a folder of this machine that holds what was fetched, and a cache as that of any store.

    :param address: such as ``s3://bucket/results``.
    :raises ConfigError: where the address has a query.
    :raises StoreError: where the client library is not installed.
    """

    read_only = True

    def __init__(self, address: str) -> None:
        folder = RemoteFolder(address)
        root = cache_folder() / hashlib.sha256(folder.address.encode(errors="surrogateescape")).hexdigest()[:20]
        root.mkdir(parents=True, exist_ok=True)
        super().__init__(root)
        self.folder = folder
        self.predictions = _RemotePredictions(root, self)
        self._names: dict[str, dict[str, int]] = {}

    @property
    def address(self) -> str:
        """Where it lies, without the name and password of a user."""
        return self.folder.address

    @property
    def can_be_read(self) -> bool:
        """Whether it is there."""
        return self._is_there()

    def check_there(self) -> None:
        """See that there is a store.

        :raises StoreError: where there is none, or it cannot be reached.
        """
        if not self._is_there():
            if self.folder.can_be_listed:
                said = self.folder.top()[1]
                msg = f"there is no store at {self.address}: {said or 'it has no folder records'}"
                raise StoreError(msg, remedy="check the address, or send one there with 'fashionbench records push'")
            msg = f"there is no store at {self.address}: it has no {INDEX}, and a web server lists nothing by itself"
            raise StoreError(msg, remedy="'fashionbench records push STORE FOLDER' writes one")

    def check_writable(self) -> None:
        """Say that it cannot be written.

        :raises StoreError: always.
        """
        raise StoreError(f"the store {self.address} is read-only", remedy=_REMEDY)

    def scan(self, tasks: Collection[str] | None = None) -> Scan:
        """Read the records, of some tasks alone where they are named; files that cannot be read are named.

        :param tasks: ids of tasks; None reads every record.
        """
        if tasks is None:
            return self._scan(self._listed(self.root / "records"))
        return self._scan([p for task in sorted(set(tasks)) for p in self._listed(self.root / "records" / slug(task))])

    def check_predictions(self, record: Record) -> Fault | None:
        """Fetch the predictions and values of a record, and compare them with their checksums; None if all is well."""
        try:
            return super().check_predictions(record)
        except StoreError as error:
            return Fault(self.path_of(record), error.message)

    def holds(self, path: Path) -> bool:
        """Tell whether there is a file, by its place in ``root``; nothing is fetched."""
        name = path.relative_to(self.root).as_posix()
        return name in self.names(name.partition("/")[0])

    def copy_file(self, path: Path, to: Path) -> None:
        """Copy a file whose name is its checksum to another folder, by its place in ``root``; it is not kept here."""
        if path.is_file():
            super().copy_file(path, to)
        elif not self.folder.fetch(path.relative_to(self.root).as_posix(), to, path.stem):
            self._lacks(path)

    def names(self, folder: str) -> dict[str, int]:
        """Return the files below a folder of the store by name, with their sizes in bytes; asked for once."""
        covering = next((known for known in self._names if f"{folder}/".startswith(f"{known}/")), None)
        if covering is None:
            covering = folder if self.folder.can_be_listed else folder.partition("/")[0]
            if self.folder.can_be_listed:
                self._names[folder] = self.folder.names(folder)
            else:
                listed = self._index(list_of(covering))
                self._names[covering] = {name: listed[name] for name in listed if name.startswith(f"{covering}/")}
        return {name: size for name, size in self._names[covering].items() if name.startswith(f"{folder}/")}

    def forget(self) -> None:
        """Ask anew what there is."""
        self._names.clear()

    def _scan(self, paths: Iterable[Path]) -> Scan:
        scan = super()._scan(paths)
        for at, fault in enumerate(scan.faults):
            # What was damaged on its way, or is mended there, is fetched again by the next command.
            fault.path.unlink(missing_ok=True)
            scan.faults[at] = Fault(fault.path, f"of {self.address}: {fault.message}")
        return scan

    def _listed(self, folder: Path) -> list[Path]:
        names = self.names(folder.relative_to(self.root).as_posix())
        return self._fetched({name: size for name, size in names.items() if name.endswith(".json")})

    def _named(self, beginning: str) -> Scan:
        start = beginning[:RECORD_DIGITS]
        names = self.names("records")
        return self._scan(self._fetched({n: names[n] for n in names if n.rpartition("/")[2].startswith(start)}))

    def _marks_of(self, scan: Scan) -> list[Path]:
        """Fetch the marks of records that were read; the name of a mark says of which record it is."""
        stems = {path.stem for path in (*scan.places.values(), *scan.copies)}
        names = self.names("marks")
        return self._fetched(
            {name: size for name, size in names.items() if name.rpartition("/")[2].partition("-")[0] in stems}
        )

    def _fetched(self, names: dict[str, int]) -> list[Path]:
        """Bring files here that are not, or that have another size there; return the places of all."""
        places = {name: self.root / name for name in sorted(names)}
        self.folder.fetch_all(
            (name, path) for name, path in places.items() if not path.is_file() or path.stat().st_size != names[name]
        )
        return list(places.values())

    def _index(self, which: str) -> dict[str, int]:
        content = self.folder.read(which)
        if content is None:
            msg = f"{self.address} has no {which}, and a web server lists nothing by itself"
            raise StoreError(msg, remedy="'fashionbench records push STORE FOLDER' writes one")
        return read_index(content, f"{self.address}/{which}")

    def _is_there(self) -> bool:
        if self.folder.can_be_listed:
            return "records" in self.folder.top()[0]
        content = self.folder.read(INDEX)
        if content is None:
            return False
        listed = read_index(content, f"{self.address}/{INDEX}")
        for folder in ("records", "marks"):
            self._names[folder] = {name: listed[name] for name in listed if name.startswith(f"{folder}/")}
        return True

    def _lacks(self, path: Path) -> NoReturn:
        msg = f"{self.address} lacks the file {path.relative_to(self.root).as_posix()}"
        raise StoreError(msg, remedy="push the store again from where it is whole")


class _RemotePredictions(PredictionsStore):
    """The tables and images of a store at an address, each fetched when it is first read."""

    def __init__(self, root: Path, store: RemoteStore) -> None:
        super().__init__(root)
        self._store = store

    def here(self, path: Path) -> Path:
        if not path.is_file():
            name = path.relative_to(self._store.root).as_posix()
            if not self._store.folder.fetch(name, path, path.stem):
                self._store._lacks(path)  # noqa: SLF001  # both are one thing in two classes
        return path

    def _write(self, table: pa.Table, folder: str) -> str:  # noqa: ARG002
        self._store.check_writable()
        raise AssertionError
