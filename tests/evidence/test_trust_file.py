"""trust.yaml: its problems all at once, its signature, its root, its end."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from people import ANA, BOB, CI, NOW, ROOT, STRANGER, public, trust_data, trust_of, write_trust

from gonogo.errors import EvidenceError, SourceError, UsageError
from gonogo.evidence.dsse import Envelope, sign_envelope
from gonogo.evidence.keys import PublicKey, SigningKey
from gonogo.evidence.trust import PAYLOAD_TYPE, Trust, find_root, load_trust, sign_trust, signature_path
from gonogo.model.trust import Requirement, assign_people, fold_name, parse_duration, parse_end, parse_start
from gonogo.sources.trust_file import load_trust_file

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = write_trust(tmp_path / "trust.yaml")
    sign_trust(file, ROOT)
    return file


def load(path: Path, now: datetime = NOW, root: str | None = ROOT.public.keyid) -> Trust:
    return load_trust(path, now=now, root=root)


def test_a_signed_trust_file_says_who_may_sign_what(path: Path) -> None:
    trust = load(path)

    assert [person.name for person in trust.people] == ["Ana Ferreira", "Bob Okafor", "Cara Lindt", "Rita Runner"]
    owner = trust.owner_of(CI.public)
    assert owner is not None
    assert owner.is_machine
    rule = trust.rule_for("richpanel", "2", "staging")
    assert rule is not None
    assert rule.fresh_for.approval == timedelta(hours=24)
    for place in (("richpanel", "2", "production"), ("richpanel", "3", "staging"), ("q2q", "2", "staging")):
        assert trust.rule_for(*place) is None
    assert trust.sha256 != trust_of().sha256


def test_without_a_pinned_root_nobody_vouches_for_it(path: Path) -> None:
    with pytest.raises(EvidenceError, match="no root key is pinned"):
        load(path, root=None)


def test_another_root_than_the_pinned_one_is_refused(path: Path) -> None:
    with pytest.raises(EvidenceError, match=f"names the root key {ROOT.public.keyid}; pinned is {ANA.public.keyid}"):
        load(path, root=ANA.public.keyid)


def test_whoever_writes_another_root_into_it_meets_the_pin(tmp_path: Path) -> None:
    data = trust_data()
    data["root"] = STRANGER.public.to_base64()
    file = write_trust(tmp_path / "trust.yaml", data)
    sign_trust(file, STRANGER)
    with pytest.raises(EvidenceError, match="pinned is"):
        load(file)


def test_an_unsigned_trust_file_is_refused(path: Path) -> None:
    signature_path(path).unlink()
    with pytest.raises(EvidenceError, match="is unsigned"):
        load(path)


def test_a_trust_file_signed_by_another_than_the_root_is_refused(path: Path) -> None:
    payload = Envelope.from_bytes(signature_path(path).read_bytes()).payload
    signature_path(path).write_bytes(sign_envelope(payload, PAYLOAD_TYPE, [STRANGER]).to_bytes())
    with pytest.raises(EvidenceError, match="not signed by the pinned root key"):
        load(path)


@pytest.mark.parametrize("byte", [b"\n", b"# more\n"])
def test_one_more_byte_in_it_is_noticed(path: Path, byte: bytes) -> None:
    path.write_bytes(path.read_bytes() + byte)
    with pytest.raises(EvidenceError, match="not the file that was signed: sha256 differ"):
        load(path)


def test_it_ends_with_the_last_day_that_it_names(path: Path) -> None:
    end = datetime(2027, 7, 1, tzinfo=UTC)
    assert load(path, now=end - timedelta(seconds=1)).expires == end
    with pytest.raises(EvidenceError, match="expired on 2027-07-01 00:00 UTC"):
        load(path, now=end)


def test_only_the_root_that_it_names_signs_it(path: Path) -> None:
    with pytest.raises(UsageError, match="names the root key"):
        sign_trust(path, ANA)


def test_two_contents_of_one_version_are_not_both_signed(path: Path) -> None:
    data = trust_data()
    data["people"][0]["roles"] = ["qa_lead", "security"]
    write_trust(path, data)
    with pytest.raises(UsageError, match="version 3 was signed before with another content"):
        sign_trust(path, ROOT)
    data["version"] = 4
    write_trust(path, data)
    sign_trust(path, ROOT)
    assert load(path).file.version == 4
    sign_trust(path, ROOT)


def test_all_problems_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "trust.yaml"
    path.write_text(
        f"""version: 0
expires: soon
root: "{ROOT.public.to_base64()}"
people:
  - name: "Ana"
    roles: []
    keys: [{{public: "{ANA.public.to_base64()[:-2]}B="}}]
    role: qa
systems:
  richpanel:
    - stages: ["2"]
      environments: [staging]
      approvals: [{{roles: [qa_lead], count: 0}}]
      fresh_for: {{evidence: 2 days, approval: 24h}}
"""
    )
    data, problems = load_trust_file(path, "trust.yaml")

    assert data is None
    text = "\n".join(map(str, problems))
    for said in (
        "trust.yaml:1: version: is 0; allowed: at least 1",
        "trust.yaml:2: expires: is 'soon'; allowed: a date such as 2027-06-30",
        "trust.yaml:6: people.0.roles: is an empty list; allowed: at least 1",
        "trust.yaml:7: people.0.keys.0.public: is",
        "32 bytes in standard base64",
        "trust.yaml:8: people.0.role: unknown key 'role'; allowed: keys, name, roles, valid_from, valid_until. Did",
        "trust.yaml:13: systems.richpanel.0.approvals.0.count: is 0; allowed: at least 1",
        "trust.yaml:14: systems.richpanel.0.fresh_for.evidence: is '2 days'; allowed: minutes, hours or days",
    ):
        assert said in text


def twice(data: dict[str, Any], *path: Any) -> None:
    for part in path[:-1]:
        data = data[part]
    data[path[-1]] = [*data[path[-1]], deepcopy(data[path[-1]][0])]


WRONG: dict[str, tuple[Change, str]] = {
    "one key of two people": (
        lambda data: data["people"][1]["keys"].append(public(ANA)),
        "is the key of Ana Ferreira in line",
    ),
    "one key twice": (lambda data: twice(data, "people", 0, "keys"), "is the key of Ana Ferreira in line"),
    "a person's key as a machine's": (
        lambda data: data["machines"][0]["keys"].append(public(BOB)),
        "is the key of Bob Okafor in line",
    ),
    "the root as a person's key": (
        lambda data: data["people"][0]["keys"].append(public(ROOT)),
        "is the key of the root",
    ),
    "one person twice": (
        lambda data: data["people"].append({"name": "ANA FERREIRA", "roles": ["x"], "keys": [public(STRANGER)]}),
        "is 'ANA FERREIRA', who stands in line",
    ),
    "a role twice": (lambda data: twice(data, "people", 1, "roles"), "'release_manager' stands twice"),
    "a revoked key without a reason": (
        lambda data: data["people"][0]["keys"][0].update(revoked_at="2026-11-01"),
        "revoked_at and reason belong together",
    ),
    "a reason without a revocation": (
        lambda data: data["people"][0]["keys"][0].update(reason="lost"),
        "revoked_at and reason belong together",
    ),
    "a period that ends before it begins": (
        lambda data: data["people"][0].update(valid_from="2027-01-01", valid_until="2026-01-01"),
        "is not later than valid_from",
    ),
    "a role of nobody": (
        lambda data: data["systems"]["richpanel"][0]["approvals"][0].update(roles=["qa_laed"]),
        "is 'qa_laed', a role of nobody; allowed: qa_lead, release_manager, security. Did you mean 'qa_lead'?",
    ),
    "waivers by nobody": (
        lambda data: data["systems"]["richpanel"][0].update(waivers=["boss"]),
        "is 'boss', a role of nobody",
    ),
    "more people than there are": (
        lambda data: data["systems"]["richpanel"][0]["approvals"][0].update(count=3),
        "asks for 4 different people in these roles, and there are 3",
    ),
    "a stage with two rules": (
        lambda data: twice(data, "systems", "richpanel"),
        "stage '2' in 'staging' has a rule in line",
    ),
    "a stage twice in a rule": (lambda data: twice(data, "systems", "richpanel", 0, "stages"), "'2' stands twice"),
    "a system without rules": (lambda data: data["systems"].update(q2q=[]), "has no rules"),
    "a key that is none": (
        lambda data: data["people"][0]["keys"].append({"public": "A" * 43 + "="}),
        "not one that an Ed25519 key pair has",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_contradiction_is_a_problem_of_the_file(tmp_path: Path, what: str) -> None:
    data = trust_data()
    change, said = WRONG[what]
    change(data)
    path = write_trust(tmp_path / "trust.yaml", data)

    _, problems = load_trust_file(path, "trust.yaml")

    assert any(said in str(problem) for problem in problems), [str(one) for one in problems]
    assert all(problem.line > 0 for problem in problems)
    with pytest.raises(SourceError):
        sign_trust(path, ROOT)


def test_a_trust_file_in_which_all_is_well_has_no_problem(tmp_path: Path) -> None:
    assert load_trust_file(write_trust(tmp_path / "trust.yaml"), "trust.yaml")[1] == []


def test_the_pin_of_the_option_beats_the_environment_and_that_the_file() -> None:
    a, b, c = ("a" * 64, "b" * 64, "c" * 64)
    assert find_root(a, {"GONOGO_TRUST_ROOT": b}, c) == a
    assert find_root(None, {"GONOGO_TRUST_ROOT": b}, c) == b
    assert find_root(None, {}, c) == c
    assert find_root(None, {}, None) is None


@pytest.mark.parametrize("value", ["", "a" * 63, "A" * 64, ROOT.public.to_base64()])
def test_a_pin_with_a_typing_error_is_not_taken_for_none(value: str) -> None:
    with pytest.raises(UsageError, match="no keyid of 64"):
        find_root(None, {"GONOGO_TRUST_ROOT": value}, "c" * 64)


def test_dates_and_durations_are_read_as_people_mean_them() -> None:
    assert parse_start("2026-12-24") == datetime(2026, 12, 24, tzinfo=UTC)
    assert parse_end("2026-12-24") == datetime(2026, 12, 25, tzinfo=UTC)
    assert parse_end("2026-12-24T18:00:00+01:00") == datetime(2026, 12, 24, 17, tzinfo=UTC)
    assert [parse_duration(text) for text in ("30m", "48h", "7d")] == [
        timedelta(minutes=30),
        timedelta(hours=48),
        timedelta(days=7),
    ]
    for bad in ("2026-12-24T18:00:00", "24.12.2026", "tomorrow", 7, None, "9999-12-31"):
        with pytest.raises(ValueError, match="allowed"):
            parse_end(bad)
    for bad in ("0h", "1w", "h", "1.5h", "-1h", 24, None):
        with pytest.raises(ValueError, match="allowed"):
            parse_duration(bad)


def test_a_person_meets_one_requirement_and_the_most_are_met() -> None:
    wanted = (Requirement(roles=("qa", "pm")), Requirement(roles=("pm",)))

    assert assign_people(wanted, {"Ana": {"qa", "pm"}}) in ([("Ana",), ()], [(), ("Ana",)])
    assert assign_people(wanted, {"Ana": {"pm"}, "Bob": {"qa"}}) == [("Bob",), ("Ana",)]
    assert assign_people(wanted, {"Ana": {"pm"}, "Bob": {"pm"}}) in ([("Ana",), ("Bob",)], [("Bob",), ("Ana",)])
    assert assign_people(wanted, {}) == [(), ()]


def test_one_name_in_two_spellings_is_one_person() -> None:
    assert fold_name("Ana  FERREIRA ") == fold_name("ana ferreira")
    assert fold_name("Jose\u0301") == fold_name("Jos\u00e9")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"revoked_at": "2026-11-20", "reason": "laptop lost"}, "was revoked on 2026-11-20: laptop lost"),
        ({"valid_from": "2026-11-22"}, "before the key of Ana Ferreira was valid"),
        ({"valid_until": "2026-11-20"}, "after the key of Ana Ferreira was valid"),
        ({"revoked_at": "2026-11-22", "reason": "leaves"}, ""),
    ],
)
def test_a_key_counts_in_its_time_and_not_once_revoked(change: dict[str, str], said: str) -> None:
    data = trust_data()
    data["people"][0]["keys"][0].update(change)
    against = trust_of(data).explain_key(ANA.public, NOW, NOW)

    assert said in against
    assert bool(said) == bool(against)


def test_a_revoked_key_counts_for_nothing_that_it_signed_earlier() -> None:
    data = trust_data()
    data["people"][0]["keys"][0].update(revoked_at="2026-11-20", reason="laptop lost")

    assert "revoked" in trust_of(data).explain_key(ANA.public, NOW - timedelta(days=30), NOW)


def test_a_key_of_nobody_counts_for_nothing() -> None:
    assert "does not know" in trust_of().explain_key(SigningKey.generate().public, NOW, NOW)


def test_the_trust_file_of_the_guide_is_one(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "trust.md").read_text("utf-8")
    path = tmp_path / "trust.yaml"
    path.write_text(guide.split("```yaml\n")[1].split("```")[0])

    data, problems = load_trust_file(path, "trust.yaml")

    assert [str(one) for one in problems] == []
    assert data is not None
    assert PublicKey.from_base64(data.root).keyid in guide
