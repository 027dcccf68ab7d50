"""Bring the records of several stores together in one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.api.records import verify_records
from fashionbench.api.stores import existing_store, open_store
from fashionbench.files import regular_bytes
from fashionbench.plugins.manager import Plugins
from fashionbench.records.merging import Merged, merge
from fashionbench.runner.shard_plan import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from fashionbench.records.store import Fault, Store


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What came of a merge.

    :param merged: what was written, and what the stores say otherwise of one thing.
    :param faults: what verifying them found; while there are any, nothing is written.
    :param notes: lines on what a reader should know, such as that stores are of shards that make no whole.
    """

    merged: Merged = field(default_factory=Merged)
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the stores are together now."""
        return not self.faults and not self.merged.conflicts


def merge_records(
    sources: Sequence[str | Path | Store],
    into: str | Path | Store,
    *,
    metrics: bool = True,
    plugins: Plugins | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> MergeReport:
    """Copy the records of stores, with their marks, predictions, values and images, into one store.

    Each store is verified first, also the one that is written to. What is there already is not overwritten, and a merge
    that was interrupted goes on. Models, caches, boards and audits stay behind: they are made again when needed.

    :param into: a store, which is made where it is not there.
    :param metrics: also compute the metrics of each record again from its predictions before it is copied.
    :param say: takes a line on what is done.
    :raises StoreError: where a source is no store, or is the store that is written to.
    """
    loaded = plugins or Plugins()
    opened = [existing_store(source, loaded) for source in sources]
    target = open_store(into, loaded)
    faults: list[Fault] = []
    for store in (*opened, *([target] if target.scan().places else [])):
        found = verify_records(store, metrics=metrics, plugins=loaded)
        say(f"{store.address}: {len(found.records)} records, {len(found.faults)} faults")
        faults += found.faults
    if faults:
        return MergeReport(faults=tuple(faults))
    return MergeReport(merge(opened, target, say), notes=tuple(_divided_otherwise(opened)))


def _divided_otherwise(stores: Sequence[Store]) -> Iterator[str]:
    """Say of which stores the shards are of one run, and of different divisions of it."""
    known: dict[str, tuple[Path, bytes]] = {}
    for store in stores:
        for path in sorted((store.root / FOLDER).glob("*.json")):
            content = regular_bytes(path)
            first, before = known.setdefault(path.name, (store.root, content))
            if before != content:
                said = f"{first} and {store.root} divided one run by different costs, as they began with other records"
                yield f"{said}: cells may be missing; run it once without --shard in the merged store"
