"""Read rankings and captions from JSON, JSON Lines, CSV, TSV and TREC runs."""

from __future__ import annotations

import csv
import io
import json
from math import isfinite
from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError
from fashionbench.files import LARGEST, open_regular, regular_text
from fashionbench.json_reader import parse_json
from fashionbench.predictions.ranked_lists import ORDERS, disagreement, id_of, ordered_list, ranked_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

#: Names in use for the columns of a row, the first that a row has counts.
_IMAGE = ("image_id", "item_id", "id", "image", "image_name", "file_name", "filename")
_CAPTION = ("caption", "text", "prediction", "generated_caption")
_QUERY = ("query_id", "qid", "query", "pairid", "query-id", "topic")
_LIST = ("ranking", "candidates", "candidate_ids", "ranked_ids", "retrieved", "top_ids")
_CANDIDATE = ("candidate_id", "docid", "doc_id", "did", "corpus-id", "candidate", "target_id")
#: The two forms of captions in JSON.
CAPTION_FORMS = '[{"image_id": "...", "caption": "..."}, ...] or {"image id": "text", ...}'
_SERVER = {"recall", "recall_subset"}


def read_json(path: Path) -> dict[str, Any]:
    """Read an object by query or image id, or a list of rows.

    :raises DataError: naming the entry that is none.
    """
    loaded = parse_json(regular_text(path, "utf-8-sig"), str(path))
    if isinstance(loaded, list):
        return rows_of([(f"entry {number}", entry) for number, entry in enumerate(loaded)], path)
    return _object(loaded, path)


def read_json_lines(path: Path) -> dict[str, Any]:
    """Read one object a line: a row each, or parts of one object by id.

    :raises DataError: naming the line that is neither.
    """
    lines: list[tuple[str, Any]] = []
    # Not splitlines: a caption may hold U+2028 and the like.
    for number, line in enumerate(regular_text(path, "utf-8-sig").split("\n"), 1):
        if line.strip():
            try:
                entry = parse_json(line, f"{path}, line {number}")
            except ValueError as error:
                raise DataError(f"{path}, line {number} is not JSON: {error}", remedy="mend or drop it") from error
            if not isinstance(entry, dict):
                raise DataError(f"{path}, line {number} is no object", remedy="write one object a line")
            lines.append((f"line {number}", entry))
    if lines and is_row(lines[0][1]):
        return rows_of(lines, path)
    joined: dict[str, Any] = {}
    for place, entry in lines:
        twice = joined.keys() & entry.keys()
        if twice:
            raise DataError(f"{path}, {place}: {min(twice)} stands twice", remedy="remove one")
        joined |= entry
    return _object(joined, path)


def read_table(path: Path) -> dict[str, Any]:
    """Read captions, or one candidate of a ranking a row, from CSV or TSV with a line of column names.

    :raises DataError: where the columns are of neither, two have one name, or a row is short.
    """
    with open_regular(path, LARGEST) as content, io.TextIOWrapper(content, "utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
        rows = [(f"line {reader.line_num}", row) for row in reader]
        columns = list(reader.fieldnames or ())
    twice = [name for name in columns if columns.count(name) > 1]
    if twice:
        raise DataError(f"{path} has two columns {twice[0]!r}", remedy="rename one, or drop it")
    for place, row in rows:
        if None in row or None in row.values():
            msg = f"{path}, {place} has {'more' if None in row else 'fewer'} values than the {len(columns)} columns"
            raise DataError(msg, remedy="quote values with a comma, and fill in what is missing")
    query, candidate = _first(columns, _QUERY), _first(columns, _CANDIDATE)
    if not (query and candidate):
        if rows and not is_row(rows[0][1]):
            remedy = "write image_id and caption, or query_id, candidate_id and score, distance or rank"
            raise DataError(f"{path} has the columns {', '.join(columns)}", remedy=remedy)
        return rows_of(rows, path)
    by = [name for name in ORDERS if name in columns]
    found: dict[str, list[tuple[str, dict[str, float]]]] = {}
    for place, row in rows:
        values = {name: _number(row[name], path, place) for name in by}
        found.setdefault(row[query], []).append((row[candidate], values))
    return {"rankings": {name: ordered_list(name, listed, path) for name, listed in found.items()}}


def read_trec(path: Path) -> dict[str, Any]:
    """Read a TREC run, ``query Q0 candidate rank score tag`` a line; the score decides, as in trec_eval.

    :raises DataError: naming the line that has other than six fields, or four, which are judgements.
    """
    found: dict[str, list[tuple[str, dict[str, float]]]] = {}
    ranks: dict[str, list[str]] = {}
    for number, line in enumerate(regular_text(path, "utf-8-sig").split("\n"), 1):
        parts = line.split()
        if not parts:
            continue
        if len(parts) != 6:
            what = "this is a file of judgements (qrels)" if len(parts) == 4 else f"it has {len(parts)} fields"
            remedy = "write a run: query Q0 candidate rank score tag"
            raise DataError(f"{path}, line {number} is of no known kind of run: {what}", remedy=remedy)
        found.setdefault(parts[0], []).append((parts[2], {"score": _number(parts[4], path, f"line {number}")}))
        ranks.setdefault(parts[0], []).append(parts[3])
    if not found:
        raise DataError(f"{path} holds no predictions", remedy="write a run: query Q0 candidate rank score tag")
    told = {name: _rank_disagreement(rows, ranks[name]) for name, rows in found.items()}
    return {
        "rankings": {name: ordered_list(name, rows, path) for name, rows in found.items()},
        "rank_disagreements": {name: text for name, text in told.items() if text},
    }


def _rank_disagreement(rows: Sequence[tuple[str, Mapping[str, float]]], ranks: Sequence[str]) -> str:
    """Say where the ranks of a query contradict its scores; some programs write no number there, which says nothing."""
    if not all(rank.isascii() and rank.isdigit() for rank in ranks):
        return ""
    both = [(name, {**values, "rank": float(rank)}) for (name, values), rank in zip(rows, ranks, strict=True)]
    return disagreement(both, "score", "rank")


def _object(loaded: Any, path: Path) -> dict[str, Any]:
    if not isinstance(loaded, dict) or not loaded:
        raise DataError(f"{path} holds no predictions", remedy="write an object by query or image id")
    answers = dict(loaded)
    version, metric = answers.pop("version", None), answers.pop("metric", None)
    if version is not None and (version != "rc2" or metric not in _SERVER):
        raise DataError(f"{path} is of version {version!r}, metric {metric!r}", remedy="CIRR files are rc2 and recall")
    if not answers:
        raise DataError(f"{path} holds no predictions", remedy="write an object by query or image id")
    for name, value in answers.items():
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            _refuse_wrapped(path, name, value[0])
    texts = {name: text for name, value in answers.items() if (text := _caption(value)) is not None}
    if any(isinstance(value, str) for value in answers.values()):
        # So these are captions, and what is none is what is wrong.
        for name, value in answers.items():
            if name not in texts:
                msg = f"{path}: the caption of {name!r} is {json.dumps(value):.60}"
                raise DataError(msg, remedy="write one text an id")
        return {"captions": texts}
    ranked = {name: ranked_list(name, value, path) for name, value in answers.items()}
    if metric == "recall_subset":
        return {"subset_rankings": ranked}
    # A list of one text is a caption, or a ranking of one candidate; the task knows which.
    both = len(texts) == len(answers) and version is None
    return {"rankings": ranked, "captions": texts if both else {}}


def _refuse_wrapped(path: Path, name: str, row: Mapping[str, Any]) -> None:
    """Say that rows lie within an object, as in COCO's annotations, and what is read instead.

    :raises DataError: always.
    """
    held = f"{path} holds {name!r}, a list of objects with {', '.join(map(str, row)) or 'nothing'}"
    if _first(list(row), _CAPTION):
        raise DataError(f"{held}, where captions were expected", remedy=f"captions are read as {CAPTION_FORMS}")
    remedy = f"write the list alone, or an object by query id; captions are read as {CAPTION_FORMS}"
    raise DataError(f"{held}, where a text or a list of ids was expected", remedy=remedy)


def _caption(value: Any) -> str | None:
    """Return a caption, alone or in a list of one; None where it is neither."""
    if isinstance(value, str):
        return value
    return value[0] if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str) else None


def is_row(entry: Any) -> bool:
    """Tell whether an object is a row: it has a column for an id and one for a caption or a list."""
    if not isinstance(entry, dict):
        return False
    names = list(entry)
    captioned = _first(names, _IMAGE) and _first(names, _CAPTION)
    return bool(captioned or (_first(names, (*_QUERY, "id")) and _first(names, _LIST)))


def rows_of(rows: Sequence[tuple[str, Any]], path: Path) -> dict[str, Any]:
    """Read rows of captions or of rankings.

    :param rows: each with its place in the file.
    :raises DataError: naming the row that is of neither, or an id that stands twice.
    """
    if not rows:
        raise DataError(f"{path} holds no predictions", remedy="write one row an image or a query")
    captions: dict[str, str] = {}
    rankings: dict[str, Any] = {}
    for place, row in rows:
        if not is_row(row):
            raise DataError(f"{path}, {place} has no image_id and caption", remedy="write COCO results")
        names = list(row)
        listed = _first(names, _LIST)
        key = _first(names, (*_QUERY, "id") if listed else _IMAGE)
        name = id_of(row[key], f"{path}, {place}: {key}")
        if name in captions or name in rankings:
            what = "rankings" if listed else "captions"
            raise DataError(f"{path} has two {what} of {name}, the second in {place}", remedy="keep one")
        if listed:
            rankings[name] = ranked_list(name, row[listed], path)
            continue
        column = _first(names, _CAPTION)
        text = _caption(row[column])
        if text is None:
            msg = f"{path}, {place}: the caption of {name!r} is {json.dumps(row[column]):.60}"
            raise DataError(msg, remedy="write one text an id")
        captions[name] = text
    if captions and rankings:
        raise DataError(f"{path} holds captions and rankings", remedy="write two files")
    return {"captions": captions, "rankings": rankings}


def _first(names: Iterable[str], wanted: Sequence[str]) -> str:
    there = set(names)
    return next((name for name in wanted if name in there), "")


def _number(text: str, path: Path, place: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise DataError(f"{path}, {place}: {text!r} is no number", remedy="mend or drop the line") from error
    if not isfinite(value):  # NaN has no order
        raise DataError(f"{path}, {place}: {text!r} is no finite number", remedy="mend or drop the line")
    return value
