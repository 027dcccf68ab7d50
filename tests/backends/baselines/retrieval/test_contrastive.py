from __future__ import annotations

import math

import pytest

from fashionbench.errors import BackendError, ConfigError

pytest.importorskip("torch", reason="needs the optional dependencies fashionbench[pocket]")

import torch

from fashionbench_baselines.retrieval.contrastive import align, info_nce
from fashionbench_baselines.retrieval.options import LitOptions


def brute_force(images: list[list[float]], texts: list[list[float]], products: list[str], scale: float) -> float:
    """The definition, term by term: the mean over pairs and directions of -log of a pair's share."""
    count, total = len(images), 0.0
    similar = [[math.exp(scale * sum(a * b for a, b in zip(x, y, strict=True))) for y in texts] for x in images]
    for pair in range(count):
        others = [other for other in range(count) if other == pair or products[other] != products[pair]]
        total -= math.log(similar[pair][pair] / sum(similar[pair][other] for other in others))
        total -= math.log(similar[pair][pair] / sum(similar[other][pair] for other in others))
    return total / (2 * count)


@pytest.mark.parametrize("products", ["abcdef", "aabbcd", "aaaaab"])
@pytest.mark.parametrize("scale", [1.0, 14.3])
def test_the_loss_is_its_definition(products: str, scale: float) -> None:
    random = torch.Generator().manual_seed(0)
    images, texts = (
        torch.nn.functional.normalize(torch.randn(6, 4, generator=random, dtype=torch.float64), dim=1) for _ in range(2)
    )
    labels = torch.tensor([ord(product) for product in products])
    loss = info_nce(images, texts, labels, scale).item()
    assert loss == pytest.approx(brute_force(images.tolist(), texts.tolist(), list(products), scale), abs=1e-9)


def test_pairs_of_one_product_are_no_negatives() -> None:
    # Both texts of product 0 are the same: as negatives of each other they would cost log 2.
    images = torch.eye(3)[[0, 0, 1]]
    loss = info_nce(images, images, torch.tensor([0, 0, 1]), 100.0)
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert info_nce(images, images, torch.arange(3), 100.0).item() == pytest.approx(2 / 3 * math.log(2), abs=1e-6)


def problem() -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    random = torch.Generator().manual_seed(1)
    hidden = torch.randn(40, 6, generator=random)
    images, texts = hidden @ torch.randn(6, 30, generator=random), hidden @ torch.randn(6, 20, generator=random)
    return images, texts, [str(number) for number in range(40)]


def hits(maps: tuple[torch.Tensor, torch.Tensor], images: torch.Tensor, texts: torch.Tensor) -> float:
    left, right = (
        torch.nn.functional.normalize(side @ m, dim=1) for side, m in zip((images, texts), maps, strict=True)
    )
    return float(((left @ right.T).argmax(1) == torch.arange(len(images))).float().mean())


def test_two_views_of_one_hidden_cause_are_aligned_and_held_out_pairs_too() -> None:
    images, texts, products = problem()
    maps = align(images[:30], texts[:30], products[:30], LitOptions(dimension=16), seed=0)
    assert [part.shape for part in maps] == [(30, 16), (20, 16)]
    assert hits(maps, images[30:], texts[30:]) >= 0.9


@pytest.mark.parametrize("batch_size", [8, 512])
def test_the_seed_decides_the_maps_and_the_global_generator_does_not(batch_size: int) -> None:
    options = LitOptions(dimension=8, steps=20, batch_size=batch_size)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = align(*problem(), options, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    two, three = align(*problem(), options, seed=3), align(*problem(), options, seed=4)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert not torch.equal(one[0], three[0])


def test_batches_smaller_than_the_data_align_it_as_well() -> None:
    images, texts, products = problem()
    maps = align(images, texts, products, LitOptions(dimension=16, batch_size=10, steps=200), seed=0)
    assert hits(maps, images, texts) >= 0.9


def test_one_product_alone_gives_nothing_to_tell_apart() -> None:
    images, texts, _ = problem()
    with pytest.raises(BackendError, match=r"40 training pairs show 1 product\(s\), so that there are no negatives"):
        align(images, texts, ["same"] * 40, LitOptions(), seed=0)


def test_features_that_are_not_finite_stop_the_training() -> None:
    images, texts, products = problem()
    images[3, 4] = math.nan
    with pytest.raises(BackendError, match="diverged"):
        align(images, texts, products, LitOptions(steps=3), seed=0)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("dimension", 0),
        ("steps", 0),
        ("batch_size", 1),
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("weight_decay", -1.0),
        ("temperature", 0.001),
    ],
)
def test_an_option_out_of_range_is_refused_by_name(option: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"the option {option} is"):
        LitOptions(**{option: value})  # type: ignore[arg-type]
