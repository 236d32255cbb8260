"""Bad files are named by file and line, and nothing is judged on a part of them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from regression_case import GOOD, PRICES, Desk, label, output, pairs

from gonogo.errors import SourceError
from gonogo.metrics import pairing
from gonogo.run import regression as run
from gonogo.run.regression import ARTEFACTS

LABELS, OUTPUTS = pairs(*GOOD)
OUTPUT_TEXT = "".join(json.dumps(line) + "\n" for line in OUTPUTS)
ELSEWHERE = "http://127.0.0.1:9/x"
TOKENS = {"input": 1, "output": 1}
DOUBLE = '"M-00002", "intent": "x",'
TWICE = '{"id": "M-00002", "id": "M-00002"'
LABEL_TEXT = "".join(json.dumps(line) + "\n" for line in LABELS)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    # The picture takes longer than everything else, and has a test of its own.
    monkeypatch.setattr(run, "render_confusion_svg", lambda *_: "<?xml?>")
    return Desk(tmp_path)


def refused(desk: Desk, labels: Any, outputs: Any, **more: Any) -> list[str]:
    """Return the problems of files that must be refused, after checking that nothing was judged."""
    with pytest.raises(SourceError) as caught:
        desk.judge(labels, outputs, **more)
    left = [name for name in (*ARTEFACTS, ".invalid_outputs.jsonl.part") if (desk.folder / "out" / name).exists()]
    assert left == []
    return [str(problem) for problem in caught.value.problems]


def relabelled(**more: Any) -> list[dict[str, Any]]:
    return replaced(LABELS, 4, label("M-00005", **{"intent": "order_status", **more}))


def replaced(lines: list[dict[str, Any]], place: int, line: dict[str, Any]) -> list[dict[str, Any]]:
    return [*lines[:place], line, *lines[place + 1 :]]


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_file_that_was_cut_off_is_named_by_its_last_line(desk: Desk, cut: int) -> None:
    text = OUTPUT_TEXT.rstrip("\n")[:-cut]
    assert refused(desk, LABELS, text)[0].startswith("outputs.jsonl:100: the file ends inside this line")
    text = LABEL_TEXT.rstrip("\n")[:-cut]
    assert refused(desk, text, OUTPUTS)[0].startswith(f"labels.jsonl:{text.count(chr(10)) + 1}: the file ends inside")


def test_a_file_cut_off_between_two_lines_lacks_outputs(desk: Desk) -> None:
    found = refused(desk, LABELS, OUTPUTS[:-2])
    assert [one.split(": id: ")[0] for one in found] == ["labels.jsonl:99", "labels.jsonl:100"]
    assert all("has no output" in one for one in found)


@pytest.mark.parametrize(
    ("labels", "outputs", "says"),
    [
        ([*LABELS, label("M-00003", "order_status")], OUTPUTS, "labels.jsonl:101: id: 'M-00003': two labels"),
        (LABELS, [*OUTPUTS, output("M-00003", "order_status")], "outputs.jsonl:101: id: 'M-00003': a second output"),
        (LABELS, [*OUTPUTS, output("M-99999", "order_status")], "outputs.jsonl:101: id: 'M-99999' is an extra output"),
        ([*LABELS, label("M-99999", "order_status")], OUTPUTS, "labels.jsonl:101: id: 'M-99999' has no output"),
        (relabelled(intent="refund"), OUTPUTS, "labels.jsonl:5: intent: is 'refund', which is not"),
        (relabelled(intent="retrun_request"), OUTPUTS, "Did you mean 'return_request'?"),
        (relabelled(set="adverserial"), OUTPUTS, "Did you mean 'adversarial'?"),
        (relabelled(order_macth=True), OUTPUTS, "Did you mean 'order_match'?"),
        (relabelled(order_match="yes"), OUTPUTS, "labels.jsonl:5: order_match:"),
        (
            relabelled(intents=["order_status", "legal_threat"]),
            OUTPUTS,
            "labels.jsonl:5: intent: is 'order_status' beside legal_threat; a tier-0 intent always wins",
        ),
        (replaced(LABELS, 4, {"intent": "order_status"}), OUTPUTS, "labels.jsonl:5: id: is missing"),
        (replaced(LABELS, 4, {"id": 5, "intent": "order_status"}), OUTPUTS, "labels.jsonl:5: id: is no text"),
        (LABELS, replaced(OUTPUTS, 6, {"id": "M-00007"}), "outputs.jsonl:7: output: is missing"),
        (LABELS, replaced(OUTPUTS, 6, {**OUTPUTS[6], "tokens": {"input": 1.5}}), "outputs.jsonl:7: tokens:"),
        (LABELS, replaced(OUTPUTS, 6, {**OUTPUTS[6], "tokens": TOKENS}), "outputs.jsonl:1: tokens: is missing"),
        (LABEL_TEXT.replace("\n", "\n\n", 1), OUTPUTS, "labels.jsonl:2: the line is empty"),
        (LABELS, OUTPUT_TEXT.replace('{"id": "M-00002"', TWICE), "outputs.jsonl:2: a key stands twice"),
        (LABEL_TEXT.replace('"M-00002",', DOUBLE), OUTPUTS, "labels.jsonl:2: a key stands twice"),
        (LABELS, OUTPUT_TEXT.encode().replace(b"M-00002", b"M-\xff0002"), "outputs.jsonl:2: byte 0xff"),
        (LABELS, "[1]\n" + OUTPUT_TEXT, "outputs.jsonl:1: the line is no JSON object"),
        (LABELS, "", "outputs.jsonl: the file is empty"),
        ("", OUTPUTS, "labels.jsonl: the file is empty"),
        (LABELS, OUTPUT_TEXT.replace('"M-00002"', '"M 00002 ada@example.com"'), "outputs.jsonl:2: id: has"),
    ],
)  # fmt: skip
def test_problems_name_file_and_line(desk: Desk, labels: Any, outputs: Any, says: str) -> None:
    found = refused(desk, labels, outputs)
    assert any(says in one for one in found), found
    assert not any("ada@example.com" in one for one in found)


def test_problems_of_all_files_are_told_at_once(desk: Desk) -> None:
    found = refused(
        desk,
        relabelled(intent="refund"),
        OUTPUT_TEXT + "{\n",
        schema={"type": "objct"},
        prices="currency: usd\nmodels: {}\n",
    )
    assert {one.split(":")[0] for one in found} == {"labels.jsonl", "outputs.jsonl", "schema.json", "prices.yaml"}


def test_many_problems_are_counted_and_not_all_listed(desk: Desk) -> None:
    found = refused(
        desk, *pairs(("order_status", "order_status", 1)), before=[output(f"X-{n}", None) for n in range(900)]
    )
    assert len(found) == 202
    assert "before.jsonl: 700 more problems of this file are not listed." in found


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ("{", "schema.json:1: not JSON"),
        ("[]", "not a JSON Schema object"),
        ({}, "accepts an empty decision"),
        ({"type": "object"}, "accepts an empty decision"),
        ({"type": "objct"}, "not a valid JSON Schema at /type"),
        ({"type": "object", "required": ["a"], "properties": {"a": {"$ref": ELSEWHERE}}}, f"{ELSEWHERE}, which is not"),
        ('{"type": "object", "required": ["a"], "required": []}', "a key stands twice"),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_judge_is_refused(desk: Desk, schema: Any, says: str) -> None:
    found = refused(desk, LABELS, OUTPUTS, schema=schema)
    assert any(says in one for one in found), found


@pytest.mark.parametrize(
    ("prices", "says"),
    [
        (PRICES.replace("input_per_million", "input_per_milion"), "models.small.input_per_milion: unknown key"),
        (PRICES.replace("USD", "usd"), "prices.yaml:1: currency"),
        (PRICES.replace("1,", "-1,"), "prices.yaml:3"),
        (PRICES.replace("small", "smal"), "outputs.jsonl:1: model: is 'small', which has no price; allowed: smal."),
    ],
)  # fmt: skip
def test_prices_are_named_by_line(desk: Desk, prices: str, says: str) -> None:
    outputs = [{**one, "model": "small", "tokens": {"input": 100, "output": 10}} for one in OUTPUTS]
    found = refused(desk, LABELS, outputs, prices=prices)
    assert any(says in one for one in found), found


def test_a_baseline_of_another_data_set_is_refused_by_line(desk: Desk) -> None:
    path = desk.baseline(*GOOD)
    labels = [{**one, "notes": "corrected"} for one in LABELS]
    (problem,) = refused(desk, labels, OUTPUTS, baseline=path)
    line = path.read_text("utf-8").splitlines()[int(problem.split(":")[1]) - 1]
    assert '"sha256"' in line
    assert "a baseline of another data set (100 labels)" in problem


def test_another_baseline_than_the_pinned_one_is_refused(desk: Desk) -> None:
    path = desk.baseline(*GOOD)
    path.write_text(path.read_text("utf-8") + "\n", "utf-8")
    (problem,) = refused(desk, LABELS, OUTPUTS, baseline=path)
    assert "pinned is" in problem
    assert "ledger entry 1, init by Ada" in problem


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: data["accuracy"].update(value=0.5), "accuracy.value: is 0.5"),
        (lambda data: data["labels"].update(n=99), "counts 100 messages, labels.n is 99"),
        (lambda data: data.update(systm="shop"), "unknown key 'systm'"),
        (lambda data: data["confusion"]["fixed"].update(refund={"refund": 1}), "not in the vocabulary"),
        (lambda data: data.update(system="other"), "system: is 'other'"),
        (lambda data: data.pop("routing"), "key 'routing' is missing"),
    ],
)
def test_a_baseline_changed_by_hand_is_refused(desk: Desk, change: Any, says: str) -> None:
    path = desk.baseline(*GOOD)
    data = json.loads(path.read_text("utf-8"))
    change(data)
    path.write_text(json.dumps(data, indent=1), "utf-8")
    found = refused(desk, LABELS, OUTPUTS, baseline=path)
    assert any(says in one for one in found), found


def test_order_and_spilling_change_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    labels, outputs = pairs(*GOOD, ("return_request", "order_status", 7))
    desk.judge(labels, outputs, before=outputs)
    folder = desk.folder / "out"
    first = {name: (folder / name).read_bytes() for name in ARTEFACTS}
    monkeypatch.setattr(pairing, "BYTES_A_BUCKET", 500)
    monkeypatch.setattr(pairing, "MAX_HELD_BYTES", 900)
    desk.judge(labels, outputs, before=outputs)
    assert {name: (folder / name).read_bytes() for name in ARTEFACTS} == first
    shuffled = random.Random(3).sample(outputs, len(outputs))
    report = desk.judge(labels, shuffled, before=outputs)
    assert json.loads(first["metrics.json"])["confusion"] == report.metrics.confusion
    assert any("two labels" in one for one in refused(desk, [*labels, labels[0]], shuffled))


def test_a_line_longer_than_the_bound_is_refused_in_bounded_memory(desk: Desk) -> None:
    long = json.dumps({"id": "M-00001", "output": "x" * 1_100_000}) + "\n"
    found = refused(desk, LABELS, long + "".join(OUTPUT_TEXT.splitlines(keepends=True)[1:]))
    assert any("outputs.jsonl:1: the line has more than 1,000,000 bytes" in one for one in found)


def test_byte_order_mark_and_a_missing_last_line_end_are_fine(desk: Desk) -> None:
    report = desk.judge("\ufeff" + LABEL_TEXT.rstrip("\n"), "\ufeff" + OUTPUT_TEXT.rstrip("\n"))
    assert report.metrics.labels.n == 100


def test_invalid_outputs_hold_no_content(desk: Desk) -> None:
    secret = "ada@example.com"
    bad: list[Any] = [
        None,
        f"I think {secret}",
        '{"intent": "order_status", "action": "route_only", "action": "refund"}',
        [secret],
        {"intent": secret, "action": "route_only"},
        {"intent": "order_status", "action": secret, secret: secret},
        {"intent": "order_status", "action": "route_only", "template_id": {secret: 1}},
        {"intent": "order_status", "action": "route_only", "template_id": "t_unknown"},
    ]
    outputs = [{**one, "output": decision} for one, decision in zip(OUTPUTS, bad, strict=False)]
    report = desk.judge(LABELS, [*outputs, *OUTPUTS[len(bad) :]])
    text = (desk.folder / "out" / "invalid_outputs.jsonl").read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["line"] for line in lines] == list(range(1, 9))
    assert [line["rules"][0] for line in lines] == [
        "no output",
        "not JSON",
        "a key stands twice",
        "not an object",
        "intent: not in the vocabulary",
        "schema:enum at /action",
        "schema:type at /template_id",
        "template_id: not in the vocabulary",
    ]
    assert report.metrics.outputs.invalid == 8
    for name in ARTEFACTS:
        assert secret not in (desk.folder / "out" / name).read_text("utf-8")


def test_keys_that_a_model_made_up_are_not_shown(desk: Desk) -> None:
    schema = {"type": "object", "required": ["intent"], "additionalProperties": {"type": "string"}}
    outputs = [{**one, "output": {**one["output"], "ada@example.com": 1}} for one in OUTPUTS]
    desk.judge(LABELS, outputs, schema=schema)
    text = (desk.folder / "out" / "invalid_outputs.jsonl").read_text("utf-8")
    assert json.loads(text.splitlines()[0])["rules"] == ["schema:type at /*"]


def test_text_outputs_are_read_as_the_json_that_they_hold(desk: Desk) -> None:
    outputs = [{**one, "output": json.dumps(one["output"])} for one in OUTPUTS]
    assert desk.judge(LABELS, outputs).metrics.accuracy.value == 1.0
