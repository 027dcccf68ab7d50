"""The backends that a configuration names: by a pattern of registered names, or by the address of a model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fashionbench.errors import ConfigError, UnknownNameError
from fashionbench.runner.config import matching

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.plugins.manager import Plugins
    from fashionbench.specs import BackendSpec


def named_backends(name: str, options: Mapping[str, Any], plugins: Plugins) -> list[BackendSpec]:
    """Return the backends of a name, a pattern such as ``baseline/*``, or an address such as ``hf:FOLDER``.

    A backend with an address of its own is given the model that lies there. Of a pattern, those whose model is not on
    this machine stay without one, and the plan leaves them out.

    :param options: what the configuration says of the options, some of which an address may need.
    :raises UnknownNameError: where there is none.
    :raises ConfigError: where the model of the one backend that is named is not on this machine.
    """
    if ":" in name:
        return [plugins.describe_backend(name, options)]
    specs = [plugins.backends[known] for known in matching(name, plugins.backends)]
    return [_with_model(spec, options, plugins, exact=spec.id == name) for spec in specs]


def _with_model(spec: BackendSpec, options: Mapping[str, Any], plugins: Plugins, *, exact: bool) -> BackendSpec:
    if not spec.address or any(options.get(name) for name in spec.models):
        return spec
    try:
        described = plugins.describe_backend(spec.address, options)
    except (ConfigError, UnknownNameError):
        if exact:
            raise
        return spec
    models = {name: described.options[name] for name in spec.models}
    return replace(
        spec,
        target=described.target,
        packages=described.packages,
        resources=described.resources,
        options={**spec.options, **models},
    )
