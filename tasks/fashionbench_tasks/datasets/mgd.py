"""MGD (Baldrati et al., ICCV 2023): noun chunks and sketches for VITON-HD and Dress Code persons.

``captions.json`` maps a garment to its noun chunks, joined by ", "; sketches of the person's own garment lie in
``test/im_sketch``, those of the unpaired one in ``test/im_sketch_unpaired/<person>_<garment>.png``. Facts from
aimagelab/multimodal-garment-designer, whose metric code is not released.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import DataError
from fashionbench_tasks.datasets.image_folder import AnyExtension
from fashionbench_tasks.datasets.readers import first_of, read_json
from fashionbench_tasks.datasets.viton_hd import Pairing, VitonHD

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EXPECTED = {"pairs/test": 2032}


class MGD:
    """The VITON-HD part of MGD: a VITON-HD folder with captions and sketches added."""

    def __init__(self, root: Path | None) -> None:
        if root is None:
            raise DataError("MGD needs a root folder", remedy="pass --data mgd=FOLDER")
        self.root = root
        self.base = VitonHD(root)
        self._files = AnyExtension()
        self._captions_path = first_of(root, ("captions.json",), "captions.json")
        loaded = read_json(self._captions_path)
        if not isinstance(loaded, dict) or not all(isinstance(chunks, list) for chunks in loaded.values()):
            raise DataError(f"{self._captions_path} does not map garments to chunks", remedy="fetch it again")
        self._chunks: dict[str, list[str]] = loaded

    def text(self, garment: str) -> str:
        """Return the noun chunks of a garment, joined by ", ".

        :raises DataError: where the garment has none.
        """
        number = garment.partition("_")[0]
        chunks = self._chunks.get(number) or self._chunks.get(garment)
        if not chunks:
            raise DataError(f"{self._captions_path} has no chunks of {garment}", remedy="fetch it again")
        return ", ".join(map(str, chunks))

    def sketch(self, pair: Pairing, *, paired: bool, split: str = "test") -> Path:
        """Return the sketch for a pair; it need not exist."""
        if paired:
            return self._files.find(self.base.folder(split) / "im_sketch" / f"{pair.person}.png")
        folder = self.base.folder("test") / "im_sketch_unpaired"
        return self._files.find(folder / f"{pair.person}_{pair.garment}.png")

    def sketches(self, *, paired: bool) -> bool:
        """Tell whether the test split has a folder of sketches at all."""
        return (self.base.folder("test") / ("im_sketch" if paired else "im_sketch_unpaired")).is_dir()

    def images(self) -> Mapping[str, Path]:
        """Return the photos and the sketches of the test split."""
        images = {name: path for name, path in self.base.images().items() if name.startswith("test/")}
        for pair in self.base.pairs("test", paired=True):
            images[f"test/im_sketch/{pair.person}"] = self.sketch(pair, paired=True)
        for pair in self.base.pairs("test", paired=False):
            images[f"test/im_sketch_unpaired/{pair.person}_{pair.garment}"] = self.sketch(pair, paired=False)
        return images

    def annotations(self) -> Mapping[str, Path]:
        """Return captions and lists of pairs."""
        return {**self.base.annotations(), "captions": self._captions_path}

    def counts(self) -> Mapping[str, int]:
        """Count test pairs and captions."""
        return {"pairs/test": len(self.base.pairs("test", paired=True)), "captions": len(self._chunks)}

    def extra(self) -> list[str]:
        """List sketches that no pair names."""
        known = set(self.images().values())
        files = [p for f in ("im_sketch", "im_sketch_unpaired") for p in (self.base.folder("test") / f).glob("*.png")]
        return sorted(str(path.relative_to(self.root)) for path in files if path not in known)
