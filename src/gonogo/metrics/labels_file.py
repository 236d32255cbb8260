"""The labelled messages of a regression set, one JSON object a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from gonogo.metrics.jsonl import DuplicateKeyError, JsonLines, ProblemList, explain_id, require_unique_keys
from gonogo.model.regression import SETS, Taxonomy
from gonogo.sources.suggest import quote_value, suggest

LABEL_KEYS = ("id", "intent", "intents", "set", "order_match", "message", "channel", "notes")
_KNOWN = frozenset(LABEL_KEYS)


class Label(NamedTuple):
    """One labelled message: places of its intent and set, and whether its ticket has one deterministic order match."""

    id: str
    line: int
    intent: int
    set: int
    order_match: bool


class LabelsFile:
    """One pass over a file of labels; `per_set` and `per_intent` are complete once the pass has ended."""

    def __init__(self, path: Path, name: str, taxonomy: Taxonomy) -> None:
        self.problems = ProblemList(name)
        self.lines = JsonLines(path, self.problems)
        self.per_set: Counter[str] = Counter()
        self.per_intent: Counter[str] = Counter()
        self._taxonomy = taxonomy
        self._intents = {intent: place for place, intent in enumerate(taxonomy.intents)}
        self._sets = {name: place for place, name in enumerate(SETS)}

    def labels(self) -> Iterator[Label]:
        """Yield every good label; what is wrong with the others becomes a problem of the file."""
        for number, _, record in self.records():
            yield self._label(number, record)

    def records(self) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """Yield line, id and record of every good label, as `labels` counts them."""
        for number, raw, record in self.lines.records():
            found = self._check(raw, record)
            if found:
                for column, text in found:
                    self.problems.add(number, column, text)
                continue
            self.per_set[record.get("set", SETS[0])] += 1
            self.per_intent[record["intent"]] += 1
            yield number, record["id"], record

    def _label(self, number: int, record: dict[str, Any]) -> Label:
        return Label(
            record["id"],
            number,
            self._intents[record["intent"]],
            self._sets[record.get("set", SETS[0])],
            record.get("order_match") is True,
        )

    def _check(self, raw: bytes, record: dict[str, Any]) -> list[tuple[str, str]]:
        """Return everything wrong with a label, by column; the quick way through holds for nearly all of them."""
        intents, known = record.get("intents"), self._intents
        quick = (
            intents is None
            and record.get("intent") in known
            and record.get("set", SETS[0]) in self._sets
            and _KNOWN.issuperset(record)
            and type(record.get("order_match", False)) is bool
            and raw.count(b'":') == len(record)
            and not explain_id(record.get("id"))
        )
        return [] if quick else self._check_fully(raw, record)

    def _check_fully(self, raw: bytes, record: dict[str, Any]) -> list[tuple[str, str]]:
        found = [(key, f"unknown key; {suggest(key, LABEL_KEYS)}") for key in record if key not in _KNOWN]
        try:
            require_unique_keys(raw)
        except DuplicateKeyError:
            found.append(("", "a key stands twice in this line. Remove one."))
        wrong = explain_id(record.get("id"))
        if wrong:
            found.append(("id", wrong))
        found += [("intent", text) for text in self._explain_intent(record.get("intent"))]
        name = record.get("set", SETS[0])
        if not isinstance(name, str) or name not in self._sets:
            found.append(("set", f"is {quote_value(name)}; {suggest(str(name), SETS)}"))
        for key, kind, words in (
            ("order_match", bool, "true, false"),
            ("message", str, "text"),
            ("notes", str, "text"),
        ):
            if key in record and not isinstance(record[key], kind):
                found.append((key, f"is of another type; allowed: {words}. Correct it."))
        return found + self._check_intents(record)

    def _check_intents(self, record: dict[str, Any]) -> list[tuple[str, str]]:
        """Return what is wrong with the list of all intents of a message, the primary one among them."""
        intents, primary, tier0 = record.get("intents"), record.get("intent"), self._taxonomy.tier0
        if intents is None:
            return []
        if not isinstance(intents, list) or not intents:
            return [("intents", "is no list of intents. Write all intents of the message, the primary one first.")]
        found = [("intents", text) for intent in intents for text in self._explain_intent(intent)]
        if found:
            return found
        if primary not in intents:
            found.append(("intents", f"does not hold the primary intent {quote_value(primary)}. Add it."))
        if primary not in tier0 and tier0.intersection(intents):
            named = ", ".join(sorted(tier0.intersection(intents)))
            found.append(
                ("intent", f"is {quote_value(primary)} beside {named}; a tier-0 intent always wins. Correct it.")
            )
        return found

    def _explain_intent(self, intent: object) -> list[str]:
        if isinstance(intent, str) and intent in self._intents:
            return []
        if intent is None:
            return ["is missing. Every label names its primary intent."]
        return [f"is {quote_value(intent)}, which is not in the vocabulary; {suggest(str(intent), self._intents)}"]
