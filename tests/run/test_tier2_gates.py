"""The gates before verified replies: each is red with its fault, green without, and holds where nothing was counted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from harness import ROOT, RunningSandbox

from gonogo.gates.evaluate import evaluate_gates
from gonogo.metrics.exposition import ExpositionSource
from gonogo.model.outcome import Outcome
from gonogo.run.measure import measure_gates
from gonogo.sources.gates_file import require_gates

FILE = require_gates(ROOT / "smoke_cases/richpanel/tier2_gates.yaml", "tier2_gates.yaml", "richpanel")
MATCH, VERIFIER = "GATE-match-rate", "GATE-verifier-false-positives"
QUESTIONS = 5


def measure(url: str) -> dict[str, Outcome]:
    source = ExpositionSource(f"{url}/metrics")
    try:
        measured = measure_gates(FILE, {"page": source}, datetime.now(UTC))
    finally:
        source.close()
    return {result.id: result.outcome for result in evaluate_gates(FILE.gates, measured)}


def ask(sandbox: RunningSandbox, customer: str) -> None:
    """Ask for an order's status so many times, and wait until all is decided."""
    with httpx.Client(base_url=sandbox.url, headers={"X-Middleware-Token": sandbox.token}) as client:
        for number in range(QUESTIONS):
            name = f"{customer}-{number}"
            body = {
                "ticket_id": name,
                "event_type": "message.created",
                "event_id": name,
                "channel": "livechat",
                "message": {"text": "Where is my order?"},
                "customer": {"id": customer},
            }
            assert client.post("/webhook", json=body).status_code == 202
        deadline = time.monotonic() + 20
        while any(not client.get(f"/tickets/{customer}-{n}/decisions").json() for n in range(QUESTIONS)):
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture
def start() -> Iterator[list[RunningSandbox]]:
    running: list[RunningSandbox] = []
    yield running
    for sandbox in running:
        sandbox.stop()


@pytest.mark.parametrize(
    ("fault", "red"), [(None, None), ("match_degraded", MATCH), ("verifier_lenient", VERIFIER)], ids=str
)
def test_each_gate_is_red_with_its_fault_alone(start: list[RunningSandbox], fault: str | None, red: str | None) -> None:
    start.append(RunningSandbox("--latency", "0", *(["--fault", fault] if fault else [])))
    sandbox = start[0]
    assert set(measure(sandbox.url).values()) == {Outcome.INCONCLUSIVE}
    ask(sandbox, "cust-nobody")
    # With nothing but unmatched tickets nobody knows whether linked orders would be found.
    assert measure(sandbox.url)[MATCH] is Outcome.INCONCLUSIVE
    ask(sandbox, "cust-tracked")
    expected = {MATCH: Outcome.PASSED, VERIFIER: Outcome.PASSED}
    assert measure(sandbox.url) == expected | ({red: Outcome.FAILED} if red else {})
