"""Check that a board asks for tasks that there are, and for metrics that they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import Record
    from fashionbench.specs import BoardSpec


def check_columns(spec: BoardSpec, records: Sequence[Record], plugins: Plugins) -> None:
    """Check that the metric of each column is one of its task, or was computed for one of the records.

    :raises ConfigError: naming the tasks that no plugin has registered; or the column, and the metrics that its task
        has.
    """
    unknown = sorted({c.task for c in spec.columns if c.task not in plugins.tasks})
    if unknown:
        raise ConfigError(f"board {spec.id} has columns of unknown tasks: {', '.join(unknown)}")
    for column in spec.columns:
        own = [record for record in records if record.task.id == column.task]
        further = {name for record in own for name in record.metric_ids}
        known = dict.fromkeys([*plugins.tasks[column.task].metrics, *sorted(further)])
        if column.metric not in known:
            has = ", ".join(known) or "none"
            msg = f"board {spec.id}: {column.task} never measures {column.metric!r}"
            raise ConfigError(
                msg, remedy=f"it has {has}; another metric is computed by 'fashionbench rescore --metric'"
            )
