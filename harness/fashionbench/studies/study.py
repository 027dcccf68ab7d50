"""An ablation study: a base system, axes along which it is changed, and the variants that follow."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from fashionbench.errors import ConfigError, did_you_mean
from fashionbench.runner.config import BackendChoice, ExecutorChoice, RunConfig, TrainingChoice, matching, unique
from fashionbench.specs.validation import read_yaml, validated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import Record

Mode = Literal["one-at-a-time", "leave-one-out", "add-one-in", "grid"]


class Base(BaseModel):
    """The system that is changed: a backend, its options, and its training."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backend: str
    options: dict[str, Any] = {}
    trainer: str = ""
    training: dict[str, Any] = {}
    """Fields of the trainer's configuration, by dotted name."""


class Value(BaseModel):
    """One value of an axis: how it is called, and the fields that it sets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str
    set: dict[str, Any] = Field(min_length=1)


class Study(BaseModel):
    """A study.

    ``axes`` are for the modes one-at-a-time and grid: each is a mapping of one field to its values, or a list of labels
    with the fields that they set. ``components`` are for leave-one-out and add-one-in: each is a mapping of fields to
    the values that they have without the component. A field is ``backend``, ``options.NAME`` or
    ``training.DOTTED.NAME``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    title: str = ""
    base: Base
    tasks: tuple[str, ...] = Field(min_length=1)
    metrics: tuple[str, ...] = ()
    """By default the first metric of each task."""
    seeds: tuple[NonNegativeInt, ...] = Field(default=(0, 1, 2), min_length=1)
    mode: Mode = "one-at-a-time"
    axes: dict[str, dict[str, list[Any]] | list[Value]] = {}
    components: dict[str, dict[str, Any]] = {}
    device: str = "auto"
    data: dict[str, str] = {}


class Variant(BaseModel):
    """One system of a study.

    :param axis: what was changed; empty for the base.
    :param label: to what.
    """

    model_config = ConfigDict(frozen=True)

    axis: str
    label: str
    backend: str
    options: dict[str, Any]
    trainer: str
    training: dict[str, Any]

    @property
    def name(self) -> str:
        """How a table calls it."""
        return f"{self.axis}: {self.label}" if self.axis else self.label

    def run(self, study: Study, seed: int) -> RunConfig:
        """Return the run of this variant with one seed, which is that of its training too."""
        training = None
        if self.trainer or self.training:
            training = TrainingChoice(trainer=self.trainer, changes={**self.training, "seed": seed})
        choice = BackendChoice(id=self.backend, options=self.options, training=training)
        return RunConfig.model_validate(
            {
                "tasks": study.tasks,
                "backends": [choice],
                "seeds": [seed],
                "device": study.device,
                "data": study.data,
            }
        )


def whole_run(study: Study, units: Sequence[tuple[Variant, int]], executor: ExecutorChoice) -> RunConfig:
    """Return one run of several variants, each with its seeds, for an executor to divide."""
    each = [variant.run(study, seed) for variant, seed in units]
    backends = [
        choice.model_copy(update={"seeds": (seed,)})
        for one, (_, seed) in zip(each, units, strict=True)
        for choice in one.backends
    ]
    return each[0].model_copy(update={"backends": tuple(backends), "executor": executor})


def read_study(path: Path) -> Study:
    """Read a study from YAML.

    :raises ConfigError: where the file cannot be read or is no study; the message names file and field.
    """
    return checked(validated(Study, read_yaml(path), f"{path} is not a study", "see docs/how-to/ablate.md"))


def checked(study: Study) -> Study:
    """Check that a study has what its mode asks for.

    :raises ConfigError: where axes, components or values are missing, a seed stands twice, or a field is none.
    """
    by_component = study.mode in {"leave-one-out", "add-one-in"}
    wanted, other = ("components", "axes") if by_component else ("axes", "components")
    if not getattr(study, wanted) or getattr(study, other):
        msg = f"study {study.id}: mode {study.mode} asks for {wanted}, and not for {other}"
        raise ConfigError(msg, remedy="see docs/how-to/ablate.md")
    twice = sorted({seed for seed in study.seeds if study.seeds.count(seed) > 1})
    if twice:
        raise ConfigError(f"study {study.id}: seed {twice[0]} stands twice", remedy="name each seed once")
    empty = [name for name, values in _axes(study).items() if not values]
    empty += [name for name, changes in study.components.items() if not changes]
    if empty:
        raise ConfigError(f"study {study.id}: {empty[0]} has no values", remedy="see docs/how-to/ablate.md")
    fields = [field for changes in study.components.values() for field in changes]
    fields += [field for values in _axes(study).values() for value in values for field in value.set]
    for field in fields:
        if field != "backend" and not field.startswith(("options.", "training.")):
            msg = f"study {study.id}: {field!r} is no field of a system"
            raise ConfigError(msg, remedy="use backend, options.NAME or training.DOTTED.NAME")
    return study


def check_metrics(study: Study, records: Sequence[Record], plugins: Plugins) -> None:
    """Check that each metric of a study is one of its tasks, or was computed for one of their records.

    :raises ConfigError: naming the metric, and those that each task has.
    :raises UnknownNameError: where there is no task of a name.
    """
    tasks = unique([name for pattern in study.tasks for name in matching(pattern, plugins.tasks)])
    has = {
        name: unique([*plugins.tasks[name].metrics, *(m for r in records if r.task.id == name for m in r.metric_ids)])
        for name in tasks
    }
    known = sorted({metric for metrics in has.values() for metric in metrics})
    for metric in study.metrics:
        if metric not in known:
            msg = f"study {study.id}: no task of it ever measures {metric!r}{did_you_mean(metric, known)}"
            listed = "; ".join(f"{name} has {', '.join(metrics) or 'none'}" for name, metrics in has.items())
            raise ConfigError(msg, remedy=f"{listed}; another metric is computed by 'fashionbench rescore --metric'")


def variants(study: Study) -> list[Variant]:
    """List the base and every variant of a study, the base first, as the study is written."""
    found = [_variant(study, "", "base", {})]
    for axis, label, changes in _changes(study):
        one = _variant(study, axis, label, changes)
        if study.mode == "add-one-in" and not axis:
            found[0] = one
        else:
            found.append(one)
    return found


def _changes(study: Study) -> Iterator[tuple[str, str, dict[str, Any]]]:
    if study.mode == "leave-one-out":
        for name, without in study.components.items():
            yield "without", name, without
    elif study.mode == "add-one-in":
        nothing = {field: value for without in study.components.values() for field, value in without.items()}
        yield "", "none of " + ", ".join(study.components), nothing
        for name, without in study.components.items():
            yield "with", name, {field: value for field, value in nothing.items() if field not in without}
    elif study.mode == "grid":
        axes = _axes(study)
        for chosen in product(*axes.values()):
            label = ", ".join(f"{axis} {value.label}" for axis, value in zip(axes, chosen, strict=True))
            yield "grid", label, {field: new for value in chosen for field, new in value.set.items()}
    else:
        for axis, values in _axes(study).items():
            for value in values:
                yield axis, value.label, value.set


def _axes(study: Study) -> dict[str, list[Value]]:
    found: dict[str, list[Value]] = {}
    for name, axis in study.axes.items():
        if isinstance(axis, dict):
            pairs = [(field, new) for field, values in axis.items() for new in values]
            found[name] = [Value(label=_text(new), set={field: new}) for field, new in pairs]
        else:
            found[name] = list(axis)
    return found


def _variant(study: Study, axis: str, label: str, changes: dict[str, Any]) -> Variant:
    base = study.base
    options, training, backend = dict(base.options), dict(base.training), base.backend
    for field, value in changes.items():
        kind, _, name = field.partition(".")
        if kind == "backend":
            backend = str(value)
        elif kind == "options":
            options[name] = value
        else:
            training[name] = value
    return Variant(axis=axis, label=label, backend=backend, options=options, trainer=base.trainer, training=training)


def _text(value: object) -> str:
    return "none" if value is None else str(value)
