"""One request and its answer as evidence: listed headers, the shape of the JSON, keyed digests of the bodies."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Collection, Mapping
from secrets import token_bytes
from typing import Any

from gonogo.evidence.redact import Redactor

HMAC_ENV = "GONOGO_HMAC_KEY"
_DEPTH = 8
_KEYS = 60
_SHAPES = 200
Fields = Callable[[Any], Mapping[str, Any]]


class BodyDigest:
    """Keyed digests by which two bodies can be told alike without showing either.

    The key lives in memory and ends with the run, unless GONOGO_HMAC_KEY gives one; records say which it was.
    """

    def __init__(self, key: bytes, source: str) -> None:
        self._key = key
        self.source = source

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> BodyDigest:
        """Return digests by the given key, or by a new one that is kept nowhere."""
        given = environ.get(HMAC_ENV, "")
        return cls(given.encode(), HMAC_ENV) if given else cls(token_bytes(32), "of this process")

    def of(self, body: bytes | None) -> str | None:
        """Return the HMAC-SHA256 of a body in hexadecimal, or None where there is none."""
        return hmac.new(self._key, body, hashlib.sha256).hexdigest() if body else None


class ExchangeCapture:
    """Turns what was sent and answered into what may be recorded of it, and tells the redactor of the rest."""

    def __init__(
        self,
        redactor: Redactor,
        digest: BodyDigest,
        *,
        fields: Collection[str] = (),
        headers: Collection[str] = (),
        keys: Collection[str] = (),
    ) -> None:
        self._redactor = redactor
        self._digest = digest
        self._fields = frozenset(fields)
        self._headers = frozenset(name.casefold() for name in headers)
        self._keys = frozenset(keys)
        self._shapes: dict[str, int] = {}
        self._lock = threading.Lock()

    def describe(
        self, sent: bytes | None, headers: Mapping[str, str], received: bytes, label: str, fields: Fields | None
    ) -> dict[str, Any]:
        """Return the record of an exchange's content; `fields` finds the named observations in the JSON answer."""
        listed = {name: value for name, value in headers.items() if name.casefold() in self._headers}
        self._redactor.saw([value for name, value in headers.items() if name not in listed], "header", listed.values())
        record: dict[str, Any] = {
            "sent_hmac": self._digest.of(sent),
            "received_hmac": self._digest.of(received),
            "hmac_key": self._digest.source,
        }
        if received:
            data, is_json = _parse(received)
            found = fields(data) if is_json and fields is not None else {}
            self._redactor.saw(data, label, [value for name, value in found.items() if name in self._fields])
            if is_json:
                record["shape"] = self._number_shape(data)
        if listed:
            record["headers"] = {name.casefold(): self._redactor.text(value) for name, value in listed.items()}
        return record

    def _number_shape(self, data: Any) -> dict[str, Any]:
        """Return a shape by its number, in full where it is seen for the first time."""
        shape = self._shape(data, 0)
        text = json.dumps(shape, sort_keys=True)
        with self._lock:
            known = self._shapes.get(text)
            if known is not None:
                return {"number": known}
            if len(self._shapes) >= _SHAPES:
                return {"number": 0}
            self._shapes[text] = len(self._shapes) + 1
            return {"number": self._shapes[text], "is": shape}

    def _shape(self, data: Any, depth: int) -> Any:
        if isinstance(data, Mapping):
            if depth >= _DEPTH:
                return "object"
            shown: dict[str, Any] = {}
            for key, value in data.items():
                name = key if key in self._keys else "[key]"
                if name not in shown and len(shown) < _KEYS:
                    shown[name] = self._shape(value, depth + 1)
            return shown
        if isinstance(data, list):
            shapes = {
                json.dumps(shape, sort_keys=True): shape for shape in (self._shape(x, depth + 1) for x in data[:20])
            }
            return [shapes[text] for text in sorted(shapes)][:3]
        if data is None:
            return "null"
        if isinstance(data, bool):
            return "boolean"
        return "text" if isinstance(data, str) else "number"


def _parse(content: bytes) -> tuple[Any, bool]:
    try:
        return json.loads(content), True
    except (ValueError, RecursionError):
        return content.decode("utf-8", "replace"), False
