"""The one door to the user's machine; `under` gives a narrower one."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, BinaryIO

from codex_py.dataclass import dataclass
from codex_py.effects import Effects
from codex_py.host.background import Background, Process
from codex_py.host.confine import Confinement, Ground, Unconfined
from codex_py.host.confined import Unopenable
from codex_py.host.given import WEAK, Read, Undeclared
from codex_py.host.held import Held
from codex_py.host.interpreter import Interpreter
from codex_py.host.opened import leads_out
from codex_py.host.output import ROOM, Collected
from codex_py.host.processes import Plain, Ran, Running, environment, run
from codex_py.host.whole import MOST, Whole
from codex_py.redact import NOTHING, Redactor

if TYPE_CHECKING:
    from codex_py.host.change import Change
    from codex_py.host.tree import Hits, Item

__all__ = ["Host", "Read", "Unconfined", "Undeclared", "Unopenable", "open_host"]


@dataclass(frozen=True, slots=True)
class Host:
    """The machine as a tool may use it. `allowed` None means: nothing yet.

    Contract: a path or command outside `allowed` raises Undeclared, whoever asks. Paths are
    opened as they were resolved: a link that appears in between is not followed.
    """

    cwd: str
    roots: tuple[str, ...]
    environ: Mapping[str, str]
    confined: Confinement
    free: bool = False
    """Every command is to run without a question, confined."""
    temporary: str = ""
    """The folder that holds the /tmp which commands see, when it is their own."""
    timeout: float = 120.0
    most: int = MOST
    """Bytes of one command's whole output that are kept in its file."""
    allowed: Effects | None = None
    mode: str = ""
    hidden: frozenset[str] = field(default_factory=frozenset)
    """Names of environment variables that no command sees: our own keys."""
    clean: Redactor = NOTHING
    """Takes known secrets out of what commands say."""
    background: Background = field(default_factory=Background)
    """The processes that go on beside the turns."""
    interpreter: Interpreter = field(default_factory=Interpreter)
    """The Python that keeps its state from call to call."""

    @property
    def confinement(self) -> str:
        """What confines commands here, in a few words; empty when nothing does.

        The first question waits for the launcher, some hundredths of a second.
        """
        try:
            return self.confined.ready("workspace-write" if self.free else "read-only")
        except Unconfined:
            return ""

    @property
    def confines(self) -> bool:
        """Whether commands can be confined here."""
        return bool(self.confinement)

    @property
    def weakness(self) -> str:
        """What the confinement found here cannot enforce, for the user."""
        return WEAK.get(self.confinement, "")

    def at(self, folder: str) -> Host:
        """This host, relative paths counted from another folder."""
        return replace(self, cwd=os.path.normpath(os.path.join(self.cwd, folder)))

    def absolute(self, path: str, *, home: bool = True) -> str:
        """A path as given, made absolute; links are not resolved."""
        if home:
            path = os.path.expanduser(path)
        return os.path.join(self.cwd, path)

    def real(self, path: str) -> str:
        """The path with every link resolved.

        Where commands have a /tmp of their own, a path there means theirs, unless only the
        machine's own /tmp has such a file.
        """
        full = os.path.realpath(os.path.join(self.cwd, path))
        inner = self.confined.host_path(full) if self.temporary else full
        if inner == full or (os.path.lexists(full) and not os.path.lexists(inner)):
            return full
        real = os.path.realpath(inner)
        # A link that a command left in its /tmp leads where that path leads out here.
        return real if real.startswith(self.temporary + "/") else os.path.realpath(full)

    def outward(self, path: str) -> bool:
        """Whether a path that lies inside the workspace leads out of it by a link."""
        full = os.path.normpath(self.absolute(path))
        return leads_out(full, self.roots) and self.real(full) == os.path.realpath(full)

    def resolved(self, effects: Effects) -> Effects:
        """The same effects with every path real, as policy wants them."""
        return replace(
            effects,
            cwd=self.real(effects.cwd) if effects.cwd else None,
            reads=tuple(self.real(path) for path in effects.reads),
            writes=tuple(self.real(path) for path in effects.writes),
            links=tuple(
                os.path.join(self.real(os.path.dirname(path)), os.path.basename(path))
                for path in effects.writes
                if os.path.islink(path)
            ),
        )

    def openable(self, path: str) -> str:
        """The real path that would be opened for a command which wants `path`.

        What does not exist yet is reached through the nearest folder that does; empty when the
        path is free already. Raises Unopenable for what is never opened.
        """
        real = self.real(os.path.expanduser(path))
        if self.temporary and (real + "/").startswith(self.temporary + "/"):
            return ""
        return self.confined.openable(real)

    def under(self, effects: Effects, mode: str = "") -> Host:
        """This host, allowing these effects and no others; commands confined as `mode` says."""
        return replace(self, allowed=effects, mode=mode)

    def without_keys(self, names: frozenset[str], clean: Redactor = NOTHING) -> Host:
        """This host, its commands not seeing these variables, nor others that hold a key of ours,
        and what they say cleaned of secrets.
        """
        keys = Redactor(self.environ[name] for name in names if self.environ.get(name))
        names |= {name for name, value in self.environ.items() if keys.holds(value)}
        return replace(self, hidden=self.hidden | names, clean=self.clean + clean)

    def digest(self, data: bytes) -> str:
        """What stands for a file's content in the log."""
        return hashlib.sha256(data).hexdigest()[:32]

    def read(self, path: str, most: int) -> Read:
        """A declared file's content. Raises OSError; larger files than `most` bytes too."""
        from codex_py.host import files  # late: not every turn reads

        real = self._may(self.real(os.path.expanduser(path)), "reads")
        data = files.read(real, most)
        return Read(real, data, self.digest(data))

    def content(self, path: str) -> bytes | None:
        """What a file that may be written holds now; None when there is none."""
        from codex_py.host import files  # late: not every turn reads

        real = self._may(self.real(path), "writes")
        return files.read(real) if os.path.lexists(real) else None

    def link(self, path: str) -> str | None:
        """What a link points to; None for anything else."""
        full = os.path.join(self.cwd, path)
        return os.readlink(full) if os.path.islink(full) else None

    def commit(self, changes: Sequence[Change]) -> tuple[dict[str, str], tuple[str, ...]]:
        """Write all changes or none: each file's digest as it is now, and notes."""
        from codex_py.host import files  # late: not every turn writes
        from codex_py.host.change import wishes  # late: not every turn writes

        wanted = wishes(changes, self.real)
        for wish in wanted:
            # A link that goes is declared by what it points to, which is judged more strictly.
            self._may(self.real(wish.path) if wish.link else wish.path, "writes")
        notes = files.commit(wanted)
        now = {wish.path: self.digest(wish.after) for wish in wanted if wish.after is not None}
        return now, notes

    def listing(self, path: str, depth: int, most: int) -> tuple[list[Item], bool]:
        """What is in a declared folder, and whether there is more."""
        from codex_py.host.tree import walk  # late: loads the ignore rules

        top = self._may(self.real(os.path.expanduser(path)), "reads")
        if not os.path.isdir(top):
            raise NotADirectoryError(20, "Not a folder", path)
        found: list[Item] = []
        for item in walk(top, depth):
            if len(found) == most:
                return found, True
            found.append(item)
        return found, False

    def search(
        self, path: str, pattern: str, *, glob: str, fixed: bool, ignore_case: bool, limit: int
    ) -> Hits:
        """Lines under a declared path that match, read behind the walls of commands."""
        from codex_py.host.searching import search  # late: not every turn searches

        top = self._may(self.real(os.path.expanduser(path)), "reads")
        if not os.path.exists(top):
            raise FileNotFoundError(2, "No such file or folder", path)
        return search(
            self, top, pattern, glob=glob, fixed=fixed, ignore_case=ignore_case, limit=limit
        )

    async def run(
        self,
        command: str,
        workdir: str,
        seconds: float,
        say: Callable[[str], None],
        spill: Callable[[], tuple[str, BinaryIO]],
        *,
        room: int = ROOM,
    ) -> Ran:
        """Run the declared command in its folder; `seconds` 0 means the default time-out.

        At most `room` bytes of output come back; the whole of a longer one goes to the spill.
        """
        cwd = self.real(os.path.expanduser(workdir))
        if self.allowed is None or command != self.allowed.command or cwd != self.allowed.cwd:
            raise Undeclared(1, "this command was not declared", command[:80])
        wait = seconds or self.timeout
        output = Collected(say, spill, room, self.clean, self.most)
        return await run(self._launch, command, cwd, seconds=wait, output=output)

    def start(
        self,
        command: str,
        workdir: str,
        spill: Callable[[int], tuple[str, BinaryIO]],
        terminal: bool = False,
    ) -> Process:
        """Start the declared command in its folder and let it go on, until the session ends."""
        cwd = self.real(os.path.expanduser(workdir))
        if self.allowed is None or command != self.allowed.command or cwd != self.allowed.cwd:
            raise Undeclared(1, "this command was not declared", command[:80])
        mode = self.mode
        process = self.background.start(
            self._launch_beside,
            command,
            cwd,
            mode,
            lambda number: Whole(lambda: spill(number), self.most),
            self.clean,
            terminal,
        )
        process.opened = self.allowed
        return process

    async def type(self, process: Process, text: str) -> None:
        """Write the declared text to the input of the declared process. Raises OSError."""
        allowed = self.allowed
        if allowed is None or (text, process.name) != (allowed.typed, allowed.into):
            raise Undeclared(1, "this input was not declared", text[:80])
        await process.write(text)

    async def hold(self, command: str, line: str) -> Held:
        """Start `line`, which does what the declared command says, to be spoken with."""
        if self.allowed is None or command != self.allowed.command:
            raise Undeclared(1, "this command was not declared", command[:80])
        held = Held(asyncio.get_running_loop())
        await held.begin(self._launch_beside, line, self.allowed.cwd or self.cwd)
        return held

    def close(self) -> None:
        """End what was started."""
        self.background.close()
        self.interpreter.close()
        self.confined.close()

    def _launch_beside(self, command: str, cwd: str, out: int, stdin: int) -> Running:
        if self.mode:
            return self.confined.launch(
                self.mode, command, cwd, out, stdin=stdin, opened=self.allowed
            )
        env = environment(self.environ, self.hidden)
        found = self.confined.launch_open(command, cwd, out, stdin, env)
        return found or Plain(command, cwd, out, env, stdin)

    def _launch(self, command: str, cwd: str, out: int, *, wall: float | None = None) -> Running:
        if self.mode:
            return self.confined.launch(self.mode, command, cwd, out, wall, opened=self.allowed)
        return Plain(command, cwd, out, environment(self.environ, self.hidden))

    def _may(self, real: str, what: str) -> str:
        paths: tuple[str, ...] = getattr(self.allowed, what) if self.allowed else ()
        if real not in paths:
            raise Undeclared(1, f"not declared under {what}", real)
        return real


def open_host(
    ground: Ground,
    environ: Mapping[str, str],
    *,
    timeout: float,
    free: bool = False,
    most: int = MOST,
) -> Host:
    """The host of a session; what confines commands starts in the background.

    Raises Unconfined at once when it is `free` to run commands and the workspace cannot be
    confined at all; whether the kernel enforces is known a little later.
    """
    confined = Confinement(ground, environ)
    try:
        confined.begin("workspace-write" if free else "read-only")
    except Unconfined:
        if free:
            raise
    temporary = confined.temporary() if free else ""
    return Host(
        ground.cwd,
        ground.roots,
        environ,
        confined,
        free=free,
        temporary=temporary,
        timeout=timeout,
        most=most,
    )
