"""The checksum under which an embedding is kept."""

from __future__ import annotations

import hashlib


def row_checksum(key: bytes, shape: str, content: bytes) -> bytes:
    """Return 16 bytes over an embedding's key, its shape such as ``32x256``, and its numbers."""
    return hashlib.blake2b(key + shape.encode() + b"\x00" + content, digest_size=16).digest()
