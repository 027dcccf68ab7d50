"""Models on disk as options of backends: a folder or file counts by its content, never by its path."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fashionbench.canonical import digest
from fashionbench.errors import ConfigError, DataError
from fashionbench.files import expanded
from fashionbench.json_reader import read_object
from fashionbench.specs import TrainingDataUse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fashionbench.data.file_index import FileIndex
    from fashionbench.specs import BackendSpec

#: The record of a training, in the folder of its model: how the weights came about, which decides no number.
TRAINING_RECORD = "training.json"
#: Files of a model folder that no loader reads.
_NOT_READ = frozenset({TRAINING_RECORD, "README.md"})


def model_options(spec: BackendSpec, options: Mapping[str, Any], index: FileIndex) -> dict[str, Any]:
    """Return, for each option that names a model on disk, the same value with the hash of the content for the path.

    Options that the specification lists under ``models`` must name one, unless they are empty. Of other options, a
    text, also within a list or a mapping, counts as a model where it is the path of an existing file or folder; a word
    that is the option's default is no path, whatever lies in the working folder.

    :param index: remembers the hashes of files that have not changed.
    :raises ConfigError: where a model that must be there is not.
    """
    named: dict[str, Any] = {}
    for name, value in options.items():
        if value == spec.options.get(name) and not (isinstance(value, str) and "/" in value):
            continue
        found = _with_contents(value, index)
        if found != value:
            named[name] = found
        elif name in spec.models and isinstance(value, (str, Path)) and str(value):
            remedy = "give the folder 'model' that 'fashionbench train' wrote, or another model's folder or file"
            raise ConfigError(f"{spec.id}: {name}={value} is neither a folder nor a file", remedy=remedy)
    return named


def _with_contents(value: Any, index: FileIndex) -> Any:
    """Replace each path of an existing file or folder in a value by the hash of its content."""
    if isinstance(value, dict):
        return {name: _with_contents(inner, index) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_with_contents(inner, index) for inner in value)
    if not isinstance(value, (str, Path)) or not str(value):
        return value
    path = expanded(value)
    try:
        exists = path.exists()
    except (OSError, ValueError):  # too long for a file name, or with a null character: a text, and no path
        return value
    return {"content": content_hash(path, index)} if exists else value


def content_hash(path: Path, index: FileIndex) -> str:
    """Hash the content of a model folder, or of one file, as ``sha256:…``.

    Relative names and contents of all files count, also behind links. Left out are hidden files, compiled Python, and
    at the top the record of the training and the model card.

    :raises ConfigError: where the folder holds no file, or one cannot be read.
    """
    if path.is_file():
        files = {path.name: path}
    else:
        files = {name.as_posix(): path / name for name in sorted(_names(path)) if _counts(name)}
    if not files:
        raise ConfigError(f"{path} holds no model: the folder is empty", remedy="give the folder of a model")
    try:
        facts = index.look(files.values(), decode_images=False)
    except OSError as error:
        raise ConfigError(f"{error.filename or path} cannot be read: {error.strerror}", remedy="check it") from error
    if path.is_file():
        return f"sha256:{facts[path].sha256}"
    return digest({name: facts[file].sha256 for name, file in files.items()})


def training_data_of(models: Mapping[str, str]) -> list[TrainingDataUse]:
    """Return what models were trained on, by the records of their trainings.

    :param models: folders of models, by option; empty ones and single files are passed over.

    A trainer reads the training parts of tasks alone, and its record lists them under ``data``, each with ``dataset``
    and ``synthetic``; what the networks that it began with had seen stands under ``pretraining``, as ``dataset`` and
    ``splits``, or as ``dataset: undisclosed``. A generated twin is not the data set that it stands in for, and has a
    name of its own. A folder without such a record says nothing: it adds nothing to what the specification declares.
    """
    uses: dict[str, TrainingDataUse] = {}
    for folder in models.values():
        path = expanded(folder) / TRAINING_RECORD
        if not folder or not path.is_file():
            continue
        record = _training_record(path)
        parts = record.get("data")
        if not isinstance(parts, dict):
            uses["undisclosed"] = TrainingDataUse(dataset="undisclosed", splits=(), disclosed=False)
            continue
        for task, part in parts.items():
            dataset = str(part.get("dataset", task)) + (" (generated twin)" if part.get("synthetic") else "")
            uses[dataset] = TrainingDataUse(dataset=dataset, splits=("train",))
        for use in record.get("pretraining", []):
            seen = TrainingDataUse(**use | {"splits": tuple(use["splits"])})
            uses.setdefault(seen.dataset, seen)
    return list(uses.values())


def _training_record(path: Path) -> dict[str, Any]:
    try:
        return read_object(path)
    except (OSError, DataError):
        return {}


def _names(folder: Path) -> Iterator[Path]:
    """Yield the relative names of all files below a folder, also behind links; a circle of links is left."""
    above: set[str] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in above:
            folders.clear()
            continue
        above.add(real)
        yield from (Path(parent, name).relative_to(folder) for name in names if Path(parent, name).is_file())


def _counts(name: Path) -> bool:
    hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
    return not hidden and str(name) not in _NOT_READ and name.suffix != ".pyc"
