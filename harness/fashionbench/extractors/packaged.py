"""Pretrained weights inside installed packages."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from fashionbench.errors import BackendError
from fashionbench.files import sha256 as content_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

_REINSTALL = 'pip install --force-reinstall "fashionbench[pocket]"'


def verified(package: str, path: str, sha256: str) -> Path:
    """Find a file of an installed package and check that it is the one that the code was written for.

    :param package: the importable name.
    :param path: the path inside the package.
    :raises BackendError: where the package or the file is missing, or the file has another hash.
    """
    try:
        file = Path(str(files(package).joinpath(path)))
    except ModuleNotFoundError as error:
        raise BackendError(
            f"the package {package} is not installed", remedy='pip install "fashionbench[pocket]"'
        ) from error
    if not file.is_file():
        raise BackendError(f"{package} is installed without {path}", remedy=_REINSTALL)
    stamp = file.stat()
    found = _hash(file, stamp.st_size, stamp.st_mtime_ns)
    if found != sha256:
        raise BackendError(f"{package}/{path} has the SHA-256 {found}, not {sha256}", remedy=_REINSTALL)
    return file


@lru_cache(maxsize=16)
def _hash(file: Path, _size: int, _changed: int) -> str:
    """Hash a file once a process, and again where it has changed: each backend and each fold asks."""
    return content_hash(file)


def fill(network: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Give a network its weights and put it in evaluation mode without gradients.

    :param source: what the weights were read from, for the error.
    :raises BackendError: where the names of the weights are not those of the network, listing the difference.
    """
    expected = network.state_dict().keys()
    missing, unexpected = sorted(expected - weights.keys()), sorted(weights.keys() - expected)
    if missing or unexpected:
        msg = f"{source} does not fit {type(network).__name__}: missing {missing}, unexpected {unexpected}"
        raise BackendError(msg, remedy=_REINSTALL)
    network.load_state_dict(weights, assign=True)
    network.eval().requires_grad_(requires_grad=False)
