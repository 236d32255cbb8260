"""What a pack tries at a stage, and what no case of it tries."""

from __future__ import annotations

from typing import Any

from gonogo.model.case import Action, Case, Mode
from gonogo.model.coverage import Cell, Coverage, measure_coverage
from gonogo.model.outcome import SourceRef
from gonogo.model.plan import Stage
from gonogo.model.vocabulary import Vocabulary

WORDS = Vocabulary.model_validate_json(
    """{
      "system": "small", "channels": ["livechat", "email"], "teams": ["Email", "Leadership"],
      "templates": {"t_ask": {"tier": 1}, "t_verified": {"tier": 2}},
      "intents": {
        "legal": {"tier": 0, "priority": 0, "team": "Leadership", "tags": ["legal"]},
        "order": {"tier": 1, "priority": 4, "team": "Email", "tags": ["order"], "reply": "t_ask",
                  "verified": ["t_verified"]}
      }}"""
)


def stage(**changes: Any) -> Stage:
    fields: dict[str, Any] = {
        "id": "4", "name": "all", "safe_mode": False, "automation_enabled": True, "channels": ("livechat", "email"),
        "templates": ("t_ask", "t_verified"), "packs": ("smoke.csv",),
    }  # fmt: skip
    return Stage.model_validate({**fields, **changes})


def case(number: int, channel: str = "livechat", mode: Mode = Mode.TIER1_AUTOMATION, intent: str = "order") -> Case:
    template = {Mode.TIER1_AUTOMATION: "t_ask", Mode.TIER2_MATCH: "t_verified"}.get(mode)
    return Case(
        f"ST-{number}", mode, channel, "hello", intent, "Email", (intent,), template, Action.ROUTE_ONLY, "",
        SourceRef("smoke.csv", number),
    )  # fmt: skip


FULL = [
    case(index, channel, mode, intent)
    for index, (channel, mode, intent) in enumerate(
        (channel, mode, intent)
        for channel in ("livechat", "email")
        for mode, intent in (
            (Mode.TIER1_AUTOMATION, "order"), (Mode.TIER2_MATCH, "order"), (Mode.TIER0_SAFETY, "legal"),
        )
    )
]  # fmt: skip


def holes(found: Coverage) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(hole.kind, hole.name, hole.channels) for hole in found.holes]


def test_no_case_at_all_leaves_everything_out() -> None:
    found = measure_coverage([], stage(), WORDS)

    assert found.cells == ()
    assert holes(found) == [
        ("intent", "legal", ()), ("intent", "order", ()), ("template", "t_ask", ()), ("template", "t_verified", ()),
        ("channel", "livechat", ()), ("channel", "email", ()),
    ]  # fmt: skip


def test_a_pack_that_tries_everything_has_no_hole() -> None:
    assert holes(measure_coverage(FULL, stage(), WORDS)) == []


def test_cases_are_gathered_by_what_they_expect_here() -> None:
    found = measure_coverage([case(1), case(2), case(3, mode=Mode.ROUTE_ONLY)], stage(), WORDS)

    assert set(found.cells) == {
        Cell("order", "livechat", "t_ask", ("ST-1", "ST-2")), Cell("order", "livechat", None, ("ST-3",)),
    }  # fmt: skip


def test_what_is_tried_on_one_channel_only_names_the_others() -> None:
    found = measure_coverage([one for one in FULL if one.channel == "livechat"], stage(), WORDS)

    assert holes(found) == [
        ("intent", "legal", ("email",)), ("intent", "order", ("email",)), ("template", "t_ask", ("email",)),
        ("template", "t_verified", ("email",)), ("channel", "email", ()),
    ]  # fmt: skip
    assert [str(hole) for hole in found.holes][-2:] == [
        "template t_verified by email: no case expects this reply", "channel email: no case",
    ]  # fmt: skip


def test_a_case_that_the_stage_does_not_admit_tries_nothing() -> None:
    found = measure_coverage([case(1, mode=Mode.KILL_AUTOMATION)], stage(automation_enabled=False), WORDS)

    assert found.cells == ()
    assert ("channel", "livechat", ()) in holes(found)


def test_a_reply_counts_only_where_the_stage_sends_it() -> None:
    only_chat = [one for one in FULL if (one.channel, one.mode) != ("email", Mode.TIER2_MATCH)]

    assert holes(measure_coverage(only_chat, stage(tier2={"channels": ("livechat",)}), WORDS)) == []
    assert holes(measure_coverage(only_chat, stage(), WORDS)) == [("template", "t_verified", ("email",))]
    withheld = measure_coverage(FULL, stage(templates=("t_ask",)), WORDS)
    assert {cell.template for cell in withheld.cells} == {"t_ask", None}
    assert holes(measure_coverage(FULL, stage(safe_mode=True), WORDS)) == []
