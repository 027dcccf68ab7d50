"""Options that nobody may read: they count by a salted hash, and no text that is stored or printed holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fashionbench.redaction import hide, hide_name, secret_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.specs import BackendSpec


def secret_options(spec: BackendSpec, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a hash for each secret option that is given, and take its value for a secret from now on."""
    hashed: dict[str, Any] = {}
    for name in spec.secrets:
        hide_name(name)
        value = options.get(name)
        if value in (None, "", (), {}, []) or value == spec.options.get(name):
            continue
        hide(str(value))
        hashed[name] = secret_hash(str(value), spec.id, name)
    return hashed
