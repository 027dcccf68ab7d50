"""A tokenizer of byte pairs that is learnt from training texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The end is not token 2, which transformers takes for the mark of old folders.
_SPECIAL = ("<pad>", "<unk>", "<|startoftext|>", "<|endoftext|>")


def learn_tokenizer(texts: Sequence[str], vocabulary: int, positions: int) -> Any:
    """Learn byte pairs, in lower case, from texts; every text has a form in bytes.

    :param vocabulary: the largest number of tokens.
    :param positions: the longest text, in tokens.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(_SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in _SPECIAL[2:]]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{_SPECIAL[2]} $A {_SPECIAL[3]}", special_tokens=ends
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=_SPECIAL[0],
        unk_token=_SPECIAL[1],
        bos_token=_SPECIAL[2],
        eos_token=_SPECIAL[3],
        model_max_length=positions,
    )
