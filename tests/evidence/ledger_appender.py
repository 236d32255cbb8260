"""Appends entries to a ledger as a process of its own; prints each number once the entry is durable.

It says `ready` and waits for a line on stdin, so that several begin at once. `--unproven` leaves out the proof that the
storage can create exclusively, to show what that proof is for.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from gonogo.evidence.ledger import Ledger, open_ledger
from gonogo.evidence.ledger.storage import open_storage


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("location")
    parser.add_argument("name")
    parser.add_argument("count", type=int)
    parser.add_argument("--unproven", action="store_true")
    options = parser.parse_args()
    if options.unproven:
        ledger = Ledger(open_storage(f"{options.location}/richpanel/ledger"), "richpanel")
        ledger.head()
    else:
        ledger = open_ledger(options.location, "richpanel")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for index in range(options.count):
        if options.unproven:
            # One that has not seen the others yet: a memory of the head would notice the loss.
            ledger = Ledger(ledger.storage, "richpanel")
        entry = ledger.append("run", {"run": f"{options.name}-{index}"}, datetime.now(UTC))
        sys.stdout.write(f"{entry.number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
