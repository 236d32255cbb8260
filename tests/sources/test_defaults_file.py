"""parameter_defaults.yaml: the real one is sound, and every fault is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from richpanel_texts import SOURCES

from gonogo.sources.defaults_file import DEFAULTS_FILE, load_defaults

REAL = (SOURCES / DEFAULTS_FILE).read_text("utf-8")


def test_the_real_defaults_are_those_of_the_first_stage_on_production() -> None:
    defaults, problems = load_defaults(SOURCES / DEFAULTS_FILE, DEFAULTS_FILE, "richpanel")
    assert not problems
    assert defaults is not None
    assert defaults.flags["safe_mode"] is True
    assert defaults.flags["automation_enabled"] is False
    assert defaults.flags["template_enabled"] == ()
    assert defaults.configuration


def test_a_system_without_the_file_has_no_defaults(tmp_path: Path) -> None:
    assert load_defaults(tmp_path / DEFAULTS_FILE, DEFAULTS_FILE, "richpanel") == (None, [])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("system: richpanel", "system: q2q", "is 'q2q', but the system is 'richpanel'"),
        ("  safe_mode: true\n", "", "does not name safe_mode, without which no default is safe"),
        ("  safe_mode: true", "  safe_mode: []", "is no value of this flag; allowed: true, false"),
        ("  safe_mode: true", "  safe_mode: yes", "not a flag's value"),
        ("template_enabled: []", "template_enabled: false", "allowed: a list, or null for no restriction"),
        ("template_enabled: []", "templates_enabled: []", "Did you mean 'template_enabled'?"),
        ("webhook_burst: 50", "webhook_burst: [50]", "not a parameter; allowed: true, false, a number, text"),
        ("configuration:", "configuraton:", "Did you mean 'configuration'?"),
        ("  webhook_burst: 50", "  webhook_burst: 50\n  webhook_burst: 60", "stands twice"),
    ],
)
def test_each_fault_is_told_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in REAL
    path = tmp_path / DEFAULTS_FILE
    path.write_text(REAL.replace(old, new, 1))
    _, problems = load_defaults(path, DEFAULTS_FILE, "richpanel")
    assert any(said in problem.text for problem in problems), problems
    assert all(problem.line and problem.file == DEFAULTS_FILE for problem in problems)


@pytest.mark.parametrize("content", ["", "- a", "\x00", "[" * 500, "flags: 5", "system: richpanel\nflags: {}\n"])
def test_no_content_ends_in_a_traceback(tmp_path: Path, content: str) -> None:
    path = tmp_path / DEFAULTS_FILE
    path.write_text(content)
    defaults, problems = load_defaults(path, DEFAULTS_FILE, "richpanel")
    assert defaults is None
    assert problems
