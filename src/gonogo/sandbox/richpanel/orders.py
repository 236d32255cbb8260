"""The seeded orders, the deterministic match by customer id, and the reply texts that disclose an order."""

from __future__ import annotations

from dataclasses import dataclass

from gonogo.sandbox.richpanel.catalog import (
    DELAY_VERIFIED,
    ETA_VERIFIED,
    STATUS_VERIFIED,
    TIER1_TEXTS,
    TIER2_TEMPLATES,
)

TRACKING_BASE = "https://track.parcel.example/t/"


@dataclass(frozen=True)
class Order:
    """A seeded order; `template_id` is the verified template that fits its state."""

    number: str
    template_id: str
    tracking: str | None
    eta: str

    @property
    def link(self) -> str:
        """The tracking link, made up from the number where the carrier has none yet."""
        return TRACKING_BASE + (self.tracking or f"pending-{self.number}")


ORDERS: dict[str, Order] = {
    "cust-tracked": Order("SB-10421", STATUS_VERIFIED, "ZX81KJ20931", "in 2 working days"),
    "cust-untracked": Order("SB-10533", ETA_VERIFIED, None, "in 4 to 6 working days"),
    "cust-late": Order("SB-10077", DELAY_VERIFIED, "ZX81KJ11876", "later than promised"),
}


def find_order(customer_id: str | None) -> Order | None:
    """Return the one order linked to a customer id, or None when there is no deterministic match."""
    return ORDERS.get(customer_id) if customer_id is not None else None


def other_order(order: Order | None) -> Order:
    """Return an order that is not the given one."""
    return next(candidate for candidate in ORDERS.values() if candidate != order)


def render_reply(template_id: str, order: Order | None) -> str:
    """Return the text of a template; a tier-2 template needs the matched order and raises `ValueError` without it."""
    if template_id not in TIER2_TEMPLATES:
        return TIER1_TEXTS[template_id]
    if order is None:
        raise ValueError(f"template '{template_id}' discloses an order and none was matched")
    if template_id == STATUS_VERIFIED:
        return f"Your order {order.number} is on its way, expected {order.eta}. Follow it here: {order.link}"
    if template_id == ETA_VERIFIED:
        return f"Your order {order.number} is being prepared. We expect it with you {order.eta}."
    return f"Your order {order.number} runs {order.eta}; a colleague follows it up. Latest scan: {order.link}"
