"""A published folder against its records, and records against their predictions."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fashionbench import api
from fashionbench.api.publication import publish
from fashionbench.api.publication_check import check_publication, first_difference
from fashionbench.cli import job_summary
from fashionbench.cli.main import main
from fashionbench.errors import FashionBenchError
from fashionbench.runner.verification import recompute, sample


@pytest.fixture
def measured(plugins, store):
    api.run(
        {"tasks": "toy/squares", "backends": ["toy/colour", "toy/learner"], "seeds": [0, 1, 2]},
        plugins=plugins,
        store=store,
    )
    return api.load_records(store, plugins=plugins)


@pytest.fixture(params=["tables", "pages"])
def site(request):
    return request.param


@pytest.fixture
def published(measured, plugins, store, tmp_path, site):
    """A function that checks what was published of the store."""
    out = tmp_path / "site"
    publish(["toy"], out=out, stores=[store], site=site, plugins=plugins)
    return lambda **more: check_publication(["toy"], out=out, stores=[store], site=site, plugins=plugins, **more)


def test_what_was_just_published_is_current(published, measured):
    found = published(size=4)
    assert found.ok
    assert (found.damaged, found.stale) == ((), ())
    assert len(found.recomputed) == 4
    for one in found.recomputed:
        assert one.equal == len(one.record.metrics) > 0
        assert (one.differing, one.left_out) == ((), ())


def test_a_further_record_makes_the_folder_stale_and_says_where(published, plugins, store):
    api.run({"tasks": "toy/squares", "backends": ["toy/colour"], "seeds": [7]}, plugins=plugins, store=store)
    found = published()
    assert not found.ok and found.stale
    assert all(re.match(r"\S+: (line \d+ is '|is missing)", line) for line in found.stale)


def test_an_edited_a_missing_and_a_forgotten_file_are_stale(published, tmp_path, site):
    page = tmp_path / "site" / ("toy.md" if site == "tables" else "boards/toy.md")
    page.write_text(page.read_text(encoding="utf-8").replace("100.00", "100.01"), encoding="utf-8")
    page.with_suffix(".csv").unlink()
    manifest = tmp_path / "site" / "site.json"
    manifest.write_text(
        manifest.read_text(encoding="utf-8").replace('"files": {', '"files": {\n  "old.md": "0",'), encoding="utf-8"
    )
    found = published()
    told = dict(line.split(": ", 1) for line in found.stale)
    name = page.relative_to(tmp_path / "site").as_posix()
    assert re.search(r"line \d+ is '.*100\.01.*', and the records give '.*100\.00", told[name])
    assert told[name.replace(".md", ".csv")] == "is missing"
    assert told["old.md"].startswith("is no part of")


@pytest.mark.parametrize("place", [0, 200, 390])
def test_of_a_long_line_the_part_around_the_first_difference_is_shown(place):
    line = "".join(f"{at:03}," for at in range(100))
    edited = line[:place] + "#" + line[place + 1 :]
    told = first_difference(f"head\n{edited}\n".encode(), f"head\n{line}\n".encode())
    found = re.fullmatch(r"line 2 is '(.*)', and the records give '(.*)'", told)
    here, there = found.groups()
    assert "#" in here and len(here) < 170 and here.replace("#", line[place]) == there
    assert there.strip("…") in line


def test_files_that_differ_in_the_ends_of_lines_are_told_so():
    assert first_difference(b"a\r\nb\r\n", b"a\nb\n") == "has other ends of lines"
    assert first_difference(b"a\nb\n", b"a\n") == "line 2 is 'b', and the records give '(the end)'"


def test_damaged_predictions_are_named(published, plugins, store, tmp_path, site):
    file = next((store.root / "predictions").glob("*.parquet"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    found = published()
    assert not found.ok
    assert any("altered or damaged" in line and file.name in line for line in found.damaged)
    # Published anew, the boards say that they are incomplete, and are still no sound ones.
    publish(["toy"], out=tmp_path / "site", stores=[store], site=site, plugins=plugins)
    again = published()
    assert again.stale == () and again.damaged == found.damaged
    assert not again.ok


def forged(record, store, **changes):
    """Store a record again with another value under a true checksum, as who edits a number and mends the id would."""
    first, *others = record.metrics
    edited = record.model_copy(update={"metrics": (first.model_copy(update=changes), *others)})
    for path in (store.root / "records").rglob("*.json"):
        if record.record_id in path.read_text(encoding="utf-8"):
            path.unlink()
    return store.add(edited)


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"value": 0.5}, "value recorded 0.5, computed 1.0"), ({"n": 800}, "n recorded 800, computed 8"),
     ({"interval": (0.99, 1.0)}, "lower limit recorded 0.99")],
)  # fmt: skip
def test_a_forged_value_is_found_though_every_checksum_is_true(changes, said, measured, plugins, store, tmp_path):
    record = forged(measured[0], store, **changes)
    publish(["toy"], out=tmp_path / "site", stores=[store], site="tables", plugins=plugins)
    found = check_publication(["toy"], out=tmp_path / "site", stores=[store], site="tables", size=99, plugins=plugins)
    assert (found.damaged, found.stale) == ((), ())
    assert not found.ok
    (one,) = [one for one in found.recomputed if one.differing]
    assert one.record.record_id == record.record_id
    assert one.differing[0].startswith("hit@1 [all]: ") and said in one.differing[0]


def test_last_bits_of_another_processor_are_no_difference(measured, plugins, store):
    record = forged(measured[0], store, value=measured[0].metrics[0].value * (1 - 1e-12))
    assert recompute(record, store, plugins).differing == ()


def test_a_sample_follows_from_records_and_seed(measured):
    first = [record.record_id for record in sample(measured, 3, seed=1)]
    assert first == [record.record_id for record in sample(measured[::-1], 3, seed=1)]
    assert len({*first}) == 3
    drawn = {tuple(record.record_id for record in sample(measured, 3, seed=seed)) for seed in range(20)}
    assert len(drawn) > 10
    assert {name for names in drawn for name in names} == {record.record_id for record in measured}
    assert len(sample(measured, 99)) == len(measured)


def test_what_cannot_be_computed_again_is_named(measured, plugins, store):
    record = measured[0]
    card = record.card.replace(tie_rule="optimistic")
    other = record.model_copy(
        update={"protocol": record.protocol.model_copy(update={"hash": card.hash, "card": card.fields})}
    )
    assert recompute(other, store, plugins).left_out == ("measured by another protocol than today's",)
    old = record.model_copy(
        update={
            "metrics": tuple(p.model_copy(update={"implementation": "fashionbench.hit/0"}) for p in record.metrics[:1])
        }
    )
    found = recompute(old, store, plugins)
    assert found.equal == 0
    assert found.left_out == ("hit@1: measured by fashionbench.hit/0, and today's is fashionbench.hit/1",)


@pytest.fixture
def small(tmp_path):
    """A board of embedded data that the command finds, and its store."""
    board = tmp_path / "small.yaml"
    board.write_text(
        "id: small\ntitle: Small\ncolumns: [{task: wardrobe/text-to-image, metric: recall@5, label: R@5}]\n",
        encoding="utf-8",
    )
    fields = {"tasks": "wardrobe/text-to-image", "backends": ["control/random", "control/oracle"]}
    api.run(fields, store=tmp_path / "results")
    return [
        "publish",
        str(board),
        "--as",
        "tables",
        "--out",
        str(tmp_path / "out"),
        "--store",
        str(tmp_path / "results"),
    ]


def test_the_command_ends_with_1_on_a_stale_folder_and_writes_the_job_s_summary(small, tmp_path, capsys, monkeypatch):
    summary = tmp_path / "summary.md"
    monkeypatch.setenv(job_summary.VARIABLE, str(summary))
    assert main([*small, "--check"]) == 1
    assert "stale: small.md: is missing" in capsys.readouterr().err
    assert "out is not what the records give" in summary.read_text(encoding="utf-8")
    assert main(small) == 0
    assert "| control/oracle" in summary.read_text(encoding="utf-8")
    assert main([*small, "--check", "--sample", "1"]) == 0
    assert "of 1 record computed again" in capsys.readouterr().out
    (tmp_path / "out" / "README.md").write_text("by hand", encoding="utf-8")
    assert main([*small, "--check"]) == 1
    error = capsys.readouterr().err
    readme = tmp_path / "out" / "README.md"
    assert "stale: README.md: line 1 is 'by hand'" in error
    assert f"try: move away {readme}, edited since it was published; then fashionbench publish" in error
    assert main(small) == 2  # as the remedy says, it is not replaced
    capsys.readouterr()
    before = summary.read_bytes()
    monkeypatch.delenv(job_summary.VARIABLE)
    assert main([*small, "--check"]) == 1
    assert summary.read_bytes() == before
    readme.rename(tmp_path / "by-hand.md")
    capsys.readouterr()
    assert main([*small, "--check"]) == 1
    assert "  try: fashionbench publish with the same" in capsys.readouterr().err
    assert main(small) == 0
    assert main([*small, "--check", "--sample", "1"]) == 0


def test_a_summary_that_github_would_refuse_is_cut_at_a_line(tmp_path, monkeypatch):
    summary = tmp_path / "summary.md"
    monkeypatch.setenv(job_summary.VARIABLE, str(summary))
    for _ in range(3):
        job_summary.append_summary("0123456789\n" * 60_000)
    text = summary.read_text(encoding="utf-8")
    assert 900_000 < len(text) <= 1_000_000
    assert {*text.splitlines()} == {"0123456789", "", "**Cut here: the summary of a job has no more room.**"}


def test_a_badge_names_the_best_of_what_was_measured(plugins, store, tmp_path):
    record = api.run({"tasks": "toy/squares", "backends": "toy/colour"}, plugins=plugins, store=store)[0]
    better = record.backend.model_copy(update={"id": "toy/<b>&best", "control": False})
    control = record.backend.model_copy(update={"id": "toy/oracle", "control": True})
    half, most = (
        tuple(p.model_copy(update={"value": p.value * share}) for p in record.metrics) for share in (0.5, 0.9)
    )
    store.add(record.model_copy(update={"backend": control, "cell": "a"}))
    store.add(record.model_copy(update={"backend": better, "cell": "b", "metrics": most}))
    store.add(record.model_copy(update={"metrics": half, "supersedes": record.record_id}))
    publish(["toy"], out=tmp_path, stores=[store], site="tables", plugins=plugins)
    told = Text((tmp_path / "toy.svg").read_text(encoding="utf-8"))
    assert told.title == "toy: toy/squares hit@1 90.00 toy/<b>&best"
    (store.root / "records" / "damaged.json").write_text("{", encoding="utf-8")
    publish(["toy"], out=tmp_path, stores=[store], site="tables", plugins=plugins)
    assert Text((tmp_path / "toy.svg").read_text(encoding="utf-8")).title == "toy: incomplete"


class Text(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.title = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)

    def handle_data(self, data):
        if self.tags and self.tags[-1] == "title":
            self.title += data.strip()


def test_tables_collect_no_single_cases(small, tmp_path):
    made = {
        site: publish([small[1]], out=tmp_path / site, stores=[tmp_path / "results"], site=site)
        for site in ("tables", "pages")
    }
    assert made["pages"].examples and made["pages"].pictures
    assert (made["tables"].examples, made["tables"].pictures) == ({}, {})


def test_a_folder_that_is_no_site_is_an_error(measured, plugins, store, tmp_path):
    (tmp_path / "site.json").write_text("[]", encoding="utf-8")
    with pytest.raises(FashionBenchError, match="site.json"):
        check_publication(["toy"], out=Path(tmp_path), stores=[store], plugins=plugins)
