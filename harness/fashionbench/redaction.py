"""Take secrets out of texts before they are stored or printed: tokens, keys, passwords, signatures.

What is recognised: the token forms of large providers, URLs with a user's password, values of names such as ``key=`` or
``"password":``, headers of authorization, private keys, the values of environment variables with such names, and what
was handed to :func:`hide`.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A shorter secret is part of other words.
SHORTEST = 8
#: What stands in the place of a secret.
BLOT = "***"

_hidden: dict[str, str] = {}
#: The environment as it was looked at last, undecoded, and the secrets that were found in it.
_environment: list[tuple[object, dict[str, str]]] = []
_names: dict[str, re.Pattern[str]] = {}

#: One of these is in every text that holds a secret of the forms above; most texts hold none.
_MAYBE = re.compile(
    r"(?i)token|secret|pass|pwd|pw=|key|cred|auth|sig|bearer|cookie|webhook|hooks\.|@|%40|_|-u|-U|akia|asia|a[gir][dop]a|an[pv]a"
    r"|abia|acca|absk|aiza|ya29|gocspx|1//0|-|dapi|atatt|atctt|sg\.|hv[sbr]\.|eaa|sk[0-9a-f]{32}|:AA|eyJ|ltai|akid|atbb"
    r"|dp\.|[0-9a-f]{32}\.|[0-9a-z]{10}\.[\w-]{6}"
)
_SECRET_VARIABLE = re.compile(
    r"(?i)(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|APIKEY|KEY|CREDENTIALS?|PAT)(?:_|$)"
)
_FLAG_WORD = re.compile(r"(?i)^--?[\w-]*(token|secret|password|passwd|api[-_]?key|credential)[\w-]*$")


def hide(secret: str, shown: str = BLOT) -> None:
    """Take this text for a secret from now on, wherever it stands.

    :param shown: what stands in its place, such as the name of the variable that holds it.
    """
    if len(secret) >= SHORTEST:
        _hidden[secret] = shown


def hide_name(name: str) -> None:
    """Take what follows this name and an equals sign, a colon or a comma for a secret from now on."""
    from fashionbench.secret_forms import VALUE  # noqa: PLC0415

    if name not in _names:
        _names[name] = re.compile(rf"(?<![\w-])({re.escape(name)}[\"']?\s*[=:]\s*)({VALUE})")


def redacted(text: str) -> str:
    """Return a text with ``***`` in the place of each secret; a text without one as it is."""
    for secret, shown in (*_of_environment().items(), *_hidden.items()):
        if secret in text:
            text = text.replace(secret, shown)
    if not _names and not _MAYBE.search(text):
        return text
    # Many expressions, which no command needs before it prints.
    from fashionbench.secret_forms import blot_like, without_forms  # noqa: PLC0415

    for pattern in _names.values():
        text = pattern.sub(lambda found: found[1] + blot_like(found[2]), text)
    return without_forms(text)


def redacted_words(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a command line without secrets; a word behind an option such as ``--token`` is one."""
    from fashionbench.secret_forms import FLAG_NAME  # noqa: PLC0415

    out: list[str] = []
    hide_next = False
    for word in words:
        if hide_next and not word.startswith("-"):
            out.append(BLOT)
            hide_next = False
            continue
        hide_next = bool(_FLAG_WORD.match(word) or re.fullmatch(f"(?i){FLAG_NAME}", word))
        name, equals, value = word.partition("=")
        is_secret = equals and value and (_FLAG_WORD.match(name) or _FLAG_WORD.match(f"--{name}"))
        out.append(f"{redacted(name)}={BLOT}" if is_secret else redacted(word))
    return tuple(out)


def secret_hash(value: str, *salt: str) -> str:
    """Return what stands for a secret option: equal secrets have one hash, and to guess one from it is slow.

    :param salt: what the option belongs to, so that one secret has another hash elsewhere.
    """
    import hashlib  # noqa: PLC0415

    hashed = hashlib.scrypt(value.encode(errors="surrogatepass"), salt="\n".join(salt).encode(), n=1 << 14, r=8, p=1)
    return f"scrypt:{hashed.hex()[:24]}"


def _of_environment() -> dict[str, str]:
    # Decoding all variables for each of a record's thousand texts takes longer than to read the record.
    now = dict(getattr(os.environ, "_data", os.environ))
    if not _environment or _environment[0][0] != now:
        found = {value: f"${name}" for name, value in os.environ.items() if _names_secret(name) and _is_one(value)}
        _environment[:] = [(now, found)]
    return _environment[0][1]


@lru_cache(maxsize=4096)
def _names_secret(variable: str) -> bool:
    return _SECRET_VARIABLE.search(variable) is not None


def _is_one(value: str) -> bool:
    """Tell a secret from the path of a file that holds one, and from a plain word."""
    plain = value.isalpha() and len(value) < 2 * SHORTEST
    return len(value) >= SHORTEST and not plain and not value.startswith((os.sep, "~", "."))
