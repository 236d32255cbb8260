"""Which baseline counts: what was recorded in the ledger, and how what was given stands to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gonogo.errors import EvidenceError

KIND = "baseline"


class Act(StrEnum):
    """What somebody recorded: no baseline yet, the first one, the next one, or the next one as anchor."""

    COLD = "cold"
    INIT = "init"
    PROMOTE = "promote"
    ANCHOR = "anchor"


class Standing(StrEnum):
    """How what was given stands to what was recorded."""

    PINNED = "pinned"
    COLD = "cold"
    MISSING = "missing"
    NOT_RECORDED = "not_recorded"
    NOTHING_RECORDED = "nothing_recorded"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One act on the baseline; accuracy and macro F1 are of the metrics with that digest."""

    number: int
    act: Act
    at: str
    by: str
    reason: str
    metrics_sha256: str | None = None
    labels_sha256: str | None = None
    n: int | None = None
    accuracy: float | None = None
    macro_f1: float | None = None

    @property
    def place(self) -> str:
        """Return the entry as people name it."""
        return f"ledger entry {self.number}, {self.act.value} by {self.by}"

    def to_payload(self, system: str) -> dict[str, Any]:
        """Return the payload of the ledger's entry."""
        payload = {
            "system": system,
            "act": self.act.value,
            "by": self.by,
            "reason": self.reason,
            "metrics_sha256": self.metrics_sha256,
            "labels_sha256": self.labels_sha256,
            "n": self.n,
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
        }
        return {key: value for key, value in payload.items() if value is not None}


@dataclass(frozen=True, slots=True)
class BaselineHistory:
    """All acts on a system's baseline, oldest first."""

    acts: tuple[Recorded, ...] = ()

    @property
    def current(self) -> Recorded | None:
        """Return the baseline that counts now."""
        pinned = [act for act in self.acts if act.metrics_sha256 is not None]
        return pinned[-1] if pinned else None

    @property
    def anchor(self) -> Recorded | None:
        """Return the first baseline, or the last one that was made the anchor by an act of its own."""
        anchors = [act for act in self.acts if act.act in (Act.INIT, Act.ANCHOR)]
        return anchors[-1] if anchors else None

    @property
    def is_cold(self) -> bool:
        """Return whether somebody recorded that there is no baseline yet, and there is none since."""
        return bool(self.acts) and self.current is None


@dataclass(frozen=True, slots=True)
class BaselineState:
    """How a judgement stands to its baseline; `must_be_recorded` is false for sandboxes only."""

    standing: Standing
    sentence: str
    anchor: Recorded | None = None
    must_be_recorded: bool = True


def read_history(entries: Iterable[tuple[int, str, Mapping[str, Any]]]) -> BaselineHistory:
    """Return the acts among the ledger's entries (number, time, payload).

    Raises `EvidenceError` for an entry that cannot be read: a baseline that nobody can name must not be taken for none.
    """
    acts = []
    for number, at, payload in entries:
        try:
            acts.append(_read_act(number, at, payload))
        except (KeyError, TypeError, ValueError) as error:
            raise EvidenceError(f"ledger entry {number}: the baseline's record cannot be read: {error}") from error
    return BaselineHistory(tuple(acts))


def _read_act(number: int, at: str, payload: Mapping[str, Any]) -> Recorded:
    act = Act(payload["act"])
    if act is Act.COLD:
        return Recorded(number, act, at, str(payload["by"]), str(payload["reason"]))
    return Recorded(
        number,
        act,
        at,
        str(payload["by"]),
        str(payload["reason"]),
        str(payload["metrics_sha256"]),
        str(payload["labels_sha256"]),
        int(payload["n"]),
        float(payload["accuracy"]),
        float(payload["macro_f1"]),
    )


def state_baseline(
    history: BaselineHistory, given_sha256: str | None, *, must_be_recorded: bool = True
) -> BaselineState:
    """Return how the given baseline stands to history; a digest other than the pinned one is not for here to accept."""
    pinned = history.current
    if pinned is not None and given_sha256 is None:
        text = f"{pinned.place} is the baseline, and none was given (--baseline)"
        return BaselineState(Standing.MISSING, text, history.anchor, must_be_recorded)
    if pinned is not None and given_sha256 == pinned.metrics_sha256:
        text = f"the baseline is {pinned.place}, SHA-256 {given_sha256}"
        return BaselineState(Standing.PINNED, text, history.anchor, must_be_recorded)
    if given_sha256 is not None:
        text = "nobody has recorded this baseline; record it with `gonogo gate baseline init`"
        return BaselineState(Standing.NOT_RECORDED, text, history.anchor, must_be_recorded)
    if history.is_cold:
        text = f"cold start: {history.acts[-1].place}; the metric gates are recorded, not judged"
        return BaselineState(Standing.COLD, text, None, must_be_recorded)
    text = "no baseline, and nobody has recorded a cold start; record either with `gonogo gate baseline init`"
    return BaselineState(Standing.NOTHING_RECORDED, text, None, must_be_recorded)


def refuse_act(history: BaselineHistory, act: Act, labels_sha256: str | None, too_far: Iterable[str]) -> str:
    """Return why an act must not be recorded, or an empty text.

    `too_far` names the figures that the metrics have further below the anchor's than a slide may lead.
    """
    if act in (Act.INIT, Act.COLD):
        if history.current is not None:
            return f"there is a baseline already: {history.current.place}. Promote another one instead."
        return "a cold start is recorded already. Record a baseline." if act is Act.COLD and history.is_cold else ""
    if history.current is None:
        return "there is no baseline to follow on. Record the first one with `gonogo gate baseline init`."
    if act is Act.ANCHOR or history.anchor is None:
        return ""
    if labels_sha256 != history.anchor.labels_sha256:
        return f"its labels are others than those of the anchor ({history.anchor.place}). Promote it with --anchor."
    named = ", ".join(too_far)
    if named:
        return f"{named}: too far below the anchor ({history.anchor.place}). Improve it, or promote it with --anchor."
    return ""
