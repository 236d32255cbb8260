"""Send ahead: the messages of a flag state go out together, then each awaits its own decision.

The cost of a state is its slowest decision plus one quiet period, whatever the number of messages; any number of
missing decisions costs one deadline.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from gonogo.errors import TargetError
from gonogo.model.environment import Environment
from gonogo.run.observation import Sent
from gonogo.targets.caps import CapReachedError
from gonogo.targets.interface import Capability, NotAvailable, Target

Progress = Callable[[int, int, int], None]
_Read = Callable[[str], object]


def run_ahead(target: Target, environment: Environment, batch: Sequence[Sent], progress: Progress) -> None:
    """Send a batch, await every decision until its deadline, keep quiet, and read what came of it.

    `progress` gets the numbers sent, decided and in all. Fills the messages in place; raises nothing for a failure of
    the way there: it is noted at each message.
    """
    if not batch:
        return
    pool = ThreadPoolExecutor(max_workers=environment.limits.in_flight)
    try:
        for sent, _ in enumerate(pool.map(lambda item: _send(target, item), batch), start=1):
            progress(sent, 0, len(batch))
        _redeliver(target, batch, pool)
        _await_decisions(target, environment, batch, pool, progress)
        # Not a reply too many: whatever still comes must come within the quiet period after the last decision.
        time.sleep(environment.timing.quiet_period)
        list(pool.map(lambda item: _read_all(target, item), batch))
    except BaseException:
        # Whoever stops a run has its flags returned now, and not after all that is still to be sent.
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _send(target: Target, item: Sent) -> None:
    if item.not_sent:
        return
    try:
        item.deliveries.append(target.send(item.message, f"{item.message.event_id}-1"))
    except CapReachedError as error:
        item.not_sent = error.message
    except TargetError as error:
        item.send_error = error.message
    # From the acknowledgement on: waiting for the rate limit is no time that the target takes to decide.
    item.sent_at = time.monotonic()


def _redeliver(target: Target, batch: Sequence[Sent], pool: ThreadPoolExecutor) -> None:
    """Deliver events again: one redelivery comes while the first is still in work, the others after its decision."""
    early = [item for item in batch if item.outgoing.again and item.accepted]
    list(pool.map(lambda item: _deliver_again(target, item, 0), early))


def _deliver_again(target: Target, item: Sent, index: int) -> None:
    same_delivery = item.outgoing.again[index]
    suffix = "1" if same_delivery else str(index + 2)
    try:
        item.deliveries.append(target.send(item.message, f"{item.message.event_id}-{suffix}"))
    except CapReachedError as error:
        item.not_sent = item.send_error = error.message
    except TargetError as error:
        item.send_error = error.message


def _await_decisions(
    target: Target, environment: Environment, batch: Sequence[Sent], pool: ThreadPoolExecutor, progress: Progress
) -> None:
    timing = environment.timing
    shows_decisions = Capability.DECISIONS in target.capabilities()
    sent = [item for item in batch if item.accepted and not item.send_error and shows_decisions]
    waiting = [item for item in sent if item.outgoing.decided]
    for item in waiting:
        item.deadline = timing.decision_deadline
    while waiting:
        list(pool.map(lambda item: _poll(target, item), waiting))
        now = time.monotonic()
        decided = [item for item in waiting if item.decided_at is not None]
        late = [item for item in decided if len(item.outgoing.again) > len(item.deliveries) - 1]
        list(pool.map(lambda item: _finish_redelivery(target, item), late))
        waiting = [
            item for item in waiting if item.decided_at is None and now < item.sent_at + timing.decision_deadline
        ]
        progress(len(batch), sum(item.decided_at is not None for item in batch), len(batch))
        if waiting:
            time.sleep(timing.poll_interval)
    decided_in_all = sum(item.decided_at is not None for item in batch)
    for item in batch:
        item.others_decided = decided_in_all - (item.decided_at is not None)


def _finish_redelivery(target: Target, item: Sent) -> None:
    for index in range(len(item.deliveries) - 1, len(item.outgoing.again)):
        if not item.send_error:
            _deliver_again(target, item, index)


def _poll(target: Target, item: Sent) -> None:
    try:
        item.decisions = target.read_decisions(item.message.ticket_id)
    except TargetError as error:
        item.decisions = NotAvailable(error.message, broken=True)
    if item.decision is not None and item.decided_at is None:
        item.decided_at = time.monotonic()


def _read_all(target: Target, item: Sent) -> None:
    """Read the ticket once more after the quiet period, decisions included: a second one may have come."""
    if not item.deliveries:
        return
    shown = target.capabilities()
    ticket = item.message.ticket_id
    for capability, name, read in (
        (Capability.DECISIONS, "decisions", target.read_decisions),
        (Capability.TICKET, "ticket", target.read_ticket),
        (Capability.REPLIES, "replies", target.read_replies),
        (Capability.EVENTS, "events", target.read_events),
        (Capability.LOGS, "logs", target.read_logs),
    ):
        if capability in shown:
            setattr(item, name, _read(read, ticket))
        else:
            setattr(item, name, NotAvailable(f"environments.yaml does not say where to read {name}"))


def _read(read: _Read, ticket: str) -> object:
    try:
        return read(ticket)
    except TargetError as error:
        return NotAvailable(error.message, broken=True)
