"""Keys, trust, approve, reject and waive as people use them, on sealed bundles."""

from __future__ import annotations

import base64
import io
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring

sys.path.insert(0, str(Path(__file__).parents[1] / "evidence"))

from bundles import GREEN, KEY, RUN, result, write_bundle
from people import ANA, BOB, CI, ROOT, STRANGER, public, trust_data, write_trust

from gonogo.cli.main import main
from gonogo.evidence.approval_folder import read_record_files
from gonogo.evidence.key_store import KeyStore
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.ledger import open_ledger
from gonogo.evidence.trust import sign_trust
from gonogo.model.outcome import Outcome

PASSPHRASE = "correct horse"


@dataclass
class Ran:
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def gonogo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process, as the entry point does; `typed` is what a person at a terminal answers."""

    def run(*words: str, typed: str | None = None, piped: str = "") -> Ran:
        monkeypatch.setattr(sys, "argv", ["gonogo", *words])
        stdin = io.StringIO(piped if typed is None else typed)
        stdin.isatty = lambda: typed is not None  # type: ignore[method-assign]
        monkeypatch.setattr(sys, "stdin", stdin)
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        seen = capsys.readouterr()
        return Ran(code, seen.out, seen.err)

    return run


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Bundles sealed by Rita's key: a GO, a NO_GO by a required check, a NO_GO by a safety check."""
    folder = tmp_path_factory.mktemp("sealed")
    failing = [*GREEN, result("ST-003", "template", Outcome.FAILED)]
    unsafe = [*GREEN, result("ST-003", "reply", Outcome.FAILED, cls="safety")]
    open_ = [*GREEN, result("ST-003", "template", Outcome.INCONCLUSIVE)]
    return {
        name: write_bundle(folder / name, results)
        for name, results in (("go", GREEN), ("failing", failing), ("unsafe", unsafe), ("open", open_))
    } | {"unsigned": write_bundle(folder / "unsigned", GREEN, key=None)}


def trusted_data() -> dict[str, Any]:
    data = trust_data()
    data["expires"] = "2999-01-01"
    data["people"][3]["keys"] = [public(KEY)]
    rule = data["systems"]["richpanel"][0]
    rule["fresh_for"] = {"evidence": "9999d", "approval": "9999d"}
    return data


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with a signed trust file, whose root is pinned, and the keys of Ana, Bob, Rita and a stranger."""
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())
    for name in ("GONOGO_SIGNING_KEY", "GONOGO_SIGNING_KEY_FILE", "GONOGO_LEDGER", "GONOGO_TRUST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GONOGO_KEY_FOLDER", str(tmp_path / "keys"))
    monkeypatch.setenv("GONOGO_SIGNING_KEY_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("GONOGO_TRUST_ROOT", ROOT.public.keyid)
    root = tmp_path / "project"
    (root / "smoke_cases" / "richpanel").mkdir(parents=True)
    sign_trust(write_trust(root / "trust.yaml", trusted_data()), ROOT)
    monkeypatch.chdir(root)
    yield root
    keyring.set_keyring(before)


def keep(key: SigningKey) -> None:
    import os

    KeyStore.from_environ(os.environ).add_file(key)


def place(project: Path, bundle: Path) -> Path:
    return Path(shutil.copytree(bundle, project / "evidence" / "richpanel" / RUN))


@pytest.fixture
def go(project: Path, sealed: dict[str, Path]) -> Path:
    for key in (ANA, BOB, KEY):
        keep(key)
    return place(project, sealed["go"])


def test_two_people_approve_and_verify_agrees(go: Path, gonogo: Run) -> None:
    first = gonogo("approve", str(go), "--key", "Ana Ferreira", "--comment", "Looked at every reply.", typed="yes\n")
    assert first.code == 0, first.err
    assert "I, Ana Ferreira (qa_lead), approve this release at this stage" in first.err
    assert "comment      Looked at every reply." in first.err
    assert "GO: not approved" in first.out
    assert "1 missing" in first.out
    assert gonogo("verify", str(go), "--require", "approved").code == 3

    second = gonogo("approve", str(go), "--key", "Bob Okafor", "--role", "release_manager", "--yes", "--format", "json")
    assert second.code == 0, second.err
    shown = json.loads(second.out)
    assert (shown["approved"], shown["missing"], shown["kind"], shown["entry"]) == (True, [], "approval", "richpanel#2")
    assert [one.name for one in sorted((go / "approvals").iterdir())] == [
        "0001-approval.dsse.json",
        "0002-approval.dsse.json",
    ]
    verified = gonogo("verify", str(go), "--require", "approved")
    assert verified.code == 0, verified.out
    assert "APPROVED" in verified.out


def test_a_rejection_stays(go: Path, gonogo: Run) -> None:
    assert gonogo("reject", str(go), "--key", "Ana Ferreira", "--comment", "Wrong carrier.", "--yes").code == 0
    later = gonogo("approve", str(go), "--key", "Bob Okafor", "--role", "release_manager", "--yes")
    assert later.code == 2
    assert "Ana Ferreira rejected it; only a new bundle is without that" in later.err
    assert len(read_record_files(go)) == 1
    assert gonogo("verify", str(go), "--require", "approved").code == 3


def test_the_runner_rejects_and_does_not_approve(go: Path, gonogo: Run) -> None:
    own = gonogo("approve", str(go), "--key", "Rita Runner", "--role", "qa_lead", "--yes")
    assert own.code == 2
    assert "Rita Runner ran this release and never signs it off" in own.err
    words = ("--key", "Rita Runner", "--role", "qa_lead", "--comment", "My mistake.", "--yes")
    assert gonogo("reject", str(go), *words).code == 0


@pytest.mark.parametrize("typed", [None, "", "y\n", "no\n", "YES\n"])
def test_only_a_typed_yes_signs(go: Path, gonogo: Run, typed: str | None) -> None:
    done = gonogo("approve", str(go), "--key", "Ana Ferreira", typed=typed)

    assert done.code == 2
    assert "manifest     sha256:" in done.err, "what would be signed is shown all the same"
    assert not (go / "approvals").exists()


def test_a_yes_that_comes_through_a_pipe_is_nobodys(go: Path, gonogo: Run) -> None:
    done = gonogo("approve", str(go), "--key", "Ana Ferreira", piped="yes\n")

    assert done.code == 2
    assert "nobody is there to be asked" in done.err
    assert not (go / "approvals").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--role", "security"], "does not have the role 'security'; allowed: qa_lead."),
        (["--meaning", "aproval"], "--meaning is 'aproval'; allowed: approval, rejection, review. Did you mean"),
        (["--meaning", "rejection"], "a rejection needs a comment"),
        (["--comment", "two\nlines"], "one line of printable characters"),
        (["--root", "f" * 64], "pinned is ffff"),
        (["--trust", "nowhere.yaml"], "cannot be read"),
        (["--key", "Cara Lindt"], "there is no key of 'Cara Lindt'"),
        (["--format", "xml"], "allowed: text, json"),
    ],
)
def test_what_cannot_count_is_not_signed(go: Path, gonogo: Run, words: list[str], says: str) -> None:
    done = gonogo("approve", str(go), "--key", "Ana Ferreira", "--yes", *words)

    assert done.code in (2, 4)
    assert says in done.err
    assert not (go / "approvals").exists()


def test_a_key_that_nobody_trusts_and_a_machine_do_not_sign(
    go: Path, gonogo: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, says in ((STRANGER, "is not in trust.yaml"), (CI, "a machine; only people sign")):
        monkeypatch.setenv("GONOGO_SIGNING_KEY", base64.b64encode(key.to_seed()).decode())
        done = gonogo("approve", str(go), "--role", "ci", "--yes")
        assert done.code == 2
        assert says in done.err


def test_a_bundle_that_does_not_verify_is_not_signed(go: Path, gonogo: Run) -> None:
    with (go / "decision.md").open("a") as page:
        page.write("more\n")
    done = gonogo("approve", str(go), "--key", "Ana Ferreira", "--yes")

    assert done.code == 4
    assert "decision.md" in done.err


def test_what_is_unsigned_or_no_go_is_not_approved(
    project: Path, gonogo: Run, sealed: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(ANA)
    for name, code, says in (
        ("unsigned", 4, "UNSIGNED"),
        ("unsafe", 2, "the decision is NO_GO; only a GO can be approved"),
        ("failing", 2, "the decision is NO_GO; only a GO can be approved"),
        ("open", 2, "the decision is HOLD; only a GO can be approved"),
    ):
        done = gonogo("approve", str(sealed[name]), "--yes")
        assert done.code == code, done.err
        assert says in done.err
        assert not (sealed[name] / "approvals").exists()


def test_a_waived_failure_is_a_go_that_can_be_approved(project: Path, gonogo: Run, sealed: dict[str, Path]) -> None:
    for key in (ANA, BOB):
        keep(key)
    bundle = str(place(project, sealed["failing"]))
    words = ("--reason", "Wording is agreed.", "--until", "2998-12-24", "--by", "Bob Okafor", "--role")
    refused = gonogo("waive", bundle, "ST-003/template", *words, "qa_lead", "--yes")
    assert refused.code == 2
    assert "the role qa_lead may not waive here; allowed: release_manager" in refused.err

    done = gonogo("waive", bundle, "ST-003/template", *words, "release_manager", typed="yes\n")
    assert done.code == 0, done.err
    assert "waive the check ST-003/template (FAILED) because: Wording is agreed." in done.err
    assert "GO: not approved" in done.out

    verified = gonogo("verify", bundle)
    assert verified.code == 0, verified.out
    assert "Wording is agreed." in verified.out
    assert gonogo("approve", bundle, "--key", "Ana Ferreira", "--yes").code == 0
    last = gonogo("approve", bundle, "--key", "Bob Okafor", "--role", "release_manager", "--yes")
    assert "GO: approved" in last.out, last.err + last.out


@pytest.mark.parametrize(
    ("name", "check", "more", "says"),
    [
        ("unsafe", "ST-003/reply", [], "is of class safety; safety and privacy cannot be waived"),
        ("open", "ST-003/template", [], "is INCONCLUSIVE; what was not observed cannot be waived"),
        ("failing", "ST-001/intent", [], "is PASSED; nothing to waive"),
        ("failing", "ST-009/intent", [], "there is no check 'ST-009/intent'"),
        ("failing", "ST-003/template", ["--until", "2020-01-01"], "--until must lie after now"),
        ("failing", "ST-003/template", ["--until", "2999-06-01"], "not after the end of trust.yaml"),
        ("failing", "ST-003/template", ["--until", "soon"], "--until is 'soon'; allowed: a date"),
        ("failing", "ST-003/template", ["--reason", " "], "a waiver needs a reason"),
        ("failing", "ST-003/template", ["--scope", "all"], "--scope is 'all'; allowed: bundle, release"),
    ],
)
def test_what_cannot_be_waived(
    project: Path, gonogo: Run, sealed: dict[str, Path], name: str, check: str, more: list[str], says: str
) -> None:
    keep(BOB)
    words = ["--reason", "So.", "--until", "2998-01-01", "--role", "release_manager", "--yes", *more]
    done = gonogo("waive", str(sealed[name]), check, *words)

    assert done.code == 2
    assert says in done.err
    assert not (sealed[name] / "approvals").exists()


def enter_seal(project: Path, bundle: Path) -> None:
    """Write the ledger entry that sealing a bundle makes."""
    import hashlib

    ledger = open_ledger(str(project / "evidence"), "richpanel")
    payload = {
        "run": RUN,
        "stage": "2",
        "environment": "staging",
        "release": "2026.11.2",
        "decision": "GO",
        "manifest_sha256": hashlib.sha256((bundle / "manifest.json").read_bytes()).hexdigest(),
        "signer": KEY.public.keyid,
        "folder": RUN,
        "statement": json.loads((bundle / "statement.dsse.json").read_bytes()),
    }
    ledger.append("seal", payload, datetime(2026, 11, 21, 4, 5, tzinfo=UTC))


@pytest.mark.parametrize("words", ["richpanel#1", RUN])
def test_a_bundle_is_found_by_its_place_in_the_ledger(project: Path, go: Path, gonogo: Run, words: str) -> None:
    enter_seal(project, go)
    done = gonogo("approve", words, "--key", "Ana Ferreira", "--yes", "--format", "json")

    assert done.code == 0, done.err
    shown = json.loads(done.out)
    assert shown["entry"] == "richpanel#2"
    assert Path(shown["file"]).name == "0001-approval.dsse.json"
    by_record = gonogo("approve", "richpanel#2", "--key", "Bob Okafor", "--role", "release_manager", "--yes")
    assert "GO: approved" in by_record.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("richpanel#9", "ends with entry 1"),
        ("richpanl#1", "Did you mean 'richpanel'?"),
        ("nothing", "no run of a ledger"),
    ],
)
def test_a_place_that_is_not_there_is_a_usage_error(
    project: Path, go: Path, gonogo: Run, words: str, says: str
) -> None:
    enter_seal(project, go)
    done = gonogo("approve", words, "--key", "Ana Ferreira", "--yes")

    assert done.code == 2
    assert says in done.err


def test_what_was_signed_elsewhere_comes_from_the_ledger(project: Path, go: Path, gonogo: Run) -> None:
    enter_seal(project, go)
    away = go.with_name("elsewhere")
    go.rename(away)
    remote = gonogo("approve", "richpanel#1", "--key", "Ana Ferreira", "--yes")
    assert remote.code == 0, remote.err
    assert "The files are not here" in remote.err
    away.rename(go)
    assert not (go / "approvals").exists()

    here = gonogo("approve", "richpanel#1", "--key", "Bob Okafor", "--role", "release_manager", "--yes")

    assert "GO: approved" in here.out, here.err + here.out
    assert [one.kind for one in read_record_files(go)] == ["approval", "approval"]
    kinds = [one.kind for one in open_ledger(str(project / "evidence"), "richpanel").entries()]
    assert kinds == ["seal", "approval", "approval"]


def test_a_record_that_vanished_from_the_folder_comes_back_from_the_ledger(
    project: Path, go: Path, gonogo: Run
) -> None:
    assert gonogo("reject", str(go), "--key", "Ana Ferreira", "--comment", "No.", "--yes").code == 0
    shutil.rmtree(go / "approvals")

    done = gonogo("approve", str(go), "--key", "Bob Okafor", "--role", "release_manager", "--yes")

    assert done.code == 2
    assert "Ana Ferreira rejected it" in done.err
    assert [one.kind for one in read_record_files(go)] == ["rejection"]


def test_records_that_contradict_the_ledger_are_not_signed_on(
    project: Path, go: Path, gonogo: Run, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(go, tmp_path / "copy"))
    assert gonogo("approve", str(go), "--key", "Ana Ferreira", "--yes").code == 0
    (project / "evidence" / "richpanel" / "ledger").rename(tmp_path / "ledger")
    words = ("--key", "Bob Okafor", "--role", "release_manager", "--yes")
    assert gonogo("approve", str(copy), *words).code == 0
    shutil.rmtree(project / "evidence" / "richpanel" / "ledger")
    (tmp_path / "ledger").rename(project / "evidence" / "richpanel" / "ledger")

    done = gonogo("approve", str(copy), *words)

    assert done.code == 4
    assert "record 0001 beside the bundle is not the one in the ledger" in done.err


def test_keys_are_made_listed_and_shown(project: Path, gonogo: Run) -> None:
    assert "There is no key here" in gonogo("keys", "list").out
    made = gonogo("keys", "new", "--name", "Dana Voss")
    assert made.code == 0, made.err
    assert "kept in an encrypted file" in made.err
    assert PASSPHRASE not in made.out + made.err

    shown = json.loads(gonogo("keys", "show", "Dana Voss", "--format", "json").out)
    assert shown["keyid"] in gonogo("keys", "list").out
    assert f'- public: "{shown["public"]}"' in made.out
    assert json.loads(gonogo("keys", "list", "--format", "json").out)["keys"] == [shown]
    missing = gonogo("keys", "show", "Dana Vos")
    assert missing.code == 2
    assert "Did you mean 'Dana Voss'?" in missing.err


def test_a_trust_file_is_signed_and_checked(project: Path, gonogo: Run) -> None:
    keep(ROOT)
    data = trusted_data()
    data["version"] = 4
    write_trust(project / "trust.yaml", data)
    stale = gonogo("trust", "check")
    assert stale.code == 4
    assert "not the file that was signed" in stale.err
    assert gonogo("trust", "sign").code == 2, "nobody is there to be asked"

    signed = gonogo("trust", "sign", "--key", "Root", typed="yes\n")
    assert signed.code == 0, signed.err
    assert ROOT.public.keyid in signed.out
    checked = gonogo("trust", "check")
    assert checked.code == 0, checked.err
    assert "version 4" in checked.out
    assert "richpanel stages 2 in staging: 1 of qa_lead; 1 of qa_lead or release_manager" in checked.out
    shown = json.loads(gonogo("trust", "check", "--root", ROOT.public.keyid, "--format", "json").out)
    assert [one["name"] for one in shown["people"]][:2] == ["Ana Ferreira", "Bob Okafor"]
    assert all(key["valid"] for one in shown["people"] for key in one["keys"])


def test_without_a_trust_file_or_a_pinned_root_nobody_signs(
    go: Path, project: Path, gonogo: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GONOGO_TRUST_ROOT")
    unpinned = gonogo("approve", str(go), "--key", "Ana Ferreira", "--yes")
    assert unpinned.code == 4
    assert "no root key is pinned" in unpinned.err
    (project / "trust.yaml").unlink()
    without = gonogo("approve", str(go), "--key", "Ana Ferreira", "--yes")
    assert without.code == 2
    assert "there is no trust.yaml" in without.err


def check_schema(name: str, found: Any) -> None:
    schemas = Path(__file__).parents[2] / "docs" / "schemas"
    jsonschema_rs.validator_for(json.loads((schemas / f"{name}.schema.json").read_text("utf-8"))).validate(found)


def test_what_is_printed_and_signed_is_what_the_schemas_say(
    project: Path, gonogo: Run, sealed: dict[str, Path]
) -> None:
    for key in (ANA, BOB):
        keep(key)
    bundle = place(project, sealed["failing"])
    words = ("--role", "release_manager", "--key", "Bob Okafor", "--yes", "--format", "json")
    terms = ("--reason", "Wording is agreed.", "--until", "2998-12-24")
    check_schema("signed", json.loads(gonogo("waive", str(bundle), "ST-003/template", *terms, *words).out))
    check_schema("signed", json.loads(gonogo("approve", str(bundle), *words).out))
    check_schema("signed", json.loads(gonogo("reject", str(bundle), "--comment", "No.", *words).out))
    check_schema("keys", json.loads(gonogo("keys", "list", "--format", "json").out))
    check_schema("trust-check", json.loads(gonogo("trust", "check", "--format", "json").out))
    files = read_record_files(bundle)
    assert [file.kind for file in files] == ["waiver", "approval", "rejection"]
    for file in files:
        envelope = json.loads((bundle / file.name).read_bytes())
        payload = json.loads(base64.b64decode(envelope["payload"]))
        check_schema("waiver-record" if file.kind == "waiver" else "approval-record", payload)
