"""Call what a specification names, so that whatever it raises is a fault of its plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from fashionbench.errors import FashionBenchError, PluginError, as_error, text_of
from fashionbench.specs import resolve

if TYPE_CHECKING:
    from fashionbench.plugins.registry import Registry

#: Parts of our own house raise these where data or disk are at fault, and say so better than we could here.
_PASSED = (FashionBenchError, OSError, MemoryError)


def call(registry: Registry[Any], name: str, *arguments: object, target: str = "", gives: type | None = None) -> Any:
    """Call the target of a registered name.

    :param target: another of its targets, such as the maker of a data set.
    :param gives: what it must return.
    :raises FashionBenchError: as the target raises it.
    :raises PluginError: naming the plugin, where it raises anything else or returns something else.
    """
    spec = registry[name]
    blame = f"{registry.kind} {name} of {registry.origin(name)}"
    try:
        given = cast("Any", resolve(target or spec.target))(*arguments)
    except _PASSED:
        raise
    except BaseException as error:
        as_error(error)
        said = f"{type(error).__name__}: {text_of(error)}"
        raise PluginError(f"{blame} failed: {said}", remedy="mend the plugin, or leave it out") from error
    if gives is not None and not isinstance(given, gives):
        msg = f"{blame} gave {type(given).__name__} instead of {gives.__name__}"
        raise PluginError(msg, remedy="mend the plugin, or leave it out")
    return given
