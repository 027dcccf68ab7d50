"""Models on disk as options of backends: a folder or file counts by its content, never by its path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fashionbench.canonical import digest
from fashionbench.errors import ConfigError
from fashionbench.specs import TrainingDataUse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.data.file_index import FileIndex
    from fashionbench.specs import BackendSpec

#: The record of a training, in the folder of its model: how the weights came about, which decides no number.
TRAINING_RECORD = "training.json"
#: Files of a model folder that no loader reads.
_NOT_READ = frozenset({TRAINING_RECORD, "README.md"})


def model_options(spec: BackendSpec, options: Mapping[str, Any], index: FileIndex) -> dict[str, dict[str, str]]:
    """Return, for each option that names a model on disk, the hash of its content.

    Options that the specification lists under ``models`` must name one, unless they are empty. Of other options, a
    text counts as a model where it is the path of an existing file or folder, written with a separator or ``~``.

    :param index: remembers the hashes of files that have not changed.
    :raises ConfigError: where a model that must be there is not.
    """
    found: dict[str, dict[str, str]] = {}
    for name, value in options.items():
        if not isinstance(value, (str, Path)) or not str(value):
            continue
        path = Path(value).expanduser()
        declared = name in spec.models
        if not path.exists():
            if declared:
                remedy = "give the folder 'model' that 'fashionbench train' wrote, or another model's folder or file"
                raise ConfigError(f"{spec.id}: {name}={value} is neither a folder nor a file", remedy=remedy)
            continue
        if declared or isinstance(value, Path) or "/" in value or "\\" in value or value.startswith("~"):
            found[name] = {"content": content_hash(path, index)}
    return found


def content_hash(path: Path, index: FileIndex) -> str:
    """Hash the content of a model folder, or of one file, as ``sha256:…``.

    Relative names and contents of all files count, also behind links. Left out are hidden files, compiled Python, the
    record of the training and the model card.

    :raises ConfigError: where the folder holds no file, or one cannot be read.
    """
    if path.is_file():
        files = {path.name: path}
    else:
        files = {
            file.relative_to(path).as_posix(): file
            for file in sorted(path.rglob("*"))
            if file.is_file() and _counts(file.relative_to(path))
        }
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
    and ``synthetic``. A generated twin is not the data set that it stands in for, and has a name of its own. A folder
    without such a record says nothing: it adds nothing to what the specification declares.
    """
    uses: dict[str, TrainingDataUse] = {}
    for folder in models.values():
        path = Path(folder).expanduser() / TRAINING_RECORD
        if not folder or not path.is_file():
            continue
        parts = _training_record(path).get("data")
        if not isinstance(parts, dict):
            uses["undisclosed"] = TrainingDataUse(dataset="undisclosed", splits=(), disclosed=False)
            continue
        for task, part in parts.items():
            dataset = str(part.get("dataset", task)) + (" (generated twin)" if part.get("synthetic") else "")
            uses[dataset] = TrainingDataUse(dataset=dataset, splits=("train",))
    return list(uses.values())


def _training_record(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _counts(name: Path) -> bool:
    hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
    return not hidden and name.name not in _NOT_READ and name.suffix != ".pyc"
