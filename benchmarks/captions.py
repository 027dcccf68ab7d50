"""Caption metrics with intervals against plain pycocoevalcap without any: seconds, peak memory, and that numbers agree.

Each side runs in a process of its own. Memory is the larger of Python's peak and its largest child's, which is Java. The
package's tokeniser writes into its own folder, so a copy of it is used that lies elsewhere.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("bleu-1", "bleu-2", "bleu-3", "bleu-4", "rouge-l", "cider", "meteor")
WORDS = (
    "long short sleeve knit cotton jersey denim t-shirt shirt dress jacket trousers in navy blue black off-white red and "
    "with tonal stitching ribbed collar logo printed at chest hem cuffs zip closure front pockets slim fit high-rise of the"
).split()


def texts(count: int, references: int) -> tuple[list[str], list[list[str]]]:
    """Make captions of the length of FashionGen's, which share a part with a reference."""
    rng = random.Random(0)

    def one() -> str:
        return " ".join(rng.choices(WORDS, k=rng.randint(12, 40))).capitalize() + "."

    refs = [[one() for _ in range(references)] for _ in range(count)]
    return [" ".join(texts[0].split()[: rng.randint(3, 20)] + one().split()[:8]) for texts in refs], refs


@contextmanager
def timed(times: dict[str, float], name: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    times[name] = time.perf_counter() - begun


def ours(candidates: list[str], references: list[list[str]], times: dict[str, float]) -> dict[str, float]:
    from fashionbench.metrics.captioning import meteor, ngrams, ptb_tokenizer
    from fashionbench.statistics.bootstrap import bootstrap_interval
    from fashionbench.statistics.sums import resampled_interval

    with timed(times, "tokenise"):
        flat = iter(ptb_tokenizer.tokenised([*candidates, *(text for refs in references for text in refs)]))
        candidates = [next(flat) for _ in candidates]
        references = [[next(flat) for _ in refs] for refs in references]
    with timed(times, "bleu"):
        counts = ngrams.bleu_counts(candidates, references)
        found = {f"bleu-{order}": float(ngrams.bleu_score(counts.sum(axis=0), order)) for order in (1, 2, 3, 4)}
    values = {}
    for stage, name, metric in (("rouge", "rouge-l", ngrams.rouge_l), ("cider", "cider", ngrams.cider)):
        with timed(times, stage):
            values[name] = metric(candidates, references)
            found[name] = float(values[name].mean())
    with timed(times, "meteor"):
        summands = meteor.meteor_summands(meteor.meteor_statistics(candidates, references))
        found["meteor"] = float(meteor.meteor_score(summands.sum(axis=0)))
    ids = [str(i) for i in range(len(candidates))]
    with timed(times, "intervals"):
        for order in (1, 2, 3, 4):
            resampled_interval(counts, partial(ngrams.bleu_score, order=order), clusters=ids, seed=0)
        resampled_interval(summands, meteor.meteor_score, clusters=ids, seed=0)
        for rows in values.values():
            bootstrap_interval(rows, clusters=ids, strata=None, seed=0)
    return found


def plain(candidates: list[str], references: list[list[str]], times: dict[str, float]) -> dict[str, float]:
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.meteor.meteor import Meteor
    from pycocoevalcap.rouge.rouge import Rouge

    from fashionbench.metrics.captioning.java import packaged

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jar = packaged("tokenizer", "stanford-corenlp-3.4.1.jar")
        (folder / jar.name).symlink_to(jar)
        spec = importlib.util.spec_from_file_location(
            "p", shutil.copy(packaged("tokenizer", "ptbtokenizer.py"), folder)
        )
        assert spec and spec.loader
        module: Any = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        with timed(times, "tokenise"):
            tokenizer = module.PTBTokenizer()
            gts = tokenizer.tokenize({i: [{"caption": text} for text in refs] for i, refs in enumerate(references)})
            res = tokenizer.tokenize({i: [{"caption": text}] for i, text in enumerate(candidates)})
    found = {}
    with timed(times, "bleu"):
        scores, _ = Bleu(4).compute_score(gts, res, verbose=0)
        found.update({f"bleu-{order + 1}": scores[order] for order in range(4)})
    for stage, kind in (("rouge", Rouge), ("cider", Cider), ("meteor", Meteor)):
        with timed(times, stage):
            scorer = kind()
            found["rouge-l" if stage == "rouge" else stage] = float(scorer.compute_score(gts, res)[0])
            if stage == "meteor":  # or its memory would not be counted
                scorer.meteor_p.kill()
                scorer.meteor_p.wait()
    return found


def side(name: str, count: int, references: int) -> None:
    times: dict[str, float] = {}
    found = {"ours": ours, "plain": plain}[name](*texts(count, references), times)
    peaks = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(json.dumps({"times": times, "found": found, "python": peaks[0], "java": peaks[1]}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="500 captions")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--references", type=int, default=1)
    parser.add_argument("--side", choices=("ours", "plain"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    count = 500 if options.quick else options.count
    if options.side:
        side(options.side, count, options.references)
        return
    sides: dict[str, Any] = {}
    for name in ("ours", "plain"):
        words = ["--side", name, "--count", str(count), "--references", str(options.references)]
        ran = subprocess.run([sys.executable, __file__, *words], check=True, capture_output=True, text=True)
        sides[name] = json.loads(ran.stdout.splitlines()[-1])
    left, right = sides["ours"], sides["plain"]
    print(f"{count} captions, {options.references} reference(s) each")
    print(f"{'stage':12}{'ours s':>10}{'plain s':>10}{'ratio':>8}")
    for stage in (*right["times"], "all"):
        mine, theirs = (
            sum(s["times"][t] for t in right["times"]) if stage == "all" else s["times"][stage] for s in (left, right)
        )
        print(f"{stage:12}{mine:10.2f}{theirs:10.2f}{mine / theirs:8.2f}")
    print(f"{'intervals':12}{left['times']['intervals']:10.2f}{'none':>10}")
    for kind in ("python", "java"):
        print(f"{f'{kind} MB':12}{left[kind]:10.0f}{right[kind]:10.0f}{left[kind] / right[kind]:8.2f}")
    worst = max(abs(left["found"][name] - right["found"][name]) for name in NAMES)
    print(f"largest difference of a score: {worst:.1e}")


if __name__ == "__main__":
    main()
