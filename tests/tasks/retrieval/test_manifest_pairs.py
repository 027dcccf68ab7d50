"""The task on a user's own pairs: which texts and images answer each other."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fashionbench import api
from fashionbench.api.data import audit
from fashionbench.data.roots import DataRoots
from fashionbench.errors import DataError
from fashionbench.plugins.manager import Plugins
from fashionbench_tasks.retrieval.cross_modal.manifest_pairs import manifest_pairs

TASK = "manifest/pairs"


@pytest.fixture
def task(tmp_path):
    """Open the task on rows of a manifest, with an image of its own for each name."""

    def opened(*lines, absent=()):
        root = tmp_path / "mine"
        root.mkdir(exist_ok=True)
        (root / "manifest.csv").write_text("\n".join(lines) + "\n")
        for at, name in enumerate(sorted({line.split(",")[0] for line in lines[1:]} - set(absent))):
            Image.new("RGB", (4, 4), (at, 0, 0)).save(root / name)
        return manifest_pairs(Plugins(strict=True).tasks[TASK], DataRoots(named={"manifest": root}))

    return opened


@pytest.fixture
def scored(task, tmp_path):
    """Score vectors by id."""

    def score(vectors, *lines):
        task(*lines)
        rows = np.array(list(vectors.values()), dtype=np.float32)
        ids = np.array(list(vectors))
        path = tmp_path / "vectors.npz"
        np.savez(path, query_ids=ids, query_embeddings=rows, candidate_ids=ids, candidate_embeddings=rows)
        return api.score(TASK, path, data={"manifest": tmp_path / "mine"}, store=tmp_path / "results")

    return score


def folds_of(task):
    to_text, to_image = task.folds
    return (
        {name: sorted(answers) for name, answers in to_text.positives.items()},
        {name: sorted(answers) for name, answers in to_image.positives.items()},
    )


def test_every_text_of_an_image_counts_in_both_directions(scored):
    # Of image i one text is of the next image: I2T finds another one of its own, T2I misses one text of three.
    one = np.eye(3)
    vectors = {f"{i}.png": one[i] for i in range(3)}
    for i in range(3):
        vectors |= {f"text/{i}.png": 0.9 * one[(i + 1) % 3] + 0.4 * one[i]}
        vectors |= {f"text/{i}.png#{n}": one[i] for n in (1, 2)}
    lines = [f"{i}.png,caption {n} of {i}" for i in range(3) for n in range(3)]
    record = scored(vectors, "image,text", *lines)
    assert record.metric("hit@1", "image-to-text").value == 1.0
    assert record.metric("hit@1", "text-to-image").value == pytest.approx(2 / 3)
    assert (record.metric("hit@1", "text-to-image").n, record.dataset.sizes["texts"]) == (9, 9)
    assert "every different text" in record.protocol.card["gallery"]


def test_an_image_in_two_groups_belongs_to_both(task):
    opened = task("image,text,group", "a.png,blue,1", "b.png,navy,1", "b.png,long,2", "c.png,longer,2", "d.png,red,")
    to_text, to_image = folds_of(opened)
    assert to_text["b.png"] == ["text/1", "text/1#1", "text/2", "text/2#1"]
    assert to_text["a.png"] == ["text/1", "text/1#1"]
    assert to_image["text/1"] == to_image["text/1#1"] == ["a.png", "b.png"]
    assert to_image["text/2"] == ["b.png", "c.png"]
    assert (to_text["d.png"], to_image["text/d.png"]) == (["text/d.png"], ["d.png"])
    # Groups that share an image are resampled as one.
    clusters = opened.folds[1].clusters
    assert clusters["text/1"] == clusters["text/2"] != clusters["text/d.png"]
    assert opened.folds[0].clusters["a.png"] == opened.folds[0].clusters["c.png"]


def test_one_text_on_several_photos_of_a_group_is_one_text(task):
    opened = task("image,text,group", "a.png,blue,1", "b.png,blue,1", "c.png,blue,2")
    assert [text.id for text in opened.folds[1].queries] == ["text/1", "text/2"]
    assert opened.info().facts["texts that several products share"] == "2"


def test_a_photo_without_a_text_of_its_own_has_those_of_its_group(task):
    opened = task("image,text,group", "a.png,,1", "b.png,blue,1")
    assert folds_of(opened)[0]["a.png"] == ["text/1"]
    with pytest.raises(DataError, match=r"manifest\.csv: 1 of \d groups have no text: row \d \(c\.png\)"):
        task("image,text,group", "a.png,blue,1", "c.png,,")


def test_test_is_measured_and_val_is_not_merged_with_it(scored):
    # The photos of val look like those of test: together each would tie with another one.
    one = np.eye(2)
    names = ["2.png", "3.png", "4.png", "5.png"]
    vectors = {name: one[at % 2] for at, name in enumerate(names)} | {
        f"text/{n}": one[at % 2] for at, n in enumerate(names)
    }
    lines = ["0.png,a,train", "2.png,b,val", "3.png,c,val", "4.png,d,test", "5.png,e,test"]
    record = scored(vectors, "image,text,split", *lines)
    assert record.metric("hit@1").value == 1.0
    assert (record.dataset.sizes["photos"], record.dataset.facts["split"]) == (2, "test")


def test_rows_to_train_on_are_the_training_part_and_no_others(task):
    opened = task("image,text,split", "0.png,a,train", "1.png,b,val", "2.png,c,test")
    assert [pair.text.text for pair in opened.training().pairs] == ["a"]
    assert opened.evaluated() == frozenset({"2.png"})


def test_a_missing_image_is_a_miss_and_answers_nothing(task):
    opened = task("image,text", "a.png,x", "b.png,y", absent=["b.png"])
    assert opened.folds[0].unavailable == ("b.png",)
    assert folds_of(opened)[1] == {"text/a.png": ["a.png"], "text/b.png": []}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ("reference,text,target", "a.png,is blue,b.png"),
            r"holds triplets \(reference, text, target\), and manifest/pairs asks",
        ),
        (
            ("person,garment", "a.png,b.png"),
            r"holds try-on \(person, garment\), and manifest/pairs asks for pairs \(image, text\)",
        ),
    ],
)
def test_other_forms_are_refused_by_what_the_manifest_holds(task, tmp_path, lines, said):
    with pytest.raises(DataError, match=said):
        task(*lines)
    with pytest.raises(DataError, match=said):
        audit(TASK, root=tmp_path / "mine", store=tmp_path / "results")


def test_a_column_becomes_slices_on_request(scored):
    vectors = {"a.png": [1, 0], "b.png": [0, 1], "c.png": [0.6, 0.8]}
    vectors |= {"text/a.png": [1, 0], "text/b.png": [1, 0.1], "text/c.png": [0.6, 0.8]}
    lines = ["image,text,slice:brand,price", "a.png,x,acme,1", "b.png,y,rival,2", "c.png,z,,3"]
    record = scored(vectors, *lines)
    found = {part.slice: (part.value, part.n) for part in record.metrics if part.id == "hit@1"}
    assert found.pop("image-to-text/brand=acme") == (1.0, 1)
    assert found.pop("image-to-text/brand=rival") == (0.0, 1)
    assert {name for name in found if "brand" in name} == {"text-to-image/brand=acme", "text-to-image/brand=rival"}
    whole = [found[name][0] for name in ("image-to-text", "text-to-image")]
    assert found["all"][0] == pytest.approx(np.mean(whole))
    assert record.dataset.facts["columns that were not read"] == "price"


def test_columns_that_are_not_read_are_named_in_the_record(task):
    opened = task("image,text,brand,price", "a.png,x,acme,3", "b.png,y,rival,4")
    assert opened.info().facts["columns that were not read"] == "brand, price"


def test_rows_without_a_text_are_named_by_their_number(task):
    opened = task("image,text,group", "a.png,blue,1", "b.png,,1", "c.png, ,1")
    assert opened.info().facts["rows with an image alone"] == "2 of 3, whose text is empty: row 3, row 4"
    assert "rows with an image alone" not in task("image,text", "a.png,blue").info().facts
    with pytest.raises(DataError, match=r"mine/manifest\.csv: 1 of 2 groups have no text: row 2 \(7\), row 4 \(7\)"):
        task("image,text,group", "a.png,,7", "b.png,blue,1", "c.png,,7")
