"""What to say without a key, and a look for model servers on this machine."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from codex_py.dataclass import dataclass

KNOWN = (
    ("Ollama", 11434),
    ("LM Studio", 1234),
    ("llama.cpp", 8080),
    ("vLLM", 8000),
    ("Jan", 1337),
)
"""Servers people run, and the port each listens on unless told otherwise."""
LONGEST = 1 << 20
"""Bytes of an answer that are read."""


@dataclass(frozen=True, slots=True)
class Found:
    """A model server that answered on loopback."""

    name: str
    """By its port: a guess, only for people."""
    base_url: str
    models: tuple[str, ...]
    locked: bool = False
    """It wants a key."""


def find_servers(
    timeout: float = 0.3, ports: Sequence[tuple[str, int]] = KNOWN
) -> tuple[Found, ...]:
    """Servers on 127.0.0.1 that answer `GET /v1/models`. Nothing else is asked or sent."""
    with ThreadPoolExecutor(len(ports) or 1) as pool:
        found = pool.map(lambda each: _look(each[0], each[1], timeout), ports)
        return tuple(each for each in found if each is not None)


def _look(name: str, port: int, timeout: float) -> Found | None:
    base = f"http://127.0.0.1:{port}/v1"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay())
    try:
        with opener.open(f"{base}/models", timeout=timeout) as answer:
            data = json.loads(answer.read(LONGEST))
    except urllib.error.HTTPError as error:
        with error:
            locked = error.code in (401, 403)
        return Found(name, base, (), locked=True) if locked else None
    except (OSError, ValueError, RecursionError):
        return None
    listed = data.get("data") if isinstance(data, dict) else None
    if not isinstance(listed, list):
        return None
    names = [each.get("id") for each in listed if isinstance(each, dict)]
    return Found(name, base, tuple(_plain(each) for each in names if isinstance(each, str)))


class _Stay(urllib.request.HTTPRedirectHandler):
    """No redirect leads away from loopback."""

    def redirect_request(self, *_: object) -> None:
        return None


def _plain(name: str) -> str:
    """A name from outside, safe to print."""
    return "".join(each for each in name if each.isprintable())[:100]


def no_key(servers: Sequence[Found] = (), *, installed: bool = False) -> str:
    """Pure: every way to go on without an OpenAI key, in words for the terminal."""
    running = (
        f", and {_named(servers[0])} is running"
        if servers
        else ", and no local model server is running"
    )
    local = "ready to use" if installed else "one download of 1.1 GB"
    lines = [
        f"No OpenAI API key found (OPENAI_API_KEY is not set){running}.",
        "Choose one:",
        "  1. export OPENAI_API_KEY=sk-...      best results (or keep it: codex-py login)",
        f"  2. codex-py --oss                    {_second(servers)}",
        "  3. codex-py --local                  built-in 1.5B model: offline, free, tiny jobs only",
        f"                                       ({local}, 2 GB memory)",
    ]
    if not installed:
        lines.append("                                       get it with: codex-py local install")
    return "\n".join([*lines, "Nothing was sent anywhere."])


def _named(server: Found) -> str:
    return f"{server.name} at {server.base_url}"


def _second(servers: Sequence[Found]) -> str:
    if not servers:
        return "use Ollama or LM Studio (start it first)"
    first = servers[0]
    if first.locked:
        return f"use {first.name} (it wants its own key)"
    models = ", ".join(first.models[:3]) or "no model loaded"
    return f"use {first.name} ({models})"
