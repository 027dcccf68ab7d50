"""Caption style as a measurement: whether a model writes as the instruction asks, data set by data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.diagnostics.caption_words import cider_of, words_of
from fashionbench.diagnostics.measurement import Estimate, Measurement, Reference, Verdict, absent
from fashionbench.diagnostics.resampling import averaged, jackknifed, shuffled
from fashionbench.diagnostics.style_counts import StyleCounts, distance_of
from fashionbench.diagnostics.verdicts import against_references
from fashionbench.errors import MetricError
from fashionbench.metrics.captioning.style_distance import style_distance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fashionbench.diagnostics.sample import TaskSample
    from fashionbench.diagnostics.system import Subject, System

    Places = NDArray[np.int64]
    #: Captions by place of the data set that they are of, and place of the data set whose instruction was given.
    Captions = dict[tuple[int, int], list[str]]

#: The failure, as it is called here.
ONE_FOR_ALL = "one instruction for all"
#: Above this share of captions that stay as they are under another instruction, it changes nothing.
UNCHANGED = 0.95
#: Data sets whose references gain less than this by their own style are written alike.
APART = 0.05

_STYLE = (
    "style distance (Jensen-Shannon distance of words and pairs of words) of captions asked for with the instruction "
    "of another data set, less that with their own; mean over data sets"
)
_CHANGED = "share of captions that another instruction changes"
_TITLES = {"style-gain": "Style by instruction", "instruction-changes": "Captions that the instruction changes"}


def measure_style(subject: Subject, trained_instruction: str) -> list[Measurement]:
    """Ask for captions of each data set with the instruction of each, and compare.

    :param trained_instruction: the one instruction of the training; empty where each data set has its own.
    """
    tasks = subject.sample.captioned()
    instructions = list(dict.fromkeys(task.instruction for task in tasks))
    why = subject.model.lacking("caption")
    if not why and len(tasks) < 2:
        why = "fewer than two data sets of the sample have an instruction for captions"
    if why:
        return [_absent(id_, why) for id_ in _TITLES]
    if len(instructions) < 2:
        words = f"all {len(tasks)} data sets are asked with {instructions[0]!r}: no instruction tells one from another"
        return [_named(id_, words) for id_ in _TITLES]
    return _Matrix(subject, tasks, trained_instruction).all()


class _Matrix:
    """Captions of every data set with every instruction, as many of each data set."""

    def __init__(self, subject: Subject, tasks: Sequence[TaskSample], trained_instruction: str) -> None:
        self._subject, self._tasks, self._trained = subject, tasks, trained_instruction
        self._count = min(len(task.held) for task in tasks)
        self._references = [[words_of(pair.text) for pair in task.held[: self._count]] for task in tasks]
        self._model = self._asked(subject.model)
        self._untrained = None if subject.untrained is None else self._asked(subject.untrained)

    def all(self) -> list[Measurement]:
        """Return both measurements; the matrix stands with the first."""
        return [self._gain(), self._changes()]

    def _asked(self, system: System) -> Captions:
        known: dict[tuple[int, str], list[str]] = {}
        captions: Captions = {}
        for of, task in enumerate(self._tasks):
            for asked, other in enumerate(self._tasks):
                key = (of, other.instruction)
                if key not in known:
                    said = system.caption(task.held[: self._count], other.instruction)
                    known[key] = [words_of(text) for text in said]
                captions[of, asked] = known[key]
        return captions

    def _gain(self) -> Measurement:
        counted = StyleCounts([text for texts in (*self._references, *self._everything()) for text in texts])
        wanted = [counted.of(texts) for texts in self._references]

        def gain(captions: Captions, kept: Places, swapped: NDArray[np.bool_] | None = None) -> float:
            own_first = np.ones(self._count, dtype=np.bool_) if swapped is None else ~swapped
            gains = []
            for of, asked in self._crossed():
                own, other = counted.of(captions[of, of]), counted.of(captions[of, asked])
                target = (wanted[of][0][kept], wanted[of][1][kept])
                sides = [
                    tuple(np.where(chosen[:, None], one, two)[kept] for one, two in zip(own, other, strict=True))
                    for chosen in (own_first, ~own_first)
                ]
                gains.append(distance_of(sides[1], target) - distance_of(sides[0], target))  # type: ignore[arg-type]
            return float(np.mean(gains))

        def estimated(captions: Captions) -> Estimate:
            return jackknifed(lambda kept: gain(captions, kept), self._count, self._subject.seed)

        places = np.arange(self._count)
        chance = shuffled(
            lambda rng: gain(self._model, places, rng.random(self._count) < 0.5), self._count, self._subject.seed
        )
        estimate = estimated(self._model)
        references = self._references_of("which instruction is the right one of each image", chance, estimated)
        verdict = against_references(
            estimate,
            *references,
            higher=True,
            fault=ONE_FOR_ALL,
            failed="captions are as far from the style of a data set with its own instruction",
        )
        apart = self._styles_apart()
        words = f"{verdict.words}; the references themselves are {apart:.3f} apart"
        if self._trained:
            verdict = Verdict("fault", f"{words}{self._said()}", ONE_FOR_ALL)
        elif apart < APART and verdict.level != "sound":
            verdict = Verdict(
                "unclear", f"{words}: the data sets are written alike, so that there is no style to follow"
            )
        else:
            verdict = Verdict(verdict.level, words, verdict.fault)
        return _made("style-gain", _STYLE, estimate, references, verdict, self._table())

    def _changes(self) -> Measurement:
        def changed(captions: Captions) -> Estimate:
            rows = [
                np.array([a != b for a, b in zip(captions[of, of], captions[of, asked], strict=True)], dtype=np.float64)
                for of, asked in self._crossed()
            ]
            clusters = [f"{at % self._count}" for at in range(self._count * len(rows))]
            return averaged(np.concatenate(rows), self._subject.seed, clusters, bounds=(0, 1))

        estimate = changed(self._model)
        chance = Estimate(0.0, None, "the same instruction twice gives the same captions", estimate.n)
        references = self._references_of("the same instruction in place of another", chance, changed)
        if 1 - estimate.value > UNCHANGED:
            words = f"{1 - estimate.value:.0%} of the captions are the same under another instruction{self._said()}"
            verdict = Verdict("fault", words, ONE_FOR_ALL)
        else:
            verdict = Verdict("described", f"another instruction changes {estimate.value:.0%} of the captions")
        return _made("instruction-changes", _CHANGED, estimate, references, verdict, {})

    def _crossed(self) -> list[tuple[int, int]]:
        """List data sets with another one whose instruction is not theirs."""
        places = range(len(self._tasks))
        instructions = [task.instruction for task in self._tasks]
        return [(of, asked) for of in places for asked in places if instructions[asked] != instructions[of]]

    def _everything(self) -> list[list[str]]:
        return [texts for one in (self._model, self._untrained or {}) for texts in one.values()]

    def _styles_apart(self) -> float:
        """Return what captions in each data set's own style would gain: references of another one against their own."""
        half = self._count // 2
        gains = []
        for of, own in enumerate(self._references):
            others = self._references[:of] + self._references[of + 1 :]
            gains += [distance(other[:half], own[half:]) - distance(own[:half], own[half:]) for other in others]
        return float(np.mean(gains))

    def _said(self) -> str:
        return f"; the training asked all data sets with {self._trained!r}" if self._trained else ""

    def _references_of(
        self, what: str, chance: Estimate, estimated: Callable[[Captions], Estimate]
    ) -> tuple[Reference, Reference]:
        untrained = None if self._untrained is None else estimated(self._untrained)
        return Reference(what, chance), Reference(self._subject.untrained_is, untrained)

    def _table(self) -> dict[str, dict[str, str]]:
        """Write style distance and CIDEr of each data set under each instruction."""
        return {
            task.task: {
                f"{self._tasks[asked].dataset}: {self._tasks[asked].instruction}": _cell(
                    self._model[of, asked], self._references[of], own=asked == of
                )
                for asked in range(len(self._tasks))
            }
            for of, task in enumerate(self._tasks)
        }


def distance(captions: Sequence[str], references: Sequence[str]) -> float:
    """Return the style distance of captions in words; 1 where no caption has a word."""
    try:
        return style_distance(captions, references)
    except MetricError:
        return 1.0


def _cell(captions: Sequence[str], references: Sequence[str], *, own: bool) -> str:
    value = f"style {distance(captions, references):.3f}, CIDEr {cider_of(captions, references).mean():.2f}"
    return f"{value} (its own)" if own else value


def _absent(id_: str, why: str) -> Measurement:
    return absent(id_, "caption style", _TITLES[id_], _STYLE if id_ == "style-gain" else _CHANGED, why)


def _named(id_: str, words: str) -> Measurement:
    return Measurement(
        id=id_,
        group="caption style",
        title=_TITLES[id_],
        meaning=_STYLE if id_ == "style-gain" else _CHANGED,
        estimate=None,
        shuffled=Reference(words),
        untrained=Reference(words),
        verdict=Verdict("fault", words, ONE_FOR_ALL),
    )


def _made(
    id_: str,
    meaning: str,
    estimate: Estimate,
    references: tuple[Reference, Reference],
    verdict: Verdict,
    table: dict[str, dict[str, str]],
) -> Measurement:
    return Measurement(
        id=id_,
        group="caption style",
        title=_TITLES[id_],
        meaning=meaning,
        estimate=estimate,
        shuffled=references[0],
        untrained=references[1],
        verdict=verdict,
        table=table,
    )
