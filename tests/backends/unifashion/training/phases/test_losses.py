"""Losses of the phases: they can be minimised, and are those of the model's parts."""

from __future__ import annotations

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

import torch

from fashionbench.errors import BackendError
from fashionbench_unifashion.losses import hard_negatives, losses
from fashionbench_unifashion.training.batch_sampler import batch_of
from fashionbench_unifashion.training.phases.base import evenly, mirrored
from fashionbench_unifashion.training.phases.registry import make_phase, train_only


@pytest.fixture(scope="module")
def nano(training, tmp_path_factory):
    """A vision encoder that does not learn, so that its tokens are kept."""
    changes = {"vision": {"trainable": False}, "qformer": {"dropout": 0.0}}
    return training(tmp_path_factory.mktemp("still"), model={"changes": changes}, limit=None)


def phase_of(nano, name, **changes):
    phase = nano.recipe.phases[name].model_copy(update=changes)
    parameters = train_only(nano.model, phase)
    return make_phase(name, phase, nano._inputs).train(), parameters, phase


@pytest.mark.slow
@pytest.mark.parametrize(("weights", "name", "share"), [({"itm": 0, "itg": 0}, "itc", 0.6), ({}, "itg", 0.8)])
def test_contrast_goes_down(training, tmp_path, weights, name, share):
    changes = {"vision": {"trainable": False}, "qformer": {"dropout": 0.0}}
    nano = training(tmp_path, model={"changes": changes}, limit=16)
    learner, parameters, phase = phase_of(nano, "1a", weights=losses.LossWeights(**weights))
    optimiser = torch.optim.AdamW(list(parameters.values()), lr=3e-3)
    rows, seen = nano.examples.pairs, []
    for step in range(120):
        found = learner(batch_of(rows, step, 16, 0, "1a"), step)
        losses.total(found, phase.weights).backward()
        torch.nn.utils.clip_grad_norm_(list(parameters.values()), phase.clip)
        optimiser.step()
        optimiser.zero_grad()
        seen.append(found[name].item())
    assert sum(seen[-10:]) < share * sum(seen[:10])


def test_the_contrast_may_be_learnt_alone_before_the_others_join(nano):
    learner, _, phase = phase_of(nano, "1a", steps=10, contrast_first=0.4)
    assert phase.contrast_first == 0.4
    seen = []
    for step in (0, 3, 4, 9):
        learner.begin_step(step)
        with torch.no_grad():
            seen.append(set(learner(nano.examples.pairs[:6], 0)))
    assert seen == [{"itc"}, {"itc"}, {"itc", "itm", "itg"}, {"itc", "itm", "itg"}]


@pytest.mark.parametrize("name", ["1a", "1b-language", "2"])
def test_features_in_chunks_give_the_same_losses_and_gradients_and_keep_less(nano, name):
    batch = (nano.examples.triplets if name == "2" else nano.examples.pairs)[:7]
    changes = {"qformer": "trained"} if name == "1b-language" else {}
    found, gradients, kept = [], [], []
    for chunk in (None, 2, 3):
        learner, parameters, _ = phase_of(nano, name, feature_chunk=chunk, replay=1.0, replay_pairs=7, **changes)
        learner.begin_step(0)
        sizes = []

        def keep(tensor, sizes=sizes):
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            values = learner(batch, 3)
        learner.total(values).backward()
        found.append({key: value.item() for key, value in values.items()})
        gradients.append({key: p.grad.clone() for key, p in parameters.items() if p.grad is not None})
        kept.append(sum(sizes))
        nano.model.zero_grad(set_to_none=True)
    for other, grads in zip(found[1:], gradients[1:], strict=True):
        assert other == pytest.approx(found[0], rel=1e-5)
        assert grads.keys() == gradients[0].keys()
        for key, value in grads.items():
            torch.testing.assert_close(value, gradients[0][key], rtol=1e-3, atol=1e-5)
    assert max(kept[1:]) < kept[0]


@torch.no_grad()
@pytest.mark.parametrize(("name", "first"), [("1a", 4), ("2", 0)])
def test_negatives_are_drawn_of_all_at_first_and_by_similarity_in_the_end(nano, monkeypatch, name, first):
    learner, _, _ = phase_of(nano, name, steps=10, contrast_first=0.4 if first else 0.0, negatives="rising")
    fixed, _, _ = phase_of(nano, name, steps=10)
    seen = []
    true = hard_negatives.draw
    monkeypatch.setattr(hard_negatives, "draw", lambda logits, *a, **k: seen.append(logits) or true(logits, *a, **k))
    batch = (nano.examples.pairs if name == "1a" else nano.examples.triplets)[:6]
    for step in (first, (first + 10) // 2, 10):
        learner.eval().begin_step(step)
        learner(batch, 0)
    fixed.eval().begin_step(10)
    fixed(batch, 0)
    begins, half, ends, always = seen[0], seen[2], seen[4], seen[6]
    assert begins.unique().tolist() == [0.0]
    torch.testing.assert_close(half, always / 2)
    torch.testing.assert_close(ends, always)


@torch.no_grad()
def test_text_is_generated_of_some_examples_and_the_contrast_stays_that_of_all(nano):
    few, _, _ = phase_of(nano, "1a", itg_examples=2)
    every, _, _ = phase_of(nano, "1a", itg_examples=None)
    batch = nano.examples.pairs[:6]
    some, whole = few.eval()(batch, 0), every.eval()(batch, 0)
    cut = nano.model.texts([example.text for example in batch])
    chosen = [0, 3]
    tokens = nano.feature_cache.tokens([batch[at].image for at in chosen])
    logits = nano.model.qformer.decode(tokens, cut.ids[chosen], cut.mask[chosen])
    expected = losses.itg(logits, cut.ids[chosen], cut.mask[chosen])
    assert some["itg"].item() == pytest.approx(expected.item(), rel=1e-5) != whole["itg"].item()
    assert some["itc"].item() == pytest.approx(whole["itc"].item(), rel=1e-5)
    assert some["itm"].item() == pytest.approx(whole["itm"].item(), rel=1e-5)


@torch.no_grad()
def test_a_trained_q_former_replays_the_contrast_of_its_pairs_and_a_frozen_one_does_not(nano):
    batch = nano.examples.pairs[:6]
    frozen, _, _ = phase_of(nano, "1b-language")
    assert set(frozen.eval()(batch, 0)) == {"answer"}
    learner, _, _ = phase_of(nano, "1b-language", qformer="trained", replay=2.0)
    found = learner.eval()(batch, 0)
    contrast, _, _ = phase_of(nano, "1a")
    assert found["replay"].item() == pytest.approx(contrast.eval()(batch, 0)["itc"].item(), rel=1e-5)
    assert learner.total(found).item() == pytest.approx(found["answer"].item() + 2 * found["replay"].item(), rel=1e-5)
    # Beside its own pairs, some of all tasks.
    more, _, _ = phase_of(nano, "1b-language", qformer="trained", replay=2.0, replay_pairs=5)
    one, again, other = (more.eval()(batch, seed) for seed in (1, 1, 2))
    assert one["replay"].item() == pytest.approx(found["replay"].item(), rel=1e-5)
    assert one["replay of pairs"].item() == again["replay of pairs"].item() != other["replay of pairs"].item()


@torch.no_grad()
def test_phase_2_replays_pairs_of_its_own_draw(nano):
    learner, _, _ = phase_of(nano, "2", replay=1.0, replay_pairs=5)
    batch = nano.examples.triplets[:4]
    one, again, other = (learner.eval()(batch, seed)["replay of pairs"].item() for seed in (1, 1, 2))
    assert one == again != other
    without, _, _ = phase_of(nano, "2", replay=1.0, replay_pairs=0)
    assert "replay of pairs" not in without.eval()(batch, 1)


@torch.no_grad()
@pytest.mark.parametrize(("shown", "sees"), [("target", False), ("reference-and-text", True)])
def test_matching_sees_the_reference_where_it_is_shown(nano, monkeypatch, shown, sees):
    learner, _, _ = phase_of(nano, "2")
    monkeypatch.setattr(nano.model, "config", nano.model.config.model_copy(update={"itm_inputs": shown}))
    seen = []
    true = nano.model.qformer.match
    monkeypatch.setattr(nano.model.qformer, "match", lambda *given: seen.append(given) or true(*given))
    learner.eval()(nano.examples.triplets[:4], 0)
    tokens, ids, mask, queries = seen[0]
    assert isinstance(queries, torch.Tensor) == sees and len(tokens) == len(ids) == len(mask)
    if sees:
        # The states of a pair are those of the reference whose text stands in it.
        batch = nano.examples.triplets[:4]
        cut = nano.model.texts([example.text for example in batch])
        references = nano.feature_cache.tokens([example.reference for example in batch])
        states = nano.model.qformer.fused(references, cut.ids, cut.mask, "reference").queries
        for row in range(len(ids)):
            which = next(at for at in range(4) if torch.equal(cut.ids[at], ids[row]))
            torch.testing.assert_close(queries[row], states[which])


@torch.no_grad()
def test_the_contrast_of_a_batch_is_that_of_its_features(nano):
    learner, _, _ = phase_of(nano, "1a")
    batch = nano.examples.pairs[:6]
    found = learner.eval()(batch, 0)
    qformer, cut = nano.model.qformer, nano.model.texts([example.text for example in batch])
    images = qformer.image_features(nano.feature_cache.tokens([example.image for example in batch]), "reference")
    scores = (images @ qformer.text_features(cut.ids, cut.mask).T).amax(dim=1) / qformer.temperature
    assert len({example.product for example in batch}) == len({example.text for example in batch}) == 6
    right = torch.arange(6)
    expected = (
        torch.nn.functional.cross_entropy(scores, right) + torch.nn.functional.cross_entropy(scores.T, right)
    ) / 2
    assert found["itc"].item() == pytest.approx(expected.item(), rel=1e-5)
    assert found.keys() == {"itc", "itm", "itg"}


def test_a_batch_gives_the_same_losses_again_and_another_seed_others(nano):
    for name, rows in (
        ("2", nano.examples.triplets),
        ("1b-diffusion", nano.examples.pairs),
        ("try-on", nano.examples.tryon_examples),
    ):
        learner, _, _ = phase_of(nano, name)
        one, two, other = (learner(rows[:4], seed) for seed in (5, 5, 6))
        assert {key: value.item() for key, value in one.items()} == {key: value.item() for key, value in two.items()}
        assert one["q2i"].item() != other["q2i"].item()


def test_the_composed_phase_has_every_loss_and_trains_the_q_former_only(nano):
    learner, parameters, _ = phase_of(nano, "2", replay=1.0)
    found = learner([example for example in nano.examples.triplets if example.caption][:6], 0)
    assert found.keys() >= {"itc", "itm", "caption", "replay", "answer", "q2i"}
    for name in ("answer", "q2i"):
        gradients = torch.autograd.grad(found[name], nano.model.qformer.reference, retain_graph=True)
        assert gradients[0].abs().max() > 0
    assert not any(value.requires_grad for value in nano.model.language.parameters())
    assert not any(name.startswith(("language", "diffusion")) for name in parameters)


def test_a_weight_of_zero_leaves_a_generator_alone(nano):
    weights = losses.LossWeights(answer=0, q2i=0)
    learner, _, _ = phase_of(nano, "2", weights=weights)
    assert not {"answer", "q2i"} & learner(nano.examples.triplets[:4], 0).keys()


def test_generators_see_so_many_examples_of_a_batch(nano):
    described = [example for example in nano.examples.triplets if example.caption][:6]
    few, _, _ = phase_of(nano, "2", lm_examples=2)
    every, _, _ = phase_of(nano, "2")
    with torch.no_grad():
        some, whole = few.eval()(described, 0), every.eval()(described, 0)
        fused = nano.model.texts([example.text for example in described])
        tokens = nano.feature_cache.tokens([example.reference for example in described])
        states = nano.model.qformer.fused(tokens, fused.ids, fused.mask, "reference").queries
        chosen = [described[0], described[3]]
        answers = nano.model.language.answers(
            nano.model.prompt_of(states[[0, 3]]), [x.instruction for x in chosen], [x.caption for x in chosen]
        )
    expected = losses.answer_loss(answers.logits, answers.labels)
    assert some["answer"].item() == pytest.approx(expected.item(), rel=1e-5)
    assert some["answer"].item() != whole["answer"].item()
    assert some["itc"].item() == whole["itc"].item()


def test_rows_at_even_distances():
    assert evenly(range(8), None) == evenly(range(8), 9) == list(range(8))
    assert evenly(range(8), 4) == [0, 2, 4, 6]
    assert evenly([1, 5, 7], 2) == [1, 5]


def test_a_batch_of_one_product_has_nothing_to_contrast(nano):
    learner, _, _ = phase_of(nano, "1a")
    with pytest.raises(BackendError, match="has a negative"):
        learner([nano.examples.pairs[0]] * 4, 0)


def test_mirroring_is_for_training_alone(nano):
    learner, _, _ = phase_of(nano, "1b-diffusion")
    from fashionbench_unifashion.diffusion.batch_rng import BatchRng

    images = torch.arange(64.0).view(8, 1, 2, 4)
    turned = mirrored(learner, images, BatchRng(torch.Generator().manual_seed(0)))
    flipped = [not torch.equal(one, two) for one, two in zip(turned, images, strict=True)]
    assert 0 < sum(flipped) < 8
    for at, flip in enumerate(flipped):
        assert torch.equal(turned[at], images[at].flip(-1) if flip else images[at])
    assert torch.equal(mirrored(learner.eval(), images, BatchRng(torch.Generator().manual_seed(0))), images)


@pytest.mark.parametrize("name", ["1a", "1b-language", "1b-diffusion", "2", "try-on"])
def test_mixed_precision_gives_about_the_same_losses(nano, name):
    rows = {"2": nano.examples.triplets, "try-on": nano.examples.tryon_examples}.get(name, nano.examples.pairs)[:4]
    learner, _, _ = phase_of(nano, name)
    with torch.no_grad():
        whole = learner(rows, 0)
        with torch.autocast("cpu", torch.bfloat16):
            mixed = learner(rows, 0)
    assert whole.keys() == mixed.keys()
    for key, value in whole.items():
        assert mixed[key].item() == pytest.approx(value.item(), rel=0.1, abs=0.05), key
