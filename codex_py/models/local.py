"""LocalClient: the embedded default model, started when first asked."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path

from codex_py.core.entries import Delta, Entry
from codex_py.core.errors import ModelError
from codex_py.core.request import Request
from codex_py.models import local_dialect as dialect
from codex_py.models.door import Door, Timeouts
from codex_py.models.local_running import Address
from codex_py.models.local_server import IDLE, LocalServer, Serving
from codex_py.models.local_weights import QWEN, Weights, installed, path_in

WALL = 600.0
"""Seconds that one answer may take."""
STATES = 4
"""Saved states that are kept: one a model and version of its examples."""

Tell = Callable[[str], None]


class LocalClient:
    """The embedded model behind the server that all sessions share. Keeps ModelClient's contract.

    The server is started by the first sample that needs it, and outlives this session for a
    while. `tell` is given a line when something takes its time.
    """

    def __init__(self, serving: Serving, environ: Mapping[str, str], tell: Tell) -> None:
        self.server = LocalServer(serving, environ, tell)
        self.tell = tell
        self._door: Door | None = None
        self._at: Address | None = None

    async def stream(self, request: Request) -> AsyncGenerator[Delta | Entry, None]:
        """One sample; a server that has ended is started again."""
        ruled = dialect.ruled(request)
        if ruled:
            for entry in ruled:
                yield entry
            return
        async with self.server.turn() as at:
            try:
                async with asyncio.timeout(WALL):
                    door = await self._ready(at, request)
                    async with aclosing(dialect.sample(door, request)) as events:
                        async for event in events:
                            yield event
            except TimeoutError:
                raise ModelError(
                    f"the local model needed more than {WALL:.0f} s for one answer", fault="server"
                ) from None

    async def _ready(self, at: Address, request: Request) -> Door:
        if self._door is None or at != self._at:
            await self.close()
            # On this machine a new connection is cheap; a kept one may have just been ended.
            once, limits = {"connection": "close"}, Timeouts(idle=WALL)
            self._door, self._at = Door(at.url, at.key, once, timeouts=limits), at
        await self._warm(self._door, at, request)
        return self._door

    async def _warm(self, door: Door, at: Address, request: Request) -> None:
        """Let the model know the part that all conversations share: from the disk, or by reading.

        Reading it takes half a minute on two cores, taking it from the disk no time. A state
        that cannot be restored or saved only costs that time.
        """
        shared = dialect.opening(request.instructions, self.server.serving.model.name)
        marked = self.server.serving.run() / "warm"
        name = hashlib.sha256(json.dumps([marked.parent.name, shared]).encode()).hexdigest()[:32]
        if _text(marked) == name:
            return
        folder = self.server.cache
        state = folder / f"{name}.state"
        if not (state.is_file() and await self._slot(at, "restore", state.name)):
            await self._read(door, shared)
            if await self._slot(at, "save", f"{name}.new"):
                os.replace(folder / f"{name}.new", state)
                states = sorted(folder.glob("*.state"), key=lambda each: each.stat().st_mtime)
                for old in states[:-STATES]:
                    old.unlink(missing_ok=True)
        marked.write_text(name)

    async def _read(self, door: Door, shared: dict[str, object]) -> None:
        self.tell("the local model reads its examples, this once…")
        told = 0
        async with aclosing(door.stream("/chat/completions", shared)) as events:
            async for event in events:
                at = event.get("prompt_progress")
                if isinstance(at, dict) and at.get("total"):
                    percent = 100 * int(at.get("processed", 0)) // int(at["total"])
                    if told + 25 <= percent < 100:
                        told = percent
                        self.tell(f"the local model reads its examples… {percent} %")

    async def _slot(self, at: Address, action: str, name: str) -> bool:
        door = Door(at.url.removesuffix("/v1"), at.key)
        try:
            async for _ in door.stream(f"/slots/0?action={action}", {"filename": name}):
                pass
        except ModelError:
            return False
        finally:
            await door.close()
        return True

    async def close(self) -> None:
        """Let go of the connection. The server ends by itself when nobody uses it."""
        door, self._door = self._door, None
        if door is not None:
            await door.close()


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""


def missing(home: Path, weights: Weights = QWEN, own: str = "") -> str:
    """What must be installed before the embedded model can be used; empty when nothing.

    `own` is a model file of the user's, in place of the weights.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        return "the local engine is not installed: pip install 'codex-py[local]'"
    if own:
        return "" if Path(own).is_file() else f"local_model: {own} is not a file"
    if not installed(home, weights):
        return (
            "the local model is not installed: run `codex-py local install` "
            "(one download of 1.1 GB)"
        )
    return ""


def open_local(
    home: Path,
    environ: Mapping[str, str],
    tell: Tell,
    *,
    own: str = "",
    idle: float = IDLE,
) -> LocalClient:
    """A client for the installed model. Raises ModelError that says what is missing."""
    lacking = missing(home, own=own)
    if lacking:
        raise ModelError(lacking, fault="request")
    model = Path(own) if own else path_in(home)
    return LocalClient(Serving(model, home / "models", idle=idle), environ, tell)
