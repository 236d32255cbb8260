# ruff: noqa: E501
"""What the detectors see without knowing a value, what they leave alone, and what our own packs excuse."""

from __future__ import annotations

import base64
import html
import json
import random
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import pytest
from scan_bundles import clean_bundle

from gonogo.evidence.scan import Finding
from gonogo.evidence.scan.cards import passes_luhn
from gonogo.evidence.scan.scanner import Scan, scan_bytes

SCAN = Scan([], [])

SEEN = {
    "email": ["mail zoe@example.com now", "<o'brien+tag@mail.co.uk>", '"z@y.org"', "a_b.c@sub-domain.example.museum.de", "x@[192.168.0.1]", "ZOE@EXAMPLE.COM", "mailto:me@firma.example"],
    "phone": ["+44 20 7946 0958", "call +4915112345678!", "tel:+1-202-555-0143", "(202) 555-0143", "x 202-555-0143 y", "is 020 7946 0958.", "07700 900123", "07700900123", "0171/1234567", "01 23 45 67 89", '"phone": "2025550143"', '"phone_number":2025550143', "mobile: 98765 43210", "0049 30 1234567", "+33\u00a01\u00a023\u00a045\u00a067\u00a089", "?phone=+12025550143"],
    "card": ["4539 1488 0343 6467", "5500-0055-5555-5559", "3782 822463 10005", "card 4539148803436467", '{"card_number":"5500005555555559"}', "4539148803436467 is my card", "pan=6011000990139424", "4539&nbsp;1488&nbsp;0343&nbsp;6467", '"cardNumber": 4539148803436467'],
    "jwt": ["eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NSJ9.c2lnbmF0dXJl", "t=eyJhbGciOiJub25lIn0.eyJzdWIiOiIxMjM0NSJ9."],
    "key": ["AKIAIOSFODNN7EXAMPLE", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "sk-proj-abcDEF123456ghiJKL789012", "xoxb-123456789012-abcdefGHIJ", "AIzaSyA1234567890abcdefghijklmnopqrstuv", "sk_live_4eC39HqLyjWDarjtT1zdp7dc", "-----BEGIN RSA PRIVATE KEY-----", "https://user:pa55word@db.example/x", "https://hooks.slack.com/services/T00000000/B00000000/XXXXabcd1234"],
    "credential": ["Bearer 8f3a9c2b7d1e4f60a5b8", 'Authorization: Basic dXNlcjpwYXNz', '"authorization": "abc123def"', "token=9f8e7d6c5b4a3f2e1d0c", '{"access_token":"9f8e7d6c5b4a3f2e"}', "password=hunter2hunter", "X-Webhook-Token: s3cr3t-value", "api_key: 'q9w8e7r6t5y4u3'", r'"{\"token\":\"9f8e7d6c5b4a3f2e\"}"'],
    "cookie": ["Set-Cookie: sid=31d4d96e407aad42; Path=/", '"cookie": "theme=dark"', "JSESSIONID=1A530637289A03B07199A44E8D531427", "_ga=GA1.2.1226123456.1600000000"],
    "tracking-link": ["https://www.dhl.de/track?trackingnumber=00340434161094042557", "https://www.ups.com/track?loc=en_US&tracknum=1Z999AA10123456784", "https://tracking.example.com/track/JD014600003888", "https://shop.example/x?gclid=Cj0KCQjw8abc", "1Z999AA10123456784"],
}  # fmt: skip

LEFT_ALONE = [
    "2026-11-21T04:04:00+00:00", "20261121T040400Z-275e12", "1795230171295", "1795230171.2953224", "1.5e+10123456", "550e8400-e29b-41d4-a716-446655440000",
    "4539148803436467", '"id": 4539148803436467', "0x4539148803436467", "sha256:" + "4539148803436467" * 4, "192.168.100.200:8080", "1.20.300.4000", "allure@2.16.0", "@pytest.mark",
    "@shop_example heyyy", "git@github.com:org/x.git", '"d":"M 200 300 4000 300-400-5000z"', "200 300 4000 500 600 7000", "200,300,4000", "GONOGO_SANDBOX_TOKEN", '"token_env": "GONOGO_SANDBOX_TOKEN"',
    '"authorization": "[redacted]"', "Set-Cookie: [redacted]", "Cookie: sid=***", "the token is missing", "tokens_per_decision: 1234", "password: (hidden)", "https://example.test/runs/20261121T040400Z-275e12",
    "https://example.test/orders/tracking", "order_status_tracking", "discard 1795230171295", "a wildcard and a scorecard 4539148803436461", "route /webhooks/orders/track/{id}", "<svg viewBox='200 300 4000'/>",
    "sk-learn and task-runner-for-the-release", "phone, 1795230171295", '"phone_at": "2026-11-21"', "4539 1488 0343 6468", "n=20,000 p95=40.0", "x=1.0e-05", "e-mail user@host", "name@3.py", "key-value", "+00:00",
    '{"sig": "' + base64.b64encode(random.Random(1).randbytes(64)).decode() + '"}', "mm 0.020 7946 0958 3", "01.02.2026 03:04:05", "eyJub3QiOiJhIHRva2VuIn0",
]  # fmt: skip


def rules(text: str, exempt: tuple[str, ...] = (), name: str = "a.txt") -> set[str]:
    scan = Scan([], exempt) if exempt else SCAN
    scan.findings.clear()
    scan.scan_bytes(name, text.encode())
    return {finding.rule for finding in scan.findings}


@pytest.mark.parametrize("rule", SEEN)
def test_every_shape_is_seen_raw_and_encoded(rule: str) -> None:
    missed = []
    for text in SEEN[rule]:
        ways = {
            "raw": text,
            "json": json.dumps({"k": f"first\n{text}\nlast"}),
            "json in json": json.dumps({"k": json.dumps({"k": f"x {text} y"}, ensure_ascii=False)}, ensure_ascii=False),
            "xml": f"<a b={quoteattr(text)}>{html.escape(text)}</a>",
            "percent": "q=" + quote(text, safe=""),
            "entities": "".join(f"&#{ord(character)};" for character in text),
            "code points": "".join(f"\\u{ord(character):04x}" for character in text),
            "base64": base64.b64encode(f"some words first: {text} and some after".encode()).decode(),
            "hex": f"some words first: {text} and some after".encode().hex(),
        }
        missed += [(way, text) for way, coded in ways.items() if rule not in rules(f"head {coded} tail\n")]
    assert not missed


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert not rules(f"head {text} tail\n")
    assert not rules(json.dumps({"at": 1795230171295, "k": text}), name="a.json")


def test_a_hundred_clean_bundles_have_no_finding() -> None:
    scan = Scan([], [])
    for seed in range(100):
        for name, data in clean_bundle(seed, cases=6).items():
            scan.scan_bytes(name, data)
    assert sorted(scan.findings) == []


def test_numbers_that_pass_the_check_digit_are_in_the_clean_ones() -> None:
    rng = random.Random(9)
    numbers = [str(rng.randrange(10**15, 10**16)) for _ in range(20_000)]
    assert sum(passes_luhn(number.encode()) for number in numbers) > 1_500
    assert not rules("\n".join(f'{{"id":{number},"order":"{number}"}}' for number in numbers))


MESSAGE = 'Hi, "Zoë" here & <b>angry</b>:\nwrite to zoe@example.com or 202-555-0143,\n100%25 \\o/ card 4539148803436467'


@pytest.mark.parametrize(
    "show",
    [
        lambda text: text,
        json.dumps,
        lambda text: json.dumps(text, ensure_ascii=False),
        lambda text: json.dumps({"k": json.dumps({"m": text})}),
        lambda text: f"<a b={quoteattr(text)}/>",
        html.escape,
        lambda text: html.escape(json.dumps(text)),
        lambda text: "Feature: a\n" + "".join(f"      {line}\n" for line in text.split("\n")),
        lambda text: '"' + text.replace('"', '""') + '",x',
        lambda text: base64.b64encode(json.dumps({"k": text}).encode()).decode(),
    ],
)
def test_our_own_messages_are_excused_in_every_form(show) -> None:
    shown = f"head {show(MESSAGE)} tail"
    assert {"email", "phone"} <= rules(shown)
    assert not rules(shown, (MESSAGE, "another one"))
    # The same address outside of the message is a finding again.
    assert rules(shown + "\nzoe@example.com", (MESSAGE, "another one")) == {"email"}


def test_a_part_of_our_message_is_no_excuse() -> None:
    assert rules("write to zoe@example.com or", (MESSAGE,)) == {"email"}
    assert rules(MESSAGE.replace("zoe@", "joe@"), (MESSAGE,)) == {"email", "phone", "card"}


def test_many_messages_excuse_as_one_does() -> None:
    texts = [f"case {number}: mail me at zoe{number % 7}@example.com, thanks" for number in range(3000)]
    data = "\n".join(json.dumps({"m": text}) for text in texts)
    assert not rules(data, tuple(texts))
    assert rules(data + "\nzoe3@example.com", tuple(texts)) == {"email"}


def test_a_finding_says_where_and_never_what() -> None:
    found = scan_bytes("a/b.txt", b"x" * 70 + b" zoe@example.com")
    assert found == [Finding("a/b.txt", 71, "email")]
    assert "zoe" not in repr(found)


@pytest.mark.parametrize(
    "value", ["INV-AUTH/indistinguishable", "QA-E/tokens.and-correlation-ids", "Guide/Kill_Switch"]
)
def test_the_id_of_a_check_after_the_word_token_is_no_secret(value: str) -> None:
    listed = json.dumps({"deciding": ["INV-AUTH/no-token", value]}).encode()

    assert scan_bytes("decision.json", listed) == []
    assert scan_bytes("decision.json", listed.replace(value.encode(), b"kT9vWq2mZx8LpR4s")) != []
