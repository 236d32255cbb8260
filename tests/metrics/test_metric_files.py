"""Files, runs, Locust's statistics and pages of metrics: read whole, or refused with their line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
import respx
from richpanel_server import Server

from gonogo.metrics.exposition import ExpositionSource, read_exposition
from gonogo.metrics.files import FileSource, LocustSource, RunSource
from gonogo.metrics.interface import Answer, NoData, QueryFailed, Reading, Span
from gonogo.metrics.tables import read_number, read_table
from gonogo.model.metric import MetricSpec

ROWS = [
    {"at": "2026-11-21T05:00:00+00:00", "route": "/a", "ms": 12.5, "n": 3, "unit": "ms"},
    {"at": "2026-11-21T05:00:10+00:00", "route": "/a", "ms": 20.0, "n": 4, "unit": "ms"},
    {"at": "2026-11-21T05:00:20+00:00", "route": "/b", "ms": 99.0, "n": 5, "unit": "ms"},
]
END = datetime(2026, 11, 21, 5, 0, 20, tzinfo=UTC).timestamp()


def spec(**more: object) -> MetricSpec:
    return MetricSpec(**{"source": "s", "column": "ms", **more})  # type: ignore[arg-type]


def write(folder: Path, ending: str) -> Path:
    path = folder / f"rows.{ending}"
    frame = pd.DataFrame(ROWS)
    if ending == "csv":
        frame.to_csv(path, index=False)
    elif ending == "json":
        path.write_text(json.dumps(ROWS))
    elif ending == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    else:
        frame.to_parquet(path)
    return path


def values(answer: Answer) -> list[float]:
    assert isinstance(answer, Reading), answer
    return list(answer.frame["value"])


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet"])
def test_four_formats_say_the_same(tmp_path: Path, ending: str) -> None:
    source = FileSource(write(tmp_path, ending), "rows")
    more = {"time_column": "at", "n_column": "n", "unit_column": "unit"}
    answer = source.read(spec(**more), Span(END))
    assert values(answer) == [12.5, 20.0, 99.0]
    assert isinstance(answer, Reading)
    assert answer.frame["n"].tolist() == [3, 4, 5]
    assert set(answer.frame["unit"]) == {"ms"}
    assert values(source.read(spec(**more), Span(END, 15.0))) == [20.0, 99.0]
    assert values(source.read(spec(where={"route": "/a"}), Span(END))) == [12.5, 20.0]
    assert values(source.read(spec(column="route", matches="/a"), Span(END))) == [1.0, 1.0, 0.0]
    assert isinstance(source.read(spec(where={"route": "/c"}), Span(END)), NoData)
    assert isinstance(source.read(spec(**more), Span(END + 1000, 15.0)), NoData)


BAD = [
    ("rows.csv", "a,b\n1,2\n3\n", ":3: 1 cells, the header has 2"),
    ("rows.csv", "a,a\n1,2\n", ":1: column 'a' stands twice"),
    ("rows.csv", 'a\n"1\n', ":2: not CSV"),
    ("rows.csv", "", ": the file is empty"),
    ("rows.json", '[{"a": 1}, 2]', "not a list of objects"),
    ("rows.json", '{"a": 1, "a": 2}', "key 'a' stands twice"),
    ("rows.json", "[" * 100_000, "not JSON"),
    ("rows.jsonl", '{"ms": 1}\n{"ms": 2', ":2: not JSON"),
    ("rows.jsonl", '{"ms": 1}\n[]\n', ":2: not an object"),
    ("rows.parquet", "PAR1", "not Parquet"),
    ("rows.xlsx", "", "its ending is '.xlsx'; allowed: .csv, .json, .jsonl, .parquet"),
    ("rows.jsonl", b"\xff\n", "byte 0xff at position 0 is not UTF-8"),
]


@pytest.mark.parametrize(("name", "text", "said"), BAD)
def test_part_of_a_file_is_never_judged(tmp_path: Path, name: str, text: str | bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    answer = FileSource(path, name).read(spec(), Span(END))
    assert isinstance(answer, QueryFailed)
    assert said in answer.reason
    assert answer.reason.startswith(name)


def test_missing_file_is_a_failed_query(tmp_path: Path) -> None:
    assert isinstance(FileSource(tmp_path / "none.csv", "none.csv").read(spec(), Span(END)), QueryFailed)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"column": "mz"}, "no column 'mz'; it has at, route, ms"),
        ({"where": {"rout": "/a"}}, "no column 'rout'"),
        ({"column": "route"}, "rows.csv:2: route: '/a' is no number"),
        ({"time_column": "route"}, "rows.csv:2: route: '/a' is no time"),
        ({"n_column": "ms"}, "rows.csv:2: ms: '12.5' is no count"),
    ],
)
def test_cells_that_are_none_name_their_line(tmp_path: Path, more: dict[str, object], said: str) -> None:
    answer = FileSource(write(tmp_path, "csv"), "rows.csv").read(spec(**more), Span(END))
    assert isinstance(answer, QueryFailed)
    assert said in answer.reason


def test_lines_of_cells_that_span_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('text,ms\n"two\nlines",1\nx,none of these\n')
    answer = FileSource(path, "rows.csv").read(spec(), Span(END))
    assert isinstance(answer, QueryFailed)
    assert "rows.csv:4: ms" in answer.reason


@pytest.mark.parametrize("cell", [None, "", "NaN", "N/A", "null"])
def test_cells_without_a_value_stay_visible(cell: str | None) -> None:
    number = read_number(cell)
    assert number is not None
    assert number != number


@pytest.mark.parametrize("cell", ["1_000", "12 ms", "1,5", True, [], "0x10"])
def test_cells_that_are_no_numbers(cell: object) -> None:
    assert read_number(cell) is None


def test_run_records(tmp_path: Path) -> None:
    lines = [{"at": 1.0, "route": "/webhook", "status": status, "ms": 3.0} for status in (202, 202, 503)]
    (tmp_path / "exchanges.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    source = RunSource(tmp_path, "run")
    share = source.read(spec(query="exchanges", column="status", matches="5.."), Span(END))
    assert values(share) == [0.0, 0.0, 1.0]
    assert isinstance(source.read(spec(query="outcomes"), Span(END)), NoData)
    assert isinstance(source.read(spec(query="nothing"), Span(END)), QueryFailed)


LOCUST_CSV = (
    "Type,Name,Request Count,Failure Count,Median Response Time,95%,99%\n"
    "POST,/webhook,1000,2,12,40,95\n,Aggregated,1000,2,12,40,95\n"
)
LOCUST_JSON = [
    {
        "name": "/webhook",
        "method": "POST",
        "num_requests": 100,
        "num_failures": 1,
        "response_times": {"10": 94, "480": 6},
    }
]


def test_locust_statistics(tmp_path: Path) -> None:
    (tmp_path / "load_stats.csv").write_text(LOCUST_CSV)
    source = LocustSource(tmp_path / "load_stats.csv", "load_stats.csv")
    answer = source.read(spec(column="95%", where={"Name": "Aggregated"}), Span(END))
    assert values(answer) == [40.0]
    assert isinstance(answer, Reading)
    assert answer.frame["n"].tolist() == [1000]
    (tmp_path / "load.json").write_text(json.dumps(LOCUST_JSON))
    source = LocustSource(tmp_path / "load.json", "load.json")
    answer = source.read(spec(column="p95", where={"name": "/webhook"}), Span(END))
    assert (values(answer), isinstance(answer, Reading) and answer.frame["n"].tolist()) == ([480.0], [100])
    assert values(source.read(spec(column="p90"), Span(END))) == [10.0]
    empty = [{**LOCUST_JSON[0], "num_requests": 0, "response_times": {}}]
    (tmp_path / "load.json").write_text(json.dumps(empty))
    nothing = source.read(spec(column="p95"), Span(END))
    assert values(nothing)[0] != values(nothing)[0]


PAGE = """# TYPE jobs_total counter
jobs_total{kind="a"} 3
jobs_total{kind="b"} 4
# TYPE ack_seconds histogram
ack_seconds_bucket{le="0.1"} 94
ack_seconds_bucket{le="0.5"} 99
ack_seconds_bucket{le="+Inf"} 100
ack_seconds_count 100
ack_seconds_sum 12
# TYPE broken gauge
broken NaN
"""


def page(text: str = PAGE, **more: object) -> Answer:
    return read_exposition(text, MetricSpec(**{"source": "page", **more}), END)  # type: ignore[arg-type]


def test_page_of_metrics() -> None:
    assert values(page(query="jobs_total", labels={"kind": "b"})) == [4.0]
    assert values(page(query="jobs_total")) == [3.0, 4.0]
    assert values(page(query="broken"))[0] != values(page(query="broken"))[0]
    missing = page(query="jobs")
    assert isinstance(missing, NoData)
    assert missing.reason == "no sample of jobs; the page has jobs_total"
    assert isinstance(page(query="jobs_total", labels={"kind": "c"}), NoData)


def test_quantile_of_a_histogram_is_a_bound_and_never_below_the_truth() -> None:
    for quantile, bound in ((0.5, 0.1), (0.94, 0.1), (0.95, 0.5), (0.99, 0.5), (0.995, float("inf"))):
        answer = page(query="ack_seconds", quantile=quantile)
        assert values(answer) == [bound]
        assert isinstance(answer, Reading)
        assert answer.n == 100
    assert isinstance(page(query="nothing_seconds", quantile=0.5), NoData)
    empty = PAGE.replace("94", "0").replace("99", "0").replace('"} 100', '"} 0')
    assert isinstance(page(empty, query="ack_seconds", quantile=0.5), NoData)
    assert isinstance(page(PAGE.replace("+Inf", "9"), query="ack_seconds", quantile=0.5), QueryFailed)


@pytest.mark.parametrize("text", ["", "<html>", "jobs_total three\n"])
def test_pages_that_are_none_are_failed_queries(text: str) -> None:
    assert isinstance(page(text, query="jobs_total"), QueryFailed)


@pytest.fixture
def sandbox() -> Iterator[Server]:
    with Server("--latency", "0", "--flag-ttl", "0") as server:
        yield server


def test_page_of_the_sandbox(sandbox: Server) -> None:
    sandbox.send("where is my order")
    source = ExpositionSource(sandbox.ready["url"] + "/metrics")
    answer = source.read(MetricSpec(source="page", query="richpanel_ack_seconds", quantile=0.95), Span(END))
    assert isinstance(answer, Reading)
    assert answer.n == 1
    source.close()


def test_page_that_does_not_answer() -> None:
    source = ExpositionSource("http://page.test/metrics")
    with respx.mock:
        respx.get("http://page.test/metrics").respond(503)
        assert isinstance(source.read(MetricSpec(source="page", query="x"), Span(END)), QueryFailed)
    unreachable = ExpositionSource("http://127.0.0.1:9/metrics")
    assert isinstance(unreachable.read(MetricSpec(source="page", query="x"), Span(END)), QueryFailed)
    source.close()
    unreachable.close()


def test_table_knows_its_lines(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "jsonl"), "rows")
    assert not isinstance(table, QueryFailed)
    assert [table.place(index) for index in range(3)] == ["rows:1", "rows:2", "rows:3"]
