"""The rules of the classifier: weighted phrases per intent, negation, and which finding explains another away."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gonogo.sandbox.richpanel.phrases import changes, contexts, escalations, goods, parcels, service
from gonogo.sandbox.richpanel.phrases.notation import Phrases, compile_pattern

THRESHOLD = 1.0
LATE = "late"

_WORDS = {**escalations.WORDS, **changes.WORDS, **parcels.WORDS, **goods.WORDS, **service.WORDS}
_PHRASES: dict[str, Phrases] = {
    "chargeback_dispute": escalations.CHARGEBACK,
    "legal_threat": escalations.LEGAL,
    "fraud_suspected": escalations.FRAUD,
    "harassment_threats": escalations.HARASSMENT,
    "cancel_order": changes.CANCEL_ORDER,
    "cancel_subscription": changes.CANCEL_SUBSCRIPTION,
    "address_change_order_edit": changes.ADDRESS_CHANGE,
    "billing_issue": changes.BILLING,
    "order_status_tracking": parcels.ORDER_STATUS,
    "shipping_delay_not_shipped": parcels.SHIPPING_DELAY,
    LATE: parcels.LATE,
    "delivered_not_received": parcels.DELIVERED_NOT_RECEIVED,
    "missing_items_in_shipment": goods.MISSING_ITEMS,
    "wrong_item_received": goods.WRONG_ITEM,
    "damaged_item": goods.DAMAGED,
    "return_request": goods.RETURN,
    "exchange_request": goods.EXCHANGE,
    "refund_request": goods.REFUND,
    "technical_support": service.TECHNICAL,
    "promo_discount_issue": service.PROMO,
    "pre_purchase_question": service.PRE_PURCHASE,
    "influencer_marketing_inquiry": service.INFLUENCER,
}

# Only what a customer asks for can be asked not to happen: "don't cancel". A complaint with a "not" is still one.
_NEGATABLE = frozenset(
    {
        "cancel_order",
        "cancel_subscription",
        "address_change_order_edit",
        "return_request",
        "exchange_request",
        "refund_request",
    }
)

_AFTER_BUYING = (
    "return_request",
    "exchange_request",
    "refund_request",
    "order_status_tracking",
    "shipping_delay_not_shipped",
    "technical_support",
    "damaged_item",
    "cancel_order",
)


@dataclass(frozen=True)
class Findings:
    """The scores of one text by intent, and the text itself for the rules that compare."""

    text: str
    scores: dict[str, float]

    def has(self, intent: str) -> bool:
        """Tell whether an intent was found."""
        return self.scores.get(intent, 0.0) >= THRESHOLD

    def mentions(self, context: str) -> bool:
        """Tell whether a context applies to the text."""
        return _CONTEXTS[context].search(self.text) is not None

    def drop(self, *intents: str) -> None:
        """Forget intents that something else explains."""
        for intent in intents:
            self.scores.pop(intent, None)


_COMPILED = {
    name: tuple((weight, compile_pattern(pattern, _WORDS)) for weight, pattern in phrases)
    for name, phrases in _PHRASES.items()
}
_CONTEXTS = {name: compile_pattern(pattern, _WORDS) for name, pattern in contexts.CONTEXTS.items()}
_CUES = {name: compile_pattern(pattern, _WORDS) for name, pattern in contexts.CUES.items()}
_NEGATION = re.compile(
    r"(?:\b(?:do not|don't|didn't|did not|not|never)(?: really| actually| even)? (?:want|need|wish|try|trying|asking|"
    r"ask|looking|going|planning|mean|meaning|interested|here)(?: it| this| my order| the order| you)?"
    r"(?: to| for| in| be| to be)?(?: a| an| the| my| any| start a| get a| make a)?|"
    r"\b(?:instead of|rather than|without|no need (?:to|for)|not (?:about )?an?|not about|isn't an?|it's not an?|"
    r"not to)(?: the| a| an| my| having to)?|(?<!why )\b(?:please )?(?:do not|don't|never))\s*$"
)


def find_intents(normalized: str) -> list[str]:
    """Return every intent that a normalised text speaks of, in no particular order."""
    text = re.sub(r"[ \t]*\n[ \t]*", lambda match: "\n" if match.group().count("\n") > 1 else " ", normalized)
    scores = {name: _score(name, text) for name in _COMPILED}
    findings = Findings(text, scores)
    _explain_away(findings)
    found = [name for name in scores if findings.has(name)]
    return found or _guess(text)


def _guess(text: str) -> list[str]:
    """Return at most one intent by a single cue, for messages too short for a phrase."""
    return next(([name] for name, cue in _CUES.items() if cue.search(text)), [])


def _score(name: str, text: str) -> float:
    total = 0.0
    for weight, pattern in _COMPILED[name]:
        for match in pattern.finditer(text):
            if name in _NEGATABLE and _NEGATION.search(text, max(0, match.start() - 60), match.start()):
                continue
            total += weight
            break
        if total >= THRESHOLD:
            return total
    return total


def _explain_away(found: Findings) -> None:
    """Drop what is only the echo of another finding."""
    _explain_cancellations(found)
    _explain_goods(found)
    _explain_parcels(found)
    _explain_sales(found)


def _explain_cancellations(found: Findings) -> None:
    if found.mentions("mailing") and not found.mentions("plan"):
        found.drop("cancel_subscription")
    if found.has("billing_issue") and found.mentions("past_cancel") and not found.mentions("cancel_wish"):
        # Charged in spite of a cancellation: the charge is the matter.
        found.drop("cancel_subscription", "cancel_order")
    if found.has("cancel_order"):
        plan = found.has("cancel_subscription") or found.mentions("plan")
        if plan and not found.mentions("cancel_of_order"):
            found.drop("cancel_order")
    if found.mentions("wrong_place") and found.has("delivered_not_received"):
        found.drop("address_change_order_edit")
    if found.has("address_change_order_edit") and found.has("billing_issue") and "billing address" in found.text:
        found.drop("billing_issue")


def _explain_goods(found: Findings) -> None:
    if found.mentions("own_mistake"):
        found.drop("wrong_item_received")
    if found.has("damaged_item") and found.mentions("software_broken") and not found.mentions("any_damage"):
        found.drop("damaged_item")
    if found.has("refund_request") and (found.mentions("returned") or found.mentions("refund_status")):
        # The goods are on their way back already: what is asked for is the money.
        if found.mentions("returned"):
            found.drop("return_request")
        found.drop("order_status_tracking", "shipping_delay_not_shipped", LATE)
    if found.has("delivered_not_received") or (found.has("promo_discount_issue") and not found.mentions("any_damage")):
        found.drop("missing_items_in_shipment")
    if found.has("missing_items_in_shipment"):
        found.drop("order_status_tracking")


def _explain_parcels(found: Findings) -> None:
    if found.has(LATE):
        if not (found.has("order_status_tracking") and found.mentions("parcel_question")) and found.mentions("parcel"):
            found.scores["shipping_delay_not_shipped"] = THRESHOLD
        found.drop(LATE)
    if found.has("shipping_delay_not_shipped") and not found.mentions("parcel_question"):
        # That nothing was sent yet is the root cause; asking after the order is what follows from it.
        found.drop("order_status_tracking")
    if found.mentions("ship_to") and not found.mentions("own_parcel"):
        found.drop("order_status_tracking", "shipping_delay_not_shipped")


def _explain_sales(found: Findings) -> None:
    if found.has("promo_discount_issue") and found.mentions("code") and not found.mentions("digital"):
        found.drop("technical_support")
    if found.mentions("buying"):
        found.drop(*_AFTER_BUYING)
    if found.has("pre_purchase_question") and found.mentions("do_you_have") and not found.mentions("has_bought"):
        found.drop("exchange_request")
    if found.has("influencer_marketing_inquiry"):
        found.drop("technical_support", "return_request", "exchange_request", "cancel_subscription")
