"""A real Prometheus that scrapes a real sandbox and a page that the tests write."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

SCRAPE_SECONDS = 0.5
_CONFIG = """
global: {{scrape_interval: 500ms, scrape_timeout: 400ms}}
scrape_configs:
  - job_name: sandbox
    static_configs: [{{targets: ["127.0.0.1:{sandbox}"]}}]
  - job_name: page
    static_configs: [{{targets: ["127.0.0.1:{page}"]}}]
"""


def find_binary() -> str:
    """Return the path of Prometheus; make test puts it into the virtual environment where Debian's is not installed."""
    unpacked = Path(sys.prefix) / "prometheus" / "usr" / "bin" / "prometheus"
    found = shutil.which("prometheus") or (str(unpacked) if unpacked.is_file() else None)
    assert found, f"prometheus is missing; run: sh scripts/get_prometheus.sh {sys.prefix}"
    return found


class Page:
    """A page of metrics whose text the tests change; without a text it answers 503."""

    def __init__(self) -> None:
        self.text: str | None = "jobs_total 1\n"
        outer = self

        class Serve(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = (outer.text or "").encode()
                self.send_response(200 if outer.text is not None else 503)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Serve)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass
class Served:
    """The addresses of a running Prometheus and of what it scrapes."""

    url: str
    sandbox: str
    page: Page

    def ask(self, query: str) -> list[float]:
        data = httpx.get(f"{self.url}/api/v1/query", params={"query": query}).json()["data"]["result"]
        return [float(one["value"][1]) for one in data]

    def wait_for(self, query: str, *, until: Callable[[list[float]], bool] = bool, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not until(self.ask(query)):
            assert time.monotonic() < deadline, f"{query} never came: {self.ask(query)}"
            time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve_prometheus(folder: Path, sandbox: str) -> Iterator[Served]:
    """Run Prometheus in a folder until the context ends."""
    page = Page()
    port = free_port()
    config = folder / "prometheus.yml"
    config.write_text(_CONFIG.format(sandbox=sandbox.rsplit(":", 1)[1], page=page.port))
    command = [
        find_binary(),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    log = (folder / "prometheus.log").open("wb")
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        served = Served(f"http://127.0.0.1:{port}", sandbox, page)
        deadline = time.monotonic() + 20
        while not _is_ready(served.url):
            assert process.poll() is None, (folder / "prometheus.log").read_text()
            assert time.monotonic() < deadline, "Prometheus never became ready"
            time.sleep(0.1)
        yield served
    finally:
        process.terminate()
        process.wait(10)
        log.close()
        page.close()


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready").status_code == 200
    except httpx.HTTPError:
        return False
