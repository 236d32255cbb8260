"""Outputs of a deployed classifier: every labelled message sent once, and each answer written down as it came."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from gonogo.errors import SourceError, TargetError, UsageError
from gonogo.metrics.labels_file import LabelsFile
from gonogo.model.environment import Environment, Kind
from gonogo.model.http_interface import ClassifyRequest, HttpInterface
from gonogo.model.regression import Taxonomy
from gonogo.run.embedded import start_sandbox
from gonogo.targets.extract import encode_body, extract, fill, fill_text, parse_json
from gonogo.targets.interface import NotAvailable
from gonogo.targets.transport import Call, Transport

DEFAULT_CHANNEL = "email"
NOT_JSON = "(not JSON)"


class Asked(NamedTuple):
    """What a request may hold of one labelled message, by the names of the placeholders."""

    case_id: str
    channel: str
    message: str
    order_match: bool


def read_messages(path: Path, name: str, taxonomy: Taxonomy) -> list[Asked]:
    """Return every labelled message as it is asked about; raises `SourceError` where one has no text."""
    file = LabelsFile(path, name, taxonomy)
    messages = []
    for line, case, record in file.records():
        text, channel = record.get("message"), record.get("channel", DEFAULT_CHANNEL)
        if not isinstance(text, str):
            file.problems.add(line, "message", "is missing: there is nothing to classify. Write the message.")
        elif not isinstance(channel, str):
            file.problems.add(line, "channel", "is no text. Write one of the channels.")
        else:
            messages.append(Asked(case, channel, text, record.get("order_match") is True))
    if file.problems:
        raise SourceError(file.problems.all(), "Nothing was sent. Correct the lines above and run the command again.")
    return messages


def classify_messages(
    messages: list[Asked],
    environment: Environment,
    interface: HttpInterface,
    out: Path,
    sandbox_options: tuple[str, ...] = (),
) -> None:
    """Write the outputs for all messages as JSON lines, in their order; starts the environment's sandbox if it has one.

    Raises `TargetError` where a message gets no answer at all: outputs over a part would be judged as a whole.
    """
    request = interface.classify
    if request is None:
        raise UsageError("the interface of this environment has no `classify`: it cannot be asked for a decision")
    if environment.kind is Kind.PRODUCTION:
        raise UsageError("environments of kind production are not asked for outputs; judge a file with --outputs")
    if environment.embedded is None:
        if sandbox_options:
            raise UsageError("the environment is not embedded; --fault works there only")
        token = os.environ.get(interface.token.env, "") if interface.token else ""
        _classify_all(messages, environment, interface, request, str(environment.base_url), token, out)
        return
    sandbox = start_sandbox(environment.embedded, sandbox_options)
    try:
        token = os.environ[environment.embedded.token_env]
        _classify_all(messages, environment, interface, request, sandbox.url, token, out)
    finally:
        sandbox.stop()


def _classify_all(
    messages: list[Asked],
    environment: Environment,
    interface: HttpInterface,
    request: ClassifyRequest,
    base_url: str,
    token: str,
    out: Path,
) -> None:
    limits = environment.limits
    transport = Transport(base_url, environment, lambda _exchange: None)

    def ask(message: Asked) -> dict[str, Any]:
        values = {**environment.variables, **message._asdict()}
        return {"id": message.case_id, **_ask(transport, environment, interface, request, token, values)}

    try:
        with ThreadPoolExecutor(limits.in_flight) as pool, out.open("w", encoding="utf-8") as file:
            for record in pool.map(ask, messages):
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
    finally:
        transport.close()


def _ask(
    transport: Transport,
    environment: Environment,
    interface: HttpInterface,
    request: ClassifyRequest,
    token: str,
    values: Mapping[str, Any],
) -> dict[str, Any]:
    method, route = request.request.split(" ", 1)
    headers = {name: fill_text(value, values) for name, value in request.headers.items()}
    headers["Content-Type"] = "application/json"
    if interface.token is not None and request.authorised:
        headers[interface.token.header] = interface.token.prefix + token
    content = encode_body(fill(request.body, values)) if request.body is not None else None
    # Only what is not a sandbox has to be spared: there, the rate of its limits is kept.
    sends = environment.kind is not Kind.SANDBOX
    answer = transport.exchange(Call(method, route, fill_text(route, values), headers, content, sends))
    if not answer.is_success:
        raise TargetError(f"{request.request} answered {answer.status}", "Correct `classify` in environments.yaml.")
    data = parse_json(answer.content, request.request)
    if isinstance(data, NotAvailable):
        # An answer that is no JSON is an output too, and an invalid one; what it says may be anything and is not kept.
        return {"output": NOT_JSON}
    record: dict[str, Any] = {"output": _find(request.output, data)}
    model = _find(request.model, data)
    if isinstance(model, str):
        record["model"] = model
    counts = _find(request.tokens_input, data), _find(request.tokens_output, data)
    if all(isinstance(count, int) for count in counts):
        record["tokens"] = {"input": counts[0], "output": counts[1]}
    return record


def _find(expression: str | None, data: Any) -> Any:
    found = extract(expression, data) if expression is not None else None
    return None if isinstance(found, NotAvailable) else found
