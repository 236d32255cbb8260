"""The assembled middleware as a Starlette application."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gonogo.sandbox.richpanel.classify import Classifier
from gonogo.sandbox.richpanel.classify_api import ClassifyApi
from gonogo.sandbox.richpanel.events import Recorder
from gonogo.sandbox.richpanel.faults import FaultSet
from gonogo.sandbox.richpanel.flag_api import FlagApi
from gonogo.sandbox.richpanel.flags import FlagCache, FlagStore
from gonogo.sandbox.richpanel.identity import BuildIdentity
from gonogo.sandbox.richpanel.ingress import Authenticator, Ingress
from gonogo.sandbox.richpanel.jobs import JobQueue
from gonogo.sandbox.richpanel.metrics import Metrics
from gonogo.sandbox.richpanel.outbound import Outbound
from gonogo.sandbox.richpanel.policy import Policy
from gonogo.sandbox.richpanel.settings import Settings
from gonogo.sandbox.richpanel.store import Decision, Store
from gonogo.sandbox.richpanel.vendor import VendorApi, VendorClient
from gonogo.sandbox.richpanel.worker import Latency, Worker


@dataclass
class Pages:
    """The read endpoints."""

    store: Store
    recorder: Recorder
    figures: Metrics
    jobs: JobQueue
    identity: BuildIdentity
    faults: FaultSet

    async def health(self, _request: Request) -> Response:
        """Answer that the process serves."""
        return JSONResponse({"ok": True})

    async def version(self, _request: Request) -> Response:
        """Answer with build, environment and release."""
        build = self.identity.current()
        return JSONResponse({"build": build, "env": self.identity.env, "release": build})

    async def metrics(self, _request: Request) -> Response:
        """Answer with the metrics in the Prometheus text format."""
        return Response(generate_latest(self.figures.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def ticket(self, request: Request) -> Response:
        """Answer with a ticket, or 404."""
        ticket = self.store.tickets.get(request.path_params["id"])
        return JSONResponse(ticket.as_dict()) if ticket else _not_found()

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
    metrics = Metrics(queue)
    identity = BuildIdentity(settings.build, settings.env, faults, lambda: store.decision_count)
    recorder = Recorder(faults, identity.current, settings.env, settings.token)
    authenticator = Authenticator(settings.token, faults)
    ingress = Ingress(authenticator, queue, recorder, metrics, faults)
    vendor = VendorClient(VendorApi(vendor_rng, settings.vendor_429, settings.vendor_5xx), recorder, metrics)
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
    pages = Pages(store, recorder, metrics, queue, identity, faults)
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
        Route("/metrics", pages.metrics),
        Route("/tickets/{id:path}/decisions", pages.decisions),
        Route("/tickets/{id:path}/replies", pages.replies),
        Route("/tickets/{id:path}", pages.ticket),
        Route("/events", pages.events),
        Route("/logs", pages.logs),
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
