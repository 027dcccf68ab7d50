"""The systems of a study that differ: variants that come to the base, by their resolved options, are no comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from fashionbench.canonical import digest
from fashionbench.errors import ConfigError
from fashionbench.runner.plan import make_plan
from fashionbench.specs import resolve
from fashionbench.studies.study import Study, Variant, variants

if TYPE_CHECKING:
    from fashionbench.plugins.manager import Plugins
    from fashionbench.runner.plan import TrainingCell


@dataclass(frozen=True, slots=True)
class Systems:
    """The systems of a study.

    :param every: the base, then the variants that differ from it.
    :param equal: variants that are the base.
    """

    every: tuple[Variant, ...]
    equal: tuple[Variant, ...] = ()

    @property
    def base(self) -> Variant:
        """The base."""
        return self.every[0]


def distinct(study: Study, plugins: Plugins) -> Systems:
    """Sort the variants of a study into those that differ from the base, and those that are the base.

    Options that are not given count with their defaults, and a trainer's configuration where the trainer tells it.

    :raises ConfigError: where two variants are one system, or no variant differs from the base; or where one cannot be
        run.
    """
    base, *others = variants(study)
    found, equal = {_resolved(base, study, plugins): base}, []
    for variant in others:
        key = _resolved(variant, study, plugins)
        twin = found.setdefault(key, variant)
        if twin is base:
            equal.append(variant)
        elif twin is not variant:
            msg = f"study {study.id}: {variant.name} and {twin.name} are the same system"
            raise ConfigError(msg, remedy="take one of the two out")
    if len(found) == 1:
        named = ", ".join(variant.name for variant in equal)
        msg = f"study {study.id}: nothing differs from the base: {named}"
        raise ConfigError(msg, remedy="give an axis a value that the base does not have")
    return Systems(tuple(found.values()), tuple(equal))


def _resolved(variant: Variant, study: Study, plugins: Plugins) -> str:
    """Hash everything that decides what a variant answers, for one seed of the study."""
    plan = make_plan(variant.run(study, study.seeds[0]), plugins)
    cells = [
        [cell.identity.cell_id(""), {name: _training(training) for name, training in cell.trainings.items()}]
        for cell in plan.cells
    ]
    return digest(cells)


def _training(training: TrainingCell) -> list[Any]:
    trainer = training.trainer
    config = cast("Any", resolve(trainer.configuration))(training.config) if trainer.configuration else training.config
    return [trainer.id, config]
