"""Phase ``image`` (1b): the diffusion model and its adapter, on image-only queries of a frozen Q-Former."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fashionbench_unifashion.training.phases.base import (
    Phase,
    StepImages,
    adapter_statistics,
    local_rng,
    local_rows,
    measure_image_states,
    mirrored,
    parameters_under,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn

    from fashionbench_unifashion.diffusion.conditions import EncodedConditions
    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.training.examples import PairReference
    from fashionbench_unifashion.training.recipe import PhaseConfig


class ImagePhase(Phase):
    """Denoising loss of product photos (UniFashion, equation 7)."""

    example_kind = "pairs"
    needs = ("diffusion",)

    @classmethod
    def trainable(cls, model: UniFashion, config: PhaseConfig) -> dict[str, nn.Parameter]:  # noqa: ARG003
        """Return the adapter and the diffusion model without VAE and control branch."""
        return parameters_under(model, "diffusion_adapter.", "diffusion.unet.", "diffusion.unconditional")

    @classmethod
    def memory_passes(
        cls,
        model: UniFashion,
        config: PhaseConfig,  # noqa: ARG003
        rows: int,
    ) -> Iterator[tuple[int, Callable[[], object]]]:
        """Yield the UNet."""
        size = model.qformer.config
        states = torch.empty(1, size.queries, size.hidden)
        yield rows, lambda: denoising_pass(model, states)

    def read_images(self, begin: Callable[[str, int], object], advance: Callable[..., object]) -> None:
        """Read the photos of pairs."""
        self.inputs.feature_cache.read_pairs(self.inputs.examples, begin, advance)

    def measure_states(self) -> None:
        """Measure the states of training images."""
        measure_image_states(self, "diffusion_adapter")

    def statistics(self) -> dict[str, Tensor]:
        """Return the statistics of the adapter."""
        return adapter_statistics(self.model, "diffusion_adapter")

    def images(self, examples: Sequence[PairReference], seed: int) -> StepImages:  # noqa: ARG002
        """Return the photos of this process's rows, which are read and painted."""
        names = [example.image for example in local_rows(examples)]
        return StepImages(names, names)

    def forward(self, examples: Sequence[PairReference], seed: int) -> dict[str, Tensor]:
        """Compute the denoising loss."""
        assert self.model.diffusion is not None  # noqa: S101
        names = [example.image for example in local_rows(examples)]
        with torch.no_grad():
            states = self.model.qformer.image(self.inputs.feature_cache.tokens(names), "reference")
        rng = local_rng(examples, seed)
        images = mirrored(self, self.inputs.feature_cache.pixels(names), rng)
        return {"q2i": self.model.diffusion.loss(images, self.model.condition_of(states), None, rng)}


def denoising_pass(model: UniFashion, states: Tensor, conditions: EncodedConditions | None = None) -> object:
    """Run the UNet on one latent, on the meta device."""
    assert model.diffusion is not None  # noqa: S101
    latents = torch.empty(1, *model.diffusion.latent_shape)
    steps = torch.zeros(1, dtype=torch.long)
    return model.diffusion.predict(latents, steps, model.condition_of(states), conditions)
