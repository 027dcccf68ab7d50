"""A gate passes what is not worse, stops what is, and says when it cannot tell."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pytest
import yaml

import fashionbench
from fashionbench.cli.main import main
from fashionbench.errors import ConfigError, StoreError
from fashionbench.predictions.ranking import schema
from fashionbench.records.schema import EmbeddingsPart
from fashionbench.records.store import Store
from fashionbench.specs.protocol import ProtocolCard
from fashionbench.studies.gate_policy import GatePolicy

TASK = "wardrobe/image-to-image"
POLICY = GatePolicy(margins={"hit@5": 0.01})


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A real record, whose predictions the tests replace by rankings of their own making."""
    store = tmp_path_factory.mktemp("gate") / "store"
    config = {"tasks": TASK, "backends": "baseline/colour-histogram", "device": "cpu"}
    return fashionbench.run(config, store=store)[0]


def write(store, template, ranks, **fields):
    """Store a record whose queries find their one positive at the given ranks of 100."""
    count = len(ranks)
    table = pa.table(
        {
            "query_id": [f"q{at}" for at in range(count)],
            "slice": ["noto" if at % 2 else "fluent" for at in range(count)],
            "cluster": [f"q{at}" for at in range(count)],
            "n_candidates": [100] * count,
            "positive_ids": [[f"p{at}"] for at in range(count)],
            "better": [[int(rank) - 1] for rank in ranks],
            "tied": [[0]] * count,
            "score": [[0.5]] * count,
            "top_ids": [[]] * count,
            "top_scores": [[]] * count,
        },
        schema=schema(),
    )
    opened = Store(store)
    part = opened.write_predictions(table, template.predictions.schema_id)
    hits = np.array(ranks) <= 5
    metrics = tuple(
        m.model_copy(update={"value": float(hits.mean())}) if (m.id, m.slice) == ("hit@5", "all") else m
        for m in template.metrics
    )
    record = template.model_copy(update={"predictions": part, "metrics": metrics, "record_id": "", **fields})
    return opened.add(record)


def ranks(hits, misses):
    return [1] * hits + [50] * misses


@pytest.fixture
def before(tmp_path, template):
    write(tmp_path / "before", template, ranks(1200, 800))
    return tmp_path / "before"


def test_equal_predictions_pass_without_computing(before, tmp_path, template):
    write(tmp_path / "after", template, ranks(1200, 800), cell="sha256:another")
    result = fashionbench.gate(before, tmp_path / "after", POLICY)
    assert (result.code, [v.reason for v in result.verdicts]) == (0, ["the predictions are the same"])


def test_a_drop_of_three_points_is_a_regression(before, tmp_path, template):
    # 60 of 2,000 queries are lost: the standard error is sqrt(60) / 2,000 = 0.4 points.
    write(tmp_path / "after", template, [*ranks(1140, 0), *ranks(0, 860)])
    result = fashionbench.gate(before, tmp_path / "after", POLICY)
    assert result.code == 1
    (verdict,) = result.verdicts
    assert verdict.difference == pytest.approx(-0.03)
    assert verdict.interval == pytest.approx((-0.0375, -0.0225), abs=0.001)
    # (1.96 + 0.84) standard errors of 0.385 points.
    assert verdict.detectable == pytest.approx(2.80 * 0.00385, rel=0.05)


def test_a_small_loss_within_the_margin_passes(before, tmp_path, template):
    write(tmp_path / "after", template, ranks(1198, 802))
    assert fashionbench.gate(before, tmp_path / "after", POLICY).code == 0


def test_an_underpowered_set_cannot_be_judged_unless_the_policy_says_so(tmp_path, template):
    write(tmp_path / "few", template, ranks(30, 20))
    write(tmp_path / "fewer", template, ranks(29, 21))
    result = fashionbench.gate(tmp_path / "few", tmp_path / "fewer", POLICY)
    assert (result.code, result.verdicts[0].outcome) == (3, "inconclusive")
    assert result.verdicts[0].detectable > 0.04
    lenient = GatePolicy(margins={"hit@5": 0.01}, inconclusive="pass")
    assert fashionbench.gate(tmp_path / "few", tmp_path / "fewer", lenient).code == 0


def test_missing_cells_seeds_and_metrics_cannot_be_judged(before, tmp_path, template):
    other = template.backend.model_copy(update={"id": "baseline/other"})
    write(tmp_path / "after", template, ranks(1200, 800), backend=other)
    result = fashionbench.gate(before, tmp_path / "after", POLICY)
    assert (result.code, result.verdicts[0].reason) == (3, "the cell is missing")
    seeded = template.decoding.model_copy(update={"seed": 5})
    write(tmp_path / "seeded", template, ranks(1200, 800), decoding=seeded)
    assert "seeds 0 are missing" in fashionbench.gate(before, tmp_path / "seeded", POLICY).verdicts[0].reason
    write(tmp_path / "fewer", template, ranks(1199, 800))
    result = fashionbench.gate(before, tmp_path / "fewer", POLICY)
    assert (result.code, result.verdicts[0].outcome) == (3, "cannot judge")
    assert "q1999" in result.verdicts[0].reason
    rounded = {"embeddings": EmbeddingsPart(dtype="float16", underflows=0)}
    write(tmp_path / "half", template, ranks(1200, 800), decoding=template.decoding.model_copy(update=rounded))
    result = fashionbench.gate(before, tmp_path / "half", POLICY)
    assert (result.code, result.verdicts[0].reason) == (3, "the cell is missing")
    poorer = tuple(m for m in template.metrics if m.id != "hit@5")
    write(tmp_path / "poorer", template.model_copy(update={"metrics": poorer}), ranks(1190, 810))
    result = fashionbench.gate(before, tmp_path / "poorer", POLICY)
    assert (result.code, result.verdicts[0].metric) == (3, "hit@5")


def test_another_protocol_cannot_be_judged_and_is_named(before, tmp_path, template):
    card = {**template.protocol.card, "tie_rule": "optimistic"}
    other = ProtocolCard.of(template.task.id, template.task.version, card)
    protocol = template.protocol.model_copy(update={"card": card, "hash": other.hash})
    write(tmp_path / "after", template, ranks(1200, 800), protocol=protocol)
    result = fashionbench.gate(before, tmp_path / "after", POLICY)
    assert result.code == 3
    assert "tie_rule" in result.verdicts[0].reason


def test_a_control_that_moves_is_a_regression_even_when_it_gains(tmp_path, template):
    control = template.backend.model_copy(update={"control": True})
    write(tmp_path / "before", template, ranks(1200, 800), backend=control)
    write(tmp_path / "after", template, ranks(1201, 799), backend=control)
    result = fashionbench.gate(tmp_path / "before", tmp_path / "after", POLICY)
    assert result.code == 1
    assert "a control moved" in result.verdicts[0].reason
    ignoring = GatePolicy(margins={"hit@5": 0.01}, controls="ignore")
    assert fashionbench.gate(tmp_path / "before", tmp_path / "after", ignoring).code == 0


def test_a_bound_that_is_not_reached_is_a_regression(before):
    bound = {"backend": "baseline/*", "metric": "hit@5", "least": 0.7}
    policy = GatePolicy(margins={"hit@5": 0.01}, bounds=[{**bound, "backend": "baseline/colour-histogram"}])
    result = fashionbench.gate(before, before, policy)
    assert result.code == 1
    assert "0.6 is outside [0.7, ]" in result.verdicts[0].reason


def test_a_slice_that_falls_is_a_regression_though_the_whole_holds(before, tmp_path, template):
    # Of slice fluent (each second query) 80 are lost; 80 of noto are won.
    changed = ranks(1200, 800)
    for at in range(0, 160, 2):
        changed[at] = 50
    for at in range(1201, 1361, 2):
        changed[at] = 1
    write(tmp_path / "after", template, changed)
    loose = GatePolicy(margins={"hit@5": 0.02})
    assert fashionbench.gate(before, tmp_path / "after", loose).code == 0
    strict = GatePolicy(margins={"hit@5": 0.02}, slice_margin=0.05)
    result = fashionbench.gate(before, tmp_path / "after", strict)
    assert result.code == 1
    assert [v.slice for v in result.verdicts if v.outcome == "regression"] == ["fluent"]


def test_a_gain_too_good_to_be_true_waits_for_a_person(before, tmp_path, template):
    write(tmp_path / "after", template, ranks(1900, 100))
    assert fashionbench.gate(before, tmp_path / "after", POLICY).code == 0
    careful = GatePolicy(margins={"hit@5": 0.01}, suspicious=0.2)
    result = fashionbench.gate(before, tmp_path / "after", careful)
    assert (result.code, result.verdicts[0].outcome) == (3, "suspicious")


def test_a_metric_that_is_better_when_lower_is_turned_round(before, tmp_path, template):
    write(tmp_path / "after", template, ranks(1140, 860))
    policy = GatePolicy(margins={"median-rank": 0.5})
    # A median has no interval of a difference, and these are equal.
    assert fashionbench.gate(before, tmp_path / "after", policy).code == 0


def test_the_self_check_finds_no_difference(before):
    result = fashionbench.gate(before, None, GatePolicy(margins={"*": 0.01}))
    assert result.code == 0
    assert len(result.verdicts) > 5
    assert all(not verdict.difference for verdict in result.verdicts)


def test_a_baseline_is_accepted_by_somebody_for_a_reason_and_remembers(before, tmp_path, template, capsys):
    file = tmp_path / "ci" / "baseline.yaml"
    words = ["gate", "accept", "--candidate", str(before), "--baseline", str(file)]
    assert main([*words, "--who", "Ada", "--why", " "]) == 2
    assert main([*words, "--who", "Ada", "--why", "first"]) == 0
    first = yaml.safe_load(file.read_text())
    assert first["store"] == "../before"
    write(tmp_path / "after", template, ranks(1140, 860))
    again = ["gate", "accept", "--candidate", str(tmp_path / "after"), "--baseline", str(file)]
    assert main([*again, "--who", "Grace", "--why", "new data"]) == 0
    second = yaml.safe_load(file.read_text())
    assert [entry["who"] for entry in second["accepted"]] == ["Ada", "Grace"]
    assert second["accepted"][1]["before"] == first["records"]
    assert fashionbench.gate(file, tmp_path / "after", POLICY).code == 0
    file.write_text(file.read_text().replace(second["records"][0], "sha256:0000"))
    with pytest.raises(StoreError, match="lacks 1 records"):
        fashionbench.gate(file, before, POLICY)


def test_the_command_ends_with_the_code_and_writes_reports(before, tmp_path, template, capsys):
    write(tmp_path / "after", template, ranks(1140, 860))
    policy = tmp_path / "gate.yaml"
    policy.write_text("margins: {hit@5: 0.01}\n")
    words = ["gate", "--baseline", str(before), "--policy", str(policy)]
    reports = ["--junit", str(tmp_path / "g.xml"), "--markdown", str(tmp_path / "g.md")]
    assert main([*words, "--candidate", str(tmp_path / "after"), *reports]) == 1
    out = capsys.readouterr().out
    assert "gate: regression (1 regression)" in out
    assert "would have been found in 80 % of cases" in out
    suite = ET.parse(tmp_path / "g.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("1", "1", "0")
    assert "| regression |" in (tmp_path / "g.md").read_text()
    assert main([*words, "--self-check"]) == 0
    capsys.readouterr()
    assert main([*words, "--candidate", str(before), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["code"] == 0
    assert main(words) == 2
    assert main([*words, "--candidate", str(tmp_path / "nowhere")]) == 2
    policy.write_text("margins: {hit@5: -1}\n")
    assert main([*words, "--self-check"]) == 2
    policy.write_text("margin: {hit@5: 0.1}\n")
    assert main([*words, "--self-check"]) == 2
    assert "margin" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("field", "pattern", "near"),
    [
        ("tasks", "wardrobe/image-to-imgae", "wardrobe/image-to-image"),
        ("backends", "baseline/color-histogram", "baseline/colour-histogram"),
        ("backends", "basline/*", "baseline/"),
        ("tasks", "Wardrobe", "wardrobe/"),
    ],
)
def test_a_misspelt_pattern_leaves_nothing_out_in_silence(before, field, pattern, near):
    policy = GatePolicy.model_validate({"margins": {"hit@5": 0.01}, field: ["*", pattern]})
    for candidate in (before, None):
        with pytest.raises(ConfigError, match="which fits no name: did you mean") as raised:
            fashionbench.gate(before, candidate, policy)
        assert near in raised.value.message
        assert repr(pattern) in raised.value.message
    # A name that is registered and was not measured is no fault of spelling.
    other = {"tasks": "atelier/fashion-iq-original", "backends": "control/oracle"}[field]
    known = GatePolicy.model_validate({"margins": {"hit@5": 0.01}, field: ["*", other]})
    assert {one.outcome for one in fashionbench.gate(before, before, known).verdicts} == {"pass"}


def test_a_policy_that_covers_nothing_is_refused(before):
    with pytest.raises(ConfigError, match="covers no record"):
        fashionbench.gate(before, before, GatePolicy(margins={"hit@5": 0.01}, tasks=("viton-hd/*",)))


def test_a_limited_run_in_the_same_store_stands_for_no_full_one(before, tmp_path, template):
    write(tmp_path / "after", template, ranks(1200, 800))
    limited = template.decoding.model_copy(update={"limit": 3})
    write(tmp_path / "after", template, ranks(0, 3), decoding=limited, status="partial")
    assert fashionbench.gate(before, tmp_path / "after", POLICY).code == 0
    write(tmp_path / "only", template, ranks(0, 3), decoding=limited, status="partial")
    result = fashionbench.gate(before, tmp_path / "only", POLICY)
    assert (result.code, result.verdicts[0].reason) == (3, "the cell is missing")


def gated(before, after, **rules):
    return fashionbench.gate(before, after, GatePolicy(**{"margins": {"hit@5": 0.01}, **rules}))


@pytest.mark.parametrize(
    "names", [{"backend": "baseline/*"}, {"backend": "*", "task": "wardrobe/*"}, {"backend": "*", "metric": "hit@[5]"}]
)
def test_the_names_of_a_bound_may_be_patterns(before, names):
    bound = {"metric": "hit@5", **names}
    assert gated(before, before, bounds=[{**bound, "least": 0.7}]).code == 1
    assert gated(before, before, bounds=[{**bound, "least": 0.6, "most": 0.6}]).code == 0


@pytest.mark.parametrize(
    "wrong", [{"backend": "baseline/nobody"}, {"metric": "hti@5"}, {"task": "wardrobe/none"}, {"backend": "x/*"}]
)
def test_a_bound_that_fits_nothing_cannot_be_judged_and_is_named(before, wrong):
    bound = {"backend": "baseline/*", "metric": "hit@5", "least": 0.1, **wrong}
    result = gated(before, before, bounds=[bound])
    (verdict,) = [one for one in result.verdicts if one.outcome != "pass"]
    assert (result.code, verdict.outcome) == (3, "cannot judge")
    assert f"the bound of {bound['metric']} on {bound['backend']}" in verdict.reason


def test_a_bound_holds_for_a_system_that_only_the_candidate_has(before, tmp_path, template):
    write(tmp_path / "after", template, ranks(1200, 800))
    other = template.backend.model_copy(update={"id": "imported/new"})
    write(tmp_path / "after", template, ranks(10, 90), backend=other)
    assert (
        gated(before, tmp_path / "after", bounds=[{"backend": "imported/*", "metric": "hit@5", "least": 0.1}]).code == 0
    )
    result = gated(before, tmp_path / "after", bounds=[{"backend": "imported/*", "metric": "hit@5", "least": 0.2}])
    assert result.code == 1
    assert [v.backend for v in result.verdicts if v.outcome == "regression"] == ["imported/new"]


def test_a_bound_on_a_value_that_the_candidate_lacks_cannot_be_judged(before, tmp_path, template):
    poorer = tuple(m for m in template.metrics if m.id != "mrr")
    write(tmp_path / "after", template.model_copy(update={"metrics": poorer}), ranks(1200, 800))
    result = gated(before, tmp_path / "after", bounds=[{"backend": "*", "metric": "mrr", "least": 0.0}])
    assert (result.code, result.verdicts[0].metric) == (3, "mrr")
    assert "the candidate has no such value" in result.verdicts[0].reason


def test_a_margin_that_fits_no_judged_metric_cannot_be_judged(before):
    result = gated(before, before, margins={"hit@5": 0.01, "fid": 1})
    assert (result.code, result.verdicts[0].metric) == (3, "fid")
    assert gated(before, None, margins={"hit@5": 0.01, "ndcg@7*": 0.1}).code == 3
    for name in ("hti@5", "hti@*", "recal"):
        with pytest.raises(ConfigError, match="no registered metric has the name"):
            gated(before, before, margins={"hit@5": 0.01, name: 0.01})


@pytest.mark.parametrize("margin", [1, 1.5, 100])
def test_a_margin_that_no_loss_of_a_fraction_exceeds_is_refused(before, margin):
    for rules in ({"margins": {"hit@5": margin}}, {"slice_margin": margin}, {"suspicious": margin}):
        with pytest.raises(ConfigError) as caught:
            gated(before, before, **rules)
        assert "0.01 is one point" in caught.value.remedy
    assert gated(before, before, margins={"median-rank": margin}).code == 0


def test_rules_that_ask_for_nothing_are_errors_of_the_policy(before, tmp_path, capsys):
    policy = tmp_path / "gate.yaml"
    words = ["gate", "--baseline", str(before), "--candidate", str(before), "--policy", str(policy)]
    for rule, said in {
        "margins: {hit@5: 0.01}\nbounds: [{backend: '*', metric: mrr}]": ("bounds", "asks for nothing"),
        "margins: {hit@5: 0.01}\nbounds: [{backend: '*', metric: mrr, least: 1, most: 0}]": (
            "bounds",
            "never be reached",
        ),
        "margins: {'hit@*': 0.01, hit@5: 0.02}": ("hit@5", "never counts"),
        "margins: {hit@5: .inf}": ("hit@5", "inf"),
    }.items():
        policy.write_text(rule + "\n")
        assert main(words) == 2
        error = capsys.readouterr().err
        assert str(policy) in error
        assert all(re.search(one, error) for one in said)


def test_a_slice_that_cannot_be_told_is_inconclusive(tmp_path, template, capsys):
    write(tmp_path / "few", template, ranks(30, 20))
    changed = ranks(30, 20)
    changed[0] = 50  # one of 25 of slice fluent is lost, and one of noto is won
    changed[31] = 1
    write(tmp_path / "other", template, changed)
    rules = {"margins": {"hit@5": 0.5}, "slice_margin": 0.02}
    result = gated(tmp_path / "few", tmp_path / "other", **rules)
    assert result.code == 3
    assert [v.slice for v in result.verdicts if v.outcome == "inconclusive"] == ["fluent"]
    policy = tmp_path / "gate.yaml"
    policy.write_text(yaml.safe_dump(rules))
    words = [
        "gate",
        "--baseline",
        str(tmp_path / "few"),
        "--candidate",
        str(tmp_path / "other"),
        "--policy",
        str(policy),
    ]
    assert main(words) == 3
    assert re.search(r"inconclusive: .* hit@5 \[fluent\]", capsys.readouterr().out)
    assert main([*words, "--json"]) == 3
    parts = json.loads(capsys.readouterr().out)["verdicts"]
    assert [part["slice"] for part in parts if part["outcome"] == "inconclusive"] == ["fluent"]
    assert main([*words, "--inconclusive", "pass"]) == 0


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("change", ["altered", "missing"])
def test_predictions_that_changed_on_disk_do_not_pass_as_the_same(before, tmp_path, template, side, change):
    write(tmp_path / "after", template, ranks(1200, 800), cell="sha256:another")
    (file,) = (tmp_path / side / "predictions").glob("*.parquet")
    if change == "altered":
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    else:
        file.unlink()
    result = gated(before, tmp_path / "after")
    assert (result.code, result.verdicts[0].outcome) == (3, "cannot judge")
    assert str(file) in result.verdicts[0].reason
    if side == "before":
        assert gated(before, None).code == 3
