"""Dataset of the steps of a phase, and its loader: what each part of a step learns from, with its images decoded.

Every part follows from seed, phase and step, so that any number of workers gives the same parts in the same order, and
a training resumes at any of them.
"""

from __future__ import annotations

import multiprocessing
import os
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.utils.data import DataLoader, Dataset

from fashionbench.errors import BackendError, ConfigError, DataError, FashionBenchError
from fashionbench_unifashion.training.batch_sampler import number
from fashionbench_unifashion.training.tensor_block import TensorBlock, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fashionbench_unifashion.training.phases.base import DecodedStep, Phase

#: Workers that are started where nobody says how many, at most.
MOST_WORKERS = 4


class StepPart(NamedTuple):
    """A part of a step.

    :param examples: of all processes.
    :param seed: of every random choice.
    :param decoded: the images that this process reads.
    """

    examples: list[Any]
    seed: int
    decoded: DecodedStep


class StepDataset(Dataset[StepPart]):
    """The parts of all steps of a phase, by their number from 0."""

    def __init__(self, phase: Phase) -> None:
        self._phase = phase

    def __len__(self) -> int:
        """Return the number of parts."""
        return self._phase.steps * self._phase.config.accumulate

    def __getitem__(self, at: int) -> StepPart:
        """Draw the examples of a part, and decode their images."""
        phase, config = self._phase, self._phase.config
        step, part = divmod(at, config.accumulate)
        size = config.batch // config.accumulate
        examples = phase.batch(step)[part * size : (part + 1) * size]
        seed = number(phase.seed, phase.name, step, part)
        return StepPart(examples, seed, phase.decode(examples, seed))


class _PackedSteps(Dataset[TensorBlock]):
    """The same in a worker; an error that a user can act on comes back as a value, for torch would wrap it."""

    def __init__(self, steps: StepDataset) -> None:
        self._steps = steps

    def __getitem__(self, at: int) -> TensorBlock:
        try:
            return pack(self._steps[at])
        except FashionBenchError as error:
            return pack((error.message, error.remedy))


def step_parts(phase: Phase, start: int, workers: int) -> Iterator[StepPart]:
    """Yield the parts of a phase's steps in their order.

    :param start: the first step.
    :param workers: processes that decode images ahead; with 0 this one decodes those of a part when it is its turn.
    :raises BackendError: where a worker was lost.
    :raises DataError: where an image cannot be read.
    """
    steps = StepDataset(phase)
    order = range(start * phase.config.accumulate, len(steps))
    # The loader draws a seed for its workers, which decode and draw nothing; not from the generator of the training.
    own = torch.Generator()
    if not workers:
        yield from DataLoader(steps, batch_size=None, sampler=order, collate_fn=_as_it_is, generator=own)
        return
    loader = DataLoader(
        _PackedSteps(steps),
        batch_size=None,
        sampler=order,
        num_workers=workers,
        collate_fn=_as_it_is,
        generator=own,
        # A copy of this process: openers of images are functions that nothing can pickle.
        multiprocessing_context="fork",
    )
    parts = iter(loader)
    while True:
        try:
            found = unpack(next(parts))
        except StopIteration:
            return
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            msg = f"a process that decodes images was lost: {str(error).partition(chr(10))[0]}"
            remedy = "the same command goes on from the last checkpoint; with fewer --workers it takes less memory"
            raise BackendError(msg, remedy=remedy) from error
        if not isinstance(found, StepPart):
            message, remedy = found
            raise DataError(message, remedy=remedy)
        yield found


def worker_count(wanted: int | None, *, kept: bool) -> int:
    """Say how many workers to start.

    :param wanted: as somebody asked for; None asks for as many as make sense.
    :param kept: whether an image is decoded once in all, so that there is nothing to do ahead.
    :raises ConfigError: where this system cannot start them.
    """
    can = "fork" in multiprocessing.get_all_start_methods()
    if wanted is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return 0 if kept or not can else min(MOST_WORKERS, cores // 2)
    if wanted and not can:
        msg = "workers that decode images are copies of this process, which this system cannot make"
        raise ConfigError(msg, remedy="leave --workers out, or say --workers 0")
    return wanted


def _as_it_is(part: Any) -> Any:
    return part
