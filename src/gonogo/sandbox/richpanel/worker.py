"""The worker: takes jobs, decides them once, writes the outcome at the vendor, and keeps poison apart."""

from __future__ import annotations

import asyncio
import hashlib
import random
import uuid
from dataclasses import dataclass, replace

from gonogo.sandbox.richpanel.catalog import ASK_ORDER_NUMBER, INTENTS, ORDER_INTENTS, template_tier
from gonogo.sandbox.richpanel.classify import Classifier
from gonogo.sandbox.richpanel.events import Recorder, Subject, Trace
from gonogo.sandbox.richpanel.faults import FaultSet
from gonogo.sandbox.richpanel.flags import FlagCache
from gonogo.sandbox.richpanel.identity import BuildIdentity
from gonogo.sandbox.richpanel.jobs import Job, JobQueue
from gonogo.sandbox.richpanel.metrics import Metrics
from gonogo.sandbox.richpanel.orders import Order, find_order
from gonogo.sandbox.richpanel.outbound import Outbound
from gonogo.sandbox.richpanel.policy import Facts, Policy, Verdict
from gonogo.sandbox.richpanel.store import Decision, Store, Ticket, timestamp
from gonogo.sandbox.richpanel.vendor import VendorExhaustedError

LOGGER = "richpanel.worker"
SLOW_DECISION_SECONDS = 60.0
LATE_REPLY_SECONDS = 0.4
MAX_SELF_ANSWERS = 6
STUCK_SECONDS = 0.5


class AttachmentCrashError(Exception):
    """The job died on a message without text (only with the fault of that name)."""


@dataclass(frozen=True)
class Latency:
    """The range of the simulated model latency in seconds."""

    low: float
    high: float


@dataclass
class Worker:
    """Decides jobs; one instance is shared by all worker tasks."""

    queue: JobQueue
    store: Store
    recorder: Recorder
    metrics: Metrics
    flags: FlagCache
    classifier: Classifier
    policy: Policy
    outbound: Outbound
    faults: FaultSet
    identity: BuildIdentity
    latency: Latency
    rng: random.Random

    def __post_init__(self) -> None:
        self._seen: set[str] = set()
        self._late: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Work on jobs until cancelled."""
        while True:
            job = await self.queue.take()
            while self.faults.has_begun("load_queue_stuck"):
                await asyncio.sleep(STUCK_SECONDS)
            try:
                await self._work(job)
            finally:
                self.queue.done(job)

    def stop_late_replies(self) -> None:
        """Cancel the replies that a fault has still in hand."""
        for task in self._late:
            task.cancel()

    async def _work(self, job: Job) -> None:
        self.recorder.event("worker.job.start", job.trace, event_id=job.event_id)
        self.metrics.signals.count("jobs")
        try:
            await self._process(job)
        except VendorExhaustedError as exhausted:
            self._bury(job, "vendor_unavailable", exhausted.attempts)
        except Exception as error:  # noqa: BLE001
            # Any failure of one job must neither stop the worker nor lose the message. Only the type is kept: the
            # text of an exception may quote the message.
            self._bury(job, type(error).__name__, 1)
        else:
            self.recorder.event("worker.job.complete", job.trace, event_id=job.event_id)
            self.recorder.log("INFO", LOGGER, "job complete", job.trace)

    def _bury(self, job: Job, reason: str, attempts: int) -> None:
        self.store.dead_letters.append(
            {"event_id": job.event_id, "ticket_id": job.ticket_id, "reason": reason, "attempts": attempts}
        )
        self.metrics.dead_letters.inc()
        self.metrics.signals.count("job_errors")
        self.recorder.event("worker.job.failed", job.trace, event_id=job.event_id, reason=reason)
        self.recorder.log("ERROR", LOGGER, "job failed and was set aside", job.trace)
        if reason != AttachmentCrashError.__name__:
            self.recorder.event("system.dlq.message_written", job.trace, event_id=job.event_id, reason=reason)

    async def _process(self, job: Job) -> None:
        ticket = self.store.ticket(job.ticket_id, job.channel)
        if job.event_id in self._seen:
            await self._process_duplicate(job, ticket)
            return
        self._seen.add(job.event_id)
        if not job.from_vendor:
            ticket.messages.append({"event_id": job.event_id, "sha256": _sha256(job.text), "at": timestamp()})
        if job.author != "customer":
            self.recorder.log("INFO", LOGGER, "message not written by the customer, nothing to decide", job.trace)
            if self.faults.active("answers_itself") and ticket.automatic_replies() < MAX_SELF_ANSWERS:
                await self._answer_own_reply(job, ticket)
            return
        if job.event_type != "message.created":
            self.recorder.log("INFO", LOGGER, "event type without a decision", job.trace)
            return
        await self._decide(job, ticket)

    async def _decide(self, job: Job, ticket: Ticket) -> None:
        await asyncio.sleep(self.rng.uniform(self.latency.low, self.latency.high))
        if self.faults.active("slow_decision"):
            await asyncio.sleep(SLOW_DECISION_SECONDS)
        empty_text = not job.text.strip()
        if empty_text and job.has_attachments and self.faults.active("attachment_crash"):
            raise AttachmentCrashError("a message without text cannot be decided")
        reading = await self.classifier.read(job.text)
        order = await self.outbound.look_up(job, lambda: find_order(job.customer_id))
        if reading.intent in ORDER_INTENTS and not empty_text:
            order = self._verify_match(order)
        facts = Facts(
            intent=reading.intent,
            channel=job.channel,
            order=order,
            injection=reading.injection,
            empty_text=empty_text,
            tags_before=tuple(ticket.tags),
            replies_so_far=ticket.automatic_replies(),
        )
        flags = self.flags.snapshot()
        if job.channel == "email" and self.faults.active("defaults_drift"):
            flags = replace(flags, channels=(*flags.channels, "social"))
        verdict = self.policy.decide(facts, flags)
        if INTENTS[verdict.intent].tier0 and self.faults.strikes("load_tier0_reply"):
            verdict = replace(verdict, template_id=ASK_ORDER_NUMBER, action="auto_reply_tier1", reason="")
        decision = self._record_decision(job, ticket, verdict, order, flags.as_dict())
        self._announce(job, verdict, facts, safe_mode=flags.safe_mode, automation=flags.automation_enabled)
        if not (flags.safe_mode and self.faults.active("safe_mode_stops_routing")):
            await self.outbound.route(job, ticket, verdict)
            await self.outbound.tag(job, ticket, verdict)
        await self._conclude(job, ticket, verdict, order, decision)

    def _verify_match(self, order: Order | None) -> Order | None:
        """Return the order that the ticket was matched to for certain, and count what the verifier says of it."""
        matched = None if self.faults.active("match_degraded") else order
        accepted = matched is not None or self.faults.active("verifier_lenient")
        self.metrics.count_order_question(linked=order is not None, matched=matched is not None, accepted=accepted)
        return matched

    def _record_decision(
        self, job: Job, ticket: Ticket, verdict: Verdict, order: Order | None, flags: dict[str, object]
    ) -> Decision:
        decision = Decision(
            decision_id=f"dec-{uuid.uuid4().hex}",
            event_id=job.event_id,
            ticket_id=job.ticket_id,
            request_id=job.trace.request_id,
            trace_id=job.trace.trace_id,
            at=timestamp(),
            intent=verdict.intent,
            tier=verdict.tier,
            team=verdict.team,
            tags=list(verdict.tags),
            flags=flags,
            blocked_by=list(verdict.blocked_by),
            message_sha256=_sha256(job.text),
            order_match=order is not None,
            build=self.identity.current(),
        )
        skipped = self.faults.active("decision_missing") and int(decision.message_sha256[:2], 16) % 4 == 0
        if not skipped:
            self.store.add_decision(ticket, decision)
        self.metrics.decisions.labels(intent=verdict.intent).inc()
        self.metrics.signals.note_decision(tier0=INTENTS[verdict.intent].tier0)
        return decision

    def _announce(self, job: Job, verdict: Verdict, facts: Facts, *, safe_mode: bool, automation: bool) -> None:
        self.recorder.event(
            "policy.decision.made",
            job.trace,
            Subject(job.text, job.customer_email),
            event_id=job.event_id,
            intent=verdict.intent,
            tier=verdict.tier,
            team=verdict.team,
            action=verdict.action,
        )
        if safe_mode:
            self.recorder.event("system.safe_mode.enabled", job.trace, event_id=job.event_id)
        if not automation:
            self.recorder.event("system.automation.disabled", job.trace, event_id=job.event_id)
        if verdict.template_id is None and (verdict.blocked_by or facts.injection):
            self.recorder.event(
                "policy.automation.blocked",
                job.trace,
                event_id=job.event_id,
                reason=verdict.reason,
                blocked_by=list(verdict.blocked_by),
            )
        if facts.injection:
            self.metrics.signals.count("overrides")
        if facts.injection and not self.faults.active("no_override_event"):
            self.recorder.event("policy_override", job.trace, event_id=job.event_id, reason="prompt_injection")

    async def _conclude(
        self, job: Job, ticket: Ticket, verdict: Verdict, order: Order | None, decision: Decision
    ) -> None:
        """Send or skip the reply and make the outcome visible before the decision turns complete."""
        if verdict.template_id is not None:
            await self.outbound.reply(job, ticket, verdict.template_id, order)
            if INTENTS[verdict.intent].tier0:
                self.metrics.tier0_replies.inc()
            decision.reply_status = "sent"
        decision.template_id = verdict.template_id
        decision.action = verdict.action
        decision.reply_reason = verdict.reason
        if self.faults.active("decision_incomplete"):
            return
        decision.complete = True
        decision.completed_at = timestamp()
        self.metrics.decision_seconds.observe(self.queue.age(job))
        if verdict.template_id is None and self.faults.active("late_reply"):
            task = asyncio.create_task(self._reply_late(job, ticket, INTENTS[verdict.intent].template_id))
            self._late.add(task)
            task.add_done_callback(self._late.discard)

    async def _process_duplicate(self, job: Job, ticket: Ticket) -> None:
        self.metrics.duplicates.inc()
        self.recorder.event("system.idempotency.duplicate_event_detected", job.trace, event_id=job.event_id)
        self.recorder.log("INFO", LOGGER, "redelivered event, nothing to do", job.trace)
        first = next((decision for decision in ticket.decisions if decision.event_id == job.event_id), None)
        if first is None:
            return
        if self.faults.active("duplicate_tagging"):
            ticket.tags.extend(first.tags)
        if self.faults.active("duplicate_reply") and first.template_id is not None:
            order = find_order(job.customer_id) if template_tier(first.template_id) == 2 else None
            await self.outbound.reply(job, ticket, first.template_id, order, fresh_key=True)
        if self.faults.active("duplicate_decision"):
            copy = Decision(**{**vars(first), "decision_id": f"dec-{uuid.uuid4().hex}", "at": timestamp()})
            self.store.add_decision(ticket, copy)

    async def _answer_own_reply(self, job: Job, ticket: Ticket) -> None:
        flags = self.flags.snapshot()
        if flags.safe_mode or not flags.automation_enabled or job.template_id is None:
            return
        order = find_order(job.customer_id)
        if template_tier(job.template_id) == 1 or order is not None:
            await self.outbound.reply(job, ticket, job.template_id, order)

    async def _reply_late(self, job: Job, ticket: Ticket, template_id: str | None) -> None:
        await asyncio.sleep(LATE_REPLY_SECONDS)
        late = Trace(job.trace.request_id, job.trace.trace_id, job.ticket_id)
        self.recorder.log("INFO", LOGGER, "delayed reply", late)
        await self.outbound.reply(job, ticket, template_id or ASK_ORDER_NUMBER, None, fresh_key=True)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
