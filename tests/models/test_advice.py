"""What is said without a key, and the look for servers on this machine."""

from __future__ import annotations

import http.server
import socket
import threading

import pytest

from codex_py.models.advice import Found, find_servers, no_key
from tests.server import Server


def port(server: Server) -> int:
    return int(server.url.split(":")[2].split("/")[0])


def test_only_servers_that_list_models_are_found_and_nothing_is_sent() -> None:
    with Server([], models=("qwen3:8b", "bad\x1b[31mname")) as server, socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with socket.socket() as gone:
            gone.bind(("127.0.0.1", 0))
            closed = gone.getsockname()[1]
        ports = [("A", port(server)), ("B", silent.getsockname()[1]), ("C", closed)]
        found = find_servers(0.3, ports)
        assert found == (Found("A", server.url, ("qwen3:8b", "bad[31mname")),)
        assert [(each.method, each.path, each.raw) for each in server.requests] == [
            ("GET", "/v1/models", b"")
        ]


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, b"{}", True),
        (404, b"{}", None),
        (200, b"<html>", None),
        (200, b'{"data": 5}', None),
        (302, b"", None),
    ],
)
def test_other_answers_are_no_server_of_ours(
    status: int, body: bytes, expected: bool | None
) -> None:
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Location", f"http://127.0.0.1:{server.server_port}/else")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    asked: list[str] = []
    server = http.server.HTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found = find_servers(2.0, [("X", server.server_port)])
    server.shutdown()
    server.server_close()
    assert [each.locked for each in found] == ([] if expected is None else [expected])
    assert asked == ["/v1/models"]


def test_every_way_is_told() -> None:
    told = no_key()
    for word in (
        "OPENAI_API_KEY",
        "--oss",
        "--local",
        "1.1 GB",
        "local install",
        "Nothing was sent",
    ):
        assert word in told
    found = Found("Ollama", "http://127.0.0.1:11434/v1", ("qwen3:8b",))
    told = no_key((found,), installed=True)
    assert "Ollama at http://127.0.0.1:11434/v1 is running" in told
    assert "use Ollama (qwen3:8b)" in told
    assert "local install" not in told
