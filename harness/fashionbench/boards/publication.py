"""What a site is made of: boards, and what lies behind each of their values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.boards.board import Board
    from fashionbench.boards.examples import Differing, Examples
    from fashionbench.boards.history import ColumnHistory
    from fashionbench.records.schema import Record
    from fashionbench.specs import BackendSpec, DatasetSpec, TaskSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Boards and the records behind them, free of paths and of anything that the clock or the machine decides.

    :param boards: in the order of their ids.
    :param records: those that a value or a gap of a board comes from, by id.
    :param tasks: tasks of the boards' columns, by id; so far as a plugin has registered them.
    :param backends: backends of the records, by id; those that are registered.
    :param datasets: data sets of the tasks, by id.
    :param examples: single cases of records, by record.
    :param differing: cases on which systems differ most, by task.
    :param pictures: the pictures of the examples, by file name.
    :param history: how values of a board changed, by board.
    :param downloads: each board as files, by board and then by suffix, such as ``csv``.
    """

    boards: tuple[Board, ...]
    records: Mapping[str, Record] = field(default_factory=dict)
    tasks: Mapping[str, TaskSpec] = field(default_factory=dict)
    backends: Mapping[str, BackendSpec] = field(default_factory=dict)
    datasets: Mapping[str, DatasetSpec] = field(default_factory=dict)
    examples: Mapping[str, Examples] = field(default_factory=dict)
    differing: Mapping[str, Differing] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    history: Mapping[str, tuple[ColumnHistory, ...]] = field(default_factory=dict)
    downloads: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
