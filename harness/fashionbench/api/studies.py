"""Run ablation studies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fashionbench.api.runs import preview, run
from fashionbench.api.stores import open_store
from fashionbench.plugins.manager import Plugins
from fashionbench.progress import Silent
from fashionbench.runner.config import ExecutorChoice
from fashionbench.runner.plan import make_plan
from fashionbench.runner.shard_plan import shard_of_runs
from fashionbench.specs import resolve
from fashionbench.specs.validation import validated
from fashionbench.studies import ablation, ablation_text
from fashionbench.studies.distinct import distinct
from fashionbench.studies.study import Study, check_metrics, checked, read_study

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fashionbench.progress import Reporter
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.runner.config import RunConfig
    from fashionbench.runner.driver import Preview
    from fashionbench.studies.distinct import Systems
    from fashionbench.studies.study import Variant

#: The formats of an ablation, and the suffixes of their files.
FORMATS = {"markdown": "md", "json": "json", "html": "html"}


def ablate(
    study: str | Path | Study | Mapping[str, Any],
    *,
    store: str | Path | Store | None = None,
    shard: tuple[int, int] = (1, 1),
    executor: str | Mapping[str, Any] | None = None,
    plugins: Plugins | None = None,
    reporter: Reporter | None = None,
) -> ablation.Ablation:
    """Run a study and estimate its effects; what the store holds already is reused.

    :param study: a YAML file, the name of a registered study, or its fields.
    :param shard: which of how many parts of the runs to execute, counted from 1; effects are then those of this part
        alone, and a last call without it, on the stores brought together, gives them all.
    :param executor: what runs the variants side by side, as the field ``executor`` of a run; None runs one after the
        other in this process.
    :raises ConfigError: where the study cannot be run, or names a metric that none of its tasks has.
    """
    loaded = plugins or Plugins()
    chosen = find_study(study, loaded)
    opened = open_store(store, loaded)
    check_metrics(chosen, opened.scan().current(), loaded)
    systems = distinct(chosen, loaded)

    def one(config: RunConfig, shown: Reporter) -> list[Record]:
        return run(config, store=opened, plugins=loaded, reporter=shown if reporter is not None else None)

    def keys(config: RunConfig) -> list[str]:
        return [cell.key for cell in make_plan(config, loaded).cells]

    units = _units(chosen, systems, shard, opened, loaded, (reporter or Silent()).note)
    if executor is None:
        found = ablation.run_units(units, chosen, one, lambda config: len(keys(config)), reporter)
    else:
        named = {"id": executor} if isinstance(executor, str) else dict(executor)
        how = validated(
            ExecutorChoice, named, "this is no executor", "such as {'id': 'local', 'options': {'workers': 2}}"
        )
        found = ablation.run_together(
            units, chosen, how, lambda whole: run(whole, store=opened, plugins=loaded, reporter=reporter), keys
        )
    return ablation.effects_of(chosen, systems, found, opened, loaded)


def preview_study(
    study: str | Path | Study | Mapping[str, Any],
    *,
    store: str | Path | Store | None = None,
    shard: tuple[int, int] = (1, 1),
    plugins: Plugins | None = None,
) -> list[tuple[Variant, int, list[Preview]]]:
    """Say what :func:`ablate` would run: for each variant and seed, its cells and whether they are reused."""
    loaded = plugins or Plugins()
    chosen = find_study(study, loaded)
    opened = open_store(store, loaded)
    check_metrics(chosen, opened.scan().current(), loaded)
    systems = distinct(chosen, loaded)
    return [
        (variant, seed, preview(variant.run(chosen, seed), store=opened, plugins=loaded)[0])
        for variant, seed in _units(chosen, systems, shard, opened, loaded)
    ]


def _units(
    study: Study,
    systems: Systems,
    shard: tuple[int, int],
    store: Store,
    plugins: Plugins,
    say: Callable[[str], object] | None = None,
) -> list[tuple[Variant, int]]:
    """List the runs of a shard.

    :param say: takes a line on the shard; None where nothing is run.
    """
    units = ablation.units_of(study, systems)
    if shard == (1, 1):
        return units
    plans = [make_plan(variant.run(study, seed), plugins) for variant, seed in units]
    part = shard_of_runs(plans, store, shard, keep=say is not None)
    if say is not None:
        say(part.line)
    return [units[at] for at in part.places]


def find_study(study: str | Path | Study | Mapping[str, Any], plugins: Plugins | None = None) -> Study:
    """Return a study from a YAML file, by the name of a registered one, or from its fields.

    :raises ConfigError: where it is none.
    :raises UnknownNameError: where nothing registered the name.
    """
    if isinstance(study, Study):
        return checked(study)
    if isinstance(study, Path) or (isinstance(study, str) and study.endswith((".yaml", ".yml"))):
        return read_study(Path(study))
    if isinstance(study, str):
        return find_study(cast("Any", resolve((plugins or Plugins()).studies[study].target))())
    return checked(validated(Study, study, "these fields are no study", "see docs/how-to/ablate.md"))


def render_ablation(made: ablation.Ablation, format_: str) -> str:
    """Write an ablation as ``markdown``, ``json`` or ``html``."""
    written = {"markdown": ablation_text.markdown, "json": ablation_text.as_json, "html": ablation_text.page}
    return written[format_](made)
