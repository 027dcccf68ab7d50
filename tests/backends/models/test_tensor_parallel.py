"""A model that two processes share by tensor parallelism, on CPUs by gloo: the answers of one process."""

from __future__ import annotations

import gc

import numpy as np
import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

import psutil
import torch
from transformers import AutoModelForImageTextToText

from fashionbench.errors import BackendError, ConfigError
from fashionbench_models.loading import load_model
from fashionbench_models.options import ModelOptions

on_cpus = pytest.mark.skipif(torch.accelerator.is_available(), reason="transformers takes the GPUs that there are")


@on_cpus
@pytest.mark.slow
def test_two_processes_answer_as_one_and_end_with_the_model(build, images, texts):
    captioner = build("llava", max_new_tokens=6, tensor_parallel=2)
    (other,) = captioner._model._processes
    whole = build("llava", max_new_tokens=6)
    assert captioner.caption(images, "a red dress") == whole.caption(images, "a red dress")
    assert captioner.parameters == whole.parameters
    # By transformers' plan for Llama: the layers' seven matrices (and the words), and what gives the logits.
    config = whole._model.config.text_config
    wide, deep = config.hidden_size, config.intermediate_size
    divided = config.num_hidden_layers * (4 * wide * wide + 3 * wide * deep) + 2 * config.vocab_size * wide
    said = f"2 processes, gloo on cpu; {divided} of {whole.parameters} parameters divided"
    assert captioner.preprocessing["tensor parallel"] == said
    # Of a matrix of the decoder this process has half.
    shape = captioner._model.model.model.language_model.layers[0].mlp.up_proj.weight.to_local().shape
    assert shape == (deep // 2, wide)

    del captioner
    gc.collect()
    assert other.poll() is not None
    embedder, alone = build("llava", pooling="mean", tensor_parallel=2), build("llava", pooling="mean")
    for name, items in (("encode_images", images), ("encode_texts", texts)):
        np.testing.assert_allclose(
            getattr(embedder, name)(items, "query"), getattr(alone, name)(items, "query"), atol=1e-5
        )

    with pytest.raises(BackendError, match="takes part in a tensor-parallel model already"):
        build("llava", tensor_parallel=2)
    (other,) = embedder._model._processes
    psutil.Process(other.pid).kill()
    with pytest.raises(BackendError, match="process 2 of the 2 that share the model ended with the code -9"):
        embedder.encode_texts(texts, "query")
    with pytest.raises(BackendError, match="was ended when it failed before"):
        embedder.encode_texts(texts, "query")
    assert not torch.distributed.is_initialized()


def test_what_cannot_be_divided_so_is_refused_before_a_process_is_started(folder_of, plugins):
    def load(kind, device="cpu"):
        load_model(AutoModelForImageTextToText, ModelOptions(model=str(folder_of(kind)), tensor_parallel=2), device)

    before = psutil.Process().children()  # of other tests
    with pytest.raises(BackendError, match="no plan to divide the layers of Blip2ForCond") as caught:
        load("blip2_captioner")
    assert "device_map=auto" in caught.value.remedy
    with pytest.raises(ConfigError, match="tensor_parallel=2 on cuda:0 needs 2 devices"):
        load("llava", "cuda:0")
    assert set(psutil.Process().children()) <= set(before)
    address = f"hf:{folder_of('llava')}"
    assert plugins.describe_backend(address, {"tensor_parallel": 4}).resources.gpus == 4
    assert "tensor_parallel" not in plugins.describe_backend(f"hf:{folder_of('clip')}", {}).options
    for given, said in (
        ({"tensor_parallel": 0}, "is 0"),
        ({"tensor_parallel": 2, "device_map": "auto"}, "has its own"),
    ):
        with pytest.raises(ConfigError, match=said):
            plugins.describe_backend(address, given)
