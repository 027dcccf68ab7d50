"""A folder that lies elsewhere, read and written through fsspec: object stores, the hub, web servers, local folders.

Credentials are those that the client library finds by itself. They are neither asked for nor kept here.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from fashionbench import files
from fashionbench.errors import StoreError, reason_of
from fashionbench.records.addresses import scheme_of, without_user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

S = TypeVar("S")
T = TypeVar("T")

#: Schemes of web servers, which list nothing and take nothing.
_WEB = frozenset({"http", "https"})
#: Schemes whose client writes a file whole or not at all.
_WRITABLE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "file"})
#: Requests that are under way at once.
_AT_ONCE = 16
#: Signs that no name of a store's file has.
_REFUSED = frozenset('\\:*?"<>|')
_INSTALL = "pip install 'fashionbench[remote]'"
_CREDENTIALS = (
    "give them to the client library as usual, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or "
    "HF_TOKEN; of a public bucket, FSSPEC_S3_ANON=true"
)


class RemoteFolder:
    """A folder at an address.

    :param address: such as ``s3://bucket/results``, ``hf://datasets/ORG/NAME``, ``https://host/results`` or
        ``file:///folder``.
    :raises ConfigError: where the address has a query.
    :raises StoreError: where the client library is not installed, or nothing knows the scheme.
    """

    def __init__(self, address: str) -> None:
        self.address = without_user(address)
        self._scheme = scheme_of(address)
        self._files, self._root = _opened(address, self.address)

    @property
    def can_be_listed(self) -> bool:
        """Whether it says by itself which files it has; a web server does not."""
        return self._scheme not in _WEB

    def check_writable(self) -> None:
        """See that files can be sent there.

        :raises StoreError: where its client cannot write, or not a file as a whole.
        """
        if self._scheme not in _WRITABLE:
            remedy = "push to the place that it is served from: a bucket, or a folder"
            if self._scheme == "hf":
                remedy = "push to a folder, and upload that with 'hf upload'"
            raise StoreError(f"{self.address} is read-only: nothing is pushed to {self._scheme}://", remedy=remedy)

    def names(self, folder: str) -> dict[str, int]:
        """List the files below a folder by name, seen from this one, with their sizes in bytes.

        :raises StoreError: where it cannot be asked, or holds a name that leads out of it.
        """
        with self._told():
            try:
                found: dict[str, dict[str, Any]] = self._files.find(self._path(folder), detail=True)
            except FileNotFoundError:
                return {}
        names = {path.removeprefix(self._root).lstrip("/"): int(entry["size"] or 0) for path, entry in found.items()}
        # Some programs mark a folder by an empty file whose name ends like one.
        names = {name: size for name, size in names.items() if not name.endswith("/")}
        outside = [name for name in names if not is_inside(name)]
        if outside:
            msg = f"{self.address} holds {outside[0]!r}, which leads out of the store"
            raise StoreError(msg, remedy="do not use this store")
        return {name: size for name, size in names.items() if is_inside(name, folder)}

    def top(self) -> tuple[list[str], str]:
        """List the names of files and folders in this folder itself; where there is none, say what the client says."""
        with self._told():
            try:
                return [PurePosixPath(path).name for path in self._files.ls(self._path(""), detail=False)], ""
            except (FileNotFoundError, NotADirectoryError) as error:
                return [], reason_of(error)

    def read(self, name: str) -> bytes | None:
        """Read a whole file; None where there is none.

        :raises StoreError: where it cannot be read.
        """
        with self._told():
            try:
                content: bytes = self._files.cat_file(self._path(name))
            except (FileNotFoundError, IsADirectoryError):
                return None
        return content

    def fetch(self, name: str, to: Path, sha256: str = "") -> bool:
        """Copy a file to a place on this machine, whole or not at all; return whether there is one.

        :param sha256: 64 hexadecimal digits that what arrives must have; empty where nobody knows them.
        :raises StoreError: where it cannot be read, or is not what its checksum says.
        :raises OSError: where the place cannot be written.
        """

        def fill(temporary: Path) -> None:
            with self._told():
                try:
                    self._files.get_file(self._path(name), str(temporary))
                except (FileNotFoundError, IsADirectoryError) as error:
                    raise _Missing from error
            if sha256 and files.sha256(temporary) != sha256:
                msg = f"{self.address}/{name} was altered or damaged: what arrived has another checksum"
                raise StoreError(msg, remedy="fetch it again; if it stays so, the store is to be mended there")

        try:
            files.write(to, fill)
        except _Missing:
            return False
        return True

    def fetch_all(self, wanted: Iterable[tuple[str, Path]]) -> list[str]:
        """Copy several files at once; return the names of those that are not there.

        :raises StoreError: as :meth:`fetch` does, of the first that fails.
        """
        pairs = list(wanted)
        there = _at_once(lambda pair: self.fetch(*pair), pairs)
        return [name for (name, _), found in zip(pairs, there, strict=True) if not found]

    def send(self, path: Path, name: str) -> None:
        """Copy a file of this machine there, whole or not at all.

        :raises StoreError: where it cannot be written.
        """
        with self._told():
            if self._scheme == "file":
                files.write(Path(self._path(name)), lambda temporary: shutil.copyfile(path, temporary))
            else:
                self._files.put_file(str(path), self._path(name))

    def send_all(self, pairs: Iterable[tuple[Path, str]]) -> None:
        """Copy several files there at once.

        :raises StoreError: as :meth:`send` does, of the first that fails.
        """
        _at_once(lambda pair: self.send(*pair), list(pairs))

    def _path(self, name: str) -> str:
        joined = f"{self._root}/{name}".rstrip("/") if name else self._root
        return self._root.rstrip("/") + "/" + quote(name) if self._scheme in _WEB and name else joined

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say by the address what a client library raises."""
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, _Missing, StoreError):
            raise
        except Exception as error:  # of any of the clients, each with errors of its own
            kinds = {kind.__name__ for kind in type(error).__mro__}
            said = reason_of(error) or type(error).__name__
            if files.disk_fault(error) is not None:
                raise
            if kinds & {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"}:
                raise StoreError(f"there are no credentials for {self.address}: {said}", remedy=_CREDENTIALS) from error
            if isinstance(error, PermissionError) or getattr(error, "status", None) in {401, 403}:
                raise StoreError(f"access to {self.address} is refused: {said}", remedy=_CREDENTIALS) from error
            msg = f"{self.address} cannot be reached: {said}"
            raise StoreError(msg, remedy="check the address, and try again") from error


class _Missing(Exception):  # noqa: N818  # no error of anybody: it ends a file that is being written
    """The file is not there."""


def is_inside(name: str, folder: str = "") -> bool:
    """Tell whether a name that others gave is that of a file below a folder, on every system."""
    parts = name.split("/")
    plain = all(part not in {"", ".", ".."} and part.isprintable() and not _REFUSED & set(part) for part in parts)
    return plain and (not folder or name.startswith(f"{folder.rstrip('/')}/"))


def _at_once(work: Callable[[S], T], items: list[S]) -> list[T]:
    """Do several things at a time, for each waits for an answer from afar; the first that fails ends all."""
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(_AT_ONCE, len(items))) as pool:
        try:
            return list(pool.map(work, items))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _opened(address: str, shown: str) -> tuple[Any, str]:
    """Open an address with the client library of its scheme; return that, and the path of the folder there."""
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415
    except ImportError as error:
        raise StoreError(f"{shown} cannot be opened: fsspec is not installed", remedy=_INSTALL) from error
    scheme = scheme_of(address)
    # Listings that a client keeps would be old ones.
    options: dict[str, Any] = {"use_listings_cache": False}
    if scheme in _WEB:
        options["encoded"] = True
    if scheme == "file":
        options = {}
    if scheme == "hf" and os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes", "on"}:
        raise StoreError(f"{shown} cannot be opened: HF_HUB_OFFLINE is set", remedy="unset it to read from the hub")
    try:
        opened, path = url_to_fs(address.rstrip("/"), **options)
    except ImportError as error:
        msg = f"{shown} cannot be opened: {reason_of(error)}"
        raise StoreError(msg, remedy=_INSTALL) from error
    except (ValueError, TypeError) as error:
        msg = f"{shown} cannot be opened: {reason_of(error)}"
        raise StoreError(msg, remedy="use s3://, hf://, https:// or a folder") from error
    return opened, str(path).rstrip("/")
