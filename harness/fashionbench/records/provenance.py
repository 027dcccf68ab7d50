"""Where a number came from: code, packages, plugins, machine and command, without secrets."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from fashionbench.records.base import Model

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Distributions whose version can change a number.
PACKAGES = (
    "accelerate", "clean-fid", "diffusers", "fashionbench", "numpy", "pandas", "peft", "pillow", "pluggy", "pyarrow",
    "pycocoevalcap", "scikit-learn", "scipy", "tokenizers", "torch", "torchmetrics", "torchvision", "transformers",
)  # fmt: skip

_SECRET_FLAG = re.compile(r"(?i)^--?[\w-]*(token|secret|password|passwd|api[-_]?key|credential)[\w-]*$")
_SECRET_PAIR = re.compile(r"(?i)([\w-]*(?:token|secret|password|passwd|api[-_]?key|credential)[\w-]*)=(\S+)")
_CREDENTIALS = re.compile(r"(\w+://)[^/@\s]+@")
_KNOWN_TOKEN = re.compile(r"\b(hf_|ghp_|gho_|github_pat_|sk-)[A-Za-z0-9_-]{8,}")


class GitState(Model):
    """The version of the code in the folder where the run was started."""

    commit: str
    dirty: bool
    origin: str = ""


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
    git: GitState | None
    """Null where the run was not started in a git work tree."""
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


def redact(words: Sequence[str]) -> tuple[str, ...]:
    """Replace what looks like a secret in a command line by ``***``."""
    out: list[str] = []
    hide_next = False
    for word in words:
        if hide_next and not word.startswith("-"):
            out.append("***")
            hide_next = False
            continue
        hide_next = bool(_SECRET_FLAG.match(word))
        clean = _SECRET_PAIR.sub(r"\1=***", word)
        out.append(_KNOWN_TOKEN.sub("***", _CREDENTIALS.sub(r"\1***@", clean)))
    return tuple(out)


def collect(
    started: str, plugins: Sequence[PluginState], extra: dict[str, Any], command: Sequence[str] | None = None
) -> Provenance:
    """Describe this process."""
    return Provenance(
        started=started,
        ended=now(),
        command=redact(sys.argv if command is None else command),
        git=git_state(Path.cwd()),
        python=platform.python_version(),
        platform=platform.platform(),
        processor=_processor(),
        cores=os.cpu_count() or 0,
        accelerator=_accelerator(),
        packages=_versions(),
        plugins=tuple(plugins),
        extra=extra,
    )


def git_state(folder: Path) -> GitState | None:
    """Read commit, dirty flag and origin of the work tree around a folder; None where there is none."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    status = _git(folder, "status", "--porcelain", "--untracked-files=no")
    origin = _git(folder, "config", "--get", "remote.origin.url") or ""
    return GitState(commit=commit, dirty=bool(status), origin=_CREDENTIALS.sub(r"\1***@", origin))


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(folder), *words],  # noqa: S607
            capture_output=True, text=True, check=False, timeout=20,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _accelerator() -> str:
    torch = sys.modules.get("torch")  # asking must not import it
    if torch is None or not torch.cuda.is_available():
        return ""
    return str(torch.cuda.get_device_name(0))
