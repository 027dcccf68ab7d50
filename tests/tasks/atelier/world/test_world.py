from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fashionbench.errors import ConfigError
from fashionbench_atelier.rendering.photos import shoot
from fashionbench_atelier.rendering.portrait import portray
from fashionbench_atelier.workers import develop
from fashionbench_atelier.world.garment import ATTRIBUTES
from fashionbench_atelier.world.outfits import CHOICES, compatible
from fashionbench_atelier.world.wearers import paired, unpaired
from fashionbench_atelier.world.world import TRIPLET_CATEGORIES, World

if TYPE_CHECKING:
    from collections.abc import Iterable

WORLD = World(7, size=700, people=120, outfits=60)


def photo_digest(world: World, identity: int) -> str:
    photo = world.photos(identity)[0]
    return hashlib.sha256(shoot(world.seed, world.products[identity], photo).image().tobytes()).hexdigest()


def digest(parts: Iterable[object]) -> str:
    return hashlib.sha256("\n".join(map(repr, parts)).encode()).hexdigest()


def test_the_same_seed_gives_the_same_world_and_another_seed_another_one() -> None:
    again = World(7, size=700, people=120, outfits=60)
    for field in ("products", "triplets", "wearers", "ensembles", "missing"):
        assert getattr(again, field) == getattr(WORLD, field)
    other = World(8, size=700)
    assert sum(a.signature == b.signature for a, b in zip(other.products, WORLD.products, strict=True)) < 70


def test_a_larger_world_begins_with_the_smaller_one() -> None:
    assert World(7, size=100).products == WORLD.products[:100]


@pytest.mark.slow
def test_pictures_are_the_same_in_another_process_with_another_hash_seed() -> None:
    program = (
        "import hashlib; from fashionbench_atelier.world.world import World; "
        "from fashionbench_atelier.rendering.photos import shoot; from fashionbench_atelier.rendering.portrait import portray; "
        "w = World(7, size=700, people=120, outfits=60); "
        "a = shoot(7, w.products[5], w.photos(5)[0]).image().tobytes(); "
        "b = portray(7, w.wearers[3].person, w.wearers[3].outfit).image().tobytes(); "
        "print(hashlib.sha256(a + b).hexdigest())"
    )
    outputs = set()
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.add(done.stdout.strip())
    here = shoot(7, WORLD.products[5], WORLD.photos(5)[0]).image().tobytes()
    here += portray(7, WORLD.wearers[3].person, WORLD.wearers[3].outfit).image().tobytes()
    assert outputs == {hashlib.sha256(here).hexdigest()}


@pytest.mark.slow
def test_two_processes_develop_what_one_does_in_the_same_order() -> None:
    world = World(7, size=40)
    jobs = list(range(40))
    alone = list(develop(world, jobs, World.split))
    assert list(develop(world, jobs, World.split, processes=2)) == alone == [world.split(job) for job in jobs]


def test_products_are_unique_except_for_the_planned_duplicates() -> None:
    counts = Counter(product.signature for product in WORLD.products)
    repeated = sum(count - 1 for count in counts.values())
    assert repeated == len(WORLD.duplicates) > 0
    for copy, original in WORLD.duplicates.items():
        assert WORLD.products[copy].signature == WORLD.products[original].signature
        assert original not in WORLD.duplicates


def test_no_family_is_divided_between_splits() -> None:
    for child, parent in {**WORLD.parents, **WORLD.duplicates}.items():
        assert WORLD.split(child) == WORLD.split(parent)
    counts = Counter(WORLD.split(product.id) for product in WORLD.products)
    assert set(counts) == {"train", "val", "test"}
    assert counts["train"] > counts["val"]


def test_triplets_say_exactly_what_differs() -> None:
    assert {triplet.category for triplet in WORLD.triplets} == set(TRIPLET_CATEGORIES)
    targets = [triplet.target for triplet in WORLD.triplets]
    assert len(targets) == len(set(targets))
    for triplet in WORLD.triplets:
        one, other = WORLD.products[triplet.reference], WORLD.products[triplet.target]
        assert one.category == other.category == triplet.category
        changed = {name for name in ATTRIBUTES if getattr(one, name) != getattr(other, name)}
        assert set(triplet.changed) == changed != set()
        for caption in triplet.captions:
            assert set(caption.attributes) <= changed
            assert bool(caption.text) == bool(caption.clean)
        assert any(caption.text for caption in triplet.captions)


def test_missing_photos_are_few_and_real_ones() -> None:
    everything = {(product.id, photo.index) for product in WORLD.products for photo in WORLD.photos(product.id)}
    assert 0 < len(WORLD.missing) < 0.02 * len(everything)
    assert everything >= WORLD.missing


def test_every_question_has_one_right_answer() -> None:
    assert len(WORLD.ensembles) > 50
    for ensemble in WORLD.ensembles:
        items = [WORLD.products[identity] for identity in ensemble.items]
        assert compatible(items)
        others = [item for place, item in enumerate(items) if place != ensemble.blank]
        fits = [compatible([*others, WORLD.products[choice]]) for choice in ensemble.candidates]
        assert len(set(ensemble.candidates)) == CHOICES
        assert [place for place, right in enumerate(fits) if right] == [ensemble.answer]
        assert len({WORLD.products[choice].category for choice in ensemble.candidates}) == 1


def test_wearers_wear_their_garment_once_for_each_layout_and_region() -> None:
    seen = Counter((one.layout, one.region, one.garment) for one in WORLD.wearers)
    assert max(seen.values()) == 1
    for wearer in WORLD.wearers:
        assert wearer.garment in [product.id for product in wearer.outfit.garments]
        gender = {"woman": "women", "man": "men"}[wearer.person.figure]
        assert all(product.gender in {gender, "unisex"} for product in wearer.outfit.garments)
        assert wearer.person.framing == {"viton-hd": "upper", "dress-code": "full"}[wearer.layout]


@pytest.mark.parametrize("layout", ["viton-hd", "dress-code"])
def test_unpaired_lists_give_everybody_a_garment_of_somebody_else(layout: str) -> None:
    by_id = {one.id: one for one in WORLD.wearers}
    pairs = unpaired(WORLD.seed, WORLD.wearers, layout, "test")
    assert [one for one, _ in paired(WORLD.wearers, layout, "test")] == [
        one.id for one in WORLD.wearers if one.layout == layout and one.split == "test"
    ]
    assert len(pairs) > 5
    assert sorted(one for one, _ in pairs) == sorted(other for _, other in pairs)
    for one, other in pairs:
        assert one != other
        assert by_id[one].region == by_id[other].region
        assert by_id[one].person.figure == by_id[other].person.figure


def test_negative_sizes_are_refused() -> None:
    with pytest.raises(ConfigError, match="people is -1"):
        World(1, people=-1)


def test_an_empty_world_is_empty() -> None:
    world = World(1, size=0, people=3, outfits=3)
    assert (world.products, world.triplets, world.wearers, world.ensembles) == ((), (), (), ())


def test_fingerprint_of_a_small_world_is_pinned() -> None:
    world = World(2024, size=60, people=6, outfits=4)
    truth = digest([*world.products, *world.triplets, *world.wearers, *world.ensembles])
    assert truth == "604bbffae725b3b7fea8c23cf4a3ae49553d5d52892619309c9a13ac865b828d"
    # Means over pixels, because a last bit may differ between processors and builds of the C library.
    means = [np.asarray(shoot(2024, p, world.photos(p.id)[0]).image()).mean() for p in world.products[:6]]
    assert np.allclose(means, [158.994, 188.839, 169.053, 194.927, 181.985, 170.227], atol=0.02)
