"""Telling a webhook of a change of state: a JSON POST, tried a few times, and never a reason to stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

SCHEMA = "gonogo/notice/1"
_ATTEMPTS = 3
_TIMEOUT = 5.0
_PAUSE = 0.5
_MOST_WAITING = 64


@dataclass(frozen=True, slots=True)
class Notice:
    """One change of state; `details` is JSON data that holds nothing of the system's content."""

    event: str
    text: str
    details: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the body that is posted."""
        return {"schema": SCHEMA, "event": self.event, "text": self.text, **self.details}


def post_notice(
    url: str, notice: Notice, *, attempts: int = _ATTEMPTS, pause: float = _PAUSE, timeout: float = _TIMEOUT
) -> str:
    """Post a notice as JSON; return an empty text, or why it did not arrive after all attempts.

    An answer of 4xx other than 408 and 429 is final. The reason names the status or the kind of error and never the
    URL: that of a webhook is often a secret. Times are in seconds.
    """
    reason = ""
    for attempt in range(attempts):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            response = httpx.post(url, json=notice.to_json(), timeout=timeout, follow_redirects=False)
        except httpx.HTTPError as error:
            reason = type(error).__name__
            continue
        except (httpx.InvalidURL, ValueError) as error:
            return f"not a URL that can be posted to ({type(error).__name__})"
        if response.is_success:
            return ""
        reason = f"status {response.status_code}"
        if response.is_client_error and response.status_code not in (408, 429):
            return reason
    return f"{reason}, {attempts} attempts"


@dataclass
class Notifier:
    """Posts notices in the order given without making the caller wait; failures are told to `tell`."""

    url: str | None
    tell: Callable[[str], None]
    sent: int = 0
    failed: int = 0
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="gonogo-notify"))
    _waiting: list[Future[None]] = field(default_factory=list)

    def notify(self, notice: Notice) -> None:
        """Have a notice posted; does nothing without a URL. More than a few dozen waiting are told and dropped."""
        if self.url is None:
            return
        self._waiting = [one for one in self._waiting if not one.done()]
        if len(self._waiting) >= _MOST_WAITING:
            self.failed += 1
            self.tell(f"NOT NOTIFIED of {notice.event}: {len(self._waiting)} notices are waiting already")
            return
        self._waiting.append(self._pool.submit(self._post, self.url, notice))

    def close(self, seconds: float = 20.0) -> None:
        """Wait at most so long for what is under way, then let go."""
        deadline = time.monotonic() + seconds
        for one in self._waiting:
            try:
                one.result(timeout=max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                self.failed += 1
                self.tell("NOT NOTIFIED: the webhook did not answer in time")
                break
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _post(self, url: str, notice: Notice) -> None:
        reason = post_notice(url, notice)
        if reason:
            self.failed += 1
            self.tell(f"NOT NOTIFIED of {notice.event}: {reason}")
        else:
            self.sent += 1
