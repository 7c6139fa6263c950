"""Files that the command line names for what a run says: found at its start, written at its end."""

from __future__ import annotations

import os
import secrets

from codex_py.core.errors import Unwritten, UsageError

DEVICES = ("/dev/", "/proc/")
"""Where a file is not replaced but written to."""


def place(path: str, flag: str) -> str:
    """The real path that will be written, before anything has run. Raises UsageError."""
    full = os.path.abspath(path)
    if full.startswith(DEVICES):
        return full
    real = os.path.realpath(full)
    folder = os.path.dirname(real)
    if os.path.isdir(real) or not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise UsageError(f"{flag} {path}: cannot be written there; name a file in a folder you own")
    return real


def write(path: str, text: str, flag: str) -> None:
    """Write the file of `place` whole or not at all; a link put there since is not followed.

    The text is a model's, and its commands could have put the link. Raises Unwritten.
    """
    data = text.encode("utf-8", "replace")
    try:
        if path.startswith(DEVICES):
            with open(path, "wb", buffering=0) as file:
                file.write(data)
            return
        if os.path.realpath(os.path.dirname(path)) != os.path.dirname(path):
            raise OSError(0, "its folder became a link while the task ran")
        fresh = f"{path}.{secrets.token_hex(8)}.part"
        try:
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
                file.write(data)
            os.replace(fresh, path)
        except OSError:
            if os.path.lexists(fresh):
                os.unlink(fresh)
            raise
    except OSError as error:
        raise Unwritten(f"{flag} {path}: {error.strerror}") from error
