"""Captions of a gallery come from the model, a file or nowhere, and a control shows what captions that leak are worth."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

from cached_twin import cached_twin

import fashionbench
from fashionbench.data.ground_truth import Truth
from fashionbench.data.items import ImageItem
from fashionbench.errors import BackendError, ConfigError, DataError
from fashionbench.specs.capabilities import BackendContext
from fashionbench_unifashion.backend import UniFashionBackend
from fashionbench_unifashion.gallery_captions import GalleryCaptions
from fashionbench_unifashion.leaked_captions import LeakedCaptions


@pytest.fixture(scope="module")
def make(trained, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")

    def made(kind=UniFashionBackend, **options):
        return kind(BackendContext({"model": str(trained.result.model), **options}, 7, "cpu", cache))

    return made


@pytest.fixture(scope="module")
def images(trained):
    names = sorted({example.image for example in trained.examples.pairs})[:4]
    return [ImageItem(name, trained.examples.open(name)) for name in names]


def caption_part(vectors):
    third = vectors.shape[-1] // 3
    assert np.array_equal(vectors[:, :1, 2 * third :].repeat(vectors.shape[1], axis=1), vectors[..., 2 * third :])
    return vectors[:, 0, 2 * third :]


def of_text(backend, texts):
    vectors = backend._text_features(texts)
    return vectors.detach().numpy()


@pytest.mark.slow
def test_none_is_as_without_captions_and_a_file_is_read_by_id(make, images, tmp_path):
    path = tmp_path / "captions.json"
    told = [f"a coat of kind {at}" for at in range(len(images))]
    path.write_text(json.dumps([{"image": f"{x.id}.jpg", "caption": t} for x, t in zip(images, told, strict=True)]))
    own, none, file = make(), make(caption_source="none"), make(caption_source=str(path))
    found = {name: b.encode_images(images, "candidate") for name, b in (("own", own), ("none", none), ("file", file))}
    assert np.array_equal(found["none"], make(use="without-captions").encode_images(images, "candidate"))
    assert not caption_part(found["none"]).any()
    np.testing.assert_allclose(caption_part(found["file"]), of_text(own, told), atol=1e-5)
    written = own.caption(images, own._model.config.gallery_instruction)
    np.testing.assert_allclose(caption_part(found["own"]), of_text(own, written), atol=1e-5)
    third = found["own"].shape[-1] // 3
    assert np.array_equal(found["file"][..., : 2 * third], found["own"][..., : 2 * third])
    # Its fingerprint is of what the file says, and not of where it lies.
    moved = tmp_path / "moved.json"
    moved.write_bytes(path.read_bytes())
    assert make(caption_source=str(moved)).fingerprint() == file.fingerprint() != own.fingerprint()


@pytest.mark.slow
def test_leaked_captions_hold_the_words_of_the_queries_of_their_image_alone(make, images):
    own, leaked = make(), make(LeakedCaptions)
    with pytest.raises(BackendError, match="before it was shown the truth"):
        leaked.encode_images(images, "candidate")
    positives = {"q1": frozenset({images[1].id}), "q2": frozenset({images[1].id}), "q3": frozenset({images[2].id})}
    leaked.reveal(Truth(positives=positives, texts={"q1": "is longer", "q2": "has no sleeves"}))
    written = own.caption(images, own._model.config.gallery_instruction)
    said = [written[0], f"{written[1]}, has no sleeves, is longer", written[2], written[3]]
    found = caption_part(leaked.encode_images(images, "candidate"))
    np.testing.assert_allclose(found, of_text(own, said), atol=1e-5)
    assert np.array_equal(leaked.encode_images(images, "query"), own.encode_images(images, "query"))
    with pytest.raises(ConfigError, match="no captions that could leak"):
        make(LeakedCaptions, caption_source="none")


@pytest.mark.slow
def test_a_run_with_leaked_captions_answers_otherwise_and_is_marked(pytestconfig, trained, tmp_path):
    alike = {"model": str(trained.result.model), "composed": "text"}
    run = {"tasks": "atelier/fashion-iq-original", "data": {"atelier": str(cached_twin(pytestconfig))}, "device": "cpu"}
    backends = [{"id": name, "options": alike} for name in ("unifashion", "unifashion-leaked-captions")]
    fair, leaking = fashionbench.run({**run, "backends": backends}, store=tmp_path)
    assert fair.error is None
    assert leaking.error is None
    # A model of a few steps gains nothing by it; in another test the captions are read word by word.
    assert leaking.predictions.sha256 != fair.predictions.sha256
    assert (leaking.backend.control, leaking.backend.privileged) == (True, True)
    assert not fair.backend.privileged


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "holds no captions"),
        ("3", "holds no captions"),
        ('[{"image": "a"}]', "entry 1 is no image with a caption"),
        ('{"a": "x", "b": 2}', "entry 2 is no image"),
        ('[["a", "b"], ["c"]]', "entry 2 is no image"),
        ('[["a", "b"], ["a", "c"]]', "another caption of 'a'"),
    ],
)
def test_a_file_that_holds_no_captions_is_refused(tmp_path, text, words):
    path = tmp_path / "captions.json"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        GalleryCaptions(path)


def test_a_folder_holds_files_as_they_were_released_and_images_without_a_caption_are_named(tmp_path):
    for category, image in (("dress", "B01"), ("shirt", "B02")):
        rows = [{"image": f"{image}.jpg", "caption": f"a {category}", "text_guidance": ""}]
        (tmp_path / f"next_llava.val.{category}.caption.json").write_text(json.dumps(rows))
    captions = GalleryCaptions(tmp_path)
    assert captions.of(["B02", "B01"]) == ["a shirt", "a dress"]
    with pytest.raises(DataError, match="has no caption of B03"):
        captions.of(["B01", "B03"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no captions"):
        GalleryCaptions(tmp_path / "empty")
    with pytest.raises(DataError, match="cannot be read"):
        GalleryCaptions(tmp_path / "none.json")
