"""General steps: nothing in events, logs or tier-1 replies that must not be there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from gonogo.model.outcome import CheckClass, InconclusiveReason, Outcome, Verdict
from gonogo.run.definitions import then
from gonogo.run.observation import Sent, judge_absence, name_cases
from gonogo.run.scene import Scene
from gonogo.targets.interface import NotAvailable

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_PHONE = re.compile(
    r"(?<![\w.+-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)|\d{3,4})[ .-]\d{3,4}[ .-]\d{3,4}(?![\w-])|(?<!\w)\+\d{9,15}(?!\w)"
)
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w.-])")
_URL = re.compile(r"https?://[^\s\"'<>]+", re.IGNORECASE)
_TOKEN = re.compile(
    r"(?i)\bbearer\s+[a-z0-9._~+/-]{8,}|\beyJ[\w-]{8,}\.[\w-]{8,}|\bsk-[a-z0-9]{16,}|token[\"']?\s*[:=]\s*[\"']?[\w.-]{12,}"
)
_MIN_BODY = 12


def find_card(text: str) -> bool:
    """Return whether a text holds a payment card number.

    The check digit alone is right for one in ten timestamps and ids; a card also starts like one and is either grouped
    as cards are printed or stands where it is called a card.
    """
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if not re.match(r"3[47]|4|5[1-5]|2[2-7]|6(?:011|5)", digits) or not _luhn(digits):
            continue
        grouped = re.fullmatch(r"\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|3\d{3}([ -])\d{6}\2\d{5}", match[0])
        named = re.search(r"(?i)card|pan\b|visa|master", text[max(0, match.start() - 40) : match.start()])
        if grouped or named:
            return True
    return False


def _luhn(digits: str) -> bool:
    total = 0
    for index, char in enumerate(reversed(digits)):
        value = int(char) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


_DETECTORS: dict[str, Callable[[str], bool]] = {
    "an e-mail address": lambda text: bool(_EMAIL.search(text)),
    "a phone number": lambda text: bool(_PHONE.search(text)),
    "a card number": find_card,
    "a link": lambda text: bool(_URL.search(text)),
    "a token": lambda text: bool(_TOKEN.search(text)),
}


def _strings(entry: Any) -> Iterable[str]:
    """Yield every text inside a JSON value, keys included."""
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, dict):
        for key, value in entry.items():
            yield str(key)
            yield from _strings(value)
        # Together, so that a value is seen next to what it is called.
        yield " ".join(f"{key}: {value}" for key, value in entry.items() if isinstance(value, str | int))
    elif isinstance(entry, list | tuple):
        for value in entry:
            yield from _strings(value)


def _holds_body(texts: list[str], sent: Sent) -> bool:
    """Return whether a text quotes what the customer wrote, whole or a longer piece of it."""
    message = " ".join(sent.message.text.split())
    if len(message) < _MIN_BODY:
        return False
    pieces = {message[start : start + 40] for start in range(0, max(1, len(message) - 39), 40)}
    pieces = {piece.strip() for piece in pieces if len(piece.strip()) >= _MIN_BODY}
    flat = [" ".join(text.split()) for text in texts]
    return any(piece in text for text in flat for piece in pieces)


def _judge_entries(scene: Scene, name: str, read: Callable[[Sent], Any], entry: Callable[[Any], Any]) -> Verdict:
    expected = f"{name} hold no message text, e-mail address, phone, card number, link or token"
    if not scene.all_sent:
        return Verdict.inconclusive(InconclusiveReason.VACUOUS, "no message was sent", expected)
    found: dict[str, list[str]] = {}
    entries = 0
    for sent in scene.all_sent:
        observed = read(sent)
        if isinstance(observed, NotAvailable):
            return judge_absence(observed, expected)
        for item in observed.value:
            entries += 1
            texts = list(_strings(entry(item)))
            if _holds_body(texts, sent):
                found.setdefault("message text", []).append(sent.message.case_id)
            for what, detect in _DETECTORS.items():
                if any(detect(text) for text in texts):
                    found.setdefault(what, []).append(sent.message.case_id)
    if found:
        reasons = tuple(f"{what} in {name} of {name_cases(cases)}" for what, cases in found.items())
        return Verdict(Outcome.FAILED, reasons, expected, ", ".join(found))
    if not entries:
        text = f"no {name} were shown for {len(scene.all_sent)} messages"
        return Verdict.inconclusive(InconclusiveReason.VACUOUS, text, expected)
    return Verdict(Outcome.PASSED, (), expected, f"{entries} entries searched")


@then("no event holds what customers wrote or who they are", check="events", cls=CheckClass.PRIVACY)
def events_disclose_nothing(scene: Scene) -> Verdict:
    """Judge the structured events of every message of the run."""
    return _judge_entries(scene, "events", lambda sent: sent.events, lambda item: item.entry)


@then("no log entry holds what customers wrote or who they are", check="logs", cls=CheckClass.PRIVACY)
def logs_disclose_nothing(scene: Scene) -> Verdict:
    """Judge the log entries about every message of the run."""
    return _judge_entries(scene, "log entries", lambda sent: sent.logs, lambda item: item)


@then("no tier 1 reply holds a link, an address or a number", check="replies", cls=CheckClass.PRIVACY)
def replies_disclose_nothing(scene: Scene) -> Verdict:
    """Judge the text of every automatic tier-1 reply of the run; the text itself is never recorded."""
    expected = "tier 1 replies hold no link, e-mail address, phone or card number"
    found: dict[str, list[str]] = {}
    read = 0
    for sent in scene.all_sent:
        if isinstance(sent.replies, NotAvailable):
            return judge_absence(sent.replies, expected)
        for reply in sent.automatic_replies:
            if isinstance(reply.text, NotAvailable):
                return judge_absence(reply.text, expected)
            template = scene.vocabulary.templates.get(reply.template) if isinstance(reply.template, str) else None
            if template is not None and template.tier >= 2:
                continue
            read += 1
            for what, detect in _DETECTORS.items():
                if detect(json.dumps(reply.text or "", ensure_ascii=False)):
                    found.setdefault(what, []).append(sent.message.case_id)
    if found:
        reasons = tuple(f"{what} in the reply to {name_cases(cases)}" for what, cases in found.items())
        return Verdict(Outcome.FAILED, reasons, expected, ", ".join(found))
    if not read:
        return Verdict.inconclusive(InconclusiveReason.VACUOUS, "no tier 1 reply was sent in this run", expected)
    return Verdict(Outcome.PASSED, (), expected, f"{read} replies searched")
