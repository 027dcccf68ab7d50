"""Folders of weights in the layout of transformers: where they lie, and which files hold the weights."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fashionbench.errors import MetricError, reason_of
from fashionbench.files import expanded

if TYPE_CHECKING:
    from collections.abc import Iterator

_HUB_ID = re.compile(r"(?P<id>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """Where the weights of an extractor are looked for: a folder, or a repository in the cache of huggingface_hub.

    :param name: what errors call the network.
    :param variable: the environment variable that names the folder, or OWNER/NAME[@REVISION].
    :param repository: what is looked for without it.
    """

    name: str
    variable: str
    repository: str

    @property
    def remedy(self) -> str:
        """What to do where the weights are not there."""
        return (
            f"run 'hf download {self.repository}', or set {self.variable} to a folder that holds it or to "
            "OWNER/NAME[@REVISION] in the cache of huggingface_hub; nothing is downloaded"
        )

    def find(self) -> Path:
        """Find the folder.

        :raises MetricError: where it is nowhere.
        """
        named = os.environ.get(self.variable, self.repository)
        folder = expanded(named)
        return folder if folder.is_dir() else self._cached(named)

    def weights(self, folder: Path) -> list[Path]:
        """Return the files that hold the weights: safetensors, or else pickles, which are read as weights only.

        :raises MetricError: where there are none.
        """
        for pattern in ("model*.safetensors", "pytorch_model*.bin"):
            files = sorted(folder.glob(pattern))
            if files:
                return files
        msg = f"the {self.name} folder {folder} has no model.safetensors or pytorch_model.bin"
        raise MetricError(msg, remedy=self.remedy)

    @contextmanager
    def reading(self, folder: Path) -> Iterator[None]:
        """Name the folder where a library cannot read it, whatever it raises.

        :raises MetricError: instead of what was raised.
        """
        try:
            yield
        except Exception as error:  # from_pretrained raises what its many readers raise
            msg = f"{folder} cannot be loaded as {self.name}, {type(error).__name__}: {reason_of(error)}"
            raise MetricError(msg, remedy=self.remedy) from error

    def load(self, kind: Any, folder: Path, *, safe: bool) -> tuple[Any, dict[str, Any]]:
        """Load a network in single precision without fetching or running anything; also say which weights differ.

        :param kind: a class of transformers.
        :param safe: whether the weights are safetensors.
        :raises MetricError: where it cannot be read.
        """
        try:
            import torch  # noqa: PLC0415
        except ImportError as error:
            raise self.lacking(error) from error
        with self.reading(folder):
            loaded: tuple[Any, dict[str, Any]] = kind.from_pretrained(
                folder,
                dtype=torch.float32,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # for the caller to name
                use_safetensors=safe,
                weights_only=True,
                local_files_only=True,
            )
        return loaded

    def lacking(self, error: ImportError) -> MetricError:
        """Return the error for a package that is not installed."""
        msg = f"{self.name} needs torch and transformers 5: {error}"
        return MetricError(msg, remedy='pip install -U "fashionbench[models]"')

    def _cached(self, named: str) -> Path:
        found = _HUB_ID.fullmatch(named)
        if found is None:
            msg = f"the weights of {self.name} are not at {named}, where {self.variable} points"
            raise MetricError(msg, remedy=self.remedy)
        try:
            from huggingface_hub import snapshot_download  # noqa: PLC0415
            from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415
        except ImportError as error:
            raise self.lacking(error) from error
        try:
            return Path(snapshot_download(found["id"], revision=found["revision"], local_files_only=True))
        except (LocalEntryNotFoundError, HFValidationError) as error:
            msg = f"the weights of {self.name}, {named}, are neither a folder nor in the cache of huggingface_hub"
            raise MetricError(msg, remedy=self.remedy) from error
