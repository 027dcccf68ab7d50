"""State dictionaries in files that a user fetched: hashed, read without running code, compared with a network."""

from __future__ import annotations

import os
import pickle
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fashionbench.errors import MetricError, first_names, reason_of
from fashionbench.files import expanded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor


#: Published files of weights by the first digits of their SHA-256, as torch.hub names and checks them.
PUBLISHED = {
    "6726825d": "pt_inception-2015-12-05-6726825d",
    "7be5be79": "alexnet-owt-7be5be79",
    "57934424": "efficientnet-lite0-57934424",
    "a6308213": "openai/clip-vit-base-patch32",
}
#: The name of weights that are none of :data:`PUBLISHED`.
UNRECOGNISED = "unrecognised"


def published_name(sha256: str) -> str:
    """Return the name that a file of weights was published under, by its content; or ``unrecognised``."""
    return PUBLISHED.get(sha256[:8], UNRECOGNISED)


def hub_folder() -> Path:
    """Return the folder in which torch.hub keeps checkpoints; it need not exist."""
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "torch"
    return expanded(home) / "hub" / "checkpoints"


def read_state(path: Path, remedy: str) -> dict[str, Tensor]:
    """Read a state dictionary onto the CPU; a file that would run code is refused.

    :param remedy: where the right file is to be had, for the error.
    :raises MetricError: for a file that cannot be read, that is no state dictionary, or that holds values which are
        not finite.
    """
    import torch  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            # That a TorchScript archive is another kind of file is said by the error that it ends in.
            warnings.filterwarnings("ignore", "'torch.load' received a zip file", UserWarning)
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, AttributeError, pickle.UnpicklingError) as error:
        msg = f"{path} cannot be read as weights, {type(error).__name__}: {reason_of(error)}"
        raise MetricError(msg, remedy=remedy) from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise MetricError(f"{path} holds {type(state).__name__} that is no state dictionary of tensors", remedy=remedy)
    broken = [name for name, value in state.items() if not bool(torch.isfinite(value).all())]
    if broken:
        raise MetricError(f"{path} holds values that are not finite: {first_names(broken)}", remedy=remedy)
    return state


def require_fit(state: Mapping[str, Tensor], expected: Mapping[str, Any], path: Path, remedy: str) -> None:
    """Compare the names and shapes of weights with those of a network.

    :param expected: the network's own state dictionary, which may lie on the device ``meta``.
    :raises MetricError: where they differ, naming the first few.
    """
    missing = sorted(expected.keys() - state.keys())
    unexpected = sorted(state.keys() - expected.keys())
    shared = sorted(expected.keys() & state.keys())
    shapes = [name for name in shared if state[name].shape != expected[name].shape]
    found = {"missing": missing, "unexpected": unexpected, "of another shape": shapes}
    if any(found.values()):
        said = "; ".join(f"{kind} {first_names(names)}" for kind, names in found.items() if names)
        raise MetricError(f"{path} holds the weights of another network: {said}", remedy=remedy)
