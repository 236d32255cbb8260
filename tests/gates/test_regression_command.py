"""`gonogo gate regression` and `gonogo gate baseline`: a whole way with the sandbox, the ledger and the exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from gonogo.cli import main
from gonogo.gates.baseline import BaselineHistory
from gonogo.model.regression import Taxonomy
from gonogo.model.regression_metrics import MetricsFile
from gonogo.run import regression as run
from gonogo.run.classify import classify_messages, read_messages
from gonogo.run.regression import ARTEFACTS, NamedFile, RegressionReport, RegressionRequest, run_regression
from gonogo.sources.project import Project

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "smoke_cases" / "richpanel" / "regression"
# Fault → a gate that must be among the deciding ones, and whether it blocks.
CAUGHT_BY = {
    "classify_invalid_output": ("REG-INVALID", "NO_GO"),
    "classify_misses_tier0": ("REG-TIER0", "NO_GO"),
    "classify_tier0_reply": ("REG-TIER0-REPLY", "NO_GO"),
    "classify_tier2_without_match": ("REG-TIER2", "NO_GO"),
    "classify_tier3_action": ("REG-TIER3", "NO_GO"),
    "classify_worse": ("REG-ACCURACY", "NO_GO"),
    "classify_unknown": ("REG-UNKNOWN", "NO_GO"),
    "classify_wordy": ("REG-TOKENS", "HOLD"),
}
SYSTEM = Project.from_path(ROOT).load_system("richpanel", with_packs=False)
TAXONOMY = Taxonomy.from_vocabulary(SYSTEM.vocabulary)


def judge_sandbox(folder: Path, labels: Path, *faults: str, baseline: Path | None = None) -> RegressionReport:
    """Judge the sandbox's classifier over labels."""
    folder.mkdir(exist_ok=True)
    environment = SYSTEM.environments.environments["sandbox"]
    interface = SYSTEM.environments.interfaces[environment.interface]
    options = tuple(word for name in faults for word in ("--fault", name))
    messages = read_messages(labels, "labels.jsonl", TAXONOMY)
    classify_messages(messages, environment, interface, folder / "outputs.jsonl", options)
    return run_regression(
        RegressionRequest(
            TAXONOMY,
            NamedFile(folder / "outputs.jsonl", "outputs.jsonl"),
            NamedFile(labels, "labels.jsonl"),
            folder / "out",
            NamedFile(baseline, "baseline.json") if baseline else None,
            None,
            NamedFile(FOLDER / "schema.json", "schema.json"),
            NamedFile(FOLDER / "prices.yaml", "prices.yaml"),
            BaselineHistory(),
            must_be_recorded=False,
        )
    )


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judgement of the sandbox without faults."""
    folder = tmp_path_factory.mktemp("clean")
    report = judge_sandbox(folder, FOLDER / "labels.jsonl")
    assert report.decision.verb == "GO", report.decision.reasons
    return folder


def test_the_committed_outputs_are_what_the_sandbox_says(clean: Path) -> None:
    assert (clean / "outputs.jsonl").read_bytes() == (FOLDER / "outputs.jsonl").read_bytes()


def test_the_labelled_set_is_large_varied_and_honest() -> None:
    lines = [json.loads(line) for line in (FOLDER / "labels.jsonl").read_text("utf-8").splitlines()]
    assert len(lines) >= 400
    assert len({line["message"] for line in lines}) == len(lines)
    sets = {name: [line for line in lines if line["set"] == name] for name in ("fixed", "adversarial", "multi_intent")}
    assert all(len(chosen) >= 40 for chosen in sets.values())
    assert {line["intent"] for line in sets["fixed"]} == set(TAXONOMY.intents)
    assert all(len(line["intents"]) > 1 for line in sets["multi_intent"])
    priority = {name: intent.priority for name, intent in SYSTEM.vocabulary.intents.items()}
    for line in sets["multi_intent"]:
        assert priority[line["intent"]] == min(priority[name] for name in line["intents"]), line["id"]
    right = [
        json.loads(line)["output"]["intent"] for line in (FOLDER / "outputs.jsonl").read_text("utf-8").splitlines()
    ]
    missed = sum(line["intent"] != seen for line, seen in zip(lines, right, strict=True))
    assert missed >= 10, "a set that the sandbox gets wholly right shows nothing"


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RegressionReport]:
    """Judgements of every third message with each fault switched on, against one without."""
    folder = tmp_path_factory.mktemp("faulty")
    labels = folder / "labels.jsonl"
    labels.write_text("".join((FOLDER / "labels.jsonl").read_text("utf-8").splitlines(keepends=True)[::3]), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "render_confusion_svg", lambda *_: "<?xml?>")
        assert judge_sandbox(folder / "clean", labels).decision.verb == "GO"
        baseline = folder / "clean" / "out" / "metrics.json"
        return {name: judge_sandbox(folder / name, labels, name, baseline=baseline) for name in CAUGHT_BY}


@pytest.mark.parametrize("fault", CAUGHT_BY)
def test_every_fault_of_the_classifier_is_caught(fault: str, faulty: dict[str, RegressionReport]) -> None:
    gate, verb = CAUGHT_BY[fault]
    decision = faulty[fault].decision
    outcomes = {one.id: one.outcome.name for one in faulty[fault].gates}
    assert outcomes[gate] in ("FAILED", "WARNED")
    assert decision.verb == verb, decision.reasons


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project of its own with its own ledger."""
    sources = tmp_path / "smoke_cases" / "richpanel"
    shutil.copytree(FOLDER, sources / "regression")
    shutil.copy(FOLDER.parent / "vocabulary.yaml", sources)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GONOGO_LEDGER", raising=False)
    return tmp_path


def metrics_schema() -> dict[str, Any]:
    """Return the JSON Schema of metrics.json as the model has it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://gonogo.invalid/schemas/regression-metrics.schema.json",
        **MetricsFile.model_json_schema(by_alias=True),
    }


def gonogo(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run the command in this process; returns its exit code."""
    monkeypatch.setattr("sys.argv", ["gonogo", "gate", *words])
    with pytest.raises(SystemExit) as ended:
        main.main()
    return int(ended.value.code or 0)


def test_from_the_cold_start_to_a_promotion(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = "smoke_cases/richpanel/regression"
    files = ("--outputs", f"{folder}/outputs.jsonl", "--labels", f"{folder}/labels.jsonl")
    judge = ("regression", *files, "--prices", f"{folder}/prices.yaml")
    who = ("--by", "Ada Okafor", "--reason", "first release")
    assert gonogo(monkeypatch, *judge, "--out", "one") == 3, "nobody has recorded a cold start"
    assert gonogo(monkeypatch, "baseline", "init", "richpanel", "--cold", *who) == 0
    assert gonogo(monkeypatch, *judge, "--out", "one") == 0
    assert sorted(path.name for path in Path("one").iterdir()) == sorted(ARTEFACTS)
    assert gonogo(monkeypatch, "baseline", "promote", "richpanel", "--metrics", "one/metrics.json", *who) == 2
    assert gonogo(monkeypatch, "baseline", "init", "richpanel", "--metrics", "one/metrics.json", *who) == 0
    assert gonogo(monkeypatch, "baseline", "init", "richpanel", "--metrics", "one/metrics.json", *who) == 2
    assert gonogo(monkeypatch, *judge, "--out", "two") == 3, "history has a baseline and none was given"
    capsys.readouterr()
    assert gonogo(monkeypatch, *judge, "--baseline", "one/metrics.json", "--out", "two", "--format", "json") == 0
    record = json.loads(capsys.readouterr().out)
    schema = json.loads((ROOT / "docs" / "schemas" / "gates.schema.json").read_text("utf-8"))
    assert list(jsonschema_rs.validator_for(schema).iter_errors(record)) == []
    assert record["decision"] == "GO"
    assert record["baseline"]["standing"] == "pinned"
    schema = json.loads((ROOT / "docs" / "schemas" / "regression-metrics.schema.json").read_text("utf-8"))
    assert schema == metrics_schema(), "write it anew from the model"
    metrics = json.loads(Path("two/metrics.json").read_text("utf-8"))
    assert list(jsonschema_rs.validator_for(schema).iter_errors(metrics)) == []
    assert (Path("one") / "metrics.json").read_bytes() == (Path("two") / "metrics.json").read_bytes()
    changed = json.loads(Path("one/metrics.json").read_text("utf-8"))
    Path("other.json").write_text(json.dumps(changed), "utf-8")
    assert gonogo(monkeypatch, *judge, "--baseline", "other.json", "--out", "three") == 2
    assert "pinned is" in capsys.readouterr().err
    assert gonogo(monkeypatch, "baseline", "promote", "richpanel", "--metrics", "two/metrics.json", *who) == 0
    capsys.readouterr()
    assert gonogo(monkeypatch, "baseline", "show", "richpanel", "--format", "json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert [act["act"] for act in shown["acts"]] == ["cold", "init", "promote"]
    assert (shown["current"], shown["anchor"]) == (3, 2)


def test_a_promotion_far_below_the_anchor_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path("smoke_cases/richpanel/regression")
    files = ("--outputs", str(folder / "outputs.jsonl"), "--labels", str(folder / "labels.jsonl"))
    who = ("--by", "Ada Okafor", "--reason", "because")
    gonogo(monkeypatch, "regression", *files, "--out", "one")
    assert gonogo(monkeypatch, "baseline", "init", "richpanel", "--metrics", "one/metrics.json", *who) == 0
    lines = [json.loads(line) for line in (folder / "outputs.jsonl").read_text("utf-8").splitlines()]
    for line in lines:
        if line["output"]["intent"] == "cancel_order":
            line["output"]["intent"] = "billing_issue"
    Path("worse.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    worse = ("regression", "--outputs", "worse.jsonl", "--labels", files[3], "--baseline", "one/metrics.json")
    assert gonogo(monkeypatch, *worse, "--baseline-outputs", files[1], "--out", "two") == 1
    assert "McNemar exact" in Path("two/summary.md").read_text("utf-8")
    promote = ("baseline", "promote", "richpanel", "--metrics", "two/metrics.json", *who)
    capsys.readouterr()
    assert gonogo(monkeypatch, *promote) == 2
    assert "too far below the anchor" in capsys.readouterr().err
    assert gonogo(monkeypatch, *promote, "--anchor") == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("regression",), "either --outputs, or --env"),
        (("regression", "--outputs", "a", "--fault", "x"), "--fault works with --env only"),
        (("regression", "--outputs", "a", "--intent", "refunds"), "--intent is 'refunds'"),
        (("regression", "--outputs", "nowhere.jsonl"), "nowhere.jsonl: cannot be read"),
        (("regression", "--outputs", "a", "--system", "richpanl"), "richpanl"),
        (("baseline", "init", "richpanel", "--by", "A", "--reason", "b"), "either --metrics"),
        (("baseline", "init", "richpanel", "--cold", "--by", " ", "--reason", "b"), "--by is empty"),
        (("baseline", "show", "richpanl"), "Did you mean 'richpanel'?"),
    ],
)
def test_wrong_words_exit_with_2(
    project: Path,
    words: tuple[str, ...],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert gonogo(monkeypatch, *words) == 2
    assert says in capsys.readouterr().err
