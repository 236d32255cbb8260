"""The process: its one line, its stop, its options, and a vendor in trouble."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from richpanel_server import COMMAND, TOKEN, Server, environment, poll, read_ready, run_command

STOP_SECONDS = 5.0
HEADER = (
    "test_id,mode,channel,inbound_message,expected_primary_intent,expected_destination,expected_tags,"
    "expected_template_id,expected_action,notes"
)


def start(*arguments: str, **env: str) -> subprocess.Popen[str]:
    """Start the command with its output piped."""
    return subprocess.Popen(
        [*COMMAND, *arguments], env=environment(**env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_cleanly_in_the_middle_of_work(number: signal.Signals) -> None:
    process = start("--latency", "30", "--build", "b-7", "--env", "staging", "--fault", "slow_ack")
    ready = read_ready(process)
    assert set(ready) == {"system", "url", "pid", "build", "faults"}
    assert (ready["system"], ready["pid"]) == ("richpanel", process.pid)
    assert (ready["build"], ready["faults"]) == ("b-7", ["slow_ack"])
    # The request is never read to its end: an open connection must not hold up the stop.
    with httpx.Client(base_url=ready["url"], headers={"X-Middleware-Token": TOKEN}) as client:
        assert client.get("/version").json()["env"] == "staging"
        body = {"ticket_id": "t", "event_type": "message.created", "message": {"text": "hello"}}
        assert client.post("/webhook", json=body).status_code == 202
        process.send_signal(number)
        output, errors = process.communicate(timeout=STOP_SECONDS)
    assert process.returncode == 0
    assert (output, errors) == ("", "")


def test_generated_token_is_printed_and_works() -> None:
    process = start("--token-env", "NO_SUCH_TOKEN")
    try:
        ready = read_ready(process)
        assert len(ready["token"]) >= 20
        assert TOKEN not in json.dumps(ready)
    finally:
        process.terminate()
        process.communicate(timeout=STOP_SECONDS)


def test_process_ends_with_its_parent() -> None:
    program = (
        "import subprocess, sys\n"
        "child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)\n"
        "print(child.stdout.readline(), end='')\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, *COMMAND, "--exit-with-parent"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    pid = json.loads(result.stdout)["pid"]
    assert poll(lambda: not _is_running(pid)), "the process outlived its parent"


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    # An ended process that nobody has waited for still answers signals.
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--latency", "2-1"], "minimum is above"),
        (["--latency", "fast"], "not a number"),
        (["--latency", "nan"], "seconds"),
        (["--vendor-429", "1.5"], "between 0 and 1"),
        (["--workers", "0"], "whole number"),
        (["--port", "70000"], "port"),
        (["--instead", "t_return_request_intak=t_refund_request_intake"], "Did you mean 't_return_request_intake'?"),
        (["--instead", "t_return_request_intake"], "TEMPLATE=TEMPLATE"),
        (["--labels", "/nonexistent.csv"], "cannot be read"),
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], complaint: str) -> None:
    result = run_command(*arguments)
    assert result.returncode == 2
    assert complaint in result.stderr
    assert result.stdout == ""


def test_taken_port_exits_with_1(routing: Server) -> None:
    result = run_command("--port", routing.ready["url"].rpartition(":")[2])
    assert result.returncode == 1
    assert "cannot bind" in result.stderr


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_labelled_messages(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "smoke.csv"
    row = 'ST-001,route_only,email,"Two\r\nlines, a ""quote"" and \N{FIRE}",legal_threat,x,x,None,route_only,'
    path.write_text(f"{mark}{HEADER}\r\n{row}\r\n", encoding="utf-8", newline="")
    with Server("--latency", "0", "--labels", str(path)) as server:
        assert server.decide('Two\r\nlines, a "quote" and \N{FIRE}')["intent"] == "legal_threat"
        assert server.decide('Two\nlines, a "quote" and \N{FIRE}')["intent"] == "unknown_other"


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (["a,b", "1,2"], "smoke.csv:1: missing column inbound_message, expected_primary_intent"),
        (["inbound_message,expected_primary_intent", '"x\ny",legal_treat'], "smoke.csv:2: expected_primary_intent is"),
        (["inbound_message,expected_primary_intent", '"x\ny",legal_threat', "z"], "smoke.csv:4: the row has fewer"),
        (["inbound_message,expected_primary_intent", "x,legal_threat", "x,return_request"], "smoke.csv:3: the message"),
    ],
)
def test_unusable_labels_name_the_line(tmp_path: Path, rows: list[str], complaint: str) -> None:
    path = tmp_path / "smoke.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    result = run_command("--labels", str(path))
    assert result.returncode == 2
    assert complaint in result.stderr


def test_replacement_template_of_a_running_system() -> None:
    with Server(
        "--latency", "0", "--flag-ttl", "0", "--instead", "t_return_request_intake=t_missing_items_intake"
    ) as server:
        server.set_flags(stage2=True)
        assert server.decide("I want to return my shoes.")["template_id"] == "t_missing_items_intake"
        assert server.decide("I want a refund.")["template_id"] is None


def test_troubled_vendor_loses_and_doubles_nothing() -> None:
    arguments = ("--latency", "0", "--flag-ttl", "0", "--vendor-429", "0.2", "--vendor-5xx", "0.2", "--seed", "5")
    with Server(*arguments) as server:
        server.set_flags(stage2=True)
        tickets = [server.send("Where is my order?") for _ in range(20)]
        assert all(server.decisions(ticket) for ticket in tickets)
        server.settle()
        assert {len(server.replies(ticket)) for ticket in tickets} == {1}
        assert all(server.get(f"/tickets/{ticket}")["tags"] == ["mw-intent-order-status"] for ticket in tickets)
        assert server.get("/dlq") == []
        metrics = server.client.get("/metrics").text
        assert 'richpanel_vendor_responses_total{status="429"}' in metrics
        assert 'richpanel_vendor_responses_total{status="503"}' in metrics
        assert any("vendor.reply.failed" in server.events(ticket) for ticket in tickets)


def test_dead_vendor_leads_to_the_dead_letter_queue() -> None:
    with Server("--latency", "0", "--vendor-5xx", "1") as server:
        ticket = server.send("Where is my order?")
        assert poll(lambda: server.get("/dlq"))
        assert server.get("/dlq")[0] | {"event_id": ""} == {
            "event_id": "",
            "ticket_id": ticket,
            "reason": "vendor_unavailable",
            "attempts": 8,
        }
        assert {"worker.job.failed", "system.dlq.message_written"} <= set(server.events(ticket))
        assert "richpanel_dlq_messages_total 1.0" in server.client.get("/metrics").text


def test_backlog_shows_in_queue_and_metrics() -> None:
    with Server("--latency", "20", "--workers", "1") as server:
        for _ in range(3):
            server.send("hello")
        time.sleep(0.2)
        queue = server.get("/queue")
        assert (queue["depth"], queue["in_flight"]) == (2, 1)
        assert queue["oldest_age_s"] >= 0.2
        assert "richpanel_queue_depth 2.0" in server.client.get("/metrics").text


def test_shuffle_keeps_the_order_within_a_ticket() -> None:
    with Server("--latency", "0.01-0.03", "--shuffle", "--seed", "2") as server:
        tickets = [f"t-{number}" for number in range(4)]
        for number in range(6):
            for ticket in tickets:
                server.send(f"hello {number}", ticket_id=ticket, event_id=f"{ticket}-{number}")
        for ticket in tickets:
            decided = [decision["event_id"] for decision in server.decisions(ticket, 6)]
            assert decided == [f"{ticket}-{number}" for number in range(6)]
