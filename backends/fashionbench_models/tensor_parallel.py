"""A model whose layers are divided among several processes of this machine: the tensor parallelism of transformers."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import weakref
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed
from torch.distributed.tensor import DTensor

from fashionbench.errors import BackendError, ConfigError
from fashionbench_models.placement import skeleton

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fashionbench_models.options import ModelOptions

_PROGRAM = "from fashionbench_models.tensor_parallel_process import main; main()"
#: How long one process may wait for another one, which reads its slice of the weights meanwhile.
PATIENCE = timedelta(minutes=30)


class TensorParallelModel:
    """A model of transformers of which this process holds the first slice, and others the rest.

    It is asked as the model itself is: ``__call__`` and ``generate`` are made in every process alike, and what they
    return is the same in all of them. Where one process fails, all are ended, for they would wait for each other.

    :param kind: the class of transformers that loads it.
    :param load: loads a slice, given the arguments of ``from_pretrained`` for it.
    :raises BackendError: where transformers has no plan for such a model, or a process ended.
    :raises ConfigError: where there are too few devices.
    """

    def __init__(self, kind: Any, options: ModelOptions, device: str, load: Callable[[dict[str, Any]], Any]) -> None:
        self._count = options.tensor_parallel
        distributed_config(self._count)
        _check_plan(kind, options)
        where = _device_kind(self._count, device)
        if distributed.is_initialized():
            msg = "this process takes part in a tensor-parallel model already, and transformers knows one a process"
            raise BackendError(msg, remedy="give it back first; a run does so between two backends")
        folder = tempfile.TemporaryDirectory(prefix="fashionbench-")
        said = {"kind": kind.__name__, "options": asdict(options), "count": self._count, "meet": f"{folder.name}/meet"}
        self._processes = [_start({**said, "rank": rank, "device": where}) for rank in range(1, self._count)]
        self.end = weakref.finalize(self, _end, self._processes, folder)
        try:
            self._wait()
            join(0, self._count, said["meet"], where)
            self.model = load(distributed_config(self._count))
        except BaseException:
            self.end()
            raise

    def __getattr__(self, name: str) -> Any:
        """Return what the model has, such as ``dtype`` or ``named_parameters``."""
        if name == "model":
            raise AttributeError(name)
        return getattr(self.model, name)

    def __call__(self, **inputs: Any) -> Any:
        """Compute in every process; returns what the model does."""
        return self._ask("forward", inputs)

    def generate(self, **inputs: Any) -> Any:
        """Write in every process; returns what the model does."""
        return self._ask("generate", inputs)

    @property
    def facts(self) -> dict[str, str]:
        """Say for the record among how many processes it is divided, and how much of it."""
        sizes = [(one.numel(), isinstance(one, DTensor)) for one in self.model.parameters()]
        divided, total = sum(size for size, cut in sizes if cut), sum(size for size, _ in sizes)
        by = f"{distributed.get_backend()} on {self.model.device.type}"
        return {"tensor parallel": f"{self._count} processes, {by}; {divided} of {total} parameters divided"}

    def _ask(self, method: str, inputs: dict[str, Any]) -> Any:
        if not self.end.alive:
            raise BackendError("the model was ended when it failed before", remedy="run the same command again")
        try:
            call = pickle.dumps((method, {name: _on(value, "cpu") for name, value in inputs.items()}))
            for process in self._processes:
                if process.stdin is not None:
                    process.stdin.write(call)
                    process.stdin.flush()
            return self.model(**inputs) if method == "forward" else getattr(self.model, method)(**inputs)
        except BaseException as error:
            lost = self._lost() if isinstance(error, Exception) else None
            self.end()
            if lost is not None:
                raise lost from error
            raise

    def _wait(self) -> None:
        """Wait until every process can take part; without one the others would wait for it for long."""
        for process in self._processes:
            if process.stdout is None or not process.stdout.readline():
                raise self._lost() or BackendError("a process of the model said nothing", remedy="run it again")

    def _lost(self) -> BackendError | None:
        """Return the error of a process that has ended; None where all live."""
        for rank, process in enumerate(self._processes, start=2):
            try:
                code = process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                continue
            msg = f"process {rank} of the {self._count} that share the model ended with the code {code}"
            return BackendError(msg, remedy="look for what ended it, such as want of memory, in its output above")
        return None


def distributed_config(count: int) -> dict[str, Any]:
    """Return the arguments of ``from_pretrained`` for a slice.

    :raises BackendError: where this transformers takes them otherwise.
    """
    try:
        from transformers.distributed import DistributedConfig  # noqa: PLC0415

        return {"distributed_config": DistributedConfig(tp_size=count)}
    except (ImportError, TypeError) as error:
        raise BackendError(
            "tensor_parallel needs a later transformers", remedy="pip install -U transformers"
        ) from error


def join(rank: int, count: int, meet: str, device: str) -> None:
    """Take part in the group of processes.

    :param meet: a file by which they find each other.
    """
    backend = {"cpu": "gloo", "cuda": "nccl", "xpu": "xccl"}[device]
    distributed.init_process_group(backend, init_method=f"file://{meet}", rank=rank, world_size=count, timeout=PATIENCE)


def _check_plan(kind: Any, options: ModelOptions) -> None:
    model = skeleton(kind, options)
    if not getattr(model, "tp_plan", None):
        msg = f"transformers has no plan to divide the layers of {type(model).__name__}"
        raise BackendError(msg, remedy="take device_map=auto, which divides a model between its layers")


def _device_kind(count: int, device: str) -> str:
    """Return the kind of device of the slices: transformers takes the accelerators of a machine that has any."""
    found = torch.accelerator.current_accelerator(check_available=True)
    there = torch.accelerator.device_count() if found is not None else 0
    if found is not None and device == "cpu":
        msg = "tensor_parallel takes the accelerators of this machine, and --device is cpu"
        raise ConfigError(msg, remedy="set CUDA_VISIBLE_DEVICES= to hide them, or leave --device out")
    if device != "cpu" and (found is None or there < count or device != found.type):
        has = f"{there} of {found.type}" if found is not None else "none"
        msg = f"tensor_parallel={count} on {device} needs {count} devices, and this process sees {has}"
        raise ConfigError(msg, remedy="lower tensor_parallel, or take --device cuda without a number")
    return device


def _start(said: dict[str, Any]) -> subprocess.Popen[bytes]:
    rank, count = str(said["rank"]), str(said["count"])
    process = subprocess.Popen(  # noqa: S603
        # Nothing is imported from where the user stands.
        [sys.executable, "-P", "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count},
    )
    if process.stdin is not None:
        process.stdin.write(pickle.dumps(said))
        process.stdin.flush()
    return process


def _end(processes: Sequence[subprocess.Popen[bytes]], folder: tempfile.TemporaryDirectory[str]) -> None:
    for process in processes:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what was written to one that had ended
                    continue
    if distributed.is_initialized():
        distributed.destroy_process_group()
    folder.cleanup()


def _on(value: Any, device: str | torch.device) -> Any:
    return value.to(device) if isinstance(value, torch.Tensor) else value
