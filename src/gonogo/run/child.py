"""The child process of a run: pytest behind an output guard."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import traceback

from gonogo.run.output import OutputGuard

_INTERNAL = 3


def main(arguments: list[str]) -> int:
    """Run pytest and return its exit code; an exception that it lets through is an internal error."""
    import pytest

    # The features of a large pack are millions of objects that live to the end; looking for garbage among them at
    # Python's usual rate costs a sixth of the run.
    gc.set_threshold(100_000, 50, 50)
    try:
        return int(pytest.main(arguments))
    except BaseException:  # noqa: BLE001 - printed here, where the guard still stands
        traceback.print_exc()
        return _INTERNAL


if __name__ == "__main__":
    # A shell that starts a run in the background has it ignore interrupts, and flags are returned on an interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    guard = OutputGuard()
    code = main(sys.argv[1:])
    # What is registered for the exit may print too, and nothing may print once the guard is gone.
    atexit._run_exitfuncs()
    guard.close()
    os._exit(code)
