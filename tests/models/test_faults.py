"""Every fault of a server becomes one clear line, marked as passing or lasting."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_py.core.client import ModelClient
from codex_py.core.entries import Delta, Entry, Sampled
from codex_py.core.errors import ModelError
from codex_py.models.chat import ChatClient
from codex_py.models.door import Door, Timeouts
from codex_py.models.faults import Unreachable, redacted, refusal, wait_told
from codex_py.models.responses import ResponsesClient
from codex_py.models.retrying import Retrying
from tests.models.contract import entries, failure, heard, request, said
from tests.server import Server
from tests.turns import ended, failed, fault, html, rate, raw, refuse, style, text

KEY = "sk-proj-0123456789abcdef"
QUICK = Timeouts(connect=2, idle=0.2, end=0.05)


WIRES: dict[str, Callable[[Door], ModelClient]] = {"responses": ResponsesClient, "chat": ChatClient}


def broken(
    turn: Any, headers: Mapping[str, str] | None = None, wire: str = "responses"
) -> tuple[ModelError, list[Any]]:
    """The error that a turn gives, and what came before it; the next request must work."""

    async def main() -> tuple[ModelError, list[Delta | Entry]]:
        with Server([turn, text("fine again")]) as server:
            client = WIRES[wire](Door(server.url, KEY, headers, timeouts=QUICK))
            found = await failure(client, request())
            assert said(await heard(client, request()), "text") == "fine again"
            await client.close()
            return found

    error, events = asyncio.run(main())
    assert entries(events) == []
    assert "\n" not in str(error)
    return error, events


DONE = {"type": "response.completed", "response": {"status": "completed", "output": []}}
STOP = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": {}}
CONTEXT = "Your input exceeds the context window of this model."

FAULTS = {
    # name: what the server does, fault, retried, what the line says
    "rate limit": (rate(), "rate", True, "429"),
    "server error": (refuse(500, "The server had an error"), "server", True, "The server had an error"),
    "overloaded": (refuse(503, "busy", code="server_is_overloaded"), "server", True, "503"),
    "time-out at the server": (refuse(408), "server", True, "408"),
    "wrong key": (refuse(401, "Incorrect API key"), "auth", False, "check the API key"),
    "forbidden": (refuse(403, "No access"), "auth", False, "may not use this model"),
    "no such model": (refuse(404, "No model x"), "request", False, "the model's name"),
    "too large": (refuse(413, "Too large"), "request", False, "compact"),
    "bad request": (refuse(400, "Unknown parameter: 'x'."), "request", False, "Unknown parameter: 'x'."),
    "wrong shape": (refuse(422, "extra field"), "request", False, "422"),
    "quota": (refuse(429, "You exceeded", code="insufficient_quota"), "quota", False, "insufficient_quota"),
    "payment": (refuse(402, "Pay"), "quota", False, "402"),
    "context": (refuse(400, CONTEXT, code="context_length_exceeded"), "context", False, "context"),
    "context of llama.cpp": (
        refuse(400, "the request exceeds the available context size", kind="exceed_context_size_error"),
        "context", False, "context size",
    ),
    "refused prompt": (refuse(400, "no", code="invalid_prompt"), "refused", False, "invalid_prompt"),
    "proxy's page": (html(), "server", True, "Bad Gateway"),
    "proxy's login": (html(403, "<html><title>Log in</title></html>"), "auth", False, "Log in"),
    "page with status 200": (html(200), "protocol", False, "Bad Gateway"),
    "sent elsewhere": (refuse(307, location="http://198.51.100.7/v1"), "request", False, "198.51.100.7"),
    "failed in the stream": ([text("a"), failed("server_error", "Oops")], "server", True, "Oops"),
    "error in the stream": ([text("a"), failed("server_error", "Oops", "error")], "server", True, "Oops"),
    "rate limit in the stream": (
        [text("a"), failed("rate_limit_exceeded", "Please try again in 1.5s.")], "rate", True, "1.5s",
    ),
    "context in the stream": ([failed("context_length_exceeded", CONTEXT)], "context", False, "context"),
    "quota in the stream": ([failed("insufficient_quota", "Pay")], "quota", False, "Pay"),
    "overloaded in the stream": ([failed("server_is_overloaded", "at capacity")], "server", True, "capacity"),
    "refused in the stream": ([failed("invalid_prompt", "no")], "refused", False, "no"),
    "error object with status 200": (
        fault("whole", body={"error": {"message": "no such model", "code": "model_not_found"}}),
        "request", False, "no such model",
    ),
    "error object as an event": (
        [raw({"error": {"message": "slow down", "code": "rate_limit_exceeded"}})], "rate", True, "slow down",
    ),
    "reset": ([text("a"), fault("reset")], "network", True, "broke the connection"),
    "cut": ([text("a"), fault("cut")], "network", True, "broke the connection"),
    "closed before an answer": (fault("hangup"), "network", True, "broke the connection"),
    "ended early": ([text("a"), fault("drop")], "protocol", True, "before it was complete"),
    "silence before": (fault("hang"), "network", True, "silent for 0.2 s"),
    "silence within": ([text("a"), fault("stall")], "network", True, "silent for 0.2 s"),
    "garbage": ([text("a"), fault("garbage")], "protocol", True, "cannot be read"),
    "no JSON at all": ([raw("not json")], "protocol", True, "cannot be read"),
    "an event that is no object": ([raw("[1, 2]")], "protocol", True, "before it was complete"),
    "only comments": ([text("a"), fault("comments")], "network", True, "kept the line open"),
    "bytes that are no UTF-8": ([text("a"), fault("latin")], "protocol", True, "cannot be read"),
    "quota with its time": (
        {"status": 429, "body": {"error": {"type": "usage_limit_reached", "message": "Used up", "resets_in_seconds": 7200}}},
        "quota", False, "Used up (again in 2 h) — check the credit",
    ),
    "empty answer": ([raw(DONE, STOP)], "protocol", True, "empty answer"),
    "empty text": ([text("")], "protocol", True, "empty answer"),
    "filtered": ([ended("content_filter")], "refused", False, "content_filter"),
}  # fmt: skip


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_clear_line_and_the_next_request_works(name: str, wire: str) -> None:
    turn, kind, retry, told = FAULTS[name]
    error, _ = broken(turn, wire=wire)
    assert (error.fault, error.retry) == (kind, retry), str(error)
    assert told in str(error)


@pytest.mark.parametrize("wire", WIRES)
def test_an_answer_cut_off_before_a_word_says_why(wire: str) -> None:
    async def main() -> list[Delta | Entry]:
        with Server([[ended("max_output_tokens")]]) as server:
            client = WIRES[wire](Door(server.url, KEY, timeouts=QUICK))
            found = await heard(client, request())
            await client.close()
            return found

    (sampled,) = entries(asyncio.run(main()))
    assert isinstance(sampled, Sampled) and sampled.status == "max_output_tokens"


@pytest.mark.parametrize("wire", WIRES)
def test_nothing_is_lost_when_a_fault_passes(wire: str) -> None:
    async def main() -> None:
        turns: list[Any] = [
            refuse(500),
            [text("half"), fault("reset")],
            [text("half"), fault("stall")],
            fault("hang"),
            [text("whole"), style("noise")],
        ]
        with Server(turns) as server:
            client = WIRES[wire](Door(server.url, KEY, timeouts=QUICK))

            async def at_once(seconds: float) -> None:
                pass

            events = await heard(Retrying(client, 5, at_once), request())
            await client.close()
            assert [each.kind for each in entries(events)] == ["assistant", "sampled"]
            first, *rest = server.posts()
            assert rest == [first] * 4
            sampled = entries(events)[-1]
            assert isinstance(sampled, Sampled) and sampled.retries == 4

    asyncio.run(main())


def test_what_follows_a_complete_answer_cannot_spoil_it() -> None:
    message = {"type": "message", "content": "words"}
    done = {"type": "response.completed", "response": {"output": [message]}}

    async def main() -> None:
        with Server(
            [[raw(done), after] for after in (fault("reset"), fault("stall"), fault("cut"))]
        ):
            pass
        for after in ("stall", "reset", "cut", "garbage"):
            with Server([[raw(done), fault(after)]]) as server:
                client = ResponsesClient(Door(server.url, KEY, timeouts=QUICK))
                assert len(entries(await heard(client, request()))) == 2
                await client.close()

    asyncio.run(main())


@pytest.mark.parametrize("wire", WIRES)
def test_the_key_is_never_in_an_error(wire: str) -> None:
    told = f"Incorrect API key provided: {KEY}. Header x: my-token-value"
    for turn in (refuse(401, told), [failed("server_error", told)], html(502, f"<b>{told}</b>")):
        error, _ = broken(turn, {"X-Token": "my-token-value"}, wire)
        assert KEY not in str(error)
        assert "my-token-value" not in str(error)
        assert "[redacted]" in str(error)


def test_a_redirect_is_not_followed() -> None:
    async def main() -> None:
        with Server([text("stolen")]) as thief:
            with Server([refuse(308, location=f"{thief.url}/responses")]) as server:
                client = ResponsesClient(Door(server.url, KEY, timeouts=QUICK))
                error, _ = await failure(client, request())
                await client.close()
            assert thief.requests == []
            assert "make it the base URL" in str(error)

    asyncio.run(main())


def one(url: str) -> ModelError:
    """The error of asking an address."""

    async def main() -> ModelError:
        client = ResponsesClient(Door(url, KEY, timeouts=QUICK))
        error, _ = await failure(client, request())
        await client.close()
        return error

    return asyncio.run(main())


def test_nobody_listening_is_said_at_once() -> None:
    with socket.socket() as held:  # bound, so that nobody else gets the port; not listening
        held.bind(("127.0.0.1", 0))
        error = one(f"http://127.0.0.1:{held.getsockname()[1]}/v1")
    assert isinstance(error, Unreachable)
    assert "is the server running?" in str(error)


def test_an_unknown_host_may_be_known_later() -> None:
    error = one("http://no-such-host.invalid/v1")
    assert (error.fault, error.retry) == ("network", True)
    assert "no-such-host.invalid" in str(error)


def test_tls_that_cannot_be_verified_is_refused() -> None:
    with Server([text("x")]) as server:
        error = one(server.url.replace("http://", "https://"))
    assert error.fault == "network"


@pytest.mark.parametrize("url", ["ftp://example.invalid/v1", "", "http://["])
def test_an_address_that_is_none_is_a_clear_line(url: str) -> None:
    assert isinstance(one(url), ModelError)


def after(headers: dict[str, str], message: str = "") -> float | None:
    return refusal("x", 429, {"error": {"message": message}}, headers).after


def test_the_time_a_server_asks_for_is_read_from_headers_first() -> None:
    assert after({"retry-after": "3"}) == 3
    assert after({"retry-after": "3", "retry-after-ms": "250"}) == 0.25
    assert after({"retry-after": "3"}, "try again in 9s") == 3
    assert after({"retry-after": "soon"}, "try again in 9s") == 9
    dated = after({"retry-after": formatdate(time.time() + 60, usegmt=True)})
    assert dated is not None
    assert 30 < dated <= 60
    for odd in ("-1", "nan", "inf", "1e99", "", "\u0662x"):
        assert after({"retry-after": odd}) is None


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("Please try again in 1.5s. Visit https://x/y", 1.5),
        ("Please try again in 320ms.", 0.32),
        ("Try again in 1m30s", 90),
        ("please try again in 2 minutes", 120),
        ("Please retry after 5 seconds", 5),
        ("Limit 200000 / min. Used 199999. try again in 6m0s", 360),
        ("Rate limit reached, 3 requests", None),
        ("try again later", None),
        ("try again in 5 bananas", None),
    ],
)
def test_the_time_a_server_asks_for_is_read_from_its_words(
    told: str, seconds: float | None
) -> None:
    assert wait_told(told) == (None if seconds is None else pytest.approx(seconds))


@given(st.text(max_size=60))
def test_no_words_break_the_reading_of_times(told: str) -> None:
    found = wait_told(f"try again in {told}")
    assert found is None or 0 <= found <= 86_400


Body = st.recursive(
    st.none() | st.integers() | st.text(max_size=8) | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["error", "message", "code", "type", "detail"]), inner)
    ),
    max_leaves=6,
)


@given(st.sampled_from([0, 200, 302, 400, 404, 429, 500, 599]), Body)
def test_whatever_comes_with_a_refusal_gives_one_line(status: int, body: object) -> None:
    error = refusal("https://here", status, body)
    assert str(error).isprintable()
    assert len(str(error)) < 600


def test_secrets_are_replaced_longest_first_and_short_ones_left() -> None:
    assert (
        redacted("abcdefgh abcdef x", ("abcdef", "abcdefgh", "x", "")) == "[redacted] [redacted] x"
    )
