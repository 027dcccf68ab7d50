"""Let tox environments share one folder.

tox rebuilds an environment whose folder was made under another name. Here several environments need the same packages,
torch among them, at 5.5 GB and minutes a copy; ``runner = shared`` forgets the name, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tox.plugin import impl
from tox.tox_env.api import ToxEnv
from tox.tox_env.info import Info
from tox.tox_env.python.virtual_env.runner import VirtualEnvRunner

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tox.tox_env.register import ToxEnvRegister


class SharedInfo(Info):
    """What tox remembers of an environment, without the environment's name."""

    def compare(
        self, value: Any, section: str, sub_section: str | None = None
    ) -> AbstractContextManager[tuple[bool, Any | None]]:
        """Compare as tox does."""
        if section == ToxEnv.__name__ and sub_section is None:
            value = {**value, "name": "shared"}
        return super().compare(value, section, sub_section)


class SharedRunner(VirtualEnvRunner):
    """A virtual environment that may serve several tox environments with equal dependencies."""

    @staticmethod
    def id() -> str:
        """Name it for ``runner =``."""
        return "shared"

    @property
    def cache(self) -> Info:
        """What tox remembers."""
        return SharedInfo(self.env_dir)


@impl
def tox_register_tox_env(register: ToxEnvRegister) -> None:
    """Make ``runner = shared`` known."""
    register.add_run_env(SharedRunner)
