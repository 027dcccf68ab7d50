"""A model as it was after each phase of its training, from the weights that the phases left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file

from fashionbench_unifashion.model.unifashion import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

    from fashionbench_unifashion.model.unifashion import UniFashion


def phase_files(folder: Path) -> dict[str, Path]:
    """Find what each finished phase trained, by the phase's name, in their order.

    :param folder: of the model; the phases lie beside it.
    """
    found: dict[str, tuple[int, Path]] = {}
    for path in (folder.parent / "phases").glob("*/trained.safetensors"):
        number, _, name = path.parent.name.partition("-")
        if number.isdigit() and (path.parent / "done.json").is_file():
            found[name] = (int(number), path)
    return {name: path for name, (_, path) in sorted(found.items(), key=lambda one: one[1][0])}


@torch.no_grad()
def after_each_phase(folder: Path, device: str) -> Iterator[tuple[str, UniFashion, frozenset[str]]]:
    """Yield the name of each phase, the model as it was after it, and the names of the weights trained by then.

    Weights that only a later phase trains are those of the whole model, so that nothing should be measured with them.
    """
    known: dict[str, Tensor] = {}
    model = load(folder, device)
    own = model.state_dict()
    for name, path in phase_files(folder).items():
        known |= load_file(path)
        for part, value in known.items():
            if part in own and own[part].shape == value.shape:
                own[part].copy_(value)
        yield name, model, frozenset(known)
