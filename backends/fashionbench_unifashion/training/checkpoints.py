"""Folder of a phase: checkpoints while it runs, the best weights, and its log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file

from fashionbench import files
from fashionbench.errors import DataError, reason_of
from fashionbench.files import regular_text
from fashionbench.json_reader import loads

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn


_ANEW = "remove the folder of the phase, and give the same command again"


@dataclass(frozen=True, slots=True)
class PhaseFolder:
    """The folder of one phase below that of the training.

    ``trained.safetensors`` and ``done.json`` are there once the phase is over; ``checkpoint.pt`` while it runs.
    """

    root: Path

    @property
    def done(self) -> bool:
        """Whether the phase is over."""
        return (self.root / "done.json").is_file()

    def finish(self, trained: Mapping[str, Tensor], summary: Mapping[str, Any]) -> None:
        """Write what was trained, then the summary that says that it is whole; drop the checkpoint."""
        files.write(self.root / "trained.safetensors", lambda path: save_file(_plain(trained), path))
        files.write_text(self.root / "done.json", json.dumps(summary, indent=2) + "\n")
        for name in ("checkpoint.pt", "best.safetensors"):
            (self.root / name).unlink(missing_ok=True)

    def summary(self) -> dict[str, Any]:
        """Read the summary of a finished phase."""
        path = self.root / "done.json"
        try:
            loaded: dict[str, Any] = loads(regular_text(path))
        except (OSError, ValueError) as error:
            raise DataError(f"the summary {path} cannot be read: {error}", remedy=_ANEW) from error
        return loaded

    def restore(self, parameters: Mapping[str, Tensor], name: str = "trained") -> None:
        """Give a model the weights of a finished phase, or its best ones so far.

        :raises DataError: where they cannot be read, or are of other parameters.
        """
        path = self.root / f"{name}.safetensors"
        try:
            state = load_file(path)
        except Exception as error:  # safetensors has errors of its own
            raise DataError(f"the weights {path} cannot be read: {reason_of(error)}", remedy=_ANEW) from error
        put(parameters, state, str(self.root))

    def keep_best(self, parameters: Mapping[str, nn.Parameter]) -> None:
        """Keep the weights as the best ones so far."""
        files.write(self.root / "best.safetensors", lambda path: save_file(_plain(parameters), path))

    def save(self, state: Mapping[str, Any]) -> None:
        """Write a checkpoint in the place of the one before."""
        files.write(self.root / "checkpoint.pt", lambda path: torch.save(dict(state), path))

    def load(self) -> dict[str, Any] | None:
        """Read the checkpoint, or return None where there is none.

        :raises DataError: where it is damaged.
        """
        path = self.root / "checkpoint.pt"
        if not path.is_file():
            return None
        try:
            loaded: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise DataError(
                f"the checkpoint {path} is damaged: {reason_of(error)}", remedy="remove it to begin anew"
            ) from error
        return loaded

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add a line to the log."""
        self.root.mkdir(parents=True, exist_ok=True)
        path = self.root / "log.jsonl"
        with path.open("a+b") as file:
            # The last line of a killed process may be half a line; this one must not become its other half.
            if file.tell() and not _ends_a_line(path):
                file.write(b"\n")
            file.write(json.dumps({"step": step, **values}).encode() + b"\n")

    def lines(self) -> list[dict[str, float]]:
        """Read the log; of lines of one step the last one counts, for a resumed training goes over some again."""
        path = self.root / "log.jsonl"
        if not path.is_file():
            return []
        by_step: dict[float, dict[str, float]] = {}
        for line in regular_text(path).split("\n"):
            try:
                entry = loads(line)
            except ValueError:
                continue  # the last line of a killed process
            by_step[entry["step"]] = by_step.get(entry["step"], {}) | entry
        return [by_step[step] for step in sorted(by_step)]


def put(parameters: Mapping[str, Tensor], state: Mapping[str, Tensor], where: str) -> None:
    """Copy values into parameters of the same names.

    :raises DataError: where names or shapes differ.
    """
    if parameters.keys() != state.keys():
        odd = sorted(parameters.keys() ^ state.keys())[:5]
        msg = f"{where} was trained with other parameters: {', '.join(odd)}"
        raise DataError(msg, remedy="use another --out folder for another recipe")
    with torch.no_grad():
        for name, parameter in parameters.items():
            if parameter.shape != state[name].shape:
                msg = f"{where}: {name} has the shape {list(state[name].shape)}, expected {list(parameter.shape)}"
                raise DataError(msg, remedy="use another --out folder for another recipe")
            parameter.copy_(state[name])


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"
