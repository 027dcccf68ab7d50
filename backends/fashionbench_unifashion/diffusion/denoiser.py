"""Latent diffusion model: training loss and sampling of images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from fashionbench.errors import BackendError, ConfigError
from fashionbench_unifashion.diffusion.batch_rng import batch_rng
from fashionbench_unifashion.diffusion.conditions import EncodedConditions
from fashionbench_unifashion.diffusion.control_branch import Control
from fashionbench_unifashion.diffusion.noise_schedule import NoiseSchedule
from fashionbench_unifashion.diffusion.sampling import sample_latents, seeded_noise
from fashionbench_unifashion.diffusion.unet import decode, embed_time, encode, make_unet, widen
from fashionbench_unifashion.diffusion.vae import Autoencoder
from fashionbench_unifashion.diffusion.zero_cross_attention import Injection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench_unifashion.diffusion.batch_rng import BatchRng
    from fashionbench_unifashion.diffusion.conditions import Conditions
    from fashionbench_unifashion.diffusion.config import DiffusionConfig

Part: TypeAlias = Literal["all", "tryon", "none"]


class Denoiser(nn.Module):
    """A latent diffusion model conditioned on the Q-Former's adapted outputs, and on images for try-on and design.

    One UNet serves both. Without conditions (q2I, phases 1b and 2 of the paper) the channels beside the noisy latent
    are zero, which stands for no agnostic image, no pixel to keep and no pose, and the control branch is not run.

    The autoencoder is never trained here (``Autoencoder.loss`` does that before), so its gradients are off.

    :raises ConfigError: where the networks do not fit each other or the size of the images.
    """

    def __init__(self, config: DiffusionConfig) -> None:
        super().__init__()
        self.config = config
        self.vae = Autoencoder(config.vae, config.vae_scale).requires_grad_(requires_grad=False)
        self.unet = make_unet(config.unet, latent=self.vae.channels)
        self.in_channels = config.in_channels(self.vae.channels)
        """Channels of the UNet's input: the noisy latent and the conditions."""
        added = widen(self.unet, self.in_channels)
        self.notes = [] if config.unet.source is None or not added else [_widened(added, self.in_channels)]
        """What a reader must know of the weights that were loaded."""
        hinted = "hint" in config.conditions
        self.control = Control(self.unet, self.vae.channels) if hinted else None
        self.injection = Injection(self.unet) if hinted else None
        width = self.unet.config["cross_attention_dim"]
        if not isinstance(width, int):
            raise ConfigError(f"the UNet attends to conditions of widths {width}", remedy="use one width")
        self.context_width = width
        self.unconditional = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.schedule = NoiseSchedule(config.noise)
        step = self.vae.factor * 2 ** (len(self.unet.up_blocks) - 1)
        if config.width % step or config.height % step:
            raise ConfigError(
                f"images of {config.width} x {config.height} do not halve evenly in these networks",
                remedy=f"use multiples of {step}",
            )

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of a latent."""
        return self.vae.channels, self.config.height // self.vae.factor, self.config.width // self.vae.factor

    def train(self, mode: bool = True) -> Denoiser:  # noqa: FBT001, FBT002
        """Switch dropout of what is trained; the autoencoder always stays in evaluation mode."""
        super().train(mode)
        self.vae.eval()
        return self

    def train_only(self, part: Part) -> list[nn.Parameter]:
        """Switch gradients on for a part and off for the rest, and return the parameters to optimise.

        ``all``: everything but the autoencoder. ``tryon``: what the released code lists for try-on and design: control
        branch, zero cross-attention blocks, the UNet's input convolution (there it gets no gradient, for the encoder
        runs without; here it does) and the unconditional token. ``none``: nothing; gradients still reach the condition.
        """
        everything = [p for name, p in self.named_parameters() if not name.startswith("vae.")]
        parts: dict[Part, list[nn.Parameter]] = {"all": everything, "none": [], "tryon": [self.unconditional]}
        for module in (self.unet.conv_in, self.control, self.injection):
            parts["tryon"] += [] if module is None else list(module.parameters())
        for parameter in everything:
            parameter.requires_grad = False
        for parameter in parts[part]:
            parameter.requires_grad = True
        return parts[part]

    def start_control(self) -> None:
        """Let the control branch begin with the encoder as it is now, when try-on training follows q2I training."""
        if self.control is not None:
            self.control.copy_encoder(self.unet)

    @torch.no_grad()
    def encode_conditions(self, conditions: Conditions) -> EncodedConditions:
        """Encode images to latents (their means) and bring the mask to their size; the mask itself is not encoded.

        :raises BackendError: where a condition that the model was configured with is missing.
        """
        keep = functional.interpolate(conditions.keep, self.latent_shape[1:], mode="nearest-exact")
        channels = [self.vae.encode(conditions.agnostic), keep]
        if "densepose" in self.config.conditions:
            channels.append(self.vae.encode(_given(conditions.densepose, "densepose")))
        if "warped-garment" in self.config.conditions:
            channels.append(self.vae.encode(_given(conditions.warped, "warped-garment")))
        hint = None
        if self.control is not None:
            hint = self.vae.encode(_given(conditions.hint, "hint")) * conditions.hinted.view(-1, 1, 1, 1)
        return EncodedConditions(torch.cat(channels, dim=1), hint, conditions.designed)

    def predict(
        self, latents: Tensor, steps: Tensor, condition: Tensor, conditions: EncodedConditions | None = None
    ) -> Tensor:
        """Predict the noise in noisy latents, or v where the configuration says so.

        :param latents: float [B, C, h, w].
        :param steps: int [B].
        :param condition: float [B, Q, W], which the UNet and the control branch attend to.
        """
        extra = self.in_channels - self.vae.channels
        if conditions is None:
            sample = torch.cat([latents, latents.new_zeros(len(latents), extra, *latents.shape[2:])], dim=1)
        else:
            sample = torch.cat([latents, conditions.channels], dim=1)
        time = embed_time(self.unet, sample, steps)
        maps = encode(self.unet, sample, time, condition)
        if conditions is None or self.control is None or self.injection is None:
            return decode(self.unet, maps, time, condition)
        injection, hint = self.injection, _given(conditions.hint, "hint")
        control = self.control(sample, steps, condition, hint, count=len(injection.blocks))

        def inject(place: int, feature: Tensor) -> Tensor:
            changed: Tensor = injection(place, feature, control)
            return changed

        return decode(self.unet, maps, time, condition, inject)

    def loss(
        self,
        images: Tensor,
        condition: Tensor,
        conditions: Conditions | None = None,
        generator: BatchRng | torch.Generator | None = None,
    ) -> Tensor:
        """Return the mean squared error of the prediction (UniFashion, equations 7, 11 and 12, for the noise).

        :param images: the truth, float [B, 3, H, W] in [-1, 1].
        :param condition: adapted outputs of the Q-Former, float [B, Q, W]; gradients flow into it.
        :param generator: draws posterior, steps, noise, dropout and offset, in this order.
        :raises BackendError: where shapes do not fit.
        """
        self._check(condition, len(images))
        with torch.no_grad():
            latents = self.vae.encode(images, sample=True, generator=generator)
        encoded = None if conditions is None else self.encode_conditions(conditions)
        return self.latent_loss(latents, condition, encoded, generator)

    def latent_loss(
        self,
        latents: Tensor,
        condition: Tensor,
        conditions: EncodedConditions | None = None,
        generator: BatchRng | torch.Generator | None = None,
        *,
        steps: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of latents that were encoded before, at steps drawn uniformly from those that are walked.

        :param latents: float [B, 4, h, w], scaled.
        :param steps: use these, int [B], instead of drawing them.
        """
        self._check(condition, len(latents))
        rng, schedule = batch_rng(generator), self.schedule
        if steps is None:
            steps = (rng.uniform((len(latents),), latents) * self._limits(conditions, latents)).long()
        steps = steps.to(latents.device)
        noise = rng.normal(latents)
        dropped = rng.uniform((len(latents), 1, 1), latents)
        condition = torch.where(dropped < self.config.condition_dropout, self.unconditional, condition)
        if offset := self.config.noise.offset:
            noise = noise + offset * rng.normal(latents[:, :, :1, :1])
        predicted = self.predict(schedule.add_noise(latents, noise, steps), steps, condition, conditions)
        error = functional.mse_loss(predicted, schedule.target(latents, noise, steps), reduction="none")
        return (schedule.weight(steps) * error.mean(dim=(1, 2, 3))).mean()

    @torch.no_grad()
    def sample(
        self,
        condition: Tensor,
        conditions: Conditions | None = None,
        *,
        seeds: Sequence[int],
        steps: int | None = None,
        guidance: float | None = None,
        truth: Tensor | None = None,
    ) -> Tensor:
        """Make images: float [B, 3, H, W], cut to [-1, 1].

        Noise is drawn for each sample from its own seed, so a sample does not depend on its batch.

        :param condition: float [B, Q, W].
        :param seeds: one for each sample.
        :param steps: of the sampler; the configuration's by default.
        :param guidance: 1 is none; the configuration's by default. The unconditional half has the image conditions
            too.
        :param truth: float [B, 3, H, W], only and always with ``start: gt_q_sample``.
        :raises BackendError: where shapes do not fit, or a result is not finite.
        :raises ConfigError: on a truth that the configuration does not allow or lacks.
        """
        self._check(condition, len(seeds))
        known = self._garment_known(conditions, condition)
        groups = [rows for rows in (known.nonzero().flatten(), (~known).nonzero().flatten()) if len(rows)]
        made = []
        for rows in groups:
            shown = None if conditions is None else conditions.take(rows)
            drawn = [seeds[row] for row in rows.tolist()]
            there = None if truth is None else truth[rows]
            alike = bool(known[rows[0]])
            made.append(self._walk(condition[rows], shown, drawn, steps, guidance, there, known_start=alike))
        images = torch.cat(made)[torch.cat(groups).argsort()]
        if not bool(images.isfinite().all()):
            raise BackendError("the diffusion model made NaN or infinity", remedy="train it anew, with a smaller rate")
        return images.clamp(-1, 1)

    def _walk(
        self,
        condition: Tensor,
        conditions: Conditions | None,
        seeds: Sequence[int],
        steps: int | None,
        guidance: float | None,
        truth: Tensor | None,
        *,
        known_start: bool,
    ) -> Tensor:
        """Make images that all begin with noise, or all with the garment that is known."""
        guidance = self.config.guidance if guidance is None else guidance
        sampler = self.config.sampler
        walk = self.schedule.sampler(sampler, steps or self.config.steps, self.config.spacing)
        encoded = None if conditions is None else self.encode_conditions(conditions)
        token = self.unconditional.expand_as(condition)

        def predict(latents: Tensor, step: int) -> Tensor:
            now = torch.full((len(latents),), step, device=latents.device)
            predicted = self.predict(latents, now, condition, encoded)
            if guidance != 1:
                without = self.predict(latents, now, token, encoded)
                predicted = without + guidance * (predicted - without)
            return self.schedule.for_sampler(sampler, latents, predicted, step)

        walked = None
        if known_start and conditions is not None:
            walked = self._late_steps(torch.as_tensor(walk.timesteps).tolist())
            start = self._known_start(seeds, conditions, walked[0])
        else:
            start = self._start(seeds, truth)
        return self.vae.decode(sample_latents(start, predict, walk, walked))

    def _start(self, seeds: Sequence[int], truth: Tensor | None) -> Tensor:
        noise = seeded_noise(self.latent_shape, seeds, self.unconditional)
        if (truth is not None) != (self.config.start == "gt_q_sample"):
            said = "needs the truth" if truth is None else "may not see the truth"
            raise ConfigError(f"sampling with start {self.config.start} {said}", remedy="change start, or the call")
        if truth is None:
            return noise
        last = torch.full((len(noise),), self.config.noise.train_steps - 1, device=noise.device)
        return self.schedule.add_noise(self.vae.encode(truth), noise, last)

    def _late_steps(self, steps: Sequence[int]) -> list[int]:
        """Return the steps from the share of the training's steps on that sampling begins at, the last one at least."""
        first = self.config.start_share * self.config.noise.train_steps
        return [step for step in steps if step < first] or [steps[-1]]

    def _limits(self, conditions: EncodedConditions | None, latents: Tensor) -> Tensor:
        """Return how many of the training's steps sampling may come to: all of them where it starts from noise."""
        every = self.config.noise.train_steps
        late = math.ceil(self.config.start_share * every)
        return torch.where(self._garment_known(conditions, latents), late, every)

    def _garment_known(self, conditions: Conditions | EncodedConditions | None, like: Tensor) -> Tensor:
        """Mark the samples that start from the warped garment, bool [B]; a sketch has none of its colours."""
        if self.config.start != "warped-garment" or conditions is None:
            return torch.zeros(len(like), dtype=torch.bool, device=like.device)
        if conditions.designed is None:
            return torch.ones(len(like), dtype=torch.bool, device=like.device)
        return ~conditions.designed

    def _known_start(self, seeds: Sequence[int], conditions: Conditions, step: int) -> Tensor:
        """Noise the agnostic image with the warped garment in its mask to a step."""
        warped = _given(conditions.warped, "warped-garment")
        known = conditions.keep * conditions.agnostic + (1 - conditions.keep) * warped
        noise = seeded_noise(self.latent_shape, seeds, self.unconditional)
        return self.schedule.add_noise(self.vae.encode(known), noise, torch.full((len(noise),), step).to(noise.device))

    def _check(self, condition: Tensor, count: int) -> None:
        shape = tuple(condition.shape)
        if len(shape) != 3 or shape[0] != count or shape[2] != self.context_width:
            raise BackendError(
                f"the condition has shape {shape}, expected ({count}, Q, {self.context_width})",
                remedy="pass one adapted output of the Q-Former for each image",
            )


def _widened(added: int, channels: int) -> str:
    return f"the first convolution of the UNet was widened from {channels - added} to {channels} channels, with zeros"


def _given(images: Tensor | None, name: str) -> Tensor:
    if images is None:
        raise BackendError(f"the model was configured with the condition {name}, and got none", remedy="read it")
    return images
