"""Load feature extractors, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import PluginError, as_error
from fashionbench.extractors.registry import load

if TYPE_CHECKING:
    from fashionbench.extractors.base import Extractor
    from fashionbench.plugins.manager import Plugins


class ExtractorLoader:
    """Extractors by name, from the plugins or else the core's own.

    What could not be loaded is tried again when it is asked for again: its weights may have come meanwhile.
    """

    def __init__(self, plugins: Plugins, device: str) -> None:
        self.device = device
        self._plugins = plugins
        self._loaded: dict[str, Extractor] = {}

    def __call__(self, name: str) -> Extractor:
        """Load an extractor.

        :raises FashionBenchError: where it is unknown, or its weights are not there.
        """
        if name not in self._loaded:
            given: Extractor | None = self._plugins.hook.load_extractor(name=name, device=self.device)
            if given is not None and not callable(getattr(given, "features", None)):
                msg = f"a plugin gave {type(given).__name__} for the extractor {name}"
                raise PluginError(msg, remedy="return an object with the method features")
            self._loaded[name] = given or load(name, self.device)
        return self._loaded[name]

    def fingerprint(self, name: str) -> str | None:
        """Return the fingerprint of an extractor; None where it cannot be loaded."""
        return self(name).fingerprint if self.can_load(name) else None

    def can_load(self, name: str) -> bool:
        """Tell whether an extractor can be loaded, by loading it."""
        try:
            self(name)
        except BaseException as error:  # the metric that needs it says why
            as_error(error)
            return False
        return True
