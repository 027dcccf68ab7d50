"""Representation drift: how far the Q-Former's output moves from what the generators were trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from fashionbench_unifashion.training.validation import BATCH, parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn

    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.training.examples import TripletReference
    from fashionbench_unifashion.training.feature_cache import ImageFeatureCache


class RepresentationDrift:
    """Drift of the Q-Former in phase 2 (the paper's break conditions), measured on held-out composed queries.

    ``cka language``: linear CKA of the adapted output with the language model's mean embedding of the target's
    caption; ``cka diffusion``: with the latent of the target's image; ``cosine``: mean cosine of the output to what it
    was when phase 2 began.

    :param module: put into evaluation mode to measure, and into training mode afterwards.
    """

    def __init__(
        self, model: UniFashion, held: Sequence[TripletReference], cache: ImageFeatureCache, module: nn.Module
    ) -> None:
        self._model = model
        self._held = held
        self._cache = cache
        # In a list, for a module may not hold what holds it.
        self._module = [module]
        self._first: Tensor | None = None

    def begin(self) -> None:
        """Remember what the output is now, where a training that goes on begins from its checkpoint afterwards."""
        self._first = self._states()

    @torch.no_grad()
    def __call__(self) -> Mapping[str, float]:
        """Measure."""
        model = self._model
        states = self._states()
        if self._first is None:
            self._first = states
        self._module[0].eval()
        values = {"cosine": float(functional.cosine_similarity(states, self._first, dim=-1).mean())}
        if model.language is not None:
            embeddings = model.language.mean_embeddings([example.caption for example in self._held])
            values["cka language"] = linear_cka(model.prompt_of(states).mean(1), embeddings)
        if model.diffusion is not None:
            images = self._cache.pixels([example.target for example in self._held])
            latents = model.diffusion.vae.encode(images).flatten(1)
            values["cka diffusion"] = linear_cka(model.condition_of(states).mean(1), latents)
        self._module[0].train()
        return values

    @torch.no_grad()
    def _states(self) -> Tensor:
        model = self._model
        self._module[0].eval()
        states = []
        for part in parts(self._held, BATCH):
            cut = model.texts([example.text for example in part])
            tokens = self._cache.tokens([example.reference for example in part])
            states.append(model.qformer.fused(tokens, cut.ids, cut.mask, "reference").queries)
        self._module[0].train()
        return torch.cat(states)


def linear_cka(one: Tensor, two: Tensor) -> float:
    """Return the linear centred kernel alignment of two sets of features of the same items, in [0, 1].

    ||Y^T X||_F^2 / (||X^T X||_F ||Y^T Y||_F) of centred X [N, D] and Y [N, E] (Kornblith et al., ICML 2019, equation
    2 with linear kernels). It is 0 where one of them is the same for all items.
    """
    left, right = one.double() - one.double().mean(0), two.double() - two.double().mean(0)
    shared = (right.T @ left).square().sum()
    return float(shared / ((left.T @ left).norm() * (right.T @ right).norm()).clamp(min=1e-30))
