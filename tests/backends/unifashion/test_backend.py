"""The trained model as a backend, against what its parts say."""

from __future__ import annotations

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

import numpy as np
import torch
from PIL import Image
from timeless_records import timeless_store

from fashionbench import api
from fashionbench.data.items import (
    ComposedItem,
    DesignItem,
    ImageItem,
    PairItem,
    StyleTransferItem,
    TextItem,
    TryOnItem,
)
from fashionbench.errors import BackendError, ConfigError, UnknownNameError
from fashionbench.plugins.manager import Plugins
from fashionbench.records.store import Store
from fashionbench.specs.capabilities import METHODS, BackendContext
from fashionbench_unifashion.backend import UniFashionBackend

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def make(trained, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")

    def made(**options):
        context = BackendContext({"model": str(trained.result.model), **options}, 7, "cpu", cache)
        return UniFashionBackend(context)

    return made


@pytest.fixture(scope="module")
def full(make):
    return make()


@pytest.fixture(scope="module")
def images(trained):
    names = [example.image for example in trained.examples.pairs[:7]]
    return [ImageItem(name, trained.examples.open(name)) for name in names]


@pytest.fixture(scope="module")
def composed(trained):
    rows = trained.examples.triplets[:4]
    return [ComposedItem(f"q{at}", trained.examples.open(row.reference), row.text) for at, row in enumerate(rows)]


@pytest.fixture(scope="module")
def texts(trained):
    return [TextItem(f"t{at}", example.text) for at, example in enumerate(trained.examples.pairs[:5])]


def ranking(queries, gallery):
    """Order candidates as the harness does: by the largest cosine over a candidate's vectors."""
    unit = gallery / np.linalg.norm(gallery, axis=-1, keepdims=True)
    asked = queries / np.linalg.norm(queries, axis=-1, keepdims=True)
    return np.einsum("gqe,ne->ngq", unit, asked).max(axis=-1)


def proportional(one, two):
    """Tell whether scores differ by one factor alone, which changes no ranking."""
    return np.allclose(one / np.linalg.norm(one), two / np.linalg.norm(two), atol=1e-5)


@torch.no_grad()
def parts(full, images, composed):
    """<e, Z_T^k> and <e, Z_C> by the model's own methods, one image and one query at a time."""
    model = full._model
    seen, read = np.zeros((len(composed), len(images))), np.zeros((len(composed), len(images)))
    for at, query in enumerate(composed):
        cut = model.texts([query.text])
        asked = model.qformer.composed_features(model.tokens([query.image]), cut.ids, cut.mask)[0]
        for place, item in enumerate(images):
            tokens = model.tokens([item.image])
            seen[at, place] = (model.qformer.image_features(tokens, "target")[0] @ asked).max()
            said = model.texts(model.language.generate(model.soft_prompt(tokens), model.config.gallery_instruction))
            read[at, place] = model.qformer.text_features(said.ids, said.mask)[0] @ asked
    return seen, read


def test_composed_queries_rank_by_the_papers_sum(full, images, composed):
    seen, read = parts(full, images, composed)
    found = ranking(full.encode_composed(composed), full.encode_images(images, "candidate"))
    assert proportional(found, seen + read)
    assert not proportional(found, seen)


def test_without_captions_and_without_images_leave_one_term(make, full, images, composed):
    seen, read = parts(full, images, composed)
    for use, expected in (("without-captions", seen), ("without-images", read)):
        backend = make(use=use)
        found = ranking(backend.encode_composed(composed), backend.encode_images(images, "candidate"))
        assert proportional(found, expected), use


def test_texts_rank_by_the_query_that_fits_best(full, images, texts):
    model = full._model
    with torch.no_grad():
        features = model.qformer.image_features(model.tokens([x.image for x in images]), "reference")
        cut = model.texts([x.text for x in texts])
        expected = torch.einsum("iqe,te->tiq", features, model.qformer.text_features(cut.ids, cut.mask)).amax(-1)
    found = ranking(full.encode_texts(texts, "query"), full.encode_images(images, "candidate"))
    assert proportional(found, expected.numpy())


def test_a_query_image_says_no_caption(full, images):
    query, candidate = (full.encode_images(images[:2], role) for role in ("query", "candidate"))
    third = candidate.shape[-1] // 3
    assert np.array_equal(query[..., : 2 * third], candidate[..., : 2 * third])
    assert not query[..., 2 * third :].any() and candidate[..., 2 * third :].any()
    assert np.allclose(np.linalg.norm(candidate[..., :third], axis=-1), 1, atol=1e-5)


def test_one_side_of_a_composed_query_alone(make, composed, images):
    gallery = make().encode_images(images, "candidate")
    other = [ComposedItem(x.id, images[0].image, x.text) for x in composed]
    worded = [ComposedItem(x.id, x.image, "something else") for x in composed]
    text, image = make(composed="text"), make(composed="image")
    assert np.array_equal(text.encode_composed(composed), text.encode_composed(other))
    assert np.array_equal(image.encode_composed(composed), image.encode_composed(worded))
    assert ranking(text.encode_composed(composed), gallery).shape == (4, 7)


@pytest.mark.parametrize("method", ["images", "texts", "composed"])
def test_an_embedding_does_not_depend_on_its_batch(full, images, texts, composed, method):
    ask = {
        "images": lambda rows: full.encode_images(rows, "candidate"),
        "texts": lambda rows: full.encode_texts(rows, "query"),
        "composed": full.encode_composed,
    }[method]
    rows = {"images": images, "texts": texts, "composed": composed}[method]
    alone = np.concatenate([ask([row]) for row in rows])
    assert np.allclose(ask(rows), alone, atol=1e-5)


def test_pairs_are_scored_by_the_log_odds_of_the_right_queries(full, images, composed, texts):
    items = [
        PairItem("a", texts[0], images[0]),
        PairItem("b", composed[0], images[1]),
        PairItem("c", images[2], texts[1]),
    ]
    model, expected = full._model, []
    sides = [
        (images[0], texts[0].text, "reference"),
        (images[1], composed[0].text, "target"),
        (images[2], texts[1].text, "reference"),
    ]
    with torch.no_grad():
        for image, text, which in sides:
            cut, queries = model.texts([text]), which
            if which == "target":
                # The nano preset shows matching the reference too, as fused states in the queries' place.
                assert model.config.itm_inputs == "reference-and-text"
                reference = model.tokens([composed[0].image])
                queries = model.qformer.fused(reference, cut.ids, cut.mask, "reference").queries
            no, yes = model.qformer.match(model.tokens([image.image]), cut.ids, cut.mask, queries)[0].tolist()
            expected.append(yes - no)
    assert np.allclose(full.score_pairs(items), expected, atol=1e-5)
    with pytest.raises(BackendError, match="d has not an image on one side"):
        full.score_pairs([PairItem("d", images[0], images[1])])


def test_captions_depend_on_image_and_instruction_alone(full, images):
    instruction = full._model.config.gallery_instruction
    together = full.caption(images, instruction)
    assert together == [text for item in images for text in full.caption([item], instruction)]
    renamed = [ImageItem("another name", item.image) for item in images]
    assert full.caption(renamed, instruction) == together
    assert all(isinstance(text, str) for text in together)


@pytest.fixture(scope="module")
def tryon_examples(trained):
    return [trained.examples.tryon_example(example) for example in trained.examples.tryon_examples[:3]]


def test_dressed_persons_have_their_own_size_and_their_own_noise(full, tryon_examples):
    small = TryOnItem(
        "small",
        tryon_examples[0].item.person.resize((30, 41)),
        tryon_examples[0].item.garment,
        {name: image.resize((30, 41)) for name, image in tryon_examples[0].item.conditions.items()},
    )
    items = [small, *(tryon_example.item for tryon_example in tryon_examples)]
    made = full.try_on(items)
    assert [image.shape for image in made] == [(41, 30, 3)] + [(512, 384, 3)] * 3
    assert all(image.dtype == np.uint8 for image in made)
    again = [full.try_on([item])[0] for item in items]
    for one, two in zip(made, again, strict=True):
        # Sums in another order may round a level differently.
        assert np.abs(one.astype(int) - two).max() <= 1
    renamed = full.try_on([TryOnItem("other", small.person, small.garment, small.conditions)])[0]
    assert np.abs(renamed.astype(int) - made[0]).max() > 1


def test_another_seed_draws_another_noise(make, trained, tryon_examples, tmp_path):
    options = {"model": str(trained.result.model)}
    one, two, other = (
        UniFashionBackend(BackendContext(options, seed, "cpu", tmp_path)).try_on([tryon_examples[0].item])[0]
        for seed in (0, 0, 1)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_a_design_listens_to_its_words_and_needs_a_sketch(full, tryon_examples):
    item, sketch = tryon_examples[0].item, tryon_examples[0].sketch.image

    def design(text, sketch=sketch):
        return full.design([DesignItem("d", item.person, text, sketch, item.conditions)])[0]

    one = design(tryon_examples[0].text)
    assert one.shape == (512, 384, 3)
    assert np.array_equal(one, design(tryon_examples[0].text))
    assert not np.array_equal(one, design("another garment"))
    with pytest.raises(BackendError, match="no sketch"):
        design("a dress", None)


def test_a_style_is_read_from_a_photo_or_from_words_and_painted_within_the_mask_of_the_garment(
    make, tryon_examples, full
):
    one, other = (example.item for example in tryon_examples[:2])
    conditions = {"garment-mask": one.conditions["agnostic-mask"], "sketch": tryon_examples[0].sketch.image}
    model = make(repaint=True, guidance=8.0)
    asked = {
        "photo": StyleTransferItem("s", one.person, one.garment, "", conditions),
        "other": StyleTransferItem("s", one.person, other.garment, "", conditions),
        "words": StyleTransferItem("s", one.person, None, "red with white stripes", conditions),
        "other words": StyleTransferItem("s", one.person, None, "navy", conditions),
        "both": StyleTransferItem("s", one.person, one.garment, "navy", conditions),
    }
    made = dict(zip(asked, model.transfer_style(list(asked.values())), strict=True))
    painted = np.asarray(conditions["garment-mask"]) > 127
    kept = np.asarray(one.person.convert("RGB"))[~painted]
    assert all(np.array_equal(image[~painted], kept) for image in made.values())
    assert len({image[painted].tobytes() for image in made.values()}) == len(made)
    # By words it is the design of the same words and sketch, with nobody on the densepose image.
    nobody = Image.new("RGB", one.person.size)
    design = DesignItem(
        "s",
        one.person,
        "navy",
        conditions["sketch"],
        {"agnostic-mask": conditions["garment-mask"], "densepose": nobody},
    )
    assert np.array_equal(full.design([design])[0], full.transfer_style([asked["other words"]])[0])
    with pytest.raises(BackendError, match="s has no garment-mask and no sketch of the garment"):
        full.transfer_style([StyleTransferItem("s", one.person, one.garment)])


def test_a_repainted_person_is_kept_outside_the_mask(make, tryon_examples):
    item = tryon_examples[0].item
    image = make(repaint=True).try_on([item])[0]
    kept = np.asarray(item.conditions["agnostic-mask"]) <= 127
    assert kept.any()
    assert np.array_equal(image[kept], np.asarray(item.person.convert("RGB"))[kept])


def test_another_garment_changes_the_picture_inside_the_mask_and_nothing_outside(make, tryon_examples):
    one, other = (example.item for example in tryon_examples[:2])
    model = make(repaint=True, guidance=8.0)
    swapped = TryOnItem(one.id, one.person, other.garment, one.conditions)
    before, after = model.try_on([one])[0], model.try_on([swapped])[0]
    painted = np.asarray(one.conditions["agnostic-mask"]) > 127
    assert not np.array_equal(before[painted], after[painted])
    assert np.array_equal(before[~painted], after[~painted])


def test_inputs_are_left_alone(full, images, composed):
    before = [np.asarray(item.image).copy() for item in (*images, *composed)]
    full.encode_images(images, "candidate")
    full.encode_composed(composed)
    after = [np.asarray(item.image) for item in (*images, *composed)]
    assert all(np.array_equal(one, two) for one, two in zip(before, after, strict=True))


def test_captions_of_a_gallery_are_generated_once(make, images, monkeypatch):
    first = make()
    before = first.encode_images(images, "candidate")
    again = make(use="without-images")
    monkeypatch.setattr(again._model.language, "generate", lambda *_: pytest.fail("a caption was generated again"))
    assert np.array_equal(again.encode_images(images, "candidate"), before)


def test_captions_of_another_length_are_other_captions(make, images, monkeypatch):
    make().encode_images(images, "candidate")
    other = make()
    language = other._model.config.language.model_copy(update={"max_new_tokens": 1})
    monkeypatch.setattr(other._model, "config", other._model.config.model_copy(update={"language": language}))
    asked = []
    true = other._model.language.generate
    monkeypatch.setattr(other._model.language, "generate", lambda *given: asked.append(1) or true(*given))
    other.encode_images(images, "candidate")
    assert asked


def test_the_fingerprint_is_of_weights_and_options_and_not_of_the_folder(make, full, trained, tmp_path):
    assert make().fingerprint() == full.fingerprint()
    assert make(use="without-captions").fingerprint() != full.fingerprint()
    trained.model.save(tmp_path)
    assert make(model=str(tmp_path)).fingerprint() == full.fingerprint()


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"model": ""}, ConfigError, "no model"),
        ({"colour": 1}, UnknownNameError, "colour"),
        ({"use": "everything"}, UnknownNameError, "without-captions"),
        ({"use": "without-images", "composed": "text"}, ConfigError, "one of use and composed"),
    ],
)
def test_wrong_options_are_refused(make, options, kind, said):
    with pytest.raises(kind, match=said):
        make(**options)


def test_it_has_the_methods_that_it_is_registered_with(plugins, full):
    spec = plugins.backends["unifashion"]
    assert all(callable(getattr(full, METHODS[capability])) for capability in spec.capabilities)


TASKS = ["fashiongen-full", "fashion-iq-original", "viton-hd-paired", "mgd-paired"]


@pytest.mark.parametrize("task", TASKS)
def test_a_run_measures_it(plugins, store, twin, trained, task):
    choice = {"id": "unifashion", "options": {"model": str(trained.result.model)}}
    fields = {"tasks": f"atelier/{task}", "backends": choice, "data": {"atelier": twin}, "limit": 6, "device": "cpu"}
    record = api.run(fields, plugins=plugins, store=store)[0]
    assert record.error is None, record.error
    assert record.metrics and all(np.isfinite(metric.value) for metric in record.metrics)
    assert api.run(fields, plugins=plugins, store=store)[0].record_id == record.record_id


@pytest.mark.acceptance
def test_processes_that_share_its_cells_give_the_records_of_one(twin, trained, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    choice = {"id": "unifashion", "options": {"model": str(trained.result.model)}}
    tasks = ["atelier/fashion-iq-original", "atelier/viton-hd-paired"]
    fields = {
        "tasks": tasks,
        "backends": choice,
        "data": {"atelier": twin},
        "limit": 6,
        "batch_size": 2,
        "device": "cpu",
    }
    stores = [Store(tmp_path / str(count)) for count in (1, 2)]
    for count, store in enumerate(stores, start=1):
        executor = {"id": "local", "options": {"shards": count}}
        records = api.run({**fields, "executor": executor}, plugins=Plugins(strict=True), store=store)
        assert [record.error for record in records] == [None, None]
    one, two = map(timeless_store, stores)
    assert one == two
