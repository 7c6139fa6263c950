"""The system's clipboard: a picture out of it, text into it."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING

from codex_py.host.processes import capture

if TYPE_CHECKING:
    from codex_py.ui.tui.session import Sitting

LARGEST_COPY = 100_000
"""Bytes that a terminal is asked to take into the clipboard."""

AS_TEXT = 'set -o pipefail; "$@" | base64'


def picture(environ: Mapping[str, str]) -> bytes:
    """The picture in the clipboard as PNG bytes; empty when there is none. Blocks a moment."""
    for argv in _readers(environ):
        if shutil.which(argv[0], path=environ.get("PATH")) is None:
            continue
        data = _output(argv, environ)
        if data.startswith(b"\x89PNG"):
            return data
    return b""


def _readers(environ: Mapping[str, str]) -> list[list[str]]:
    found: list[list[str]] = []
    if environ.get("WAYLAND_DISPLAY"):
        found.append(["wl-paste", "--no-newline", "--type", "image/png"])
    if environ.get("DISPLAY"):
        found.append(["xclip", "-selection", "clipboard", "-t", "image/png", "-o"])
    found.append(["pngpaste", "-"])
    return found


def _output(argv: list[str], environ: Mapping[str, str]) -> bytes:
    shell = ["bash", "-c", AS_TEXT, "bash", *argv]
    try:
        code, out, _, cut = capture(shell, os.getcwd(), environ, b"", 40_000_000, 5.0)
        return base64.b64decode(out) if code == 0 and not cut else b""
    except (OSError, ValueError):
        return b""


def copying(text: str) -> str:
    """The sequence that makes the terminal take text into its clipboard (OSC 52).

    Raises ValueError when the text is too long for terminals to take.
    """
    data = text.encode("utf-8", "replace")
    if len(data) > LARGEST_COPY:
        raise ValueError(f"{len(data):,} bytes are more than a terminal takes ({LARGEST_COPY:,})")
    return f"\x1b]52;c;{base64.b64encode(data).decode()}\x07"


def copy_answer(sitting: Sitting, _: str = "") -> None:
    """Hand the last answer to the terminal's clipboard."""
    from codex_py.core.receipt import final_message  # late: rarely needed

    text = final_message(sitting.agent.session.entries) if sitting.agent else ""
    if not text:
        return sitting.say("there is no answer to copy yet", "yellow")
    try:
        sitting.screen.raw(copying(text))
    except ValueError as error:
        return sitting.say(f"not copied: {error}", "yellow")
    return sitting.say(f"the last answer was handed to the terminal's clipboard ({len(text):,})")
