"""The writes of a decision at the vendor: team, tags and reply, each under the event's idempotency key."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from gonogo.sandbox.richpanel.catalog import TIER2_TEMPLATES
from gonogo.sandbox.richpanel.events import Recorder, Trace
from gonogo.sandbox.richpanel.faults import FaultSet
from gonogo.sandbox.richpanel.jobs import Job, JobQueue
from gonogo.sandbox.richpanel.metrics import Metrics
from gonogo.sandbox.richpanel.orders import ORDERS, TRACKING_BASE, Order, find_order, other_order, render_reply
from gonogo.sandbox.richpanel.policy import Verdict
from gonogo.sandbox.richpanel.store import Reply, Ticket
from gonogo.sandbox.richpanel.vendor import VendorClient


@dataclass
class Outbound:
    """Everything the worker writes outside of its own records."""

    vendor: VendorClient
    queue: JobQueue
    recorder: Recorder
    metrics: Metrics
    faults: FaultSet

    async def look_up(self, job: Job, find: Callable[[], Order | None]) -> Order | None:
        """Ask the vendor for the order linked to the customer."""
        return await self.vendor.call("order_lookup", job.event_id, find, job.trace)

    async def route(self, job: Job, ticket: Ticket, verdict: Verdict) -> None:
        """Assign the ticket to a team."""

        def write() -> None:
            ticket.team = verdict.team

        await self.vendor.call("route", job.event_id, write, job.trace)

    async def tag(self, job: Job, ticket: Ticket, verdict: Verdict) -> None:
        """Add the tags that are not on the ticket yet."""
        tags = list(verdict.tags)
        if self.faults.active("tag_missing"):
            tags = tags[:-1]
        if self.faults.active("foreign_tag"):
            foreign = "mw-intent-refund"
            tags.append(foreign if foreign not in verdict.tags else "mw-intent-return")
        if self.faults.active("undeclared_tag"):
            tags.append("mw-debug-tmp")

        def write() -> None:
            ticket.tags.extend(tag for tag in tags if tag not in ticket.tags)

        await self.vendor.call("tag", job.event_id, write, job.trace)

    async def reply(
        self, job: Job, ticket: Ticket, template_id: str, order: Order | None, *, fresh_key: bool = False
    ) -> None:
        """Send a template, and let the vendor report the new message as every middleware would hear of it."""
        text = self._render(template_id, order)

        def write() -> Reply:
            return self._send(job, ticket, template_id, text)

        key = uuid.uuid4().hex if fresh_key else job.event_id
        await self.vendor.call("reply", key, write, job.trace)
        if self.faults.active("reply_sent_twice") or self.faults.strikes("load_duplicate_reply"):
            await self.vendor.call("reply", uuid.uuid4().hex, write, job.trace)

    def _render(self, template_id: str, order: Order | None) -> str:
        if template_id in TIER2_TEMPLATES:
            if order is None and self.faults.active("tier2_without_match"):
                order = other_order(None)
            if self.faults.active("wrong_order_disclosed"):
                order = other_order(order)
            return render_reply(template_id, order)
        text = render_reply(template_id, order)
        if self.faults.active("tracking_link_in_reply"):
            text += f" {TRACKING_BASE}ZX81KJ20931"
        return text

    @staticmethod
    def _suspect(job: Job, template_id: str, text: str) -> bool:
        """Tell whether a reply shows an order that is not the customer's, or any where none may be shown."""
        own = find_order(job.customer_id)
        shown = [order for order in ORDERS.values() if order.number in text or (order.tracking or order.number) in text]
        return any(order is not own or template_id not in TIER2_TEMPLATES for order in shown)

    def _send(self, job: Job, ticket: Ticket, template_id: str, text: str) -> Reply:
        reply = Reply(f"rep-{uuid.uuid4().hex}", "automation", template_id, text, job.event_id)
        ticket.replies.append(reply)
        self.metrics.replies.labels(template=template_id).inc()
        self.metrics.signals.note_reply(ticket.automatic_replies(), suspected=self._suspect(job, template_id, text))
        trace = Trace(f"req-{uuid.uuid4().hex}", job.trace.trace_id, job.ticket_id)
        echo = Job(
            ticket_id=job.ticket_id,
            event_id=f"evt-{reply.id}",
            event_type="message.created",
            channel=job.channel,
            author="automation",
            text=text,
            has_attachments=False,
            customer_id=job.customer_id,
            customer_email=None,
            trace=trace,
            from_vendor=True,
            template_id=template_id,
        )
        self.queue.put(echo)
        self.recorder.event("ingress.enqueue.success", trace, event_id=echo.event_id, author="automation")
        return reply
