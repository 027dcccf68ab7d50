"""A table of results for the model card of each backend, with intervals and what each value is comparable by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fashionbench.boards.text import figure
from fashionbench.canonical import short
from fashionbench.errors import ConfigError
from fashionbench.files import slug
from fashionbench.specs import Export
from fashionbench_leaderboards.exporters.series import system_name
from fashionbench_leaderboards.markdown_escape import escape
from fashionbench_leaderboards.site.links import record_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fashionbench.records.schema import MetricPart, Record


def export(records: Sequence[Record], options: Mapping[str, str]) -> Export:
    """Write ``<backend>/results.md`` for each system, and ``model-index.yaml`` beside it where it is asked for."""
    if options.get("model-index", "no") not in {"yes", "no"}:
        raise ConfigError(f"model-index is {options['model-index']!r}", remedy="write model-index=yes")
    systems: dict[str, list[Record]] = {}
    left_out: list[str] = []
    for record in sorted(records, key=lambda r: (r.task.id, r.decoding.seed, r.record_id)):
        if record.metrics:
            systems.setdefault(system_name(record), []).append(record)
        if record.error is not None:
            left_out.append(f"{record.task.id} × {record.backend.id}: failed: {record.error.message}")
        left_out += [
            f"{record.task.id} × {record.backend.id}, {part.id}: absent: {part.reason}" for part in record.absent
        ]
    files: dict[str, str] = {}
    for name, own in sorted(systems.items()):
        files[f"{slug(name)}/results.md"] = _table(own, options.get("site", ""))
        if options.get("model-index") == "yes":
            files[f"{slug(name)}/model-index.yaml"] = _model_index(name, own)
    return Export(files, tuple(left_out))


def _table(records: Sequence[Record], site: str) -> str:
    lines = ["## Results", "", "| task | metric | value | 95 % interval | n | seed | protocol | data | record |"]
    lines.append("| --- | --- | ---: | ---: | ---: | ---: | --- | --- | --- |")
    for record in records:
        name = short(record.record_id)
        link = f"[`{name}`]({site.rstrip('/')}/{record_path(record.record_id)})" if site else f"`{name}`"
        fingerprint = short(record.dataset.fingerprint, 8) if record.dataset else ""
        for part in record.metrics:
            task = escape(record.task.id + ("" if part.slice == "all" else f" [{part.slice}]"))
            cells = [task, escape(f"{part.id} {'↑' if part.higher_is_better else '↓'}"), *_numbers(part), str(part.n)]
            cells += [str(record.decoding.seed), f"`{short(record.protocol.hash, 8)}`", f"`{fingerprint}`", link]
            lines.append("| " + " | ".join(cells) + " |")
    lines += [
        "",
        "Measured by FashionBench; fractions in per cent. Values are comparable where protocol and data are equal.",
    ]
    return "\n".join(lines) + "\n"


def _numbers(part: MetricPart) -> tuple[str, str]:
    value = ("≥ " if part.bound else "") + figure(part.value, part.unit)
    if part.interval is None:
        error = part.standard_error
        return value, "–" if error is None else f"± {figure(error, part.unit)} standard error"
    low, high = part.interval
    return value, f"{figure(low, part.unit)} to {figure(high, part.unit)}"


def _model_index(name: str, records: Sequence[Record]) -> str:
    from fashionbench_leaderboards.exporters.hugging_face import hub  # noqa: PLC0415

    results: list[Any] = [
        hub("EvalResult")(
            task_type=record.task.kind,
            dataset_type=record.dataset.id if record.dataset else "unknown",
            dataset_name=record.task.id + ("" if part.slice == "all" else f" [{part.slice}]"),
            dataset_revision=record.dataset.fingerprint if record.dataset else None,
            metric_type=part.id,
            metric_value=part.value,
            metric_config=f"seed {record.decoding.seed}, protocol {record.protocol.hash}",
        )
        for record in records
        for part in record.metrics
    ]
    return str(hub("ModelCardData")(model_name=name, eval_results=results).to_yaml()) + "\n"
