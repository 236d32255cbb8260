"""A middleware that tells too much: the sandbox behind a proxy that plants twelve values in everything it answers."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

PLANTED = {
    "email": "marta.kowalczyk@planted-mail.example",
    "phone": "+48 601 234 567",
    "card": "4539 1488 0343 6467",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtYXJ0YSJ9.c2lnbmF0dXJlLXg",
    "api": "sk-live-9f8e7d6c5b4a39281706",
    "hook": "whk_Zt7Qp2Lm9Xv4Rb8N",
    "link": "https://track.planted.example/p/ZX99KJ55512",
    "address": "17 Wrzosowa Street, 30-405 Kraków",
    "order": "SB-77031",
    "body": "Dear Marta, your parcel left our warehouse on Tuesday morning and arrives with you by Thursday.",
    "jar": "sid=8c1f0b2a7d93; Path=/; HttpOnly",
    "name": "Marta Kowalczyk",
}


class PlantingProxy:
    """Serves in front of a sandbox until it is stopped."""

    def __init__(self, inner_url: str) -> None:
        self._inner = httpx.Client(base_url=inner_url)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._inner))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._inner.close()


def _plant(path: str, data: Any) -> Any:
    if path.endswith("/replies"):
        human = {"id": "r-9", "author": "human", "template_id": None, "text": PLANTED["body"], "event_id": None}
        return [*data, human]
    if isinstance(data, list):
        return [{**item, "planted": PLANTED} for item in data]
    return {**data, "planted": PLANTED} if isinstance(data, dict) else data


def _handler(inner: httpx.Client) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _serve(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept = ("content-type", "x-middleware-token", "x-delivery-id")
            headers = {name: value for name, value in self.headers.items() if name.lower() in kept}
            answer = inner.request(self.command, self.path, content=content, headers=headers)
            body = answer.content
            if answer.is_success and body:
                body = json.dumps(_plant(self.path.split("?")[0], answer.json())).encode()
            self.send_response(answer.status_code)
            if "Retry-After" in answer.headers:
                self.send_header("Retry-After", answer.headers["Retry-After"])
            self.send_header("Content-Type", "application/json")
            self.send_header("Set-Cookie", PLANTED["jar"])
            self.send_header("X-Customer", PLANTED["name"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    return Handler
