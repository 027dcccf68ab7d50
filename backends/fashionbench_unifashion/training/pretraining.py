"""Data sets that the networks which a training begins with have seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.extractors.pretraining import IMAGE_TRAINING_DATA, TEXT_TRAINING_DATA
from fashionbench.runner.model_files import training_data_of
from fashionbench.specs import TrainingDataUse

if TYPE_CHECKING:
    from fashionbench_unifashion.model.config import UniFashionConfig

#: A folder of weights does not say what it was trained on.
UNDISCLOSED = TrainingDataUse(dataset="undisclosed", splits=(), disclosed=False)


def pretraining(config: UniFashionConfig, init_from: str | None = None) -> list[TrainingDataUse]:
    """Return what was seen before a training: by the packaged networks, by named sources, by the model it begins with.

    :param init_from: a folder that a training wrote, whose record says what it has seen.
    """
    seen: list[TrainingDataUse] = []
    if config.vision.kind == "efficientnet-lite0":
        seen += IMAGE_TRAINING_DATA
    if config.text_features == "minilm":
        seen += TEXT_TRAINING_DATA
    sources = [config.vision.source, config.qformer.source]
    if config.language is not None:
        sources.append(config.language.source)
    if config.diffusion is not None:
        sources += [config.diffusion.unet.source, config.diffusion.vae.source]
    if any(sources):
        seen.append(UNDISCLOSED)
    if init_from is not None:
        seen += training_data_of({"model": init_from}) or [UNDISCLOSED]
    return list(dict.fromkeys(seen))
