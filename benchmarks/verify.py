"""Sealing and verifying a large bundle beside `sha256sum` over the same files, in one run.

    python benchmarks/verify.py [--cases 1000] [--megabytes 100]

Prints seconds and ratios. `verify` is the whole command, interpreter start included; `sha256sum` likewise.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "evidence"))

from bundles import KEY, result, write_bundle

from gonogo.evidence.bundle import MANIFEST, STATEMENT
from gonogo.evidence.seal import ScanTerms, seal_folder

NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)
CHECKS = ("intent", "team", "tags", "template", "action", "reply", "privacy", "duplicate")


def write_large(folder: Path, cases: int, size: int) -> None:
    """Write a sealed bundle of so many cases, padded with exchanges to a size in bytes, and take its seal off."""
    results = [result(f"ST-{number:05d}", check) for number in range(cases) for check in CHECKS]
    write_bundle(folder, results, environment="sandbox", kind="sandbox")
    for name in (MANIFEST, STATEMENT):
        (folder / name).unlink()
    have = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    random, missing = Random(7), max(0, size - have)
    number = 0
    while missing > 0:
        number += 1
        with (folder / f"exchanges-{number:03d}.jsonl").open("w") as file:
            while missing > 0 and file.tell() < 8 << 20:
                missing -= file.write(_exchange(random))


def _exchange(random: Random) -> str:
    record = {
        "at": 1795233850 + random.random() * 1000,
        "method": random.choice(("GET", "POST")),
        "route": random.choice(("/webhook", "/tickets/{ticket_id}/decisions", "/events")),
        "status": random.choice((200, 202, 401)),
        "ms": round(random.random() * 900, 1),
        "sent_hmac": random.randbytes(32).hex(),
        "received_bytes": random.randrange(20_000),
        "shape": {"number": random.randrange(9), "is": {"intent": "text", "tags": ["text"], "complete": "boolean"}},
    }
    return json.dumps(record) + "\n"


def best(times: int, command: list[str], **kwargs: object) -> float:
    """Return the shortest wall time of a command in seconds."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **kwargs)  # type: ignore[call-overload]
        found.append(time.perf_counter() - started)
    return min(found)


def main() -> None:
    """Build the bundle, time the three, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--megabytes", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        write_large(folder, options.cases, options.megabytes * 1_000_000)
        files = [str(path) for path in folder.rglob("*") if path.is_file()]
        size = sum(Path(path).stat().st_size for path in files) / 1e6
        hashing = best(5, ["sha256sum", *files])
        started = time.perf_counter()
        seal_folder(folder, KEY, ScanTerms(), ledger=None, now=NOW)
        sealing = time.perf_counter() - started
        command = [sys.executable, "-m", "gonogo.cli.main", "verify", str(folder), "--now", NOW.isoformat()]
        verifying = best(3, command, cwd=place)
    print(f"{options.cases:,} cases, {len(files):,} files, {size:.0f} MB")
    print(f"sha256sum        {hashing:6.2f} s")
    print(f"scan and seal    {sealing:6.2f} s   {sealing / hashing:5.1f} x sha256sum   (bound 15)")
    print(f"gonogo verify    {verifying:6.2f} s   bound 2 x sha256sum + 1 s = {2 * hashing + 1:.2f} s")


if __name__ == "__main__":
    main()
