"""What a board is made of: tables of rows of values, under heads that say by what they are comparable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fashionbench.specs import Column

#: Marks that a row can carry, and what they mean.
MARKS = {
    "dirty": "measured by code with uncommitted changes",
    "unversioned": "measured by code that is neither an installed distribution nor in a git work tree",
    "partial": "a limited run: not all queries",
    "failed-seed": "a seed failed, and the value is over the others",
    "newer-run-failed": "a newer run failed, and the value is that of an older one",
    "privileged": "was shown the truth",
    "incomplete-data": "items of the data set were missing or unreadable",
    "truncated-lists": "imported lists end early: what lies behind is absent, and the reciprocal rank is a lower bound",
    "synthetic": "measured on generated data",
    "contaminated": "trained on this data set, or on images that it measures",
    "shared-groups": "learnt from other images or texts of products that are measured",
    "batch-dependent": "answers to some items were others in another batch",
    "not-the-published-data": "counts of the data set are not the published ones",
    "unrecognised-weights": "a network measured whose weights are none of the published files that are known",
    "few-images": "a distance that is biased at this few images; compare equal n alone",
    "lossy-predictions": "images were handed in under lossy compression, such as JPEG",
    "unused-predictions": "images were handed in that no item of the task asks for",
}


class Signature(NamedTuple):
    """What must be equal for two values to be compared."""

    protocol: str
    fingerprint: str
    implementation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One place in a table: a value, or the reason why there is none.

    :param value: the mean over seeds.
    :param bound: ``lower`` where the true value may be higher, as of imported lists that end early.
    :param interval: the 95 % interval over items. Of several seeds it is the mean of their intervals, as if all erred
        together, which is no narrower than the interval of the mean.
    :param standard_error: where there is no interval: of a distance whose value depends on the number of images, at
        this number.
    :param method: how interval or standard error were made, or why there is none.
    :param sd_over_seeds: the standard deviation over seeds, where there are several.
    :param n: the number of items; the smallest, where seeds differ.
    :param reason: why there is no value.
    :param note: what else a reader must know, such as a seed that failed.
    """

    value: float | None = None
    bound: str = ""
    interval: tuple[float, float] | None = None
    standard_error: float | None = None
    method: str = ""
    sd_over_seeds: float | None = None
    n: int = 0
    seeds: int = 0
    unit: str = ""
    reason: str = ""
    note: str = ""
    marks: tuple[str, ...] = ()
    records: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A backend, with the options that tell it from other rows.

    :param title: all its options, with hashes in full.
    """

    backend: str
    label: str
    attestation: str
    control: bool
    marks: tuple[str, ...]
    values: tuple[Value, ...]
    title: str = ""
    coverage: str = ""
    """In how many columns of the board it was measured, such as ``3 of 12``; empty where the board does not say."""


@dataclass(frozen=True, slots=True)
class Head:
    """A column, with the signature that all its values share; None where nothing was measured."""

    column: Column
    label: str
    signature: Signature | None
    higher_is_better: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """A row's value minus that of the reference row of its column.

    :param interval: the 95 % paired interval; only of a board that names a base.
    :param wins: items on which the row is better than the reference; None where there are no values by item.
    """

    difference: float
    interval: tuple[float, float] | None = None
    wins: int | None = None
    ties: int | None = None
    losses: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnTests:
    """What the tests of all pairs of rows say of one column.

    :param ranks: by row, the ranks that it may have, from best to worst; None for a row that takes no part, such as a
        control or a limited run.
    :param tied_with_best: by row, whether it cannot be told from the best one, itself included.
    :param groups: the largest groups of rows next to each other, best first, of which no two can be told apart; of two
        rows or more.
    :param detectable: the difference that two rows must have to be told apart with probability 0.8; None where no rows
        differ.
    :param reference: the row that ``against`` is counted from: the board's base, else the best row that takes part.
    :param base: whether the reference is the board's base.
    :param against: by row; None for the reference itself, and where there is no value.
    :param method: the test, and over how many rows.
    :param reason: why there are no ranks; empty where there are.
    """

    ranks: tuple[tuple[int, int] | None, ...]
    tied_with_best: tuple[bool, ...]
    groups: tuple[tuple[int, ...], ...] = ()
    detectable: float | None = None
    reference: int | None = None
    base: bool = False
    against: tuple[Against | None, ...] = ()
    method: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that may be compared.

    :param note: for a separate table, in what it differs from the main one.
    :param main: whether this is how the board measures, and no table of what was measured otherwise.
    :param tests: one a head, where the board was made with the predictions at hand; else empty.
    """

    title: str
    heads: tuple[Head, ...]
    rows: tuple[Row, ...]
    note: str = ""
    main: bool = True
    tests: tuple[ColumnTests, ...] = ()
