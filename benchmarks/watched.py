"""The program, noting how long each step of its event loop takes; see terminal.py.

`python watched.py FILE` runs a session and writes the processor time of each step of the loop
after the agent was loaded, in milliseconds, to FILE: for so long no key is looked at.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

STEPS: list[float] = []


def main() -> None:
    whole = asyncio.Handle._run

    def watched(handle: Any) -> Any:
        began = time.thread_time()
        try:
            return whole(handle)
        finally:
            STEPS.append((time.thread_time() - began) * 1000)

    asyncio.Handle._run = watched  # type: ignore[method-assign]
    from codex_py.ui.tui.turns import Turns

    turn, count = Turns._turn, 0

    async def first_forgotten(self: Any, agent: Any, message: Any) -> None:
        nonlocal count
        count += 1
        if count == 2:
            STEPS.clear()
        await turn(self, agent, message)

    Turns._turn = first_forgotten  # type: ignore[method-assign]
    file = Path(sys.argv.pop(1))
    from codex_py.cli import main as run

    try:
        run([])
    finally:
        file.write_text(json.dumps(STEPS))


if __name__ == "__main__":
    main()
