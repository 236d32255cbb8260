"""`gonogo watch`: a stage under observation, and what was seen of it as sealed evidence."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

from gonogo.errors import EXIT_HOLD, EXIT_INTERRUPTED, EXIT_NO_GO, EXIT_UNVERIFIED
from gonogo.model.decision import Verb
from gonogo.model.release_plan import TriggerKind
from gonogo.notify.webhook import Notifier
from gonogo.release.rollback_request import RollbackReport, RollbackRequest
from gonogo.release.soak import SoakMeter, SoakResult, feed_samples, measure_soak
from gonogo.release.soak_sample import SAMPLES, read_samples
from gonogo.release.watching.backfill import fill_gap, find_obstacle
from gonogo.release.watching.claim import Claims, LedgerView
from gonogo.release.watching.conclude import find_warnings, judge_checks, read_fired, trigger_states
from gonogo.release.watching.journal import SampleLog, Session, WatchFolder, sample_record, take_over, write_watch
from gonogo.release.watching.judge import Firing, RuleBook
from gonogo.release.watching.loop import Clock, Ending, WatchLoop, WatchState
from gonogo.release.watching.observe import LiveObserver, Observer
from gonogo.release.watching.reach import enter_stage, make_prober, open_watched
from gonogo.release.watching.react import PerformRollback, Place, Reactor
from gonogo.release.watching.setting import Setting, WatchRequest, keep_alone, prepare_watch
from gonogo.run.activity import ActivityReport, begin_activity, conclude_activity
from gonogo.targets.interface import Target

__all__ = ["WatchReport", "WatchRequest", "watch_stage"]

Tell = Callable[[str], None]


class SystemClock:
    """The machine's clocks; `stop` ends a wait."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._began = time.monotonic()

    def now(self) -> datetime:
        """Return the time of day, in UTC."""
        return datetime.now(UTC)

    def elapsed(self) -> float:
        """Return the seconds since the session began."""
        return time.monotonic() - self._began

    def uptime(self) -> float:
        """Return the machine's monotonic time, a suspension included where the system can tell."""
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

    def wait(self, seconds: float) -> bool:
        """Wait so long; return True where the watch was asked to end."""
        return self._stop.wait(seconds)


def read_boot() -> str:
    """Return what names this start of the machine, empty where it does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


@dataclass(frozen=True, slots=True)
class WatchReport:
    """What a session came to; `report` is None for a single look that left the watch open.

    `record` is watch.json. `escalated` says that an automatic rollback did not take effect.
    """

    ending: Ending
    state: WatchState | None
    soak: SoakResult
    record: dict[str, Any]
    report: ActivityReport | None
    escalated: bool

    @property
    def exit_code(self) -> int:
        """Return the exit code: that of the decision; of an open watch 1 for an immediate trigger, else 3."""
        if self.report is not None and self.report.seal_error is not None and not self.escalated:
            return EXIT_UNVERIFIED
        if self.escalated:
            return EXIT_NO_GO
        if self.report is None:
            firings = self.state.firings if self.state is not None else ()
            urgent = any(one.kind is TriggerKind.IMMEDIATE for one in firings)
            return EXIT_NO_GO if urgent else EXIT_HOLD
        if self.ending is Ending.INTERRUPTED and self.report.decision.verb is not Verb.NO_GO:
            return EXIT_INTERRUPTED
        return {Verb.GO: 0, Verb.HOLD: EXIT_HOLD, Verb.NO_GO: EXIT_NO_GO}[self.report.decision.verb]


def watch_stage(
    request: WatchRequest, *, show: Callable[[WatchState], None], tell: Tell, stop: threading.Event
) -> WatchReport:
    """Watch a stage, and seal what was seen unless a single look leaves the watch open.

    `show` gets the state after every poll, `tell` sentences for people; `stop` ends the watch. Raises `SourceError`,
    `UsageError`, `RefusedError` or `LedgerError` before anything is sent.
    """
    with prepare_watch(request) as setting, keep_alone(setting), closing(open_watched(setting)) as target:
        started = datetime.now(UTC)
        if not setting.reopened:
            begin_activity(setting.activity, setting.planned, setting.sealer)
        enter_stage(setting, target)
        return _run_session(setting, target, started, show, tell, SystemClock(stop))


def _run_session(
    setting: Setting,
    target: Target,
    started: datetime,
    show: Callable[[WatchState], None],
    tell: Tell,
    clock: Clock,
) -> WatchReport:
    request, ledger = setting.request, setting.sealer.ledger
    session = _new_session(setting, started)
    view = LedgerView(ledger, request.environment)
    changed = view.look().changed_at
    not_before = changed.timestamp() if changed else None
    notifier = Notifier(request.notify, tell)
    with closing(notifier):
        prober = make_prober(setting, target, session.id, tell)
        expected = setting.stage.flag_state(setting.system.vocabulary)
        observer = LiveObserver.of(
            setting.rules, target, setting.base_url, setting.project.root, os.environ, prober, expected
        )
        claims = Claims(ledger, request.environment, f"watch {session.id} on {session.host}", clock.now)
        perform = _performer(setting, tell) if request.auto_rollback else None
        reactor = Reactor(_place(setting), ledger, claims, notifier, perform, clock.now, tell)
        book = RuleBook(setting.rules.rules, setting.system.plan.triggers, started.timestamp())
        meter = SoakMeter(setting.required)
        with closing(observer), SampleLog(setting.folder / SAMPLES) as log:
            _resume(setting, log, meter, not_before, tell)
            _restore(setting, book, observer, started.timestamp(), not_before)
            log.write(session.to_json())
            write_watch(setting.folder, _open_record(setting))
            if request.backfill is not None:
                _fill(setting, observer, session, log, meter, started.timestamp(), tell)
            loop = WatchLoop(session, observer, book, meter, log, reactor, view, clock, setting.length, show)
            ending = loop.run()
        sent = {"sent": prober.sent, "failed": prober.failed} if prober is not None else {"sent": 0, "failed": 0}
        return _finish(setting, loop, ending, started, not_before, sent)


def _new_session(setting: Setting, started: datetime) -> Session:
    request = setting.request
    session_id = f"{setting.activity.id}.{token_hex(3)}" if request.once else setting.activity.id
    host = platform.node() or "unnamed"
    return Session(session_id, host, started.isoformat(), request.every, request.once, request.run_by, read_boot())


def _place(setting: Setting) -> Place:
    request = setting.request
    more = ("--environments", str(request.environments)) if request.environments is not None else ()
    return Place(setting.system.name, request.environment, setting.stage.id, request.release, setting.activity.id, more)


def _performer(setting: Setting, tell: Tell) -> PerformRollback:
    """Return what performs option A; it is imported now, so that a trigger does not wait for it."""
    from gonogo.release.rollback import roll_back

    request = setting.request

    def perform(firing: Firing) -> RollbackReport:
        return roll_back(
            RollbackRequest(
                project_root=setting.project.root,
                system=setting.system.name,
                environment=request.environment,
                option="A",
                who=f"gonogo watch {setting.activity.id}" + (f" ({request.run_by})" if request.run_by else ""),
                why=f"{firing.id} {firing.name}: {'; '.join(firing.reasons)}",
                environments=request.environments,
                base_url=setting.base_url if setting.embedded or request.base_url else None,
                token_env=setting.activity.token_env,
                automatic=True,
                trigger=firing.id,
                key_name=request.key_name,
            ),
            tell=tell,
        )

    return perform


def _resume(setting: Setting, log: SampleLog, meter: SoakMeter, not_before: float | None, tell: Tell) -> None:
    """Take up the soak of earlier sessions; what no seal vouches for becomes part of this watch's record."""
    known = {
        str(session.get("id")) for one in setting.earlier if one.sealed for session in one.record.get("sessions", ())
    }
    folders = [*setting.earlier, *([WatchFolder(setting.folder, {})] if setting.reopened else [])]
    samples = []
    for one in folders:
        found, wrong = read_samples(one.folder / SAMPLES)
        samples += found
        for sentence in wrong:
            tell(sentence)
        if one.folder != setting.folder and not one.sealed and not setting.reopened and found:
            taken = take_over(log, one, not_before, known)
            if taken:
                tell(f"{one.id} was never sealed; its {taken} samples are taken over")
    feed_samples(meter, samples, not_before=not_before)


def _restore(setting: Setting, book: RuleBook, observer: Observer, now: float, not_before: float | None) -> None:
    """Take up what the last look knew of the rules, where it was no longer ago than a sample covers."""
    newest: Mapping[str, Any] | None = None
    for one in (*setting.earlier, *([WatchFolder(setting.folder, {})] if setting.reopened else [])):
        sample = one.last_sample()
        if sample is not None and (newest is None or sample["at"] > newest["at"]):
            newest = sample
    if newest is None:
        return
    reach = 2.2 * min(float(newest["every"]), setting.request.every)
    observer.restore(newest.get("points", {}), float(newest["at"]), now - reach)
    recent = 0 <= now - newest["at"] <= reach
    if recent and (not_before is None or newest["at"] >= not_before):
        book.restore(newest.get("rules", {}), float(newest["at"]))


def _fill(
    setting: Setting, observer: LiveObserver, session: Session, log: SampleLog, meter: SoakMeter, now: float, tell: Tell
) -> None:
    """Fill in the gap since the last sample out of what Prometheus kept, and say how much that is."""
    obstacle = find_obstacle(setting.rules)
    last = max((one["at"] for folder in setting.earlier if (one := folder.last_sample()) is not None), default=None)
    if obstacle or last is None:
        tell(f"Nothing is filled in: {obstacle or 'there is no earlier sample'}")
        return
    filled = 0
    reach = setting.request.backfill or 0.0
    for sample, observed, judged in fill_gap(
        setting.rules, observer.gates, observer.sources, session, last, now, reach
    ):
        log.write(sample_record(sample, observed, judged))
        meter.add(sample)
        filled += 1
    tell(f"{filled} samples of the gap are filled in out of Prometheus; they are marked as backfilled")


def _open_record(setting: Setting) -> dict[str, Any]:
    request = setting.request
    return {
        "watch": setting.activity.id,
        "system": setting.system.name,
        "stage": setting.stage.id,
        "environment": request.environment,
        "release": request.release,
        "once": request.once,
        "every": request.every,
        "state": "open",
    }


def _finish(
    setting: Setting,
    loop: WatchLoop,
    ending: Ending,
    started: datetime,
    not_before: float | None,
    probes: Mapping[str, int],
) -> WatchReport:
    folder = setting.folder
    soak = loop.meter.result()
    done = not setting.request.once or setting.request.conclude or soak.complete or loop.reactor.done
    if not done:
        return WatchReport(ending, loop.state, soak, _open_record(setting), None, loop.reactor.escalated)
    # The record decides, and not what was remembered while it was written.
    earlier = [read_samples(one.folder / SAMPLES)[0] for one in setting.earlier]
    own, broken = read_samples(folder / SAMPLES)
    # Somebody may have changed flags on record since; what fired before that was fired all the same.
    changed = loop.ledger.look().changed_at
    since = not_before if changed is None else max(changed.timestamp(), not_before or 0.0)
    seen = [*(one for part in earlier for one in part), *own]
    soak = measure_soak(seen, setting.required, broken, not_before=since)
    fired = read_fired(folder, not_before)
    record = {**_open_record(setting), "state": "concluded", **_concluded(setting, loop, ending, soak, fired, probes)}
    write_watch(folder, record)
    views = loop.last.views if loop.last is not None else ()
    warned = find_warnings(folder, soak.since)
    report = conclude_activity(
        setting.activity,
        setting.planned,
        judge_checks(setting.planned, views, soak, warned, setting.system.plan.triggers),
        setting.sealer,
        started=started,
        build={"before": loop.first_seen.get("build"), "after": loop.observed.build if loop.observed else None},
        flags={"before": loop.first_seen.get("flags"), "after": loop.observed.flags if loop.observed else None},
        triggers=trigger_states(setting.system.plan.triggers, fired),
        notes=[action.text for action in loop.reactor.actions if action.what != "trigger"],
        next_command=_next_command(setting, loop, soak),
    )
    return WatchReport(ending, loop.state, soak, record, report, loop.reactor.escalated)


def _concluded(
    setting: Setting,
    loop: WatchLoop,
    ending: Ending,
    soak: SoakResult,
    fired: Mapping[str, Any],
    probes: Mapping[str, int],
) -> dict[str, Any]:
    sessions = WatchFolder(setting.folder, {}).sessions()
    actions = [action.to_json() for action in loop.reactor.actions]
    return {
        "ended": ending.value,
        "sessions": [one.to_json() for one in sessions],
        "soak_seconds": round(soak.seconds, 3),
        "soak": soak.to_json(),
        "earlier": [one.id for one in setting.earlier],
        "polls": loop.polls,
        "probes": dict(probes),
        "triggers": sorted(fired),
        "rollbacks": [one for one in actions if one["what"] in ("rollback", "rolled_back_elsewhere")],
        "notices": {"sent": loop.reactor.notifier.sent, "failed": loop.reactor.notifier.failed},
    }


def _next_command(setting: Setting, loop: WatchLoop, soak: SoakResult) -> str:
    done = [one for one in loop.reactor.actions if one.what in ("rollback", "rolled_back_elsewhere")]
    if loop.reactor.done and done:
        return done[-1].commands[0] if done[-1].commands else f"gonogo status {setting.system.name}"
    firing = [one for one in loop.book.firings.values() if one.active]
    if firing:
        return loop.reactor.place.command(firing[0])
    place = f"{setting.system.name} --stage {setting.stage.id} --env {setting.request.environment}"
    place += f" --release {setting.request.release}" if setting.request.release else ""
    return f"gonogo decide {place}" if soak.complete else f"gonogo watch {place}"
