"""Standard base64 with padding, one text for every value."""

from __future__ import annotations

import base64
import binascii
import re

from gonogo.errors import EvidenceError

_URL_SAFE = re.compile(r"[-_]")


def encode_base64(data: bytes) -> str:
    """Return bytes as standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str, what: str) -> bytes:
    """Return the bytes of a standard base64 text; `what` names the text in the `EvidenceError` of any other form."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
        same = encode_base64(data) == text
    except (ValueError, binascii.Error):
        data, same = b"", False
    if same:
        return data
    if _URL_SAFE.search(text):
        raise EvidenceError(f"{what} is URL-safe base64 ('-' or '_'); allowed: the standard alphabet with padding")
    raise EvidenceError(f"{what} is not base64 of the standard alphabet with padding")
