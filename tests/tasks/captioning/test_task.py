from __future__ import annotations

import pytest
from PIL import Image

from fashionbench.data.info import DataInfo
from fashionbench.data.items import ImageItem, TextItem
from fashionbench.data.training_examples import Pair, TrainingData
from fashionbench.errors import ConfigError, DataError
from fashionbench.predictions.captions import AS_RELEASED, STANDARD
from fashionbench.runner.session import EmbeddingOwner, Session
from fashionbench.specs import BackendSpec, TaskSpec
from fashionbench.specs.protocol import ProtocolCard
from fashionbench_tasks.captioning.task import CaptionFold, Captioning, caption_fields

INSTRUCTION = "Describe the garment."


def images(*names):
    return [ImageItem(name, Image.new("RGB", (2, 2))) for name in names]


class Lazy:
    """An image that is made when its batch comes up."""

    opened: list[str] = []

    def __init__(self, name):
        self.id = name

    def open(self):
        self.opened.append(self.id)
        return images(self.id)[0]


class Says:
    def __init__(self):
        self.asked = []
        self.truth = self.training = None

    def caption(self, items, instruction):
        self.asked.append((tuple(item.id for item in items), instruction))
        return [f"this is {item.id}" for item in items]

    def fit(self, training, seed):
        self.training = training

    def reveal(self, truth):
        self.truth = truth


def spec(**fields):
    shared = caption_fields(instruction=INSTRUCTION, references=1, unit="photo", max_tokens=None)
    card = {"split": "all", "metrics": ("bleu-4",), **shared, **fields}
    return TaskSpec(
        id="t/captions", summary="", target="a:b", version="1.0.0", kind="captioning", dataset="d", metrics=("bleu-4",),
        main_metric="bleu-4", needs=(frozenset({"caption"}),), protocol=ProtocolCard.of("t/captions", "1.0.0", card),
    )  # fmt: skip


def predict(*folds, task=None, fits=False, privileged=False, **options):
    backend = BackendSpec(
        id="t/says", summary="", target="a:b", revision="1", capabilities=frozenset({"caption"}), fits=fits, privileged=privileged
    )  # fmt: skip
    built = []

    def build():
        built.append(Says())
        return built[-1]

    made = Captioning(task or spec(), DataInfo("x", {}), lambda: folds)
    predictions = made.predict(Session(backend, build, owner=EmbeddingOwner(identity="x"), seed=0, **options))
    return predictions, built


def fold(**changes):
    fields = {"name": "f", "items": images("a", "b", "c"), "references": {n: [f"{n} 1", f"{n} 2"] for n in "abcxy"}}
    return CaptionFold(**fields | changes)


def test_every_image_is_captioned_with_the_instruction_of_the_card():
    predictions, (backend,) = predict(fold(clusters={"a": "p", "b": "p"}), batch_size=2)
    assert predictions.schema_id == "captions/1"
    assert predictions.table.to_pydict() == {
        "item_id": ["a", "b", "c"],
        "slice": ["f"] * 3,
        "cluster": ["p", "p", "c"],
        "caption": ["this is a", "this is b", "this is c"],
        "references": [["a 1", "a 2"], ["b 1", "b 2"], ["c 1", "c 2"]],
    }
    # The last to compare with another batch.
    assert backend.asked == [(("a", "b"), INSTRUCTION), (("c",), INSTRUCTION), (("b",), INSTRUCTION)]


def test_lost_images_have_no_caption_and_their_references_unless_the_run_is_limited():
    lost = fold(unavailable=("x", "y"))
    table = predict(lost)[0].table.to_pydict()
    assert table["item_id"] == ["a", "b", "c", "x", "y"]
    assert table["caption"][3:] == [None, None]
    assert table["references"][3] == ["x 1", "x 2"]
    assert predict(lost, limit=2)[0].table.to_pydict()["item_id"] == ["a", "b"]


def test_files_are_opened_when_they_are_captioned_and_not_before():
    Lazy.opened = []
    predict(fold(items=[Lazy("a"), Lazy("b"), Lazy("c")]), limit=2)
    assert Lazy.opened == ["a", "b", "b"]  # one of them for a second batch


def test_folds_are_slices_and_a_backend_learns_and_is_shown_the_truth_in_each():
    pair = Pair(images("t")[0], TextItem("t", "text"), "t")
    folds = [
        fold(name=n, items=images(i), training=TrainingData(n, pairs=[pair])) for n, i in (("one", "a"), ("two", "b"))
    ]
    predictions, built = predict(*folds, fits=True, privileged=True)
    assert predictions.table.to_pydict()["slice"] == ["one", "two"]
    assert [backend.training.fold for backend in built] == ["one", "two"]
    assert [dict(backend.truth.captions) for backend in built] == [{"a": "a 1"}, {"b": "b 1"}]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"items": images("a", "a")}, "'a' stands twice"),
        ({"unavailable": ("a",)}, "'a' stands twice"),
        ({"items": images("z")}, "'z' has no list of references"),
        ({"unavailable": ("z",)}, "'z' has no list of references"),
        ({"references": {"a": ["x"], "b": [], "c": ["x"]}}, "'b' has no list of references"),
        ({"references": {"a": "x", "b": ["x"], "c": ["x"]}}, "'a' has no list of references"),
        ({"references": {"a": ["x"], "b": ["x"], "c": ["x", " \n"]}}, "a reference of the image 'c' is blank"),
    ],
)
def test_a_fold_that_contradicts_itself_is_refused(changes, words):
    with pytest.raises(DataError, match=words):
        predict(fold(**changes))


def test_a_card_without_an_instruction_is_refused():
    task = spec(instruction=5)
    with pytest.raises(ConfigError, match="no instruction"):
        predict(fold(), task=task)


def test_the_shared_fields_tell_the_variants_apart():
    arguments = {"instruction": "", "references": 1, "unit": "photo", "max_tokens": 77}
    standard, released = caption_fields(**arguments), caption_fields(**arguments, as_released=True)
    assert standard["caption_metric"] == STANDARD
    assert released["caption_metric"] == AS_RELEASED
    changed = {name for name in standard if standard[name] != released[name]}
    assert changed == {"caption_metric", "truncation"}
    assert standard["max_tokens"] == 77
    cards = [ProtocolCard.of("t", "1.0.0", {"split": "all", "metrics": [], **f}) for f in (standard, released)]
    assert cards[0].hash != cards[1].hash
    with pytest.raises(ConfigError, match="there are 5"):
        caption_fields(**arguments | {"references": 5}, as_released=True)
