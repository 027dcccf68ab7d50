"""The shards of a run: which cells each has, and the costs by which they were divided, kept so that they stay so."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fashionbench import files
from fashionbench.canonical import digest, short
from fashionbench.errors import DataError, StoreError, counted
from fashionbench.json_reader import read_object
from fashionbench.locks import locked
from fashionbench.runner.earlier_costs import EarlierCosts
from fashionbench.runner.sharding import Piece, checked_shard, divided

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from fashionbench.records.store import Store
    from fashionbench.runner.plan import Cell, Plan

#: The folder in a store that holds the costs by which runs were divided.
FOLDER = "shards"


@dataclass(frozen=True, slots=True)
class Part:
    """The pieces of one shard.

    :param places: of its pieces among all.
    :param line: what to say of it; shards of one division say one name of it.
    """

    places: tuple[int, ...]
    line: str


def shard_of_plan(plan: Plan, store: Store, shard: tuple[int, int], *, keep: bool) -> tuple[Plan, str]:
    """Return the plan of one shard, with the trainings that its cells need, and a line on it.

    :param keep: whether to keep the costs by which it was divided; where nothing is run there is nothing to keep.
    """
    part = part_of(lambda costs: [piece_of([cell], costs) for cell in plan.cells], store, shard, keep=keep)
    cells = tuple(plan.cells[at] for at in part.places)
    needed = {training.id({}) for cell in cells for training in cell.trainings.values()}
    trainings = tuple(training for training in plan.trainings if training.id({}) in needed)
    return replace(plan, cells=cells, trainings=trainings), part.line


def shard_of_runs(plans: Sequence[Plan], store: Store, shard: tuple[int, int], *, keep: bool) -> Part:
    """Return which of several runs, such as those of a study, a shard has."""
    return part_of(lambda costs: [piece_of(plan.cells, costs) for plan in plans], store, shard, keep=keep)


def part_of(
    pieces_by: Callable[[EarlierCosts], list[Piece]], store: Store, shard: tuple[int, int], *, keep: bool
) -> Part:
    """Divide pieces, and return those of one shard.

    The costs are read from the records of the store once: a shard that was interrupted has records of its own when it
    goes on, by which it would divide otherwise, and cells would be run twice or never.

    :raises ConfigError: where there is no such shard.
    :raises StoreError: where the kept costs are damaged.
    """
    number, count = checked_shard(shard)
    if not (store.root / FOLDER).is_dir() and not keep:
        return _part(pieces_by(EarlierCosts(store.scan().current())), number, count)
    with locked(store.root / FOLDER, "division into shards", wait=lambda _: None):
        pieces = pieces_by(EarlierCosts(store.scan().current()))
        path = store.root / FOLDER / f"{short(digest([[piece.key for piece in pieces], count]), 20)}.json"
        kept = _read(path) if path.is_file() else None
        if kept is None and keep:
            fields = [{"seconds": piece.seconds, "models": dict(piece.models)} for piece in pieces]
            files.write_text(path, json.dumps({"shards": count, "costs": fields}, indent=1) + "\n")
        elif kept is not None:
            pieces = [Piece(piece.key, *costs) for piece, costs in zip(pieces, kept, strict=True)]
        return _part(pieces, number, count)


def _part(pieces: Sequence[Piece], number: int, count: int) -> Part:
    shards = divided(pieces, count)
    own = shards[number - 1]
    seconds = [sum(pieces[at].seconds for at in shard) for shard in shards]
    name = short(digest([[pieces[at].key for at in shard] for shard in shards]), 8)
    line = (
        f"shard {number} of {count} has {len(own)} of {counted(len(pieces), 'piece')}, about "
        f"{seconds[number - 1]:.0f} s of {sum(seconds):.0f}; all shards of the division {name} make the whole"
    )
    return Part(tuple(own), line)


def piece_of(cells: Sequence[Cell], costs: EarlierCosts) -> Piece:
    """Return what cells that stay together take, with the trainings that they need."""
    trainings = {one.id({}): one for cell in cells for one in cell.trainings.values()}
    return Piece(
        key=digest([[cell.task.id, cell.identity.cell_id("")] for cell in cells] + sorted(trainings)),
        seconds=sum(costs.of_cell(cell) for cell in cells),
        models={name: costs.of_training(one) for name, one in trainings.items()},
    )


def _read(path: Path) -> list[tuple[float, dict[str, float]]]:
    try:
        fields = read_object(path)["costs"]
        return [(float(one["seconds"]), {**one["models"]}) for one in fields]
    except (OSError, DataError, KeyError, TypeError, ValueError) as error:
        remedy = "delete it, and begin all shards of the run anew, with one store or empty ones"
        raise StoreError(f"{path} is damaged: {error}", remedy=remedy) from error
