"""Trained models as options of backends: what they hold counts, not where they lie."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fashionbench.canonical import digest
from fashionbench.errors import ConfigError
from fashionbench.runner.code_hash import source_digest
from fashionbench.specs import TrainingDataUse
from fashionbench.training.open_part import train

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.data.roots import DataRoots
    from fashionbench.plugins.manager import Plugins
    from fashionbench.runner.plan import Cell
    from fashionbench.specs import BackendSpec, TrainerSpec

#: The record of a training, in the folder of its model.
RECORD = "training.json"


def model_identity(name: str, options: Mapping[str, Any], spec: BackendSpec, plugins: Plugins) -> dict[str, Any]:
    """Say what a model is made of: the hash of its training's record and of its weights, or how it will be trained.

    :raises ConfigError: where the option names no folder of a trained model.
    :raises UnknownNameError: where it is empty, and no trainer is named that would make one.
    """
    value = str(options[name])
    if not value:
        trainer = plugins.trainers[spec.trainer]
        return {"trainer": trainer.id, "source": source_digest(trainer.target)}
    path = Path(value).expanduser() / RECORD
    try:
        content = path.read_bytes()
        told = json.loads(content)
        return {"model": told["name"], "training": hashlib.sha256(content).hexdigest(), "weights": told["weights"]}
    except (OSError, ValueError, KeyError) as error:
        remedy = "give the folder 'model' that 'fashionbench train' wrote"
        raise ConfigError(f"{value} holds no trained model: {error}", remedy=remedy) from error


def training_data_of(spec: BackendSpec, options: Mapping[str, Any]) -> list[TrainingDataUse]:
    """Return what the models of a backend were trained on, by the records of their trainings.

    A trainer reads the training parts of tasks alone, and its record lists them under ``data``, each with ``dataset``
    and ``synthetic``. A generated twin is not the data set that it stands in for, and has a name of its own.
    """
    found: dict[str, TrainingDataUse] = {}
    for name in spec.models:
        path = Path(str(options[name])).expanduser() / RECORD
        if options[name] and path.is_file():
            told = json.loads(path.read_bytes()).get("data")
            if not isinstance(told, dict):
                found["undisclosed"] = TrainingDataUse(dataset="undisclosed", splits=(), disclosed=False)
                continue
            for task, part in told.items():
                dataset = str(part.get("dataset", task)) + (" (generated twin)" if part.get("synthetic") else "")
                found[dataset] = TrainingDataUse(dataset=dataset, splits=("train",))
    return list(found.values())


class Lines:
    """Tells of a training that a run needs, a line a phase, on standard error."""

    def expect(self, cells: int) -> None:
        """Say how many phases there will be."""

    def begin(self, name: str, items: int | None) -> None:
        """Begin a phase."""
        self._name = name
        if items:
            sys.stderr.write(f"  {name}: {items}\n")

    def advance(self, count: int) -> None:
        """Count."""

    def end(self, outcome: str) -> None:
        """End the phase."""
        sys.stderr.write(f"  {self._name}: {outcome}\n")


def trained(cell: Cell, plugins: Plugins, roots: DataRoots, device: str, folder: Path) -> dict[str, Any]:
    """Return the options of a cell with a folder for each empty model; train it where that was not done before.

    :param folder: where models of this store lie.
    """
    options = dict(cell.options)
    for name in cell.backend.models:
        if not options[name]:
            trainer = plugins.trainers[cell.backend.trainer]
            options[name] = str(_made(trainer, plugins, roots, device, folder))
    return options


def _made(trainer: TrainerSpec, plugins: Plugins, roots: DataRoots, device: str, folder: Path) -> Path:
    places = {name: str(path) for name, path in roots.named.items()}
    key = digest([trainer.id, source_digest(trainer.target), places]).removeprefix("sha256:")[:12]
    out = folder / f"{trainer.id.replace('/', '__')}-{key}"
    if not (out / "model" / RECORD).is_file():
        sys.stderr.write(f"training {trainer.id}, once, at {out}\n")
        train(trainer, {}, plugins, out=out, roots=roots, device=device, reporter=Lines(), say=lambda _: None)
    return out / "model"
