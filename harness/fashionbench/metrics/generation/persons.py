"""Which generated images and real photos show the same person, from the clusters of predictions ``images/2``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import MetricError

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Persons:
    """The person on each image, as a number that both sides share.

    :param made: int64 [N], of each generated image.
    :param real: int64 [M], of each real photo.
    :param names: of the numbers from 0 on, where they are known.
    """

    made: IntArray
    real: IntArray
    names: tuple[str, ...] = ()

    @classmethod
    def apart(cls, made: int, real: int) -> Persons:
        """Return as many persons as there are images."""
        return cls(np.arange(made), np.arange(made, made + real))

    @property
    def count(self) -> int:
        """The number of different persons."""
        return int(self.present.size)

    @property
    def present(self) -> IntArray:
        """The numbers that occur, ascending, int64 [count]."""
        return np.unique(np.concatenate([self.made, self.real]))

    @property
    def on_both_sides(self) -> int:
        """The number of persons that stand on both sides."""
        return int(np.intersect1d(self.made, self.real).size)


def persons_of(table: pa.Table) -> Persons:
    """Read the persons of a table.

    :raises MetricError: where the predictions do not name them: those stored earlier have each image for a cluster.
    """
    columns = [table.column(name).to_pylist() for name in ("item_id", "cluster", "side")]
    rows = list(zip(*columns, strict=True))
    made, real = (
        [(item, cluster) for item, cluster, side in rows if side == wanted] for wanted in ("generated", "real")
    )
    known = {cluster for _, cluster in real}
    if all(item == cluster and cluster not in known for item, cluster in made):
        raise MetricError("the predictions do not say whom each image shows", remedy="run the cell again with --rerun")
    names = [cluster for _, cluster in (*made, *real)]
    different, found = np.unique(np.asarray(names, dtype=np.str_), return_inverse=True)
    codes = found.astype(np.int64)
    return Persons(codes[: len(made)], codes[len(made) :], tuple(different.tolist()))
