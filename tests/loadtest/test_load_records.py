"""Records of workers, merged: exactly what one worker would have written."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.loadtest.generator.recording import RECORD, pack_record
from gonogo.loadtest.order import WorkerNote
from gonogo.loadtest.records import histogram, merge_records, parse_records, quantile, read_records

latencies = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=300)


def note(worker: int, records: int) -> WorkerNote:
    return WorkerNote(worker, records, records, records, 100.0, 101.0, False, 1)


@given(latencies, st.integers(1, 5), st.randoms(use_true_random=False))
def test_merged_percentiles_are_exact(values: list[int], workers: int, rng: random.Random) -> None:
    rows = [RECORD.pack(arrival, 0, value, 202, 0) for arrival, value in enumerate(values)]
    parts = [[row for index, row in enumerate(rows) if index % workers == worker] for worker in range(workers)]
    for part in parts:
        rng.shuffle(part)
    merged = merge_records([parse_records(b"".join(part)) for part in parts], [])
    assert merged.rows["arrival"].tolist() == list(range(len(values)))
    assert merged.rows["latency"].tolist() == values
    for share in (0.5, 0.95, 0.99, 1.0):
        ordered = sorted(values)
        wanted = next(one for rank, one in enumerate(ordered, 1) if rank >= share * len(values) - 1e-9)
        assert quantile(merged.rows["latency"], share) == wanted
    assert sum(count for _, count in histogram(merged.rows["latency"])) == len(values)


@given(latencies, st.integers(0, 40))
def test_a_file_that_was_cut_off_keeps_its_whole_records(values: list[int], cut: int) -> None:
    data = b"".join(RECORD.pack(arrival, 0, value, 202, 0) for arrival, value in enumerate(values))
    kept = data[: max(0, len(data) - cut)]
    assert parse_records(kept)["latency"].tolist() == values[: len(kept) // RECORD.size]


def test_an_arrival_that_was_recorded_twice_counts_once_and_is_told() -> None:
    row = RECORD.pack(3, 0, 5, 202, 0)
    merged = merge_records([parse_records(row), parse_records(row + RECORD.pack(4, 0, 6, 202, 0))], [])
    assert (len(merged), merged.repeated) == (2, 1)


def test_records_and_notes_are_read_from_a_folder(tmp_path) -> None:
    for worker in range(3):
        (tmp_path / f"records-{worker}.bin").write_bytes(RECORD.pack(worker, 1, 2, 200, 0))
        (tmp_path / f"worker-{worker}.json").write_text(note(worker, 1).to_json(), "utf-8")
    found = read_records(tmp_path)
    assert [one.worker for one in found.notes] == [0, 1, 2]
    assert len(found) == 3


def test_a_record_is_exact_to_the_microsecond_and_never_overflows() -> None:
    assert RECORD.unpack(pack_record(7, 10.0, 10.000_25, 10.5, 503, 0)) == (7, 250, 500_000, 503, 0)
    assert RECORD.unpack(pack_record(7, 0.0, 9e9, 9e9, 0, 2))[2] == 2**32 - 1
    # What was never sent is as late as it was given up.
    assert RECORD.unpack(pack_record(7, 10.0, 0.0, 11.0, 0, 1))[1] == 1_000_000


def test_no_values_have_no_quantile() -> None:
    with pytest.raises(ValueError, match="no values"):
        quantile(np.empty(0), 0.5)
