"""Sources against the model by the headers of their files: what a loading would say, without one."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Blip2VisionConfig, Blip2VisionModel

from fashionbench.errors import BackendError
from fashionbench_unifashion.model.config import preset
from fashionbench_unifashion.model.unifashion import UniFashion
from fashionbench_unifashion.training.dry_run import show_plan
from fashionbench_unifashion.training.recipe import load_recipe
from fashionbench_unifashion.weights import loading
from fashionbench_unifashion.weights.loading import headers_alone, read
from fashionbench_unifashion.weights.source_check import SourceCheck, check_sources

VISION = {"kind": "blip2", "image_size": 8, "patch": 4, "width": 16, "layers": 1, "heads": 2, "ffn": 24}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Parts of a small model, each as its library writes it."""
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("sources")
    model = UniFashion(preset("nano"))
    model.language.network.save_pretrained(root / "language", max_shard_size="20KB")
    model.diffusion.unet.save_pretrained(root / "pipeline" / "unet")
    model.diffusion.vae.network.save_pretrained(root / "pipeline" / "vae", safe_serialization=False)
    (root / "qformer").mkdir()
    state = {f"qformer.{name}": value for name, value in model.qformer.state_dict().items()}
    save_file({name: value.clone() for name, value in state.items()}, root / "qformer" / "model.safetensors")
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = Blip2VisionModel(Blip2VisionConfig(**sizes, image_size=8, patch_size=4))
    (root / "vision").mkdir()
    named = {f"vision_model.{name}": value for name, value in vision.state_dict().items()}
    save_file(named, root / "vision" / "model.safetensors")
    return root


def config(root, **changes):
    """The model with all its sources."""
    unet, vae = (
        {"source": str(root / "pipeline"), "subfolder": name, "architecture": None} for name in ("unet", "vae")
    )
    sources = {
        "qformer": {"source": str(root / "qformer")},
        "language": {"source": str(root / "language"), "architecture": None},
        "diffusion": {"unet": unet, "vae": vae},
    }
    return preset("nano", {name: fields | changes.pop(name, {}) for name, fields in sources.items()} | changes)


def test_what_fits_is_said_to_fit_and_nothing_is_read(folders, monkeypatch):
    monkeypatch.setattr(loading, "_value", lambda *_: pytest.fail("a value was read"))
    found = {row.part: row for row in check_sources(config(folders))}
    assert {part: row.fits for part, row in found.items()} == dict.fromkeys(
        ("qformer", "language", "unet", "vae"), True
    )
    assert {row.said for row in found.values()} == {""}


def test_a_vision_encoder_of_blip2_is_compared_with_its_layers(folders):
    nano = preset("nano")
    vision = {"vision": VISION | {"source": str(folders / "vision")}}
    wide = nano.model_copy(update={"vision": preset("nano", vision).vision})
    assert check_sources(wide) == [SourceCheck("vision", str(folders / "vision"), True, "")]
    deep = nano.model_copy(update={"vision": wide.vision.model_copy(update={"layers": 2})})
    [row] = check_sources(deep)
    assert row.fits is False and "missing: network.encoder.layers.1" in row.said


def test_each_part_that_does_not_fit_is_named_with_what_is_different(folders, tmp_path):
    other = {"qformer": {"hidden": 24}, "diffusion": {"conditions": ["agnostic"]}}
    found = {row.part: row for row in check_sources(config(folders, **other))}
    assert found["qformer"].fits is False and "of another shape" in found["qformer"].said
    # The folder's UNet was widened to more conditions than this model has.
    assert found["unet"].fits is False and found["unet"].said.startswith("the UNet has 17 input channels")
    state = load_file(folders / "qformer" / "model.safetensors")
    queries = state["qformer.reference"]
    save_file(state | {"qformer.reference": queries[:2].clone()}, tmp_path / "model.safetensors")
    [row, *_] = check_sources(config(folders, qformer={"source": str(tmp_path)}))
    assert row.fits is True and row.said.startswith(f"reference queries: 2 of the file and {len(queries) - 2} new ones")


def test_a_source_that_is_not_here_is_never_asked_of_the_hub(folders, monkeypatch):
    monkeypatch.setattr("huggingface_hub.HfApi.list_repo_files", lambda *_a, **_k: pytest.fail("the hub was asked"))
    found = check_sources(config(folders, qformer={"source": "nobody/no-such-model"}))
    assert found[0] == SourceCheck("qformer", "nobody/no-such-model", None, "not on this machine")


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_header_is_names_shapes_and_types(tmp_path, name):
    state = {"a": torch.randn(3, 4), "b": torch.ones(2, dtype=torch.bfloat16), "c": torch.arange(5)}
    path = tmp_path / name
    save_file(state, path) if path.suffix == ".safetensors" else torch.save(state, path)
    with headers_alone():
        seen = read(path)
    assert {key: (value.shape, value.dtype) for key, value in seen.items()} == {
        key: (value.shape, value.dtype) for key, value in state.items()
    }
    assert all(value.is_meta for value in seen.values())
    assert torch.equal(read(path)["a"], state["a"])


def test_a_dry_run_ends_in_an_error_where_weights_do_not_fit(folders):
    sources = {"qformer": {"source": str(folders / "qformer")}}
    said = []
    show_plan(load_recipe("unifashion-nano", {"model": {"weights": sources}}), said.append)
    assert "headers of the files" in str(said[-1])
    wrong = {"model": {"weights": sources, "changes": {"qformer": {"hidden": 24}}}}
    with pytest.raises(BackendError, match="qformer from .*of another shape"):
        show_plan(load_recipe("unifashion-nano", wrong), said.append)
