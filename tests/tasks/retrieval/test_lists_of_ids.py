"""Lists of ids in annotations: candidate lists, subsets and judgements that do not fit are named, or left out and counted."""

from __future__ import annotations

import json

import pytest

from fashionbench.api import audit, run
from fashionbench.cli import options
from fashionbench.cli.main import main
from fashionbench.errors import DataError
from fashionbench_tasks.datasets.cirr import CIRR
from fashionbench_tasks.datasets.mbeir import MBeir


def change(path, edit):
    loaded = json.loads(path.read_text())
    edit(loaded)
    path.write_text(json.dumps(loaded))


def oracle(plugins, store, task, root):
    fields = {"tasks": task, "backends": "control/oracle", "data": {plugins.tasks[task].dataset: root}}
    return run(fields, plugins=plugins, store=store)[0]


@pytest.fixture
def gen(copied):
    root = copied("fashiongen")
    for path in (root / "lists").glob("*-[2-9].json"):
        path.unlink()
    return root


LIST_FAULTS = {
    "unknown candidate": ("i2t", lambda e: e[0]["candidates"].append("999999"), "entry 0: the candidate '999999' of "),
    "unknown photo": ("t2i", lambda e: e[1]["candidates"].append("val/9_9"), "entry 1: the candidate 'val/9_9' of "),
    "unknown query": ("i2t", lambda e: e[0].update(query="val/777_0"), "the query 'val/777_0' is no photo"),
    "unknown product": ("t2i", lambda e: e[0].update(query="777777"), "the query '777777' is no product"),
    "two lists": ("i2t", lambda e: e.append(e[0]), "has two lists"),
    "twice": ("t2i", lambda e: e[0]["candidates"].append(e[0]["candidates"][0]), "twice"),
    "no id": ("i2t", lambda e: e[0]["candidates"].append(None), "None is no id"),
}


@pytest.mark.parametrize("fault", LIST_FAULTS)
def test_a_candidate_list_that_does_not_fit_is_named(gen, plugins, store, fault):
    way, edit, words = LIST_FAULTS[fault]
    change(gen / "lists" / f"{way}-1.json", edit)
    error = oracle(plugins, store, "fashiongen/101-list", gen).error
    assert f"{way}-1.json, entry" in error.message
    assert words in error.message
    assert error.remedy
    with pytest.raises(DataError, match=f"{way}-1.json"):
        audit("fashiongen/101-list", root=gen, store=store, plugins=plugins)


def test_a_list_without_its_positive_is_an_error(gen, plugins, store):
    path = gen / "lists" / "t2i-1.json"
    product = json.loads(path.read_text())[0]["query"]
    own = f"val/{product}_"
    change(path, lambda e: e[0].update(candidates=[n for n in e[0]["candidates"] if not n.startswith(own)]))
    error = oracle(plugins, store, "fashiongen/101-list", gen).error
    assert f"the list of {product!r} does not hold its positive" in error.message


def test_products_as_numbers_are_the_same_products(gen, plugins, store):
    before = oracle(plugins, store, "fashiongen/101-list", gen)
    change(
        gen / "lists" / "i2t-1.json", lambda es: [e.update(candidates=[int(n) for n in e["candidates"]]) for e in es]
    )
    after = oracle(plugins, store, "fashiongen/101-list", gen)
    assert after.metric("hit@1").value == before.metric("hit@1").value == 1.0


@pytest.mark.parametrize("how", ["missing", "undecodable"])
def test_one_photo_that_is_not_there_costs_its_own_queries_alone(gen, plugins, store, how):
    lists = {way: json.loads((gen / "lists" / f"{way}-1.json").read_text()) for way in ("i2t", "t2i")}
    gone = lists["i2t"][0]["query"]
    path = gen / f"{gone}.png"
    path.unlink() if how == "missing" else path.write_bytes(b"no image")
    product = gone.split("/")[1].split("_")[0]
    answered = [gone not in e["candidates"] or e["query"] != product for e in lists["t2i"]]
    record = oracle(plugins, store, "fashiongen/101-list", gen)
    assert record.metric("hit@1", "image-to-text/1").value == pytest.approx(1 - 1 / len(lists["i2t"]))
    assert record.metric("hit@1", "text-to-image/1").value == pytest.approx(sum(answered) / len(answered))
    assert (gone in record.dataset.missing) == (how == "missing")
    rows = store.read_predictions(record.predictions).to_pylist()
    assert [row["query_id"] for row in rows[: len(lists["i2t"])]] == [entry["query"] for entry in lists["i2t"]]
    # The lost query counts with all of its candidates, which no text has left.
    assert rows[0]["n_candidates"] == len(lists["i2t"][0]["candidates"])


def test_sampled_lists_are_one_draw_on_every_copy_of_the_data(gen, plugins, store):
    task = "fashiongen/100-random-same-category"
    spec = plugins.tasks[task]
    from dataclasses import replace

    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import resolve

    small = replace(spec, options={**spec.options, "candidates": 5, "draws": 1})
    drawn = []
    for _ in range(2):
        made = resolve(small.target)(small, DataRoots(named={"fashiongen": gen}))
        drawn.append([(fold.asked, fold.candidates) for fold in made.listed()])
        made.info()
        next(iter(sorted((gen / "val").glob("*.png")))).unlink()
    assert drawn[0] == drawn[1]


CIRR_FAULTS = {
    "member twice": (lambda e: e["img_set"]["members"].__setitem__(slice(None), repeated(e)), "holds .* twice"),
    "unknown member": (lambda e: replace_other(e, "dev-999-9-img0"), "dev-999-9-img0 is not in the split file"),
    "target outside": (lambda e: replace_member(e, e["target_hard"]), "is not among the six"),
    "target is reference": (lambda e: e.update(target_hard=e["reference"]), "its target is its reference"),
}


def others(entry):
    return [n for n in entry["img_set"]["members"] if n not in {entry["reference"], entry.get("target_hard")}]


def repeated(entry):
    kept = [n for n in entry["img_set"]["members"] if n != others(entry)[0]]
    return [*kept, others(entry)[1]]


def replace_other(entry, name):
    members = entry["img_set"]["members"]
    members[members.index(others(entry)[0])] = name


def replace_member(entry, name):
    members = entry["img_set"]["members"]
    stranger = "dev-999-9-img0"
    members[members.index(name)] = stranger


@pytest.mark.parametrize("fault", CIRR_FAULTS)
def test_a_subset_of_cirr_that_does_not_fit_is_named_with_its_query(copied, plugins, store, fault):
    root = copied("cirr")
    edit, words = CIRR_FAULTS[fault]
    path = next(root.rglob("cap.rc2.val.json"))
    change(path, lambda entries: edit(entries[1]))
    error = oracle(plugins, store, "cirr/val", root).error
    number = json.loads(path.read_text())[1]["pairid"]
    assert f"cap.rc2.val.json, query {number}: " in error.message
    import re

    assert re.search(words, error.message)


def test_a_pairid_that_stands_twice_is_named(copied, plugins, store):
    root = copied("cirr")
    path = next(root.rglob("cap.rc2.test1.json"))
    change(path, lambda entries: entries[1].update(pairid=entries[0]["pairid"]))
    data = CIRR(root)
    with pytest.raises(DataError, match="its pairid stands twice"):
        data.check_subsets(data.queries("test1"), data.split("test1"), "test1")


@pytest.fixture
def mbeir(copied):
    root = copied("fashion200k-mbeir")
    return root, root / "qrels/test/mbeir_fashion200k_task0_test_qrels.txt"


def judged(root):
    return list(MBeir(root).task(0).qrels)


def test_queries_that_nobody_has_judged_are_left_out_and_counted(mbeir, plugins, store):
    root, qrels = mbeir
    before = oracle(plugins, store, "fashion200k-mbeir/text-to-image", root)
    gone = judged(root)[0]
    lines = [line for line in qrels.read_text().splitlines() if line.split()[0] != gone]
    qrels.write_text("\n".join([*lines, f"stranger 0 {lines[0].split()[2]} 1"]) + "\n")
    after = oracle(plugins, store, "fashion200k-mbeir/text-to-image", root)
    assert after.metric("hit@10").value == before.metric("hit@10").value == 1.0
    assert after.dataset.sizes["queries"] == before.dataset.sizes["queries"] - 1 == after.metric("hit@10").n
    facts = after.dataset.facts
    assert facts["queries without a judgement, left out"].startswith("1 of ")
    assert gone in facts["queries without a judgement, left out"]
    assert facts["judgements of queries that are not there"] == "1: stranger"
    found = audit("fashion200k-mbeir/text-to-image", root=root, store=store, plugins=plugins)
    assert any("left out" in check.name for check in found.checks)


def test_what_is_odd_about_judgements_is_printed_after_a_run(mbeir, plugins, store, monkeypatch, capsys):
    root, qrels = mbeir
    monkeypatch.setattr(options.State, "plugins", property(lambda self: plugins))
    task = "fashion200k-mbeir/text-to-image"
    words = ["run", "--task", task, "--backend", "control/random", "--data", f"fashion200k-mbeir={root}"]
    words += ["--store", str(store.root)]
    assert main(words) == 0
    assert "judgement" not in capsys.readouterr().out
    lines = qrels.read_text().splitlines()
    query, _, candidate, *_ = lines[0].split()
    gone = judged(root)[-1]
    kept = [line for line in lines if line.split()[0] != gone]
    qrels.write_text("\n".join([*kept, lines[0], lines[0], f"stranger 0 {candidate} 1"]) + "\n")
    assert main(words) == 0
    said = capsys.readouterr().out.splitlines()
    count = len(MBeir(root).task(0).queries)
    assert said.count(f"{task}: queries without a judgement, left out: 1 of {count}: {gone}") == 1
    assert said.count(f"{task}: judgements of queries that are not there: 1: stranger") == 1
    assert said.count(f"{task}: judgements in several lines, counted once: 1: {candidate} of {query}") == 1
    names = [entry.id for entry in MBeir(root).task(0).candidates]
    known = {entry.id for entry in MBeir(root).task(0).queries}
    lists = root.parent / "lists.json"
    lists.write_text(json.dumps({one: names for one in judged(root) if one in known}))
    assert main(["score", task, "--predictions", str(lists), *words[5:]]) == 0
    assert f"queries without a judgement, left out: 1 of {count}: {gone}" in capsys.readouterr().out.splitlines()


def test_judgements_without_a_positive_are_an_error(mbeir, plugins, store):
    root, qrels = mbeir
    qrels.write_text("\n".join(" ".join([*line.split()[:3], "0"]) for line in qrels.read_text().splitlines()))
    error = oracle(plugins, store, "fashion200k-mbeir/text-to-image", root).error
    assert "task0_test_qrels.txt holds no positive of any of the" in error.message


def test_a_judgement_that_stands_twice_counts_once_and_two_that_differ_are_named(mbeir):
    root, qrels = mbeir
    before = MBeir(root).task(0).qrels
    text = qrels.read_text()
    first = text.splitlines()[0]
    qrels.write_text(text + first + "\n")
    assert MBeir(root).task(0).qrels == before
    qrels.write_text(text + " ".join([*first.split()[:3], "0"]) + "\n")
    with pytest.raises(DataError, match=rf"line {len(text.splitlines()) + 1}: .* has the relevance 0, 1 before"):
        MBeir(root).task(0)


def test_the_three_columns_of_beir_are_read(mbeir):
    root, qrels = mbeir
    before = MBeir(root).task(0).qrels
    rows = [line.split() for line in qrels.read_text().splitlines()]
    qrels.write_text("\n".join(["query-id\tcorpus-id\tscore", *("\t".join([r[0], r[2], r[3]]) for r in rows)]))
    assert MBeir(root).task(0).qrels == before


def test_a_judged_candidate_outside_the_pool_is_named_with_its_query(mbeir, plugins, store):
    root, qrels = mbeir
    query = judged(root)[0]
    qrels.write_text(qrels.read_text() + f"{query} 0 9:999 1\n")
    error = oracle(plugins, store, "fashion200k-mbeir/text-to-image", root).error
    assert f"the positive 9:999 of query {query} is not in the pool" in error.message


def test_a_training_query_of_an_unknown_image_is_named(copied, plugins, store):
    root = copied("cirr")
    change(next(root.rglob("cap.rc2.train.json")), lambda entries: entries[0].update(target_hard="train-999-9-img0"))
    error = oracle(plugins, store, "cirr/val", root).error
    assert (error.type, "'train-999-9-img0'" in error.message) == ("DataError", True)


def test_the_lengths_of_candidate_lists_are_in_the_record_and_a_file_without_lists_is_named(gen, plugins, store):
    lengths = {
        len(e["candidates"]) for w in ("i2t", "t2i") for e in json.loads((gen / "lists" / f"{w}-1.json").read_text())
    }
    said = oracle(plugins, store, "fashiongen/101-list", gen).dataset.facts["candidates in a list"]
    assert said == (f"{min(lengths)} to {max(lengths)}" if len(lengths) > 1 else str(min(lengths)))
    change(gen / "lists" / "t2i-1.json", list.clear)
    assert "t2i-1.json has no list" in oracle(plugins, store, "fashiongen/101-list", gen).error.message


def test_an_audit_counts_the_queries_whose_image_is_missing(mbeir, plugins, store):
    root, _ = mbeir
    task = MBeir(root).task(3)
    asked = [entry.image for entry in task.queries][:2]
    for name in asked:
        (root / name).unlink()
    found = audit("fashion200k-mbeir/image-to-text", root=root, store=store, plugins=plugins)
    (detail,) = (check.detail for check in found.checks if check.name == "queries of image-to-text")
    assert detail.startswith("0 without a positive, ")
    lost = sum(entry.image in asked for entry in task.queries)
    assert f", {lost} whose file is missing" in detail


@pytest.mark.parametrize(
    ("place", "key", "kind"), [("query/test", "qid", "query"), ("cand_pool/local", "did", "candidate")]
)
def test_an_id_of_m_beir_that_stands_twice_is_named(mbeir, plugins, store, place, key, kind):
    root, _ = mbeir
    path = next((root / place).glob("*task0*"))
    line = path.read_text().splitlines()[0]
    path.write_text(path.read_text() + line + "\n")
    error = oracle(plugins, store, "fashion200k-mbeir/text-to-image", root).error
    assert f"the {kind} {json.loads(line)[key]} stands 2 times in the files of mbeir_fashion200k_task0" in error.message
