"""Estimate what a run takes of time, memory and disk before it begins, from earlier records and declarations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fashionbench.api.runs import preview
from fashionbench.api.stores import open_store
from fashionbench.errors import ConfigError, StoreError
from fashionbench.plugins.manager import Plugins
from fashionbench.runner.cache_contents import cache_contents
from fashionbench.runner.earlier_costs import EarlierCosts
from fashionbench.runner.shard_plan import piece_of
from fashionbench.runner.sharding import divided

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.runner.config import RunConfig
    from fashionbench.runner.driver import Preview
    from fashionbench.runner.plan import NotApplicable


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run is about to take.

    :param cells: all, as a dry run shows them.
    :param seconds: of open cells one after the other, and of the trainings that they need, made or not.
    :param guessed: open cells of which no record says how long they take, so that a declaration counts.
    :param workers: seconds of each, as cells are divided by their cost.
    :param memory: bytes of main memory that backends declare, the largest of each worker together.
    :param undeclared: open cells whose backend declares no memory.
    :param predictions: bytes of predictions, by those of earlier records of the task.
    :param embeddings: bytes of embeddings, by what the cache has of the backend.
    :param unsized: open cells of which neither is known.
    """

    cells: tuple[Preview, ...]
    not_applicable: tuple[NotApplicable, ...]
    seconds: float
    guessed: int
    workers: tuple[float, ...]
    memory: int
    undeclared: int
    predictions: int
    embeddings: int
    unsized: int

    @property
    def open(self) -> tuple[Preview, ...]:
        """The cells that would be run; one whose data cannot be opened takes nothing."""
        return tuple(one for one in self.cells if not one.reused and not one.problem)


def estimate(
    config: str | Path | Mapping[str, Any] | RunConfig,
    *,
    workers: int = 1,
    store: str | Path | Store | None = None,
    plugins: Plugins | None = None,
) -> Estimate:
    """Estimate what :func:`fashionbench.run` would take with so many workers; nothing is run.

    :raises ConfigError: where the configuration cannot be run, or there is no worker.
    """
    if workers < 1:
        raise ConfigError(f"{workers} workers do nothing", remedy="give --workers 1 or more")
    loaded = plugins or Plugins()
    opened = open_store(store, loaded)
    cells, not_applicable = preview(config, store=opened, plugins=loaded)
    todo = [one for one in cells if not one.reused and not one.problem]
    records = opened.scan().current()
    costs = EarlierCosts(records)
    pieces = [piece_of([one.cell], costs) for one in todo]
    pieces = [
        piece if one.seconds is None else replace(piece, seconds=one.seconds)
        for one, piece in zip(todo, pieces, strict=True)
    ]
    shares = divided(pieces, workers)
    trainings = [{name: cost for at in share for name, cost in pieces[at].models.items()} for share in shares]
    loads = [
        sum(pieces[at].seconds for at in share) + sum(models.values())
        for share, models in zip(shares, trainings, strict=True)
    ]
    declared = [one.cell.backend.resources.memory for one in todo]
    sizes = [_predictions(one, records, opened) for one in todo]
    rows = _row_bytes(opened)
    vectors = [_embeddings(one, rows) for one in todo]
    return Estimate(
        cells=tuple(cells),
        not_applicable=tuple(not_applicable),
        seconds=sum(loads),
        guessed=sum(one.seconds is None for one in todo),
        workers=tuple(loads),
        memory=sum(max((declared[at] for at in share), default=0) for share in shares),
        undeclared=declared.count(0),
        predictions=sum(size for size in sizes if size is not None),
        embeddings=sum(size for size in vectors if size is not None),
        unsized=sum(size is None and vector is None for size, vector in zip(sizes, vectors, strict=True)),
    )


def _predictions(one: Preview, records: Sequence[Record], store: Store) -> int | None:
    """Return the bytes of the last predictions of a task that there are; None where there are none."""
    for record in reversed(records):
        if record.task.id == one.cell.task.id and record.predictions and not record.decoding.limit:
            path = store.predictions.path(record.predictions)
            if path.is_file():
                return path.stat().st_size
    return None


def _embeddings(one: Preview, rows: Mapping[str, float]) -> int | None:
    size = rows.get(one.cell.backend.id)
    return None if size is None or one.items is None else int(size * one.items)


def _row_bytes(store: Store) -> dict[str, float]:
    """Return the bytes of an embedding by backend, as the cache has them."""
    try:
        return {one.owner: one.bytes / one.rows for one in cache_contents(store.cache).owners if one.rows}
    except StoreError:  # a cache is no truth: what it does not say is not known
        return {}
