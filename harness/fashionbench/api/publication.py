"""Publish boards as a folder of pages: a pure function of records, written file by file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from fashionbench.api.boards import find_board, render_board
from fashionbench.api.stores import existing_store
from fashionbench.boards.board import Board
from fashionbench.boards.history import history_of
from fashionbench.boards.publication import Publication
from fashionbench.data.roots import DataRoots
from fashionbench.errors import ConfigError, PluginError
from fashionbench.files import regular_text, sha256, write_bytes, write_text
from fashionbench.json_reader import loads
from fashionbench.output_files import check_folder, inside
from fashionbench.plugins.manager import Plugins
from fashionbench.plugins.targets import call
from fashionbench.records.order import superseded
from fashionbench.records.record_texts import record_with_clean_texts
from fashionbench.records.stored_text import stored_text
from fashionbench.specs import BoardSpec
from fashionbench.studies.cases import Cases, records_of
from fashionbench.studies.column_tests import tested
from fashionbench.studies.pictures import Pictures

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from fashionbench.records.schema import Record
    from fashionbench.records.store import Fault, Store

#: Lists the files of a site with their checksums; what it does not list, publishing neither replaces nor removes.
MANIFEST = "site.json"


def make_publication(
    boards: Sequence[str | Path | BoardSpec] = (),
    *,
    stores: Sequence[str | Path | Store] = (),
    cases: bool = True,
    plugins: Plugins | None = None,
) -> Publication:
    """Bring boards together with what lies behind their values; damaged files are left out and named in each board.

    :param boards: registered names, YAML files or specifications; by default every registered board that has a record.
    :param stores: by default the one that other commands use. A record that several hold counts once.
    :param cases: collect single cases with their pictures, for which the data sets are opened.
    :raises ConfigError: where there is nothing to publish, or two boards have one id.
    """
    loaded = plugins or Plugins()
    opened = [existing_store(store, loaded) for store in stores or (None,)]
    held, earlier, faults = _current(opened)
    current = [record for record, _ in held.values()]
    specs = _specs(boards, current, loaded)
    made = []
    chosen = Cases(held, loaded) if cases else None
    for spec in specs:
        wanted = {column.task for column in spec.columns}
        board = Board.build(spec, [record for record in current if record.task.id in wanted], loaded, faults)
        tables: dict[str, pa.Table] = {}
        made.append(tested(board, held, loaded, tables))
        if chosen is not None:
            chosen.take(made[-1], tables)
    shown = {name for board in made for name in records_of(board)}
    records = {name: held[name][0] for name in held if name in shown}
    tasks = {c.task: loaded.tasks[c.task] for board in made for c in board.spec.columns}
    backends = sorted({record.backend.id for record in records.values()} & set(loaded.backends.names()))
    datasets = sorted({task.dataset for task in tasks.values()} & set(loaded.datasets.names()))
    pictures = Pictures(loaded, DataRoots(cache=opened[0].cache / "surveys"))
    examples, differing = ({}, {}) if chosen is None else chosen.shown(records, pictures)
    history = {spec.id: history_of(spec, [*earlier, *current]) for spec in specs}
    return Publication(
        boards=tuple(made),
        records=records,
        tasks=dict(sorted(tasks.items())),
        backends={name: loaded.backends[name] for name in backends},
        datasets={name: loaded.datasets[name] for name in datasets},
        examples=examples,
        differing=differing,
        pictures=dict(sorted(pictures.files.items())),
        history={name: columns for name, columns in history.items() if columns},
        downloads={board.spec.id: _downloads(board, loaded) for board in made},
    )


def _specs(boards: Sequence[str | Path | BoardSpec], current: Sequence[Record], plugins: Plugins) -> list[BoardSpec]:
    """Return the boards to publish, in the order of their ids."""
    named = [board if isinstance(board, BoardSpec) else find_board(board, plugins) for board in boards]
    measured = {record.task.id for record in current if record.status != "error"}
    specs = named or [b for b in plugins.boards if measured & {column.task for column in b.columns}]
    if not specs:
        raise ConfigError("no registered board has a record", remedy="run one, or name a board or its YAML file")
    ids = sorted(spec.id for spec in specs)
    twice = [one for one, other in pairwise(ids) if one == other]
    if twice:
        raise ConfigError(f"two boards have the id {twice[0]!r}", remedy="name each board once, and give each an id")
    return sorted(specs, key=lambda spec: spec.id)


def site_files(publication: Publication, *, site: str = "pages", plugins: Plugins | None = None) -> dict[str, bytes]:
    """Make the files of a site, by path below its folder; equal publications give equal bytes.

    :param site: the name of a way to write sites that a plugin registered.
    """
    loaded = plugins or Plugins()
    files = dict(call(loaded.sites, site, publication, gives=Mapping))
    if not all(isinstance(name, str) and isinstance(content, bytes) for name, content in files.items()):
        msg = f"the site {site} of {loaded.sites.origin(site)} gave no mapping of names to bytes"
        raise PluginError(msg, remedy="mend it")
    sums = {path: hashlib.sha256(content).hexdigest() for path, content in sorted(files.items())}
    files[MANIFEST] = (json.dumps({"files": sums}, indent=1) + "\n").encode()
    return dict(sorted(files.items()))


def write_site(files: Mapping[str, bytes], out: str | Path) -> None:
    """Write the files of a site into a folder, and remove those of an earlier one that are no longer part of it.

    :raises ConfigError: where a file stands in the way that is not of an earlier site, or was edited since.
    """
    folder = Path(out)
    places = {path: inside(folder, path) for path in files}
    before = _manifest(folder)
    foreign = foreign_files(files, folder)
    if foreign:
        msg = f"{folder / foreign[0]} is not a file of an earlier site, or was edited since"
        raise ConfigError(msg, remedy="move it away, or choose another --out")
    changed = [path for path, content in files.items() if path != MANIFEST and not _holds(folder / path, content)]
    # Each file waits for the disk by itself, and a site has thousands.
    with ThreadPoolExecutor(max_workers=8) as pool:
        for _ in pool.map(lambda path: write_bytes(places[path], files[path]), changed):
            pass
    for path in sorted(set(before) - set(files)):
        inside(folder, path)  # the list may have been edited
        if (folder / path).is_file() and sha256(folder / path) == before[path]:
            (folder / path).unlink()
    write_text(folder / MANIFEST, files[MANIFEST].decode())


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and sha256(path) == hashlib.sha256(content).hexdigest()


def foreign_files(files: Mapping[str, bytes], folder: Path) -> list[str]:
    """List the files in the way of a site that are not of an earlier one, or were edited since: they are not replaced.

    :raises ConfigError: where the earlier site's list of files cannot be read.
    """
    before = _manifest(folder)
    return sorted(
        path
        for path, content in files.items()
        if path != MANIFEST
        and (folder / path).is_file()
        and sha256(folder / path) not in {before.get(path), hashlib.sha256(content).hexdigest()}
    )


def published_paths(folder: Path) -> list[str]:
    """List the files of a site that was written into a folder.

    :raises ConfigError: where its list of files cannot be read.
    """
    return sorted(_manifest(folder))


def publish(
    boards: Sequence[str | Path | BoardSpec] = (),
    *,
    out: str | Path,
    stores: Sequence[str | Path | Store] = (),
    site: str = "pages",
    plugins: Plugins | None = None,
) -> Publication:
    """Write boards, and a page for each record, backend and task behind them, as a folder of pages.

    The same records give the same bytes, wherever and whenever.

    :param out: the folder.
    :raises ConfigError: where no record has a value of any board: a site of nothing would take the place of an earlier
        one.
    """
    loaded = plugins or Plugins()
    opened = [existing_store(store, loaded) for store in stores or (None,)]
    check_folder(Path(out))
    made = make_publication(boards, stores=opened, cases=loaded.sites[site].cases, plugins=loaded)
    # Where files are damaged, the pages say that they are incomplete.
    if not made.records and not made.history and not any(board.faults for board in made.boards):
        raise _no_record(made, opened)
    write_site(site_files(made, site=site, plugins=loaded), out)
    return made


def _no_record(made: Publication, stores: Sequence[Store]) -> ConfigError:
    """Say that no record of stores has a value of any board."""
    ids = ", ".join(board.spec.id for board in made.boards)
    msg = f"{' and '.join(store.address for store in stores)}: no record has a value of {ids}"
    return ConfigError(msg, remedy="name the store that holds them with --store, or run the board first")


def _current(stores: Iterable[Store]) -> tuple[dict[str, tuple[Record, Store]], list[Record], list[Fault]]:
    """Read the records of stores, without paths: the current ones by id, each with its store, and those superseded.

    One that any store marks as invalid or supersedes is not current.
    """
    scans = [(store, store.scan()) for store in stores]
    gone = superseded([record for _, scan in scans for record in scan.records])
    invalid = {name for _, scan in scans for name in scan.marks}
    earlier: dict[str, Record] = {}
    found: dict[str, tuple[Record, Store]] = {}
    faults: dict[str, Fault] = {}
    for store, scan in scans:
        damaged = list(scan.faults)
        for record in scan.records:
            if record.record_id in invalid or record.record_id in found:
                continue
            if record.record_id in gone:
                earlier[record.record_id] = record_with_clean_texts(record)
                continue
            fault = store.check_predictions(record)
            if fault is None:
                found[record.record_id] = record_with_clean_texts(record), store
            else:
                damaged.append(fault)
        for fault in damaged:
            place = fault.path.relative_to(store.root)
            message = stored_text(fault.message.replace(f"{store.root}/", ""))
            faults[place.as_posix()] = replace(fault, path=place, message=message)
    return (
        dict(sorted(found.items())),
        [earlier[name] for name in sorted(earlier)],
        [faults[name] for name in sorted(faults)],
    )


def _downloads(board: Board, plugins: Plugins) -> dict[str, str]:
    """Write a board in each format that is no page."""
    return {r.suffix: render_board(board, r.id, plugins=plugins) for r in plugins.reporters if r.suffix != "html"}


def _manifest(folder: Path) -> dict[str, str]:
    """Read which files an earlier site has in a folder."""
    try:
        read = loads(regular_text(folder / MANIFEST))
        return {str(path): str(checksum) for path, checksum in read["files"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{folder / MANIFEST} is not the list of a site's files: {error}"
        raise ConfigError(msg, remedy="choose another --out, or remove the file") from error
