"""Draw board.png: the head of an HTML board and some of its tables, as a browser shows them.

    fashionbench run quickstart
    python docs/images/board.py results/boards/quickstart.html docs/images/board.png composed captioning

The words behind the two files choose the tables by their headings. It needs Chromium and Pillow.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageChops

WIDTH, HEIGHT, SCALE, COLOURS = 1080, 4000, 1.5, 48
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def chosen(page: str, words: list[str]) -> str:
    """Keep the head of the page and the tables whose heading holds one of the words."""
    head, *sections = re.split(r"(?=<h2>)", page)
    kept = [section for section in sections if any(word in section.partition("</h2>")[0] for word in words)]
    if len(kept) != len(words):
        sys.exit(f"{len(words)} words, and they fit the headings of {len(kept)} tables")
    return head + "".join(kept) + "</body></html>"


def photograph(page: Path, picture: Path) -> None:
    """Let the first browser that is installed draw the page."""
    # Without a sandbox, because Chromium has none where it is run by root, as in a container; the page is our own.
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    size = [f"--window-size={WIDTH},{HEIGHT}", f"--force-device-scale-factor={SCALE}"]
    for browser in BROWSERS:
        try:
            words = [browser, *options, *size, f"--screenshot={picture}", page.as_uri()]
            subprocess.run(words, check=True, capture_output=True)  # noqa: S603
        except FileNotFoundError:
            continue
        return
    sys.exit(f"none of {', '.join(BROWSERS)} is installed")


def main(page: str, out: str, *words: str) -> None:
    """Draw, cut off the white below, and save with few colours."""
    with tempfile.TemporaryDirectory() as folder:
        small, drawn = Path(folder, "page.html"), Path(folder, "page.png")
        small.write_text(chosen(Path(page).read_text(encoding="utf-8"), list(words)), encoding="utf-8")
        photograph(small, drawn)
        image = Image.open(drawn).convert("RGB")
    box = ImageChops.difference(image, Image.new("RGB", image.size, image.getpixel((0, 0)))).getbbox()
    bottom = box[3] if box else image.height
    image.crop((0, 0, image.width, min(image.height, bottom + 30))).quantize(COLOURS).save(out, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
