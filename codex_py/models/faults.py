"""What a model server refuses or breaks becomes one clear line: a ModelError."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from codex_py.core.errors import Fault, ModelError

LONGEST = 86_400.0
"""Seconds. A server that asks for a longer wait is not believed."""


class Away(ModelError):
    """The server cannot be reached: it was not asked. Once the network is back, it can be."""

    def __init__(self, message: str) -> None:
        super().__init__(message, fault="network", retry=True)


class Unreachable(Away):
    """Nobody listens there: where nobody ever did, waiting long for it is no use."""


FULL = (
    r"context.?length|context.?size|context.?window|maximum context|prompt is too long"
    r"|too many (input )?tokens|exceeds? .{0,40}(token|context) limit"
)
SPENT = {
    "insufficient_quota",
    "usage_limit_reached",
    "usage_not_included",
    "billing_hard_limit_reached",
    "billing_not_active",
    "quota_exceeded",
}
REFUSED = {
    "invalid_prompt",
    "content_filter",
    "content_policy_violation",
    "cyber_policy",
    "bio_policy",
}
BUSY = {"server_is_overloaded", "slow_down", "overloaded", "overloaded_error", "engine_overloaded"}
RATE = {"rate_limit_exceeded", "rate_limit_error", "too_many_requests", "tokens", "requests"}
AUTH = {"invalid_api_key", "authentication_error", "account_deactivated", "permission_denied"}
PASSING = {
    "server_error",
    "internal_error",
    "internal_server_error",
    "timeout",
    "vector_store_timeout",
}


def fault_of(status: int, code: str, kind: str, message: str) -> tuple[Fault, bool]:
    """What a refusal means and whether asking again may help. `status` is 0 inside a stream."""
    names = {code.lower(), kind.lower()} - {""}
    if names & {"context_length_exceeded", "exceed_context_size_error", "string_above_max_length"}:
        return "context", False
    if status in (0, 400, 413, 422, 500) and re.search(FULL, message, re.IGNORECASE):
        return "context", False
    if names & SPENT or status == 402:
        return "quota", False
    if names & REFUSED:
        return "refused", False
    if names & AUTH or status in (401, 403):
        return "auth", False
    if status == 429 or (not status and names & RATE):
        return "rate", True
    if names & BUSY or status >= 500 or status in (408, 409, 425):
        return "server", True
    if status == 0:
        return ("server", True) if not names or names & PASSING else ("request", False)
    return "request", False


HINTS = {
    401: "check the API key",
    403: "the key may not use this model or this server",
    404: "check the model's name and the base URL",
    413: "the request is too large for this server; compact the session or send fewer pictures",
    422: "the server does not take a request of this shape: check wire_api and the model's name",
}
NEXT: dict[Fault, str] = {
    "auth": "check the API key",
    "quota": "check the credit and the limits of the account, or choose another model with -m",
}


def hint(fault: Fault, status: int) -> str:
    """The next step for the user, as an ending of the line; often none."""
    words = HINTS.get(status, "") if fault in ("auth", "request") else ""
    words = words or NEXT.get(fault, "")
    return f" — {words}" if words else ""


def refusal(
    where: str, status: int, body: object, headers: Mapping[str, str] | None = None
) -> ModelError:
    """The error for an HTTP status (0: inside a stream) and the error body that came with it."""
    code, kind, message = _read(body)
    fault, retry = fault_of(status, code, kind, message)
    said = message or code or kind or "no reason given"
    if status >= 300 and status < 400:
        place = one_line((headers or {}).get("location", "elsewhere"))
        said = f"it sends us on to {place}; if that is right, make it the base URL"
        return ModelError(f"{where} answered {status}: {said}", fault="request")
    begin = f"{where} answered {status}" if status else f"{where} broke off the answer"
    if code and code not in said and not isinstance(body, str):
        begin += f" ({code})"
    if fault == "quota":
        said += _renewed(body)
    after = _wait(headers or {}, said) if retry else None
    told = f"{begin}: {said}{hint(fault, status)}"
    return ModelError(told, fault=fault, retry=retry, after=after)


def _renewed(body: object) -> str:
    """When a quota that is used up begins anew, where the server tells."""
    if isinstance(body, (bytes, str)):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            return ""
    inner = body.get("error") if isinstance(body, Mapping) else None
    seconds = inner.get("resets_in_seconds") if isinstance(inner, Mapping) else None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return ""
    return f" (again in {spoken(float(seconds))})" if 0 < seconds < 100 * LONGEST else ""


def spoken(seconds: float) -> str:
    """A time for people."""
    if seconds >= 2 * 86_400:
        return f"{seconds / 86_400:.0f} days"
    if seconds >= 2 * 3_600:
        return f"{seconds / 3_600:.0f} h"
    if seconds >= 600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def nothing(where: str, status: str) -> ModelError | None:
    """The error for an answer in which nothing was said or called; None when it was cut off."""
    if status == "content_filter":
        told = f"{where} held the answer back: {status}"
        return ModelError(told, fault="refused")
    if status != "completed":
        return None
    return ModelError(f"{where} sent an empty answer", fault="protocol", retry=True)


def _read(body: object) -> tuple[str, str, str]:
    """Code, kind and message of an error body in any of the shapes servers use."""
    if isinstance(body, (bytes, str)):
        return _text(body.decode("utf-8", "replace") if isinstance(body, bytes) else body)
    if isinstance(body, list) and body:
        return _read(body[0])
    if not isinstance(body, Mapping):
        return "", "", ""
    inner = body.get("error")
    if isinstance(inner, (Mapping, list)):
        return _read(inner)
    told = body.get("message") or inner or body.get("detail") or body.get("msg")
    if not isinstance(told, str):
        told = json.dumps(told if told is not None else dict(body), default=str)
    code, kind = body.get("code"), body.get("type")
    return (
        one_line(str(code), 60) if isinstance(code, (str, int)) and code else "",
        one_line(kind, 60) if isinstance(kind, str) else "",
        one_line(told),
    )


def _text(text: str) -> tuple[str, str, str]:
    stripped = text.strip()
    if stripped[:1] in "{[" and stripped:
        try:
            return _read(json.loads(stripped))
        except (ValueError, RecursionError):
            pass
    if stripped[:1] == "<":
        return "", "", f"a web page, not a model's answer: {one_line(page_words(stripped))!r}"
    return "", "", one_line(stripped)


def page_words(page: str) -> str:
    """The words of an HTML page."""
    page = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>", " ", page[:20_000])
    return re.sub(r"(?s)<[^>]*>", " ", page)


def one_line(text: str, limit: int = 300) -> str:
    """A text's first words on one line, without control characters."""
    words = " ".join(text[: 8 * limit].split())
    words = "".join(each for each in words if each.isprintable())
    return words if len(words) <= limit else f"{words[: limit - 1]}…"


def _wait(headers: Mapping[str, str], message: str) -> float | None:
    """Seconds the server asked us to wait: by header, else by its words."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "")
        try:
            found = float(value) / unit
        except ValueError:
            found = _until(value) if value and unit == 1.0 else -1.0
        if 0 <= found <= LONGEST:
            return found
    return wait_told(message)


def _until(date: str) -> float:
    import email.utils  # late: dates in this header are rare
    import time  # late: with it

    try:
        return max(0.0, email.utils.parsedate_to_datetime(date).timestamp() - time.time())
    except ValueError:
        return -1.0


TOLD = r"(?:try again|retry|wait)\D{0,20}?((?:\d+(?:\.\d+)?\s*[a-z]+\s*){1,3})"
PIECE = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)", re.IGNORECASE)
UNITS = {"ms": 0.001, "millisecond": 0.001, "s": 1.0, "sec": 1.0, "second": 1.0}
UNITS |= {"m": 60.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0, "hr": 3600.0}


def wait_told(message: str) -> float | None:
    """Seconds in words such as `try again in 1.5s`, `in 2 minutes` or `in 1m30s`."""
    told = re.search(TOLD, message, re.IGNORECASE)
    if told is None:
        return None
    total, known = 0.0, False
    for number, unit in PIECE.findall(told.group(1)):
        name = unit.lower()
        scale = UNITS.get(name) or UNITS.get(name.removesuffix("s"))
        if scale is None:
            break
        total, known = total + float(number) * scale, True
    return total if known and total <= LONGEST else None


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret value in it replaced."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= 6:
            text = text.replace(secret, "[redacted]")
    return text


def lost(where: str, error: BaseException, seconds: float, connect: float) -> ModelError:
    """The error for a connection that could not be made or did not last.

    `error` is what the HTTP library raised: its class tells what happened, whatever library.
    """
    name = type(error).__name__
    deepest = _deepest(error)
    why = one_line(str(error) or str(deepest) or name)
    if name == "ConnectTimeout":
        return Away(f"{where} did not take the connection within {connect:g} s")
    if "Timeout" in name:
        return ModelError(f"{where} was silent for {seconds:g} s", fault="network", retry=True)
    if refused(error) or "refused" in why.lower():
        return Unreachable(f"nobody answers at {where}: is the server running?")
    if "certificate" in why.lower() or "CERTIFICATE" in str(deepest):
        return ModelError(
            f"{where} cannot be trusted: {why} (an authority of your own: name its file in "
            "SSL_CERT_FILE or the setting ca_certificate)",
            fault="network",
        )
    if name in ("UnsupportedProtocol", "InvalidURL", "LocalProtocolError"):
        return ModelError(f"{where} cannot be asked: {why}", fault="request")
    if name == "ProxyError":
        told = f"the proxy on the way to {where} refuses: {why} (see HTTPS_PROXY and NO_PROXY)"
        return ModelError(told, fault="network", retry=why.startswith("5"))
    if name == "ConnectError":
        return Away(f"{where} cannot be reached: {why}")
    return ModelError(f"{where} broke the connection: {why}", fault="network", retry=True)


def refused(error: BaseException) -> bool:
    """Whether a refused connection is anywhere among the causes."""
    seen: Any = error
    for _ in range(10):
        inside = getattr(seen, "exceptions", ())
        if any(isinstance(each, ConnectionRefusedError) for each in (seen, *inside)):
            return True
        seen = seen.__cause__ or seen.__context__
        if seen is None:
            return False
    return False


def _deepest(error: BaseException) -> BaseException:
    seen: Any = error
    for _ in range(10):
        inner = seen.__cause__ or seen.__context__
        if inner is None:
            break
        seen = inner
    found: BaseException = seen
    return found
