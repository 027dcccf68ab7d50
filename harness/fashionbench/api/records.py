"""Read, check and invalidate stored records, and bring them into a data frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.api.stores import existing_store
from fashionbench.plugins.manager import Plugins

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pandas as pd

    from fashionbench.records.schema import Record
    from fashionbench.records.store import Fault, Store


def load_records(
    store: str | Path | Store | None = None, *, everything: bool = False, plugins: Plugins | None = None
) -> list[Record]:
    """Read the records of a store, oldest first.

    :param everything: also those that were superseded or invalidated.
    :raises StoreError: where there is no such store.
    """
    scan = existing_store(store, plugins or Plugins()).scan()
    return scan.records if everything else scan.current()


def verify_records(
    store: str | Path | Store | None = None, *, plugins: Plugins | None = None
) -> tuple[list[Record], list[Fault]]:
    """Check every record and its predictions against their checksums.

    :returns: the records that are readable, and what is wrong with which file.
    :raises StoreError: where there is no such store.
    """
    opened = existing_store(store, plugins or Plugins())
    scan = opened.scan()
    damaged = (opened.check_predictions(record) for record in scan.records)
    # Records with the same predictions share their file, which is damaged once.
    faults = {fault.path: fault for fault in (*scan.faults, *damaged) if fault is not None}
    return scan.records, list(faults.values())


def invalidate(
    record_id: str, reason: str, *, store: str | Path | Store | None = None, plugins: Plugins | None = None
) -> Record:
    """Take a record out of every board, for a reason that stays on file; the record itself stays as it is.

    :param record_id: its id, or an unambiguous beginning of it.
    :raises StoreError: where none or several records fit, or the reason is empty.
    """
    opened = existing_store(store, plugins or Plugins())
    record = opened.get(record_id)
    opened.invalidate(record, reason)
    return record


def frame(records: Iterable[Record]) -> pd.DataFrame:
    """Return a tidy data frame: one row for each metric and slice of each record.

    Columns: ``record``, ``task``, ``kind``, ``dataset``, ``synthetic``, ``backend``, ``options`` (canonical JSON),
    ``control``, ``attestation``, ``status``, ``seed``, ``metric``, ``slice``, ``value``, ``bound`` (``lower`` where the
    true value may be greater), ``low`` and ``high`` (the 95 % interval), ``n``, ``unit``, ``higher_is_better``,
    ``reason`` (why there is no value), ``protocol``, ``fingerprint``, ``implementation`` and ``ended``. A
    metric that is absent, and a cell that failed, is a row without a value.
    """
    from fashionbench.records.frame import frame_of  # noqa: PLC0415  # pandas takes half a second to import

    return frame_of(records)
