"""`gonogo gate canary`: plans and samples as files, problems by line, exit codes."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from gonogo.cli import main
from gonogo.model.canary import CanaryPlan
from gonogo.sources.canary_plan import load_canary_plan

PLAN = "system: q2q\nold: v1\nnew: v2\nphases:\n  - {share: 0.5, window: 10m}\n  - {share: 1}\n"


def samples(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Return requests of ten minutes, half of them of each version; `changes` are of the new one."""
    rng = random.Random(4)
    lines = []
    for number in range(count):
        new = rng.random() < 0.5
        line = {
            "at": 1_700_000_000 + number * 600 / count,
            "version": "v2" if new else "v1",
            "request_id": f"r-{number}",
            "correct": rng.random() < 0.9,
            "latency_ms": rng.lognormvariate(6, 0.4),
            "cost": rng.lognormvariate(-6, 0.5),
            "error": rng.random() < 0.002,
        }
        lines.append({**line, **(changes if new else {})})
    return [*lines, *lines[:30]]


def write(path: Path, lines: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return str(path)


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("plan.yaml").write_text(PLAN, "utf-8")
    return "plan.yaml"


def gonogo(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["gonogo", "gate", "canary", *words])
    with pytest.raises(SystemExit) as ended:
        main.main()
    return int(ended.value.code or 0)


def test_promote_hold_and_abort_have_their_exit_codes(
    plan: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write(Path("good.jsonl"), samples(6000))
    assert gonogo(monkeypatch, "--plan", plan, "--samples", good, "--format", "json") == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["result"], record["decision"], record["next_share"]) == ("promote", "GO", 1.0)
    assert record["gates"][0]["sentence"]
    assert record == _again(plan, good, monkeypatch, capsys)
    bad = write(Path("bad.jsonl"), samples(6000, latency_ms=2000.0))
    assert gonogo(monkeypatch, "--plan", plan, "--samples", bad) == 1
    few = write(Path("few.jsonl"), samples(200))
    assert gonogo(monkeypatch, "--plan", plan, "--samples", few) == 3
    burst = write(Path("burst.jsonl"), [{**line, "at": 1_700_000_000} for line in samples(6000)])
    assert gonogo(monkeypatch, "--plan", plan, "--samples", burst) == 3
    assert gonogo(monkeypatch, "--plan", plan, "--samples", good, "--at", "2023-11-14T22:13:25Z") == 3
    assert "no window is over" in capsys.readouterr().out


def _again(plan: str, path: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert gonogo(monkeypatch, "--plan", plan, "--samples", path, "--format", "json") == 0
    record: dict[str, Any] = json.loads(capsys.readouterr().out)
    return record


def test_ids_that_change_their_version_abort(
    plan: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = samples(6000)
    path = write(Path("good.jsonl"), lines)
    probes = [{"request_id": line["request_id"], "version": line["version"]} for line in lines[:50]]
    again = write(Path("again.jsonl"), probes)
    assert gonogo(monkeypatch, "--plan", plan, "--samples", path, "--probes", again) == 0
    probes[3]["version"] = {"v1": "v2", "v2": "v1"}[probes[3]["version"]]
    write(Path("again.jsonl"), probes)
    assert gonogo(monkeypatch, "--plan", plan, "--samples", path, "--probes", again) == 1
    assert "CANARY-STICKY" in capsys.readouterr().out


def test_tenants_are_judged_one_by_one(
    plan: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed = [{**line, "tenant": "acme"} for line in samples(4000)]
    mixed += [{**line, "tenant": "zeta", "request_id": f"z{line['request_id']}"} for line in samples(300)]
    path = write(Path("mixed.jsonl"), mixed)
    assert gonogo(monkeypatch, "--plan", plan, "--samples", path) == 2
    assert "acme, zeta" in capsys.readouterr().err
    assert gonogo(monkeypatch, "--plan", plan, "--samples", path, "--tenant", "zeta") == 3


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"version": "v3"}, "bad.jsonl:1: version: is 'v3'; allowed: v1, v2."),
        ({"at": "yesterday"}, "bad.jsonl:1: at: is no time"),
        ({"at": "2026-11-21T05:00:00"}, "bad.jsonl:1: at: is no time"),
        ({"latency_ms": "612"}, "bad.jsonl:1: latency_ms: is '612'"),
        ({"latency_ms": -1}, "bad.jsonl:1: latency_ms: is '-1'"),
        ({"correct": 1}, "bad.jsonl:1: correct: is '1'; allowed: true, false"),
        ({"request_id": None}, "bad.jsonl:1: request_id: is missing"),
        ({"tenant": 5}, "bad.jsonl:1: tenant: is no text"),
    ],
)
def test_bad_samples_are_named_by_line(
    plan: str, line: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, *rest = samples(100)
    path = write(Path("bad.jsonl"), [{**first, **line}, *rest])
    assert gonogo(monkeypatch, "--plan", plan, "--samples", path) == 2
    assert says in capsys.readouterr().err


def test_a_file_that_was_cut_off_is_named(
    plan: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path("cut.jsonl")
    write(path, samples(100))
    path.write_bytes(path.read_bytes()[:-20])
    assert gonogo(monkeypatch, "--plan", plan, "--samples", str(path)) == 2
    assert "cut.jsonl:130: the file ends inside this line" in capsys.readouterr().err


def test_the_plan_of_the_guide_is_the_default_one(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "canary.md").read_text("utf-8")
    (tmp_path / "plan.yaml").write_text(guide.split("```yaml\n")[1].split("```")[0], "utf-8")
    plan, problems = load_canary_plan(tmp_path / "plan.yaml", "plan.yaml")
    assert problems == []
    assert plan is not None
    default = CanaryPlan(system="q2q", old="v1", new="v2")
    assert (plan.phases, plan.criteria, plan.windows) == (default.phases, default.criteria, default.windows)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (PLAN.replace("new: v2", "new: v1"), "plan.yaml:3: new: is 'v1', the same as old"),
        (PLAN.replace("share: 1}", "share: 0.2}"), "plan.yaml:6: phases.1.share: is 0.2 after 0.5"),
        (PLAN.replace("0.5", "1").replace("  - {share: 1}\n", "", 1), "no phase keeps traffic on the old version"),
        (PLAN + "windws: 3\n", "Did you mean 'windows'?"),
        (PLAN + "key: user\n", "allowed: none, request_id, user_id"),
        (
            PLAN + "criteria:\n  - {id: a, field: cost, statistic: mean, direction: rise, limit: 0}\n",
            "criteria.0.limit: is 0; allowed: more than 0",
        ),
        (
            PLAN + "criteria:\n  - {id: a, field: cost, statistic: p95, direction: change, limit: 1}\n",
            "criteria.0.direction: is 'change'; allowed: drop, rise.",
        ),
        (PLAN + "criteria: []\n", "criteria"),
    ],
)
def test_bad_plans_are_named_by_line(
    plan: str, text: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(plan).write_text(text, "utf-8")
    assert gonogo(monkeypatch, "--plan", plan, "--samples", write(Path("s.jsonl"), samples(10))) == 2
    assert says in capsys.readouterr().err
