"""Likelihood of plain text under the language model, before and after it was tuned on captions (forgetting)."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from fashionbench.diagnostics.measurement import Measurement, Reference, Verdict, absent
from fashionbench.diagnostics.resampling import averaged
from fashionbench.diagnostics.verdicts import beside
from fashionbench.specs.validation import read_value
from fashionbench_unifashion.diagnosis.representations import trained_model, untrained_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.diagnostics.system import ProbedModel
    from fashionbench_unifashion.language.model import LanguageModel

    Values = NDArray[np.float64]

_TITLE = "Plain text under the language model"
_MEANING = (
    "nats a character of plain sentences that have nothing to do with clothes; lower is more likely; shuffled inputs "
    "are the same words in another order"
)
#: A model whose cost of plain text rose by more than this share has forgotten some of it.
ROSE = 0.05


def measure_plain_text(probed: ProbedModel) -> list[Measurement]:
    """Measure what plain sentences cost before and after tuning."""
    language = trained_model(probed).language
    if language is None:
        why = "the model has no language model"
    elif getattr(language.network.config, "is_encoder_decoder", False):
        why = "an encoder-decoder has no likelihood of a text by itself"
    else:
        why = ""
    if why or language is None:
        return [absent("plain-text", "caption style", _TITLE, _MEANING, why)]
    sentences = plain_sentences()
    after = costs(language, sentences)
    estimate = averaged(after, probed.seed)
    rng = np.random.default_rng(probed.seed)
    turned = [" ".join(rng.permutation(sentence.split())) for sentence in sentences]
    before = untrained_model(probed)
    began = None if before is None or before.language is None else costs(before.language, sentences)
    references = (
        Reference("the words of each sentence", averaged(costs(language, turned), probed.seed)),
        Reference(probed.untrained_is, None if began is None else averaged(began, probed.seed)),
    )
    said = beside(estimate, *references)
    if language.config.lora is None:
        verdict = Verdict(
            "described",
            f"{said}: weights of before the tuning are not kept with the model, so nothing is said of forgetting",
        )
    elif began is None:
        verdict = Verdict("described", f"{said}: there is nothing to compare with")
    else:
        change = averaged(after / began - 1, probed.seed)
        rose = change.interval is not None and change.interval[0] > ROSE
        words = f"{said}: plain text costs {change.value:+.1%} after the tuning"
        verdict = Verdict("weak", f"{words}: some of it is forgotten") if rose else Verdict("sound", words)
    return [
        Measurement(
            id="plain-text",
            group="caption style",
            title=_TITLE,
            meaning=_MEANING,
            estimate=estimate,
            shuffled=references[0],
            untrained=references[1],
            verdict=verdict,
            unit="nats a character",
        )
    ]


@cache
def plain_sentences() -> tuple[str, ...]:
    """Read the sentences that come with the package."""
    text = resources.files(__package__).joinpath("plain_sentences.yaml").read_text(encoding="utf-8")
    sentences: list[str] = read_value(text, "plain_sentences.yaml")
    return tuple(sentences)


@torch.inference_mode()
def costs(language: LanguageModel, sentences: Sequence[str]) -> Values:
    """Return the negative log-likelihood of each sentence, over its number of characters."""
    tokenizer, network = language.tokenizer, language.network
    device = network.get_input_embeddings().weight.device
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    values = []
    for sentence in sentences:
        ids = tokenizer(f" {sentence}", add_special_tokens=False)["input_ids"]
        read = torch.tensor([[start, *ids]], device=device)
        logits = network(input_ids=read, use_cache=False).logits[0, :-1].float()
        values.append(float(functional.cross_entropy(logits, read[0, 1:], reduction="sum")) / len(sentence))
    return np.array(values)
