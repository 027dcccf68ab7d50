"""Send the records of a store to an address, and bring those of an address here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.api.records import verify_records
from fashionbench.api.stores import existing_store, open_store
from fashionbench.errors import StoreError
from fashionbench.plugins.manager import Plugins
from fashionbench.records.merging import Merged, merge
from fashionbench.records.remote_store import RemoteStore
from fashionbench.records.sending import Sent, send

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fashionbench.records.store import Fault, Store


@dataclass(frozen=True, slots=True)
class PushReport:
    """What came of a push.

    :param sent: what was sent, and what the stores say otherwise of one thing.
    :param faults: what checking the store found; while there are any, nothing is sent.
    """

    sent: Sent = field(default_factory=Sent)
    faults: tuple[Fault, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything is there now."""
        return not self.faults and not self.sent.conflicts


@dataclass(frozen=True, slots=True)
class PullReport:
    """What came of a pull.

    :param merged: what was written, and what the stores say otherwise of one thing.
    :param faults: records at the address, or of the store here, that cannot be read; while there are any, nothing is
        written.
    """

    merged: Merged = field(default_factory=Merged)
    faults: tuple[Fault, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything is here now."""
        return not self.faults and not self.merged.conflicts


def push_records(
    address: str,
    *,
    store: str | Path | Store | None = None,
    plugins: Plugins | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> PushReport:
    """Send records, marks, predictions, values and images of a store to an address; nothing there is overwritten.

    Each file of the store is checked first; ``records verify`` also computes the metrics again. Files that are there
    are known by their names, which follow from contents, so that a push that was interrupted goes on. Lists of
    all files are written too, so that a plain web server can serve the folder as a store.

    :param address: such as ``s3://bucket/results``, or ``file:///folder`` for one that a web server serves.
    :param store: the store to send; by default ``$FASHIONBENCH_STORE`` or ``./results``.
    :param say: takes a line on what is sent.
    :raises ConfigError: where the address has a query.
    :raises StoreError: where there is no store, or the address cannot be opened or written.
    """
    loaded = plugins or Plugins()
    opened = existing_store(store, loaded)
    target = RemoteStore(address)
    target.folder.check_writable()
    found = verify_records(opened, metrics=False, plugins=loaded)
    if found.faults:
        return PushReport(faults=tuple(found.faults))
    return PushReport(send(opened, target, say))


def pull_records(
    address: str,
    into: str | Path | Store | None = None,
    *,
    plugins: Plugins | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> PullReport:
    """Bring the records of an address here, with all that they name; nothing here is overwritten.

    Each file is compared with its checksum when it arrives, and written whole or not at all. A pull that was
    interrupted goes on.

    :param address: such as ``s3://bucket/results``.
    :param into: a store, which is made where it is not there; by default ``$FASHIONBENCH_STORE`` or ``./results``.
    :param say: takes a line on what is brought.
    :raises ConfigError: where the address has a query.
    :raises StoreError: where there is no store at the address, a file there is missing or damaged, or the store here
        cannot be written.
    """
    loaded = plugins or Plugins()
    source = RemoteStore(address)
    source.check_there()
    target = open_store(into, loaded)
    if target.read_only:
        raise StoreError(f"{target.address} is read-only", remedy="pull into a folder")
    faults = [*source.scan().faults, *target.scan().faults]
    if faults:
        return PullReport(faults=tuple(faults))
    return PullReport(merge([source], target, say))
