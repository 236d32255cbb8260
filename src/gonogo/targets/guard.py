"""The production guard: every rule by its id, judged on what a run is going to do, before any of it is done.

Pure: the facts come in as an `Undertaking`. What is not known is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import httpx

from gonogo.errors import RefusedError
from gonogo.model.environment import Kind
from gonogo.targets.caps import CAPS_MISSING, TOO_DEAR, TOO_FAST, TOO_LONG, TOO_MANY
from gonogo.targets.hosts import CREDENTIALS_IN_URL, HOST_NOT_ALLOWED, PLAIN_HTTP, find_refusal, is_listed
from gonogo.targets.marks import (
    CUSTOMER_UNMARKED,
    MARKER_IN_TEXT,
    MARKER_MISSING,
    judge_customer,
    judge_envelope,
    judge_text_field,
    marks_in_text,
)
from gonogo.targets.undertaking import Undertaking

CASE_NOT_ADMITTED = "case-not-admitted"
TIER0_OFF = "tier0-off-by-default"
FLAG_CHANGE = "flag-change-not-allowed"
RELEASE_MISMATCH = "release-mismatch"
PREVIOUS_STAGE = "previous-stage"
LOCK_HELD = "lock-held"


class Answer(StrEnum):
    """What a rule says."""

    ALLOWS = "allows"
    REFUSES = "refuses"
    NOT_ASKED = "does not apply"
    NOT_KNOWN = "not known yet"


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """What one rule says about an undertaking, with the sentence that says why."""

    rule: str
    answer: Answer
    text: str


Judge = Callable[[Undertaking], str]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: what it demands, and what judges it; the judge returns why it refuses, or an empty text."""

    id: str
    demands: str
    judge: Judge
    everywhere: bool = False


def judge_undertaking(undertaking: Undertaking) -> tuple[RuleVerdict, ...]:
    """Return what every rule says; away from kind production, only the rules about addresses are asked."""
    return tuple(_ask(rule, undertaking) for rule in RULES)


def _ask(rule: Rule, undertaking: Undertaking) -> RuleVerdict:
    if not rule.everywhere and undertaking.environment.kind is not Kind.PRODUCTION:
        return RuleVerdict(rule.id, Answer.NOT_ASKED, f"{rule.demands}: on production only")
    if rule.id == _UNSIGNED and undertaking.signed is None:
        return RuleVerdict(rule.id, Answer.NOT_KNOWN, rule.demands)
    refusal = rule.judge(undertaking)
    return RuleVerdict(rule.id, Answer.REFUSES if refusal else Answer.ALLOWS, refusal or rule.demands)


def require_allowed(undertaking: Undertaking, *, final: bool = True) -> None:
    """Raise `RefusedError`, which begins with the first rule broken and names them all, unless every rule allows.

    Before the end of a preparation (not `final`) a rule whose facts are not known yet does not refuse.
    """
    open_ones = (Answer.REFUSES, Answer.NOT_KNOWN) if final else (Answer.REFUSES,)
    refuse([verdict for verdict in judge_undertaking(undertaking) if verdict.answer in open_ones])


def refuse(verdicts: Sequence[RuleVerdict]) -> None:
    """Raise `RefusedError` for verdicts that refuse, one line each; does nothing for none."""
    if verdicts:
        lines = "\n".join(f"[{verdict.rule}] {verdict.text}" for verdict in verdicts)
        raise RefusedError(lines, "Nothing was sent. docs/production.md says what each rule wants.")


def _address(rule: str) -> Judge:
    def judge(one: Undertaking) -> str:
        if one.address is None:
            return ""
        refusal = find_refusal(one.environment, one.address)
        return refusal[1] if refusal is not None and refusal[0] == rule else ""

    return judge


def _no_address(one: Undertaking) -> str:
    if one.address is None and one.environment.embedded is None:
        return "the environment has no address"
    return _address(HOST_NOT_ALLOWED)(one)


def _production_host(one: Undertaking) -> str:
    if one.environment.kind is Kind.PRODUCTION or one.address is None:
        return ""
    try:
        url = httpx.URL(one.address)
    except httpx.InvalidURL:
        return ""
    if not is_listed(one.production_hosts, url):
        return ""
    return f"{url.host} is a host of kind production, and {one.environment_name} is called {one.environment.kind.value}"


def _confirm(one: Undertaking) -> str:
    # Without a release there is nothing to compare with, and that is refused by itself.
    if not one.confirm or not one.release or one.confirm == f"{one.environment_name}/{one.release}":
        return ""
    return f"--confirm {one.confirm} is not {one.environment_name}/{one.release}"


def _too_many(one: Undertaking) -> str:
    caps = one.environment.caps
    if caps is None or one.sends <= caps.messages:
        return ""
    return f"up to {one.sends} messages (probes and redeliveries among them) are more than the cap of {caps.messages}"


def _too_fast(one: Undertaking) -> str:
    caps, limits = one.environment.caps, one.environment.limits
    if caps is None or limits.rate <= caps.rate:
        return ""
    return f"{limits.rate:g} messages a second are more than the cap of {caps.rate:g}"


def _too_long(one: Undertaking) -> str:
    caps = one.environment.caps
    if caps is None or one.seconds <= caps.minutes * 60:
        return ""
    return f"up to {one.seconds / 60:.1f} minutes are more than the cap of {caps.minutes:g}"


def _too_dear(one: Undertaking) -> str:
    caps, spend = one.environment.caps, one.spend
    if caps is None:
        return ""
    if spend is None:
        return "the environment does not say what a message costs (cost_per_message)"
    return "" if round(spend, 9) <= caps.spend else f"up to {spend:g} is more than the cap of {caps.spend:g}"


def _flags(one: Undertaking) -> str:
    names = sorted({name for message in one.messages for name in message.flags})
    if one.may_change_flags and not one.allows_flag_changes:
        return f"--allow-flag-changes was given, and stage {one.stage} allows no flag changes on production"
    if names and not one.allows_flag_changes:
        return f"{', '.join(names)} would be changed, and stage {one.stage} allows no flag changes on production"
    if names and not one.may_change_flags:
        return f"{', '.join(names)} would be changed; agree with --allow-flag-changes"
    return ""


def _tier0(one: Undertaking) -> str:
    cases = sorted({message.case for message in one.messages if message.pages})
    if not cases or one.allows_tier0:
        return ""
    return f"{', '.join(cases)} would page people, and stage {one.stage} allows no tier-0 cases on production"


def _marked_text(one: Undertaking) -> str:
    inside = {message.case for message in one.messages if marks_in_text(message.text, one.run_id, message.case)}
    if inside:
        return f"the text of {', '.join(sorted(inside))} holds its run or case id"
    return judge_text_field(one.interface)


def _xdist(one: Undertaking) -> str:
    found = [word for word in one.arguments if word.startswith(_PARALLEL) and not word.startswith("--no")]
    return f"{' '.join(found)}: a run is one process" if found else ""


def _argument(one: Undertaking) -> str:
    words, wrong = list(one.arguments), list(one.surroundings)
    while words:
        word = words.pop(0)
        if word in (*_WITH_VALUE, *_PARALLEL) and words:
            words.pop(0)
        elif word not in _ALONE and not word.startswith(tuple(f"{name}=" for name in _WITH_VALUE if name[1] == "-")):
            wrong.append(word)
    wrong = [word for word in wrong if not word.startswith(_PARALLEL)]
    allowed = ", ".join((*_WITH_VALUE, *_ALONE))
    return f"{' '.join(wrong)}: pytest is given only {allowed} on production" if wrong else ""


_UNSIGNED = "unsigned"
_PARALLEL = ("-n", "--numprocesses", "--dist", "--tx", "-d")
_WITH_VALUE = ("-k", "-m", "--maxfail")
_ALONE = ("-x", "--exitfirst", "-v", "-q")

RULES: tuple[Rule, ...] = (
    Rule(HOST_NOT_ALLOWED, "the address is on the environment's list of hosts", _no_address, everywhere=True),
    Rule(CREDENTIALS_IN_URL, "the address holds no user and no password", _address(CREDENTIALS_IN_URL), True),
    Rule("production-host", "a host of production is called production", _production_host, everywhere=True),
    Rule(PLAIN_HTTP, "the way there is encrypted", _address(PLAIN_HTTP)),
    Rule(
        "embedded-on-production",
        "production is deployed and not started by the run",
        lambda one: "the environment is embedded" if one.environment.embedded is not None else "",
    ),
    Rule(
        "other-system",
        "the environment is one of this system",
        lambda one: f"the environments are those of {one.other_system}" if one.other_system else "",
    ),
    Rule(
        "foreign-environments",
        "the environment is described inside the project",
        lambda one: f"{one.foreign_environments} lies outside the project" if one.foreign_environments else "",
    ),
    Rule(
        "stage-elsewhere",
        "the stage is meant for this environment",
        lambda one: (
            f"stage {one.stage} is meant for {one.stage_environment}, not {one.environment_name}"
            if one.stage_environment not in (None, one.environment_name)
            else ""
        ),
    ),
    Rule(
        "confirm-missing",
        "somebody confirms environment and release",
        lambda one: "" if one.confirm else f"say --confirm {one.environment_name}/{one.release or 'RELEASE'}",
    ),
    Rule("confirm-mismatch", "what is confirmed is what will be done", _confirm),
    Rule(
        "release-missing",
        "the release to verify is named",
        lambda one: "" if one.release else "name the release with --release",
    ),
    Rule(
        "direct-run",
        "the run is planned, reconciled and sealed by 'gonogo run'",
        lambda one: "pytest by itself neither reconciles nor seals; use 'gonogo run'" if one.direct else "",
    ),
    Rule(
        _UNSIGNED,
        "the evidence is signed",
        lambda one: "" if one.signed else "there is no key to sign with: 'gonogo keys new' makes one",
    ),
    Rule(
        "forced-options",
        "nothing is forced upon the system",
        lambda one: f"{' '.join(one.forced)} is not for production" if one.forced else "",
    ),
    Rule(
        "foreign-pack",
        "the cases are the committed ones of the plan",
        lambda one: f"--cases {one.foreign_pack} is not for production" if one.foreign_pack else "",
    ),
    Rule(
        "time-compressed",
        "time runs as it does",
        lambda one: f"time runs {one.compression:g} times faster" if one.compression != 1 else "",
    ),
    Rule(
        "rehearsed",
        "it is no rehearsal",
        lambda one: "a rehearsal is for sandbox and staging" if one.rehearsal else "",
    ),
    Rule("xdist", "the run is one process", _xdist),
    Rule("pytest-argument", "pytest is given nothing that loads other code", _argument),
    Rule(
        CAPS_MISSING,
        "the environment has caps",
        lambda one: "" if one.environment.caps else "the environment names no caps (messages, rate, minutes, spend)",
    ),
    Rule(TOO_MANY, "the messages are within the cap", _too_many),
    Rule(TOO_FAST, "the rate is within the cap", _too_fast),
    Rule(TOO_LONG, "the duration is within the cap", _too_long),
    Rule(TOO_DEAR, "the spend is within the cap", _too_dear),
    Rule(FLAG_CHANGE, "flags are changed only where the stage and the driver allow it", _flags),
    Rule(TIER0_OFF, "nobody is paged", _tier0),
    Rule(
        MARKER_MISSING,
        "every message carries run and case id in its envelope",
        lambda one: judge_envelope(one.interface, one.environment),
    ),
    Rule(
        CUSTOMER_UNMARKED,
        "every customer carries run and case id",
        lambda one: judge_customer(one.interface, one.environment),
    ),
    Rule(MARKER_IN_TEXT, "no text carries run or case id", _marked_text),
)
