"""The generator against real servers: true latencies, every request once, nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import ssl
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from load_making import make_load, make_order
from load_target_server import OK

from gonogo.errors import UsageError
from gonogo.loadtest.generator.recording import CLOSED, CONNECT, MALFORMED, TIMEOUT
from gonogo.loadtest.limits import judge_generator
from gonogo.loadtest.order import TOKEN_MARK, Order
from gonogo.loadtest.records import histogram, quantile
from gonogo.model.outcome import Outcome

SLOW_CLOSE = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def numbers_of(requests: list[bytes]) -> list[int]:
    return [int(found[1]) for one in requests if (found := re.search(rb'"id":"([0-9]{8})"', one))]


def test_a_freeze_of_the_server_is_in_the_latencies(target, tmp_path: Path) -> None:
    server = target(freeze_at=1.0, freeze=1.0)
    order = make_order(server.port, 100, 4)
    records, _ = make_load(order, tmp_path / "load")
    began = records.notes[0].began
    due = began + np.asarray(order.schedule().offsets)
    start, end = server.frozen
    true = quantile(np.where((due >= start) & (due < end), end - due, 0.0), 0.95)
    reported = quantile(records.rows["latency"], 0.95) / 1e6
    # On a busy machine the generator itself is late by some; how close it comes is shown by benchmarks/load_truth.py.
    assert reported == pytest.approx(true, rel=0.2, abs=0.1)
    assert len(records) == 400
    # Nobody waited for the server to go on: while it stood still, the schedule went on.
    in_freeze = (due >= start + 0.1) & (due < end - 0.1)
    assert quantile(records.rows["lag"][in_freeze], 0.5) < 200_000


def answer_in_turn(number: int) -> bytes | None:
    """Return another kind of answer for each of eight requests; the last is never given."""
    kinds = [
        OK,
        SLOW_CLOSE,
        b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\nRetry-After: 1\r\n\r\n",
        None,
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"",
    ]
    return kinds[number % len(kinds)]


def test_what_became_of_each_request_is_recorded(target, tls, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(tls[1]))
    answering, closing, encrypted = target(answer_in_turn), target(), target(tls=tls[0])
    stopping: list[int] = []
    orders: dict[str, tuple[Order, dict[str, Any]]] = {
        "answers": (make_order(answering.port, 80, 1, timeout=1.0, redeliver=0.1), {}),
        "nobody": (make_order(1, 50, 0.5), {}),
        "no token": (make_order(answering.port, 10, 0.5, token_env="NO_SUCH_TOKEN"), {}),
        "tls": (make_order(encrypted.port, 50, 0.5, tls=True, host="localhost"), {}),
        "stopped": (
            make_order(closing.port, 50, 60),
            {"tick": lambda rows: stopping.append(len(rows)), "stop": lambda: sum(stopping) >= 20},
        ),
    }
    # Each waits most of its time for its processes to start: together they take as long as one.
    with ThreadPoolExecutor(len(orders)) as pool:
        made = {name: pool.submit(make_load, order, tmp_path / name, **more) for name, (order, more) in orders.items()}
    loads = {name: one.result()[0] for name, one in made.items()}

    statuses = dict(histogram(loads["answers"].rows["status"]))
    assert statuses == {0: 30, 202: 30, 429: 10, 503: 10}
    errors = dict(histogram(loads["answers"].rows["error"]))
    assert errors == {0: 50, TIMEOUT: 10, CLOSED: 10, MALFORMED: 10}
    assert loads["answers"].rows["latency"][loads["answers"].rows["error"] == TIMEOUT].min() >= 1_000_000
    seen = numbers_of(answering.requests)
    assert sorted(set(seen)) == list(range(max(seen) + 1))
    assert len(seen) - len(set(seen)) == 8

    assert dict(histogram(loads["nobody"].rows["error"])) == {CONNECT: 25}
    verdict = judge_generator(loads["no token"], 5, 1, 0.1, 0.02)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "NO_SUCH_TOKEN is not set" in verdict.reasons[0]

    assert dict(histogram(loads["tls"].rows["status"])) == {202: 25}
    assert encrypted.connections <= 25

    assert 20 <= len(loads["stopped"]) < 500
    assert len(loads["stopped"]) == len(closing.requests)
    assert loads["stopped"].notes[0].stopped
    _all_gone([pid for one in made.values() for pid in one.result()[1].pids])


def test_a_token_goes_where_its_mark_stands_and_only_from_the_environment() -> None:
    order = make_order(1, 1, 1, requests=((TOKEN_MARK.encode(), b"x"),), token_env="T")
    assert order.with_token({"T": "secret"}) == ((b"secret", b"x"),)
    assert "secret" not in order.to_json()
    assert Order.from_json(order.to_json()) == order
    with pytest.raises(UsageError, match="T is not set"):
        order.with_token({})


@pytest.fixture(scope="module")
def tls(tmp_path_factory) -> tuple[ssl.SSLContext, Path]:
    """Return the context of a server called localhost, and the file of the certificate that vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(public)
    both = path.with_name("both.pem")
    both.write_bytes(private + public)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context, path


def test_a_master_and_three_workers_make_one_load_and_one_that_is_killed_is_missed(target, tmp_path: Path) -> None:
    server, other = target(), target()
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    state = {"seen": 0, "killed": 0}

    def kill_one(rows) -> None:
        state["seen"] += len(rows)
        if state["seen"] > 60 and not state["killed"]:
            workers = [int(one.name) for one in Path("/proc").iterdir() if _is_worker(one, killed)]
            state["killed"] = max(workers)
            os.kill(state["killed"], signal.SIGKILL)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(make_load, make_order(server.port, 150, 2, workers=3), whole)
        second = pool.submit(make_load, make_order(other.port, 100, 3, workers=3), killed, tick=kill_one)
        (records, generation), (torn, torn_generation) = first.result(), second.result()

    assert sorted(numbers_of(server.requests)) == list(range(300))
    assert [note.records for note in records.notes] == [100, 100, 100]
    layout = "<u4,<u4,<u4,<u2,<u2"
    parts = [np.fromfile(whole / f"records-{index}.bin", dtype=layout)["f2"] for index in range(3)]
    assert quantile(records.rows["latency"], 0.99) == sorted(np.concatenate(parts).tolist())[297 - 1]
    assert judge_generator(records, 300, 3, 0.5, 0.02).outcome is Outcome.PASSED
    began = [note.began for note in records.notes]
    assert max(began) - min(began) < 0.5

    assert state["killed"] in torn_generation.pids
    verdict = judge_generator(torn, 300, 3, 5.0, 0.02)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert any("1 of 3 workers lost" in reason for reason in verdict.reasons)
    assert any("of the asked rate is missing" in reason for reason in verdict.reasons)
    _all_gone([*generation.pids, *torn_generation.pids])


def _is_worker(process: Path, folder: Path) -> bool:
    """Return whether a process is a worker of the load in a folder."""
    try:
        return b"--worker" in (process / "cmdline").read_bytes() and (process / "cwd").readlink() == folder
    except OSError:
        return False


def _all_gone(pids: Sequence[int]) -> None:
    deadline = time.monotonic() + 5
    while any(psutil.pid_exists(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
