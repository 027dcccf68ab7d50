"""What a metric is given and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from fashionbench.errors import MetricError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from fashionbench.metrics.image_access import ImageAccess


@dataclass(frozen=True, slots=True)
class MetricArguments:
    """What a metric is given beside the predictions.

    :param cutoffs: the k of a name such as ``hit@10`` or ``mean-recall@10,50``; empty where the name has none.
    :param card: the fields of the protocol card, such as ``tie_rule``.
    :param images: the images behind predictions of the schema ``images/2``; None for others.
    """

    cutoffs: tuple[int, ...]
    card: Mapping[str, Any]
    images: ImageAccess | None = None

    def require_images(self) -> ImageAccess:
        """Return the images.

        :raises MetricError: where the metric was called without them.
        """
        if self.images is None:
            raise MetricError("this metric needs the images, and was called without access to them")
        return self.images

    @property
    def cutoff(self) -> int:
        """The only cut-off.

        :raises MetricError: where there is none, or several.
        """
        if len(self.cutoffs) != 1:
            raise MetricError("this metric needs one cut-off", remedy="write it as in hit@10")
        return self.cutoffs[0]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a metric found.

    :param values: one value a row of predictions, from which value, interval and slices follow; or None. NaN is a value
        that the predictions do not tell, and infinity a rank beyond the end of a list; where the whole or a slice
        cannot be had without it, that is absent.
    :param rows: which rows of the predictions the values are of; None for all.
    :param n: the number of items behind ``value``, or behind all values by row, where it is not the number of rows.
    :param statistic: how rows are brought together.
    :param average: over what, where the metric decides that instead of the card: ``queries`` or ``slices``.
    :param value: the value of a metric that has none by row, such as BLEU or FID.
    :param interval: its 95 % interval, where the metric can give one.
    :param standard_error: its standard error at this number of items, where an interval would be taken for one of what
        the value tends to, as with FID.
    :param influences: by unit that was drawn, such as a person, by how much it moves ``value``; those of two systems
        on the same units give the error of their difference.
    :param method: how interval or standard error were made, or why there is none; of values by row, what else a reader
        must know.
    :param weights: fingerprint of the network that measured; values of two networks are not comparable.
    :param published: the name of the network's weights, where no extractor of the specification says it.
    :param unknown: why values by row are not told.
    :param at_least: which rows hold a lower bound of their value; None for none.
    """

    values: NDArray[np.float64] | None = None
    rows: NDArray[np.bool_] | None = None
    statistic: Literal["mean", "median"] = "mean"
    average: Literal["", "queries", "slices"] = ""
    value: float | None = None
    interval: tuple[float, float] | None = None
    standard_error: float | None = None
    method: str = ""
    n: int | None = None
    weights: str = ""
    published: str = ""
    unknown: str = ""
    at_least: NDArray[np.bool_] | None = None
    influences: Mapping[str, float] = field(default_factory=dict)


class Metric(Protocol):
    """What the target of a metric specification is."""

    def __call__(self, table: pa.Table, arguments: MetricArguments) -> Outcome:
        """Compute it from a table of predictions."""
        ...
