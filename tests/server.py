"""A scripted model server on loopback: both wires, and every fault a real server has shown.

    with Server([[reasoning("look"), call("shell", {"command": "true"})], text("Done.")]) as server:
        ...  # talk to server.url
    assert len(server.posts()) == 2

A turn answers one request: an item, or a list of items, made by tests/turns.py. They are plain
JSON, so a script can also be a file: `python -m tests.server SCRIPT.json [--port N]`.
"""

from __future__ import annotations

import argparse
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import wires
from tests.turns import Item, Turn

Json = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """A request as it came. `connection` numbers the TCP connections from 1."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes
    connection: int
    at: float
    """Wall-clock seconds at which its last byte was read."""

    @property
    def body(self) -> Any:
        """The JSON body."""
        return json.loads(self.raw)

    @property
    def head(self) -> Any:
        """The JSON body without the conversation, which comes last and may be long."""
        start, _, rest = self.raw.partition(b',"messages":[')
        if not rest:
            start, _, rest = self.raw.partition(b',"input":[')
        return json.loads(start + b"}") if rest else self.body


class _End(Exception):
    """The connection is closed now."""


@dataclass
class Server:
    """Answers POST …/responses and …/chat/completions with one turn each, GET …/models, and the
    rest with 404. A request beyond the script gets a 400 that says so.
    """

    turns: Sequence[Turn]
    port: int = 0
    models: Sequence[str] = ("test-model",)
    speaks: Sequence[str] = ("responses", "chat")
    rows: Sequence[Json] = ()
    """The list of models in a server's own words, in the place of `models`."""
    routes: Mapping[str, Any] = field(default_factory=dict)
    """What other paths answer: JSON, or a function of the request's body."""
    log: Path | None = None
    loop: bool = False
    """Begin again when the script is used up."""
    keep: bool = True
    """Keep every request; else only the newest, and in `broken` the numbers of those that did not
    begin with the one before them."""
    broken: list[int] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    requests: list[Seen] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Server:
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._served = 0
        self._connections = 0
        self._open: set[socket.socket] = set()
        self._socket = socket.create_server(("127.0.0.1", self.port))
        self._log = self.log.open("a") if self.log else None
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self.gate.set()
        _close(self._socket)
        for each in list(self._open):
            _close(each)
        if self._log:
            self._log.close()

    @property
    def url(self) -> str:
        """The base URL, ending in /v1."""
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    @property
    def left(self) -> int:
        """Turns that were not asked for."""
        return max(0, len(self.turns) - self._served)

    @property
    def connections(self) -> int:
        """TCP connections that were opened."""
        return self._connections

    def posts(self) -> list[Json]:
        """The bodies of the model requests, in order."""
        return [each.body for each in list(self.requests) if each.method == "POST"]

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            with self._lock:
                self._connections += 1
                number = self._connections
                self._open.add(peer)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(peer, number), daemon=True).start()

    def _serve(self, peer: socket.socket, number: int) -> None:
        try:
            if self.tls is not None:
                self._open.discard(peer)
                peer = self.tls.wrap_socket(peer, server_side=True)
                self._open.add(peer)
            with peer, peer.makefile("rb") as reader:
                while (seen := _read(reader, number)) is not None:
                    self._remember(seen)
                    self._answer(peer, seen)
                    self._note(seen)
        except (OSError, _End, ValueError):
            pass
        finally:
            self._open.discard(peer)

    def _remember(self, seen: Seen) -> None:
        if not self.keep and self.requests:
            before = self.requests.pop().raw
            if not seen.raw.startswith(before.rstrip(b"]}")):
                self.broken.append(self._served)
        self.requests.append(seen)

    def _note(self, seen: Seen) -> None:
        if self._log:
            facts = {"path": seen.path, "at": seen.at, "done": time.time()}
            line = json.dumps({**facts, "bytes": len(seen.raw), "connection": seen.connection})
            self._log.write(line + "\n")
            self._log.flush()

    def _answer(self, peer: socket.socket, seen: Seen) -> None:
        path = seen.path.partition("?")[0]
        wire = "responses" if path.endswith("/responses") else "chat"
        if path in self.routes:
            told = self.routes[path]
            return _whole(peer, 200, told(seen.body) if callable(told) else told)
        if seen.method == "GET" and path.endswith("/models"):
            plain = [{"id": each, "object": "model", "owned_by": "tests"} for each in self.models]
            listed = list(self.rows) or plain
            return _whole(peer, 200, {"object": "list", "data": listed})
        if not path.endswith(("/responses", "/chat/completions")) or wire not in self.speaks:
            return _whole(peer, 404, {"error": {"message": f"no {path} here", "code": None}})
        with self._lock:
            number = self._served
            self._served += 1
        if number >= len(self.turns) and not (self.loop and self.turns):
            told = "the test server's script is used up"
            return _whole(peer, 400, {"error": {"message": told, "code": "script_used_up"}})
        turn = self.turns[number % len(self.turns)]
        items = [turn] if isinstance(turn, dict) else list(turn)
        self._turn(peer, items, number, seen, wire)

    def _turn(self, peer: socket.socket, items: list[Item], n: int, seen: Seen, wire: str) -> None:
        first = items[0] if items else {}
        if "status" in first:
            body = first.get("page", first.get("body"))
            headers = {
                key.replace("_", "-"): value for key, value in first.get("headers", {}).items()
            }
            return _whole(peer, first["status"], body, headers)
        if first.get("fault") == "whole":
            return _whole(peer, 200, first["body"])
        if first.get("fault") == "hang":
            self._stop.wait()
            raise _End
        if first.get("fault") == "hangup":
            raise _End
        n = next((item["as"] for item in items if "as" in item), n)
        asked = seen.head
        told = {"model": asked.get("model", ""), **wires.status_of(items)}
        encode = wires.responses if wire == "responses" else wires.chat
        out = _Out(peer, told["style"])
        for event in encode(items, n, told, asked):
            if "gate" in event:
                out.flush()
                self.reached.set()
                self.gate.wait()
            elif "fault" in event:
                self._fault(out, event["fault"])
            else:
                out.event(event)
                if told["pace"]:
                    out.flush()
                    self._stop.wait(told["pace"])
        out.finish()
        return None

    def _fault(self, out: _Out, name: str) -> None:
        if name == "garbage":
            return out.data('{"type": "response.output_text.delta", "delta": "unfinished')
        if name == "drop":
            out.finish()
            return None
        if name == "latin":
            out.bytes(b'data: {"type": "caf\xe9", "choices": []}\n\n')
            return None
        out.flush()
        if name == "comments":
            while not self._stop.wait(0.05):
                out.peer.sendall(b"e\r\n: keep-alive\n\n\r\n")
        elif name == "stall":
            self._stop.wait()
        elif name == "cut":
            out.peer.sendall(b"ff\r\ndata: {")
        elif name == "reset":
            out.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            raise AssertionError(f"no fault {name!r}")
        raise _End


class _Out:
    """An event stream: collected, and sent in as few or as many packets as the style says."""

    def __init__(self, peer: socket.socket, styles: Sequence[str]) -> None:
        self.peer = peer
        self.styles = set(styles)
        self.done = False
        self._held = [
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"x-request-id: req_test\r\nTransfer-Encoding: chunked\r\n\r\n"
        ]

    def event(self, event: Json) -> None:
        if "verbatim" in event:
            return self.data(event["verbatim"])
        name = (
            event.get("type") if str(event.get("type")).startswith(("response.", "error")) else None
        )
        self.data(json.dumps(event, ensure_ascii=False), name)
        return None

    def data(self, data: str, name: str | None = None) -> None:
        end = "\r\n" if "noise" in self.styles else "\n"
        lines = [f"event: {name}"] if name else []
        if "noise" in self.styles:
            odd = json.dumps({"type": "response.from_the_future", "choices": [], "x": 1})
            lines = [": keep-alive", "", f"data: {odd}", "", ": more", *lines, "retry: 10"]
        self.bytes((end.join([*lines, f"data: {data}"]) + end + end).encode())

    def bytes(self, encoded: bytes) -> None:
        size = 3 if "pieces" in self.styles else len(encoded)
        for at in range(0, len(encoded), size):
            piece = encoded[at : at + size]
            self._held.append(b"%x\r\n%s\r\n" % (len(piece), piece))
        if "apart" in self.styles:
            self.flush()

    def flush(self) -> None:
        self.peer.sendall(b"".join(self._held))
        self._held = []

    def finish(self) -> None:
        if not self.done:
            self._held.append(b"0\r\n\r\n")
            self.flush()
            self.done = True


def _read(reader: Any, number: int) -> Seen | None:
    line = reader.readline()
    if not line.strip():
        return None
    method, path, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := reader.readline().strip()) != b"":
        key, _, value = line.decode("latin-1").partition(":")
        headers[key.strip().lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", 0)))
    return Seen(method, path, headers, body, number, time.time())


def _whole(
    peer: socket.socket, status: int, body: Any, headers: dict[str, str] | None = None
) -> None:
    page = isinstance(body, str)
    encoded = body.encode() if page else json.dumps(body).encode()
    kind = "text/html" if page else "application/json"
    lines = [f"HTTP/1.1 {status} Said", f"Content-Type: {kind}", f"Content-Length: {len(encoded)}"]
    lines += [f"{key}: {value}" for key, value in (headers or {}).items()]
    peer.sendall("\r\n".join([*lines, "", ""]).encode() + encoded)


def _close(each: socket.socket) -> None:
    try:
        each.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    each.close()


def main() -> None:
    """Serve a script file until interrupted; prints the base URL first."""
    parser = argparse.ArgumentParser(prog="python -m tests.server", description=__doc__)
    parser.add_argument("script", type=Path, help="JSON: a list of turns")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, help="append one JSON line per request")
    parser.add_argument("--loop", action="store_true", help="begin again when used up")
    given = parser.parse_args()
    turns = json.loads(given.script.read_text("utf-8"))
    with Server(turns, port=given.port, log=given.log, loop=given.loop) as server:
        print(server.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
