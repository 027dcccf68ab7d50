"""``.eval_results`` of the Hugging Face hub, for benchmarks that are registered there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from fashionbench.errors import ConfigError
from fashionbench.files import slug
from fashionbench.records.order import in_order
from fashionbench.specs import Export
from fashionbench.specs.validation import read_yaml, validated
from fashionbench_leaderboards.exporters.series import system_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fashionbench.records.schema import MetricPart, Record

#: Distances between sets of images: they depend on the number of images, and the format has no place for it.
_SET_DISTANCES = ("fid", "kid", "fd-", "kd-")


class _Benchmark(BaseModel):
    model_config = ConfigDict(extra="forbid")

    task: str
    metric: str
    slice: str = "all"
    dataset_id: str = Field(pattern=r"^[^/\s]+/[^/\s]+$")
    task_id: str = Field(min_length=1)
    dataset_revision: str | None = None


class _Benchmarks(BaseModel):
    model_config = ConfigDict(extra="forbid")

    benchmarks: list[_Benchmark] = Field(min_length=1)


def export(records: Sequence[Record], options: Mapping[str, str]) -> Export:
    """Write ``<backend>/.eval_results/<benchmark>.yaml`` for what the file of benchmarks names.

    :raises ConfigError: without a file of benchmarks: no fashion benchmark has an id that could be assumed.
    """
    if "benchmarks" not in options:
        remedy = "pass --option benchmarks=FILE with a list 'benchmarks' of task, metric, dataset_id and task_id"
        raise ConfigError("only values of benchmarks that are registered on the hub can be written", remedy=remedy)
    path = Path(options["benchmarks"])
    known = validated(_Benchmarks, read_yaml(path), f"{path} is no list of benchmarks", "see docs/how-to/export.md")
    places = {(b.task, b.metric, b.slice): b for b in known.benchmarks}
    entries: dict[str, dict[str, Any]] = {}
    left_out: list[str] = []
    for record in reversed(in_order(records)):
        for part in record.metrics:
            name = f"{record.task.id} × {record.backend.id}, {part.id} [{part.slice}]"
            place = places.get((record.task.id, part.id, part.slice))
            reason = _refusal(record, part) if place else "no benchmark of the file"
            if reason or place is None:
                left_out.append(f"{name}: {reason}")
                continue
            file = f"{slug(system_name(record))}/.eval_results/{slug(place.dataset_id)}.yaml"
            if (
                entries.setdefault(file, {}).setdefault(place.task_id, (entry := _entry(record, part, place, options)))
                is not entry
            ):
                left_out.append(
                    f"{name}, seed {record.decoding.seed}: the hub has one value a task, and a newer one is written"
                )
    import yaml  # noqa: PLC0415

    to_yaml = hub("eval_result_entries_to_yaml")
    files = {
        file: yaml.safe_dump(
            to_yaml([own[task] for task in sorted(own)]), sort_keys=False, allow_unicode=True, width=1000
        )
        for file, own in sorted(entries.items())
    }
    return Export(files, tuple(sorted(left_out)))


def _refusal(record: Record, part: MetricPart) -> str:
    if part.id.startswith(_SET_DISTANCES):
        return "a distance between sets, which depends on their size, for which the format has no place"
    if record.status != "ok":
        return "a limited run: not all queries"
    if record.dataset is not None and record.dataset.synthetic:
        return "measured on generated data"
    return "a lower bound, for which the format has no place" if part.bound else ""


def _entry(record: Record, part: MetricPart, place: _Benchmark, options: Mapping[str, str]) -> Any:
    site = options.get("site")
    return hub("EvalResultEntry")(
        dataset_id=place.dataset_id,
        task_id=place.task_id,
        dataset_revision=place.dataset_revision,
        value=part.value,
        date=record.provenance.ended,
        source_url=site,
        source_name="FashionBench" if site else None,
        notes=f"FashionBench protocol {record.protocol.hash}",
    )


def hub(name: str) -> Any:
    """Find a class or function of huggingface_hub.

    :raises ConfigError: where it is not installed.
    """
    try:
        import huggingface_hub  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError("huggingface_hub is not installed", remedy='pip install "fashionbench[models]"') from error
    return getattr(huggingface_hub, name)
