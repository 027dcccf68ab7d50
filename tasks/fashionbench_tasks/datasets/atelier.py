"""Atelier as one data set: all of its layouts, each read by the loader of the real set."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from fashionbench.errors import DataError
from fashionbench_atelier.manifest import read_manifest
from fashionbench_tasks.datasets.cirr import CIRR
from fashionbench_tasks.datasets.dress_code import DressCode
from fashionbench_tasks.datasets.fashion200k import Fashion200K
from fashionbench_tasks.datasets.fashion_iq import FashionIQ
from fashionbench_tasks.datasets.fashion_iq_cap import FashionIQCap
from fashionbench_tasks.datasets.fashiongen import FashionGen
from fashionbench_tasks.datasets.hp_fashion_iq import HPFashionIQ
from fashionbench_tasks.datasets.lookbench import LookBench
from fashionbench_tasks.datasets.manifest import Manifest
from fashionbench_tasks.datasets.mbeir import MBeir
from fashionbench_tasks.datasets.mgd import MGD
from fashionbench_tasks.datasets.oacirr import OACIRR
from fashionbench_tasks.datasets.openvton import OpenVTON
from fashionbench_tasks.datasets.polyvore import Polyvore
from fashionbench_tasks.datasets.style_transfer import StyleTransfer
from fashionbench_tasks.datasets.viton_hd import VitonHD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from fashionbench.data.dataset import Dataset

LOADERS: Mapping[str, tuple[str, Callable[[Path], Dataset]]] = {
    "fashion-iq": ("fashion-iq", FashionIQ),
    "fashion-iq-cap": ("fashion-iq", FashionIQCap),
    "cirr": ("cirr", CIRR),
    "fashiongen": ("fashiongen", FashionGen),
    "fashiongen-h5": ("fashiongen-h5", FashionGen),
    "fashion200k": ("fashion200k", Fashion200K),
    "fashion200k-mbeir": ("fashion200k-mbeir", MBeir),
    "hp-fashion-iq": ("fashion-iq", HPFashionIQ),
    "lookbench": ("lookbench", LookBench),
    "oacirr": ("oacirr", OACIRR),
    "openvton": ("openvton", OpenVTON),
    "viton-hd": ("viton-hd", VitonHD),
    "mgd": ("viton-hd", MGD),
    "dress-code": ("dress-code", DressCode),
    "polyvore": ("polyvore", Polyvore),
    "style-transfer": ("style-transfer", StyleTransfer),
    "manifest-pairs": ("manifest-pairs", Manifest),
    "manifest-triplets": ("manifest-triplets", Manifest),
    "manifest-try-on": ("manifest-try-on", Manifest),
}
"""Name of a layout to its folder and its loader."""


class Atelier:
    """Every layout below a root folder; names are those of the layout's own loader behind the layout's name.

    :raises DataError: the folder is no whole Atelier.
    """

    def __init__(self, root: Path | None) -> None:
        if root is None:
            raise DataError(
                "Atelier needs a root folder", remedy="make one with 'fashionbench data make atelier --out FOLDER'"
            )
        self.root = root
        self.manifest = read_manifest(root)

    @cached_property
    def layouts(self) -> dict[str, Dataset]:
        """The layouts that are there; the HDF5 files are made on demand."""
        folders = {name: (self.root / folder, loader) for name, (folder, loader) in LOADERS.items()}
        return {
            name: loader(folder)
            for name, (folder, loader) in folders.items()
            if name != "fashiongen-h5" or self.manifest.sizes.get("h5")
        }

    def images(self) -> Mapping[str, Path]:
        """Return every image of every layout, without those that are left out of Fashion-IQ on purpose."""
        images = {f"{name}/{key}": path for name, data in self.layouts.items() for key, path in data.images().items()}
        return {key: path for key, path in images.items() if key not in self._left_out}

    @cached_property
    def _left_out(self) -> frozenset[str]:
        # The world is made again for these few names alone, so not before somebody asks.
        from fashionbench_atelier.ground_truth import truth  # noqa: PLC0415
        from fashionbench_atelier.layouts.fashion_iq import asin  # noqa: PLC0415

        world = truth(self.root).world
        names = [asin(product) for product, index in world.missing if index == 0]
        return frozenset(
            f"{layout}/{name}" for layout in ("fashion-iq", "fashion-iq-cap", "hp-fashion-iq") for name in names
        )

    def annotations(self) -> Mapping[str, Path]:
        """Return the annotation files of every layout."""
        return {f"{n}/{key}": path for n, data in self.layouts.items() for key, path in data.annotations().items()}

    def counts(self) -> Mapping[str, int]:
        """Count what every layout holds."""
        return {f"{n}/{key}": count for n, data in self.layouts.items() for key, count in data.counts().items()}

    def extra(self) -> list[str]:
        """List image files that no annotation names."""
        return sorted(f"{LOADERS[n][0]}/{key}" for n, data in self.layouts.items() for key in data.extra())
