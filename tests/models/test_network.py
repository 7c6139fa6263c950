"""The way to a server: proxies, authorities of one's own, a network that goes and comes back."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from codex_py.core.entries import Delta, Entry, Sampled, Text, User
from codex_py.core.errors import ModelError
from codex_py.models.door import Door, Timeouts
from codex_py.models.responses import ResponsesClient
from codex_py.models.retrying import Retrying, Tries
from codex_py.models.scripted import Scripted
from tests.models.contract import entries, failure, heard, request, said
from tests.proxy import Proxy
from tests.server import Server
from tests.turns import text

TLS = Path(__file__).parent / "tls"
QUICK = Timeouts(connect=2, idle=2, end=0.05)
FAR = "model.example.test"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def secure() -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(TLS / "server.pem")
    return found


def asked(url: str, authority: str = "") -> str:
    """What one request to an address brings: the answer, or the error's line."""

    async def main() -> str:
        client = ResponsesClient(Door(url, "sk-0123456789", timeouts=QUICK, authority=authority))
        try:
            return said(await heard(client, request()), "text")
        except ModelError as error:
            return f"{error.fault}: {error}"
        finally:
            await client.close()

    return asyncio.run(main())


def port(server: Server) -> int:
    return int(urlsplit(server.url).port or 0)


def test_a_plain_request_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server([text("hi")]) as server, Proxy(port(server)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert asked(f"http://{FAR}/v1") == "hi"
        assert proxy.asked == [f"POST http://{FAR}/v1/responses HTTP/1.1"]


def test_tls_goes_through_the_proxy_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server([text("hi")], tls=secure()) as server, Proxy(port(server)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert asked(f"https://{FAR}/v1", str(TLS / "authority.pem")) == "hi"
        assert proxy.asked == [f"CONNECT {FAR}:443 HTTP/1.1"]


def test_no_proxy_leads_to_this_machine_nor_to_what_is_excepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Server([text("hi")] * 2) as server, Proxy(port(server)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert asked(server.url) == "hi"
        monkeypatch.setenv("NO_PROXY", FAR)
        assert "cannot be reached" in asked(f"http://{FAR}/v1")
        assert proxy.asked == []


def test_a_proxy_that_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with Proxy(1, refuse=b"407 Proxy Authentication Required") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        told = asked(f"https://{FAR}/v1")
    assert told.startswith("network: the proxy on the way to")
    assert "407" in told and "HTTPS_PROXY" in told


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as held:  # bound, so that nobody else gets the port; not listening
        held.bind(("127.0.0.1", 0))
        monkeypatch.setenv("https_proxy", f"http://u:pw@127.0.0.1:{held.getsockname()[1]}")
        told = asked(f"https://{FAR}/v1")
    assert f"nobody answers at the proxy on the way to https://{FAR}" in told
    assert "pw" not in told


def test_an_authority_of_ones_own_is_trusted_by_name_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = str(TLS / "authority.pem")
    with Server([text("hi")] * 2, tls=secure()) as server:
        told = asked(server.url)
        assert "cannot be trusted" in told and "ca_certificate" in told
        assert asked(server.url, authority) == "hi"
        monkeypatch.setenv("SSL_CERT_FILE", authority)
        assert asked(server.url) == "hi"
        odd = tmp_path / "odd.pem"
        odd.write_text("no certificate")
        assert f"check {odd}" in asked(server.url, str(odd))
        assert len(server.requests) == 2


class Sleeper:
    """Notes waits; at the wait with a given number it does something."""

    def __init__(self, at: int = -1, do: Any = None) -> None:
        self.waits: list[float] = []
        self.at, self.do = at, do

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) == self.at:
            self.do()


def gone(patience: float, back_after: int) -> tuple[list[float], Any, list[Delta | Entry]]:
    """One answer, then a server that is gone and comes back at a wait: waits, error, events."""

    async def main() -> tuple[list[float], Any, list[Delta | Entry]]:
        with Server([text("one")]) as server:
            url, number = server.url, port(server)
            client = ResponsesClient(Door(url, timeouts=QUICK))
            later = Server([text("two")], port=number)
            slept = Sleeper(back_after, later.__enter__)
            retrying = Retrying(client, Tries(away=patience), slept)
            await heard(retrying, request())
        try:
            if back_after < 0:
                error, events = await failure(retrying, request())
                return slept.waits, error, events
            return slept.waits, None, await heard(retrying, request())
        finally:
            await client.close()
            if back_after > 0:
                later.__exit__()

    return asyncio.run(main())


def test_a_network_that_is_gone_is_waited_for_and_told() -> None:
    waits, _, events = gone(600, 6)
    # The connection that was held ends first: an ordinary retry.
    assert [each for each in waits if each >= 5][:5] == [5, 10, 20, 40, 60]
    told = [each.text for each in events if isinstance(each, Delta) and each.of == "retry"]
    assert "waiting for the network" in told[-1] and "trying again in 60 s" in told[-1]
    assert said(events, "text") == "two"
    sampled = entries(events)[-1]
    assert isinstance(sampled, Sampled) and sampled.retries == len(waits)


def test_a_network_that_stays_away_ends_the_sample_in_the_end() -> None:
    waits, error, events = gone(20, -1)
    assert sum(each for each in waits if each >= 5) == 20
    assert error.fault == "network" and "tried" in str(error)
    assert entries(events) == []


def fails() -> Any:
    return [{"text": "half"}, {"error": "it broke", "fault": "server", "retry": True}]


def test_retries_are_shared_by_the_samples_of_a_turn_and_shown() -> None:
    async def main() -> tuple[list[str], ModelError, list[Delta | Entry]]:
        turns = [fails(), fails(), "a", fails(), "b", fails(), "never", "c"]
        model = Retrying(Scripted(turns), Tries(5, turn=3), Sleeper())
        told: list[str] = []
        for _ in range(2):
            events = await heard(model, request())
            told += [
                each.text[-35:] for each in events if isinstance(each, Delta) and each.of == "retry"
            ]
        error, _ = await failure(model, request())
        fresh = await heard(
            model, request(User(n=0, parts=(Text("hi"),)), User(n=9, parts=(Text("go"),)))
        )
        return told, error, fresh

    told, error, fresh = asyncio.run(main())
    assert told[0].endswith("(1 of 5)") and told[1].endswith("(2 of 5)")
    assert told[2].endswith("(1 of 5; 3 of 3 in this turn)")
    assert "all 3 retries of this turn are used up" in str(error)
    assert said(fresh, "text") == "never"
