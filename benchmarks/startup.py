"""`gonogo --help` beside an empty typer application with as many commands; one run, one machine.

python benchmarks/startup.py [--rounds 15]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EMPTY = """
import typer
app = typer.Typer(no_args_is_help=True, add_completion=False)
{commands}
app()
"""


def measure(rounds: int) -> None:
    """Print both medians and their ratio; rounds alternate."""
    from gonogo.cli.main import app

    count = len(app.registered_commands)
    commands = "\n".join(f"@app.command()\ndef c{number}():\n    'Help.'" for number in range(count))
    with tempfile.TemporaryDirectory() as name:
        empty = Path(name) / "empty.py"
        empty.write_text(EMPTY.format(commands=commands), "utf-8")
        ways = {
            "gonogo --help": [sys.executable, "-m", "gonogo.cli.main", "--help"],
            "empty typer --help": [sys.executable, str(empty), "--help"],
        }
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, command in ways.items():
                started = time.perf_counter()
                subprocess.run(command, capture_output=True, check=True)
                seconds[way].append(time.perf_counter() - started)
    ours, other = (statistics.median(values) for values in seconds.values())
    print(f"{count} commands, median of {rounds}: gonogo {ours:.3f} s, empty typer {other:.3f} s: {ours / other:.2f} x")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    measure(parser.parse_args().rounds)
