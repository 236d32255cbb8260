"""Every fault that only load brings out is a NO-GO that names its limit, and no other.

The faults strike every so many messages. Here the period is short, so that a small load is certain to meet it;
`--real-periods` takes the periods of the sandbox and the profiles that send enough for them.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_load_run import Done, LoadProject

# name: faults with a short period, the profile, the limits that have to be named
SMALL: dict[str, tuple[list[str], list[str], set[str]]] = {
    "errors": (["load_server_error/8"], ["--profile", "small"], {"server-errors"}),
    "several": (
        ["load_slow_ack/4", "load_duplicate_reply/6", "load_lost/25"],
        ["--profile", "small"],
        {"ack-p95", "duplicates", "lost"},
    ),
    "escalation": (
        ["load_tier0_reply/2"],
        ["--profile", "small"],
        {"tier0-replies", "tier0-reply-count", "forbidden-replies"},
    ),
    "stuck": (["load_queue_stuck/15"], ["--profile", "hour", "--time-scale", "600"], {"recovery"}),
    "hot": (["vendor_hot_loop"], ["--profile", "storm"], {"retry-after", "hot-loop"}),
    "early": (["vendor_retry_early"], ["--profile", "storm"], {"retry-after"}),
    "dead": (["vendor_429_dead_letters"], ["--profile", "storm"], {"dead-letters", "lost"}),
}
REAL: dict[str, tuple[list[str], list[str], set[str]]] = {
    "slow": (["load_slow_ack"], ["--profile", "spike"], {"ack-p95"}),
    "errors": (["load_server_error"], ["--profile", "surge", "--time-scale", "10"], SMALL["errors"][2]),
    "lost": (["load_lost"], ["--profile", "backlog", "--time-scale", "10"], {"lost"}),
    "double": (["load_duplicate_reply"], ["--profile", "backlog", "--time-scale", "10"], {"duplicates"}),
    "escalation": (["load_tier0_reply"], ["--profile", "spike"], SMALL["escalation"][2]),
    "stuck": (["load_queue_stuck"], ["--profile", "surge", "--time-scale", "60"], SMALL["stuck"][2]),
    "hot": (["vendor_hot_loop"], ["--profile", "vendor_429", "--time-scale", "20"], SMALL["hot"][2]),
    "early": (["vendor_retry_early"], ["--profile", "vendor_429", "--time-scale", "20"], SMALL["early"][2]),
    "dead": (["vendor_429_dead_letters"], ["--profile", "vendor_429", "--time-scale", "20"], SMALL["dead"][2]),
}
# What a queue that stands still breaks as well.
ALSO = {"stuck": {"queue-age", "late", "lost"}}
STORM = """  storm:
    title: a vendor that refuses half of all calls
    arrivals: {segments: [{count: 40, over: 3s}]}
    recovery: 30s
    embedded: [--vendor-429, "0.5", --seed, "5"]
    shows: {vendor_429: 5}
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> dict[str, Done]:
    """Make every load at once, a few at a time: each waits most of its time."""
    real = bool(request.config.getoption("--real-periods"))
    project = LoadProject(tmp_path_factory.mktemp("faults"))
    path = project.sources / "load.yaml"
    if real:
        profiles = (Path(__file__).parents[2] / "smoke_cases/richpanel/load.yaml").read_text("utf-8")
        text = re.sub(r"lag_p99: \w+", "lag_p99: 5s", profiles)
        path.write_text(text, "utf-8")
    else:
        path.write_text(path.read_text("utf-8") + STORM, "utf-8")
    cases, made = (REAL if real else SMALL), {}
    names = list(cases)
    for few in (names[start : start + 3] for start in range(0, len(names), 3)):
        started = {
            name: project.start(
                name, "--stage", "0", *cases[name][1], *(w for f in cases[name][0] for w in ("--fault", f))
            )
            for name in few
        }
        made.update({name: project.finish(name, process) for name, process in started.items()})
    return made


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", REAL if metafunc.config.getoption("--real-periods") else SMALL)


def test_the_fault_is_a_no_go_that_names_its_limit(
    done: dict[str, Done], case: str, request: pytest.FixtureRequest
) -> None:
    wanted = (REAL if request.config.getoption("--real-periods") else SMALL)[case][2]
    load = done[case]
    assert load.record, load.stderr
    failed = {one["check"] for one in load.record["checks"] if one["outcome"] == "FAILED"}
    assert wanted <= failed <= wanted | ALSO.get(case, set()), load.stderr[-2000:]
    assert (load.code, load.record["decision"]) == (1, "NO_GO")
