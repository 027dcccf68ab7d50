"""What looks inside a model: each planted fault is named by it, and the numbers are those of the parts themselves."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn import functional

from fashionbench.diagnostics.retrieval import measure_retrieval
from fashionbench.diagnostics.system import Subject, System
from fashionbench.plugins.manager import Plugins
from fashionbench.progress import Silent
from fashionbench.specs.capabilities import BackendContext
from fashionbench_unifashion.backend import UniFashionBackend
from fashionbench_unifashion.diagnosis import matching_loss, plain_text
from fashionbench_unifashion.diagnosis.adapters import is_same, measure_adapters
from fashionbench_unifashion.diagnosis.alignments import measure_alignments
from fashionbench_unifashion.diagnosis.condition import measure_condition
from fashionbench_unifashion.diagnosis.matching_loss import measure_matching_loss
from fashionbench_unifashion.diagnosis.phase_weights import after_each_phase, phase_files
from fashionbench_unifashion.diagnosis.plain_text import measure_plain_text
from fashionbench_unifashion.diagnosis.queries import measure_queries
from fashionbench_unifashion.diagnosis.representations import CONDITION, PROMPT, STATES, WORDS, represent
from fashionbench_unifashion.diagnosis.untrained import new_model
from fashionbench_unifashion.model.unifashion import load

pytestmark = pytest.mark.slow


def faults(measurements):
    return {one.id: one.verdict.fault for one in measurements if one.verdict.level == "fault"}


def zero(adapter):
    def change(model):
        for value in getattr(model, adapter).body.parameters():
            value.zero_()

    return change


@pytest.fixture(scope="module")
def sound(probed):
    """The measurements of the model as it was trained."""
    asked = probed()
    families = (measure_queries, measure_adapters, measure_alignments, measure_condition)
    return {one.id: one for family in families for one in family(asked)}


def test_an_adapter_of_zeros_is_named_and_the_other_is_not(broken, probed, sound):
    asked = probed(broken(zero("language_adapter")))
    found = faults([*measure_adapters(asked), *measure_alignments(asked)])
    named = {name for name, fault in found.items() if fault == "adapter of zeros"}
    assert named == {"language-adapter-attributes", "language-adapter-lost", "cka-language", "neighbours-language"}
    assert "adapter of zeros" not in faults(sound.values()).values()


@pytest.mark.parametrize("value", [0.0, 0.3, 1e-12, 1e9])
def test_one_output_for_every_image_is_told_from_outputs_that_differ(value):
    rows = np.full((20, 5), value)
    assert is_same(rows)
    rows[3, 2] += 0.01 * max(value, 1.0)
    assert not is_same(rows)


@pytest.mark.parametrize(("factor", "fault"), [(1.0, "frozen queries"), (1.5, "")])
def test_queries_of_their_first_values_are_named_and_those_that_moved_are_not(factor, fault, broken, probed, trained):
    def change(model):
        model.qformer.reference.copy_(factor * new_model(model, trained.recipe.seed).qformer.reference)

    found = {one.id: one for one in measure_queries(probed(broken(change)))}
    assert found["queries-moved"].verdict.fault == fault
    assert found["queries-moved"].estimate.value == pytest.approx(factor - 1)


def test_equal_queries_are_named_by_what_they_see(broken, probed, nano_sample):
    def change(model):
        model.qformer.reference.copy_(model.qformer.reference[:1].expand_as(model.qformer.reference))

    spec = Plugins(strict=True).backends["unifashion"]
    context = BackendContext({"model": str(broken(change))}, 0, "cpu", Path())
    system = System(spec, UniFashionBackend(context), "cpu", Silent())
    found = faults(measure_retrieval(Subject(system, None, "none", nano_sample, 0)))
    assert found["query-redundancy"] == found["query-rank"] == "frozen queries"


def test_how_far_queries_moved_is_unknown_without_the_recipe(broken, probed):
    folder = broken(lambda model: None)
    (folder / "training.json").unlink()
    (one,) = [one for one in measure_queries(probed(folder)) if one.id == "queries-moved"]
    assert one.estimate is None and "recipe" in one.verdict.words


def test_the_untrained_model_keeps_its_eyes_and_nothing_that_a_phase_taught(trained, untrained):
    folder, said = untrained
    before, after = load(folder).state_dict(), load(trained.result.model).state_dict()
    same = {name for name, value in after.items() if torch.equal(value, before[name])}
    learnt = {
        "qformer.reference",
        "language_adapter.body.weight",
        "diffusion_adapter.body.weight",
        "qformer.words.weight",
    }
    assert {name for name in after if name.startswith("diffusion.vae.")} <= same
    assert not learnt & same
    # The nano model trains its own small encoder of images.
    assert not any(name.startswith("vision.network.") and name.endswith("proj.weight") for name in same)
    assert "autoencoder" in said and "vision" not in said and "seed 1" in said


def test_a_condition_that_the_unet_does_not_read_has_no_effect(broken, probed, sound):
    def change(model):
        for name, value in model.diffusion.unet.named_parameters():
            if "attn2.to_out" in name:
                value.zero_()

    found = {one.id: one for one in measure_condition(probed(broken(change)))}
    for way in ("condition-left-out", "condition-shuffled"):
        assert found[way].verdict.fault == "condition has no effect"
        assert found[way].estimate.value == pytest.approx(0, abs=1e-4)
    swapped = found["condition-swapped"]
    assert (
        swapped.estimate.value == pytest.approx(swapped.shuffled.estimate.value, abs=1e-6)
        and swapped.estimate.value > 0
    )
    assert sound["condition-left-out"].estimate.value > 0


def test_the_loss_of_matching_is_that_of_the_pairs_themselves(trained, probed, nano_sample):
    (found,) = measure_matching_loss(probed())
    model, pairs = load(trained.result.model), nano_sample.tasks[0].held[:24]
    with torch.no_grad():
        tokens, cut = model.tokens([one.open().image for one in pairs]), model.texts([one.text for one in pairs])
        images, texts = model.qformer.image_features(tokens, "reference"), model.qformer.text_features(*cut[:2])
        scores = torch.einsum("nqe,me->nmq", images, texts).amax(-1).fill_diagonal_(-9)
        rows = []
        for at in range(len(pairs)):
            wanted = ((at, at, 1), (at, int(scores[at].argmax()), 0), (int(scores[:, at].argmax()), at, 0))
            for image, text, label in wanted:
                logits = model.qformer.match(tokens[[image]], cut.ids[[text]], cut.mask[[text]])
                rows.append(float(functional.cross_entropy(logits, torch.tensor([label]))))
    assert found.estimate.value == pytest.approx(np.mean(rows), rel=1e-4)


def test_matching_that_says_the_prior_of_every_pair_is_named_with_its_entropy(broken, probed):
    def change(model):
        model.qformer.itm_head.weight.zero_()
        model.qformer.itm_head.bias.copy_(torch.tensor([math.log(2), 0.0]))

    (found,) = measure_matching_loss(probed(broken(change)))
    assert found.estimate.value == pytest.approx(math.log(3) - 2 / 3 * math.log(2))
    assert found.verdict.fault == "matching at chance" and "0.6365" in found.verdict.words


def test_losses_of_three_pairs_are_cross_entropies():
    odds = np.array([[2.0, -1.0, 0.5]])
    logits = torch.tensor([[[0.0, value] for value in odds[0]]])[0]
    wanted = functional.cross_entropy(logits.float(), torch.tensor([1, 0, 0]))
    assert matching_loss._losses(odds, np.array([0])) == pytest.approx(float(wanted))


def test_representations_are_followed_through_the_phases_that_trained_them(trained, sound):
    assert list(phase_files(trained.result.model)) == list(trained.recipe.phases)
    (curve,) = sound["cka-language"].curves
    assert [name for name, _ in curve.points] == ["untrained", "1b-language", "1b-diffusion", "2", "try-on"]
    assert curve.points[-1][1] == pytest.approx(sound["cka-language"].estimate.value)
    assert curve.points[0][1] == pytest.approx(sound["cka-language"].untrained.estimate.value)


def test_after_the_last_phase_the_model_is_the_one_that_was_kept(trained):
    known = set()
    for name, model, learnt in after_each_phase(trained.result.model, "cpu"):
        assert known <= learnt
        known = learnt
        stored = load_file(phase_files(trained.result.model)[name])
        state = model.state_dict()
        assert all(torch.equal(state[part], value) for part, value in stored.items())
    assert model.fingerprint() == load(trained.result.model).fingerprint()
    assert "qformer.reference" in known


def test_plain_text_costs_what_the_language_model_says(trained, probed):
    (found,) = measure_plain_text(probed())
    language = load(trained.result.model).language
    sentence = plain_text.plain_sentences()[0]
    ids = [language.tokenizer.bos_token_id or language.tokenizer.eos_token_id]
    ids += language.tokenizer(f" {sentence}", add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        shares = language.network(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
    total = -sum(float(shares[at, ids[at + 1]]) for at in range(len(ids) - 1))
    assert plain_text.costs(language, [sentence])[0] == pytest.approx(total / len(sentence), rel=1e-4)
    assert found.estimate.n == len(plain_text.plain_sentences()) == 48
    assert found.verdict.level == "described" and "forgetting" in found.verdict.words


def test_representations_are_those_of_each_model_though_photos_are_kept(trained, probed, nano_sample, broken):
    def change(model):
        model.vision.ln_vision.weight.mul_(2.0)

    asked, pairs = probed(broken(change)), nano_sample.tasks[0].held[:3]
    for folder in (trained.result.model, asked.folder):
        model = load(folder)
        with torch.no_grad():
            states = model.qformer.image(model.tokens([pair.open().image for pair in pairs]), "reference")
            found = represent(model, asked, pairs)
            assert found.whole[STATES] == pytest.approx(states.flatten(1).numpy(), abs=1e-5)
            assert found.whole[PROMPT] == pytest.approx(model.prompt_of(states).flatten(1).numpy(), abs=1e-5)
            assert found.mean[CONDITION] == pytest.approx(model.condition_of(states).mean(1).numpy(), abs=1e-5)
            wanted = model.language.mean_embeddings([pair.text for pair in pairs])
            assert found.mean[WORDS] == pytest.approx(wanted.numpy(), abs=1e-6)
