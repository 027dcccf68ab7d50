"""Networks of diffusers, built from arguments or loaded with nothing missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import torch

from fashionbench.errors import BackendError, ConfigError
from fashionbench_unifashion.weights.loading import locate, reading, require_finite

if TYPE_CHECKING:
    from diffusers.models.modeling_utils import ModelMixin

    from fashionbench_unifashion.diffusion.config import NetworkConfig

    Network = TypeVar("Network", bound=ModelMixin)


def build(kind: type[Network], config: NetworkConfig) -> Network:
    """Build a network.

    :param kind: such as ``UNet2DConditionModel``.
    :raises ConfigError: on arguments that the class does not take.
    :raises BackendError: where there is no such folder or model, or weights are missing, left over or of another shape.
    """
    if config.architecture is not None:
        try:
            built: Network = kind(**config.architecture)
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"{kind.__name__} cannot be built: {error}", remedy="mend the architecture's arguments"
            ) from error
        return built
    return _loaded(kind, config)


def _loaded(kind: type[Network], config: NetworkConfig) -> Network:
    source = str(config.source)
    # diffusers takes an absent folder for a badly written repository id, and asks the hub six times before it says so.
    place = locate(source, revision=config.revision, subfolder=config.subfolder or "")
    with reading(source):
        loaded: Any = kind.from_pretrained(
            str(place),
            torch_dtype=torch.float32,
            # What is missing must come out of here as an error, not as a random number.
            output_loading_info=True,
            low_cpu_mem_usage=False,
        )
    network: Network = loaded[0]
    info: dict[str, list[Any]] = loaded[1]
    wrong = {name: keys for name, keys in info.items() if keys}
    if wrong:
        said = "; ".join(f"{name}: {', '.join(map(str, keys[:3]))}" for name, keys in sorted(wrong.items()))
        raise BackendError(f"the weights of {source} do not fit {kind.__name__}: {said}", remedy="fetch them again")
    require_finite(dict(network.state_dict()), source)
    return network
