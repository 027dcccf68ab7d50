"""Download of models from the Hugging Face hub: the files that are fetched, and what is said where that fails."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huggingface_hub import HfApi, snapshot_download

from fashionbench.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Beside weights: configurations, and all that tokenizers are made of (``tokenizer.model`` of SentencePiece too).
_SMALL = re.compile(r"[^/]+\.(json|txt|model|jinja|tiktoken)")
#: Weights by format, the one that cannot hold code first; a repository that has one of them needs no other.
_WEIGHTS = (
    re.compile(r"(diffusion_pytorch_)?model(-\d+-of-\d+)?\.safetensors(\.index\.json)?"),
    re.compile(r"adapter_model\.safetensors"),
    re.compile(r"(diffusion_)?pytorch_model(-\d+-of-\d+)?\.bin(\.index\.json)?"),
    re.compile(r"adapter_model\.bin"),
)


def wanted(names: Iterable[str], subfolder: str = "") -> list[str]:
    """Choose the files of a repository that loading reads: small ones, and weights of one format.

    Copies for other libraries, in half precision or in folders of their own are left out.

    :param names: every file of the repository.
    :param subfolder: where the model lies.
    """
    start = f"{subfolder}/" if subfolder else ""
    here = [name.removeprefix(start) for name in names if name.startswith(start)]
    chosen = [name for name in here if _SMALL.fullmatch(name) and not name.endswith(".index.json")]
    formats = ([name for name in here if pattern.fullmatch(name)] for pattern in _WEIGHTS)
    chosen += next((found for found in formats if found), [])
    return sorted(start + name for name in chosen)


def fetch(source: str, *, revision: str | None = None, subfolder: str = "") -> Path:
    """Return the local copy of a model of the hub, after downloading what is missing of it.

    :raises BackendError: where it is not here and the hub cannot be asked, with a command that fetches it.
    """
    try:
        api: Any = HfApi()
        names = api.list_repo_files(source, revision=revision)
        place = Path(snapshot_download(source, revision=revision, allow_patterns=wanted(names, subfolder)))
    except Exception as error:  # the hub's client raises a dozen kinds, down to those of its HTTP library
        place = _kept(source, revision, subfolder, error)
    return place / subfolder if subfolder else place


def _kept(source: str, revision: str | None, subfolder: str, error: Exception) -> Path:
    """Return what was downloaded before."""
    command = f"hf download {source}" + (f" --revision {revision}" if revision else "")
    command += f" --include '{subfolder}/*'" if subfolder else ""
    try:
        place = Path(snapshot_download(source, revision=revision, local_files_only=True))
        if subfolder and not (place / subfolder).is_dir():
            raise FileNotFoundError(subfolder)  # noqa: TRY301
    except Exception:
        said = str(error).strip().partition("\n")[0]
        where = f"{source}/{subfolder}" if subfolder else source
        msg = f"{where}, revision {revision or 'main'}, is no folder here and cannot be had from the hub: {said}"
        remedy = f"run '{command}' where there is a network, or give the folder that holds it"
        raise BackendError(msg, remedy=remedy) from error
    return place
