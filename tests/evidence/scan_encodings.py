# ruff: noqa: E501
"""Planted values, and the encodings and containers in which they are planted."""

from __future__ import annotations

import base64
import gzip
import html
import json
import quopri
import random
import zlib
from collections.abc import Callable
from urllib.parse import quote, quote_plus

from scan_bundles import png, png_chunk, zipped

PLANTED = {
    "email": "zoe.qx71ab93kd@mail.example.com",
    "phone": "+44 20 7946 0958",
    "card": "4539 1488 0343 6467",
    "jwt": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJxeDcxYWI5M2tkIn0.c2lnbmF0dXJlLXF4NzFhYjkza2Q",
    "api-key": "sk-proj-Qx71ab93kdLm20pVt5RzWc8Yh4",
    "webhook-token": "whsec_qx71ab93kdJ5n8Lm20pVt5Rz",
    "tracking-link": "https://www.dhl.example/track?tracking-id=JD014600qx71ab93kd&lang=en",
    "address": "17 Qxabkd Lane, Flat 93\nLeeds LS1 4AP",
    "order": "ORD-qx71/93-KD#2041",
    "reply": 'Hi "Zoë" & co <all>,\nyour parcel\tqx71ab93kd is on its way \\o/ - we\'ll write again on Monday, promised!',
    "cookie": "session=s%3Aqx71ab93kd.Lm20pVt5RzWc8Yh4; Path=/",
    "name": "Zoë Qxabkd-Müller",
}


def every_character(form: str) -> Callable[[str], bytes]:
    """Return an encoder that writes each UTF-8 byte by a `%` form."""
    return lambda value: b"".join(form.encode() % byte for byte in value.encode())


def every_code_point(form: str) -> Callable[[str], bytes]:
    return lambda value: "".join(form % ord(character) for character in value).encode()


def every_unit(form: str) -> Callable[[str], bytes]:
    """Return an encoder that writes each UTF-16 unit, as JSON does."""
    return lambda value: b"".join(
        (form % int.from_bytes(value.encode("utf-16-be")[place : place + 2], "big")).encode()
        for place in range(0, len(value.encode("utf-16-be")), 2)
    )


def partly(encode: Callable[[str], bytes], seed: int) -> Callable[[str], bytes]:
    """Return an encoder that leaves some characters as they are."""

    def mixed(value: str) -> bytes:
        rng = random.Random(seed)
        return b"".join(
            character.encode() if rng.random() < 0.6 and character.isalnum() else encode(character)
            for character in value
        )

    return mixed


def shifted_base64(shift: int, encode: Callable[[bytes], bytes] = base64.b64encode) -> Callable[[str], bytes]:
    return lambda value: encode(b"\x9c\xe1\x07"[:shift] + value.encode() + b"\xff\x00\xfe"[:shift])


def wrapped_base64(width: int, line_break: bytes) -> Callable[[str], bytes]:
    def wrap(value: str) -> bytes:
        # Bytes that are no text around it, so that nothing but the value itself can give it away.
        text = base64.b64encode(random.Random(1).randbytes(100) + value.encode() + random.Random(2).randbytes(100))
        return line_break.join(text[place : place + width] for place in range(0, len(text), width))

    return wrap


def mixed_case_percent(value: str) -> bytes:
    return b"".join((b"%%%02X" if place % 2 else b"%%%02x") % byte for place, byte in enumerate(value.encode()))


def json_string(value: str) -> bytes:
    return json.dumps({"k": value}).encode()


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "raw": str.encode,
    "upper case": lambda value: value.upper().encode(),
    "lower case": lambda value: value.lower().encode(),
    "percent, every byte": every_character("%%%02X"),
    "percent, mixed hex": mixed_case_percent,
    "percent, partly": partly(every_character("%%%02x"), 3),
    "percent, standard": lambda value: quote(value, safe="").encode(),
    "percent, plus": lambda value: quote_plus(value).encode(),
    "percent, twice": lambda value: quote(quote(value, safe=""), safe="").encode(),
    "base64, 0": shifted_base64(0),
    "base64, 1": shifted_base64(1),
    "base64, 2": shifted_base64(2),
    "base64, url, 0": shifted_base64(0, base64.urlsafe_b64encode),
    "base64, url, 1": shifted_base64(1, base64.urlsafe_b64encode),
    "base64, url, 2": shifted_base64(2, base64.urlsafe_b64encode),
    "base64, other case": lambda value: base64.b64encode(b"note: " + value.swapcase().encode() + b" end of note"),
    "base64, MIME lines": wrapped_base64(76, b"\r\n"),
    "base64, PEM lines": wrapped_base64(64, b"\n"),
    "base64, lines in JSON": wrapped_base64(60, b"\\n"),
    "base64 of UTF-16": lambda value: base64.b64encode(value.encode("utf-16-le")),
    "base64 twice": lambda value: base64.b64encode(base64.b64encode(b"the value is " + value.encode())),
    "base64 of percent": lambda value: base64.b64encode(b"q=" + every_character("%%%02X")(value)),
    "base64 in JSON, slashes escaped": lambda value: (
        json.dumps(base64.b64encode(b"??>" * 9 + value.encode()).decode()).replace("/", "\\/").encode()
    ),
    "percent of base64": lambda value: every_character("%%%02X")(base64.b64encode(value.encode()).decode()),
    "quoted-printable": lambda value: quopri.encodestring(value.encode(), quotetabs=True),
    "quoted-printable, soft breaks": lambda value: b"=\r\n".join(
        value.encode()[place : place + 5] for place in range(0, len(value.encode()), 5)
    ),
    "quoted-printable, every byte": every_character("=%02X"),
    "hex": lambda value: value.encode().hex().encode(),
    "hex, upper": lambda value: value.encode().hex().upper().encode(),
    "hex, spaces": lambda value: value.encode().hex(" ").encode(),
    "hex, colons": lambda value: value.encode().hex(":").upper().encode(),
    "hex, \\x": every_character("\\x%02x"),
    "hex, 0x list": lambda value: ", ".join(f"0x{byte:02x}" for byte in value.encode()).encode(),
    "hex, dump": lambda value: value.encode().hex(" ", 2).encode(),
    "hex, other case of the value": lambda value: value.swapcase().encode().hex().encode(),
    "entities, decimal": every_code_point("&#%d;"),
    "entities, hex": every_code_point("&#x%X;"),
    "entities, padded": every_code_point("&#%06d;"),
    "entities, partly": partly(every_code_point("&#x%x;"), 5),
    "entities, standard": lambda value: html.escape(value).encode(),
    "entities, named": lambda value: (
        value.replace("&", "&amp;")
        .replace("@", "&commat;")
        .replace(".", "&period;")
        .replace("ë", "&euml;")
        .replace("ü", "&uuml;")
        .replace("+", "&plus;")
        .replace("/", "&sol;")
        .encode()
    ),
    "JSON": json_string,
    "JSON in JSON": lambda value: json.dumps({"k": json.dumps({"k": value})}).encode(),
    "JSON, every character": every_unit("\\u%04X"),
    "JSON, partly": partly(every_unit("\\u%04x"), 7),
    "JSON, slashes escaped": lambda value: json.dumps(value).replace("/", "\\/").encode(),
    "JSON of HTML": lambda value: json.dumps(html.escape(value)).encode(),
    "HTML of JSON": lambda value: html.escape(json.dumps(value)).encode(),
    "UTF-16 LE": lambda value: value.encode("utf-16-le"),
    "UTF-16 BE": lambda value: value.encode("utf-16-be"),
}


def text_chunk(kind: bytes, data: bytes) -> bytes:
    bodies = {
        b"tEXt": b"Comment\x00" + data,
        b"zTXt": b"Comment\x00\x00" + zlib.compress(data),
        b"iTXt": b"Comment\x00\x01\x00en\x00note\x00" + zlib.compress(data),
        b"eXIf": b"MM\x00*" + data,
    }
    return png_chunk(kind, bodies[kind])


def image(kind: bytes) -> Callable[[bytes], bytes]:
    return lambda data: png(random.Random(3), text_chunk(kind, data))


# Name of the file, and what makes its bytes of the encoded value.
CONTAINERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "text": ("pytest.log", lambda data: b"line\nseen: " + data + b"\nline\n"),
    "JSON": ("a.json", lambda data: b'{"k": "' + data + b'"}'),
    "XML": ("a.xml", lambda data: b"<a><b c='1'>" + data + b"</b></a>"),
    "HTML": ("a.html", lambda data: b'<a href="' + data + b'">x</a>'),
    "feature": ("a.feature", lambda data: b'Feature: a\n\n  """\n  ' + data + b'\n  """\n'),
    "zip": ("a.zip", lambda data: zipped({"b.txt": b"x " + data + b" y"})),
    "zip in zip": ("a.zip", lambda data: zipped({"b.zip": zipped({"c/d.log": b"x " + data + b" y"})})),
    "gzip": ("a.txt.gz", lambda data: gzip.compress(b"x " + data + b" y", mtime=0)),
    "PNG tEXt": ("a.png", image(b"tEXt")),
    "PNG zTXt": ("a.png", image(b"zTXt")),
    "PNG iTXt": ("a.png", image(b"iTXt")),
    "PNG eXIf": ("a.png", image(b"eXIf")),
    "behind a PNG": ("a.png", lambda data: png(random.Random(3), trailing=b"x " + data)),
    "PNG in zip in zip": ("a.zip", lambda data: zipped({"b.zip": zipped({"c.png": image(b"zTXt")(data)})})),
    "PNG in HTML": (
        "a.html",
        lambda data: b'<img src="data:image/png;base64,' + base64.b64encode(image(b"zTXt")(data)) + b'">',
    ),
}
