"""One piece of bytes, searched as it stands and once more for every encoded stretch in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from gonogo.evidence.scan import encodings
from gonogo.evidence.scan.detectors import DETECTORS
from gonogo.evidence.scan.encodings import ESCAPES, Decoded
from gonogo.evidence.scan.exempt import Exempt
from gonogo.evidence.scan.finding import TOO_DEEP, TOO_LARGE, Hit, Needle
from gonogo.evidence.scan.needles import NeedleSet
from gonogo.evidence.scan.patterns import Pattern, PatternSet

DEEPEST = 4
_PAD = 512
_MOST_PAD = 16_384
_HEX_REACH = 65_536
_READABLE = re.compile(rb"(?:[\x20-\x7e\t\r\n]|[\xc2-\xf4][\x80-\xbf]{1,3})+")
_SHORTEST_READABLE = 12
_CONTAINER = (b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08")
# Decoding gives up on bytes that grow out of all proportion.
_MOST_GROWTH = 24
_FREE_GROWTH = 8_000_000


class _Budget:
    def __init__(self, size: int) -> None:
        self.left = _MOST_GROWTH * size + _FREE_GROWTH

    def spend(self, size: int) -> bool:
        self.left -= size
        return self.left >= 0


def _groups() -> list[tuple[str, tuple[Pattern, ...]]]:
    groups = [(f"detector {number}", detector.triggers) for number, detector in enumerate(DETECTORS)]
    groups += [(f"escape {number}", escape.triggers) for number, escape in enumerate(ESCAPES)]
    groups += [
        ("base64", encodings.BASE64_TRIGGERS[:1]),
        ("wide base64", encodings.BASE64_TRIGGERS[1:2]),
        ("container", encodings.BASE64_TRIGGERS[2:]),
        ("lines", encodings.WRAPPED_TRIGGERS),
        ("hex", encodings.HEX_TRIGGERS),
        ("wide", encodings.WIDE_TRIGGERS),
    ]
    return groups


@lru_cache(maxsize=1)
def _triggers() -> tuple[PatternSet, tuple[str, ...]]:
    """Return all triggers as one search, and for each the group that it belongs to."""
    patterns, names = [], []
    for name, group in _groups():
        for pattern in group:
            patterns.append(pattern)
            names.append(name)
    return PatternSet(patterns), tuple(names)


class TextSearch:
    """Searches bytes for needles and for what the detectors know, in every encoding, a few layers deep."""

    def __init__(self, needles: Sequence[Needle], exempt: Sequence[str]) -> None:
        self._needles = NeedleSet(needles)
        self._exempt = Exempt(exempt, lambda data: [(hit.start, hit.end) for hit in self._detected(data)])
        self._pad = min(_MOST_PAD, max(_PAD, 2 * self._needles.longest, 2 * self._exempt.longest))

    def needle_hits(self, data: bytes) -> list[Hit]:
        """Return where needles stand in bytes that are no text, such as compressed ones."""
        return self._needles.hits(data)

    def hits(self, data: bytes) -> list[Hit]:
        """Return every hit in these bytes, at the place where its outermost encoding stands."""
        return self.search(data)[0]

    def search(self, data: bytes) -> tuple[list[Hit], list[tuple[int, bytes]]]:
        """Return every hit, and (place, bytes) of the images and archives that stand in the text as base64."""
        ends = self._ends(data)
        hits = self._layer(data, 0, _Budget(len(data)), frozenset(), ends)
        return sorted(hits), list(_embedded(data, ends.get("container", [])))

    def _ends(self, data: bytes) -> dict[str, list[int]]:
        patterns, names = _triggers()
        ends: dict[str, list[int]] = {}
        for number, end in patterns.matches(data):
            ends.setdefault(names[number], []).append(end)
        for places in ends.values():
            places.sort()
        return ends

    def _detected(self, data: bytes) -> set[Hit]:
        """Return what the detectors and the decoders see in our own strings."""
        ends = self._ends(data)
        found = set(_detector_hits(data, ends))
        for decoded in self._decoded(data, ends, frozenset()):
            for hit in _detector_hits(decoded.data, self._ends(decoded.data)):
                found.add(Hit(decoded.origin(hit.start), decoded.origin(hit.end), hit.rule))
        return found

    def _layer(
        self, data: bytes, depth: int, budget: _Budget, seen: frozenset[str], ends: dict[str, list[int]]
    ) -> set[Hit]:
        found = set(self._needles.hits(data))
        for hit in _detector_hits(data, ends):
            if depth and not _is_readable(data, hit):
                continue
            if not self._exempt.covers(data, hit.start, hit.end):
                found.add(hit)
        for decoded in self._decoded(data, ends, seen):
            place = decoded.origin(0)
            if not budget.spend(len(decoded.data)):
                found.add(Hit(place, place + 1, TOO_LARGE))
                break
            if depth >= DEEPEST:
                found.add(Hit(place, place + 1, TOO_DEEP))
                continue
            found |= self._mapped(data, decoded, depth, budget, seen)
        return found

    def _mapped(self, data: bytes, decoded: Decoded, depth: int, budget: _Budget, seen: frozenset[str]) -> set[Hit]:
        found = set()
        inner = seen | {decoded.family} if decoded.family == "lines" else frozenset()
        for hit in self._layer(decoded.data, depth + 1, budget, inner, self._ends(decoded.data)):
            start, end = decoded.origin(hit.start), decoded.origin(hit.end)
            mapped = Hit(start, max(end, start + 1), hit.rule)
            if hit.rule in (TOO_DEEP, TOO_LARGE):
                found.add(mapped)
                continue
            # What decoding left as it was has been judged where it stands.
            if data[max(0, start - 2) : end + 2] == decoded.data[max(0, hit.start - 2) : hit.end + 2]:
                continue
            is_needle = hit.rule.startswith("canary/")
            if is_needle or not self._exempt.covers(data, mapped.start, mapped.end):
                found.add(mapped)
        return found

    def _decoded(self, data: bytes, ends: dict[str, list[int]], seen: frozenset[str]) -> Iterator[Decoded]:
        for number, escape in enumerate(ESCAPES):
            for low, high in _windows(ends.get(f"escape {number}", ()), self._pad, len(data)):
                decoded = escape.decode(data, low, high)
                # A window may end within an escape: without progress there is nothing new to look at.
                if len(decoded.places) > 1:
                    yield decoded
        if "lines" not in seen:
            yield from encodings.join_lines(data, ends.get("lines", ()))
        yield from encodings.decode_base64(data, ends.get("base64", ()), 16)
        yield from encodings.decode_base64(data, ends.get("wide base64", ()), 16)
        yield from encodings.decode_hex(data, ends.get("hex", ()), _HEX_REACH)
        yield from encodings.decode_wide(data, ends.get("wide", ()))


def _embedded(data: bytes, ends: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    for end in ends:
        start = max(data.rfind(magic, max(0, end - 12), end) for magic in (b"iVBORw0KGgo", b"H4sI", b"UEsD"))
        if start >= 0:
            # From its own first character on: what stands before has another alignment.
            for decoded in encodings.decode_base64(data[start:], [end - start], end - start):
                if decoded.data.startswith(_CONTAINER):
                    yield start, decoded.data


def _detector_hits(data: bytes, ends: dict[str, list[int]]) -> Iterator[Hit]:
    for number, detector in enumerate(DETECTORS):
        places = ends.get(f"detector {number}")
        if places:
            yield from detector.hits(data, places)


def _windows(ends: Iterable[int], pad: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield the merged surroundings of some places."""
    low = high = -1
    for end in ends:
        if low >= 0 and end - pad <= high:
            high = min(size, end + pad)
            continue
        if low >= 0:
            yield low, high
        low, high = max(0, end - pad), min(size, end + pad)
    if low >= 0:
        yield low, high


def _is_readable(data: bytes, hit: Hit) -> bool:
    """Return whether a hit in decoded bytes stands in text: random bytes look like anything for a moment."""
    low = max(0, hit.start - _SHORTEST_READABLE)
    high = hit.end + _SHORTEST_READABLE
    runs = _READABLE.finditer(data, low, min(high, len(data)))
    wanted = min(_SHORTEST_READABLE, len(data))
    return any(run.start() <= hit.start and run.end() >= hit.end and run.end() - run.start() >= wanted for run in runs)
