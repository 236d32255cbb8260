"""`gonogo gate canary --probe-url`: ids sent twice to real servers, and what is judged from the answers."""

from __future__ import annotations

import json
import random
import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import rollout_server as rollout
from canary_case import PLAN, make_looks

from gonogo.cli import canary_probe as sender
from gonogo.cli import main
from gonogo.gates.canary import judge_phase
from gonogo.metrics import canary_probe
from gonogo.metrics.canary_probe import MAX_FAULTS_IN_A_ROW, Observation, plan_sendings, send_probes
from gonogo.model.canary import CanaryPlan, Result, StickyKey
from gonogo.model.canary_probe import CanaryProbe, ProbeSight
from gonogo.sources.canary_plan import load_canary_plan

HEAD = (
    "system: q2q\nold: v1\nnew: v2\nphases: [{share: 0.5, window: 10m}, {share: 1}]\n"
    "criteria: [{id: accuracy, field: correct, statistic: share, direction: drop, limit: 0.2}]\n"
)
REQUEST = "  request_id: {header: X-Request-Id}\n"
USER = '  user_id: {body: {customer: {id: "{id}"}}}\n'
PROBE = (
    "probe:\n  method: POST\n  path: /v1/classify\n"
    + REQUEST
    + USER
    + '  body: {text: "Where is my order?", customer: {tier: 2}}\n'
    "  headers: {X-Tenant: acme}\n  version: meta.version\n  ids: 20\n  rate: 100\n  timeout: 2s\n"
)
SECRET = '  secret: {header: Authorization, env: Q2Q_TOKEN, prefix: "Bearer "}\n'
TOKEN = "tok-5e1f0b77"


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return good traffic of both versions in which no id comes twice."""
    rng = random.Random(4)
    lines = []
    for number in range(800):
        line = {
            "at": 1_700_000_000 + number * 600 / 800,
            "version": "v2" if rng.random() < 0.5 else "v1",
            "request_id": f"r-{number}",
            "user_id": f"u-{number}",
            "correct": rng.random() < 0.9,
        }
        lines.append(json.dumps(line) + "\n")
    path = tmp_path_factory.mktemp("canary") / "good.jsonl"
    path.write_text("".join(lines), "utf-8")
    return str(path)


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send at 20 times the rate of the plan."""
    queue = canary_probe._Queue
    monkeypatch.setattr(canary_probe, "_Queue", lambda sendings, rate: queue(sendings, rate * 20))


@pytest.fixture
def judge(samples: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the command: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(text: str, *words: str) -> tuple[int, str, str]:
        Path("plan.yaml").write_text(text, "utf-8")
        monkeypatch.setattr(
            "sys.argv", ["gonogo", "gate", "canary", "--plan", "plan.yaml", "--samples", samples, *words]
        )
        with pytest.raises(SystemExit) as ended:
            main.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def probe_at(router: rollout.Router, judge: Any, text: str, *words: str) -> tuple[dict[str, Any], rollout.Rollout, str]:
    """Return the record of a judgement with its exit code as `exit`, the server, and stderr."""
    with rollout.serve(router) as server:
        code, out, err = judge(text, "--probe-url", server.url, "--format", "json", *words)
    record = json.loads(out)
    record["exit"] = code
    record["of"] = {gate["id"]: gate for gate in record["gates"]}
    return record, server, err


def test_without_the_probe_nothing_is_known_of_stickiness(judge: Any) -> None:
    code, out, _ = judge(HEAD + PROBE)
    assert code == 3
    assert "no request_id was seen twice" in out


def test_ids_are_sent_twice_as_the_plan_says(judge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("Q2Q_TOKEN", TOKEN)
    monkeypatch.setattr(sender, "_EVERY", 0.2)
    record, server, err = probe_at(rollout.by_request, judge, HEAD + PROBE + SECRET, "--out", "new/seen.jsonl")
    assert (record["exit"], record["result"]) == (0, "promote")
    assert record["of"]["CANARY-STICKY"]["n"] == 20
    assert record["of"]["CANARY-PROBE-SPLIT"]["n"] == 20
    assert record["probe"] == {
        "url": server.url, "seed": 0, "ids": 20, "requests": 80, "answered": 80, "faults": {},
    }  # fmt: skip

    assert len(server.asked) == 80
    for asked in server.asked:
        assert (asked.method, asked.path) == ("POST", "/v1/classify")
        assert asked.headers["authorization"] == f"Bearer {TOKEN}"
        assert asked.headers["x-tenant"] == "acme"
        assert asked.body == {"text": "Where is my order?", "customer": {"tier": 2, "id": asked.user_id}}
        assert "cookie" not in asked.headers, "a cookie would hold the version for every id"
        assert asked.request_id.startswith("gonogo-synthetic-")
        assert asked.user_id.startswith("gonogo-synthetic-")
    for ids in ([one.request_id for one in server.asked], [one.user_id for one in server.asked]):
        assert Counter(Counter(ids).values()) == {2: 20, 1: 40}, "20 ids twice; beside the other key's ids fresh ones"
    assert len({(one.request_id, one.user_id) for one in server.asked}) == 80, "only one of the two is ever repeated"
    assert server.asked[-1].at - server.asked[0].at > 0.7, "80 requests at 100 a second"

    written = Path("new/seen.jsonl").read_text("utf-8")
    lines = [json.loads(line) for line in written.splitlines()]
    assert len(lines) == 80
    assert all(set(line) == {"at", "key", "id", "version", "status"} for line in lines)
    assert Counter(line["key"] for line in lines) == {"request_id": 40, "user_id": 40}
    assert {line["version"] for line in lines} == {"v1", "v2"}
    assert TOKEN not in written + err + json.dumps(record)
    assert "probing" in err
    assert len([line for line in err.splitlines() if "of 80 requests" in line]) >= 2, "it tells how far it is"


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize(
    ("router", "key", "code", "of_other"),
    [
        (rollout.by_user, "user_id", 0, ""),
        (rollout.by_user, "request_id", 1, "0 of 20 user_ids, which the plan does not promise, got both versions"),
        (rollout.by_request, "user_id", 1, "0 of 20 request_ids, which the plan does not promise, got both versions"),
    ],
)
def test_only_the_promised_key_is_judged(
    router: rollout.Router, key: str, code: int, of_other: str, judge: Any
) -> None:
    record, _, _ = probe_at(router, judge, f"{HEAD}key: {key}\n{PROBE}", "--out", "seen.jsonl")
    assert record["exit"] == code
    assert record["of"]["CANARY-STICKY"]["outcome"] == ("FAILED" if code else "PASSED")
    assert of_other in record["of"]["CANARY-PROBE"]["sentence"]
    if not code:
        lines = [json.loads(line) for line in Path("seen.jsonl").read_text("utf-8").splitlines()]
        new = {line["id"] for line in lines if (line["key"], line["version"]) == (key, "v2")}
        assert f"{len(new)} of 20 sent {key}s" in record["of"]["CANARY-PROBE-SPLIT"]["sentence"]


def only_request(text: str) -> str:
    """Return a plan whose probe sends one key, by GET."""
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith(("  user_id", "  body"))]
    return "".join(lines).replace("POST", "GET")


@pytest.mark.usefixtures("hurry")
def test_a_version_by_chance_aborts(judge: Any) -> None:
    record, server, _ = probe_at(rollout.by_chance(), judge, only_request(HEAD + PROBE))
    assert record["exit"] == 1
    assert [reason.split(":")[0] for reason in record["reasons"]] == ["CANARY-STICKY"]
    assert len(server.asked) == 40
    assert all(asked.method == "GET" and asked.body is None for asked in server.asked)


@pytest.mark.usefixtures("hurry")
def test_one_version_for_all_ids_is_judged_by_the_share(judge: Any) -> None:
    old, _, _ = probe_at(rollout.always("v1"), judge, only_request(HEAD + PROBE))
    assert (old["exit"], old["of"]["CANARY-STICKY"]["outcome"]) == (3, "PASSED")
    assert [reason.split(":")[0] for reason in old["reasons"]] == ["CANARY-PROBE-SPLIT"]
    assert "0 of 20 sent request_ids (0.00%) got v2" in old["reasons"][0]
    new, _, _ = probe_at(rollout.always("v2"), judge, only_request(HEAD + PROBE))
    assert new["exit"] == 1, "more than agreed"


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize(
    ("router", "says"),
    [
        (rollout.sometimes((503, {}, b"down")), "5 answered with status 503"),
        (rollout.sometimes((302, {"Location": "/elsewhere"}, b"")), "5 answered with status 302"),
        (rollout.sometimes((200, {}, b"<html>private</html>")), "5 answered without the version"),
        (rollout.sometimes((200, {}, b'{"meta": {}}')), "5 answered without the version"),
        (rollout.sometimes(rollout.answer(2)), "5 answered without the version"),
        (rollout.sometimes(rollout.answer("private")), "5 answered by a version that is neither v1 nor v2"),
        (rollout.sometimes((200, {"Content-Length": "900"}, b"cut"), every=39), "1 without an answer (Re"),
        (rollout.sometimes((200, {}, b" " * 1_100_000), every=39), "1 answered with more than 1,048,576 bytes"),
    ],
)
def test_a_request_without_a_version_holds(router: rollout.Router, says: str, judge: Any) -> None:
    record, server, err = probe_at(router, judge, only_request(HEAD + PROBE))
    assert (record["exit"], len(server.asked)) == (3, 40), "never promoted, and never asked again"
    assert any(reason.startswith("CANARY-PROBE: no_data: ") and says in reason for reason in record["reasons"])
    assert "private" not in json.dumps(record) + err


@pytest.mark.usefixtures("hurry")
def test_a_moved_id_aborts_also_beside_errors(judge: Any) -> None:
    text = only_request(HEAD + PROBE)
    record, _, _ = probe_at(rollout.sometimes((500, {}, b""), else_=rollout.by_chance()), judge, text)
    assert record["exit"] == 1


def hang(_: rollout.Asked) -> rollout.Reply:
    time.sleep(0.4)
    return rollout.answer("v1")


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("router", [hang, lambda _: (503, {}, b"")])
def test_a_system_that_is_down_is_not_asked_on(router: rollout.Router, judge: Any) -> None:
    text = only_request(HEAD + PROBE).replace("timeout: 2s", "timeout: 50ms").replace("ids: 20", "ids: 2000")
    record, server, _ = probe_at(router, judge, text, "--out", "seen.jsonl")
    assert record["exit"] == 3
    assert MAX_FAULTS_IN_A_ROW <= len(server.asked) <= MAX_FAULTS_IN_A_ROW + 8
    assert "not sent after 20 faults in a row" in json.dumps(record["reasons"])
    assert record["probe"]["answered"] == 0
    assert {json.loads(line)["version"] for line in Path("seen.jsonl").read_text("utf-8").splitlines()} == {None}


@pytest.mark.usefixtures("hurry")
def test_nobody_listening_holds(judge: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        code, out, _ = judge(HEAD + PROBE, "--probe-url", url)
    assert code == 3
    assert "without an answer (ConnectError)" in out


BROKEN = ProbeSight(40, 39, 9, 10, {"answered with status 503": 1})


def test_a_broken_probe_never_promotes_and_never_ends_the_windows() -> None:
    looks = make_looks(1, 3000, share=0.5, plan=PLAN)
    whole = ProbeSight(40, 40, 10, 10, {})
    assert judge_phase(PLAN, 1, looks, whole).result is Result.PROMOTE
    assert judge_phase(PLAN, 1, looks, BROKEN).result is Result.HOLD
    noisy = make_looks(1, 100, share=0.5, plan=PLAN)
    assert judge_phase(PLAN, 1, noisy, whole).result is Result.ABORT
    assert judge_phase(PLAN, 1, noisy, BROKEN).result is Result.ABORT, "the version was not shown to be good either"


def test_what_goes_wrong_before_the_first_request_sends_nothing(judge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("Q2Q_TOKEN", raising=False)
    Path("there.jsonl").write_text("kept", "utf-8")
    with rollout.serve(rollout.by_request) as server:
        url = ("--probe-url", server.url)
        for says, text, words in [
            ("Add a probe section", HEAD, url),
            ("Q2Q_TOKEN is not set", HEAD + PROBE + SECRET, url),
            ("there already", HEAD + PROBE, (*url, "--out", "there.jsonl")),
            ("cannot be written", HEAD + PROBE, (*url, "--out", "there.jsonl/seen.jsonl")),
            ("nothing is without --probe-url", HEAD + PROBE, ("--seed", "4")),
            ("must be http(s)://", HEAD + PROBE, ("--probe-url", "ftp://q2q")),
            ("must be http(s)://", HEAD + PROBE, ("--probe-url", f"http://me:{TOKEN}@q2q")),
            ("must be http(s)://", HEAD + PROBE, ("--probe-url", "")),
        ]:
            code, out, err = judge(text, *words)
            assert (code, out) == (2, ""), says
            assert says in err
            assert TOKEN not in err
        monkeypatch.setenv("Q2Q_TOKEN", f"{TOKEN}\n")
        code, _, err = judge(HEAD + PROBE + SECRET, *url)
        assert (code, TOKEN in err) == (2, False)
    assert server.asked == []
    assert Path("there.jsonl").read_text("utf-8") == "kept"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (PROBE.replace("  path", "  pth"), "plan.yaml:8: probe.pth: unknown key 'pth'; allowed: "),
        (PROBE.replace("header: X-R", "heder: X-R"), "Did you mean 'header'?"),
        (PROBE.replace("POST", "PUT"), "plan.yaml:7: probe.method: is 'PUT'; allowed: GET, POST."),
        (PROBE.replace("/v1/classify", "/v1?x=1"), "plan.yaml:8: probe.path: is '/v1?x=1'; not a path"),
        (PROBE.replace("ids: 20", "ids: 2001"), "probe.ids: is 2001; allowed: at most 2,000"),
        (PROBE.replace("ids: 20", "ids: 19"), "probe.ids: is 19; allowed: at least 20"),
        (PROBE.replace("rate: 100", "rate: 101"), "probe.rate: is 101; allowed: at most 100"),
        (PROBE.replace("timeout: 2s", "timeout: 2m"), "probe.timeout: is '2m'; "),
        (PROBE.replace("meta.version", '"meta."'), "probe.version: is 'meta.'; not a JMESPath expression"),
        (PROBE.replace("  version: meta.version\n", ""), "key 'version' is missing"),
        (PROBE.replace(REQUEST, ""), "plan.yaml:6: probe: key 'request_id' is missing, and the plan promises"),
        (f"key: none\n{PROBE}", "plan.yaml:6: key: is none, so that a probe has nothing to show"),
        (PROBE.replace("X-Request-Id}", "X-Request-Id, query: r}"), "probe.request_id: allowed: exactly one of"),
        (PROBE.replace("{header: X-Request-Id}", "{}"), "probe.request_id: allowed: exactly one of"),
        (PROBE.replace("X-Request-Id", "X-TENANT"), "is 'X-TENANT', which another part of the request holds already"),
        (PROBE.replace('"{id}"', '"{user}"'), "probe.user_id.body: has no {id}"),
        (PROBE.replace("tier: 2", "id: 2"), "probe.user_id.body: 'id' is written by another part of the body"),
        (PROBE.replace("POST", "GET"), "probe.body: stands with GET"),
        (PROBE + SECRET.replace("Q2Q_TOKEN", TOKEN), "probe.secret.env: is not shown"),
    ],
)
def test_bad_probe_sections_are_named_by_line(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(HEAD + text, "utf-8")
    plan, problems = load_canary_plan(tmp_path / "plan.yaml", "plan.yaml")
    assert plan is None
    said = "\n".join(map(str, problems))
    assert says in said
    assert TOKEN not in said


def make_plan(**changes: Any) -> tuple[CanaryPlan, CanaryProbe]:
    probe = CanaryProbe.model_validate(
        {"method": "GET", "path": "/", "request_id": {"query": "r"}, "version": "v", "ids": 50, **changes}
    )
    return CanaryPlan(system="q2q", old="v1", new="v2", probe=probe), probe


def test_the_ids_follow_from_seed_and_phase() -> None:
    plan, probe = make_plan()
    first = plan_sendings(plan, probe, 1, 0)
    assert first == plan_sendings(plan, probe, 1, 0)
    for other in (plan_sendings(plan, probe, 2, 0), plan_sendings(plan, probe, 1, 1)):
        assert not {one.id for one in first} & {one.id for one in other}, "a remembered id answers by an older share"
    places: dict[str, list[int]] = {}
    for one in first:
        places.setdefault(one.id, []).append(one.place)
    assert len(places) == 50
    assert min(second - begun for begun, second in places.values()) > 8, "never both in flight at once"
    assert {one.key for one in first} == {StickyKey.REQUEST}


def test_whoever_cannot_write_stops_the_sending() -> None:
    plan, probe = make_plan(rate=100.0)

    def fail(_: Observation) -> None:
        raise OSError("disk full")

    with rollout.serve(rollout.always("v1")) as server, pytest.raises(OSError, match="disk full"):
        send_probes(plan, probe, server.url, plan_sendings(plan, probe, 1, 0), token=None, observe=fail)
    assert len(server.asked) <= 8


def test_the_probe_of_the_guide_is_a_plan(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "canary.md").read_text("utf-8")
    blocks = [part.split("```")[0] for part in guide.split("```yaml\n")[1:]]
    (tmp_path / "plan.yaml").write_text(blocks[0] + blocks[1], "utf-8")
    plan, problems = load_canary_plan(tmp_path / "plan.yaml", "plan.yaml")
    assert problems == []
    assert plan is not None
    assert plan.probe is not None
    assert (plan.probe.ids, plan.probe.rate, plan.probe.timeout) == (200, 20, 10)
