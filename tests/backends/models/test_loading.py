"""Loading of models: what is not there, a device or a file, is said in one line."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

import tiny_models

from fashionbench.errors import BackendError, ConfigError
from fashionbench.specs.base import resolve
from fashionbench.specs.capabilities import BackendContext
from fashionbench_models.description import describe
from fashionbench_models.loading import load_model
from fashionbench_models.options import ModelOptions


def test_a_device_that_is_not_there_is_named_with_what_to_do(tmp_path):
    from transformers import AutoModel

    tiny_models.clip(tmp_path)
    with pytest.raises(ConfigError, match="cannot be put on the device cuda:99.*leave the option device out"):
        load_model(AutoModel, ModelOptions(model=str(tmp_path)), "cuda:99")


#: A file that is taken out of a tiny model, and what is said of it.
LACKING = {
    "no weights": ("clip", "model.safetensors", "the folder has no model.safetensors or pytorch_model.bin"),
    "two towers": ("clip", "preprocessor_config.json", "the folder has no preprocessor_config.json or processor_con"),
    "a vision tower": ("dinov2", "preprocessor_config.json", "the folder has no preprocessor_config.json or process"),
    "a captioner": ("llava", "processor_config.json", "the folder has no preprocessor_config.json or processor_conf"),
    "its words": ("llava", "tokenizer.json", "the folder has no tokenizer.json or vocab.txt"),
    "BLIP-2": ("blip2_itm", "tokenizer.json", "the folder has no tokenizer.json or vocab.txt"),
    "sentence-transformers": ("sentence_transformers", "processor_config.json", "has no preprocessor_config.json or"),
    "its vocabulary": ("sentence_transformers", "tokenizer.json", "makes '' of 'a red dress'"),
    "words of a pipeline": ("inpainting", "tokenizer/tokenizer.json", "makes '' of 'a red dress'"),
}


@pytest.mark.parametrize(("kind", "file", "said"), LACKING.values(), ids=LACKING)
def test_a_file_that_lacks_is_named_with_its_folder_and_what_to_do(kind, file, said, tmp_path):
    """Instead of what transformers says, or of a tokenizer that knows no words and says nothing."""
    if kind == "sentence_transformers":
        pytest.importorskip("sentence_transformers")
    getattr(tiny_models, kind)(tmp_path)
    (tmp_path / file).unlink()
    spec = describe(str(tmp_path), {})
    with pytest.raises(BackendError) as caught:
        resolve(spec.target)(BackendContext({**spec.options, "model": str(tmp_path)}, 0, "cpu", tmp_path / "cache"))
    assert said in caught.value.message
    assert str(tmp_path) in caught.value.message
    assert "huggingface.co" not in str(caught.value)
    assert "download" in caught.value.remedy


def test_a_part_of_the_weights_that_lacks_is_named(tmp_path):
    from transformers import AutoModel

    tiny_models.clip(tmp_path)
    model = AutoModel.from_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    shards = sorted(path.name for path in tmp_path.glob("model-*.safetensors"))
    (tmp_path / shards[1]).unlink()
    with pytest.raises(BackendError, match=f"the folder has no {shards[1]}, which model.safetensors.index.json names"):
        load_model(AutoModel, ModelOptions(model=str(tmp_path)), "cpu")
