"""Score a prediction file on a task, and store the record with the attestation ``imported``."""

from __future__ import annotations

import re
import unicodedata
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast, runtime_checkable

from fashionbench.canonical import short
from fashionbench.data.file_index import FileIndex
from fashionbench.data.roots import DataRoots
from fashionbench.errors import ConfigError
from fashionbench.plugins.origin import Origin
from fashionbench.predictions.image_names import NamesImages, images_of_items
from fashionbench.predictions.replay_backend import FileBackend, capabilities_of
from fashionbench.progress import Silent
from fashionbench.records.stored_text import stored_text
from fashionbench.runner.code_hash import code_hash
from fashionbench.runner.embedding_cache import FILE, EmbeddingCache
from fashionbench.runner.execute import RunContext, execute, process_facts
from fashionbench.runner.extractor_loader import ExtractorLoader
from fashionbench.runner.identity import BackendIdentity, CellIdentity, TaskIdentity
from fashionbench.runner.plan import Cell
from fashionbench.specs import BackendSpec, TaskSpec, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fashionbench.data.info import DataInfo
    from fashionbench.plugins.manager import Plugins
    from fashionbench.predictions.base import Predictions
    from fashionbench.predictions.imported import Imported
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.runner.session import Session
    from fashionbench.runner.task import Task


@runtime_checkable
class TakesFiles(Protocol):
    """A task that can be scored by ids alone: from rankings, hit lists or captions. No image is needed."""

    def predictions_of(self, imported: Imported) -> Predictions:
        """Turn what files hold into predictions.

        :raises DataError: where an item is missing, or an id is unknown.
        """
        ...


@runtime_checkable
class CountsRows(Protocol):
    """A task that counts what of files it ranks otherwise than they say."""

    def counted_rows(self, imported: Imported) -> dict[str, str]:
        """Return what the record says of it, by name."""
        ...


#: Control characters and their like, and what ends a line.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def row_name(name: str) -> str:
    """Return a name as it stands on a board: in one Unicode form, without white space at its ends.

    :raises ConfigError: where nothing is left, a character cannot be seen, or a record would not keep it as it is.
    """
    text = unicodedata.normalize("NFC", name).strip()
    unseen = [f"U+{ord(sign):04X}" for sign in text if unicodedata.category(sign) in _UNSEEN]
    # The name is a part of what intervals are drawn by, so it must be what the record keeps.
    kept = stored_text(text) == text
    if unseen or not text or not kept:
        what = f"holds {unseen[0]}, which cannot be seen" if unseen else "is empty"
        what = what if unseen or not text else "holds a secret or the path of a folder, which no record keeps"
        raise ConfigError(f"the name of the predictions {what}", remedy="pass another --name")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class _ImportedSpec(BackendSpec):
    """The backend of a file, whose name is what its maker calls it."""

    NAMES: ClassVar[re.Pattern[str]] = re.compile(r"imported/\S(.*\S)?")


class _FromFile:
    """A task whose predictions are read, not asked for."""

    def __init__(self, task: Task, imported: Imported) -> None:
        self._task = task
        self._imported = imported

    def info(self) -> DataInfo:
        info = self._task.info().by_ids()
        counted = self._task.counted_rows(self._imported) if isinstance(self._task, CountsRows) else {}
        return replace(info, facts={**info.facts, **self._imported.facts, **counted})

    def predict(self, session: Session) -> Predictions:  # noqa: ARG002
        assert isinstance(self._task, TakesFiles)  # noqa: S101
        return self._task.predictions_of(self._imported)


def score_file(
    spec: TaskSpec, imported: Imported, name: str, plugins: Plugins, store: Store, data: Mapping[str, Path]
) -> Record:
    """Score a file, or several that were joined.

    :param name: what made the predictions; the row is called ``imported/<name>``.
    :raises ConfigError: where the file cannot answer what the task asks.
    """
    roots = DataRoots(named=data, cache=store.cache / "surveys")
    task: Task = cast("Any", resolve(spec.target))(spec, roots)
    able = capabilities_of(imported)
    # Captions are compared with words, and rankings with ids, so the images need not be there.
    held = bool(imported.captions) if wants_captions(spec) else imported.ranked
    by_ids = held and isinstance(task, TakesFiles)
    if not by_ids and not any(needed <= able for needed in spec.needs):
        raise _unfit(spec, imported)
    backend = _ImportedSpec(
        id=f"imported/{name}",
        summary=f"predictions made elsewhere, {', '.join(path.name for path in imported.paths)}",
        target="fashionbench.predictions.replay_backend:FileBackend",
        revision=imported.sha256,
        capabilities=able or next(iter(spec.needs)),
    )
    _check_name(backend, spec, store)
    plugins.backends.put(backend, Origin("imported", imported.paths[0].name, imported.sha256[:12]))
    options: dict[str, object] = {}
    identity = CellIdentity(
        TaskIdentity(spec.id, spec.protocol.hash, dict(spec.options), code_hash(spec.target), spec.dataset),
        BackendIdentity(backend.id, imported.sha256, options, f"sha256:{imported.sha256}"),
        seed=0,
        limit=None,
    )
    if imported.images and isinstance(task, NamesImages):
        imported = replace(imported, images=images_of_items(imported, task.image_names()))
    replayed = FileBackend(imported)
    asked = cast("Task", _FromFile(task, imported)) if by_ids else task
    with FileIndex(roots.index) as index, closing(EmbeddingCache(store.cache / FILE)) as cache:
        context = RunContext(
            plugins=plugins,
            store=store,
            facts=process_facts(plugins),
            index=index,
            extractors=ExtractorLoader(plugins, "cpu"),
            device="cpu",
            reporter=Silent(),
            cache=cache,
            build=lambda: replayed,
            roots=roots,
            handed_in=replayed.handed_in,
        )
        record, error = execute(Cell(spec, backend, options, identity), asked, context, attestation="imported")
    if error is not None:
        raise error
    return record


def _check_name(backend: BackendSpec, spec: TaskSpec, store: Store) -> None:
    """Refuse a name under which another file was scored on a task, for two files would share a row.

    :raises ConfigError: naming both files by their hashes.
    """
    for record in store.of_backend(spec.id, backend.id):
        if record.attestation == "imported" and record.backend.revision != backend.revision:
            name = backend.id.removeprefix("imported/")
            files = f"it is of the file {record.backend.revision}, and this one is {backend.revision}"
            msg = f"the name {name!r} is taken on {spec.id} by the record {short(record.record_id)}: {files}"
            remedy = (
                f"pass another --name, or 'fashionbench records invalidate {short(record.record_id)} --reason TEXT'"
            )
            raise ConfigError(msg, remedy=remedy)


def wants_captions(spec: TaskSpec) -> bool:
    """Tell whether a task asks for captions."""
    return any("caption" in needed for needed in spec.needs)


def _unfit(spec: TaskSpec, imported: Imported) -> ConfigError:
    """Say why files cannot be scored on a task."""
    if imported.ranked and wants_captions(spec):
        return ConfigError(f"{imported.name} holds lists, and {spec.id} wants one caption an id", remedy="write a text")
    if imported.ranked:
        return ConfigError(f"{spec.id} cannot be scored from rankings", remedy="see 'fashionbench score --help'")
    wanted = " or ".join(" + ".join(sorted(needed)) for needed in spec.needs)
    return ConfigError(f"{imported.name} does not hold what {spec.id} asks for: {wanted}", remedy="check the kind")
