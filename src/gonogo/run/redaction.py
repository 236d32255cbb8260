"""What a run's redactor knows beforehand: the words of our own sources, and the values that it must never show."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from gonogo.evidence.canaries import canaries
from gonogo.evidence.exchange import HMAC_ENV, BodyDigest, ExchangeCapture
from gonogo.evidence.redact import Redactor, Terms
from gonogo.evidence.taint import words_of
from gonogo.model.case import Action, Mode
from gonogo.model.http_interface import HttpInterface
from gonogo.model.outcome import CheckClass, InconclusiveReason, Outcome
from gonogo.run.setup import RunSetup
from gonogo.targets.interface import Capability, Malformed

_HARNESS = (
    *("gonogo.run.", "gonogo.steps.", "gonogo.targets.", "gonogo.model.", "gonogo.gates.", "gonogo.metrics."),
    *("_pytest.terminal", "_pytest.reports"),
)
_OWN_SECRETS = ("GONOGO_SIGNING_KEY", "GONOGO_SIGNING_KEY_PASSPHRASE", HMAC_ENV)
_OWN_WORDS = ("gonogo", "main", "control", "probe", "call", "customer", "automation", "absent", "no restriction")
_WORD = re.compile(r"[^\W\d_]{2,}")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def build_redactor(setup: RunSetup) -> Redactor:
    """Return the redactor of a run; both processes of a run build the same from the same files."""
    messages = [message.text for scenario in setup.plan.scenarios for message in scenario.messages]
    messages += [case.message for pack in setup.system.packs.values() for case in pack.cases]
    if setup.environment.probe is not None:
        messages.append(setup.environment.probe.message)
    own = list(dict.fromkeys(messages))
    return Redactor(
        Terms(
            names=frozenset(_names(setup, own)),
            plain=_sentence_words(setup, own),
            known=_known_values(setup),
            messages=own,
            patterns=setup.system.evidence.patterns,
            addresses=[url for url in (setup.request.base_url, setup.environment.base_url) if url],
        )
    )


def capture_of(setup: RunSetup, redactor: Redactor) -> ExchangeCapture:
    """Return what records the exchanges of a run's target."""
    return ExchangeCapture(
        redactor,
        _digest(),
        fields=setup.system.evidence.fields,
        headers=setup.system.evidence.headers,
        keys=_known_keys(setup.interface) | frozenset(setup.stage.flag_state(setup.system.vocabulary)),
    )


@cache
def _digest() -> BodyDigest:
    return BodyDigest.from_environ(os.environ)


def _names(setup: RunSetup, messages: Iterable[str]) -> Iterator[str]:
    vocabulary, request = setup.system.vocabulary, setup.request
    yield from (*vocabulary.channels, *vocabulary.teams, *vocabulary.templates, *vocabulary.intents)
    yield from vocabulary.known_tags
    for stage in setup.system.plan.stages:
        yield from (stage.id, stage.name, *stage.flag_state(vocabulary))
    yield from (request.system, request.environment, request.run_id, request.release or "", *_OWN_WORDS)
    for words in (Outcome.__members__, CheckClass, InconclusiveReason, Action, Mode, Malformed, Capability):
        yield from map(str, words)
    for scenario in setup.plan.scenarios:
        yield scenario.id
    for check in setup.plan.checks:
        yield from (check.case, check.check, check.part)
    for name, control in setup.environment.controls.items():
        yield from (name, control.ticket, control.reply)
    yield from setup.environment.orders
    yield from _interface_words(setup.interface)
    # The system shows which bytes it got; the digests of our own are no content of anybody's.
    for message in messages:
        digest = hashlib.sha256(message.encode("utf-8", "replace")).hexdigest()
        yield from (digest, digest[:12])


def _interface_words(interface: HttpInterface) -> Iterator[str]:
    for request in _models(interface):
        line = getattr(request, "request", None)
        if line:
            yield from (line, line.split(" ", 1)[1])
        for words in getattr(request, "aliases", {}).values():
            yield from (*words, *words.values())
        yield from getattr(request, "names", {}).values()
        yield from map(str, getattr(request, "fields", ()))


def _models(interface: HttpInterface) -> Iterator[BaseModel]:
    for name in type(interface).model_fields:
        value = getattr(interface, name)
        if isinstance(value, BaseModel):
            yield value


def _known_keys(interface: HttpInterface) -> frozenset[str]:
    """Return the keys of answers that environments.yaml names, and those of what is sent."""
    return frozenset(_KEY.findall(" ".join(_strings(interface.model_dump(mode="json")))))


def _strings(data: Any) -> Iterator[str]:
    if isinstance(data, str | int | float) and not isinstance(data, bool):
        yield str(data)
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield str(key)
            yield from _strings(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from _strings(value)


def _known_values(setup: RunSetup) -> dict[str, list[str]]:
    environment, request = setup.environment, setup.request
    planted = canaries(request.run_id)
    tokens = [interface.token.env for interface in setup.system.environments.interfaces.values() if interface.token]
    secrets = [os.environ.get(name, "") for name in (*tokens, request.token_env or "", *_OWN_SECRETS)]
    fixtures: list[str] = []
    for order in environment.orders.values():
        fixtures += [*order.shows, *_strings(list(order.variables.values()))]
    fixtures += _strings(list(environment.variables.values()))
    return {
        "canary": [planted.word, planted.digits],
        "secret": [value for value in secrets if value],
        "fixture": [value for value in dict.fromkeys(fixtures) if value not in (planted.word, planted.digits)],
    }


def _sentence_words(setup: RunSetup, messages: Iterable[str]) -> frozenset[str]:
    """Return the words of the harness's and the step modules' sources, of the steps, and of our own messages."""
    files = frozenset(
        Path(file)
        for name, module in list(sys.modules.items())
        if name.startswith(_HARNESS) or name in setup.project.step_modules
        if (file := getattr(module, "__file__", None))
    )
    steps = (step.text for scenario in setup.plan.scenarios for step, _ in scenario.steps)
    titles = (scenario.name for scenario in setup.plan.scenarios)
    words = set(_source_words(files))
    for text in {*steps, *titles, *messages}:
        words.update(word for word in words_of(text) if word.isalpha())
    return frozenset(words)


@cache
def _source_words(files: frozenset[Path]) -> frozenset[str]:
    words: set[str] = set()
    for file in files:
        try:
            words.update(_WORD.findall(file.read_text("utf-8").casefold()))
        except (OSError, UnicodeDecodeError):
            # Without its words a module's sentences are redacted where a value of the system holds them.
            continue
    return frozenset(words)
