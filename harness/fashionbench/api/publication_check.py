"""Check published boards against the records that they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fashionbench.api.publication import foreign_files, make_publication, published_paths, site_files
from fashionbench.api.stores import existing_store
from fashionbench.errors import StoreError
from fashionbench.plugins.manager import Plugins
from fashionbench.runner.verification import Recomputed, recompute, sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.boards.publication import Publication
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.specs import BoardSpec

_SHOWN = 160  # characters of a line that differs


@dataclass(frozen=True, slots=True)
class PublicationCheck:
    """What a check found.

    :param publication: what the records give now.
    :param damaged: files of the stores that do not hold what their checksum says.
    :param recomputed: the records of the sample whose values were computed again.
    :param stale: files that are not what the records give, with the first line that differs.
    :param edited: those of them that are not as they were published, which publishing anew does not replace.
    """

    publication: Publication
    damaged: tuple[str, ...]
    recomputed: tuple[Recomputed, ...]
    stale: tuple[str, ...]
    edited: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is damaged, computed otherwise, or stale."""
        return not (self.damaged or self.stale or any(one.differing for one in self.recomputed))


def check_publication(
    boards: Sequence[str | Path | BoardSpec] = (),
    *,
    out: str | Path,
    stores: Sequence[str | Path | Store] = (),
    site: str = "pages",
    size: int = 5,
    seed: int = 0,
    plugins: Plugins | None = None,
) -> PublicationCheck:
    """Check that published boards are those of the records, and the records' values those of the predictions.

    Checksums of records and predictions are verified first; then values of a random sample of records are computed
    again from the stored predictions; then each file is compared with what is published. Nothing is written.

    :param out: the folder that was published.
    :param size: how many records to draw.
    :param seed: another one draws other records; one seed draws the same ones of the same records.
    """
    loaded = plugins or Plugins()
    held = [existing_store(store, loaded) for store in stores or (None,)]
    made = make_publication(boards, stores=held, cases=loaded.sites[site].cases, plugins=loaded)
    faults = dict.fromkeys(fault for board in made.boards for fault in board.faults)
    files = site_files(made, site=site, plugins=loaded)
    drawn = sample(list(made.records.values()), size, seed)
    return PublicationCheck(
        publication=made,
        damaged=tuple(f"{fault.path}: {fault.message}" for fault in faults),
        recomputed=tuple(_recomputed(record, held, loaded) for record in drawn),
        stale=tuple(_stale(files, Path(out))),
        edited=tuple(foreign_files(files, Path(out))),
    )


def _recomputed(record: Record, stores: Sequence[Store], plugins: Plugins) -> Recomputed:
    """Compute a record again from the first store that holds its predictions."""
    said = ""
    for store in stores:
        try:
            return recompute(record, store, plugins)
        except StoreError as error:
            said = error.message
    return Recomputed(record, left_out=(said,))


def _stale(files: dict[str, bytes], folder: Path) -> list[str]:
    lines = [f"{path}: is no part of these boards any more" for path in published_paths(folder) if path not in files]
    for path, content in files.items():
        try:
            there = (folder / path).read_bytes()
        except OSError:
            lines.append(f"{path}: is missing")
            continue
        if there != content:
            lines.append(f"{path}: {first_difference(there, content)}")
    return lines


def first_difference(there: bytes, content: bytes) -> str:
    """Say where a file first differs from what the records give; of long lines the part around that place."""
    try:
        old, new = (text.decode().splitlines() for text in (there, content))
    except UnicodeDecodeError:
        return "is another file"
    at = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    if old == new:
        return "has other ends of lines"
    pair = [lines[at] if at < len(lines) else None for lines in (old, new)]
    both = [line or "" for line in pair]
    column = next((n for n, (a, b) in enumerate(zip(*both, strict=False)) if a != b), min(map(len, both)))
    said = ["(the end)" if line is None else _part(line, column) for line in pair]
    return f"line {at + 1} is {said[0]!r}, and the records give {said[1]!r}"


def _part(line: str, column: int) -> str:
    """Cut the part of a long line around a column; dots stand for what is left out."""
    if len(line) <= _SHOWN:
        return line
    start = max(0, min(column - _SHOWN // 2, len(line) - _SHOWN))
    end = start + _SHOWN
    return ("…" if start else "") + line[start:end] + ("…" if end < len(line) else "")
