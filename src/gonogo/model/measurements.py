"""measurements.json: what was measured, kept so that other thresholds can judge it later."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from gonogo.model.gate import Flaw, FlawKind, Interval, Measurement, Number, number_json

SCHEMA = "gonogo/measurements/1"
FILE = "measurements.json"


def measurements_json(measured: Mapping[str, Measurement], at: datetime) -> dict[str, Any]:
    """Return measurements as JSON data; a fraction keeps its numerator and denominator beside its value."""
    return {
        "schema": SCHEMA,
        "at": at.isoformat(),
        "measurements": {key: _to_json(one) for key, one in measured.items()},
    }


def _to_json(one: Measurement) -> dict[str, Any]:
    record: dict[str, Any] = {
        "metric": one.metric,
        "value": number_json(one.value),
        "n": one.n,
        "interval": one.interval.to_json() if one.interval else None,
        "unit": one.unit,
        "at": one.at.isoformat() if one.at else None,
        "source": one.source,
        "problems": [{"kind": flaw.kind.value, "text": flaw.text} for flaw in one.problems],
    }
    if isinstance(one.value, Fraction) and one.value.denominator != 1:
        record["fraction"] = [one.value.numerator, one.value.denominator]
    return record


def read_measurements(data: object) -> dict[str, Measurement]:
    """Return the measurements of a file's JSON; raises `ValueError` for anything that is not whole."""
    if not isinstance(data, dict) or data.get("schema") != SCHEMA or not isinstance(data.get("measurements"), dict):
        raise ValueError(f"not measurements; allowed: {{schema: {SCHEMA!r}, at, measurements: {{…}}}}")
    measured = {}
    for key, record in data["measurements"].items():
        try:
            measured[str(key)] = _from_json(record)
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise ValueError(f"measurement {key!r} is not whole ({type(error).__name__}: {error})") from error
    return measured


def _from_json(record: Mapping[str, Any]) -> Measurement:
    interval, at, n = record["interval"], record["at"], record["n"]
    if n is not None and (isinstance(n, bool) or not isinstance(n, int)):
        raise ValueError(f"n is {n!r}")
    return Measurement(
        str(record["metric"]),
        _number(record),
        n,
        Interval(float(interval["low"]), float(interval["high"]), float(interval["level"]), str(interval["method"]))
        if interval is not None
        else None,
        None if record["unit"] is None else str(record["unit"]),
        None if at is None else datetime.fromisoformat(at),
        str(record["source"]),
        tuple(Flaw(FlawKind(flaw["kind"]), str(flaw["text"])) for flaw in record["problems"]),
    )


def _number(record: Mapping[str, Any]) -> Number | None:
    value = record["value"]
    if "fraction" in record:
        numerator, denominator = record["fraction"]
        return Fraction(int(numerator), int(denominator))
    if isinstance(value, bool):
        raise ValueError("a truth value is no figure")
    if isinstance(value, str):
        # What JSON cannot write as a number: NaN and the infinities, and numbers beyond those of a float.
        return float(value) if value in ("nan", "inf", "-inf") else Decimal(value)
    if value is None or isinstance(value, int | float):
        return value
    raise ValueError(f"{value!r} is no figure")
