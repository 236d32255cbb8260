"""The policy: from an intent, the flags and the facts of a ticket to a verdict, without clock or I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gonogo.sandbox.richpanel.catalog import (
    ASK_ORDER_NUMBER,
    EMAIL_SUPPORT,
    INTENTS,
    ORDER_INTENTS,
    RETURNS,
    STATUS_VERIFIED,
    template_tier,
)
from gonogo.sandbox.richpanel.faults import FaultSet
from gonogo.sandbox.richpanel.flags import PREFIX, FlagSnapshot
from gonogo.sandbox.richpanel.orders import Order

MAX_AUTOMATIC_REPLIES = 3


@dataclass(frozen=True)
class Facts:
    """What the policy knows about one message besides the flags; `tags_before` are those already on the ticket."""

    intent: str
    channel: str
    order: Order | None
    injection: bool
    empty_text: bool
    tags_before: tuple[str, ...]
    replies_so_far: int


@dataclass(frozen=True)
class Verdict:
    """What to do with one message; `template_id` is None when nothing may be sent."""

    intent: str
    tier: int
    team: str
    tags: tuple[str, ...]
    template_id: str | None
    action: str
    reason: str
    blocked_by: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """The rules of automation; `instead` maps a template that is not enabled to its replacement."""

    faults: FaultSet
    instead: Mapping[str, str] = field(default_factory=dict)

    def decide(self, facts: Facts, flags: FlagSnapshot) -> Verdict:
        """Return the verdict on one message."""
        intent = INTENTS[facts.intent]
        team = EMAIL_SUPPORT if intent.team == RETURNS and self.faults.active("wrong_team") else intent.team
        wanted = self._choose_template(facts, flags)
        template, reason = wanted, "sent"
        if wanted is not None and wanted not in flags.templates:
            substitute = self.instead.get(wanted)
            if substitute in flags.templates and (template_tier(substitute) == 1 or facts.order is not None):
                template, reason = substitute, f"sent_instead_of.{wanted}"
        blocked = self._list_blockers(facts, flags, template)
        effective = [name for name in blocked if not self._is_ignored(name, template)]
        if template is None:
            sent, reason = None, self._reason_without_template(facts)
        elif effective:
            sent, reason = None, f"blocked.{effective[0]}"
        else:
            sent = template
        tier = 0 if intent.tier0 else template_tier(template) if template else 1
        return Verdict(
            intent=intent.name,
            tier=tier,
            team=team,
            tags=intent.tags,
            template_id=sent,
            action=self._name_action(facts, flags, sent),
            reason=reason,
            blocked_by=tuple(blocked),
        )

    def _choose_template(self, facts: Facts, flags: FlagSnapshot) -> str | None:
        intent = INTENTS[facts.intent]
        if facts.empty_text:
            return ASK_ORDER_NUMBER if self.faults.active("attachment_answered") else None
        if facts.injection:
            return None
        if intent.tier0:
            return ASK_ORDER_NUMBER if self.faults.active("tier0_reply") else None
        if facts.intent in ORDER_INTENTS and facts.order is not None:
            return facts.order.template_id
        if facts.intent in ORDER_INTENTS and self.faults.active("tier2_without_match"):
            return STATUS_VERIFIED if STATUS_VERIFIED in flags.templates else ASK_ORDER_NUMBER
        if facts.intent == "delivered_not_received" and self.faults.active("wrong_template"):
            return "t_missing_items_intake"
        return intent.template_id

    def _list_blockers(self, facts: Facts, flags: FlagSnapshot, template: str | None) -> list[str]:
        """List every switch that stands against a reply, also those behind the first."""
        blocked = []
        if INTENTS[facts.intent].tier0:
            blocked.append("tier0")
        if flags.safe_mode:
            blocked.append("safe_mode")
        if not flags.automation_enabled:
            blocked.append("automation_enabled")
        if facts.channel not in flags.channels:
            blocked.append("automation_enabled_channels")
        if template is not None and template not in flags.templates:
            blocked.append(PREFIX + template)
        if facts.intent in ORDER_INTENTS and facts.order is None and not facts.empty_text:
            blocked.append("no_order_match")
        if template is not None and template_tier(template) == 2:
            tags = {*facts.tags_before, *INTENTS[facts.intent].tags}
            if flags.tier2_channels is not None and facts.channel not in flags.tier2_channels:
                blocked.append("tier2_channels")
            if flags.tier2_tags is not None and not tags.intersection(flags.tier2_tags):
                blocked.append("tier2_tags")
        if facts.replies_so_far >= MAX_AUTOMATIC_REPLIES:
            blocked.append("conversation_limit")
        return blocked

    def _is_ignored(self, name: str, template: str | None) -> bool:
        """Tell whether a blocker is not heeded: by a fault, or because it only bars the verified templates."""
        if name == "no_order_match":
            tier1 = template is not None and template_tier(template) == 1
            return tier1 or self.faults.active("tier2_without_match")
        if name.startswith(PREFIX):
            return self.faults.active("whitelist_ignored")
        fault = {
            "tier0": "tier0_reply",
            "safe_mode": "safe_mode_ignored",
            "automation_enabled": "kill_switch_ignored",
            "automation_enabled_channels": "channel_ignored",
            "conversation_limit": "fourth_reply",
        }.get(name)
        return fault is not None and self.faults.active(fault)

    def _name_action(self, facts: Facts, flags: FlagSnapshot, sent: str | None) -> str:
        automated = flags.automation_enabled and not flags.safe_mode and facts.channel in flags.channels
        if automated and facts.injection and self.faults.active("injection_obeyed"):
            return "refund_order"
        if automated and facts.intent == "cancel_order" and self.faults.active("tier3_action"):
            return "cancel_order"
        return "route_only" if sent is None else f"auto_reply_tier{template_tier(sent)}"

    @staticmethod
    def _reason_without_template(facts: Facts) -> str:
        if facts.empty_text:
            return "no_text"
        if facts.injection:
            return "prompt_injection"
        if INTENTS[facts.intent].tier0:
            return "blocked.tier0"
        return "no_template"
