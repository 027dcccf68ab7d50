"""A site in a real browser: order, search, filters, permalinks, phones, accessibility, and what a page may do."""

from __future__ import annotations

import csv
import io
import os
import shutil
import time
from pathlib import Path
from urllib.parse import quote

import pytest
import site_records

from fashionbench.api.publication import make_publication, site_files, write_site
from fashionbench.files import slug
from fashionbench.records.store import Store
from fashionbench_leaderboards.site.board_page import self_contained

pytestmark = pytest.mark.slow

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
#: What reads a page aloud needs contrast, names and structure; of less are remarks.
GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site of two boards, and the folder it lies in; opened as files, as a reader does who was sent a folder."""
    folder = tmp_path_factory.mktemp("site")
    plugins = site_records.toy_plugins()
    store = Store(folder / "results")
    site_records.fill(store, plugins)
    publication = make_publication(site_records.BOARDS, stores=[store], plugins=plugins)
    write_site(site_files(publication, plugins=plugins), folder)
    (folder / "single.html").write_text(self_contained(publication.boards[0]))
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    binary = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        message = "no Chromium: on Debian, apt-get install chromium chromium-driver"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    folder = tmp_path_factory.mktemp("downloads")
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    opened.folder = folder
    yield opened
    opened.quit()


@pytest.fixture
def board(browser, site):
    """The page of a board, fresh and wide."""
    _size(browser, 1280)
    _open(browser, site, "boards/shapes.html")
    return browser


def _open(browser, site, path):
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get(f"{site.as_uri()}/{path}")


def _size(browser, width, scheme="light"):
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)


def _table(browser, number=0):
    script = "return [...document.querySelectorAll('table.board')[arguments[0]].tBodies[0].rows].map(r => [...r.cells].map(c => c.innerText.split('\\n')[0].trim()))"
    return browser.execute_script(script, number)


def _labels(browser, number=0):
    script = "return [...document.querySelectorAll('table.board')[arguments[0]].tBodies[0].rows].map(r => r.cells[0].dataset.export).filter(name => name !== undefined)"
    return browser.execute_script(script, number)


def _click_head(browser, at, number=0):
    """Click a head, and wait until the table says that it is in another order: it is sorted after the click returns."""
    head = browser.find_elements("css selector", "table.board")[number].find_elements("css selector", "thead th")[at]
    before = head.get_attribute("aria-sort")
    head.click()
    until = time.monotonic() + 20
    while head.get_attribute("aria-sort") == before and time.monotonic() < until:
        time.sleep(0.02)


def _fill(browser, text):
    field = browser.find_element("name", "search")
    field.clear()
    field.send_keys(text)


def test_the_first_order_is_shown_and_another_one_puts_gaps_last_either_way(board):
    def column(at):
        return [row[at] for row in _table(board)]

    def sorted_head():
        return board.execute_script(
            "return [...document.querySelectorAll('table.board')[0].tHead.rows[0].cells].map(c => c.getAttribute('aria-sort'))"
        )

    def figures(at):
        return [float(text) for text in column(at)]

    assert "First order: hit@5 ↑, best first." in board.find_element("tag name", "main").text
    assert sorted_head()[1] == "descending"
    assert figures(1) == sorted(figures(1), reverse=True)
    _click_head(board, 2)
    assert sorted_head()[1:] == [None, "ascending"]
    assert figures(2) == sorted(figures(2))
    _click_head(board, 2)
    assert figures(2) == sorted(figures(2), reverse=True)
    _click_head(board, 0)
    assert _labels(board) == sorted(_labels(board))
    for _ in range(2):  # squares: whole runs, then the limited one, then what failed, up and down
        rows = _table(board, 1)
        values = [row[1] for row in rows]
        assert values[-1] == "–"
        assert "limit=3" in rows[-2][0]
        _click_head(board, 1, number=1)
    assert [float(text) for text in values[:-2]] == sorted(float(text) for text in values[:-2])


def test_search_and_filters_leave_what_was_asked_for(board):
    whole = _labels(board)
    assert {"control/random", "control/oracle", "baseline/colour-histogram"} == set(whole)
    _fill(board, "histogram")
    assert _labels(board) == ["baseline/colour-histogram"]
    assert board.find_element("css selector", "output").text == "1 of 8 rows"
    _fill(board, "")
    assert _labels(board) == whole
    board.find_element("name", "controls").click()
    assert _labels(board) == ["baseline/colour-histogram"]
    board.find_element("name", "controls").click()
    board.find_element("css selector", "select[name=family] option:nth-child(3)").click()
    family = board.find_element("name", "family").get_property("value")
    assert _labels(board) == [name for name in whole if name.startswith(f"{family}/")] != []


def test_an_address_leads_to_the_same_rows_in_the_same_order(board, site):
    _fill(board, "control")
    _click_head(board, 2)
    _click_head(board, 2)
    shown, address = _labels(board), board.current_url
    assert shown == ["control/random", "control/oracle"]
    assert address.endswith("#search=control&sort0=2-desc")
    board.get("about:blank")
    board.get(address)
    assert _labels(board) == shown
    assert board.find_element("name", "search").get_property("value") == "control"
    board.get("about:blank")
    board.get(f"{site.as_uri()}/boards/shapes.html#controls=0&sort0=99-desc&family=nobody&sort1=x")
    assert _labels(board) == ["baseline/colour-histogram"]
    assert board.get_log("browser") == []


def test_the_csv_holds_what_is_shown(board):
    _fill(board, "r")
    board.find_element("name", "controls").click()
    board.find_element("name", "csv").click()
    written = board.folder / "shapes.csv"
    end = time.monotonic() + 10
    while not written.exists() and time.monotonic() < end:
        time.sleep(0.02)
    rows = list(csv.reader(io.StringIO(written.read_text())))
    assert rows[0] == ["backend", "hit@5 ↑", "median rank ↓"]
    assert [row[0] for row in rows if row[0] != "backend"] == [*_labels(board), *_labels(board, 1)]
    assert site_records.HOSTILE in {row[0] for row in rows}
    shown = float(_table(board)[0][1])
    assert f"{100 * float(rows[1][1]):.2f}" == f"{shown:.2f}"
    assert len(rows[1][1]) > 6


def test_a_value_leads_to_its_record_and_on_to_backend_and_task(board):
    row = next(r for r in board.find_elements("css selector", "table.board tbody tr") if "histogram" in r.text)
    value = row.find_element("css selector", "td a")
    shown = value.text
    value.click()
    assert board.find_element("tag name", "h1").text == "baseline/colour-histogram on wardrobe/image-to-image"
    metrics = [r.text for r in board.find_elements("css selector", "main table tbody tr")]
    assert any(line.startswith("hit@5") and f" {shown} %" in line for line in metrics)
    framed = board.find_elements("css selector", ".thing.right img")
    assert framed and all(board.execute_script("return arguments[0].naturalWidth", image) for image in framed[:3])
    board.find_element("link text", "wardrobe/image-to-image").click()
    assert "maximum over vectors" in board.find_element("tag name", "main").text
    board.find_element("link text", "baseline/colour-histogram").click()
    assert board.find_element("tag name", "h1").text == "baseline/colour-histogram"


def _kinds(site):
    """One page of each kind; of records, one with pictures and the one with the hostile name."""
    records = sorted((site / "records").glob("*.html"))
    pictures = next(path for path in records if "../images/" in path.read_text())
    hostile = next(path for path in records if "window.injected" in path.read_text())
    return [
        "index.html",
        "boards/shapes.html",
        "single.html",
        *(f"records/{path.name}" for path in (pictures, hostile)),
        f"backends/{quote(slug(site_records.HOSTILE))}.html",
        "tasks/wardrobe__image-to-image.html",
    ]


def test_pages_are_quiet_run_nothing_strange_and_fit_a_phone(browser, site):
    for path in _kinds(site):
        for width in (390, 1280):
            _size(browser, width)
            _open(browser, site, path)
            assert browser.find_element("tag name", "h1").text
            assert browser.execute_script("return document.documentElement.scrollWidth") <= width, path
        assert browser.get_log("browser") == [], path
        assert browser.execute_script("return window.injected === undefined"), path
        strange = "return performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith('file:'))"
        assert browser.execute_script(strange) == [], path
    _open(browser, site, "boards/shapes.html")
    assert site_records.HOSTILE in _labels(browser, 1)
    # The policy stops a script that gets into a page in another way.
    browser.execute_script(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.injected = 1'}))"
    )
    assert browser.execute_script("return window.injected === undefined")
    assert "Content Security Policy" in browser.get_log("browser")[0]["message"]


def test_a_phone_shows_names_and_values_side_by_side_and_scrolls_the_table_alone(browser, site):
    _size(browser, 390)
    _open(browser, site, "boards/shapes.html")
    places = """
        const box = document.querySelector('.scroll'), row = box.querySelector('tbody tr');
        box.scrollLeft = arguments[0];
        const [name, value] = [row.cells[0], row.cells[row.cells.length - 1]].map(c => c.getBoundingClientRect());
        return [name.left, name.right, value.left, value.right, innerWidth, box.scrollLeft]"""
    before = browser.execute_script(places, 0)
    after = browser.execute_script(places, 10_000)
    assert after[0] == before[0] >= 0
    assert after[1] < 0.6 * 390
    assert after[1] <= after[2] + 1 and after[3] <= 390
    size = browser.execute_script("return parseFloat(getComputedStyle(document.querySelector('td a')).fontSize)")
    assert size >= 12


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_have_no_grave_fault_of_accessibility(browser, site, scheme):
    axe = Path(__file__).with_name("axe.min.js").read_text()
    for path in _kinds(site):
        _size(browser, 1280, scheme)
        _open(browser, site, path)
        browser.execute_script(axe)
        found = browser.execute_async_script(
            "const done = arguments[0]; axe.run().then(r => done(r.violations.map(v => [v.id, v.impact, v.nodes[0].html])))"
        )
        assert [fault for fault in found if fault[1] in GRAVE] == [], path


def test_a_page_that_stands_alone_sorts_too_and_asks_for_nothing(browser, site):
    _size(browser, 1280)
    _open(browser, site, "single.html")
    first = _labels(browser)
    _click_head(browser, 1)
    assert _labels(browser) == first[::-1]
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert browser.get_log("browser") == []
