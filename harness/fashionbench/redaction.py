"""Take secrets out of texts before they are stored or printed: tokens, keys, passwords, signatures.

What is recognised: the token forms of large providers, URLs with a user's password, values of names such as ``key=`` or
``"password":``, headers of authorization, private keys, the values of environment variables with such names, and what
was handed to :func:`hide`.
"""

from __future__ import annotations

import hashlib
import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOT = "***"
#: A shorter secret is part of other words.
SHORTEST = 8

_hidden: dict[str, str] = {}
_names: dict[str, re.Pattern[str]] = {}

#: Words that name a secret wherever they stand in a name; the plural of token counts them.
_STRONG = (
    r"(?:(?:(?<![a-z])|(?-i:(?<=[a-z])(?=T)))token(?!s\b|i[sz])|secret|password|passwd|passphrase|credentials?(?![a-z])"
    r"|(?:api|access|account|private|subscription|shared|signing|encryption)[-_. ]?key(?!s?[-_.]?(?:var|points?))"
    r"|(?<![a-z])pwd|auth[-_]?(?:key|code|orization(?![a-z])))"
)
#: Words that name one only where they are the whole last part of a name before an equals sign.
_WEAK = r"(?:(?<![A-Za-z])(?:key|sig|pass|pw|auth)|(?-i:(?<=[a-z])(?:Key|Sig|Pass|Auth))|signature)"
_NAME = rf"(?:[\w.-]*?{_STRONG}[\w-]*|[\w.-]*?{_WEAK})"
_VALUE = r"(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s\"'&;,<>|)\]}]+)"

_PAIR = re.compile(rf"(?i)(?<![\w.-])(--?)?({_NAME})(%3D|=|\s=\s)({_VALUE})")
#: ``"api_key": "..."`` of JSON and Python, and ``password: ...`` of YAML and headers where the value looks like one.
_QUOTED = re.compile(
    rf"(?i)([\"'\\]+(?:[\w.-]*?{_STRONG}[\w-]*|pass|sig)[\"'\\]+\s*:\s*)"
    r"(\\?\"[^\"\n]*\"|'[^'\n]*'|[\w+.-][^\s,}\]]*)"
)
_COLON = re.compile(
    rf"(?i)(?<![\w.-])([\w.-]*?{_STRONG}[\w-]*\s*:\s*)"
    r"(\"[^\"\n]+\"|'[^'\n]+'|(?=[^\s]*\d|\S{16,})[^\s\"'&;,<>|()\[\]{}]{6,})"
)
_HEADER = re.compile(
    r"(?i)\b((?:proxy-)?authorization[\"'\\]*\s*[:=]\s*[\"'\\]*)(?:(bearer|basic|token|digest|negotiate|apikey)\s+)?(?!\$)[^\s\"'\\,]+"
)
_BEARER = re.compile(r"(?i)\b(bearer)((?:\s|%20|\+)+)(?!\$)(?=[^\s\"',]*[\d._~+/=-]|[^\s\"',]{16,})[^\s\"',;)\]}]{4,}")
_X_HEADER = re.compile(r"(?i)\b((?:x|ocp)-[\w-]*(?:key|token|secret|auth)[\w-]*[\"']?\s*:\s*[\"']?)[^\s\"',]+")
_COOKIE = re.compile(r"(?i)\b((?:set-)?cookie[\"']?\s*:\s*)[^\n\"']+")
_FLAG_NAME = (
    r"--?(?:[\w-]*[-_])?(?:token|secret|password|passwd|passphrase|pass|pwd|pw|credentials?|api[-_]?key|key|auth|sig)"
)
_FLAG = re.compile(rf"(?i)(?<![\w-])({_FLAG_NAME})(\s+)(?!-)(\"[^\"\n]*\"|'[^'\n]*'|[^\s\"'),;]+)")
_CURL = re.compile(r"(?<![\w-])(-u|--user|--proxy-user|-U)(\s+|=)[^\s:'\"]+:[^\s]+")

#: The whole of what stands before the last at sign of an address; a password may hold any sign.
_URL = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*:[/\\]{1,3})[^\s/?#\"'<>]+@")
_URL_ODD = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s:/?#@\"'<>]*:(?!\d+(?:[/?#\s]|$))[^\s\"'<>]*@(?=[\w\[])")
_URL_QUOTED = re.compile(r"(?i)(%3A%2F%2F)[^\s%&\"']+(?:%3A)[^\s&\"']*?%40")
_NO_SCHEME = re.compile(
    r"(?i)(?<![\w/:.@%+-])(?!mailto:|git:|acct:|sip:|xmpp:)[\w.%+-]+(?<!\.py):[^\s:@/\"'<>()]+@"
    r"(?=(?:[\w-]+\.)+[a-z]{2,}\b|localhost\b|\d{1,3}(?:\.\d{1,3}){3}\b)"
)
_WEBHOOK = re.compile(
    r"(?i)(hooks\.slack\.com/(?:services|workflows)/|discord(?:app)?\.com/api/webhooks/|webhook\.office\.com/)[^\s\"'<>]+"
)
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY[A-Z ]*)-----.*?(?:-----END \1-----|\Z)", re.DOTALL)

_TOKENS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"hf_[A-Za-z0-9_-]{8,}|api_org_[A-Za-z0-9]{16,}"  # Hugging Face
    r"|gh[oprsu]_[A-Za-z0-9_-]{8,}|github_pat_[A-Za-z0-9_-]{8,}"  # GitHub
    r"|gl(?:pat|ptt|dt|rt|cbt|soat|ft|imt|oas|agent)-[A-Za-z0-9_.-]{8,}"  # GitLab
    r"|sk-(?=[\w-]*\d)[A-Za-z0-9_-]{8,}|sk-[A-Za-z0-9_-]{20,}"  # OpenAI, Anthropic and others
    r"|(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{8,}|whsec_[A-Za-z0-9+/=]{8,}"  # Stripe
    r"|(?:AKIA|ASIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{12,}|ABSK[A-Za-z0-9+/=]{24,}"  # Amazon
    r"|AIza[A-Za-z0-9_-]{20,}|ya29\.[A-Za-z0-9_-]{8,}|GOCSPX-[A-Za-z0-9_-]{8,}|1//0[A-Za-z0-9_-]{20,}"  # Google
    r"|xox[a-z](?:\.[a-z]+)?-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,}"  # Slack
    r"|npm_[A-Za-z0-9]{8,}|pypi-[A-Za-z0-9_-]{16,}|dckr_(?:pat|oat)_[A-Za-z0-9_-]{8,}|rubygems_[0-9a-f]{16,}"
    r"|do[opr]_v1_[0-9a-f]{16,}|shp(?:at|ca|pa|ss)_[A-Za-z0-9]{16,}|SG\.[\w-]{16,}\.[\w-]{16,}|key-[0-9a-f]{32}"
    r"|r8_[A-Za-z0-9]{16,}|gsk_[A-Za-z0-9]{16,}|xai-[A-Za-z0-9]{16,}|pplx-[A-Za-z0-9]{16,}|nvapi-[A-Za-z0-9_-]{16,}"
    r"|tgp_v1_[A-Za-z0-9_-]{16,}|fw_[A-Za-z0-9]{20,}|csk-[A-Za-z0-9]{16,}|esecret_[A-Za-z0-9]{16,}|rpa_[A-Z0-9]{20,}"
    r"|dapi[0-9a-f]{32}|ATATT3[A-Za-z0-9_=-]{16,}|ATCTT3[A-Za-z0-9_=-]{16,}|lin_api_[A-Za-z0-9]{16,}"
    r"|(?:ntn|secret)_[A-Za-z0-9]{32,}|figd_[A-Za-z0-9_-]{16,}|sbp_[0-9a-f]{16,}|tskey-[A-Za-z0-9-]{12,}"
    r"|hv[sbr]\.[A-Za-z0-9_-]{16,}|AGE-SECRET-KEY-1[A-Z0-9]{16,}|EAA[A-Za-z0-9]{40,}|SK[0-9a-f]{32}|PMAK-[\w-]{20,}"
    r"|glsa_[A-Za-z0-9_]{16,}|local-[0-9a-f]{40}|wandb_v1_[A-Za-z0-9_-]{16,}|sntrys_[A-Za-z0-9+/=_-]{16,}"
    r"|\d{8,10}:AA[A-Za-z0-9_-]{30,}|eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){0,3}"
    r")"
)
#: One of these is in every text that holds a secret of the forms above; most texts hold none.
_MAYBE = re.compile(
    r"(?i)token|secret|pass|pwd|pw=|key|cred|auth|sig|bearer|cookie|webhook|hooks\.|@|%40|_|-u|-U|akia|asia|a[gir][dop]a|an[pv]a"
    r"|abia|acca|absk|aiza|ya29|gocspx|1//0|-|dapi|atatt|atctt|sg\.|hv[sbr]\.|eaa|sk[0-9a-f]{32}|:AA|eyJ"
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
    if name not in _names:
        _names[name] = re.compile(rf"(?<![\w-])({re.escape(name)}[\"']?\s*[=:]\s*)({_VALUE})")


def redacted(text: str) -> str:
    """Return a text with ``***`` in the place of each secret; a text without one as it is."""
    for secret, shown in (_of_environment() | _hidden).items():
        if secret in text:
            text = text.replace(secret, shown)
    for pattern in _names.values():
        text = pattern.sub(lambda found: found[1] + _blot_like(found[2]), text)
    return _by_form(text) if _MAYBE.search(text) else text


def redacted_words(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a command line without secrets; a word behind an option such as ``--token`` is one."""
    out: list[str] = []
    hide_next = False
    for word in words:
        if hide_next and not word.startswith("-"):
            out.append(BLOT)
            hide_next = False
            continue
        hide_next = bool(_FLAG_WORD.match(word) or re.fullmatch(f"(?i){_FLAG_NAME}", word))
        name, equals, value = word.partition("=")
        is_secret = equals and value and (_FLAG_WORD.match(name) or _FLAG_WORD.match(f"--{name}"))
        out.append(f"{redacted(name)}={BLOT}" if is_secret else redacted(word))
    return tuple(out)


def secret_hash(value: str, *salt: str) -> str:
    """Return what stands for a secret option: equal secrets have one hash, and to guess one from it is slow.

    :param salt: what the option belongs to, so that one secret has another hash elsewhere.
    """
    hashed = hashlib.scrypt(value.encode(errors="surrogatepass"), salt="\n".join(salt).encode(), n=1 << 14, r=8, p=1)
    return f"scrypt:{hashed.hex()[:24]}"


@lru_cache(maxsize=4096)
def _by_form(text: str) -> str:
    text = _PEM.sub(BLOT, text)
    text = _URL_QUOTED.sub(rf"\1{BLOT}%40", _URL.sub(rf"\1{BLOT}@", _URL_ODD.sub(rf"\1{BLOT}@", text)))
    text = _NO_SCHEME.sub(f"{BLOT}@", _CURL.sub(rf"\1\2{BLOT}", text))
    text = _WEBHOOK.sub(rf"\1{BLOT}", text)
    text = _HEADER.sub(lambda found: found[1] + (f"{found[2]} " if found[2] else "") + BLOT, text)
    text = _COOKIE.sub(rf"\1{BLOT}", _X_HEADER.sub(rf"\1{BLOT}", _BEARER.sub(rf"\1\2{BLOT}", text)))
    text = _QUOTED.sub(lambda found: found[1] + _blot_like(found[2]), text)
    text = _PAIR.sub(lambda found: f"{found[1] or ''}{found[2]}{found[3]}{_blot_like(found[4])}", text)
    text = _COLON.sub(rf"\1{BLOT}", _FLAG.sub(rf"\1\2{BLOT}", text))
    return _TOKENS.sub(BLOT, text)


def _blot_like(value: str) -> str:
    """Keep the quotes of a value, so that what was JSON stays JSON."""
    if value.lstrip("\\\"'").startswith("$"):  # the name of the variable that holds it
        return value
    quote = value[: len(value) - len(value.lstrip("\\\"'"))]
    return f"{quote}{BLOT}{quote}" if quote and value.endswith(quote) else BLOT


def _of_environment() -> dict[str, str]:
    return {value: f"${name}" for name, value in os.environ.items() if _names_secret(name) and _is_one(value)}


@lru_cache(maxsize=4096)
def _names_secret(variable: str) -> bool:
    return _SECRET_VARIABLE.search(variable) is not None


def _is_one(value: str) -> bool:
    """Tell a secret from the path of a file that holds one, and from a plain word."""
    plain = value.isalpha() and len(value) < 2 * SHORTEST
    return len(value) >= SHORTEST and not plain and not value.startswith((os.sep, "~", "."))
