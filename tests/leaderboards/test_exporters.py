"""Formats of other tools, read back by those tools where they can be installed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from fashionbench import BoardSpec, Column, api
from fashionbench.api.exports import exported
from fashionbench.boards.text import figure
from fashionbench.cli.main import main
from fashionbench.errors import ConfigError, UnknownNameError
from fashionbench.plugins.manager import Plugins
from fashionbench.records.schema import EmbeddingsPart

SCHEMA = Path(__file__).parent / "every_eval_ever" / "eval-0.3.0.schema.json"
FORMATS = ("bencher", "github-action-benchmark", "model-card", "every-eval-ever", "mteb")


@pytest.fixture
def records(plugins, store):
    """One backend measured with two seeds, and one that fails."""
    api.run(
        {"tasks": "toy/squares", "backends": ["toy/colour", "toy/raises"], "seeds": [0, 1]},
        plugins=plugins,
        store=store,
    )
    return api.load_records(store, plugins=plugins)


@pytest.fixture
def measured(records):
    return [record for record in records if record.metrics]


@pytest.mark.parametrize("format_", FORMATS)
def test_the_same_records_in_another_order_give_the_same_files(format_, records, plugins):
    first = exported(format_, records, {}, plugins)
    second = exported(format_, records[::-1], {}, plugins)
    assert dict(first.files) == dict(second.files)
    assert sorted(first.left_out) == sorted(second.left_out)


def test_bencher_has_every_value_with_its_interval(records, measured, plugins):
    made = exported("bencher", records, {}, plugins)
    benchmarks = json.loads(made.files["bencher.json"])
    assert len(benchmarks) == 2  # a series a seed
    for record in measured:
        (name,) = [name for name in benchmarks if name.endswith(f"| seed {record.decoding.seed}")]
        assert name.startswith("toy/squares @") and "toy/colour#" in name
        for part in record.metrics:
            told = benchmarks[name][part.id]
            assert told["value"] == part.value
            assert (told.get("lower_value"), told.get("upper_value")) == (part.interval or (None, None))
    assert any("toy/raises: failed: ZeroDivisionError" in line for line in made.left_out)


def test_other_data_or_another_protocol_begin_another_series(measured, plugins):
    record = measured[0]
    card = record.card.replace(tie_rule="optimistic")
    other = record.model_copy(
        update={"protocol": record.protocol.model_copy(update={"hash": card.hash, "card": card.fields})}
    )
    made = exported("bencher", [record, other.sealed()], {}, plugins)
    assert len(json.loads(made.files["bencher.json"])) == 2
    newer = record.model_copy(update={"cell": "again"}).sealed()
    again = exported("bencher", [record, newer], {}, plugins)
    assert len(json.loads(again.files["bencher.json"])) == 1
    assert all("an older record of the same series" in line for line in again.left_out) and again.left_out


def test_github_action_benchmark_keeps_the_two_directions_apart(measured, plugins):
    files = exported("github-action-benchmark", measured, {}, plugins).files
    better = {True: json.loads(files["bigger-is-better.json"]), False: json.loads(files["smaller-is-better.json"])}
    told = {(higher, entry["name"].rpartition(" | ")[2]): entry for higher, own in better.items() for entry in own}
    assert set(told) == {(part.higher_is_better, part.id) for part in measured[0].metrics}
    assert {metric for higher, metric in told if not higher} == {"median-rank"}
    for entries in better.values():
        assert {"name", "unit", "value"} <= entries[0].keys()
    values = {entry["name"]: entry["value"] for own in better.values() for entry in own}
    assert len(values) == sum(len(record.metrics) for record in measured)
    assert sorted(values.values()) == sorted(part.value for record in measured for part in record.metrics)


def test_every_eval_ever_is_valid_and_whole(records, measured, plugins):
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    made = exported("every-eval-ever", records, {"organization": "A lab"}, plugins)
    assert len(made.files) == len(measured) == 2
    by_record = {}
    for text in made.files.values():
        told = json.loads(text)
        jsonschema.Draft7Validator(schema).validate(told)
        by_record[told["source_metadata"]["additional_details"]["record_id"]] = told
    assert len({told["evaluation_id"] for told in by_record.values()}) == 2
    for record in measured:
        told = by_record[record.record_id]
        assert told["source_metadata"]["source_organization_name"] == "A lab"
        for part, result in zip(record.metrics, told["evaluation_results"], strict=True):
            assert result["score_details"]["score"] == part.value
            assert result["metric_config"]["lower_is_better"] is not part.higher_is_better
            interval = result["score_details"]["uncertainty"].get("confidence_interval")
            assert (None if interval is None else (interval["lower"], interval["upper"])) == part.interval
            assert result["metric_config"]["additional_details"]["protocol"] == record.protocol.hash
            assert result["source_data"]["additional_details"]["fingerprint"] == record.dataset.fingerprint
    assert [line for line in made.left_out if "toy/raises" in line]


def test_a_relationship_that_the_schema_does_not_know_is_refused(measured, plugins):
    with pytest.raises(ConfigError, match="relationship"):
        exported("every-eval-ever", measured, {"relationship": "friend"}, plugins)


@pytest.fixture
def mbeir(plugins, store, measured):
    """A record as if of M-BEIR, with the main score of mteb."""
    api.rescore(store, metrics=["ndcg@10", "recall@10"], plugins=plugins, say=lambda _: None)
    record = next(r for r in api.load_records(store, plugins=plugins) if r.metric("ndcg@10"))

    def as_of(name, **sizes):
        spec = plugins.tasks[name]
        return record.model_copy(
            update={
                "task": record.task.model_copy(update={"id": name, "version": spec.version}),
                "protocol": record.protocol.model_copy(
                    update={"hash": spec.protocol.hash, "card": dict(spec.protocol.fields)}
                ),
                "dataset": record.dataset.model_copy(update={"sizes": sizes}),
            }
        ).sealed()

    return as_of


@pytest.mark.parametrize(
    ("task", "queries", "gallery"),
    [("fashion200k-mbeir/text-to-image", 1719, 201824), ("fashion200k-mbeir/image-to-text", 4889, 61707)],
)
def test_mteb_loads_what_was_written_for_it(task, queries, gallery, mbeir, plugins, tmp_path):
    mteb = pytest.importorskip("mteb")

    record = mbeir(task, queries=queries, gallery=gallery)
    ((name, text),) = exported("mteb", [record], {}, plugins).files.items()
    (tmp_path / "result.json").write_text(text, encoding="utf-8")
    told = mteb.TaskResult.from_disk(tmp_path / "result.json")
    spec = mteb.get_task(told.task_name)
    assert told.dataset_revision == spec.metadata.revision
    assert spec.metadata.main_score == "ndcg_at_10"
    assert told.get_score() == told.scores["test"][0]["ndcg_at_10"] == record.metric("ndcg@10").value
    assert told.scores["test"][0]["recall_at_5"] == record.metric("recall@5").value
    assert told.scores["test"][0]["hit_rate_at_1"] == record.metric("hit@1").value
    assert name.endswith(f"{told.task_name}.json")


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ("fashion-iq/original", "FashionIQIT2IRetrieval ranks all queries against the one pooled gallery"),
        ("fashion-iq/val-union", "FashionIQIT2IRetrieval"),
        ("cirr/val", "CIRRIT2IRetrieval"),
        ("atelier/fashion200k-mbeir-text-to-image", "generated data"),
        ("wardrobe/text-to-image", "mteb has no such task"),
        ("fashion200k-mbeir/text-to-image", "8 queries and 8 candidates, and mteb's copy"),
    ],
)
def test_mteb_is_given_no_other_task(task, reason, mbeir, plugins):
    made = exported("mteb", [mbeir(task, queries=8, gallery=8)], {}, plugins)
    assert not made.files
    assert made.left_out[0].startswith(task) and reason in made.left_out[0]


def test_rounded_embeddings_are_told_and_are_no_result_of_mteb(mbeir, plugins):
    record = mbeir("fashion200k-mbeir/image-to-text", queries=4889, gallery=61707)
    decoding = record.decoding.model_copy(update={"embeddings": EmbeddingsPart(dtype="float16", underflows=0)})
    rounded = record.model_copy(update={"decoding": decoding}).sealed()
    made = exported("mteb", [rounded], {}, plugins)
    assert not made.files and "embeddings were rounded to float16" in made.left_out[0]
    files = exported("model-card", [record, rounded], {}, plugins).files
    assert sorted("float16" in name for name in files) == [False, True]
    told = [json.loads(text) for text in exported("every-eval-ever", [rounded], {}, plugins).files.values()]
    details = [result["score_details"]["details"] for one in told for result in one["evaluation_results"]]
    assert details and all(one["embedding_dtype"] == "float16" for one in details)


def test_mteb_asks_for_its_main_score(mbeir, plugins):
    record = mbeir("fashion200k-mbeir/image-to-text", queries=4889, gallery=61707)
    without = record.model_copy(update={"metrics": tuple(p for p in record.metrics if p.id != "ndcg@10")})
    made = exported("mteb", [without], {}, plugins)
    assert not made.files and "rescore --metric ndcg@10" in made.left_out[0]


def benchmarks(path, *metrics):
    entries = [
        {"task": "toy/squares", "metric": metric, "dataset_id": "acme/squares", "task_id": f"squares_{at}"}
        for at, metric in enumerate(metrics)
    ]
    path.write_text(yaml.safe_dump({"benchmarks": entries}), encoding="utf-8")
    return {"benchmarks": str(path)}


def test_eval_results_are_read_back_by_the_hub_s_own_classes(measured, plugins, tmp_path):
    hub = pytest.importorskip("huggingface_hub")

    options = {**benchmarks(tmp_path / "b.yaml", "hit@1", "mrr"), "site": "https://example.org/boards"}
    made = exported("hugging-face", measured, options, plugins)
    ((name, text),) = made.files.items()
    assert "/.eval_results/acme" in name
    entries = hub.parse_eval_result_entries(yaml.safe_load(text))
    newest = max(measured, key=lambda r: (r.provenance.ended, r.record_id))
    assert [(e.task_id, e.value) for e in entries] == [
        ("squares_0", newest.metric("hit@1").value),
        ("squares_1", newest.metric("mrr").value),
    ]
    assert {e.notes for e in entries} == {f"FashionBench protocol {newest.protocol.hash}"}
    assert {e.source_url for e in entries} == {"https://example.org/boards"}
    assert [line for line in made.left_out if "a newer one is written" in line]


def test_eval_results_hold_no_distance_between_sets_and_nothing_that_was_limited(measured, plugins, tmp_path):
    pytest.importorskip("huggingface_hub")
    record = measured[0]
    fid = record.metrics[0].model_copy(update={"id": "fid"})
    kid = record.metrics[0].model_copy(update={"id": "kid-off-diagonal"})
    sets = record.model_copy(update={"metrics": (fid, kid)}).sealed()
    limited = record.model_copy(
        update={"status": "partial", "decoding": record.decoding.model_copy(update={"limit": 3})}
    ).sealed()
    options = benchmarks(tmp_path / "b.yaml", "fid", "kid-off-diagonal", "hit@1")
    made = exported("hugging-face", [sets, limited], options, plugins)
    assert not made.files
    assert sum("a distance between sets" in line for line in made.left_out) == 2
    assert sum("a limited run" in line for line in made.left_out) == 1


def test_without_a_registered_benchmark_nothing_is_written_for_the_hub(measured, plugins):
    with pytest.raises(ConfigError, match="registered on the hub"):
        exported("hugging-face", measured, {}, plugins)


def test_a_model_card_says_interval_protocol_and_record_of_every_value(measured, plugins):
    files = exported("model-card", measured, {"site": "https://example.org/b/"}, plugins).files
    ((_, text),) = files.items()
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| toy/")]
    assert len(rows) == sum(len(record.metrics) for record in measured)
    for record in measured:
        own = [row for row in rows if record.record_id[7:19] in row[-1]]
        assert [row[2] for row in own] == [figure(part.value, part.unit) for part in record.metrics]
        assert all(record.protocol.hash[7:15] in row[6] for row in own)
        assert all(f"https://example.org/b/records/{record.record_id[7:27]}.html" in row[-1] for row in own)


def test_the_legacy_model_index_is_read_back_by_the_hub_s_own_function(measured, plugins):
    cards = pytest.importorskip("huggingface_hub.repocard_data")

    files = exported("model-card", measured[:1], {"model-index": "yes"}, plugins).files
    (text,) = (text for name, text in files.items() if name.endswith("model-index.yaml"))
    _, results = cards.model_index_to_eval_results(yaml.safe_load(text)["model-index"])
    assert {r.metric_type: r.metric_value for r in results} == {p.id: p.value for p in measured[0].metrics}


def test_a_board_chooses_the_values(measured, plugins, store, tmp_path):
    columns = (Column(task="toy/squares", metric="mrr"),)
    board = BoardSpec(id="one", title="One", summary="one", columns=columns)
    paths, left_out, faults = api.export("bencher", tmp_path, store=store, board=board, plugins=plugins)
    told = json.loads(paths[0].read_text(encoding="utf-8"))
    assert {metric for own in told.values() for metric in own} == {"mrr"}
    assert len(told) == 2
    assert (left_out, faults) == ([], [])


def test_a_format_or_an_option_that_is_not_there_is_an_error(measured, plugins, store, tmp_path):
    with pytest.raises(UnknownNameError, match="bencher"):
        api.export("benchr", tmp_path, store=store, plugins=plugins)
    with pytest.raises(ConfigError, match="no option 'colour'"):
        exported("bencher", measured, {"colour": "red"}, plugins)


def test_the_command_names_what_it_wrote_and_what_it_left_out(tmp_path, capsys):
    results = str(tmp_path / "results")
    api.run({"tasks": "wardrobe/text-to-image", "backends": "control/oracle", "limit": 5}, store=results)
    assert main(["export", "mteb", "--store", results, "--out", str(tmp_path / "out")]) == 0
    assert "left out: wardrobe/text-to-image × control/oracle: mteb has no such task" in capsys.readouterr().err
    assert main(["export", "bencher", "--store", results, "--out", str(tmp_path / "out")]) == 0
    assert "bencher.json" in capsys.readouterr().out
    (Path(results) / "records" / "damaged.json").write_text("{", encoding="utf-8")
    assert main(["export", "bencher", "--store", results, "--out", str(tmp_path / "out")]) == 1


def test_latex_has_the_numbers_of_the_board_the_best_in_bold_and_no_open_command(plugins, store):
    fields = {"tasks": "toy/squares", "backends": ["toy/colour", "toy/flat"]}
    record = api.run(fields, plugins=plugins, store=store)[0]
    worse = tuple(p.model_copy(update={"value": p.value / 2, "interval": None}) for p in record.metrics)
    evil = record.backend.model_copy(update={"id": "toy/50%_of_$1\\input{x}", "config_hash": "other"})
    store.add(record.model_copy(update={"backend": evil, "cell": "x", "metrics": worse}))
    board = api.make_board("toy", store=store, plugins=plugins)
    text = api.render_board(board, "latex", plugins=plugins)
    (table,) = board.tables
    rows = [line for line in text.splitlines() if line.endswith(r"\\") and not line.startswith(" &")]
    assert len(rows) == len(table.rows)
    assert all(len(re.findall(r"(?<!\\)&", row)) == len(table.heads) for row in rows)
    (best,) = [row for row in rows if r"\textbf{" in row and "textbackslash" not in row]
    assert r"toy/50\%\_of\_\$1\textbackslash{}input\{x\}" in text
    hit = next(row.values[0] for row in table.rows if row.backend == "toy/colour")
    assert rf"\textbf{{{figure(hit.value, hit.unit)}}}" in best
    # The median rank of the other row is half as large, and lower is better there.
    assert r"\textbf{0.5" in next(row for row in rows if "textbackslash" in row)
    assert re.sub(r"(?m)(?<!\\)%.*", "", text).count("{") == re.sub(r"(?m)(?<!\\)%.*", "", text).count("}")


def test_latex_sets_in_bold_what_cannot_be_told_from_the_best(tmp_path):
    """Colours beat chance by far; of two random systems one is the better by a hair."""
    store = api.open_store(tmp_path / "results", Plugins())
    fields = {"tasks": "wardrobe/image-to-image", "backends": ["baseline/colour-histogram", "control/random"]}
    records = api.run({**fields, "seeds": [0, 1]}, store=store)
    chance = [record for record in records if record.backend.id == "control/random"]
    assert chance[0].metric("hit@5").value != chance[1].metric("hit@5").value
    for name, record in zip(("one", "two"), chance, strict=True):
        told = record.backend.model_copy(update={"id": f"acme/{name}", "control": False})
        store.add(record.model_copy(update={"backend": told, "cell": name}))
    column = Column(task="wardrobe/image-to-image", metric="hit@5")
    both = api.make_board(BoardSpec(id="a", title="A", summary="a", columns=(column,)), store=store)
    text = api.render_board(both, "latex")
    assert in_bold(text) == ["baseline/colour-histogram"]
    assert "% wardrobe/image-to-image hit@5: ranks by " in text
    for record in (record for record in records if record.backend.id == "baseline/colour-histogram"):
        api.invalidate(record.record_id, "to see the two that are alike", store=store)
    equal = api.render_board(api.make_board(both.spec, store=store), "latex")
    assert in_bold(equal) == ["acme/one", "acme/two"]


def in_bold(text):
    return sorted(re.split(r" &|\$", line)[0] for line in text.splitlines() if r"\textbf" in line)
