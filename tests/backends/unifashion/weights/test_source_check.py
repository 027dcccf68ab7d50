"""Sources against the model by the headers of their files: what a loading would say, without one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import (
    Blip2VisionConfig,
    Blip2VisionModel,
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPVisionConfig,
    LlamaConfig,
    LlamaForCausalLM,
    LlavaConfig,
    LlavaForConditionalGeneration,
)

from fashionbench.errors import BackendError, ConfigError
from fashionbench_unifashion.language import quantization
from fashionbench_unifashion.language.pretrained import load_pretrained
from fashionbench_unifashion.model.config import preset
from fashionbench_unifashion.model.unifashion import UniFashion
from fashionbench_unifashion.training.dry_run import empty_model, show_plan
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


def altered(source, target, **changes):
    """Copy a folder of one file of weights with others of its tensors; None leaves one out."""
    shutil.copytree(source, target)
    [path] = target.glob("*.safetensors")
    state = {**load_file(path), **changes}
    save_file({name: value for name, value in state.items() if value is not None}, path, {"format": "pt"})
    return target


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    """A language model in one file, whose output layer is its table of words."""
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("llama") / "base"
    LlamaForCausalLM(LlamaConfig(vocab_size=90, tie_word_embeddings=True, **sizes)).save_pretrained(folder)
    return folder


def language_row(place, **fields):
    [row] = check_sources(preset("nano", {"language": {"source": str(place), "architecture": None, **fields}}))
    return row


def test_of_a_language_model_all_that_differs_is_named(llama, tmp_path):
    assert language_row(llama) == SourceCheck("language", str(llama), True, "")
    changes = {"model.norm.weight": None, "other.bias": torch.ones(3)}
    changes["model.layers.0.mlp.up_proj.weight"] = torch.ones(3, 16)
    row = language_row(altered(llama, tmp_path / "altered", **changes))
    assert row.fits is False
    assert row.said == (
        "missing: model.norm.weight; unexpected: other.bias; "
        "of another shape: model.layers.0.mlp.up_proj.weight [3, 16] for [24, 16]"
    )
    # A loading refuses the same files.
    with pytest.raises(BackendError, match="altered cannot be read, RuntimeError: You set `ignore_mismatched_sizes`"):
        load_pretrained(str(tmp_path / "altered"), torch.float32)


def test_names_that_the_library_renames_fit(tmp_path):
    # LLaVA is saved under names that it had before its classes were moved.
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(image_size=8, patch_size=4, **sizes),
        text_config=LlamaConfig(vocab_size=90, **sizes),
    )
    LlavaForConditionalGeneration(config).save_pretrained(tmp_path / "llava")
    assert language_row(tmp_path / "llava").fits is True


def test_an_adapter_is_compared_with_the_layers_of_its_base_model(llama, tmp_path):
    network = LlamaForCausalLM.from_pretrained(llama)
    lora = LoraConfig(r=2, target_modules=["q_proj", "up_proj"], task_type="CAUSAL_LM")
    get_peft_model(network, lora).save_pretrained(tmp_path / "adapter")
    row = language_row(tmp_path / "adapter")
    assert row.fits is True and row.said == f"an adapter of the kind LORA, merged into {llama}"
    name = "base_model.model.model.layers.0.{}.lora_{}.weight"
    changes = {name.format("self_attn.q_proj", "A"): torch.ones(2, 8)}
    changes[name.format("mlp.gate", "B")] = torch.ones(24, 2)
    row = language_row(altered(tmp_path / "adapter", tmp_path / "other", **changes))
    assert row.fits is False and row.said.startswith("unexpected: model.layers.0.mlp.gate; of another shape: ")
    assert "q_proj.lora_A.weight [2, 8] for [16, 16]" in row.said


def test_what_is_kept_in_few_bits_is_said_and_what_the_machine_lacks(llama, monkeypatch):
    monkeypatch.setattr(quantization, "lacking", lambda *_: "there is no GPU")
    row = language_row(llama, quantization="4bit", lora={"rank": 2})
    # 4 x 16 x 16 of attention and 3 x 16 x 24 of the rest, in float32 and in 4 bits with their scales.
    whole, few = 4 * 2176 / 2**30, (0.5 + 1 / 64) * 2176 / 2**30
    assert row.fits is True
    assert (
        row.said
        == f"in 4bit: about {few:.3g} GiB in the place of {whole:.3g}, which is not on this machine: there is no GPU"
    )


def test_a_vision_model_of_transformers_is_compared_as_it_will_be_loaded(tmp_path):
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
    torch.manual_seed(0)
    CLIPModel(
        CLIPConfig(
            text_config=CLIPTextConfig(vocab_size=90, **sizes).to_dict(),
            vision_config=CLIPVisionConfig(image_size=8, patch_size=4, **sizes).to_dict(),
        )
    ).save_pretrained(tmp_path / "clip")
    vision = {"kind": "transformers", "image_size": 8, "source": str(tmp_path / "clip")}
    nano = preset("nano")
    whole = nano.model_copy(update={"vision": type(nano.vision)(**vision)})
    [row] = check_sources(whole)
    assert row.fits is False and "unexpected: logit_scale, text_model" in row.said
    ignored = (r"text_model\..+", "logit_scale", r"(visual|text)_projection\.weight")
    [row] = check_sources(whole.model_copy(update={"vision": whole.vision.model_copy(update={"ignored": ignored})}))
    assert row == SourceCheck("vision", str(tmp_path / "clip"), True, "")


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="only Linux counts what a process reads")
@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_no_tensor_is_read_of_a_file(tmp_path, name):
    state = {"a": torch.ones(2_000_000), "b": torch.ones(3)}
    path = tmp_path / name
    save_file(state, path) if path.suffix == ".safetensors" else torch.save(state, path)

    def read_so_far():
        return int(Path("/proc/self/io").read_text().split()[1])

    with headers_alone():
        read(path)  # what is imported for it is read once
        before = read_so_far()
        assert read(path)["a"].shape == (2_000_000,)
    assert read_so_far() - before < 1_000_000 < path.stat().st_size


def test_a_source_among_the_changes_is_as_large_as_its_folder_says(folders):
    unet = {"source": str(folders / "pipeline"), "subfolder": "unet", "architecture": None}
    language = {"source": str(folders / "language"), "architecture": None}
    changes = {"language": language, "diffusion": {"unet": unet}}
    plain, found = (
        empty_model(load_recipe("unifashion-nano", {"model": {"changes": fields}})) for fields in ({}, changes)
    )
    shapes = [{name: value.shape for name, value in model.state_dict().items()} for model in (plain, found)]
    assert shapes[0] == shapes[1] and all(value.is_meta for value in found.parameters())
    with pytest.raises(ConfigError, match="language.source: nobody/no-such-model is not on this machine"):
        empty_model(
            load_recipe(
                "unifashion-nano", {"model": {"changes": {"language": language | {"source": "nobody/no-such-model"}}}}
            )
        )
