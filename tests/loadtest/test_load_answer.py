"""Answers read off a connection, however the network cuts them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.loadtest.generator.answer import AnswerError, AnswerReader

bodies = st.binary(max_size=200)
statuses = st.sampled_from([200, 202, 400, 429, 500, 503])


def with_length(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d Some Words\r\nContent-Type: x\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


def chunked(status: int, body: bytes) -> bytes:
    chunks = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:]) if part)
    return b"HTTP/1.1 %d OK\r\ntransfer-encoding: chunked\r\n\r\n" % status + chunks + b"0\r\nTrailer: 1\r\n\r\n"


def feed_in_parts(reader: AnswerReader, data: bytes, cuts: list[int]) -> list[bool]:
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [reader.feed(data[a:b]) for a, b in pairwise(places) if b > a]


@given(statuses, bodies, st.sampled_from([with_length, chunked]), st.lists(st.integers(0, 10_000), max_size=6))
def test_an_answer_is_whole_with_its_last_byte_and_not_before(status, body, render, cuts) -> None:
    reader = AnswerReader()
    data = b"HTTP/1.1 100 Continue\r\n\r\n" + render(status, body)
    seen = feed_in_parts(reader, data, cuts)
    assert seen == [False] * (len(seen) - 1) + [True]
    assert (reader.status, reader.keeps, reader.started) == (status, True, False)
    # The next answer on the same connection is read as well.
    assert feed_in_parts(reader, with_length(204 if status == 200 else 200, b""), [3])[-1]


@given(bodies)
def test_an_answer_without_a_length_ends_with_the_connection(body: bytes) -> None:
    reader = AnswerReader()
    assert not reader.feed(b"HTTP/1.1 200 OK\r\n\r\n" + body)
    assert reader.close()
    assert not reader.keeps


@pytest.mark.parametrize("head", [b"Connection: close\r\n", b"connection: Close\r\n"])
def test_a_connection_that_closes_is_not_kept(head: bytes) -> None:
    reader = AnswerReader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\n" + head + b"Content-Length: 0\r\n\r\n")
    assert not reader.keeps


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
        b"x" * 70_000,
    ],
)
def test_what_is_no_answer_is_an_error(data: bytes) -> None:
    with pytest.raises(AnswerError):
        AnswerReader().feed(data)
