"""What a trigger leads to: the option and its command, a notice, an entry in the ledger, and an automatic option A."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gonogo.errors import GonogoError, LedgerError
from gonogo.evidence.ledger.book import Ledger
from gonogo.evidence.ledger.entries import Kind, canonical_bytes, format_time
from gonogo.model.release_plan import TriggerKind
from gonogo.notify.webhook import Notice, Notifier
from gonogo.release.rollback_request import RollbackReport
from gonogo.release.watching.claim import Changes, Claims, ClaimState
from gonogo.release.watching.judge import Firing

NO_EFFECT = ("no_effect", "failed")
_KEPT_ACTIONS = 200
PerformRollback = Callable[[Firing], RollbackReport]


@dataclass(frozen=True, slots=True)
class Reaction:
    """What was done about a trigger, as the record and the display have it.

    `seconds_to_safe` is from the sample that showed the trigger until a decision showed the switch at work, and
    `at_most` from the sample before it: what went wrong began somewhere between the two.
    """

    what: str
    text: str
    at: float
    trigger: str = ""
    effect: str = ""
    seconds_to_safe: float | None = None
    at_most: float | None = None
    commands: tuple[str, ...] = ()
    folder: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the reaction as it stands in samples.jsonl and watch.json."""
        return {
            "kind": "action",
            "what": self.what,
            "text": self.text,
            "at": round(self.at, 3),
            "trigger": self.trigger,
            "effect": self.effect,
            "seconds_to_safe": self.seconds_to_safe,
            "seconds_to_safe_at_most": self.at_most,
            "commands": list(self.commands),
            "folder": self.folder,
        }


@dataclass(frozen=True, slots=True)
class Place:
    """Where is watched, for commands and notices."""

    system: str
    environment: str
    stage: str
    release: str | None
    watch: str
    more: tuple[str, ...] = ()

    def command(self, firing: Firing) -> str:
        """Return the exact command of the option that the plan names for a trigger."""
        if firing.trigger is not None and firing.trigger.command is not None:
            return firing.trigger.command
        words = ["gonogo", "rollback", self.system, "--env", self.environment, *self.more, "--option", firing.option]
        if firing.option == "B":
            words += ["--template", firing.subject or "TEMPLATE"]
        return shlex.join([*words, "--why", f"{firing.id} {firing.name}"])


@dataclass
class Reactor:
    """Tells of triggers and performs option A for immediate ones, once however many watchers there are.

    `perform` rolls back; None where nobody agreed to that.
    """

    place: Place
    ledger: Ledger
    claims: Claims
    notifier: Notifier
    perform: PerformRollback | None
    clock: Callable[[], datetime]
    tell: Callable[[str], None]
    actions: list[Reaction] = field(default_factory=list)
    done: bool = False
    escalated: bool = False
    owed: Firing | None = None
    _failures: int = 0
    _settled: bool = False
    _fresh: list[Reaction] = field(default_factory=list)

    def announce(self, firing: Firing, value: str) -> Reaction:
        """Tell of a trigger that fired: a notice, and the command of its option."""
        command = self.place.command(firing)
        word = "IMMEDIATE" if firing.kind is TriggerKind.IMMEDIATE else "HOLD"
        text = f"{word} {firing.id} {firing.name}: {value}"
        details = {
            "trigger": firing.id,
            "kind": firing.kind.value,
            "rule": firing.rule,
            "option": firing.option,
            "command": command,
            "reasons": list(firing.reasons),
        }
        self._notify("trigger_fired", text, details)
        return self._act(Reaction("trigger", text, self._now(), firing.id, commands=(command,)))

    def note(self, what: str, text: str, *, trigger: str = "", notify: bool = False) -> Reaction:
        """Record something that happened, and tell the webhook if it is a change of state."""
        if notify:
            self._notify(what, text, {"trigger": trigger} if trigger else {})
        return self._act(Reaction(what, text, self._now(), trigger))

    def roll_back(
        self, firing: Firing, changes: Changes, seen_at: float, before: float | None = None
    ) -> Reaction | None:
        """Perform option A for an immediate trigger, unless somebody else does or did; None where another is at it.

        `seen_at` is the time of the sample that shows the trigger, `before` that of the one before it, both in seconds
        since 1970.
        Never for any other trigger: those are for people to judge.
        """
        if self.perform is None or self.done or firing.kind is not TriggerKind.IMMEDIATE:
            return None
        name = self.claims.name(changes)
        with self.claims.hold(name) as mine:
            if not mine:
                self.owed = firing
                return self._look_whether_done(name)
            self.tell(f"AUTOMATIC ROLLBACK, option A, for {firing.id} {firing.name}")
            try:
                report = self.perform(firing)
            except GonogoError as error:
                return self._failed(firing, error)
            self.claims.mark_done(name, {"trigger": firing.id, "effect": report.effect, "folder": report.folder.name})
        self.done, self.owed = True, None
        return self._performed(firing, report, seen_at, before)

    def fresh(self) -> list[Reaction]:
        """Return what was done since this was last asked."""
        new, self._fresh = self._fresh, []
        return new

    def settle(self, changes: Changes) -> None:
        """Note, once, that what a trigger asks for was done and nothing was opened since."""
        self.owed = None
        if not self._settled:
            self._settled = True
            self.note("settled", f"rolled back already: {changes.sentence}; automation is off")

    def find_owed(self, changes: Changes) -> bool:
        """Return whether somebody claimed a rollback of this opening and did not finish it."""
        try:
            return self.claims.state(self.claims.name(changes)) is ClaimState.TAKEN
        except LedgerError:
            return False

    def _look_whether_done(self, name: str) -> Reaction | None:
        try:
            if self.claims.state(name) is not ClaimState.DONE:
                return None
        except LedgerError:
            return None
        self.done, self.owed = True, None
        record = self.claims.read_done(name)
        effect = str(record.get("effect", ""))
        text = (
            f"another watcher ({record.get('owner', 'unknown')}) rolled back for {record.get('trigger', 'a trigger')}"
        )
        self.escalated = effect in NO_EFFECT
        return self._act(Reaction("rolled_back_elsewhere", text, self._now(), str(record.get("trigger", "")), effect))

    def _performed(self, firing: Firing, report: RollbackReport, seen_at: float, before: float | None) -> Reaction:
        began = datetime.fromisoformat(str(report.record.get("first_write_at", self.clock().isoformat())))
        to_safe = None
        if report.time_to_safe is not None:
            to_safe = round(max(0.0, began.timestamp() - seen_at) + report.time_to_safe, 3)
        words = {"proven": f"safe {to_safe:.1f} s after the sample that showed it" if to_safe is not None else "proven"}
        words |= {"not_proven": "PERFORMED, NOT PROVEN: look at the target yourself"}
        words |= {"no_effect": "NO EFFECT: automation still answers", "failed": "FAILED: no write was accepted"}
        text = f"option A for {firing.id}: {words.get(report.effect, report.effect)}"
        reaction = Reaction(
            "rollback",
            text,
            self._now(),
            firing.id,
            report.effect,
            to_safe,
            None if to_safe is None or before is None else round(to_safe + max(0.0, seen_at - before), 3),
            report.next_commands,
            report.folder.name,
        )
        self.escalated = report.effect in NO_EFFECT
        event = "rollback_without_effect" if self.escalated else "rolled_back"
        self._notify(event, text, {"trigger": firing.id, "effect": report.effect, "commands": report.next_commands})
        return self._act(reaction)

    def _failed(self, firing: Firing, error: GonogoError) -> Reaction:
        """Tell that option A could not even be written; the next poll tries again, since nobody else may."""
        self.owed, self.escalated = firing, True
        self._failures += 1
        text = f"AUTOMATIC ROLLBACK FAILED: {error.message}"
        commands = tuple(self._by_hand(option) for option in ("A", "B", "C"))
        if self._failures == 1:
            self._notify("rollback_failed", text, {"trigger": firing.id, "commands": commands})
        return self._act(Reaction("rollback", text, self._now(), firing.id, "failed", commands=commands))

    def _by_hand(self, option: str) -> str:
        command = f"gonogo rollback {self.place.system} --env {self.place.environment} --option {option}"
        return command + {"B": " --template TEMPLATE", "C": " --previous-release PREVIOUS"}.get(option, "")

    def enter(self, firing: Firing, changes: Changes) -> None:
        """Enter a trigger in the ledger, once for each opening however many watchers saw it."""
        if firing.trigger is None:
            return
        payload = {
            "trigger": firing.id,
            "kind": firing.kind.value,
            "rule": firing.rule,
            "option": firing.option,
            "fired": True,
            "system": self.place.system,
            "environment": self.place.environment,
            "stage": self.place.stage,
            "release": self.place.release,
            "watch": self.place.watch,
            "at": format_time(datetime.fromtimestamp(firing.at, UTC)),
            "reasons": list(firing.reasons),
        }
        mark = f"claims/{self.claims.name(changes)}.{firing.id}.seen.json"
        try:
            if self.ledger.storage.read([mark])[0] is None:
                # Entered first: two entries of one trigger are better than none.
                self.ledger.append(Kind.TRIGGER.value, payload, self.clock())
                self.ledger.storage.create(mark, canonical_bytes({"owner": self.claims.owner, "trigger": firing.id}))
        except LedgerError as error:
            self.tell(f"{firing.id} could not be entered in the ledger: {error.message}")

    def _notify(self, event: str, text: str, details: Mapping[str, Any]) -> None:
        place = self.place
        where = {
            "system": place.system,
            "environment": place.environment,
            "stage": place.stage,
            "release": place.release,
            "watch": place.watch,
            "at": format_time(self.clock()),
        }
        self.notifier.notify(Notice(event, text, {**where, **details}))

    def _act(self, reaction: Reaction) -> Reaction:
        self.actions.append(reaction)
        self._fresh.append(reaction)
        del self.actions[:-_KEPT_ACTIONS]
        return reaction

    def _now(self) -> float:
        return self.clock().timestamp()
