"""The published numbers against themselves, the tasks, and the sizes of the data sets."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import combinations

import pytest

from fashionbench.specs.reference import EVIDENCE
from fashionbench_leaderboards.plugin import register_references

VALUES = [value for spec in register_references() for value in spec.values]
#: Metrics that papers print and this package does not measure.
NOT_MEASURED = {"lpips", "lpips-squeeze", "mrr@10", "weighted-f1"}


def rows():
    """Each row of each table: its values by column."""
    found = defaultdict(dict)
    for value in VALUES:
        row = found[value.source, value.table, value.known, value.unknown, value.caveat, value.system, value.row]
        assert value.column not in row, f"{value.system} has two values in {value.column}"
        row[value.column] = value
    return list(found.values())


def half_a_digit(text):
    return 0.5 * 10 ** -len(text.partition(".")[2])


def fits(printed, parts):
    """Whether a printed mean is that of its printed parts, all of them rounded."""
    slack = half_a_digit(printed) + max(half_a_digit(part) for part in parts) + 1e-9
    return abs(float(printed) - sum(map(float, parts)) / len(parts)) <= slack


def printed(system, column, source="UniFashion"):
    found = [v for v in VALUES if (v.system, v.column) == (system, column) and v.source.title.startswith(source)]
    return {value.printed for value in found}


def test_every_mean_is_that_of_its_parts_or_listed_as_a_misprint():
    means = 0
    for row in rows():
        for value in (value for value in row.values() if value.mean_of):
            means += 1
            parts = [row[name] for name in value.mean_of]
            as_printed = [part.printed for part in parts]
            mended = [part.misprint or part.printed for part in parts]
            where = f"{value.source.title}, {value.system}, {value.column} {value.printed}"
            if fits(value.printed, as_printed) or fits(value.printed, mended):
                assert value.misprint is None, f"{where} is right"
            else:
                assert value.misprint is not None, f"{where} is not the mean of {as_printed}"
                assert fits(value.misprint, as_printed), where
    assert means > 100


def test_the_misprints_are_those_that_were_found():
    found = {(v.system, v.column): (v.printed, v.misprint) for v in VALUES if v.misprint}
    assert found == {
        ("CASE", "Average R@10"): ("48.79", "48.70"),
        ("CASE", "Average R@50"): ("70.68", "70.61"),
        ("AMC", "Average R@50"): ("61.64", "61.46"),
        ("CMAP", "Average R@10"): ("37.64", "37.69"),
        ("CMAP", "Average R@50"): ("64.42", "64.48"),
        ("CLIP4CIR", "Average R@10"): ("38.32", "38.40"),
        ("TG-CIR", "Avg"): ("58.05", "62.21"),
        ("Candidate re-ranking", "Average R@50"): ("73.13", "73.16"),
        ("SPRC", "Average R@10"): ("54.92", "54.72"),
        ("CoVR-2", "Avg"): ("79.28", "78.92"),
        ("ReCALL", "Avg"): ("82.81", "82.78"),
    }


def test_87_55_is_the_mean_of_six_recalls_and_12_43_the_distance_of_design():
    six = ["71.44", "93.79", "97.51", "71.41", "93.69", "97.47"]
    (row,) = [row for row in rows() if row.get("Mean") and row["Mean"].system == "UniFashion"]
    assert [row[name].printed for name in row["Mean"].mean_of] == six
    assert sum(int(text.replace(".", "")) for text in six) == 52531
    assert (row["Mean"].printed, row["Mean"].number) == ("87.55", 0.8755)
    assert {v.metric for v in VALUES if v.printed == "87.55"} == {"mean-hit@1,5,10"}
    design = [v for v in VALUES if v.printed == "12.43"]
    assert {(v.metric, v.tasks) for v in design} == {("fid", ("mgd/unpaired",))}
    (tryon,) = [
        v for v in VALUES if v.system == "UniFashion" and v.tasks == ("viton-hd/unpaired",) and v.metric == "fid"
    ]
    assert tryon.printed == "8.42"


def test_values_with_captions_of_the_gallery_say_that_these_hold_the_words_of_the_queries():
    leaking = [v for v in VALUES if v.printed in {"67.93", "66.83"} and v.metric == "mean-recall@10,50"]
    assert len(leaking) == 3
    for value in leaking:
        assert "hold the words of the queries" in value.caveat
        assert "is not stated" in value.caveat


def test_the_ablation_prints_the_same_numbers_as_the_tables():
    last = {v.column: v.printed for v in VALUES if v.row == "Base+LLM+diff."}
    assert {last["CMR mean"]} == printed("UniFashion", "Mean")
    assert {last["CIR average"]} == printed("UniFashion", "Avg")
    assert {last["FIC BLEU-4"]} == printed("UniFashion", "BLEU-4")
    assert last["FIG FID"] in printed("UniFashion", "FID")


def test_no_two_columns_of_a_table_are_identical():
    tables = defaultdict(lambda: defaultdict(dict))
    for value in VALUES:
        tables[value.source, value.table][value.column][value.system, value.row, value.known] = value.printed
    compared = 0
    for table, columns in tables.items():
        for one, two in combinations(columns, 2):
            both = columns[one].keys() & columns[two].keys()
            compared += bool(both)
            assert not both or any(columns[one][row] != columns[two][row] for row in both), (table, one, two)
    assert compared > 100


def test_tasks_metrics_and_units_are_those_of_the_package(plugins):
    for value in VALUES:
        for task in value.tasks:
            assert task in plugins.tasks
            metrics = plugins.tasks[task].metrics
            assert value.metric in metrics or value.metric in NOT_MEASURED or not metrics, (task, value.metric)
        name = re.sub(r"@[\d,]+$", "@k", value.metric)
        if value.metric not in NOT_MEASURED:
            assert plugins.metrics[name].unit == value.unit, value.metric
        if value.unit == "fraction":
            assert 0 < value.number < 1


@pytest.mark.parametrize(
    ("start", "field", "sizes"),
    [
        ("published/fashion-iq", "queries", {"dress": 2017, "shirt": 2038, "toptee": 1961}),
        ("published/fashion-iq", "gallery_sizes", {"dress": 3817, "shirt": 6346, "toptee": 5373}),
        ("published/cirr", "queries", {"": 4148}),
        ("published/cirr", "gallery", {"": 2315}),
        ("published/mbeir-fashion", "queries", {"T2I": 1719, "I2T": 4889, "Fashion-IQ": 6003, "CIRR": 4170}),
        ("published/mbeir-fashion", "gallery", {"T2I": 201824, "I2T": 61707, "Fashion-IQ": 74381, "CIRR": 21551}),
    ],
)
def test_sizes_are_those_of_the_data_sets(plugins, start, field, sizes):
    texts = {dict(value.known).get(field) for value in plugins.references[start].values}
    texts = {text for text in texts if text and re.search(r"\d", text)}
    assert texts
    for text in texts:
        found = {name: int(number.replace(",", "")) for name, number in re.findall(r"(?:([\w-]+) )?([\d,]*\d)", text)}
        assert found == sizes


def test_sizes_agree_with_the_protocol_cards(plugins):
    (sizes,) = {dict(v.known)["gallery_sizes"] for v in VALUES if "gallery_sizes" in dict(v.known)}
    card = plugins.tasks["fashion-iq/original"].protocol.fields["gallery_sizes"]
    assert sizes == ", ".join(f"{name} {size:,}" for name, size in card.items())
    (gallery,) = {dict(v.known)["gallery"] for v in plugins.references["published/cirr"].values}
    assert gallery == f"{plugins.tasks['cirr/test1'].protocol.fields['gallery_sizes']['full']:,}"
    assert gallery == "2,315"


def test_every_value_has_evidence_and_no_field_that_is_empty():
    for value in VALUES:
        assert value.evidence in EVIDENCE
        assert value.unknown, f"{value.system}: of no printed number is the whole protocol known"
        assert all(name.strip() for name in value.unknown)
        assert all(name.strip() and text.strip() for name, text in value.known)
        assert not set(value.unknown) & set(dict(value.known))
        for text in (value.table, value.caveat, value.misprint, value.source.title, value.source.identifier, value.row):
            assert text is None or text.strip()
        assert "://" not in repr(value)
        if value.scale is None:
            assert value.number is None
            assert "KID scale" in value.unknown
        else:
            assert value.number == pytest.approx(float(value.printed) / value.scale, rel=1e-12)


def test_list_and_show_give_every_value_with_what_is_known_of_it(plugins):
    from fashionbench.api.catalog import describe, list_specs

    listed = {row["id"]: row["values"] for row in list_specs("references", plugins)}
    assert sum(listed.values()) == len(VALUES)
    (facts,) = describe("published/mgd", plugins)
    (value,) = [value for value in facts["values"] if value["printed"] == "12.43"]
    assert value["source"]["identifier"] == "arXiv:2408.11305"
    assert value["known"]["pairs"] == "unpaired"
    assert "FID library" in value["unknown"]
    assert value["caveat"].startswith("12.43 is the FID of garment design")
