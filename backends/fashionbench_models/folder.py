"""Where the weights of a model lie: a folder, or a repository in the cache of huggingface_hub; none is downloaded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fashionbench.errors import ConfigError
from fashionbench.files import expanded, regular_text
from fashionbench.json_reader import loads

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def locate(name: str, revision: str = "") -> Path:
    """Find the folder of a model.

    :param name: a folder, or ``OWNER/NAME`` of the hub.
    :param revision: of a repository of the hub.
    :raises ConfigError: where there is none; says what to download.
    """
    folder = expanded(name)
    if folder.is_dir():
        if revision:
            msg = f"{name} is a folder, and a folder has no revision {revision!r}"
            raise ConfigError(msg, remedy="leave revision out; the folder counts by its content")
        return folder.resolve()
    if folder.is_file():
        raise ConfigError(f"hf:{name} is a file, and a model is a folder", remedy=_instead_of(folder))
    if not _HUB_ID.fullmatch(name):
        raise ConfigError(f"hf:{name} is neither a folder nor OWNER/NAME of the hub", remedy="check the path")
    return _cached(name, revision)


def _instead_of(file: Path) -> str:
    """Say what to give in the place of a file."""
    if (file.parent / "config.json").is_file() or (file.parent / "model_index.json").is_file():
        return f"give the folder that it lies in: hf:{file.parent}"
    if file.suffix == ".py":
        return f"a class in a file is named without hf: {file}:CLASS"
    return "give the folder that save_pretrained wrote; answers in a file are for 'fashionbench score'"


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file of a model folder that holds a mapping; an empty one where it is not there.

    :raises ConfigError: where it cannot be read.
    """
    if not path.is_file():
        return {}
    try:
        content = loads(regular_text(path, "utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as JSON: {error}", remedy="download it again") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} holds no mapping", remedy="download it again")
    return content


def _cached(name: str, revision: str) -> Path:
    try:
        from huggingface_hub import snapshot_download  # noqa: PLC0415
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(f"hf:{name} needs huggingface_hub", remedy='pip install "fashionbench[models]"') from error
    try:
        return Path(snapshot_download(name, revision=revision or None, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        of = f" at {revision}" if revision else ""
        command = f"hf download {name}" + (f" --revision {revision}" if revision else "")
        msg = f"{name}{of} is neither a folder here nor in the cache of huggingface_hub, and nothing is downloaded"
        if Path(name).parent.is_dir():
            msg += f"; {Path(name).parent} is a folder here, and holds no {Path(name).name}"
        raise ConfigError(
            msg, remedy=f"run '{command}', or '{command} --local-dir FOLDER' elsewhere and give hf:FOLDER"
        ) from error
