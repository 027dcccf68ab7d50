"""Loading of models: a device that is not there is said in one line."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

from tiny_models import clip

from fashionbench.errors import ConfigError
from fashionbench_models.loading import load_model
from fashionbench_models.options import ModelOptions


def test_a_device_that_is_not_there_is_named_with_what_to_do(tmp_path):
    from transformers import AutoModel

    clip(tmp_path)
    with pytest.raises(ConfigError, match="cannot be put on the device cuda:99.*leave the option device out"):
        load_model(AutoModel, ModelOptions(model=str(tmp_path)), "cuda:99")
