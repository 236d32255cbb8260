"""The outputs of a model, one JSON object a line, each reduced to facts that hold no content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from gonogo.metrics.decision_schema import DecisionSchema
from gonogo.metrics.jsonl import DuplicateKeyError, JsonLines, ProblemList, explain_id, require_unique_keys
from gonogo.model.regression import ACTION_TIERS, FORBIDDEN_TIER, INVALID, INVALID_NAME, NO_ACTION, Prices, Taxonomy
from gonogo.sources.suggest import quote_value, suggest

UNNAMED_MODEL = "(unnamed)"
_MAX_TOKENS = 2**31
_MAX_READINGS = 10_000
_NONE: tuple[str, ...] = ()


class Reading(NamedTuple):
    """What one decision says, without its label.

    `intent` is a place in the taxonomy or `INVALID`; `tier` that of the action, `NO_ACTION` where none is named;
    `denies_match` that the decision itself says there is no order match; `rules` are the rules that it breaks.
    """

    intent: int
    tier: int
    denies_match: bool
    team: str
    rules: tuple[str, ...] = ()


class OutputFacts(NamedTuple):
    """What is known of one line: `tokens` are read and written."""

    id: str
    line: int
    reading: Reading
    model: str
    tokens: tuple[int, int] | None


class OutputsFile:
    """One pass over a file of outputs; broken lines and records become problems, broken decisions become facts."""

    def __init__(
        self, path: Path, name: str, taxonomy: Taxonomy, schema: DecisionSchema | None, prices: Prices | None = None
    ) -> None:
        self.problems = ProblemList(name)
        self.lines = JsonLines(path, self.problems)
        self._schema = schema
        self._prices = prices
        self._reader = DecisionReader(taxonomy, schema)
        self._without_tokens = 0
        self._with_tokens = 0
        self._first_without = 0
        self._refused_models: set[str] = set()

    def facts(self) -> Iterator[OutputFacts]:
        """Yield the facts of every good record."""
        read = self._reader.read
        for number, raw, record in self.lines.records():
            wrong = explain_id(record.get("id"))
            if wrong:
                self.problems.add(number, "id", wrong)
                continue
            if "output" not in record:
                self.problems.add(
                    number, "output", "is missing. Write the decision, its text, or null where none came."
                )
                continue
            if not self._has_unique_keys(raw, record):
                self.problems.add(number, "", "a key stands twice in this line. Remove one.")
                continue
            tokens, model = self._read_tokens(number, record)
            yield OutputFacts(record["id"], number, read(record["output"]), model, tokens)
        if self._with_tokens and self._without_tokens:
            more = f" and {self._without_tokens - 1:,} more lines" if self._without_tokens > 1 else ""
            text = (
                f"is missing here{more}, and present elsewhere: means over a part would mislead. Write it everywhere."
            )
            self.problems.add(self._first_without, "tokens", text)

    @staticmethod
    def _has_unique_keys(raw: bytes, record: dict[str, Any]) -> bool:
        # As many keys in the text as in the objects: none was lost. A text that holds `":` costs a closer look.
        seen = len(record)
        for value in record.values():
            if type(value) is dict:
                seen += len(value)
        if raw.count(b'":') == seen:
            return True
        try:
            require_unique_keys(raw)
        except DuplicateKeyError:
            return False
        return True

    def _read_tokens(self, number: int, record: dict[str, Any]) -> tuple[tuple[int, int] | None, str]:
        model, tokens = record.get("model"), record.get("tokens")
        name = UNNAMED_MODEL if model is None else model
        if not isinstance(name, str):
            self.problems.add(number, "model", "is no text. Write the name of the model, as in the prices.")
            name = UNNAMED_MODEL
        if self._prices is not None and name not in self._prices.models and name not in self._refused_models:
            self._refused_models.add(name)
            said = "is missing" if model is None else f"is {quote_value(name)}, which has no price"
            self.problems.add(number, "model", f"{said}; {suggest(name, self._prices.models)}")
        if tokens is None:
            self._first_without = self._first_without or number
            self._without_tokens += 1
            return None, name
        read, written = (tokens.get("input"), tokens.get("output")) if type(tokens) is dict else (None, None)
        if type(read) is int and type(written) is int and 0 <= read < _MAX_TOKENS and 0 <= written < _MAX_TOKENS:
            self._with_tokens += 1
            return (read, written), name
        self.problems.add(number, "tokens", 'is not {"input": N, "output": N} with whole numbers. Correct it.')
        return None, name


class DecisionReader:
    """Reads one decision: its intent, how far its action goes, and every rule that it breaks."""

    def __init__(self, taxonomy: Taxonomy, schema: DecisionSchema | None) -> None:
        self._taxonomy = taxonomy
        self._schema = schema
        self._intents = {intent: place for place, intent in enumerate(taxonomy.intents)}
        self._readings: dict[tuple[Any, ...], Reading] = {}

    def read(self, output: object) -> Reading:
        """Return what a decision says.

        Also an invalid decision is searched for what it would have done: a broken answer that cancels an order is both.
        """
        decision, rules = (output, _NONE) if type(output) is dict else self._parse(output)
        if decision is None:
            return Reading(INVALID, 0, False, INVALID_NAME, rules)
        if self._schema is not None and not self._schema.is_valid(decision):
            return self._interpret(decision, tuple(self._schema.broken_rules(decision)))
        get = decision.get
        words = (get("intent"), get("action"), get("template_id"), get("team"), get("tier"), get("order_match"))
        tier, match = words[4], words[5]
        # 3, 3.0 and True are equal as keys and differ as decisions: a reading is shared only among plain types.
        plain = (tier is None or type(tier) is int) and (match is None or type(match) is bool)
        try:
            known = self._readings.get(words) if plain else None
        except TypeError:  # a list where a word belongs
            return self._interpret(decision, ())
        if known is None:
            known = self._interpret(decision, ())
            if plain and len(self._readings) < _MAX_READINGS:
                self._readings[words] = known
        return known

    def _interpret(self, decision: Mapping[str, Any], broken: tuple[str, ...]) -> Reading:
        rules = [*broken]
        named, template, team = decision.get("intent"), decision.get("template_id"), decision.get("team")
        intent = self._intents.get(named, INVALID) if isinstance(named, str) else INVALID
        if intent == INVALID:
            rules.append("intent: not in the vocabulary")
        if not _is_none(template) and not _is_word_of(template, self._taxonomy.template_tiers):
            rules.append("template_id: not in the vocabulary")
        if team is not None and not (isinstance(team, str) and team in self._taxonomy.known_teams):
            rules.append("team: not in the vocabulary")
        tier, denies = self._tier_of(decision), decision.get("order_match") is False
        if rules:
            return Reading(INVALID, tier, denies, INVALID_NAME, tuple(rules))
        place = str(team) if team is not None else self._taxonomy.teams[self._taxonomy.intents[intent]]
        return Reading(intent, tier, denies, place)

    @staticmethod
    def _parse(output: object) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
        if isinstance(output, str):
            try:
                require_unique_keys(output)
                output = orjson.loads(output)
            except DuplicateKeyError:
                return None, ("a key stands twice",)
            except (ValueError, RecursionError):
                return None, ("not JSON",)
        if output is None:
            return None, ("no output",)
        return (output, _NONE) if isinstance(output, dict) else (None, ("not an object",))

    def _tier_of(self, decision: Mapping[str, Any]) -> int:
        """Return the highest tier that action, template or the decision's own tier name."""
        action, template, tier = decision.get("action"), decision.get("template_id"), decision.get("tier")
        if action is None and _is_none(template) and not (type(tier) is int and tier >= FORBIDDEN_TIER):
            return NO_ACTION
        named = 0 if action is None else FORBIDDEN_TIER
        if isinstance(action, str):
            named = ACTION_TIERS.get(action, FORBIDDEN_TIER)
        sent = self._taxonomy.template_tiers.get(template, 0) if isinstance(template, str) else 0
        own = tier if type(tier) is int and tier >= FORBIDDEN_TIER else 0
        return max(named, sent, own)


def _is_none(template: object) -> bool:
    return template is None or template in ("", "None")


def _is_word_of(value: object, known: Mapping[str, int]) -> bool:
    return isinstance(value, str) and value in known
