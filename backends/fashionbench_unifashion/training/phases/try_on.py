"""Phase ``try_on``: the diffusion model on try-on and design, with images as further conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fashionbench_unifashion.diffusion.batch_rng import BatchRng
from fashionbench_unifashion.diffusion.conditions import EncodedConditions
from fashionbench_unifashion.training.phases.base import (
    STATISTICS_EXAMPLES,
    Phase,
    StepImages,
    adapter_statistics,
    local_rng,
    local_rows,
    noise_generator,
    parameters_under,
)
from fashionbench_unifashion.training.phases.image import denoising_pass
from fashionbench_unifashion.training.validation import parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn

    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.training.examples import TryOnReference
    from fashionbench_unifashion.training.recipe import PhaseConfig


class TryOnPhase(Phase):
    """Denoising loss of persons in garments (UniFashion, equation 7 with image conditions)."""

    example_kind = "tryon_examples"
    needs = ("diffusion",)

    @classmethod
    def trainable(cls, model: UniFashion, config: PhaseConfig) -> dict[str, nn.Parameter]:
        """Return the adapter, and the diffusion model's try-on parts or all of it."""
        assert model.diffusion is not None  # noqa: S101
        wanted = {id(parameter) for parameter in model.diffusion.train_only(config.diffusion)}
        chosen = {name: value for name, value in model.named_parameters() if id(value) in wanted}
        return parameters_under(model, "diffusion_adapter.") | chosen

    @classmethod
    def memory_passes(
        cls,
        model: UniFashion,
        config: PhaseConfig,  # noqa: ARG003
        rows: int,
    ) -> Iterator[tuple[int, Callable[[], object]]]:
        """Yield the UNet with its control branch."""
        assert model.diffusion is not None  # noqa: S101
        diffusion, size = model.diffusion, model.qformer.config
        states = torch.empty(1, size.queries, size.hidden)

        def denoise() -> object:
            latents = torch.empty(1, *diffusion.latent_shape)
            channels = torch.empty(1, diffusion.in_channels - latents.shape[1], *latents.shape[2:])
            conditions = EncodedConditions(channels, latents if diffusion.control is not None else None)
            return denoising_pass(model, states, conditions)

        yield rows, denoise

    def read_images(self, begin: Callable[[str, int], object], advance: Callable[..., object]) -> None:
        """Read try-on examples."""
        if self.inputs.tryon_batches is not None:
            read_tryon_images(self, begin, advance)

    def start(self) -> None:
        """Let the control branch begin with the encoder as phase 1b left it."""
        if self.model.diffusion is not None:
            self.model.diffusion.start_control()

    @torch.no_grad()
    def measure_states(self) -> None:
        """Measure the states of garments, and of sketches with their words."""
        adapter, tryon_batches = self.model.diffusion_adapter, self.inputs.tryon_batches
        assert adapter is not None and tryon_batches is not None  # noqa: S101, PT018
        if not adapter.statistics():
            return
        self.eval()
        rng = BatchRng(noise_generator(self.seed))
        chosen = parts(self.examples[:STATISTICS_EXAMPLES], 64)
        batches = (tryon_batches.batch(part, rng, mirror=False) for part in chosen)
        adapter.measure(torch.cat([tryon_batches.states(batch) for batch in batches]))

    def statistics(self) -> dict[str, Tensor]:
        """Return the statistics of the adapter."""
        return adapter_statistics(self.model, "diffusion_adapter")

    def images(self, examples: Sequence[TryOnReference], seed: int) -> StepImages:  # noqa: ARG002
        """Return this process's rows."""
        return StepImages(tryon_examples=local_rows(examples))

    def forward(self, examples: Sequence[TryOnReference], seed: int) -> dict[str, Tensor]:
        """Compute the denoising loss."""
        diffusion, tryon_batches = self.model.diffusion, self.inputs.tryon_batches
        assert diffusion is not None and tryon_batches is not None  # noqa: S101, PT018
        rng = local_rng(examples, seed)
        hue = self.config.hue if self.training else 0.0
        batch = tryon_batches.batch(local_rows(examples), rng, mirror=self.config.flip and self.training, hue=hue)
        with torch.no_grad():
            states = tryon_batches.states(batch)
        # Where colours were turned, the states tell of others: the garment's image is all that is shown then.
        shown = torch.where(batch.recoloured[:, None, None], diffusion.unconditional, self.model.condition_of(states))
        return {"q2i": diffusion.loss(batch.images, shown, batch.conditions, rng)}


def read_tryon_images(phase: Phase, begin: Callable[[str, int], object], advance: Callable[..., object]) -> None:
    """Read all try-on examples, those held out too."""
    assert phase.inputs.tryon_batches is not None  # noqa: S101
    wanted = [*phase.inputs.examples.tryon_examples, *phase.inputs.examples.held_tryon_examples]
    begin("reading persons", len(wanted))
    phase.inputs.tryon_batches.prepare(wanted, advance)
