"""The prompt of a one-shot run: from the argument, from a pipe, or both; never hangs."""

from __future__ import annotations

import codecs
import os
import select
import stat
import sys
import time
from typing import TextIO

from codex_py.core.errors import UsageError

BESIDE = 0.2
"""Seconds a pipe beside a prompt argument has to show its first byte."""
ALONE = 10.0
"""Seconds a pipe has to show its first byte when the prompt must come from it."""
QUIET = 30.0
"""Seconds without a byte after which an open pipe is taken as finished."""
LARGEST = 4_000_000

NO_PROMPT = 'no prompt: give one, as in `codex-py exec "fix the failing test"`, or pipe it in'


def read_prompt(argument: str | None, stream: TextIO | None) -> str:
    """The prompt. Raises UsageError when there is none.

    With an argument, what a pipe holds is added to it as a `<stdin>` block; an idle pipe is
    left alone. Text is UTF-8, or UTF-16 with a byte order mark.
    """
    if argument == "-" or argument is None:
        if stream is None or stream.isatty():
            if argument is None:
                raise UsageError(NO_PROMPT)
            raise UsageError("- reads the prompt from stdin, but stdin is a terminal")
        found = _text(_bytes(stream.fileno(), ALONE)).strip()
        if not found:
            raise UsageError(NO_PROMPT)
        return found
    if not argument.strip():
        raise UsageError(NO_PROMPT)
    more = ""
    if stream is not None and _carries(stream):
        more = _text(_bytes(stream.fileno(), BESIDE)).strip()
    return f"{argument}\n\n<stdin>\n{more}\n</stdin>" if more else argument


def _carries(stream: TextIO) -> bool:
    """Whether stdin is something another program writes into."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def _bytes(fd: int, first: float) -> bytes:
    """All that comes until the end; nothing when the first byte does not come in time."""
    found = bytearray()
    patience, told = first, False
    began = time.monotonic()
    while True:
        wait = patience if told else min(patience, 1.0)
        ready, _, _ = select.select([fd], [], [], max(0.0, wait))
        if not ready:
            if time.monotonic() - began < patience:
                sys.stderr.write("codex-py: reading stdin…\n")
                told = True
                patience -= time.monotonic() - began
                began = time.monotonic()
                continue
            if found:
                sys.stderr.write(
                    f"codex-py: stdin is still open but silent for {QUIET:.0f} s; going on with "
                    f"the {len(found):,} bytes that came\n"
                )
            return bytes(found)
        piece = os.read(fd, 1 << 16)
        if not piece:
            return bytes(found)
        found += piece
        if len(found) > LARGEST:
            raise UsageError(
                f"stdin holds more than {LARGEST:,} bytes; put it into a file and name the file"
            )
        patience, told, began = QUIET, True, time.monotonic()


def _text(data: bytes) -> str:
    encoding = "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UsageError(
            f"stdin is not UTF-8 text ({error.reason} at byte {error.start})"
        ) from None
