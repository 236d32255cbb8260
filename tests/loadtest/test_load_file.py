"""load.yaml: every problem at once, and what its profiles can prove."""

from __future__ import annotations

from pathlib import Path

import pytest

from gonogo.errors import SourceError
from gonogo.loadtest.schedule import build_schedule
from gonogo.model.load import prove_limits
from gonogo.sources.load_file import read_load_pack, require_load_pack
from gonogo.sources.system_files import load_vocabulary

SOURCES = Path(__file__).parents[2] / "smoke_cases" / "richpanel"
DOMAIN = {
    "baseline": (211, 3600),
    "peak": (430, 3600),
    "five_fold": (2150, 3600),
    "surge": (1075, 900),
    "spike": (1000, 60),
    "burst": (300, 720),
    "soak": (5376, 86_400),
    "backlog": (10_000, 600),
    "vendor_429": (430, 600),
    "llm_latency": (430, 600),
}
GOOD = """
system: richpanel
limits:
  - {id: lost, metric: lost, comparison: at_most, limit: 0}
  - {id: duplicates, metric: duplicates, comparison: at_most, limit: 0}
  - {id: tier0, metric: tier0_replies, comparison: at_most, limit: 0}
  - {id: forbidden, metric: forbidden_replies, comparison: at_most, limit: 0}
profiles:
  small: {title: small, arrivals: {segments: [{count: 10, over: 10s}]}, recovery: 5s}
"""


def problems_of(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "load.yaml"
    path.write_text(text, "utf-8")
    vocabulary, _ = load_vocabulary(SOURCES / "vocabulary.yaml", "vocabulary.yaml")
    return [str(one) for one in read_load_pack(path, "load.yaml", "richpanel", vocabulary)[1]]


def test_every_profile_of_the_project_sends_what_it_says() -> None:
    vocabulary, _ = load_vocabulary(SOURCES / "vocabulary.yaml", "vocabulary.yaml")
    pack = require_load_pack(SOURCES / "load.yaml", "load.yaml", "richpanel", vocabulary)
    for name, (count, seconds) in DOMAIN.items():
        schedule = build_schedule(pack.load.profiles[name].arrivals)
        assert (len(schedule), schedule.seconds) == (count, seconds), name
    assert set(pack.load.profiles) == set(DOMAIN)


def test_only_what_sends_enough_claims_to_prove_a_share_of_a_thousandth() -> None:
    pack = require_load_pack(SOURCES / "load.yaml", "load.yaml", "richpanel")
    proves = {
        name
        for name, profile in pack.load.profiles.items()
        for proof in prove_limits(pack.load.limits_of(name), profile.arrivals.count)
        if proof.limit.id == "server-errors" and proof.provable
    }
    assert proves == {"soak", "backlog"}


def test_a_good_file_has_no_problem(tmp_path: Path) -> None:
    assert problems_of(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("system: richpanel", "system: other", "load.yaml:2: system: is 'other', but the system is 'richpanel'"),
        ("metric: lost", "metric: lots", "load.yaml:4: limits.0.metric: is 'lots'; allowed: "),
        ("id: tier0", "id: LOST", "stands in line 4 already"),
        ("count: 10,", "count: 0,", "a load of nothing is never a success"),
        ("count: 10,", "count: ten,", "load.yaml:9: profiles.small.arrivals.segments.0.count"),
        ("over: 10s", "over: 10 s", "not a duration"),
        ("recovery: 5s", "recovery: 5s, recover: 6s", "unknown key 'recover'"),
        ("recovery: 5s", "recovery: 5s, shows: {lots: 1}", "profiles.small.shows.lots"),
        ("metric: lost, comparison: at_most, limit: 0", "metric: lost, comparison: below, limit: 1", "zero on lost"),
        ("metric: duplicates, ", "metric: duplicates, weight: soft, ", "never lowers"),
        ("profiles:", "mix: {order_statos: 1}\nprofiles:", "Did you mean 'order_status_tracking'"),
        ("profiles:", "mix: {refund_request: 0}\nprofiles:", "nothing would be sent"),
        ("profiles:", "series: {lost: {metric: x}}\nprofiles:", "the name of a figure"),
        ("profiles:", "series: {queue_age: {metric: x, kind: counter}}\nprofiles:", "a queue rises and falls"),
        ("limit: 0}\n  - {id: dup", "limit: 0, aborts: true}\n  - {id: dup", "not seen while the load runs"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, old: str, new: str, wanted: str) -> None:
    assert old in GOOD
    found = problems_of(tmp_path, GOOD.replace(old, new, 1))
    assert any(wanted in one for one in found), found


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("count: 10,", "count: 0,").replace("metric: lost", "metric: lots").replace("richpanel", "other")
    assert len(problems_of(tmp_path, text)) >= 4
    path = tmp_path / "load.yaml"
    with pytest.raises(SourceError):
        require_load_pack(path, "load.yaml", "richpanel")
