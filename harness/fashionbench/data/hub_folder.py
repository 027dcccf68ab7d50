"""A folder of a data set repository on the Hugging Face hub at one commit: fetched once, then read as any folder.

The files lie in the cache of ``huggingface_hub``. Credentials are those that this client finds by itself; they are
neither asked for nor kept here.
"""

from __future__ import annotations

import glob
import json
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from fashionbench.data.remote_cache import cache_folder
from fashionbench.errors import ConfigError, DataError, FashionBenchError, counted, first_names, reason_of
from fashionbench.files import disk_fault, regular_text, write_text
from fashionbench.json_reader import loads
from fashionbench.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Mapping

#: One slash is what is left of two where the address was taken for the path of a folder.
_ADDRESS = re.compile(r"(?i)hf:/{1,2}(.*)")
#: An address of any kind; one letter would be a drive.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/{1,2}.*")
_FORM = re.compile(r"datasets/(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[^/]*))?(?:/(?P<path>.*))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_EXAMPLE = "hf://datasets/ORG/NAME@COMMIT/FOLDER, the commit with its 40 digits"
_OFFLINE = ("1", "true", "yes", "on")
#: Kinds of errors of the client, by what is to be done.
_REFUSED = frozenset({"RepositoryNotFoundError", "GatedRepoError"})


@dataclass(frozen=True, slots=True)
class HubFolder:
    """A folder of a data set repository.

    :param repository: such as ``ORG/NAME``.
    :param revision: the commit, 40 hexadecimal digits: a branch or a tag would be other data one day.
    :param path: of the folder in it; empty for the whole repository.
    """

    repository: str
    revision: str
    path: str = ""

    @classmethod
    def of(cls, place: str | Path) -> HubFolder | None:
        """Read an address such as ``hf://datasets/ORG/NAME@COMMIT/FOLDER``; None for what is the path of a folder.

        :raises ConfigError: where it names no data set, or no commit, or is an address of another kind.
        """
        text = place.as_posix() if isinstance(place, Path) else place
        address = _ADDRESS.fullmatch(text)
        if address is None:
            other = _SCHEME.fullmatch(text)
            if other is not None and not Path(text).exists():
                remedy = f"fetch them into a folder and name that, or write {_EXAMPLE}"
                raise ConfigError(f"data are not read from {other[1]}:// addresses", remedy=remedy)
            return None
        # What stands before the name of a data set may be a password.
        shown = f"hf://{address[1] if address[1].startswith('datasets/') else '…'}"
        form = _FORM.fullmatch(address[1].rstrip("/"))
        if form is None or ".." in PurePosixPath(form["path"] or "").parts:
            raise ConfigError(f"{shown} is no folder of a data set on the hub", remedy=f"write {_EXAMPLE}")
        revision = form["revision"] or ""
        if not _COMMIT.fullmatch(revision):
            said = f"{revision!r} is no commit" if revision else "no commit is named"
            remedy = f"write {_EXAMPLE}: 'git ls-remote https://huggingface.co/datasets/{form['repository']}' prints it"
            raise ConfigError(f"{shown} may change under the same name: {said}", remedy=remedy)
        path = PurePosixPath((form["path"] or "").lstrip("/")).as_posix()
        return cls(form["repository"], revision, "" if path == "." else path)

    @property
    def address(self) -> str:
        """The address, which a record holds."""
        return f"hf://datasets/{self.repository}@{self.revision}" + (f"/{self.path}" if self.path else "")

    def fetched(self) -> Path:
        """Return the folder on this machine with all of its files, fetched where some are not there.

        Once all are there, the hub is not asked again, and ``HF_HUB_OFFLINE`` may be set. What a killed run has fetched
        stays.

        :raises DataError: where the hub cannot be asked, or holds no such folder.
        """
        return _fetched(self, cache_folder())


@lru_cache(maxsize=64)
def _fetched(folder: HubFolder, notes: Path) -> Path:
    try:
        import huggingface_hub  # noqa: PLC0415
    except ImportError as error:
        msg = f"{folder.address} cannot be fetched: huggingface_hub is not installed"
        raise DataError(msg, remedy="pip install 'fashionbench[remote]'") from error
    files = _listed(folder, notes, huggingface_hub)
    root, lacking = _on_disk(folder, files, huggingface_hub)
    if lacking:
        if _is_offline():
            msg = f"{len(lacking)} of {counted(len(files), 'file')} of {folder.address} are not on this machine"
            raise DataError(f"{msg}, and HF_HUB_OFFLINE is set", remedy="unset it once, to fetch them")
        size = sum(files[name] for name in lacking) / 1e6
        echo(f"fetching {counted(len(lacking), 'file')}, {size:,.1f} MB, of {folder.address}", err=True)
        cut = [] if root is None else [name for name in lacking if (root / _within(folder, name)).is_file()]
        if cut:  # the client takes what is there for whole
            _download(folder, huggingface_hub, [glob.escape(name) for name in cut], force_download=True)
        _download(folder, huggingface_hub, f"{glob.escape(folder.path)}/*" if folder.path else None)
        root, lacking = _on_disk(folder, files, huggingface_hub)
    if root is None or lacking:
        msg = f"{folder.address} is not whole after it was fetched: {first_names(lacking)}"
        raise DataError(msg, remedy="look whether the cache of huggingface_hub can be written, and try again")
    return root


def _listed(folder: HubFolder, notes: Path, client: Any) -> Mapping[str, int]:
    """Return the files of a folder by their names in the repository, with their sizes; what a commit has never changes.

    :param notes: keeps what the hub said.
    """
    note = notes / "hub" / f"{blake2b(folder.address.encode(), digest_size=12).hexdigest()}.json"
    try:
        kept = loads(regular_text(note))
        if kept["address"] == folder.address and kept["files"]:
            return {str(name): int(size) for name, size in kept["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, FashionBenchError):
        pass
    if _is_offline():
        msg = f"{folder.address} was not fetched yet, and HF_HUB_OFFLINE is set"
        raise DataError(msg, remedy="unset it once; what was fetched is read without the hub")
    try:
        entries = client.HfApi().list_repo_tree(
            folder.repository,
            folder.path or None,
            recursive=True,
            revision=folder.revision,
            repo_type="dataset",
        )
        files = {entry.path: int(entry.size) for entry in entries if hasattr(entry, "size")}
    except Exception as error:
        raise _said(folder, error) from error
    outside = [name for name in files if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute()]
    if outside:
        raise DataError(f"{folder.address} holds {outside[0]!r}, which leads out of it", remedy="do not use these data")
    if not files:
        raise DataError(f"{folder.address} holds no file", remedy="check the name of the folder")
    write_text(note, json.dumps({"address": folder.address, "files": files}))
    return files


def _on_disk(folder: HubFolder, files: Mapping[str, int], client: Any) -> tuple[Path | None, list[str]]:
    """Return the folder in the cache of the client, None where nothing of it is there; and which files are not."""
    for name in files:
        found = client.try_to_load_from_cache(folder.repository, name, revision=folder.revision, repo_type="dataset")
        if isinstance(found, str):
            snapshot = Path(found).parents[len(PurePosixPath(name).parts) - 1]
            lacking = [name for name, size in files.items() if _size(snapshot / name) != size]
            return snapshot / folder.path, lacking
    return None, list(files)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _within(folder: HubFolder, name: str) -> str:
    """Return the name of a file of the repository as it is below the folder."""
    return name.removeprefix(f"{folder.path}/") if folder.path else name


def _download(folder: HubFolder, client: Any, patterns: str | list[str] | None, **how: bool) -> None:
    shown = client.utils.are_progress_bars_disabled()
    client.utils.disable_progress_bars()  # a run has its own
    try:
        client.snapshot_download(
            folder.repository, repo_type="dataset", revision=folder.revision, allow_patterns=patterns, **how
        )
    except Exception as error:
        if disk_fault(error) is not None:
            raise
        raise _said(folder, error) from error
    finally:
        if not shown:
            client.utils.enable_progress_bars()


def _said(folder: HubFolder, error: Exception) -> DataError:
    """Say of what the client raised what the user can do."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    status = getattr(getattr(error, "response", None), "status_code", None)
    if kinds & _REFUSED or status in {401, 403}:
        msg = f"{folder.address} is not there, or not for everybody"
        return DataError(msg, remedy="check the name; where access is needed, ask for it on the hub and set HF_TOKEN")
    if kinds & {"RevisionNotFoundError", "EntryNotFoundError", "RemoteEntryNotFoundError"}:
        return DataError(f"{folder.address} is not there", remedy="check the commit, and the name of the folder")
    said = f"the hub answered {status}" if status else reason_of(error) or type(error).__name__
    msg = f"{folder.address} cannot be fetched: {said}"
    return DataError(msg, remedy="check the network, and try again: what was fetched stays")


def _is_offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in _OFFLINE
