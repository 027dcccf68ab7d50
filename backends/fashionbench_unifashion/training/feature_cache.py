"""Cache of image features: tokens of the vision encoder, and small images for the diffusion model."""

from __future__ import annotations

from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from fashionbench import files
from fashionbench.canonical import digest
from fashionbench.progress import EARLIER
from fashionbench_unifashion.training.checkpoints import checksum_of
from fashionbench_unifashion.training.distributed import all_gather_parts, own_part, rank, same_work, world_size
from fashionbench_unifashion.training.image_decoder import DecodedImages, ImageDecoder
from fashionbench_unifashion.weights.loading import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from PIL import Image

    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.training.examples import TrainingExamples


#: The entry of the metadata of a file with the checksum of its content.
_CHECKSUM = "sha256"


class ImageFeatureCache:
    """Tokens and small images by image id, computed once where they may be kept.

    Tokens are kept below the layer norm, in half precision, and only of a vision encoder that does not learn.

    :param open_: opens an image by its id.
    :param keep: whether to keep tokens and small images.
    :param folder: where they are kept for a training that goes on later, and for others of the same data; None keeps
        them in memory alone.
    :param data: fingerprints of the data that ids of images are of.
    """

    def __init__(
        self,
        model: UniFashion,
        open_: Callable[[str], Image.Image],
        *,
        keep: bool,
        folder: Path | None = None,
        data: Mapping[str, str] | None = None,
    ) -> None:
        self._folder, self._data = folder, dict(data or {})
        self._model = model
        self._decoder = ImageDecoder(model, open_)
        self._decoded: DecodedImages | None = None
        self._keep = keep and not model.vision.trainable
        self._keep_pixels = keep
        self._tokens: dict[str, Tensor] = {}
        self._pixels: dict[str, Tensor] = {}

    def prepare(self, names: Iterable[str], advance: Callable[..., object], batch: int = 32) -> None:
        """Make what is not there yet of some images; does nothing where tokens are not kept."""
        if not self._keep:
            return
        # In one order, whichever of them are held out: trainings of the same data find them, made in the same batches.
        wanted = sorted(name for name in dict.fromkeys(names) if name not in self._tokens)
        path = self._place(wanted)
        loaded = path is not None and self._load(path, wanted)
        # Processes share the work where each has the same to do.
        shared = same_work(digest([wanted, loaded]))
        if loaded:
            advance(len(wanted), EARLIER)
            return
        batches = [wanted[start : start + batch] for start in range(0, len(wanted), batch)]
        side_by_side = world_size() if shared else 1
        for start in range(0, len(batches), side_by_side):
            parts = batches[start : start + side_by_side]
            if shared:
                self._share(parts)
            else:
                self._store(parts[0])
            advance(sum(map(len, parts)))
        if path is not None and wanted and rank() == 0:
            kept = {"tokens": torch.stack([self._tokens[name] for name in wanted])}
            if self._model.diffusion is not None:
                kept["pixels"] = torch.stack([self._pixels[name] for name in wanted])
            files.write(path, lambda temporary: save_file(kept, temporary, {_CHECKSUM: checksum_of(kept)}))

    def _share(self, parts: Sequence[Sequence[str]]) -> None:
        """Make one part on each process, and take those of the others."""
        own = own_part(parts)
        self._store(own)
        kinds = (self._tokens, self._pixels) if self._model.diffusion is not None else (self._tokens,)
        for kept in kinds:
            rows = torch.stack([kept[name] for name in own]).to(self._model.device)
            for names, made in all_gather_parts(rows, parts):
                kept.update(zip(names, made.cpu(), strict=True))

    def read_pairs(
        self, examples: TrainingExamples, begin: Callable[[str, int], object], advance: Callable[..., object]
    ) -> None:
        """Make what is not there yet of the photos of all pairs, those held out too.

        :param begin: called with what is read and how many of it there are.
        """
        names = [pair.image for pair in (*examples.pairs, *examples.held_pairs)]
        begin("reading images", len(dict.fromkeys(names)))
        self.prepare(names, advance)

    def _place(self, names: Sequence[str]) -> Path | None:
        """Return the file of these images; another one where anything that decides them differs."""
        if self._folder is None:
            return None
        config = self._model.config
        size = [config.diffusion.width, config.diffusion.height] if config.diffusion is not None else []
        weights = fingerprint(dict(self._model.vision.network.state_dict()))
        where = [str(self._model.device), torch.__version__]
        key = digest([config.vision.model_dump(mode="json"), size, weights, self._data, *where, list(names)])
        return self._folder / f"tokens-{key.removeprefix('sha256:')[:32]}.safetensors"

    def _load(self, path: Path, names: Sequence[str]) -> bool:
        if not path.is_file():
            return False
        try:
            with safe_open(path, framework="pt") as file:
                checksum = (file.metadata() or {}).get(_CHECKSUM)
            stored = load_file(path)
        except (SafetensorError, OSError):
            return False  # a cache that cannot be read is computed anew
        if checksum != checksum_of(stored):
            return False  # a flipped bit would be learnt from
        for kind, kept in (("tokens", self._tokens), ("pixels", self._pixels)):
            for name, row in zip(names, stored.get(kind, ()), strict=False):
                kept[name] = row
        return True

    def decode(self, tokens: Iterable[str], pixels: Iterable[str] = ()) -> DecodedImages:
        """Open images, each once, as far as :meth:`tokens` and :meth:`pixels` would have to, for :meth:`using`.

        It needs no weights, and changes nothing here.
        """
        decoded = DecodedImages()
        unread = [name for name in tokens if not (self._keep and name in self._tokens)]
        small = [name for name in pixels if name not in self._pixels]
        if self._keep and self._model.diffusion is not None:
            small += unread
        self._decoder.add(decoded, encoder=unread, small=small)
        return decoded

    @contextmanager
    def using(self, decoded: DecodedImages) -> Iterator[None]:
        """Take images that were opened before; another one is opened once for the time of the context."""
        before, self._decoded = self._decoded, decoded
        try:
            yield
        finally:
            self._decoded = before

    def bound_to(self, model: UniFashion) -> ImageFeatureCache:
        """Return a cache of the same images for another copy of the model, such as one whose layer norm learns."""
        other = copy(self)
        vars(other).update(_model=model, _decoded=None)
        return other

    def tokens(self, names: Sequence[str]) -> Tensor:
        """Return the tokens of images under the layer norm, [B, N, W]."""
        vision, device = self._model.vision, self._model.device
        if not self._keep:
            decoded = self._opened()
            self._decoder.add(decoded, encoder=names)
            tokens: Tensor = vision(torch.stack([decoded.encoder[name] for name in names]).to(device))
            return tokens
        missing = [name for name in dict.fromkeys(names) if name not in self._tokens]
        if missing:
            self._store(missing)
        # In single precision before they are joined: autocast to bfloat16 joins no halves.
        return vision.normalise(torch.stack([self._tokens[name].float() for name in names]).to(device))

    def pixels(self, names: Sequence[str]) -> Tensor:
        """Return images for the diffusion model, float [B, 3, H, W] in [-1, 1]."""
        decoded = self._opened()
        missing = [name for name in dict.fromkeys(names) if name not in self._pixels]
        self._decoder.add(decoded, small=missing)
        if self._keep_pixels:
            self._pixels.update({name: decoded.small[name] for name in missing})
        stacked = torch.stack([self._pixels[name] if name in self._pixels else decoded.small[name] for name in names])
        return stacked.to(self._model.device).float() / 127.5 - 1

    def _opened(self) -> DecodedImages:
        return DecodedImages() if self._decoded is None else self._decoded

    @torch.no_grad()
    def _store(self, names: Sequence[str]) -> None:
        decoded, diffuses = self._opened(), self._model.diffusion is not None
        self._decoder.add(decoded, encoder=names, small=names if diffuses else ())
        pixels = torch.stack([decoded.encoder[name] for name in names]).to(self._model.device)
        for name, tokens in zip(names, self._model.vision.encode(pixels).half().cpu(), strict=True):
            self._tokens[name] = tokens
            if diffuses:
                self._pixels.setdefault(name, decoded.small[name])
