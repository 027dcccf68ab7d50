"""Configuration of a diffusion model: networks, noise, conditions and sampling."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fashionbench.errors import ConfigError

ConditionName: TypeAlias = Literal["agnostic", "densepose", "hint", "warped-garment"]
Sampler: TypeAlias = Literal["ddim", "pndm"]
Prediction: TypeAlias = Literal["epsilon", "v"]

#: What each condition adds to the UNet's input: latents, and channels of a mask.
CHANNELS: dict[ConditionName, tuple[int, int]] = {
    "agnostic": (1, 1),
    "densepose": (1, 0),
    "hint": (0, 0),
    "warped-garment": (1, 0),
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class NetworkConfig(_Part):
    """A network of diffusers: pretrained, or built from its arguments.

    :raises ConfigError: unless exactly one of ``source`` and ``architecture`` is given.
    """

    source: str | None = None
    """A folder, or a repository id of the Hugging Face hub, to load weights from."""

    subfolder: str | None = None
    """Where the network lies below the source, such as ``unet``."""

    revision: str | None = None
    """Branch, tag or commit of a repository."""

    architecture: dict[str, Any] | None = None
    """Arguments of the network's class, for weights that start at random."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.source is None) == (self.architecture is None):
            raise ConfigError(
                "a network needs a source or an architecture, and not both", remedy="give exactly one of the two"
            )
        return self


class VaeConfig(NetworkConfig):
    """The autoencoder between images and latents."""

    network: Literal["AutoencoderKL", "AutoencoderTiny"] = "AutoencoderKL"
    """Class of diffusers. ``AutoencoderKL``: Stable Diffusion's. ``AutoencoderTiny``: that of TAESD (Bohan, 2023), with
    no posterior and no normalisation. Group normalisation takes the mean colour out of an image, so that a small
    ``AutoencoderKL`` that is trained for minutes learns outlines first and colours long after."""


class NoiseConfig(_Part):
    """The forward process: DDPM (Ho et al., 2020) with the betas of Stable Diffusion."""

    schedule: Literal["scaled_linear", "linear", "zero-terminal-snr"] = "scaled_linear"
    """``scaled_linear``: the square roots of the betas lie on a line; ``linear``: the betas do. ``zero-terminal-snr``:
    ``scaled_linear``, rescaled so that nothing of the image is left at T (Lin et al., "Common Diffusion Noise Schedules
    and Sample Steps are Flawed", WACV 2024, algorithm 1), for models that are trained from the start: sampling begins
    with pure noise, and with the other two the model has never seen any. It needs ``prediction: v``."""

    beta_start: Annotated[float, Field(gt=0, lt=1)] = 0.00085
    """Variance added by the first step."""

    beta_end: Annotated[float, Field(gt=0, lt=1)] = 0.012
    """Variance added by the last step."""

    train_steps: Annotated[int, Field(ge=2)] = 1000
    """T: how many steps turn a latent into noise."""

    prediction: Prediction = "epsilon"
    """What the UNet predicts. ``epsilon``: the noise, as the paper does. ``v``: sqrt(a) noise - sqrt(1 - a) latent
    (Salimans and Ho, "Progressive Distillation", 2022, section 4 and appendix D), with which a model that is trained
    for minutes gets its colours right: near T a small error in the noise is a large one in the latent."""

    offset: Annotated[float, Field(ge=0)] = 0.0
    """Offset noise: so much of one more standard normal draw for each channel is added to the noise in training, so
    that a model with some of the image left at T learns to change its brightness (Guttenberg, "Diffusion with Offset
    Noise", 2023). 0 is none; about 0.1 is usual."""

    min_snr: Annotated[float, Field(gt=0)] | None = None
    """Weight of the loss by signal-to-noise ratio: min(SNR, this) / SNR for the noise, / (SNR + 1) for v (Hang et al.,
    "Efficient Diffusion Training via Min-SNR Weighting Strategy", ICCV 2023, section 3.4, where it is 5). None: 1."""

    @model_validator(mode="after")
    def _terminal(self) -> Self:
        if self.schedule == "zero-terminal-snr" and self.prediction != "v":
            raise ConfigError(
                "with the schedule zero-terminal-snr all that is left at T is noise, and predicting it tells nothing",
                remedy="set noise.prediction to v, or another schedule",
            )
        return self


class DiffusionConfig(_Part):
    """A latent diffusion model for q2I, try-on and design.

    :raises ConfigError: on a hint without an agnostic image, a condition named twice, or steps that do not fit.
    """

    unet: NetworkConfig
    """``UNet2DConditionModel``; its input may have fewer channels than the conditions need, never more."""

    vae: VaeConfig
    """An autoencoder of diffusers with four latent channels."""

    vae_scale: Annotated[float, Field(gt=0)] | None = None
    """What latents are multiplied by: 0.18215 for Stable Diffusion. None: the network's own figure, which for a VAE
    trained here is replaced by a measured one."""

    noise: NoiseConfig = NoiseConfig()
    """The forward process."""

    width: Annotated[int, Field(ge=8)]
    """Of the images that are made, in pixels."""

    height: Annotated[int, Field(ge=8)]
    """Of the images that are made, in pixels."""

    conditions: tuple[ConditionName, ...] = ("agnostic", "densepose", "hint")
    """What try-on and design are given: ``agnostic`` (image and mask), ``densepose``, ``hint`` (garment or sketch,
    through the control branch), and, which the paper's model is not, ``warped-garment`` (garment or sketch once more,
    warped into the agnostic mask by a thin-plate spline, beside the noisy latent, as LaDI-VTON and DCI-VTON are given
    one that is warped with care). None of them leaves the plain four-channel q2I model."""

    condition_dropout: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Probability of putting the learned unconditional token in the condition's place, drawn for each sample (the
    released code draws once a batch)."""

    guidance: Annotated[float, Field(ge=0)] = 1.0
    """Scale of classifier-free guidance; 1 is none, as in the released ``inference.py`` (5.0 in its validation)."""

    sampler: Sampler = "pndm"
    """``pndm``: PLMS (Liu et al., 2022), the paper's; ``ddim``: deterministic DDIM (Song et al., 2021)."""

    steps: Annotated[int, Field(ge=1)] = 50
    """Steps of the sampler; PLMS calls the UNet once more than that."""

    spacing: Literal["leading", "trailing"] = "leading"
    """``leading``: Stable Diffusion's, which starts below T; ``trailing``: starts at T, better where steps are few
    (Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed", 2024, section 3.3)."""

    start: Literal["pure", "gt_q_sample", "warped-garment"] = "pure"
    """``gt_q_sample`` starts from the noised truth, as the released code does: it leaks a trace of the answer into each
    image and is there to measure how much that is worth. ``warped-garment`` starts from what is known, the agnostic
    image with the warped garment laid into its mask, noised to ``start_share`` of the steps (Meng et al., "SDEdit",
    ICLR 2022); designs, of whose sketch no colour is known, and images without conditions start from noise."""
    start_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The share of the training's steps that ``start: warped-garment`` begins at; later steps are not walked."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(set(self.conditions)) != len(self.conditions):
            raise ConfigError(f"a condition is named twice: {self.conditions}", remedy="name it once")
        if "agnostic" not in self.conditions and self.conditions:
            raise ConfigError(
                f"the conditions {self.conditions} lack agnostic", remedy="add agnostic, or name no condition"
            )
        if self.noise.schedule == "zero-terminal-snr" and (self.sampler != "ddim" or self.spacing != "trailing"):
            raise ConfigError(
                f"the schedule zero-terminal-snr is sampled from T on, which {self.sampler} with {self.spacing} "
                "spacing does not",
                remedy="set sampler to ddim and spacing to trailing",
            )
        if self.start == "warped-garment" and ("warped-garment" not in self.conditions or self.sampler != "ddim"):
            raise ConfigError(
                f"start warped-garment needs that condition and the sampler ddim, not {self.sampler}",
                remedy="add warped-garment to conditions and set sampler to ddim, or start from noise",
            )
        if self.steps > self.noise.train_steps // 2:
            raise ConfigError(
                f"{self.steps} sampling steps of {self.noise.train_steps}",
                remedy="at most half as many as the training has",
            )
        return self

    def in_channels(self, latent: int) -> int:
        """Return the channels of the UNet's input: of latents of 4, 13 with the paper's conditions and 4 with none.

        :param latent: channels of a latent.
        """
        return latent + sum(latents * latent + masks for latents, masks in map(CHANNELS.__getitem__, self.conditions))
