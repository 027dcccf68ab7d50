"""Sizes of the parts that a recipe starts from, as the configurations in their folders give them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from huggingface_hub import snapshot_download
from transformers import AutoConfig

from fashionbench.errors import ConfigError
from fashionbench.files import expanded
from fashionbench.json_reader import read_object
from fashionbench_unifashion.language.pretrained import base_of
from fashionbench_unifashion.weights.loading import is_adapter, reading

if TYPE_CHECKING:
    from fashionbench_unifashion.model.config import UniFashionConfig


def here(source: str, revision: str | None = None) -> Path | None:
    """Find a folder or file, or what was downloaded of a model of the hub before; the hub is not asked."""
    path = expanded(source)
    if path.exists():
        return path
    try:
        return Path(snapshot_download(source, revision=revision, local_files_only=True))
    except Exception:  # of its many kinds each says that there is no copy here
        return None


def without_sources(config: UniFashionConfig) -> UniFashionConfig:
    """Put architectures in the place of the sources of both generators, so that they are built without weights.

    :raises ConfigError: where a source is not on this machine, so that nobody can tell how large it is.
    """
    changes: dict[str, Any] = {}
    language, diffusion = config.language, config.diffusion
    if language is not None and language.source is not None:
        place = _place("language", language.source)
        place = base_of(place) if is_adapter(place) else place
        with reading(place):
            described = AutoConfig.from_pretrained(place).get_text_config()
        fields = {"source": None, "quantization": None, "architecture": described.to_dict()}
        changes["language"] = language.model_copy(update=fields)
    if diffusion is not None:
        networks = {}
        for name in ("unet", "vae"):
            network = getattr(diffusion, name)
            if network.source is None:
                continue
            place = _place(f"diffusion.{name}", network.source, network.revision) / (network.subfolder or "")
            fields = {key: value for key, value in read_object(place / "config.json").items() if key[0] != "_"}
            nowhere = dict.fromkeys(("source", "subfolder", "revision"))
            networks[name] = network.model_copy(update={**nowhere, "architecture": fields})
        changes |= {"diffusion": diffusion.model_copy(update=networks)} if networks else {}
    return config.model_copy(update=changes) if changes else config


def _place(part: str, source: str, revision: str | None = None) -> Path:
    place = here(source, revision)
    if place is None:
        msg = f"{part}.source: {source} is not on this machine, so that its size is not known"
        raise ConfigError(msg, remedy="fetch it, or name it under model.weights, which a dry run leaves out")
    return place
