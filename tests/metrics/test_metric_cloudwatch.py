"""CloudWatch against an emulator of its API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from gonogo.metrics.cloudwatch import CloudWatchSource
from gonogo.metrics.interface import Answer, NoData, QueryFailed, Reading, Span
from gonogo.metrics.reduce import reduce_answer
from gonogo.model.gate import FlawKind
from gonogo.model.metric import MetricSpec

# A whole minute: CloudWatch's points begin at one.
NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    patch = pytest.MonkeyPatch()
    patch.setenv("AWS_ACCESS_KEY_ID", "testing")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    patch.delenv("AWS_PROFILE", raising=False)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client("cloudwatch", region_name="eu-central-1", endpoint_url=url)
    points = [
        {
            "MetricName": "Duration",
            "Dimensions": [{"Name": "FunctionName", "Value": "bot"}],
            "Timestamp": NOW - timedelta(minutes=minute),
            "StatisticValues": {"SampleCount": 10, "Sum": value * 10, "Minimum": value, "Maximum": value},
            "Unit": "Milliseconds",
        }
        for minute, value in ((5, 100.0), (4, 200.0), (2, 400.0))
    ]
    client.put_metric_data(Namespace="Bot", MetricData=points)
    client.close()
    yield url
    server.stop()
    patch.undo()


def read(endpoint: str, **more: Any) -> tuple[MetricSpec, Answer, Span]:
    spec = MetricSpec(
        **{
            "source": "aws",
            "namespace": "Bot",
            "name": "Duration",
            "dimensions": {"FunctionName": "bot"},
            "window": 600.0,
            "step": 60.0,
            "reduce": "max",
            **more,
        }
    )
    span = Span(NOW.timestamp(), 600.0)
    source = CloudWatchSource("eu-central-1", url=endpoint)
    try:
        return spec, source.read(spec, span), span
    finally:
        source.close()


def test_points_carry_the_samples_behind_them(endpoint: str) -> None:
    spec, answer, span = read(endpoint, unit="ms")
    assert isinstance(answer, Reading)
    assert answer.frame["value"].tolist() == [100.0, 200.0, 400.0]
    assert answer.frame["n"].tolist() == [10, 10, 10]
    measured = reduce_answer("m", spec, answer, span)
    assert (measured.value, measured.n, measured.unit) == (400.0, 30, "ms")
    # Minutes without a point are seen, not joined.
    assert {flaw.kind for flaw in measured.problems} == {FlawKind.GAP}


def test_another_unit_is_a_failed_query_and_not_no_data(endpoint: str) -> None:
    _, answer, _ = read(endpoint, unit="s")
    assert isinstance(answer, QueryFailed)
    assert "none in the unit Seconds" in answer.reason


def test_nothing_is_no_data(endpoint: str) -> None:
    _, answer, _ = read(endpoint, dimensions={"FunctionName": "other"}, unit="ms")
    assert isinstance(answer, NoData)
    assert "FunctionName=other" in answer.reason


def test_refused_queries_say_why(endpoint: str) -> None:
    _, answer, _ = read("http://127.0.0.1:9", unit="ms")
    assert isinstance(answer, QueryFailed)


class Paged:
    """A client whose answers come in pages, the last of them incomplete."""

    def __init__(self, status: str) -> None:
        self.status = status
        self.tokens: list[str | None] = []

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        self.tokens.append(request.get("NextToken"))
        first = "NextToken" not in request
        at = NOW - timedelta(minutes=2 if first else 1)
        results = [
            {"Id": key, "Timestamps": [at], "Values": [value], "StatusCode": "PartialData" if first else self.status}
            for key, value in (("value", 7.0), ("n", 3.0))
        ]
        return {"MetricDataResults": results, **({"NextToken": "more"} if first else {})}

    def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize(("status", "flawed"), [("Complete", False), ("InternalError", True), ("PartialData", True)])
def test_pages_are_read_to_their_end_and_must_be_complete(
    monkeypatch: pytest.MonkeyPatch, status: str, flawed: bool
) -> None:
    client = Paged(status)
    monkeypatch.setattr(boto3, "client", lambda *_, **__: client)
    spec, answer, span = read("http://unused.test", unit=None, step=None)
    assert client.tokens == [None, "more"]
    measured = reduce_answer("m", spec, answer, span)
    assert measured.n == 6
    assert (FlawKind.QUERY_FAILED in {flaw.kind for flaw in measured.problems}) == flawed
