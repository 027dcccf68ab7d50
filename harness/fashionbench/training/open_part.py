"""Open the training part of a task, and run a trainer on it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

from fashionbench.data.trainable import Trainable
from fashionbench.errors import ConfigError
from fashionbench.locks import locked
from fashionbench.output_files import make_folder
from fashionbench.records.device_use import DeviceUse
from fashionbench.specs import resolve
from fashionbench.temporaries import remove_dead
from fashionbench.training.contract import Trainer, TrainingContext, TrainingPart, TrainingResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from fashionbench.data.roots import DataRoots
    from fashionbench.plugins.manager import Plugins
    from fashionbench.progress import Reporter
    from fashionbench.specs import TrainerSpec


def open_part(name: str, plugins: Plugins, roots: DataRoots) -> TrainingPart:
    """Open the training part of a task.

    :raises UnknownNameError: where no task has the name.
    :raises ConfigError: where the task has no training part.
    :raises DataError: where its data are not there.
    """
    spec = plugins.tasks[name]
    task: object = cast("Any", resolve(spec.target))(spec, roots)
    data = task.training() if isinstance(task, Trainable) else None
    if data is None or not isinstance(task, Trainable):
        known = ", ".join(s.id for s in plugins.tasks if s.trains)
        raise ConfigError(f"{name} has no training part to learn from", remedy=f"tasks that have one: {known}")
    info = task.info()
    dataset = str(spec.options.get("twin_of", spec.dataset))
    instruction = str(spec.protocol.fields.get("instruction", ""))
    return TrainingPart(name, dataset, info.fingerprint, instruction, info.synthetic, data, task.evaluated())


def train(
    spec: TrainerSpec,
    config: Mapping[str, Any],
    plugins: Plugins,
    *,
    out: Path,
    roots: DataRoots,
    device: str,
    reporter: Reporter,
    say: Callable[[Any], object],
    dry_run: bool = False,
    lock: bool = True,
    shared: Path | None = None,
    workers: int | None = None,
    fsdp: bool = False,
) -> TrainingResult:
    """Run a trainer; what is found in ``out`` of an interrupted training is gone on with.

    :param roots: where data sets lie.
    :param shared: where finished parts of trainings of this code are kept for others.
    :param lock: whether to hold the lock of ``out``; False where the caller does, as the first of several processes.
    :param workers: processes that read data ahead; None leaves their number to the trainer.
    :param fsdp: spread what learns over the processes of this training.
    :raises ConfigError: where the trainer cannot do what ``workers`` or ``fsdp`` asks for.
    :raises LockedError: where another process trains in ``out``.
    """
    if workers is not None and not spec.workers:
        msg = f"{spec.id} reads its data by itself, and has no workers"
        raise ConfigError(msg, remedy="leave --workers out")
    if fsdp and not spec.fsdp:
        raise ConfigError(f"{spec.id} cannot spread a model over processes", remedy="leave --fsdp out")
    # Of the processes that torchrun starts for one training, the first holds the lock.
    if lock and not dry_run and os.environ.get("RANK", "0") == "0":
        make_folder(out, say)
        with locked(out, "training"):
            remove_dead(out, say)
            return train(
                spec,
                config,
                plugins,
                out=out,
                roots=roots,
                device=device,
                reporter=reporter,
                say=say,
                lock=False,
                shared=shared,
                workers=workers,
                fsdp=fsdp,
            )
    context = TrainingContext(
        out,
        lambda name: open_part(name, plugins, roots),
        device,
        reporter,
        say,
        dry_run=dry_run,
        shared=shared,
        use=DeviceUse(device),
        workers=workers,
        fsdp=fsdp,
    )
    return cast("Trainer", resolve(spec.target))(config, context)
