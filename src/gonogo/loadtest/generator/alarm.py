"""Waking up on time: the event loop rounds its timers to milliseconds, the kernel's timer descriptors do not."""

from __future__ import annotations

import ctypes
import os
import time
from typing import Any, Protocol

import gevent

_CLOCK_MONOTONIC, _TFD_NONBLOCK, _TFD_CLOEXEC, _ABSOLUTE = 1, 0o4000, 0o2000000, 1
_READ = 1
_SLICE = 0.25


class Alarm(Protocol):
    """Wakes a greenlet at a moment of the monotonic clock."""

    def wait_until(self, moment: float) -> None:
        """Return at the moment, or a little earlier where it is far away: whoever waits looks whether to go on."""

    def close(self) -> None:
        """Release the timer."""


class TimerDescriptor:
    """An alarm of the Linux kernel (timerfd_create(2)), late by some hundredths of a millisecond."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = int(self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC))
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        # interval and value, each in seconds and nanoseconds
        self._spec = (ctypes.c_long * 4)(0, 0, 0, 0)
        self._hub: Any = gevent.get_hub()
        self._watcher = self._hub.loop.io(self._fd, _READ)

    def wait_until(self, moment: float) -> None:
        """Return at the moment, or after a quarter of a second."""
        moment = min(moment, time.monotonic() + _SLICE)
        whole = int(moment)
        self._spec[2], self._spec[3] = whole, max(1, int((moment - whole) * 1e9))
        if self._libc.timerfd_settime(self._fd, _ABSOLUTE, self._spec, None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")
        self._hub.wait(self._watcher)
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Close the descriptor."""
        self._watcher.close()
        os.close(self._fd)


class LoopTimer:
    """An alarm of the event loop, late by up to a millisecond; for systems without timer descriptors."""

    def wait_until(self, moment: float) -> None:
        """Return at the moment, or after a quarter of a second."""
        gevent.sleep(min(max(moment - time.monotonic(), 0.0), _SLICE))

    def close(self) -> None:
        """Do nothing."""


def make_alarm() -> Alarm:
    """Return the most exact alarm that this system has."""
    try:
        return TimerDescriptor()
    except (OSError, AttributeError):
        return LoopTimer()
