"""Image-text models in the layout of sentence-transformers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from fashionbench.errors import BackendError, reason_of
from fashionbench_models.encoders.base import count_parameters
from fashionbench_models.encoders.composition import ImageTextEncoder
from fashionbench_models.loading import missing_parts, missing_weights, require_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from fashionbench.data.items import ImageItem, TextItem
    from fashionbench.specs.capabilities import BackendContext, Role


class SentenceTransformerEncoder(ImageTextEncoder):
    """A SentenceTransformer whose modules take images as well as texts.

    :raises BackendError: where the folder cannot be loaded.
    """

    def __init__(self, context: BackendContext) -> None:
        super().__init__(context)
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415

        folder = Path(self.options.model)
        try:
            self._model: Any = SentenceTransformer(
                str(folder),
                device=self.device,
                local_files_only=True,
                trust_remote_code=self.options.trust_remote_code,
                model_kwargs={"dtype": getattr(torch, self.options.dtype)},
            )
        except Exception as error:  # its modules raise what their many readers raise
            first = reason_of(error)
            msg = f"sentence-transformers cannot load {folder}, {type(error).__name__}: {first}"
            remedy = "see that modules.json and the folders that it names are there"
            missing = missing_weights(folder) or missing_parts(folder)
            if missing and (folder / "config.json").is_file():  # the model lies in the folder itself
                msg, remedy = f"{folder} has {missing}", "put them there: download the whole repository"
            raise BackendError(msg, remedy=remedy) from error
        tokenizer = getattr(self._model, "tokenizer", None)
        tokenizer = getattr(tokenizer, "tokenizer", tokenizer)  # of a processor
        if hasattr(tokenizer, "decode"):
            require_words(tokenizer, str(folder))
        self._model.to(getattr(torch, self.options.dtype)).eval()
        self.parameters = count_parameters(self._model)
        self.facts["modules"] = ", ".join(type(module).__name__ for module in self._model)

    def encode_images(self, items: Sequence[ImageItem], role: Role) -> NDArray[np.float32]:  # noqa: ARG002
        """Embed images as [B, D]."""
        return self.in_pieces([item.image for item in items], self._encode)

    def encode_texts(self, items: Sequence[TextItem], role: Role) -> NDArray[np.float32]:  # noqa: ARG002
        """Embed texts as [B, D]."""
        return self.in_pieces(self.texts(items), self._encode)

    def _encode(self, inputs: Sequence[Any]) -> Tensor:
        found: Tensor = self._model.encode(
            list(inputs), batch_size=len(inputs), convert_to_tensor=True, show_progress_bar=False
        )
        return found
