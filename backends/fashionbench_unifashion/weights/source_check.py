"""Names and shapes of pretrained weights against the model that is to start from them, from the headers of their files.

No tensor is read and nothing is downloaded, so a recipe of billions of parameters is checked in seconds.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from huggingface_hub import snapshot_download
from transformers import AutoConfig, AutoModelForCausalLM

from fashionbench.errors import FashionBenchError, first_names
from fashionbench.json_reader import read_object
from fashionbench_unifashion.diffusion.unet import widen
from fashionbench_unifashion.diffusion.vae import network_class
from fashionbench_unifashion.qformer.qformer import QFormer
from fashionbench_unifashion.vision.encoder import VisionEncoder
from fashionbench_unifashion.weights import qformer_source
from fashionbench_unifashion.weights.loading import headers_alone, is_adapter, load_strict, read, reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fashionbench_unifashion.diffusion.config import NetworkConfig
    from fashionbench_unifashion.model.config import UniFashionConfig


class SourceCheck(NamedTuple):
    """What is known of the source of a part."""

    part: str
    source: str
    fits: bool | None
    """None where it is not on this machine, or only a loading can tell."""
    said: str
    """What is different, or what a reader must know."""


def check_sources(config: UniFashionConfig) -> list[SourceCheck]:
    """Compare each source that a model names with the part that it is for.

    :param config: of the model, with the sources that training starts from.
    """
    found = []
    with headers_alone(), torch.device("meta"):
        for part, source, subfolder, revision, compare in _sources(config):
            place = _here(source, revision)
            if place is None:
                found.append(SourceCheck(part, source, None, "not on this machine"))
                continue
            where = place / subfolder if subfolder else place
            try:
                fits, said = compare(where)
            except FashionBenchError as error:
                fits, said = False, error.message
            found.append(SourceCheck(part, source, fits, said))
    return found


def _sources(
    config: UniFashionConfig,
) -> Iterator[tuple[str, str, str, str | None, Callable[[Path], tuple[bool | None, str]]]]:
    vision, qformer, language, diffusion = config.vision, config.qformer, config.language, config.diffusion
    if vision.source is not None:
        yield "vision", vision.source, "", None, lambda place: _vision(config, place)
    if qformer.source is not None:
        yield "qformer", qformer.source, "", None, lambda place: _qformer(config, place)
    if language is not None and language.source is not None:
        yield "language", language.source, "", None, _language
    if diffusion is None:
        return
    networks: tuple[tuple[str, NetworkConfig, Any, int | None], ...] = (
        ("unet", diffusion.unet, UNet2DConditionModel, diffusion.in_channels(_latent(diffusion.vae))),
        ("vae", diffusion.vae, network_class(diffusion.vae), None),
    )
    for name, network, kind, channels in networks:
        if network.source is not None:

            def compare(place: Path, kind: Any = kind, channels: int | None = channels) -> tuple[bool, str]:
                return _diffusers(kind, place, channels)

            yield name, network.source, network.subfolder or "", network.revision, compare


def _latent(vae: NetworkConfig) -> int:
    """Return the channels of a VAE's latents: as its arguments or the configuration in its folder say, 4 by default."""
    described = dict(vae.architecture or {})
    place = None if vae.source is None else _here(vae.source, vae.revision)
    if place is not None and (path := place / (vae.subfolder or "") / "config.json").is_file():
        described = read_object(path)
    return int(described.get("latent_channels", 4))


def _here(source: str, revision: str | None) -> Path | None:
    """Find a folder or file, or what was downloaded of a model of the hub before."""
    path = Path(source).expanduser()
    if path.exists():
        return path
    try:
        return Path(snapshot_download(source, revision=revision, local_files_only=True))
    except Exception:  # of its many kinds each says that there is no copy here
        return None


def _vision(config: UniFashionConfig, place: Path) -> tuple[bool | None, str]:
    if config.vision.kind != "blip2":
        return None, "its library compares names when it loads"
    VisionEncoder(config.vision.model_copy(update={"source": str(place)})).load_source()
    return True, ""


def _qformer(config: UniFashionConfig, place: Path) -> tuple[bool, str]:
    vision = VisionEncoder(config.vision)
    notes = qformer_source.load(QFormer(config.qformer, vision.width), vision, str(place))
    return True, "; ".join(notes)


def _language(place: Path) -> tuple[bool | None, str]:
    if is_adapter(place):
        return None, "an adapter, which is merged when it is loaded"
    with reading(place):
        network: Any = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(place))
    expected, stored = network.state_dict(), read(place)
    tied = set(getattr(network, "all_tied_weights_keys", None) or ())
    wrong = sorted(name for name in expected.keys() & stored.keys() if expected[name].shape != stored[name].shape)
    if wrong:
        return False, f"of another shape: {first_names(wrong)}"
    differing = sorted((expected.keys() - tied) ^ (stored.keys() - tied))
    # The library knows older names of many models, and renames them.
    return (None, f"other names, which its library may know: {first_names(differing)}") if differing else (True, "")


def _diffusers(kind: Any, place: Path, channels: int | None) -> tuple[bool, str]:
    with reading(place):
        network = kind.from_config(kind.load_config(str(place)))
    load_strict(network, read(place), allowed_missing=(), allowed_unexpected=(), source=str(place))
    added = 0 if channels is None else widen(network, channels)
    return True, f"its first convolution is widened by {added} channels" if added else ""
