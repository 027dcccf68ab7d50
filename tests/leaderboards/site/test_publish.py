"""The files of a site: what they hold, and that they follow from records alone."""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
import site_records

from fashionbench.api.publication import MANIFEST, make_publication, publish, site_files, write_site
from fashionbench.cli.main import main
from fashionbench.errors import ConfigError
from fashionbench.records.store import Store
from fashionbench_leaderboards.site.pages import asset


@pytest.fixture(scope="module")
def plugins():
    return site_records.toy_plugins()


@pytest.fixture(scope="module")
def store(tmp_path_factory, plugins):
    made = Store(tmp_path_factory.mktemp("machine-of-ada") / "results")
    site_records.fill(made, plugins)
    return made


@pytest.fixture(scope="module")
def publication(store, plugins):
    return make_publication(site_records.BOARDS, stores=[store], plugins=plugins)


@pytest.fixture(scope="module")
def files(publication, plugins):
    return site_files(publication, plugins=plugins)


class Page(HTMLParser):
    def __init__(self, content):
        super().__init__()
        self.tags, self.links, self.text, self.rows = [], [], "", []
        self.feed(content.decode())

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in {"src", "href"}]
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, data):
        self.text += data
        if self.rows and data.strip():
            self.rows[-1].append(data.strip())


def pages(files):
    return {path: Page(content) for path, content in files.items() if path.endswith(".html")}


def test_records_in_any_order_and_place_give_the_same_bytes(store, plugins, files, tmp_path, monkeypatch):
    other = Store(tmp_path / "elsewhere" / "of" / "bob")
    shutil.copytree(store.root, other.root)
    scan = Store.scan

    def shuffled(self):
        found = scan(self)
        random.Random(3).shuffle(found.records)
        return found

    monkeypatch.setattr(Store, "scan", shuffled)
    again = site_files(make_publication(site_records.BOARDS[::-1], stores=[other], plugins=plugins), plugins=plugins)
    assert again.keys() == files.keys()
    assert [path for path in files if files[path] != again[path]] == []


def test_a_store_in_parts_gives_the_site_of_the_whole(store, plugins, files, tmp_path):
    parts = [tmp_path / "one", tmp_path / "two"]
    for at, part in enumerate(parts):
        shutil.copytree(store.root, part)
        for path in sorted((part / "records").rglob("*.json"))[at::2]:
            path.unlink()
    made = make_publication(site_records.BOARDS, stores=parts, plugins=plugins)
    assert site_files(made, plugins=plugins) == files


def test_nothing_tells_of_the_machine(store, files):
    texts = {path: content.decode() for path, content in files.items() if not path.endswith(".webp")}
    for path, text in texts.items():
        for secret in ("ada", str(Path.cwd()), str(store.root.parent), str(Path.home()), "/srv/data"):
            assert not re.search(rf"{re.escape(secret)}\b", text), (path, secret)
    assert any("--store …/results --data=toy=…/toy" in text for text in texts.values())


def test_each_link_leads_to_a_file_of_the_site(files):
    for path, page in pages(files).items():
        for link in page.links:
            target = (Path("/") / path).parent / unquote(link.partition("#")[0].partition("?")[0])
            parts = []
            for part in target.parts[1:]:
                parts = parts[:-1] if part == ".." else [*parts, part]
            assert "/".join(parts) in files, (path, link)


def test_each_value_leads_to_a_page_with_that_value(files, publication):
    board = publication.boards[0]
    text = files["boards/shapes.html"].decode()
    for table in board.tables:
        for row in table.rows:
            for head, value in zip(table.heads, row.values, strict=True):
                if value.value is None:
                    continue
                name = value.records[0][7:27]
                assert f'href="../records/{name}.html"' in text
                page = Page(files[f"records/{name}.html"])
                own = [cells[:5] for cells in page.rows if cells[0].split()[0] == head.column.metric]
                shown = {"fraction": f"{100 * value.value:.2f} %", "rank": f"{value.value:.1f}".removesuffix(".0")}[
                    value.unit
                ]
                assert shown in {cell for cells in own for cell in cells}


def test_names_are_texts_and_never_markup(files):
    shown = {path: page for path, page in pages(files).items() if site_records.HOSTILE in page.text}
    assert {"boards/shapes.html", "boards/squares.html"} < shown.keys()
    assert any(path.startswith("records/") for path in shown)
    assert any(path.startswith("backends/") for path in shown)
    for path, page in pages(files).items():
        assert b"<script>window" not in files[path]
        assert b"<img src=x" not in files[path]
        assert set(page.tags) & {"b"} <= ({"b"} if "records/" in path else set())


def test_each_page_may_load_only_files_of_the_site(files):
    for path, content in files.items():
        if path.endswith(".html"):
            assert b"default-src &#39;none&#39;; script-src &#39;self&#39;; style-src &#39;self&#39;" in content
            assert b"unsafe" not in content
            assert not re.search(rb"<script(?! src)|<style|\sstyle=|\son\w+=\"|https?://", content), path


def test_pictures_need_a_licence_that_allows_them(store, plugins, publication, files):
    drawings = [r for r in publication.records.values() if r.task.id == "wardrobe/image-to-image"]
    squares = [r for r in publication.records.values() if r.task.id == "toy/squares" and r.status == "ok"]
    assert drawings and squares
    for record in drawings:
        page = Page(files[f"records/{record.record_id[7:27]}.html"])
        assert any(link.startswith("../images/") for link in page.links)
        assert "Twitter, Inc and other contributors (CC BY 4.0)" in page.text
    for record in squares:
        examples = publication.examples[record.record_id]
        assert examples.without and not examples.credit
        assert not any(thing.pictures or thing.text for case in examples.cases for thing in (case.asked, *case.answers))
        assert {case.asked.id for case in examples.cases} == {f"image-{name}" for name in _colours()}
        assert not any(
            link.startswith("../images/") for link in Page(files[f"records/{record.record_id[7:27]}.html"]).links
        )
    named = site_records.toy_plugins()
    site_records.with_credit(named, "toy-squares", "drawn by the tests")
    allowed = make_publication(["toy"], stores=[store], plugins=named)
    cases = allowed.examples[squares[0].record_id].cases
    assert all(case.asked.pictures and case.answers[0].text in _colours() for case in cases)
    assert len(allowed.pictures) == len(_colours())


def _colours():
    from toy_plugin import COLOURS

    return set(COLOURS)


def test_data_that_are_not_those_of_the_record_are_not_shown(store, plugins, tmp_path):
    record = next(r for r in store.scan().records if r.task.id == "wardrobe/image-to-image")
    other = Store(tmp_path / "other")
    shutil.copytree(store.root / "predictions", other.root / "predictions")
    data = record.dataset.model_copy(update={"fingerprint": "sha256:" + "1" * 64})
    kept = other.add(record.model_copy(update={"dataset": data}))
    examples = make_publication(site_records.BOARDS[:1], stores=[other], plugins=plugins).examples[kept.record_id]
    assert examples.without == "the data at hand are not those that were measured on"
    assert not any(thing.pictures for case in examples.cases for thing in (case.asked, *case.answers))


def test_cases_stand_worst_first_with_their_right_answers(store, publication):
    record = next(
        r
        for r in publication.records.values()
        if r.task.id == "wardrobe/image-to-image" and r.backend.id == "control/random"
    )
    rows = {(row["slice"], row["query_id"]): row for row in store.read_predictions(record.predictions).to_pylist()}
    first = {key: min(b + t / 2 for b, t in zip(row["better"], row["tied"], strict=True)) for key, row in rows.items()}
    cases = publication.examples[record.record_id].cases
    shown = [first[case.slice, case.asked.id] for case in cases]
    assert shown == sorted(first.values(), reverse=True)[: len(cases)]
    for case in cases:
        row = rows[case.slice, case.asked.id]
        assert [answer.id for answer in case.answers] == row["top_ids"][: len(case.answers)]
        assert [answer.right for answer in case.answers] == [
            answer.id in row["positive_ids"] for answer in case.answers
        ]


def test_a_task_shows_the_cases_on_which_systems_differ_most(store, plugins, tmp_path):
    made = Store(tmp_path / "results")
    shutil.copytree(store.root / "predictions", made.root / "predictions")
    tables = {}
    for record in store.scan().records:
        if record.task.id == "wardrobe/image-to-image" and record.backend.id != "control/oracle":
            made.add(record.model_copy(update={"backend": record.backend.model_copy(update={"control": False})}))
            rows = store.read_predictions(record.predictions).to_pylist()
            tables[record.backend.id] = {
                (row["slice"], row["query_id"]): 1
                + min(b + t / 2 for b, t in zip(row["better"], row["tied"], strict=True))
                for row in rows
            }
    publication = make_publication(site_records.BOARDS[:1], stores=[made], plugins=plugins)
    differing = publication.differing["wardrobe/image-to-image"]
    labels = [label for label, _ in differing.systems]
    assert labels == ["baseline/colour-histogram", "control/random"]
    ratios = {
        case: max(one[case] for one in tables.values()) / min(one[case] for one in tables.values())
        for case in tables["control/random"]
    }
    cases = [(case.slice, case.asked.id) for case in differing.examples.cases]
    assert [ratios[case] for case in cases] == sorted(ratios.values(), reverse=True)[: len(cases)]
    for case, values in zip(cases, differing.values, strict=True):
        assert [float(text) for text in values] == [round(tables[label][case], 1) for label in labels]
    page = Page(site_files(publication, plugins=plugins)["tasks/wardrobe__image-to-image.html"])
    assert "Cases on which systems differ most" in page.text
    assert sum(link.startswith("../images/") for link in page.links) == len(cases)


def test_values_that_changed_have_a_page_and_invalid_records_no_place_on_it(store, plugins, tmp_path):
    made = Store(tmp_path / "results")
    shutil.copytree(store.root / "predictions", made.root / "predictions")
    record = next(r for r in store.scan().records if r.backend.id == "toy/colour" and r.status == "ok")
    values, old = (0.25, 0.5, 0.125), None
    for day, value in enumerate(values, 1):
        ended = record.provenance.model_copy(update={"ended": f"2026-01-{day:02}T00:00:00+00:00"})
        metrics = tuple(part.model_copy(update={"value": value}) for part in record.metrics)
        new = record.model_copy(update={"provenance": ended, "metrics": metrics, "supersedes": old, "cell": f"{day}"})
        old = made.add(new).record_id
    made.invalidate(made.get(old), "wrong")
    files = site_files(make_publication(site_records.BOARDS[1:], stores=[made], plugins=plugins), plugins=plugins)
    assert "../history/squares.html" in pages(files)["boards/squares.html"].links
    text = pages(files)["history/squares.html"].text
    assert "2026-01-01 25.00" in " ".join(text.split())
    assert "50.00" in text
    assert "12.50" not in text


def test_controls_are_no_systems_that_differ(publication):
    assert "wardrobe/image-to-image" not in publication.differing


def test_the_best_is_bold_among_rows_that_compete_and_gaps_have_no_order(files):
    text = files["boards/shapes.html"].decode()
    squares = text[text.index('id="table-1"') :]
    rows = re.findall(r"<tr data-control.*?</tr>", squares, re.DOTALL)
    colour = next(row for row in rows if ">toy/colour<" in row)
    assert 'class="figure best' in colour
    assert not any('class="figure best' in row for row in rows if 'data-control="1"' in row)
    raised = next(row for row in rows if ">toy/raises<" in row)
    assert 'data-order="" data-export=""' in raised
    assert "error: ZeroDivisionError: a bug in a model" in raised
    limited = next(row for row in rows if "limit=3" in row)
    assert re.search(r'data-order="partial [\d.]+"', limited)


def test_a_mark_that_all_rows_share_is_said_once(store, plugins, tmp_path):
    made = Store(tmp_path / "results")
    shutil.copytree(store.root / "predictions", made.root / "predictions")
    for record in store.scan().records:
        if record.task.id == "wardrobe/image-to-image":
            made.add(record.model_copy(update={"dataset": record.dataset.model_copy(update={"synthetic": True})}))
    text = site_files(make_publication(site_records.BOARDS[:1], stores=[made], plugins=plugins), plugins=plugins)
    drawings = text["boards/shapes.html"].decode().partition('id="table-1"')[0]
    assert drawings.count("measured on generated data") == 1
    assert drawings.count(">synthetic<") == 1
    assert drawings.index("measured on generated data") < drawings.index("<table")


def test_a_page_is_replaced_only_where_an_earlier_site_wrote_it(files, tmp_path):
    write_site(files, tmp_path)
    assert {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()} == files.keys()
    fewer = {path: content for path, content in files.items() if not path.startswith("records/")}
    fewer["index.html"] = b"another"
    sums = {path: hashlib.sha256(content).hexdigest() for path, content in fewer.items() if path != MANIFEST}
    fewer[MANIFEST] = json.dumps({"files": sums}).encode()
    (tmp_path / "CNAME").write_text("boards.example")
    write_site(fewer, tmp_path)
    assert not list((tmp_path / "records").glob("*"))
    assert (tmp_path / "index.html").read_bytes() == b"another"
    assert (tmp_path / "CNAME").read_text() == "boards.example"
    (tmp_path / "index.html").write_text("edited by hand")
    with pytest.raises(ConfigError, match=r"index\.html is not a file of an earlier site, or was edited since"):
        write_site(files, tmp_path)
    assert (tmp_path / "index.html").read_text() == "edited by hand"


def test_the_list_of_files_has_their_checksums(files):
    listed = json.loads(files[MANIFEST])["files"]
    assert listed == {p: hashlib.sha256(content).hexdigest() for p, content in files.items() if p != MANIFEST}


def test_without_a_name_every_board_that_has_records_is_published(store, plugins, tmp_path):
    made = publish(out=tmp_path / "site", stores=[store], plugins=plugins)
    measured = {"toy/squares", "wardrobe/image-to-image"}
    wanted = sorted(b.id for b in plugins.boards if measured & {column.task for column in b.columns})
    assert [board.spec.id for board in made.boards] == wanted
    assert {"quickstart", "toy"} <= set(wanted) < set(plugins.boards.names())
    with pytest.raises(ConfigError, match="no registered board has a record"):
        (tmp_path / "empty").mkdir()
        publish(out=tmp_path / "site", stores=[tmp_path / "empty"], plugins=plugins)
    with pytest.raises(ConfigError, match="two boards have the id 'shapes'"):
        make_publication([site_records.BOARDS[0]] * 2, stores=[store], plugins=plugins)


@pytest.mark.parametrize("held", ["nothing", "cache", "failures", "another board"])
def test_a_store_without_a_value_of_the_board_leaves_an_earlier_site_alone(store, plugins, tmp_path, held):
    publish(site_records.BOARDS[1:], out=tmp_path / "site", stores=[store], plugins=plugins)
    before = {path: path.read_bytes() for path in (tmp_path / "site").rglob("*") if path.is_file()}
    other = Store(tmp_path / "empty")
    other.cache.mkdir(parents=True) if held == "cache" else other.root.mkdir()
    if held == "another board":
        shutil.copytree(store.root / "predictions", other.root / "predictions")
    wanted = {"failures": ["error"], "another board": ["ok"]}.get(held, [])
    for record in store.scan().records:
        on_board = record.task.id == "toy/squares"
        if record.status in wanted and on_board == (held != "another board"):
            other.add(record)
    with pytest.raises(ConfigError, match=rf"{other.root}: no record has a value of squares"):
        publish(site_records.BOARDS[1:], out=tmp_path / "site", stores=[other], plugins=plugins)
    with pytest.raises(ConfigError, match="no record has a value"):
        publish(site_records.BOARDS[1:], out=tmp_path / "new", stores=[other], plugins=plugins)
    assert {path: path.read_bytes() for path in (tmp_path / "site").rglob("*") if path.is_file()} == before
    assert not (tmp_path / "new").exists()


def test_two_names_that_give_one_file_are_refused(store, plugins):
    boards = [replace(site_records.BOARDS[0], id=name) for name in ("a/b", "a__b")]
    publication = make_publication(boards, stores=[store], plugins=plugins)
    with pytest.raises(ConfigError, match=r"two pages have the address boards/a__b\.html"):
        site_files(publication, plugins=plugins)


def test_a_damaged_file_is_named_on_the_page_and_by_the_exit_code(store, tmp_path, capsys):
    broken = tmp_path / "results"
    shutil.copytree(store.root, broken)
    damaged = next(r for r in store.scan().records if r.backend.id == "baseline/colour-histogram")
    (broken / "predictions" / f"{damaged.predictions.sha256}.parquet").write_bytes(b"damaged")
    board = tmp_path / "drawings.yaml"
    board.write_text("id: drawings\ntitle: Drawings\ncolumns:\n- {task: wardrobe/image-to-image, metric: hit@5}\n")
    assert main(["publish", str(board), "--out", str(tmp_path / "site"), "--store", str(broken)]) == 1
    said = capsys.readouterr()
    assert "wrote 1 board and 2 records" in said.out
    assert f"predictions/{damaged.predictions.sha256}.parquet was left out" in said.err
    page = (tmp_path / "site" / "boards" / "drawings.html").read_text()
    assert f"predictions of {damaged.record_id}: altered or damaged" in page
    assert str(tmp_path) not in page


def test_vendored_programs_are_the_published_ones():
    sums = {
        "dataTables.min.js": "38017a5586acd9c6eb6bbfe8b6938e1a25bdc717c5acfcb07e0c9d663282c59d",
        "dataTables.LICENSE.txt": "62b5fdd54371b4f6bd07a60dbc78b38814f49a8028213f540dc2733cad605382",
    }
    assert {name: hashlib.sha256(asset(name)).hexdigest() for name in sums} == sums
    told = (Path(__file__).parents[3] / "ASSETS.md").read_text()
    assert sums["dataTables.min.js"] in told
    assert hashlib.sha256(Path(__file__).with_name("axe.min.js").read_bytes()).hexdigest() in told
