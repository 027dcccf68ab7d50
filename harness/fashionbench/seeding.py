"""Seeds of random generators from names: the same on every machine, in every process, for every order of work."""

from __future__ import annotations

import hashlib


def seed_of(*parts: object, bits: int = 63, separator: str | None = None) -> int:
    """Hash names to a seed: the first bits of a SHA-256, as a number that is not negative.

    :param parts: what the random numbers belong to, such as a cell id and a metric name; their order counts.
    :param bits: at most 256; NumPy and torch take 63.
    :param separator: written between the parts. By default the length of each part goes before it instead, so that no
        two lists of parts share a seed; with a separator that holds for parts that do not contain it.
    """
    state = hashlib.sha256()
    if separator is None:
        for part in parts:
            encoded = str(part).encode()
            state.update(len(encoded).to_bytes(8, "big") + encoded)
    else:
        state.update(separator.join(map(str, parts)).encode())
    return int.from_bytes(state.digest(), "big") >> (256 - bits)
