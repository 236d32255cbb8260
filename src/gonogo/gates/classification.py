"""Accuracy, precision, recall and F1 from a confusion matrix, exactly, with an interval beside each figure.

The definitions are scikit-learn's, over a fixed list of labels: the intents that the labels hold. So the average does
not depend on what a model happens to predict, and two models over the same labels are averaged over the same intents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gonogo.extras import import_extra
from gonogo.gates.statistics import percentile_interval, wilson_interval
from gonogo.model.gate import Interval

Matrix = Mapping[tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class IntentFigures:
    """The figures of one intent; recall is None without a labelled message, precision without a prediction."""

    support: int
    predicted: int
    hits: int

    @property
    def recall(self) -> Fraction | None:
        """Return hits over labelled messages."""
        return Fraction(self.hits, self.support) if self.support else None

    @property
    def precision(self) -> Fraction | None:
        """Return hits over predictions."""
        return Fraction(self.hits, self.predicted) if self.predicted else None

    @property
    def f1(self) -> Fraction:
        """Return 2·hits / (labelled + predicted); 0 where neither is there, as scikit-learn's zero_division=0."""
        total = self.support + self.predicted
        return Fraction(2 * self.hits, total) if total else Fraction(0)


@dataclass(frozen=True, slots=True)
class Classification:
    """The figures over one matrix of labelled and predicted intents."""

    intents: Mapping[int, IntentFigures]
    n: int
    hits: int

    @property
    def accuracy(self) -> Fraction | None:
        """Return hits over labelled messages, None for none; an invalid output is a miss."""
        return Fraction(self.hits, self.n) if self.n else None

    @property
    def labelled(self) -> tuple[int, ...]:
        """Return the intents that the labels hold."""
        return tuple(sorted(intent for intent, figures in self.intents.items() if figures.support))

    @property
    def macro_f1(self) -> Fraction | None:
        """Return the mean F1 over the intents that the labels hold, None for none."""
        names = self.labelled
        return sum((self.intents[name].f1 for name in names), Fraction(0)) / len(names) if names else None


def classify_matrix(matrix: Matrix, intents: Sequence[int]) -> Classification:
    """Return the figures of a matrix by labelled and predicted intent; predictions outside `intents` are misses."""
    support = dict.fromkeys(intents, 0)
    predicted = dict.fromkeys(intents, 0)
    hits = dict.fromkeys(intents, 0)
    for (true, guess), count in matrix.items():
        support[true] += count
        if guess in predicted:
            predicted[guess] += count
        if guess == true:
            hits[true] += count
    figures = {name: IntentFigures(support[name], predicted[name], hits[name]) for name in intents}
    return Classification(figures, sum(support.values()), sum(hits.values()))


def share_interval(hits: int, n: int) -> Interval | None:
    """Return Wilson's interval of a share, None for no data."""
    return wilson_interval(hits, n) if n else None


def macro_f1_interval(
    matrix: Matrix, intents: Sequence[int], *, seed: int, resamples: int = 1000, level: float = 0.95
) -> Interval | None:
    """Return the bootstrap interval of the macro F1: messages drawn anew within the labelled intents, None for no data.

    The number of messages of each intent stays what it is, since the labelled set is fixed; what is drawn is what the
    model makes of them. Each row of the matrix is one multinomial draw, so that a million messages cost no more than a
    hundred.
    """
    np = import_extra("numpy", "gates")
    rows = [name for name in intents if any(matrix.get((name, guess), 0) for guess in (*intents, *_others(matrix)))]
    if not rows:
        return None
    columns = [*rows, *(guess for guess in sorted({guess for _, guess in matrix}) if guess not in rows)]
    counts = np.array([[matrix.get((row, column), 0) for column in columns] for row in rows])
    generator = np.random.default_rng(seed)
    support = counts.sum(axis=1)
    drawn = np.stack(
        [generator.multinomial(total, row / total, size=resamples) for row, total in zip(counts, support, strict=True)],
        axis=1,
    )
    hits = np.stack([drawn[:, place, place] for place in range(len(rows))], axis=1)
    predicted = drawn.sum(axis=1)[:, : len(rows)]
    scores = (2 * hits / (predicted + support)).mean(axis=1)
    return percentile_interval(scores.tolist(), level, "bootstrap within intents")


def _others(matrix: Matrix) -> set[int]:
    return {guess for _, guess in matrix}


def mcnemar_exact(newly_failing: int, newly_passing: int) -> float:
    """Return the two-sided p of McNemar's exact test on discordant pairs; 1 where there are none.

    Source: McNemar, Psychometrika 12 (1947), with the binomial in place of the chi-square.
    """
    pairs = newly_failing + newly_passing
    if not pairs:
        return 1.0
    tail = import_extra("scipy.stats", "gates").binom.cdf(min(newly_failing, newly_passing), pairs, 0.5)
    return min(1.0, 2.0 * float(tail))
