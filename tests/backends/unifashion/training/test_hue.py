"""Turned hues: against colours by hand, and alike in all images of an example."""

from __future__ import annotations

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

import torch

from fashionbench_unifashion.diffusion.batch_rng import BatchRng
from fashionbench_unifashion.training.hue import turn_hue
from fashionbench_unifashion.training.phases.registry import make_phase, train_only


def colour(*rgb):
    return torch.tensor(rgb).view(1, 3, 1, 1)


def turn(image, turns):
    return turn_hue(image, torch.tensor([turns]))


def test_no_turn_and_a_whole_one_change_nothing_and_grey_stays_grey():
    image = 0.4 * torch.rand(1, 3, 5, 4, generator=torch.Generator().manual_seed(0)) - 0.2
    for turns in (0.0, 1.0):
        torch.testing.assert_close(turn(image, turns), image, atol=1e-5, rtol=0)
    torch.testing.assert_close(turn(colour(0.3, 0.3, 0.3), 0.37), colour(0.3, 0.3, 0.3), atol=1e-3, rtol=0)


def test_half_a_turn_gives_the_opposite_colour_of_the_same_luma():
    red = colour(0.2, -0.1, -0.1)
    luma = 0.299 * 0.2 - 0.587 * 0.1 - 0.114 * 0.1
    opposite = 2 * luma - red
    torch.testing.assert_close(turn(red, 0.5), opposite, atol=1e-3, rtol=0)
    back = turn(turn(red, 0.2), 0.8)
    torch.testing.assert_close(back, red, atol=1e-4, rtol=0)


def test_each_image_is_turned_by_its_own_angle_and_one_that_is_not_stays_the_same():
    images = 0.4 * torch.rand(3, 3, 5, 4, generator=torch.Generator().manual_seed(1)) - 0.2
    together = turn_hue(images, torch.tensor([0.3, 0.0, 0.8]))
    assert torch.equal(together[1], images[1])
    for row, turns in ((0, 0.3), (2, 0.8)):
        torch.testing.assert_close(together[row : row + 1], turn(images[row : row + 1], turns))


@pytest.fixture(scope="module")
def nano(training, tmp_path_factory):
    return training(tmp_path_factory.mktemp("hue"))


def test_person_and_garment_turn_together_and_pose_and_mask_do_not(nano):
    batches, examples = nano.tryon_batches, nano.examples.tryon_examples[:6]

    def batch(hue):
        return batches.batch(examples, BatchRng(torch.Generator().manual_seed(3)), mirror=False, hue=hue)

    plain, turned = batch(0.0), batch(1.0)
    assert not plain.recoloured.any()
    assert turned.texts == plain.texts
    # A design names its colours, so that it keeps them.
    assert turned.recoloured.tolist() == [not text for text in plain.texts] and turned.recoloured.any()
    for row, changed in enumerate(turned.recoloured.tolist()):
        pairs = [(turned.images, plain.images), (turned.conditions.agnostic, plain.conditions.agnostic)]
        pairs += [(getattr(turned.conditions, name), getattr(plain.conditions, name)) for name in ("hint", "warped")]
        for one, other in pairs:
            assert torch.equal(one[row], other[row]) != changed
    assert torch.equal(turned.conditions.keep, plain.conditions.keep)
    assert torch.equal(turned.conditions.densepose, plain.conditions.densepose)


def test_a_mirrored_example_is_mirrored_in_all_its_images(nano):
    batches, examples = nano.tryon_batches, nano.examples.tryon_examples[:6]
    as_it_is, mirrored = (
        batches.batch(examples, BatchRng(torch.Generator().manual_seed(3)), mirror=mirror) for mirror in (False, True)
    )
    turned = [not torch.equal(one, other) for one, other in zip(as_it_is.images, mirrored.images, strict=True)]
    assert any(turned) and not all(turned)
    for name in ("agnostic", "keep", "densepose", "hint", "warped"):
        pairs = zip(getattr(as_it_is.conditions, name), getattr(mirrored.conditions, name), turned, strict=True)
        for one, other, changed in pairs:
            assert torch.equal(other, one.flip(-1) if changed else one), name


def test_the_autoencoder_learns_from_turned_hues_in_training_alone(nano, monkeypatch):
    config = nano.recipe.phases["vae"].model_copy(update={"hue": 1.0, "flip": False})
    train_only(nano.model, config)
    phase = make_phase("vae", config, nano._inputs)
    seen = []
    monkeypatch.setattr(nano.model.diffusion.vae, "loss", lambda images, **_: seen.append(images) or torch.zeros(()))
    for mode in (True, False):
        phase.train(mode)
        phase(nano.examples.tryon_examples[:6], 3)
    turned, plain = seen
    assert not torch.equal(turned, plain)
    luma = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    inside = ((turned.abs() < 1) & (plain.abs() < 1)).all(dim=1)
    torch.testing.assert_close((turned * luma).sum(1)[inside], (plain * luma).sum(1)[inside], atol=2e-3, rtol=0)


def test_states_are_left_out_where_colours_were_turned_and_only_in_training(nano, monkeypatch):
    config = nano.recipe.phases["try-on"].model_copy(update={"hue": 1.0, "flip": False})
    train_only(nano.model, config)
    phase = make_phase("try-on", config, nano._inputs)
    seen = []
    monkeypatch.setattr(nano.model.diffusion, "loss", lambda _images, shown, *_: seen.append(shown) or torch.zeros(()))
    for mode in (True, False):
        phase.train(mode)
        with torch.no_grad():
            phase(nano.examples.tryon_examples[:6], 3)
    token = nano.model.diffusion.unconditional.expand_as(seen[0])
    dropped = [(shown == token).all(dim=(1, 2)) for shown in seen]
    assert dropped[0].any() and not dropped[1].any()
