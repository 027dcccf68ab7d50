from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.dataset import status
from fashionbench.errors import DataError
from fashionbench_atelier.layouts.viton_hd import FOLDER, chunks, listed_people_of, stem
from fashionbench_tasks.datasets.mgd import MGD


@pytest.fixture
def data(twin):
    return MGD(twin / "viton-hd")


def test_chunks_of_every_garment_are_joined(data, source):
    people = [one for one in source.listed_people if one.dressed_person.layout == FOLDER]
    assert data.counts() == {"pairs/test": len(listed_people_of(source, "test")), "captions": len(people)}
    for one in people:
        product = source.world.products[one.dressed_person.garment]
        said = data.text(stem(one.dressed_person.id))
        assert said == ", ".join(chunks(product))
        assert said.count(", ") == 2
        assert product.colour in said
        assert product.cut in said


def test_sketches_of_both_lists_are_there(data, twin):
    found = status("mgd", data, twin / "viton-hd", {}, verify=True)
    assert (found.missing, found.extra, dict(found.unreadable)) == ((), (), {})
    for paired in (True, False):
        for pair in data.base.pairs("test", paired=paired):
            with Image.open(data.sketch(pair, paired=paired)) as image:
                assert image.mode == "L"
                drawn = np.asarray(image)
            assert (drawn < 100).any()
            assert np.median(drawn) == 255


def test_a_missing_and_an_extra_sketch_are_named(copied):
    root = copied("viton-hd")
    data = MGD(root)
    pair = data.base.pairs("test", paired=False)[0]
    data.sketch(pair, paired=False).rename(root / "test" / "im_sketch" / "stray.png")
    found = status("mgd", MGD(root), root, {})
    assert found.missing == (f"test/im_sketch_unpaired/{pair.person}_{pair.garment}",)
    assert found.extra == ("test/im_sketch/stray.png",)


def test_a_garment_without_chunks_is_named(copied):
    root = copied("viton-hd")
    path = root / "captions.json"
    captions = json.loads(path.read_text())
    name = min(captions)
    captions[name] = []
    path.write_text(json.dumps(captions))
    with pytest.raises(DataError, match=f"no chunks of {name}_00"):
        MGD(root).text(f"{name}_00")
    with pytest.raises(DataError, match="no chunks of 99999_00"):
        MGD(root).text("99999_00")


@pytest.mark.parametrize("content", ["[]", '{"00001": "a shirt"}', "{"])
def test_captions_of_another_form_are_refused(copied, content):
    root = copied("viton-hd")
    (root / "captions.json").write_text(content)
    with pytest.raises(DataError, match=r"captions\.json"):
        MGD(root)


def test_viton_hd_without_captions_is_no_mgd(copied):
    root = copied("viton-hd")
    (root / "captions.json").unlink()
    with pytest.raises(DataError, match=r"no captions\.json"):
        MGD(root)
    with pytest.raises(DataError, match="root folder"):
        MGD(None)
