"""Language model that reads the Q-Former's adapted queries as a soft prompt and answers an instruction.

The prompt is the paper's (UniFashion, section 3.1): ``USER: <Img>queries</Img> instruction Assistant: answer``, and an
end token, which the released code leaves out of its joint model. Any causal language model of transformers will do.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM

from fashionbench.errors import BackendError
from fashionbench.records.base import Model
from fashionbench_unifashion.language.pretrained import load_pretrained
from fashionbench_unifashion.losses.losses import IGNORED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerFast

#: What a configuration of transformers says of where it came from.
_ORIGINS = frozenset({"_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version"})
BEFORE, BETWEEN, AFTER = "USER: <Img>", "</Img> ", " Assistant:"


class LoraConfig(Model):
    """Low-rank adaptation (Hu et al., ICLR 2022); the defaults are the paper's (appendix B)."""

    rank: int = Field(default=128, ge=1)
    """The rank of each update."""
    alpha: int = Field(default=256, ge=1)
    """Updates are multiplied by alpha / rank."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """The dropout before each update."""
    targets: str | tuple[str, ...] = "all-linear"
    """Names of the linear layers that are adapted; ``all-linear`` leaves only the output head out."""


class LanguageConfig(Model):
    """Which language model, and how it answers."""

    source: str | None = None
    """A folder or model id of a causal language model with its tokenizer."""
    architecture: dict[str, Any] | None = None
    """A configuration of transformers with its ``model_type``, for a model that is trained from the start."""
    vocabulary: int = Field(default=4096, ge=64)
    """The largest vocabulary that is learned for a model that is trained from the start."""
    lora: LoraConfig | None = LoraConfig()
    """How a pretrained model is adapted; ``None`` trains all of it, as one from the start needs."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """The type that the model is kept in; LoRA weights are of single precision in any case."""
    max_new_tokens: int = Field(default=64, ge=1)
    """The longest answer."""
    beams: int = Field(default=1, ge=1)
    """Beams of the search; 1 is greedy."""

    @model_validator(mode="after")
    def _one_origin(self) -> LanguageConfig:
        if (self.source is None) == (self.architecture is None):
            raise ValueError("a language model needs a source or an architecture, and not both")
        if self.architecture is not None and "model_type" not in self.architecture:
            raise ValueError("the architecture has no model_type, such as llama")
        return self


class Answers(NamedTuple):
    """Logits and labels of a batch of answers."""

    logits: Tensor
    """[B, L, V]; those at position l are of token l + 1."""
    labels: Tensor
    """[B, L], the tokens of the answers with their end, and -100 elsewhere."""


class LanguageModel(nn.Module):
    """A causal language model with its tokenizer.

    :param config: which one.
    :param tokenizer: of a model that is trained from the start; a pretrained one brings its own.
    :raises BackendError: where the tokenizer lacks an end token, or is larger than the model.
    """

    def __init__(self, config: LanguageConfig, tokenizer: PreTrainedTokenizerFast | None = None) -> None:
        super().__init__()
        self.config = config
        auto: Any = AutoModelForCausalLM
        self.tokenizer: Any = tokenizer
        if config.architecture is not None:
            fields = dict(config.architecture)
            if tokenizer is not None:
                fields.setdefault("vocab_size", len(tokenizer))
                fields |= {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos")}
            network = auto.from_config(AutoConfig.for_model(**fields), dtype=getattr(torch, config.dtype))
        else:
            network, own = load_pretrained(str(config.source), getattr(torch, config.dtype))
            self.tokenizer = tokenizer or own
        self.width = int(network.config.get_text_config().hidden_size)
        self.network = network if config.lora is None else _adapted(network, config.lora)
        if self.tokenizer is not None and self.tokenizer.eos_token_id is None:
            raise BackendError("the tokenizer has no end token", remedy="set its eos_token")
        rows = int(network.config.get_text_config().vocab_size)
        if self.tokenizer is not None and len(self.tokenizer) > rows:
            msg = f"the tokenizer has {len(self.tokenizer)} tokens, and the language model {rows}"
            raise BackendError(msg, remedy="use the tokenizer that the model was trained with")

    def answers(self, queries: Tensor, instructions: Sequence[str], answers: Sequence[str]) -> Answers:
        """Read prompts with their answers.

        :param queries: adapted outputs of the Q-Former, [B, Q, W].
        """
        rows, labels = [], []
        for row, instruction, answer in zip(queries, instructions, answers, strict=True):
            before, after = self._prompt(instruction)
            answer_ids = [*self._ids(f" {answer.strip()}"), self.tokenizer.eos_token_id]
            rows.append(torch.cat([self._embed(before), row.to(self._dtype), self._embed([*after, *answer_ids])]))
            prompt_length = len(before) + len(row) + len(after)
            labels.append([IGNORED] * prompt_length + answer_ids)
        longest = max(map(len, rows))
        # Padding on the right changes no position before it.
        embedded = torch.stack([nn.functional.pad(row, (0, 0, 0, longest - len(row))) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=queries.device)
        wanted = [row + [IGNORED] * (longest - len(row)) for row in labels]
        out = self.network(inputs_embeds=embedded, attention_mask=mask, use_cache=False)
        return Answers(out.logits.float(), torch.tensor(wanted, device=queries.device))

    @torch.no_grad()
    def generate(self, queries: Tensor, instruction: str) -> list[str]:
        """Answer one instruction for each row of queries [B, Q, W]."""
        before, after = self._prompt(instruction)
        count = len(queries)
        parts = [
            self._embed(before).expand(count, -1, -1),
            queries.to(self._dtype),
            self._embed(after).expand(count, -1, -1),
        ]
        embedded = torch.cat(parts, dim=1)
        # One instruction and one number of queries: all rows are as long, so there is no padding to leak in.
        generated = self.network.generate(
            inputs_embeds=embedded,
            attention_mask=torch.ones(embedded.shape[:2], dtype=torch.long, device=queries.device),
            max_new_tokens=self.config.max_new_tokens,
            num_beams=self.config.beams,
            do_sample=False,
            eos_token_id=self.tokenizer.eos_token_id,
            pad_token_id=self.tokenizer.pad_token_id
            if self.tokenizer.pad_token_id is not None
            else self.tokenizer.eos_token_id,
        )
        return [text.strip() for text in self.tokenizer.batch_decode(generated, skip_special_tokens=True)]

    @torch.no_grad()
    def mean_embeddings(self, texts: Sequence[str]) -> Tensor:
        """Average the input embeddings of texts, as [B, W]."""
        rows = [self._embed(self._ids(text)).float() for text in texts]
        return torch.stack([row.mean(dim=0) if len(row) else row.new_zeros(self.width) for row in rows])

    def architecture(self) -> dict[str, Any]:
        """Return the configuration that builds a network like this one, without its weights."""
        fields: dict[str, Any] = self.network.config.to_dict()
        return {name: value for name, value in fields.items() if name not in _ORIGINS}

    def checkpoint(self, enabled: bool) -> None:  # noqa: FBT001
        """Keep or recompute activations in training."""
        verb = "enable" if enabled else "disable"
        # Later releases of transformers renamed the switch, and warn of the old name.
        old, new = (f"{kind}_checkpointing_{verb}" for kind in ("gradient", "activation"))
        getattr(self.network, new if hasattr(self.network, new) else old)()

    @property
    def _dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.network.get_input_embeddings().weight.dtype
        return dtype

    def _prompt(self, instruction: str) -> tuple[list[int], list[int]]:
        start = [] if self.tokenizer.bos_token_id is None else [self.tokenizer.bos_token_id]
        return [*start, *self._ids(BEFORE)], self._ids(f"{BETWEEN}{instruction.strip()}{AFTER}")

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _embed(self, ids: Sequence[int]) -> Tensor:
        table = self.network.get_input_embeddings()
        embedded: Tensor = table(torch.tensor(ids, dtype=torch.long, device=table.weight.device))
        return embedded


def _adapted(network: Any, config: LoraConfig) -> Any:
    """Put trainable low-rank updates beside the frozen linear layers."""
    from peft import LoraConfig as Lora  # noqa: PLC0415
    from peft import get_peft_model  # noqa: PLC0415

    targets = config.targets if isinstance(config.targets, str) else list(config.targets)
    settings = Lora(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=targets,
        bias="none",
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():
        # peft asks transformers by a name that it has deprecated; nobody who trains can mend that.
        warnings.simplefilter("ignore", FutureWarning)
        return get_peft_model(network, settings)
