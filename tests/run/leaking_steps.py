"""Steps that leak on purpose, each planted value through every way out that a step has."""

from __future__ import annotations

import base64
import html
import json
import logging
import os
import quopri
import sys
import threading
import warnings
from urllib.parse import quote

from gonogo.model.outcome import Outcome, Verdict
from gonogo.run.definitions import then, when


@when("the customer says nothing of note")
def says_nothing(draft):
    draft.send("Hello there, nothing of note today.", "livechat")


def planted(scene):
    for sent in scene.all_sent:
        for entry in sent.logs.value:
            return entry["planted"]
    raise LookupError("nothing was planted")


def encodings(value):
    data = value.encode()
    yield "raw", value
    yield "json", json.dumps(value)
    yield "repr", ascii(value)
    yield "percent", quote(value, safe="")
    yield "percent-all", "".join(f"%{byte:02X}" for byte in data)
    yield "html", "".join(f"&#{ord(char)};" for char in value)
    yield "entities", html.escape(value)
    yield "quoted-printable", quopri.encodestring(data).decode()
    yield "hex", data.hex()
    yield "upper", value.upper()
    for offset in range(3):
        yield f"base64-{offset}", base64.b64encode(b"abc"[:offset] + data + b"z").decode()
    yield "twice", base64.b64encode(base64.b64encode(data)).decode()


def lines(sink, scene):
    return [
        f"LEAK {sink} {name} {how} <{shown}>"
        for name, value in planted(scene).items()
        for how, shown in encodings(value)
    ]


@then("something leaks through what is printed", check="printed")
def leak_printed(scene):
    for line in lines("stdout", scene):
        print(line)
    for line in lines("stderr", scene):
        print(line, file=sys.stderr)
    for line in lines("logging", scene):
        logging.getLogger("leak").warning(line)
    os.write(1, "\n".join(lines("descriptor", scene)).encode() + b"\n")
    warnings.warn("\n".join(lines("warning", scene)), stacklevel=1)
    thread = threading.Thread(target=_break, args=("\n".join(lines("thread", scene)),))
    thread.start()
    thread.join()
    return Verdict(Outcome.FAILED, ("it leaked",))


def _break(text):
    raise RuntimeError(text)


@then("something leaks through a verdict", check="verdict")
def leak_verdict(scene):
    reasons = tuple(lines("assertion", scene))
    link = "https://helpdesk.example/search?" + "&".join(f"q={quote(value)}" for value in planted(scene).values())
    table = "\n".join(f"| {name} | {value} |" for name, value in planted(scene).items())
    return Verdict(
        Outcome.FAILED,
        (*reasons, f"LEAK url {link}", f"LEAK datatable\n{table}"),
        *[json.dumps({"LEAK": sink, **planted(scene)}) for sink in ("json-expected", "json-observed")],
    )


@then("something leaks through a reply, an event and a log entry", check="content")
def leak_content(scene):
    sent = scene.all_sent[0]
    texts = [f"LEAK reply {reply.text}" for reply in sent.replies.value]
    texts += [f"LEAK event {event.entry}" for event in sent.events.value]
    texts += [f"LEAK log {entry}" for entry in sent.logs.value]
    return Verdict(Outcome.FAILED, tuple(texts), "nothing", "\n".join(texts))


class CrashError(BaseException):
    """What no judge catches."""


@then("something leaks through a crash", check="crash")
def leak_crash(scene):
    kept = "\n".join(lines("crash", scene))
    raise CrashError(kept)


@then("something leaks through Allure", check="allure")
def leak_allure(scene):
    import allure

    text = "\n".join(lines("attachment", scene))
    allure.attach(text, name="LEAK", attachment_type=allure.attachment_type.TEXT)
    allure.attach(text.encode("utf-16"), name="LEAK binary", extension="bin")
    allure.dynamic.description("\n".join(lines("description", scene)))
    for name, value in planted(scene).items():
        allure.dynamic.parameter(f"LEAK {name}", value)
        allure.dynamic.link(value, name=value)
    print(text)
    return Verdict(Outcome.FAILED, tuple(lines("allure-reason", scene)))
