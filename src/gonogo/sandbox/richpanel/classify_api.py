"""`POST /classify`: what the model would decide about a message, without ticket, flag or reply."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gonogo.sandbox.richpanel.catalog import CHANNELS, INTENTS, STATUS_VERIFIED, TEMPLATES, UNKNOWN
from gonogo.sandbox.richpanel.classify import Classifier, Reading
from gonogo.sandbox.richpanel.faults import FaultSet
from gonogo.sandbox.richpanel.flags import FlagSnapshot
from gonogo.sandbox.richpanel.ingress import MAX_BODY_BYTES, Authenticator, RefusedError
from gonogo.sandbox.richpanel.orders import ORDERS
from gonogo.sandbox.richpanel.policy import Facts, Policy

MODEL = "rules-1"
PROMPT_TOKENS = 420
CHARACTERS_A_TOKEN = 4
# The offline decision is the widest one: whatever the flags would hold back later shows here.
_EVERYTHING_ON = FlagSnapshot(
    safe_mode=False,
    automation_enabled=True,
    channels=CHANNELS,
    templates=frozenset(TEMPLATES),
    tier2_channels=None,
    tier2_tags=None,
)


@dataclass
class ClassifyApi:
    """Answers `POST /classify` for whoever has the webhook's token."""

    authenticator: Authenticator
    classifier: Classifier
    policy: Policy
    faults: FaultSet

    async def classify(self, request: Request) -> Response:
        """Answer with the decision, the model and its tokens; 400 for a body without a message."""
        try:
            self.authenticator.require(request)
            text, channel, linked = _parse(await request.body())
        except RefusedError as rejection:
            return rejection.response()
        reading = await self.classifier.read(text)
        output = self._decide(text, channel, reading, linked=linked)
        written = 1 + len(json.dumps(output)) // CHARACTERS_A_TOKEN
        read = PROMPT_TOKENS + len(text) // CHARACTERS_A_TOKEN
        if self.faults.active("classify_wordy"):
            read, written = read * 2, written * 2
        tokens = {"input": read, "output": written}
        return JSONResponse({"output": output, "model": MODEL, "tokens": tokens})

    def _decide(self, text: str, channel: str, reading: Reading, *, linked: bool) -> dict[str, object]:
        share = int(hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:4], 16) / 0x10000
        intent = self._distort(reading.intent, share)
        order = ORDERS["cust-tracked"] if linked else None
        facts = Facts(intent, channel, order, reading.injection, not text.strip(), (), 0)
        verdict = self.policy.decide(facts, _EVERYTHING_ON)
        template, action = verdict.template_id, verdict.action
        if self.faults.active("classify_tier2_without_match") and intent == "order_status_tracking" and not linked:
            template, action = STATUS_VERIFIED, "auto_reply_tier2"
        if self.faults.active("classify_tier0_reply") and INTENTS[intent].tier0:
            template, action = "t_billing_issue_intake", "auto_reply_tier1"
        if self.faults.active("classify_tier3_action") and intent == "cancel_order":
            action = "cancel_order"
        output: dict[str, object] = {
            "intent": verdict.intent,
            "team": verdict.team,
            "tags": list(verdict.tags),
            "template_id": template,
            "action": action,
            "order_match": linked,
            "confidence": 0.35 if intent == UNKNOWN else 0.9,
        }
        if self.faults.active("classify_invalid_output") and share < 0.05:
            del output["action"]
            output["confidence"] = "high"
        return output

    def _distort(self, intent: str, share: float) -> str:
        """Return the intent as the active faults turn it; `share` is a number of 0 to 1 that the text alone decides."""
        if self.faults.active("classify_misses_tier0") and intent == "legal_threat":
            return "refund_request"
        ordinary = [name for name, row in INTENTS.items() if not row.tier0 and name != UNKNOWN]
        if self.faults.active("classify_worse") and intent in ordinary and share < 0.15:
            return ordinary[(ordinary.index(intent) + 1) % len(ordinary)]
        if self.faults.active("classify_unknown") and intent in ordinary and share < 0.04:
            return UNKNOWN
        return intent


def _parse(raw: bytes) -> tuple[str, str, bool]:
    if len(raw) > MAX_BODY_BYTES:
        raise RefusedError(413, "too_large")
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, "invalid_json") from error
    if not isinstance(body, dict):
        raise RefusedError(400, "not_an_object")
    text, channel, linked = body.get("message"), body.get("channel", "other"), body.get("linked_order", False)
    if not isinstance(text, str):
        raise RefusedError(400, "missing_field", "message")
    if channel not in CHANNELS:
        raise RefusedError(400, "invalid_field", "channel")
    if not isinstance(linked, bool):
        raise RefusedError(400, "invalid_field", "linked_order")
    return text, channel, linked
