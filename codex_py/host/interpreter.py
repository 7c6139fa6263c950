"""A Python that keeps its state from call to call: started when first needed, ended with us."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from codex_py.dataclass import dataclass
from codex_py.effects import Effects
from codex_py.host.held import Gone, Held
from codex_py.host.output import ROOM, Collected

if TYPE_CHECKING:
    from codex_py.host import Host

MOST = 6
"""Pictures of one piece of code that are handed over: as many as the driver gives."""
VENVS = (".venv/bin/python", "venv/bin/python", "env/bin/python")
"""Interpreters of the project's own, by their place in the working directory."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture that the code drew or wrote: its name and its bytes, not looked at yet."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a piece of code. `lost` says why the state is gone, empty when it is not."""

    ok: bool
    head: str
    tail: str
    size: int
    full: str
    missing: str = ""
    """What of a long output is not in the file `full`."""
    value: str = ""
    error: str = ""
    pictures: tuple[Drawn, ...] = ()
    more: int = 0
    """Pictures beyond those that are handed over."""
    lost: str = ""
    fresh: str = ""
    """Why an interpreter was started for this; empty when it had state already."""


def spoken(code: str, cwd: str) -> str:
    """The command that stands for running some code: what is judged, asked about and logged."""
    end = "EOF"
    while end in code.split("\n"):
        end += "_"
    return f"{program(cwd)} <<'{end}'\n{code}\n{end}"


def program(cwd: str) -> str:
    """The project's own Python, else the one on the path."""
    found = next((each for each in VENVS if os.access(os.path.join(cwd, each), os.X_OK)), "")
    return found or "python3"


class Interpreter:
    """The one interpreter of a session; calls wait for each other."""

    def __init__(self) -> None:
        self._held: Held | None = None
        self._as: tuple[object, ...] = ()
        self._why = ""
        """Why the state of the one before is gone."""

    async def run(
        self,
        host: Host,
        code: str,
        seconds: float,
        say: Callable[[str], None],
        spill: Callable[[], tuple[str, BinaryIO]],
        room: int = ROOM,
    ) -> Told:
        """Run code on a host that allows it. A crash or time-out ends the interpreter.

        Cancelling ends it too. Raises OSError when none can be started.
        """
        held, fresh = await self._ready(host, code)
        output = Collected(say, spill, room, host.clean, host.most)
        held.listen(output)
        answer: dict[str, Any] = {}
        lost = ""
        try:
            async with asyncio.timeout(seconds):
                await held.send(json.dumps({"code": code}).encode() + b"\n")
                answer = json.loads(await held.receive(b"\n"))
            if not isinstance(answer, dict) or answer.get("exit"):
                lost = "the code ended the interpreter"
        except TimeoutError:
            lost = f"timed out after {seconds:g} s"
        except Gone:
            lost = await _how(held)
        except ValueError:
            lost = "the interpreter answered with what is no answer"
        except BaseException:
            self._why = "the call was interrupted"
            await asyncio.shield(self._drop())
            raise
        finally:
            output.close()
        if lost:
            self._why = lost
            await self._drop()
        return _told(answer if isinstance(answer, dict) else {}, output, lost, fresh)

    def close(self) -> None:
        """Forget it; what confines it ends it."""
        if self._held is not None:
            self._held.forget()
            self._held = None

    async def _ready(self, host: Host, code: str) -> tuple[Held, str]:
        cwd = host.allowed.cwd if host.allowed and host.allowed.cwd else host.cwd
        opened = _opened(host.allowed)
        wanted = (asyncio.get_running_loop(), host.mode, cwd, opened)
        held = self._held
        if held is not None and held.alive and self._as == wanted:
            return held, ""
        why = self._why
        if held is not None:
            why = why or ("it had ended" if not held.alive else "what it may touch has changed")
            await self._drop()
        driver = Path(__file__).with_name("driver.py").read_text("utf-8")
        # Confined, /tmp is the session's own and the home folder cannot be written.
        cache = "MPLCONFIGDIR=/tmp/.matplotlib " if host.mode else ""
        line = f"{cache}MPLBACKEND=Agg exec {shlex.quote(program(cwd))} -u -c {shlex.quote(driver)}"
        self._held = await host.hold(spoken(code, cwd), line)
        self._as, self._why = wanted, ""
        return self._held, why or "first call"

    async def _drop(self) -> None:
        held, self._held = self._held, None
        if held is None:
            return
        if held.loop is asyncio.get_running_loop():
            await held.close()
        else:
            held.forget()


def _opened(allowed: Effects | None) -> tuple[object, ...]:
    return (allowed.writes, allowed.reads, allowed.network) if allowed else ()


async def _how(held: Held) -> str:
    ended = await held.gone()
    if ended is None:
        return "the interpreter closed its line"
    # Some walls tell a signal as shells do, 128 above its number.
    number = ended.signal or max(0, (ended.code or 0) - 128)
    if number:
        return f"the interpreter crashed (signal {number})"
    if ended.code == 127:
        return "there is no Python here (python3 was not found)"
    notes = f"; {'; '.join(ended.notes)}" if ended.notes else ""
    return f"the interpreter ended with code {ended.code}{notes}"


def _told(answer: dict[str, Any], output: Collected, lost: str, fresh: str) -> Told:
    # The code can make the driver say anything: what comes is counted here too.
    pictures: list[Drawn] = []
    drawn = answer.get("pictures")
    drawn = drawn if isinstance(drawn, list) else []
    more = answer.get("more")
    more = more if isinstance(more, int) and 0 < more < 1_000_000 else 0
    for each in drawn[:MOST]:
        try:
            pictures.append(Drawn(str(each["name"])[:200], base64.b64decode(each["data"])))
        except (TypeError, KeyError, ValueError, binascii.Error):
            continue
    return Told(
        ok=not lost and not answer.get("error"),
        head=output.head(),
        tail=output.tail(),
        size=output.size,
        full=output.whole.path,
        missing=output.whole.lost,
        value=str(answer.get("value") or ""),
        error=str(answer.get("error") or ""),
        pictures=tuple(pictures),
        more=more + len(drawn[MOST:]),
        lost=lost,
        fresh=fresh,
    )
