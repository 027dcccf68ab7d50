"""A network from image features to pseudo-words, and the text features of prompts that hold one.

Saito et al., "Pic2Word: Mapping Pictures to Words for Zero-shot Composed Image Retrieval", CVPR 2023 (the network and
its loss), and Baldrati et al., "Zero-Shot Composed Image Retrieval with Textual Inversion" (SEARLE), ICCV 2023 (the
words of the query, "a photo of $ that ..."). Neither paper's weights nor SEARLE's distillation are here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from fashionbench.errors import BackendError
from fashionbench_models.encoders.base import features

if TYPE_CHECKING:
    from collections.abc import Sequence

BEGINNING = "a photo of"
#: Any word that is one token; its embedding is replaced.
_PLACES = ("$", "*", "x", "a", "it", "this", "one")


class PseudoWord(nn.Module):
    """A multilayer perceptron with two hidden layers, ReLU and dropout, from image features to a word's embedding.

    :param image: the length of an image feature.
    :param word: the length of a word's embedding in the text tower.
    """

    def __init__(self, image: int, word: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(image, hidden),
            nn.Dropout(dropout),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.Dropout(dropout),
            nn.ReLU(),
            nn.Linear(hidden, word),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map image features of norm 1, [B, image], to [B, word]."""
        words: Tensor = self.layers(images)
        return words


class Prompts:
    """The text tower of a model of transformers, asked with prompts whose word after "a photo of" is given as a vector.

    :param model: with ``text_model`` and ``get_text_features``.
    :param limit: the longest prompt in tokens; what is longer loses its end.
    :raises BackendError: where the model has no such tower, or its tokenizer makes no single token of any known word.
    """

    def __init__(self, model: Any, tokenizer: Any, limit: int, padding: bool | str) -> None:  # noqa: FBT001
        tower = getattr(model, "text_model", None)
        if tower is None or not hasattr(tower, "get_input_embeddings"):
            msg = f"{type(model).__name__} has no text tower whose words can be replaced"
            raise BackendError(msg, remedy="use a CLIP or SigLIP")
        self._model, self._tokenizer = model, tokenizer
        self._embedding: Any = tower.get_input_embeddings()
        self._limits = {"padding": padding, "truncation": True, "max_length": limit, "return_tensors": "pt"}
        self._word, self._at = self._place()

    @property
    def width(self) -> int:
        """The length of a word's embedding."""
        return int(self._embedding.weight.shape[1])

    def features(self, words: Tensor, endings: Sequence[str]) -> Tensor:
        """Return the text features of "a photo of WORD ENDING", as [B, D].

        :param words: [B, width].
        """
        texts = [f"{BEGINNING} {self._word} {ending}".strip() for ending in endings]
        tokens: Any = self._tokenizer(texts, **self._limits).to(words.device)

        def replaced(module: Any, given: Any, output: Tensor) -> Tensor:  # noqa: ARG001
            changed = output.clone()
            changed[:, self._at] = words.to(output.device, output.dtype)
            return changed

        handle = self._embedding.register_forward_hook(replaced)
        try:
            return features(self._model.get_text_features(**tokens))
        finally:
            handle.remove()

    def _place(self) -> tuple[str, int]:
        """Find a word that is one token, and where it stands."""
        before = self._ids(BEGINNING)
        for word in _PLACES:
            after = self._ids(f"{BEGINNING} {word}")
            same = next((at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(before))
            one = len(after) == len(before) + 1 and after[same + 1 :] == before[same:]
            # A word that is unknown may be the token of the end, where the text feature is read.
            if one and after[same] not in self._tokenizer.all_special_ids:
                return word, same
        msg = f"{type(self._tokenizer).__name__} makes no single token of any of {', '.join(_PLACES)}"
        raise BackendError(msg, remedy="use a model with another tokenizer")

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text)["input_ids"]
        return ids
