"""What really happened in a turn, as a fold over its entries; no word of the model counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from codex_py.core.entries import (
    Checked,
    Context,
    Decision,
    Entry,
    Image,
    Json,
    ToolCall,
    ToolResult,
    User,
    words,
)
from codex_py.core.kept import Touched
from codex_py.core.receipt.log.rewritten import rewritten
from codex_py.core.receipt.log.runs import Run, runs
from codex_py.core.receipt.log.testing import Tests, test_runs
from codex_py.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """A command that ran, or was started and is still running (`exit_code` None)."""

    n: int
    """The entry that tells of it."""
    command: str
    cwd: str
    exit_code: int | None
    signal: int | None
    timed_out: bool
    seconds: float
    output: str
    """What the model was shown of the output."""
    tests: tuple[Tests, ...] = ()
    confined: str = ""
    network: bool = False
    harness: bool = False
    """The harness ran it, as a required check, not the model."""
    running: bool = False
    """It went on in the background."""

    @property
    def ok(self) -> bool:
        """It ended by itself with 0."""
        return self.exit_code == 0 and not self.timed_out and self.signal is None

    @property
    def runs(self) -> tuple[Run, ...]:
        """The programs of its line."""
        return runs(self.command)


@dataclass(frozen=True, slots=True)
class File:
    """A file that an edit or a command changed; `kind` is add, update or delete."""

    n: int
    path: str
    kind: str
    added: int | None = None
    """Lines; None where it is not known, as for a binary file."""
    removed: int | None = None
    moved_from: str = ""
    by: str = "edit"
    """`edit` for an editing tool, `command` for a command."""


@dataclass(frozen=True, slots=True)
class Denied:
    """Something that was refused, by a person, for want of one, or by the sandbox."""

    n: int
    what: str
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Look:
    """A file, listing, search, page or picture that a tool showed the model."""

    n: int
    tool: str
    target: str
    ok: bool
    output: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the log says about some entries, in order."""

    commands: tuple[Command, ...] = ()
    files: tuple[File, ...] = ()
    denied: tuple[Denied, ...] = ()
    looks: tuple[Look, ...] = ()
    pictures: tuple[tuple[int, str], ...] = ()
    """Entry and name of each picture the model was shown."""
    network: str = "off"
    """`off`, `possible` (a command could have used it) or `used`."""
    said: tuple[tuple[int, str], ...] = field(default=(), repr=False)
    """What the user and the project's own documents said, by entry."""

    written: str = field(default="", repr=False)
    """The text of what the model wrote into files and commands."""

    @property
    def tests(self) -> tuple[tuple[Command, Tests], ...]:
        """Every test run with its command, in order."""
        return tuple((each, one) for each in self.commands for one in each.tests)

    def changed_after(self, n: int) -> tuple[File, ...]:
        """The files that changed after an entry."""
        return tuple(each for each in self.files if each.n > n)

    @property
    def stale(self) -> tuple[str, ...]:
        """Files that changed after the last test run; empty when there was none."""
        if not self.tests:
            return ()
        last = self.tests[-1][0].n
        return tuple(dict.fromkeys(each.path for each in self.changed_after(last)))


def facts(entries: Sequence[Entry]) -> Facts:
    """Fold entries into facts."""
    calls = {entry.call_id: entry for entry in entries if isinstance(entry, ToolCall)}
    results = {entry.call_id: entry for entry in entries if isinstance(entry, ToolResult)}
    decisions = {entry.call_id: entry for entry in entries if isinstance(entry, Decision)}
    commands: list[Command] = []
    files: list[File] = []
    denied: list[Denied] = []
    looks: list[Look] = []
    pictures: list[tuple[int, str]] = []
    said: list[tuple[int, str]] = []
    for entry in entries:
        if isinstance(entry, User):
            said.append((entry.n, words(entry.parts)))
            pictures += [(entry.n, part.name) for part in entry.parts if isinstance(part, Image)]
        elif isinstance(entry, Context):
            said.append((entry.n, entry.text))
        elif isinstance(entry, Touched):
            files += _touched(entry, results, decisions)
        elif isinstance(entry, Checked):
            commands.append(_checked(entry))
        elif isinstance(entry, ToolResult):
            call, decision = calls.get(entry.call_id), decisions.get(entry.call_id)
            pictures += [(entry.n, part.name) for part in entry.parts if isinstance(part, Image)]
            denied += _denied(entry, call, decision)
            files += _files(entry)
            if "command" in entry.data or entry.data.get("python"):
                commands.append(_command(entry, decision))
            elif call is not None and _looked(entry, call, decision):
                looks.append(_look(entry, call, decision))
    known = {entry.call_id for entry in entries if isinstance(entry, Touched)}
    for result in results.values():
        line = str(result.data.get("command", "")) if result.ok else ""
        if result.call_id not in known and (path := rewritten(line)):
            files.append(File(result.n, path, "update", by="command"))
    return Facts(
        tuple(commands),
        tuple(sorted(files, key=lambda each: each.n)),
        tuple(denied),
        tuple(looks),
        tuple(pictures),
        _network(commands, looks),
        tuple(said),
        _written(entries),
    )


def _written(entries: Sequence[Entry]) -> str:
    """Arguments of calls and diffs: figures in there were set, not measured."""
    found = [entry.arguments for entry in entries if isinstance(entry, ToolCall)]
    for entry in entries:
        for each in entry.data.get("changes", ()) if isinstance(entry, ToolResult) else ():
            found.append(str(each.get("diff", "")))
    return "\n".join(found)[-400_000:]


def _command(entry: ToolResult, decision: Decision | None) -> Command:
    data = entry.data
    output = words(entry.parts)
    code = data.get("exit_code")
    line = str(data.get("command", ""))
    if data.get("python"):
        # the interpreter goes on living; a call of it ends well or with an error
        code = 0 if entry.ok else 1
        line = str(decision.effects.get("command", "python")) if decision else "python"
    timed_out = bool(data.get("timed_out"))
    ended = code if isinstance(code, int) and not timed_out and not data.get("signal") else None
    return Command(
        n=entry.n,
        command=line,
        cwd=str(data.get("cwd", "")).removesuffix("/."),
        exit_code=code if isinstance(code, int) else None,
        signal=data.get("signal"),
        timed_out=timed_out,
        seconds=float(data.get("seconds", entry.seconds) or 0),
        output=output,
        tests=test_runs(line, ended, output),
        confined=str(data.get("confined", "")),
        network=bool(data.get("network")) or _may_network(decision),
        running=bool(data.get("running")),
    )


def _may_network(decision: Decision | None) -> bool:
    return decision is not None and bool(decision.effects.get("network"))


def _checked(entry: Checked) -> Command:
    return Command(
        n=entry.n,
        command=entry.command,
        cwd="",
        exit_code=entry.exit_code,
        signal=None,
        timed_out=entry.timed_out,
        seconds=entry.seconds,
        output=entry.output,
        tests=test_runs(entry.command, entry.exit_code, entry.output),
        confined=entry.confined,
        harness=True,
    )


def _files(entry: ToolResult) -> list[File]:
    return [_file(entry.n, each, "edit") for each in entry.data.get("changes", ())]


_BECAME = {"created": "add", "deleted": "delete"}


def _touched(
    entry: Touched, results: Mapping[str, ToolResult], decisions: Mapping[str, Decision]
) -> list[File]:
    """What a command changed; an edit has told of its changes itself.

    The files count from the command's own entry: what a test run leaves behind is no change
    after it.
    """
    result, decision = results.get(entry.call_id), decisions.get(entry.call_id)
    if result is None or decision is None or "command" not in decision.effects:
        return []
    return [
        File(result.n, path, _BECAME.get(how, "update"), by="command") for path, how in entry.paths
    ]


def _file(n: int, data: Json, by: str) -> File:
    added, removed = data.get("added"), data.get("removed")
    return File(
        n=n,
        path=str(data.get("path", "")),
        kind=str(data.get("kind", "update")),
        added=int(added) if isinstance(added, int) else None,
        removed=int(removed) if isinstance(removed, int) else None,
        moved_from=str(data.get("from", "")),
        by=by,
    )


def _denied(entry: ToolResult, call: ToolCall | None, decision: Decision | None) -> list[Denied]:
    found: list[Denied] = []
    if decision is not None and decision.verdict == "deny" and decision.by != "policy":
        name = call.name if call else "call"
        what = str(decision.effects.get("command", "")) or ", ".join(
            map(str, decision.effects.get("writes", []))
        )
        found.append(
            Denied(entry.n, f"{name}: {what}" if what else name, decision.by, decision.reason)
        )
    for each in entry.data.get("denied", ()):
        what = f"{each.get('kind', '')} {each.get('target', '')}".strip()
        found.append(Denied(entry.n, what, "sandbox", str(each.get("why", ""))))
    return found


_SILENT = frozenset({"apply_patch", "edit_file", "write_file", "update_plan"})
"""Tools that show the model nothing of the project."""


def _looked(entry: ToolResult, call: ToolCall, decision: Decision | None) -> bool:
    allowed = decision is None or decision.verdict == "allow"
    return allowed and call.name not in _SILENT and not entry.data.get("changes")


def _look(entry: ToolResult, call: ToolCall, decision: Decision | None) -> Look:
    reads = decision.effects.get("reads", []) if decision is not None else []
    target = str(entry.data.get("read", "")) or ", ".join(map(str, reads)) or call.arguments[:200]
    return Look(entry.n, call.name, target, entry.ok, words(entry.parts))


_WEB = frozenset({"web_search", "web_fetch", "fetch"})


def _network(commands: Sequence[Command], looks: Sequence[Look]) -> str:
    if any(look.tool in _WEB and look.ok for look in looks):
        return "used"
    reaching = [each for each in commands if each.network or not each.confined]
    if any(each.network and each.ok and _reaches(each) for each in reaching):
        return "used"
    return "possible" if reaching else "off"


_CLIENTS = frozenset({"curl", "wget", "ssh", "scp", "ping", "http", "https", "nc", "dig", "git"})


def _reaches(command: Command) -> bool:
    return any(run.name in _CLIENTS for run in command.runs)
