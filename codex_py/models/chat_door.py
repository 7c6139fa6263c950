"""The way to one Chat Completions server: a body goes in, plain JSON chunks or a ModelError out."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

from codex_py.core.entries import Json
from codex_py.core.errors import Fault, ModelError

FULL = ("context length", "context_length", "context size", "context window", "too many tokens",
        "maximum context", "exceed_context_size", "prompt is too long")  # fmt: skip
SPENT = ("insufficient_quota", "billing", "credit balance", "exceeded your current quota")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds."""

    connect: float = 10.0
    idle: float = 300.0
    """Longest silence inside an answer, its first byte included."""


class Door:
    """One server. Contract: `stream` raises nothing but ModelError on account of the server."""

    def __init__(
        self,
        base_url: str,
        key: str = "",
        headers: Mapping[str, str] | None = None,
        *,
        timeouts: Timeouts | None = None,
        direct: bool = False,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.key = key
        self.headers = dict(headers or {})
        self.timeouts = timeouts or Timeouts()
        self.direct = direct
        """Past any proxy: for our own server on loopback."""
        self._client: Any = None

    def _sdk(self) -> Any:
        if self._client is None:
            import httpx2  # late: with openai
            from openai import AsyncOpenAI, DefaultAsyncHttpx2Client  # late: costs most of a second

            waits = httpx2.Timeout(self.timeouts.idle, connect=self.timeouts.connect)
            self._client = AsyncOpenAI(
                base_url=self.base_url,
                api_key=self.key or "none",
                default_headers=self.headers,
                max_retries=0,
                timeout=waits,
                http_client=DefaultAsyncHttpx2Client(trust_env=False) if self.direct else None,
            )
        return self._client

    async def stream(self, path: str, body: Json) -> AsyncGenerator[object, None]:
        """The answer's chunks; a server that does not stream gives one."""
        from openai import APIError, AsyncStream, OpenAIError  # late: costs most of a second

        try:
            answer = await self._sdk().post(
                path, body=body, cast_to=object, stream=True, stream_cls=AsyncStream[object]
            )
            async with answer:
                kind = answer.response.headers.get("content-type", "")
                if "event-stream" in kind:
                    async for chunk in answer:
                        yield chunk
                else:
                    yield _whole(await answer.response.aread(), kind)
        except APIError as error:
            raise self._fault(error) from None
        except (ValueError, OpenAIError) as error:
            raise ModelError(
                f"{self.base_url} sent an answer that cannot be read: {error}",
                fault="protocol",
                retry=True,
            ) from None

    def _fault(self, error: Any) -> ModelError:
        response = getattr(error, "response", None)
        if response is None:
            inner = error.__cause__
            told = str(inner) if inner is not None else str(error)
            if error.body is not None:
                return refusal(0, _told(error.body) or str(error), self.base_url, code=_code(error))
            return ModelError(
                f"no connection to {self.base_url}: {told or type(inner).__name__}",
                fault="network",
                retry=True,
            )
        told = _told(error.body) or f"HTTP {response.status_code}"
        after = response.headers.get("retry-after-ms"), response.headers.get("retry-after")
        return refusal(
            response.status_code, told, self.base_url, code=_code(error), after=wait(*after)
        )

    async def close(self) -> None:
        """Let go of the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()


def refusal(
    status: int, told: str, url: str, *, code: str = "", after: float | None = None
) -> ModelError:
    """Pure: the error for an HTTP status (0: an error inside a stream) and the server's words."""
    said = f"{code} {told}".lower()
    fault: Fault = "request"
    retry = status >= 500 or status in (0, 408, 409, 425, 429)
    hint = ""
    if any(each in said for each in FULL):
        fault, retry = "context", False
    elif status == 402 or any(each in said for each in SPENT):
        fault, retry, hint = "quota", False, " (the account has no credit left)"
    elif status in (401, 403):
        fault, hint = "auth", " (check the API key and what it may use)"
    elif status == 429:
        fault = "rate"
    elif retry:
        fault = "server"
    elif status == 404:
        hint = " (check the base URL and the model's name)"
    elif status == 413:
        hint = " (the request is too large for this server)"
    where = f"{url} answered {status}" if status else f"{url} broke off"
    return ModelError(f"{where}: {told}{hint}", fault=fault, retry=retry, after=after)


def wait(milliseconds: str | None, seconds: str | None) -> float | None:
    """Pure: how long a server asked us to wait, in seconds."""
    for value, unit in ((milliseconds, 1000.0), (seconds, 1.0)):
        try:
            found = float(value) / unit if value else -1.0
        except ValueError:
            found = -1.0
        if 0 <= found < 86_400:
            return found
    return None


def _code(error: Any) -> str:
    return f"{error.code or ''} {error.type or ''}"


def _told(body: object) -> str:
    """What an error body says, in one line."""
    if isinstance(body, Mapping):
        for key in ("message", "error", "detail", "msg"):
            if body.get(key):
                return _told(body[key])
        return json.dumps(dict(body))[:300]
    text = " ".join(str(body or "").split())
    if text.lower().startswith(("<!doctype", "<html")):
        return "a web page, no model's answer; is there a proxy in between?"
    return text[:300]


def _whole(data: bytes, kind: str) -> object:
    try:
        return json.loads(data)
    except ValueError:
        text = data[:300].decode("utf-8", "replace")
        told = _told(text) or f"nothing ({kind or 'no content type'})"
        raise ModelError(
            f"the server sent no model's answer but: {told}", fault="protocol", retry=True
        ) from None
