"""Labels, outputs and the outputs of the baseline → counts; or every problem of every file, and no counts at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gonogo.errors import Problem
from gonogo.metrics.decision_schema import DecisionSchema
from gonogo.metrics.jsonl import MAX_PROBLEMS, ProblemList
from gonogo.metrics.labels_file import LabelsFile
from gonogo.metrics.outputs_file import OutputFacts, OutputsFile, Reading
from gonogo.metrics.pairing import Matched, Pairing, Row
from gonogo.model.regression import (
    FORBIDDEN_TIER,
    INVALID,
    NO_ACTION,
    UNKNOWN_INTENT,
    CaseList,
    PairCounts,
    Prices,
    Tally,
    Taxonomy,
    TokenSums,
)

SHOWN_EXAMPLES = 5
LABELS, OUTPUTS, BEFORE = "labels", "outputs", "baseline-outputs"


@dataclass(frozen=True, slots=True)
class RegressionFiles:
    """The files of one judgement, with the names that people see."""

    labels: Path
    labels_name: str
    outputs: Path
    outputs_name: str
    before: Path | None = None
    before_name: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """The counts with the digests of what was read; nothing of the tally may be used where there are problems."""

    tally: Tally
    labels_sha256: str
    outputs_sha256: str
    before_sha256: str | None
    per_set: dict[str, int]
    per_intent: dict[str, int]
    problems: tuple[Problem, ...]


def count_outputs(
    files: RegressionFiles,
    taxonomy: Taxonomy,
    schema: DecisionSchema | None,
    prices: Prices | None,
    on_invalid: Callable[[OutputFacts], None],
) -> Counted:
    """Return the counts over all files in one pass each; `on_invalid` gets each broken output in the file's order."""
    tally = Tally()
    labels = LabelsFile(files.labels, files.labels_name, taxonomy)
    outputs = OutputsFile(files.outputs, files.outputs_name, taxonomy, schema, prices)
    before = OutputsFile(files.before, files.before_name, taxonomy, schema) if files.before else None
    paths = {LABELS: files.labels, OUTPUTS: files.outputs, **({BEFORE: files.before} if files.before else {})}
    with Pairing(paths) as pairing:
        for label in labels.labels():
            told = f'["{label.id}",{label.line},{label.intent},{label.set},{int(label.order_match)}]'
            pairing.sides[LABELS].add(label.id, told.encode())
        side = pairing.sides[OUTPUTS]
        readings: Counter[Reading] = Counter()
        for facts in outputs.facts():
            name, line, reading, model, tokens = facts
            readings[reading] += 1
            if reading.rules:
                on_invalid(facts)
            if reading.tier >= FORBIDDEN_TIER:
                tally.tier3_violations.add(line, (name,))
            if tokens is not None:
                tally.tokens.setdefault(model, TokenSums()).add(*tokens)
            told = f'["{name}",{line},{reading.intent},{reading.tier},{int(reading.denies_match)}]'
            side.add(name, told.encode())
        _count_readings(tally, readings, taxonomy)
        if before is not None:
            tally.pairs = PairCounts()
            for facts in before.facts():
                told = f'["{facts.id}",{facts.line},{facts.reading.intent}]'
                pairing.sides[BEFORE].add(facts.id, told.encode())
        _match(pairing, tally, taxonomy, labels.problems, outputs.problems, before)
    found = [*labels.problems.all(), *outputs.problems.all(), *(before.problems.all() if before else [])]
    return Counted(
        tally,
        labels.lines.digest,
        outputs.lines.digest,
        before.lines.digest if before else None,
        dict(labels.per_set),
        dict(labels.per_intent),
        tuple(found),
    )


def _count_readings(tally: Tally, readings: Counter[Reading], taxonomy: Taxonomy) -> None:
    """Count what can be told of outputs without their labels."""
    for reading, count in readings.items():
        tally.outputs += count
        tally.routing[reading.team] += count
        if reading.rules:
            tally.invalid += count
            for rule in reading.rules:
                tally.invalid_rules[rule] += count
        if reading.intent != INVALID and taxonomy.intents[reading.intent] == UNKNOWN_INTENT:
            tally.unknown += count
        if reading.tier == NO_ACTION:
            tally.without_action += count


def _match(
    pairing: Pairing,
    tally: Tally,
    taxonomy: Taxonomy,
    label_problems: ProblemList,
    output_problems: ProblemList,
    before: OutputsFile | None,
) -> None:
    """Count every labelled message with its output; whatever has no counterpart is a problem, with its line."""
    tier0 = frozenset(place for place, intent in enumerate(taxonomy.intents) if intent in taxonomy.tier0)
    # A label or record that was refused above has no counterpart for that reason alone.
    whole = not label_problems and not output_problems and not (before and before.problems)
    found = _Found(label_problems, output_problems, *([before.problems] if before else []))
    for group in pairing.groups():
        labels, outputs, others = group[LABELS], group[OUTPUTS], group.get(BEFORE)
        found.add_duplicates(label_problems, labels, "two labels for one id")
        found.add_duplicates(output_problems, outputs, "a second output for one id")
        if whole:
            found.add_strangers(output_problems, outputs, labels, "is an extra output: no label has this id")
            found.add_strangers(label_problems, labels, outputs, "has no output: it is missing from the outputs")
        if before is not None and others is not None:
            found.add_duplicates(before.problems, others, "a second output for one id")
            if whole:
                found.add_strangers(before.problems, others, labels, "is an extra output: no label has this id")
                found.add_strangers(label_problems, labels, others, "has no output among the baseline's outputs")
        answers, earlier = outputs.rows, others.rows if others is not None else {}
        for name, label in labels.rows.items():
            output = answers.get(name)
            if output is not None:
                _count_pair(tally, taxonomy, tier0, label, output, earlier.get(name))
    found.report()


class _Found:
    """What the matching found, by file; bounded, and told in the order of the lines."""

    def __init__(self, *lists: ProblemList) -> None:
        self._lists = lists
        self._found = {id(problems): CaseList(keep=MAX_PROBLEMS) for problems in lists}

    def add_duplicates(self, problems: ProblemList, side: Matched, what: str) -> None:
        """Note every row but the first of an id."""
        for row, first in side.again:
            text = f"{row[0]!r}: {what}, the first in line {first[1]:,}. Remove one."
            self._found[id(problems)].add(row[1], (text,))

    def add_strangers(self, problems: ProblemList, side: Matched, other: Matched, what: str) -> None:
        """Note every id that the other side does not have."""
        for name in side.rows.keys() - other.rows.keys():
            line = side.rows[name][1]
            self._found[id(problems)].add(line, (f"{name!r} {what}. Nothing is judged on a part.",))

    def report(self) -> None:
        """Hand everything over to the lists of problems."""
        for problems in self._lists:
            found = self._found[id(problems)]
            for line, (text,) in found.listed:
                problems.add(line, "id", text)
            problems.add_more(found.count - len(found.listed))


def _count_pair(
    tally: Tally, taxonomy: Taxonomy, tier0: frozenset[int], label: Row, output: Row, previous: Row | None
) -> None:
    name, _, true, place, has_match = label
    _, line, predicted, tier, denies_match = output
    tally.confusion[place, true, predicted] += 1
    if true in tier0:
        told = (name, taxonomy.intents[true], taxonomy.name_of(predicted))
        if predicted not in tier0:
            tally.tier0_missed.add(line, told)
        elif predicted != true:
            tally.tier0_confused.add(line, told)
        if tier >= 1:
            tally.tier0_replies.add(line, told)
    if not has_match:
        tally.without_match += 1
    if tier == 2:
        tally.tier2_actions += 1
        if not has_match or denies_match:
            tally.tier2_violations.add(line, (name, taxonomy.intents[true], taxonomy.name_of(predicted)))
    if predicted != true:
        tally.wrong.setdefault((true, predicted), CaseList(keep=SHOWN_EXAMPLES)).add(line, (name,))
    if tally.pairs is not None and previous is not None:
        _count_change(tally.pairs, taxonomy, label, line, predicted, previous[2])


def _count_change(pairs: PairCounts, taxonomy: Taxonomy, label: Row, line: int, now: int, then: int) -> None:
    true = label[2]
    told = (label[0], taxonomy.intents[true], taxonomy.name_of(then), taxonomy.name_of(now))
    if now == true and then == true:
        pairs.both_pass += 1
    elif now == true:
        pairs.newly_passing.add(line, told)
    elif then == true:
        pairs.newly_failing.add(line, told)
    else:
        pairs.both_fail += 1
