"""The other team's middleware itself: decides a moment after the message, and answers 404 until then."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from typing import Any
from urllib.parse import unquote

from capture_server import Captured, CaptureServer, Reply

KEY = "k3y-of-the-other-team"


class OtherTeam:
    """Serves the interface of other_team.yaml; `delay` seconds lie between a message and its outcome."""

    def __init__(self, delay: float = 0.2) -> None:
        self.toggles: dict[str, Any] = {
            "SM": False,
            "AUTO": True,
            "CHANS": ["livechat"],
            "answer/ask": True,
            "answer.t_missing_items_intake.live": False,
            "dark_mode": True,
        }
        self.messages: dict[str, tuple[float, dict[str, Any]]] = {}
        self._delay = delay
        self._lock = threading.Lock()
        self.server = CaptureServer(self.answer)

    def answer(self, request: Captured) -> Reply:
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        if parts == ["v2", "status"]:
            return Reply.of({"service": {"state": "UP", "commit": 20251, "version": "25.1"}})
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return Reply.of({"fault": "who are you"}, 401)
        if request.method == "POST" and parts == ["v2", "accounts", "42", "inbound"]:
            return self._take(request)
        if parts == ["v2", "config"]:
            return self._config(request)
        if parts[:2] == ["v2", "conversations"]:
            return self._conversation(parts[2], parts[3] if len(parts) > 3 else "")
        return Reply.of({"fault": "nothing here"}, 404)

    def _take(self, request: Captured) -> Reply:
        try:
            body = json.loads(request.body)
            key = body["conversation"]["key"]
        except (ValueError, KeyError, TypeError):
            return Reply.of({"fault": "cannot read that"}, 400)
        with self._lock:
            self.messages[key] = (time.monotonic(), body)
        return Reply.of({"meta": {"trace": 991}}, 201)

    def _config(self, request: Captured) -> Reply:
        if request.method == "PATCH":
            self.toggles.update(json.loads(request.body)["toggles"])
            return Reply(204)
        return Reply.of({"config": {"toggles": self.toggles}})

    def _conversation(self, key: str, what: str) -> Reply:
        if key not in self.messages:
            return Reply.of({"fault": "no such conversation"}, 404)
        at, body = self.messages[key]
        decided = time.monotonic() - at > self._delay
        if what == "outcomes":
            return Reply.of({"data": {"items": [self._outcome(key, body)]}}) if decided else Reply.of({}, 404)
        if what == "messages":
            said = [{"id": 1, "direction": "in", "from": {"type": "person"}, "body": {"plain": "(not shown)"}}]
            if decided:
                answer = {"id": 2, "direction": "out", "from": {"type": "bot"}, "ref": "answer/ask"}
                said.append({**answer, "body": {"plain": "Your order number, please?"}})
            return Reply.of({"messages": said})
        return Reply.of({"labels": ["wismo"] if decided else [], "queue": {"code": "Q-MAIL"}})

    def _outcome(self, key: str, body: dict[str, Any]) -> dict[str, Any]:
        payload = body["payload"]
        digest = hashlib.sha256(payload["content"].encode()).hexdigest()
        return {
            "state": "final",
            "cause": {"id": payload["id"], "conversation": key, "digest": digest},
            "result": {
                "topic": "order_status_tracking",
                "queue": {"code": "Q-MAIL"},
                "labels": ["wismo", "vip"],
                "answer": {"ref": "answer/ask"},
                "verb": "reply",
            },
            "toggles": {"SM": self.toggles["SM"], "AUTO": self.toggles["AUTO"], "live": ["answer/ask"]},
        }
