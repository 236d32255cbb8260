"""plan.yaml gone wrong: whatever is wrong in it, and however much, is told at once with its line and what to do."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from richpanel_texts import SOURCES, VOCABULARY

from gonogo.errors import Problem, SourceError
from gonogo.model.plan import Plan
from gonogo.model.trust import TrustFile
from gonogo.sources.plan_file import read_plan
from gonogo.sources.plan_references import Known, check_references
from gonogo.sources.project import Project
from gonogo.sources.yaml_file import read_yaml

# After `# !` stands what the reader must say of the line, several parted by `;;`; every other line must be left alone.
BAD = (Path(__file__).parent / "plans" / "many_faults.yaml").read_text("utf-8")
WATCH = "system: richpanel\nrules:\n  - {id: W-LOOP}\n"
REAL = (SOURCES / "plan.yaml").read_text("utf-8")
LOAD = "system: richpanel\nprofiles:\n  baseline: {}\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "smoke_cases" / "richpanel"
    shutil.copytree(SOURCES, folder, ignore=shutil.ignore_patterns("watch*.yaml", "load.yaml", "regression"))
    shutil.copytree(SOURCES.parents[1] / "features", tmp_path / "features")
    (folder / "watch.yaml").write_text(WATCH)
    (folder / "load.yaml").write_text(LOAD)
    return Project.from_path(tmp_path)


def problems_of(project: Project, plan: str) -> list[Problem]:
    (project.sources_of("richpanel") / "plan.yaml").write_text(plan)
    try:
        project.load_system("richpanel")
    except SourceError as error:
        return [problem for problem in error.problems if problem.file.endswith("plan.yaml")]
    return []


def expectations(text: str) -> dict[int, list[str]]:
    """Return what is said of each line: texts that must be found, those that begin with a key each being a problem."""
    found = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if "# ! " in line:
            found[number] = line.split("# ! ", 1)[1].split(" ;; ")
    return found


def is_problem(text: str) -> bool:
    """Return whether a text begins with the path of a key."""
    return re.match(r"[a-z_]+\.[A-Za-z0-9_.]+: ", text) is not None


def test_all_faults_of_a_plan_come_at_once(project: Project) -> None:
    found = problems_of(project, BAD)
    expected = expectations(BAD)
    shown = {number: [f"{one.column}: {one.text}" for one in found if one.line == number] for number in expected}
    assert {one.line for one in found} == set(expected), sorted(map(str, found))
    for number, texts in expected.items():
        assert len(shown[number]) == sum(map(is_problem, texts)), (number, shown[number])
        for text in texts:
            key, said = text.split(": ", 1) if is_problem(text) else ("", text)
            assert any(one.startswith(f"{key}: " if key else "") and said in one for one in shown[number]), (
                number,
                text,
                shown[number],
            )
    assert len(found) >= 45
    assert all(len(str(problem)) < 500 and problem.text.rstrip().endswith((".", "?")) for problem in found)


COMMANDS = REAL.split("      commands:\n")[1].split("      destructive:")[0]
# Name → what is replaced in the real plan, by what, and what is said; empty where nothing may be said.
EDITS: dict[str, tuple[str, str, str]] = {
    "a stage that waits for itself": ("    soak: {m", '    after: ["1"]\n    soak: {m', "is '1', the stage itself"),
    "a circle through the order of the file": (
        "    environment: staging",
        '    environment: staging\n    after: ["4"]',
        "stage 0 after 4 after 3 after 2 after 1 after 0: they wait for each other",
    ),
    "a stage after two others": ("    soak: {m", '    after: ["0", "0"]\n    soak: {m', "'0' stands twice"),
    "an order that is no circle": ("    soak: {m", '    after: ["0"]\n    soak: {m', ""),
    "a precondition of a later stage": (
        "preconditions: [REL-C1",
        "preconditions: [GATE-match-rate, REL-C1",
        "'GATE-match-rate' is answered only at this stage or later, so it cannot come before",
    ),
    "a misspelt precondition": ("[REL-C1,", "[REL-C11,", "is 'REL-C11', no case, item or gate of this system"),
    "a role twice": (
        "  observer: {name: O",
        "  observer: {name: X}\n  observer: {name: O",
        "stands twice, first in line",
    ),
    "a template flag that is not there": (
        "flag_order: [safe_mode,",
        "flag_order: [template_enabled.t_x, safe_mode,",
        "is 'template_enabled.t_x', no flag of this system; allowed:",
    ),
    "one template in the order of flags": (
        "flag_order: [safe_mode,",
        "flag_order: [template_enabled.t_missing_items_intake, safe_mode,",
        "",
    ),
    "option A that opens": (
        "safe_mode: true}",
        "safe_mode: false}",
        "is false, which is not towards safe; allowed: true",
    ),
    "option A that opens a channel": (
        "safe_mode: true}",
        "automation_enabled_channels: [email]}",
        "is [email], which is not towards safe; allowed: []",
    ),
    "option A that closes all channels": ("safe_mode: true}", "safe_mode: true, automation_enabled_channels: []}", ""),
    "option A without flags": (
        "      flags: {automation_enabled: false, safe_mode: true}\n",
        "",
        "writes no flags, so it would stop nothing",
    ),
    "option A that runs commands": (
        "      flags: {a",
        "      commands: [x]\n      flags: {a",
        "commands are only printed, and option A acts",
    ),
    "option C without commands": (
        COMMANDS,
        "        []\n",
        "has no commands, so nobody is told what to do",
    ),
    "an undeclared placeholder": (
        "      placeholders: [previous_release]\n",
        "",
        "holds 'previous_release', which nobody",
    ),
    "a destruction that nobody names": ("      destroys: ", "      note2: ", "nothing says what is destroyed"),
    "a trigger of a lost option": ("    B:\n      name: Template kill\n", "    D:\n      name: X\n", "unknown key 'D'"),
    "an option of another letter": ("    C:\n", "    c:\n", "Did you mean 'C'?"),
    "a trigger with rule and manual": (
        "option: B, manual: true}",
        "option: B, manual: true, rule: W-LOOP}",
        "and not both",
    ),
    "monitoring by rule and role": ("role: support_ops}\n", "role: support_ops, rule: W-LOOP}\n", "and not both"),
    "monitoring by nobody": (", role: support_ops}\n", "}\n", "needs either rule or role"),
    "a follow-up of a role that is not there": (
        "role: rollback_owner,",
        "role: rollback_onwer,",
        "Did you mean 'rollback_owner'",
    ),
    "nobody approves": ("{role: qa_lead}", "{role: qa_lead, people: 0}", "is 0; allowed: at least 1"),
    "too much spend": ("spend: 5.0", "spend: -1", "is -1; allowed: at least 0"),
    "an approval twice": ("[{role: qa_lead},", "[{role: qa_lead}, {role: qa_lead},", "'qa_lead' stands twice"),
    "a prohibition twice": (
        "      - {what: actions, why: tier 3",
        "      - {what: actions}\n      - {what: actions, why: tier 3",
        "'actions' stands twice",
    ),
    "a freshness in weeks": ("fresh_for: 7d", "fresh_for: 1w", "is '1w'; not a duration"),
    "no rollback at all": ("rollback:\n  options:", "rolback:\n  options:", "is 'A', an option that the plan lacks"),
    "a stage without a switch": ("    safe_mode: true\n", "", "key 'safe_mode' is missing"),
    "a stage that is a word": (
        "  - id: 1\n    name: Deploy, routing only\n",
        "  - stage\n  - id: 1\n    name: D\n",
        "is 'stage'",
    ),
}


def loaded(text: str, folder: Path) -> list[Problem]:
    """Return the problems of a plan beside the real files, which are not read anew for each."""
    (folder / "plan.yaml").write_text(text)
    found = read_plan(folder / "plan.yaml", "plan.yaml", VOCABULARY)
    check_references(found, folder, KNOWN)
    assert (found.plan is None) <= bool(found.problems)
    return found.problems


_SYSTEM = Project.from_path(SOURCES).load_system("richpanel")
KNOWN = Known(
    {name: {case.id for case in pack.cases} for name, pack in _SYSTEM.packs.items()},
    {name: {gate.id for gate in pack.gates} for name, pack in _SYSTEM.gates.items()},
    {name: {item.id for item in found.items} for name, found in _SYSTEM.checklists.items()},
    {"CFG-DEFAULTS", "INV-PRIVACY", "INV-ACTIONS", "INV-ORDER"},
    {"production", "staging", "sandbox"},
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copied: Path = tmp_path_factory.mktemp("plans") / "richpanel"
    shutil.copytree(SOURCES, copied)
    return copied


@pytest.mark.parametrize("name", EDITS)
def test_each_fault_is_told(name: str, folder: Path) -> None:
    old, new, said = EDITS[name]
    assert old in REAL, old
    assert not loaded(REAL, folder)
    text = REAL.replace(old, new, 1)
    found = [str(problem) for problem in loaded(text, folder)]
    assert bool(found) == bool(said), found
    assert not said or any(said in one for one in found), found


RULE = {
    "stages": ("1",),
    "environments": ("production",),
    "approvals": ({"roles": ("qa_lead",)}, {"roles": ("release_manager", "director"), "count": 1}),
    "fresh_for": {"evidence": "48h", "approval": "24h"},
}


def trust_file(**changes: Any) -> TrustFile:
    key = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
    people = [
        {"name": f"P {role}", "roles": (role,), "keys": ({"public": key},)}
        for role in ("qa_lead", "release_manager", "director")
    ]
    return TrustFile.model_validate(
        {
            "version": 1,
            "expires": "2099-12-31",
            "root": key,
            "people": tuple(people),
            "systems": {"richpanel": ({**RULE, **changes},)},
        }
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"environments": ("staging",)}, []),
        ({"approvals": ({"roles": ("qa_lead",)},)}, ["is 'release_manager', but trust.yaml does not ask for it in"]),
        (
            {"approvals": ({"roles": ("qa_lead",), "count": 2}, {"roles": ("release_manager",)})},
            ["name 1, but trust.yaml asks for 2 of qa_lead in production"],
        ),
        (
            {"approvals": (*RULE["approvals"], {"roles": ("director",)})},  # type: ignore[misc]
            ["name 0, but trust.yaml asks for 1 of director in production"],
        ),
    ],
)
def test_approvals_agree_with_the_trust_file(changes: dict[str, Any], said: list[str], folder: Path) -> None:
    (folder / "plan.yaml").write_text(REAL)
    found = read_plan(folder / "plan.yaml", "plan.yaml", VOCABULARY)
    known = Known(KNOWN.cases, KNOWN.gates, KNOWN.items, KNOWN.scenarios, trust=trust_file(**changes))
    check_references(found, folder, known)
    assert len(found.problems) == len(said), found.problems
    assert all(text in str(problem) for text, problem in zip(said, found.problems, strict=True))


def test_predecessors_are_those_before_or_those_named() -> None:
    plan = _SYSTEM.plan
    assert [plan.predecessors(stage.id) for stage in plan.stages] == [(), ("0",), ("1",), ("2",), ("3",)]
    changed = plan.model_copy(update={"stages": (plan.stages[0], plan.stages[1].model_copy(update={"after": ()}))})
    assert changed.predecessors("1") == ()
    with pytest.raises(KeyError):
        plan.predecessors("9")
    assert plan.trigger("TRG-LOOP").option == "A"
    with pytest.raises(KeyError):
        plan.trigger("TRG-NONE")


def test_placeholders_are_filled_in_every_notation() -> None:
    option = _SYSTEM.plan.rollback.options["C"] if _SYSTEM.plan.rollback else None
    assert option is not None
    assert option.asked_placeholders == ("previous_release",)
    assert not any("{" in command for command in option.fill_commands({"previous_release": "2026.11.1"}))
    noted = option.model_copy(update={"commands": ("a {x} <x> $x ${x} $(date) {} 2>&1 < file",)})
    assert noted.asked_placeholders == ("x",)
    assert noted.fill_commands({"x": "1"}) == ("a 1 1 1 1 $(date) {} 2>&1 < file",)


KEYS = sorted(set(re.findall(r"([a-z_0-9]+):", REAL)) | set(Plan.model_fields))
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-5, 10**12), st.floats(), st.text(max_size=8),
        st.sampled_from(["0", "1", "A", "W-LOOP", "60m", "rollback", "immediate", "smoke.csv", "{x}", "safe_mode"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple), st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=8,
)  # fmt: skip


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the place of every value of a plan."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, tuple) else ()
    return [path, *(place for key, value in items for place in places(value, (*path, key)))]


DATA = read_yaml(SOURCES / "plan.yaml", "plan.yaml").data
PLACES = places(DATA)[1:]


def changed_at(data: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    """Return data with the value at a place changed, where the place is still there."""
    if not path:
        return change(data)
    key, rest = path[0], path[1:]
    if isinstance(data, dict) and key in data:
        return {**data, key: changed_at(data[key], rest, change)}
    if isinstance(data, tuple) and isinstance(key, int) and key < len(data):
        return (*data[:key], changed_at(data[key], rest, change), *data[key + 1 :])
    return data


def without(value: Any) -> Any:
    return dict(list(value.items())[1:]) if isinstance(value, dict) else value[1:] if isinstance(value, tuple) else None


def doubled(value: Any) -> Any:
    return value * 2 if isinstance(value, tuple) else value


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    edits=st.lists(
        st.tuples(st.sampled_from(PLACES), st.one_of(VALUES, st.sampled_from([without, doubled]))),
        min_size=1,
        max_size=6,
    )
)
def test_no_mutated_plan_ends_in_a_traceback(edits: list[tuple[tuple[Any, ...], Any]], folder: Path) -> None:
    data = DATA
    for path, value in edits:
        data = changed_at(data, path, value if callable(value) else lambda _, value=value: value)
    from gonogo.sources import plan_file

    class Read:
        """A plan that was read already: writing and parsing YAML is not what is tried here."""

        def __call__(self, path: Path, name: str) -> Any:
            file = read_yaml(SOURCES / "evidence.yaml", name)
            file.data, file.places, file.problems = data, {}, []
            return file

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_file, "read_yaml", Read())
        found = read_plan(folder / "plan.yaml", "plan.yaml", VOCABULARY)
        check_references(found, folder, KNOWN)
    assert found.plan is not None or found.problems
    for problem in found.problems:
        assert problem.file == "plan.yaml"
        assert problem.text.strip()
        assert "\n" not in str(problem)
