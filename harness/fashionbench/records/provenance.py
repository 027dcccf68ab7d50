"""Where a number came from: code, packages, plugins, machine and command, without secrets."""

from __future__ import annotations

import os
import platform
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from fashionbench.records.base import Model
from fashionbench.records.git_command import ask_git
from fashionbench.records.path_names import without_paths
from fashionbench.redaction import redacted, redacted_words

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Distributions whose version can change a number.
PACKAGES = (
    "accelerate", "clean-fid", "diffusers", "fashionbench", "numpy", "pandas", "peft", "pillow", "pluggy", "pyarrow",
    "pycocoevalcap", "scikit-learn", "scipy", "tokenizers", "torch", "torchmetrics", "torchvision", "transformers",
)  # fmt: skip

_VERSION = re.compile(r"(?m)^Version: *(\S+) *$")


class GitState(Model):
    """The commit of a git work tree that tracks a source file."""

    commit: str
    dirty: bool
    origin: str = ""


class CodeState(Model):
    """The version of a package whose code took part in a measurement."""

    package: str
    distribution: str = ""
    """The installed distribution that it belongs to; empty where there is none."""
    version: str = ""
    git: GitState | None = None
    """Null where no git work tree tracks its files, as for a package that was installed from an index."""


class PluginState(Model):
    """A plugin that took part."""

    name: str
    distribution: str
    version: str


class Provenance(Model):
    """Everything that a reader needs to find the code and the machine again."""

    started: str
    """ISO 8601, UTC."""
    ended: str
    command: tuple[str, ...]
    code: tuple[CodeState, ...]
    """The core, and the packages of task and backend."""
    python: str
    platform: str
    processor: str
    cores: int
    accelerator: str = ""
    packages: dict[str, str]
    plugins: tuple[PluginState, ...]
    extra: dict[str, Any] = Field(default_factory=dict)
    """What plugins added, by plugin."""


def now() -> str:
    """Return the time as ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """What every record of a run says alike; asked once.

    :param extra: what plugins added, by plugin.
    """

    plugins: tuple[PluginState, ...]
    extra: dict[str, Any]
    command: tuple[str, ...]
    packages: dict[str, str]
    processor: str

    @classmethod
    def collect(
        cls, plugins: Sequence[PluginState], extra: dict[str, Any], command: Sequence[str] | None = None
    ) -> ProcessFacts:
        """Ask this process; what was known of the state of its code is asked anew."""
        code_state.cache_clear()
        _work_tree.cache_clear()
        # Where things lie on this machine says nothing of how a number was made.
        words = tuple(without_paths(word) for word in redacted_words(sys.argv if command is None else command))
        return cls(tuple(plugins), extra, words, _versions(), _processor())

    def provenance(self, started: str, code: Sequence[CodeState], device: str = "cpu") -> Provenance:
        """Describe a measurement that ends now.

        :param code: the packages whose code measured.
        :param device: the device that was used, which is named where it is a GPU.
        """
        return Provenance(
            started=started,
            ended=now(),
            command=self.command,
            code=tuple(code),
            python=platform.python_version(),
            platform=platform.platform(),
            processor=self.processor,
            cores=os.cpu_count() or 0,
            accelerator=_accelerator(device),
            packages=self.packages,
            plugins=self.plugins,
            extra=self.extra,
        )


def top_level(target: str) -> str:
    """Return the top-level package of a module, or of a ``"module:attribute"`` target."""
    return target.partition(":")[0].partition(".")[0]


def distributions(package: str) -> dict[str, tuple[str, ...]]:
    """Return the installed distributions that each importable top-level package belongs to.

    :param package: one that must be among them where it is installed. Lists of what distributions declare are read
        first: to look through the files of all of them takes a second.
    """
    return _declared() if package in _declared() else _of_all_files()


@lru_cache(maxsize=1)
def _declared() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for distribution in metadata.distributions():
        for name in (distribution.read_text("top_level.txt") or "").split():
            found.setdefault(name, []).append(distribution.metadata["Name"])
    return {name: tuple(owners) for name, owners in found.items()}


@lru_cache(maxsize=1)
def _of_all_files() -> dict[str, tuple[str, ...]]:
    return {name: tuple(owners) for name, owners in metadata.packages_distributions().items()}


def installed_version(name: str) -> str:
    """Return the version of an installed distribution.

    :raises importlib.metadata.PackageNotFoundError: where it is not installed.
    """
    distribution = metadata.distribution(name)
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    # Its field is one of the first lines; the standard library parses the whole description behind them as an e-mail.
    field = _VERSION.search(text)
    return distribution.version if field is None else field[1]


@lru_cache(maxsize=64)
def code_state(module: str) -> CodeState:
    """Describe the version of the top-level package of a module, without importing it."""
    package = top_level(module)
    owners = distributions(package).get(package, ())
    name = owners[0] if owners else ""
    version = installed_version(name) if name else ""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        spec = None
    file = None if spec is None or not spec.origin else Path(spec.origin)
    git = git_state(file) if file is not None and file.is_file() else None
    return CodeState(package=package, distribution=name, version=version, git=git)


def git_state(file: Path) -> GitState | None:
    """Read commit, dirty flag and origin of the work tree that tracks a file; None where none does.

    A file in a folder that git ignores, such as a virtual environment inside a project, is not tracked.
    """
    folder = file.parent
    if ask_git(folder, "ls-files", "--error-unmatch", file.name) is None:
        return None
    top = next((path for path in (folder, *folder.parents) if (path / ".git").exists()), None)
    return _work_tree(top or Path(ask_git(folder, "rev-parse", "--show-toplevel") or folder))


_COMMIT, _NO_COMMIT = "# branch.oid ", "(initial)"


@lru_cache(maxsize=16)
def _work_tree(top: Path) -> GitState | None:
    words = ("status", "--porcelain=v2", "--branch", "--untracked-files=no", "--ignore-submodules=all")
    lines = (ask_git(top, *words) or "").splitlines()
    commit = next((line.removeprefix(_COMMIT) for line in lines if line.startswith(_COMMIT)), _NO_COMMIT)
    if commit == _NO_COMMIT:
        return None
    dirty = any(not line.startswith("#") for line in lines)
    origin = ask_git(top, "config", "--get", "remote.origin.url") or ""
    return GitState(commit=commit, dirty=dirty, origin=redacted(origin))


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = installed_version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _accelerator(device: str) -> str:
    torch = sys.modules.get("torch")  # asking must not import it
    if torch is None or device.partition(":")[0] != "cuda" or not torch.cuda.is_available():
        return ""
    return str(torch.cuda.get_device_name(device))
