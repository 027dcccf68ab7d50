"""Run tasks on backends, score predictions made elsewhere, and compute metrics of stored predictions anew."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fashionbench.api.boards import find_board
from fashionbench.api.stores import existing_store, open_store
from fashionbench.boards.columns import check_columns
from fashionbench.data.file_index import FileIndex
from fashionbench.data.roots import DataRoots
from fashionbench.errors import ConfigError, StoreError
from fashionbench.metrics.scoring import metric_spec
from fashionbench.plugins.manager import Plugins
from fashionbench.predictions.imported import joined
from fashionbench.predictions.readers import read
from fashionbench.progress import Silent
from fashionbench.runner.config import BackendChoice, RunConfig, load_config, make_config, matching
from fashionbench.runner.device import resolve_device
from fashionbench.runner.driver import Runner
from fashionbench.runner.execute import process_facts
from fashionbench.runner.plan import make_plan
from fashionbench.runner.rescoring import rescore_store
from fashionbench.runner.score_file import row_name, score_file, wants_captions
from fashionbench.runner.shard_plan import shard_of_plan
from fashionbench.temporaries import remove_dead

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fashionbench.progress import Reporter
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.runner.driver import Preview
    from fashionbench.runner.plan import NotApplicable


def run(
    config: str | Path | Mapping[str, Any] | RunConfig,
    *,
    store: str | Path | Store | None = None,
    plugins: Plugins | None = None,
    rerun: bool = False,
    reporter: Reporter | None = None,
    second_process: bool = False,
    shard: tuple[int, int] = (1, 1),
) -> list[Record]:
    """Run tasks on backends, and return one record a cell.

    :param config: a YAML file, the name of a board, or the fields of a run such as
        ``{"tasks": ["wardrobe/*"], "backends": ["control/random"]}``. A backend may also be an address
        (``"hf:FOLDER"``, ``"file.py:Class"``), or a class or an object (:func:`fashionbench.model`).
    :param store: the folder of the records; by default ``$FASHIONBENCH_STORE`` or ``./results``. From an address, such
        as ``s3://bucket/results``, records are reused, and a cell that has none there is an error.
    :param rerun: execute cells again that the store has records of.
    :param second_process: train models in a second process, on a processor of several cores, while cells that need none
        are run. That process knows the plugins that are installed, and no others.
    :param shard: which of how many parts of the cells to run, counted from 1; all parts, merged, are the whole.
    :raises ConfigError: where the configuration cannot be run, or its board asks for a metric that a task never has.
    """
    loaded = plugins or Plugins()
    opened = open_store(store, loaded)
    closed: StoreError | None = None
    try:
        opened.check_writable()
    except StoreError as error:
        if not opened.can_be_read:
            raise
        closed = error  # its records can be reused
    else:
        remove_dead(opened.root, (reporter or Silent()).note)
    runner = _runner(
        config,
        opened,
        loaded,
        rerun=rerun,
        second_process=second_process,
        closed=closed,
        shard=shard,
        say=(reporter or Silent()).note,
    )
    return runner.run(reporter)


def check_names(config: RunConfig, plugins: Plugins) -> None:
    """See that tasks, backends and the board of a run are there, before a store is made for it.

    :raises UnknownNameError: for a name that nothing registered; addresses of models are looked up later.
    """
    for name in config.tasks:
        matching(name, plugins.tasks)
    for choice in config.backends:
        if ":" not in choice.id:
            matching(choice.id, plugins.backends)
    if config.board is not None:
        find_board(config.board, plugins)


def preview(
    config: str | Path | Mapping[str, Any] | RunConfig,
    *,
    store: str | Path | Store | None = None,
    plugins: Plugins | None = None,
    rerun: bool = False,
    shard: tuple[int, int] = (1, 1),
) -> tuple[list[Preview], list[NotApplicable]]:
    """Say what :func:`run` would do with each cell, and which pairs of task and backend cannot be run.

    A store that is not there stays so, but for the generated data that a task needs.

    :raises ConfigError: where the configuration cannot be run.
    """
    loaded = plugins or Plugins()
    opened = open_store(store, loaded)
    runner = _runner(config, opened, loaded, rerun=rerun, remember=opened.cache.is_dir(), shard=shard)
    return list(runner.preview()), list(runner.plan.not_applicable)


def score(
    task: str,
    predictions: str | Path | Sequence[str | Path],
    *,
    name: str | None = None,
    data: Mapping[str, Path] | None = None,
    store: str | Path | Store | None = None,
    plugins: Plugins | None = None,
) -> Record:
    """Score predictions that were made elsewhere; the record is attested as ``imported``.

    :param predictions: a file of rankings, embeddings, captions or hits, or a folder of images; or several files that
        answer the task together.
    :param name: what made them; by default the first file's name. Two names that differ in anything but white space at
        their ends are two rows.
    :param data: folders of data sets, by id.
    :raises ConfigError: where the file cannot answer what the task asks, or the name cannot stand on a board.
    """
    loaded = plugins or Plugins()
    paths = [Path(predictions)] if isinstance(predictions, (str, Path)) else [Path(one) for one in predictions]
    if not paths:
        raise ConfigError("there are no predictions to score", remedy="name a file")
    label = row_name(paths[0].stem if name is None else name)
    spec = loaded.tasks[task]
    opened = open_store(store, loaded)
    opened.check_writable()
    imported = joined([read(path, captions=wants_captions(spec)) for path in paths])
    return score_file(spec, imported, label, loaded, opened, data or {})


def rescore(
    store: str | Path | Store | None = None,
    *,
    data: Mapping[str, Path] | None = None,
    metrics: Sequence[str] = (),
    plugins: Plugins | None = None,
    say: Callable[[str], object] = lambda text: sys.stderr.write(f"{text}\n"),
    fail: Callable[[str], object] | None = None,
) -> list[Record]:
    """Compute metrics that were absent, or that have a newer implementation, from the predictions of a whole store.

    No backend is asked. Each record that is made supersedes the one whose predictions it was computed from.

    :param data: folders of data sets, by id, which metrics of images compare with.
    :param metrics: metrics to compute beside those of a record's task, such as one of a plugin.
    :param say: called with a line on each record that was made, and of what could not be computed.
    :param fail: called with a line on each record whose predictions are missing or damaged; by default ``say``.
    :raises UnknownNameError: where nothing registered a metric.
    :raises ConfigError: where no record of the store has predictions that a metric reads.
    """
    loaded = plugins or Plugins()
    opened = existing_store(store, loaded)
    opened.check_writable()
    current = [record for record in opened.scan().current() if record.predictions] if metrics else []
    for name in metrics:
        read = metric_spec(name, loaded.metrics).predictions
        if all(record.predictions and record.predictions.schema_id != read for record in current):
            has = dict.fromkeys(name for record in current for name in record.metric_ids)
            msg = f"{name} reads predictions of the schema {read}, and no record of {opened.address} has such"
            raise ConfigError(msg, remedy=f"its records have {', '.join(has) or 'no metrics'}")
    roots = DataRoots(named=data or {}, cache=opened.cache / "surveys")
    device = resolve_device("auto")
    facts = process_facts(loaded)
    return rescore_store(opened, loaded, facts, say, fail=fail, roots=roots, device=device, further=metrics)


def _runner(
    config: str | Path | Mapping[str, Any] | RunConfig,
    store: str | Path | Store | None,
    plugins: Plugins,
    *,
    rerun: bool,
    second_process: bool = False,
    remember: bool = True,
    closed: StoreError | None = None,
    shard: tuple[int, int] = (1, 1),
    say: Callable[[str], object] | None = None,
) -> Runner:
    """Plan a run.

    :param say: takes a line on the shard; None where nothing is run, and nothing of the division is kept.
    """
    if isinstance(config, (str, Path)):
        chosen = load_config(str(config), plugins)
    else:
        chosen = config if isinstance(config, RunConfig) else make_config(_with_names(config, plugins))
    opened = open_store(store, plugins)
    if chosen.board is not None:
        # The board is made after the last cell: what is wrong with it is better known before the first.
        board = find_board(chosen.board, plugins)
        check_columns(board, opened.scan({column.task for column in board.columns}).current(), plugins)
    roots = DataRoots(named=chosen.data, cache=opened.cache / "surveys", remember=remember)
    with FileIndex(roots.index) as index:
        plan = make_plan(chosen, plugins, index)
    if shard != (1, 1):
        plan, line = shard_of_plan(plan, opened, shard, keep=say is not None and closed is None)
        if say is not None:
            say(line)
    return Runner(plan, plugins, opened, rerun=rerun, second_process=second_process, roots=roots, closed=closed)


def _with_names(config: Mapping[str, Any], plugins: Plugins) -> dict[str, Any]:
    """Register the classes and objects among the backends of a configuration, and put their names in their place."""
    backends = config.get("backends", ())
    choices = list(backends) if isinstance(backends, (list, tuple)) else [backends]
    for at, choice in enumerate(choices):
        if isinstance(choice, dict) and not isinstance(choice.get("id", ""), str):
            choices[at] = {**choice, "id": plugins.add_backend(choice["id"]).id}
        elif not isinstance(choice, (str, dict, BackendChoice)):
            choices[at] = plugins.add_backend(choice).id
    return {**config, "backends": choices} if "backends" in config else dict(config)
