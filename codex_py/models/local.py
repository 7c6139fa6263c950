"""LocalClient: the embedded default model, started when first asked."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path

from codex_py.core.entries import Delta, Entry
from codex_py.core.errors import ModelError
from codex_py.core.request import Request
from codex_py.models.chat import ChatClient
from codex_py.models.chat_body import Quirks
from codex_py.models.door import Door, Timeouts
from codex_py.models.local_profile import fingerprint, opening, shaped
from codex_py.models.local_server import LocalServer, Serving
from codex_py.models.local_weights import QWEN, Weights, installed, path_in

WALL = 240.0
"""Seconds that one answer may take."""
QUIRKS = Quirks(parallel=False, images=False, formats=False)

Tell = Callable[[str], None]


class LocalClient:
    """The embedded model behind its own server. Keeps ModelClient's contract.

    The server is started by the first sample and ends with `close`, or with this process.
    `tell` is given a line when something takes its time.
    """

    def __init__(self, serving: Serving, environ: Mapping[str, str], tell: Tell) -> None:
        self.server = LocalServer(serving, environ)
        self.tell = tell
        self.chat: ChatClient | None = None

    async def stream(self, request: Request) -> AsyncGenerator[Delta | Entry, None]:
        """One sample; a server that died is started again."""
        request = shaped(request)
        chat = await self._ready(request)
        try:
            async with asyncio.timeout(WALL), aclosing(chat.stream(request)) as events:
                async for event in events:
                    yield event
        except TimeoutError:
            raise ModelError(
                f"the local model needed more than {WALL:.0f} s for one answer", fault="server"
            ) from None

    async def _ready(self, request: Request) -> ChatClient:
        if self.chat is not None and self.server.alive():
            return self.chat
        await self.close()
        self.tell("loading the local model…")
        url = await self.server.start()
        door = Door(url, self.server.key, timeouts=Timeouts(idle=WALL))
        self.chat = ChatClient(door, QUIRKS)
        await self._warm(self.chat, request)
        return self.chat

    async def _warm(self, chat: ChatClient, request: Request) -> None:
        """Let the model know the part that all conversations share: from the disk, or by reading.

        Reading it takes half a minute on two cores, taking it from the disk no time. A state
        that cannot be restored or saved only costs that time.
        """
        request = opening(request)
        name = f"{fingerprint(request, self.server.serving.model.name)}.state"
        folder = self.server.cache
        if (folder / name).is_file() and await self._slot("restore", name):
            return
        self.tell("the local model reads its examples (once, about half a minute)…")
        async with aclosing(chat.stream(request)) as events:
            async for _ in events:
                pass
        if await self._slot("save", f"{name}.new"):
            for old in folder.glob("*.state"):
                old.unlink(missing_ok=True)
            os.replace(folder / f"{name}.new", folder / name)

    async def _slot(self, action: str, name: str) -> bool:
        door = Door(self.server.url.removesuffix("/v1"), self.server.key)
        try:
            async for _ in door.stream(f"/slots/0?action={action}", {"filename": name}):
                pass
        except ModelError:
            return False
        finally:
            await door.close()
        return True

    async def close(self) -> None:
        """End the server."""
        chat, self.chat = self.chat, None
        if chat is not None:
            await chat.close()
        await self.server.stop()


def missing(home: Path, weights: Weights = QWEN) -> str:
    """What must be installed before the embedded model can be used; empty when nothing."""
    if importlib.util.find_spec("xllamacpp") is None:
        return "the local engine is not installed: pip install 'codex-py[local]'"
    if not installed(home, weights):
        return (
            "the local model is not installed: run `codex-py local install` "
            "(one download of 1.1 GB)"
        )
    return ""


def open_local(
    home: Path, environ: Mapping[str, str], tell: Tell, weights: Weights = QWEN
) -> LocalClient:
    """A client for the installed model. Raises ModelError that says what is missing."""
    lacking = missing(home, weights)
    if lacking:
        raise ModelError(lacking, fault="request")
    return LocalClient(Serving(path_in(home, weights), home / "models"), environ, tell)
