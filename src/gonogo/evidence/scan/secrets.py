"""Tokens, keys, credentials and cookies: by the shapes that their issuers document, and by the words before them."""

from __future__ import annotations

import base64
import json
import math
import re
from collections import Counter
from collections.abc import Iterator

from gonogo.evidence.scan.patterns import Pattern
from gonogo.evidence.scan.surroundings import compile_edges, edge_trigger

_JWT = compile_edges(rb"(?<![A-Za-z0-9_-])(e[A-Za-z0-9_-]{10,4000})\.([A-Za-z0-9_-]{2,6000})\.[A-Za-z0-9_-]*")
JWT_TRIGGERS = (Pattern(rb"e[wy][A-Za-z0-9_-]{9,4000}\.[A-Za-z0-9_-]{2}"),)

_KEYS = (
    rb"(?<![A-Za-z0-9/+])(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[0-9A-Z]{16}(?![A-Za-z0-9/+])",
    rb"gh[opsur]_[A-Za-z0-9]{20,255}",
    rb"github_pat_[A-Za-z0-9_]{22,}",
    rb"gl(?:pat|dt|rt|ptt|cbt|soat)-[A-Za-z0-9_-]{20,}",
    rb"(?<![A-Za-z0-9_-])sk-(?:ant-|proj-|svcacct-|or-v1-)?(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{20,}",
    rb"(?<![A-Za-z0-9])(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}",
    rb"(?<![A-Za-z0-9])whsec_[A-Za-z0-9+/=]{16,}",
    rb"(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{10,}",
    rb"(?<![A-Za-z0-9])xapp-[0-9]-[A-Z0-9]+-[0-9]+-[a-z0-9]+",
    rb"AIza[0-9A-Za-z_-]{35}",
    rb"(?<![A-Za-z0-9])ya29\.[0-9A-Za-z_-]{20,}",
    rb"(?<![A-Za-z0-9])SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}",
    rb"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}",
    rb"pypi-AgEI[A-Za-z0-9_-]{50,}",
    rb"(?<![A-Za-z0-9])do[opr]_v1_[a-f0-9]{64}",
    rb"(?<![A-Za-z0-9])shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
    rb"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,}",
    rb"(?<![A-Za-z0-9])key-[0-9a-f]{32}(?![0-9a-f])",
    rb"(?<![A-Za-z0-9])(?:AC|SK)[0-9a-f]{32}(?![0-9a-f])",
    rb"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/]{20,}",
    rb"discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d{15,}/[A-Za-z0-9_-]{30,}",
    rb"(?<![A-Za-z0-9_-])[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}(?![A-Za-z0-9_-])",
    rb"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----",
    rb"PuTTY-User-Key-File-\d",
    rb"AccountKey=[A-Za-z0-9+/]{40,}={0,2}",
    rb"https?:\\?/\\?/[A-Za-z0-9._%-]{1,64}:[^\s/@:\"'<>]{3,128}@[A-Za-z0-9.-]+",
)
_KEY = compile_edges(b"|".join(b"(?:" + key + b")" for key in _KEYS))
KEY_TRIGGERS = tuple(
    Pattern(trigger)
    for trigger in (
        rb"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[0-9A-Z]{16}",
        rb"gh[opsur]_[A-Za-z0-9]{20}",
        rb"github_pat_[A-Za-z0-9_]{22}",
        rb"gl(?:pat|dt|rt|ptt|cbt|soat)-[A-Za-z0-9_-]{20}",
        edge_trigger(rb"A-Za-z0-9_-") + rb"sk-[A-Za-z0-9_-]{20}",
        rb"[sr]k_(?:live|test)_[A-Za-z0-9]{10}",
        rb"pk_(?:live|test)_[A-Za-z0-9]{10}",
        rb"whsec_[A-Za-z0-9+/=]{16}",
        rb"xox[abeoprs]-[A-Za-z0-9-]{10}",
        rb"xapp-[0-9]-",
        rb"AIza[0-9A-Za-z_-]{35}",
        rb"ya29\.[0-9A-Za-z_-]{20}",
        rb"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16}",
        rb"npm_[A-Za-z0-9]{36}",
        rb"pypi-AgEI",
        rb"do[opr]_v1_[a-f0-9]{64}",
        rb"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
        rb"hf_[A-Za-z0-9]{30}",
        rb"key-[0-9a-f]{32}",
        edge_trigger(rb"A-Za-z0-9") + rb"(?:AC|SK)[0-9a-f]{32}",
        rb"hooks\.slack\.com/",
        rb"discord(?:app)?\.com/api/",
        rb"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27}",
        rb"PRIVATE KEY",
        rb"PuTTY-User-Key-File-",
        rb"AccountKey=",
        rb"https?:\\?/\\?/[A-Za-z0-9._%-]{1,64}:[^\s/@:\x22'<>]{3,128}@",
    )
)

_GLUE = rb"(?:\\{0,8}[\"']|&quot;|&#34;|&#x22;)?\s{0,2}(?:[:=]|=>|,)\s{0,2}(?:\\{0,8}[\"']|&quot;|&#34;|&#x22;)?"
_VALUE = rb"(?P<value>[^\s\"'<>,;&\\}\]\[({*][^\s\"'<>,;&\\}\]]{5,400})"
_NAMED = compile_edges(
    rb"(?P<word>token|secret|"
    rb"secret[_-]?(?:access[_-]?)?key|api[_-]?key|access[_-]?key(?:[_-]?id)?|apikey|passwd|password|passphrase|pwd|"
    rb"private[_-]?key|signing[_-]?key|session[_-]?id|webhook[_-]?token|hmac[_-]?key)" + _GLUE + _VALUE,
    re.IGNORECASE,
)
_SCHEME = compile_edges(
    rb"(?<![A-Za-z])(?:bearer|basic|token|digest|negotiate|bot|aws4-hmac-sha256)\s{1,2}(?P<value>[A-Za-z0-9._~+/=-]{16,})",
    re.IGNORECASE,
)
_HEADER = compile_edges(
    rb"(?<![A-Za-z])(?:proxy-)?(?:authorization|x-api-key|x-auth-token|x-access-token|x-webhook-token|x-amz-security-token)"
    + _GLUE.replace(rb"=>|,", rb"=>")
    + rb"(?:(?:bearer|basic|token|digest|bot)\s)?(?P<value>[^\s\"'<>,;&\\}\]\[({*][^\s\"'<>,;&\\}\]]{5,400})",
    re.IGNORECASE,
)
_WORDS = (
    rb"(?:token|secret|secret[_-]?(?:access[_-]?)?key|api[_-]?key|access[_-]?key|access[_-]?key[_-]?id|passwd|password|passphrase|pwd|"
    rb"private[_-]?key|signing[_-]?key|session[_-]?id|hmac[_-]?key)"
)
CREDENTIAL_TRIGGERS = (
    Pattern(
        _WORDS + rb""
        rb"(?:\\{0,8}[\x22']|&quot;|&#34;|&#x22;)?\s{0,2}[:=,]>?\s{0,2}(?:\\{0,8}[\x22']|&quot;|&#34;|&#x22;)?[^\s\x22'<>,;&\\}\]\[({*][^\s\x22'<>,;&\\}\]]{5}",
        caseless=True,
    ),
    Pattern(
        rb"(?:bearer|basic|token|digest|negotiate|bot|aws4-hmac-sha256)\s{1,2}[A-Za-z0-9._~+/=-]{16}", caseless=True
    ),
    Pattern(
        rb"(?:authorization|x-api-key|x-auth-token|x-access-token|x-webhook-token|x-amz-security-token)[^\n0-9a-z]{0,16}[:=]>?[\s\\]{0,9}"
        rb"(?:[\x22']|&quot;|&#34;|&#x22;)?[^\s\x22'<>,;&\\}\]\[({*][^\s\x22'<>,;&\\}\]]{2}",
        caseless=True,
    ),
)

_COOKIE = compile_edges(
    rb"(?<![A-Za-z])(?:set-)?cookie"
    + _GLUE.replace(rb"=>|,", rb"=>")
    + rb"[A-Za-z0-9_.!#$%&'*+^`|~-]{1,64}=(?P<value>[^\s;,\"'<>\\]{2,})",
    re.IGNORECASE,
)
_KNOWN_COOKIE = compile_edges(
    rb"(?<![A-Za-z0-9])(?:jsessionid|phpsessid|asp\.net_sessionid|sessionid|session_id|connect\.sid|laravel_session|__cf_bm|cf_clearance|"
    rb"__stripe_[ms]id|_ga(?:_[A-Z0-9]+)?|_gid|_fbp|_gcl_au|csrftoken|xsrf-token|[a-z_-]{0,20}session)=(?P<value>[A-Za-z0-9%._~+/-]{12,})",
    re.IGNORECASE,
)
COOKIE_TRIGGERS = (
    Pattern(rb"cookie[^\n]{0,20}[:=][^\n\[({*]{0,70}=[^\s;,\x22'<>\\]", caseless=True),
    Pattern(
        rb"(?:sessid|sessionid|session|session_id|connect\.sid|__cf_bm|cf_clearance|__stripe_[ms]id|_ga|_ga_[A-Z0-9]{1,20}|_gid|_fbp|_gcl_au|"
        rb"csrftoken|xsrf-token)=[A-Za-z0-9%._~+/-]{12}",
        caseless=True,
    ),
)

_PLACEHOLDER = re.compile(
    rb"[\[<{(*]|\*|x{4,}|\.{3}|redacted|masked|removed|hidden|omitted|none\Z|null\Z|true\Z|false\Z|undefined\Z|not[_-]?(?:set|shown)|your[_-]|"
    rb"change[_-]?me|\$|%\(|env[:.]|os\.|sha256[:-]|hmac[-:]",
    re.IGNORECASE,
)
_BLANKED = re.compile(rb"x{6}|\*{3}|redacted", re.IGNORECASE)
# Ids of checks and the like: words of one case each, such as INV-AUTH/indistinguishable.
_WORDS_JOINED = re.compile(rb"[A-Z]?(?:[a-z]+|[A-Z]+)(?:[-_/.:][A-Z]?(?:[a-z]+|[A-Z]+))+")
_CONSTANT = re.compile(rb"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\Z")


def entropy(value: bytes) -> float:
    """Return the Shannon entropy of the bytes, in bits for each byte."""
    counts = Counter(value)
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())


def is_secret_like(value: bytes, shortest: int) -> bool:
    """Return whether a value looks drawn at random: letters and digits mixed, many different ones, no placeholder."""
    if len(value) < shortest or _PLACEHOLDER.match(value) or _CONSTANT.match(value):
        return False
    digits = sum(48 <= byte <= 57 for byte in value)
    letters = sum(65 <= byte <= 90 or 97 <= byte <= 122 for byte in value)
    mixed = digits >= 2 and letters >= 2
    if _WORDS_JOINED.fullmatch(value):
        return False
    # 40 letters without a digit are still no word.
    return (
        entropy(value) >= (2.7 if mixed else 4.2)
        and (mixed or len(value) >= 24)
        and not value.startswith((b"http:", b"https:"))
    )


def _looks_drawn(value: bytes) -> bool:
    return is_secret_like(value, 12)


def _looks_chosen(value: bytes) -> bool:
    """Return whether a value may be a password that a person chose: letters and digits, and no placeholder."""
    if len(value) < 8 or _PLACEHOLDER.match(value) or _CONSTANT.match(value):
        return False
    return bool(re.search(rb"[0-9]", value) and re.search(rb"[A-Za-z]", value))


def find_jwts(data: bytes, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield JSON web tokens (RFC 7519): three parts, of which the first decodes to a header with an algorithm."""
    for match in _JWT.finditer(data, low, high):
        head = match.group(1)
        try:
            header = json.loads(base64.urlsafe_b64decode(head + b"=" * (-len(head) % 4)))
        except (ValueError, RecursionError):
            continue
        if isinstance(header, dict) and ("alg" in header or "typ" in header):
            yield match.span()


def find_keys(data: bytes, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield keys of issuers that give theirs a shape, private key blocks, and passwords in addresses."""
    for match in _KEY.finditer(data, low, high):
        if not _BLANKED.search(match.group()):
            yield match.span()


def find_credentials(data: bytes, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield values that a word or a header calls a token, key or password, and that look like one."""
    for match in _HEADER.finditer(data, low, high):
        if not _PLACEHOLDER.match(match.group("value")) and not _CONSTANT.match(match.group("value")):
            yield match.span()
    for match in _SCHEME.finditer(data, low, high):
        if is_secret_like(match.group("value"), 16):
            yield match.span()
    for match in _NAMED.finditer(data, low, high):
        is_password = match.group("word").lower().startswith((b"pass", b"pwd"))
        if (_looks_chosen if is_password else _looks_drawn)(match.group("value")):
            yield match.span()


def find_cookies(data: bytes, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield cookie headers with a value, and the cookies of well-known frameworks."""
    for match in _COOKIE.finditer(data, low, high):
        if not _PLACEHOLDER.match(match.group("value")):
            yield match.span()
    for match in _KNOWN_COOKIE.finditer(data, low, high):
        if is_secret_like(match.group("value"), 12) or b"GA1." in match.group("value"):
            yield match.span()
