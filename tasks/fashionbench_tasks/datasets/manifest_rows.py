"""Read the rows of a manifest from CSV, JSON Lines or Parquet, with plain texts for all values."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

from fashionbench.data.parquet_column import image_columns, present_rows
from fashionbench.errors import DataError
from fashionbench.files import LARGEST, open_regular
from fashionbench.json_reader import loads
from fashionbench_tasks.datasets.readers import read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

Row = dict[str, str]

#: What table programs write where a name has no value; a group or a split of that name would join what has none.
_NULLS = frozenset({"nan", "<na>", "nat", "none", "null"})
_NAMES = ("group", "split")
#: Columns that name images; in a Parquet file they may hold them.
IMAGES = frozenset({"image", "reference", "target", "person", "garment", "sketch", "mask"})
_RENAME = "rename one; of several texts write several rows"


class RowError(DataError):
    """A row that cannot be read, by its number and what is wrong with it.

    :param what: what the row is or has.
    :param unit: what the file consists of, such as ``row`` or ``line``.
    :param column: of which column it is said, instead of the row.
    """

    def __init__(self, path: Path, number: int, what: str, remedy: str, *, unit: str = "row", column: str = "") -> None:
        super().__init__(f"{path}, {unit} {number}{f': {column}' if column else ''} {what}", remedy=remedy)
        self.number, self.fault = number, f"{column or 'it'} {what}"


def read_rows(path: Path, report: Callable[[RowError], object] | None = None) -> list[tuple[int, Row]]:
    """Return every row with its number in the file; a CSV file has its columns in row 1.

    :param report: is told of each row that cannot be read, which is then left out; without it the first is raised.
    :raises DataError: naming the row that has too few or too many values, or a value that is no text or number.
    """
    read = {".csv": _csv, ".jsonl": _json_lines, ".parquet": _parquet}[path.suffix.lower()]
    rows: list[tuple[int, Row]] = []
    for number, values in read(path):
        try:
            row = _texts(path, number, values)
        except RowError as error:
            if report is None:
                raise
            report(error)
            continue
        for name in _NAMES:
            if row.get(name, "").strip().lower() in _NULLS:
                row[name] = ""
        rows.append((number, row))
    return rows


def _texts(path: Path, number: int, values: dict[str, Any] | RowError) -> Row:
    if isinstance(values, RowError):
        raise values
    return {name: _text(path, number, name, value) for name, value in values.items()}


def check_column_names(path: Path, columns: Iterable[str], known: AbstractSet[str], prefix: str) -> None:
    """Refuse columns that are known ones in other letters or with blanks; they would not be read.

    :param prefix: what known columns of any further name begin with.
    :raises DataError: naming what was found, and what is looked for.
    """
    there = list(columns)
    for column in there:
        plain = column.strip().lower()
        prefixed = plain.startswith(prefix) and not column.startswith(prefix)
        if column not in known and (prefixed or (plain in known and plain not in there)):
            named = prefix + column.strip()[len(prefix) :] if prefixed else plain
            msg = f"{path} has the column {column!r}, and {named!r} is looked for"
            raise DataError(msg, remedy="write the names of columns in lower case and without blanks around them")


def _check_delimiter(path: Path, columns: Sequence[str]) -> None:
    """Refuse a table that another delimiter parts; a manifest of one column is of no kind.

    :raises DataError: naming the delimiter.
    """
    found = next((sign for sign in (";", "\t", "|") if len(columns) == 1 and sign in columns[0]), "")
    if found:
        msg = f"{path} has the columns {columns[0]!r} with the delimiter {found!r}, and ',' is looked for"
        raise DataError(msg, remedy="save it as CSV with commas")


def _csv(path: Path) -> Iterator[tuple[int, dict[str, Any] | RowError]]:
    try:
        with open_regular(path, LARGEST) as content, io.TextIOWrapper(content, "utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            columns = next(lines, [])
            _check_delimiter(path, columns)
            _refuse_double(path, columns)
            for values in lines:
                if not values:
                    continue
                if len(values) != len(columns):
                    few = len(values) < len(columns)
                    told = f"has {'fewer' if few else 'more'} values than columns"
                    remedy = "fill them in" if few else "quote values with a comma"
                    yield lines.line_num, RowError(path, lines.line_num, told, remedy)
                    continue
                yield lines.line_num, dict(zip(columns, values, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no CSV in UTF-8: {error}", remedy="save it as UTF-8") from error


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | RowError]]:
    names: list[str] = []

    def noted(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # An object that names a key twice keeps the last value alone. The outermost object comes last.
        names[:] = [name for name, _ in pairs]
        return dict(pairs)

    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            entry = loads(line, object_pairs_hook=noted)
        except ValueError as error:
            yield number, RowError(path, number, f"is not JSON: {error}", "mend or drop the line", unit="line")
            continue
        double = _double(names)
        if not isinstance(entry, dict):
            yield number, RowError(path, number, "is no object", "write one object a line", unit="entry")
        elif double:
            yield number, RowError(path, number, f"has two columns {double!r}", _RENAME, unit="line")
        else:
            yield number, entry


def _parquet(path: Path) -> Iterator[tuple[int, dict[str, Any] | RowError]]:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        names = pq.read_schema(path).names
        _refuse_double(path, names)
        images = [name for name in image_columns(path) if name in IMAGES]
        table = pq.read_table(path, columns=[name for name in names if name not in images])
    except pa.ArrowInvalid as error:
        raise DataError(f"{path} is no Parquet file: {error}", remedy="write it again") from error
    present = {name: present_rows(path, name) for name in images}
    for at, row in enumerate(table.to_pylist()):
        # An image that lies in the table itself is called by its place there; its bytes are read when it is asked for.
        inside = {name: f"{path.name}/{name}/{at:09d}" if present[name][at] else "" for name in images}
        yield at + 1, {name: inside[name] if name in inside else row[name] for name in names}


def _refuse_double(path: Path, columns: Sequence[str]) -> None:
    double = _double(columns)
    if double:
        raise DataError(f"{path} has two columns {double!r}", remedy=_RENAME)


def _double(columns: Sequence[str]) -> str:
    return min((name for name in columns if columns.count(name) > 1), default="")


def _text(path: Path, number: int, name: str, value: object) -> str:
    """Write a value as a plain text; a whole number that a table program made a float of is the whole number."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, (list, tuple, dict, bytes)):
        what = "a list" if isinstance(value, (list, tuple)) else "an object" if isinstance(value, dict) else "bytes"
        remedy = "write one row a text" if name == "text" else "write a path relative to the folder, or a plain text"
        raise RowError(path, number, f"is {what}", remedy, column=name)
    return str(value)
