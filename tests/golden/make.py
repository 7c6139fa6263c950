"""Makes the golden log of the version that is written now: `python -m tests.golden.make`.

Run it when a kind of entry is new, never to make a failing test pass: a log that was written
once must open as it is. When the format itself changes, give it a new name.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from codex_py.core.chain import chained
from codex_py.core.codec import plain
from codex_py.core.entries import KINDS, Entry, Image, Text, Usage, stamped
from codex_py.core.logfile import VERSION
from codex_py.core.parts import Source

VALUES: dict[str, Any] = {
    "parts": (Text("naïve “words”\n"), Image("a" * 64, "image/png", "sketch.png", 3, 4)),
    "usage": Usage(120, 20, 7, 3),
    "effects": {"command": "make", "cwd": "/home/ada/tool"},
    "data": {"exit_code": 0, "seen": {"/home/ada/tool/a": "d1"}},
    "so_far": {"o4-mini": {"input": 120, "cached": 20, "output": 7, "reasoning": 3}},
    "raw": {"type": "message", "id": "m_1", "content": []},
    "verdict": "allow",
    "by": "user",
    "level": "warning",
    "reason": "done",
    "version": VERSION,
    "sources": (Source("https://example.org/a", "A page"),),
    "paths": (("/home/ada/tool/a", "modified"),),
}


def made(kind: type[Entry]) -> Entry:
    """An entry with a value of its type in every field."""
    given: dict[str, Any] = {}
    for each in fields(kind):
        if each.name in ("n", "at"):
            continue
        if each.name in VALUES:
            given[each.name] = VALUES[each.name]
            continue
        text = str(each.type)
        if text.startswith("bool"):
            given[each.name] = True
        elif text.startswith("int"):
            given[each.name] = 7
        elif text.startswith("float"):
            given[each.name] = 1.5
        elif text.startswith("str"):
            given[each.name] = f"{each.name} of {kind.kind}"
        elif text == "tuple[str, ...]":
            given[each.name] = ("one", "two")
        elif each.default is MISSING and each.default_factory is MISSING:
            given[each.name] = ()
    return kind(**given)


def main() -> None:
    """Write the file."""
    link, lines = "", []
    for n, kind in enumerate(KINDS.values()):
        line, link = chained(plain(stamped(made(kind), n, 1_764_000_000.25 + n)), link)
        lines.append(line)
    Path(__file__).with_name(f"version-{VERSION}.jsonl").write_bytes(b"".join(lines))


if __name__ == "__main__":
    main()
