"""The options of the backend, with what they are where nobody says; read without torch."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS: Mapping[str, object] = MappingProxyType(
    {
        "model": "",
        "use": "full",
        "composed": "both",
        "caption_instruction": "",
        "steps": 0,
        "guidance": 0.0,
        "repaint": False,
    }
)
