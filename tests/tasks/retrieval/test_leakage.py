from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from fashionbench.cli import options
from fashionbench.cli.main import main
from fashionbench_tasks.retrieval.leakage import Asked, probe, verdict
from fashionbench_tasks.retrieval.text_baselines import bm25_scores, tfidf_scores, words

DOCUMENTS = [words(t) for t in ("a red dress with a long skirt", "a blue shirt", "", "red red shoes and a red bag")]
QUERIES = [words(t) for t in ("red dress", "blue", "nothing known", "shoes red")]


def test_tfidf_is_that_of_scikit_learn():
    text = pytest.importorskip("sklearn.feature_extraction.text", reason="scikit-learn, which it is compared with")
    peer = text.TfidfVectorizer(analyzer=lambda document: document)
    right = peer.fit_transform(DOCUMENTS)
    expected = (peer.transform(QUERIES) @ right.T).toarray()
    np.testing.assert_allclose(tfidf_scores(QUERIES, DOCUMENTS), expected, atol=1e-6)


def test_bm25_is_its_formula():
    lengths = [len(document) for document in DOCUMENTS]
    mean = sum(lengths) / len(lengths)
    expected = np.zeros((len(QUERIES), len(DOCUMENTS)))
    for q, query in enumerate(QUERIES):
        for d, document in enumerate(DOCUMENTS):
            for word in query:
                n = sum(word in other for other in DOCUMENTS)
                tf = document.count(word)
                if n:
                    idf = np.log(1 + (len(DOCUMENTS) - n + 0.5) / (n + 0.5))
                    expected[q, d] += idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * lengths[d] / mean))
    np.testing.assert_allclose(bm25_scores(QUERIES, DOCUMENTS), expected, atol=1e-5)


def world(leak):
    """A gallery whose texts describe its images, and queries that ask for a change of colour and length."""
    rng = np.random.default_rng(0)
    colours, kinds = ["red", "blue", "green", "black", "pink"], ["floral", "striped", "plain", "dotted"]
    texts, asked = {}, []
    for i in range(400):
        colour, kind = rng.choice(colours), rng.choice(kinds)
        texts[f"i{i}"] = f"a {kind} {colour} dress of cotton with number {i % 37}"
        if i % 2:
            query = f"is {colour} and longer than the other one with a {kind} look"
            asked.append(Asked(query, f"i{i}"))
            texts[f"i{i}"] = leak(texts[f"i{i}"], query)
    return asked, texts


@pytest.mark.parametrize(
    ("leak", "expected"),
    [
        (lambda text, query: text, "clean"),
        (lambda text, query: f"{text} {query}", "leak"),
        (lambda text, query: f"{text} which is longer", "leak"),
        (lambda text, query: "", "leak"),
    ],
    ids=["honest", "copied", "reworded", "absent"],
)
def test_planted_leaks_are_found_and_honest_texts_pass(leak, expected):
    asked, texts = world(leak)
    found = probe("dress", asked, texts)
    assert verdict([found]) == expected
    assert found.recalls["chance"] == (10 / 400, 50 / 400)
    assert found.recalls["shuffled"][0] < 0.1


@pytest.fixture
def audit(twin, tmp_path, monkeypatch, capsys, plugins):
    monkeypatch.setattr(options.State, "plugins", property(lambda self: plugins))
    root = tmp_path / "fashion-iq"
    root.mkdir()
    for folder in ("captions", "image_splits"):  # no images
        shutil.copytree(twin / "fashion-iq" / folder, root / folder)

    def call(texts, *words):
        files = []
        for category, content in texts.items():
            path = tmp_path / f"{category}.json"
            path.write_text(json.dumps(content))
            files += ["--gallery-text", f"{category}={path}"]
        code = main(["audit", "fashion-iq", "--root", str(root), "--store", str(tmp_path / "s"), *files, *words])
        return code, *capsys.readouterr()

    return call, root


def texts_of(root, *, leak):
    found = {}
    for category in ("dress", "shirt", "toptee"):
        gallery = json.loads((root / "image_splits" / f"split.{category}.val.json").read_text())
        found[category] = {name: f"a garment of number {i % 17} in a studio" for i, name in enumerate(gallery)}
        for entry in json.loads((root / "captions" / f"cap.{category}.val.json").read_text()) if leak else ():
            found[category][entry["target"]] += " " + " and ".join(entry["captions"])
    return found


def test_the_audit_of_fashion_iq_needs_no_images(audit):
    call, root = audit
    _, out, _ = call(texts_of(root, leak=False), "--json")
    clean = json.loads(out)
    assert clean["verdict"] == "clean"
    assert set(clean["facts"]["mean"]) == {"tfidf", "bm25", "shuffled", "chance"}
    assert any(check["name"] == "missing images" and check["level"] == "note" for check in clean["checks"])
    code, out, _ = call(texts_of(root, leak=True))
    assert code == 1
    assert "verdict: leak" in out
    assert "text-only retrieval" in out


def test_wrong_gallery_texts_are_named(audit, tmp_path):
    call, _ = audit
    assert "'hats'" in call({"hats": {}})[2]
    assert "the text of 'x' is a list of 0" in call({"dress": {"x": []}})[2]
    assert "the caption of 'y' is null" in call({"dress": {"x": "red", "y": None}})[2]
    assert "dress.json holds no predictions" in call({"dress": []})[2]


def test_gallery_texts_are_found_by_their_file_names_and_unknown_ids_are_named(audit):
    call, root = audit
    texts = texts_of(root, leak=True)["dress"]
    for form in (
        {f"images/{name}.png": text for name, text in texts.items()},
        {name: [text] for name, text in texts.items()},
        [{"image": name, "caption": text} for name, text in texts.items()],
    ):
        code, out, _ = call({"dress": form})
        assert (code, "verdict: leak" in out) == (1, True)
    said = call({"dress": {name.lower(): text for name, text in texts.items()}})[2]
    first = next(iter(texts))
    assert f"0 of the {len(texts)} ids" in said
    assert f"it has {first.lower()}, the gallery has {first}" in said
    assert "has a word in it" in call({"dress": dict.fromkeys(texts, "?!")})[2]


def test_other_retrieval_tasks_are_audited_too(twin, tmp_path, capsys, plugins, monkeypatch):
    monkeypatch.setattr(options.State, "plugins", property(lambda self: plugins))
    words = ["audit", "fashiongen/full", "--root", str(twin / "fashiongen"), "--store", str(tmp_path)]
    main(words)
    out = capsys.readouterr().out
    assert "chance of recall@10" in out
    assert "verdict: not probed" in out
