"""A trained textual inversion on disk: the network, and which weights it was trained for."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from fashionbench import files
from fashionbench.errors import BackendError, reason_of
from fashionbench.files import regular_text
from fashionbench.json_reader import loads
from fashionbench_models.encoders.pseudo_word import PseudoWord

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS, CONFIG = "pseudo_word.safetensors", "pseudo_word.json"


def save(folder: Path, network: PseudoWord, sizes: dict[str, Any], model: Path) -> None:
    """Write a network.

    :param sizes: what it is made with.
    :param model: the folder of the model that it was trained for.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    files.write(folder / WEIGHTS, lambda path: save_file(tensors, path))
    files.write_text(folder / CONFIG, json.dumps({"sizes": sizes, "model": weights_hash(model)}, indent=2) + "\n")


def load(folder: Path, model: Path) -> PseudoWord:
    """Read a network, in evaluation mode.

    :param model: the folder of the model that it is to be used with.
    :raises BackendError: where the folder is not whole, or the network was trained for other weights.
    """
    remedy = "give the folder 'model' that 'fashionbench train textual-inversion' wrote"
    try:
        facts = loads(regular_text(folder / CONFIG))
        network = PseudoWord(**facts["sizes"])
        network.load_state_dict(load_file(folder / WEIGHTS))
        trained_for = facts["model"]
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise BackendError(
            f"{folder} holds no textual inversion that can be read: {reason_of(error)}", remedy=remedy
        ) from error
    if trained_for != weights_hash(model):
        msg = f"the textual inversion in {folder} was trained for other weights than those in {model}"
        raise BackendError(msg, remedy="train one for this model, or give the model that it was trained for")
    return network.eval().requires_grad_(requires_grad=False)


def weights_hash(folder: Path) -> str:
    """Hash the weights of a model folder.

    :raises BackendError: where it has none.
    """
    state = hashlib.sha256()
    found = sorted([*folder.glob("*.safetensors"), *folder.glob("*.bin")])
    if not found:
        raise BackendError(f"{folder} has no weights", remedy="give the folder that save_pretrained wrote")
    for path in found:
        with path.open("rb") as file:
            state.update(hashlib.file_digest(file, "sha256").digest())
    return state.hexdigest()
