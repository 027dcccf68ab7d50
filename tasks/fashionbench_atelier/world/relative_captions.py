"""Relative captions as in Fashion-IQ: how a target product differs from its reference.

Two annotators write: the first in clipped phrases, the second in whole sentences. Both make typing mistakes, and a few
captions are empty, as in the real set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fashionbench_atelier.world.captions import NECKLINE_NAMES, PATTERN_ADJECTIVES
from fashionbench_atelier.world.garment import ATTRIBUTES
from fashionbench_atelier.world.palette import COLOURS, luminance
from fashionbench_atelier.world.silhouettes import FITS, LENGTHS, SLEEVES

if TYPE_CHECKING:
    from fashionbench_atelier.world.garment import Product
    from fashionbench_atelier.world.rng import Rng

TYPO_RATE = 0.07
"""Share of captions with a typing mistake."""

EMPTY_RATE = 0.004
"""Share of records in which one of the two captions is empty."""

NAMED = tuple(name for name in ATTRIBUTES if name not in {"fabric", "second"})
"""Attributes that annotators speak of: a change of fabric is hard to see, and the second colour goes with the rest."""


class Relative(NamedTuple):
    """What one annotator wrote.

    ``clean`` is the caption before typing mistakes; ``attributes`` are the differences that it names, none where it
    says that the two look the same.
    """

    text: str
    clean: str
    attributes: tuple[str, ...]


def differences(reference: Product, target: Product) -> tuple[str, ...]:
    """Name the attributes in which two products differ."""
    return tuple(name for name in ATTRIBUTES if getattr(reference, name) != getattr(target, name))


def annotate(rng: Rng, reference: Product, target: Product) -> tuple[Relative, Relative]:
    """Let both annotators describe the target relative to the reference; at most one of the captions is empty."""
    changed = [name for name in differences(reference, target) if name in NAMED]
    written = []
    for speaker in (0, 1):
        named = tuple(rng.sample(changed, rng.weighted({1: 2, 2: 3})))
        if named:
            phrases = [_phrase(rng, name, reference, target, speaker) for name in named]
            clean = _joined(rng, phrases, speaker)
        else:
            clean = rng.pick(
                (("same", "is identical", "looks the same"), ("It looks exactly the same", "The two are the same"))[
                    speaker
                ]
            )
        text = _mistyped(rng, clean) if rng.chance(TYPO_RATE) else clean
        written.append(Relative(text, clean, named))
    if rng.chance(EMPTY_RATE):
        written[rng.below(2)] = Relative("", "", ())
    return written[0], written[1]


def _joined(rng: Rng, phrases: list[str], speaker: int) -> str:
    if speaker == 0:
        return rng.pick((" and ", ", ", " with ")).join(phrases) if len(phrases) > 1 else phrases[0]
    text = " and ".join(phrases)
    text = text[0].upper() + text[1:]
    return text + ("." if rng.chance(0.4) else "")


def _phrase(rng: Rng, name: str, reference: Product, target: Product, speaker: int) -> str:
    old, new = getattr(reference, name), getattr(target, name)
    clipped, spoken = _PHRASES[name](old, new, reference, target)
    return rng.pick(clipped if speaker == 0 else spoken)


Options = tuple[tuple[str, ...], tuple[str, ...]]


def _colour(old: str, new: str, _: Product, __: Product) -> Options:
    clipped = [f"is {new}", f"is {new} instead of {old}", f"{new} colour", f"more {new}"]
    spoken = [f"I want it in {new}", f"the colour is {new} rather than {old}", f"it should be {new}, not {old}"]
    step = luminance(COLOURS[new]) - luminance(COLOURS[old])
    if abs(step) > 50:
        clipped.append("is darker" if step < 0 else "is lighter")
        spoken.append("the colour is darker" if step < 0 else "the colour is brighter")
    return tuple(clipped), tuple(spoken)


def _sleeve(old: str, new: str, _: Product, __: Product) -> Options:
    longer = SLEEVES.index(new) > SLEEVES.index(old)
    if new == "strap":
        return ("has thin straps", "spaghetti straps"), (
            "it hangs from thin straps",
            "it has thin straps over the shoulders",
        )
    if new == "sleeveless":
        return ("is sleeveless", "no sleeves"), ("it has no sleeves at all", "the arms are bare")
    more = "longer" if longer else "shorter"
    clipped = [f"has {new} sleeves", f"{new} sleeved"]
    spoken = [f"the sleeves are {new} ones", f"it comes with {new} sleeves"]
    if old not in {"strap", "sleeveless"}:
        clipped.append(f"has {more} sleeves")
        spoken.append(f"the sleeves are {more}")
    else:
        clipped.append("has sleeves")
        spoken.append("it does have sleeves")
    return tuple(clipped), tuple(spoken)


def _length(old: str, new: str, _: Product, target: Product) -> Options:
    order = LENGTHS[target.category]
    more = "longer" if order.index(new) > order.index(old) else "shorter"
    clipped = [f"is {more}", f"{more} in length"]
    spoken = [f"it is {more}", f"the hem is {'lower' if more == 'longer' else 'higher'}"]
    if new in {"mini", "midi", "maxi", "cropped"}:
        clipped.append(f"is {new}" if new == "cropped" else f"is {new} length")
    return tuple(clipped), tuple(spoken)


def _fit(old: str, new: str, _: Product, __: Product) -> Options:
    more = "looser" if FITS.index(new) > FITS.index(old) else "tighter"
    return (f"is {more}", f"{more} fit"), (f"it fits {more}", f"the fit is {more}")


def _pattern(old: str, new: str, _: Product, target: Product) -> Options:
    if new == "solid":
        gone = PATTERN_ADJECTIVES[old]
        return ("is plain", "is solid coloured", f"not {gone}"), ("it has no pattern", f"it is plain instead of {gone}")
    word = PATTERN_ADJECTIVES[new]
    return (
        (f"is {word}", f"has a {word} pattern", f"{word} with {target.second}"),
        (f"it has a {word} pattern in {target.second}", f"the fabric is {word}"),
    )


def _print(old: str, new: str, _: Product, target: Product) -> Options:
    if new == "none":
        return ("has no graphic", f"without the {old}"), (f"there is no {old} on the front", "the front is plain")
    return (f"has a {new} on it", f"{new} graphic"), (
        f"it has a {target.second} {new} on the chest",
        f"there is a {new} printed on the front",
    )


def _neckline(_: str, new: str, __: Product, ___: Product) -> Options:
    words = NECKLINE_NAMES[new]
    return (f"has a {words}", words), (f"it has a {words}", f"the neck is a {words}")


def _detail(old: str, new: str, _: Product, target: Product) -> Options:
    words = {
        "belt": "a belt",
        "ruffle hem": "ruffles at the hem",
        "contrast hem": f"a {target.second} hem",
        "chest pocket": "a chest pocket",
        "contrast trim": f"{target.second} trim",
        "side stripe": f"{target.second} stripes down the sides",
    }
    if new == "none":
        gone = {"contrast hem": "a different hem", "contrast trim": "trim", "side stripe": "side stripes"}.get(
            old
        ) or words[old]
        return (f"without {gone}",), (f"it does not have {gone}",)
    return (f"has {words[new]}", f"with {words[new]}"), (f"it has {words[new]}", f"there is {words[new]}")


def _cut(_: str, new: str, __: Product, ___: Product) -> Options:
    return (f"is a {new}", f"{new} style"), (f"it is a {new}", f"it should be a {new}")


_PHRASES = {
    "colour": _colour,
    "sleeve": _sleeve,
    "length": _length,
    "fit": _fit,
    "pattern": _pattern,
    "print": _print,
    "neckline": _neckline,
    "detail": _detail,
    "cut": _cut,
}


def _mistyped(rng: Rng, text: str) -> str:
    """Swap, drop or double a letter in one of the longer words."""
    words = text.split(" ")
    long = [index for index, word in enumerate(words) if len(word) >= 4 and word.isalpha()]
    if not long:
        return text
    place = rng.pick(long)
    word = words[place]
    at = 1 + rng.below(len(word) - 2)
    kind = rng.below(3)
    if kind == 0:
        word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    elif kind == 1:
        word = word[:at] + word[at + 1 :]
    else:
        word = word[:at] + word[at] + word[at:]
    words[place] = word
    return " ".join(words)
