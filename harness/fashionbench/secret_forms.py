"""The forms of secrets in texts: token prefixes, addresses with passwords, names before values, headers, keys."""

from __future__ import annotations

import re
from functools import lru_cache

#: What stands in the place of a secret.
BLOT = "***"

#: Words that name a secret wherever they stand in a name; the plural of token counts them.
_STRONG = (
    r"(?:(?:(?<![a-z])|(?-i:(?<=[a-z])(?=T)))(?<!pad_|bos_|eos_|cls_|sep_|unk_)token(?!s\b|i[sz]|[-_]?(?:ids?|types?|count|length)(?![a-z]))|secret|password|passwd|passphrase|credentials?(?![a-z])"
    r"|(?:api|access|account|private|subscription|shared|signing|encryption)[-_. ]?key(?!s?[-_.]?(?:var|points?))"
    r"|(?<![a-z])pwd|auth[-_]?(?:key|code|orization(?![a-z])))"
)
#: Words that name one only where they are the whole last part of a name before an equals sign.
_WEAK = r"(?:(?<![A-Za-z])(?:key|sig|pass|pw|auth)|(?-i:(?<=[a-z])(?:Key|Sig|Pass|Auth))|signature)"
_NAME = rf"(?:[\w.-]*?{_STRONG}[\w-]*|[\w.-]*?{_WEAK})"
#: A value behind a name: in quotes, or up to a sign that ends it.
VALUE = r"(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s\"'&;,<>|)\]}]+)"

_PAIR = re.compile(rf"(?i)(?<![\w.-])(--?)?({_NAME})(%3D|=|\s=\s)({VALUE})")
#: ``"api_key": "..."`` of JSON and Python, and ``password: ...`` of YAML and headers where the value looks like one.
_QUOTED = re.compile(
    # From the beginning of the quotes on: from each of ten thousand, all others would be tried.
    rf"(?i)((?<![\"'\\])[\"'\\]+(?:[\w.-]*?{_STRONG}[\w-]*|pass|sig)[\"'\\]+\s*:\s*)"
    r"(\\*\"[^\"\n]*\"|'[^'\n]*'|[\w+.-][^\s,}\]]*)"
)
_COLON = re.compile(
    rf"(?i)(?<![\w.-])([\w.-]*?{_STRONG}[\w-]*\s*:\s*)"
    r"(\"[^\"\n]+\"|'[^'\n]+'|(?=[^\s]*\d|\S{16,})[^\s\"'&;,<>|()\[\]{}]{6,})"
)
#: Of YAML, of XML and HTML, and of what shells and languages write for an equals sign.
_BLOCK = re.compile(rf"(?i)(?<![\w.-])([\w.-]*?{_STRONG}[\w-]*\s*:\s*[|>][-+]?\s*\n\s+)\S+")
_ELEMENT = re.compile(rf"(?i)(<[\w:.-]*?{_STRONG}[\w-]*(?:\s[^<>]*)?>\s*)[^<>\s][^<>]*(?=</)")
_FIELD = re.compile(rf"(?i)(\bname=[\"'][\w.-]*?{_STRONG}[\w-]*[\"']\s+value=[\"'])[^\"'\n]+")
_ARROW = re.compile(rf"(?i)(?<![\w.-])([\w.-]*?{_STRONG}[\w-]*\s*(?::=|->|=>|\uff1d)\s*)({VALUE})")
_SET = re.compile(
    r"((?:\bENV|\bset|\bsetenv|\bexport)\s+[A-Z0-9_]*(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)[A-Z0-9_]*\s+)(?!=)\S{6,}"
)
#: A line of netrc, a key of Kaggle, and headers as pairs of a name and a value.
_LOGIN = re.compile(r"(?i)(\blogin\s+\S+\s+password\s+)\S+")
_HEX_KEY = re.compile(r"(?i)([\"']key[\"']\s*:\s*[\"'])[0-9a-f]{32,}(?=[\"'])")
_HEADER_PAIR = re.compile(
    r"(?i)([\"'](?:(?:proxy-)?authorization|(?:set-)?cookie|api[-_]?key|(?:x|ocp)-[\w-]*(?:key|token|secret|auth)[\w-]*)[\"']\s*,\s*b?[\"'])"
    r"(?:(bearer|basic|token)\s+)?[^\"'\n]+"
)
_HEADER = re.compile(
    r"(?i)\b((?:proxy-)?authorization[\"'\\]*\s*[:=]\s*[\"'\\]*)(?:(bearer|basic|token|digest|negotiate|apikey)\s+)?(?!\$)[^\s\"'\\,]+"
)
_BEARER = re.compile(r"(?i)\b(bearer)((?:\s|%20|\+)+)(?!\$)(?=[^\s\"',]*[\d._~+/=-]|[^\s\"',]{16,})[^\s\"',;)\]}]{4,}")
_X_HEADER = re.compile(r"(?i)\b((?:x|ocp)-[\w-]*(?:key|token|secret|auth)[\w-]*[\"']?\s*:\s*[\"']?)[^\s\"',]+")
_COOKIE = re.compile(r"(?i)\b((?:set-)?cookie[\"']?\s*:\s*)[^\n\"']+")
#: An option of a command line whose value is a secret.
FLAG_NAME = (
    r"--?(?:[\w-]*[-_])?(?:token|secret|password|passwd|passphrase|pass|pwd|pw|pat|bearer|credentials?"
    r"|api[-_]?key|key|auth|sig)"
)
_FLAG = re.compile(rf"(?i)(?<![\w-])({FLAG_NAME})(\s+)(?!-)(\"[^\"\n]*\"|'[^'\n]*'|[^\s\"'),;]+)")
_CURL = re.compile(r"(?<![\w-])(-u|--user|--proxy-user|-U)(\s+|=)[^\s:'\"]+:[^\s]+")

#: The whole of what stands before the last at sign of an address; a password may hold any sign.
_URL = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,30}:[/\\]{1,3})[^\s/?#\"'<>]+@")
_URL_ODD = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,30}://)[^\s:/?#@\"'<>]*:(?!\d+(?:[/?#\s]|$))[^\s\"'<>]*@(?=[\w\[])")
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
    r"hf_(?:oauth_|jwt_)?[A-Za-z0-9]{8,}|api_org_[A-Za-z0-9]{16,}"  # Hugging Face
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
    r"|ATBB[A-Za-z0-9]{24,}|NRAK-[A-Z0-9]{20,}|CCI(?:PAT|PRJ)_\w{16,}|bkua_[A-Za-z0-9]{16,}|nf[copu]_[A-Za-z0-9]{16,}"
    r"|LTAI[A-Za-z0-9]{12,}|AKID[A-Za-z0-9]{13,}|bce-v3/ALTAK-[\w-]+/[0-9a-f]{16,}"  # Alibaba, Tencent, Baidu
    r"|jina_[A-Za-z0-9]{16,}|pa-[A-Za-z0-9_-]{32,}|lsv2_(?:pt|sk)_[0-9a-f_]{16,}|rf_[A-Za-z0-9]{16,}|sk_[0-9a-f]{32,}"
    r"|ms-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}\.[A-Za-z0-9]{16}(?![A-Za-z0-9])|[0-9a-f]{32}-us\d{1,2}"
    r"|sb_(?:secret|publishable)_[\w-]{16,}|pscale_(?:tkn|pw|oauth)_[\w.-]{16,}|pat[A-Za-z0-9]{14}\.[0-9a-f]{32,}"
    r"|glc_[A-Za-z0-9+/=_-]{16,}|dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{16,}|pul-[0-9a-f]{32,}"
    r"|[A-Za-z0-9]{10,}\.atlasv1\.[\w-]{32,}|fm[12][ar]?_[A-Za-z0-9+/=_-]{16,}|access_token\$production\$[\w$]{8,}"
    r"|[MNO][A-Za-z0-9_-]{23,27}\.[\w-]{6}\.[\w-]{27,}"  # Discord
    r"|\d{8,10}:AA[A-Za-z0-9_-]{30,}|eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){0,3}"
    r")"
)


@lru_cache(maxsize=4096)
def without_forms(text: str) -> str:
    """Return a text with ``***`` in the place of what has the form of a secret."""
    text = _PEM.sub(BLOT, text)
    text = _URL_QUOTED.sub(rf"\1{BLOT}%40", _URL.sub(rf"\1{BLOT}@", _URL_ODD.sub(rf"\1{BLOT}@", text)))
    text = _NO_SCHEME.sub(f"{BLOT}@", _CURL.sub(rf"\1\2{BLOT}", text))
    text = _WEBHOOK.sub(rf"\1{BLOT}", text)
    text = _HEADER_PAIR.sub(lambda found: found[1] + (f"{found[2]} " if found[2] else "") + BLOT, text)
    text = _HEADER.sub(lambda found: found[1] + (f"{found[2]} " if found[2] else "") + BLOT, text)
    text = _COOKIE.sub(rf"\1{BLOT}", _X_HEADER.sub(rf"\1{BLOT}", _BEARER.sub(rf"\1\2{BLOT}", text)))
    text = _QUOTED.sub(lambda found: found[1] + blot_like(found[2]), text)
    text = _ELEMENT.sub(rf"\1{BLOT}", _FIELD.sub(rf"\1{BLOT}", _BLOCK.sub(rf"\1{BLOT}", text)))
    text = _ARROW.sub(lambda found: found[1] + blot_like(found[2]), _HEX_KEY.sub(rf"\1{BLOT}", text))
    text = _LOGIN.sub(rf"\1{BLOT}", _SET.sub(rf"\1{BLOT}", text))
    text = _PAIR.sub(lambda found: f"{found[1] or ''}{found[2]}{found[3]}{blot_like(found[4])}", text)
    text = _COLON.sub(rf"\1{BLOT}", _FLAG.sub(rf"\1\2{BLOT}", text))
    return _TOKENS.sub(BLOT, text)


def blot_like(value: str) -> str:
    """Keep the quotes of a value, so that what was JSON stays JSON."""
    if value.lstrip("\\\"'").startswith("$"):  # the name of the variable that holds it
        return value
    quote = value[: len(value) - len(value.lstrip("\\\"'"))]
    return f"{quote}{BLOT}{quote}" if quote and value.endswith(quote) else BLOT
