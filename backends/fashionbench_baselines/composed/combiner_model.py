"""A trained Combiner with what its inputs need, on disk and in memory."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from fashionbench import files
from fashionbench.errors import BackendError, reason_of
from fashionbench.extractors import minilm
from fashionbench.files import regular_text
from fashionbench.json_reader import loads
from fashionbench_baselines.composed.combiner_network import Combiner
from fashionbench_baselines.composed.combiner_training import Triplets, train
from fashionbench_baselines.composed.options import CombinerOptions
from fashionbench_baselines.encoders import efficientnet
from fashionbench_baselines.options import read_options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

WEIGHTS, CONFIG = "combiner.safetensors", "combiner.json"
#: The encoders whose features a Combiner was trained on.
ENCODERS = {
    "image": [efficientnet.SHA256, efficientnet.PREPROCESSING],
    "text": [minilm.SHA256, minilm.PREPROCESSING],
}


@dataclass(frozen=True, slots=True)
class CombinerModel:
    """A Combiner of frozen features.

    :param mean: [D], of the training images.
    :param text_map: [K + 1, D], with a constant as the last entry of a text.
    :param steps: how many the training took.
    """

    mean: Floats
    text_map: Floats
    network: Combiner
    options: CombinerOptions
    steps: int

    @classmethod
    def fit(
        cls,
        references: Floats,
        texts: Floats,
        targets: Floats,
        names: Sequence[str],
        options: CombinerOptions,
        seed: int,
        advance: Callable[[int], None] = lambda _: None,
    ) -> CombinerModel:
        """Train on features of triplets, row by row.

        :param names: of the target images.
        :raises BackendError: where there is nothing to tell apart, or the training diverged.
        """
        mean = np.mean(np.concatenate([references, targets]), axis=0)
        before, after = (np.stack([direction(row, mean) for row in rows]) for rows in (references, targets))
        learnt = train(Triplets(before, with_constant(texts), after, names), options, seed, advance)
        return cls(mean, learnt.text_map, learnt.network, options, learnt.steps)

    def images(self, features: Floats) -> NDArray[np.float32]:
        """Return the rows of a gallery: centred, with norm 1."""
        return np.stack([direction(row, self.mean) for row in features]).astype(np.float32)

    def queries(self, images: Floats, texts: Floats) -> NDArray[np.float32]:
        """Combine image and text features row by row; in a batch, last bits would depend on the others."""
        rows = zip(self.images(images), with_constant(texts), strict=True)
        return np.stack([self._query(image, text) for image, text in rows])

    def _query(self, image: NDArray[np.float32], text: Floats) -> NDArray[np.float32]:
        sides = (torch.from_numpy(side.astype(np.float32))[None] for side in (image, text @ self.text_map))
        with torch.inference_mode():
            row: NDArray[np.float32] = self.network(*sides)[0].numpy()
        return row

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return all that was learnt."""
        network = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        return {"mean": torch.from_numpy(self.mean), "text_map": torch.from_numpy(self.text_map), **network}

    def save(self, folder: Path) -> None:
        """Write weights and configuration."""
        tensors = {name: value.contiguous() for name, value in self.tensors().items()}
        files.write(folder / WEIGHTS, lambda path: save_file(tensors, path))
        facts = {"options": asdict(self.options), "steps": self.steps, "encoders": ENCODERS}
        files.write_text(folder / CONFIG, json.dumps(facts, indent=2) + "\n")


def load(folder: Path) -> CombinerModel:
    """Read a Combiner.

    :raises BackendError: where the folder is not whole, or was trained on the features of other encoders.
    """
    remedy = "give the folder 'model' that 'fashionbench train baseline-combiner' wrote"
    try:
        facts: dict[str, Any] = loads(regular_text(folder / CONFIG))
        tensors = load_file(folder / WEIGHTS)
        known = facts["encoders"] == loads(json.dumps(ENCODERS))
        options = read_options(CombinerOptions, facts["options"])
        mean, text_map = tensors.pop("mean").numpy(), tensors.pop("text_map").numpy()
        network = Combiner(mean.size, options.projection, options.hidden, options.dropout)
        network.load_state_dict({name.removeprefix("network."): value for name, value in tensors.items()})
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise BackendError(f"{folder} holds no Combiner that can be read: {reason_of(error)}", remedy=remedy) from error
    if not known:
        msg = f"the Combiner in {folder} was trained on the features of other encoders than those installed"
        raise BackendError(msg, remedy="train it again")
    return CombinerModel(mean, text_map, network.eval(), options, int(facts["steps"]))


def direction(row: Floats, mean: Floats) -> Floats:
    """Centre a vector and give it norm 1; one that is the mean itself stays zero."""
    centred = row - mean
    norm = float(np.linalg.norm(centred))
    rows: Floats = centred / norm if norm > 0 else centred
    return rows


def with_constant(texts: Floats) -> Floats:
    """Add a constant entry to text features, so that a mean shift needs no direction of the text."""
    return np.hstack([texts, np.ones((len(texts), 1))])
