"""Time and memory of a site: five boards of 60 rows and 14 columns, with all pairs tested and a page a record.

Records and rankings are made up; everything from the store to the written folder is real.

    python benchmarks/site.py
    python benchmarks/site.py --quick    to see that it runs
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fashionbench import BoardSpec, Column, ProtocolCard, api
from fashionbench.api.publication import make_publication, site_files, write_site
from fashionbench.metrics.scoring import score
from fashionbench.plugins.manager import Plugins
from fashionbench.predictions.base import Predictions
from fashionbench.predictions.rank_counts import Ranking
from fashionbench.predictions.ranking import Labels, ranking_table
from fashionbench.records.store import Store

LIMIT_S = 20
METRICS = ("recall@1", "recall@5", "recall@10", "mrr", "median-rank", "hit@1", "hit@5")
BOARDS, TASKS = 5, 2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rows")
    rows, queries = (6, 60) if parser.parse_args().quick else (60, 500)
    with tempfile.TemporaryDirectory() as folder:
        plugins, store = Plugins(), Store(Path(folder) / "results")
        boards = fill(store, plugins, rows, queries)
        began, before = time.perf_counter(), time.process_time()
        publication = make_publication(boards, stores=[store], plugins=plugins)
        gathered = time.perf_counter()
        files = site_files(publication, plugins=plugins)
        rendered = time.perf_counter()
        write_site(files, Path(folder) / "site")
        ended, after = time.perf_counter(), time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = sum(map(len, files.values())) / 2**20
    took = ended - began
    print(f"{BOARDS} boards of {rows} rows and {TASKS * len(METRICS)} columns, {queries} queries a column:")
    print(
        f"{len(files)} files, {size:.1f} MiB; {took:.1f} s (limit {LIMIT_S}), {after - before:.1f} s of a processor, {peak:.0f} MB"
    )
    parts = (("gather and test", gathered - began), ("pages", rendered - gathered), ("write", ended - rendered))
    print("; ".join(f"{name} {seconds:.1f} s" for name, seconds in parts))
    return 0 if took <= LIMIT_S else 1


def fill(store: Store, plugins: Plugins, rows: int, queries: int) -> list[BoardSpec]:
    """Store a record of each row on each task, with rankings in which later rows are better."""
    (real,) = api.run({"tasks": "wardrobe/image-to-text", "backends": "control/random"}, plugins=plugins, store=store)
    origin = plugins.tasks.origin(real.task.id)
    ids = [f"query-{at}" for at in range(queries)]
    gallery = [f"candidate-{at}" for at in range(queries)]
    labels = Labels("all", ids, ids, gallery, [[name] for name in gallery])
    rng = np.random.default_rng(0)
    boards = []
    for board in range(BOARDS):
        columns = []
        for number in range(TASKS):
            name = f"synthetic/task-{board}-{number}"
            card = ProtocolCard.of(name, "1.0.0", {**real.card.fields, "average": "queries"})
            spec = _task(plugins.tasks[real.task.id], name, card)
            plugins.tasks.put(spec, origin)
            columns += [Column(task=name, metric=metric, label=f"{number} {metric}") for metric in METRICS]
            hard = rng.normal(0, 1, queries)
            for row in range(rows):
                better = np.exp(3 + hard + rng.normal(0, 1, queries) - 2 * row / rows).astype(np.int64) % queries
                table = ranking_table(_ranking(better, queries, rng), labels)
                scores = score(Predictions("ranking/1", table), spec, plugins.metrics, f"{board}{number}{row}")
                changes = {
                    "task": real.task.model_copy(update={"id": name, "version": "1.0.0"}),
                    "protocol": real.protocol.model_copy(update={"hash": card.hash, "card": dict(card.fields)}),
                    "backend": real.backend.model_copy(
                        update={"id": f"lab-{row % 7}/model-{row}", "control": False, "config_hash": f"{row}"}
                    ),
                    "metrics": tuple(scores.metrics),
                    "predictions": store.write_predictions(table, "ranking/1"),
                    "cell": f"{name} {row}",
                }
                store.add(real.model_copy(update=changes))
        title = f"Board {board}"
        boards.append(BoardSpec(id=f"board-{board}", title=title, summary=title, columns=tuple(columns)))
    return boards


def _task(spec, name: str, card: ProtocolCard):
    from dataclasses import replace

    return replace(spec, id=name, version="1.0.0", protocol=card, metrics=METRICS, main_metric="mrr")


def _ranking(better: np.ndarray, queries: int, rng: np.random.Generator) -> Ranking:
    """Rank one positive a query behind so many candidates; what stands before it is drawn."""
    top = rng.integers(0, queries, (queries, 50))
    return Ranking(
        offsets=np.arange(queries + 1),
        better=better,
        tied=np.zeros(queries, np.int64),
        score=np.zeros(queries, np.float32),
        n_candidates=np.full(queries, queries),
        top_index=top,
        top_score=np.zeros(top.shape, np.float32),
    )


if __name__ == "__main__":
    sys.exit(main())
