"""Another team's middleware: the sandbox behind a facade with other paths, other names and other shapes.

It understands nothing of tickets; it only moves fields about, as a system of another team would have them elsewhere.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

SWITCHES = {"routeOnly": "safe_mode", "bot/active": "automation_enabled", "bot/channels": "automation_enabled_channels"}
SWITCHES |= {"tier2/channels": "tier2_channels", "tier2/tags": "tier2_tags"}
TEAMS = {"Email Support Team": "EMEA-MAIL", "Returns Admin": "RETURNS"}


def make_handler(inner: httpx.Client, token: str) -> type[BaseHTTPRequestHandler]:
    """Return a handler that translates to the sandbox behind `inner`."""

    class Facade(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def reply(self, status: int, data: Any = None) -> None:
            body = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def token_headers(self) -> dict[str, str]:
            given = self.headers.get("Authorization", "")
            return {"X-Middleware-Token": given.removeprefix("Bearer ")} if given else {}

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            parts, query = url.path.strip("/").split("/"), parse_qs(url.query)
            if parts == ["status"]:
                self.reply(200, {"status": {"up": inner.get("/health").json()["ok"]}})
            elif parts == ["about"]:
                self.reply(200, {"deployment": {"sha": inner.get("/version").json()["build"]}})
            elif parts == ["v2", "parameters"]:
                self.reply(200, {"parameters": inner.get("/config").json()})
            elif parts == ["switches"]:
                back = {ours: theirs for theirs, ours in SWITCHES.items()}
                flags = inner.get("/flags").json()["flags"]
                named = {back.get(name) or name.replace("template_enabled.", "answer:"): flags[name] for name in flags}
                self.reply(200, {"all": named})
            elif parts[:2] == ["v2", "verdicts"]:
                decisions = inner.get(f"/tickets/{query['conversation'][0]}/decisions").json()
                if not decisions:
                    self.reply(404, {"message": "nothing yet"})
                else:
                    self.reply(200, {"data": {"items": [self.verdict(one) for one in decisions]}})
            elif parts[:2] == ["v2", "conversations"] and parts[-1] == "outbox":
                replies = inner.get(f"/tickets/{parts[2]}/replies").json()
                rows = [{"uid": one["id"], "by": {"kind": one["author"]}, "tpl": one["template_id"]} for one in replies]
                self.reply(
                    200, {"rows": [{**row, "body": one["text"]} for row, one in zip(rows, replies, strict=True)]}
                )
            elif parts[:2] == ["v2", "conversations"]:
                found = inner.get(f"/tickets/{parts[2]}")
                ticket = found.json()
                if not found.is_success:
                    self.reply(404, {})
                    return
                labels = [{"label": tag} for tag in ticket["tags"]]
                self.reply(200, {"labels": labels, "queue": TEAMS.get(ticket["team"], ticket["team"])})
            elif parts == ["v2", "trail"]:
                trail = []
                for one in inner.get("/events", params={"ticket_id": query["conversation"][0]}).json():
                    where = {"version": one.get("release"), "stage": one.get("env")}
                    trail.append(
                        {"what": one["event"], "conv": one["ticket_id"], "corr": one.get("request_id"), **where}
                    )
                self.reply(200, trail)
            elif parts == ["v2", "log"]:
                self.reply(200, inner.get("/logs", params={"ticket_id": query["conversation"][0]}).json())
            else:
                self.reply(404)

        def verdict(self, one: dict[str, Any]) -> dict[str, Any]:
            flags = one["flags"]
            switches = {"routeOnly": flags["safe_mode"], "botActive": flags["automation_enabled"]}
            switches |= {"channels": flags["automation_enabled_channels"], "answers": flags["templates_enabled"]}
            switches |= {"t2c": flags["tier2_channels"], "t2t": flags["tier2_tags"]}
            return {
                "conversation": one["ticket_id"],
                "cause": {"event": one["event_id"], "digest": one["message_sha256"]},
                "topic": {"name": one["intent"]},
                "queue": TEAMS.get(one["team"], one["team"]),
                "labels": [{"label": tag} for tag in one["tags"]],
                "answer": {"template": one["template_id"], "mode": one["action"]},
                "done": one["complete"],
                "switches": switches,
            }

        def do_POST(self) -> None:
            content = self.body()
            try:
                given = json.loads(content)
                sent = {
                    **{ours: given[theirs] for theirs, ours in NAMES.items() if theirs in given},
                    "message": {"text": given["payload"]["text"], "attachments": given["payload"]["files"]},
                    "customer": given["who"],
                    "author": given["from"],
                }
                content = json.dumps(sent).encode().ljust(len(content))
            except (ValueError, KeyError, TypeError):
                pass
            answer = inner.post("/webhook", content=content, headers=self.token_headers())
            if answer.status_code == 429:
                self.send_response(429)
                self.send_header("Retry-After", answer.headers["Retry-After"])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.reply(answer.status_code, {"accepted": answer.is_success, "ref": answer.json().get("request_id")})

        def do_PATCH(self) -> None:
            name, data = unquote(self.path).removeprefix("/switches/"), json.loads(self.body())
            ours = SWITCHES.get(name) or name.replace("answer:", "template_enabled.")
            answer = inner.put(f"/flags/{ours}", json={"value": data["to"]}, headers={"X-Middleware-Token": token})
            self.reply(answer.status_code, {})

        def do_DELETE(self) -> None:
            name = unquote(self.path).removeprefix("/switches/")
            answer = inner.delete(f"/flags/{SWITCHES.get(name, name)}", headers={"X-Middleware-Token": token})
            self.reply(answer.status_code, {})

    return Facade


NAMES = {"conversation": "ticket_id", "kind": "event_type", "event": "event_id", "via": "channel"}


def main() -> None:
    """Serve in front of a sandbox: arguments are its address and its token."""
    url, token = sys.argv[1:]
    with httpx.Client(base_url=url) as inner:
        server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(inner, token))
        print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
