"""FID's Inception v3: torchvision's network with the pooling of the TensorFlow graph of 2015.

Weights fit torchvision's ``inception_v3`` by name and shape. What differs is the pooling branch of the blocks: average
pooling that does not count the padding, and in the last block maximum pooling (M. Seitzer, pytorch-fid, after the graph
``inception-2015-12-05`` of Heusel et al., NeurIPS 2017).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import inception as blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_average = partial(functional.avg_pool2d, kernel_size=3, stride=1, padding=1, count_include_pad=False)
_maximum = partial(functional.max_pool2d, kernel_size=3, stride=1, padding=1)


def _with_pooling(block: Any, pool: Callable[[Tensor], Tensor]) -> Any:
    """Return a block of torchvision whose last branch pools otherwise."""

    class Pooled(block):  # type: ignore[misc]
        """The block, with its last branch computed from another pooling."""

        def _forward(self, x: Tensor) -> list[Tensor]:
            *branches, _ = super()._forward(x)
            return [*branches, self.branch_pool(pool(x))]

    return Pooled


def fid_inception(state: Mapping[str, Tensor] | None = None) -> nn.Module:
    """Build the network up to its last pooling: images [N, 3, 299, 299] to features [N, 2048].

    :param state: a state dictionary of 1,008 classes; without one the parameters are on the meta device.
    """
    parts: list[Any] = [
        blocks.BasicConv2d,
        _with_pooling(blocks.InceptionA, _average),
        blocks.InceptionB,
        _with_pooling(blocks.InceptionC, _average),
        blocks.InceptionD,
        _with_pooling(blocks.InceptionE, _average),
        blocks.InceptionAux,
    ]
    with torch.device("meta"):
        network = blocks.Inception3(
            num_classes=1008, aux_logits=False, transform_input=False, init_weights=False, inception_blocks=parts
        )
        network.Mixed_7c = _with_pooling(blocks.InceptionE, _maximum)(2048)
    if state is not None:
        network.load_state_dict(dict(state), assign=True)
        network.fc = nn.Identity()
        network.requires_grad_(requires_grad=False)
    network.eval()
    return cast("nn.Module", network)
