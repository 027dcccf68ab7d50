"""Folders of images scored on a small try-on set: what the record and the board say of data, masks and predictions."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tryon_folder
from PIL import Image, ImageOps

from fashionbench import api
from fashionbench.boards.board import Board
from fashionbench.errors import FashionBenchError
from fashionbench.specs import BoardSpec, Column

TASK = "viton-hd/paired"


@pytest.fixture(autouse=True)
def _no_weights(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "nowhere"))
    monkeypatch.setenv("FASHIONBENCH_INCEPTION", str(tmp_path / "nowhere" / "inception.pth"))


@pytest.fixture
def root(tmp_path):
    return tryon_folder.write(tmp_path / "data")


@pytest.fixture
def scored(plugins, store, root, tmp_path):
    def score(folder, name="", task=TASK):
        own = name or f"ours {len(store.scan().records)}"  # a name is of one folder
        return api.score(task, folder, name=own, data={"viton-hd": root}, store=store, plugins=plugins)

    return score


def value(record, metric):
    part = record.metric(metric)
    return None if part is None else part.value


def marks(store, plugins, metric="ssim"):
    spec = BoardSpec(id="b", summary="", title="b", columns=(Column(task=TASK, metric=metric),))
    rows = Board.of(spec, store, plugins).tables[0].rows
    return {row.label: set(row.marks) for row in rows}


def test_images_that_all_are_the_truth_have_no_interval_of_a_share(root, scored, tmp_path):
    part = scored(tryon_folder.predict(root, tmp_path / "same", lambda image: image)).metric("ssim")
    assert (part.value, part.interval) == (1.0, None)
    assert part.interval_method == f"none: the {part.n} clusters have one value, 1"


def test_sixteen_bits_and_alpha_have_the_value_of_the_same_pixels(root, scored, tmp_path):
    grey = scored(tryon_folder.predict(root, tmp_path / "p8", lambda image: image.convert("L")))
    deep = tryon_folder.predict(
        root, tmp_path / "p16", lambda image: Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    )
    assert [m.value for m in scored(deep).metrics] == [m.value for m in grey.metrics]

    def cut(image, under=0):
        layer = np.asarray(image.convert("RGBA")).copy()
        layer[:, :80] = [under, under, under, 0]
        return Image.fromarray(layer)

    def composed(image):
        layer = np.asarray(image).copy()
        layer[:, :80] = 255
        return Image.fromarray(layer)

    found = [scored(tryon_folder.predict(root, tmp_path / str(n), change)) for n, change in enumerate((cut, composed))]
    assert value(found[0], "ssim") == value(found[1], "ssim") < 1
    assert found[0].predictions.image_forms == {"PNG alpha": 3}


def test_a_photo_that_lies_on_its_side_is_compared_upright(root, scored, tmp_path):
    def lying(image):
        exif = Image.Exif()
        exif[274] = 8  # turn by 90 degrees against the clock to see it upright
        turned = image.transpose(Image.Transpose.ROTATE_270)
        turned.info["exif"] = exif.tobytes()
        return turned

    for name in tryon_folder.NAMES:
        image = lying(tryon_folder.photo(root, name))
        upright = ImageOps.exif_transpose(image)
        assert upright.size == (384, 512)
    folder = tryon_folder.predict(root, tmp_path / "p", lying)
    for name in tryon_folder.NAMES:  # PNG takes the tag when it is saved with it
        image = lying(tryon_folder.photo(root, name))
        image.save(folder / f"{name}_{name}.png", exif=image.info["exif"])
    record = scored(folder)
    assert value(record, "ssim") == 1
    assert record.predictions.image_forms == {"PNG turned": 3}


def test_masks_in_other_forms_give_the_same_value_and_bad_ones_are_refused(root, scored, tmp_path):
    folder = tryon_folder.predict(root, tmp_path / "p", lambda image: image.convert("L"))
    wanted = value(scored(folder), "ssim-garment")
    paths = sorted((root / "test" / "agnostic-mask").iterdir())
    levels = np.asarray(tryon_folder.mask())
    layered = np.zeros((*levels.shape, 4), dtype=np.uint8)
    layered[..., 3] = levels
    for form in (Image.fromarray(layered), Image.fromarray(levels // 255)):
        for path in paths:
            form.save(path)
        assert value(scored(folder), "ssim-garment") == wanted
    Image.fromarray(255 - levels).save(paths[1])
    with pytest.raises(FashionBenchError, match=rf"{paths[1].name} cannot be used: .*inverted"):
        scored(folder)


def test_where_there_are_no_masks_that_is_the_reason(root, scored, tmp_path):
    folder = tryon_folder.predict(root, tmp_path / "p")
    paths = sorted((root / "test" / "agnostic-mask").iterdir())
    paths[0].unlink()
    reasons = {absent.id: absent.reason for absent in scored(folder).absent}
    name = f"{tryon_folder.NAMES[0]}_{tryon_folder.NAMES[0]}"
    assert reasons["ssim-garment"] == f"ssim-garment needs the mask of every image, and there is none of {name}"
    for path in paths[1:]:
        path.unlink()
    reasons = {absent.id: absent.reason for absent in scored(folder).absent}
    assert reasons["mse-garment"] == "mse-garment needs the mask of every image, and the data set has none"


def test_lossy_and_unused_predictions_are_counted_and_marked(root, scored, tmp_path, store, plugins):
    whole = scored(tryon_folder.predict(root, tmp_path / "png"), "png")
    jpeg = scored(tryon_folder.predict(root, tmp_path / "jpg", pattern="{0}_{0}.jpg", quality=75), "jpg")
    # The format is that of the content: a name is soon changed.
    named = scored(tryon_folder.predict(root, tmp_path / "named", format="JPEG"), "named")
    webp = scored(tryon_folder.predict(root, tmp_path / "webp", pattern="{0}_{0}.webp", lossless=True), "webp")
    assert [record.predictions.image_forms for record in (whole, jpeg, named, webp)] == [
        {"PNG": 3}, {"JPEG": 3}, {"JPEG": 3}, {"WEBP lossless": 3},
    ]  # fmt: skip
    folder = tryon_folder.predict(root, tmp_path / "more")
    Image.new("RGB", (8, 8)).save(folder / "grid.png")
    more = scored(folder, "more")
    assert more.predictions.unused == ("grid",)
    assert [f.message for f in more.policy if f.kind == "predictions"] == [
        "images were handed in that no item asks for: grid"
    ]
    found = marks(store, plugins)
    lossy = {label for label, of_row in found.items() if "lossy-predictions" in of_row}
    assert lossy == {"imported/jpg", "imported/named"}
    assert {label for label, of_row in found.items() if "unused-predictions" in of_row} == {"imported/more"}


def test_data_of_other_counts_are_marked_and_twins_are_not(root, scored, tmp_path, store, plugins):
    record = scored(tryon_folder.predict(root, tmp_path / "p"), "ours")
    assert [f.message for f in record.policy if f.kind == "published"] == [
        "viton-hd is not as published: pairs/test 3 instead of 2,032"
    ]
    assert marks(store, plugins) == {"imported/ours": {"not-the-published-data"}}
    assert record.dataset.image_forms == {"JPEG": 6, "PNG": 3}
    (root / "SYNTHETIC.json").write_text('{"maker": "tests", "seed": 0}\n')
    assert not [f for f in scored(tmp_path / "p", "twin").policy if f.kind == "published"]


def test_as_many_as_published_have_no_finding(root, scored, tmp_path, plugins):
    import dataclasses

    spec = plugins.datasets["viton-hd"]
    plugins.datasets.put(dataclasses.replace(spec, expected={"pairs/train": 11647, "pairs/test": 3}), None)
    # Nothing is measured on the training split, which is not there.
    assert scored(tryon_folder.predict(root, tmp_path / "p")).policy == ()


@pytest.mark.parametrize(
    "pattern",
    ["{0}.png", "paired/{0}.png", "deep/er/{0}_{0}.png", "{0}__{0}.png", "{0}___{0}.png", "{0}-{0}.png"],
)
def test_names_that_are_in_use_are_understood(root, scored, tmp_path, pattern):
    wanted = scored(tryon_folder.predict(root, tmp_path / "exact", lambda image: image.convert("L")))
    found = scored(tryon_folder.predict(root, tmp_path / "p", lambda image: image.convert("L"), pattern=pattern))
    assert [m.value for m in found.metrics] == [m.value for m in wanted.metrics]
    assert found.predictions.unused == ()


def test_of_two_namings_the_exact_one_counts_and_the_other_is_unused(root, scored, tmp_path):
    folder = tryon_folder.predict(root, tmp_path / "p", pattern="{0}.png")
    tryon_folder.predict(root, folder, lambda image: image.convert("L"))
    record = scored(folder)
    assert value(record, "ssim") < 1
    assert record.predictions.unused == tryon_folder.NAMES


def test_names_that_could_be_two_images_are_refused(root, scored, tmp_path):
    folder = tryon_folder.predict(root, tmp_path / "p", pattern="paired/{0}.png")
    tryon_folder.predict(root, folder, pattern="unpaired/{0}.png")
    name = tryon_folder.NAMES[0]
    with pytest.raises(FashionBenchError, match=f"images of 0 of 3 items.*{name} is there 2 times"):
        scored(folder)
    assert value(scored(folder / "paired"), "ssim") == 1


def test_an_image_that_lacks_is_named_by_the_way_that_the_others_are_named(root, scored, tmp_path):
    folder = tryon_folder.predict(root, tmp_path / "p", pattern="{0}.png")
    (folder / f"{tryon_folder.NAMES[1]}.png").unlink()
    with pytest.raises(FashionBenchError, match="images of 2 of 3 items") as caught:
        scored(folder)
    assert caught.value.message.endswith(f"lacking: {tryon_folder.NAMES[1]}")
    assert f"{tryon_folder.NAMES[0]}.png" in caught.value.remedy


def test_a_person_who_is_dressed_twice_needs_the_garment_in_the_name(root, scored, tmp_path):
    one, two, three = tryon_folder.NAMES
    (root / "test_pairs.txt").write_text(f"{one}.jpg {two}.jpg\n{one}.jpg {three}.jpg\n")
    folder = tryon_folder.predict(root, tmp_path / "p", pattern="{0}.png")
    with pytest.raises(FashionBenchError, match=f"lacking: {one}_{two}, {one}_{three}"):
        scored(folder, task="viton-hd/unpaired")
    for garment in (two, three):
        tryon_folder.photo(root, one).save(folder / f"{one}_{garment}.png")
    assert scored(folder, task="viton-hd/unpaired").predictions.image_forms == {"PNG": 2}


@pytest.mark.parametrize("form", ["json", "csv"])
def test_a_mapping_says_which_file_is_whose(root, scored, tmp_path, form):
    folder = tryon_folder.predict(root, tmp_path / "p", pattern="out/{0}.png")
    for number, name in enumerate(tryon_folder.NAMES):
        (folder / "out" / f"{name}.png").rename(folder / "out" / f"{number}.png")
    rows = {f"{name}_{name}": f"out/{number}.png" for number, name in enumerate(tryon_folder.NAMES)}
    text = json.dumps(rows) if form == "json" else "item,file\n" + "".join(f"{i},{f}\n" for i, f in rows.items())
    (folder / f"mapping.{form}").write_text("\ufeff" + text)
    assert value(scored(folder), "ssim") == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": "no.png"}', "files that are not there, of a"),
        ('{"a": "../x.png"}', "leads out"),
        ('{"a": "x.png", "a": "x.png"}', "maps a twice"),
        ('{"a": 1}', "texts to texts"),
        ("[1]", "cannot be read as a mapping"),
        ("{", "cannot be read as a mapping"),
        ("{}", "names no images"),
    ],
)
def test_a_mapping_that_is_none_is_named(scored, tmp_path, text, said):
    (tmp_path / "p").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "p" / "x.png")
    (tmp_path / "p" / "mapping.json").write_text(text)
    with pytest.raises(FashionBenchError, match=rf"mapping\.json.*{said}"):
        scored(tmp_path / "p")


def test_a_mapping_with_two_columns_of_one_name_is_named(scored, tmp_path):
    (tmp_path / "p").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "p" / "x.png")
    (tmp_path / "p" / "mapping.csv").write_text("item,file,file\na,x.png,x.png\n")
    with pytest.raises(FashionBenchError, match=r"mapping\.csv.*two of its columns have one name"):
        scored(tmp_path / "p")


def test_links_are_followed_and_what_is_no_image_is_passed_over(root, scored, tmp_path):
    elsewhere = tryon_folder.predict(root, tmp_path / "disk" / "images", pattern="{0}.png")
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "linked").symlink_to(elsewhere)
    (elsewhere / "up").symlink_to(folder)  # leads back
    (folder / "previews.png").mkdir()
    (folder / "lost.png").symlink_to(tmp_path / "nowhere.png")
    record = scored(folder)
    assert value(record, "ssim") == 1
    assert record.predictions.unused == ()


@pytest.mark.parametrize("content", [b"", None])
def test_an_image_that_is_broken_is_named(root, scored, tmp_path, content):
    folder = tryon_folder.predict(root, tmp_path / "p")
    path = sorted(folder.iterdir())[1]
    path.write_bytes(path.read_bytes()[:20000] if content is None else content)
    with pytest.raises(FashionBenchError, match=rf"{path.name} cannot be read"):
        scored(folder)


@pytest.mark.parametrize("suffix", [".png", ".JPG", ".jpeg", ".PNG"])
def test_photos_of_other_extensions_are_found(root, scored, tmp_path, suffix):
    folder = tryon_folder.predict(root, tmp_path / "p", lambda image: image.convert("L"))
    wanted = scored(folder)
    for path in [*(root / "test" / "image").iterdir(), *(root / "test" / "cloth").iterdir()]:
        with Image.open(path) as image:
            image.load()
        if suffix.lower() == ".png":
            image.save(path.with_suffix(suffix), format="PNG")
            path.unlink()
        else:
            path.rename(path.with_suffix(suffix))
    found = scored(folder)
    assert [m.value for m in found.metrics] == [m.value for m in wanted.metrics]
    assert found.dataset.image_forms == ({"PNG": 9} if suffix.lower() == ".png" else {"JPEG": 6, "PNG": 3})


def test_a_copy_of_the_test_split_alone_may_have_its_folders_in_the_root(root, scored, tmp_path):
    wanted = scored(tryon_folder.predict(root, tmp_path / "p", lambda image: image.convert("L")))
    for folder in (root / "test").iterdir():
        folder.rename(root / folder.name)
    (root / "test").rmdir()
    assert [m.value for m in scored(tmp_path / "p").metrics] == [m.value for m in wanted.metrics]


def test_no_training_file_is_needed_to_score(root, scored, tmp_path, plugins):
    folder = tryon_folder.predict(root, tmp_path / "p")
    (root / "train_pairs.txt").write_text("only-one-name\n")
    assert value(scored(folder), "ssim") == 1
    (root / "train_pairs.txt").write_text("a.jpg a.jpg\n")
    assert value(scored(folder), "ssim") == 1


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_list_of_pairs_is_refused(root, scored, tmp_path, text, store):
    folder = tryon_folder.predict(root, tmp_path / "p")
    (root / "test_pairs.txt").write_text(text)
    with pytest.raises(FashionBenchError, match=r"test_pairs\.txt in .* names no pair for viton-hd/paired"):
        scored(folder)
    assert store.scan().records == []


@pytest.fixture
def described(root):
    """The same set as MGD has it: noun chunks of each garment, and no sketches."""
    (root / "captions.json").write_text(json.dumps({name[:5]: ["a shirt", "long"] for name in tryon_folder.NAMES}))
    return root


def test_design_is_scored_with_and_without_sketches(described, plugins, store, tmp_path):
    folder = tryon_folder.predict(described, tmp_path / "p")

    def scored():
        return api.score("mgd/paired", folder, name="ours", data={"mgd": described}, store=store, plugins=plugins)

    bare = scored()
    assert (value(bare, "ssim"), bare.dataset.facts["sketches"]) == (1, "none")
    sketches = described / "test" / "im_sketch"
    sketches.mkdir()
    for name in tryon_folder.NAMES:
        Image.new("L", tryon_folder.SIZE, 255).save(sketches / f"{name}.png")
    drawn = scored()
    assert (value(drawn, "ssim"), drawn.dataset.facts["sketches"]) == (1, "MGD's own")
    # What is asked for differs, and so do the data.
    assert bare.dataset.fingerprint != drawn.dataset.fingerprint
    (sketches / f"{tryon_folder.NAMES[0]}.png").unlink()
    with pytest.raises(FashionBenchError, match=rf"missing or unreadable: test/im_sketch/{tryon_folder.NAMES[0]}\.png"):
        scored()


@pytest.fixture
def categories(tmp_path):
    """Dress Code with two persons in each of two categories; the ids go on from one to the next."""
    root = tmp_path / "dress-code"
    for number, category in enumerate(("dresses", "upper_body")):
        (root / category / "images").mkdir(parents=True)
        stems = [f"{number}0{n}" for n in (1, 2)]
        for seed, stem in enumerate(stems):
            for view in (0, 1):
                image = tryon_folder.person(10 * number + 2 * seed + view)
                image.save(root / category / "images" / f"{stem}_{view}.jpg", quality=95)
        lines = [f"{stem}_0.jpg\t{stem}_1.jpg\n" for stem in stems]
        (root / category / "test_pairs_paired.txt").write_text("".join(lines))
    return root


@pytest.mark.parametrize(
    "pattern",
    ["{category}/{stem}_0_{stem}_1", "{category}/{stem}_0", "{stem}_0", "{stem}_0_{stem}_1", "x/{category}/{stem}_0"],
)
def test_categories_may_be_flat_or_folders(categories, plugins, store, tmp_path, pattern):
    for number, category in enumerate(("dresses", "upper_body")):
        for n in (1, 2):
            stem = f"{number}0{n}"
            path = tmp_path / "p" / f"{pattern.format(category=category, stem=stem)}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            with Image.open(categories / category / "images" / f"{stem}_0.jpg") as image:
                image.convert("RGB").resize((384, 512), Image.Resampling.LANCZOS).save(path)
    data = {"dress-code": categories}
    record = api.score("dress-code/paired", tmp_path / "p", name="ours", data=data, store=store, plugins=plugins)
    assert [(m.slice, m.value, m.n) for m in record.metrics if m.id == "ssim"] == [
        ("all", 1, 4), ("dresses", 1, 2), ("upper_body", 1, 2),
    ]  # fmt: skip
    assert "pairs/lower_body/test 0 instead of 1,800" in record.policy[0].message


def test_a_category_whose_list_is_empty_is_refused(categories, plugins, store, tmp_path):
    (categories / "dresses" / "test_pairs_paired.txt").write_text("")
    (tmp_path / "p").mkdir()
    Image.new("RGB", (384, 512)).save(tmp_path / "p" / "x.png")
    with pytest.raises(FashionBenchError, match="test pairs of dresses in .* names no pair"):
        api.score("dress-code/paired", tmp_path / "p", data={"dress-code": categories}, store=store, plugins=plugins)


def test_a_mask_is_never_stretched_over_a_photo_of_another_shape(root, scored, tmp_path):
    folder = tryon_folder.predict(root, tmp_path / "p", lambda image: image.convert("L"))
    wanted = value(scored(folder), "ssim-garment")
    mask = tryon_folder.mask()
    path = sorted((root / "test" / "agnostic-mask").iterdir())[1]
    mask.resize((2 * mask.width, 2 * mask.height), Image.Resampling.NEAREST).save(path)
    assert value(scored(folder), "ssim-garment") == wanted
    mask.resize((mask.height, mask.height), Image.Resampling.NEAREST).save(path)
    said = rf"{path.name} is 64 x 64 pixels and its photo .*{tryon_folder.NAMES[1]}\.\w+ 48 x 64"
    with pytest.raises(FashionBenchError, match=said):
        scored(folder)


@pytest.mark.parametrize("form", ["{}.jpg.png", "{}.png.png", "{}.JPG.png", "deep/{}.webp.png"])
def test_a_file_with_two_extensions_is_named_as_it_is(root, scored, tmp_path, form):
    folder = tryon_folder.predict(root, tmp_path / "p")
    one = f"{tryon_folder.NAMES[0]}_{tryon_folder.NAMES[0]}"
    (folder / "deep").mkdir()
    (folder / f"{one}.png").rename(folder / form.format(one))
    with pytest.raises(FashionBenchError) as caught:
        scored(folder)
    assert f"lacking: {one}; {form.format(one)} is there, with two extensions" in caught.value.message
