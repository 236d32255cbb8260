"""The command line: settings, the list of faults, and the one line that says where the system serves."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from gonogo.sandbox.richpanel.app import build_app
from gonogo.sandbox.richpanel.catalog import TEMPLATES, suggest
from gonogo.sandbox.richpanel.faults import FAULTS, FaultSet, UnknownFaultError
from gonogo.sandbox.richpanel.labels import LabelError, load_labels
from gonogo.sandbox.richpanel.server import bind, serve
from gonogo.sandbox.richpanel.settings import Settings

USAGE_ERROR = 2
START_ERROR = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 stopped cleanly, 1 could not serve, 2 wrong usage."""
    # Noted first: a parent that dies during the start must be seen as gone.
    parent = os.getppid()
    parser = build_parser()
    options = parser.parse_args(argv)
    if options.list_faults:
        print_faults(options.format)
        return 0
    try:
        faults = FaultSet(options.fault)
        labels = load_labels(options.labels) if options.labels else {}
    except (UnknownFaultError, LabelError) as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE_ERROR
    given = os.environ.get(options.token_env)
    settings = Settings(
        token=given or secrets.token_urlsafe(24),
        latency_low=options.latency[0] / options.time_scale,
        latency_high=options.latency[1] / options.time_scale,
        workers=options.workers,
        flag_ttl=options.flag_ttl,
        vendor_429=options.vendor_429,
        vendor_5xx=options.vendor_5xx,
        seed=options.seed,
        shuffle=options.shuffle,
        admitted_rate=options.rate * options.time_scale,
        admitted_burst=options.burst,
        labels=labels,
        instead=dict(options.instead),
        build=options.build,
        env=options.env,
        faults=faults,
    )
    try:
        listener = bind(options.host, options.port)
    except OSError as error:
        print(f"error: cannot bind {options.host}:{options.port}: {error.strerror}", file=sys.stderr)
        return START_ERROR
    port = listener.getsockname()[1]
    host = f"[{options.host}]" if ":" in options.host else options.host
    ready: dict[str, object] = {
        "system": "richpanel",
        "url": f"http://{host}:{port}",
        "pid": os.getpid(),
        "build": settings.build,
        "faults": faults.names,
    }
    if not given:
        # A generated token has no other way out; one from the environment must not be shown.
        ready["token"] = settings.token
    watched = parent if options.exit_with_parent else None
    started = serve(build_app(settings), listener, lambda: print(json.dumps(ready), flush=True), parent=watched)
    return 0 if started else START_ERROR


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m gonogo.sandbox.richpanel",
        description="Serve a support-ticket middleware with switchable faults.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to bind (default %(default)s)")
    add("--port", type=_port, default=0, help="port to bind, 0 takes a free one (default %(default)s)")
    add(
        "--latency",
        type=_latency,
        default=(0.1, 0.4),
        metavar="SECONDS|MIN-MAX",
        help="simulated model latency (default 0.1-0.4)",
    )
    add("--workers", type=_positive_int, default=8, help="number of worker tasks (default %(default)s)")
    add("--flag-ttl", type=_seconds, default=1.0, help="seconds a worker keeps its flags (default %(default)s)")
    add("--vendor-429", type=_rate, default=0.0, help="share of vendor calls answered with 429")
    add("--vendor-5xx", type=_rate, default=0.0, help="share of vendor calls answered with 503")
    add("--rate", type=_seconds, default=20.0, help="webhooks admitted a second (default %(default)s)")
    add("--burst", type=_seconds, default=50.0, help="webhooks admitted at once (default %(default)s)")
    add("--time-scale", type=_factor, default=1.0, help="compress time: latencies divided, admitted rate multiplied")
    add("--seed", type=int, help="seed of every random choice")
    add("--shuffle", action="store_true", help="take tickets in random order; a ticket's own order is kept")
    add("--labels", type=Path, metavar="FILE.csv", help="messages with a known intent")
    add(
        "--instead",
        type=_substitution,
        action="append",
        default=[],
        metavar="TEMPLATE=TEMPLATE",
        help="send the second template where the first is not enabled; repeatable",
    )
    add("--build", default="richpanel-sandbox-1", help="build to report (default %(default)s)")
    add("--env", default="sandbox", help="environment to report (default %(default)s)")
    add(
        "--token-env",
        default="GONOGO_SANDBOX_TOKEN",
        metavar="NAME",
        help="environment variable of the webhook token (default %(default)s); unset: a random one is printed",
    )
    add("--fault", action="append", default=[], metavar="NAME[@SECONDS]", help="switch a fault on, at once or then")
    add("--list-faults", action="store_true", help="list the faults and stop")
    add("--format", choices=("text", "json"), default="text", help="format of the list (default %(default)s)")
    add("--exit-with-parent", action="store_true", help="stop when the parent process is gone")
    return parser


def print_faults(style: str) -> None:
    """Print every fault with its sentence and the stages in which it shows."""
    if style == "json":
        rows = [{"name": f.name, "sentence": f.sentence, "stages": list(f.stages)} for f in FAULTS]
        print(json.dumps(rows, indent=2))
        return
    width = max(len(fault.name) for fault in FAULTS)
    for fault in FAULTS:
        stages = ",".join(str(stage) for stage in fault.stages)
        print(f"{fault.name:<{width}}  {stages:<9}  {fault.sentence}")


def _latency(text: str) -> tuple[float, float]:
    low, separator, high = text.partition("-")
    bounds = (_seconds(low), _seconds(high) if separator else _seconds(low))
    if bounds[0] > bounds[1]:
        raise argparse.ArgumentTypeError(f"'{text}': the minimum is above the maximum")
    return bounds


def _seconds(text: str) -> float:
    value = _number(text)
    if not 0.0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds ≥ 0")
    return value


def _factor(text: str) -> float:
    value = _number(text)
    if not 1.0 <= value <= 10_000.0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a factor between 1 and 10000")
    return value


def _rate(text: str) -> float:
    value = _number(text)
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a share between 0 and 1")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number") from error


def _positive_int(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number ≥ 1")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port between 0 and 65535")
    return int(text)


def _substitution(text: str) -> tuple[str, str]:
    wanted, separator, substitute = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"'{text}' is not TEMPLATE=TEMPLATE")
    for name in (wanted, substitute):
        if name not in TEMPLATES:
            raise argparse.ArgumentTypeError(f"unknown template '{name}'.{suggest(name, TEMPLATES)}")
    return wanted, substitute
