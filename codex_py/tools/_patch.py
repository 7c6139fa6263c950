"""Pure: the text between `*** Begin Patch` and `*** End Patch` becomes operations on files."""

from __future__ import annotations

from codex_py.dataclass import dataclass

BEGIN = "*** Begin Patch"
END = "*** End Patch"
ADD = "*** Add File: "
DELETE = "*** Delete File: "
UPDATE = "*** Update File: "
MOVE = "*** Move to: "
LAST = "*** End of File"
ENVIRONMENT = "*** Environment ID:"
WRAPPERS = ("<<EOF", "<<'EOF'", '<<"EOF"')
"""Here-document openings that models pass along with the patch."""


class PatchError(ValueError):
    """The text is no patch. `line` counts from 1 at the Begin line; None: the whole patch."""

    def __init__(self, line: int | None, message: str) -> None:
        self.line = line
        self.message = message
        place = "Invalid patch" if line is None else f"Invalid patch hunk on line {line}"
        super().__init__(f"{place}: {message}")


@dataclass(frozen=True, slots=True)
class Block:
    """One place to change. Each of `lines` starts with its mark: blank, `+` or `-`."""

    contexts: tuple[str, ...]
    """Lines to find first, one after the other: the texts of its `@@` lines."""
    lines: tuple[str, ...]
    end: bool = False
    """The block must match at the end of the file."""


@dataclass(frozen=True, slots=True)
class Add:
    """Write a file of these lines, each ended by a newline."""

    path: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a file."""

    path: str


@dataclass(frozen=True, slots=True)
class Update:
    """Change the blocks of a file, in order, and give it a new path when `move_to` says so."""

    path: str
    move_to: str | None
    blocks: tuple[Block, ...]


Operation = Add | Delete | Update


def parse(text: str) -> tuple[Operation, ...]:
    """The operations of a patch, in order; none for an empty patch. Raises PatchError."""
    body = _body(text)
    at = _environment(body)
    found: list[Operation] = []
    while at < len(body):
        operation, at = _operation(body, at)
        found.append(operation)
    return tuple(found)


def _body(text: str) -> list[str]:
    lines = [line.removesuffix("\r") for line in text.strip().split("\n")]
    wrapped = len(lines) >= 4 and lines[0] in WRAPPERS and lines[-1].endswith("EOF")
    if wrapped:
        lines = lines[1:-1]
    if lines[0].strip() != BEGIN and any(lines):
        raise PatchError(None, f"The first line of the patch must be '{BEGIN}'")
    if len(lines) < 2 or lines[-1].strip() != END:
        raise PatchError(None, f"The last line of the patch must be '{END}'")
    return lines[1:-1]


def _environment(body: list[str]) -> int:
    at = 0
    while at < len(body) and body[at].strip().startswith(ENVIRONMENT):
        if not body[at].strip().removeprefix(ENVIRONMENT).strip():
            raise PatchError(None, "apply_patch environment_id cannot be empty")
        at += 1
        if at > 1:
            raise PatchError(None, "apply_patch environment_id cannot be specified more than once")
    return at


def _operation(body: list[str], at: int) -> tuple[Operation, int]:
    header = body[at].strip()
    _nameable(header, at)
    if path := _path(header, ADD):
        stop = at + 1
        while stop < len(body) and body[stop].startswith("+"):
            stop += 1
        return Add(path, tuple(line[1:] for line in body[at + 1 : stop])), stop
    if path := _path(header, DELETE):
        return Delete(path), at + 1
    if path := _path(header, UPDATE):
        return _update(body, at, path)
    raise PatchError(
        at + 2,
        f"'{header}' is not a valid hunk header. Valid hunk headers: "
        f"'{ADD}{{path}}', '{DELETE}{{path}}', '{UPDATE}{{path}}'",
    )


def _nameable(header: str, at: int) -> None:
    try:
        header.encode("utf-8", "surrogateescape")
        if "\0" not in header:
            return
    except UnicodeEncodeError:
        pass
    raise PatchError(at + 2, f"{header!a} holds a character that no path can hold")


def _path(header: str, kind: str) -> str:
    return header.removeprefix(kind).rstrip() if header.startswith(kind) else ""


def _update(body: list[str], header: int, path: str) -> tuple[Update, int]:
    at = header + 1
    move_to = _path(body[at], MOVE) if at < len(body) else ""
    if move_to:
        _nameable(move_to, at)
        at += 1
    blocks: list[Block] = []
    while at < len(body):
        line = body[at]
        if not line.strip():
            at += 1
            continue
        # An indented header is a context line until a block has ended in End of File.
        if line.startswith("***") or (blocks and line.strip().startswith((ADD, DELETE, UPDATE))):
            break
        block, at = _block(body, at, first=not blocks)
        blocks.append(block)
    if not blocks:
        raise PatchError(header + 2, f"Update file hunk for path '{path}' is empty")
    return Update(path, move_to or None, tuple(blocks)), at


def _block(body: list[str], at: int, *, first: bool) -> tuple[Block, int]:
    contexts: list[str] = []
    start = at
    # Codex's parser takes one `@@` line, the grammar it gives to models several: so do we.
    while at < len(body) and (body[at].rstrip() == "@@" or body[at].startswith("@@ ")):
        if context := body[at][3:]:
            contexts.append(context)
        at += 1
    if at == start and not first:
        raise PatchError(
            at + 2,
            f"Expected update hunk to start with a @@ context marker, got: '{body[at]}'",
        )
    lines: list[str] = []
    while at < len(body):
        line = body[at]
        if line.rstrip() == LAST and lines:
            return Block(tuple(contexts), tuple(lines), end=True), at + 1
        if line and line[0] not in " +-":
            break
        lines.append(line or " ")
        at += 1
    if lines:
        return Block(tuple(contexts), tuple(lines)), at
    if at == len(body) or body[at].rstrip() == LAST:
        raise PatchError(at + 2, "Update hunk does not contain any lines")
    raise PatchError(
        at + 2,
        f"Unexpected line found in update hunk: '{body[at]}'. Every line should start with "
        "' ' (context line), '+' (added line), or '-' (removed line)",
    )
