"""Rooms without namespaces of our own: Landlock and seccomp alone, system bubblewrap, or open."""

from __future__ import annotations

import _socket
import os
import time

from codex_py_sandbox import (
    _bpf,
    _child,
    _enter,
    _landlock,
    _meta,
    _tree,
    _wire,
    guard,
    layout,
)
from codex_py_sandbox import _linux as lx
from codex_py_sandbox._rooms import FORWARDED, Room
from codex_py_sandbox.plan import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as sig
    from collections.abc import Mapping
    from typing import Any
else:
    import _signal as sig


class Open(Room):
    """No walls at all, but the same ending of the whole tree: for commands a person approved."""

    name = "unrestricted"
    command_flags = 0
    mounted = False

    @staticmethod
    def flags(plan: Plan) -> int:
        return 0

    def prepare(self, uid: int, gid: int) -> None:
        """Become the room; commands that lose their supervisor come to us and are ended."""
        lx.prctl(lx.PR_SET_CHILD_SUBREAPER, 1)
        lx.prctl(lx.PR_SET_PDEATHSIG, sig.SIGKILL)
        sig.pthread_sigmask(sig.SIG_BLOCK, [sig.SIGCHLD, _tree.END, *FORWARDED])
        sig.signal(sig.SIGCHLD, sig.SIG_DFL)

    def signal(self, pidfd: int, number: int) -> None:
        """SIGKILL becomes a message: the supervisor must live to end the tree."""
        super().signal(pidfd, _tree.END if number == sig.SIGKILL else number)

    def _confine(self) -> None:
        self._forget()
        lx.prctl(lx.PR_SET_PDEATHSIG, _tree.END)
        os.setsid()
        lx.prctl(lx.PR_SET_CHILD_SUBREAPER, 1)

    def prove(self) -> None:
        """There is nothing to prove."""

    def mend(self) -> bool:
        """There are no mounts of ours to check."""
        return False

    def lock_down(self) -> None:
        """Confine the process that will become the command."""

    def command(self, job: Mapping[str, Any]) -> list[str]:
        """The argument list to run, with its program found."""
        path = _child.find(job["argv"][0], job["env"])
        return [path, *job["argv"][1:]]

    def before(self) -> None:
        """Remember what is looked at again after the command."""
        self.watch()
        self.marks = self.stamps()

    def after(self) -> list[str]:
        """Put right what the command left: lines of events."""
        return self.looked(self.marks) if self.plan.mode == "workspace-write" else []

    def run(self, job: Mapping[str, Any], fds: tuple[int, int, int], status: int) -> None:
        deadline = time.monotonic() + job["wall"] if job["wall"] else None
        try:
            self.before()
            pid = self._spawn(job, fds)
        except OSError as error:
            self.after()
            _child.report(status, f"error {error.errno} {error.strerror}")
            return
        for fd in fds:
            os.close(fd)
        code, late = _tree.supervise(pid, deadline, self.steward())
        _tree.end_descendants()
        lines = self.after()
        _child.report(status, "\n".join([f"exit {code} {int(late)}", *lines]))

    def steward(self) -> _meta.Steward | None:
        """Who answers what the filter asks; nobody where it asks nothing."""
        return None

    def _spawn(self, job: Mapping[str, Any], fds: tuple[int, int, int]) -> int:
        if job["tty"]:
            _child.terminal(fds[0])
        argv = self.command(job)
        read, write = os.pipe()
        write = lx.high(write)
        pid = os.fork()
        if pid == 0:
            try:
                self._become(job, argv, fds)
            except OSError as error:
                os.write(write, f"{error.errno} {error.strerror}".encode()[:4000])
            finally:
                os._exit(126)
        os.close(write)
        try:
            answer = os.read(read, 4096).decode("utf-8", "replace")
        finally:
            os.close(read)
        if answer:
            os.waitpid(pid, 0)
            number, _, text = answer.partition(" ")
            raise OSError(int(number), text)
        return pid

    def _become(self, job: Mapping[str, Any], argv: list[str], fds: tuple[int, int, int]) -> None:
        """Turn this fork into the command; OSError when that fails."""
        keep = [os.dup(fd) for fd in fds]
        for number, fd in enumerate(keep):
            os.dup2(fd, number, inheritable=True)
        try:
            os.chdir(job["cwd"])
        except OSError as error:
            text = f"cannot work in {job['cwd']}: {error.strerror}"
            raise OSError(error.errno, text) from None
        self.lock_down()
        sig.pthread_sigmask(sig.SIG_SETMASK, [])
        for number in (sig.SIGPIPE, sig.SIGINT, sig.SIGCHLD, sig.SIGXFSZ):
            sig.signal(number, sig.SIG_DFL)
        try:
            os.execve(argv[0], [job["argv"][0], *argv[1:]], job["env"])
        except OSError as error:
            if error.errno == 8:
                os.execve("/bin/sh", ["sh", *argv], job["env"])
            raise OSError(error.errno, f"cannot run {argv[0]}: {error.strerror}") from None


class Landlocked(Open):
    """Landlock and seccomp, with git's dangerous files kept and put back around each command."""

    name = "landlock"

    def prepare(self, uid: int, gid: int) -> None:
        super().prepare(uid, gid)
        plan = self.plan
        self.abi = _landlock.abi()
        if not self.abi:
            raise OSError(95, "the kernel has no Landlock, or it is switched off")
        plan.overlays = []
        # The private /tmp cannot be mounted, so its host folder is named instead.
        if plan.tmp:
            self.env["TMPDIR"] = plan.tmp
        for name, place in layout.moved_caches(plan, self.env).items():
            self.env[name] = (plan.tmp or "/tmp") + place.removeprefix("/tmp")
        self.rules = bare_rules(plan, self.abi)
        self.fresh = any(held(plan, path) for path, _ in plan.roots)
        families = (_bpf.AF_NETLINK,) if plan.network == "off" else (
            _bpf.AF_NETLINK, _bpf.AF_INET, _bpf.AF_INET6
        )  # fmt: skip
        self.families = families
        # Someone above may be asked already, or nobody may look into other processes.
        asks = not lx.listener_above() and _enter.may_look()
        self.filter = _bpf.program(families=families, ask=_meta.ASKED if asks else ())
        self.asks = asks
        self.line: tuple[_socket.socket, _socket.socket] | None = None
        self.kept: guard.State = {}
        if "procs" in plan.limits:
            # Without a user namespace the kernel counts everything the user runs.
            plan.limits["procs"] += _tree.tasks(uid)
        self.ro = [path for path, how in plan.binds if how == "ro"]
        self.pins: list[tuple[str, int, int]] = []

    def prove(self) -> None:
        """As every room does."""
        Room.prove(self)

    def deaf(self) -> None:
        """Nobody would answer what its filter asks."""
        self.asks = False
        self.filter = _bpf.program(families=self.families)

    def _confine(self) -> None:
        super()._confine()
        if self.asks:
            # What we do for commands we do with their rights.
            lx.drop_bounding()
            lx.drop_capabilities()
            self.line = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)

    def steward(self) -> _meta.Steward | None:
        """Made of the listener that the command's own process sent before it became the command."""
        if self.line is None:
            return None
        self.line[1].close()
        text, fds = _wire.receive(self.line[0])
        return _meta.Steward(fds[0], self.plan) if text == "ear" else None

    def before(self) -> None:
        super().before()
        self.kept = guard.keep(self.ro)
        self.pins = guard.places(
            [path for path, how in self.plan.binds if how != "ro"] + self.plan.masks
        )

    def after(self) -> list[str]:
        aside = os.path.dirname(self.plan.tmp or "/tmp/x") + "/aside"
        changed = guard.return_moved(self.pins, aside)
        changed += guard.put_back(self.kept, aside)
        lines = [f"audit\t{path}\tit is protected and was put back" for path in changed]
        return lines + super().after()

    def lock_down(self) -> None:
        lx.drop_bounding()
        lx.drop_capabilities()
        _child.limit(self.plan.limits)
        lx.prctl(lx.PR_SET_NO_NEW_PRIVS, 1)
        # New files beside a denied one can be read by the next command.
        rules = bare_rules(self.plan, self.abi) if self.fresh else self.rules
        assert rules
        rules.restrict()
        listener = lx.load_filter(self.filter, listen=self.asks)
        if self.line is not None:
            _wire.send(self.line[1], "ear", [listener])
            os.close(listener)
            for end in self.line:
                end.close()


def bare_rules(plan: Plan, abi: int) -> _landlock.Ruleset:
    """Landlock rules that carry the whole policy: no mount helps here."""
    rules = _landlock.Ruleset(abi, reads=True, tcp=plan.network == "off", scope=True)
    for path, writable in plan.roots:
        # A rule reaches everything below, so a root that holds a denied file gives its
        # other files the right to be read one by one.
        reads = _landlock.LIST if held(plan, path) else _landlock.READS
        rules.allow(path, reads | (_landlock.WRITES_ALL if writable else 0))
    for path, how in plan.binds:
        inside = any(layout.beneath(path, root) for root, _ in plan.roots)
        if how != "ro" and inside:
            reads = _landlock.LIST if held(plan, path) else _landlock.READS
            rules.allow(path, reads | _landlock.WRITES_ALL)
    for path in (plan.tmp, plan.var_tmp, "/tmp", "/var/tmp", "/dev/shm", "/dev/pts"):
        if path:
            rules.allow(path if path in (plan.tmp, plan.var_tmp) else os.path.realpath(path))
    for name in ("null", "zero", "full", "random", "urandom", "tty", "ptmx"):
        rules.allow(f"/dev/{name}")
    for path in readable(plan.masks, ["/", *plan.shown]):
        rules.allow(path, _landlock.READS)
    return rules


def held(plan: Plan, path: str) -> bool:
    """Whether something that is denied lies below."""
    return any(layout.beneath(mask, path) for mask in plan.masks)


def readable(masks: list[str], tops: list[str]) -> list[str]:
    """All below `tops` but the masked: the siblings on the way down to each masked path."""
    out = [top for top in tops if top != "/" and not any(layout.beneath(m, top) for m in masks)]
    queue = [top for top in tops if top not in out]
    while queue:
        folder = queue.pop()
        if folder == "/dev":
            out += [f"/dev/{name}" for name in ("fd", "shm", "pts", "stdin", "stdout", "stderr")]
            continue
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            path = os.path.join(folder, name)
            if path in masks:
                continue
            if path == "/dev" or any(mask.startswith(path + "/") for mask in masks):
                queue.append(path)
            elif not os.path.islink(path):
                out.append(path)
    return out
