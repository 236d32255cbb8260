"""A watch against a real sandbox over HTTP, with a clock that does not wait, and faults that begin under it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from harness import ROOT, RunningSandbox

from gonogo.evidence.ledger.book import Ledger, open_ledger
from gonogo.model.watch import WatchFile
from gonogo.notify.webhook import Notifier
from gonogo.release.rollback_request import RollbackReport
from gonogo.release.soak import SoakMeter
from gonogo.release.soak_sample import SAMPLES
from gonogo.release.watching.claim import Claims, LedgerView
from gonogo.release.watching.journal import SampleLog, Session
from gonogo.release.watching.judge import Firing, RuleBook
from gonogo.release.watching.loop import WatchLoop, WatchState
from gonogo.release.watching.observe import LiveObserver, Observation
from gonogo.release.watching.react import Place, Reactor
from gonogo.sources.project import Project
from gonogo.sources.watch_file import read_watch_pack
from gonogo.targets.http import HttpTarget, Secrets

TOKEN = "RICHPANEL_WEBHOOK_TOKEN"
SYSTEM = Project.from_path(ROOT).load_system("richpanel")
PACK, _problems = read_watch_pack(ROOT / "smoke_cases" / "richpanel" / "watch.yaml", "watch.yaml", "richpanel")
assert PACK is not None, _problems
RULES: WatchFile = PACK.content
TRIGGERS = SYSTEM.plan.triggers
START = datetime(2026, 11, 21, 8, tzinfo=UTC)
TIER0 = "This is fraud. My lawyer will sue you and I dispute the charge with my bank."
ORDER = "Hello, where is my order? I have not heard anything yet."
ON: dict[str, Any] = {
    "template_enabled.t_order_status_ask_order_number": True,
    "safe_mode": False,
    "automation_enabled": True,
}


@dataclass
class StepClock:
    """A clock that a wait moves on at once; `after` is called with the seconds waited for so far."""

    at: float = 0.0
    after: Callable[[float], bool | None] = lambda _: None

    def now(self) -> datetime:
        return START + timedelta(seconds=self.at)

    def elapsed(self) -> float:
        return self.at

    def uptime(self) -> float:
        return self.at

    def wait(self, seconds: float) -> bool:
        self.at += seconds
        return bool(self.after(self.at))


class ComparedClock:
    """An observer whose clock agrees with the target's: that of a test runs ahead of every server's."""

    def __init__(self, inner: LiveObserver) -> None:
        self.inner = inner

    def observe(self, now: datetime, elapsed: float) -> Observation:
        return replace(self.inner.observe(now, elapsed), offset=0.0)

    def restore(self, points: Mapping[str, Any], at: float, oldest: float) -> None:
        self.inner.restore(points, at, oldest)

    def close(self) -> None:
        self.inner.close()


class Sandbox(RunningSandbox):
    """A sandbox whose faults can be switched while it runs."""

    def __init__(self, *options: str) -> None:
        super().__init__("--flag-ttl", "0", "--latency", "0.01", *options)
        self.client = httpx.Client(
            base_url=self.url, headers={"X-Middleware-Token": self.token}, timeout=5, verify=False, trust_env=False
        )

    def faults(self, *names: str) -> None:
        answer = self.client.put("/faults", json={"active": list(names)})
        assert answer.status_code == 200, answer.text

    def set_flags(self, flags: Mapping[str, Any]) -> None:
        for name, value in flags.items():
            assert self.client.put(f"/flags/{name}", json={"value": value}).status_code == 200

    def customer(self, ticket: str, text: str) -> None:
        """Send a customer's message and wait until its decision is complete."""
        body = {"ticket_id": ticket, "event_type": "message.created", "channel": "livechat", "message": {"text": text}}
        assert self.client.post("/webhook", json=body).status_code == 202
        for _ in range(200):
            if any(one["complete"] for one in self.client.get(f"/tickets/{ticket}/decisions").json()):
                return
            time.sleep(0.01)
        raise AssertionError("no decision")

    def target(self) -> HttpTarget:
        environment = SYSTEM.environments.environments["sandbox"]
        limits = environment.limits.model_copy(update={"retry_cap": 0.0})
        interface = SYSTEM.environments.interfaces["middleware"]
        environment = environment.model_copy(update={"limits": limits}).with_variables(
            {"canary": "c", "canary_digits": "0"}
        )
        return HttpTarget(interface, environment, self.url, Secrets({TOKEN: self.token}), lambda _: None)

    def stop(self) -> None:
        self.client.close()
        super().stop()


def read_pack_of(tmp_path: Path, text: str) -> WatchFile:
    """Return the rules of a text."""
    path = tmp_path / "watch.yaml"
    path.write_text(text, "utf-8")
    pack, problems = read_watch_pack(path, "watch.yaml", "richpanel")
    assert pack is not None, [str(one) for one in problems]
    return pack.content


@dataclass
class Scene:
    """One session of a watch, put together without its command."""

    loop: WatchLoop
    clock: StepClock
    folder: Path
    states: list[WatchState]
    told: list[str]
    ledger: Ledger
    close: Callable[[], None]
    performed: list[Firing] = field(default_factory=list)

    def run(self) -> Scene:
        try:
            self.loop.run()
        finally:
            self.close()
        return self

    @property
    def fired(self) -> dict[str, float]:
        """Return when each trigger fired first, in seconds after the start."""
        return {one.id: one.at - START.timestamp() for one in self.loop.book.firings.values()}

    def level(self, rule: str) -> str:
        assert self.loop.last is not None
        return next(view.level.value for view in self.loop.last.views if view.rule.id == rule)


def set_scene(
    folder: Path,
    sandbox: Sandbox,
    *,
    length: float,
    every: float = 30.0,
    rules: WatchFile = RULES,
    after: Callable[[float], bool | None] = lambda _: None,
    perform: Callable[[Firing], RollbackReport] | None = None,
    session: str = "s1",
    ledger: Path | None = None,
    claims: Mapping[str, float] | None = None,
    clock: StepClock | None = None,
    notify: str | None = None,
) -> Scene:
    """Return a session that polls a sandbox, with the rules and triggers of the project."""
    folder.mkdir(parents=True, exist_ok=True)
    book = open_ledger(str(ledger or folder / "ledger"), "richpanel")
    clock = clock or StepClock(after=after)
    states: list[WatchState] = []
    told: list[str] = []
    performed: list[Firing] = []
    target = sandbox.target()
    observer = LiveObserver.of(rules, target, sandbox.url, folder, os.environ, None)
    log = SampleLog(folder / SAMPLES)
    notifier = Notifier(notify, told.append)

    def recorded(firing: Firing) -> RollbackReport:
        performed.append(firing)
        assert perform is not None
        return perform(firing)

    reactor = Reactor(
        Place("richpanel", "deployed", "2", "r1", session),
        book,
        Claims(book, "deployed", session, lambda: datetime.now(UTC), **(claims or {})),
        notifier,
        recorded if perform is not None else None,
        clock.now,
        told.append,
    )
    loop = WatchLoop(
        Session(session, "h1", START.isoformat(), every, False, None),
        ComparedClock(observer),
        RuleBook(rules.rules, TRIGGERS, clock.now().timestamp()),
        SoakMeter(length),
        log,
        reactor,
        LedgerView(book, "deployed"),
        clock,
        length,
        states.append,
    )

    def close() -> None:
        notifier.close()
        log.close()
        observer.close()
        target.close()

    return Scene(loop, clock, folder, states, told, book, close, performed)
