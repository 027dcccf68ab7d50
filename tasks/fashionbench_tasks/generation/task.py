"""Try-on and design: ask for pictures, measure each against its truth, and take features of both sides."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from fashionbench.data.ground_truth import Truth
from fashionbench.data.images import read_rgb
from fashionbench.data.items import DesignItem, TryOnItem
from fashionbench.errors import DataError, FashionBenchError, MetricError
from fashionbench.extractors.base import JointExtractor
from fashionbench.metrics.generation.pairwise import CLIP, clip_score, compare, lpips, lpips_missing
from fashionbench.predictions.base import Predictions
from fashionbench.predictions.images import SCHEMA, Picture, imagery_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from fashionbench.data.info import DataInfo
    from fashionbench.data.training_examples import TrainingData
    from fashionbench.extractors.base import Extractor
    from fashionbench.runner.bound_backend import BoundBackend
    from fashionbench.runner.session import Session
    from fashionbench.specs import TaskSpec

    Pixels = NDArray[np.uint8]

FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "bilinear": Image.Resampling.BILINEAR,
}


def _no_paths() -> Mapping[str, Path]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Commission:
    """One picture to make.

    :param truth: the photo that should come out, or None in the unpaired setting.
    :param text: for design, the wanted garment in words.
    :param garment: for try-on, its photo; for design, its sketch, or None.
    """

    id: str
    slice: str
    person: Path
    garment: Path | None
    truth: Path | None
    text: str = ""
    conditions: Mapping[str, Path] = field(default_factory=_no_paths)


@dataclass(frozen=True, slots=True)
class Size:
    """How pictures are brought to one size: width, height and the filter's name; masks are always taken nearest."""

    width: int
    height: int
    filter: str

    def read(self, path: Path) -> Image.Image:
        """Read an RGB picture at this size."""
        image = read_rgb(path)
        wanted = (self.width, self.height)
        return image if image.size == wanted else image.resize(wanted, FILTERS[self.filter])

    def read_mask(self, path: Path) -> Image.Image:
        """Read a mask at this size."""
        return read_rgb(path).convert("L").resize((self.width, self.height), Image.Resampling.NEAREST)


@dataclass(frozen=True, slots=True)
class Opening:
    """A commission as an item that is read when its batch comes up."""

    order: Commission
    size: Size

    @property
    def id(self) -> str:
        """The id of the commission."""
        return self.order.id

    def open(self) -> TryOnItem | DesignItem:
        """Read all its pictures."""
        order, size = self.order, self.size
        conditions = {
            name: size.read_mask(path) if "mask" in name else size.read(path) for name, path in order.conditions.items()
        }
        person = size.read(order.person)
        garment = size.read(order.garment) if order.garment else None
        if order.text:
            return DesignItem(order.id, person, order.text, garment, conditions)
        if garment is None:
            raise DataError(f"{order.id} has neither a garment nor a text", remedy="check the lists of pairs")
        return TryOnItem(order.id, person, garment, conditions)


class Generation:
    """A try-on or design task.

    :param orders: what to make; ids are unique, and no photo stands on the real side twice.
    :param real: the photos that a distance compares with, by name.
    """

    def __init__(
        self,
        spec: TaskSpec,
        info: DataInfo,
        orders: Sequence[Commission],
        real: Mapping[str, Path],
        size: Size,
        training: TrainingData | None = None,
    ) -> None:
        if len({order.id for order in orders}) != len(orders):
            raise DataError(f"{spec.id}: two pairings have one id", remedy="fetch the list of pairs again")
        self.spec = spec
        self.orders = orders
        self.real = real
        self.size = size
        self._info = info
        self._training = training

    def info(self) -> DataInfo:
        """Return the data as they were found."""
        return self._info

    def training(self) -> TrainingData | None:
        """Return the training part, at the size of the task's pictures."""
        return self._training

    def evaluated(self) -> frozenset[str]:
        """Return the file names of all persons and garments, as ids of training images have them."""
        paths = [path for order in self.orders for path in (order.person, order.garment) if path]
        return frozenset(f"{path.parent.name}/{path.stem}" for path in (*paths, *self.real.values()))

    def predict(self, session: Session) -> Predictions:
        """Make every picture, and measure it."""
        orders = self.orders[: session.limit] if session.limit else self.orders
        extractors, absent = self._extractors(session)
        missing = lpips_missing()
        if missing:
            absent["lpips-alex"] = missing
        if CLIP in absent:
            absent["clip-s"] = absent[CLIP]
        session.expect_fit([self._training])
        session.expect("design" if self.spec.kind == "fashion-design" else "try-on", len(orders))
        truth = Truth(images=_Truths([order for order in orders if order.truth], self.size))
        with session.fold(self._training, truth) as answers:
            rows = [self._row(order, made, extractors, session) for order, made in self._made(orders, answers)]
        rows += self._real_rows(extractors)
        used = {e.id: e.fingerprint for e in extractors}
        return Predictions(SCHEMA, imagery_table(rows, used, absent))

    def _made(self, orders: Sequence[Commission], answers: BoundBackend) -> Iterator[tuple[Commission, Pixels]]:
        by_id = {order.id: order for order in orders}
        sources = [Opening(order, self.size) for order in orders]
        call = answers.design if self.spec.kind == "fashion-design" else answers.try_on
        for name, picture in call(sources):
            yield by_id[name], picture

    def _row(self, order: Commission, made: Pixels, extractors: Sequence[Extractor], session: Session) -> Picture:
        if self.spec.options.get("repaint"):
            made = self._repainted(order, made)
        buffer = io.BytesIO()
        Image.fromarray(made).save(buffer, "PNG")
        values: dict[str, float] = {}
        if order.truth is not None:
            mask = order.conditions.get("garment-mask") or order.conditions.get("agnostic-mask")
            inside = np.asarray(self.size.read_mask(mask)) > 127 if mask else None
            truth = np.asarray(self.size.read(order.truth))
            values = compare(made, truth, inside)
            if not lpips_missing():
                values["lpips-alex"] = lpips(made, truth)
        features = {extractor.id: extractor.features([made])[0] for extractor in extractors}
        for extractor in extractors:
            if extractor.id == CLIP and isinstance(extractor, JointExtractor) and order.text:
                text = extractor.text_features([order.text])
                values["clip-s"] = clip_score(features[CLIP], text.features[0], order.id)
                values["clip-s-tokens-cut"] = float(text.cut[0])
        return Picture(
            order.id,
            order.slice,
            order.id,
            "generated",
            made.shape[1],
            made.shape[0],
            session.keep(buffer.getvalue()),
            values,
            features,
        )

    def _repainted(self, order: Commission, made: Pixels) -> Pixels:
        """Paste the person back outside the agnostic mask, which flatters every metric and changes no garment."""
        if "agnostic-mask" not in order.conditions:
            raise DataError(
                f"{order.id} has no agnostic mask to repaint outside of", remedy="use a task without repaint"
            )
        inside = np.asarray(self.size.read_mask(order.conditions["agnostic-mask"]))[..., None] > 127
        return np.where(inside, made, np.asarray(self.size.read(order.person))).astype(np.uint8)

    def _real_rows(self, extractors: Sequence[Extractor]) -> list[Picture]:
        if not extractors:
            return []
        rows: list[Picture] = []
        for name, path in self.real.items():
            photo = np.asarray(self.size.read(path))
            features = {extractor.id: extractor.features([photo])[0] for extractor in extractors}
            rows.append(Picture(name, "real", name, "real", photo.shape[1], photo.shape[0], features=features))
        return rows

    def _extractors(self, session: Session) -> tuple[list[Extractor], dict[str, str]]:
        """Load the extractors that the protocol asks for; say of each that is not there why."""
        found: list[Extractor] = []
        absent: dict[str, str] = {}
        wanted: Any = self.spec.options.get("extractors", ())
        for name in wanted:
            try:
                if session.extractor is None:
                    raise MetricError("this session loads no extractors")
                found.append(session.extractor(str(name)))
            except FashionBenchError as error:
                absent[str(name)] = str(error)
        return found, absent


class _Truths(Mapping[str, Image.Image]):
    """The truth of each commission, read when it is asked for."""

    def __init__(self, orders: Sequence[Commission], size: Size) -> None:
        self._orders = {order.id: order for order in orders}
        self._size = size

    def __getitem__(self, name: str) -> Image.Image:
        truth = self._orders[name].truth
        assert truth is not None  # noqa: S101
        return self._size.read(truth)

    def __iter__(self) -> Iterator[str]:
        return iter(self._orders)

    def __len__(self) -> int:
        return len(self._orders)
