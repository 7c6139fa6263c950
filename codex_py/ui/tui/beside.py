"""What runs beside the turns: small pieces of work whose failure is said, not lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from codex_py.core.errors import UsageError


class Beside:
    """Work that was started and is waited for by nobody.

    `say` tells a line and its style; what went wrong in ourselves is kept whole in `home`.
    """

    def __init__(self, say: Callable[[str, str], None], home: Path) -> None:
        self._say = say
        self._errors = home / "errors.log"
        self._told = ""
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
        """Say what went wrong in a line; a bug of our own goes to `errors.log` as well."""
        if isinstance(error, UsageError):
            return self._say(str(error), "red")
        if isinstance(error, OSError):
            where = f": {error.filename}" if error.filename else ""
            return self._say(f"{error.strerror or error}{where}", "red")
        told = f"{type(error).__name__}: {error}"
        if told != self._told:  # one that comes back with every key is said once
            self._told = told
            self._keep(error)
            self._say(f"internal error: {told}; /feedback makes a report of it", "red")
        return None

    def _keep(self, error: Exception) -> None:
        from traceback import format_exception  # late: there is none to tell of, mostly

        text = "".join(format_exception(error))
        with contextlib.suppress(OSError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            with open(os.open(self._errors, flags, 0o600), "a", encoding="utf-8") as file:
                file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}\n")

    def _stray(self, loop: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
        del loop
        error = told.get("exception")
        if isinstance(error, Exception):
            self.failed(error)
