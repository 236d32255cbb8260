"""What a generator writes down of every request: sixteen bytes, exact to the microsecond."""

from __future__ import annotations

from struct import Struct

# Arrival, lag and latency in µs from the moment that it was due, status (0: no answer), error.
RECORD = Struct("<IIIHH")
CONNECT, TIMEOUT, CLOSED, MALFORMED = 1, 2, 3, 4
ERRORS = {CONNECT: "not connected", TIMEOUT: "timed out", CLOSED: "connection closed", MALFORMED: "no HTTP answer"}
_MOST = 2**32 - 1


def pack_record(arrival: int, due: float, sent: float, ended: float, status: int, error: int) -> bytes:
    """Return the record of a request; times are in seconds of one clock."""
    lag = round(((sent or ended) - due) * 1e6)
    latency = round((ended - due) * 1e6)
    return RECORD.pack(arrival, min(max(lag, 0), _MOST), min(max(latency, 0), _MOST), status, error)
