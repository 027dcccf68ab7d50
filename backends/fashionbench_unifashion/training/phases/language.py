"""Phase ``language`` (1b): the language model and its adapter, on image-only queries of a frozen Q-Former."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fashionbench_unifashion.losses import losses
from fashionbench_unifashion.training.distributed import all_reduce_sum, world_size
from fashionbench_unifashion.training.phases.base import (
    REPLAY,
    Phase,
    StepImages,
    adapter_statistics,
    local_rows,
    measure_image_states,
    parameters_under,
)
from fashionbench_unifashion.training.phases.contrastive import (
    meta_inputs,
    pair_contrast,
    qformer_parameters,
    replayable,
    replayed,
    replayed_pairs,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn

    from fashionbench_unifashion.language.model import Answers
    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.training.examples import PairReference
    from fashionbench_unifashion.training.recipe import PhaseConfig

#: Tokens of an instruction and its answer, about those of Fashion-IQ-Cap, for the memory estimate.
ANSWER_TOKENS = 96


class LanguagePhase(Phase):
    """Answer loss of captions (UniFashion, equation 6)."""

    example_kind = "pairs"
    needs = ("language",)

    @classmethod
    def trainable(cls, model: UniFashion, config: PhaseConfig) -> dict[str, nn.Parameter]:
        """Return the adapter, the language model's LoRA weights or, without them, all of it, and a trained Q-Former."""
        chosen = parameters_under(model, "language.network.")
        if any("lora_" in name for name in chosen):
            chosen = {name: value for name, value in chosen.items() if "lora_" in name}
        chosen |= parameters_under(model, "language_adapter.")
        if config.qformer == "trained":
            # Neither q_T nor the Q-Former's heads of matching and of its own text are reached.
            chosen |= {
                name: value
                for name, value in qformer_parameters(model, "qformer.target").items()
                if not name.startswith(("qformer.lm_head.", "qformer.itm_head."))
            }
        return chosen

    @classmethod
    def memory_passes(
        cls,
        model: UniFashion,
        config: PhaseConfig,
        rows: int,
    ) -> Iterator[tuple[int, Callable[[], object]]]:
        """Yield the language model, and a Q-Former that learns with its reading of the texts."""
        size, learns = model.qformer.config, config.qformer == "trained"
        if learns:
            tokens, ids, mask = meta_inputs(model)
            replayed = rows + config.replay_pairs if config.replay else 0
            yield max(rows, replayed), lambda: model.qformer.image(tokens, "reference")
            if replayed:
                yield replayed, lambda: model.qformer.text(ids, mask)
        states = torch.empty(1, size.queries, size.hidden, requires_grad=learns)
        yield rows, lambda: answer_pass(model, states)

    @property
    def contrasted(self) -> Sequence[PairReference]:
        """The pairs that are replayed where the Q-Former learns."""
        return replayable(self) if self.config.qformer == "trained" else ()

    def read_images(self, begin: Callable[[str, int], object], advance: Callable[..., object]) -> None:
        """Read the photos of pairs."""
        self.inputs.feature_cache.read_pairs(self.inputs.examples, begin, advance)

    def measure_states(self) -> None:
        """Measure the states of training images."""
        measure_image_states(self, "language_adapter")

    def statistics(self) -> dict[str, Tensor]:
        """Return the statistics of the adapter."""
        return adapter_statistics(self.model, "language_adapter")

    def images(self, examples: Sequence[PairReference], seed: int) -> StepImages:
        """Return the photos of this process's rows, and of replayed pairs where the Q-Former learns."""
        drawn = replayed(self, seed) if self.config.qformer == "trained" else []
        return StepImages([pair.image for pair in (*local_rows(examples), *local_rows(drawn))])

    def forward(self, examples: Sequence[PairReference], seed: int) -> dict[str, Tensor]:
        """Compute the answer loss, and where the Q-Former learns, what replays the contrast."""
        assert self.model.language is not None  # noqa: S101
        local = local_rows(examples)
        learns = self.config.qformer == "trained"
        with torch.set_grad_enabled(learns and torch.is_grad_enabled()):
            tokens = self.inputs.feature_cache.tokens([example.image for example in local])
            states = self.model.qformer.image(tokens, "reference")
        prompt = self.model.prompt_of(states)
        answers = self.model.language.answers(prompt, [x.instruction for x in local], [x.text for x in local])
        values = {"answer": mean_answer_loss(answers)}
        if learns and self.config.replay:
            values[REPLAY] = pair_contrast(self, examples, states)[0]
            values |= replayed_pairs(self, seed)
        return values


def mean_answer_loss(answers: Answers) -> Tensor:
    """Return the loss of answers, weighed so that the average over processes is the mean over all tokens."""
    count = (answers.labels[:, 1:] != losses.IGNORED).sum()
    return losses.answer_loss(answers.logits, answers.labels) * (count * world_size() / all_reduce_sum(count))


def answer_pass(model: UniFashion, states: Tensor) -> object:
    """Run the language model on one prompt and its answer, on the meta device."""
    assert model.language is not None  # noqa: S101
    prompt = model.prompt_of(states)
    dtype = model.language.network.get_input_embeddings().weight.dtype
    read = torch.cat([prompt.to(dtype), torch.empty(1, ANSWER_TOKENS, prompt.shape[-1], dtype=dtype)], dim=1)
    # Without a mask of this form the library looks at values, which there are none of.
    mask = torch.zeros(1, 1, read.shape[1], read.shape[1], dtype=dtype)
    return model.language.network(inputs_embeds=read, attention_mask=mask, use_cache=False)
