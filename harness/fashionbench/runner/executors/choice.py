"""Make the executor that a configuration names."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict

from fashionbench.errors import ConfigError
from fashionbench.specs import resolve
from fashionbench.specs.validation import validated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.plugins.manager import Plugins
    from fashionbench.runner.config import ExecutorChoice
    from fashionbench.runner.executors.contract import Executor

T = TypeVar("T", bound="ExecutorOptions")


class ExecutorOptions(BaseModel):
    """The base of the options of an executor; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def read(cls, options: Mapping[str, Any], name: str) -> Self:
        """Validate options.

        :raises ConfigError: naming each wrong one.
        """
        return validated(cls, options, f"options of the executor {name}", f"'fashionbench show {name}' lists them")


def make_executor(choice: ExecutorChoice, plugins: Plugins) -> Executor | None:
    """Make an executor; None where cells are to be run in this process.

    :raises UnknownNameError: where nothing registered its name.
    :raises ConfigError: where an option is unknown or wrong, or a package is missing.
    """
    spec = plugins.executors[choice.id]
    unknown = sorted(choice.options.keys() - spec.options.keys())
    if unknown:
        known = ", ".join(sorted(spec.options)) or "none"
        raise ConfigError(f"{spec.id} has no option {', '.join(unknown)}", remedy=f"options of {spec.id}: {known}")
    lacking = [name for name in spec.packages if find_spec(name) is None]
    if lacking:
        remedy = f'pip install "fashionbench[{spec.extra}]"' if spec.extra else f"pip install {' '.join(lacking)}"
        raise ConfigError(f"the executor {spec.id} needs {', '.join(lacking)}", remedy=remedy)
    made: Executor | None = cast("Any", resolve(spec.target))({**spec.options, **choice.options})
    return made
