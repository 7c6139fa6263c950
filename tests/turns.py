"""Script items: what the test server and the scripted tests say, turn by turn, as plain JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

Item = dict[str, Any]
Turn = Item | Sequence[Item]
"""Answers one request."""

USAGE = {"input": 120, "cached": 20, "output": 7, "reasoning": 0}


def text(words: str, pieces: int = 2) -> Item:
    """A message, streamed in so many pieces."""
    return {"text": words, "pieces": pieces}


def reasoning(summary: str, encrypted: str = "c2VjcmV0") -> Item:
    """A reasoning item with its summary."""
    return {"reasoning": summary, "encrypted": encrypted}


def call(name: str, arguments: Any = None, id: str | None = None) -> Item:
    """A function call. `arguments` may be text that is no JSON; `id` may be empty."""
    given = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    return {"call": name, "arguments": given} | ({} if id is None else {"id": id})


def custom(name: str, words: str, id: str | None = None) -> Item:
    """A freeform call; on the Chat wire it is a function call with `input`."""
    return {"custom": name, "input": words} | ({} if id is None else {"id": id})


def usage(**tokens: int) -> Item:
    """What the response used: input, cached, output, reasoning."""
    return {"usage": {**USAGE, **tokens}}


def style(*names: str) -> Item:
    """How the stream looks. Responses wire: `bare` (no indexes, no `done` events, as some local
    servers), `hollow` (items streamed, `completed` without output), `lump` (items in `completed`
    only), `late` (items close in reverse order). Both wires: `noise` (comments, unknown
    events, CRLF), `pieces` (three bytes at a time), `apart` (each event in its own packet).
    """
    return {"style": list(names)}


def raw(*events: Any) -> Item:
    """Events or chunks sent as they stand: a dict as JSON, a string as the data itself."""
    return {"raw": list(events)}


def refuse(
    status: int, message: str = "", *, code: str | None = None, kind: str = "", **headers: str
) -> Item:
    """An HTTP error with OpenAI's error object. Header names are given with underscores."""
    error = {"message": message or f"status {status}", "type": kind or "error", "code": code}
    return {"status": status, "body": {"error": {**error, "param": None}}, "headers": headers}


def rate(after: str = "", message: str = "Rate limit reached", ms: str = "") -> Item:
    """429, with Retry-After and retry-after-ms when given."""
    headers = {
        key: value for key, value in (("retry_after", after), ("retry_after_ms", ms)) if value
    }
    return refuse(429, message, code="rate_limit_exceeded", kind="tokens", **headers)


def html(status: int = 502, page: str = "<html><body><h1>Bad Gateway</h1></body></html>") -> Item:
    """The error page of a proxy."""
    return {"status": status, "page": page}


def fault(name: str, **facts: Any) -> Item:
    """What happens after the items before it were streamed.

    `reset` (TCP reset), `cut` (closed inside a chunk), `drop` (the body ends properly, without
    `completed`), `stall` (silence until the server stops), `comments` (nothing but comments until
    then), `latin` (bytes that are no UTF-8), `garbage` (an event that is no JSON),
    `hang` (no reply at all), `hangup` (closed before any reply), `whole` (200 with a JSON body,
    `body=`).
    """
    return {"fault": name, **facts}


def failed(code: str, message: str, how: str = "failed") -> Item:
    """The response ends with an error inside the stream: `failed` or `error` event."""
    return {"fault": how, "code": code, "message": message}


def ended(reason: str) -> Item:
    """The response ends incomplete, for example with `max_output_tokens`."""
    return {"fault": "incomplete", "reason": reason}


def pace(seconds: float) -> Item:
    """Each event of the turn is a packet of its own, this long after the one before."""
    return {"pace": seconds}


def named(number: int) -> Item:
    """The ids of the turn are those of the request with this number, whichever it answers."""
    return {"as": number}


def gate() -> Item:
    """The stream waits here until `server.gate` is set; `server.reached` tells that it waits."""
    return {"gate": True}
