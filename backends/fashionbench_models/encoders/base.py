"""What all encoders of this package share: options, device, pieces of a batch, and what is said of preprocessing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fashionbench_models.dispatched_model import input_device, where_it_lies
from fashionbench_models.loading import load_model
from fashionbench_models.options import read_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from fashionbench.data.items import TextItem
    from fashionbench.specs.capabilities import BackendContext

S = TypeVar("S")
#: Images that a processor's network is given at once where nothing else is said: what comes between its layers stays
#: in the cache of the processor, which makes a small ViT a tenth faster than 32 at once do. Texts are short enough.
IMAGES_ON_CPU = 8


class Encoder:
    """An encoder of images or texts.

    :ivar parameters: the number of parameters.
    :ivar counters: what was counted of the items; processes that share a cell add theirs up.
    :ivar facts: how inputs are prepared, but for what is counted.
    """

    parameters: int = 0

    def __init__(self, context: BackendContext) -> None:
        self.options = read_options(context.options)
        self.device = self.options.device or context.device
        self.counters: dict[str, int] = {}
        self.facts: dict[str, str] = {"dtype": self.options.dtype}
        if self.options.prefix:
            self.facts["text prefix"] = self.options.prefix

    @property
    def preprocessing(self) -> dict[str, str]:
        """How inputs are prepared, for the record."""
        return {**self.facts, **self.counted()}

    def counted(self) -> dict[str, str]:
        """Say what :attr:`counters` counted, for the record."""
        return {}

    def count(self, name: str, number: int) -> None:
        """Add to one of :attr:`counters`."""
        self.counters[name] = self.counters.get(name, 0) + number

    def load(self, kind: Any) -> Any:
        """Load the model by a class of transformers; inputs then go to :attr:`device`.

        :raises BackendError: where it cannot be loaded.
        """
        model = load_model(kind, self.options, self.device)
        self.facts |= where_it_lies(model, self.options)
        if self.options.device_map or self.options.tensor_parallel > 1:
            self.device = str(input_device(model))
        self.parameters = count_parameters(model)
        return model

    def texts(self, items: Sequence[TextItem]) -> list[str]:
        """Return the texts as the model is given them."""
        prefix = self.options.prefix
        return [f"{prefix} {item.text}" if prefix else item.text for item in items]

    def in_pieces(self, items: Sequence[S], encode: Callable[[Sequence[S]], Tensor]) -> NDArray[np.float32]:
        """Encode a batch in pieces, as float32 on the CPU."""
        return np.concatenate([encode(piece).float().cpu().numpy() for piece in self.pieces(items)])

    def pieces(self, items: Sequence[S]) -> Iterator[Sequence[S]]:
        """Cut a batch into pieces of the option ``batch_size``, or of what suits the device."""
        small = str(self.device) == "cpu" and not isinstance(items[0], str)
        size = self.options.batch_size or (IMAGES_ON_CPU if small else len(items))
        for at in range(0, len(items), size):
            yield items[at : at + size]


def count_parameters(model: Any) -> int:
    """Count the parameters of a module; those that are tied to others once, also where they wait on a disk."""
    tied = getattr(model, "all_tied_weights_keys", ())
    return sum(one.numel() for name, one in model.named_parameters() if not (one.is_meta and name in tied))


def features(output: Any) -> Tensor:
    """Take projected features; transformers 5 returns them as the pooled output, and 4 as they are."""
    tensor: Tensor = getattr(output, "pooler_output", output)
    return tensor
