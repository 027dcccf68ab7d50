"""Language model that reads the Q-Former's adapted queries as a soft prompt and answers an instruction.

The prompt is the paper's (UniFashion, section 3.1): ``USER: <Img>queries</Img> instruction Assistant: answer``, and an
end token, which the released code leaves out of its joint model. Any causal language model of transformers will do, and
an encoder-decoder, whose encoder reads the prompt and whose decoder answers.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM
from transformers.pytorch_utils import Conv1D

from fashionbench.errors import BackendError
from fashionbench.records.base import Model
from fashionbench_unifashion.language.pretrained import load_pretrained
from fashionbench_unifashion.language.quantization import Bits, dequantize
from fashionbench_unifashion.losses.losses import IGNORED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerFast

#: What a configuration of transformers says of where it came from.
_ORIGINS = frozenset(
    {"_name_or_path", "architectures", "dtype", "quantization_config", "torch_dtype", "transformers_version"}
)
#: Weights of Mamba that its kernels read themselves, past an update that stands beside them.
_READ_BY_KERNELS = ["out_proj", "conv1d", "dt_proj"]
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
    quantization: Bits | None = None
    """Keep the frozen weights of a pretrained model in ``4bit`` (NormalFloat, as QLoRA) or ``8bit`` (LLM.int8) while it
    is trained, by bitsandbytes; the model that is saved has the weights that these stand for, in ``dtype``."""
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
        if self.quantization is not None and (self.source is None or self.lora is None):
            raise ValueError("quantization is for a source whose weights are frozen, and so needs lora beside it")
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
        self.tokenizer: Any = tokenizer
        if config.architecture is not None:
            fields = dict(config.architecture)
            if tokenizer is not None:
                fields.setdefault("vocab_size", len(tokenizer))
                fields |= {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos")}
            described = AutoConfig.for_model(**fields)
            encodes = getattr(described, "is_encoder_decoder", False)
            auto: Any = AutoModelForSeq2SeqLM if encodes else AutoModelForCausalLM
            network = auto.from_config(described, dtype=getattr(torch, config.dtype))
        else:
            network, own = load_pretrained(str(config.source), getattr(torch, config.dtype), config.quantization)
            self.tokenizer = tokenizer or own
        # Not the configuration's hidden size: a few models, such as OPT-350m, embed words in fewer dimensions.
        self.width = int(network.get_input_embeddings().weight.shape[1])
        self._encodes = bool(getattr(network.config, "is_encoder_decoder", False))
        self.network = network if config.lora is None else _adapted(network, config.lora)
        if self.tokenizer is not None and self.tokenizer.eos_token_id is None:
            raise BackendError("the tokenizer has no end token", remedy="set its eos_token")
        if self.tokenizer is not None:
            _require_rows(self.tokenizer, int(network.get_input_embeddings().weight.shape[0]))

    def answers(self, queries: Tensor, instructions: Sequence[str], answers: Sequence[str]) -> Answers:
        """Read prompts with their answers.

        :param queries: adapted outputs of the Q-Former, [B, Q, W].
        """
        prompts, wanted = [], []
        for row, instruction, answer in zip(queries, instructions, answers, strict=True):
            before, after = self._prompt(instruction)
            words = self._ids(answer.strip() if self._encodes else f" {answer.strip()}")
            if not words:
                raise BackendError(
                    f"the tokenizer cuts the answer {answer!r} into nothing", remedy="leave it out of training"
                )
            wanted.append([*words, self.tokenizer.eos_token_id])
            prompts.append(torch.cat([self._embed(before), row.to(self._dtype), self._embed(after)]))
        if self._encodes:
            return self._decoded(prompts, wanted)
        rows = [torch.cat([prompt, self._embed(ids)]) for prompt, ids in zip(prompts, wanted, strict=True)]
        labels = [[IGNORED] * len(prompt) + ids for prompt, ids in zip(prompts, wanted, strict=True)]
        # Padding on the right changes no position before it.
        embedded, mask = _padded(rows)
        out = self.network(inputs_embeds=embedded, attention_mask=mask, use_cache=False)
        return Answers(out.logits.float(), _labels(labels, embedded.shape[1], queries.device))

    def _decoded(self, prompts: Sequence[Tensor], wanted: Sequence[Sequence[int]]) -> Answers:
        """Read prompts with the encoder and answers with the decoder; logits are moved to where labels expect them."""
        embedded, mask = _padded(prompts)
        labels = _labels([[IGNORED, *ids] for ids in wanted], 0, embedded.device)
        # The decoder begins with its start token, which stands where the first label is to be ignored.
        out = self.network(
            inputs_embeds=embedded, attention_mask=mask, labels=labels[:, 1:].contiguous(), use_cache=False
        )
        return Answers(functional.pad(out.logits.float(), (0, 0, 0, 1)), labels)

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

    def dequantize(self) -> None:
        """Keep in its own type what was kept in a few bits; what it computes is the same to rounding."""
        if self.config.quantization is not None:
            dequantize(self.network, getattr(torch, self.config.dtype))

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


def _require_rows(tokenizer: Any, rows: int) -> None:
    """Look for words of a tokenizer that the model has no embedding for; marks of images may lie beyond, unused.

    :raises BackendError: naming one.
    """
    special = {tokenizer.convert_ids_to_tokens(number) for number in tokenizer.all_special_ids}
    added = {str(token) for token in getattr(tokenizer, "added_tokens_decoder", {}).values() if token.special}
    beyond = [word for word, number in tokenizer.get_vocab().items() if number >= rows]
    used = sorted(word for word in beyond if word not in special | added)
    needed = [name for name in ("eos", "pad", "bos") if (getattr(tokenizer, f"{name}_token_id") or 0) >= rows]
    if used or needed:
        msg = f"the tokenizer has {len(tokenizer)} tokens, and the language model {rows}"
        raise BackendError(msg, remedy="use the tokenizer that the model was trained with")


def _padded(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Pad embedded rows on the right, as [B, L, W] with their mask [B, L]."""
    longest = max(map(len, rows))
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=rows[0].device)
    return torch.stack([functional.pad(row, (0, 0, 0, longest - len(row))) for row in rows]), mask


def _labels(rows: Sequence[Sequence[int]], length: int, device: torch.device) -> Tensor:
    longest = max(length, *map(len, rows))
    return torch.tensor([[*row, *[IGNORED] * (longest - len(row))] for row in rows], device=device)


def _adapted(network: Any, config: LoraConfig) -> Any:
    """Put trainable low-rank updates beside the frozen linear layers."""
    from peft import LoraConfig as Lora  # noqa: PLC0415
    from peft import get_peft_model  # noqa: PLC0415

    model_type = str(getattr(network.config, "model_type", ""))
    targets = config.targets if isinstance(config.targets, str) else list(config.targets)
    settings = Lora(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=targets,
        exclude_modules=["out_proj", "conv1d", "dt_proj"]
        if "mamba" in model_type and targets == "all-linear"
        else None,
        # GPT-2 keeps its matrices turned over, which peft would see by itself, with a warning.
        fan_in_fan_out=any(isinstance(layer, Conv1D) for layer in network.modules()),
        bias="none",
        task_type="SEQ_2_SEQ_LM" if getattr(network.config, "is_encoder_decoder", False) else "CAUSAL_LM",
    )
    with warnings.catch_warnings():
        # peft asks transformers by a name that it has deprecated; nobody who trains can mend that.
        warnings.simplefilter("ignore", FutureWarning)
        return get_peft_model(network, settings)
