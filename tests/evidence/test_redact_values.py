"""Nothing of what came back from the system gets through the redactor, in whatever form; our own words do."""

from __future__ import annotations

import base64
import gzip
import html
import json
import quopri
import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gonogo.evidence.canaries import canaries
from gonogo.evidence.detectors import is_card
from gonogo.evidence.redact import Redactor, Terms

PLANTED = {
    "email": "marta.kowalczyk@planted-mail.example",
    "phone": "+48 601 234 567",
    "card": "4539 1488 0343 6467",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtYXJ0YSJ9.c2lnbmF0dXJlLXg",
    "api key": "sk-live-9f8e7d6c5b4a39281706",
    "webhook token": "whk_Zt7Qp2Lm9Xv4Rb8N",
    "tracking link": "https://track.planted.example/p/ZX99KJ55512",
    "postal address": "17 Wrzosowa Street, 30-405 Kraków",
    "order number": "SB-77031",
    "reply body": "Dear Marta, your parcel left our warehouse this morning and arrives on Thursday.",
    "cookie": "sid=8c1f0b2a7d; HttpOnly",
    "name": "Marta Kowalczyk",
}
ENCODINGS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "json": json.dumps,
    "json in json": lambda value: json.dumps(json.dumps([value])),
    "repr": repr,
    "ascii": ascii,
    "bytes": lambda value: repr(value.encode()),
    "octal": lambda value: "".join(f"\\{byte:03o}" for byte in value.encode()),
    "hex escapes": lambda value: "".join(f"\\x{byte:02x}" for byte in value.encode()),
    "unicode escapes": lambda value: "".join(f"\\u{ord(char):04x}" for char in value),
    "percent": lambda value: quote(value, safe=""),
    "percent twice": lambda value: quote(quote(value, safe=""), safe=""),
    "percent all": lambda value: "".join(f"%{byte:02X}" for byte in value.encode()),
    "form": lambda value: value.replace(" ", "+"),
    "html": html.escape,
    "entities": lambda value: "".join(f"&#{ord(char)};" for char in value),
    "hex entities": lambda value: "".join(f"&#x{ord(char):x};" for char in value),
    "quoted-printable": lambda value: quopri.encodestring(value.encode()).decode(),
    "quoted-printable all": lambda value: "".join(f"={byte:02X}" for byte in value.encode()),
    **{
        f"base64 at {offset}": lambda value, offset=offset: base64.b64encode(
            b"x" * offset + value.encode() + b"y"
        ).decode()
        for offset in range(3)
    },
    "base64 for URLs": lambda value: base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
    "base64 in lines": lambda value: base64.encodebytes(value.encode() * 3).decode(),
    "base64 twice": lambda value: base64.b64encode(base64.b64encode(value.encode())).decode(),
    "basic": lambda value: "Basic " + base64.b64encode(b"user:" + value.encode()).decode(),
    "base64 of UTF-16": lambda value: base64.b64encode(value.encode("utf-16-le")).decode(),
    "base64 of gzip": lambda value: base64.b64encode(gzip.compress(value.encode())).decode(),
    "base32": lambda value: base64.b32encode(value.encode()).decode(),
    "hex": lambda value: value.encode().hex(),
    "HEX": lambda value: value.encode().hex().upper(),
    "hex with colons": lambda value: value.encode().hex(":"),
    "upper case": str.upper,
    "lower case": str.lower,
    "lines": lambda value: value.replace(" ", "\n"),
    "glued": lambda value: re.sub(r"[ -]", "", value),
}
SENTENCES = (
    "3 automatic replies from t_order_status_ask_order_number; allowed: t_missing_items_intake (stage 2 allows it)",
    "the decision says 'Returns Admin', but the ticket is with 'Email Support Team'",
    "mw-intent-order-status is missing",
    "p95 612 ms > 500 ms (limit), n=4,200",
    "no decision within 10 s; the same path showed the decisions of 21 other messages meanwhile",
    "FLAG-safe_mode/effect at 2026-11-21T05:24:47+00:00, smoke_cases/richpanel/smoke.csv:129",
    "steps/leaking.py:12: KeyError in run 20261121T052447Z-1e3ad9",
    "templates enabled: t_missing_items_intake, t_order_status_ask_order_number",
)
NAMES = (
    "Returns Admin", "Email Support Team", "t_order_status_ask_order_number", "t_missing_items_intake",
    "mw-intent-order-status", "ST-021", "FLAG-safe_mode", "20261121T052447Z-1e3ad9",
)  # fmt: skip
PLAIN = frozenset(
    re.findall("[a-z]+", " ".join((*SENTENCES, "observed value says no left on this in path page")).lower())
)


def make_redactor(**more: object) -> Redactor:
    return Redactor(Terms(**{"names": NAMES, "plain": PLAIN, **more}))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    redactor = make_redactor()
    redactor.saw({"items": [{"data": PLANTED, "status": "sent", "created_at": 1763701487.25}]}, "reply")
    return redactor


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", PLANTED)
def test_a_value_is_redacted_in_every_encoding(redactor: Redactor, name: str, encoding: str) -> None:
    shown = redactor.text(f"observed value {ENCODINGS[encoding](PLANTED[name])} says no")
    left = re.sub(r"\[redacted:\w+\]", "", shown.removeprefix("observed value ").removesuffix(" says no"))
    assert "[redacted:" in shown
    # What separates words, and what stands around the value in its encoding, may stay.
    assert len(re.sub(r"[\W_]", "", left)) <= 4, shown


@pytest.mark.parametrize("sentence", SENTENCES)
def test_our_own_sentences_stay(redactor: Redactor, sentence: str) -> None:
    assert redactor.text(sentence) == sentence


@pytest.mark.parametrize("name", ["email", "phone", "card", "jwt", "api key", "tracking link"])
def test_what_looks_like_personal_data_is_redacted_wherever_it_comes_from(name: str) -> None:
    assert PLANTED[name] not in make_redactor().text(f"observed {PLANTED[name]}")


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdefghijklmnop",
        "Set-Cookie: id=1; Path=/",
        "password=hunter2hunter2",
        "api_key: q8Zk2LmP",
    ],
)
def test_named_secrets_are_redacted(text: str) -> None:
    shown = make_redactor().text(text)
    assert shown.endswith("]")
    assert text.split()[-1].split("=")[-1] not in shown


@given(st.text(min_size=8, max_size=200))
@settings(max_examples=60, deadline=None)
def test_a_text_of_the_system_never_comes_through_whole(value: str) -> None:
    redactor = make_redactor()
    redactor.saw(value)
    if re.search(r"[^\W_]{4}", value) and not set(re.findall(r"[^\W_]+", value.lower())) <= PLAIN:
        assert value not in redactor.text(f"observed {value}")


@given(
    st.recursive(st.text() | st.integers() | st.booleans(), lambda one: st.lists(one) | st.dictionaries(st.text(), one))
)
@settings(max_examples=60, deadline=None)
def test_any_data_is_seen_and_any_text_redacted_without_an_exception(data: object) -> None:
    redactor = make_redactor()
    redactor.saw(data)
    redactor.value(data)
    redactor.text(str(data))


def test_values_of_listed_fields_stay_and_long_ones_do_not() -> None:
    redactor = make_redactor()
    sentence = "Dear Marta, the parcel that you asked about left our warehouse on Thursday, says Piotr."
    redactor.saw(
        {"tag": "vip-kraków", "team": "Night Shift Desk", "action": sentence, "note": "Night owl"},
        shown=["vip-kraków", "Night Shift Desk", sentence, "marta@planted.example"],
    )
    assert (
        redactor.text("vip-kraków is on a ticket of Night Shift Desk")
        == "vip-kraków is on a ticket of Night Shift Desk"
    )
    assert "warehouse" not in redactor.text(f"action {sentence}")
    assert "marta@" not in redactor.text("team is marta@planted.example")
    assert redactor.text("observed on Night owl") == "observed on [redacted:answer]"


def test_our_own_messages_stay_where_they_stand_as_themselves() -> None:
    message = "Where is order SB-77031? Write to marta@planted.example, please."
    redactor = make_redactor(messages=[message], known={"fixture": ["SB-77031"]})
    redactor.saw({"echo": f"inbound text: {message} from Piotr Zieliński", "body": message})
    assert redactor.text(f"sent <{message}>") == f"sent <{message}>"
    shown = redactor.text(f"sent <{message}> to Piotr Zieliński about SB-77031")
    assert message in shown
    assert "Piotr" not in shown
    assert "SB-77031" not in shown.replace(message, "")


def test_a_short_message_exempts_nothing() -> None:
    redactor = make_redactor(messages=["Marta"])
    redactor.saw({"name": "Marta Kowalczyk"})
    assert "Marta" not in redactor.text("said by Marta")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_canaries_and_secrets_are_redacted_even_inside_our_own_messages(encoding: str) -> None:
    word, secret = canaries("20261121T052447Z-1e3ad9").word, "Zt7Qp2Lm9Xv4Rb8N"
    message = f"Hello, this is {word} with {secret} again."
    redactor = make_redactor(messages=[message], known={"canary": [word], "secret": [secret]})
    shown = redactor.text(ENCODINGS[encoding](message))
    assert word.lower() not in shown.lower()
    assert secret.lower() not in shown.lower()
    assert "redacted:" in shown


def test_patterns_name_further_harmless_values() -> None:
    redactor = make_redactor(patterns=["wk-[0-9]{1,3}"])
    redactor.saw({"worker": "wk-17", "other": "wk-qqqq"})
    assert redactor.text("by wk-17") == "by wk-17"
    assert redactor.text("by wk-qqqq") == "by [redacted:answer]"


def test_numbers_and_keys_of_records_are_redacted_too() -> None:
    redactor = make_redactor()
    redactor.saw({"order": 7703144, "marta@planted.example": 1})
    assert redactor.value({"n": 7703144, "marta@planted.example": [12, True, None]}) == {
        "n": "[redacted:answer]",
        "[redacted:email]": [12, True, None],
    }


def test_canaries_follow_from_the_run_and_look_like_nothing_else() -> None:
    ids = [f"20261121T05{number:04}Z-{number:06x}" for number in range(500)]
    words = {canaries(name).word for name in ids}
    assert len(words) == 500
    assert canaries(ids[0]) == canaries(ids[0])
    assert all(re.fullmatch("[a-z0-9]{16}", word) and re.search("[0-9]", word) for word in words)
    assert not any(is_card(canaries(name).digits) for name in ids)
    assert [name for name, _ in canaries("x").needles()] == ["canary-word", "canary-digits"]
