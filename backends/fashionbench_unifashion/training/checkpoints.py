"""Folder of a phase: checkpoints while it runs, the best weights, and its log.

Weights and checkpoints carry a checksum, for neither format notices a flipped bit: a training would go on from it, and
measure something else, without a word.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from fashionbench import files
from fashionbench.errors import DataError, reason_of
from fashionbench.files import regular_bytes
from fashionbench.json_reader import read_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn


_ANEW = "remove the folder of the phase, and give the same command again"
#: The entry of the metadata of weights with their checksum, and what stands before that of a checkpoint, at its end.
_CHECKSUM, _TRAILER = "sha256", b"\nsha256:"


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
        files.write(self.root / "trained.safetensors", lambda path: _save_weights(trained, path))
        files.write_text(self.root / "done.json", json.dumps(summary, indent=2) + "\n")
        self.drop_spent()

    def drop_spent(self) -> None:
        """Remove what a finished phase needs no more, also where its process was killed before it came to that."""
        for name in ("checkpoint.pt", "best.safetensors"):
            (self.root / name).unlink(missing_ok=True)

    def summary(self) -> dict[str, Any]:
        """Read the summary of a finished phase."""
        path = self.root / "done.json"
        try:
            return read_object(path)
        except (OSError, DataError) as error:
            raise DataError(f"the summary {path} cannot be read: {error}", remedy=_ANEW) from error

    def restore(self, parameters: Mapping[str, Tensor], name: str = "trained") -> None:
        """Give a model the weights of a finished phase, or its best ones so far.

        :raises DataError: where they cannot be read, or are of other parameters.
        """
        path = self.root / f"{name}.safetensors"
        try:
            with safe_open(path, framework="pt") as stored:
                state = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118  # is no mapping
                checksum = (stored.metadata() or {}).get(_CHECKSUM, "")
        except Exception as error:  # safetensors has errors of its own
            raise DataError(f"the weights {path} cannot be read: {reason_of(error)}", remedy=_ANEW) from error
        # Weights of before there were checksums have none.
        if checksum and checksum != checksum_of(state):
            raise DataError(f"the weights {path} were altered or damaged", remedy=_ANEW)
        put(parameters, state, str(self.root))

    def keep_best(self, parameters: Mapping[str, nn.Parameter]) -> None:
        """Keep the weights as the best ones so far."""
        files.write(self.root / "best.safetensors", lambda path: _save_weights(parameters, path))

    def save(self, state: Mapping[str, Any]) -> None:
        """Write a checkpoint in the place of the one before."""
        files.write(self.root / "checkpoint.pt", lambda path: _save_checkpoint(state, path))

    def load(self) -> dict[str, Any] | None:
        """Read the checkpoint, or return None where there is none.

        :raises DataError: where it is damaged.
        """
        path = self.root / "checkpoint.pt"
        if not path.is_file():
            return None
        if not _is_whole(path):
            raise DataError(f"the checkpoint {path} was altered or damaged", remedy="remove it to begin anew")
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
        """Read the log; of lines of one step the last one counts, for a resumed training goes over some again.

        A line that is damaged is named and left out; half a line at the end is that of a killed process.
        """
        path = self.root / "log.jsonl"
        if not path.is_file():
            return []
        by_step: dict[float, dict[str, float]] = {}
        lines = regular_bytes(path).split(b"\n")
        for number, line in enumerate(lines, 1):
            entry = _log_entry(line)
            if entry is not None:
                by_step[entry["step"]] = by_step.get(entry["step"], {}) | entry
            elif line.strip() and number < len(lines):
                sys.stderr.write(f"warning: {path}, line {number} is damaged and left out; it may be deleted\n")
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


def _save_weights(tensors: Mapping[str, Tensor], path: Path) -> None:
    plain = _plain(tensors)
    save_file(plain, path, metadata={_CHECKSUM: checksum_of(plain)})


def checksum_of(tensors: Mapping[str, Tensor]) -> str:
    """Hash tensors with their names, types and shapes."""
    state = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        state.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        state.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return state.hexdigest()


def _save_checkpoint(state: Mapping[str, Any], path: Path) -> None:
    torch.save(dict(state), path)
    checksum = files.sha256(path)
    with path.open("ab") as file:  # readers of zip archives look for the directory from the end, and pass it over
        file.write(_TRAILER + checksum.encode())


def _is_whole(path: Path) -> bool:
    """Compare a checkpoint with the checksum at its end; one of before there were checksums has none."""
    length = len(_TRAILER) + 64
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - length))
        end = file.read()
        if not end.startswith(_TRAILER):
            return True
        file.seek(0)
        state, left = hashlib.sha256(), size - length
        while left and (part := file.read(min(left, 1 << 20))):
            state.update(part)
            left -= len(part)
    return state.hexdigest().encode() == end.removeprefix(_TRAILER)


def _log_entry(line: bytes) -> dict[str, float] | None:
    """Read a line of the log: an object of numbers with a step; None where it is none."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    good = isinstance(entry, dict) and "step" in entry and all(_is_number(value) for value in entry.values())
    return entry if good else None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"
