"""What the parts of a UniFashion model make of held-out pairs: states, adapter outputs, embeddings and latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from fashionbench_unifashion.model.unifashion import load
from fashionbench_unifashion.training.image_decoder import fitted
from fashionbench_unifashion.weights.loading import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL.Image import Image

    from fashionbench.diagnostics.sample import SampledPair, TaskSample
    from fashionbench.diagnostics.system import ProbedModel
    from fashionbench_unifashion.diffusion.config import DiffusionConfig
    from fashionbench_unifashion.model.unifashion import UniFashion

    Rows = NDArray[np.float64]

BATCH = 32
#: Names of representations, in the order of a table.
STATES, PROMPT, WORDS, CONDITION, LATENT = (
    "Q-Former states",
    "language adapter",
    "embeddings of the caption",
    "UNet condition",
    "latent of the photo",
)


@dataclass(frozen=True, slots=True)
class Representations:
    """Representations of the same items by name, each float [N, D]; what the model has no part for is not there.

    :param whole: states and adapter outputs, all vectors of an item side by side.
    :param mean: the mean over the vectors of an item, beside embeddings and latents.
    """

    whole: dict[str, Rows]
    mean: dict[str, Rows]


def trained_model(probed: ProbedModel) -> UniFashion:
    """Load the model once a diagnosis."""
    return _loaded(probed, probed.folder)


def untrained_model(probed: ProbedModel) -> UniFashion | None:
    """Load the same model before any training once a diagnosis; None where there is none."""
    return None if probed.untrained is None else _loaded(probed, probed.untrained)


def _loaded(probed: ProbedModel, folder: Path) -> UniFashion:
    model = probed.shared.get(str(folder))
    if model is None:
        model = probed.shared[str(folder)] = load(folder, probed.device)
    found: UniFashion = model
    return found


def pairs_of(probed: ProbedModel, least: int = 3) -> TaskSample | None:
    """Return the first task with enough held-out pairs; None where there is none."""
    return next((task for task in probed.sample.tasks if len(task.held) >= least), None)


@torch.inference_mode()
def image_tokens(model: UniFashion, probed: ProbedModel, pairs: Sequence[SampledPair]) -> Tensor:
    """Encode photos as image tokens [N, T, W].

    What the encoder gives below the layer norm, which learns, is kept for all models with the same encoder.
    """
    weights = fingerprint(dict(model.vision.network.state_dict()))
    kept: dict[str, Tensor] = probed.shared.setdefault(f"encoded by {weights}", {})
    missing = [pair for pair in pairs if pair.id not in kept]
    probed.reporter.expect_work("image tokens", len(missing))
    for part in batches(missing):
        images = [pair.open().image for pair in part]
        encoded = model.vision.encode(model.transform.batch(images).to(model.device)).cpu()
        for pair, image, row in zip(part, images, encoded, strict=True):
            kept[pair.id] = row
            if model.diffusion is not None:
                _small(model.diffusion.config, probed, pair, image)
        probed.reporter.advance(len(part), "image tokens")
    return model.vision.normalise(torch.stack([kept[pair.id] for pair in pairs]).to(model.device))


def _small(config: DiffusionConfig, probed: ProbedModel, pair: SampledPair, image: Image | None = None) -> Tensor:
    """Fit a photo into the size of the diffusion model, once a diagnosis."""
    kept: dict[str, Tensor] = probed.shared.setdefault(f"photos of {config.width} x {config.height}", {})
    if pair.id not in kept:
        kept[pair.id] = fitted(image or pair.open().image, config.width, config.height)
    return kept[pair.id]


@torch.inference_mode()
def represent(model: UniFashion, probed: ProbedModel, pairs: Sequence[SampledPair]) -> Representations:
    """Compute the representations of pairs."""
    tokens = image_tokens(model, probed, pairs)
    states = torch.cat([model.qformer.image(part, "reference") for part in batches(tokens)])
    vectors = {STATES: states}
    if model.language_adapter is not None:
        vectors[PROMPT] = model.prompt_of(states)
    if model.diffusion_adapter is not None:
        vectors[CONDITION] = model.condition_of(states)
    whole = {name: rows(value.flatten(1)) for name, value in vectors.items()}
    mean = {name: rows(value.mean(dim=1)) for name, value in vectors.items()}
    if model.language is not None:
        mean[WORDS] = rows(model.language.mean_embeddings([pair.text for pair in pairs]))
    if model.diffusion is not None:
        latents = []
        for part in batches(pairs):
            pixels = torch.stack([_small(model.diffusion.config, probed, pair) for pair in part])
            latents.append(model.diffusion.vae.encode(pixels.to(model.device).float() / 127.5 - 1).flatten(1))
        mean[LATENT] = rows(torch.cat(latents))
    return Representations(whole, mean)


def rows(values: Tensor) -> Rows:
    """Turn a tensor into rows of double precision."""
    array: Rows = values.detach().cpu().double().numpy()
    return array


def batches(items: Any) -> Iterator[Any]:
    """Cut a sequence, or the rows of a tensor, into batches."""
    return (items[at : at + BATCH] for at in range(0, len(items), BATCH))


def compact(values: Rows) -> Rows:
    """Turn and shorten rows so that their inner products stay: as many columns as rows at most."""
    if values.shape[1] <= values.shape[0]:
        return values
    found, vectors = np.linalg.eigh(values @ values.T)
    return np.asarray(vectors * np.sqrt(np.maximum(found, 0.0)))


def of_both(probed: ProbedModel, work: Callable[[UniFashion], Any]) -> tuple[Any, Any]:
    """Do something with the model, and with the untrained one where there is one."""
    before = untrained_model(probed)
    return work(trained_model(probed)), None if before is None else work(before)
