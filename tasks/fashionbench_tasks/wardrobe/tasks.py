"""Retrieval on the wardrobe: train on two artists, measure on the third, in all three rotations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.items import TextItem
from fashionbench.data.lazy_items import ImageFile
from fashionbench.data.roots import inside
from fashionbench.data.training_examples import Pair, TrainingData
from fashionbench_tasks.retrieval.fold import Fold
from fashionbench_tasks.retrieval.task import Retrieval
from fashionbench_tasks.wardrobe.dataset import ARTISTS, Garment, data_root, garments

if TYPE_CHECKING:
    from fashionbench.data.integrity import Survey
    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec

DATASET = "wardrobe-emoji"


class Wardrobe:
    """The garments, and which of their images are missing or unreadable."""

    def __init__(self, roots: DataRoots) -> None:
        self.root = roots.find(DATASET)
        self.garments = garments(self.root)
        folder = data_root(self.root)
        self.images = {
            f"{artist}/{garment.id}": inside(folder, f"images/{artist}/{garment.id}.png")
            for artist in ARTISTS
            for garment in self.garments
        }
        self.checked: Survey = survey(self.images, {"garments": folder / "garments.json"}, cache=roots.index)

    def info(self, queries: int, gallery: int) -> DataInfo:
        """Describe the data of a task."""
        sizes = {"queries": queries, "gallery": gallery}
        return DataInfo.of(self.checked, sizes)

    def drawn(self, artist: str) -> list[Garment]:
        """List the garments whose drawing can be read."""
        return [g for g in self.garments if f"{artist}/{g.id}" not in self.checked.absent]

    def unavailable(self, artist: str) -> tuple[str, ...]:
        """List the drawings that cannot be read."""
        return tuple(f"{artist}/{g.id}" for g in self.garments if f"{artist}/{g.id}" in self.checked.absent)

    def image(self, artist: str, garment: Garment) -> ImageFile:
        """Return a drawing."""
        name = f"{artist}/{garment.id}"
        return ImageFile(name, self.images[name])

    def training(self, held_out: str) -> TrainingData:
        """Pair the drawings of the other artists with their captions."""
        artists = [artist for artist in ARTISTS if artist != held_out]
        drawings = [self.image(artist, garment) for artist in artists for garment in self.drawn(artist)]
        return TrainingData(held_out, pairs=_Pairs(self, artists), images={image.id: image for image in drawings})


class _Pairs(Sequence[Pair]):
    """Pairs that read their image when they are indexed."""

    def __init__(self, wardrobe: Wardrobe, artists: Sequence[str]) -> None:
        self._wardrobe = wardrobe
        self._entries = [(artist, garment) for artist in artists for garment in wardrobe.drawn(artist)]
        self.names = [(f"{artist}/{garment.id}", garment.caption, garment.id) for artist, garment in self._entries]

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, at: int) -> Pair:  # type: ignore[override]
        artist, garment = self._entries[at]
        image = self._wardrobe.image(artist, garment).open()
        return Pair(image, TextItem(f"caption/{garment.id}", garment.caption), garment.id)

    def __iter__(self) -> Iterator[Pair]:
        return (self[at] for at in range(len(self)))


def image_to_text(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Find the caption of each drawing of the held-out artist."""
    wardrobe = Wardrobe(roots)
    captions = [TextItem(f"caption/{g.id}", g.caption) for g in wardrobe.garments]

    def folds() -> list[Fold]:
        return [
            Fold(
                name=artist,
                queries=[wardrobe.image(artist, g) for g in wardrobe.drawn(artist)],
                gallery=captions,
                positives={f"{artist}/{g.id}": [f"caption/{g.id}"] for g in wardrobe.garments},
                clusters={f"{artist}/{g.id}": g.id for g in wardrobe.garments},
                training=wardrobe.training(artist),
                unavailable=wardrobe.unavailable(artist),
            )
            for artist in ARTISTS
        ]

    return Retrieval(spec, wardrobe.info(len(ARTISTS) * len(captions), len(captions)), folds)


def text_to_image(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Find the drawing of the held-out artist for each caption."""
    wardrobe = Wardrobe(roots)

    def folds() -> list[Fold]:
        return [
            Fold(
                name=artist,
                queries=[TextItem(f"caption/{g.id}", g.caption) for g in wardrobe.garments],
                gallery=[wardrobe.image(artist, g) for g in wardrobe.drawn(artist)],
                positives={f"caption/{g.id}": [f"{artist}/{g.id}"] for g in wardrobe.drawn(artist)},
                clusters={f"caption/{g.id}": g.id for g in wardrobe.garments},
                training=wardrobe.training(artist),
            )
            for artist in ARTISTS
        ]

    count = len(wardrobe.garments)
    return Retrieval(spec, wardrobe.info(len(ARTISTS) * count, count), folds)


def image_to_image(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Find both other artists' drawings of each garment that the held-out artist drew."""
    wardrobe = Wardrobe(roots)

    def folds() -> list[Fold]:
        all_folds: list[Fold] = []
        for artist in ARTISTS:
            others = [other for other in ARTISTS if other != artist]
            gallery = [wardrobe.image(other, g) for other in others for g in wardrobe.drawn(other)]
            names = {source.id for source in gallery}
            answers = {g.id: [f"{o}/{g.id}" for o in others if f"{o}/{g.id}" in names] for g in wardrobe.garments}
            all_folds.append(
                Fold(
                    name=artist,
                    queries=[wardrobe.image(artist, g) for g in wardrobe.drawn(artist)],
                    gallery=gallery,
                    positives={f"{artist}/{g.id}": answers[g.id] for g in wardrobe.garments},
                    clusters={f"{artist}/{g.id}": g.id for g in wardrobe.garments},
                    training=wardrobe.training(artist),
                    unavailable=wardrobe.unavailable(artist),
                )
            )
        return all_folds

    count = len(wardrobe.garments)
    return Retrieval(spec, wardrobe.info(len(ARTISTS) * count, (len(ARTISTS) - 1) * count), folds)
