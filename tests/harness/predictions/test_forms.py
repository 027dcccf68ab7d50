"""Every form that predictions are written in by other people's code, read to one and the same thing."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import toy_plugin

from fashionbench.api import score
from fashionbench.errors import BackendError, DataError
from fashionbench.predictions.readers import read

NAMES = list(toy_plugin.COLOURS)
QUERIES = [f"image-{name}" for name in NAMES]
TEXTS = [f"text-{name}" for name in NAMES]


def lists(wrong=2):
    """Rank the right text first, but second for the first ``wrong`` queries."""
    found = {}
    for number, query in enumerate(QUERIES):
        others = [text for text in TEXTS if text != TEXTS[number]]
        found[query] = [others[0], TEXTS[number], *others[1:]] if number < wrong else [TEXTS[number], *others]
    return found


def scores(names):
    return {name: 1.0 - at / 10 for at, name in enumerate(names)}


def trec(found):
    rows = [f"{q} Q0 {n} {at} {s} run" for q, names in found.items() for at, (n, s) in enumerate(scores(names).items())]
    return "\n".join(reversed(rows)) + "\n"


def table(found, separator, by):
    rows = [
        separator.join([q, name, str(-at if by == "score" else at)])
        for q, names in found.items()
        for at, name in enumerate(names, 1)
    ]
    return "\n".join([separator.join(["query_id", "candidate_id", by]), *reversed(rows)]) + "\n"


FORMS = {
    "lists.json": json.dumps,
    "lists.jsonl": lambda r: "\n".join(json.dumps({q: names}) for q, names in r.items()),
    "scores.json": lambda r: json.dumps({q: dict(reversed(scores(names).items())) for q, names in r.items()}),
    "pairs.json": lambda r: json.dumps({q: [list(p) for p in scores(names).items()] for q, names in r.items()}),
    "rows.jsonl": lambda r: "\n".join(json.dumps({"query_id": q, "ranking": names}) for q, names in r.items()),
    "rows.json": lambda r: json.dumps([{"qid": q, "candidates": names} for q, names in r.items()]),
    "run.trec": trec,
    "run.txt": trec,
    "run.RUN": trec,
    "rank.csv": lambda r: table(r, ",", "rank"),
    "distance.csv": lambda r: table(r, ",", "distance"),
    "score.tsv": lambda r: table(r, "\t", "score"),
    "suffix.json": lambda r: json.dumps({f"{q}.png": [f"out/{n}.jpg" for n in names] for q, names in r.items()}),
}


@pytest.mark.parametrize("bom", ["", "\ufeff"], ids=["plain", "bom"])
@pytest.mark.parametrize("name", FORMS)
def test_rankings(plugins, store, tmp_path, name, bom):
    path = tmp_path / name
    path.write_text(bom + FORMS[name](lists()), encoding="utf-8")
    record = score("toy/squares", path, store=store, plugins=plugins)
    assert record.metric("hit@1").value == pytest.approx(6 / 8)
    assert record.metric("mrr").value == pytest.approx((6 + 2 / 2) / 8)
    assert record.predictions.depth == {}


def embeddings():
    eye = np.eye(8, dtype=np.float32)
    return eye, {"query_ids": QUERIES, "candidate_ids": TEXTS}


@pytest.mark.parametrize("kind", ["bfloat16", "float16", "float64", "requires_grad"])
def test_tensors_of_any_float_type_with_or_without_gradients(plugins, store, tmp_path, kind):
    torch = pytest.importorskip("torch")
    eye, ids = embeddings()
    tensor = (
        torch.tensor(eye, requires_grad=True) if kind == "requires_grad" else torch.tensor(eye).to(getattr(torch, kind))
    )
    torch.save({**ids, "query_embeddings": tensor, "candidate_embeddings": tensor}, tmp_path / "e.pt")
    assert score("toy/squares", tmp_path / "e.pt", store=store, plugins=plugins).metric("hit@1").value == 1.0
    if kind == "bfloat16":
        from safetensors.torch import save_file

        named = {n: torch.frombuffer(bytearray(json.dumps(i).encode()), dtype=torch.uint8) for n, i in ids.items()}
        third = torch.tensor(eye / 3).to(torch.bfloat16)
        save_file(
            {**named, "query_embeddings": third, "candidate_embeddings": third.clone()}, tmp_path / "e.safetensors"
        )
        stored = read(tmp_path / "e.safetensors").vectors["query", QUERIES[0]]
        assert stored.tolist() == third[0].float().tolist()


@pytest.mark.parametrize(
    "ids",
    [lambda names: np.array([n.encode() for n in names]), lambda names: np.array(names).reshape(-1, 1)],
    ids=["bytes", "column"],
)
def test_ids_as_bytes_and_as_a_column(plugins, store, tmp_path, ids):
    eye, _ = embeddings()
    fields = {"query_embeddings": eye, "candidate_embeddings": eye}
    np.savez(tmp_path / "e.npz", query_ids=ids(QUERIES), candidate_ids=ids(TEXTS), **fields)
    assert score("toy/squares", tmp_path / "e.npz", store=store, plugins=plugins).metric("hit@1").value == 1.0


def test_whole_numbers_are_ids_and_truth_values_are_not(tmp_path):
    path = tmp_path / "r.json"
    path.write_text('{"12": [3, "4"]}')
    assert read(path).rankings["12"].ids == ["3", "4"]
    eye = np.eye(2)
    np.savez(tmp_path / "e.npz", query_ids=[1, 2], query_embeddings=eye, candidate_ids=[1, 2], candidate_embeddings=eye)
    assert ("query", "2") in read(tmp_path / "e.npz").vectors
    for wrong in ("true", "1.5", "null"):
        path.write_text(f'{{"12": ["a", {wrong}]}}')
        with pytest.raises(DataError, match=r"r\.json: '12', rank 2: .* is no id"):
            read(path)


def test_two_files_of_embeddings_answer_together(plugins, store, tmp_path):
    eye, ids = embeddings()
    np.savez(tmp_path / "q.npz", query_ids=ids["query_ids"], query_embeddings=eye)
    np.savez(tmp_path / "c.npz", candidate_ids=ids["candidate_ids"], candidate_embeddings=eye)
    files = [tmp_path / "q.npz", tmp_path / "c.npz"]
    assert score("toy/squares", files, store=store, plugins=plugins).metric("hit@1").value == 1.0
    with pytest.raises(BackendError, match="it has no candidate ids"):
        score("toy/squares", files[0], name="one", store=store, plugins=plugins)


def test_hits_as_whole_numbers_and_in_two_files(plugins, store, tmp_path):
    hits = np.zeros((8, 5), dtype=np.int64)
    hits[:6, 0] = 1
    np.save(tmp_path / "hits.npy", hits)
    assert score("toy/squares", tmp_path / "hits.npy", store=store, plugins=plugins).metric("hit@1").value == 6 / 8
    for number, part in enumerate((hits[:3], hits[3:])):
        np.save(tmp_path / f"{number}.npy", part)
    files = [tmp_path / "0.npy", tmp_path / "1.npy"]
    assert score("toy/squares", files, store=store, plugins=plugins).metric("hit@1").value == 6 / 8
    np.save(tmp_path / "1.npy", hits[3:, :2])
    with pytest.raises(DataError, match="have 2, 5 columns"):
        score("toy/squares", files, store=store, plugins=plugins)
    np.save(tmp_path / "hits.npy", hits + 1)
    with pytest.raises(DataError, match=r"int64 \(8, 5\)"):
        read(tmp_path / "hits.npy")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", '{"a": ["x"]}\n{"b": ', r"line 2 is not JSON"),
        ("a.jsonl", '{"a": ["x"]}\n["b"]', r"line 2 is no object"),
        ("a.json", '{"a": "red", "b": null}', r"the caption of 'b' is null"),
        ("a.json", '{"a": "red", "b": ["x", "y"]}', r"the caption of 'b' is \[\"x\", \"y\"\]"),
        ("a.json", '{"a": {"x": NaN}}', r"'a': the score of 'x' is nan"),
        ("a.json", '{"a": [["x", 1], ["x", 2]]}', r"'a' ranks a candidate twice: 'x'"),
        ("a.json", '{"a": {"x": "high"}}', r"the score of 'x' is 'high'"),
        ("a.json", '[{"image_id": 1, "caption": ["a", "b"]}]', r"entry 0: the caption of '1' is \[\"a\", \"b\"\]"),
        ("a.json", '[{"image_id": 1, "caption": "a"}, 3]', r"entry 1 has no image_id and caption"),
        ("a.csv", "query_id,candidate_id,score\na,x,1\na,y\n", r"line 3 has fewer values"),
        ("a.csv", "query_id,candidate_id,score\na,x,one\n", r"line 2: 'one' is no number"),
        ("a.csv", "query_id,candidate_id,rank\na,x,1\na,y,1\n", r"'a' has two candidates of one rank"),
        ("a.csv", "query_id,candidate_id,rank\na,x,1\na,y,nan\n", r"line 3: 'nan' is no finite number"),
        ("a.csv", "who,what\na,x\n", r"columns who, what"),
        ("a.trec", "q 0 d 1\n", r"line 1 is of no known kind of run: this is a file of judgements"),
        ("a.trec", "q Q0 d 1 high tag\n", r"line 1: 'high' is no number"),
        ("a.trec", "", r"holds no predictions"),
        ("a.json", '{"version": "rc2", "metric": "recall"}', r"holds no predictions"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DataError, match=words) as caught:
        read(path)
    assert str(path) in caught.value.message
    assert caught.value.remedy


def test_a_file_that_is_not_utf_8_says_so(tmp_path):
    (tmp_path / "a.json").write_bytes('{"a": "\u00e9"}'.encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8"):
        read(tmp_path / "a.json")
    np.savez(tmp_path / "e.npz", query_ids=["a"], vectors=np.eye(1))
    with pytest.raises(DataError, match=r"has no query_embeddings; it has query_ids, vectors"):
        read(tmp_path / "e.npz")


BOTH = {
    "score that is a distance": ("score", [(0.1, 1), (0.2, 2), (0.3, 3)]),
    "rank that rises with the score": ("score", [(3.0, 3), (2.0, 2), (1.0, 1)]),
    "two ranks swapped": ("score", [(3.0, 1), (2.0, 3), (1.0, 2)]),
    "distance that is a score": ("distance", [(0.9, 1), (0.5, 2), (0.1, 3)]),
    "rank between those of a tie": ("score", [(2.0, 1), (2.0, 3), (1.0, 2)]),
    "rank against the whole of a tie": ("score", [(1.0, 1), (2.0, 2), (2.0, 3)]),
}


def columns(by, values, separator=","):
    rows = [["q", name, str(value), str(rank)] for name, (value, rank) in zip("xyz", values, strict=True)]
    good = [["p", "x", "5" if by == "score" else "1", "1"], ["p", "y", "1" if by == "score" else "5", "2"]]
    return "\n".join(separator.join(row) for row in [["query_id", "candidate_id", by, "rank"], *good, *rows]) + "\n"


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
@pytest.mark.parametrize("fault", BOTH)
def test_a_rank_that_contradicts_the_score_or_the_distance_is_an_error(tmp_path, fault, suffix):
    by, values = BOTH[fault]
    path = tmp_path / f"both.{suffix}"
    path.write_text(columns(by, values, "\t" if suffix == "tsv" else ","))
    with pytest.raises(DataError, match=f"{by} and rank of the query 'q' disagree: '[xyz]' has {by}") as caught:
        read(path)
    assert f"drop the column {by} or rank" in caught.value.remedy


@pytest.mark.parametrize(
    ("by", "values", "scores"),
    [
        ("score", [(3.0, 1), (2.0, 2), (1.0, 3)], [3.0, 2.0, 1.0]),
        ("distance", [(0.1, 1), (0.2, 2), (0.7, 3)], [-0.1, -0.2, -0.7]),
        ("score", [(2.0, 1), (2.0, 2), (1.0, 3)], [2.0, 2.0, 1.0]),
        ("score", [(2.0, 2), (2.0, 1), (1.0, 3)], [2.0, 2.0, 1.0]),
    ],
    ids=["score", "distance", "tie", "tie in the other order"],
)
def test_a_rank_that_agrees_leaves_the_score_to_decide(tmp_path, by, values, scores):
    (tmp_path / "both.csv").write_text(columns(by, values))
    ranked = read(tmp_path / "both.csv").rankings["q"]
    assert (list(ranked.ids), list(ranked.scores)) == (["x", "y", "z"], scores)


def test_a_score_and_a_distance_that_disagree_are_an_error(tmp_path):
    (tmp_path / "a.csv").write_text("qid,docid,distance,score\na,x,0.1,0.1\na,y,0.9,0.9\n")
    with pytest.raises(DataError, match="score and distance of the query 'a' disagree"):
        read(tmp_path / "a.csv")


def test_a_trec_run_follows_its_scores_and_says_where_the_ranks_contradict_them(plugins, store, tmp_path):
    sound = trec(lists()).splitlines()
    swapped = {0: "1", 1: "0"}
    first = sound[-1].split()[0]
    rows = [line.split() for line in sound]
    for row in rows:
        if row[0] == first:
            row[3] = swapped.get(int(row[3]), row[3])
    (tmp_path / "a.trec").write_text("\n".join(map(" ".join, rows)))
    record = score("toy/squares", tmp_path / "a.trec", store=store, plugins=plugins)
    assert record.metric("hit@1").value == pytest.approx(6 / 8)
    (line,) = record.dataset.counted_facts
    assert line.startswith("queries whose ranks contradict their scores: 1 of 8, ordered by the scores, as trec_eval")
    assert repr(first) in line
    for rank in ("0", "-"):  # a constant, or no number: nothing is said of the order
        (tmp_path / "b.trec").write_text("\n".join(" ".join([*row[:3], rank, *row[4:]]) for row in rows))
        assert read(tmp_path / "b.trec").rank_disagreements == {}
    (tmp_path / "c.trec").write_text("\n".join(sound))
    assert not score("toy/squares", tmp_path / "c.trec", store=store, plugins=plugins).dataset.counted_facts


@pytest.mark.parametrize(("depth", "counted"), [(7, False), (8, True), (9, True), (20, True)])
def test_a_row_as_deep_as_the_gallery_without_a_hit_is_ranked_last_and_counted(
    plugins, store, tmp_path, depth, counted
):
    hits = np.zeros((8, depth), dtype=bool)
    hits[:, 0] = True
    hits[5] = False
    np.save(tmp_path / "hits.npy", hits)
    record = score("toy/squares", tmp_path / "hits.npy", store=store, plugins=plugins)
    # With seven of eight candidates the answer is the last, as it is where a list leaves it out.
    assert record.metric("hit@1").value == 7 / 8
    assert record.metric("mrr").value == pytest.approx((7 + 1 / 8) / 8)
    line = "rows as deep as their candidates without a hit: 1 of 8, ranked last: "
    assert [fact[: len(line)] for fact in record.dataset.counted_facts] == [line] * counted


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("a.json", '{"q": ["x"], "q": ["y"]}', r"a\.json: the key 'q' stands twice"),
        ("a.json", '{"q": {"x": 1, "x": 2}}', r"a\.json: the key 'x' stands twice"),
        ("a.json", '[{"image_id": 1, "caption": "a", "caption": "b"}]', r"a\.json: the key 'caption' stands twice"),
        ("a.jsonl", '{"q": ["x"]}\n{"p": ["x"], "p": ["y"]}', r"a\.jsonl, line 2: the key 'p' stands twice"),
    ],
)
def test_a_key_that_stands_twice_is_named_with_its_file(tmp_path, name, content, place):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DataError, match=place):
        read(path)


@pytest.mark.parametrize("name", ["annotations", "captions", "results"])
def test_rows_within_an_object_are_told_from_captions(tmp_path, name):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"info": {}, name: [{"image_id": 1, "caption": "a dress"}]}))
    with pytest.raises(
        DataError, match=rf"a\.json holds '{name}', a list of objects .* captions were expected"
    ) as found:
        read(path)
    assert '[{"image_id": "...", "caption": "..."}, ...] or {"image id": "text", ...}' in found.value.remedy
    path.write_text(json.dumps({name: [{"query_id": 1, "ranking": ["x"]}]}))
    with pytest.raises(DataError, match=r"where a text or a list of ids was expected"):
        read(path)


@pytest.mark.parametrize(
    ("name", "content", "column"),
    [
        ("a.csv", "query_id,candidate_id,score,score\nq,x,1,2\n", "score"),
        ("a.tsv", "image_id\tcaption\tcaption\n1\ta\tb\n", "caption"),
        ("a.csv", "query_id,query_id,candidate_id\nq,p,x\n", "query_id"),
    ],
)
def test_two_columns_of_one_name_are_named_with_the_file(tmp_path, name, content, column):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=rf"{re.escape(name)} has two columns '{column}'"):
        read(tmp_path / name)
