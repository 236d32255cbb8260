"""Whether all files of a bundle agree with its planned set and outcomes."""

from __future__ import annotations

from pathlib import Path

from gonogo.evidence.verify.agreement import Story, check_decision, check_listed, check_page, recompute
from gonogo.evidence.verify.faults import Fault
from gonogo.evidence.verify.renderings import check_allure, check_junit


def check_story(folder: Path) -> list[Fault]:
    """Return a fault for every place in which two files of a bundle disagree."""
    return read_story(folder)[1]


def read_story(folder: Path) -> tuple[Story | None, list[Fault]]:
    """Return what the outcomes come to, where it can be told, and every disagreement."""
    story, faults = recompute(folder)
    if story is None:
        return None, faults
    faults += check_decision(story)
    faults += check_page(folder, story)
    faults += check_listed(folder, story)
    faults += check_junit(folder, story.results)
    faults += check_allure(folder, story.results)
    return story, faults
