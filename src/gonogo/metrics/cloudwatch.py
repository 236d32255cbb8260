"""CloudWatch through GetMetricData, with the number of samples behind every point."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gonogo.extras import import_extra
from gonogo.metrics.interface import Answer, NoData, QueryFailed, Reading, Sample, Span, build_frame
from gonogo.model.gate import Flaw, FlawKind
from gonogo.model.metric import MetricSpec

_PERIOD = 60
_UNITS = {
    "s": "Seconds",
    "ms": "Milliseconds",
    "us": "Microseconds",
    "%": "Percent",
    "count": "Count",
    "bytes": "Bytes",
}


class CloudWatchSource:
    """Reads metrics of one region; credentials come from boto3's own chain.

    API: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
    """

    def __init__(self, region: str | None, *, url: str | None = None, timeout: float = 10.0) -> None:
        boto3 = import_extra("boto3", "aws")
        config = import_extra("botocore.config", "aws").Config(
            connect_timeout=timeout, read_timeout=timeout, retries={"total_max_attempts": 2, "mode": "standard"}
        )
        self._errors: tuple[type[Exception], ...] = (
            import_extra("botocore.exceptions", "aws").BotoCoreError,
            import_extra("botocore.exceptions", "aws").ClientError,
        )
        self._client: Any = boto3.client("cloudwatch", region_name=region, endpoint_url=url, config=config)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def read(self, spec: MetricSpec, span: Span) -> Answer:
        """Return the points of a metric; where only another unit has data, that is a failed query and not no data."""
        unit = _UNITS.get(spec.unit or "", spec.unit)
        try:
            samples, flaws = self._fetch(spec, span, unit)
            if not samples and unit is not None:
                others, _ = self._fetch(spec, span, None)
                if others:
                    return QueryFailed(f"{spec.name} has data in this window, but none in the unit {unit}")
        except self._errors as error:
            return QueryFailed(f"{type(error).__name__}: {error}")
        if not samples and not flaws:
            shown = ", ".join(f"{key}={value}" for key, value in spec.dimensions.items()) or "no dimensions"
            return NoData(f"no data points of {spec.namespace} {spec.name} ({shown})")
        if not samples:
            return QueryFailed("; ".join(flaw.text for flaw in flaws))
        return Reading(build_frame(samples), tuple(flaws))

    def _fetch(self, spec: MetricSpec, span: Span, unit: str | None) -> tuple[list[Sample], list[Flaw]]:
        period = max(_PERIOD, round((spec.step or _PERIOD) / _PERIOD) * _PERIOD)
        # The points of a window begin inside it; an instant is the newest whole period.
        length = span.seconds or period * 2
        metric = {
            "Namespace": spec.namespace,
            "MetricName": spec.name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in spec.dimensions.items()],
        }
        queries = [
            {"Id": key, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat, **_unit(unit)}}
            for key, stat in (("value", spec.stat or "Average"), ("n", "SampleCount"))
        ]
        request: dict[str, Any] = {
            "MetricDataQueries": queries,
            "StartTime": datetime.fromtimestamp(span.end - length, UTC),
            "EndTime": datetime.fromtimestamp(span.end, UTC),
            "ScanBy": "TimestampAscending",
        }
        values: dict[str, list[tuple[float, float]]] = {"value": [], "n": []}
        flaws: list[Flaw] = []
        while True:
            answer = self._client.get_metric_data(**request)
            for result in answer["MetricDataResults"]:
                times = [moment.timestamp() for moment in result["Timestamps"]]
                values[result["Id"]] += zip(times, result["Values"], strict=True)
                if result.get("StatusCode") not in (None, "Complete") and not answer.get("NextToken"):
                    flaws.append(Flaw(FlawKind.QUERY_FAILED, f"status {result['StatusCode']} for {result['Id']}"))
            flaws += [Flaw(FlawKind.GAP, f"CloudWatch says: {one['Value']}") for one in answer.get("Messages", ())]
            if not answer.get("NextToken"):
                break
            request["NextToken"] = answer["NextToken"]
        counts = dict(values["n"])
        labels = {"metric": str(spec.name), **spec.dimensions}
        samples = [
            Sample(time, labels, float(value), spec.unit, int(counts[time]) if time in counts else None)
            for time, value in values["value"]
        ]
        return samples, flaws


def _unit(unit: str | None) -> dict[str, str]:
    return {"Unit": unit} if unit is not None else {}
