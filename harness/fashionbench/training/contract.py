"""What a trainer is given, and what it gives back.

A trainer learns from the training parts of tasks, never from files of its own: what it saw has a name and a
fingerprint, and what will be measured is known by id, so that the two can be kept apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from fashionbench.data.training_examples import TrainingData
    from fashionbench.progress import Reporter
    from fashionbench.records.device_use import DeviceUse


@dataclass(frozen=True, slots=True)
class TrainingPart:
    """The training part of a task.

    :param dataset: the data set, or the one that a generated twin stands in for.
    :param fingerprint: of the task's evaluation data, as its records have it.
    :param instruction: what a captioner is given with every image; empty where the task has none.
    :param evaluated: ids of the images that the task measures with; none of them may be learnt from.
    """

    task: str
    dataset: str
    fingerprint: str
    instruction: str
    synthetic: bool
    data: TrainingData
    evaluated: frozenset[str]


@dataclass(frozen=True, slots=True)
class TrainingContext:
    """What a trainer works with.

    :param out: the folder of this training: checkpoints while it runs, the model and its record at the end.
    :param part: opens the training part of a task by the task's id.
    :param device: a torch device name.
    :param dry_run: say what would be done, without data and without weights.
    :param say: prints a line, or a table of rich, for people.
    :param shared: a folder for parts of trainings that others of the same code may take over; None where there is none.
    :param use: tells which device was used since the training began; None where nobody looks.
    :param workers: processes that read data ahead, of a trainer whose specification says that it has such; it makes
        no difference to the weights. None leaves their number to the trainer.
    :param fsdp: spread what learns over the processes of this training, of a trainer whose specification says that it
        can.
    """

    out: Path
    part: Callable[[str], TrainingPart]
    device: str
    reporter: Reporter
    say: Callable[[Any], object]
    dry_run: bool = False
    shared: Path | None = None
    use: DeviceUse | None = None
    workers: int | None = None
    fsdp: bool = False


def _nothing() -> Mapping[str, float]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What came out of a training.

    :param model: the folder of the model; None after a dry run.
    :param record: the file that says how it was trained; None after a dry run.
    :param figures: what was measured on the held-out part of the training data, by name.
    """

    model: Path | None
    record: Path | None
    figures: Mapping[str, float] = field(default_factory=_nothing)


class Trainer(Protocol):
    """What the target of a :class:`~fashionbench.specs.TrainerSpec` is."""

    def __call__(self, config: Mapping[str, Any], context: TrainingContext) -> TrainingResult:
        """Train.

        :param config: what the user changes of the trainer's own configuration.
        :raises ConfigError: naming each wrong field.
        """
        ...
