"""Pure: what a call would touch becomes a decision. The only place that knows the modes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace

from codex_py.core.entries import Changed, Decision, Entry, Resumed
from codex_py.core.modes import MODES as MODES
from codex_py.core.modes import Mode as Mode
from codex_py.dataclass import dataclass
from codex_py.effects import Effects, option

EDITS_FREE = {"suggest": False, "auto-edit": True, "full-auto": True}
COMMANDS_FREE = {"suggest": False, "auto-edit": False, "full-auto": True}


PROTECTED = frozenset(
    {
        ".git",
        ".codex-py",
        ".codex",
        ".claude",
        ".vscode",
        ".idea",
        ".devcontainer",
        ".envrc",
        ".mcp.json",
        ".husky",
        ".gitmodules",
    }
)
"""Names of what makes git, editors, shells or agents run code."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a command line as the reader of command lines saw it."""

    text: str
    reading: bool
    why: str
    reads: tuple[str, ...] = ()
    walled: bool = False
    """It only reads as long as it is confined: git may run what a repository names."""
    known: bool = True
    """False for a line of which a part could not be read: no remembered answer covers that."""


ReadLine = Callable[[str, str], tuple[Piece, ...]]
"""Reads a command line as it would run in a folder; the paths it names come back real."""


UNWALLED = "it may start programs that the project names, and nothing can confine it here"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user allowed. Every path here and in the effects is real: links resolved."""

    mode: Mode
    roots: tuple[str, ...]
    """Folders whose contents may be edited: the workspace and `--add-dir` folders."""
    confines: bool = False
    """Commands can be confined by the operating system here."""
    protected: frozenset[str] = PROTECTED
    """Names, lower case, that no edit inside the roots passes through without a question."""
    secret: tuple[str, ...] = ()
    """Paths that are not read without a question: keys, tokens, our own folder."""
    shown: tuple[str, ...] = ()
    """Paths inside the secret ones that may be read: this session's own whole outputs."""
    search: str = ""
    """What the provider itself may look up on the web: nothing, `cached` or `live`. It sends out
    words of the conversation, so only the user's own option or setting allows it."""
    granted: frozenset[str] = field(default_factory=frozenset)
    """What the user allowed for this sitting: `command: PREFIX`, `edit: PATH`, `type: PROCESS`,
    and what is open to commands too: `write: PATH`, `read: PATH`, `network`."""


def decide(policy: Policy, effects: Effects, read_line: ReadLine) -> Decision:
    """What may happen to a call with these effects. `read_line` reads a command line.

    The verdict is `allow` or `ask`; who answers the question decides what `ask` becomes.
    """
    found = _decide(policy, effects, read_line)
    return Decision(
        verdict="ask" if found.ask else "allow",
        reason=found.reason,
        confined=found.confined,
        grant=found.grant,
        effects=effects.plain(),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    ask: bool
    reason: str
    confined: str = ""
    grant: str = ""


def _decide(policy: Policy, effects: Effects, read_line: ReadLine) -> _Found:
    if effects.unknown:
        return _Found(True, "the tool cannot say what it would touch")
    if effects.command is not None:
        found = _wish(policy, effects)
        found = found or _command(policy, effects.command, effects.cwd or "", read_line)
        if effects.confined and policy.confines and not found.confined:
            return replace(found, confined="workspace-write")
        return found
    if effects.typed is not None:
        return _typed(policy, effects)
    if effects.network:
        return _Found(True, "it would use the network")
    for path in effects.reads:
        if _closed(policy, path):
            return _Found(True, f"{path} may hold keys, tokens or other secrets")
    for path in effects.outward:
        if f"read: {path}" not in policy.granted:
            return _Found(True, f"{path} is a link that leads out of the workspace")
    edit = _edits(policy, effects.writes)
    if edit is not None:
        return edit
    return _Found(False, "reading is free")


def _wish(policy: Policy, effects: Effects) -> _Found | None:
    """The question about what a command wants beyond what confines it; None when all is open."""
    writes = [path for path in effects.writes if _shut(policy, path)]
    reads = [path for path in effects.reads if not inside(path, opened(policy.granted, "read"))]
    network = effects.network and "network" not in policy.granted
    told = [f"to write {path}, {_shut(policy, path)}" for path in writes]
    told += [f"to read {path}, which is closed to commands" for path in reads]
    told += ["to use the network"] if network else []
    if not told:
        return None
    confined = "workspace-write" if policy.confines else ""
    reason = f"it wants {'; '.join(told)}"
    return _Found(True, reason, confined, option(writes, reads, network=network))


def _shut(policy: Policy, path: str) -> str:
    """Why a command may not write a path without a question; empty when it may."""
    if inside(path, opened(policy.granted, "write")):
        return ""
    if _secret(policy, path):
        return "which belongs to the agent or holds secrets"
    root = next((each for each in policy.roots if inside(path, (each,))), "")
    if not root:
        return "outside the workspace"
    if policy.protected & set(plainly(path[len(root) :]).split("/")):
        return "which is protected: git or other programs run what is in it"
    return ""


def opened(granted: Iterable[str], kind: str) -> tuple[str, ...]:
    """The paths that grants of a kind, `write` or `read`, hold open."""
    return tuple(each[len(kind) + 2 :] for each in granted if each.startswith(f"{kind}: "))


def widened(policy: Policy, effects: Effects) -> Effects:
    """A command's effects with what the user opened to all commands of this sitting."""
    if effects.command is None or not policy.granted:
        return effects
    writes = sorted({*effects.writes, *opened(policy.granted, "write")})
    reads = sorted({*effects.reads, *opened(policy.granted, "read")})
    network = effects.network or "network" in policy.granted
    return replace(effects, writes=tuple(writes), reads=tuple(reads), network=network)


def _edits(policy: Policy, writes: tuple[str, ...]) -> _Found | None:
    if not writes:
        return None
    for path in writes:
        if f"edit: {path}" in policy.granted:
            continue
        if _secret(policy, path):
            return _Found(True, f"{path} belongs to the agent or holds secrets")
        roots = (*opened(policy.granted, "write"), *policy.roots)
        root = next((each for each in roots if inside(path, (each,))), "")
        if not root:
            return _Found(True, f"{path} is outside the workspace", grant=f"--add-dir {up(path)}")
        if policy.protected & set(plainly(path[len(root) :]).split("/")):
            return _Found(True, f"{path} is protected: git or other programs run what is in it")
        if not EDITS_FREE[policy.mode]:
            return _Found(
                True, f"{policy.mode} mode asks before edits", grant="--approval-mode auto-edit"
            )
    return _Found(False, "edits inside the workspace are free in this mode")


def _command(policy: Policy, command: str, cwd: str, read_line: ReadLine) -> _Found:
    if COMMANDS_FREE[policy.mode]:
        if policy.confines:
            return _Found(False, "every command is confined in this mode", "workspace-write")
        return _Found(True, "commands cannot be confined on this machine")
    pieces = read_line(command, cwd)
    asking = [piece for piece in pieces if not piece.reading]
    if not policy.confines:
        asking += [replace(piece, why=UNWALLED) for piece in pieces if piece.walled]
    secrets = [path for piece in pieces for path in piece.reads if _closed(policy, path)]
    hides = policy.confines and not asking  # what was allowed once runs as the user would run it
    wide = [] if hides else [each for each in _looked(pieces, cwd) if _holds(policy, each)]
    if pieces and not asking and not secrets and not wide:
        confined = "read-only" if policy.confines else ""
        return _Found(False, "every part of the command only reads", confined)
    if secrets:
        return _Found(True, f"{secrets[0]} may hold keys, tokens or other secrets")
    if pieces and all(_granted(policy, piece) for piece in asking):
        if wide:
            return _Found(True, f"{wide[0]} holds what may be secret, and nothing would hide it")
        return _Found(False, "you allowed this command earlier in this session")
    first = asking[0] if asking else Piece(command, False, "it could not be understood")
    return _Found(True, f"`{_short(first.text)}`: {first.why}", grant="--approval-mode full-auto")


def _typed(policy: Policy, effects: Effects) -> _Found:
    """Input of a running process does whatever that process does with it."""
    confined = effects.walled
    if f"type: {effects.into}" in policy.granted:
        return _Found(False, "you allowed typing into it earlier in this session", confined)
    wish = _wish(policy, effects) if effects.walled else None
    if wish is not None:
        return replace(wish, reason=f"it would be typed into {effects.into}, to which was opened: "
            f"{wish.reason.removeprefix('it wants ')}")  # fmt: skip
    if COMMANDS_FREE[policy.mode] and effects.walled:
        return _Found(False, "the process is confined, whatever it does with it", confined)
    how = "is confined" if effects.walled else "runs as you would run it"
    return _Found(True, f"it would be typed into {effects.into}, which {how}", confined)


def _granted(policy: Policy, piece: Piece) -> bool:
    words = " ".join(piece.text.split())
    if not piece.known or set(words) & set("<>$`"):
        return False  # what is redirected or substituted is more than the prefix allowed
    for grant in policy.granted:
        prefix = grant.removeprefix("command: ")
        if prefix != grant and (words == prefix or words.startswith(prefix + " ")):
            return True
    return False


def plainly(path: str) -> str:
    """A path as a forgiving file system may read it: case and invisible characters dropped."""
    if path.isascii():
        return path.lower()
    import unicodedata  # late: hardly any path needs it

    folded = unicodedata.normalize("NFKC", path).casefold()
    return "".join(each for each in folded if unicodedata.category(each) != "Cf")


def _secret(policy: Policy, path: str) -> bool:
    return inside(path, policy.secret) and not inside(path, policy.shown)


def _closed(policy: Policy, path: str) -> bool:
    return _secret(policy, path) and not inside(path, opened(policy.granted, "read"))


def _looked(pieces: Sequence[Piece], cwd: str) -> Iterable[str]:
    """Where the reading parts of a line may look, whether or not they name it."""
    reading = [piece for piece in pieces if piece.reading]
    return (*([cwd] if reading else []), *(path for piece in reading for path in piece.reads))


def _holds(policy: Policy, folder: str) -> bool:
    return bool(folder) and any(inside(each, (folder,)) for each in policy.secret)


def inside(path: str, roots: tuple[str, ...]) -> bool:
    """Whether a real path is one of the roots or lies beneath one."""
    return any(path == root or path.startswith(root.rstrip("/") + "/") for root in roots)


def up(path: str) -> str:
    """The folder a path lies in."""
    return path.rpartition("/")[0] or "/"


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 80 else flat[:77] + "…"


def standing(policy: Policy, entries: Sequence[Entry]) -> Policy:
    """The policy as the log has it now: the mode last chosen, the grants of this sitting."""
    mode = policy.mode
    granted = set(policy.granted)
    for entry in entries:
        if isinstance(entry, Resumed):
            mode, granted = policy.mode, set(policy.granted)
        elif isinstance(entry, Decision):
            if entry.verdict == "allow":
                granted.update(each for each in (entry.remember, *entry.opened) if each)
        elif isinstance(entry, Changed) and entry.setting == "grant":
            granted.add(entry.value)
        elif isinstance(entry, Changed) and entry.setting == "mode" and entry.value in MODES:
            mode = entry.value
    if mode == policy.mode and len(granted) == len(policy.granted):
        return policy
    return replace(policy, mode=mode, granted=frozenset(granted))
