"""Texts as BERT's word pieces: cleaned, cut, and their vocabulary learned where none is given.

The cleaning is that of BLIP-2's ``BlipCaptionProcessor``. The released code cleans training captions and not those of
the gallery; here every text passes it. Word pieces are those of Devlin et al., "BERT" (NAACL 2019): the longest piece
of the vocabulary that a word begins with, then that of the rest, which is written with ``##``.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from pydantic import Field
from tokenizers import Tokenizer
from tokenizers.decoders import WordPiece as Joiner
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from fashionbench.errors import ConfigError
from fashionbench.records.base import Model
from fashionbench_unifashion.qformer import train_tokenizer
from fashionbench_unifashion.weights.loading import locate, reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]")
#: What the cleaning turns into spaces.
_STRIPPED = re.compile(r'[.!"()*#:;~]')


class WordPiecesConfig(Model):
    """Where the vocabulary comes from, and how much of a text is read."""

    source: str | None = None
    """A folder or model id of a BERT tokenizer; ``None`` learns the vocabulary from the training captions."""
    vocabulary: int = Field(default=4096, ge=len(SPECIAL) + 1)
    """The largest vocabulary that is learned, special tokens included."""
    min_count: int = Field(default=2, ge=1)
    """How often two pieces must stand side by side in the training captions to become one."""
    max_words: int = Field(default=50, ge=1)
    """The words of a text that are read."""
    max_length: int = Field(default=64, ge=3)
    """The word pieces of a text that are read, ``[CLS]`` and ``[SEP]`` included."""


class Texts(NamedTuple):
    """A batch of texts as word pieces."""

    ids: Tensor
    """[B, L], from ``[CLS]`` to ``[SEP]``, then padding."""
    mask: Tensor
    """[B, L], 1 at word pieces and 0 at padding."""
    cut: tuple[int, ...]
    """The rows whose text was longer than what is read."""


def clean(text: str) -> str:
    """Write a text in lower case and single spaces, without ``. ! " ( ) * # : ; ~``."""
    return " ".join(_STRIPPED.sub(" ", text.lower()).split())


class WordPieces:
    """The tokenizer of the Q-Former.

    :param tokenizer: a BERT tokenizer of transformers; ``[DEC]`` is added where it is not known.
    :param max_words: see :class:`WordPiecesConfig`.
    :param max_length: see :class:`WordPiecesConfig`.
    :raises ConfigError: where a special token is missing.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, *, max_words: int = 50, max_length: int = 64) -> None:
        known = tokenizer.get_vocab()
        missing = [token for token in SPECIAL[:-1] if token not in known]
        if missing:
            raise ConfigError(f"the tokenizer has no {', '.join(missing)}", remedy="use a tokenizer of BERT")
        # As the token that begins a text, which BERT has none of; this is how BLIP-2 adds it.
        tokenizer.add_special_tokens({"bos_token": "[DEC]"})
        self._tokenizer: Any = tokenizer
        self._max_words = max_words
        self._max_length = max_length
        self.vocabulary = len(tokenizer)
        self.pad, self.unk, self.cls, self.sep, self.mask, self.dec = (
            (known | tokenizer.get_added_vocab())[token] for token in SPECIAL
        )

    def __call__(self, texts: Sequence[str]) -> Texts:
        """Clean texts and cut them into word pieces, right-padded to the longest of the batch.

        An empty text is ``[CLS] [SEP]``.
        """
        words = [clean(text).split(" ") for text in texts]
        read = [" ".join(row[: self._max_words]) for row in words]
        whole: list[list[int]] = self._tokenizer(read, verbose=False)["input_ids"] if read else []
        lengths = [(len(row), len(pieces)) for row, pieces in zip(words, whole, strict=True)]
        cut = tuple(
            row for row, (count, length) in enumerate(lengths) if count > self._max_words or length > self._max_length
        )
        rows = [
            pieces if len(pieces) <= self._max_length else [*pieces[: self._max_length - 1], self.sep]
            for pieces in whole
        ]
        longest = max(map(len, rows), default=0)
        ids = torch.tensor([row + [self.pad] * (longest - len(row)) for row in rows], dtype=torch.long)
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], dtype=torch.long)
        return Texts(ids, mask, cut)

    def decode(self, ids: Tensor) -> list[str]:
        """Write word pieces [B, L] as texts, up to the first ``[SEP]`` and without special tokens."""
        rows: list[list[int]] = ids.tolist()
        rows = [row[: row.index(self.sep)] if self.sep in row else row for row in rows]
        return [str(self._tokenizer.decode(row, skip_special_tokens=True)) for row in rows]

    def save(self, folder: Path) -> None:
        """Write the tokenizer into a folder that :func:`load` reads."""
        self._tokenizer.save_pretrained(folder)


def load(source: str | Path, *, max_words: int = 50, max_length: int = 64) -> WordPieces:
    """Load a tokenizer from a folder or by its model id.

    :raises BackendError: where there is none.
    :raises ConfigError: where it is no tokenizer of BERT.
    """
    place = locate(source)
    with reading(place):
        tokenizer: Any = AutoTokenizer.from_pretrained(place)
    return WordPieces(tokenizer, max_words=max_words, max_length=max_length)


def train(texts: Iterable[str], config: WordPiecesConfig) -> WordPieces:
    """Learn the vocabulary of training captions; the same captions, in any order, give the same vocabulary.

    :raises ConfigError: where the vocabulary is too small for the letters of the captions.
    """
    normalise, split = BertNormalizer(lowercase=True), BertPreTokenizer()
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(word for word, _ in split.pre_tokenize_str(normalise.normalize_str(clean(text))))
    pieces = train_tokenizer.learn(counts, config.vocabulary - len(SPECIAL), config.min_count)
    numbered = {piece: number for number, piece in enumerate((*SPECIAL, *pieces))}
    tokenizer = Tokenizer(WordPiece(numbered, unk_token=SPECIAL[1]))
    tokenizer.normalizer = normalise
    tokenizer.pre_tokenizer = split
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(token, numbered[token]) for token in ("[CLS]", "[SEP]")]
    )
    tokenizer.decoder = Joiner()
    roles = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token", "bos_token")
    kind: Any = PreTrainedTokenizerFast
    fast = kind(tokenizer_object=tokenizer, **dict(zip(roles, SPECIAL, strict=True)))
    return WordPieces(fast, max_words=config.max_words, max_length=config.max_length)
