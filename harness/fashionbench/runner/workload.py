"""How much work of each kind a cell has: items that a backend is asked for, and images that metrics look at."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fashionbench.runner.batch_request import capability_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from fashionbench.data.lazy_items import Source
    from fashionbench.specs import MetricSpec
    from fashionbench.specs.capabilities import Capability, Role


def embedding_counts(
    folds: Sequence[Sequence[tuple[Sequence[Source], Role]]], *, roles_differ: bool, folds_differ: bool
) -> Mapping[Capability, int]:
    """Count the embeddings that will be computed, by capability.

    :param folds: for each fold, its sides: items and role.
    :param roles_differ: whether an item counts once for each role.
    :param folds_differ: whether an item counts once for each fold, as for a backend that learns anew.
    """
    counts: Counter[Capability] = Counter()
    seen: set[tuple[Hashable, ...]] = set()
    for number, sides in enumerate(folds):
        for sources, role in sides:
            if not sources:
                continue
            kind = capability_of(sources[0])
            side = (kind, role if roles_differ else "", number if folds_differ else 0)
            fresh = {(*side, source.id) for source in sources} - seen
            seen |= fresh
            counts[kind] += len(fresh)
    return counts


def image_counts(
    metrics: Iterable[MetricSpec], can_load: Callable[[str], bool], generated: int, real: int
) -> Mapping[str, int]:
    """Count the features and the comparisons of images that metrics will ask for.

    Metrics that need no package beside the harness are taken to share one pass over the generated images, as those of
    the core do.

    :param can_load: whether an extractor is there; no work is expected of one that is not.
    """
    chosen = list(metrics)
    looked_at = {(name, kind) for spec in chosen for name in spec.extractors for kind in spec.looks_at}
    loaded = {name for name in {name for name, _ in looked_at} if can_load(name)}
    features = sum(real if kind == "real" else generated for name, kind in looked_at if name in loaded)
    compares = any(not spec.extractors and not spec.packages for spec in chosen)
    counts = {"features": features, "comparison": generated if compares else 0}
    return {kind: count for kind, count in counts.items() if count}
