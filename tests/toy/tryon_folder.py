"""A small try-on data set in VITON-HD's layout, and folders of predictions for it, all drawn from a seed."""

from __future__ import annotations

import numpy as np
from PIL import Image

SIZE = (48, 64)
NAMES = ("00010_00", "00027_00", "00035_00")


def person(seed):
    """A torso of one colour before a plain wall, with grain."""
    rng = np.random.default_rng(seed)
    pixels = np.full((SIZE[1], SIZE[0], 3), rng.integers(150, 230, 3))
    pixels[16:48, 12:36] = rng.integers(0, 255, 3)
    return Image.fromarray((pixels + rng.integers(-8, 9, pixels.shape)).clip(0, 255).astype(np.uint8))


def mask():
    """The torso with a margin."""
    image = Image.new("L", SIZE, 0)
    image.paste(255, (10, 14, 38, 50))
    return image


def write(root):
    """Write persons, garments and masks, and the unpaired list, in which each wears the next one's garment."""
    for folder in ("image", "cloth", "agnostic-mask"):
        (root / "test" / folder).mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(NAMES):
        person(number).save(root / "test" / "image" / f"{name}.jpg", quality=95)
        person(number + 50).save(root / "test" / "cloth" / f"{name}.jpg", quality=95)
        mask().save(root / "test" / "agnostic-mask" / f"{name}_mask.png")
    following = (*NAMES[1:], NAMES[0])
    lines = [f"{one}.jpg {other}.jpg\n" for one, other in zip(NAMES, following, strict=True)]
    (root / "test_pairs.txt").write_text("".join(lines))
    return root


def photo(root, name):
    """A person as the task compares it: 384 x 512, Lanczos."""
    with Image.open(root / "test" / "image" / f"{name}.jpg") as image:
        return image.convert("RGB").resize((384, 512), Image.Resampling.LANCZOS)


def predict(root, out, change=lambda image: image, pattern="{0}_{0}.png", **saved):
    """Write a changed photo of each person; the pattern makes the file's name of the person's."""
    out.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        path = out / pattern.format(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        change(photo(root, name)).save(path, **saved)
    return out
