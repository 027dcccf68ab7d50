"""What the outfits of a train split teach: an item, the category of another item of its outfit, and that item."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

from fashionbench.data.items import TextItem
from fashionbench.data.lazy_items import ImageFile
from fashionbench.data.training_examples import TrainingData, Triplet
from fashionbench_tasks.lazy import Lazy

if TYPE_CHECKING:
    from fashionbench_tasks.datasets.polyvore import Polyvore

SPLIT = "train"


def outfit_triplets(data: Polyvore) -> TrainingData | None:
    """Make a triplet of every ordered pair of different items of every train outfit; None where there are none.

    The text is the coarse category of the target. Items whose photo is not there are left out.
    """
    if not (data.folder / f"{SPLIT}.json").is_file():
        return None
    outfits = data.outfits(SPLIT)
    places = {item: data.files.path(item) for items in outfits.values() for item in items}
    images = {item: ImageFile(item, path) for item, path in sorted(places.items()) if path.is_file()}
    described = data.metadata(images)
    names = [
        (one, described[other].semantic_category, other)
        for items in outfits.values()
        for one, other in permutations(dict.fromkeys(item for item in items if item in images), 2)
    ]
    if not names:
        return None

    def read(at: int) -> Triplet:
        reference, category, target = names[at]
        words = TextItem(f"{reference}>{target}", category)
        return Triplet(images[reference].open(), words, images[target].open())

    return TrainingData(SPLIT, triplets=Lazy(len(names), read, names), images=images)
