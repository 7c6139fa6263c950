"""The way to one model server, through the openai SDK: a body goes in, plain events come out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from codex_py.core.entries import Json
from codex_py.core.errors import ModelError
from codex_py.dataclass import dataclass
from codex_py.models import lean
from codex_py.models.faults import lost, one_line, redacted, refusal, refused

KEEP = 300.0
"""Seconds an idle connection is kept for the next request: longer than most tools run."""
PRIVATE = ("auth", "key", "token", "secret", "cookie")
"""Headers with one of these words in the name carry secrets."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds."""

    connect: float = 15.0
    idle: float = 300.0
    """Longest silence inside an answer, its first byte included."""
    empty: float = 3.0
    """How many times `idle` a server may keep the line open without saying anything."""
    end: float = 0.5
    """How long the end of the stream is waited for once the answer is complete."""


class Door:
    """One server.

    Contract: `stream` raises nothing but ModelError on account of the server, and no error's
    text holds the key. A whole answer leaves the connection open for the next one. Redirects
    are not followed: the key goes where the user sent it. TLS is always verified, by the
    system's authorities (or SSL_CERT_FILE's) and those in the file `authority`. The proxies of
    the environment are used, but never for an address on this machine.
    """

    def __init__(
        self,
        base_url: str,
        key: str = "",
        headers: Mapping[str, str] | None = None,
        *,
        timeouts: Timeouts | None = None,
        authority: str = "",
        query: Mapping[str, str] | None = None,
        key_header: str = "",
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.headers = dict(headers or {})
        self.timeouts = timeouts or Timeouts()
        self.authority = authority
        self.query = dict(query or {})
        """Added to every address."""
        self.key_header = key_header
        """The header of the key, where it is not `Authorization: Bearer`."""
        self._key = key
        self._sdk: lean.Sdk | None = None
        self._client: Any = None
        self._lock = threading.Lock()

    def warm(self) -> None:
        """Import the SDK and make its client now; from any thread, any number of times.

        What is wrong with the address is said when it is asked.
        """
        with contextlib.suppress(ModelError):
            self._open()

    async def stream(
        self, path: str, body: Json | bytes, last: Callable[[Json], bool] | None = None
    ) -> AsyncGenerator[Json, None]:
        """Post a JSON body; yield the events of the answer's stream.

        A server that answers with one whole JSON object gives that as the only event. After an
        event for which `last` is true, the rest of the stream is read and dropped.
        """
        client = self._open()
        assert self._sdk is not None
        errors = self._sdk.errors
        content = body if isinstance(body, bytes) else encoded(body)
        try:
            answer = await client.post(
                path,
                content=content,
                options={"headers": self._sent()},
                cast_to=object,
                stream=True,
                stream_cls=self._sdk.stream[object],
            )
            try:
                if "json" in answer.response.headers.get("content-type", "") or _page(answer):
                    yield self._whole(await answer.response.aread())
                    return
                while True:
                    event = await self._next(answer)
                    if event is None:
                        return
                    if not isinstance(event, dict):
                        continue
                    done = last is not None and last(event)
                    if done:
                        await _finish(answer, self.timeouts.end)
                    yield event
                    if done:
                        return
            finally:
                await answer.close()
        except errors.APIStatusError as error:
            response = error.response
            raise self.clean(
                refusal(self.base_url, response.status_code, response.content, response.headers)
            ) from None
        except errors.APIConnectionError as error:
            raise self._lost(error.__cause__ or error) from None
        except errors.APIError as error:
            told = error.body if error.body is not None else str(error)
            raise self.clean(refusal(self.base_url, 0, told)) from None
        except (self._sdk.http.HTTPError, self._sdk.http.StreamError, OSError) as error:
            raise self._lost(error) from None
        except (ValueError, RecursionError) as error:
            raise self.clean(self._garbled(one_line(str(error), 120))) from None

    async def _next(self, events: Any) -> Any:
        """The next event, None at the end. What only keeps the line open is not waited for long."""
        limit = self.timeouts.empty * self.timeouts.idle
        try:
            async with asyncio.timeout(limit):
                return await anext(events, None)
        except TimeoutError:
            told = f"{self.base_url} kept the line open for {limit:g} s and said nothing"
            raise ModelError(told, fault="network", retry=True) from None

    def _sent(self) -> dict[str, Any]:
        """Headers of each request; where the key has one of its own, the usual one is left out."""
        sent: dict[str, Any] = {"Content-Type": "application/json"}
        if self.key_header:
            from openai._types import Omit  # late: with the SDK

            sent["Authorization"] = Omit()
        return sent

    def _open(self) -> Any:
        with self._lock:
            return self._opened()

    def _opened(self) -> Any:
        if self._client is None:
            self._sdk = self._sdk or lean.load()
            try:
                self._client = _client(self, self._sdk, self._key)
            except OSError as error:
                file = self.authority or "SSL_CERT_FILE"
                told = f"the certificates cannot be read ({error}): check {file}"
                raise self.clean(ModelError(told, fault="request")) from None
            except (ValueError, ImportError, TypeError, self._sdk.http.InvalidURL) as error:
                told = f"{self.base_url} cannot be asked: {one_line(str(error))}"
                raise self.clean(ModelError(told, fault="request")) from None
        return self._client

    def _whole(self, data: bytes) -> Json:
        """An answer that is no stream: a complete response, or an error told with status 200."""
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and not found.get("error"):
            return found
        if isinstance(found, dict):
            raise self.clean(refusal(self.base_url, 0, found))
        told = refusal(self.base_url, 200, data)
        raise self.clean(ModelError(str(told), fault="protocol", retry=False))

    def _garbled(self, why: str) -> ModelError:
        return ModelError(
            f"{self.base_url} sent an answer that cannot be read: {why}",
            fault="protocol",
            retry=True,
        )

    def _lost(self, error: BaseException) -> ModelError:
        where = self.base_url
        if not near(where) and any(os.environ.get(name) for name in _proxies(where)):
            where = f"the proxy on the way to {where}" if refused(error) else where
        return self.clean(lost(where, error, self.timeouts.idle, self.timeouts.connect))

    def clean(self, error: ModelError) -> ModelError:
        """The same error, its text without the key."""
        private = [
            value
            for name, value in self.headers.items()
            if any(word in name.lower() for word in PRIVATE)
        ]
        error.args = (redacted(str(error), (self._key, *private)),)
        return error

    async def close(self) -> None:
        """Let go of the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()


def encoded(value: object) -> bytes:
    """JSON as it is sent: compact UTF-8; half a surrogate pair becomes a question mark."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _page(answer: Any) -> bool:
    return "html" in answer.response.headers.get("content-type", "")


async def _finish(answer: Any, seconds: float) -> None:
    """Read to the end, so that the connection can be used again; give up rather than wait."""
    try:
        async with asyncio.timeout(seconds):
            async for _ in answer:
                pass
    except Exception:
        return  # the answer is complete: whatever follows it cannot spoil it


def _client(door: Door, sdk: lean.Sdk, key: str) -> Any:
    http = sdk.http
    host = http.URL(door.base_url).host
    if door.base_url.startswith("https:"):
        context = http.create_ssl_context()
        if door.authority:
            context.load_verify_locations(cafile=door.authority)
    else:
        import ssl  # late: with the SDK

        # No authority is read (20 ms) nor trusted: TLS could only fail here, never pass.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    waits = http.Timeout(door.timeouts.idle, connect=door.timeouts.connect)
    session = http.AsyncClient(
        verify=context,
        timeout=waits,
        follow_redirects=False,
        limits=http.Limits(keepalive_expiry=KEEP),
        trust_env=not near(door.base_url),
    )
    client = sdk.client(
        base_url=door.base_url,
        api_key=key or "none",
        admin_api_key="",
        default_headers=_headers(door, key),
        default_query=door.query or None,
        max_retries=0,
        timeout=waits,
        http_client=session,
    )
    if host != "api.openai.com" and not host.endswith(".openai.com"):
        client.organization = client.project = None  # from the environment: for OpenAI alone
    if hasattr(client, "_platform"):
        # A header's word; else the SDK starts a thread to look into the interpreter's file.
        client._platform = PLATFORMS.get(sys.platform, "Unknown")
    return client


def _headers(door: Door, key: str) -> dict[str, Any]:
    return {door.key_header: key, **door.headers} if door.key_header else door.headers


def _proxies(url: str) -> tuple[str, ...]:
    """Variables that may name a proxy for an address."""
    names = (f"{urlsplit(url).scheme}_proxy", "all_proxy")
    return (*names, *(each.upper() for each in names))


PLATFORMS = {"linux": "Linux", "darwin": "MacOS", "win32": "Windows"}


def near(url: str) -> bool:
    """The address is on our own machine; no proxy of the environment's leads there."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
