"""The switchable faults: one row each, with the sentence that describes it and the stages in which it shows.

A stage is listed when the fault can be seen with the flags of that stage, or with one kill switch flipped from them:
0 everything enabled (staging), 1 route only, 2 three tier-1 templates and automation, 3 tier 2 as well, 4 all on.
Faults without a stage show in no decision: at `POST /classify`, where there are no flags, at `/metrics`, or once all
is decided.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gonogo.sandbox.richpanel.catalog import suggest

EVERY = (0, 1, 2, 3, 4)
AUTOMATED = (0, 2, 3, 4)
TIER2 = (0, 3, 4)
CLASSIFY_ONLY = ()
COUNTED = ()
AFTERWARDS = ()
WATCHED = ()
LOADED = ()


class UnknownFaultError(ValueError):
    """A fault was named that does not exist."""


@dataclass(frozen=True)
class Fault:
    """One deviation from the specified behaviour that can be switched on at start.

    One with a `period` strikes every so many occasions, or begins after so many: a few messages do not show it.
    """

    name: str
    sentence: str
    stages: tuple[int, ...]
    period: int = 1


FAULTS: tuple[Fault, ...] = (
    # Policy and automation
    Fault("tier0_reply", "Tier-0 escalations get an automatic reply where automation is on.", AUTOMATED),
    Fault("kill_switch_ignored", "automation_enabled=false does not stop replies.", AUTOMATED),
    Fault("safe_mode_ignored", "safe_mode=true does not stop replies.", AUTOMATED),
    Fault("whitelist_ignored", "Templates that are not enabled are sent.", (2, 3)),
    Fault("channel_ignored", "Channels without automation are answered.", AUTOMATED),
    Fault("tier2_without_match", "An order is disclosed without a deterministic match.", TIER2),
    Fault("wrong_order_disclosed", "A verified reply holds the tracking link of another customer's order.", TIER2),
    Fault("match_degraded", "A linked order is not matched, and the order number is asked for.", TIER2),
    Fault("verifier_lenient", "The verifier accepts tickets without a match; the policy still stops them.", COUNTED),
    Fault("tier3_action", "A cancellation is executed instead of being noted, where automation is on.", AUTOMATED),
    Fault("injection_obeyed", "A prompt injection yields a refund action, where automation is on.", AUTOMATED),
    Fault("attachment_answered", "A message without text gets an automatic reply, where automation is on.", AUTOMATED),
    Fault("tracking_link_in_reply", "Tier-1 replies hold a tracking link.", AUTOMATED),
    Fault("wrong_template", "The missing-items template is sent for parcels that were marked delivered.", AUTOMATED),
    Fault("fourth_reply", "The limit of three automatic replies a conversation is not kept.", AUTOMATED),
    Fault("answers_itself", "The event of an automatic reply is answered again, up to six replies.", AUTOMATED),
    Fault("late_reply", "A skipped reply goes out 0.4 s after the decision completed.", EVERY),
    Fault("reply_sent_twice", "Every automatic reply goes out twice, without any redelivery.", AUTOMATED),
    # Classification and routing
    Fault("wrong_team", "Tickets of Returns Admin go to Email Support Team.", EVERY),
    Fault("wrong_intent", "technical_support is decided as pre_purchase_question.", EVERY),
    Fault("multi_intent_lowest", "Of several intents the one with the lowest priority wins.", EVERY),
    Fault("message_altered", "The text is changed before the worker sees it.", EVERY),
    Fault("safe_mode_stops_routing", "In safe mode neither team nor tags are written.", EVERY),
    Fault("tag_missing", "The last tag of the intent is not applied to the ticket.", EVERY),
    Fault("foreign_tag", "A tag of another intent is applied to the ticket as well.", EVERY),
    Fault("undeclared_tag", "The ticket gets a tag that no intent declares.", EVERY),
    # Redelivery
    Fault("duplicate_reply", "A redelivered event is answered again.", AUTOMATED),
    Fault("duplicate_tagging", "A redelivered event applies its tags again.", EVERY),
    Fault("duplicate_decision", "A redelivered event writes a second decision.", EVERY),
    # Flags
    Fault("flag_no_effect", "Flag changes read back right and never reach the worker.", AUTOMATED),
    Fault("flag_slow", "Flag changes reach the worker only after 600 s.", AUTOMATED),
    Fault("flag_write_lost", "Flag writes are answered with 200 and not stored.", AUTOMATED),
    Fault("missing_flags_on", "Flags missing from the store count as automation on.", AUTOMATED),
    Fault("config_drift", "The configuration shows ten automatic replies a conversation instead of three.", (1,)),
    Fault("defaults_drift", "Messages by e-mail are decided as if social were an automation channel.", (1,)),
    # Ingress
    Fault("unauthenticated_accepted", "A webhook without a token is accepted.", EVERY),
    Fault("wrong_token_accepted", "A webhook with a wrong token is accepted.", EVERY),
    Fault("auth_reveals", "A wrong token is answered otherwise than a missing one.", EVERY),
    Fault("ack_before_enqueue", "Every fifth new event is acknowledged and lost.", EVERY),
    Fault("unparsable_accepted", "A body that is not JSON is accepted and processed.", EVERY),
    Fault("missing_fields_accepted", "A body without ticket_id or event_type is accepted.", EVERY),
    Fault("oversized_accepted", "A body over 32 KB is accepted.", EVERY),
    Fault("slow_ack", "Every acknowledgement takes 1.2 s.", EVERY),
    # Decisions and records
    Fault("attachment_crash", "An attachment without text kills the job, and no event tells it.", EVERY),
    Fault("decision_missing", "About every fourth message never gets a decision record.", EVERY),
    Fault("decision_incomplete", "Decisions never turn complete.", EVERY),
    Fault("foreign_decision", "The decisions of a ticket are those of another ticket.", EVERY),
    Fault("slow_decision", "A decision takes 60 s.", EVERY),
    Fault("build_changes", "The build changes after ten decisions or five seconds.", EVERY),
    Fault("control_reply_hidden", "The replies of every ticket read as an empty list.", EVERY),
    Fault("no_reply_log", "The replies of every ticket are not found.", EVERY),
    Fault("hidden_events", "The list of events is always empty.", EVERY),
    # What a watch sees: at /metrics and /health
    Fault("health_failing", "GET /health answers 503.", WATCHED),
    Fault("metrics_down", "GET /metrics answers 503.", WATCHED),
    Fault("metrics_flapping", "Every second scrape is answered with 503.", WATCHED),
    Fault("metrics_nan", "Every metric is NaN.", WATCHED),
    Fault("metrics_frozen", "The page of metrics stays as it was when the fault began.", WATCHED),
    Fault("metrics_old", "Every metric carries a time one hour ago.", WATCHED),
    Fault("signal_complaints", "Complaints about automatic replies pour in.", WATCHED),
    Fault("signal_routing_errors", "People tag many tickets as wrongly routed.", WATCHED),
    Fault("signal_throttling", "The vendor answers 429 again and again, and the queue grows.", WATCHED),
    Fault("signal_cost", "The model costs many times what it should.", WATCHED),
    Fault("signal_mapping_drift", "Teams and tags are no longer known to the vendor.", WATCHED),
    Fault("signal_overrides", "The policy overrides many decisions.", WATCHED),
    Fault("signal_tier0_volume", "Escalations come in by the dozen.", WATCHED),
    Fault("signal_send_count", "Far more replies go out than there are messages.", WATCHED),
    Fault("signal_job_errors", "Half of all jobs end in an error.", WATCHED),
    Fault("signal_dead_letters", "Jobs go to the dead-letter queue by the half-dozen.", WATCHED),
    Fault("signal_queue_slow", "The oldest message has waited for 150 s.", WATCHED),
    Fault("signal_queue_stuck", "The oldest message has waited for 400 s.", WATCHED),
    # What only many messages show
    Fault("load_slow_ack", "Every tenth acknowledgement takes 0.6 s.", LOADED, 10),
    Fault("load_server_error", "Every hundredth delivery is answered with 503.", LOADED, 100),
    Fault("load_duplicate_reply", "Every thousandth reply goes out twice.", LOADED, 1000),
    Fault("load_lost", "Every five-thousandth new event is acknowledged and lost.", LOADED, 5000),
    Fault("load_tier0_reply", "Every twentieth escalation is answered, whatever the flags.", LOADED, 20),
    Fault("load_queue_stuck", "After three hundred jobs no worker takes another.", LOADED, 300),
    Fault("vendor_hot_loop", "A call that the vendor answered with 429 is repeated at once.", LOADED),
    Fault("vendor_retry_early", "After 429 a call is repeated after 50 ms, whatever Retry-After says.", LOADED),
    Fault("vendor_429_dead_letters", "A job whose call was answered with 429 goes to the dead letters.", LOADED),
    # What a run leaves behind
    Fault("ticket_close_fails", "Tickets cannot be closed.", AFTERWARDS),
    # Privacy and observability
    Fault("body_in_events", "Events hold the message body.", EVERY),
    Fault("email_in_events", "Events hold an e-mail address.", EVERY),
    Fault("phone_in_events", "Events hold a phone number.", EVERY),
    Fault("tracking_link_in_events", "Events hold a tracking link.", EVERY),
    Fault("card_in_log", "Log lines marked as redacted hold a card number.", EVERY),
    Fault("token_in_log", "Log lines hold the webhook token.", EVERY),
    Fault("no_correlation_id", "Events hold neither request_id nor trace_id.", EVERY),
    Fault("no_release_in_events", "Events do not name the release.", EVERY),
    Fault("no_override_event", "A prompt injection leaves no policy_override event.", EVERY),
    # The classifier by itself, as the regression gates ask it
    Fault("classify_invalid_output", "About every twentieth decision lacks its action.", CLASSIFY_ONLY),
    Fault("classify_misses_tier0", "Legal threats are classified as refund requests.", CLASSIFY_ONLY),
    Fault("classify_tier0_reply", "Escalations are classified rightly and answered.", CLASSIFY_ONLY),
    Fault("classify_tier2_without_match", "Order questions without an order get a verified reply.", CLASSIFY_ONLY),
    Fault("classify_tier3_action", "Cancellations are decided as executed.", CLASSIFY_ONLY),
    Fault("classify_worse", "About every seventh message gets the next intent.", CLASSIFY_ONLY),
    Fault("classify_unknown", "About every twenty-fifth message is unknown_other.", CLASSIFY_ONLY),
    Fault("classify_wordy", "A decision takes twice the tokens.", CLASSIFY_ONLY),
)

BY_NAME: dict[str, Fault] = {fault.name: fault for fault in FAULTS}


class FaultSet:
    """The faults that are switched on in this process.

    Raises `UnknownFaultError` for a name that is not in `FAULTS`.
    """

    def __init__(self, names: Iterable[str] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun = clock()
        self._after: dict[str, float] = {}
        self._periods: dict[str, int] = {}
        self._occasions: dict[str, int] = {}
        for word in names:
            name, after, period = _parse(word)
            self._after.setdefault(name, after)
            self._periods.setdefault(name, period)

    @property
    def names(self) -> list[str]:
        """The faults in the order given, those that begin later among them."""
        return list(self._after)

    def active(self, name: str) -> bool:
        """Tell whether a fault is on."""
        # A misspelt hook would be a fault that never fires, so the name is checked here too.
        require_known(name)
        after = self._after.get(name)
        return after is not None and (after == 0.0 or self._clock() - self._begun >= after)

    def strikes(self, name: str) -> bool:
        """Count an occasion of a fault that is on, and tell whether it is one that the fault strikes."""
        return self._count(name) and self._occasions[name] % self._periods[name] == 0

    def has_begun(self, name: str) -> bool:
        """Count an occasion of a fault that is on, and tell whether there were as many as its period."""
        return self._count(name) and self._occasions[name] >= self._periods[name]

    def _count(self, name: str) -> bool:
        if not self.active(name):
            return False
        self._occasions[name] = self._occasions.get(name, 0) + 1
        return True

    def switch(self, names: Iterable[str]) -> None:
        """Switch on exactly these faults, from now on."""
        parsed = [_parse(word) for word in names]
        self._begun, self._occasions = self._clock(), {}
        self._after = {name: after for name, after, _ in parsed}
        self._periods = {name: period for name, _, period in parsed}


def _parse(word: str) -> tuple[str, float, int]:
    """Return the name of a fault, after how many seconds it begins, and its period: `NAME[/PERIOD][@SECONDS]`."""
    named, separator, seconds = word.partition("@")
    name, divided, times = named.partition("/")
    require_known(name)
    try:
        after = float(seconds) if separator else 0.0
    except ValueError:
        after = -1.0
    if not 0.0 <= after < float("inf"):
        raise UnknownFaultError(f"'{word}' does not say when it begins; write {name}@30 for 30 seconds")
    if divided and not (times.isdecimal() and int(times) >= 1):
        raise UnknownFaultError(f"'{word}' does not say how often it strikes; write {name}/20 for every twentieth time")
    return name, after, int(times) if divided else BY_NAME[name].period


def require_known(name: str) -> None:
    """Raise `UnknownFaultError`, with the closest name and the list, unless the fault exists."""
    if name not in BY_NAME:
        raise UnknownFaultError(
            f"unknown fault '{name}'.{suggest(name, BY_NAME)} Known faults: {', '.join(sorted(BY_NAME))}"
        )
