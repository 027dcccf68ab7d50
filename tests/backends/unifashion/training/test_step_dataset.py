"""What a step learns from: each image is decoded once, and the same comes whoever decodes."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

import torch
from torch.utils.data import get_worker_info

from fashionbench.data import image_files, images
from fashionbench.errors import BackendError, ConfigError, DataError
from fashionbench_unifashion.training import step_dataset
from fashionbench_unifashion.training.phases.registry import make_phase, train_only
from fashionbench_unifashion.training.recipe import load_recipe
from fashionbench_unifashion.training.step_dataset import StepDataset, step_parts, worker_count
from fashionbench_unifashion.training.trainer import Training

PHASES = ("vae", "1a", "1b-language", "1b-diffusion", "2", "try-on")


@pytest.fixture
def opened(monkeypatch):
    """Counts the files that are decoded."""
    count = Counter()
    true = image_files._decoded

    def counting(source, name, **options):
        count[name] += 1
        return true(source, name, **options)

    images.decoded.clear()
    monkeypatch.setattr(image_files, "_decoded", counting)
    return count


def phase_of(training, name, **changes):
    config = training.recipe.phases[name].model_copy(update=changes)
    train_only(training.model, config)
    return make_phase(name, config, training._inputs).train()


@pytest.fixture(scope="module")
def nothing_kept(training, tmp_path_factory):
    return training(tmp_path_factory.mktemp("nothing-kept"), keep_tokens=False)


@pytest.mark.parametrize("name", PHASES)
def test_an_image_is_decoded_once_a_step(nothing_kept, opened, name):
    changes = {"qformer": "trained", "replay": 1.0, "replay_pairs": 4} if name == "1b-language" else {}
    phase = phase_of(nothing_kept, name, **changes)
    assert phase.config.replay_pairs or name not in {"1b-language", "2"}
    phase.begin_step(phase.steps - 1)
    parts = step_parts(phase, 0, 0)
    for _ in range(2):
        opened.clear()
        part = next(parts)
        decoded = Counter(opened)
        with torch.no_grad(), phase.using(part.decoded):
            phase(part.examples, part.seed)
        # What was decoded is all that the losses ask for, and no file was opened twice.
        assert opened == decoded and set(opened.values()) == {1}
        if name == "2":
            wanted = {name for example in part.examples for name in (example.reference, example.target)}
            assert wanted <= part.decoded.images.encoder.keys()
            assert {example.target for example in part.examples} == part.decoded.images.small.keys()
    opened.clear()
    phase.eval()
    with torch.no_grad():
        phase.validation()
    if name not in {"1a", "2"}:  # those rank, and read what they rank
        assert set(opened.values()) == {1}


@pytest.mark.slow
def test_an_image_is_decoded_once_in_all_where_its_tokens_are_kept(training, tmp_path, opened):
    made = training(tmp_path, model={"changes": {"vision": {"trainable": False}}})
    opened.clear()
    made.run()
    assert len(opened) > 50 and set(opened.values()) == {1}


def weights(model):
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


class StoppedError(Exception):
    pass


class StoppingLog:
    """Stops a training after the first step of each phase."""

    def __init__(self, stopped):
        self._stopped = stopped

    def phase(self, name, folder):
        def track(step, values):
            folder.log(step, values)
            if step == 1 and name not in self._stopped:
                self._stopped.add(name)
                raise StoppedError

        return track


@pytest.mark.acceptance
def test_two_workers_train_the_same_weights_also_where_a_training_goes_on(trained, context, tmp_path):
    recipe, stopped = load_recipe("unifashion-nano", {}), set()
    for turn in range(len(PHASES) + 1):
        # It is stopped in each phase, and gone on with by another number of workers each time.
        made = Training(recipe, context(tmp_path, workers=2 if turn % 2 == 0 else 0))
        try:
            for number, (name, phase) in enumerate(recipe.phases.items()):
                made._phase(number, name, phase, StoppingLog(stopped))
        except StoppedError:
            continue
        break
    assert turn == len(PHASES)
    assert same(weights(made.model), weights(trained.model))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["2", "try-on"])
def test_parts_are_the_same_whatever_the_number_of_workers(nothing_kept, name):
    phase = phase_of(nothing_kept, name, accumulate=2)
    steps = StepDataset(phase)
    assert len(steps) == 2 * phase.steps
    alone, helped = (list(step_parts(phase, 1, workers)) for workers in (0, 2))
    assert len(alone) == len(helped) == len(steps) - 2
    for one, two in zip(alone, helped, strict=True):
        assert (one.examples, one.seed) == (two.examples, two.seed)
        assert same(one.decoded.images.encoder, two.decoded.images.encoder)
        assert same(one.decoded.images.small, two.decoded.images.small)
        assert one.decoded.tryon_examples.keys() == two.decoded.tryon_examples.keys()
        for example, read in one.decoded.tryon_examples.items():
            other = two.decoded.tryon_examples[example]
            assert torch.equal(read.image, other.image) and read.image.stride() == other.image.stride()
            assert torch.equal(read.conditions.agnostic, other.conditions.agnostic) and read.text == other.text


@pytest.mark.slow
def test_what_a_worker_cannot_read_is_said_as_if_there_was_none(nothing_kept, monkeypatch):
    phase = phase_of(nothing_kept, "1a")

    def unreadable(*_):
        raise DataError("the image a.png cannot be read", remedy="fetch the file again")

    monkeypatch.setattr(phase, "decode", unreadable)
    with pytest.raises(DataError) as caught:
        next(step_parts(phase, 0, 1))
    assert str(caught.value) == "the image a.png cannot be read (fetch the file again)"


@pytest.mark.slow
def test_a_worker_that_is_killed_is_named(nothing_kept, monkeypatch):
    phase = phase_of(nothing_kept, "1a")

    def killed(*_):
        assert get_worker_info() is not None
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(phase, "decode", killed)
    with pytest.raises(BackendError, match="a process that decodes images was lost: DataLoader worker") as caught:
        next(step_parts(phase, 0, 1))
    assert "fewer --workers" in caught.value.remedy


def test_workers_are_started_where_images_are_decoded_again_and_again(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _process: set(range(6)), raising=False)
    assert worker_count(None, kept=True) == 0
    assert worker_count(None, kept=False) == 3
    assert (worker_count(0, kept=False), worker_count(7, kept=True)) == (0, 7)
    monkeypatch.setattr(step_dataset.multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    assert worker_count(None, kept=False) == 0
    with pytest.raises(ConfigError, match="which this system cannot make"):
        worker_count(2, kept=False)
