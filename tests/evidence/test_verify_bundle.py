"""A sealed bundle verifies; whatever is done to any of its files, verify says so and names the file."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from bundles import GREEN, KEY, copy_bundle, files_of, reseal, result, write_bundle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gonogo.errors import EvidenceError
from gonogo.evidence.archive import open_bundle, write_zip
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.seal import ScanTerms, SealError, seal_folder
from gonogo.evidence.verify.result import Terms, Verification, verify_bundle
from gonogo.model.decision import Verb
from gonogo.model.outcome import CheckClass, Outcome

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)
TERMS = Terms(NOW)
AUDITOR = ROOT / "docs" / "auditors" / "verify_bundle.py"


def load_auditor() -> Any:
    spec = importlib.util.spec_from_file_location("auditor_verify_bundle", AUDITOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


auditor = load_auditor()


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed GO of kind sandbox, whose signer needs no trust file."""
    return write_bundle(tmp_path_factory.mktemp("sealed") / "run", environment="sandbox", kind="sandbox")


@pytest.fixture
def bundle(sealed: Path, tmp_path: Path) -> Path:
    return copy_bundle(sealed, tmp_path / "run")


def verify(folder: Path, **terms: Any) -> Verification:
    return verify_bundle(folder, Terms(NOW, **terms))


def assert_both_refuse(folder: Path, name: str) -> None:
    """Assert that both verifiers find a fault, and that ours names the file."""
    found = verify_bundle(folder, TERMS)
    assert not found.valid
    assert name in {fault.file for fault in found.faults}, found.faults
    assert auditor.verify(folder, None)[1]


def test_a_sealed_bundle_verifies(sealed: Path) -> None:
    found = verify_bundle(sealed, TERMS)

    assert found.faults == ()
    assert found.decision is not None
    assert found.decision.verb is Verb.GO
    assert auditor.verify(sealed, KEY.public.keyid) == ("GO", [])


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("cls", CheckClass)
def test_every_decision_is_recomputed(tmp_path: Path, outcome: Outcome, cls: CheckClass) -> None:
    results = [*GREEN, result("ST-003", "tags", outcome, cls.value)]
    folder = write_bundle(tmp_path / "run", results, environment="sandbox", kind="sandbox")

    found = verify_bundle(folder, TERMS)

    assert found.faults == ()
    assert found.decision is not None
    assert auditor.verify(folder, None) == (found.decision.verb.value, [])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _rename(path: Path) -> None:
    path.rename(path.with_name(f"x{path.name}"))


def _link(path: Path) -> None:
    # The content stays the same, and whoever has the target has the bundle.
    target = path.parent.parent / f"outside-{path.name}"
    path.rename(target)
    path.symlink_to(target)


def _double(path: Path) -> None:
    path.write_bytes(path.read_bytes() * 2)


BREAKS: dict[str, Callable[[Path], None]] = {
    "flip": _flip,
    "drop": Path.unlink,
    "truncate": _truncate,
    "empty": lambda path: path.write_bytes(b"") and None,
    "rename": _rename,
    "symlink": _link,
    "double": _double,
    "binary": lambda path: path.write_bytes(b"\xff\xfe\x00") and None,
}


@pytest.mark.parametrize("how", BREAKS)
def test_any_file_that_is_broken_is_named(sealed: Path, tmp_path: Path, how: str) -> None:
    for number, name in enumerate(files_of(sealed)):
        folder = copy_bundle(sealed, tmp_path / str(number) / "run")
        BREAKS[how](folder / name)
        assert_both_refuse(folder, name)


@pytest.mark.parametrize("name", ["added.txt", "allure-results/x-result.json", "approvals/0001-review.dsse.json"])
def test_any_file_that_is_added_is_named(bundle: Path, name: str) -> None:
    (bundle / name).parent.mkdir(exist_ok=True)
    (bundle / name).write_text("{}")

    found = verify_bundle(bundle, TERMS)

    assert name in {fault.file for fault in found.faults}


def test_a_name_that_differs_in_case_only_is_named(bundle: Path) -> None:
    (bundle / "Decision.json").write_bytes((bundle / "decision.json").read_bytes())

    assert_both_refuse(bundle, "Decision.json" if "Decision.json" < "decision.json" else "decision.json")
    reseal(bundle)
    assert "closed-set/collision" in {fault.rule for fault in verify_bundle(bundle, TERMS).faults}


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for key, one in value.items() for leaf in _leaves(one, (*path, key))]
    if isinstance(value, list):
        return [leaf for key, one in enumerate(value) for leaf in _leaves(one, (*path, key))]
    return [path]


def _change(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return "changed"
    return value + 1 if isinstance(value, int | float) else f"{value}x"


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_field_of_any_json_file_is_named(
    sealed: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from([one for one in files_of(sealed) if one.endswith(".json")]))
    folder = copy_bundle(sealed, tmp_path_factory.mktemp("field") / "run")
    document = json.loads((folder / name).read_text())
    *way, last = data.draw(st.sampled_from(_leaves(document)))
    place = document
    for key in way:
        place = place[key]
    place[last] = _change(place[last])
    (folder / name).write_text(json.dumps(document))

    assert_both_refuse(folder, name)


# What two files say differently, although somebody with a valid key signed it.


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def _allure_of(folder: Path, case: str) -> Path:
    found = [
        one
        for one in (folder / "allure-results").glob("*-result.json")
        if json.loads(one.read_text())["testCaseId"] == case
    ]
    return found[0]


RED = [*GREEN, result("ST-003", "tags", Outcome.FAILED)]


def _remove_outcome(folder: Path) -> None:
    path = folder / "outcomes.jsonl"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if '"ST-002"' not in line))


def _add_load(folder: Path) -> None:
    (folder / "load.json").write_text(
        json.dumps({"checks": [{"case": "ST-003", "check": "tags", "outcome": "PASSED"}]})
    )


def _drop_planned(folder: Path) -> None:
    planned = json.loads((folder / "planned.json").read_text())
    planned["checks"] = [one for one in planned["checks"] if one["case"] != "ST-003"]
    (folder / "planned.json").write_text(json.dumps(planned))


def _drop_allure(folder: Path) -> None:
    _allure_of(folder, "ST-003").unlink()


def _green_step(folder: Path) -> None:
    path = _allure_of(folder, "ST-003")
    entry = json.loads(path.read_text())
    for step in entry["steps"]:
        step["status"] = "passed"
    path.write_text(json.dumps(entry))


def _skip_case(folder: Path) -> None:
    text = (folder / "junit.xml").read_text()
    start, end = text.index("<failure"), text.index("</failure>") + len("</failure>")
    (folder / "junit.xml").write_text(text[:start] + "<skipped/>" + text[end:])


DISAGREE: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "an outcome removed": (_remove_outcome, "decision.json", "ST-002/template"),
    "an outcome softened": (lambda f: _edit(f / "outcomes.jsonl", "FAILED", "PASSED"), "decision.json", "ST-003/tags"),
    "the decision": (lambda f: _edit(f / "decision.json", '"NO_GO"', '"GO"'), "decision.json", "outcomes.jsonl"),
    "a check of the decision": (
        lambda f: _edit(f / "decision.json", '"outcome": "FAILED"', '"outcome": "PASSED"'),
        "decision.json",
        "ST-003",
    ),
    "its class": (lambda f: _edit(f / "decision.json", '"safety"', '"advisory"'), "decision.json", "class"),
    "its reason": (lambda f: _edit(f / "decision.json", "seen as failed", "fine"), "decision.json", "reasons"),
    "a count": (lambda f: _edit(f / "decision.json", '"FAILED": 1', '"FAILED": 0'), "decision.json", "counts"),
    "the page": (lambda f: _edit(f / "decision.md", "# NO-GO", "# GO"), "decision.md", "NO-GO"),
    "JUnit's case": (_skip_case, "junit.xml", "ST-003"),
    "JUnit's totals": (lambda f: _edit(f / "junit.xml", 'failures="1"', 'failures="0"'), "junit.xml", "failures"),
    "Allure's status": (lambda f: _edit(_allure_of(f, "ST-003"), '"failed"', '"passed"'), "allure-results", "ST-003"),
    "Allure's step": (_green_step, "allure-results", "ST-003/tags"),
    "an Allure result removed": (_drop_allure, "allure-results", "ST-003"),
    "load": (_add_load, "load.json", "ST-003/tags"),
    "the planned set": (_drop_planned, "planned.json", "before the first message"),
}


@pytest.mark.parametrize("what", DISAGREE)
def test_two_files_that_disagree_are_named_although_a_valid_key_signed_them(tmp_path: Path, what: str) -> None:
    folder = write_bundle(tmp_path / "run", RED, environment="sandbox", kind="sandbox")
    change, file, words = DISAGREE[what]
    change(folder)
    reseal(folder)

    found = verify_bundle(folder, TERMS)

    named = [fault for fault in found.faults if fault.file.startswith(file) and words in fault.detail]
    assert named, found.faults
    assert not [fault for fault in found.faults if fault.rule.startswith(("signature/", "closed-set/"))]


def test_sealing_refuses_what_disagrees(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "run", RED, environment="sandbox", kind="sandbox")
    for name in ("manifest.json", "statement.dsse.json"):
        (folder / name).unlink()
    _edit(folder / "decision.json", '"NO_GO"', '"GO"')

    with pytest.raises(SealError, match="disagree"):
        seal_folder(folder, KEY, ScanTerms(), ledger=None, now=NOW)


def test_what_changed_after_it_was_sealed_is_not_sealed_anew(bundle: Path) -> None:
    _edit(bundle / "decision.json", "richpanel", "richpane1")

    with pytest.raises(SealError, match=r"changed after it was sealed: decision\.json"):
        seal_folder(bundle, KEY, ScanTerms(), ledger=None, now=NOW)


# Who signed, and what about.


def test_an_unsigned_bundle_says_so_and_does_not_verify(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "run", key=None, environment="sandbox", kind="sandbox")

    assert [fault.rule for fault in verify_bundle(folder, TERMS).faults] == ["signature/unsigned"]
    assert verify(folder, allow_unsigned=True).valid
    assert "UNSIGNED" in (folder / "decision.md").read_text()
    assert json.loads((folder / "decision.json").read_text())["signer"] == "UNSIGNED"


def test_a_signature_is_not_taken_off_unseen(bundle: Path) -> None:
    (bundle / "statement.dsse.json").unlink()

    assert not verify_bundle(bundle, TERMS).valid
    # Even so: the planned set was signed, and the decision names a signer.
    assert json.loads((bundle / "decision.json").read_text())["signer"] == KEY.public.keyid


def test_outside_kind_sandbox_the_signer_must_be_known(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "run")

    assert [fault.rule for fault in verify_bundle(folder, TERMS).faults] == ["signer/unknown"]


def test_another_key_than_that_of_the_planned_set_is_told(bundle: Path) -> None:
    reseal(bundle, SigningKey.from_seed(b"x" * 32))

    assert "planned/signer" in {fault.rule for fault in verify_bundle(bundle, TERMS).faults}
    assert auditor.verify(bundle, None)[1]


@pytest.mark.parametrize(("asked", "value"), [("release", "2026.11.3"), ("environment", "production"), ("stage", "3")])
def test_what_was_asked_for_must_be_what_it_is_about(sealed: Path, asked: str, value: str) -> None:
    found = verify(sealed, **{asked: value})

    assert [fault.rule for fault in found.faults] == [f"binding/{asked}"]
    assert verify(sealed, release="2026.11.2", environment="sandbox", stage="2").valid


def test_evidence_ages_and_never_comes_from_the_future(sealed: Path) -> None:
    assert [fault.rule for fault in verify(sealed, max_age=timedelta(hours=1)).faults] == ["freshness/stale"]
    early = verify_bundle(sealed, Terms(datetime(2026, 11, 20, tzinfo=UTC)))
    assert [fault.rule for fault in early.faults] == ["freshness/future"]


def test_a_planned_set_signed_after_the_first_message_is_told(bundle: Path) -> None:
    exchanges = (bundle / "exchanges.jsonl").read_text()
    (bundle / "exchanges.jsonl").write_text(exchanges.replace("1795233850.5", "1795230000.5"))
    reseal(bundle)

    assert [fault.rule for fault in verify_bundle(bundle, TERMS).faults] == ["planned/late"]


# The zip form.


def test_the_zip_is_the_same_bytes_and_verifies(sealed: Path, tmp_path: Path) -> None:
    copy = copy_bundle(sealed, tmp_path / "copy")
    os.utime(copy / "decision.json", (1, 1))
    write_zip(sealed, tmp_path / "one.zip")
    write_zip(copy, tmp_path / "two.zip")

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with open_bundle(tmp_path / "one.zip") as folder:
        assert verify_bundle(folder, TERMS).valid


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "a/../../outside", "back\\slash", "."])
def test_a_zip_with_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"x")

    with pytest.raises(EvidenceError), open_bundle(tmp_path / "bad.zip"):
        pass


def test_a_broken_zip_is_refused(sealed: Path, tmp_path: Path) -> None:
    write_zip(sealed, tmp_path / "one.zip")
    data = (tmp_path / "one.zip").read_bytes()
    for broken in (data[:-30], data[: len(data) // 2], b"", b"PK\x03\x04"):
        (tmp_path / "broken.zip").write_bytes(broken)
        with pytest.raises(EvidenceError), open_bundle(tmp_path / "broken.zip"):
            pass


# As others read it.


@pytest.mark.parametrize("state", ["whole", "unsigned", "broken", "empty"])
def test_the_output_is_what_its_schema_says(bundle: Path, tmp_path: Path, state: str) -> None:
    if state == "unsigned":
        bundle = write_bundle(tmp_path / "unsigned", key=None)
    elif state == "broken":
        (bundle / "outcomes.jsonl").write_text("[]")
        (bundle / "approvals").mkdir()
        (bundle / "approvals" / "0001-review.dsse.json").write_text("{}")
    elif state == "empty":
        bundle = tmp_path / "nothing"
        bundle.mkdir()
    schema = json.loads((ROOT / "docs" / "schemas" / "verify.schema.json").read_text())

    found = verify_bundle(bundle, TERMS)

    jsonschema_rs.validate(schema, found.to_json(str(bundle)))
    assert found.valid == (state == "whole")


# Without a network.


def test_verify_works_without_a_network(sealed: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "gonogo.cli.main",
        "verify",
        str(sealed),
        "--now",
        NOW.isoformat(),
        "--format",
        "json",
    ]
    offline = ["unshare", "-rn"] if subprocess.run(["unshare", "-rn", "true"], check=False).returncode == 0 else []

    done = subprocess.run(
        [*offline, *command, "--format", "json"], capture_output=True, text=True, check=False, cwd=sealed.parent
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["valid"] is True


def test_the_auditors_verifier_is_short_and_uses_nothing_of_ours() -> None:
    text = AUDITOR.read_text()

    assert len(text.splitlines()) <= 200
    assert "import gonogo" not in text
    assert "from gonogo" not in text


def test_every_kind_of_file_is_broken_above(sealed: Path) -> None:
    assert {"manifest.json", "statement.dsse.json", "planned.dsse.json", "junit.xml"} <= set(files_of(sealed))
