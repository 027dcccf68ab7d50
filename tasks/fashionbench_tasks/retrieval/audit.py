"""Audits of retrieval tasks: files, counts, galleries, duplicates, split overlap and leaks of the query text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, cast

from fashionbench.canonical import digest
from fashionbench.data.dataset import Dataset, status
from fashionbench.errors import DataError, first_names
from fashionbench.files import regular_bytes
from fashionbench.predictions.id_matching import IdMatcher
from fashionbench.predictions.readers import read
from fashionbench.records.audits import Audit, Check, Level, Sheet, Verdict
from fashionbench.specs import resolve
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.fashion_iq import CATEGORIES, FashionIQ
from fashionbench_tasks.retrieval.candidates import Candidates
from fashionbench_tasks.retrieval.composed.queries import join
from fashionbench_tasks.retrieval.leakage import Asked, Probe, probe, verdict
from fashionbench_tasks.retrieval.text_baselines import words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import DatasetSpec, TaskSpec
    from fashionbench_tasks.retrieval.fold import Fold
    from fashionbench_tasks.retrieval.task import Retrieval


def fashion_iq(spec: TaskSpec, dataset: DatasetSpec, roots: DataRoots, gallery_text: Mapping[str, Path]) -> Audit:
    """Audit Fashion-IQ; needs the annotation files alone.

    :param gallery_text: by category, a JSON object of image id and text.
    :raises DataError: where a category is unknown, or a file holds something else.
    """
    root = place(spec, roots)
    data = FashionIQ(root)
    stray = sorted(set(gallery_text) - set(CATEGORIES))
    if stray:
        raise DataError(f"--gallery-text names {stray[0]!r}", remedy=f"categories are {', '.join(CATEGORIES)}")
    checks = [*_files(data, root, dataset, synthetic=spec.dataset != dataset.id), *_fashion_iq_checks(data)]
    probes: list[Probe] = []
    for category, path in gallery_text.items():
        gallery = data.union(category, "val") if spec.options["gallery"] == "val-union" else data.split(category, "val")
        given, unknown = read_texts(path, gallery, category)
        if unknown:
            checks.append(Check(f"texts of {category}", "note", f"{unknown} texts are of images outside the gallery"))
        texts = {name: given.get(name, "") for name in dict.fromkeys(gallery)}
        how = str(spec.options["join"])
        queries = [Asked(text, t.target) for t in data.triplets(category, "val") for text in join(t.captions, how)]
        probes.append(probe(category, queries, texts))
    evidence = {name: regular_bytes(path).hex() for name, path in gallery_text.items()}
    outcome: Verdict = cast("Verdict", verdict(probes)) if probes else "not probed"
    return Audit(
        spec.id, outcome, digest([spec.protocol.hash, evidence]), tuple(checks), _sheets(probes), _facts(probes)
    )


def retrieval(spec: TaskSpec, dataset: DatasetSpec, roots: DataRoots, gallery_text: Mapping[str, Path]) -> Audit:
    """Audit any retrieval task: files, galleries, duplicates, and what chance would score.

    :raises DataError: where gallery-side text is given, which this task has no use for.
    """
    if gallery_text:
        raise DataError(f"{spec.id} has no gallery-side text to probe", remedy="leave --gallery-text out")
    task = cast("Retrieval", cast("Any", resolve(spec.target))(spec, roots))
    info = task.info()
    data = cast("Dataset", cast("Any", resolve(dataset.target))(place(spec, roots)))
    checks = _files(data, place(spec, roots), dataset, synthetic=info.synthetic)
    sheets: list[Sheet] = []
    rows: list[tuple[str, ...]] = []
    # The galleries are those of the annotations, whether the images are there or not.
    for fold, here in zip(task.listed(), task.folds, strict=True):
        checks += _fold_checks(fold, here)
        candidates = Candidates(fold)
        width = max((candidates.count(query) for query in fold.asked), default=0)
        answers = [len(fold.positives.get(query.id, ())) for query in fold.queries]
        rows.append(
            (
                fold.name,
                str(len(fold.asked)),
                str(width),
                f"{sum(answers) / max(len(answers), 1):.3g}",
                f"{100 * min(1.0, 10 / width):.3g} %" if width else "none",
            )
        )
    columns = ("part", "queries", "candidates", "positives a query", "chance of recall@10")
    sheets.append(Sheet("galleries", columns, tuple(rows)))
    checks += [Check(name, "note", value) for name, value in info.facts.items()]
    facts = {"galleries": [dict(zip(columns, row, strict=True)) for row in rows]}
    return Audit(spec.id, "not probed", info.fingerprint, tuple(checks), tuple(sheets), facts)


def read_texts(path: Path, gallery: Sequence[str], part: str) -> tuple[dict[str, str], int]:
    """Read the text of each image of a gallery, in any form that captions are read in, and count those of others.

    :param part: the part of the task that the gallery is of.
    :raises DataError: naming the first entry that is no text, or where no id is of the gallery, or no text has a word.
    """
    loaded = read(path)
    given = loaded.captions
    if loaded.ranked and not given:
        name, ranked = next((n, r) for n, r in loaded.rankings.items() if len(r.ids) != 1)
        raise DataError(f"{path}: the text of {name!r} is a list of {len(ranked.ids)}", remedy="write one text an id")
    if not given:
        raise DataError(f"{path} holds no texts by image id", remedy='write {"image id": "text", ...}')
    images = IdMatcher(gallery)
    texts: dict[str, str] = {}
    outside = 0
    for name, text in given.items():
        found = images.find(name)
        if found is None:
            outside += 1
        elif found in texts:
            raise DataError(f"{path} has two texts of {found!r}, one as {name!r}", remedy="keep one")
        else:
            texts[found] = text
    if not texts:
        msg = f"0 of the {len(given)} ids of {path} are in the gallery of {part}; it has {next(iter(given))}, "
        raise DataError(msg + f"the gallery has {images.names[0]}", remedy="write the ids of the gallery")
    if not any(words(text) for text in texts.values()):
        msg = f"none of the {len(texts)} texts of {path} has a word in it"
        raise DataError(msg, remedy="check the file; without texts there is nothing to probe")
    return texts, outside


def _files(data: Dataset, root: Path, spec: DatasetSpec, *, synthetic: bool) -> list[Check]:
    state = status(spec.id, data, root, {} if synthetic else spec.expected)
    checks: list[Check] = []
    for name, (here, published) in state.counts.items():
        if published is not None:
            # A split that is not there at all was left out on purpose; half a split was not.
            level: Level = "ok" if here == published else "fault" if here else "note"
            checks.append(Check(f"count {name}", level, f"{here}, published {published}"))
    if state.missing:
        checks.append(Check("missing images", "note", f"{len(state.missing)} of {state.images}"))
    else:
        checks.append(Check("missing images", "ok", f"none of {state.images}"))
    if state.synthetic:
        checks.append(Check("generated twin", "note", "these are not the real data"))
    return checks


def _fashion_iq_checks(data: FashionIQ) -> list[Check]:
    checks: list[Check] = []
    present = data.annotations()
    for category in CATEGORIES:
        triplets, gallery = data.triplets(category, "val"), set(data.split(category, "val"))
        outside = [t.id for t in triplets if t.target not in gallery]
        level: Level = "fault" if outside else "ok"
        checks.append(Check(f"targets of {category} in the gallery", level, first_names(outside, 3)))
        named = data.split(category, "val")
        level = "fault" if len(named) != len(gallery) else "ok"
        repeated = first_names([name for name, count in Counter(named).items() if count > 1], 3)
        checks.append(Check(f"repetitions in the gallery of {category}", level, repeated))
        empty = sum(not text.strip() for t in triplets for text in t.captions)
        occurrences: dict[tuple[str, tuple[str, str]], int] = {}
        for t in triplets:
            occurrences[t.reference, t.captions] = occurrences.get((t.reference, t.captions), 0) + 1
        alike = sum(count for count in occurrences.values() if count > 1)
        checks.append(
            Check(f"captions of {category}", "note", f"{empty} empty; {alike} queries that another one equals")
        )
        if f"split/{category}/train" in present:
            for other in CATEGORIES:
                if f"split/{other}/train" in present:
                    shared = len(gallery & set(data.split(other, "train")))
                    level = "fault" if shared and other == category else "note" if shared else "ok"
                    checks.append(Check(f"val of {category} in train of {other}", level, f"{shared} images"))
    return checks


def _fold_checks(fold: Fold, here: Fold) -> list[Check]:
    """Check a fold as the annotations list it, and as its images are here."""
    checks = [Check(f"positives of {fold.name} in the gallery", "ok")]
    unanswered = sum(not here.positives.get(query.id) for query in here.queries)
    if unanswered or here.unavailable:
        detail = f"{unanswered} without a positive, {len(here.unavailable)} whose file is missing; all count as misses"
        checks.append(Check(f"queries of {fold.name}", "note", detail))
    texts = [source.text for source in fold.gallery if hasattr(source, "text")]
    if texts and len(set(texts)) < len(texts):
        detail = f"{len(texts) - len(set(texts))} texts of the gallery stand there already"
        checks.append(Check(f"duplicates of {fold.name}", "note", detail))
    return checks


def _sheets(probes: list[Probe]) -> tuple[Sheet, ...]:
    if not probes:
        return ()
    names = ("tfidf", "bm25", "shuffled", "chance")
    rows = [(p.part, *(f"{100 * v:.2f}" for n in names for v in p.recalls[n])) for p in probes]
    mean = [sum(p.recalls[n][i] for p in probes) / len(probes) for n in names for i in (0, 1)]
    rows.append(("mean", *(f"{100 * value:.2f}" for value in mean)))
    columns = ("part", *(f"{name} R@{k}" for name in names for k in (10, 50)))
    signs = [
        (p.part, s.name, s.here, s.elsewhere, f"{s.p:.2g}", "leak" if s.leak else "") for p in probes for s in p.signs
    ]
    return (
        Sheet("text-only retrieval of the target, per cent", columns, tuple(rows)),
        Sheet("signs of a leak", ("part", "sign", "on targets", "elsewhere", "p", ""), tuple(signs)),
    )


def _facts(probes: list[Probe]) -> dict[str, Any]:
    parts = {
        p.part: {
            "queries": p.queries,
            "gallery": p.gallery,
            "texts": p.texts,
            "recalls": {name: {"R@10": values[0], "R@50": values[1]} for name, values in p.recalls.items()},
            "signs": {
                s.name: {"on targets": s.here, "elsewhere": s.elsewhere, "p": s.p, "leak": s.leak} for s in p.signs
            },
        }
        for p in probes
    }
    if not probes:
        return {}
    mean = {
        name: {f"R@{k}": sum(p.recalls[name][i] for p in probes) / len(probes) for i, k in enumerate((10, 50))}
        for name in ("tfidf", "bm25", "shuffled", "chance")
    }
    return {"parts": parts, "mean": mean}
