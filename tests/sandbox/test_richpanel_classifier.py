"""The classifier: paraphrases, mixtures, near misses, prompt injections, and no text that makes it slow."""

from __future__ import annotations

import time

import pytest
from richpanel_corpus import CORPUS, INJECTIONS, MIXED, NEAR_MISSES, NO_INJECTIONS

from gonogo.sandbox.richpanel.catalog import INTENTS
from gonogo.sandbox.richpanel.classify import Classifier, Reading
from gonogo.sandbox.richpanel.faults import FaultSet
from gonogo.sandbox.richpanel.normalize import normalize

CLASSIFIER = Classifier({}, FaultSet())
SECONDS_FOR_32_KB = 5.0


def test_corpus_covers_every_intent() -> None:
    assert set(CORPUS) == set(INTENTS)
    assert all(len(set(messages)) >= 12 for messages in CORPUS.values())


@pytest.mark.parametrize("intent", CORPUS)
def test_paraphrases(intent: str) -> None:
    messages = CORPUS[intent]
    read = {message: CLASSIFIER.classify(message) for message in messages}
    assert read == dict.fromkeys(messages, Reading(intent, injection=False))


@pytest.mark.parametrize(("message", "intent"), MIXED)
def test_highest_priority_wins(message: str, intent: str) -> None:
    assert CLASSIFIER.classify(message).intent == intent


@pytest.mark.parametrize(("message", "intent"), NEAR_MISSES)
def test_near_misses(message: str, intent: str) -> None:
    assert CLASSIFIER.classify(message).intent == intent


@pytest.mark.parametrize("message", INJECTIONS)
def test_injections_are_suspected(message: str) -> None:
    assert CLASSIFIER.classify(message).injection
    assert CLASSIFIER.classify(f"Hello,\n\nwhere is my order?\n\n{message}\n\nBye").injection


@pytest.mark.parametrize("message", NO_INJECTIONS)
def test_customers_are_not_suspected(message: str) -> None:
    assert not CLASSIFIER.classify(message).injection


@pytest.mark.parametrize(
    "dressed",
    [
        "\N{FIRE} Where is my order?? \N{FIRE}",
        "WHERE IS MY ORDER",
        "\u3053\u3093\u306b\u3061\u306f where is my order \u3042\u308a\u304c\u3068\u3046",
        "where\u00a0is\u200b my\r\norder",
        "\uff37here is my order",
        "<p>Where is <b>my</b> order?</p>",
        "  \n\n where's my ordr??? pls \n",
    ],
)
def test_looks_do_not_matter(dressed: str) -> None:
    assert CLASSIFIER.classify(dressed).intent == "order_status_tracking"


def test_typing_errors_are_undone_and_real_words_kept() -> None:
    assert normalize("refudn my pakage, its damagd") == "refund my package, its damaged"
    kept = "i changed the charger while shopping and will return the charge to cancer research"
    assert normalize(kept) == kept


@pytest.mark.parametrize(
    "filler", ["- ", "''''", "cancel ", "my order ", "delivered not ", "you are ", "a", "\n", ", ,", "\U0001f525 "]
)
def test_no_text_makes_it_slow(filler: str) -> None:
    text = (filler * 32_768)[:32_768]
    started = time.process_time()
    CLASSIFIER.classify(text)
    assert time.process_time() - started < SECONDS_FOR_32_KB


def test_labels_go_before_rules_and_only_for_the_exact_text() -> None:
    labelled = Classifier({"Where is my order?": "legal_threat"}, FaultSet())
    assert labelled.classify("Where is my order?").intent == "legal_threat"
    assert labelled.classify("Where is my order? ").intent == "order_status_tracking"
