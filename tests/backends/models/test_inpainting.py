"""Inpainting pipelines by folder: the pixels of diffusers' documented call, one item at a time, and what is missing."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import tryon_folder
from PIL import Image

import fashionbench
from fashionbench.data.items import DesignItem, TryOnItem
from fashionbench.errors import BackendError, ConfigError
from fashionbench.plugins.manager import Plugins
from fashionbench.seeding import seed_of
from fashionbench.specs import resolve
from fashionbench.specs.capabilities import BackendContext

pytest.importorskip("diffusers", reason="diffusers, which inpaints")

import torch
from safetensors.torch import load_file, save_file

from fashionbench_models.families import family_of
from fashionbench_models.options import read_options
from fashionbench_models.try_on.pipeline import load_pipeline

pytestmark = pytest.mark.slow

MASK = Image.new("L", (24, 32), 0)
MASK.paste(255, (4, 6, 20, 26))
STEPS = 3


def photo(seed, size=(24, 32)):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def dressed(name, garment=100):
    return TryOnItem(name, photo(1), photo(garment), {"agnostic-mask": MASK})


def designed(name, text="red dress"):
    return DesignItem(name, photo(1), text, None, {"agnostic-mask": MASK})


@pytest.fixture
def designer(build):
    return build("inpainting", steps=STEPS)


@pytest.fixture
def dresser(build, folder_of):
    return build("inpainting", steps=STEPS, adapter=str(folder_of("ip_adapter")), adapter_scale=0.7)


@pytest.fixture
def copied(folder_of, tmp_path):
    """Copies of pipeline and adapter that may be changed."""
    return {kind: shutil.copytree(folder_of(kind), tmp_path / kind) for kind in ("inpainting", "ip_adapter")}


def documented(folder, adapter=None, **more):
    """The call of diffusers' documentation, with the noise of the item ``a`` and seed 0."""
    from diffusers import StableDiffusionInpaintPipeline

    pipeline = StableDiffusionInpaintPipeline.from_pretrained(folder, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    if adapter:
        pipeline.load_ip_adapter(adapter, subfolder="", weight_name="ip-adapter_tiny.safetensors")
        pipeline.set_ip_adapter_scale(0.7)
    made = pipeline(
        image=photo(1), mask_image=MASK, width=24, height=32, num_inference_steps=STEPS, guidance_scale=7.5,
        generator=torch.Generator().manual_seed(seed_of(0, "a")), **more,
    )  # fmt: skip
    return np.asarray(made.images[0])


def test_a_design_is_the_documented_call_s(designer, folder_of):
    (made,) = designer.design([designed("a")])
    np.testing.assert_array_equal(made, documented(folder_of("inpainting"), prompt="red dress"))
    assert made.std() > 5


def test_a_try_on_is_the_documented_call_s(dresser, folder_of):
    (made,) = dresser.try_on([dressed("a")])
    expected = documented(folder_of("inpainting"), folder_of("ip_adapter"), prompt="", ip_adapter_image=photo(100))
    np.testing.assert_array_equal(made, expected)


def test_neither_batch_nor_order_counts_and_seed_and_id_do(designer, build):
    one, two = (designed(name) for name in ("a", "b"))
    together = designer.design([one, two])
    np.testing.assert_array_equal(designer.design([two, one])[1], together[0])
    np.testing.assert_array_equal(designer.design([two])[0], together[1])
    assert (together[0] != together[1]).any()  # of equal contents


def test_words_the_garment_and_the_options_count(designer, dresser, build, folder_of):
    plain = designer.design([designed("a")])[0]
    assert (designer.design([designed("a", "blue shirt")])[0] != plain).any()
    worn = dresser.try_on([dressed("a")])[0]
    assert (dresser.try_on([dressed("a", garment=101)])[0] != worn).any()
    told = build("inpainting", steps=STEPS, prefix="red ").design([designed("a", "dress")])[0]
    np.testing.assert_array_equal(told, plain)
    for changed in ({"guidance": 1}, {"steps": 2}, {"negative_prompt": "blue"}, {"size": 16}):
        other = build("inpainting", **{"steps": STEPS, **changed}).design([designed("a")])[0]
        assert other.shape == plain.shape
        assert (other != plain).any(), changed
    adapter = str(folder_of("ip_adapter"))
    unmoved = build("inpainting", steps=STEPS, adapter=adapter, adapter_scale=0)
    np.testing.assert_array_equal(*(unmoved.try_on([dressed("a", garment=g)])[0] for g in (100, 101)))


def test_photos_of_any_size_come_back_at_their_size(designer):
    for size in ((25, 33), (1, 1), (7, 40)):
        mask = Image.new("L", size, 255)
        made = designer.design([DesignItem("a", photo(2, size), "dress", None, {"agnostic-mask": mask})])[0]
        assert made.shape == (size[1], size[0], 3)


def test_a_pipeline_that_was_not_made_to_inpaint_and_half_precision_do_too(copied):
    from diffusers import UNet2DConditionModel

    folder = copied["inpainting"]
    config = dict(UNet2DConditionModel.load_config(folder / "unet"))
    UNet2DConditionModel.from_config({**config, "in_channels": 4}).save_pretrained(folder / "unet")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "_class_name": "StableDiffusionPipeline"}))
    spec = Plugins(strict=True).describe_backend(f"hf:{folder}", {})
    options = {**spec.options, "steps": STEPS, "dtype": "bfloat16"}
    backend = resolve(spec.target)(BackendContext(options=options, seed=0, device="cpu", cache=folder))
    made = backend.design([designed("a")])[0]
    assert made.std() > 5
    assert backend.preprocessing["pipeline"] == "StableDiffusionInpaintPipeline"


def test_without_a_mask_it_is_refused(designer):
    with pytest.raises(BackendError, match="a has no agnostic mask"):
        designer.design([DesignItem("a", photo(1), "dress", None, {})])


def test_an_adapter_makes_a_designer_a_dresser(folder_of, copied):
    plugins = Plugins(strict=True)
    address = f"hf:{folder_of('inpainting')}"
    assert plugins.describe_backend(address, {}).capabilities == {"design"}
    spec = plugins.describe_backend(address, {"adapter": str(folder_of("ip_adapter"))})
    assert spec.capabilities == {"try-on"}
    assert spec.models == ("model", "adapter")
    index = copied["inpainting"] / "model_index.json"
    index.write_text(json.dumps({**json.loads(index.read_text()), "_class_name": "FluxFillPipeline"}))
    with pytest.raises(ConfigError, match="FluxFillPipeline, that does not inpaint by words"):
        family_of(copied["inpainting"])


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_part_that_is_missing_is_named(part, copied):
    shutil.rmtree(copied["inpainting"] / part)
    with pytest.raises(BackendError, match=f"has no {part}, which its model_index.json names"):
        load_pipeline(read_options({"model": str(copied["inpainting"])}), "cpu")


@pytest.mark.parametrize(
    ("part", "file"),
    [("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model"), ("text_encoder", "model")],
)
def test_a_weight_that_is_missing_is_named_and_not_drawn(part, file, copied):
    path = copied["inpainting"] / part / f"{file}.safetensors"
    weights = load_file(path)
    lost = min(name for name in weights if name.endswith(".bias"))
    save_file({name: value for name, value in weights.items() if name != lost}, path, {"format": "pt"})
    with pytest.raises(BackendError, match="has no weights, or weights of another shape, for") as caught:
        load_pipeline(read_options({"model": str(copied["inpainting"])}), "cpu")
    assert lost.rpartition("text_model.")[2] in str(caught.value)


def test_what_an_adapter_lacks_is_named(build, copied):
    folder = copied["ip_adapter"]

    def load(**more):
        return build("inpainting", steps=1, adapter=str(folder), **more)

    with pytest.raises(BackendError, match="has no plus.safetensors"):
        load(adapter_file="plus.safetensors")
    shutil.copy(folder / "ip-adapter_tiny.safetensors", folder / "second.safetensors")
    with pytest.raises(BackendError, match=r"holds ip-adapter_tiny.safetensors, second.safetensors"):
        load()
    assert "second.safetensors" in load(adapter_file="second.safetensors").preprocessing["adapter"]
    weights = load_file(folder / "second.safetensors")
    save_file({k: v for k, v in weights.items() if ".7." not in k}, folder / "second.safetensors")
    with pytest.raises(BackendError, match=r"IP-Adapter in .*second.safetensors cannot be loaded, KeyError"):
        load(adapter_file="second.safetensors")
    shutil.rmtree(folder / "image_encoder")
    with pytest.raises(BackendError, match="has no image_encoder/config.json"):
        load(adapter_file="ip-adapter_tiny.safetensors")


@pytest.mark.parametrize("given", [{"steps": 0}, {"size": -1}, {"guidance": -0.5}, {"adapter_scale": -1}])
def test_options_out_of_range_are_refused(given):
    with pytest.raises(ConfigError, match="steps is less than 1, or"):
        read_options(given)


def test_a_run_dresses_persons_and_the_adapter_s_weights_are_part_of_the_cell(copied, tmp_path):
    data = tryon_folder.write(tmp_path / "viton-hd")
    options = {"adapter": str(copied["ip_adapter"]), "steps": 1, "guidance": 2, "size": 64}
    run = {
        "tasks": "viton-hd/paired", "limit": 1, "data": {"viton-hd": data},
        "backends": {"id": f"hf:{copied['inpainting']}", "options": options},
    }  # fmt: skip
    (first,) = fashionbench.run(run, store=tmp_path / "results")
    assert first.error is None
    assert first.metric("ssim").n == 1
    assert first.backend.preprocessing["adapter"].startswith("ip-adapter_tiny.safetensors")
    assert str(tmp_path) not in first.model_dump_json()
    (again,) = fashionbench.run(run, store=tmp_path / "results")
    assert again.record_id == first.record_id
    weights = load_file(copied["ip_adapter"] / "ip-adapter_tiny.safetensors")
    weights["image_proj.proj.bias"] += 1
    save_file(weights, copied["ip_adapter"] / "ip-adapter_tiny.safetensors")
    (other,) = fashionbench.run(run, store=tmp_path / "results")
    assert other.backend.config_hash != first.backend.config_hash
