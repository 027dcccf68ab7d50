from __future__ import annotations

import copy

import pytest
import yaml

from fashionbench.errors import ConfigError
from fashionbench.specs.reference_file import read_references

FILE = {
    "id": "published/acme",
    "title": "Acme",
    "summary": "street photos",
    "tables": [
        {
            "source": {"title": "A paper", "identifier": "arXiv:0000.00000"},
            "table": "Table 9",
            "tasks": ["acme/one"],
            "origin": "quoted",
            "evidence": "paper",
            "caveat": "one run",
            "known": {"split": "val", "gallery": "full"},
            "unknown": ["tie_rule"],
            "columns": [
                {"name": "R@1", "metric": "hit@1"},
                {"name": "R@5", "metric": "hit@5", "slice": "shirt"},
                {"name": "Mean", "metric": "mean-hit@1,5", "mean_of": ["R@1", "R@5"]},
                {"name": "KID", "metric": "kid", "unit": "distance", "scale": "unknown", "tasks": ["acme/two"]},
            ],
            "rows": [
                {"system": "Old", "values": "10.10 20.20 15.15 -", "unknown": ["gallery"]},
                {"system": "New", "row": "ours", "origin": "own", "values": "87.55 - 90 0.70", "caveat": "two runs",
                 "known": {"tie_rule": "expected"}, "misprints": {"Mean": "89"}},
            ],
        }
    ],
}  # fmt: skip


@pytest.fixture
def read(tmp_path):
    def from_fields(change=lambda table: None):
        fields = copy.deepcopy(FILE)
        change(fields["tables"][0])
        path = tmp_path / "acme.yaml"
        path.write_text(yaml.safe_dump(fields))
        return read_references(path)

    return from_fields


def test_each_printed_text_becomes_a_value_that_says_everything_about_itself(read):
    spec = read()
    values = {(value.row, value.column): value for value in spec.values}
    assert list(values) == [("Old", "R@1"), ("Old", "R@5"), ("Old", "Mean"), ("ours", "R@1"), ("ours", "Mean"),
                            ("ours", "KID")]  # fmt: skip
    old, new, kid = values["Old", "Mean"], values["ours", "R@1"], values["ours", "KID"]
    assert (old.origin, old.known, old.unknown) == ("quoted", (("split", "val"),), ("tie_rule", "gallery"))
    assert (old.caveat, old.mean_of, old.misprint) == ("one run", ("R@1", "R@5"), None)
    assert (new.system, new.origin, new.printed, new.number) == ("New", "own", "87.55", 0.8755)
    assert dict(new.known) == {"split": "val", "gallery": "full", "tie_rule": "expected"}
    assert (new.unknown, new.caveat, new.tasks) == ((), "one run; two runs", ("acme/one",))
    assert (kid.printed, kid.scale, kid.number, kid.tasks) == ("0.70", None, None, ("acme/two",))
    assert values["Old", "R@5"].slice == "shirt"
    assert values["ours", "Mean"].misprint == "89"
    assert values["ours", "Mean"].mean_of == ()  # one of the two is a gap
    assert values["ours", "Mean"].printed == "90"
    assert new.locator == "Table 9, row ours"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.update(evidence="memory"), "tables.0.evidence"),
        (lambda t: t.pop("evidence"), "tables.0.evidence"),
        (lambda t: t.update(checked=True), "tables.0.checked"),
        (lambda t: t.update(unknown=[""]), "tables.0.unknown.0"),
        (lambda t: t["known"].update(gallery=" "), "tables.0.known.gallery"),
        (lambda t: t["source"].update(identifier="https://example.org/x"), "tables.0.source.identifier"),
        (lambda t: t["source"].update(title=""), "tables.0.source.title"),
        (lambda t: t["rows"][0].update(values="1 2 3"), "rows.0 (Old).values: 3 texts for 4 columns"),
        (lambda t: t["rows"][0].update(values="1 2 3 4 5"), "rows.0 (Old).values: 5 texts for 4 columns"),
        (lambda t: t["rows"][0].update(values="1 nan 3 4"), "'nan' (R@5) is no number"),
        (lambda t: t["rows"][0].update(values="1 1e3 3 4"), "'1e3' (R@5) is no number"),
        (lambda t: t["rows"][0].update(values="1 ٣ 3 4"), "'٣' (R@5) is no number"),
        (lambda t: t["rows"][0].update(values=12.5), "tables.0.rows.0.values"),
        (lambda t: t["rows"][1]["misprints"].update({"R@5": "1"}), "misprints: R@5 has no value in this row"),
        (lambda t: t["rows"][0].update(known={"x": "1"}, unknown=["x"]), "known: x is unknown too"),
        (lambda t: t.update(unknown=["gallery"]), "unknown: gallery is known too"),
        (lambda t: t["columns"][2].update(mean_of=["R@9"]), "columns.2.mean_of: R@9 is no column"),
        (lambda t: t["columns"][1].update(name="R@1"), "columns: R@1 is there twice"),
        (lambda t: t["columns"][0].update(scale=0), "columns.0.scale"),
    ],
)
def test_a_wrong_field_is_named_with_its_file(read, change, said):
    with pytest.raises(ConfigError) as caught:
        read(change)
    assert "acme.yaml" in str(caught.value)
    assert said in str(caught.value)
