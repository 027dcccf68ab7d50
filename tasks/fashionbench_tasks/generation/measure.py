"""Measure generated images: error against the true image, features for set distances, and CLIP-S."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from fashionbench.errors import DataError, FashionBenchError, MetricError
from fashionbench.extractors.base import JointExtractor
from fashionbench.metrics.generation.pairwise import CLIP, clip_score, compare, lpips, lpips_missing
from fashionbench.predictions.images import Picture

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from fashionbench.extractors.base import Extractor
    from fashionbench.runner.session import Session
    from fashionbench.specs import TaskSpec
    from fashionbench_tasks.generation.resize import Resize
    from fashionbench_tasks.generation.samples import GenerationSample

    Pixels = NDArray[np.uint8]


class ImageMeasures:
    """Everything that the protocol of a generation task measures on an image.

    :param session: loads the extractors, and keeps the generated images.
    """

    def __init__(self, spec: TaskSpec, resize: Resize, session: Session) -> None:
        self._resize = resize
        self._session = session
        self._repaints = bool(spec.options.get("repaint"))
        self._extractors, self.absent = _load(spec.options.get("extractors", ()), session)
        self._lpips_missing = lpips_missing()
        if self._lpips_missing:
            self.absent["lpips-alex"] = self._lpips_missing
        if CLIP in self.absent:
            self.absent["clip-s"] = self.absent[CLIP]

    @property
    def extractors(self) -> dict[str, str]:
        """The fingerprint of each extractor that was loaded."""
        return {extractor.id: extractor.fingerprint for extractor in self._extractors}

    def generated(self, sample: GenerationSample, pixels: Pixels) -> Picture:
        """Measure a generated image, after repainting where the protocol says so."""
        if self._repaints:
            pixels = repaint(sample, pixels, self._resize)
        png = io.BytesIO()
        Image.fromarray(pixels).save(png, "PNG")
        features = self._features(pixels)
        return Picture(
            sample.id,
            sample.slice,
            sample.id,
            "generated",
            pixels.shape[1],
            pixels.shape[0],
            self._session.keep(png.getvalue()),
            self._errors(sample, pixels) | self._clip(sample, features),
            features,
        )

    def real(self, photos: Mapping[str, Path]) -> list[Picture]:
        """Take the features of the real photos; nothing where no extractor was loaded."""
        rows: list[Picture] = []
        for name, path in photos.items() if self._extractors else ():
            pixels = np.asarray(self._resize.read(path))
            features = self._features(pixels)
            rows.append(Picture(name, "real", name, "real", pixels.shape[1], pixels.shape[0], features=features))
        return rows

    def _features(self, pixels: Pixels) -> dict[str, NDArray[np.float32]]:
        return {extractor.id: extractor.features([pixels])[0] for extractor in self._extractors}

    def _errors(self, sample: GenerationSample, pixels: Pixels) -> dict[str, float]:
        if sample.truth is None:
            return {}
        mask = sample.conditions.get("garment-mask") or sample.conditions.get("agnostic-mask")
        inside = np.asarray(self._resize.read_mask(mask)) > 127 if mask else None
        truth = np.asarray(self._resize.read(sample.truth))
        errors = compare(pixels, truth, inside)
        return errors if self._lpips_missing else {**errors, "lpips-alex": lpips(pixels, truth)}

    def _clip(self, sample: GenerationSample, features: Mapping[str, NDArray[np.float32]]) -> dict[str, float]:
        for extractor in self._extractors:
            if extractor.id == CLIP and isinstance(extractor, JointExtractor) and sample.text:
                text = extractor.text_features([sample.text])
                score = clip_score(features[CLIP], text.features[0], sample.id)
                return {"clip-s": score, "clip-s-tokens-cut": float(text.cut[0])}
        return {}


def repaint(sample: GenerationSample, pixels: Pixels, resize: Resize) -> Pixels:
    """Paste the person back outside the agnostic mask, which flatters every metric and changes no garment.

    :raises DataError: where the sample has no agnostic mask.
    """
    if "agnostic-mask" not in sample.conditions:
        msg = f"{sample.id} has no agnostic mask to repaint outside of"
        raise DataError(msg, remedy="use a task without repaint")
    inside = np.asarray(resize.read_mask(sample.conditions["agnostic-mask"]))[..., None] > 127
    return np.where(inside, pixels, np.asarray(resize.read(sample.person))).astype(np.uint8)


def _load(names: Any, session: Session) -> tuple[list[Extractor], dict[str, str]]:
    """Load extractors by name; give the reason for each that is not there."""
    loaded: list[Extractor] = []
    absent: dict[str, str] = {}
    wanted: Iterable[object] = names
    for name in wanted:
        try:
            if session.extractor is None:
                raise MetricError("this session loads no extractors")
            loaded.append(session.extractor(str(name)))
        except FashionBenchError as error:
            absent[str(name)] = str(error)
    return loaded, absent
