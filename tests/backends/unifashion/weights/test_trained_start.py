"""A model that was trained here as the start of another one."""

from __future__ import annotations

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

import torch

from fashionbench.errors import BackendError, ConfigError

ONE_STEP = {"phases": {name: {"steps": 1} for name in ("vae", "1a", "1b-language", "1b-diffusion", "2", "try-on")}}


def start(trained, **model):
    return {"model": {"init_from": str(trained.out / "model"), **model}}


def test_a_training_begins_with_the_weights_and_words_of_a_trained_model(trained, training, tmp_path):
    again = training(tmp_path, **start(trained))
    assert again.model.pieces.vocabulary == trained.model.pieces.vocabulary
    state = trained.model.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in again.model.state_dict().items())


def test_parts_may_be_chosen_and_others_begin_anew(trained, training, tmp_path):
    fresh = training(tmp_path / "fresh").model.state_dict()
    again = training(tmp_path / "again", **start(trained, init_parts=["qformer", "ln_vision"])).model.state_dict()
    state = trained.model.state_dict()
    taken = {
        name for name in state if torch.equal(again[name], state[name]) and not torch.equal(fresh[name], state[name])
    }
    assert taken and all(name.startswith(("qformer.", "vision.ln_vision.")) for name in taken)
    assert torch.equal(again["language_adapter.body.weight"], fresh["language_adapter.body.weight"])


def test_another_number_of_queries_is_fitted_and_said(trained, training, tmp_path):
    want = trained.model.config.qformer.queries + 2
    changes = start(trained, init_parts=["qformer"], changes={"qformer": {"queries": want}})
    again = training(tmp_path, **changes)
    assert len(again.model.qformer.reference) == want
    assert torch.equal(again.model.qformer.reference[:-2], trained.model.qformer.reference)


def test_another_size_and_an_absent_part_are_refused(trained, training, tmp_path):
    with pytest.raises(BackendError, match="qformer of .* does not fit QFormer"):
        training(tmp_path / "size", **start(trained, changes={"qformer": {"ffn": 40}}))
    with pytest.raises(ConfigError, match="init_parts: language of .* not to be had"):
        training(tmp_path / "part", **start(trained, init_parts=["language"], changes={"language": None}))


def test_another_start_in_the_same_folder_is_another_training(trained, training, tmp_path):
    training(tmp_path / "one", **start(trained))
    other = tmp_path / "model"
    trained.model.save(other)
    training(tmp_path / "one", **start(trained))
    (tmp_path / "one" / "phases").mkdir()  # it has begun
    with pytest.raises(ConfigError, match="another recipe, or of other data"):
        training(tmp_path / "one")
