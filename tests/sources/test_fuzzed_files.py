"""Whatever bytes a file holds: no exception, and every problem has the file's name and a line that exists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from richpanel_texts import HEADER_LINE, SOURCES, VOCABULARY

from gonogo.errors import Problem
from gonogo.gherkin.reader import read_feature, scenarios_of
from gonogo.sources.smoke_csv import read_pack
from gonogo.sources.system_files import load_environments, load_plan, load_vocabulary

Reader = Callable[[Path], tuple[Any, Sequence[Problem]]]
FEATURES = SOURCES.parents[1] / "features" / "richpanel"
REAL: dict[str, bytes] = {
    "pack.csv": (SOURCES / "smoke.csv").read_bytes(),
    "vocabulary.yaml": (SOURCES / "vocabulary.yaml").read_bytes(),
    "plan.yaml": (SOURCES / "plan.yaml").read_bytes(),
    "environments.yaml": (SOURCES / "environments.yaml").read_bytes(),
    "x.feature": (FEATURES / "invariants.feature").read_bytes(),
}
READERS: dict[str, Reader] = {
    "pack.csv": lambda path: read_pack(path, path.name, VOCABULARY),
    "vocabulary.yaml": lambda path: load_vocabulary(path, path.name),
    "plan.yaml": lambda path: load_plan(path, path.name, VOCABULARY),
    "environments.yaml": lambda path: load_environments(path, path.name, VOCABULARY),
    "x.feature": lambda path: read_feature(path, path.name),
}
SNIPPETS = [
    b"", b"\n", b"\r", b"\r\n", b"\t", b" ", b"  - ", b": ", b":", b",", b'"', b'""', b"'", b"&a ", b"*a ", b"<<: ",
    b"!!x ", b"---\n", b"...\n", b"%YAML 1.1\n", b"? ", b"| \n", b"> ", b"[", b"]", b"{", b"}", b"#", b"\x00", b"\xff",
    b"\xef\xbb\xbf", b"null", b"None", b"yes", b"1e999", b"0x1", b"2026-01-01", b'"\\ud800"', b"\xc2\x85", b'"""',
    b"\xe2\x80\xa8", b"```", b"Scenario: x\n", b"Feature: y\n", b"Rule: z\n", b"Examples:\n", b"Background:\n", b"* ",
    b"  | a |\n", b"@tag\n", b"<x>", b"# language: fr\n", b"Given a\n", b";", b"9" * 5000, b"[" * 300,
    HEADER_LINE.encode() + b"\n",
]  # fmt: skip
BOUNDED = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzzed")
    (folder / "smoke.csv").write_text("")
    return folder


def check(folder: Path, name: str, content: bytes) -> None:
    """Read a file and check that all is told in problems."""
    path = folder / name
    path.write_bytes(content)
    data, problems = READERS[name](path)
    count = max(content.count(b"\n") + content.count(b"\r"), 0) + 2
    for problem in problems:
        assert problem.file == name
        assert 0 <= problem.line <= count
        assert problem.text.strip()
        shown = str(problem)
        assert "\n" not in shown
        assert shown.encode()
        assert len(shown) < 2000
    if name.endswith(".yaml") and data is None:
        assert problems, "no data and no problem: absence would pass for success"
    if name == "pack.csv" and not data.cases:
        assert problems, "no cases and no problem: absence would pass for success"
    if name == "x.feature" and not (data and scenarios_of(data, name)):
        assert problems, "no scenarios and no problem: absence would pass for success"


def mutate(original: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """Return bytes with some ranges replaced."""
    content = original
    for place, length, snippet in edits:
        at = int(place * len(content))
        content = content[:at] + snippet + content[at + length :]
    return content


def lines_moved(original: bytes, swaps: list[tuple[int, int]]) -> bytes:
    """Return bytes with lines moved, repeated and dropped."""
    lines = original.split(b"\n")
    for first, second in swaps:
        one, two = first % len(lines), second % len(lines)
        lines[one : one + 1] = [lines[two]] * (first % 3)
        lines = lines or [b""]
    return b"\n".join(lines)


@pytest.mark.parametrize("name", READERS)
@BOUNDED
@given(content=st.binary(max_size=300))
@example(content=b"")
@example(content=b"\xff\xfe")
def test_any_bytes(folder: Path, name: str, content: bytes) -> None:
    check(folder, name, content)


@pytest.mark.parametrize("name", READERS)
@BOUNDED
@given(parts=st.lists(st.one_of(st.sampled_from(SNIPPETS), st.sampled_from([b"a", b"b: c\n", b"  "])), max_size=30))
def test_any_row_of_hard_snippets(folder: Path, name: str, parts: list[bytes]) -> None:
    content = b"".join(parts)
    check(folder, name, content)
    if name == "pack.csv":
        check(folder, name, HEADER_LINE.encode() + b"\n" + content)
    if name == "x.feature":
        check(folder, name, b"Feature: f\n" + content)


PATCH = st.one_of(st.sampled_from(SNIPPETS), st.binary(max_size=4))
EDITS = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 40), PATCH),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("name", ["pack.csv", "x.feature"])
@BOUNDED
@given(edits=EDITS)
def test_edits_of_the_real_file(folder: Path, name: str, edits: list[tuple[float, int, bytes]]) -> None:
    check(folder, name, mutate(REAL[name], edits))


@pytest.mark.parametrize("name", [name for name in READERS if name.endswith(".yaml")])
@settings(BOUNDED, max_examples=60)
@given(edits=EDITS)
def test_edits_of_the_real_yaml(folder: Path, name: str, edits: list[tuple[float, int, bytes]]) -> None:
    check(folder, name, mutate(REAL[name], edits))


@pytest.mark.parametrize("name", READERS)
@settings(BOUNDED, max_examples=60)
@given(swaps=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=8))
def test_lines_moved_in_the_real_file(folder: Path, name: str, swaps: list[tuple[int, int]]) -> None:
    check(folder, name, lines_moved(REAL[name], swaps))


WORDS = ["x", "1", "-1", "1.5", "true", "~", '"t"', ".nan", "2026-01-01", "'a \"b\"'", "richpanel", "livechat", "t_x"]
VALUES = st.recursive(
    st.sampled_from(WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(st.sampled_from(["id", "tier", "x", '"1"', "request"]), inner, max_size=3).map(
            lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items.items()) + "}"
        ),
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("name", [name for name in READERS if name.endswith(".yaml")])
@settings(BOUNDED, max_examples=60)
@given(place=st.floats(0, 1, exclude_max=True), value=VALUES)
def test_any_value_under_any_key(folder: Path, name: str, place: float, value: str) -> None:
    lines = REAL[name].decode().split("\n")
    keyed = [at for at, line in enumerate(lines) if ": " in line and not line.lstrip().startswith(("#", "{", "-"))]
    at = keyed[int(place * len(keyed))]
    lines[at] = lines[at].split(": ")[0] + f": {value}"
    check(folder, name, "\n".join(lines).encode())
