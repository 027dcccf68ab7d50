from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import toy_plugin
from PIL import Image

from fashionbench import Board, api
from fashionbench.cli import options
from fashionbench.cli.main import main
from fashionbench.errors import BackendError, ConfigError, DataError
from fashionbench.predictions.readers import read
from fashionbench.records.store import Store
from fashionbench.runner.score_file import row_name, score_file

NAMES = list(toy_plugin.COLOURS)


def ranking(wrong=0):
    """Rank the right text first, but second for the first ``wrong`` queries."""
    found = {}
    for i, name in enumerate(NAMES):
        others = [f"text-{other}" for other in NAMES if other != name]
        own = f"text-{name}"
        found[f"image-{name}"] = [others[0], own, *others[1:]] if i < wrong else [own, *others]
    return found


@pytest.fixture
def score(plugins, store):
    return lambda path, task="toy/squares": score_file(plugins.tasks[task], read(path), "them", plugins, store, {})


def written(tmp_path, content, name="ranking.json"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_ranking_is_scored_and_attested_as_imported(score, tmp_path):
    record = score(written(tmp_path, ranking(wrong=2)))
    assert record.attestation == "imported"
    assert record.backend.id == "imported/them"
    assert record.metric("hit@1").value == pytest.approx(6 / 8)
    assert record.metric("mrr").value == pytest.approx((6 + 2 / 2) / 8)


def test_a_list_that_ends_early_ranks_the_rest_last(score, tmp_path):
    short = {query: names[:1] for query, names in ranking(wrong=1).items()}
    record = score(written(tmp_path, "\n".join(json.dumps({q: n}) for q, n in short.items()), "ranking.jsonl"))
    assert record.metric("hit@1").value == pytest.approx(7 / 8)
    assert record.metric("mrr").value == pytest.approx((7 + 1 / 8) / 8)


def test_hit_lists(score, tmp_path):
    hits = np.zeros((8, 5), dtype=bool)
    hits[:5, 0] = True
    hits[5, 3] = True
    np.save(tmp_path / "hits.npy", hits)
    record = score(tmp_path / "hits.npy")
    assert record.metric("hit@1").value == pytest.approx(5 / 8)
    assert record.metric("recall@5").value == pytest.approx(6 / 8)


@pytest.mark.parametrize("kind", ["npz", "safetensors", "parquet"])
def test_embeddings(score, tmp_path, kind):
    eye = np.eye(8, dtype=np.float32)
    queries, candidates = [f"image-{n}" for n in NAMES], [f"text-{n}" for n in NAMES]
    path = tmp_path / f"e.{kind}"
    if kind == "npz":
        np.savez(path, query_ids=queries, query_embeddings=eye, candidate_ids=candidates, candidate_embeddings=eye)
    elif kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        roles = ["query"] * 8 + ["candidate"] * 8
        pq.write_table(pa.table({"id": queries + candidates, "role": roles, "embedding": [*eye.tolist()] * 2}), path)
    else:
        from safetensors.numpy import save_file

        ids = {
            f"{r}_ids": np.frombuffer(json.dumps(n).encode(), np.uint8)
            for r, n in (("query", queries), ("candidate", candidates))
        }
        save_file({**ids, "query_embeddings": eye, "candidate_embeddings": eye}, path)
    assert score(path).metric("hit@1").value == 1.0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({k: v for k, v in ranking().items() if k != "image-red"}, "no ranking for 1 queries: image-red"),
        (ranking() | {"image-teal": ["text-red"]}, "unknown query 'image-teal'"),
        (ranking() | {"image-red": ["text-teal"]}, "'text-teal', which is no candidate"),
        (ranking() | {"image-red": ["text-red", "text-red"]}, "ranks a candidate twice"),
        (ranking() | {"image-red": 3}, "neither a text nor a list"),
        ({"version": "rc1", "metric": "recall", "1": ["a"]}, "rc1"),
        ('{"a": ["x"], "a": ["y"]}', "stands twice"),
        ("{}", "no predictions"),
        ("not json", "cannot be read"),
        ([{"image_id": 1}], "no image_id and caption"),
        ([{"image_id": 1, "caption": "a"}, {"image_id": 1, "caption": "b"}], "two captions"),
    ],
)
def test_wrong_files_say_what_is_wrong(score, tmp_path, content, words):
    with pytest.raises(DataError, match=words):
        score(written(tmp_path, content))


def test_what_does_not_fit_the_task_is_refused(score, tmp_path):
    with pytest.raises(ConfigError, match="does not hold what"):
        score(written(tmp_path, {"image-red": "a caption"}))
    with pytest.raises(DataError, match="does not exist"):
        read(tmp_path / "absent.json")
    with pytest.raises(DataError, match="no known kind"):
        read(written(tmp_path, "x", "x.txt"))
    np.savez(
        tmp_path / "e.npz",
        query_ids=["image-red"],
        query_embeddings=np.eye(1),
        candidate_ids=["x"],
        candidate_embeddings=np.eye(1),
    )
    with pytest.raises(BackendError, match="no answer for"):
        score(tmp_path / "e.npz")
    np.save(tmp_path / "h.npy", np.ones((8, 3), dtype=bool))
    with pytest.raises(DataError, match="several hits"):
        read(tmp_path / "h.npy")
    np.save(tmp_path / "s.npy", np.zeros((3, 3), dtype=bool))
    with pytest.raises(DataError, match="3 rows, and the task asks 8"):
        score(tmp_path / "s.npy")


def test_a_pickle_is_never_opened(tmp_path):
    np.save(tmp_path / "p.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path / "p.npy")


def test_folders_of_images(tmp_path):
    with pytest.raises(DataError, match="no images"):
        read(tmp_path)
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    assert set(read(tmp_path).images) == {"a"}
    Image.new("RGB", (2, 2)).save(tmp_path / "a.jpg")
    with pytest.raises(DataError, match="holds a twice"):
        read(tmp_path)


def test_the_command(plugins, store, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(options.State, "plugins", property(lambda self: plugins))
    path = written(tmp_path, ranking())
    words = ["score", "toy/squares", "--predictions", str(path), "--store", str(store.root)]
    assert main([*words, "--name", "Their Model!"]) == 0
    assert "hit@1: 1.0000" in capsys.readouterr().out
    assert store.scan().records[0].backend.id == "imported/Their Model!"
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["attestation"] == "imported"


def test_an_imported_image_is_laid_on_white_and_one_of_16_bits_is_scaled(tmp_path):
    import numpy as np

    from fashionbench.data.items import TryOnItem
    from fashionbench.predictions.replay_backend import FileBackend

    layer = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    layer.putpixel((1, 0), (10, 20, 30, 255))
    layer.save(tmp_path / "a.png")
    person = Image.new("RGB", (2, 1))
    (rows,) = FileBackend(read(tmp_path)).try_on([TryOnItem("a", person, person)])
    assert rows.tolist() == [[[255, 255, 255], [10, 20, 30]]]
    Image.fromarray(np.array([[0, 65535]], dtype=np.uint16)).save(tmp_path / "a.png")
    (rows,) = FileBackend(read(tmp_path)).try_on([TryOnItem("a", person, person)])
    assert rows.tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_a_failed_import_leaves_no_record_and_no_row(score, store, tmp_path):
    with pytest.raises(DataError):
        score(written(tmp_path, {"image-red": ["text-red"]}))
    assert store.scan().records == []


NAMES_OF_SYSTEMS = ("模型甲", "模型乙", "System (α=0.5)", "System (β=0.5)", "SPRC", "sprc", "a/b", "a__b", "Ü" * 120)


def test_names_that_differ_outside_ascii_or_in_case_are_rows_of_their_own(plugins, store, tmp_path):
    wrong = {name: i % 8 for i, name in enumerate(NAMES_OF_SYSTEMS)}
    for name in NAMES_OF_SYSTEMS:
        path = written(tmp_path, ranking(wrong=wrong[name]))
        api.score("toy/squares", path, name=name, plugins=plugins, store=store)
    (table,) = Board.of(plugins.boards["toy"], store, plugins).tables
    found = {row.backend: row.values[0].value for row in table.rows}
    assert found == {f"imported/{name}": pytest.approx((8 - wrong[name]) / 8) for name in NAMES_OF_SYSTEMS}


@pytest.mark.parametrize(("one", "other"), [("robe\u0301", "rob\u00e9"), (" mine ", "mine")])
def test_one_name_in_two_unicode_forms_is_one_row(one, other):
    assert row_name(one) == row_name(other)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("  ", "is empty"),
        ("a\u200bb", "U\\+200B"),
        ("a\nb", "U\\+000A"),
        ("a\u2028b", "U\\+2028"),
        ("run of hf_abcdefghijklmnop", "holds a secret"),
        ("/home/ada/runs/7", "the path of a folder"),
    ],
)
def test_a_name_that_cannot_be_told_from_another_is_refused(name, said):
    with pytest.raises(ConfigError, match=said):
        row_name(name)


def test_a_name_that_another_file_has_is_refused_with_both_hashes(plugins, store, tmp_path):
    def scored(wrong, name="mine", task="toy/squares"):
        path = written(tmp_path, ranking(wrong=wrong), f"{wrong}.json")
        return api.score(task, path, name=name, plugins=plugins, store=store)

    first = scored(0)
    with pytest.raises(ConfigError, match="the name 'mine' is taken on toy/squares") as caught:
        scored(1)
    hashes = [hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("0.json", "1.json")]
    assert all(one in caught.value.message for one in hashes)
    assert store.scan().records == [first]
    assert scored(0).supersedes == first.record_id  # the same file again
    assert scored(1, "theirs").status == "ok"
    # What was scored by mistake gives its name back.
    store.invalidate(store.scan().current()[0], "the wrong file")
    assert scored(2).metric("hit@1").value == pytest.approx(6 / 8)


def test_two_files_of_one_name_are_two_rows(plugins, store, tmp_path):
    """As of two stores that are published together, or of a store of before names were guarded."""
    records = []
    for wrong in (0, 2):
        other = Store(tmp_path / str(wrong))
        path = written(tmp_path, ranking(wrong=wrong), f"{wrong}.json")
        records.append(api.score("toy/squares", path, name="mine", plugins=plugins, store=other))
    (table,) = Board.build(plugins.boards["toy"], records, plugins).tables
    assert [(row.label, row.values[0].value) for row in table.rows] == [
        (f"imported/mine (file {records[0].backend.revision[:8]})", 1.0),
        (f"imported/mine (file {records[1].backend.revision[:8]})", 6 / 8),
    ]
    # One of them alone needs no hash to be told from others.
    (alone,) = Board.build(plugins.boards["toy"], records[:1], plugins).tables
    assert [row.label for row in alone.rows] == ["imported/mine"]
    assert records[0].backend.revision in alone.rows[0].title
