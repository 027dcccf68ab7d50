"""Objects with many tensors as one block of memory, for their way from one process to another.

Each tensor that torch hands to another process takes a file descriptor, of which a process has a thousand or so.
"""

from __future__ import annotations

import io
import pickle
from typing import Any, NamedTuple

import torch
from torch import Tensor

#: Where a tensor begins in the block, in bytes: what the largest type needs.
_ALIGNED = 64


class TensorBlock(NamedTuple):
    """An object in pieces.

    :param block: the values of all tensors, bytes.
    :param places: type, shape, strides and first byte of each.
    :param rest: the object without its tensors, pickled.
    """

    block: Tensor
    places: list[tuple[torch.dtype, tuple[int, ...], tuple[int, ...], int]]
    rest: bytes


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.tensors: list[Tensor] = []

    def persistent_id(self, obj: Any) -> int | None:
        if not isinstance(obj, Tensor):
            return None
        self.tensors.append(obj)
        return len(self.tensors) - 1


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, tensors: list[Tensor]) -> None:
        super().__init__(file)
        self._tensors = tensors

    def persistent_load(self, pid: int) -> Tensor:
        return self._tensors[pid]


def pack(whole: object) -> TensorBlock:
    """Take an object apart; its tensors have no gradients and lie in the memory of the processor."""
    file = io.BytesIO()
    pickler = _Pickler(file)
    pickler.dump(whole)
    places, size = [], 0
    for tensor in pickler.tensors:
        # Of one whose values do not fill a piece of memory, those of a copy that does.
        strides = torch.empty_like(tensor, device="meta").stride()
        places.append((tensor.dtype, tuple(tensor.shape), strides, size))
        size += -(-tensor.numel() * tensor.element_size() // _ALIGNED) * _ALIGNED
    block = torch.empty(size, dtype=torch.uint8)
    for tensor, place in zip(pickler.tensors, places, strict=True):
        _view(block, place).copy_(tensor)
    return TensorBlock(block, places, file.getvalue())


def unpack(packed: TensorBlock) -> Any:
    """Put an object together again, its tensors as views of the block."""
    tensors = [_view(packed.block, place) for place in packed.places]
    return _Unpickler(io.BytesIO(packed.rest), tensors).load()


def _view(block: Tensor, place: tuple[torch.dtype, tuple[int, ...], tuple[int, ...], int]) -> Tensor:
    dtype, shape, strides, first = place
    count = 1
    for side in shape:
        count *= side
    return block[first : first + count * dtype.itemsize].view(dtype).as_strided(shape, strides)
