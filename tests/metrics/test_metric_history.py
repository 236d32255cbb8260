"""A page that is scraped again and again: one request a moment, windows, and memory that does not grow."""

from __future__ import annotations

import pytest

from gonogo.metrics.exposition import Page
from gonogo.metrics.history import PageHistory
from gonogo.metrics.interface import NoData, QueryFailed, Reading, Span
from gonogo.metrics.reduce import reduce_answer
from gonogo.model.gate import FlawKind
from gonogo.model.metric import MetricSpec

T0 = 1_800_000_000.0
COUNTER = MetricSpec(source="page", query="errors_total", counter=True, reduce="increase")
GAUGE = MetricSpec(source="page", query="age")


class Pages:
    """A page whose text the test says; counts its requests."""

    def __init__(self) -> None:
        self.text = ""
        self.date: str | None = None
        self.failing = False
        self.requests = 0
        self.closed = 0

    def fetch(self) -> Page | QueryFailed:
        self.requests += 1
        return QueryFailed("status 503") if self.failing else Page(self.text, self.date)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture
def history(pages: Pages) -> PageHistory:
    return PageHistory(pages.fetch, pages.close, {"errors_total": 300.0, "age": 300.0}, frozenset({"errors_total"}))


def read(history: PageHistory, spec: MetricSpec, at: float, window: float | None = 300.0):
    span = Span(T0 + at, window)
    return reduce_answer("m", spec, history.read(spec, span), span)


def test_one_request_a_moment_whatever_is_asked(history: PageHistory, pages: Pages) -> None:
    pages.text = "errors_total 3\nage 5\n"
    for _ in range(200):
        read(history, COUNTER, 0)
        read(history, GAUGE, 0, None)
    assert pages.requests == history.scrapes == 1
    pages.failing = True
    for _ in range(200):
        assert isinstance(history.read(GAUGE, Span(T0 + 30)), QueryFailed)
    assert pages.requests == 2
    history.close()
    assert pages.closed == 1


def test_a_counter_needs_two_scrapes_and_then_tells_its_increase(history: PageHistory, pages: Pages) -> None:
    seen = []
    for at, value in ((0, 3), (30, 3), (60, 7), (90, 9)):
        pages.text = f"errors_total {value}\n"
        seen.append(read(history, COUNTER, at).value)
    assert seen == [None, 0, 4, 6]


def test_what_lies_before_the_window_counts_no_more(history: PageHistory, pages: Pages) -> None:
    for at, value in ((0, 0), (100, 50), (200, 50), (400, 50)):
        pages.text = f"errors_total {value}\n"
        found = read(history, COUNTER, at)
    # The window begins at 100: the scrape there is the one that it is compared with.
    assert found.value == 0


def test_a_slow_watch_compares_with_the_scrape_before_the_window(history: PageHistory, pages: Pages) -> None:
    for at, value in ((0, 10), (600, 25)):
        pages.text = f"errors_total {value}\n"
        found = read(history, COUNTER, at)
    assert found.value == 15


def test_a_series_that_appears_began_at_zero(history: PageHistory, pages: Pages) -> None:
    pages.text = 'errors_total{kind="a"} 5\n'
    read(history, COUNTER, 0)
    pages.text = 'errors_total{kind="a"} 5\nerrors_total{kind="b"} 2\n'
    answer = history.read(COUNTER, Span(T0 + 30, 300.0))
    assert isinstance(answer, Reading)
    assert sorted(answer.frame["value"].tolist()) == [0.0, 2.0, 5.0, 5.0]


def test_a_counter_that_falls_is_told(history: PageHistory, pages: Pages) -> None:
    for at, value in ((0, 10), (30, 2)):
        pages.text = f"errors_total {value}\n"
        found = read(history, COUNTER, at)
    assert found.value == 2
    assert FlawKind.COUNTER_RESET in {flaw.kind for flaw in found.problems}


def test_a_time_that_stands_still_is_no_new_point(history: PageHistory, pages: Pages) -> None:
    for at in (0, 30, 60):
        pages.text = f"errors_total 3 {int(T0 * 1000)}\n"
        answer = history.read(COUNTER, Span(T0 + at, 300.0))
        assert isinstance(answer, NoData)


def test_a_metric_that_left_the_page_has_no_present(history: PageHistory, pages: Pages) -> None:
    for at, text in ((0, "errors_total 1\n"), (30, "errors_total 1\n"), (60, "age 1\n")):
        pages.text = text
        found = history.read(COUNTER, Span(T0 + at, 300.0))
    assert isinstance(found, NoData)


def test_what_an_earlier_session_scraped_is_the_past_of_the_first_scrape(history: PageHistory, pages: Pages) -> None:
    history.restore("errors_total", {}, T0 - 30, 4.0, oldest=T0 - 60)
    pages.text = "errors_total 9\n"
    assert read(history, COUNTER, 0).value == 5


def test_what_was_scraped_too_long_ago_is_no_past(history: PageHistory, pages: Pages) -> None:
    history.restore("errors_total", {}, T0 - 4000, 4.0, oldest=T0 - 60)
    history.restore("unknown", {}, T0 - 30, 4.0, oldest=T0 - 60)
    pages.text = "errors_total 9\n"
    assert read(history, COUNTER, 0).value is None


def test_memory_is_bounded_by_the_windows(history: PageHistory, pages: Pages) -> None:
    for poll in range(400):
        # A series that is new at every poll, as a careless label makes them.
        pages.text = f'errors_total{{request="{poll}"}} 1\nage {poll}\n'
        history.read(GAUGE, Span(T0 + poll * 30, 300.0))
    points = history.points()
    assert len(points["errors_total"]) <= 300 / 30 + 2
    assert len(points["age"]) == 1
    assert sum(len(one) for one in history._series.values()) <= 3 * (300 / 30 + 2)


def test_a_long_window_of_quick_polls_keeps_a_thousand_points_and_every_reset(
    history: PageHistory, pages: Pages
) -> None:
    history.windows = {"errors_total": 3000.0}
    value, risen = 0, 0
    for poll in range(6000):
        value, risen = (0, risen) if poll == 4000 else (value + 1, risen + 1)
        pages.text = f"errors_total {value}\n"
        history.read(GAUGE, Span(T0 + poll * 0.5))
    [points] = history._series.values()
    assert len(points) <= 1300
    found = read(history, COUNTER, 5999 * 0.5, 3000.0)
    # The increase is whole, and the reset is told.
    assert found.value == risen - 1
    assert FlawKind.COUNTER_RESET in {flaw.kind for flaw in found.problems}


def test_labels_that_nobody_asks_for_are_kept_as_a_digest(pages: Pages) -> None:
    history = PageHistory(pages.fetch, pages.close, {"errors_total": 300.0}, frozenset(), frozenset({"status"}))
    pages.text = 'errors_total{status="500",customer="jo@example.com"} 1\nerrors_total{status="500",customer="x"} 2\n'
    history.read(COUNTER, Span(T0, 300.0))
    rows = history.points()["errors_total"]
    assert len(rows) == 2
    assert "example" not in str(rows)
    assert {row[0]["status"] for row in rows} == {"500"}


@pytest.mark.parametrize(
    ("date", "offset"),
    [("Fri, 15 Jan 2027 08:00:00 GMT", -0.5), ("Fri, 15 Jan 2027 07:59:00 GMT", 59.5), (None, None), ("soon", None)],
)
def test_the_server_s_clock_is_compared_with_ours(
    history: PageHistory, pages: Pages, date: str | None, offset: float | None
) -> None:
    pages.text, pages.date = "age 1\n", date
    history.read(GAUGE, Span(T0))
    assert history.clock_offset == offset


def test_a_window_is_whole_only_once_it_was_scraped_from_its_beginning(history: PageHistory, pages: Pages) -> None:
    pages.text = "age 1\n"
    reached = []
    for at in range(0, 331, 30):
        history.read(GAUGE, Span(T0 + at, 300.0))
        reached.append(history.reaches(Span(T0 + at, 300.0)))
    assert reached == [False] * 9 + [True] * 3
    assert history.reaches(Span(T0))
