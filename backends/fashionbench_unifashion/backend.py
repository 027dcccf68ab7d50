"""UniFashion as a backend: embeddings, scores, captions, try-on, design and style transfer from one model folder."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from fashionbench.canonical import digest
from fashionbench.data.items import ComposedItem, DesignItem, ImageItem, TextItem, TryOnItem
from fashionbench.errors import BackendError, ConfigError, first_names
from fashionbench.files import expanded
from fashionbench_unifashion.diffusion.conditions import finish, read_conditions
from fashionbench_unifashion.gallery_captions import GalleryCaptions
from fashionbench_unifashion.generated_captions import GeneratedCaptions
from fashionbench_unifashion.model.unifashion import load
from fashionbench_unifashion.options import UniFashionOptions
from fashionbench_unifashion.restyled_designs import as_design, shown_style
from fashionbench_unifashion.training.batch_sampler import number
from fashionbench_unifashion.training.tryon_batches import garment_states

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from fashionbench.data.items import PairItem, StyleTransferItem
    from fashionbench.specs.capabilities import BackendContext, Role
    from fashionbench_unifashion.qformer.qformer import Queries

    Floats = NDArray[np.float32]


class UniFashionBackend:
    """A trained model.

    An image is Q vectors of three parts: q_R's features, q_T's features, and the features of its caption (candidates
    only), which the model itself writes unless the option ``caption_source`` says otherwise. A text asks the first
    part, a composed query the second and third, so that one gallery answers both: max_k <t, Z_R^k> for texts, and
    max_k <e_cls, Z_T^k> + <e_cls, Z_C> for composed queries (UniFashion, section 3.2; the sum has no weights there
    either). All parts have norm 1, so the cosine between whole vectors ranks as these scores do.

    Its options are those of :class:`~fashionbench_unifashion.options.UniFashionOptions`.

    :raises ConfigError: where no model is named, or an option is out of range.
    """

    def __init__(self, context: BackendContext) -> None:
        options = UniFashionOptions.read(context.options)
        if not options.model:
            remedy = "train one with 'fashionbench train unifashion-tiny', then give it as option model=FOLDER"
            raise ConfigError("unifashion has no model", remedy=remedy)
        self._options = options
        self._seed = context.seed
        self._cache = context.cache
        self._kept: GeneratedCaptions | None = None
        # Read before the model: a wrong file should not cost the loading of weights.
        self._told = GalleryCaptions(files) if (files := options.caption_files) else None
        self._model = load(expanded(options.model), context.device)
        self.parameters = sum(parameter.numel() for parameter in self._model.parameters())

    @torch.inference_mode()
    def encode_images(self, items: Sequence[ImageItem], role: Role) -> Floats:
        """Embed images as [B, Q, 3E]; the caption's part is zero for queries and without captions."""
        tokens = self._tokens([item.image for item in items])
        qformer = self._model.qformer
        reference, target = (qformer.image_features(tokens, which) for which in ("reference", "target"))
        caption = torch.zeros_like(reference)
        if role == "candidate" and self._captioned:
            texts = self._gallery_captions(items, tokens)
            caption = self._text_features(texts)[:, None].expand_as(reference)
        return _array(torch.cat([reference, target, caption], dim=-1))

    @torch.inference_mode()
    def encode_texts(self, items: Sequence[TextItem], role: Role) -> Floats:  # noqa: ARG002
        """Embed texts as [B, 3E], the first part alone."""
        features = self._text_features([item.text for item in items])
        return _array(functional.pad(features, (0, 2 * features.shape[-1])))

    @torch.inference_mode()
    def encode_composed(self, items: Sequence[ComposedItem]) -> Floats:
        """Embed composed queries as [B, 3E]: e_cls in the second and third part."""
        qformer = self._model.qformer
        if self._options.composed == "image":
            # The reference alone: what it is nearest to, by the mean of its own search features.
            tokens = self._tokens([item.image for item in items])
            features = functional.normalize(qformer.image_features(tokens, "target").mean(dim=1), dim=-1)
        elif self._options.composed == "text":
            features = self._text_features([item.text for item in items])
        else:
            cut = self._model.texts([item.text for item in items])
            features = qformer.composed_features(self._tokens([item.image for item in items]), cut.ids, cut.mask)
        zeros = torch.zeros_like(features)
        image_part = zeros if self._options.use == "without-images" else features
        caption_part = features if self._captioned and self._options.composed != "image" else zeros
        return _array(torch.cat([zeros, image_part, caption_part], dim=-1))

    @torch.inference_mode()
    def score_pairs(self, items: Sequence[PairItem]) -> Floats:
        """Score pairs by image-text matching, as the log-odds of belonging together, [B].

        Of a composed query the modification text is matched with the candidate's image (equation 10), and where the
        model was trained with ``itm_inputs: reference-and-text``, with the reference too.

        :raises BackendError: where a pair has not an image and a text.
        """
        sides = [_sides(item) for item in items]
        scores = torch.zeros(len(items), device=self._model.device)
        tokens, cut = self._tokens([side.image for side in sides]), self._model.texts([side.text for side in sides])
        qformer = self._model.qformer
        for composed in (False, True):
            rows = [at for at, side in enumerate(sides) if (side.reference is not None) == composed]
            if not rows:
                continue
            words = cut.ids[rows], cut.mask[rows]
            queries: Queries | Tensor = "target" if composed else "reference"
            if composed and self._model.config.itm_inputs == "reference-and-text":
                references = self._tokens([image for side in sides if (image := side.reference) is not None])
                queries = qformer.fused(references, *words, "reference").queries
            logits = qformer.match(tokens[rows], *words, queries)
            scores[rows] = logits[:, 1] - logits[:, 0]
        return _array(scores)

    @torch.inference_mode()
    def caption(self, items: Sequence[ImageItem], instruction: str) -> list[str]:
        """Describe images; nothing but the image and the instruction is shown to the model."""
        return self._captions(self._tokens([item.image for item in items]), instruction)

    def try_on(self, items: Sequence[TryOnItem]) -> list[NDArray[np.uint8]]:
        """Generate try-on images, each of the size of its person's image."""
        return self._sampled(items, [item.garment for item in items], [""] * len(items))

    def design(self, items: Sequence[DesignItem]) -> list[NDArray[np.uint8]]:
        """Generate images of persons in garments given by words and a sketch.

        :raises BackendError: where an item has no sketch.
        """
        sketches = [item.sketch for item in items if item.sketch is not None]
        if len(sketches) != len(items):
            lacking = first_names([item.id for item in items if item.sketch is None])
            raise BackendError(f"there is no sketch of {lacking}", remedy="this model designs from words and a sketch")
        return self._sampled(items, sketches, [item.text for item in items])

    def transfer_style(self, items: Sequence[StyleTransferItem]) -> list[NDArray[np.uint8]]:
        """Generate photos of garments in other colours and patterns, by the design branch.

        :raises BackendError: where an item has no mask or no sketch of the garment.
        """
        designs = [as_design(item) for item in items]
        return self._sampled(designs, [shown_style(item) for item in items], [item.text for item in items])

    def fingerprint(self) -> str:
        """Hash the weights and the options."""
        answering = {name: value for name, value in asdict(self._options).items() if name != "model"}
        if self._told is not None:
            answering["caption_source"] = self._told.fingerprint()
        encoder = self._model.sentence_encoder
        frozen = [] if encoder is None else [encoder.identity()]
        return digest([self._model.fingerprint(), answering, torch.__version__, str(self._model.device), *frozen])

    @torch.inference_mode()
    def _sampled(
        self, items: Sequence[TryOnItem | DesignItem], shown: Sequence[Image], texts: Sequence[str]
    ) -> list[NDArray[np.uint8]]:
        model = self._model
        if model.diffusion is None:
            raise BackendError("this model has no diffusion model", remedy="train one with model.diffusion")
        conditions = read_conditions(items, model.diffusion.config).to(model.device)
        states = garment_states(model, self._tokens(shown), texts)
        images = model.diffusion.sample(
            model.condition_of(states),
            conditions,
            seeds=[number(self._seed, item.id) for item in items],
            steps=self._options.steps or None,
            guidance=float(self._options.guidance) or None,
        )
        return finish(images, items, repaint=self._options.repaint)

    @property
    def _captioned(self) -> bool:
        if self._options.use == "without-captions" or self._options.caption_source == "none":
            return False
        return self._told is not None or self._model.language is not None

    def _gallery_captions(self, items: Sequence[ImageItem], tokens: Tensor) -> list[str]:
        """Return a caption of each image of a gallery, from the source that the options name."""
        if self._told is not None:
            return self._told.of([item.id for item in items])
        if self._kept is None:
            # Weights alone do not decide a caption: how long it may be and what its tokens say do too.
            decides = [self._model.fingerprint(), self._model.config.model_dump(mode="json"), self._instruction]
            words = self._model.language.tokenizer.get_vocab() if self._model.language is not None else {}
            where = [torch.__version__, str(self._model.device)]
            self._kept = GeneratedCaptions(self._cache, digest([*decides, words, *where]))
        return self._kept.of(
            [item.image for item in items], lambda chosen: self._captions(tokens[chosen], self._instruction)
        )

    @property
    def _instruction(self) -> str:
        return self._options.caption_instruction or self._model.config.gallery_instruction

    def _captions(self, tokens: Tensor, instruction: str) -> list[str]:
        if self._model.language is None:
            raise BackendError("this model has no language model", remedy="train one with model.language")
        return self._model.language.generate(self._model.soft_prompt(tokens), instruction)

    def _text_features(self, texts: Sequence[str]) -> Tensor:
        return self._model.text_features(texts)

    def _tokens(self, images: Sequence[Image]) -> Tensor:
        return self._model.tokens(images)


class _Sides(NamedTuple):
    """The two sides of a pair; ``reference`` is the image that a composed query starts from."""

    image: Image
    text: str
    reference: Image | None = None


def _sides(item: PairItem) -> _Sides:
    query, candidate = item.query, item.candidate
    if isinstance(query, ComposedItem) and isinstance(candidate, ImageItem):
        return _Sides(candidate.image, query.text, query.image)
    if isinstance(query, TextItem) and isinstance(candidate, ImageItem):
        return _Sides(candidate.image, query.text)
    if isinstance(query, ImageItem) and isinstance(candidate, TextItem):
        return _Sides(query.image, candidate.text)
    msg = f"{item.id} has not an image on one side and words on the other"
    raise BackendError(msg, remedy="unifashion matches images with words")


def _array(rows: Tensor) -> Floats:
    array: Floats = rows.float().cpu().numpy()
    return array
