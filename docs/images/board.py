"""Draw the pictures of a board: some of its tables, and the head of its page on a screen and on a phone.

    fashionbench run quickstart
    fashionbench publish quickstart --out site
    python docs/images/board.py site/boards/quickstart.html docs/images composed captioning

The words behind the folder choose the tables of board.png by their headings. It needs Chromium, its driver, selenium
and Pillow, as the tests of sites do.
"""

from __future__ import annotations

import base64
import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from selenium import webdriver

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
COLOURS = 64
#: Removes what a picture of some tables has no room for, and says how high the rest is.
CHOOSE = """
for (const old of document.querySelectorAll('nav, form, main > .downloads')) old.remove();
for (const old of document.querySelectorAll('section.table'))
  if (!arguments[0].some(word => old.querySelector('h2').innerText.includes(word))) old.remove();
let next = [...document.querySelectorAll('section.table')].pop().nextElementSibling;
while (next) { const gone = next; next = next.nextElementSibling; gone.remove(); }
return document.documentElement.scrollHeight;
"""


def start() -> webdriver.Chrome:
    """Start the first browser that is installed."""
    options = webdriver.ChromeOptions()
    options.binary_location = next(filter(None, map(shutil.which, BROWSERS)))
    # Without a sandbox, because Chromium has none where it is run by root, as in a container; the page is our own.
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars"):
        options.add_argument(argument)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))


def draw(browser: webdriver.Chrome, width: int, height: int, out: Path, scale: float = 1.5) -> None:
    """Take a picture of the head of the page, and save it with few colours."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    taken = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    image = Image.open(io.BytesIO(base64.b64decode(taken["data"]))).convert("RGB")
    image.quantize(COLOURS).save(out, optimize=True)


def main(page: str, folder: str, *words: str) -> None:
    """Draw board-1280.png, board-390.png and board.png."""
    browser = start()
    try:
        browser.get(Path(page).resolve().as_uri())
        draw(browser, 1280, 1000, Path(folder, "board-1280.png"), 1)
        draw(browser, 390, 844, Path(folder, "board-390.png"), 2)
        draw(browser, 1080, 1000, Path(folder, "board.png"))
        height = browser.execute_script(CHOOSE, list(words))
        draw(browser, 1080, height, Path(folder, "board.png"))
    finally:
        browser.quit()


if __name__ == "__main__":
    main(*sys.argv[1:])
