"""Lengths of time and moments as people read them."""

from __future__ import annotations

from datetime import UTC, datetime


def show_seconds(seconds: float) -> str:
    """Return a length of time as people say it, rounded down: `1 h 05 min`, `42 s`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s" if seconds >= 10 or seconds == whole else f"{int(seconds * 10) / 10:.1f} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours:02} h"


def show_time(at: float) -> str:
    """Return seconds since 1970 as UTC to the second."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
