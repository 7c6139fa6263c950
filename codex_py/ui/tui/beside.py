"""What runs beside the turns: small pieces of work whose failure is said, not lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from codex_py.core.errors import UsageError

log = logging.getLogger("codex_py")


class Beside:
    """Work that was started and is waited for by nobody. `say` tells a line and its style."""

    def __init__(self, say: Callable[[str, str], None]) -> None:
        self._say = say
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the rest; a failure is shown."""
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """End what still runs."""
        for task in tuple(self._tasks):
            task.cancel()

    def watch(self) -> None:
        """Show what fails in this loop and nobody waited for."""
        asyncio.get_running_loop().set_exception_handler(self._stray)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:
            self.failed(error)

    def failed(self, error: Exception) -> None:
        """Say what went wrong in a line; a bug of our own goes to the debug log as well."""
        if isinstance(error, UsageError):
            return self._say(str(error), "red")
        if isinstance(error, OSError):
            where = f": {error.filename}" if error.filename else ""
            return self._say(f"{error.strerror or error}{where}", "red")
        log.exception("in the session", exc_info=error)
        told = f"internal error, please report it: {type(error).__name__}: {error}"
        return self._say(told, "red")

    def _stray(self, loop: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
        del loop
        error = told.get("exception")
        if isinstance(error, Exception):
            self.failed(error)
