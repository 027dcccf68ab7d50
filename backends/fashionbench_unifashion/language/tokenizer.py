"""Tokenizer of a language model that is trained from the start: words with their spaces, so nothing is lost.

A pretrained language model brings its own tokenizer; this one is for the small presets. A text is cut into words, each
with the space before it, and marks. Frequent ones are tokens, and what is rare is spelt in letters, so that decoding
gives back the text to the letter.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from fashionbench.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")
#: No piece is longer than what the model below will cut; a longer one would be unknown as a whole.
LONGEST = 64
_PIECES = rf"\s?\w{{1,{LONGEST - 1}}}|\s?[^\w\s]|\s{{1,{LONGEST}}}"


def train(texts: Iterable[str], size: int, always: Iterable[str] = ()) -> PreTrainedTokenizerFast:
    """Learn a vocabulary; the same texts, in any order, give the same one.

    :param size: the number of tokens at most, special ones and letters included.
    :param always: texts whose every word becomes a token, such as instructions.
    :raises ConfigError: where not even the letters fit.
    """
    cut = pre_tokenizers.Split(Regex(_PIECES), behavior="isolated")
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(piece for piece, _ in cut.pre_tokenize_str(text))
    fixed = Counter(piece for text in always for piece, _ in cut.pre_tokenize_str(text))
    letters = sorted({letter for piece in (*counts, *fixed) for letter in piece} | {" "})
    room = size - len(SPECIAL) - len(letters)
    if room < len(fixed):
        raise ConfigError(f"a vocabulary of {size} has no room for {len(letters)} letters", remedy="make it larger")
    whole = [piece for piece in sorted(fixed) if len(piece) > 1]
    rest = sorted(
        (p for p, n in counts.items() if len(p) > 1 and n > 1 and p not in fixed), key=lambda p: (-counts[p], p)
    )
    tokens = dict.fromkeys((*SPECIAL, *letters, *whole, *rest[: room - len(whole)]))
    numbered = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(
        models.WordPiece(numbered, unk_token=SPECIAL[1], continuing_subword_prefix="", max_input_chars_per_word=LONGEST)
    )
    tokenizer.pre_tokenizer = cut
    tokenizer.decoder = decoders.Fuse()
    kind: Any = PreTrainedTokenizerFast
    fast: PreTrainedTokenizerFast = kind(
        tokenizer_object=tokenizer,
        pad_token=SPECIAL[0],
        unk_token=SPECIAL[1],
        bos_token=SPECIAL[2],
        eos_token=SPECIAL[3],
        clean_up_tokenization_spaces=False,
        # A caption that has "</s>" in it says so in letters, and does not end.
        split_special_tokens=True,
    )
    return fast
