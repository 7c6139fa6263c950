"""Choices that outlive a session, kept in the person's own config.toml: mode and trust."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from codex_py.core.errors import UsageError


def trust_of(home: Path, folder: str) -> str:
    """`trusted`, `untrusted`, or empty when the person was never asked about a folder.

    An answer holds for the folder and, inside Git, for its repository; never for another
    repository that lies below.
    """
    projects = _table(home / "config.toml").get("projects")
    if not isinstance(projects, dict):
        return ""
    from codex_py.host.git import find_root  # late: only where there is a config file

    place = os.path.realpath(folder)
    for each in (place, find_root(place) or place):
        told = projects.get(str(each))
        if isinstance(told, dict) and told.get("trust_level") in ("trusted", "untrusted"):
            return str(told["trust_level"])
    return ""


def save_trust(home: Path, folder: str, level: str) -> None:
    """Remember an answer about a folder. Raises UsageError when it cannot be written."""
    path = home / "config.toml"
    text = _text(path)
    key = _quoted(os.path.realpath(folder))
    _write(path, f"{text.rstrip()}\n\n[projects.{key}]\ntrust_level = {_quoted(level)}\n".lstrip())


def save_mode(home: Path, mode: str) -> None:
    """Remember the approval mode. Raises UsageError when it cannot be written."""
    path = home / "config.toml"
    _write(path, f"approval_mode = {_quoted(mode)}\n{_text(path)}")


def save_tui(home: Path, key: str, value: str | bool) -> None:
    """Remember a setting of `[tui]`. Raises UsageError when it cannot be written."""
    path = home / "config.toml"
    line = f"{key} = {_quoted(value) if isinstance(value, str) else str(value).lower()}"
    lines = _text(path).rstrip("\n").split("\n")
    heads = [at for at, each in enumerate(lines) if each.strip().startswith("[")]
    start = next((at for at in heads if lines[at].strip() == "[tui]"), -1)
    if start < 0:
        lines += ["", "[tui]", line]
    else:
        end = next((at for at in heads if at > start), len(lines))
        same = [at for at in range(start, end) if lines[at].partition("=")[0].strip() == key]
        for at in same:
            lines[at] = line
        if not same:
            lines.insert(start + 1, line)
    _write(path, "\n".join(lines).lstrip("\n") + "\n")


def _table(path: Path) -> dict[str, Any]:
    text = _text(path)
    if not text.strip():
        return {}
    import tomllib  # late: most starts have no config file

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error


def _write(path: Path, text: str) -> None:
    """Replace the file in one step; what would not parse is never written."""
    import tomllib  # late: only when something is saved

    try:
        tomllib.loads(text)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = Path(os.path.realpath(path))
        fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        os.replace(fresh, target)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} was left as it is: {error}") from error
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def _quoted(text: str) -> str:
    import json  # late: only when something is saved

    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
