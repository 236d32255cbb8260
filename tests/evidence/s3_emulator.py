"""Moto's S3 on a free port, as a process: prints its address as one line of JSON and ends when its stdin is closed.

Moto looks whether a key is there and then puts it, in threads, and nothing makes the two one step as on S3. So requests
are answered one at a time here. `--plain-put` drops the condition, as storage does that knows no conditional writes;
`--lose-answers` performs the first put of each key and then answers 500.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


class OneAtATime:
    def __init__(self, application: Any, *, plain_put: bool, lose_answers: bool) -> None:
        self.application = application
        self.plain_put = plain_put
        self.lose_answers = lose_answers
        self.lost: set[str] = set()
        self.lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self.plain_put:
            environ.pop("HTTP_IF_NONE_MATCH", None)
        announced: list[Any] = []
        with self.lock:
            answer = self.application(environ, lambda *words: announced.append(words))
            body = b"".join(answer)
            if hasattr(answer, "close"):
                answer.close()
        path = environ["PATH_INFO"]
        if self.lose_answers and environ["REQUEST_METHOD"] == "PUT" and path.count("/") > 1 and path not in self.lost:
            self.lost.add(path)
            announced, body = [("500 Internal Server Error", [("Content-Length", "0")])], b""
        start_response(*announced[0])
        return [body]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--plain-put", action="store_true")
    parser.add_argument("--lose-answers", action="store_true")
    options = parser.parse_args()
    application = OneAtATime(
        DomainDispatcherApplication(create_backend_app),
        plain_put=options.plain_put,
        lose_answers=options.lose_answers,
    )
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=QuietHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
