"""The label file: messages with a known intent, in the columns of a smoke-test CSV."""

from __future__ import annotations

import csv
from pathlib import Path

from gonogo.sandbox.richpanel.catalog import INTENTS, suggest

MESSAGE = "inbound_message"
INTENT = "expected_primary_intent"


class LabelError(ValueError):
    """The label file cannot be used."""


def load_labels(path: Path) -> dict[str, str]:
    """Return the intent of every message in a CSV; raise `LabelError` with file and line for anything unusable."""
    labels: dict[str, str] = {}
    try:
        # No newline translation: a message is matched byte for byte.
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            missing = [name for name in (MESSAGE, INTENT) if name not in (reader.fieldnames or [])]
            if missing:
                raise LabelError(f"{path}:1: missing column {', '.join(missing)}; found {reader.fieldnames}")
            line = reader.line_num + 1
            for row in reader:
                _add(labels, row, f"{path}:{line}")
                line = reader.line_num + 1
    except OSError as error:
        raise LabelError(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise LabelError(f"{path}: not a UTF-8 CSV: {error}") from error
    return labels


def _add(labels: dict[str, str], row: dict[str, str | None], where: str) -> None:
    message, intent = row[MESSAGE], row[INTENT]
    if message is None or intent is None:
        raise LabelError(f"{where}: the row has fewer columns than the header")
    if intent not in INTENTS:
        raise LabelError(f"{where}: {INTENT} is '{intent}'.{suggest(intent, INTENTS)} Allowed: {', '.join(INTENTS)}")
    if labels.setdefault(message, intent) != intent:
        raise LabelError(f"{where}: the message is labelled '{labels[message]}' in an earlier row and '{intent}' here")
