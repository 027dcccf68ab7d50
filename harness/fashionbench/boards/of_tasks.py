"""The board of a few tasks: what a run shows that names no board."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.specs import BoardSpec, Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.specs import TaskSpec

#: How many metrics of a task are columns.
SHOWN = 5


def board_of_tasks(tasks: Sequence[TaskSpec], further: Sequence[str] = ()) -> BoardSpec:
    """Make a board with a table a task, of its main metric and the first of its others.

    :param tasks: tasks that have metrics; of one without, such as a split without truth, there is nothing to show.
    :param further: metrics to show beside them.
    """
    columns = [
        Column(task=task.id, metric=metric, label=metric, group=task.id)
        for task in tasks
        for metric in list(dict.fromkeys([task.main_metric or task.metrics[0], *further, *task.metrics]))[:SHOWN]
    ]
    title = tasks[0].id if len(tasks) == 1 else f"{len(tasks)} tasks"
    return BoardSpec(id="run", title=title, summary=f"what was measured on {title}", columns=tuple(columns))
