"""How long a checklist takes to read, beside markdown-it-py alone on the same text in the same run."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from markdown_it import MarkdownIt

from gonogo.sources.checklist.reader import parse_checklist


def make_list(items: int) -> str:
    """Return a list as teams write them: sections, boxes, expectations, a table here and there."""
    lines = ["# Release checklist", ""]
    for number in range(items):
        if number % 20 == 0:
            lines += ["", f"## {number // 20}. Part", "", "Only proceed if:", ""]
        lines.append(f"- [ ] Item {number} with **bold** words, `code`, and what a person reads there")
        if number % 5 == 0:
            lines += ["  - Expect:", f"    - result {number} is seen"]
        if number % 50 == 49:
            lines += ["", "| Metric | Target | Alert |", "|---|---|---|", f"| errors {number} | < 1 % | > 2 % |", ""]
    return "\n".join(lines) + "\n"


def measure(action: Callable[[], object], rounds: int) -> float:
    """Return the shortest time of several rounds in seconds of this process."""
    found = []
    for _ in range(rounds):
        start = time.process_time()
        action()
        found.append(time.process_time() - start)
    return min(found)


def main() -> None:
    """Print both times and their ratio; ends with 1 where the ratio is above the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--limit", type=float, default=3.0)
    options = parser.parse_args()
    text = make_list(options.items)
    peer = MarkdownIt("commonmark").enable("table")
    alone = measure(lambda: peer.parse(text), options.rounds)
    whole = measure(lambda: parse_checklist(text, "list.md", "0" * 64), options.rounds)
    found = len(parse_checklist(text, "list.md", "0" * 64).standing)
    print(f"{options.items} items, {len(text) / 1024:.0f} KB, {found} to be answered for")
    print(f"markdown-it-py alone {alone:.3f} s, read as a checklist {whole:.3f} s, ratio {whole / alone:.2f}")
    if whole > options.limit * alone:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
