"""What a task of a Slurm array does: the jobs of one shard, each with its outcome in a file of its own."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fashionbench import files
from fashionbench.canonical import short
from fashionbench.errors import FashionBenchError
from fashionbench.runner.executors.cell_worker import CellWorker
from fashionbench.runner.executors.heard_reporter import HeardReporter
from fashionbench.runner.executors.outcome_store import OutcomeStore
from fashionbench.runner.executors.shard_process import shard_processes

if TYPE_CHECKING:
    from collections.abc import Sequence


def begun_file(folder: Path, key: str) -> Path:
    """Return the file that says that a job was begun."""
    return folder / f"{short(key, 20)}.begun"


def outcome_file(folder: Path, key: str) -> Path:
    """Return the file that says what became of a job."""
    return folder / f"{short(key, 20)}.json"


def do_shard(fields: dict[str, Any], keys: Sequence[str], folder: str) -> int:
    """Execute jobs, one after the other.

    :param fields: what a worker is told.
    :param folder: where outcomes are written, which all machines see, as they see the store.
    :returns: how many were executed.
    """
    sys.argv = fields["command"]  # which records name
    outcomes, reporter = Path(folder), HeardReporter()
    # Not the cache of the store, which would need locks that network drives do not keep.
    with tempfile.TemporaryDirectory(prefix="fashionbench-") as scratch:
        store = OutcomeStore(Path(fields["store"]), Path(scratch))
        at = -1
        try:
            shards = shard_processes(fields, store.cache, reporter.note)
            with CellWorker(fields["config"], store, reporter, shards) as worker:
                for at, key in enumerate(keys):  # noqa: B007  # it says where an error was
                    begun_file(outcomes, key).touch()
                    _write(outcomes, key, ["done", key, worker.do(key).model_dump(mode="json")], reporter)
        except OSError as error:
            words = ["disk", error.errno, error.strerror or str(error), str(error.filename or "")]
            _write(outcomes, keys[max(0, at)], words, reporter)
        except FashionBenchError as error:
            _write(outcomes, keys[max(0, at)], ["refused", error.message, error.remedy], reporter)
    return at + 1


def _write(outcomes: Path, key: str, said: list[Any], reporter: HeardReporter) -> None:
    notes = [words[1] for words in reporter.heard() if words[0] == "note"]
    text = json.dumps({"said": said, "notes": notes}, allow_nan=False)
    files.write_text(outcome_file(outcomes, key), text)
