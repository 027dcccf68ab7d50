"""Try-on by concatenation in an inpainting UNet without text, as in CatVTON (Chong et al., ICLR 2025).

The latents of the masked person and of the garment's photo lie above each other in one image, of which the network
paints the upper half; its self-attention carries the garment over. Cross-attention hands its input on, for there is no
text. The network is an inpainting UNet of Stable Diffusion with self-attention that was trained so: the option
``attention``. Guidance is against an empty garment. Items pass one at a time, from noise of the run's seed and the
item's id.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from diffusers import DDIMScheduler
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from fashionbench.errors import BackendError, first_names, reason_of
from fashionbench.files import expanded
from fashionbench.seeding import seed_of
from fashionbench_models.encoders.base import count_parameters
from fashionbench_models.options import read_options
from fashionbench_models.try_on.item_images import on_white, photo_and_mask
from fashionbench_models.try_on.pipeline import load_network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import TryOnItem
    from fashionbench.specs.capabilities import BackendContext

    Pixels = NDArray[np.uint8]

#: Latents of the noisy image, the mask, and the latents of the masked image.
_CHANNELS = 9
_HEIGHT = 2  # the axis of latents [1, C, H, W] along which person and garment lie


class NoCrossAttention:
    """A processor of attention that hands on what it is given."""

    def __call__(
        self,
        attn: nn.Module,  # noqa: ARG002
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,  # noqa: ARG002
        attention_mask: Tensor | None = None,  # noqa: ARG002
        temb: Tensor | None = None,  # noqa: ARG002
    ) -> Tensor:
        """Return the hidden states."""
        return hidden_states


class ConcatenationTryOn:
    """An inpainting UNet that is shown the garment beside the person.

    :ivar preprocessing: how images are made, for the record.
    :raises BackendError: where the folder is not whole, or the weights of self-attention are of another network.
    """

    def __init__(self, context: BackendContext) -> None:
        self.options = read_options(context.options)
        self._seed = context.seed
        self.device = self.options.device or context.device
        folder, dtype = Path(self.options.model), getattr(torch, self.options.dtype)
        self._unet: Any = load_network(folder / "unet", "diffusers", "UNet2DConditionModel", dtype)
        if self._unet.config.in_channels != _CHANNELS:
            found = self._unet.config.in_channels
            msg = f"the UNet in {folder} takes {found} channels, not the {_CHANNELS} of inpainting"
            raise BackendError(msg, remedy="use an inpainting model")
        load_self_attention(self._unet, expanded(self.options.attention))
        kept = self._unet.attn_processors
        self._unet.set_attn_processor(
            {name: NoCrossAttention() if name.endswith("attn2.processor") else kept[name] for name in kept}
        )
        self._vae: Any = load_network(folder / "vae", "diffusers", "AutoencoderKL", dtype)
        for network in (self._unet, self._vae):
            network.to(self.device)
        if not (folder / "scheduler" / "scheduler_config.json").is_file():
            raise BackendError(
                f"{folder} has no scheduler/scheduler_config.json", remedy="download the whole repository"
            )
        self._scheduler: Any = DDIMScheduler.from_pretrained(folder / "scheduler", local_files_only=True)
        self.parameters = count_parameters(self._unet) + count_parameters(self._vae)
        self.preprocessing = {
            "dtype": self.options.dtype,
            "layout": "person above garment, the garment's photo on white, no text",
            "sampling": f"DDIM, eta 1, {self.options.steps} steps, guidance {self.options.guidance}",
            "noise": "of seed and item id",
            "size": f"longer side {self.options.size}" if self.options.size else "the photo's",
            "safety checker": "none",
        }

    def try_on(self, items: Sequence[TryOnItem]) -> list[Pixels]:
        """Return each person in its garment."""
        with torch.inference_mode():
            return [self._dress(item) for item in items]

    def _dress(self, item: TryOnItem) -> Pixels:
        factor = 2 ** (len(self._vae.config.block_out_channels) - 1)
        # The UNet halves the latents too, and joins what it has halved with what it has not.
        step = factor * 2 ** (len(self._unet.config.block_out_channels) - 1)
        photo, mask = photo_and_mask(item, self.options.size, step)
        generator = torch.Generator("cpu").manual_seed(seed_of(self._seed, item.id))
        hidden = torch.from_numpy(np.asarray(mask) > 127).to(self.device)[None, None]
        person = self._encode(self._tensor(photo) * ~hidden, generator)
        garment = self._encode(self._tensor(on_white(item.garment, photo.size)), generator)
        place = functional.interpolate(hidden.to(person.dtype), size=person.shape[2:], mode="nearest")
        where = torch.cat([place, torch.zeros_like(place)], dim=_HEIGHT)
        given = torch.cat([person, garment], dim=_HEIGHT)
        without = torch.cat([person, torch.zeros_like(garment)], dim=_HEIGHT)
        painted = self._sample(where, given, without, generator)[:, :, : person.shape[_HEIGHT]]
        decoded = self._vae.decode(painted / self._vae.config.scaling_factor).sample
        levels = ((decoded[0].float() / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
        made = Image.fromarray(levels.permute(1, 2, 0).cpu().numpy())
        return np.asarray(made.resize(item.person.size, Image.Resampling.LANCZOS))

    def _sample(self, where: Tensor, given: Tensor, without: Tensor, generator: torch.Generator) -> Tensor:
        """Denoise by DDIM with guidance away from an empty garment."""
        self._scheduler.set_timesteps(self.options.steps)
        guided = self.options.guidance > 1
        shown = torch.cat([without, given]) if guided else given
        latents = self._noise(given, generator) * self._scheduler.init_noise_sigma
        for time in self._scheduler.timesteps:
            noisy = self._scheduler.scale_model_input(latents, time).expand(len(shown), -1, -1, -1)
            network_input = torch.cat([noisy, where.expand(len(shown), -1, -1, -1), shown], dim=1)
            noise = self._unet(network_input, time.to(self.device), encoder_hidden_states=None).sample
            if guided:
                empty, dressed = noise.chunk(2)
                noise = empty + self.options.guidance * (dressed - empty)
            latents = self._scheduler.step(
                noise, time, latents, eta=1.0, variance_noise=self._noise(given, generator)
            ).prev_sample
        painted: Tensor = latents
        return painted

    def _noise(self, like: Tensor, generator: torch.Generator) -> Tensor:
        drawn: Tensor = torch.randn(like.shape, generator=generator).to(like)
        return drawn

    def _tensor(self, image: Image.Image) -> Tensor:
        """Turn an image into values from -1 to 1, [1, 3, H, W]."""
        values = torch.from_numpy(np.asarray(image, dtype=np.float32) / 127.5 - 1)
        return values.permute(2, 0, 1)[None].to(self.device, self._vae.dtype)

    def _encode(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        found = self._vae.encode(pixels).latent_dist
        latents: Tensor = (
            found.mean + found.std * self._noise(found.mean, generator)
        ) * self._vae.config.scaling_factor
        return latents


def load_self_attention(unet: Any, place: Path) -> None:
    """Put weights into the self-attention of a UNet, and see that none of it is left as it was.

    The names in the file are those of a list of all modules below ``attn1``, numbered in the order of the network. A
    module and its parts both stand in that list, so a weight has two names there, and either will do.

    :param place: the file in the form of safetensors, or a folder with ``model.safetensors``.
    :raises BackendError: where there is no file, or it is of another network.
    """
    path = place / "model.safetensors" if place.is_dir() else place
    if not path.is_file():
        raise BackendError(f"there are no weights of self-attention at {path}", remedy="give attention=FILE or FOLDER")
    try:
        weights = load_file(path)
    except Exception as error:  # the reader's own, for whatever stands in the file
        raise BackendError(
            f"{path} cannot be read as safetensors: {reason_of(error)}", remedy="download it again"
        ) from error
    modules = nn.ModuleList(module for name, module in unet.named_modules() if "attn1" in name)
    targets = modules.state_dict()
    strange = [name for name, value in weights.items() if name not in targets or targets[name].shape != value.shape]
    filled = {targets[name].data_ptr() for name in weights if name in targets}
    lacking = [name for name, value in targets.items() if value.data_ptr() not in filled]
    if strange or lacking:
        said = f"it has {first_names(strange)}" if strange else f"it lacks {first_names(lacking)}"
        msg = f"{path} is not the self-attention of the UNet: {said}"
        raise BackendError(msg, remedy="use weights that were trained with this base model")
    with torch.no_grad():
        for name, value in weights.items():
            targets[name].copy_(value)
