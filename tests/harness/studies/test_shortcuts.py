"""One-modality shortcuts on queries whose answers are known by construction."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image

import fashionbench
from fashionbench.cli.main import main
from fashionbench.errors import ConfigError

#: Shade of the image, and the shade that the text asks for: the target is as near to the first as the letter says.
RED, BLUE, PINK, NAVY, GREEN = (255, 0, 0), (0, 0, 255), (255, 30, 30), (30, 30, 255), (0, 255, 0)
COLOURS = {"red": RED, "blue": BLUE, "pink": PINK, "navy": NAVY, "green": GREEN}
#: The targets of the four queries: by the image alone, by the text alone, by each, and by both sides together alone.
QUERIES = {"i": ("red", "green", "pink"), "t": ("green", "navy", "navy"), "e": ("blue", "blue", "navy"), "b": ("red", "blue", "green")}  # fmt: skip


class ImageOnly:
    def encode_images(self, items, role):
        return np.stack([np.asarray(item.image, float).mean(axis=(0, 1)) - 80 for item in items])

    def encode_composed(self, items):
        return self.encode_images(items, "query")


class TextOnly(ImageOnly):
    def encode_composed(self, items):
        return np.stack([np.asarray(COLOURS[item.text], float) - 80 for item in items])


class Opposite(ImageOnly):
    """Looks away from the mean of both sides: right in the query that needs both, and there alone."""

    def encode_composed(self, items):
        return -(ImageOnly.encode_composed(self, items) + TextOnly.encode_composed(self, items))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("shortcuts")
    for name, colour in COLOURS.items():
        Image.new("RGB", (6, 6), colour).save(root / f"{name}.png")
    with (root / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["reference", "text", "target"])
        writer.writerows([f"{ref}.png", text, f"{target}.png"] for ref, text, target in QUERIES.values())
    backends = [ImageOnly, TextOnly, Opposite]
    config = {"tasks": "manifest/composed", "backends": backends, "data": {"manifest": str(root)}}
    assert all(record.status == "ok" for record in fashionbench.run(config, store=root / "store"))
    return root / "store"


def find(store, **more):
    controls = {"image_only": "python/image-only", "text_only": "python/text-only"}
    return fashionbench.shortcuts("manifest/composed", store=store, metric="hit@1", **controls, **more)


def test_queries_are_split_by_what_each_side_answers(store):
    found = find(store)
    assert (found.queries, found.shortcuts) == (4, 3)
    assert (found.image, found.text, found.both) == (2, 2, 1)
    rows = {row.system: row for row in found.rows}
    one = rows["python/image-only"]
    # Green is as far from navy as from pink: a tie of two at the first place, which is no answer.
    assert (one.whole.value, one.shortcut.value, one.composed.value) == (2.5 / 4, pytest.approx(2.5 / 3), 0.0)
    assert (one.shortcut.n, one.composed.n) == (3, 1)
    both = rows["python/opposite"]
    assert (both.shortcut.value, both.composed.value) == (0.0, 1.0)
    assert both.gap.value == pytest.approx(1 / 4 - 2.5 / 4)


def test_labels_may_be_given(store, tmp_path):
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({f"query/{at}": at == 3 for at in range(4)}))
    found = find(store, labels=path)
    assert (found.shortcuts, found.image, found.labels) == (1, None, "labels.json")
    assert {row.system: row.shortcut.value for row in found.rows}["python/opposite"] == 1.0
    assert all(row.gap is None for row in found.rows)
    path.write_text(json.dumps({"query/0": True}))
    with pytest.raises(
        ConfigError, match="3 of 4 queries of python/image-only have no label: query/1, query/2, query/3"
    ):
        find(store, labels=path)
    for content, message in (('{"query/0": "yes"}', "no object of query ids"), ("{", "is no JSON")):
        path.write_text(content)
        with pytest.raises(ConfigError, match=message):
            find(store, labels=path)


def test_what_is_lacking_is_said_with_the_command(store):
    with pytest.raises(ConfigError, match="no whole record of control/pocket-image-only") as caught:
        fashionbench.shortcuts("manifest/composed", store=store)
    assert "--backend control/pocket-image-only" in caught.value.remedy
    with pytest.raises(ConfigError, match="no whole record of cirr/val"):
        fashionbench.shortcuts("cirr/val", store=store)
    with pytest.raises(ConfigError, match="median-rank has no share for each query"):
        fashionbench.shortcuts("manifest/composed", metric="median-rank", store=store)


def test_the_command_prints_both_parts(store, capsys):
    words = ["shortcuts", "manifest/composed", "--store", str(store), "--metric", "hit@1"]
    controls = ["--image-only", "python/image-only", "--text-only", "python/text-only"]
    assert main([*words, *controls]) == 0
    out = capsys.readouterr().out
    assert "shortcuts 3" in out and "need both 1" in out
    assert "75.0 % of the queries are shortcuts" in out and "2 by the image, 2 by the text, 1 of them by each" in out
    assert main([*words, *controls, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shortcuts"] == 3
