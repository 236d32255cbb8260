"""A planted value survives in no encoding, in no container, at no place."""

from __future__ import annotations

import base64
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scan_bundles import clean_bundle, zipped
from scan_encodings import CONTAINERS, ENCODINGS, PLANTED

from gonogo.evidence.scan import Finding, Needle
from gonogo.evidence.scan.scanner import Scan, scan_bytes

NEEDLES = [Needle(name, value) for name, value in PLANTED.items()]
SCAN = Scan(NEEDLES, [])


def findings(name: str, data: bytes, scan: Scan = SCAN) -> list[Finding]:
    scan.findings.clear()
    scan.scan_bytes(name, data)
    return sorted(scan.findings)


def rules(name: str, data: bytes, scan: Scan = SCAN) -> set[str]:
    return {finding.rule for finding in findings(name, data, scan)}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_planted_value_is_found_in_every_encoding_and_container(encoding: str) -> None:
    survivors = [
        (planted, container)
        for planted, value in PLANTED.items()
        for container, (name, build) in CONTAINERS.items()
        if f"canary/{planted}" not in rules(name, build(ENCODINGS[encoding](value)))
    ]
    assert not survivors


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_container_without_a_value_has_no_finding_of_a_value(container: str) -> None:
    name, build = CONTAINERS[container]
    assert not rules(name, build(b"nothing of the kind"))


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(PLANTED)),
    st.sampled_from(sorted(ENCODINGS)),
    st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40),
    st.integers(0, 3),
)
def test_a_value_is_found_wherever_it_stands(planted: str, encoding: str, before: str, kind: int) -> None:
    separator = ["\n", " ", '"', "<"][kind]
    data = (
        before.encode()
        + separator.encode()
        + ENCODINGS[encoding](PLANTED[planted])
        + separator.encode()
        + before.encode()
    )
    assert f"canary/{planted}" in rules("a.txt", data)


@settings(max_examples=20, deadline=None)
@given(
    st.text(alphabet=st.characters(codec="utf-8"), min_size=6, max_size=20).map(str.strip),
    st.sampled_from(
        [
            "raw",
            "JSON",
            "JSON in JSON",
            "percent, every byte",
            "percent, standard",
            "base64, 1",
            "base64, url, 2",
            "hex",
            "entities, decimal",
            "entities, standard",
            "JSON, every character",
            "UTF-16 LE",
        ]
    ),
)
def test_any_value_is_found(value: str, encoding: str) -> None:
    if len(value) < 6 or not any(character.isalnum() for character in value):
        return
    scan = Scan([Needle("any", value)], [])
    assert "canary/any" in rules("a.txt", b"x " + ENCODINGS[encoding](value) + b" y", scan)


@pytest.mark.parametrize("planted", PLANTED)
def test_a_value_in_a_clean_bundle_is_the_only_thing_found(planted: str) -> None:
    bundle = clean_bundle(5, cases=3)
    data = bundle["exchanges.jsonl"]
    place = data.index(b"\n") + 1
    planted_data = data[:place] + b'{"seen":"' + ENCODINGS["base64, 1"](PLANTED[planted]) + b'"}\n' + data[place:]
    found = rules("exchanges.jsonl", planted_data)
    assert {rule for rule in found if rule.startswith("canary/")} == {f"canary/{planted}"}


@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.parametrize("encoding", ["raw", "percent, standard", "base64, url, 0", "hex"])
def test_names_of_files_and_members_are_searched_and_not_shown(planted: str, encoding: str) -> None:
    text = ENCODINGS[encoding](PLANTED[planted]).decode()
    found = findings(f"attachments/{text}.txt", b"x")
    assert f"canary/{planted}/name" in {finding.rule for finding in found}
    inside = findings("a.zip", zipped({f"{text}.txt": b"x"}))
    assert f"canary/{planted}" in {finding.rule.removesuffix("/name") for finding in inside}
    assert not any(PLANTED[planted] in str(finding) or text in str(finding) for finding in [*found, *inside])


def test_the_place_is_that_of_the_value() -> None:
    needle = [Needle("order", PLANTED["order"])]
    coded = base64.b64encode(b"ab" + PLANTED["order"].encode())
    assert scan_bytes("a.txt", b"x" * 1000 + PLANTED["order"].encode(), needle) == [
        Finding("a.txt", 1000, "canary/order")
    ]
    assert {finding.offset for finding in scan_bytes("a.txt", b"x " * 500 + coded, needle)} <= {1002, 1003, 1004}
    inner = scan_bytes("a.zip", zipped({"b/c.txt": b"12345" + PLANTED["order"].encode()}), needle)
    assert inner == [Finding("a.zip!b/c.txt", 5, "canary/order")]


def test_a_needle_is_never_excused() -> None:
    needle = Needle("name", "Zoe Qxabkd")
    assert scan_bytes("a.txt", b"I am Zoe Qxabkd", [needle], ["I am Zoe Qxabkd"])


def test_a_value_too_short_to_be_told_apart_forbids_the_seal() -> None:
    assert [finding.rule for finding in scan_bytes("a.txt", b"", [Needle("pin", "12")])] == ["unusable-needle/pin"]


def test_a_needle_does_not_show_its_value() -> None:
    assert "Qxabkd" not in repr(Needle("name", "Qxabkd"))


def test_one_wrong_character_is_no_hit() -> None:
    rng = random.Random(4)
    value = "qx71ab93kdLm20pVt5Rz"
    scan = Scan([Needle("word", value)], [])
    for _ in range(200):
        place = rng.randrange(len(value))
        other = value[:place] + ("#" if value[place] != "#" else "!") + value[place + 1 :]
        for encoding in ("raw", "base64, 1", "hex", "percent, every byte"):
            assert not rules("a.txt", b"x " + ENCODINGS[encoding](other), scan)
