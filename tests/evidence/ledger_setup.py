"""Ledgers with entries, appending processes, and the S3 emulator as a process, for the tests of the ledger."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from gonogo.evidence.ledger import Ledger, open_ledger

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 21, 5, 3, 5, tzinfo=UTC)
BUCKET = "ledgers"


def filled_ledger(location: Path | str, count: int, system: str = "richpanel") -> Ledger:
    ledger = open_ledger(str(location), system)
    for index in range(count):
        ledger.append("run", {"run": f"run-{index}", "stage": "2", "text": "Grüße"}, NOW)
    return ledger


@contextmanager
def started(script: str, *arguments: str, environ: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run a script beside the tests with pipes, and make sure that it is gone afterwards."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environ or {})},
    )
    try:
        with process:
            yield process
            if process.stdin and not process.stdin.closed:
                process.stdin.close()
            process.wait(30)
    finally:
        process.kill()


@contextmanager
def s3_emulator(*options: str) -> Iterator[dict[str, str]]:
    """Yield the environment variables that lead to an S3 emulator with one bucket."""
    with started("s3_emulator.py", *options) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        environ = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "someone",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        import httpx

        assert httpx.put(f"{url}/{BUCKET}").status_code == 200
        yield environ


def append_at_once(
    location: str, processes: int, count: int, *options: str, environ: Mapping[str, str] | None = None
) -> list[int]:
    """Let several processes append at the same time; return every number that one of them said was durable."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        running = [
            stack.enter_context(
                started("ledger_appender.py", location, f"p{index}", str(count), *options, environ=environ)
            )
            for index in range(processes)
        ]
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.stdout.read().split() for process in running if process.stdout]
    assert [process.returncode for process in running] == [0] * processes
    return [int(number) for numbers in said for number in numbers]
