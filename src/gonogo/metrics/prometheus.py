"""The HTTP API of Prometheus, instant and range."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import httpx

from gonogo.metrics.interface import Answer, NoData, QueryFailed, Reading, Sample, Span, build_frame
from gonogo.model.gate import Flaw, FlawKind
from gonogo.model.metric import MetricSpec

SELECTOR = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?:\{[^{}]*\})?")
# Prometheus corrects counter resets inside these, so they have to be asked for to be seen.
_OVER_COUNTER = re.compile(r"\b(?:rate|irate|increase)\(\s*(?P<inside>[a-zA-Z_:][\w:]*(?:\{[^{}]*\})?\[[0-9a-z]+\])")
_MAX_POINTS = 11_000


class PrometheusSource:
    """Asks one Prometheus server; a range where the span has a length and a step is given, else an instant.

    API: https://prometheus.io/docs/prometheus/latest/querying/api/
    """

    def __init__(self, url: str, *, token: str | None = None, timeout: float = 10.0) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(base_url=url.rstrip("/") + "/", headers=headers, timeout=timeout)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def read(self, spec: MetricSpec, span: Span) -> Answer:
        """Return the answer to a metric's query, with what its counting and age queries add."""
        query = spec.query or ""
        if spec.step is not None and span.seconds is not None:
            answer = self._read_range(query, span, spec.step)
        else:
            answer = self._read_instant(query, span)
        if not isinstance(answer, Reading):
            return answer
        flaws = [*answer.flaws, *self._find_resets(query, span), *self._find_age(spec, span)]
        n = answer.n
        if spec.n_query is not None:
            counted = self._read_number(spec.n_query, span)
            if isinstance(counted, QueryFailed):
                return QueryFailed(f"n_query: {counted.reason}")
            if isinstance(counted, NoData):
                return NoData(f"n_query: {counted.reason}")
            # increase() extrapolates to fractions: only whole samples count.
            n = math.floor(counted) if math.isfinite(counted) else 0
        return Reading(answer.frame, tuple(flaws), n)

    def _read_range(self, query: str, span: Span, step: float) -> Answer:
        if span.end - span.start > step * _MAX_POINTS:
            return QueryFailed(f"a window of {span.end - span.start:g} s in steps of {step:g} s is too many points")
        parameters = {"query": query, "start": f"{span.start:.3f}", "end": f"{span.end:.3f}", "step": f"{step:g}"}
        return self._ask("api/v1/query_range", parameters)

    def _read_instant(self, query: str, span: Span) -> Answer:
        return self._ask("api/v1/query", {"query": query, "time": f"{span.end:.3f}"})

    def _read_number(self, query: str, span: Span) -> float | NoData | QueryFailed:
        answer = self._read_instant(query, span)
        if not isinstance(answer, Reading):
            return answer
        values = answer.frame["value"].tolist()
        if len(values) != 1:
            return QueryFailed(f"{len(values)} series answered where one number was expected: {query}")
        return float(values[0])

    def _find_resets(self, query: str, span: Span) -> list[Flaw]:
        flaws = []
        for inside in dict.fromkeys(match["inside"] for match in _OVER_COUNTER.finditer(query)):
            answer = self._read_instant(f"max(resets({inside}))", span)
            if isinstance(answer, QueryFailed):
                flaws.append(Flaw(FlawKind.QUERY_FAILED, f"resets of {inside}: {answer.reason}"))
            elif isinstance(answer, Reading) and (resets := max(answer.frame["value"].tolist())) > 0:
                flaws.append(Flaw(FlawKind.COUNTER_RESET, f"{inside} was reset {resets:g} times"))
        return flaws

    def _find_age(self, spec: MetricSpec, span: Span) -> list[Flaw]:
        """Return a flaw where the newest scrape is too old: an instant answers with the time of the question."""
        query = spec.age_query
        if spec.stale_after is None:
            return []
        if query is None:
            if not SELECTOR.fullmatch((spec.query or "").strip()):
                return []
            query = f"time() - min(timestamp({spec.query}))"
        age = self._read_number(query, span)
        if isinstance(age, QueryFailed):
            return [Flaw(FlawKind.QUERY_FAILED, f"age_query: {age.reason}")]
        if isinstance(age, NoData):
            return [Flaw(FlawKind.STALE, f"age_query: {age.reason}")]
        if not age <= spec.stale_after:
            text = f"the newest sample is {age:,.0f} s old, at most {spec.stale_after:g} s allowed"
            return [Flaw(FlawKind.STALE, text)]
        return []

    def _ask(self, path: str, parameters: Mapping[str, str]) -> Answer:
        query = parameters["query"]
        try:
            response = self._client.post(path, data=dict(parameters))
            body = response.json()
        except httpx.HTTPError as error:
            return QueryFailed(f"{type(error).__name__}: {error}")
        except ValueError:
            return QueryFailed(f"the answer is not JSON (status {response.status_code})")
        if not isinstance(body, dict) or body.get("status") != "success":
            why = body.get("error") if isinstance(body, dict) else None
            return QueryFailed(f"status {response.status_code}: {why or 'no reason given'}: {query}")
        try:
            samples = list(_parse(body["data"]))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            return QueryFailed(f"the answer has another form than the API's ({type(error).__name__}): {query}")
        flaws = tuple(Flaw(FlawKind.GAP, f"the server warns: {text}") for text in body.get("warnings") or ())
        if not samples:
            return NoData(f"no series: {query}")
        return Reading(build_frame(samples), flaws)


def _parse(data: Any) -> list[Sample]:
    """Return the samples of a result; raises `ValueError` for a kind of result that holds no numbers."""
    kind, result = data["resultType"], data["result"]
    if kind == "scalar":
        return [Sample(float(result[0]), {}, float(result[1]))]
    if kind == "vector":
        return [Sample(float(one["value"][0]), _labels(one), float(one["value"][1])) for one in result]
    if kind == "matrix":
        return [Sample(float(time), _labels(one), float(value)) for one in result for time, value in one["values"]]
    raise ValueError(f"resultType {kind!r} holds no numbers")


def _labels(series: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in series["metric"].items()}
