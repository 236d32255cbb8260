"""Rows for the tests of features, and the way from a case to a file on disk and back through pytest-bdd's parser."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hypothesis import strategies as st

from gonogo.errors import Problem
from gonogo.gherkin.reader import read_feature, scenarios_of
from gonogo.gherkin.render import render_feature
from gonogo.model.case import Action, Case, Mode, Pack
from gonogo.model.outcome import SourceRef
from gonogo.run.planning import Planner
from gonogo.sources.project import Project

for _module in ("gonogo.steps.webhook", "gonogo.steps.disclosure", "steps.tickets", "steps.invariants"):
    importlib.import_module(_module)

PROJECT = Project.from_path(Path(__file__).parents[2])
SYSTEM = PROJECT.load_system("richpanel")
VOCABULARY, STAGE = SYSTEM.vocabulary, SYSTEM.plan.stages[0]
NOWHERE = SourceRef("pack.csv", 1)


def case_of(mode: Mode, message: str = "where is my order", **changes: object) -> Case:
    """Return a good case of a mode."""
    intent, template, action = "order_status_tracking", "t_order_status_ask_order_number", Action.AUTO_REPLY_TIER1
    if mode is Mode.TIER0_SAFETY:
        intent, template, action = "legal_threat", None, Action.ROUTE_ONLY
    elif mode is Mode.TIER2_MATCH:
        template, action = "t_shipping_delay_verified", Action.AUTO_REPLY_TIER2
    elif mode is Mode.DUPLICATE:
        action = Action.NO_DUPLICATE_REPLY
    elif mode is Mode.ROUTE_ONLY or mode.is_kill_switch:
        template, action = None, Action.ROUTE_ONLY
    words = VOCABULARY.intents[intent]
    case = Case(
        f"ST-{list(Mode).index(mode):03}",
        mode,
        "livechat",
        message,
        intent,
        words.team,
        words.tags,
        template,
        action,
        "a note",
        NOWHERE,
    )
    return replace(case, **changes)


def pack_of(cases: Sequence[Case]) -> Pack:
    """Return a pack of cases."""
    return Pack("pack", "smoke_cases/richpanel/pack.csv", "0" * 64, tuple(cases))


def read_back(cases: Sequence[Case], folder: Path) -> tuple[list[Case | None], list[Problem]]:
    """Return the cases that a run plans from the rendered feature of a pack, in the order of the pack."""
    path = folder / "pack.feature"
    path.write_bytes(render_feature(pack_of(cases), VOCABULARY).encode())
    feature, problems = read_feature(path, "pack.feature")
    assert feature is not None, problems
    planner = Planner(STAGE, VOCABULARY, {})
    planned = {plan.id: plan.case for plan in planner.plan_all(scenarios_of(feature, "pack.feature"))}
    assert len(planned) <= len(cases)
    return [planned.get(case.id) for case in cases], [*problems, *planner.problems]


def as_planned(case: Case, like: Case) -> Case:
    """Return a case without what a feature does not say: notes and the place of the row."""
    return replace(case, notes="", source=like.source)


# Texts that Gherkin, docstrings, JSON, CSV or editors treat in a way of their own.
PIECES = (
    '"""', '"', "'", "\\", '\\"', '\\"""', '\\"\\"\\"', "\\n", "\\u0022", "```", "<x>", "{{x}}", "{x}", "|", "#", ",",
    "# language: fr", "@tag", "Scenario: [ST-001] x", "Scenario Outline: <x>", "Feature: y", "Rule: z", "Examples:",
    "Given ", "Then ", "* ", "\n", "\r\n", "\r", "\n\n", "\t", " ", "  ", "        ", "\x0b", "\x0c", "\x00", "\x1c",
    "\x1e", "\x85", "\u2028", "\u2029", "\ufeff", "\xa0", "\u3000", "\u200b", "\u202e", "e\u0301", "\u00e9", "None",
    "\U0001f469\u200d", "\x7f", "\x9f", "\ufffe", "\uffff", ";", "where is my order",
)  # fmt: skip
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
HARD_TEXT = st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join)
BLANK_TEXT = st.text(alphabet=" \t\n\r\x0b\x0c\xa0\u3000\u2028", min_size=1, max_size=8)
TEXTS = st.one_of(ANY_TEXT, HARD_TEXT, BLANK_TEXT)
