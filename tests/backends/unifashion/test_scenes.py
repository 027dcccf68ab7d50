"""A model that was trained on garments, asked about scenes that are none: five captions an image, both ways, and captions."""

from __future__ import annotations

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

import numpy as np

import fashionbench
from fashionbench.data.items import ImageItem, TextItem
from fashionbench.records.store import Store
from fashionbench.specs.capabilities import BackendContext
from fashionbench_tasks.datasets.karpathy import coco
from fashionbench_unifashion.backend import UniFashionBackend

pytestmark = pytest.mark.slow
IMAGES = 9


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "scenes"
    fashionbench.make_data("scenes", root, sizes={"train": 0, "restval": 0, "val": 0, "test": IMAGES})
    return root


@pytest.fixture(scope="module")
def records(trained, scenes, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("results"))
    config = {
        "tasks": "scenes/*",
        "backends": [{"id": "unifashion", "options": {"model": str(trained.result.model)}}],
        "data": {"scenes": str(scenes)},
    }
    records = {record.task.id: record for record in fashionbench.run(config, store=store)}
    assert records.keys() == {"scenes/karpathy-retrieval", "scenes/karpathy-captioning"}
    return records, store


def test_images_and_their_five_captions_find_each_other_as_the_embeddings_say(records, scenes, trained, tmp_path):
    found, store = records
    record = found["scenes/karpathy-retrieval"]
    assert record.error is None
    assert record.dataset.sizes == {"photos": IMAGES, "texts": 5 * IMAGES}
    model = UniFashionBackend(BackendContext({"model": str(trained.result.model)}, 0, "cpu", tmp_path))
    images = coco(scenes).split("test")
    texts = [(text, at) for at, image in enumerate(images) for text in image.captions]
    opened = [ImageItem(image.id, image_of(scenes, image)) for image in images]
    words = [TextItem(str(at), text) for at, (text, _) in enumerate(texts)]
    owners = np.array([at for _, at in texts])

    def best(queries, gallery):
        """Rank a gallery for each query by the greatest cosine over vectors."""
        one, two = (side.reshape(len(side), -1, side.shape[-1]).astype(float) for side in (queries, gallery))
        one, two = (side / np.linalg.norm(side, axis=-1, keepdims=True) for side in (one, two))
        return np.einsum("npd,mqd->nmpq", one, two).max(axis=(2, 3)).argsort(axis=1)[:, ::-1]

    both = {
        "image-to-text": best(model.encode_images(opened, "query"), model.encode_texts(words, "candidate")),
        "text-to-image": best(model.encode_texts(words, "query"), model.encode_images(opened, "candidate")),
    }
    hits = {
        "image-to-text": owners[both["image-to-text"][:, :5]] == np.arange(IMAGES)[:, None],
        "text-to-image": both["text-to-image"][:, :5] == owners[:, None],
    }
    for direction, hit in hits.items():
        assert record.metric("hit@5", direction).value == pytest.approx(hit.any(axis=1).mean())
    rows = store.read_predictions(record.predictions).to_pylist()
    assert [len(row["positive_ids"]) for row in rows if row["slice"] == "image-to-text"] == [5] * IMAGES
    assert sum(row["slice"] == "text-to-image" for row in rows) == 5 * IMAGES


def image_of(scenes, image):
    from PIL import Image

    return Image.open(coco(scenes).path(image)).convert("RGB")


def test_captions_are_compared_with_all_five(records, scenes):
    found, store = records
    record = found["scenes/karpathy-captioning"]
    assert record.error is None
    rows = store.read_predictions(record.predictions).to_pylist()
    images = {image.id: list(image.captions) for image in coco(scenes).split("test")}
    assert {row["item_id"]: list(row["references"]) for row in rows} == images
    assert {"bleu-4", "cider"} <= {part.id for part in (*record.metrics, *record.absent)}
    # The recipe names fashion alone, so nothing of what is measured was seen before.
    assert not [finding for finding in record.policy if finding.kind in {"contamination", "overlap"}]
