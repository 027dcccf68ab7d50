"""OpenVTON on invented triplets in the two shapes in which it is published."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fashionbench import api
from fashionbench.data.dataset import status
from fashionbench.data.roots import DataRoots
from fashionbench.errors import DataError
from fashionbench.specs.base import resolve
from fashionbench_tasks.datasets.openvton import OpenVTON, read_triplets

SIZE = (24, 32)
CATEGORIES = ["pants", "shirt", "pants", "jeans", "pants"]


def photo(seed, size=SIZE):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8))


def mask(size=SIZE):
    image = Image.new("L", size, 0)
    image.paste(255, (4, 6, size[0] - 4, size[1] - 6))
    return image


def content(image, form="PNG"):
    stream = io.BytesIO()
    image.save(stream, form)
    return stream.getvalue()


def rows(seeds, **changed):
    return [
        {
            "source": {"bytes": content(photo(100 + seed, (30, 30)), "JPEG"), "path": "any.jpg"},
            "mask": {"bytes": content(mask()), "path": None},
            "target": {"bytes": content(photo(seed)), "path": "any.png"},
            "caption": f"A person wears number {seed}.",
            "category": CATEGORIES[seed % len(CATEGORIES)],
            **changed,
        }
        for seed in seeds
    ]


def write(path, listed):
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = [(name, image) for name in ("source", "mask", "target")]
    columns += [(name, pa.string()) for name in ("caption", "category")]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(listed, schema=pa.schema(columns)), path)
    return path


@pytest.fixture
def root(tmp_path):
    """The test split in two files, and the training split."""
    folder = tmp_path / "OpenVTON"
    write(folder / "test" / "test-00000-of-00002.parquet", rows([0, 1, 2]))
    write(folder / "test" / "test-00001-of-00002.parquet", rows([3, 4]))
    write(folder / "train" / "train-00000-of-00001.parquet", rows([5, 6]))
    return folder


@pytest.fixture
def review(tmp_path):
    folder = tmp_path / "MiniOpenVTON"
    for seed, name in ((0, "000002198129"), (1, "000002198130")):
        images = {"source": (photo(100 + seed), ".jpg"), "mask": (mask(), ".png"), "target": (photo(seed), ".jpg")}
        line = {"caption": "A woman.", "category": CATEGORIES[seed]}
        for kind, (image, suffix) in images.items():
            (folder / kind).mkdir(parents=True, exist_ok=True)
            image.save(folder / kind / f"{name}{suffix}")
            line[kind] = f"./{kind}/{name}{suffix}"
        with (folder / "matedata.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
    return folder


def task(name, root, plugins, tmp_path):
    spec = plugins.tasks[name]
    return resolve(spec.target)(spec, DataRoots(named={"openvton": root}, cache=tmp_path / "cache"))


def test_parquet_files_are_unpacked_byte_by_byte_in_the_order_of_all_rows(root, tmp_path):
    data = OpenVTON(root)
    assert data.splits == ("train", "test")
    listed = data.list_of("test", tmp_path / "cache")
    found = read_triplets(listed)
    assert [one.id for one in found] == [f"test-{at:06d}" for at in range(5)]
    assert [(one.caption, one.category) for one in found] == [
        (f"A person wears number {at}.", CATEGORIES[at]) for at in range(5)
    ]
    for seed, one in enumerate(found):
        assert one.target.read_bytes() == content(photo(seed))
        assert one.source.read_bytes() == content(photo(100 + seed, (30, 30)), "JPEG")
        assert one.mask.read_bytes() == content(mask())
        assert (one.source.suffix, one.target.suffix) == (".jpeg", ".png")


def test_unpacking_is_done_once_until_a_file_changes(root, tmp_path):
    first = OpenVTON(root).list_of("test", tmp_path / "cache")
    (first.parent / "note").touch()
    assert OpenVTON(root).list_of("test", tmp_path / "cache") == first
    assert (first.parent / "note").is_file()
    write(root / "test" / "test-00001-of-00002.parquet", rows([3]))
    again = OpenVTON(root).list_of("test", tmp_path / "cache")
    assert again != first
    assert len(read_triplets(again)) == 4
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {first.parent.name, again.parent.name}


def test_counts_and_status(root, review):
    found = status("openvton", OpenVTON(root), root, {"pairs/test": 5009}, verify=True)
    assert found.counts == {"pairs/test": (5, 5009), "pairs/train": (2, None)}
    assert (found.images, found.extra, found.synthetic) == (0, (), False)
    (review / "target" / "more.jpg").write_bytes(content(photo(9), "JPEG"))
    found = status("openvton", OpenVTON(review), review, {}, verify=True)
    assert found.counts == {"pairs/review-mini": (2, None)}
    assert (found.images, found.missing, found.extra) == (6, (), ("target/more.jpg",))


def test_a_split_of_which_files_lack_is_refused(root):
    (root / "test" / "test-00000-of-00002.parquet").unlink()
    with pytest.raises(DataError, match=r"test lacks 1 of its files: those numbered 00000 "):
        OpenVTON(root).files("test")
    with pytest.raises(DataError, match="has no validation of OpenVTON; it has train, test"):
        OpenVTON(root).files("validation")


@pytest.mark.parametrize("column", ["source", "mask", "target"])
@pytest.mark.parametrize(("value", "said"), [(None, "holds no image"), ({"bytes": b"GIF no"}, "is no image")])
def test_an_image_that_lacks_is_named_by_file_row_and_column(root, tmp_path, column, value, said):
    rest = rows([3]) + rows([4], **{column: value})
    path = write(root / "test" / "test-00001-of-00002.parquet", rest)
    with pytest.raises(DataError, match=f"{path}, row 1, column {column} {said}"):
        OpenVTON(root).list_of("test", tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_row_without_a_category_is_named(root, tmp_path):
    write(root / "test" / "test-00001-of-00002.parquet", rows([3]) + rows([4], category=None))
    with pytest.raises(DataError, match="row 5 has no category"):
        read_triplets(OpenVTON(root).list_of("test", tmp_path / "cache"))


def test_a_column_that_lacks_is_named(root, tmp_path):
    path = root / "test" / "test-00000-of-00002.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["mask"]), path)
    with pytest.raises(DataError, match="has no column mask; it has source, target, caption, category"):
        OpenVTON(root).list_of("test", tmp_path / "cache")


def test_another_folder_says_what_it_holds(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match=r"it holds notes\.txt"):
        OpenVTON(tmp_path)


def test_the_list_of_the_review_set_never_leads_out_of_its_folder(review):
    line = {"caption": "", "category": "hat", "source": "../a.jpg", "mask": "mask/a.png", "target": "target/a.jpg"}
    (review / "matedata.jsonl").write_text(json.dumps(line))
    with pytest.raises(DataError, match="leads out of"):
        read_triplets(review / "matedata.jsonl")


def test_a_person_that_stands_twice_is_named(review):
    text = (review / "matedata.jsonl").read_text()
    (review / "matedata.jsonl").write_text(text + text.split("\n")[0])
    with pytest.raises(DataError, match="names the person 000002198129 twice"):
        read_triplets(review / "matedata.jsonl")


def test_each_category_is_a_slice_and_what_is_learnt_is_not_measured(root, plugins, tmp_path):
    made = task("openvton/paired", root, plugins, tmp_path)
    assert made.info().sizes == {"pairings": 5, "real": 5}
    assert {name: len(ids) for name, ids in made.items().asked.items()} == {"pants": 3, "shirt": 1, "jeans": 1}
    examples = made.training().tryon_examples
    assert [example.text for example in examples] == [f"A person wears number {seed}." for seed in (5, 6)]
    assert set(made.training().images).isdisjoint(made.evaluated())
    assert set(examples[0].item.conditions) == {"agnostic-mask"}


@pytest.mark.parametrize("kind", ["parquet", "review"])
def test_a_copy_of_the_person_is_the_truth_and_a_pasted_garment_is_not(kind, root, review, plugins, tmp_path):
    name, folder = ("openvton/paired", root) if kind == "parquet" else ("openvton/review-mini", review)
    fields = {"tasks": name, "data": {"openvton": folder}, "backends": ["control/copy-person", "control/paste-garment"]}
    copied, pasted = api.run(fields, store=tmp_path / "store", plugins=plugins)
    assert copied.status == pasted.status == "ok", (copied.error, pasted.error)
    assert copied.metric("mse").value == copied.metric("mse-garment").value == 0
    assert pasted.metric("mse").value > 0
    assert copied.dataset.facts["mask source"] == "mask"


def test_a_mask_of_another_shape_than_the_person_is_refused(root, plugins, tmp_path):
    """Such as one of the garment's photo: which of the two it lies over is not published."""
    changed = {"mask": {"bytes": content(mask((30, 30)))}}
    write(root / "test" / "test-00001-of-00002.parquet", rows([3, 4], **changed))
    fields = {"tasks": "openvton/paired", "data": {"openvton": root}, "backends": "control/copy-person"}
    record = api.run(fields, store=tmp_path / "store", plugins=plugins)[0]
    assert record.status == "error"
    assert "mask" in record.error.message
    assert "24x32" in record.error.message.replace(" ", "")
