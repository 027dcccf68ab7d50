"""Adapters of a UniFashion model as measurements: which attributes a linear probe reads off before and after each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.diagnostics.caption_words import ATTRIBUTES, named_attributes
from fashionbench.diagnostics.linear_probe import LinearProbe
from fashionbench.diagnostics.measurement import Estimate, Measurement, Reference, Verdict, absent
from fashionbench.diagnostics.resampling import averaged, shuffled
from fashionbench.diagnostics.verdicts import against_references, beside
from fashionbench_unifashion.diagnosis.representations import CONDITION, PROMPT, STATES, of_both, represent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.diagnostics.sample import SampledPair
    from fashionbench.diagnostics.system import ProbedModel
    from fashionbench_unifashion.model.unifashion import UniFashion

    Rows = NDArray[np.float64]

#: Fewer items to fit on, or to test on, say nothing.
FEWEST_FITTED, FEWEST_TESTED = 20, 5
#: The failure, as it is called here.
ZEROS = "adapter of zeros"
#: An output that varies less between images, in relation to its largest value, is one output for all.
SAME = 1e-6

ADAPTERS = {"language-adapter": (PROMPT, "language model"), "diffusion-adapter": (CONDITION, "diffusion model")}
_AFTER = (
    "share of the attributes of held-out products that a linear probe, fitted on other products, reads off the "
    "adapter's output (Alain and Bengio, 2017)"
)
_LOST = "the same read off the Q-Former's states, less what is read off the adapter's output"


def measure_adapters(probed: ProbedModel) -> list[Measurement]:
    """Measure what is read off before and after each adapter."""
    task = next(
        (one for one in probed.sample.tasks if len(one.held) >= FEWEST_TESTED and len(one.learnt) >= FEWEST_FITTED),
        None,
    )
    if task is None:
        why = f"no task has {FEWEST_FITTED} products to fit probes on and {FEWEST_TESTED} held-out ones"
        return [one for name in ADAPTERS for one in _absent(name, why)]

    def work(model: UniFashion) -> _Probed:
        both = represent(model, probed, (*task.learnt, *task.held)).whole
        return _Probed.of(both, task.learnt, task.held)

    own, before = of_both(probed, work)
    made: list[Measurement] = []
    for name, (output, generator) in ADAPTERS.items():
        if output not in own.fit:
            made += _absent(name, f"the model has no {generator}")
        elif not own.attributes:
            made += _absent(name, "the texts name no category, colour, pattern or sleeve of the list")
        else:
            made += _of_adapter(probed, name, output, own, before)
    return made


@dataclass(frozen=True, slots=True)
class _Probed:
    """Representations of products to fit on and to test on, with the attributes that their texts name."""

    fit: dict[str, Rows]
    test: dict[str, Rows]
    fitted: list[dict[str, str]]
    tested: list[dict[str, str]]

    @classmethod
    def of(cls, both: dict[str, Rows], learnt: Sequence[SampledPair], held: Sequence[SampledPair]) -> _Probed:
        count = len(learnt)
        return cls(
            {name: values[:count] for name, values in both.items()},
            {name: values[count:] for name, values in both.items()},
            [named_attributes(pair.text) for pair in learnt],
            [named_attributes(pair.text) for pair in held],
        )

    @property
    def attributes(self) -> list[str]:
        """Attributes that both sides name, of more than one value."""
        return [
            name
            for name in ATTRIBUTES
            if len({one[name] for one in self.fitted if one[name]}) > 1
            and sum(bool(one[name]) for one in self.fitted) >= FEWEST_FITTED
            and sum(bool(one[name]) for one in self.tested) >= FEWEST_TESTED
        ]

    def reader(self, output: str) -> _Reader:
        """Prepare probes of a representation."""
        return _Reader(self, output)


class _Reader:
    """Linear probes of one representation, one an attribute."""

    def __init__(self, probed: _Probed, output: str) -> None:
        self._test = probed.test[output]
        self._parts = []
        for name in probed.attributes:
            fitted = [at for at, one in enumerate(probed.fitted) if one[name]]
            tested = [at for at, one in enumerate(probed.tested) if one[name]]
            labels = [probed.fitted[at][name] for at in fitted]
            wanted = [probed.tested[at][name] for at in tested]
            self._parts.append((name, LinearProbe(probed.fit[output][fitted]), labels, tested, wanted))

    def hits(self, rng: np.random.Generator | None = None) -> dict[str, NDArray[np.float64]]:
        """Tell what is read off right, by attribute.

        :param rng: shuffles the labels that the probes are fitted on.
        """
        return {
            name: probe.hits(
                labels if rng is None else [labels[at] for at in rng.permutation(len(labels))],
                self._test[tested],
                wanted,
            )
            for name, probe, labels, tested, wanted in self._parts
        }

    @property
    def items(self) -> list[str]:
        """The tested item of each hit, in their order."""
        return [str(at) for _, _, _, tested, _ in self._parts for at in tested]


def _of_adapter(probed: ProbedModel, name: str, output: str, own: _Probed, before: _Probed | None) -> list[Measurement]:
    states, after = own.reader(STATES), own.reader(output)
    read, left = states.hits(), after.hits()
    items = after.items
    seed = probed.seed

    def both(hits: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.concatenate(list(hits.values()))

    def estimated(values: NDArray[np.float64], low: float = 0.0) -> Estimate:
        return averaged(values, seed, items, bounds=(low, 1.0))

    estimate = estimated(both(left))
    chance = Reference(
        "labels among the products that the probe is fitted on",
        shuffled(lambda rng: float(both(after.hits(rng)).mean()), len(items), seed),
    )
    untrained, untrained_lost = Reference(probed.untrained_is), Reference(probed.untrained_is)
    if before is not None:
        kept, began = both(before.reader(output).hits()), both(before.reader(STATES).hits())
        untrained = Reference(probed.untrained_is, estimated(kept))
        untrained_lost = Reference(probed.untrained_is, estimated(began - kept, -1.0))
    lost = estimated(both(read) - both(left), -1.0)
    no_loss = Reference(
        "labels among the products that the probes are fitted on",
        shuffled(lambda rng: float((both(states.hits(rng)) - both(after.hits(rng))).mean()), len(items), seed),
    )
    same = is_same(np.vstack([own.fit[output], own.test[output]]))
    if same:
        said = f"{beside(estimate, chance, untrained)}: the adapter gives one output for every image"
        verdict = verdict_lost = Verdict("fault", said, ZEROS)
    else:
        verdict = against_references(
            estimate,
            chance,
            # What a random adapter keeps is no bar: random projections keep nearly everything.
            Reference(probed.untrained_is),
            higher=True,
            fault="adapter loses all attributes",
            failed="no attribute can be read off the adapter's output",
        )
        verdict_lost = _of_loss(lost, both(read))
    table = {
        attribute: {
            "before": f"{read[attribute].mean():.0%}",
            "after": f"{left[attribute].mean():.0%}",
            "most frequent value": _most_frequent(own, attribute),
            "items": str(len(left[attribute])),
        }
        for attribute in own.attributes
    }
    title = ADAPTERS[name][1]
    return [
        Measurement(
            id=f"{name}-attributes",
            group="adapters",
            title=f"Attributes behind the adapter to the {title}",
            meaning=_AFTER,
            estimate=estimate,
            shuffled=chance,
            untrained=untrained,
            verdict=verdict,
            table=table,
        ),
        Measurement(
            id=f"{name}-lost",
            group="adapters",
            title=f"Attributes lost in the adapter to the {title}",
            meaning=_LOST,
            estimate=lost,
            shuffled=no_loss,
            untrained=untrained_lost,
            verdict=verdict_lost,
        ),
    ]


def is_same(values: Rows) -> bool:
    """Tell whether all rows are equal but for rounding."""
    return bool(values.std(axis=0).max(initial=0.0) <= SAME * max(float(np.abs(values).max(initial=0.0)), 1e-30))


def _of_loss(lost: Estimate, read: NDArray[np.float64]) -> Verdict:
    share = f"{lost.value:.1%} of {read.mean():.1%} that are read off before are lost"
    if lost.interval is None:
        return Verdict("unclear", f"{share}; there is no interval: {lost.method}")
    if lost.interval[0] > 0:
        return Verdict("weak", f"{share}, more than none by its interval")
    return Verdict("sound", f"{share}, which may be none")


def _most_frequent(own: _Probed, attribute: str) -> str:
    """Return how often the most frequent value among the fitted is right: what a probe of nothing would reach."""
    named = [one[attribute] for one in own.fitted if one[attribute]]
    often = max(sorted(set(named)), key=named.count)
    tested = [one[attribute] for one in own.tested if one[attribute]]
    return f"{np.mean([one == often for one in tested]):.0%}"


def _absent(name: str, why: str) -> list[Measurement]:
    title = ADAPTERS[name][1]
    return [
        absent(f"{name}-attributes", "adapters", f"Attributes behind the adapter to the {title}", _AFTER, why),
        absent(f"{name}-lost", "adapters", f"Attributes lost in the adapter to the {title}", _LOST, why),
    ]
