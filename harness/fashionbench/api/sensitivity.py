"""Measure stored systems under every variant of a benchmark's protocol, without a model."""

from __future__ import annotations

from contextlib import closing
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from fashionbench.api.stores import existing_store
from fashionbench.boards.selection import selected
from fashionbench.data.file_index import FileIndex
from fashionbench.data.roots import DataRoots
from fashionbench.errors import ConfigError
from fashionbench.metrics.scoring import metric_spec
from fashionbench.plugins.manager import Plugins
from fashionbench.runner.embedding_cache import FILE, EmbeddingCache
from fashionbench.studies.rescored_variants import RescoredVariants, systems_of
from fashionbench.studies.sensitivity import Sensitivity, Variant, mean_over_seeds, variants_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.specs import TaskSpec


def sensitivity(
    task: str,
    *,
    backends: Sequence[str] = (),
    metric: str | None = None,
    data: Mapping[str, Path] | None = None,
    store: str | Path | Store | None = None,
    plugins: Plugins | None = None,
) -> Sensitivity:
    """Say how far a metric, and the order of systems, move between the ways in which a benchmark is measured.

    Variants are other tie rules, and the benchmark's other tasks, such as another gallery. Values come from the records
    of a store where it has some, and else from the embeddings that it keeps; no model is built or asked.

    :param task: the task that the others are compared with.
    :param backends: names or patterns of the systems; by default all that the store has records of.
    :param metric: by default the task's main metric.
    :param data: folders of data sets, by id.
    :raises ConfigError: where the store has no such records, or the metric reads no ranking.
    """
    loaded = plugins or Plugins()
    base = loaded.tasks[task]
    name = metric or base.main_metric
    spec = metric_spec(name, loaded.metrics)
    if spec.predictions != "ranking/1":
        raise ConfigError(f"{name} is no metric of rankings", remedy="variants are those of retrieval tasks")
    opened = existing_store(store, loaded)
    systems = systems_of(_records(base, opened, backends))
    roots = DataRoots(named=data or {}, cache=opened.cache / "surveys")
    with FileIndex(roots.index) as index, closing(EmbeddingCache(opened.cache / FILE)) as cache:
        values = RescoredVariants(name, opened, loaded, roots, cache, index)
        variants = tuple(
            Variant(
                label=_label(variant, base),
                differs={
                    field: pair
                    for field, pair in variant.protocol.differences(base.protocol).items()
                    if field not in {"task", "version"}
                },
                values=tuple(
                    mean_over_seeds({seed: values.measured(record, variant) for seed, record in seeds.items()})
                    for _, seeds in systems
                ),
            )
            for variant in variants_of(base, loaded.tasks)
        )
    return Sensitivity(
        task=base.id,
        metric=name,
        unit=spec.unit,
        higher_is_better=spec.higher_is_better,
        systems=tuple(system for system, _ in systems),
        variants=variants,
    )


def _records(base: TaskSpec, store: Store, backends: Sequence[str]) -> list[Record]:
    """Find the records that were measured as the task is today, in the order of their systems.

    :raises ConfigError: where there are none.
    """
    found = [
        record
        for record in selected(store.scan().current())
        if record.task.id == base.id
        and record.protocol.hash == base.protocol.hash
        and record.predictions is not None
        and record.status == "ok"
        and (not backends or any(fnmatchcase(record.backend.id, pattern) for pattern in backends))
    ]
    if not found:
        named = f" of {', '.join(backends)}" if backends else ""
        msg = f"{store.address} has no whole record of {base.id}{named} under today's protocol"
        raise ConfigError(msg, remedy=f"fashionbench run --task {base.id} --backend NAME")
    return sorted(found, key=lambda r: (r.backend.id, r.backend.config_hash, r.attestation, r.decoding.seed))


def _label(variant: TaskSpec, base: TaskSpec) -> str:
    rule = variant.protocol.fields.get("tie_rule")
    own = variant.id != base.id or variant.protocol == base.protocol
    return variant.id if own else f"{variant.id}, ties {rule}"
