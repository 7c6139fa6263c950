"""read_file: numbered lines of a text file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from codex_py.core.entries import Json
from codex_py.core.errors import ToolError
from codex_py.core.tool import Call, Output, Tool
from codex_py.effects import Effects
from codex_py.host import Host

LINES = 2_000
LINE_WIDTH = 2_000
CHARACTERS = 60_000
LARGEST = 50_000_000


class Params(BaseModel):
    """What to read."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(description="File to read, relative to the working directory or absolute.")
    start: int | None = Field(default=None, description="First line, counted from 1.")
    lines: int | None = Field(default=None, description=f"How many lines; {LINES} by default.")


def effects(params: Params, host: Host) -> Effects:
    """Reads one file."""
    return Effects(reads=(host.absolute(params.path),))


async def run(params: Params, call: Call) -> Output:
    """The lines asked for, each with its number, and what was left out."""
    found = call.host.read(params.path, LARGEST)
    text = as_text(found.data, params.path)
    start = max(1, params.start or 1)
    lines = text.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    seen: Json = {"seen": {found.path: found.digest}, "read": found.path}
    if not lines:
        return Output.of(f"{params.path} is empty.", **seen)
    if start > len(lines):
        raise ToolError(f"{params.path} has {len(lines)} lines; line {start} does not exist.")
    wanted = min(params.lines if params.lines and params.lines > 0 else LINES, LINES)
    shown: list[str] = []
    size, wide = 0, False
    for number, line in enumerate(lines[start - 1 : start - 1 + wanted], start):
        line = line.rstrip("\r")
        if len(line) > LINE_WIDTH:
            line, wide = f"{line[:LINE_WIDTH]} [… {len(line) - LINE_WIDTH:,} more]", True
        size += len(line) + 8
        if size > CHARACTERS and shown:
            break
        shown.append(f"{number:>5} {line}")
    last = start + len(shown) - 1
    notes = []
    if start > 1 or last < len(lines):
        notes.append(f"[lines {start}-{last} of {len(lines)}]")
    if wide:
        notes.append(f"[lines longer than {LINE_WIDTH:,} characters were cut]")
    return Output.of("\n".join([*shown, *notes]), **seen)


def as_text(data: bytes, path: str) -> str:
    """A file's bytes as text. Raises ToolError for a binary, saying what it looks like."""
    if b"\0" in data[:8_192] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ToolError(f"{path} is not text: {looks_like(data)} of {len(data):,} bytes.")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8", "replace")


MAGIC = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x7fELF", "an ELF program"),
    (b"SQLite format 3", "an SQLite database"),
)


def looks_like(data: bytes) -> str:
    """A word for what binary data seems to be, from its first bytes."""
    return next((name for start, name in MAGIC if data.startswith(start)), "binary data")


TOOL = Tool(
    name="read_file",
    description=(
        "Read a text file as numbered lines (the number and one space are not part of the file). "
        f"Up to {LINES} lines at a time; use start and lines for more."
    ),
    params=Params,
    effects=effects,
    run=run,
)
