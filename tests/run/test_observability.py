"""What a target cannot show is INCONCLUSIVE and holds; a reader that points at an empty place proves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import SmallProject

ENVIRONMENTS = "smoke_cases/richpanel/environments.yaml"
ROWS = ("ST-001", "ST-010", "ST-020", "ST-045", "ST-060")


@pytest.fixture
def few(tmp_path: Path) -> SmallProject:
    return SmallProject(tmp_path, ROWS)


REPLIES = """    replies:
      request: GET /tickets/{ticket_id}/replies
      fields: {id: id, author: author, template: template_id, text: text, event_id: event_id}
      automatic: automation
"""


@pytest.mark.parametrize(
    ("old", "new", "check"),
    [
        (REPLIES, "", "ST-020/reply"),
        ("        template: template_id\n", "", "ST-020/template"),
        ("        template: template_id\n", "        template: no_such_key\n", "ST-020/template"),
        ("        message_sha256: message_sha256\n", "", "ST-020/message"),
        ("        complete: complete\n", "", "ST-020/decision"),
        ("        safe_mode: flags.safe_mode\n", "        tier2_tags: flags.tier2_tags\n", None),
        ("    identity: {request: GET /version, build: build, release: release}\n", "", "TARGET-build/unchanged"),
        ('    logs: {request: "GET /logs?ticket_id={ticket_id}"}\n', "", "INV-PRIVACY/logs"),
        ("    probe: {channel: livechat, message:", "    variables_probe: {channel: livechat, message:", "usage"),
    ],
)
def test_what_is_not_shown_is_not_observable(few: SmallProject, old: str, new: str, check: str | None) -> None:
    text = (few.root / ENVIRONMENTS).read_text("utf-8")
    assert old in text
    (few.root / ENVIRONMENTS).write_text(text.replace(old, new, 1), "utf-8")
    done = few.run(2)
    if check in (None, "usage"):
        assert done.code == 2, "a key that stands twice or is unknown is an error of the file"
        return
    assert (done.code, done.record["decision"]) == (3, "HOLD"), done.record["reasons"]
    assert done.outcome(check) == "INCONCLUSIVE"
    found = next(one for one in done.record["checks"] if f"{one['case']}/{one['check']}" == check)
    assert any(reason.startswith("not_observable: ") for reason in found["reasons"])


def test_flags_that_no_decision_shows_are_not_observable(few: SmallProject) -> None:
    text = (few.root / ENVIRONMENTS).read_text("utf-8")
    start, end = text.index("      flags_used:\n"), text.index("    ticket: {request")
    text = text[:start] + text[end:]
    (few.root / ENVIRONMENTS).write_text(text.replace("        blocked_by: blocked_by\n", ""), "utf-8")
    done = few.run(1)
    assert (done.code, done.record["decision"]) == (3, "HOLD")
    assert done.outcome("FLAG-safe_mode/effect") == "INCONCLUSIVE"
    assert done.outcome("ST-020/reply") == "PASSED", "the messages are sent all the same"


def test_a_kill_switch_is_proven_by_the_switch_that_a_decision_names(few: SmallProject) -> None:
    text = (few.root / ENVIRONMENTS).read_text("utf-8")
    start, end = text.index("      flags_used:\n"), text.index("    ticket: {request")
    (few.root / ENVIRONMENTS).write_text(text[:start] + text[end:], "utf-8")
    done = few.run(1)
    assert done.outcome("FLAG-safe_mode/effect") == "PASSED"
    assert done.outcome("FLAG-template_enabled/effect") == "INCONCLUSIVE"


def test_a_reply_reader_that_points_at_an_empty_place_is_vacuous(few: SmallProject) -> None:
    few.edit(ENVIRONMENTS, ("request: GET /tickets/{ticket_id}/replies", "request: GET /dlq"))
    done = few.run(1)
    assert (done.code, done.record["decision"]) == (3, "HOLD")
    assert done.outcome("CONTROL-livechat/replies") == "INCONCLUSIVE"
    found = next(one for one in done.record["checks"] if (one["case"], one["check"]) == ("ST-020", "reply"))
    assert found["outcome"] == "INCONCLUSIVE"
    assert found["reasons"][0].startswith("vacuous: ")


def test_a_channel_without_a_control_is_vacuous(few: SmallProject) -> None:
    few.edit(ENVIRONMENTS, ("      livechat: {ticket: ctrl-livechat, reply: ctrl-reply-livechat}\n", ""))
    done = few.run(1)
    assert done.outcome("CONTROL-livechat/replies") == "INCONCLUSIVE"
    assert done.record["decision"] == "HOLD"


def test_a_missing_order_fixture_is_not_run(tmp_path: Path) -> None:
    project = SmallProject(tmp_path, ["ST-020", "ST-040"])
    text = (project.root / ENVIRONMENTS).read_text("utf-8")
    lines = [line for line in text.split("\n") if not line.startswith("      tracked: {shows: [SB-")]
    (project.root / ENVIRONMENTS).write_text("\n".join(lines), "utf-8")
    done = project.run(3)
    assert done.outcome("ST-040/reply") == "NOT_RUN"
    assert done.record["decision"] == "HOLD"


def test_the_release_must_be_the_one_deployed(few: SmallProject) -> None:
    done = few.run(1, "--release", "2031.1")
    assert (done.code, done.record["decision"]) == (3, "HOLD")
    assert done.outcome("TARGET-build/unchanged") == "INCONCLUSIVE"
    assert few.run(1, "--release", "richpanel-sandbox-1").record["decision"] == "GO"


def test_the_same_rows_expect_different_things_at_each_stage(few: SmallProject) -> None:
    expected = {stage: few.run(stage).record["expectations"]["ST-020"]["reply"] for stage in (1, 2)}
    assert expected[1] == "no reply (stage 1 has safe_mode=true)"
    assert expected[2] == "t_order_status_ask_order_number (stage 2 allows it)"


def test_what_the_plan_sends_instead_is_expected(few: SmallProject) -> None:
    few.edit(
        "smoke_cases/richpanel/plan.yaml",
        (
            "    name: Limited tier 1 automation\n",
            "    name: Limited tier 1 automation\n    instead: {t_refund_request_intake: t_missing_items_intake}\n",
        ),
    )
    few.change_rows(
        lambda row: (
            {
                **row,
                "inbound_message": "Please give me a refund for my last purchase.",
                "expected_primary_intent": "refund_request",
                "expected_destination": "Returns Admin",
                "expected_tags": "mw-intent-refund",
                "expected_template_id": "t_refund_request_intake",
            }
            if row["test_id"] == "ST-020"
            else row
        )
    )
    assert few.gonogo("compile").code == 0
    plain = few.run(2)
    assert plain.outcome("ST-020/reply") == "FAILED", "the sandbox sends nothing in its place"
    few.edit(ENVIRONMENTS, ("[--flag-ttl,", "[--instead, t_refund_request_intake=t_missing_items_intake, --flag-ttl,"))
    done = few.run(2)
    assert (done.outcome("ST-020/reply"), done.record["decision"]) == ("PASSED", "GO"), done.record["reasons"]
