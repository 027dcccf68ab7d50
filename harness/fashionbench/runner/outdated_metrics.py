"""Which metrics of a stored record can be computed now that it lacks, or has by an older method."""

from __future__ import annotations

from importlib.util import find_spec
from shutil import which
from typing import TYPE_CHECKING, Any, cast

from fashionbench.errors import FashionBenchError, UnknownNameError
from fashionbench.metrics.scoring import metric_spec
from fashionbench.specs import resolve
from fashionbench.statistics.sampling import is_superseded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fashionbench.plugins.registry import Registry
    from fashionbench.records.schema import Record
    from fashionbench.specs import MetricSpec, TaskSpec


def outdated(
    record: Record,
    task: TaskSpec,
    metrics: Registry[MetricSpec],
    *,
    fingerprint: Callable[[str], str | None] = lambda _name: None,
    can_load: Callable[[str], bool] = lambda _name: True,
    further: Sequence[str] = (),
) -> tuple[str, ...]:
    """Name the metrics of a task that a record lacks, or has by other code or weights, or with an interval of old.

    Metrics whose needs are not met are left out.

    :param record: a record with predictions; one without has none.
    :param fingerprint: tells the fingerprint of a feature extractor that is in place; None where nobody knows.
    :param can_load: whether a feature extractor is there.
    :param further: metrics beside those of the task; those that read other predictions are left out.
    """
    if record.predictions is None or record.status == "error":
        return ()
    schema = record.predictions.schema_id
    others = [name for name in further if metric_spec(name, metrics).predictions == schema]
    wanted = dict.fromkeys([*task.metrics, *others])
    return tuple(
        name
        for name in wanted
        if _is_outdated(name, record, metrics, fingerprint) and can_run(metric_spec(name, metrics), can_load)
    )


def _is_outdated(
    name: str, record: Record, metrics: Registry[MetricSpec], fingerprint: Callable[[str], str | None]
) -> bool:
    known = [part for part in record.metrics if part.id == name]
    try:
        spec = metric_spec(name, metrics)
    except UnknownNameError:
        return False
    implementation = spec.implementation
    measured_by = {part.implementation.partition("@")[2] for part in known} - {""}
    in_place = _weights(spec, fingerprint) if measured_by else None
    if in_place is not None and measured_by != {in_place}:
        return True
    # Of one slice alone, as in an imported file, the headline is not there, and cannot be.
    return not known or any(
        part.implementation.partition("@")[0] != implementation or is_superseded(part.interval_method) for part in known
    )


def _weights(spec: MetricSpec, fingerprint: Callable[[str], str | None]) -> str | None:
    """Return the fingerprint of the weights that a metric would measure by now; None where that is not known."""
    if spec.weights:
        try:
            return str(cast("Any", resolve(spec.weights))())
        except FashionBenchError:
            return None
    return fingerprint(spec.extractors[0]) if len(spec.extractors) == 1 else None


def can_run(spec: MetricSpec, can_load: Callable[[str], bool]) -> bool:
    """Tell whether the packages, programs and feature extractors of a metric are there."""
    try:
        packages = all(find_spec(package) is not None for package in spec.packages)
    except (ImportError, ValueError):
        packages = False
    programs = packages and all(which(program) is not None for program in spec.programs)
    return programs and all(can_load(name) for name in spec.extractors)
