"""The program of a process that holds a slice of a tensor-parallel model: calls come in by standard input."""

from __future__ import annotations

import os
import pickle
import queue
import sys
import threading
from typing import IO, Any

import torch
import transformers

from fashionbench_models.loading import load_slice
from fashionbench_models.options import ModelOptions
from fashionbench_models.tensor_parallel import distributed_config, join


def main() -> None:
    """Read which slice it is, then call after call; end when standard input does."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what models print by the way
    said: dict[str, Any] = pickle.load(sys.stdin.buffer)  # noqa: S301  # of the process that started this one
    calls: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, calls), daemon=True).start()
    answers.write("ready\n")
    answers.flush()
    count, options = said["count"], ModelOptions(**said["options"])
    join(said["rank"], count, said["meet"], said["device"])
    model = load_slice(getattr(transformers, said["kind"]), options, said["device"], distributed_config(count))
    with torch.inference_mode():
        while True:
            method, inputs = calls.get()
            given = {name: _here(value, model.device) for name, value in inputs.items()}
            _ = model(**given) if method == "forward" else getattr(model, method)(**given)


def _here(value: Any, device: torch.device) -> Any:
    return value.to(device) if isinstance(value, torch.Tensor) else value


def _read(source: IO[bytes], calls: queue.SimpleQueue[tuple[str, dict[str, Any]]]) -> None:
    try:
        while True:
            calls.put(pickle.load(source))  # noqa: S301  # of the process that started this one
    except (EOFError, OSError, pickle.UnpicklingError):
        # The model is no longer asked: also a call that waits for the other processes ends.
        os._exit(0)
