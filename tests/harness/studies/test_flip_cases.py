"""Items that changed most are shown with what each system answered, where their data may be shown."""

from __future__ import annotations

import base64
import io
import json
import re

import pytest
import toy_plugin
from PIL import Image

import fashionbench
from fashionbench import api
from fashionbench.api.comparisons import comparison_page
from fashionbench.cli.main import main

TASK = "wardrobe/image-to-image"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flips")
    config = {"tasks": TASK, "backends": ["control/random", "baseline/colour-histogram"], "device": "cpu"}
    fashionbench.run(config, store=folder)
    return folder


def test_the_page_shows_what_both_systems_answered(store):
    page = comparison_page("control/random", "baseline/colour-histogram", store=store, metrics=["hit@5"])
    cases = page.split('<section class="case">')[1:]
    assert len(cases) == 12
    for case in cases:
        before, after = re.search(r"hit@5: (\S+) → (\S+)</h3>", case).groups()
        for label, value in (("control/random", before), ("baseline/colour-histogram", after)):
            side = case.split(f"<b>{label}</b>")[1].split('<div class="things">')[1].split("</div>\n</div>")[0]
            # The first five answers hold a right one exactly where the value is 1.
            right = [shown.group(1) for shown in re.finditer(r'class="thing( right)?"', side)][:5]
            assert (" right" in right) is (value == "1")
    picture = re.search(r'src="data:image/webp;base64,([^"]+)"', cases[0]).group(1)
    assert Image.open(io.BytesIO(base64.b64decode(picture))).size[0] > 20
    assert "img-src data:" in page
    assert "Twemoji" in page, "the credit that the licence asks for"


def test_data_that_may_not_be_shown_are_named_by_ids_alone(plugins, store, tmp_path):
    for name, shift in (("one", 0), ("two", 1)):
        names = list(toy_plugin.COLOURS)
        lists = {f"image-{q}": [f"text-{names[(n + shift) % 8]}"] for n, q in enumerate(names)}
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(lists))
        api.score("toy/squares", path, name=name, store=tmp_path, plugins=plugins)
    page = comparison_page("imported/one", "imported/two", store=tmp_path, plugins=plugins, metrics=["hit@1"])
    assert "<img" not in page
    assert "does not allow its images and texts on a public page" in page
    assert "image-red" in page


def test_the_command_writes_the_pictures(store, tmp_path):
    out = tmp_path / "compare.html"
    words = ["compare", "control/random", "baseline/colour-histogram", "--store", str(store), "--output", str(out)]
    assert main(words) == 0
    assert out.read_text().count("data:image/webp") > 20
