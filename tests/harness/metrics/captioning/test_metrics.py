from __future__ import annotations

import importlib.util
import random
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionbench.errors import BackendError, DataError, MetricError
from fashionbench.metrics.captioning import metrics
from fashionbench.metrics.captioning.java import packaged
from fashionbench.metrics.captioning.specs import CAPTION_METRICS
from fashionbench.metrics.contract import MetricArguments
from fashionbench.metrics.scoring import score
from fashionbench.plugins.origin import Origin
from fashionbench.plugins.registry import Registry
from fashionbench.predictions.base import Predictions
from fashionbench.predictions.captions import AS_RELEASED, STANDARD, captions_table, corpus_of, schema
from fashionbench.specs import MetricSpec, TaskSpec, resolve
from fashionbench.specs.protocol import ProtocolCard

slow = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("java") is None, reason="needs a Java runtime on PATH"),
    pytest.mark.skipif(importlib.util.find_spec("pycocoevalcap") is None, reason="needs fashionbench[metrics]"),
]
MEANS = {"rouge-l", "cider", "caption-length", "empty-captions"}


def table(rows, slices=None):
    """Make predictions of pairs of a caption and its references; two neighbours are one cluster."""
    ids = [f"i{n}" for n in range(len(rows))]
    made = captions_table("all", ids, [f"c{n // 2}" for n in range(len(rows))], *map(list, zip(*rows, strict=True)))
    return made if slices is None else made.set_column(1, "slice", [slices])


def outcome(name, rows, **card):
    spec = next(spec for spec in CAPTION_METRICS if spec.id == name)
    return resolve(spec.target)(table(rows), MetricArguments((), card))


def value(name, rows, **card):
    found = outcome(name, rows, **card)
    return found.value if found.values is None else float(found.values.mean())


def scores(predictions, names=tuple(spec.id for spec in CAPTION_METRICS), **card):
    registry = Registry("metric", MetricSpec)
    for spec in CAPTION_METRICS:
        registry.add(spec, Origin("captions", "test", "0"))
    fields = {"split": "all", "metrics": names, "average": "queries", **card}
    task = TaskSpec(
        id="t/captions", summary="", target="a:b", version="1.0.0", kind="captioning", dataset="d", metrics=names,
        main_metric="bleu-4", needs=(frozenset({"caption"}),), protocol=ProtocolCard.of("t/captions", "1.0.0", fields),
    )  # fmt: skip
    return score(Predictions("captions/1", predictions), task, registry, "a cell")


def made_up(count, seed=1, references=3):
    rng = random.Random(seed)
    words = (
        'A The long short-sleeved T-shirt dress cotton, jersey. in navy & white (slim) 100% don\'t "Tonal" logo; $20 1/2 '
        'café ドレス 👗 … ||| a|||b U.S. line\nbreak x\u2028y tab\there 10.5" <b> #1 — of with and size'
    ).split(" ")

    def one():
        return " ".join([*rng.choices(words, k=rng.randint(2, 16)), "hem."])

    rows = [(one(), [one() for _ in range(rng.randint(1, references))]) for _ in range(count)]
    rows = [(" ".join(refs[0].split(" ")[: rng.randint(0, 9)]) + " " + caption, refs) for caption, refs in rows]
    return [
        ("", refs) if n % 50 == 7 else (refs[0], refs) if n % 10 == 3 else (c, refs) for n, (c, refs) in enumerate(rows)
    ]


@pytest.fixture(scope="module")
def package(tmp_path_factory, meteor_program):
    """The whole pipeline of pycocoevalcap but SPICE; the tokeniser writes beside itself, so it is moved elsewhere."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    folder = tmp_path_factory.mktemp("tokenizer")
    jar = packaged("tokenizer", "stanford-corenlp-3.4.1.jar")
    (folder / jar.name).symlink_to(jar)
    spec = importlib.util.spec_from_file_location("ptb", shutil.copy(packaged("tokenizer", "ptbtokenizer.py"), folder))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def pipeline(candidates, references):
        tokenizer = module.PTBTokenizer()
        gts = tokenizer.tokenize({n: [{"caption": text} for text in refs] for n, refs in enumerate(references)})
        res = tokenizer.tokenize({n: [{"caption": text}] for n, text in enumerate(candidates)})
        bleu, _ = Bleu(4).compute_score(gts, res, verbose=0)
        found = {f"bleu-{order}": bleu[order - 1] for order in (1, 2, 3, 4)}
        for name, scorer in {"meteor": meteor_program, "rouge-l": Rouge(), "cider": Cider()}.items():
            found[name] = float(scorer.compute_score(gts, res)[0])
        return found

    return pipeline


def test_texts_are_read_back_as_they_were_written():
    rows = [("a\u2028b ||| \n", ["x", ""]), (None, ["y"]), ("", ["z"])]
    assert table(rows).schema == schema()
    corpus = corpus_of(table(rows), {})
    assert corpus.candidates == ("a\u2028b ||| \n", "", "")
    assert corpus.references == (("x", ""), ("y",), ("z",))
    assert corpus_of(table(rows), {"caption_metric": STANDARD}) == corpus


def test_the_released_variant_swaps_the_roles_and_cuts():
    rows = [("c" * 101, ["r" * 150]), (None, ["s"])]
    corpus = corpus_of(table(rows), {"caption_metric": AS_RELEASED})
    assert corpus.candidates == ("r" * 100, "s")
    assert corpus.references == (("c" * 100,), ("",))
    with pytest.raises(MetricError, match="several references.*: i0"):
        corpus_of(table([("a", ["b", "c"])]), {"caption_metric": AS_RELEASED})
    with pytest.raises(MetricError, match="caption_metric 'as-released'.*write 'standard' or"):
        corpus_of(table(rows), {"caption_metric": "as-released"})


texts = st.lists(
    st.tuples(st.text("ab", max_size=3), st.lists(st.text("ab", max_size=3), min_size=1, max_size=3)),
    min_size=1,
    max_size=4,
)


@given(texts, texts)
def test_two_corpora_are_equal_where_all_texts_are(left, right):
    one, other = (corpus_of(table(rows), {}) for rows in (left, right))
    assert (one == other) == (left == right)
    assert (hash(one) == hash(other)) == (left == right)


def test_a_lone_surrogate_is_refused_with_the_id_of_the_item():
    with pytest.raises(BackendError, match=r"caption of 'i1' has a lone surrogate: 'hat \\ud83d'"):
        table([("a", ["b"]), ("hat \ud83d", ["b"])])
    with pytest.raises(DataError, match="a reference of 'i0'"):
        table([("a", ["b", "\udc00"])])


@pytest.mark.parametrize("column", ["item_id", "caption", "references"])
def test_a_missing_column_is_named(column):
    with pytest.raises(MetricError, match=f"no column {column}.*captions/1"):
        corpus_of(table([("a", ["b"])]).drop_columns([column]), {})


def test_items_without_references_are_named():
    with pytest.raises(MetricError, match="no reference, or one that is null: i1$|: i1 "):
        corpus_of(table([("a", ["b"]), ("a", [])]), {})
    with pytest.raises(MetricError, match="there are no captions"):
        corpus_of(table([("a", ["b"])]).slice(0, 0), {})


def test_without_java_every_metric_is_absent_with_the_reason(monkeypatch, tmp_path):
    pytest.importorskip("pycocoevalcap", reason="needs the optional dependencies fashionbench[metrics]")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    found = scores(table([("a hat of nobody", ["a hat"]), ("a coat of nobody", ["a coat"])]))
    assert found.metrics == []
    assert [part.id for part in found.absent] == [spec.id for spec in CAPTION_METRICS]
    assert all("no usable Java runtime" in part.reason and "install" in part.reason for part in found.absent)


class TestWithJava:
    pytestmark = slow

    def test_500_captions_score_as_in_the_package(self, package):
        rows = made_up(500)
        # The package loses its place at U+2028 and splits a METEOR reference at "|||": it gets those as what they mean.
        clean = [[text.replace("\u2028", " ") for text in (caption, *refs)] for caption, refs in rows]
        expected = package([texts[0] for texts in clean], [texts[1:] for texts in clean])
        found = {part.id: part for part in scores(table(rows)).metrics}
        for name, number in expected.items():
            assert found[name].value == pytest.approx(number, abs=1e-12), name
            assert found[name].n == 500
            low, high = found[name].interval
            assert low < number < high
            assert found[name].interval_method.startswith(("bootstrap-percentile/B=1000/", "bootstrap-studentized/B="))

    def test_the_released_variant_scores_as_swapped_cut_texts_do(self, package):
        # A cut may end in the middle of an abbreviation, where the package lets the next caption decide.
        texts = [
            [text.replace("\u2028", " ").replace("U.S.", "us") for text in (c, refs[0])] for c, refs in made_up(80)
        ]
        rows = [(caption or "hat", [reference]) for caption, reference in texts]
        expected = package([refs[0][:100] for _, refs in rows], [[caption[:100]] for caption, _ in rows])
        for name, number in expected.items():
            assert value(name, rows, caption_metric=AS_RELEASED) == pytest.approx(number, abs=1e-12), name
        assert value("bleu-4", rows) != pytest.approx(expected["bleu-4"], abs=1e-3)
        # What the backend said stays what it said.
        assert value("empty-captions", [("", ["a hat"]), *rows], caption_metric=AS_RELEASED) == 1 / 81
        assert value("caption-vocabulary", [("a hat", ["b"])], caption_metric=AS_RELEASED) == 2

    def test_an_empty_caption_is_0_and_counted(self):
        rows = [("a red hat", ["a red hat"]), ("", ["a blue coat"]), (None, ["a long dress"]), ("...", ["wide jeans"])]
        assert value("rouge-l", rows) == 0.25
        assert value("empty-captions", rows) == 0.75
        assert value("caption-length", rows) == 0.75
        assert value("caption-vocabulary", rows) == 3
        assert outcome("cider", rows).values[1:].tolist() == [0, 0, 0]
        assert 0 < value("bleu-1", rows) < 0.1

    def test_the_truth_has_the_highest_scores(self):
        rows = [(text, [text]) for text in ("a long red hat", "a blue coat of wool", "four pairs of wide jeans")]
        for name, number in {"bleu-1": 1, "bleu-4": 1, "rouge-l": 1, "cider": 10, "style-distance": 0}.items():
            assert value(name, rows) == pytest.approx(number, abs=1e-7), name

    def test_references_without_words_are_refused_by_name(self):
        rows = [("a hat", ["a hat"]), ("a hat", ["...", "-"])]
        with pytest.raises(MetricError, match="items with no word in any reference: i1"):
            value("bleu-4", rows)

    def test_captions_without_words_cannot_be_references(self):
        rows = [("", ["a hat"]), (None, ["a coat"])]
        with pytest.raises(MetricError, match="no caption has a word"):
            value("bleu-4", rows, caption_metric=AS_RELEASED)

    def test_identical_references_make_cider_absent_and_nothing_else(self):
        names = tuple(spec.id for spec in CAPTION_METRICS if spec.id != "meteor")
        found = scores(table([("a red hat", ["a red hat"])] * 3), names)
        absent = {part.id: part.reason for part in found.absent}
        assert set(absent) == {"cider", "spice"}
        assert "none has any weight" in absent["cider"]
        assert "stanford-corenlp-3.6.0" in absent["spice"]

    def test_all_metrics_share_one_tokenisation(self):
        rows = [(f"hat number {n}", [f"a hat number {n}"]) for n in range(6)]
        metrics._words.cache_clear()
        for name in ("bleu-1", "bleu-4", "rouge-l", "cider", "caption-length", "style-distance"):
            value(name, rows)
        assert metrics._words.cache_info().misses == 1
        value("bleu-4", rows, caption_metric=AS_RELEASED)
        assert metrics._words.cache_info().misses == 2

    def test_means_of_captions_have_slices_and_corpus_scores_have_not(self):
        rows = [(f"hat number {n}", [f"a hat number {n}"]) for n in range(8)]
        found = scores(table(rows, ["left"] * 4 + ["right"] * 4), ("bleu-4", "style-distance", *sorted(MEANS)))
        sliced = {part.id for part in found.metrics if part.slice != "all"}
        assert sliced == MEANS
        assert {spec.id for spec in CAPTION_METRICS if spec.by_item} == MEANS | {"spice"}

    def test_order_decides_on_no_score(self):
        rows = made_up(60, seed=4)
        for name in ("bleu-4", "rouge-l", "cider", "style-distance"):
            assert value(name, rows) == pytest.approx(value(name, rows[::-1]), abs=1e-12)

    def test_intervals_are_the_same_in_every_run(self):
        rows = made_up(90, seed=5)
        first = outcome("bleu-4", rows)
        metrics._bleu_counts.cache_clear()
        assert outcome("bleu-4", rows) == first
        assert np.diff(first.interval)[0] > 0

    def test_few_clusters_have_no_interval(self):
        found = outcome("bleu-4", made_up(12, seed=5))
        assert found.interval is None
        assert "clusters are fewer than 40" in found.method
