"""Where a plugin comes from, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

#: The group of entry points that plugins are found by, and the name of our own distribution.
GROUP = "fashionbench"
#: Plugins or distributions that are not loaded, separated by commas; ``external`` stands for all but our own.
BLOCK_VARIABLE = "FASHIONBENCH_BLOCK_PLUGINS"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a plugin comes from."""

    name: str
    distribution: str
    version: str

    @property
    def key(self) -> str:
        """A name that is unique among distributions."""
        return f"{self.distribution}:{self.name}"

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True, slots=True)
class PluginReport:
    """What became of one entry point: its hooks, or the error that kept it out.

    :param seconds: how long its module took to be imported.
    """

    origin: Origin
    hooks: tuple[str, ...] = ()
    error: str = ""
    traceback: str = ""
    seconds: float = 0.0
