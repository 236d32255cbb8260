"""The pages in a real browser: one process of its own, since playwright and asyncio tests do not get on in one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest

HERE = Path(__file__).parent
CHROMIUM = Path("/usr/bin/chromium")
AXE = HERE.parents[1] / ".venv" / "node" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture
def short() -> Iterator[Path]:
    """A temporary folder of a short name: the browser's socket lies in it, whose path may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="gonogo-pages-", dir="/tmp") as folder:
        yield Path(folder)


def test_every_page_in_a_browser(tmp_path: Path, short: Path, subtests: pytest.Subtests) -> None:
    missing = [str(path) for path in (CHROMIUM, AXE) if not path.is_file()]
    assert not missing, f"missing: {', '.join(missing)}; 'sh scripts/get_browser.sh .venv' installs them"
    results = tmp_path / "results.xml"
    command = [sys.executable, "-m", "pytest", str(HERE / "pages" / "open_pages.py"), "-q", "-p", "no:xdist"]
    # The browser keeps its profile in the temporary folder; so its processes can be told from anybody else's.
    # A file and no pipe: whatever the child leaves behind would keep a pipe open, and be waited for.
    with (tmp_path / "output.txt").open("w") as file:
        done = subprocess.run(
            [*command, f"--junitxml={results}", f"--basetemp={tmp_path / 'work'}", "-p", "no:cacheprovider"],
            cwd=HERE.parents[1],
            env={**os.environ, "TMPDIR": str(short)},
            stdout=file,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
    output = (tmp_path / "output.txt").read_text("utf-8", "replace")
    assert results.is_file(), output
    cases = list(ElementTree.parse(results).iter("testcase"))
    assert len(cases) > 30, output
    for case in cases:
        with subtests.test(msg=str(case.get("name"))):
            bad = [one for one in case if one.tag in ("failure", "error", "skipped")]
            assert not bad, "\n".join(f"{one.get('message')}\n{one.text}" for one in bad)
    assert done.returncode == 0, output
    assert _processes_below(short) == []


def _processes_below(folder: Path) -> list[str]:
    """Return the processes whose command line names a folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any(str(folder) in word for word in words):
            found.append(" ".join(words)[:200])
    return found
