"""Prometheus: a real server that scrapes the sandbox, and answers that no server gives on demand."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import respx
from prometheus_server import Served, serve_prometheus
from richpanel_server import Server
from typer.testing import CliRunner

from gonogo.cli.main import app
from gonogo.metrics.interface import Answer, NoData, QueryFailed, Reading, Span
from gonogo.metrics.prometheus import PrometheusSource
from gonogo.metrics.reduce import reduce_answer
from gonogo.model.gate import FlawKind, Measurement
from gonogo.model.metric import MetricSpec

STEP = 1.0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Server("--latency", "0", "--flag-ttl", "0") as sandbox:
        for number in range(3):
            sandbox.send(f"where is my order {number}")
        with serve_prometheus(tmp_path_factory.mktemp("prometheus"), sandbox.ready["url"]) as served:
            served.wait_for("count(count_over_time(up[1m]) >= 4) == 2")
            yield served


def measure(served: Served, *, seconds: float | None = None, **more: object) -> Measurement:
    spec = MetricSpec(source="prom", **more)  # type: ignore[arg-type]
    source = PrometheusSource(served.url)
    span = Span(time.time(), seconds)
    try:
        return reduce_answer("m", spec, source.read(spec, span), span)
    finally:
        source.close()


def kinds(measurement: Measurement) -> set[FlawKind]:
    return {flaw.kind for flaw in measurement.problems}


def test_instant_of_the_sandbox(served: Served) -> None:
    measured = measure(served, query="richpanel_ingress_accepted_total", stale_after=30.0)
    assert (measured.value, measured.problems) == (3.0, ())
    assert measured.at is not None


def test_range_shows_what_came_before_the_first_scrape_as_a_gap(served: Served) -> None:
    covered = measure(served, seconds=1.5, step=0.5, query="richpanel_queue_depth", reduce="max")
    assert covered.value == 0.0
    assert covered.problems == ()
    measured = measure(served, seconds=600.0, step=STEP, query="richpanel_queue_depth", reduce="max")
    assert measured.value == 0.0
    assert kinds(measured) == {FlawKind.GAP}
    assert "% of the window" in measured.problems[0].text


def test_no_series_is_no_data_and_a_broken_query_is_not(served: Served) -> None:
    assert kinds(measure(served, query="richpanel_nothing_total")) == {FlawKind.NO_DATA}
    broken = measure(served, query="sum(richpanel")
    assert kinds(broken) == {FlawKind.QUERY_FAILED}
    assert "parse error" in broken.problems[0].text
    assert kinds(measure(served, query='"text"')) == {FlawKind.QUERY_FAILED}


def test_nothing_divided_by_nothing(served: Served) -> None:
    zero = "richpanel_dlq_messages_total"
    nan = measure(served, query=f"{zero} / {zero}")
    assert kinds(nan) == {FlawKind.NOT_A_NUMBER}
    assert nan.value != nan.value
    assert kinds(measure(served, query=f"up / {zero}", across="max")) == {FlawKind.INFINITE}
    assert kinds(measure(served, query="vector(1) / vector(0)")) == {FlawKind.INFINITE}


def test_several_series_are_not_silently_one(served: Served) -> None:
    assert FlawKind.QUERY_FAILED in kinds(measure(served, query="up"))
    assert measure(served, query="up", across="sum").value == 2


def test_samples_behind_a_figure_are_asked_for(served: Served) -> None:
    query = "histogram_quantile(0.95, sum by (le) (richpanel_ack_seconds_bucket))"
    measured = measure(served, query=query, n_query="sum(richpanel_ack_seconds_count)", unit="s")
    assert measured.n == 3
    assert measured.value is not None
    assert measured.value < 5.0
    nothing = measure(served, query=query, n_query="sum(richpanel_nothing_total)")
    assert kinds(nothing) == {FlawKind.NO_DATA}


def test_reset_of_a_counter_is_seen_through_rate(served: Served) -> None:
    served.page.text = "jobs_total 50\n"
    served.wait_for("jobs_total == 50")
    assert FlawKind.COUNTER_RESET not in kinds(measure(served, query="increase(jobs_total[10s])"))
    served.page.text = "jobs_total 3\n"
    served.wait_for("jobs_total == 3")
    measured = measure(served, query="increase(jobs_total[10s])")
    assert FlawKind.COUNTER_RESET in kinds(measured)
    raw = measure(served, seconds=5.0, step=0.5, query="jobs_total", reduce="increase", counter=True)
    assert FlawKind.COUNTER_RESET in kinds(raw)


def test_series_that_stands_still_is_stale(served: Served) -> None:
    """A page may carry the time of its samples: the exporter answers, and what it says is old."""
    served.page.text = f"jobs_total 3\nfrozen 5 {round((time.time() - 30) * 1000)}\n"
    served.wait_for("frozen")
    stale = measure(served, query="frozen", stale_after=10.0)
    assert stale.value == 5
    assert kinds(stale) == {FlawKind.STALE}
    assert measure(served, query="frozen", stale_after=300.0).problems == ()


def test_gate_eval_asks_prometheus(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "smoke_cases" / "shop").mkdir(parents=True)
    gates = tmp_path / "smoke_cases" / "shop" / "gates.yaml"
    gates.write_text(
        "system: shop\n"
        "sources: {prom: {kind: prometheus, url_env: PROMETHEUS_URL}}\n"
        "metrics:\n"
        "  tier0: {source: prom, query: richpanel_tier0_replies_total, stale_after: 30s}\n"
        "  accepted: {source: prom, query: richpanel_ingress_accepted_total}\n"
        "  dead: {source: prom, query: richpanel_dlq_messages_total, divide_by: accepted}\n"
        "gates:\n"
        "  - {id: GATE-1, metric: tier0, comparison: at_most, limit: 0, weight: safety}\n"
        "  - {id: GATE-2, metric: dead, comparison: below, limit: 0.5, min_samples: 3}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROMETHEUS_URL", served.url)
    result = CliRunner().invoke(app, ["gate", "eval", "shop", "--format", "json"])
    record = json.loads(result.stdout)
    assert result.exit_code == 0, record
    assert record["gates"][1]["sentence"].startswith("dead 0 < 0.5 (limit), n=3, 95 % interval 0 to ")
    monkeypatch.delenv("PROMETHEUS_URL")
    result = CliRunner().invoke(app, ["gate", "eval", "shop", "--format", "json"])
    assert result.exit_code == 3
    gates = json.loads(result.stdout)["gates"]
    assert {gate["outcome"] for gate in gates} == {"ERROR"}
    assert "environment variable PROMETHEUS_URL is not set" in gates[0]["sentence"]


def test_dead_exporter_never_looks_alive(served: Served) -> None:
    """Runs last: the page stays dead."""
    spec = {"query": "jobs_total", "stale_after": 2.0}
    served.page.text = "jobs_total 9\n"
    served.wait_for("jobs_total == 9")
    assert measure(served, **spec).value == 9
    served.page.text = None
    served.wait_for("jobs_total", until=lambda seen: not seen)
    assert kinds(measure(served, **spec)) == {FlawKind.NO_DATA}
    # What is computed over a window goes on answering after the death of its exporter; its age does not.
    computed = {"query": "max_over_time(jobs_total[5m])", "stale_after": 2.0}
    alive = measure(served, **computed, age_query="time() - max(timestamp(jobs_total))")
    assert alive.value is not None
    assert FlawKind.STALE in kinds(alive)
    frozen = measure(served, seconds=20.0, step=STEP, query="jobs_total", reduce="last", stale_after=2.0)
    assert frozen.problems


URL = "http://prometheus.test"


def ask_faked(route: respx.Route | None = None, **more: object) -> Answer:
    source = PrometheusSource(URL, token="t0ken")
    spec = MetricSpec(**{"source": "prom", "query": "up", **more})  # type: ignore[arg-type]
    try:
        return source.read(spec, Span(1000.0, 60.0))
    finally:
        source.close()


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"status": "success"}),
        httpx.Response(200, json={"status": "success", "data": {"resultType": "vector", "result": [{}]}}),
        httpx.Response(200, json={"status": "success", "data": {"resultType": "string", "result": [1, "x"]}}),
        httpx.Response(503, json={"status": "error", "error": "overloaded"}),
        httpx.Response(401, text="no"),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
    ],
    ids=lambda reply: str(getattr(reply, "status_code", type(reply).__name__)),
)
def test_answers_that_are_none(reply: httpx.Response | Exception) -> None:
    with respx.mock(base_url=URL) as mock:
        route = mock.post("/api/v1/query")
        route.side_effect = reply if isinstance(reply, Exception) else None
        if isinstance(reply, httpx.Response):
            route.mock(return_value=reply)
        assert isinstance(ask_faked(), QueryFailed)
        assert route.calls[0].request.headers["Authorization"] == "Bearer t0ken"


def test_warning_of_the_server_is_a_flaw() -> None:
    vector = {"resultType": "vector", "result": [{"metric": {}, "value": [1000, "1"]}]}
    body = {"status": "success", "data": vector, "warnings": ["a store did not answer"]}
    with respx.mock(base_url=URL) as mock:
        mock.post("/api/v1/query").respond(json=body)
        answer = ask_faked()
    assert isinstance(answer, Reading)
    assert [flaw.kind for flaw in answer.flaws] == [FlawKind.GAP]


def test_range_is_asked_as_the_api_wants_it() -> None:
    matrix = {"resultType": "matrix", "result": []}
    with respx.mock(base_url=URL) as mock:
        route = mock.post("/api/v1/query_range").respond(json={"status": "success", "data": matrix})
        assert isinstance(ask_faked(step=30.0), NoData)
        assert route.calls[0].request.content == b"query=up&start=940.000&end=1000.000&step=30"
        assert isinstance(ask_faked(step=0.001), QueryFailed)
