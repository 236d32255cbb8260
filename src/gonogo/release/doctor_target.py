"""The preflight's looks at the target: reads only, each over the way that a run takes."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from gonogo.errors import GonogoError, TargetError
from gonogo.model.environment import Environment, Kind
from gonogo.release.patient import Look, Patient
from gonogo.release.symptoms import FAIL, OK, WARN, Symptom
from gonogo.run.embedded import start_sandbox
from gonogo.run.tenure import differences
from gonogo.targets.hosts import find_refusal, host_of
from gonogo.targets.http import HttpTarget, Secrets
from gonogo.targets.interface import Capability, NotAvailable, Observed
from gonogo.targets.transport import Named

_CONNECT_SECONDS = 3.0
_RETRY_SECONDS = 0.5
_SKEW_WARN, _SKEW_FAIL = 2.0, 30.0
# A Date header counts whole seconds: the moment that it means lies up to one second after it.
_DATE_STEP = 1.0
_LOST = {
    Capability.IDENTITY: "whether the build changes during a run",
    Capability.HEALTH: "whether it is healthy before a run",
    Capability.DECISIONS: "every check of a decision",
    Capability.TICKET: "tags and teams of tickets",
    Capability.REPLIES: "every check that nothing, or only one thing, was replied",
    Capability.EVENTS: "every check of events and of what they hold",
    Capability.LOGS: "what logs hold",
    Capability.FLAGS: "which flags the store holds, so that none can be changed",
    Capability.SET_FLAG: "kill-switch rows, advance and rollback",
    Capability.UNSET_FLAG: "rows about missing flags",
    Capability.CLOSE_TICKET: "closing test tickets; they are listed as left",
}


@contextmanager
def running(patient: Patient) -> Iterator[tuple[Patient, list[Symptom]]]:
    """Give the patient with an address: an embedded sandbox is started, and stopped at the end."""
    embedded = patient.environment.embedded
    if embedded is None:
        yield patient, []
        return
    try:
        sandbox = start_sandbox(embedded)
    except GonogoError as error:
        yield patient, [Symptom("sandbox", FAIL, error.message, error.hint)]
        return
    try:
        here = replace(patient, base_url=sandbox.url, token_env=embedded.token_env)
        yield here, [Symptom("sandbox", OK, "the embedded sandbox starts")]
    finally:
        sandbox.stop()


def look_at_hosts(patient: Patient) -> Iterator[Symptom]:
    """Hold the address against the allow-list."""
    if patient.address is None:
        return
    refusal = find_refusal(patient.environment, patient.address)
    if refusal is not None:
        yield Symptom("hosts", FAIL, f"[{refusal[0]}] {refusal[1]}", "Correct base_url or hosts in environments.yaml.")
    elif patient.environment.hosts:
        yield Symptom("hosts", OK, f"{host_of(httpx.URL(patient.address))} is on the list of hosts")
    else:
        yield Symptom("hosts", OK, f"{patient.environment_name} names no hosts; kind production would have to")


def look_at_way(patient: Patient) -> Iterator[Symptom]:
    """Resolve the host and open a connection."""
    if patient.address is None or find_refusal(patient.environment, patient.address) is not None:
        return
    url = httpx.URL(patient.address)
    host, port = url.host, url.port or (443 if url.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        text = f"{host} cannot be resolved: {error.strerror or error}"
        yield Symptom("reachable", FAIL, text, "Check the name in base_url, the network and the VPN.")
        return
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        text = f"{host_of(url)} does not answer: {error.strerror or error}"
        yield Symptom("reachable", FAIL, text, "Bring the system up; check firewall and VPN.")
        return
    yield Symptom("reachable", OK, f"{host_of(url)} answers ({len({one[4][0] for one in found})} address(es))")


@dataclass
class _Dates:
    """Keeps the Date of every answer beside this machine's time; of nothing else is anything kept."""

    seen: list[tuple[float, float]] = field(default_factory=list)

    def describe(
        self, sent: bytes | None, headers: Mapping[str, str], received: bytes, label: str, fields: Named | None
    ) -> Mapping[str, Any]:
        """Note the Date of an answer."""
        del sent, received, label, fields
        now = time.time()
        try:
            date = parsedate_to_datetime(headers.get("date", "")).timestamp()
        except (ValueError, TypeError):
            return {}
        self.seen.append((date, now))
        return {}

    def skew(self) -> float | None:
        """Return how far the target's clock is ahead in seconds, as far as whole seconds tell; None without a Date."""
        if not self.seen:
            return None
        low = max(date - now for date, now in self.seen)
        high = min(date + _DATE_STEP - now for date, now in self.seen)
        return 0.0 if low <= 0 <= high else low if low > 0 else high


def look_at_target(patient: Patient) -> Iterator[Symptom]:
    """Read health, build, credentials, clock and flags."""
    if patient.address is None or find_refusal(patient.environment, patient.address) is not None:
        return
    if patient.environment.target != "http":
        text = f"targets of kind {patient.environment.target!r} are not asked here"
        yield Symptom("target", WARN, text, "A run asks them.")
        return
    dates, token = _Dates(), patient.interface.token
    # An embedded sandbox made its own token; it stands in for the one that a deployed system has.
    own = {token.env: os.environ[patient.token_env]} if token is not None and patient.token_env is not None else {}
    secrets = Secrets.from_environ(own)
    try:
        target = HttpTarget(patient.interface, _hurried(patient), patient.address, secrets, lambda _: None, dates)
    except TargetError as error:
        yield Symptom("target", FAIL, f"nothing could be asked: {error.message}", error.hint)
        return
    try:
        for name, read in (
            ("health", _read_health),
            ("build", _read_build),
            ("credentials", _read_credentials),
            ("flags", _read_flags),
        ):
            try:
                yield from read(patient, target)
            except GonogoError as error:
                yield Symptom(name, FAIL, error.message, error.hint)
    finally:
        target.close()
    yield _judge_clock(dates.skew())


def _hurried(patient: Patient) -> Environment:
    """Return the environment with little patience: a person waits for the answer."""
    limits = patient.environment.limits
    hurried = limits.model_copy(update={"retry_cap": min(limits.retry_cap, _RETRY_SECONDS)})
    return patient.environment.model_copy(update={"limits": hurried})


def _read_health(_: Patient, target: HttpTarget) -> Iterator[Symptom]:
    health = target.check_health()
    if isinstance(health, Observed):
        bad = Symptom("health", FAIL, "the target says that it is not healthy", "Look at its own diagnosis first.")
        yield Symptom("health", OK, "the target calls itself healthy") if health.value else bad
    elif health.broken:
        yield Symptom("health", FAIL, health.reason, "Look at the target's log.")


def _read_build(patient: Patient, target: HttpTarget) -> Iterator[Symptom]:
    identity = target.read_identity()
    production = patient.environment.kind is Kind.PRODUCTION
    if isinstance(identity, NotAvailable):
        item = patient.environment.identity_item
        level = FAIL if identity.broken or (production and item is None) else WARN
        action = f"gonogo attest {patient.name} {item}" if item else "Declare 'identity', or name an 'identity_item'."
        yield Symptom("build", level, f"nothing shows what is deployed: {identity.reason}", action)
        return
    shown = " / ".join(dict.fromkeys(filter(None, (identity.value.build, identity.value.release))))
    if patient.release is not None and patient.release not in (identity.value.build, identity.value.release):
        text = f"{shown} is deployed, and not {patient.release}"
        yield Symptom("build", FAIL, text, f"Deploy it, or verify --release {identity.value.build}.")
    else:
        yield Symptom("build", OK, f"{shown} is deployed")


def _read_credentials(patient: Patient, target: HttpTarget) -> Iterator[Symptom]:
    token = patient.interface.token
    if token is None:
        yield Symptom("credentials", OK, "the interface declares no token")
        return
    accepted = target.check_credentials()
    if isinstance(accepted, Observed) and accepted.value:
        yield Symptom("credentials", OK, f"the token of {token.env} is accepted")
    elif isinstance(accepted, Observed):
        yield Symptom("credentials", FAIL, f"the token of {token.env} is refused", f"Set {token.env} to the right one.")
    else:
        text = f"whether the token is accepted cannot be read: {accepted.reason}"
        yield Symptom(
            "credentials", FAIL if accepted.broken else WARN, text, "Declare 'credentials' for the interface."
        )


def _read_flags(patient: Patient, target: HttpTarget) -> Iterator[Symptom]:
    flags = target.read_flags()
    if isinstance(flags, NotAvailable):
        if flags.broken:
            yield Symptom("flags", FAIL, flags.reason, "Look at the flag store.")
        return
    system, stage = patient.system, patient.stage
    if system is None or stage is None or patient.environment.kind is Kind.SANDBOX:
        yield Symptom("flags", OK, f"{len(flags.value)} flags can be read")
        return
    wrong = differences(flags.value, system.plan.by_id[stage].flag_state(system.vocabulary))
    if wrong:
        text = f"the flags are not those of stage {stage}: {'; '.join(wrong[:3])}"
        text += f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        more = f" --environments {patient.environments}" if patient.environments else ""
        command = f"gonogo advance {patient.name} --stage {stage} --env {patient.environment_name}{more}"
        yield Symptom("flags", WARN, text, command)
    else:
        yield Symptom("flags", OK, f"the flags are those of stage {stage}")


def _judge_clock(skew: float | None) -> Symptom:
    if skew is None:
        return Symptom(
            "clock", WARN, "no answer holds a Date, so the clocks cannot be compared", "Compare them by hand."
        )
    way = "ahead" if skew > 0 else "behind"
    text = f"the target's clock is {abs(skew):,.1f} s {way}" if skew else "the target's clock agrees with this one"
    level = FAIL if abs(skew) > _SKEW_FAIL else WARN if abs(skew) > _SKEW_WARN else OK
    return Symptom("clock", level, text, "" if level == OK else "Set the clock that is wrong (NTP).")


def look_at_capabilities(patient: Patient) -> Iterator[Symptom]:
    """Tell what cannot be observed, and so stays INCONCLUSIVE."""
    environment, interface = patient.environment, patient.interface
    lost = [(one, what) for one, what in _LOST.items() if getattr(interface, one.value) is None]
    for one, what in lost:
        if one is not Capability.CLOSE_TICKET or environment.closes_tickets:
            text = f"not observable: {what}"
            yield Symptom("capabilities", WARN, text, f"Declare '{one.value}' for interface {environment.interface}.")
    if environment.probe is None:
        text = "not observable: the effect of every flag, since there is no probe"
        yield Symptom("capabilities", WARN, text, f"Give {patient.environment_name} a probe.")
    channels = _channels(patient)
    missing = [channel for channel in channels if channel not in environment.controls]
    if missing:
        text = f"vacuous: 'no reply' on {', '.join(missing)}, where no control ticket shows that replies can be seen"
        yield Symptom("capabilities", WARN, text, f"Give {patient.environment_name} a control ticket for each.")
    if not lost and not missing and environment.probe is not None:
        yield Symptom("capabilities", OK, "everything that a check asks can be observed")


def _channels(patient: Patient) -> tuple[str, ...]:
    if patient.system is None:
        return ()
    if patient.stage is not None:
        return patient.system.plan.by_id[patient.stage].channels
    return tuple(dict.fromkeys(channel for stage in patient.system.plan.stages for channel in stage.channels))


LOOKS: tuple[Look, ...] = (look_at_hosts, look_at_way, look_at_target, look_at_capabilities)
