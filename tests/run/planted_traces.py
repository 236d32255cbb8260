"""Finds planted values in bytes, in every form that a file may hold them in; shares no code with what redacts."""

from __future__ import annotations

import base64
import html
import json
import quopri
from collections.abc import Mapping
from urllib.parse import quote


def forms_of(value: str) -> dict[str, bytes]:
    """Return what to search for, by the name of the encoding; those of base64 without what depends on neighbours."""
    data = value.encode()
    forms = {
        "raw": data,
        "json": json.dumps(value)[1:-1].encode(),
        "json-twice": json.dumps(json.dumps(value)[1:-1])[1:-1].encode(),
        "repr": repr(data)[2:-1].encode(),
        "percent": quote(value, safe="").encode(),
        "percent-path": quote(value).encode(),
        "percent-all": "".join(f"%{byte:02X}" for byte in data).encode(),
        "html": "".join(f"&#{ord(char)};" for char in value).encode(),
        "entities": html.escape(value).encode(),
        "quoted-printable": quopri.encodestring(data).rstrip(b"=\n"),
        "hex": data.hex().encode(),
        "utf-16": value.encode("utf-16-le"),
        "words": " ".join(value.split()[:6]).encode(),
    }
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + data).rstrip(b"=")
        forms[f"base64-{offset}"] = encoded[(offset * 8 + 5) // 6 : -2]
    forms["base64-twice"] = base64.b64encode(base64.b64encode(data))[:-6]
    return forms


def find_traces(contents: Mapping[str, bytes], values: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return file, value's name and encoding of everything found, whatever its case."""
    found = []
    folded = {file: content.lower() for file, content in contents.items()}
    for name, value in values.items():
        for how, form in forms_of(value).items():
            exact = how.startswith("base64")
            for file, content in contents.items():
                if form in content if exact else form.lower() in folded[file]:
                    found.append((file, name, how))
    return found
