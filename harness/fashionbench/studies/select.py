"""Find the records of a system by what a user calls it: a store, a backend, or a record."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from fashionbench.boards.labels import row_label
from fashionbench.boards.selection import configuration_of, row_keys, system_of
from fashionbench.canonical import short
from fashionbench.errors import ConfigError, StoreError, UnknownNameError, counted, first_names
from fashionbench.records.addresses import is_address, without_user
from fashionbench.records.order import in_order
from fashionbench.records.remote_store import RemoteStore
from fashionbench.records.store import Store
from fashionbench.studies.comparison import System

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fashionbench.records.schema import Record


def find_pairs(baseline: str, candidate: str, open_store: Callable[[], Store]) -> list[tuple[System, System]]:
    """Find what is to be compared: two systems, or every system that two stores share.

    :param open_store: opens the store in which a backend or a record is looked for.
    :raises ConfigError: where a name fits several systems, a store has no records, or two stores share no system.
    :raises UnknownNameError: where it fits none.
    """
    opened = {name: store for name in (baseline, candidate) if (store := store_at(name)) is not None}
    stores = {name: _systems(store, f"{_short_name(name)}: ") for name, store in opened.items()}
    for name, systems in stores.items():
        if not systems:
            raise _no_record(opened[name])
    others = [Path(name) for name in (baseline, candidate) if name not in stores]
    if others:
        store = _store_of(others, open_store)
        # What is no store first: of a store that holds several systems, nobody can say which was meant.
        names = sorted((baseline, candidate), key=lambda name: name in stores)
        found = {name: _only(name, opened[name]) if name in opened else find_system(name, store) for name in names}
        return [(found[baseline], found[candidate])]
    sides = [stores[name] for name in (baseline, candidate)]
    shared = [(system, sides[1][key]) for key, system in sides[0].items() if key in sides[1]]
    if not shared:
        raise ConfigError(f"{baseline} and {candidate} hold no system in common", remedy="name two backends instead")
    return shared


def find_system(name: str, store: Store) -> System:
    """Find the records of one system.

    :param name: the folder of another store with one system; a backend, with or without the options that its label on a
        board shows; or a record id, or the beginning of one.
    :raises ConfigError: where it fits several systems, naming them.
    :raises UnknownNameError: where it fits none, naming what there is.
    """
    other = store_at(name)
    if other is not None:
        return _only(name, other)
    systems = list(_systems(store).values())
    exact = [system for system in systems if system.label == name]
    matching = exact or [system for system in systems if system.records[0].backend.id == name]
    if len(matching) == 1:
        return matching[0]
    if matching:
        listed = "; ".join(f"{system.label} ({short(system.records[0].record_id)})" for system in matching)
        remedy = "name one by its whole label, or by the id of a record"
        raise ConfigError(f"{name} fits {len(matching)} systems of {store.address}: {listed}", remedy=remedy)
    beginning = name.removeprefix("sha256:")
    for system in systems:
        records = [r for r in system.records if r.record_id.removeprefix("sha256:").startswith(beginning)]
        if len(records) == 1 and len(beginning) > 3:
            return System(label=f"{system.label} {short(records[0].record_id)}", records=records, store=store)
    if Path(name).is_dir():
        raise _no_record(Store(Path(name)))
    if not systems:
        raise _no_record(store)
    where = f" of {store.address}, and there is no store at {name}"
    raise UnknownNameError("system", name, sorted({system.label for system in systems}), where)


def newest(records: Iterable[Record]) -> list[Record]:
    """Keep the newest record with predictions of each system, task and seed; trainings and failures have none."""
    found: dict[tuple[object, ...], Record] = {}
    for record in in_order(records):
        if record.predictions is not None and record.status != "error":
            found[(*system_of(record), record.task.id)] = record
    return list(found.values())


def _store_of(names: Sequence[Path], open_store: Callable[[], Store]) -> Store:
    """Open the store in which names are looked for that are no stores themselves.

    :raises ConfigError: where there is none, naming the first of the names.
    """
    try:
        return open_store()
    except StoreError as error:
        if names[0].is_dir():
            raise _no_record(Store(names[0])) from error
        msg = f"{names[0]} is no folder of a store, and no system can have this name: {error.message}"
        raise ConfigError(msg, remedy="check both names, or say with --store where the records lie") from error


def _no_record(store: Store) -> ConfigError:
    scan = store.scan()
    damaged = f"; {counted(len(scan.faults), 'file')} there cannot be read" if scan.faults else ""
    what = "no record of a run that succeeded" if scan.records else "no records"
    remedy = "check the path, or run something first"
    return ConfigError(f"the store {store.address} has {what}{damaged}", remedy=remedy)


def store_at(name: str) -> Store | None:
    """Open the store that a name is the folder or the address of; None where it is that of none.

    :raises StoreError: where nothing is at an address.
    """
    if is_address(name):
        store = RemoteStore(name)
        store.check_there()
        return store
    return Store(Path(name)) if (Path(name) / "records").is_dir() else None


def _only(name: str, store: Store) -> System:
    """Return the system of a store that holds one.

    :raises ConfigError: where it holds several, or none.
    """
    within = list(_systems(store).values())
    if len(within) != 1:
        listed = first_names([system.label for system in within])
        said = f"{without_user(name) if is_address(name) else name} holds {len(within)} systems: {listed}"
        raise ConfigError(said, remedy="name one, with --store")
    return within[0]


def _short_name(name: str) -> str:
    return PurePosixPath(without_user(name)).name if is_address(name) else Path(name).name


def _systems(store: Store, prefix: str = "") -> dict[tuple[str, str, int | None, str, str], System]:
    """Bring the current records of a store together by backend, options and who measured."""
    by_key: dict[tuple[object, ...], list[Record]] = {}
    current = newest(store.scan().current())
    key_of = row_keys(current)
    for record in current:
        by_key.setdefault(key_of(record), []).append(record)
    groups = list(by_key.values())
    firsts = [records[0] for records in groups]
    return {
        (
            records[0].backend.id,
            configuration_of(records[0]),
            records[0].decoding.limit,
            records[0].decoding.embedding_dtype,
            key_of(records[0])[-1],
        ): System(label=prefix + row_label(records[0], firsts), records=records, store=store)
        for records in groups
    }
