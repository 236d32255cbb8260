"""The recording function writes listed keys only, and exchanges hold shapes and digests but no content."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from gonogo.errors import EvidenceError
from gonogo.evidence.exchange import HMAC_ENV, BodyDigest, ExchangeCapture
from gonogo.evidence.record import Recorder, Stream, read_records
from gonogo.evidence.redact import Redactor, Terms
from gonogo.evidence.screenshot import mask_screenshot
from gonogo.model.evidence_policy import EvidencePolicy
from gonogo.sources.evidence_file import load_evidence_policy

BODY = json.dumps(
    {"items": [{"team": "Night Desk", "text": "Dear Marta", "tracking": "ZX99KJ55512"}], "ok": True}
).encode()


def record_all(
    folder: Path, stream: Stream, payload: dict[str, Any], redactor: Redactor | None = None
) -> dict[str, Any]:
    recorder = Recorder(folder, redactor or Redactor(Terms()))
    recorder.record(stream, payload)
    recorder.close()
    return read_records(folder / stream.value)[-1]


@pytest.mark.parametrize("stream", Stream)
def test_keys_that_are_not_listed_are_dropped_and_counted(tmp_path: Path, stream: Stream) -> None:
    assert record_all(tmp_path, stream, {"at": 1, "body": "Dear Marta", "note": 2}) == {
        Stream.OUTCOMES: {"dropped": 3},
    }.get(stream, {"at": 1, "dropped": 2})


@pytest.mark.parametrize("key", ["case", "check", "part", "reasons", "expected", "observed"])
def test_every_text_of_an_outcome_is_redacted(tmp_path: Path, key: str) -> None:
    redactor = Redactor(Terms())
    redactor.saw({"name": "Marta Kowalczyk"})
    assert "Marta" not in json.dumps(record_all(tmp_path, Stream.OUTCOMES, {key: "by Marta Kowalczyk"}, redactor))


def test_a_digest_is_no_text_and_a_text_is_no_digest(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    redactor = Redactor(Terms())
    redactor.saw([digest[:20], "Dear Marta"])
    payload = {"sent_hmac": digest, "received_hmac": "Dear Marta"}
    shown = record_all(tmp_path, Stream.EXCHANGES, payload, redactor)
    assert shown == {"sent_hmac": digest, "received_hmac": "[redacted:answer]"}


def describe(capture: ExchangeCapture, headers: dict[str, str] | None = None, body: bytes = BODY) -> dict[str, Any]:
    return capture.describe(b"sent", headers or {}, body, "reply", lambda data: {"team": [data["items"][0]["team"]]})


def test_an_exchange_shows_keys_and_types_once_and_keyed_digests() -> None:
    redactor = Redactor(Terms())
    capture = ExchangeCapture(
        redactor,
        BodyDigest.from_environ({HMAC_ENV: "k"}),
        fields=["team"],
        headers=["X-Trace"],
        keys=["items", "team", "ok"],
    )
    first = describe(capture, {"x-trace": "abc-1", "Set-Cookie": "sid=8c1f0b2a7d"})
    assert first["shape"] == {"number": 1, "is": {"items": [{"team": "text", "[key]": "text"}], "ok": "boolean"}}
    assert describe(capture)["shape"] == {"number": 1}
    assert first["received_hmac"] == hmac.new(b"k", BODY, hashlib.sha256).hexdigest()
    assert first["sent_hmac"] == hmac.new(b"k", b"sent", hashlib.sha256).hexdigest()
    assert first["hmac_key"] == HMAC_ENV
    assert first["headers"] == {"x-trace": "abc-1"}
    assert redactor.text("with Night Desk: Dear Marta, ZX99KJ55512, 8c1f0b2a7d") == "with Night Desk: [redacted:reply]"


def test_without_a_given_key_two_processes_have_two() -> None:
    digests = [BodyDigest.from_environ({}) for _ in range(2)]
    assert digests[0].of(BODY) != digests[1].of(BODY)
    assert digests[0].source == "of this process"
    assert digests[0].of(b"") is None


def test_an_answer_that_is_no_json_is_content_too() -> None:
    redactor = Redactor(Terms())
    capture = ExchangeCapture(redactor, BodyDigest.from_environ({}))
    assert "shape" not in describe(capture, body=b"<h1>Marta Kowalczyk</h1>")
    assert "Marta" not in redactor.text("by Marta Kowalczyk")


class Page:
    def __init__(self, found: int) -> None:
        self.found = found
        self.options: dict[str, Any] = {}

    def locator(self, selector: str) -> Any:
        found = self.found

        class Locator:
            def count(self) -> int:
                return found

        return Locator()

    def screenshot(self, **options: Any) -> bytes:
        self.options = options
        return b"PNG"


def test_a_screenshot_is_masked_or_not_taken() -> None:
    page = Page(1)
    assert mask_screenshot(page, [".name", ".address"]) == b"PNG"
    assert len(page.options["mask"]) == 2
    for found, selectors in ((1, []), (0, [".name"])):
        with pytest.raises(EvidenceError, match="no screenshot"):
            mask_screenshot(Page(found), selectors)


def load(tmp_path: Path, text: str) -> tuple[EvidencePolicy | None, list[str]]:
    path = tmp_path / "evidence.yaml"
    path.write_text(text, "utf-8")
    policy, problems = load_evidence_policy(path, "evidence.yaml", "richpanel")
    return policy, [str(problem) for problem in problems]


def test_without_a_policy_nothing_is_listed(tmp_path: Path) -> None:
    assert load_evidence_policy(tmp_path / "no.yaml", "no.yaml", "richpanel") == (
        EvidencePolicy(system="richpanel"),
        [],
    )


def test_the_policy_of_richpanel_is_read() -> None:
    path = Path(__file__).parents[2] / "smoke_cases" / "richpanel" / "evidence.yaml"
    policy, problems = load_evidence_policy(path, "evidence.yaml", "richpanel")
    assert problems == []
    assert policy is not None
    assert "text" not in policy.fields
    assert "tags" in policy.fields


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("fields: [teem]", "Did you mean 'team'?"),
        ("fields: [text]", "evidence.yaml:2: fields.0"),
        ("fields: [team, team]", "stands twice"),
        ("headers: [Set-Cookie]", "carries secrets"),
        ("headers: ['a b']", "evidence.yaml:2: headers.0"),
        ("patterns: ['(']", "not a regular expression"),
        ("patterns: ['.*']", "too wide"),
        ("patterns: ['[A-Za-z ]+']", "too wide"),
        ("field: []", "Did you mean 'fields'?"),
        ("masks: ['']", "not empty"),
    ],
)
def test_problems_of_a_policy_are_named(tmp_path: Path, line: str, says: str) -> None:
    _, problems = load(tmp_path, f"system: richpanel\n{line}\n")
    assert any(says in problem for problem in problems), problems


def test_all_problems_of_a_policy_come_at_once(tmp_path: Path) -> None:
    _, problems = load(tmp_path, "system: other\nfields: [teem]\nheaders: [cookie]\npatterns: ['.*']\n")
    assert len(problems) == 3
    assert "the folder is 'richpanel'" in load(tmp_path, "system: other\n")[1][0]
