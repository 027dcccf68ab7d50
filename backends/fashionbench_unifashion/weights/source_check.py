"""Names and shapes of pretrained weights against the model that is to start from them, from the headers of their files.

No tensor is read and nothing is downloaded, so a recipe of billions of parameters is checked in seconds.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from transformers import AutoConfig, AutoModel
from transformers.utils import logging

from fashionbench.errors import FashionBenchError, first_names
from fashionbench.json_reader import read_object
from fashionbench_unifashion.diffusion.unet import widen
from fashionbench_unifashion.diffusion.vae import network_class
from fashionbench_unifashion.language import quantization
from fashionbench_unifashion.language.pretrained import base_of, loader_of
from fashionbench_unifashion.qformer.qformer import QFormer
from fashionbench_unifashion.vision.encoder import POOLER, VisionEncoder, architecture
from fashionbench_unifashion.weights import qformer_source
from fashionbench_unifashion.weights.loading import (
    ADAPTER,
    headers_alone,
    is_adapter,
    load_strict,
    read,
    reading,
    unlisted,
)
from fashionbench_unifashion.weights.source_sizes import here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from torch import Tensor

    from fashionbench_unifashion.diffusion.config import NetworkConfig
    from fashionbench_unifashion.language.model import LanguageConfig
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
            place = here(source, revision)
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
        yield "language", language.source, "", None, lambda place: _language(language, place)
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
    place = None if vae.source is None else here(vae.source, vae.revision)
    if place is not None and (path := place / (vae.subfolder or "") / "config.json").is_file():
        described = read_object(path)
    return int(described.get("latent_channels", 4))


def _vision(config: UniFashionConfig, place: Path) -> tuple[bool, str]:
    vision = config.vision
    if vision.kind == "blip2":
        VisionEncoder(vision.model_copy(update={"source": str(place)})).load_source()
        return True, ""
    with reading(place):
        described = architecture(vision.model_copy(update={"source": str(place)}))
    report = _report(AutoModel, described, read(place), place)
    return _said(report, allowed_missing=POOLER, allowed_unexpected=vision.ignored)


def _qformer(config: UniFashionConfig, place: Path) -> tuple[bool, str]:
    vision = VisionEncoder(config.vision)
    notes = qformer_source.load(QFormer(config.qformer, vision.width), vision, str(place))
    return True, "; ".join(notes)


def _language(config: LanguageConfig, place: Path) -> tuple[bool | None, str]:
    """Compare a language model, or an adapter and the model that it is of, and say what is kept in a few bits."""
    if is_adapter(place):
        return _adapter(place)
    with reading(place):
        described = AutoConfig.from_pretrained(place)
    state = read(place)
    fits, said = _said(_report(loader_of(described), described, state, place))
    if config.quantization is None:
        return fits, said
    lack = quantization.lacking()
    layers = [value for name, value in state.items() if value.dim() == 2 and "embed" not in name and "head" not in name]
    few = sum(value.numel() for value in layers) * quantization.BYTES[config.quantization] / 2**30
    whole = sum(value.numel() for value in layers) * getattr(torch, config.dtype).itemsize / 2**30
    said += f"{'; ' if said else ''}in {config.quantization}: about {few:.3g} GiB in the place of {whole:.3g}"
    said += f", which is not on this machine: {lack}" if lack else ""
    return fits, said


def _adapter(place: Path) -> tuple[bool | None, str]:
    """Compare an adapter with its base model: each of its layers must be there, and of the same widths."""
    base = base_of(place)
    with reading(place):
        settings = read_object(place / ADAPTER)
        rows = next(place.glob("adapter_model.*"))
        found, layers = read(rows), read(base)
    known = {name.removesuffix(".weight"): tuple(value.shape) for name, value in layers.items()}
    strange, wrong = set(), []
    for name, value in found.items():
        layer, _, part = name.removeprefix("base_model.model.").partition(".lora_")
        if not part.startswith(("A.", "B.")):
            continue
        if layer not in known:
            strange.add(layer)
            continue
        side = 1 if part.startswith("A.") else 0
        # GPT-2 keeps its matrices turned over.
        if value.shape[side] not in (known[layer][side], known[layer][1 - side]):
            wrong.append(f"{name} {list(value.shape)} for {list(known[layer])}")
    kinds = {"unexpected": sorted(strange), "of another shape": wrong}
    faults = [f"{kind}: {first_names(names)}" for kind, names in kinds.items() if names]
    if faults:
        return False, "; ".join(faults)
    kind = settings.get("peft_type", "unknown")
    return (True if kind == "LORA" else None), f"an adapter of the kind {kind}, merged into {base}"


def _report(auto: Any, described: Any, state: dict[str, Tensor], place: Path) -> dict[str, Any]:
    """Let transformers load tensors without values into a model without memory, as it would load the files.

    It knows older names of many models, and renames, splits and joins what it reads.
    """
    with reading(place), _quiet():
        kind: Any = type(auto.from_config(described))
        with torch.device("cpu"):  # the library refuses to load within the context of the meta device
            _, report = kind.from_pretrained(
                None,
                config=described,
                state_dict=state,
                device_map={"": "meta"},
                output_loading_info=True,
                ignore_mismatched_sizes=True,
            )
    found: dict[str, Any] = report
    return found


def _said(
    report: dict[str, Any], *, allowed_missing: Sequence[str] = (), allowed_unexpected: Sequence[str] = ()
) -> tuple[bool, str]:
    wrong = [f"{name} {list(found)} for {list(wanted)}" for name, found, wanted in sorted(report["mismatched_keys"])]
    kinds = {
        "missing": unlisted(report["missing_keys"], allowed_missing),
        "unexpected": unlisted(report["unexpected_keys"], allowed_unexpected),
        "of another shape": wrong,
    }
    faults = [f"{kind}: {first_names(names)}" for kind, names in kinds.items() if names]
    return not faults, "; ".join(faults)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers from printing its own report and progress."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _diffusers(kind: Any, place: Path, channels: int | None) -> tuple[bool, str]:
    with reading(place):
        network = kind.from_config(kind.load_config(str(place)))
    load_strict(network, read(place), allowed_missing=(), allowed_unexpected=(), source=str(place))
    added = 0 if channels is None else widen(network, channels)
    return True, f"its first convolution is widened by {added} channels" if added else ""
