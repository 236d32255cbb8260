"""The assembled middleware as a Starlette application."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gonogo.sandbox.richpanel.classify import Classifier
from gonogo.sandbox.richpanel.classify_api import ClassifyApi
from gonogo.sandbox.richpanel.events import Recorder
from gonogo.sandbox.richpanel.fault_api import FaultApi
from gonogo.sandbox.richpanel.faults import FaultSet
from gonogo.sandbox.richpanel.flag_api import FlagApi
from gonogo.sandbox.richpanel.flags import FlagCache, FlagStore
from gonogo.sandbox.richpanel.identity import BuildIdentity
from gonogo.sandbox.richpanel.ingress import Authenticator, Ingress, RefusedError
from gonogo.sandbox.richpanel.jobs import JobQueue
from gonogo.sandbox.richpanel.metrics import Metrics
from gonogo.sandbox.richpanel.outbound import Outbound
from gonogo.sandbox.richpanel.parameters import Parameters
from gonogo.sandbox.richpanel.policy import Policy
from gonogo.sandbox.richpanel.settings import Settings
from gonogo.sandbox.richpanel.store import Decision, Store, Ticket
from gonogo.sandbox.richpanel.vendor import VendorApi, VendorClient
from gonogo.sandbox.richpanel.worker import Latency, Worker

PAGE = 500


@dataclass
class Pages:
    """The endpoints that read, one of them with the token, and the one that closes a ticket."""

    store: Store
    recorder: Recorder
    figures: Metrics
    jobs: JobQueue
    identity: BuildIdentity
    faults: FaultSet
    authenticator: Authenticator

    async def health(self, _request: Request) -> Response:
        """Answer that the process serves."""
        if self.faults.active("health_failing"):
            return JSONResponse({"ok": False}, 503)
        return JSONResponse({"ok": True})

    async def version(self, _request: Request) -> Response:
        """Answer with build, environment and release."""
        build = self.identity.current()
        return JSONResponse({"build": build, "env": self.identity.env, "release": build})

    async def metrics(self, _request: Request) -> Response:
        """Answer with the metrics in the Prometheus text format."""
        page = self.figures.signals.page()
        if page is None:
            return JSONResponse({"error": "unavailable"}, 503)
        return Response(page, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def ticket(self, request: Request) -> Response:
        """Answer with a ticket, or 404."""
        ticket = self.store.tickets.get(request.path_params["id"])
        return JSONResponse(ticket.as_dict()) if ticket else _not_found()

    async def credentials(self, request: Request) -> Response:
        """Answer whether the token of the webhook is right."""
        try:
            self.authenticator.require(request)
        except RefusedError as rejection:
            return rejection.response()
        return JSONResponse({"ok": True})

    async def close_ticket(self, request: Request) -> Response:
        """Close a ticket, which needs the token of the webhook; 404 for an unknown one."""
        try:
            self.authenticator.require(request)
        except RefusedError as rejection:
            return rejection.response()
        ticket = self.store.tickets.get(request.path_params["id"])
        if ticket is None:
            return _not_found()
        if self.faults.active("ticket_close_fails"):
            return JSONResponse({"error": "unavailable"}, 503)
        ticket.closed = True
        return JSONResponse({"ticket_id": ticket.ticket_id, "status": "closed"})

    async def decisions(self, request: Request) -> Response:
        """Answer with the decisions of a ticket, none for an unknown one."""
        ticket_id = request.path_params["id"]
        decisions: Iterable[Decision] = self.store.decisions(ticket_id)
        if self.faults.active("foreign_decision"):
            decisions = self.store.foreign_decisions(ticket_id) or decisions
        return JSONResponse([decision.as_dict() for decision in decisions])

    async def replies(self, request: Request) -> Response:
        """Answer with the replies of a ticket, none for an unknown one."""
        if self.faults.active("no_reply_log"):
            return _not_found()
        ticket = self.store.tickets.get(request.path_params["id"])
        if ticket is None or self.faults.active("control_reply_hidden"):
            return JSONResponse([])
        return JSONResponse([reply.as_dict() for reply in ticket.replies])

    async def all_decisions(self, request: Request) -> Response:
        """Answer with a page of the decisions of all tickets that begin with `ticket_prefix`, oldest ticket first."""
        tickets, following = self._page(request)
        items = [decision.as_dict() for ticket in tickets for decision in ticket.decisions]
        return JSONResponse({"items": items, "next": following})

    async def all_replies(self, request: Request) -> Response:
        """Answer with a page of the replies on all tickets that begin with `ticket_prefix`, oldest ticket first."""
        if self.faults.active("no_reply_log"):
            return _not_found()
        tickets, following = self._page(request)
        hidden = self.faults.active("control_reply_hidden")
        replies = [(ticket, reply) for ticket in tickets for reply in ticket.replies if not hidden]
        items = [{"ticket_id": ticket.ticket_id, **reply.as_dict()} for ticket, reply in replies]
        return JSONResponse({"items": items, "next": following})

    def _page(self, request: Request) -> tuple[list[Ticket], int | None]:
        """Return the tickets of a page and where the next one begins; `cursor` counts all tickets."""
        prefix, cursor = request.query_params.get("ticket_prefix", ""), request.query_params.get("cursor", "")
        start = int(cursor) if cursor.isdecimal() else 0
        page = list(islice(self.store.tickets.values(), start, start + PAGE))
        following = start + PAGE if start + PAGE < len(self.store.tickets) else None
        return [ticket for ticket in page if ticket.ticket_id.startswith(prefix)], following

    async def events(self, request: Request) -> Response:
        """Answer with the events of a ticket, or all of them."""
        return JSONResponse(self.recorder.events(request.query_params.get("ticket_id")))

    async def logs(self, request: Request) -> Response:
        """Answer with the log lines of a ticket, or all of them."""
        return JSONResponse(self.recorder.logs(request.query_params.get("ticket_id")))

    async def dead_letters(self, _request: Request) -> Response:
        """Answer with the jobs that were set aside."""
        return JSONResponse(self.store.dead_letters)

    async def queue(self, _request: Request) -> Response:
        """Answer with the waiting jobs, the jobs in work, and the age of the oldest unfinished one."""
        age = round(self.jobs.oldest_age(), 6)
        return JSONResponse({"depth": self.jobs.depth, "in_flight": self.jobs.in_flight, "oldest_age_s": age})


def build_app(settings: Settings) -> Starlette:
    """Return the application of one process with its own store, queue and workers."""
    faults = settings.faults
    # One stream of random numbers a purpose: the number of workers must not change what the vendor answers.
    seeds = random.Random(settings.seed)
    latency_rng, queue_rng, vendor_rng = (random.Random(seeds.random()) for _ in range(3))
    store = Store()
    flag_store = FlagStore()
    queue = JobQueue(queue_rng, shuffle=settings.shuffle)
    metrics = Metrics(queue, faults)
    identity = BuildIdentity(settings.build, settings.env, faults, lambda: store.decision_count)
    recorder = Recorder(faults, identity.current, settings.env, settings.token)
    authenticator = Authenticator(settings.token, faults)
    ingress = Ingress(authenticator, queue, recorder, metrics, faults, settings.admitted_rate, settings.admitted_burst)
    vendor = VendorClient(VendorApi(vendor_rng, settings.vendor_429, settings.vendor_5xx), recorder, metrics, faults)
    classifier = Classifier(settings.labels, faults)
    policy = Policy(faults, settings.instead)
    worker = Worker(
        queue=queue,
        store=store,
        recorder=recorder,
        metrics=metrics,
        flags=FlagCache(flag_store, settings.flag_ttl, faults),
        classifier=classifier,
        policy=policy,
        outbound=Outbound(vendor, queue, recorder, metrics, faults),
        faults=faults,
        identity=identity,
        latency=Latency(settings.latency_low, settings.latency_high),
        rng=latency_rng,
    )
    pages = Pages(store, recorder, metrics, queue, identity, faults, authenticator)
    parameters = Parameters(settings)
    flag_api = FlagApi(flag_store, authenticator, faults)
    classify_api = ClassifyApi(authenticator, classifier, policy, faults)

    @asynccontextmanager
    async def run_workers(_app: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(worker.run()) for _ in range(settings.workers)]
        try:
            yield
        finally:
            worker.stop_late_replies()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    routes = [
        Route("/webhook", ingress.receive, methods=["POST"]),
        Route("/classify", classify_api.classify, methods=["POST"]),
        Route("/health", pages.health),
        Route("/version", pages.version),
        Route("/credentials", pages.credentials),
        Route("/metrics", pages.metrics),
        Route("/tickets/{id:path}/close", pages.close_ticket, methods=["POST"]),
        Route("/tickets/{id:path}/decisions", pages.decisions),
        Route("/tickets/{id:path}/replies", pages.replies),
        Route("/tickets/{id:path}", pages.ticket),
        Route("/decisions", pages.all_decisions),
        Route("/replies", pages.all_replies),
        Route("/events", pages.events),
        Route("/logs", pages.logs),
        Route("/config", parameters.show),
        Route("/faults", FaultApi(faults, authenticator).put_faults, methods=["PUT"]),
        Route("/flags", flag_api.list_flags),
        Route("/flags/{name}", flag_api.put_flag, methods=["PUT"]),
        Route("/flags/{name}", flag_api.delete_flag, methods=["DELETE"]),
        Route("/dlq", pages.dead_letters),
        Route("/queue", pages.queue),
    ]
    return Starlette(routes=routes, lifespan=run_workers, exception_handlers={HTTPException: _as_json})


async def _as_json(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail.lower().replace(" ", "_")}, error.status_code, error.headers)


def _not_found() -> Response:
    return JSONResponse({"error": "not_found"}, 404)
