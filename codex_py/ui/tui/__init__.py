"""The interactive session: `codex-py [PROMPT]` in a terminal."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import stat
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from codex_py.core.errors import UsageError
from codex_py.settings import THEMES, Settings
from codex_py.ui.tui.look import Look, look

if TYPE_CHECKING:
    from codex_py.showing import Given

NO_TERMINAL = (
    "the interactive session needs a terminal; for one task without one use "
    '`codex-py exec "what to do"`'
)


def main(args: argparse.Namespace) -> int:
    """Run an interactive session as the arguments say. Returns the exit code."""
    if args.json or args.output_last_message or args.output_schema:
        raise UsageError("--json, -o and --output-schema belong to one task: `codex-py exec …`")
    from codex_py.ui.start import one_shot, pictures, prepare  # late: loads what settings need

    if not sys.stdin.isatty() and _carries(sys.stdin.fileno()):
        return one_shot(args)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(NO_TERMINAL)

    settings, launch = prepare(args)
    images = pictures(args, launch)
    launch = replace(launch, pictures=len(images))
    if settings.theme not in THEMES:
        raise UsageError(f"theme {settings.theme!r} is not one of {', '.join(THEMES)}")
    seen = look(os.environ, sys.stdout.encoding or "", args.color)
    seen = replace(seen, vi=seen.vi or settings.vi_keys)
    prompt = args.prompt or ""
    if seen.plain:
        from codex_py.ui.tui.plain import run as run_plain  # late: few terminals are that plain

        return run_plain(settings, launch, prompt, images)
    return asyncio.run(_run(settings, launch, seen, prompt, images))


def _carries(fd: int) -> bool:
    """Whether stdin is a pipe or file: what is in it is the prompt of one task."""
    mode = os.fstat(fd).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


async def _run(
    settings: Settings,
    launch: object,
    seen: Look,
    prompt: str,
    images: Sequence[Given],
) -> int:
    from codex_py.ui.tui.screen import Device  # late: prompt_toolkit
    from codex_py.ui.tui.session import Sitting

    sitting = Sitting(settings, launch, seen, Device())  # type: ignore[arg-type]
    loop = asyncio.get_running_loop()
    ended: list[int] = []

    def stop(number: int) -> None:
        ended.append(number)
        sitting.screen.leave(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    code = await sitting.run(prompt, images)
    return 128 + ended[0] if ended else code
