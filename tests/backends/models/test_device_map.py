"""Models whose modules lie on several devices: the answers of one device, places in the record, wrong places refused.

What lies on the disk is really dispatched by accelerate: its weights are fetched for as long as a module computes.
"""

from __future__ import annotations

import math
import shutil

import numpy as np
import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

import tiny_models
import torch

from fashionbench import api
from fashionbench.cli.main import main
from fashionbench.data.items import ComposedItem, PairItem
from fashionbench.errors import BackendError, ConfigError
from fashionbench.plugins.manager import Plugins
from fashionbench.records.store import Store
from fashionbench.runner.named_backends import named_backends
from fashionbench.specs import resolve
from fashionbench.specs.capabilities import BackendContext
from fashionbench_models import placement
from fashionbench_models.encoders.base import count_parameters
from fashionbench_models.loading import load_model
from fashionbench_models.options import ModelOptions

#: Of each kind of model: further options, and a part that lies on the disk.
KINDS = {
    "clip": ({}, "text_model"),
    "siglip": ({}, "vision_model.head"),
    "chinese_clip": ({}, "vision_model.encoder.layers.1"),
    "dinov2": ({}, "encoder.layer.1"),
    "blip2_itm": ({}, "embeddings"),
    "blip2_captioner": ({"max_new_tokens": 5}, "language_model"),
    "llava": ({"max_new_tokens": 5}, "model.language_model"),
    "llava as an embedder": ({"pooling": "mean"}, "model.language_model"),
}


def answers(backend, images, texts):
    """Ask for everything that it can do."""
    composed = [
        ComposedItem(str(at), one.image, two.text) for at, (one, two) in enumerate(zip(images, texts, strict=False))
    ]
    pairs = [PairItem(str(at), one, two) for at, (one, two) in enumerate(zip(images, texts, strict=False))]
    asked = {
        "encode_images": (images, "query"), "encode_texts": (texts, "query"), "encode_composed": (composed,),
        "score_pairs": (pairs,), "caption": (images, "a red dress"),
    }  # fmt: skip
    return {name: getattr(backend, name)(*given) for name, given in asked.items() if hasattr(backend, name)}


def same(one, two):
    assert one
    assert one.keys() == two.keys()
    for name, answer in one.items():
        assert np.array_equal(answer, two[name]), name


def numbers_below(model, module):
    return sum(one.numel() for name, one in model.named_parameters() if f"{name}.".startswith(f"{module}."))


@pytest.mark.parametrize(("kind", "given"), KINDS.items(), ids=KINDS)
def test_a_divided_model_answers_as_a_whole_one_and_says_where_it_lies(kind, given, build, images, texts):
    (options, module), kind = given, kind.partition(" ")[0]
    whole = build(kind, **options)
    expected, total = answers(whole, images, texts), whole.parameters
    assert "device map" not in whole.preprocessing
    one_place = build(kind, **options, device_map={"": "cpu"})
    same(answers(one_place, images, texts), expected)
    assert f"modules, {total} parameters" in one_place.preprocessing["device map"]
    assert one_place.preprocessing["device map"].startswith("cpu: ")

    divided = build(kind, **options, device_map={"": "cpu", module: "disk"})
    part = numbers_below(whole._model, module)
    assert {name for name, one in divided._model.named_parameters() if one.is_meta} == {
        name for name, _ in whole._model.named_parameters() if name.startswith(f"{module}.")
    }
    same(answers(divided, images, texts), expected)
    # What is tied is counted once, also after it was fetched and forgotten.
    assert divided.parameters == count_parameters(divided._model) == total
    on_cpu, on_disk = divided.preprocessing["device map"].split("; ")
    assert on_cpu.startswith("cpu: ")
    assert on_cpu.endswith(f" {total - part} parameters")
    assert on_disk.startswith("disk (offloaded): ")
    assert on_disk.endswith(f" {part} parameters")

    for places in ({"": "disk"}, {"": "disk", module: "cpu"}):
        same(answers(build(kind, **options, device_map=places), images, texts), expected)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_divided_model_has_the_type_that_is_asked_for(dtype, build, images, texts):
    """BLIP-2 keeps its Q-Former in float32 unless it is cast, which a model that is dispatched does not let itself be."""
    divided = build("blip2_itm", dtype=dtype, device_map={"": "cpu", "qformer": "disk"})
    assert {str(one.dtype) for one in divided._model.parameters()} == {f"torch.{dtype}"}
    same(answers(divided, images, texts), answers(build("blip2_itm", dtype=dtype), images, texts))


def test_names_place_what_fits_in_memory_and_the_rest_is_said_with_a_warning(build, images, texts):
    whole = build("clip")
    size = 4 * whole.parameters
    with pytest.warns(UserWarning, match=r"device_map=auto leaves \d+% of the weights where nothing computes"):
        divided = build("clip", device_map="auto", max_memory={"cpu": size * 19 // 20})
    placed = divided.preprocessing["device map"]
    assert "cpu: " in placed
    assert "disk (offloaded): " in placed
    same(answers(divided, images, texts), answers(whole, images, texts))
    everything = build("clip", device_map="balanced")
    assert everything.preprocessing["device map"].startswith("cpu: ")
    assert ";" not in everything.preprocessing["device map"]


def test_a_layer_is_not_taken_for_those_whose_numbers_begin_alike(tmp_path):
    from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=18, hidden_size=8, intermediate_size=8, num_hidden_layers=12, num_attention_heads=1,
        num_key_value_heads=1, max_position_embeddings=16, tie_word_embeddings=True,
    )  # fmt: skip
    tiny_models.lively(LlamaForCausalLM(config)).save_pretrained(tmp_path)
    ids = torch.tensor([[1, 5, 6]])
    with torch.inference_mode():
        expected = load_model(AutoModelForCausalLM, ModelOptions(model=str(tmp_path)), "cpu")(ids).logits
        options = ModelOptions(model=str(tmp_path), device_map={"": "cpu", "model.layers.1": "disk"})
        divided = load_model(AutoModelForCausalLM, options, "cpu")
        assert torch.equal(divided(ids).logits, expected)
    away = {
        name.partition("model.layers.")[2].partition(".")[0] for name, one in divided.named_parameters() if one.is_meta
    }
    assert away == {"1"}


def test_the_record_holds_the_map_as_an_option_and_where_parts_lay(folder_of, tmp_path):
    fields = {"tasks": "wardrobe/text-to-image", "limit": 4, "device": "cpu", "seeds": [0]}
    places = {"": "cpu", "text_model": "disk"}
    one, other = (
        api.run({**fields, "backends": {"id": f"hf:{folder_of('clip')}", "options": options}}, store=Store(tmp_path / name), plugins=Plugins(strict=True))[0]
        for name, options in (("one", {}), ("other", {"device_map": places}))
    )  # fmt: skip
    assert [one.error, other.error] == [None, None]
    assert [one.backend.options["device_map"], other.backend.options["device_map"]] == ["", places]
    assert one.cell != other.cell
    assert "disk (offloaded): " in other.backend.preprocessing["device map"]
    assert {m.id: m.value for m in one.metrics} == {m.id: m.value for m in other.metrics}
    assert one.backend.parameters == other.backend.parameters


WRONG = {
    "no such name": ({"device_map": "best"}, "the option device_map is 'best'", "auto, balanced"),
    "nothing named": ({"device_map": {}}, "empty mapping", "'' for the whole model"),
    "no device": ({"device_map": {"text_model": "gpu0"}}, "puts text_model on 'gpu0', which is no device", "cuda:0"),
    "no text": ({"device_map": "auto", "max_memory": {0: "1GiB"}}, "max_memory has the key 0", "quote it: '0'"),
    "no size": ({"device_map": "auto", "max_memory": {"cpu": "much"}}, "max_memory gives cpu 'much'", "20GiB"),
    "the disk": ({"device_map": "auto", "max_memory": {"disk": "1GiB"}}, "names the disk", "leave it out"),
    "no number": ({"device_map": "auto", "max_memory": {"cuda": "1GiB"}}, "names cuda without", "write cuda:0"),
    "no map": ({"max_memory": {"cpu": "1GiB"}}, "limits what a device_map by name", "device_map=auto"),
    "limits of a mapping": ({"device_map": {"": 0}, "max_memory": {"cpu": 5}}, "limits what", "leave max_memory out"),
    "a text": ({"device_map": "auto", "max_memory": "20GiB"}, "the option max_memory is '20GiB'", "a mapping"),
    "two wills": ({"device_map": "auto", "device": "cuda:1"}, "device=cuda:1 puts a model on one", "leave one"),
}


@pytest.mark.parametrize(("options", "said", "remedy"), WRONG.values(), ids=WRONG)
def test_options_that_are_no_places_are_refused_when_a_run_is_planned(options, said, remedy, folder_of, plugins):
    with pytest.raises(ConfigError) as caught:
        plugins.describe_backend(f"hf:{folder_of('clip')}", options)
    assert said in caught.value.message
    assert remedy in caught.value.remedy


MISFITS = {
    "no such module": ({"": "cpu", "text_modell": "disk"}, "text_modell, which the model does not have", "text_model, "),
    "a part of a part": ({"": "cpu", "text_model.encoder.layers.0.mlp": "disk"}, "a CLIPEncoderLayer, which is not", "name text_model.encoder.layers.0"),
    "nothing for a module": ({"text_model": "cpu"}, "no place for vision_model, visual_projection, text_proj", "''"),
    "a device that is not there": ({"": "cuda:98"}, "names the device 98, and of accelerators this process sees", "from 0"),
}  # fmt: skip


@pytest.mark.parametrize(("places", "said", "remedy"), MISFITS.values(), ids=MISFITS)
def test_a_map_that_does_not_fit_the_model_is_refused_before_weights_are_read(
    places, said, remedy, tmp_path, folder_of
):
    from transformers import AutoModel

    shutil.copytree(folder_of("clip"), tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.safetensors").write_bytes(b"")  # which nobody reads
    with pytest.raises(ConfigError) as caught:
        load_model(AutoModel, ModelOptions(model=str(tmp_path), device_map=places), "cpu")
    assert said in caught.value.message
    assert remedy in caught.value.remedy


def test_a_run_on_one_device_does_not_take_all_of_them(folder_of):
    from transformers import AutoModel

    def load(device, **options):
        load_model(AutoModel, ModelOptions(model=str(folder_of("clip")), device_map="auto", **options), device)

    with pytest.raises(ConfigError, match="takes every device that it sees, and --device is cuda:1") as caught:
        load("cuda:1")
    assert "CUDA_VISIBLE_DEVICES=1" in caught.value.remedy
    with pytest.raises(ConfigError, match="max_memory names cuda:0, and the run computes on the processor"):
        load("cpu", max_memory={"cuda:0": "1GiB"})
    with pytest.raises(ConfigError, match="max_memory names the device 98"):
        load("cuda", max_memory={"cuda:98": "1GiB"})


def test_accelerate_is_asked_for_where_a_map_needs_it(folder_of, plugins, monkeypatch):
    address = f"hf:{folder_of('clip')}"
    assert "accelerate" not in plugins.describe_backend(address, {}).packages
    assert "accelerate" in plugins.describe_backend(address, {"device_map": "auto"}).packages
    monkeypatch.setattr(placement, "find_spec", lambda _: None)
    with pytest.raises(BackendError, match="needs accelerate") as caught:
        placement.placement(None, ModelOptions(device_map="auto"), "cpu")
    assert "fashionbench[models]" in caught.value.remedy


def test_weights_that_cannot_be_read_from_where_they_are_say_what_to_do(folder_of, tmp_path):
    from safetensors.torch import load_file
    from transformers import AutoModel

    shutil.copytree(folder_of("clip"), tmp_path, dirs_exist_ok=True)
    torch.save(load_file(tmp_path / "model.safetensors"), tmp_path / "pytorch_model.bin")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(BackendError) as caught:
        load_model(AutoModel, ModelOptions(model=str(tmp_path), device_map={"": "cpu", "text_model": "disk"}), "cpu")
    assert "save the model as safetensors" in caught.value.remedy


@pytest.mark.parametrize(
    ("options", "gpus"),
    [
        ({}, 1),
        ({"device_map": "auto"}, math.inf),
        ({"device_map": "auto", "max_memory": {"cuda:0": "70GiB", "1": 10**9, "cpu": "9GB"}}, 2),
        ({"device_map": {"": 0, "text_model": "cuda:2"}}, 3),
        ({"device_map": {"": "cuda", "text_model": "disk"}}, 1),
        ({"device_map": {"": "cpu"}}, 0),
    ],
)
def test_a_model_declares_the_gpus_that_its_map_names(options, gpus, folder_of, plugins):
    assert plugins.describe_backend(f"hf:{folder_of('clip')}", options).resources.gpus == gpus


def test_a_model_of_the_field_declares_what_its_folder_does(folder_of, plugins, tmp_path, monkeypatch):
    from huggingface_hub import constants

    repository, commit = tmp_path / "models--openai--clip-vit-base-patch32", "0123456789" * 4
    shutil.copytree(folder_of("clip"), repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    (one,) = named_backends("models/clip-vit-b32", {}, plugins)
    (divided,) = named_backends("models/clip-vit-b32", {"device_map": {"": 0, "text_model": 1}}, plugins)
    assert [one.resources.gpus, divided.resources.gpus] == [1, 2]
    assert ["accelerate" in spec.packages for spec in (one, divided)] == [False, True]


def test_models_of_a_pipeline_are_placed_by_name_and_say_so(folder_of, plugins, images, tmp_path):
    spec = plugins.backends["pipeline/caption-then-compose"]
    folders = {"encoder": "clip", "captioner": "llava", "language_model": "llama"}
    given = {**spec.options, **{name: str(folder_of(kind)) for name, kind in folders.items()}, "max_new_tokens": 4}
    asked = [ComposedItem("q", images[0].image, "in red")]
    one, placed = (
        resolve(spec.target)(BackendContext({**given, "device_map": value}, 0, "cpu", tmp_path))
        for value in ("", "auto")
    )
    np.testing.assert_array_equal(one.encode_composed(asked), placed.encode_composed(asked))
    parts = ("captioner", "language model", "encoder")
    assert all(placed.preprocessing[f"{part}: device map"].startswith("cpu: ") for part in parts)
    assert not any(name.endswith("device map") for name in one.preprocessing)
    with pytest.raises(ConfigError, match="device_map of a pipeline") as caught:
        resolve(spec.target)(BackendContext({**given, "device_map": {"": "cpu"}}, 0, "cpu", tmp_path))
    assert "auto, balanced" in caught.value.remedy


def test_a_mapping_can_be_given_on_the_command_line(folder_of, tmp_path, capsys):
    words = f"run --task wardrobe/text-to-image --backend hf:{folder_of('clip')} --device cpu --dry-run".split()
    words += ["--store", str(tmp_path), "-o"]
    assert main([*words, 'device_map={"": cpu, text_model: disk}']) == 0
    assert main([*words, "device_map={text_model: gpu0}"]) == 2
    assert "device_map puts text_model on 'gpu0', which is no device" in capsys.readouterr().err


@pytest.mark.parametrize("executor", [{"id": "local", "options": {"workers": 2}}, {"id": "slurm", "options": {"cluster": "local", "workers": 1, "minutes": 1}}], ids=["local", "slurm"])  # fmt: skip
def test_executors_that_show_some_gpus_each_refuse_a_map_of_all(executor, folder_of, tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    backend = {"id": f"hf:{folder_of('clip')}", "options": {"device_map": "auto"}}
    fields = {"tasks": ["wardrobe/text-to-image", "wardrobe/image-to-text"], "backends": backend, "device": "cuda"}
    with pytest.raises(ConfigError, match=r"takes every GPU that it sees \(device_map\)"):
        api.run({**fields, "limit": 4, "executor": executor}, store=Store(tmp_path), plugins=Plugins(strict=True))
