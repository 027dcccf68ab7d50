"""Garment silhouettes: for each cut, the attributes that make sense and how often each is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field

Weights = dict[str, float]

CATEGORIES = ("dress", "shirt", "toptee", "skirt", "trousers", "jacket")
"""``dress``, ``shirt`` and ``toptee`` are the three categories of Fashion-IQ (shirt: menswear, toptee: womenswear)."""

SLEEVES = ("strap", "sleeveless", "cap", "short", "elbow", "three-quarter", "long")
"""From least to most of the arm covered; the order is what "longer sleeves" means."""

LENGTHS: dict[str, tuple[str, ...]] = {
    "dress": ("mini", "knee", "midi", "maxi"),
    "skirt": ("mini", "knee", "midi", "maxi"),
    "trousers": ("short", "bermuda", "cropped", "full"),
    "shirt": ("cropped", "regular", "long"),
    "toptee": ("cropped", "regular", "long"),
    "jacket": ("cropped", "regular", "long"),
}
"""From shortest to longest; the order is what "is longer" means."""

FITS = ("slim", "regular", "loose")

_PLAIN: Weights = {"solid": 5, "stripes": 1, "pinstripes": 0.7, "check": 0.8}
_LIVELY: Weights = {
    "solid": 5,
    "stripes": 1,
    "dots": 1,
    "check": 0.5,
    "floral": 1.5,
    "chevron": 0.6,
    "colour block": 0.6,
}
_PRINTS: Weights = {"none": 5, "heart": 1, "star": 1, "flower": 0.8, "moon": 0.6, "bolt": 0.6, "circle": 0.7}


@dataclass(frozen=True, slots=True)
class Cut:
    """The options of one cut; a key that is absent from ``Weights`` is never drawn for it."""

    category: str
    gender: str
    fabrics: Weights
    necklines: Weights = field(default_factory=lambda: {"none": 1})
    sleeves: Weights = field(default_factory=lambda: {"none": 1})
    lengths: Weights = field(default_factory=lambda: {"regular": 1})
    fits: Weights = field(default_factory=lambda: {"slim": 1, "regular": 3, "loose": 1})
    patterns: Weights = field(default_factory=lambda: dict(_LIVELY))
    prints: Weights = field(default_factory=lambda: {"none": 1})
    details: Weights = field(default_factory=lambda: {"none": 1})
    formality: int = 1
    """0 sporty, 1 casual, 2 smart: what may be worn together."""


_SOFT: Weights = {"cotton": 3, "silk": 2, "linen": 1, "crepe": 1}
_ARMS: Weights = {"sleeveless": 2, "cap": 1, "short": 2, "elbow": 1, "three-quarter": 1, "long": 2}
_NECKS: Weights = {"crew": 2, "v": 2, "scoop": 2, "boat": 1, "square": 1}
_SKIRTS: Weights = {"mini": 2, "knee": 3, "midi": 2, "maxi": 1}
_TOPS: Weights = {"cropped": 1, "regular": 4, "long": 1}
_MEN: Weights = {"regular": 4, "long": 1}
_RUFFLE: Weights = {"none": 3, "belt": 1, "ruffle hem": 1, "contrast hem": 1}

CUTS: dict[str, Cut] = {
    "shift dress": Cut("dress", "women", _SOFT, _NECKS, _ARMS, _SKIRTS, details=_RUFFLE),
    "sheath dress": Cut(
        "dress",
        "women",
        {"crepe": 2, "cotton": 1, "leather": 0.4, "knit": 1},
        {**_NECKS, "turtle": 0.7},
        _ARMS,
        {"mini": 2, "knee": 3, "midi": 2},
        {"slim": 1},
        details={"none": 3, "belt": 1, "contrast hem": 1},
        formality=2,
    ),
    "a-line dress": Cut("dress", "women", _SOFT, _NECKS, {**_ARMS, "strap": 1}, _SKIRTS, details=_RUFFLE),
    "wrap dress": Cut(
        "dress",
        "women",
        {"silk": 2, "crepe": 2, "cotton": 1},
        {"wrap": 1},
        _ARMS,
        {"knee": 2, "midi": 2, "maxi": 1},
        details={"belt": 1},
        formality=2,
    ),
    "slip dress": Cut(
        "dress",
        "women",
        {"silk": 3, "crepe": 1},
        {"sweetheart": 1},
        {"strap": 1},
        _SKIRTS,
        {"slim": 1, "regular": 2},
        details={"none": 3, "contrast hem": 1},
        formality=2,
    ),
    "shirt dress": Cut(
        "dress",
        "women",
        {"cotton": 3, "denim": 1, "linen": 1},
        {"shirt collar": 1},
        {"short": 1, "elbow": 1, "long": 2},
        {"mini": 1, "knee": 3, "midi": 1},
        patterns=_PLAIN,
        details={"none": 1, "belt": 2, "chest pocket": 1},
    ),
    "button-up shirt": Cut(
        "shirt",
        "men",
        {"cotton": 4, "linen": 1, "denim": 1},
        {"shirt collar": 3, "band collar": 1},
        {"short": 1, "long": 3},
        _MEN,
        patterns={**_PLAIN, "dots": 0.5, "floral": 0.7},
        details={"none": 2, "chest pocket": 2},
        formality=2,
    ),
    "polo shirt": Cut(
        "shirt",
        "men",
        {"cotton": 3, "knit": 1},
        {"polo collar": 1},
        {"short": 3, "long": 1},
        _MEN,
        patterns={"solid": 4, "stripes": 2, "colour block": 1},
        details={"none": 2, "chest pocket": 1},
    ),
    "t-shirt": Cut(
        "shirt",
        "men",
        {"cotton": 4, "linen": 0.6},
        {"crew": 3, "v": 2, "scoop": 0.5},
        {"short": 4, "long": 1, "sleeveless": 0.5},
        _MEN,
        patterns={"solid": 5, "stripes": 1.4, "colour block": 0.8},
        prints=_PRINTS,
        details={"none": 3, "chest pocket": 1, "contrast trim": 1},
        formality=0,
    ),
    "blouse": Cut(
        "toptee",
        "women",
        {"silk": 3, "crepe": 2, "cotton": 2},
        {"shirt collar": 1, "v": 2, "scoop": 1, "boat": 1},
        {"cap": 1, "short": 1, "elbow": 1, "three-quarter": 1, "long": 2},
        _TOPS,
        details={"none": 3, "ruffle hem": 1},
        formality=2,
    ),
    "tank top": Cut(
        "toptee",
        "women",
        {"cotton": 3, "linen": 1, "knit": 0.6},
        {"scoop": 3, "v": 1, "crew": 1, "square": 1},
        {"sleeveless": 1},
        _TOPS,
        prints=_PRINTS,
        details={"none": 3, "contrast trim": 1},
        formality=0,
    ),
    "camisole": Cut(
        "toptee",
        "women",
        {"silk": 3, "cotton": 1},
        {"sweetheart": 1},
        {"strap": 1},
        _TOPS,
        details={"none": 3, "ruffle hem": 1, "contrast hem": 1},
    ),
    "tee": Cut(
        "toptee",
        "women",
        {"cotton": 4, "linen": 1},
        {"crew": 2, "v": 2, "scoop": 2, "boat": 1},
        {"cap": 1, "short": 3, "elbow": 1, "long": 1},
        _TOPS,
        prints=_PRINTS,
        details={"none": 3, "chest pocket": 1, "contrast trim": 1},
        formality=0,
    ),
    "sweater": Cut(
        "toptee",
        "women",
        {"knit": 1},
        {"crew": 2, "v": 1, "turtle": 2, "boat": 1},
        {"three-quarter": 1, "long": 4},
        _TOPS,
        patterns={"solid": 5, "stripes": 2, "chevron": 1, "dots": 0.6, "colour block": 1},
    ),
    "pencil skirt": Cut(
        "skirt",
        "women",
        {"crepe": 2, "leather": 1, "cotton": 1, "knit": 0.6},
        lengths={"mini": 1, "knee": 3, "midi": 2},
        fits={"slim": 1},
        patterns={**_PLAIN, "floral": 0.5},
        formality=2,
        details={"none": 3, "belt": 1},
    ),
    "a-line skirt": Cut("skirt", "women", _SOFT, lengths=_SKIRTS, details=_RUFFLE),
    "pleated skirt": Cut("skirt", "women", {"crepe": 2, "silk": 1, "cotton": 1}, lengths=_SKIRTS, formality=2),
    "denim skirt": Cut(
        "skirt",
        "women",
        {"denim": 1},
        lengths={"mini": 2, "knee": 2},
        patterns={"solid": 1},
        formality=0,
    ),
    "jeans": Cut(
        "trousers",
        "unisex",
        {"denim": 1},
        lengths={"short": 0.6, "bermuda": 0.4, "cropped": 1, "full": 4},
        fits={"slim": 3, "regular": 2, "loose": 1},
        patterns={"solid": 1},
        formality=0,
    ),
    "chinos": Cut(
        "trousers",
        "unisex",
        {"cotton": 3, "linen": 1},
        lengths={"short": 1, "bermuda": 1, "cropped": 1, "full": 3},
        patterns=_PLAIN,
        details={"none": 2, "belt": 1},
    ),
    "wide-leg trousers": Cut(
        "trousers",
        "women",
        {"crepe": 2, "silk": 1, "linen": 1},
        lengths={"cropped": 1, "full": 3},
        fits={"loose": 1},
        patterns={**_PLAIN, "floral": 0.6, "dots": 0.4},
        details={"none": 2, "belt": 1},
        formality=2,
    ),
    "joggers": Cut(
        "trousers",
        "unisex",
        {"cotton": 2, "knit": 1},
        lengths={"cropped": 1, "full": 3},
        fits={"regular": 2, "loose": 1},
        patterns={"solid": 1},
        details={"none": 1, "side stripe": 1},
        formality=0,
    ),
    "blazer": Cut(
        "jacket",
        "unisex",
        {"wool": 3, "linen": 1, "crepe": 1},
        {"lapel": 1},
        {"long": 1},
        {"regular": 4, "long": 1},
        patterns=_PLAIN,
        formality=2,
    ),
    "bomber jacket": Cut(
        "jacket",
        "unisex",
        {"cotton": 2, "leather": 2, "silk": 1},
        {"band collar": 1},
        {"long": 1},
        {"cropped": 1, "regular": 3},
        patterns={"solid": 5, "floral": 0.5, "colour block": 1},
        formality=0,
    ),
    "denim jacket": Cut(
        "jacket",
        "unisex",
        {"denim": 1},
        {"shirt collar": 1},
        {"long": 1},
        {"cropped": 2, "regular": 3},
        patterns={"solid": 1},
    ),
    "hoodie": Cut(
        "jacket",
        "unisex",
        {"cotton": 2, "knit": 1},
        {"hood": 1},
        {"long": 1},
        {"cropped": 0.6, "regular": 3, "long": 0.6},
        patterns={"solid": 4, "stripes": 0.6, "colour block": 1},
        prints=_PRINTS,
        formality=0,
    ),
    "coat": Cut(
        "jacket",
        "unisex",
        {"wool": 3, "cotton": 1, "leather": 0.5},
        {"lapel": 1},
        {"long": 1},
        {"long": 1},
        patterns=_PLAIN,
        details={"none": 2, "belt": 1},
        formality=2,
    ),
}
"""Cut to options; the cut is the sub-category, the thing that FashionGen's sampled protocols draw negatives from."""
