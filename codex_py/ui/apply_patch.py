"""codex-py apply-patch: apply one patch to files, as the user, without a model."""

from __future__ import annotations

import os
import sys

from codex_py.host.change import wishes
from codex_py.host.opened import read
from codex_py.tools._lines import EditError
from codex_py.tools._patch import PatchError, parse
from codex_py.tools._plan import plan, summary

USAGE = """\
Usage: codex-py apply-patch [-C DIR] 'PATCH'
       codex-py apply-patch [-C DIR] < PATCH

Apply a patch (*** Begin Patch … *** End Patch) to the files of DIR or the current folder:
all of it, or nothing. Prints the list of files.
Exit codes: 0 applied, 1 not applied, 2 usage.
"""


class _Stop(Exception):
    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text


def main(argv: list[str]) -> int:
    """Apply the patch given as the one argument, or on stdin. Returns the exit code."""
    try:
        folder, text = _given(argv)
        told, notes = apply(text, folder)
    except _Stop as stop:
        print(stop.text.rstrip("\n"), file=sys.stderr if stop.code else sys.stdout)
        return stop.code
    except (EditError, PatchError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(error.strerror or error, file=sys.stderr)
        return 1
    sys.stdout.write(told)
    for note in notes:
        print(f"Note: {note}", file=sys.stderr)
    return 0


def _given(argv: list[str]) -> tuple[str, str]:
    folder, rest, words = ".", list(argv), []
    while rest:
        word = rest.pop(0)
        if word in ("-h", "--help"):
            raise _Stop(0, USAGE)
        if word in ("-C", "--cd"):
            if not rest:
                raise _Stop(2, f"Error: {word} needs a folder.\n{USAGE}")
            folder = rest.pop(0)
        elif word.startswith("--cd="):
            folder = word.removeprefix("--cd=")
        elif word.startswith("-C") and len(word) > 2:
            folder = word[2:]
        elif word == "--":
            words += rest
            break
        elif word.startswith("-"):
            raise _Stop(2, f"Error: unknown option {word.split()[0]}.\n{USAGE}")
        else:
            words.append(word)
    if not os.path.isdir(folder):
        raise _Stop(2, f"Error: {folder} is not a folder.")
    if len(words) > 1:
        raise _Stop(2, "Error: apply_patch accepts exactly one argument.")
    return folder, _argument(words[0]) if words else _stdin()


def _argument(word: str) -> str:
    try:
        return os.fsencode(word).decode("utf-8")
    except UnicodeError:
        raise _Stop(1, "Error: apply_patch requires a UTF-8 PATCH argument.") from None


def _stdin() -> str:
    try:
        text = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        why = "stream did not contain valid UTF-8"
        raise _Stop(1, f"Error: Failed to read PATCH from stdin.\n{why}") from None
    except OSError as error:
        raise _Stop(1, f"Error: Failed to read PATCH from stdin.\n{error.strerror}") from None
    if not text:
        raise _Stop(2, USAGE)
    return text


def apply(text: str, folder: str) -> tuple[str, tuple[str, ...]]:
    """Apply a patch in a folder: the list of files, and notes. Nothing is written on an error.

    Raises PatchError, EditError or OSError.
    """
    from codex_py.host.files import commit  # late: a patch that does not parse writes nothing

    cwd = os.path.realpath(folder)

    def real(path: str) -> str:
        return os.path.realpath(os.path.join(cwd, path))

    def content(path: str) -> bytes | None:
        full = real(path)
        return read(full) if os.path.lexists(full) else None

    def link(path: str) -> str | None:
        full = os.path.join(cwd, path)
        return os.readlink(full) if os.path.islink(full) else None

    operations = parse(text)
    if not operations:
        raise EditError("No files were modified.")
    changes = plan(operations, content, cwd=cwd, key=real, link=link)
    told = commit(wishes(changes, real))
    notes = [note for change in changes for note in change.notes]
    return summary(changes), (*notes, *told)
