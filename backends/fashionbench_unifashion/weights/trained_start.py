"""Start of a training from a model that was trained here: the weights of any of its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import ConfigError
from fashionbench_unifashion.weights.loading import load_strict, locate, read
from fashionbench_unifashion.weights.qformer_source import fit_queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from fashionbench_unifashion.model.unifashion import UniFashion

#: Statistics that a model without normalised states does not have, and which are measured before they are used.
_MEASURED = ("mean", "scale")


def start_from(model: UniFashion, folder: str, parts: Sequence[str] | None = None) -> list[str]:
    """Give parts of a model the weights of a folder that ``fashionbench train`` wrote.

    :param parts: which; None means all that both have.
    :returns: for each part how many tensors were taken, and what is different.
    :raises ConfigError: where a named part is in neither or not in both.
    :raises BackendError: where a part is of other sizes.
    """
    state, notes, own = read(locate(folder)), [], model.parts()
    # Weights of the vision encoder are stored under one name, in two parts here.
    start = {name: f"{name}." for name in own} | {"vision": "vision.network.", "ln_vision": "vision.ln_vision."}
    there = [name for name in own if any(key.startswith(start[name]) for key in state)]
    lacking = sorted(set(parts or ()) - set(there))
    if lacking:
        msg = f"init_parts: {', '.join(lacking)} of {folder} and of this model are not to be had"
        raise ConfigError(msg, remedy=f"both have {', '.join(there)}")
    for name in parts or there:
        held = {key.removeprefix(start[name]): value for key, value in state.items() if key.startswith(start[name])}
        notes += _take(model, name, held, folder)
    absent = [name for name in own if name not in (parts or there)]
    if absent:
        notes.append(f"not of {folder}: {', '.join(absent)}")
    return notes


def _take(model: UniFashion, name: str, held: dict[str, Tensor], folder: str) -> list[str]:
    part, notes = model.parts()[name], list[str]()
    if name == "qformer":
        held, notes = fit_queries(model.qformer, held)
    # Tied weights are stored under one of their names.
    tied = [key for key in part.state_dict() if key not in held and _is_tied(part.state_dict(), key, held)]
    load_strict(
        part, held, allowed_missing=(*_MEASURED, *tied), allowed_unexpected=_MEASURED, source=f"{name} of {folder}"
    )
    return [f"{name}: {len(held)} tensors of {folder}", *notes]


def _is_tied(state: dict[str, Tensor], key: str, held: dict[str, Tensor]) -> bool:
    return any(
        other in held and value.data_ptr() == state[key].data_ptr() for other, value in state.items() if other != key
    )
