"""A page as a picture: Chromium without a window, spoken with over a socket, once a page."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from codex_py.dataclass import dataclass
from codex_py.host.held import Gone, Held

if TYPE_CHECKING:
    from codex_py.host import Host

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
APPS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
OPTIONS = (
    "--headless=new --remote-debugging-pipe --disable-gpu --disable-dev-shm-usage --no-first-run "
    "--no-default-browser-check --disable-extensions --disable-background-networking "
    "--disable-component-update --disable-sync --disable-breakpad --disable-crash-reporter "
    "--mute-audio --hide-scrollbars --force-color-profile=srgb --password-store=basic "
    "--host-resolver-rules='MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]'"
)
QUIET = 4.0
"""Seconds that a loaded page has until it asks for nothing more."""
SAID = 12
"""Lines of the page's console that are told."""


class NoPage(Exception):
    """There is no picture of the page; the message says why."""


@dataclass(slots=True)
class Page:
    """A rendered page: a PNG, the size of the whole page in pixels, what its console said."""

    data: bytes = b""
    width: int = 0
    height: int = 0
    status: int = 0
    """What the server answered; 0 for a file."""
    title: str = ""
    console: list[str] = field(default_factory=list)


def find(path: str) -> str:
    """The browser that is installed; empty when none is."""
    for name in NAMES:
        found = shutil.which(name, path=path)
        if found:
            return found
    return next((each for each in APPS if os.access(each, os.X_OK)), "")


def local(url: str) -> bool:
    """Whether an address is a server of this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    near = host in ("localhost", "127.0.0.1", "::1") or host.endswith(".localhost")
    return parts.scheme in ("http", "https") and near


async def render(
    host: Host, command: str, browser: str, url: str, size: tuple[int, int], seconds: float
) -> Page:
    """The page in a window of that size. Raises NoPage.

    Runs where the host runs the declared command; inside what confines it, the browser's own
    walls are down, for they need rights that are not given there.
    """
    confined = bool(host.mode)
    if not confined and os.geteuid() == 0:
        raise NoPage(
            "as root Chromium has no walls of its own, and nothing confines it in this mode"
        )
    if confined and host.confinement == "landlock":
        raise NoPage(
            "what confines commands here, Landlock alone, allows no sockets, and Chromium needs one"
        )
    inner = "--no-sandbox " if confined else ""
    # The browser reads requests on 3 and answers on 4: both are the socket that is its stdin.
    line = (
        "profile=$(mktemp -d) && trap 'rm -rf \"$profile\"' EXIT; "
        f'HOME=$profile {shlex.quote(browser)} {OPTIONS} {inner}--user-data-dir="$profile" '
        "about:blank 3<&0 4>&0 0</dev/null"
    )
    held = await host.hold(command, line)
    try:
        async with asyncio.timeout(seconds):
            return await _Talk(held).page(url, size)
    except TimeoutError:
        raise NoPage(f"the page was not ready after {seconds:g} s") from None
    except Gone:
        raise NoPage(f"the browser ended: {_last(held)}") from None
    finally:
        await asyncio.shield(held.close())


def _last(held: Held) -> str:
    lines = [line for line in held.output.head().splitlines() if line.strip()]
    fatal = [line for line in lines if "FATAL" in line]
    return (fatal or lines)[-1][:300] if lines else "it said nothing"


class _Talk:
    """Requests to the browser and what it tells meanwhile."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._count = 0
        self._session = ""
        self._page = Page()
        self._told: set[str] = set()

    async def page(self, url: str, size: tuple[int, int]) -> Page:
        found = await self._ask("Target.getTargets")
        target = next(each for each in found["targetInfos"] if each["type"] == "page")
        asked = {"targetId": target["targetId"], "flatten": True}
        self._session = (await self._ask("Target.attachToTarget", asked))["sessionId"]
        for name in ("Page.enable", "Network.enable", "Runtime.enable", "Log.enable"):
            await self._ask(name)
        await self._ask("Page.setLifecycleEventsEnabled", {"enabled": True})
        window = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
        await self._ask("Emulation.setDeviceMetricsOverride", window)
        self._told.clear()
        went = await self._ask("Page.navigate", {"url": url})
        if went.get("errorText"):
            raise NoPage(f"{url} could not be opened: {went['errorText']}")
        await self._until("load")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(QUIET):
                await self._until("networkIdle")
        script = {"expression": DRAWN, "awaitPromise": True, "returnByValue": True}
        seen = (await self._ask("Runtime.evaluate", script)).get("result", {}).get("value") or {}
        page = self._page
        page.width, page.height = int(seen.get("width", 0)), int(seen.get("height", 0))
        page.title = str(seen.get("title", ""))[:200]
        shot = await self._ask("Page.captureScreenshot", {"format": "png"})
        page.data = base64.b64decode(shot["data"])
        return page

    async def _ask(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        self._count += 1
        asked: dict[str, Any] = {"id": self._count, "method": method, "params": params or {}}
        if self._session:
            asked["sessionId"] = self._session
        await self._held.send(json.dumps(asked).encode() + b"\0")
        while True:
            told = json.loads(await self._held.receive(b"\0"))
            if told.get("id") != self._count:
                self._heard(told)
            elif "error" in told:
                raise NoPage(f"the browser refused {method}: {told['error'].get('message')}")
            else:
                found: dict[str, Any] = told["result"]
                return found

    async def _until(self, name: str) -> None:
        while name not in self._told:
            self._heard(json.loads(await self._held.receive(b"\0")))

    def _heard(self, told: dict[str, Any]) -> None:
        params = told.get("params", {})
        match told.get("method"):
            case "Page.lifecycleEvent":
                self._told.add(str(params.get("name")))
            case "Network.responseReceived" if params.get("type") == "Document":
                self._page.status = int(params["response"].get("status", 0))
            case "Network.loadingFailed" if params.get("type") != "Document":
                self._say(f"{params.get('type')} not loaded: {params.get('errorText')}")
            case "Runtime.exceptionThrown":
                thrown = params.get("exceptionDetails", {})
                text = thrown.get("exception", {}).get("description") or thrown.get("text", "")
                self._say(str(text).split("\n")[0])
            case "Runtime.consoleAPICalled" if params.get("type") in ("error", "warning", "assert"):
                self._say(_words(params.get("args", ())))
            case "Log.entryAdded" if params.get("entry", {}).get("level") == "error":
                entry = params["entry"]
                self._say(f"{entry.get('text', '')} {entry.get('url', '')}".strip())

    def _say(self, text: str) -> None:
        if (
            text
            and "/favicon.ico" not in text
            and len(self._page.console) < SAID
            and text[:300] not in self._page.console
        ):
            self._page.console.append(text[:300])


def _words(values: Sequence[dict[str, Any]]) -> str:
    return " ".join(str(each.get("value", each.get("description", ""))) for each in values)


DRAWN = """
(async () => {
  await document.fonts.ready;
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  const all = document.documentElement;
  return {width: all.scrollWidth, height: all.scrollHeight, title: document.title};
})()
"""
