"""Options of the captioning baselines."""

from __future__ import annotations

from dataclasses import dataclass

from fashionbench.errors import UnknownNameError

ENCODERS = ("pocket", "colour")


@dataclass(frozen=True, slots=True)
class NearestCaptionOptions:
    """Options of ``baseline/nearest-caption``.

    :param encoder: what images are compared by: ``pocket`` (EfficientNet-Lite0) or ``colour`` (a colour histogram).
    """

    encoder: str = "pocket"

    def __post_init__(self) -> None:
        if self.encoder not in ENCODERS:
            raise UnknownNameError("encoder", self.encoder, ENCODERS)
