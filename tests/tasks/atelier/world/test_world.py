from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fashionbench.errors import ConfigError
from fashionbench_atelier.rendering.photos import render_photo
from fashionbench_atelier.rendering.portrait import render_person
from fashionbench_atelier.workers import run_jobs
from fashionbench_atelier.world.dressed_people import paired, unpaired
from fashionbench_atelier.world.garment import ATTRIBUTES
from fashionbench_atelier.world.outfits import CHOICES, compatible
from fashionbench_atelier.world.world import TRIPLET_CATEGORIES, World

if TYPE_CHECKING:
    from collections.abc import Iterable

WORLD = World(7, size=700, people=120, outfits=60)


def photo_digest(world: World, identity: int) -> str:
    photo = world.photos(identity)[0]
    return hashlib.sha256(render_photo(world.seed, world.products[identity], photo).image().tobytes()).hexdigest()


def digest(parts: Iterable[Any]) -> str:
    """Hash the values alone: classes may be renamed, and the world is the same."""
    return hashlib.sha256("\n".join(repr(astuple(part)) for part in parts).encode()).hexdigest()


def test_the_same_seed_gives_the_same_world_and_another_seed_another_one() -> None:
    again = World(7, size=700, people=120, outfits=60)
    for field in ("products", "triplets", "dressed_people", "ensembles", "missing"):
        assert getattr(again, field) == getattr(WORLD, field)
    other = World(8, size=700)
    assert sum(a.signature == b.signature for a, b in zip(other.products, WORLD.products, strict=True)) < 70


def test_a_larger_world_begins_with_the_smaller_one() -> None:
    assert World(7, size=100).products == WORLD.products[:100]


@pytest.mark.slow
def test_images_are_the_same_in_another_process_with_another_hash_seed() -> None:
    program = (
        "import hashlib; from fashionbench_atelier.world.world import World; "
        "from fashionbench_atelier.rendering.photos import render_photo; from fashionbench_atelier.rendering.portrait import render_person; "
        "w = World(7, size=700, people=120, outfits=60); "
        "a = render_photo(7, w.products[5], w.photos(5)[0]).image().tobytes(); "
        "b = render_person(7, w.dressed_people[3].person, w.dressed_people[3].outfit).image().tobytes(); "
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
    here = render_photo(7, WORLD.products[5], WORLD.photos(5)[0]).image().tobytes()
    here += render_person(7, WORLD.dressed_people[3].person, WORLD.dressed_people[3].outfit).image().tobytes()
    assert outputs == {hashlib.sha256(here).hexdigest()}


@pytest.mark.slow
def test_two_processes_develop_what_one_does_in_the_same_order() -> None:
    world = World(7, size=40)
    jobs = list(range(40))
    alone = list(run_jobs(world, jobs, World.split))
    assert list(run_jobs(world, jobs, World.split, processes=2)) == alone == [world.split(job) for job in jobs]


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
    seen = Counter((one.layout, one.region, one.garment) for one in WORLD.dressed_people)
    assert max(seen.values()) == 1
    for dressed_person in WORLD.dressed_people:
        assert dressed_person.garment in [product.id for product in dressed_person.outfit.garments]
        gender = {"woman": "women", "man": "men"}[dressed_person.person.figure]
        assert all(product.gender in {gender, "unisex"} for product in dressed_person.outfit.garments)
        assert dressed_person.person.framing == {"viton-hd": "upper", "dress-code": "full"}[dressed_person.layout]


@pytest.mark.parametrize("layout", ["viton-hd", "dress-code"])
def test_unpaired_lists_give_everybody_a_garment_of_somebody_else(layout: str) -> None:
    by_id = {one.id: one for one in WORLD.dressed_people}
    pairs = unpaired(WORLD.seed, WORLD.dressed_people, layout, "test")
    assert [one for one, _ in paired(WORLD.dressed_people, layout, "test")] == [
        one.id for one in WORLD.dressed_people if one.layout == layout and one.split == "test"
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
    assert (world.products, world.triplets, world.dressed_people, world.ensembles) == ((), (), (), ())


def test_fingerprint_of_a_small_world_is_pinned() -> None:
    world = World(2024, size=60, people=6, outfits=4)
    truth = digest([*world.products, *world.triplets, *world.dressed_people, *world.ensembles])
    assert truth == "0c305bf89dab475f0d8881433f81fe76e9d47d5e8194991ed61657e284aa5530"
    # Means over pixels, because a last bit may differ between processors and builds of the C library.
    means = [np.asarray(render_photo(2024, p, world.photos(p.id)[0]).image()).mean() for p in world.products[:6]]
    assert np.allclose(means, [158.994, 188.839, 169.053, 194.927, 181.985, 170.227], atol=0.02)
