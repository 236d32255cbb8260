"""The figures agree with scikit-learn and statsmodels, and no data has no figure."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support
from statsmodels.stats.contingency_tables import mcnemar

from gonogo.gates.classification import classify_matrix, macro_f1_interval, mcnemar_exact

INTENTS = range(5)
PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 4)), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_figures_agree_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    true, guess = zip(*pairs, strict=True)
    matrix = {(one, other): pairs.count((one, other)) for one, other in set(pairs)}
    figures = classify_matrix(matrix, INTENTS)
    assert figures.accuracy == Fraction(figures.hits, len(pairs))
    assert float(figures.accuracy) == pytest.approx(accuracy_score(true, guess))
    labelled = sorted(set(true))
    assert figures.labelled == tuple(labelled)
    macro = f1_score(true, guess, labels=labelled, average="macro", zero_division=0)
    assert float(figures.macro_f1 or 0) == pytest.approx(macro)
    wanted = precision_recall_fscore_support(true, guess, labels=list(INTENTS), zero_division=0)
    for place, (precision, recall, f1, support) in enumerate(zip(*wanted, strict=True)):
        one = figures.intents[place]
        assert one.support == support
        assert float(one.recall or 0) == pytest.approx(recall)
        assert float(one.precision or 0) == pytest.approx(precision)
        assert float(one.f1) == pytest.approx(f1)


def test_an_invalid_output_is_a_miss_and_no_class_of_its_own() -> None:
    figures = classify_matrix({(0, 0): 3, (0, -1): 1}, range(2))
    assert figures.accuracy == Fraction(3, 4)
    assert figures.macro_f1 == Fraction(6, 7)
    assert figures.intents[1].recall is None
    assert figures.intents[1].precision is None


def test_no_data_has_no_figure() -> None:
    figures = classify_matrix({}, INTENTS)
    assert (figures.accuracy, figures.macro_f1) == (None, None)
    assert macro_f1_interval({}, INTENTS, seed=1) is None


def test_the_bootstrap_is_that_of_single_messages() -> None:
    matrix = {(0, 0): 80, (0, 1): 20, (1, 1): 45, (1, 0): 3, (1, -1): 2}
    ours = macro_f1_interval(matrix, range(2), seed=7, resamples=3000)
    assert ours is not None
    true = np.repeat([one for one, _ in matrix], list(matrix.values()))
    guess = np.repeat([other for _, other in matrix], list(matrix.values()))
    rng, scores = np.random.default_rng(1), []
    for _ in range(600):
        drawn = np.concatenate([rng.choice(np.flatnonzero(true == one), (true == one).sum()) for one in (0, 1)])
        table = confusion_matrix(true[drawn], guess[drawn], labels=[0, 1, -1])
        predicted, support = table.sum(axis=0), table.sum(axis=1)
        scores.append(np.mean([2 * table[one, one] / (predicted[one] + support[one]) for one in (0, 1)]))
    low, high = np.quantile(scores, [0.025, 0.975])
    assert ours.low == pytest.approx(low, abs=0.012)
    assert ours.high == pytest.approx(high, abs=0.012)
    assert ours == macro_f1_interval(matrix, range(2), seed=7, resamples=3000)
    assert ours != macro_f1_interval(matrix, range(2), seed=8, resamples=3000)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_agrees_with_statsmodels(failing: int, passing: int) -> None:
    wanted = mcnemar([[5, failing], [passing, 5]], exact=True).pvalue if failing + passing else 1.0
    assert mcnemar_exact(failing, passing) == pytest.approx(min(1.0, wanted))
