"""Class numbers of the parse maps.

Atelier paints with the 20 classes of the parser behind VITON-HD's ``image-parse-v3`` (class 10 is skin of neck and
trunk); :data:`DRESS_CODE` translates them to the 18 classes of Dress Code's ``label_maps``.
"""

from __future__ import annotations

BACKGROUND, HAT, HAIR, GLOVE, SUNGLASSES, UPPER, DRESS, COAT, SOCKS, PANTS, TORSO_SKIN = range(11)
SCARF, SKIRT, FACE, LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG, LEFT_SHOE, RIGHT_SHOE = range(11, 20)

ARM = {"left": LEFT_ARM, "right": RIGHT_ARM}
LEG = {"left": LEFT_LEG, "right": RIGHT_LEG}
SHOE = {"left": LEFT_SHOE, "right": RIGHT_SHOE}

GARMENT = {"dress": DRESS, "shirt": UPPER, "toptee": UPPER, "skirt": SKIRT, "trousers": PANTS, "jacket": COAT}
"""Category of a product to the class of its pixels."""

DRESS_CODE = {
    BACKGROUND: 0,
    HAT: 1,
    HAIR: 2,
    SUNGLASSES: 3,
    UPPER: 4,
    COAT: 4,
    SKIRT: 5,
    PANTS: 6,
    DRESS: 7,
    LEFT_SHOE: 9,
    RIGHT_SHOE: 10,
    FACE: 11,
    TORSO_SKIN: 11,
    LEFT_LEG: 12,
    RIGHT_LEG: 13,
    LEFT_ARM: 14,
    RIGHT_ARM: 15,
    SCARF: 17,
    GLOVE: 0,
    SOCKS: 0,
}
"""Atelier's class to that of Dress Code, where face and neck are one class, ``head``."""
