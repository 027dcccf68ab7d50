"""Rankings, hit lists and CIRR's server files on the twin, scored from annotations alone."""

from __future__ import annotations

import json
import random
import shutil
import statistics

import numpy as np
import pytest

from fashionbench.api import run, score
from fashionbench.cli import options
from fashionbench.cli.main import main
from fashionbench.errors import ConfigError, DataError
from fashionbench.records.path_names import without_paths

CATEGORIES = ("dress", "shirt", "toptee")


def load(path):
    return json.loads(path.read_text())


@pytest.fixture
def iq(twin, tmp_path):
    """Fashion-IQ's annotations without an image, each query's list, and the rank of its target, all at random."""
    root = tmp_path / "annotations" / "fashion-iq"
    for folder in ("captions", "image_splits"):
        shutil.copytree(twin / "fashion-iq" / folder, root / folder)
    rng = random.Random(3)
    lists, ranks = {}, {}
    for category in CATEGORIES:
        gallery = load(root / "image_splits" / f"split.{category}.val.json")
        ranks[category] = []
        for number, entry in enumerate(load(root / "captions" / f"cap.{category}.val.json")):
            order = rng.sample(gallery, len(gallery))
            lists[f"{category}-val-{number:05d}"] = order
            ranks[category].append(order.index(entry["target"]) + 1)
    return root, lists, ranks


def recall(ranks, k):
    return statistics.fmean(statistics.fmean(rank <= k for rank in own) for own in ranks.values())


def written(path, content):
    path.write_text(json.dumps(content))
    return path


def scored(plugins, store, task, path, **data):
    name = f"them {len(store.scan().records)}"  # a name is of one file
    return score(task, path, data=data, store=store, plugins=plugins, name=name)


def iq_score(plugins, store, path, root):
    return scored(plugins, store, "fashion-iq/original", path, **{"fashion-iq": root})


def test_rankings_and_hits_need_no_image_and_score_as_with_the_images(iq, twin, plugins, store, tmp_path):
    root, lists, ranks = iq
    hits = np.zeros((sum(map(len, ranks.values())), 60), dtype=bool)
    flat = [rank for own in ranks.values() for rank in own]
    for row, rank in enumerate(flat):
        hits[row, rank - 1 : rank] = True
    np.save(tmp_path / "hits.npy", hits)
    for path in (written(tmp_path / "lists.json", lists), tmp_path / "hits.npy"):
        for place in (root, twin / "fashion-iq"):
            record = iq_score(plugins, store, path, place)
            for k in (10, 50):
                assert record.metric(f"recall@{k}").value == pytest.approx(recall(ranks, k), abs=1e-12)
            mrr = statistics.fmean(statistics.fmean(1 / rank for rank in own) for own in ranks.values())
            assert record.metric("mrr").value == pytest.approx(mrr, abs=1e-12)
            assert record.dataset.missing == ()
            assert {finding.kind for finding in record.policy} <= {"published"}  # an excerpt of the data


def test_an_import_without_images_says_so_and_stays_apart_from_what_was_measured_on_some(
    iq, plugins, store, tmp_path, copied, monkeypatch, capsys
):
    root, lists, _ = iq
    most = copied("fashion-iq")
    gone = load(root / "captions" / "cap.dress.val.json")[0]["target"]
    next((most / "images").glob(f"{gone}.*")).unlink()
    path = written(tmp_path / "lists.json", lists)
    alone = iq_score(plugins, store, path, root).dataset
    assert alone.facts["images"].startswith(f"{alone.images} of {alone.images} images missing: ")
    whole = iq_score(plugins, store, path, most).dataset
    assert whole.facts["images"].startswith(f"1 of {alone.images} images missing: {gone};")
    # Any copy whose images are not all there gives one fingerprint, which is none that a backend was measured on.
    assert alone.fingerprint == whole.fingerprint
    fields = {"tasks": "fashion-iq/original", "backends": "control/random", "data": {"fashion-iq": most}}
    (measured,) = run(fields, store=store, plugins=plugins)
    assert measured.dataset.fingerprint != alone.fingerprint
    monkeypatch.setattr(options.State, "plugins", property(lambda self: plugins))
    words = ["score", "fashion-iq/original", "--predictions", str(path), "--data", f"fashion-iq={root}"]
    assert main([*words, "--store", str(store.root)]) == 0
    assert f"{alone.images} of {alone.images} images missing: " in capsys.readouterr().out


def test_embeddings_without_images_are_an_error_that_names_the_folder(iq, plugins, store, tmp_path):
    root, _, _ = iq
    path = tmp_path / "e.npz"
    eye = np.eye(1, dtype=np.float32)
    np.savez(path, query_ids=["a"], query_embeddings=eye, candidate_ids=["b"], candidate_embeddings=eye)
    with pytest.raises(DataError, match=r"none of the \d+ images of fashion-iq is there.*looked for .* in ") as caught:
        iq_score(plugins, store, path, root)
    assert str(root / "images") in caught.value.message
    assert "holds captions, image_splits" in caught.value.message


def test_a_query_whose_image_is_missing_keeps_its_row(iq, twin, plugins, store, tmp_path):
    """With one reference gone, the rows of a hit list are still those of the annotations, and so is a run's order."""
    root, _, ranks = iq
    shutil.copytree(twin / "fashion-iq" / "images", root / "images")
    entries = load(root / "captions" / "cap.dress.val.json")
    for path in (root / "images").glob(f"{entries[0]['candidate']}.*"):
        path.unlink()
    hits = np.zeros((sum(map(len, ranks.values())), 5), dtype=bool)
    hits[1, 0] = True
    np.save(tmp_path / "hits.npy", hits)
    record = iq_score(plugins, store, tmp_path / "hits.npy", root)
    rows = store.read_predictions(record.predictions).to_pylist()
    assert [row["query_id"] for row in rows if row["better"] == [0]] == ["dress-val-00001"]
    fields = {"tasks": "fashion-iq/original", "backends": "control/random", "data": {"fashion-iq": root}}
    (measured,) = run(fields, store=store, plugins=plugins)
    table = store.read_predictions(measured.predictions).to_pylist()
    assert [row["query_id"] for row in table] == [row["query_id"] for row in rows]
    assert table[0]["positive_ids"] == []


def test_one_file_a_category_is_scored_as_one_file(iq, plugins, store, tmp_path):
    root, lists, ranks = iq
    files = [
        written(tmp_path / f"{c}.json", {query: names for query, names in lists.items() if query.startswith(c)})
        for c in CATEGORIES
    ]
    assert iq_score(plugins, store, files, root).metric("recall@10").value == pytest.approx(recall(ranks, 10))
    with pytest.raises(DataError, match="'dress-val-00000' again"):
        iq_score(plugins, store, [files[0], *files], root)
    with pytest.raises(DataError, match="no ranking for"):
        iq_score(plugins, store, files[:2], root)


def test_equal_scores_tie_and_an_order_does_not(iq, plugins, store, tmp_path):
    root, lists, _ = iq
    tied = {query: dict.fromkeys(names, 0.5) for query, names in lists.items()}
    record = iq_score(plugins, store, written(tmp_path / "tied.json", tied), root)
    sizes = [len(load(root / "image_splits" / f"split.{c}.val.json")) for c in CATEGORIES]
    chance = statistics.fmean(min(1, 10 / size) for size in sizes)
    assert record.metric("recall@10").value == pytest.approx(chance)
    # The file's order does not count where there are scores: the worst comes first here.
    by_score = {q: [[name, at] for at, name in enumerate(reversed(names))][::1] for q, names in lists.items()}
    whole = iq_score(plugins, store, written(tmp_path / "scores.json", by_score), root)
    plain = iq_score(plugins, store, written(tmp_path / "lists.json", lists), root)
    assert whole.metric("mrr").value == pytest.approx(plain.metric("mrr").value, abs=1e-12)


@pytest.fixture
def cirr(twin, tmp_path):
    """CIRR's annotations without an image, both server files with random lists, and the ranks in them."""
    root = tmp_path / "cirr"
    for folder in ("captions", "image_splits"):
        shutil.copytree(next((twin / "cirr").rglob(folder)), root / folder)
    rng = random.Random(5)

    def make(split):
        gallery = list(load(root / "image_splits" / f"split.rc2.{split}.json"))
        full, subset, ranks = {}, {}, {"full": [], "subset": []}
        for entry in load(root / "captions" / f"cap.rc2.{split}.json"):
            others = [name for name in gallery if name != entry["reference"]]
            members = [name for name in entry["img_set"]["members"] if name != entry["reference"]]
            name = str(entry["pairid"])
            full[name], subset[name] = rng.sample(others, len(others)), rng.sample(members, 5)
            for part, order in (("full", full[name]), ("subset", subset[name])):
                ranks[part].append(order.index(entry["target_hard"]) + 1 if "target_hard" in entry else 0)
            full[name], subset[name] = full[name][:50], subset[name][:3]
        head = {"version": "rc2", "metric": "recall"}
        return {**head, **full}, {**head, "metric": "recall_subset", **subset}, ranks

    return root, make


def share(ranks, k):
    return statistics.fmean(rank <= k for rank in ranks)


def test_both_server_files_give_all_recalls_and_the_mean(cirr, plugins, store, tmp_path):
    root, make = cirr
    full, subset, ranks = make("val")
    assert 4 in ranks["subset"] or 5 in ranks["subset"], "no target is left out of a list of three"
    files = [written(tmp_path / "full.json", full), written(tmp_path / "subset.json", subset)]
    record = scored(plugins, store, "cirr/val", files, cirr=root)
    for k in (1, 5, 10):
        assert record.metric(f"recall@{k}").value == pytest.approx(share(ranks["full"], k))
    for k in (1, 2, 3):
        assert record.metric(f"recall@{k}", "subset").value == pytest.approx(share(ranks["subset"], k))
    mean = (share(ranks["full"], 5) + share(ranks["subset"], 1)) / 2
    assert record.metric("cirr-mean").value == pytest.approx(mean)
    # A query that stands in both files is one query; a recall of one slice is of as many.
    assert record.metric("cirr-mean").n == record.metric("recall@5").n == len(ranks["full"]) == len(ranks["subset"])
    assert record.predictions.depth["subset"] == 3
    rows = store.read_predictions(record.predictions).to_pylist()
    assert {row["n_candidates"] for row in rows if row["slice"] == "subset"} == {5}


def test_a_subset_list_may_name_its_reference_and_no_image_of_another_subset(cirr, plugins, store, tmp_path):
    root, make = cirr
    full, subset, ranks = make("val")
    entry = load(root / "captions" / "cap.rc2.val.json")[1]
    query, members = str(entry["pairid"]), entry["img_set"]["members"]

    def score_with(name, at):
        names = [*subset[query][:at], name, *subset[query][at:]]
        path = written(tmp_path / f"{name}-{at}.json", {**subset, query: names})
        return scored(plugins, store, "cirr/val", path, cirr=root)

    with_reference = score_with(entry["reference"], 0)
    assert with_reference.metric("recall@1", "subset").value == pytest.approx(share(ranks["subset"], 1))
    foreign = next(name for name in full[query] if name not in members)
    for at in (0, 3):
        with pytest.raises(DataError, match=f"query '{query}' ranks {foreign}, which is no member of its subset"):
            score_with(foreign, at)


def test_a_target_that_is_last_of_five_and_one_that_is_not_named(cirr, plugins, store, tmp_path):
    root, _ = cirr
    entries = load(root / "captions" / "cap.rc2.val.json")
    lists = {}
    for number, entry in enumerate(entries):
        others = [n for n in entry["img_set"]["members"] if n not in {entry["reference"], entry["target_hard"]}]
        lists[str(entry["pairid"])] = [*others, entry["target_hard"]] if number else others[:3]
    content = {"version": "rc2", "metric": "recall_subset", **lists}
    record = scored(plugins, store, "cirr/val", written(tmp_path / "s.json", content), cirr=root)
    assert record.metric("recall@3", "subset").value == 0.0
    assert record.metric("recall@5", "subset").value == 1.0
    assert record.metric("recall@1") is None
    assert "no slice full" in next(a.reason for a in record.absent if a.id == "recall@1")


def test_a_file_of_subsets_is_refused_by_a_task_without_subsets(iq, plugins, store, tmp_path):
    path = written(tmp_path / "s.json", {"version": "rc2", "metric": "recall_subset", "1": ["a"]})
    with pytest.raises(DataError, match="CIRR's subsets, and this task has none"):
        iq_score(plugins, store, path, iq[0])


@pytest.mark.parametrize("split", ["val", "test1"])
def test_the_server_files_are_written_out_again(cirr, split, plugins, store, tmp_path, monkeypatch, capsys):
    root, make = cirr
    monkeypatch.setattr(options.State, "plugins", property(lambda self: plugins))
    full, subset, _ = make(split)
    files = [written(tmp_path / "full.json", full), written(tmp_path / "subset.json", subset)]
    record = scored(plugins, store, f"cirr/{split}", files, cirr=root)
    words = ["--out", str(tmp_path / "out"), "--store", str(store.root)]
    assert main(["cirr-submission", record.record_id, *words]) == 0
    for name, content in (("recall_submission.json", full), ("recall_subset_submission.json", subset)):
        again = load(tmp_path / "out" / name)
        assert json.dumps(again, sort_keys=True) == json.dumps(content, sort_keys=True)
    only = scored(plugins, store, f"cirr/{split}", files[1], cirr=root)
    capsys.readouterr()
    assert main(["cirr-submission", only.record_id, *words]) == 0
    assert "cannot write recall_submission.json" in capsys.readouterr().out
    short = {name: names[:2] if name.isdigit() else names for name, names in subset.items()}
    cut = scored(plugins, store, f"cirr/{split}", written(tmp_path / "cut.json", short), cirr=root)
    assert main(["cirr-submission", cut.record_id, *words]) == 2
    assert "the imported list ends there" in capsys.readouterr().err


def test_a_submission_of_a_limited_run_or_with_missing_images_is_refused(
    twin, copied, plugins, store, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(options.State, "plugins", property(lambda self: plugins))
    words = ["--out", str(tmp_path / "out"), "--store", str(store.root)]
    fields = {"tasks": "cirr/test1", "backends": "control/random", "limit": 2, "data": {"cirr": twin / "cirr"}}
    (limited,) = run(fields, store=store, plugins=plugins)
    assert main(["cirr-submission", limited.record_id, *words]) == 2
    assert "limited to 2 queries" in capsys.readouterr().err
    root = copied("cirr")
    gone = load(next(root.rglob("cap.rc2.test1.json")))[0]["img_set"]["members"][-1]
    next(root.rglob(f"{gone}.png")).unlink()
    (lacking,) = run({**fields, "limit": None, "data": {"cirr": root}}, store=store, plugins=plugins)
    assert main(["cirr-submission", lacking.record_id, *words]) == 2
    assert f"1 images were missing when {lacking.record_id} was ranked: {gone}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_audit_and_verify_need_annotations_alone(cirr, iq, twin, tmp_path, monkeypatch, capsys, plugins):
    monkeypatch.setattr(options.State, "plugins", property(lambda self: plugins))
    gen = tmp_path / "fashiongen"
    shutil.copytree(twin / "fashiongen", gen, ignore=shutil.ignore_patterns("*.png"))
    for name, task, root in (
        ("cirr", "cirr/val", cirr[0]),
        ("fashion-iq", "fashion-iq/original", iq[0]),
        ("fashiongen", "fashiongen/101-list", gen),
        ("fashiongen", "fashiongen/full", gen),
    ):
        main(["audit", task, "--root", str(root), "--store", str(tmp_path / "s"), "--json"])
        found = json.loads(capsys.readouterr().out)
        checks = {check["name"]: check["detail"] for check in found["checks"]}
        lacking, whole = checks["missing images"].split(" of ")
        assert lacking == whole
        assert all(row["candidates"] != "0" for row in found["facts"].get("galleries", ()))
        assert main(["data", "verify", name, "--root", str(root), "--store", str(tmp_path / "s")]) == 1
        assert "images: 0 of" in capsys.readouterr().out


def test_lists_of_a_sampled_task_are_scored_against_each_query_s_candidates(copied, plugins, store, tmp_path):
    root = copied("fashiongen")
    lists = {way: load(root / "lists" / f"{way}-1.json") for way in ("i2t", "t2i")}
    for path in (root / "lists").glob("*-[2-9].json"):
        path.unlink()
    for path in root.rglob("val/*.png"):
        path.unlink()
    count = sum(map(len, lists.values()))
    hits = np.zeros((count, 1), dtype=bool)
    hits[1:, 0] = True
    np.save(tmp_path / "hits.npy", hits)
    record = scored(plugins, store, "fashiongen/101-list", tmp_path / "hits.npy", fashiongen=root)
    first = len(lists["i2t"])
    assert record.metric("hit@1", "image-to-text/1").value == pytest.approx(1 - 1 / first)
    assert record.metric("hit@1", "text-to-image/1").value == 1.0
    rows = store.read_predictions(record.predictions).to_pylist()
    assert [row["n_candidates"] for row in rows[:first]] == [len(entry["candidates"]) for entry in lists["i2t"]]
    bad = hits.copy()
    bad[0, 0] = False
    wide = np.pad(bad, ((0, 0), (0, 200)))
    wide[0, 150] = True
    np.save(tmp_path / "wide.npy", wide)
    with pytest.raises(DataError, match="row 0: a hit at rank 151"):
        scored(plugins, store, "fashiongen/101-list", tmp_path / "wide.npy", fashiongen=root)


def test_rankings_of_a_captioning_task_are_refused(twin, plugins, store, tmp_path):
    path = written(tmp_path / "r.json", {"a": ["x", "y"]})
    with pytest.raises(ConfigError, match="one caption an id"):
        scored(plugins, store, "fashion200k/captioning", path, fashion200k=twin / "fashion200k")


def test_hits_of_both_parts_of_cirr(cirr, plugins, store, tmp_path):
    root, _ = cirr
    count = len(load(root / "captions" / "cap.rc2.val.json"))
    for rows in (count, 2 * count):
        hits = np.zeros((rows, 5), dtype=bool)
        hits[1:, 0] = True
        np.save(tmp_path / "hits.npy", hits)
        record = scored(plugins, store, "cirr/val", tmp_path / "hits.npy", cirr=root)
        assert record.metric("recall@1", "full" if rows > count else "all").value == pytest.approx(1 - 1 / count)
        assert (record.metric("cirr-mean") is None) == (rows == count)
    np.save(tmp_path / "hits.npy", hits[:-1])
    with pytest.raises(
        DataError, match=f"has {2 * count - 1} rows, and the task asks {count} queries: {count} of full"
    ):
        scored(plugins, store, "cirr/val", tmp_path / "hits.npy", cirr=root)


def test_a_gallery_that_names_an_image_twice_is_a_fault_of_the_audit(iq, plugins, store):
    from fashionbench.api import audit

    root, _, _ = iq
    path = root / "image_splits" / "split.shirt.val.json"
    names = load(path)
    path.write_text(json.dumps([*names, names[2]]))
    faults = {c.name: c.detail for c in audit("fashion-iq/original", root=root, store=store, plugins=plugins).checks}
    assert faults["repetitions in the gallery of shirt"] == names[2]
    assert faults["repetitions in the gallery of dress"] == ""


def test_a_category_without_images_is_an_error_that_names_it(iq, twin, plugins, store):
    root, _, _ = iq
    shutil.copytree(twin / "fashion-iq" / "images", root / "images")
    for name in load(root / "image_splits" / "split.dress.val.json"):
        for path in (root / "images").glob(f"{name}.*"):
            path.unlink()
    fields = {"tasks": "fashion-iq/original", "backends": "control/random", "data": {"fashion-iq": root}}
    (record,) = run(fields, store=store, plugins=plugins)
    assert record.metrics == ()
    assert record.error.message.startswith("fold dress has an empty gallery: none of ")
    assert f" in {without_paths(str(root / 'images'))}, which holds " in record.error.message


@pytest.mark.parametrize("spared", ["shirt", ""])
def test_images_that_cannot_be_read_are_not_called_missing(iq, twin, plugins, store, spared):
    root, _, _ = iq
    shutil.copytree(twin / "fashion-iq" / "images", root / "images")
    kept = load(root / "image_splits" / f"split.{spared}.val.json") if spared else []
    damaged = [path for path in (root / "images").iterdir() if path.stem not in kept]
    for path in damaged:
        path.write_bytes(b"")
    fields = {"tasks": "fashion-iq/original", "backends": "control/random", "data": {"fashion-iq": root}}
    (record,) = run(fields, store=store, plugins=plugins)
    dress = len(set(load(root / "image_splits" / "split.dress.val.json")))
    whole = record.dataset.images
    said = f"fold dress has an empty gallery: {dress} of {dress}" if spared else f"{whole} of {whole}"
    assert record.error.message.startswith(f"{said} images ")
    assert "cannot be read" in record.error.message
    # The reason is that of the survey.
    assert any(without_paths(fault) in record.error.message for fault in record.dataset.unreadable.values())
    assert "is there" not in record.error.message
    assert "damaged" in record.error.remedy
