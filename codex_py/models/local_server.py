"""The local model's server: a child process on loopback that ends with us."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from codex_py.core.errors import ModelError
from codex_py.prompts import text

KEPT = (
    "PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONDONTWRITEBYTECODE",
)  # fmt: skip
"""What the child needs of the environment; keys and tokens are not among it."""
CONTEXT = 8192
"""Tokens a conversation may have, unless told otherwise."""
READY = 120.0
"""Seconds that loading may take."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What is served, and how."""

    model: Path
    folder: Path
    """Where the log (`server.log`) is written."""
    context: int = CONTEXT
    """Tokens a conversation may have."""
    threads: int = 0
    """0: as many as there are cores for us."""
    gpu_layers: int = 0


class LocalServer:
    """One child process. Contract: it listens on 127.0.0.1 alone, answers to our key alone, and
    is gone when we are, however we end.
    """

    def __init__(self, serving: Serving, environ: Mapping[str, str]) -> None:
        self.serving = serving
        self.environ = environ
        self.key = secrets.token_urlsafe(32)
        self.process: asyncio.subprocess.Process | None = None
        self.url = ""

    @property
    def log(self) -> Path:
        """What the server printed."""
        return self.serving.folder / "server.log"

    @property
    def cache(self) -> Path:
        """Where the server saves what it has read."""
        return self.serving.folder / "cache"

    def alive(self) -> bool:
        """Whether it was started and still runs."""
        return bool(self.url) and self.process is not None and self.process.returncode is None

    async def start(self) -> str:
        """Start it and wait until the model is loaded; its base URL, ending in /v1."""
        await self.stop()
        self.cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        env = {name: value for name, value in self.environ.items() if name in KEPT}
        # Spinning threads starve the rest of the machine, and themselves.
        env["OMP_WAIT_POLICY"] = "passive"
        with self.log.open("wb") as log:
            # -P and the folder keep a repository's own modules from being imported.
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "codex_py.models.local_child",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
                cwd=self.serving.folder, env=env, start_new_session=True,
            )  # fmt: skip
        try:
            self.url = await self._hello(self.process)
        except BaseException:
            await self.stop()
            raise
        return self.url

    async def _hello(self, process: asyncio.subprocess.Process) -> str:
        assert process.stdin is not None
        assert process.stdout is not None
        told = {
            "model": str(self.serving.model),
            "name": self.serving.model.stem,
            "key": self.key,
            "template": text("local_template.jinja"),
            "context": self.serving.context,
            "threads": self.serving.threads or cores(),
            "gpu_layers": self.serving.gpu_layers,
            "cache": f"{self.cache}{os.sep}",
            "parent": os.getpid(),
        }
        process.stdin.write(json.dumps(told).encode() + b"\n")
        try:
            async with asyncio.timeout(READY):
                await process.stdin.drain()
                line = await process.stdout.readline()
        except (TimeoutError, ConnectionError):
            line = b""
        answer = json.loads(line) if line.startswith(b"{") else {}
        if "url" not in answer:
            why = answer.get("error") or _last_line(self.log) or "it ended without a word"
            raise ModelError(
                f"the local model could not be started: {why} (log: {self.log})", fault="server"
            )
        return f"{answer['url']}/v1"

    async def stop(self) -> None:
        """End it."""
        process, self.process, self.url = self.process, None, ""
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")
