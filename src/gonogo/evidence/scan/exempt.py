"""Exact strings of our own packs, in which a detector's hit is no finding."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator, Sequence
from xml.sax.saxutils import escape as escape_xml

_BEFORE = 12
_MOST_LOOKUPS = 200


def _forms(text: str) -> Iterator[str]:
    """Yield a pack's string as the files of a bundle hold it."""
    yield text
    for ascii_only in (False, True):
        quoted = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield quoted
        yield json.dumps(quoted, ensure_ascii=ascii_only)[1:-1]
        in_page = html.escape(quoted).replace("&#x27;", "&#39;")
        yield from (escape_xml(quoted), html.escape(quoted), in_page, in_page.replace("&quot;", "&#34;"))
    for plain in (text, text.replace("\r\n", "\n")):
        yield escape_xml(plain)
        yield escape_xml(plain, {'"': "&quot;"})
        yield escape_xml(plain, {'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#09;"})
        yield escape_xml(plain, {'"': "&quot;", "\n": "&#xA;", "\r": "&#xD;", "\t": "&#x9;"})
        yield escape_xml(plain, {"\n": "&#10;", "\r": "&#13;", "\t": "&#09;"})
        yield escape_xml(plain, {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
        yield html.escape(plain)
        yield html.escape(plain).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    yield text.replace('"', '""')
    yield re.sub(r"([\\`*_{}\[\]()#+\-.!|<>~])", r"\\\1", text)
    yield re.sub(r"([\\`*_\[\]|<>])", r"\\\1", text)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "replace")


class Exempt:
    """Says whether a hit lies wholly inside an occurrence of one of the strings."""

    def __init__(self, texts: Sequence[str], find: Callable[[bytes], Sequence[tuple[int, int]]]) -> None:
        self._texts = [text for text in dict.fromkeys(texts) if text.strip()]
        self.longest = max((len(_encode(text)) for text in self._texts), default=0)
        self._find = find
        self._known: dict[bytes, list[tuple[bytes, int]]] | None = None
        self._blob = b""
        self._lookups = 0

    def covers(self, data: bytes, start: int, end: int) -> bool:
        """Return whether the bytes from start to end are part of an exempt string that stands there."""
        if not self._texts:
            return False
        if self._known is None:
            self._known = self._index()
        value = data[start:end]
        near = range(_BEFORE, -1, -1)
        if any(
            self._stands(data, start, form, at)
            for width in near
            for form, at in self._known.get(data[max(0, start - width) : start] + b"\x00" + value, ())
        ):
            return True
        return self._search(data, start, value)

    def _index(self) -> dict[bytes, list[tuple[bytes, int]]]:
        """Return what the detectors see in the strings: a hit and what stands before it, to string and place."""
        known: dict[bytes, list[tuple[bytes, int]]] = {}
        joined = b"\n\n".join(_encode(text) for text in self._texts)
        starts, place = [], 0
        for text in self._texts:
            starts.append(place)
            place += len(_encode(text)) + 2
        telling = set()
        number = 0
        for start, _ in sorted(self._find(joined)):
            while number + 1 < len(starts) and starts[number + 1] <= start:
                number += 1
            telling.add(number)
        for one in sorted(telling):
            for form in dict.fromkeys(map(_encode, _forms(self._texts[one]))):
                for start, end in self._find(form):
                    key = form[max(0, start - _BEFORE) : start] + b"\x00" + form[start:end]
                    known.setdefault(key, []).append((form, start))
        return known

    def _stands(self, data: bytes, start: int, form: bytes, at: int) -> bool:
        begin = start - at
        if begin >= 0 and data.startswith(form, begin):
            return True
        if b"\n" not in form:
            return False
        # A docstring is indented: after a line break, spaces do not count.
        spaced = re.compile(b"\r?\n[ \t]*".join(re.escape(line.strip(b"\r")) for line in form.split(b"\n")))
        reach = 2 * len(form) + 64 * form.count(b"\n")
        low, high = max(0, start - reach), start + reach
        return any(match.start() <= start < match.end() for match in spaced.finditer(data, low, high))

    def _search(self, data: bytes, start: int, value: bytes) -> bool:
        """Look the hit up in all strings: one that only shows as a hit because of what stands around the string."""
        if self._lookups >= _MOST_LOOKUPS:
            return False
        self._lookups += 1
        if not self._blob:
            forms = dict.fromkeys(_encode(form) for text in self._texts for form in _forms(text))
            self._blob = b"\x00" + b"\x00".join(forms) + b"\x00"
        at = self._blob.find(value)
        while at >= 0:
            begin = self._blob.rfind(b"\x00", 0, at) + 1
            form = self._blob[begin : self._blob.find(b"\x00", at)]
            if self._stands(data, start, form, at - begin):
                return True
            at = self._blob.find(value, at + 1)
        return False
