"""How the faults of the classifier by itself show at `POST /classify`."""

from __future__ import annotations

from typing import Any

from richpanel_observers import LEGAL, STATUS, observer
from richpanel_server import Server

MANY = [f"I want to return the shoes of order {number}, they do not fit." for number in range(60)]


def classify(server: Server, text: str, **fields: Any) -> dict[str, Any]:
    """Return the whole answer about a message."""
    response = server.client.post("/classify", json={"message": text, "channel": "email", **fields})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def output(server: Server, text: str, **fields: Any) -> dict[str, Any]:
    """Return the decision about a message."""
    decision: dict[str, Any] = classify(server, text, **fields)["output"]
    return decision


@observer
def classify_invalid_output(server: Server) -> bool:
    return any("action" not in output(server, text) for text in MANY)


@observer
def classify_misses_tier0(server: Server) -> bool:
    return output(server, LEGAL)["intent"] != "legal_threat"


@observer
def classify_tier0_reply(server: Server) -> bool:
    return output(server, LEGAL)["action"] != "route_only"


@observer
def classify_tier2_without_match(server: Server) -> bool:
    assert output(server, STATUS, linked_order=True)["action"] == "auto_reply_tier2"
    return output(server, STATUS)["action"] == "auto_reply_tier2"


@observer
def classify_tier3_action(server: Server) -> bool:
    return output(server, "Please cancel my order.")["action"] == "cancel_order"


@observer
def classify_worse(server: Server) -> bool:
    return len({output(server, text)["intent"] for text in MANY}) > 1


@observer
def classify_unknown(server: Server) -> bool:
    return "unknown_other" in {output(server, text)["intent"] for text in MANY}


@observer
def classify_wordy(server: Server) -> bool:
    return int(classify(server, STATUS)["tokens"]["input"]) > 800
