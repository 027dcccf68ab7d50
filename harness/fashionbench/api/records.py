"""Read, check and invalidate stored records, and bring them into a data frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.api.stores import existing_store
from fashionbench.canonical import short
from fashionbench.errors import FashionBenchError, StoreError
from fashionbench.plugins.manager import Plugins
from fashionbench.records.store import Fault
from fashionbench.records.store_check import StoreCheck, check_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import pandas as pd

    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.runner.verification import Recomputed


@dataclass(frozen=True, slots=True)
class Verification(StoreCheck):
    """What verifying a store found.

    :param recomputed: what came of computing the metrics of each record again.
    """

    recomputed: list[Recomputed] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with any file, and each value follows from its predictions."""
        return not self.faults


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
    store: str | Path | Store | None = None,
    *,
    metrics: bool = True,
    plugins: Plugins | None = None,
    advance: Callable[[int, int], object] = lambda _done, _total: None,
) -> Verification:
    """Check every file of a store: checksums, names and places, numbers, times, models, pictures and the chain.

    :param metrics: also compute the metrics of each record again from its predictions.
    :param advance: called with the number of records whose metrics were computed, and their total.
    :raises StoreError: where there is no such store, or it lies at an address.
    """
    from fashionbench.runner.trained_models import model_fault  # noqa: PLC0415  # imports NumPy
    from fashionbench.runner.verification import recompute  # noqa: PLC0415

    loaded = plugins or Plugins()
    opened = existing_store(store, loaded)
    if opened.read_only:
        remedy = f"'fashionbench records pull {opened.address} --into FOLDER' checks what arrives; verify that folder"
        raise StoreError(f"{opened.address} is not verified from here", remedy=remedy)
    checked = check_store(opened)
    found = Verification(checked.records, checked.faults, checked.notes)
    for record in found.records:
        said = model_fault(record, opened.root / "models")
        if said:
            remedy = "delete the folder, and run the cells that need it again with --rerun"
            found.faults.append(Fault(opened.path_of(record), f"the model of its training: {said}; {remedy}"))
    damaged = {fault.path for fault in found.faults}
    able = [r for r in found.records if r.predictions is not None and r.metrics and r.dataset is not None]
    able = [r for r in able if r.predictions is None or opened.predictions.path(r.predictions) not in damaged]
    for done, record in enumerate(able if metrics else [], 1):
        try:
            again = recompute(record, opened, loaded)
        except FashionBenchError as error:  # such as values by item that are damaged, which is said of their file
            found.notes.append(f"{short(record.record_id)}: not computed again: {error.message}")
            continue
        finally:
            advance(done, len(able))
        found.recomputed.append(again)
        found.faults.extend(
            Fault(opened.path_of(record), f"not from its predictions: {line}") for line in again.differing
        )
    return found


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
