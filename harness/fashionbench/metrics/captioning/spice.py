"""SPICE, where the language models that it needs have been put beside the package that has the rest of it.

The package ``pycocoevalcap`` comes without the Stanford CoreNLP 3.6.0 models (0.5 GB, GPL) and downloads them into
itself. Nothing is downloaded here: without them the metric is absent, and says so.

The program parses captions in one process, a thread for each processor (``SpiceArguments`` in ``spice-1.0.jar``), so
that further processes would share the same cores, each with a heap of 8 GB and the models in it once more. It writes
its results through a JavaScript engine (``SpiceScorer``), which is no part of Java from version 15 on (JEP 372).
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import MetricError
from fashionbench.metrics.captioning.java import find_java, packaged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PROGRAM = ("spice", "spice-1.0.jar")
#: The last Java with the JavaScript engine through which the program writes.
NEWEST_JAVA = 14
MODELS = ("stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar")


def spice(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """Compute the F-measure of SPICE of each tokenised candidate, as [N] in [0, 1] (P. Anderson et al., ECCV 2016).

    The package writes its temporary files and its cache into itself, so it must be writable.

    :raises MetricError: where the models, a Java up to 14 or write access are missing, the program fails, or gives no
        number.
    """
    folder = packaged(*PROGRAM).parent
    lacking = [name for name in MODELS if not (folder / "lib" / name).is_file()]
    if lacking:
        msg = f"SPICE needs {' and '.join(lacking)}, which pycocoevalcap does not bring along"
        raise MetricError(msg, remedy=f"put them from stanford-corenlp-full-2015-12-09.zip into {folder / 'lib'}")
    if not os.access(folder, os.W_OK):
        raise MetricError(f"SPICE writes into {folder}, which is read-only", remedy="install into a folder of your own")
    version = find_java(home=False).version
    if version > NEWEST_JAVA:
        msg = f"SPICE 1.0 writes its results through a JavaScript engine, which Java {version} lacks"
        raise MetricError(msg, remedy=f"put a Java of version 8 to {NEWEST_JAVA} first on PATH")
    from pycocoevalcap.spice.spice import Spice  # noqa: PLC0415

    rows = range(len(candidates))
    try:
        _, found = Spice().compute_score(
            {row: list(references[row]) for row in rows}, {row: [candidates[row]] for row in rows}
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise MetricError(f"SPICE failed: {error}", remedy="it needs 8 GB of memory") from error
    values = np.array([scores["All"]["f"] for scores in found], dtype=np.float64)
    if not np.isfinite(values).all():
        raise MetricError(f"SPICE gave no number for {int((~np.isfinite(values)).sum())} captions")
    return values
