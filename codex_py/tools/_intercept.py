"""Pure: recognise a command line that only applies a patch, and take the patch out of it."""

from __future__ import annotations

import re

from codex_py.tools._patch import BEGIN

_QUOTED = r"'(?:[^']|'\\''|'\"'\"')*'"
_SHELL = re.compile(rf"(?:/\S*/)?(?:bash|zsh|sh)\s+-l?c\s+({_QUOTED})", re.DOTALL)
_FOLDER = r"""'[^']+'|"[^"$`\\]+"|[^\s'"$`\\;&|<>(){}\[\]*?~#!-][^\s'"$`\\;&|<>(){}\[\]*?~#!]*"""
_CALL = re.compile(
    rf"(?:cd[ \t]+(?P<folder>{_FOLDER})[ \t]*&&\s*)?(?:apply_patch|applypatch)"
    r"(?:[ \t]*<<[ \t]*(?P<quote>['\"]?)(?P<tag>[A-Za-z_][\w-]*)(?P=quote)[ \t]*\r?\n(?P<body>.*)"
    rf"|[ \t]+(?P<word>{_QUOTED}|\"[^\"$`\\]*\"))",
    re.DOTALL,
)


class BarePatch(ValueError):
    """A patch was given as if it were a command."""


def patch_in_command(line: str) -> tuple[str | None, str] | None:
    """The folder that the line changes to (None: none) and its patch, or None for any other line.

    Only `[cd DIR &&] apply_patch` with a here-document or one quoted word counts, alone or as
    the single-quoted script of a shell: whatever else a line does, the shell must do.
    Raises BarePatch when the line is the patch itself.
    """
    script = line.strip()
    if wrapped := _SHELL.fullmatch(script):
        script = _unquoted(wrapped[1]).strip()
    if script.startswith(BEGIN):
        raise BarePatch(
            "patch detected without explicit call to apply_patch. "
            'Rerun as ["apply_patch", "<patch>"]'
        )
    call = _CALL.fullmatch(script)
    if call is None:
        return None
    folder = None if call["folder"] is None else call["folder"].strip("'\"")
    if call["word"] is not None:
        return folder, _unquoted(call["word"])
    patch = _document(call["body"], call["tag"])
    return None if patch is None else (folder, patch)


def _document(body: str, tag: str) -> str | None:
    lines = body.split("\n")
    ends = [at for at, line in enumerate(lines) if line.removesuffix("\r") == tag]
    if not ends or any(line.strip() for line in lines[ends[0] + 1 :]):
        return None
    return "\n".join(lines[: ends[0]]) + "\n"


def _unquoted(word: str) -> str:
    if word[0] == '"':
        return word[1:-1]
    return word[1:-1].replace("'\\''", "'").replace("'\"'\"'", "'")
