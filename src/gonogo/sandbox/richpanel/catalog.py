"""The fixed vocabulary of the middleware: intents with team, tags, template and priority, and the reply templates."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

CHARGEBACKS = "Chargebacks / Disputes Team"
LEADERSHIP = "Leadership Team"
EMAIL_SUPPORT = "Email Support Team"
RETURNS = "Returns Admin"
TECHNICAL = "Technical Support Team"
SALES = "Sales Team"
SOCIAL = "Social Media Team"

ASK_ORDER_NUMBER = "t_order_status_ask_order_number"
STATUS_VERIFIED = "t_order_status_verified"
ETA_VERIFIED = "t_order_eta_no_tracking_verified"
DELAY_VERIFIED = "t_shipping_delay_verified"

TIER2_TEMPLATES = frozenset({STATUS_VERIFIED, ETA_VERIFIED, DELAY_VERIFIED})
ORDER_INTENTS = frozenset({"order_status_tracking", "shipping_delay_not_shipped"})
CHANNELS = ("livechat", "email", "social", "tiktok", "phone", "other")
DEFAULT_CHANNELS = ("livechat", "email")
UNKNOWN = "unknown_other"


@dataclass(frozen=True)
class Intent:
    """One row of the routing table; `rank` orders intents of one priority, the more specific root cause first."""

    name: str
    team: str
    tags: tuple[str, ...]
    template_id: str | None
    priority: int
    rank: int = 0

    @property
    def tier0(self) -> bool:
        """True for an escalation that is never automated."""
        return self.priority == 0


_ROWS = (
    Intent("legal_threat", LEADERSHIP, ("mw-intent-legal",), None, 0, 1),
    Intent("fraud_suspected", LEADERSHIP, ("mw-intent-fraud",), None, 0, 2),
    Intent("harassment_threats", LEADERSHIP, ("mw-intent-harassment",), None, 0, 3),
    Intent("chargeback_dispute", CHARGEBACKS, ("mw-intent-chargeback",), None, 0, 0),
    Intent(
        "cancel_subscription",
        EMAIL_SUPPORT,
        ("mw-intent-cancel-subscription",),
        "t_cancel_subscription_ack_intake",
        1,
        0,
    ),
    Intent("cancel_order", EMAIL_SUPPORT, ("mw-intent-cancel-order",), "t_cancel_order_ack_intake", 1, 1),
    Intent(
        "address_change_order_edit", EMAIL_SUPPORT, ("mw-intent-address-change",), "t_address_change_ack_intake", 1, 2
    ),
    Intent("billing_issue", EMAIL_SUPPORT, ("mw-intent-billing",), "t_billing_issue_intake", 1, 3),
    Intent("delivered_not_received", RETURNS, ("mw-intent-dnr",), "t_delivered_not_received_intake", 2, 0),
    Intent("wrong_item_received", RETURNS, ("mw-intent-wrong-item",), "t_wrong_item_intake", 2, 1),
    Intent("damaged_item", RETURNS, ("mw-intent-damaged-item",), "t_damaged_item_intake", 2, 2),
    Intent("missing_items_in_shipment", RETURNS, ("mw-intent-missing-items",), "t_missing_items_intake", 2, 3),
    Intent("exchange_request", RETURNS, ("mw-intent-exchange",), "t_exchange_request_intake", 3, 0),
    Intent("return_request", RETURNS, ("mw-intent-return",), "t_return_request_intake", 3, 1),
    Intent("refund_request", RETURNS, ("mw-intent-refund",), "t_refund_request_intake", 3, 2),
    Intent("shipping_delay_not_shipped", EMAIL_SUPPORT, ("mw-intent-shipping-delay",), ASK_ORDER_NUMBER, 4, 0),
    Intent("order_status_tracking", EMAIL_SUPPORT, ("mw-intent-order-status",), ASK_ORDER_NUMBER, 4, 1),
    Intent(
        "technical_support",
        TECHNICAL,
        ("mw-intent-tech-support", "mw-needs-tech-support"),
        "t_technical_support_intake",
        5,
        0,
    ),
    Intent("influencer_marketing_inquiry", SOCIAL, ("mw-intent-influencer",), "t_influencer_inquiry_route", 6, 0),
    Intent("promo_discount_issue", SALES, ("mw-intent-promo", "mw-needs-sales"), "t_promo_discount_info", 6, 1),
    Intent("pre_purchase_question", SALES, ("mw-intent-prepurchase", "mw-needs-sales"), "t_pre_purchase_info", 6, 2),
    Intent(UNKNOWN, EMAIL_SUPPORT, ("mw-intent-unknown",), None, 7, 0),
)

INTENTS: dict[str, Intent] = {row.name: row for row in _ROWS}

TIER1_TEXTS: dict[str, str] = {
    ASK_ORDER_NUMBER: "Thanks for reaching out. Could you share your order number so that we can look into it?",
    "t_cancel_order_ack_intake": "We have noted your cancellation. A colleague will check what is still possible.",
    "t_address_change_ack_intake": "We have noted the change. A colleague will confirm whether it is possible.",
    "t_cancel_subscription_ack_intake": "We have noted that your plan is to end. A colleague will confirm it.",
    "t_billing_issue_intake": "Sorry about the trouble. Please tell us the date and the amount in question.",
    "t_delivered_not_received_intake": "Sorry that your parcel has not reached you. We look into it.",
    "t_missing_items_intake": "Sorry that something was missing. Please tell us which pieces did not arrive.",
    "t_wrong_item_intake": "Sorry that you got something else. Please send us a photo of what arrived.",
    "t_damaged_item_intake": "Sorry about the damage. Please send us a photo of the item and of the box.",
    "t_return_request_intake": "We can help with a return. Please tell us which item it is and the reason.",
    "t_exchange_request_intake": "We can help with an exchange. Please tell us which size or colour you would like.",
    "t_refund_request_intake": "We have noted your refund request. A colleague will review it.",
    "t_technical_support_intake": "Sorry about the trouble. Please tell us the device and what you see on the screen.",
    "t_influencer_inquiry_route": "Thanks for your interest in working with us. Our social team will be in touch.",
    "t_promo_discount_info": "Thanks for asking about an offer. Please tell us the code and what happens at checkout.",
    "t_pre_purchase_info": "Thanks for your question. A colleague from our sales team will get back to you.",
}

TEMPLATES: tuple[str, ...] = tuple(sorted({*TIER1_TEXTS, *TIER2_TEMPLATES}))


def template_tier(template_id: str) -> int:
    """Return the tier (1 or 2) of a known template."""
    return 2 if template_id in TIER2_TEMPLATES else 1


def suggest(word: str, known: Iterable[str]) -> str:
    """Return a `Did you mean ...?` sentence for a misspelt word, or an empty string when nothing is close."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else ""
