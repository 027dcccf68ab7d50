"""Train a model with a trainer that a plugin registers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fashionbench.data.roots import DataRoots
from fashionbench.errors import ConfigError, FieldError
from fashionbench.plugins.manager import Plugins
from fashionbench.progress import Silent
from fashionbench.runner.device import resolve_device
from fashionbench.specs.validation import blame_changes, change_field, read_yaml
from fashionbench.training.open_part import train as start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fashionbench.progress import Reporter
    from fashionbench.specs import TrainerSpec
    from fashionbench.training.contract import TrainingResult


def train(
    config: str | Path,
    *,
    changes: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    data: Mapping[str, Path] | None = None,
    device: str = "auto",
    dry_run: bool = False,
    workers: int | None = None,
    fsdp: bool = False,
    plugins: Plugins | None = None,
    reporter: Reporter | None = None,
    say: Callable[[Any], object] = lambda _: None,
) -> TrainingResult:
    """Train a model; a training that was interrupted goes on from its last checkpoint.

    :param config: the name of a trainer, or a YAML file that names one under ``trainer``.
    :param changes: fields to change, by dotted name, such as ``{"seed": 1, "phases.1a.lr": 1e-4}``.
    :param out: the folder to train in; by default ``models/<name>``.
    :param data: folders of data sets, by id.
    :param dry_run: say what each phase would train and need, and stop.
    :param workers: processes that read data ahead; None leaves their number to the trainer. The weights are the same.
    :param fsdp: spread what learns over the processes that torchrun started (PyTorch's FSDP2).
    :param say: takes lines, and tables of rich, for people.
    :raises ConfigError: where the file or a field is wrong.
    """
    loaded = plugins or Plugins()
    spec, fields = find_trainer(config, loaded)
    for name, value in (changes or {}).items():
        change_field(fields, name, value)
    folder = Path(out) if out is not None else Path("models") / Path(config).stem
    try:
        return start(
            spec,
            fields,
            loaded,
            out=folder,
            roots=DataRoots(named=dict(data or {}), cache=folder / "cache" / "surveys"),
            device=resolve_device(device),
            reporter=reporter or Silent(),
            say=say,
            dry_run=dry_run,
            workers=workers,
            fsdp=fsdp,
        )
    except FieldError as error:
        raise blame_changes(error, changes or {}) from error


def find_trainer(name: str | Path, plugins: Plugins) -> tuple[TrainerSpec, dict[str, Any]]:
    """Find a trainer by its name, or by the name that a YAML file gives, with the file's other fields.

    :raises ConfigError: where the file is no recipe.
    """
    if not str(name).endswith((".yaml", ".yml")):
        return plugins.trainers[str(name)], {}
    fields = read_yaml(Path(name))
    trainer = fields.pop("trainer", None)
    if not isinstance(trainer, str):
        known = ", ".join(plugins.trainers.names())
        raise ConfigError(f"{name} names no trainer", remedy=f"write trainer: and one of {known}")
    return plugins.trainers[trainer], fields
