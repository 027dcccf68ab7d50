"""Overlap of training data with the images and groups that a fold measures, found before a backend learns from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fashionbench.data.item_hash import item_hash
from fashionbench.data.items import ComposedItem, ImageItem
from fashionbench.data.lazy_items import ComposedFile, ImageFile, opened
from fashionbench.errors import DataError, counted, first_names
from fashionbench.records.schema import PolicyFinding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fashionbench.data.file_index import FileIndex
    from fashionbench.data.lazy_items import Source
    from fashionbench.data.measured_items import MeasuredItems
    from fashionbench.data.training_examples import TrainingData


@dataclass(frozen=True, slots=True)
class Overlap:
    """What the training part of one fold shares with what the fold measures.

    :param learnt: how many images, or groups, there are in the training part.
    """

    fold: str
    images: tuple[str, ...]
    groups: tuple[str, ...]
    learnt: tuple[int, int]


def training_overlap(training: TrainingData, measured: MeasuredItems, index: FileIndex | None) -> Overlap:
    """Compare the training part of a fold with what the fold measures.

    Images count as the same where their ids agree or their contents do: the bytes of a file, else the pixels. An image
    that was encoded again has other bytes, and is found by its id or group alone.
    """
    there = {image.id: image for source in measured.sources if (image := _image(source))}
    contents = set(_contents(there, index).values())
    learnt = _contents(training.images, index)
    images = sorted(name for name in training.images if name in there or learnt.get(name) in contents)
    groups = {names[2] for names in getattr(training.pairs, "names", None) or ()}
    shared = sorted(groups & set(measured.groups))
    return Overlap(training.fold, tuple(images), tuple(shared), (len(training.images), len(groups)))


def overlap_findings(backend: str, overlaps: Sequence[Overlap]) -> list[PolicyFinding]:
    """Say what all folds share: one finding on images and one on groups, or fewer.

    :param backend: its id, for the message.
    """
    findings: list[PolicyFinding] = []
    kinds: tuple[tuple[Literal["contamination", "overlap"], str], ...] = (
        ("contamination", "image"),
        ("overlap", "group"),
    )
    for at, (kind, noun) in enumerate(kinds):
        hit = [one for one in overlaps if (one.images, one.groups)[at]]
        if hit:
            first = hit[0]
            shared = (first.images, first.groups)[at]
            message = (
                f"{len(shared)} of the {counted(first.learnt[at], noun)} that {backend} learnt from are measured too"
            )
            folds = f"fold {first.fold}" + (f", and {len(hit) - 1} folds more" if len(hit) > 1 else "")
            findings.append(PolicyFinding(kind=kind, message=f"{message} ({folds}): {first_names(shared)}"))
    return findings


def _image(source: Source) -> Source | None:
    """Return the image of a source under its own name; None where it has none."""
    match source:
        case ComposedFile():
            return ImageFile(source.path.stem, source.path)
        case ComposedItem():
            return ImageItem(source.id, source.image)
        case ImageFile() | ImageItem():
            return source
        case _:
            return source if hasattr(source, "at") else None


def _contents(images: Mapping[str, Source], index: FileIndex | None) -> dict[str, str]:
    """Hash images by name; those that cannot be read are left out."""
    files = {name: image.path for name, image in images.items() if isinstance(image, ImageFile)}
    found: dict[str, str] = {}
    if index is not None:
        there = {name: path for name, path in files.items() if path.is_file()}
        looked = index.look(there.values(), decode_images=False)
        found = {name: looked[path].sha256 for name, path in there.items()}
    for name, image in images.items():
        if name not in files:
            try:
                found[name] = item_hash(opened(image)).hex()
            except DataError:
                continue
    return found
