"""A model that knows the right answers, and a sample of things that it knows; tests break it in one way each."""

from __future__ import annotations

import numpy as np
from PIL import Image

from fashionbench.data.items import ImageItem, TryOnItem
from fashionbench.data.training_examples import TryOnExample
from fashionbench.diagnostics.sample import (
    Sample,
    SampledPair,
    SampledPhoto,
    SampledTriplet,
    SampledTryOn,
    TaskSample,
)
from fashionbench.diagnostics.system import Subject, System
from fashionbench.progress import Silent
from fashionbench.specs import BackendSpec

COLOURS = {
    "black": (10, 10, 10), "grey": (120, 120, 120), "white": (245, 245, 245), "navy": (10, 10, 90),
    "blue": (30, 50, 200), "green": (30, 160, 40), "yellow": (230, 220, 40), "orange": (240, 140, 20),
    "red": (220, 30, 30), "pink": (240, 140, 180), "purple": (130, 40, 150), "brown": (110, 70, 30),
}  # fmt: skip
CATEGORIES = ("dress", "skirt", "coat", "shirt")
THINGS = [(colour, category) for colour in COLOURS for category in CATEGORIES]
#: Two data sets, with what captions are asked with and how they are written.
STYLES = {
    "shop": ("Describe it for the shop.", "{colour} {category} with a straight cut. item as shown."),
    "letters": ("Tell a friend.", "you would love this {category}, it comes in a fine {colour} and suits you"),
}
CAPABILITIES = frozenset({"encode-image", "encode-text", "encode-composed", "score-pairs", "caption", "try-on"})


def text_of(thing, style="shop"):
    colour, category = THINGS[thing]
    return STYLES[style][1].format(colour=colour, category=category)


def sample(things=48, persons=24):
    tasks = []
    for name, (instruction, _) in STYLES.items():
        pairs = tuple(
            SampledPair(f"{name}/{at}", text_of(at, name), f"p{at}", lambda: ImageItem("", Image.new("RGB", (2, 2))))
            for at in range(things)
        )
        tasks.append(TaskSample(f"toy/{name}", name, instruction, captioning=True, held=pairs, learnt=pairs))
    triplets = tuple(map(_triplet, range(things)))
    return Sample(known=True, tasks=tuple(tasks), tryon=tuple(map(_person, range(persons))), triplets=triplets)


def _triplet(at):
    """A query from one thing to the one so many further on, which its words name."""
    further = 1 + at % 7
    target = (at + further) % len(THINGS)
    return SampledTriplet(f"q/{at}", _photo(at), f"{further} further", _photo(target))


def _photo(thing):
    # The thing is in the pixels, so that a reference is known by what it shows.
    return SampledPhoto(f"photo/{thing}", lambda: ImageItem("", Image.new("RGB", (2, 2), (thing, 0, 0))))


def garment_of(person):
    """The colour of a person's garment; neighbours have different ones."""
    return THINGS[5 * person % len(THINGS)][0]


def _person(at):
    colour = COLOURS[garment_of(at)]
    person, garment = Image.new("RGB", (6, 8), (200, 180, 160)), Image.new("RGB", (4, 4), colour)
    mask = Image.new("L", (6, 8), 0)
    mask.paste(255, (1, 2, 5, 6))
    item = TryOnItem(f"g{at}", person, garment, {"agnostic-mask": mask})
    truth = person.copy()
    truth.paste(colour, (0, 0), mask)
    return SampledTryOn(f"person {at}", f"g{at}", lambda: TryOnExample(item, ImageItem(f"t{at}", truth)))


class KnowingModel:
    """Knows of each photo and text which thing it is, and answers right, with a little noise."""

    def __init__(self):
        self.noise = np.random.default_rng(7).normal(size=(len(THINGS), 2, 4, 12)) / 20
        self.directions = np.random.default_rng(8).normal(size=(len(THINGS), 12))

    def thing(self, item):
        return int(item.id.rpartition("/")[2])

    def encode_images(self, items, role):
        at = [self.thing(item) for item in items]
        apart = np.random.default_rng(9).normal(size=(4, 12))
        return self.directions[at][:, None] + 0.3 * apart + self.noise[at, 0]

    def encode_texts(self, items, role):
        at = [self.thing(item) for item in items]
        return self.directions[at] + self.noise[at, 1, 0]

    def encode_composed(self, items):
        return np.stack([self.composed(item.image.getpixel((0, 0))[0], int(item.text.split()[0])) for item in items])

    def composed(self, reference, further):
        return self.directions[(reference + further) % len(THINGS)]

    def score_pairs(self, items):
        rows = [(self.thing(item.query), self.thing(item.candidate)) for item in items]
        return np.array([float(a == b) + self.noise[a, 0, 0, b % 12] for a, b in rows])

    def caption(self, items, instruction):
        style = next(name for name, (asked, _) in STYLES.items() if asked == instruction)
        return [text_of(self.thing(item), style) for item in items]

    def try_on(self, items):
        return [self.painted(item, np.asarray(item.garment)[0, 0]) for item in items]

    @staticmethod
    def painted(item, colour):
        image = np.asarray(item.person).copy()
        image[np.asarray(item.conditions["agnostic-mask"]) > 127] = colour
        return image


def subject(model, untrained=None, capabilities=CAPABILITIES, **changes):
    spec = BackendSpec(id="toy/knows", summary="", target="a:b", revision="1", capabilities=capabilities)
    before = None if untrained is None else System(spec, untrained, "cpu", Silent())
    return Subject(System(spec, model, "cpu", Silent()), before, "one that was not trained", sample(**changes), seed=0)
