"""Rooms without namespaces of our own: Landlock and seccomp alone, system bubblewrap, or open."""

from __future__ import annotations

import os
import time

from codex_py_sandbox import _bpf, _child, guard, layout
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

END = sig.SIGRTMIN + 3


class Open(Room):
    """No walls at all, but the same ending of the whole tree: for commands a person approved."""

    name = "unrestricted"
    command_flags = 0

    @staticmethod
    def flags(plan: Plan) -> int:
        return 0

    def prepare(self, uid: int, gid: int) -> None:
        """Become the room; commands that lose their supervisor come to us and are ended."""
        lx.prctl(lx.PR_SET_CHILD_SUBREAPER, 1)
        lx.prctl(lx.PR_SET_PDEATHSIG, sig.SIGKILL)
        sig.pthread_sigmask(sig.SIG_BLOCK, [sig.SIGCHLD, END, *FORWARDED])
        sig.signal(sig.SIGCHLD, sig.SIG_DFL)

    def signal(self, pidfd: int, number: int) -> None:
        """SIGKILL becomes a message: the supervisor must live to end the tree."""
        super().signal(pidfd, END if number == sig.SIGKILL else number)

    def _confine(self) -> None:
        self._forget()
        lx.prctl(lx.PR_SET_PDEATHSIG, END)
        os.setsid()
        lx.prctl(lx.PR_SET_CHILD_SUBREAPER, 1)

    def before_start(self) -> None:
        """There are no mounts of ours to check."""

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
        return self.findings(self.marks) if self.plan.mode == "workspace-write" else []

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
        code, late = supervise(pid, deadline)
        end_descendants()
        lines = self.after()
        _child.report(status, "\n".join([f"exit {code} {int(late)}", *lines]))

    def _spawn(self, job: Mapping[str, Any], fds: tuple[int, int, int]) -> int:
        if job["tty"]:
            _child.terminal(fds[0])
        argv = self.command(job)
        read, write = os.pipe()
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
        self.abi = lx.landlock_abi()
        if not self.abi:
            raise OSError(95, "the kernel has no Landlock, or it is switched off")
        plan.overlays = []
        # The private /tmp cannot be mounted, so its host folder is named instead.
        if plan.tmp:
            self.env["TMPDIR"] = plan.tmp
        for name, place in layout.moved_caches(plan, self.env).items():
            self.env[name] = (plan.tmp or "/tmp") + place.removeprefix("/tmp")
        self.rules = bare_rules(plan, self.abi)
        families = (_bpf.AF_NETLINK,) if plan.network == "off" else (
            _bpf.AF_NETLINK, _bpf.AF_INET, _bpf.AF_INET6
        )  # fmt: skip
        self.filter = _bpf.program(families=families)
        self.kept: guard.State = {}
        if "procs" in plan.limits:
            # Without a user namespace the kernel counts everything the user runs.
            plan.limits["procs"] += tasks(uid)
        self.ro = [path for path, how in plan.binds if how == "ro"]
        self.pins: list[tuple[str, int, int]] = []

    def before(self) -> None:
        super().before()
        self.kept = guard.keep(self.ro)
        self.pins = guard.places([path for path, how in self.plan.binds if how != "ro"])

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
        assert self.rules
        self.rules.restrict()
        lx.load_filter(self.filter)


def tasks(uid: int) -> int:
    """How many threads the user runs now."""
    count = 0
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == uid:
                count += len(os.listdir(f"/proc/{name}/task"))
        except OSError:
            continue
    return count


def bare_rules(plan: Plan, abi: int) -> lx.Ruleset:
    """Landlock rules that carry the whole policy: no mount helps here."""
    rules = lx.Ruleset(abi, reads=bool(plan.masks), tcp=plan.network == "off", scope=True)
    for path, writable in plan.roots:
        if writable:
            rules.allow(path)
    if plan.mode == "workspace-write":
        for path, how in plan.binds:
            inside = any(layout.beneath(path, root) for root, _ in plan.roots)
            if how != "ro" and inside:
                rules.allow(path)
    for path in (plan.tmp, plan.var_tmp, "/tmp", "/var/tmp", "/dev/shm", "/dev/pts"):
        if path:
            rules.allow(path)
    for name in ("null", "zero", "full", "random", "urandom", "tty", "ptmx"):
        rules.allow(f"/dev/{name}")
    if plan.masks:
        for path in readable(plan.masks):
            rules.allow(path, lx.LANDLOCK_READS)
        for path, _ in plan.roots:
            if not any(layout.beneath(mask, path) for mask in plan.masks):
                rules.allow(path, lx.LANDLOCK_READS)
    return rules


def readable(masks: list[str]) -> list[str]:
    """Everything but the masked: the siblings on the way down to each masked path."""
    out: list[str] = []
    queue = ["/"]
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


class Bubble(Open):
    """The system's bubblewrap, where its own profile may do what we may not."""

    name = "bubblewrap"
    program = "/usr/bin/bwrap"

    def prepare(self, uid: int, gid: int) -> None:
        super().prepare(uid, gid)
        if not os.access(self.program, os.X_OK):
            raise OSError(2, f"{self.program} is not installed")
        self.env.update(layout.moved_caches(self.plan_without_overlays(), self.env))
        families = (_bpf.AF_UNIX, _bpf.AF_INET, _bpf.AF_INET6, _bpf.AF_NETLINK)
        self.filter = _bpf.program(families=families)
        self.kept: guard.State = {}
        for _ in range(3):
            # A socket to cover may vanish between the look and the start.
            code = self._try()
            if not code:
                return
        raise OSError(1, f"{self.program} cannot make a sandbox here (exit {code})")

    def plan_without_overlays(self) -> Plan:
        """Overlays need mounts of our own; caches are moved instead."""
        self.plan.overlays = []
        return self.plan

    def _try(self) -> int:
        pid = os.fork()
        if pid == 0:
            try:
                null = os.open("/dev/null", os.O_RDWR)
                for number in (0, 1, 2):
                    os.dup2(null, number)
                argv = self.command({"argv": ["/bin/true"], "cwd": "/", "env": self.env})
                os.execve(argv[0], argv, {})
            finally:
                os._exit(127)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def command(self, job: Mapping[str, Any]) -> list[str]:
        path = _child.find(job["argv"][0], job["env"])
        program = os.memfd_create("filter")
        os.write(program, self.filter)
        os.lseek(program, 0, os.SEEK_SET)
        os.set_inheritable(program, True)
        line = [self.program, *arguments(self.plan), "--seccomp", str(program)]
        return [*line, "--chdir", job["cwd"], "--", path, *job["argv"][1:]]

    def lock_down(self) -> None:
        _child.limit({k: v for k, v in self.plan.limits.items() if k != "procs"})


def arguments(plan: Plan) -> list[str]:
    """The plan as options of bubblewrap."""
    line = ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts"]
    line += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    line += ["--unshare-net"] if plan.network == "off" else []
    line += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--remount-ro", "/proc"]
    if os.path.isdir("/run"):
        line += ["--tmpfs", "/run"]
        for path in plan.keep_run:
            line += ["--ro-bind-try", path, path]
    for source, target in ((plan.tmp, "/tmp"), (plan.var_tmp, "/var/tmp")):
        if source:
            line += ["--bind", source, target]
    for path, writable in plan.roots:
        line += ["--bind" if writable else "--ro-bind", path, path]
    for path, how in plan.binds:
        line += ["--ro-bind-try" if how == "ro" else "--bind-try", path, path]
    for path in plan.masks:
        if os.path.isdir(path):
            line += ["--perms", "0000", "--tmpfs", path, "--remount-ro", path]
        else:
            line += ["--perms", "0000", "--ro-bind-data", str(_nothing()), path]
    for path in filter(os.path.exists, plan.covers):
        line += ["--ro-bind-data", str(_nothing()), path]
    return line


def _nothing() -> int:
    fd = os.memfd_create("nothing")
    os.set_inheritable(fd, True)
    return fd


def supervise(main: int, deadline: float | None) -> tuple[int, bool]:
    """Wait for `main`, passing signals on: its wait status and whether time ran out."""
    while True:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return sig.SIGKILL, False
            if pid == main:
                return status, False
            if pid == 0:
                break
        left = 3600.0 if deadline is None else deadline - time.monotonic()
        if left <= 0:
            return sig.SIGKILL, True
        info = sig.sigtimedwait([sig.SIGCHLD, END, *FORWARDED], left)
        if info is None or info.si_signo == sig.SIGCHLD:
            continue
        if info.si_signo == END:
            return sig.SIGKILL, False
        for pid in descendants():
            _kill(pid, info.si_signo)


def descendants() -> list[int]:
    """Every process below us, nearest first."""
    out: list[int] = []
    queue = [os.getpid()]
    for pid in queue:
        try:
            with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
                found = [int(word) for word in file.read().split()]
        except OSError:
            if pid == os.getpid():
                return _descendants_slowly()
            continue
        out += found
        queue += found
    return out


def _descendants_slowly() -> list[int]:
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            parents.setdefault(parent, []).append(int(name))
    out: list[int] = []
    queue = [os.getpid()]
    for pid in queue:
        out += parents.get(pid, [])
        queue += parents.get(pid, [])
    return out


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def end_descendants() -> None:
    """Kill every descendant, faster than a chain of forks can run away, until there is none."""
    while True:
        for pid in descendants():
            _kill(pid, sig.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
