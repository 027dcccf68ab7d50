"""Publish boards as a folder of pages: a pure function of records, written file by file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fashionbench.api.boards import find_board, render_board
from fashionbench.api.stores import existing_store
from fashionbench.boards.board import Board
from fashionbench.boards.path_names import record_without_paths, without_paths
from fashionbench.boards.publication import Publication
from fashionbench.errors import ConfigError
from fashionbench.files import sha256, write_bytes, write_text
from fashionbench.plugins.manager import Plugins
from fashionbench.specs import BoardSpec, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fashionbench.records.schema import Record
    from fashionbench.records.store import Fault, Store

#: Lists the files of a site with their checksums; what it does not list, publishing neither replaces nor removes.
MANIFEST = "site.json"


def make_publication(
    boards: Sequence[str | Path | BoardSpec] = (),
    *,
    stores: Sequence[str | Path | Store] = (),
    plugins: Plugins | None = None,
) -> Publication:
    """Bring boards together with what lies behind their values; damaged files are left out and named in each board.

    :param boards: registered names, YAML files or specifications; by default every registered board that has a record.
    :param stores: by default the one that other commands use. A record that several hold counts once.
    :raises ConfigError: where there is nothing to publish, or two boards have one id.
    """
    loaded = plugins or Plugins()
    held = [existing_store(store, loaded) for store in stores or (None,)]
    current, faults = _current(held)
    named = [board if isinstance(board, BoardSpec) else find_board(board, loaded) for board in boards]
    measured = {record.task.id for record in current if record.status != "error"}
    specs = named or [b for b in loaded.boards if measured & {column.task for column in b.columns}]
    if not specs:
        raise ConfigError("no registered board has a record", remedy="run one, or name a board or its YAML file")
    twice = sorted({spec.id for spec in specs if sum(spec.id == other.id for other in specs) > 1})
    if twice:
        raise ConfigError(f"two boards have the id {twice[0]!r}", remedy="name each board once, and give each an id")
    made = []
    for spec in sorted(specs, key=lambda spec: spec.id):
        wanted = {column.task for column in spec.columns}
        made.append(Board.build(spec, [r for r in current if r.task.id in wanted], loaded, faults))
    shown = {
        name for board in made for table in board.tables for r in table.rows for v in r.values for name in v.records
    }
    records = {record.record_id: record for record in current if record.record_id in shown}
    task_ids = {column.task for board in made for column in board.spec.columns}
    tasks = {name: loaded.tasks[name] for name in sorted(task_ids)}
    backend_ids = sorted({record.backend.id for record in records.values()})
    return Publication(
        boards=tuple(made),
        records=dict(sorted(records.items())),
        tasks=tasks,
        backends={name: loaded.backends[name] for name in backend_ids if name in loaded.backends},
        datasets={
            task.dataset: loaded.datasets[task.dataset] for task in tasks.values() if task.dataset in loaded.datasets
        },
        downloads={board.spec.id: _downloads(board, loaded) for board in made},
    )


def site_files(publication: Publication, *, site: str = "pages", plugins: Plugins | None = None) -> dict[str, bytes]:
    """Make the files of a site, by path below its folder; equal publications give equal bytes.

    :param site: the name of a way to write sites that a plugin registered.
    """
    loaded = plugins or Plugins()
    files = dict(cast("Any", resolve(loaded.sites[site].target))(publication))
    sums = {path: hashlib.sha256(content).hexdigest() for path, content in sorted(files.items())}
    files[MANIFEST] = (json.dumps({"files": sums}, indent=1) + "\n").encode()
    return dict(sorted(files.items()))


def write_site(files: Mapping[str, bytes], out: str | Path) -> None:
    """Write the files of a site into a folder, and remove those of an earlier one that are no longer part of it.

    :raises ConfigError: where a file stands in the way that is not of an earlier site, or was edited since.
    """
    folder = Path(out)
    before = _manifest(folder)
    foreign = sorted(
        path
        for path, content in files.items()
        if path != MANIFEST
        and (folder / path).is_file()
        and sha256(folder / path) not in {before.get(path), hashlib.sha256(content).hexdigest()}
    )
    if foreign:
        msg = f"{folder / foreign[0]} is not a file of an earlier site, or was edited since"
        raise ConfigError(msg, remedy="move it away, or choose another --out")
    for path, content in files.items():
        known = sha256(folder / path) if (folder / path).is_file() else ""
        if path != MANIFEST and known != hashlib.sha256(content).hexdigest():
            write_bytes(folder / path, content)
    for path in sorted(set(before) - set(files)):
        if (folder / path).is_file() and sha256(folder / path) == before[path]:
            (folder / path).unlink()
    write_text(folder / MANIFEST, files[MANIFEST].decode())


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
    """
    loaded = plugins or Plugins()
    made = make_publication(boards, stores=stores, plugins=loaded)
    write_site(site_files(made, site=site, plugins=loaded), out)
    return made


def _current(stores: Iterable[Store]) -> tuple[list[Record], list[Fault]]:
    """Read the current records of stores, without paths; one that any store marks or supersedes is not current."""
    scans = [(store, store.scan()) for store in stores]
    gone = {record.supersedes for _, scan in scans for record in scan.records}
    gone |= {name for _, scan in scans for name in scan.marks}
    found: dict[str, Record] = {}
    faults: dict[str, Fault] = {}
    for store, scan in scans:
        damaged = list(scan.faults)
        for record in scan.records:
            if record.record_id in gone or record.record_id in found:
                continue
            fault = store.check_predictions(record)
            if fault is None:
                found[record.record_id] = record_without_paths(record)
            else:
                damaged.append(fault)
        for fault in damaged:
            place = fault.path.relative_to(store.root)
            message = without_paths(fault.message.replace(f"{store.root}/", ""))
            faults[place.as_posix()] = replace(fault, path=place, message=message)
    return [found[name] for name in sorted(found)], [faults[name] for name in sorted(faults)]


def _downloads(board: Board, plugins: Plugins) -> dict[str, str]:
    """Write a board in each format that is no page."""
    return {r.suffix: render_board(board, r.id, plugins=plugins) for r in plugins.reporters if r.suffix != "html"}


def _manifest(folder: Path) -> dict[str, str]:
    """Read which files an earlier site has in a folder."""
    try:
        read = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return {str(path): str(checksum) for path, checksum in read["files"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{folder / MANIFEST} is not the list of a site's files: {error}"
        raise ConfigError(msg, remedy="choose another --out, or remove the file") from error
