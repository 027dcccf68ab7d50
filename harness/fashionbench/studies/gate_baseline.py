"""The baseline of a gate: record ids in a YAML file, with who accepted them and why."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel, ConfigDict, Field

from fashionbench.errors import ConfigError, StoreError, first_names
from fashionbench.files import write_text
from fashionbench.records.addresses import is_address
from fashionbench.records.provenance import now
from fashionbench.specs.validation import read_yaml, validated
from fashionbench.studies.comparison import System
from fashionbench.studies.select import newest, store_at

if TYPE_CHECKING:
    from fashionbench.records.store import Scan, Store


class Acceptance(BaseModel):
    """Who made which records the baseline, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    time: str
    who: str
    why: str
    before: tuple[str, ...] = ()
    """The records that these took the place of."""


class GateBaseline(BaseModel):
    """A baseline: the store, by its address or seen from the file's own folder, and ids of its records."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    store: str
    records: tuple[str, ...] = Field(min_length=1)
    accepted: tuple[Acceptance, ...] = ()
    """Newest last."""


def read_baseline(path: Path) -> GateBaseline:
    """Read a baseline.

    :raises ConfigError: where the file cannot be read or is no baseline.
    """
    return validated(GateBaseline, read_yaml(path), f"{path} is not a gate baseline", "see docs/how-to/gate.md")


def find_records(place: str | Path) -> System:
    """Find the records of one side of a gate.

    :param place: the folder or address of a store, or a YAML file that names a store and ids of records.
    :raises ConfigError: where it is neither.
    :raises StoreError: where the store is not there, is damaged, or lacks a record that the file names.
    """
    store = store_at(str(place))
    if store is not None:
        label = PurePosixPath(store.address).name if store.read_only else Path(place).name
        return System(label=label, records=newest(_scan(store).current()), store=store)
    reference = Path(place)
    if reference.is_dir() or not reference.exists():
        msg = f"{reference} is neither a store of records nor a YAML file that names one"
        raise ConfigError(msg, remedy="run something with --store, or write the file with 'fashionbench gate accept'")
    baseline = read_baseline(reference)
    named = baseline.store if is_address(baseline.store) else str(reference.parent / baseline.store)
    store = store_at(named)
    if store is None:
        raise StoreError(f"{reference} names the store {baseline.store}, which is not there", remedy="restore it")
    by_id = {record.record_id: record for record in _scan(store).records}
    lacking = [name for name in baseline.records if name not in by_id]
    if lacking:
        msg = f"{baseline.store} lacks {len(lacking)} records of {reference}: {first_names(lacking)}"
        raise StoreError(msg, remedy="restore the store, or accept another baseline")
    return System(label=reference.stem, records=[by_id[name] for name in baseline.records], store=store)


def _scan(store: Store) -> Scan:
    """Read a store; a gate is not judged on what is left of a damaged one."""
    scan = store.scan()
    if scan.faults:
        listed = first_names([f"{fault.path.name}: {fault.message}" for fault in scan.faults], 2)
        raise StoreError(f"{store.address} holds damaged records: {listed}", remedy="restore or delete these files")
    return scan


def accept(candidate: System, path: Path, *, who: str, why: str) -> GateBaseline:
    """Make the records of a candidate the baseline, and keep what was accepted before.

    :param path: the baseline's file, which is written.
    :raises ConfigError: where nobody is named or no reason is given, or the candidate has no records.
    """
    if not who.strip() or not why.strip():
        raise ConfigError("a baseline is accepted by somebody, for a reason", remedy="give --who and --why")
    if not candidate.records:
        raise ConfigError(f"{candidate.label} holds no records with predictions", remedy="run something first")
    before = read_baseline(path) if path.is_file() else None
    entry = Acceptance(time=now(), who=who.strip(), why=why.strip(), before=before.records if before else ())
    made = GateBaseline(
        store=_seen_from(path.parent, candidate.store),
        records=tuple(sorted(record.record_id for record in candidate.records)),
        accepted=(*(before.accepted if before else ()), entry),
    )
    write_text(path, yaml.safe_dump(made.model_dump(mode="json"), sort_keys=False, allow_unicode=True))
    return made


def _seen_from(folder: Path, store: Store) -> str:
    """Return the address of a store, or its path from a folder."""
    return store.address if store.read_only else Path(os.path.relpath(store.root, folder)).as_posix()
