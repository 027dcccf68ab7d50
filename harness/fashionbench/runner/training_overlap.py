"""Overlap of training data with the images and groups that a fold measures, found before a backend learns from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.data.item_hash import item_hash
from fashionbench.data.items import ComposedItem, ImageItem
from fashionbench.data.lazy_items import ComposedFile, ImageFile, opened
from fashionbench.errors import DataError, counted, first_names
from fashionbench.records.schema import PolicyFinding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.data.file_index import FileIndex
    from fashionbench.data.lazy_items import Source
    from fashionbench.data.measured_items import MeasuredItems
    from fashionbench.data.training_examples import TrainingData


def training_overlap(
    backend: str, training: TrainingData, measured: MeasuredItems, index: FileIndex | None
) -> list[PolicyFinding]:
    """Compare the training part of a fold with what the fold measures.

    Images count as the same where their ids agree or their contents do: the bytes of a file, else the pixels. An image
    that was encoded again has other bytes, and is found by its id or group alone.

    :param backend: its id, for the message.
    :returns: one finding on images and one on groups, or fewer.
    """
    findings: list[PolicyFinding] = []
    there = {name: image for source in measured.sources if (image := _image(source)) for name in (image.id,)}
    contents = _contents(there, index)
    learnt = _contents(training.images, index)
    known = set(contents.values())
    shared = sorted(name for name in training.images if name in there or learnt.get(name) in known)
    if shared:
        of = counted(len(training.images), "image")
        message = f"{len(shared)} of the {of} that {backend} learnt from (fold {training.fold}) are measured too"
        findings.append(PolicyFinding(kind="contamination", message=f"{message}: {first_names(shared)}"))
    groups = {names[2] for names in getattr(training.pairs, "names", None) or ()}
    common = sorted(groups & set(measured.groups))
    if common:
        of = counted(len(groups), "group")
        message = f"{len(common)} of the {of} that {backend} learnt from (fold {training.fold}) are measured too"
        findings.append(PolicyFinding(kind="overlap", message=f"{message}: {first_names(common)}"))
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
