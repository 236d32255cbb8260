"""`gonogo rollback`: writes first, then the proof, then everything that is written down about it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from gonogo.errors import EXIT_GO, EXIT_HOLD, EXIT_INTERRUPTED, EXIT_NO_GO, EXIT_UNREACHABLE, UsageError
from gonogo.model.flags import ABSENT, FlagValue, describe_value, is_towards_safe
from gonogo.release.course import Course, Tell
from gonogo.release.effect import Effect, EffectReport, EffectWatch
from gonogo.release.flag_writes import FlagWriter
from gonogo.release.preemption import LedgerWork, Preemption
from gonogo.release.rollback_flags import choose_flags
from gonogo.release.rollback_request import RollbackReport, RollbackRequest, new_rollback_id
from gonogo.release.stored_flags import StoreReader, read_store
from gonogo.release.switch import close_tickets, open_switch
from gonogo.run.flagjournal import flag_from_json
from gonogo.sources.lone_rollback import read_lone_rollback

# The ledger is opened once the writes have gone out, or this long after a store began to hang, in seconds.
_HEAD_START = 1.0
_LEDGER_PATIENCE, _SHORT_PATIENCE = 15.0, 3.0
_ROUNDS = 3


def roll_back(request: RollbackRequest, *, tell: Tell | None = None) -> RollbackReport:
    """Perform one option, prove it by its effect, and write down what was done.

    Option A needs nothing but an environment whose host is allowed and that says how a flag is set. `tell` gets each
    step as it happens. Raises `SourceError`, `UsageError`, `RefusedError` or `TargetError` where nothing could be
    written at all; whatever fails after the first write is part of the report.
    """
    if request.option not in ("A", "B", "C"):
        raise UsageError(f"there is no option {request.option!r}; allowed: A, B, C")
    if request.option == "C":
        from gonogo.release.previous_version import go_back

        return go_back(request, tell or _silent)
    course = _begin(request, tell or _silent)
    try:
        work = _start_ledger(course)
        folder = _open_folder(course)
        try:
            _prove(course, work)
        except KeyboardInterrupt:
            _note_interrupt(course)
        return conclude(course, work, folder)
    finally:
        course.writer.stop()
        course.switch.target.close()


def _silent(text: str) -> None:
    del text


def _begin(request: RollbackRequest, tell: Tell) -> Course:
    """Send the writes out; what is read before are the two files that say where to and which."""
    rollback_id = new_rollback_id()
    path = request.environments_file
    switch = open_switch(
        path,
        request.shown(path),
        request.environment,
        rollback_id,
        f"ROLLBACK-{request.option}",
        base_url=request.base_url,
        token_env=request.token_env,
        exempt=True,
    )
    plan_path = request.sources / "plan.yaml"
    plan = read_lone_rollback(plan_path, request.shown(plan_path))
    chosen = choose_flags(request, plan.options)
    writer = FlagWriter(switch.target, chosen.wanted, switch.environment.timing.propagation_deadline)
    # Asked for at the same time and not before: no write waits for the answer.
    before = StoreReader(switch.target)
    before.start()
    writer.start()
    course = Course(request, rollback_id, switch, plan, chosen, writer, before, tell)
    shown = ", ".join(f"{name}={describe_value(value)}" for name, value in chosen.wanted.items())
    course.mark(f"option {request.option}: writing {shown}", writer.first_write_at)
    course.notes += chosen.notes
    for what, problems in (("environments.yaml", switch.problems), ("plan.yaml", plan.problems)):
        if problems:
            course.notes.append(f"{what} has {len(problems)} problem(s), passed by: {problems[0]}")
    writer.wait_for_attempts(_HEAD_START)
    for flag, write in list(writer.writes.items()):
        state = "accepted" if write.accepted else f"NOT accepted ({write.error}); it is tried again"
        course.mark(f"{flag}={describe_value(write.value)}: {state}")
    return course


def _start_ledger(course: Course) -> LedgerWork:
    from gonogo.release.rollback_record import begun_payload

    request = course.request
    work = LedgerWork(
        request.project_root,
        request.system,
        request.environment,
        course.id,
        begun_payload(course),
        lambda state: _compare_again(course, state),
    )
    course.ledger = work.state
    work.start()
    return work


def _compare_again(course: Course, state: Preemption) -> None:
    """Write again what a run changed before it lost its lock, and return towards safe what nobody returns any more."""
    if state.held:
        course.mark(f"lock taken over from {state.taken_from}" if state.taken_from else "lock taken; nobody held it")
    if state.voided:
        course.mark(f"{len(state.voided)} borrowed flag(s) made void: {', '.join(one.flag for one in state.voided)}")
    current = read_store(course.switch.target)
    if isinstance(current, str):
        course.notes.append(f"the flags were not compared after the lock was taken over: {current}")
        return
    _write_changed(course, current)
    for change in state.voided:
        now, back = current.get(change.flag, ABSENT), flag_from_json(change.old)
        ours = [flag_from_json(value) for value in (change.new, *change.ours)]
        if change.flag in course.writer.writes or now == back or now not in ours:
            continue
        if is_towards_safe(change.flag, now, back):
            course.mark(f"{change.flag}={describe_value(back)}: written for {change.run}, which had borrowed it")
            course.writer.add(change.flag, back)


def _write_changed(course: Course, current: Mapping[str, FlagValue]) -> list[str]:
    """Write again the accepted flags that the store shows at another value; return their names."""
    accepted = course.writer.accepted
    changed = [flag for flag in accepted if current.get(flag, ABSENT) != course.writer.writes[flag].value]
    for flag in changed:
        text = f"{flag} reads {describe_value(current.get(flag, ABSENT))} after it was written; written again"
        # A store that keeps nothing would fill the timeline with it.
        if not any(event == text for _, event in course.timeline):
            course.mark(text)
    course.writer.write_again(changed)
    return changed


def _look_again(course: Course) -> None:
    current = read_store(course.switch.target)
    if not isinstance(current, str):
        _write_changed(course, current)


def _open_folder(course: Course) -> Path:
    from gonogo.release.rollback_record import open_folder, write_begun

    folder = open_folder(course)
    write_begun(course, folder)
    return folder


def _prove(course: Course, work: LedgerWork) -> None:
    """Watch the effect; a flag that somebody moved again meanwhile is written and proven anew."""
    switch, writer = course.switch, course.writer
    watch = EffectWatch(
        switch.target, switch.environment, switch.new_message, switch.probe, lambda: _look_again(course)
    )
    for _ in range(_ROUNDS):
        report = watch.watch(course.chosen.wanted, writer.first_write)
        if not writer.accepted and report.effect is not Effect.PROVEN:
            report.effect, report.time_to_safe = Effect.FAILED, None
        course.effect = report
        course.after = read_store(switch.target)
        if report.effect is not Effect.PROVEN or isinstance(course.after, str):
            break
        work.wait(_LEDGER_PATIENCE)
        if not _write_changed(course, course.after):
            break
        writer.wait(switch.environment.timing.request_timeout)
    if course.effect is not None:
        report = course.effect
        at = writer.first_write_at + (report.seconds if report.time_to_safe is None else report.time_to_safe)
        course.mark(_effect_sentence(report), at)
    # What failed is tried as long as the option has to take effect.
    since = time.monotonic() - writer.first_write
    writer.wait(max(0.0, switch.environment.timing.propagation_deadline - since))
    course.after = read_store(switch.target)


def _note_interrupt(course: Course) -> None:
    """Keep what is known: the writes went out, and nobody waited for their effect."""
    seconds = time.monotonic() - course.writer.first_write
    reason = "somebody interrupted the proof; the writes are not taken back"
    course.interrupted = True
    course.effect = EffectReport(Effect.NOT_PROVEN, None, seconds, reason)
    course.mark(_effect_sentence(course.effect))


def _effect_sentence(report: EffectReport) -> str:
    if report.effect is Effect.PROVEN:
        return f"PROVEN {report.time_to_safe:.1f} s after the first write: {report.reason}"
    if report.effect is Effect.NOT_PROVEN:
        return f"PERFORMED, NOT PROVEN: {report.reason}"
    if report.effect is Effect.NO_EFFECT:
        return f"NO EFFECT within {report.seconds:.1f} s: {report.reason}"
    return f"FAILED: no write was accepted; {report.reason}"


def conclude(course: Course, work: LedgerWork, folder: Path) -> RollbackReport:
    """Run the post-rollback pack, write everything down, enter it in the ledger and seal it."""
    from gonogo.release.post_rollback import run_pack
    from gonogo.release.rollback_bundle import seal_rollback
    from gonogo.release.rollback_record import build_record, ended_payload, next_commands, write_record

    effect = course.effect.effect if course.effect is not None else Effect.FAILED
    # Whoever has to take the next option does not wait for a ledger that hangs.
    if not work.wait(_LEDGER_PATIENCE if effect is Effect.PROVEN else _SHORT_PATIENCE):
        course.notes.append("the ledger did not answer in time; what was done is recorded here only")
    # The pack is a run like any other: it takes the lock by itself.
    work.release()
    course.ledger = work.state
    course.notes += work.state.notes
    if effect is not Effect.FAILED and course.effect is not None:
        left = close_tickets(course.switch, course.effect.tickets)
        course.notes += [left] if left else []
    pack = run_pack(course, folder)
    course.mark(pack.sentence)
    code = exit_code(course, effect, pack.decision)
    commands = next_commands(course, effect)
    record = build_record(course, pack, commands, code)
    write_record(course, record, folder)
    work.enter(ended_payload(course, record))
    sealed = seal_rollback(course, record, folder)
    time_to_safe = course.effect.time_to_safe if course.effect is not None else None
    return RollbackReport(record, effect.value, time_to_safe, folder, commands, code, sealed)


def exit_code(course: Course, effect: Effect, pack: str | None) -> int:
    """Return 0 where the effect is proven and every write accepted, else what a person has to look at.

    1: no effect, a write that the store refused with none accepted, or a post-rollback pack that is NO-GO. 3: performed
    and not proven, or proven with a write missing. 5: nothing could be reached. 130: interrupted after the writes.
    """
    if course.interrupted:
        return EXIT_INTERRUPTED
    if effect is Effect.FAILED:
        reached = any(one.get("status") is not None for one in course.switch.exchanges)
        return EXIT_NO_GO if reached else EXIT_UNREACHABLE
    if effect is Effect.NO_EFFECT or pack == "NO_GO":
        return EXIT_NO_GO
    if effect is Effect.NOT_PROVEN or course.writer.refused:
        return EXIT_HOLD
    return EXIT_GO
