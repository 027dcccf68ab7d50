"""Captions of a product: its name, a description as in FashionGen, and a short title as in Fashion200K.

Nothing that is said is false of the product; what is left out is drawn at random, and recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fashionbench_atelier.world.rng import Rng

if TYPE_CHECKING:
    from fashionbench_atelier.world.garment import Product


class Text(NamedTuple):
    """A text with the attributes of the product that it states."""

    text: str
    states: frozenset[str]


PATTERN_ADJECTIVES = {
    "stripes": "striped",
    "pinstripes": "pinstriped",
    "dots": "polka dot",
    "check": "checked",
    "floral": "floral",
    "chevron": "chevron",
    "colour block": "colour-block",
}
NECKLINE_NAMES = {
    "crew": "crewneck collar",
    "v": "v-neck",
    "scoop": "scoop neck",
    "boat": "boat neck",
    "square": "square neckline",
    "turtle": "turtleneck collar",
    "shirt collar": "spread collar",
    "polo collar": "ribbed polo collar",
    "band collar": "band collar",
    "wrap": "wrap neckline",
    "lapel": "notched lapel",
    "hood": "drawstring hood",
    "sweetheart": "sweetheart neckline",
}
_SLEEVE_NAMES = {
    "strap": "spaghetti strap",
    "sleeveless": "sleeveless",
    "cap": "cap sleeve",
    "short": "short sleeve",
    "elbow": "elbow-length sleeve",
    "three-quarter": "three-quarter sleeve",
    "long": "long sleeve",
}
_LENGTH_SENTENCES = {
    "mini": "Mini length",
    "knee": "Hem falls at the knee",
    "midi": "Midi length",
    "maxi": "Floor-length hem",
    "cropped": "Cropped",
    "long": "Longline silhouette",
    "short": "Cut as shorts",
    "bermuda": "Hem ends above the knee",
    "full": "Full length",
}
_CLOSURES = {
    "button-up shirt": ("Button closure at front", "Buttons down the front placket"),
    "shirt dress": ("Button closure at front", "Full button placket"),
    "polo shirt": ("Three-button placket", "Short placket with three buttons"),
    "blazer": ("Two-button closure", "Single-breasted with two buttons"),
    "coat": ("Double-breasted closure", "Two rows of buttons at front"),
    "bomber jacket": ("Zip closure at front", "Metal zip at front"),
    "denim jacket": ("Metal button closure", "Metal buttons at front"),
    "hoodie": ("Kangaroo pocket at waist", "Pouch pocket at front"),
    "jeans": ("Zip fly with metal button", "Metal button and zip fly"),
    "chinos": ("Zip fly", "Slanted pockets at front"),
    "joggers": ("Elasticised waistband with drawstring", "Drawstring at waist"),
    "pleated skirt": ("Knife pleats throughout", "Pressed pleats"),
    "wrap dress": ("Wrap front", "Self-tie closure at waist"),
}
_DETAILS = {
    "belt": ("Belted at waist", "Belt at waist"),
    "ruffle hem": ("Ruffle trim at hem", "Ruffled hem"),
    "contrast hem": ("Contrast trim at hem in {second}", "Hem banded in {second}"),
    "chest pocket": ("Patch pocket at chest", "Single pocket at breast"),
    "contrast trim": ("Contrast trim in {second}", "Trimmed in {second}"),
    "side stripe": ("Stripe in {second} at outer seams", "Side stripes in {second}"),
}
_PATTERNS = {
    "stripes": ("Stripes in {second} throughout", "Horizontal {second} stripes"),
    "pinstripes": ("Pinstripes in {second} throughout", "Fine vertical stripes in {second}"),
    "dots": ("Polka dots in {second} throughout", "{second} dot pattern"),
    "check": ("Check pattern in {second}", "Windowpane check in {second} throughout"),
    "floral": ("Floral pattern in {second} throughout", "Printed with flowers in {second}"),
    "chevron": ("Zigzag pattern in {second} throughout", "Chevron stripes in {second}"),
    "colour block": ("Lower panel in {second}", "Colour-blocked with {second} at bottom"),
}

_FITS = {"slim": "Slim fit", "loose": "Relaxed fit"}
_SAID = 0.88
"""Share of the facts that a description does not leave out."""


def name(product: Product) -> str:
    """Name a product as a shop would: ``Navy Striped Cotton T-Shirt``."""
    parts = [product.colour, PATTERN_ADJECTIVES.get(product.pattern, ""), product.fabric]
    if product.print != "none":
        parts[1] = f"{product.print} print"
    if product.fabric in product.cut:
        parts.pop()
    return " ".join(part for part in (*parts, product.cut) if part).title()


def description(seed: int, product: Product) -> Text:
    """Describe a product in short sentences, most of its attributes in the order that shops keep."""
    rng = Rng(seed, "description", product.id)
    states = {"cut", "colour", "fabric"}
    first = f"{product.fabric} {product.cut}" if product.fabric not in product.cut else product.cut
    if product.sleeve != "none":
        first = f"{_SLEEVE_NAMES[product.sleeve]} {first}"
        states.add("sleeve")
    opening = rng.pick(("{first} in {colour}", "{first} in {colour} colour"))
    sentences = [opening.format(first=first, colour=product.colour)]
    for attributes, options in _facts(product):
        if rng.chance(_SAID):
            sentences.append(rng.pick(options).format(second=product.second))
            states.update(attributes)
    if rng.chance(0.5):
        sentences.append("Tonal stitching")
    return Text(". ".join(sentence[:1].upper() + sentence[1:] for sentence in sentences) + ".", frozenset(states))


def _facts(product: Product) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """List what may be said after the first sentence: the attributes that it states and its wordings."""
    facts: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    if product.pattern != "solid":
        facts.append((("pattern", "second"), _PATTERNS[product.pattern]))
    if product.print != "none":
        facts.append((("print", "second"), (f"{product.print.capitalize()} graphic in {{second}} at front",)))
    if product.neckline != "none":
        facts.append((("neckline",), (NECKLINE_NAMES[product.neckline].capitalize(),)))
    if product.cut in _CLOSURES:
        facts.append(((), _CLOSURES[product.cut]))
    if product.detail != "none":
        shown = ("detail", "second") if "{second}" in _DETAILS[product.detail][0] else ("detail",)
        facts.append((shown, _DETAILS[product.detail]))
    if product.fit in _FITS:
        facts.append((("fit",), (_FITS[product.fit],)))
    if product.length in _LENGTH_SENTENCES:
        facts.append((("length",), (_LENGTH_SENTENCES[product.length],)))
    return facts


def short_title(seed: int, product: Product) -> Text:
    """Title a product in a few lower-case words: ``blue floral silk midi skirt``."""
    rng = Rng(seed, "title", product.id)
    words, states = [product.colour], {"colour", "cut"}
    if product.pattern != "solid" and rng.chance(0.85):
        words.append(PATTERN_ADJECTIVES[product.pattern])
        states.add("pattern")
    if product.print != "none" and rng.chance(0.7):
        words.append(f"{product.print} print")
        states.add("print")
    if product.sleeve in {"sleeveless", "long", "short"} and rng.chance(0.4):
        words.append(_SLEEVE_NAMES[product.sleeve])
        states.add("sleeve")
    if product.fabric not in product.cut and rng.chance(0.5):
        words.append(product.fabric)
        states.add("fabric")
    if product.length in {"mini", "midi", "maxi", "cropped"} and rng.chance(0.6):
        words.append(product.length)
        states.add("length")
    return Text(" ".join([*words, product.cut]), frozenset(states))
