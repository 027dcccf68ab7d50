"""Which device to compute on."""

from __future__ import annotations

import platform
import shutil
from importlib.util import find_spec


def resolve_device(wanted: str) -> str:
    """Return ``wanted``, or for ``auto`` the first of cuda, mps and cpu that this machine has."""
    if wanted != "auto":
        return wanted
    if find_spec("torch") is None or not _may_have_accelerator():
        return "cpu"
    import torch  # noqa: PLC0415

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _may_have_accelerator() -> bool:
    """Look for an accelerator without torch, whose import alone takes seconds."""
    return (
        platform.system() == "Darwin" or shutil.which("nvidia-smi") is not None or shutil.which("rocm-smi") is not None
    )
