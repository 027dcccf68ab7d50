"""Phase ``vae``: the autoencoder of a small preset, whose latents the diffusion model works on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fashionbench_unifashion.training.distributed import rank_rows
from fashionbench_unifashion.training.hue import turn_hue
from fashionbench_unifashion.training.phases.base import (
    Phase,
    StepImages,
    local_rng,
    local_rows,
    mirrored,
    parameters_under,
)
from fashionbench_unifashion.training.phases.try_on import read_tryon_images

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn

    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.training.recipe import PhaseConfig

#: The scale of the latents is measured on so many examples.
SCALE_EXAMPLES = 256


class VaePhase(Phase):
    """Trains the VAE on the images of try-on examples, or on product photos where there are none."""

    example_kind = "tryon_examples"
    requires_examples = False
    needs = ("diffusion",)

    @classmethod
    def trainable(cls, model: UniFashion, config: PhaseConfig) -> dict[str, nn.Parameter]:  # noqa: ARG003
        """Return the VAE's parameters."""
        return parameters_under(model, "diffusion.vae.")

    @classmethod
    def memory_passes(
        cls,
        model: UniFashion,
        config: PhaseConfig,  # noqa: ARG003
        rows: int,
    ) -> Iterator[tuple[int, Callable[[], object]]]:
        """Yield encoding and decoding of an image."""
        assert model.diffusion is not None  # noqa: S101
        size, vae = model.diffusion.config, model.diffusion.vae

        def reconstruct() -> object:
            return vae.decode(vae.encode(torch.empty(1, 3, size.height, size.width)))

        yield rows, reconstruct

    @property
    def examples(self) -> Sequence[Any]:
        """Try-on examples, or pairs where there are none."""
        return self.all_examples.tryon_examples or self.all_examples.pairs

    @property
    def held_out(self) -> Sequence[Any]:
        """Held-out try-on examples, or pairs where there are none."""
        return self.all_examples.held_tryon_examples or self.all_examples.held_pairs

    def read_images(self, begin: Callable[[str, int], object], advance: Callable[..., object]) -> None:
        """Read try-on examples, or product photos."""
        if self.inputs.tryon_batches is not None:
            read_tryon_images(self, begin, advance)
        else:
            self.inputs.feature_cache.read_pairs(self.inputs.examples, begin, advance)

    def finish(self) -> None:
        """Measure the scale of the trained latents, from the same examples each time."""
        assert self.model.diffusion is not None  # noqa: S101
        self.model.eval()
        whole, tryon_batches = self.inputs.examples, self.inputs.tryon_batches
        if tryon_batches is not None and whole.tryon_examples:
            images = tryon_batches.vae_images(whole.tryon_examples[:SCALE_EXAMPLES])
        else:
            images = self.inputs.feature_cache.pixels([pair.image for pair in whole.pairs[:SCALE_EXAMPLES]])
        self.model.diffusion.vae.measure_scale(images)

    def images(self, examples: Sequence[Any], seed: int) -> StepImages:  # noqa: ARG002
        """Return this process's rows, whole try-on examples or photos."""
        local = local_rows(examples)
        if self._of_tryon(local):
            return StepImages(tryon_examples=local)
        return StepImages(pixels=[example.image for example in local])

    def _of_tryon(self, examples: Sequence[Any]) -> bool:
        """Tell whether examples are of try-on, and not pairs."""
        return self.inputs.tryon_batches is not None and bool(examples) and not hasattr(examples[0], "image")

    def forward(self, examples: Sequence[Any], seed: int) -> dict[str, Tensor]:
        """Compute the reconstruction loss."""
        assert self.model.diffusion is not None  # noqa: S101
        rng = local_rng(examples, seed)
        local = local_rows(examples)
        tryon_batches = self.inputs.tryon_batches
        if tryon_batches is not None and self._of_tryon(local):
            images = tryon_batches.vae_images(local, rank_rows(len(examples)).start)
        else:
            images = self.inputs.feature_cache.pixels([example.image for example in local])
        images = mirrored(self, images, rng)
        if self.training and self.config.hue:
            drawn, turns = rng.uniform((len(images), 2), torch.empty(0)).unbind(1)
            images = turn_hue(images, torch.where(drawn < self.config.hue, turns, 0.0))
        return {"reconstruction": self.model.diffusion.vae.loss(images, generator=rng)}
