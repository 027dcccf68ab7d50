"""The backends that a configuration names: by a pattern of registered names, or by the address of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fashionbench.runner.config import matching

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.plugins.manager import Plugins
    from fashionbench.specs import BackendSpec


def named_backends(name: str, options: Mapping[str, Any], plugins: Plugins) -> list[BackendSpec]:
    """Return the backends of a name, a pattern such as ``baseline/*``, or an address such as ``hf:FOLDER``.

    :param options: what the configuration says of the options, some of which an address may need.
    :raises UnknownNameError: where there is none.
    """
    if ":" in name:
        return [plugins.describe_backend(name, options)]
    return [plugins.backends[known] for known in matching(name, plugins.backends)]
