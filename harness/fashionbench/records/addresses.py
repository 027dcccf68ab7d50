"""Addresses of stores, such as ``s3://bucket/results``: told from folders, and shown without secrets."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit, urlunsplit

from fashionbench.errors import ConfigError
from fashionbench.redaction import hide

_ADDRESS = re.compile(r"(?i)[a-z][a-z0-9+.-]+://")


def is_address(text: str) -> bool:
    """Tell an address with a scheme, such as ``s3://bucket/results``, from the path of a folder."""
    return _ADDRESS.match(text) is not None


def scheme_of(address: str) -> str:
    """Return what stands before ``://``, in small letters."""
    return address.partition("://")[0].lower()


def without_user(address: str) -> str:
    """Return an address without name and password of a user, which are hidden from now on wherever they are printed.

    :raises ConfigError: where it has a query or a fragment, behind which no file can be named.
    """
    parts = urlsplit(address)
    if parts.query or parts.fragment:
        msg = f"the address {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path} has a part behind '?' or '#'"
        raise ConfigError(msg, remedy="name the folder of the store alone; credentials are those of the client library")
    user, at, host = parts.netloc.rpartition("@")
    secret = user.partition(":")[2] if ":" in user else user
    for form in {secret, unquote(secret)} if at else ():
        hide(form)
    return urlunsplit((parts.scheme.lower(), host, parts.path.rstrip("/"), "", ""))
