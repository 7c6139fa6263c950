"""A room by the system's bubblewrap, where its own profile may do what we may not."""

from __future__ import annotations

import os

from codex_py_sandbox import _bpf, _child, guard, layout
from codex_py_sandbox import _linux as lx
from codex_py_sandbox._loose import Open
from codex_py_sandbox.plan import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


# Exit code 8 when one of the first $1 can be written, 9 when one of the rest can be read.
PROOF = """n=$1; shift
for path do
  if [ $n -gt 0 ]; then [ ! -w "$path" ] || exit 8; else [ ! -r "$path" ] || exit 9; fi
  n=$((n - 1))
done"""


# Descriptors of one figure are all that every shell can name: on 8 it says that the command
# begins, 9 holds the command's own errors. Nothing that bubblewrap is to inherit lies below 10.
BEGIN = 'echo >&8; exec "$@" 2>&9 8>&- 9>&-'
TRIES = 20


class Bubble(Open):
    """The system's bubblewrap, where its own profile may do what we may not.

    It mounts anew for every command, by name: what vanishes meanwhile, as a socket that is to be
    covered, ends it. So it says when the command begins, and is started again when it did not.
    """

    name = "bubblewrap"
    program = "/usr/bin/bwrap"
    told = said = -1

    def prepare(self, uid: int, gid: int) -> None:
        super().prepare(uid, gid)
        if not os.access(self.program, os.X_OK):
            raise OSError(2, f"{self.program} is not installed")
        self.env.update(layout.moved_caches(self.plan_without_overlays(), self.env))
        families = (_bpf.AF_UNIX, _bpf.AF_INET, _bpf.AF_INET6, _bpf.AF_NETLINK)
        self.filter = _bpf.program(families=families)
        self.kept: guard.State = {}
        stamps, covers = self._sockets(), self.plan.covers
        for _ in range(TRIES):
            code = self._try()
            if not code:
                self.plan.covers = covers
                return
            self._lasting(stamps)
        raise OSError(1, f"{self.program} cannot make a sandbox here (exit {code})")

    def plan_without_overlays(self) -> Plan:
        """Overlays need mounts of our own; caches are moved instead."""
        self.plan.overlays = []
        return self.plan

    def _try(self) -> int:
        plan = self.plan
        tops = {plan.home, *(os.path.dirname(path) for path, _ in plan.roots), "/", "/usr", "/var"}
        inside = [*(path for path, on in plan.roots if on), "/tmp", "/var/tmp"]
        closed = [p for p in tops if p and not any(layout.beneath(p, top) for top in inside)]
        closed += [path for path, how in plan.binds if how == "ro"]
        hidden = [path for path in plan.masks if not _below(plan, path)]
        pid = os.fork()
        if pid == 0:
            try:
                null = os.open("/dev/null", os.O_RDWR)
                for number in (0, 1, 2):
                    os.dup2(null, number)
                line = ["/bin/sh", "-c", PROOF, "sh", str(len(closed)), *closed, *hidden]
                argv = self._line({"argv": line, "cwd": "/", "env": self.env})
                os.execve(argv[0], argv, {})
            finally:
                os._exit(127)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def command(self, job: Mapping[str, Any]) -> list[str]:
        path = _child.find(job["argv"][0], job["env"])
        argv = ["/bin/sh", "-c", BEGIN, "sh", path, *job["argv"][1:]]
        return self._line({**job, "argv": argv})

    def _sockets(self) -> dict[str, tuple[int, int]]:
        out = {}
        for path in self.plan.covers:
            try:
                info = os.lstat(path)
            except OSError:
                continue
            out[path] = info.st_ino, info.st_ctime_ns
        return out

    def _lasting(self, stamps: dict[str, tuple[int, int]]) -> None:
        """Cover only those that are still there: what came anew is a socket that is made later."""
        now = self._sockets()
        self.plan.covers = [path for path, stamp in stamps.items() if now.get(path) == stamp]

    def _spawn(self, job: Mapping[str, Any], fds: tuple[int, int, int]) -> int:
        stamps = self._sockets()
        for _ in range(TRIES):
            read, write = os.pipe()
            self.told, self.said = lx.high(write), lx.high(os.memfd_create("said"))
            try:
                pid = super()._spawn(job, fds)
            finally:
                os.close(self.told)
            began = os.read(read, 1)
            os.close(read)
            if began:
                os.close(self.said)
                return pid
            os.waitpid(pid, 0)
            self._lasting(stamps)
            why = os.pread(self.said, 2000, 0).decode("utf-8", "replace").strip()
            os.close(self.said)
        raise OSError(1, f"the sandbox could not be set up: {why or self.program}")

    def _line(self, job: Mapping[str, Any]) -> list[str]:
        path = _child.find(job["argv"][0], job["env"])
        program = lx.high(os.memfd_create("filter"))
        os.write(program, self.filter)
        os.lseek(program, 0, os.SEEK_SET)
        os.set_inheritable(program, True)
        line = [self.program, *arguments(self.plan), "--seccomp", str(program)]
        return [*line, "--chdir", job["cwd"], "--", path, *job["argv"][1:]]

    def lock_down(self) -> None:
        os.dup2(self.told, 8)
        os.dup2(2, 9)
        os.dup2(self.said, 2)
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
            line += [] if not path.startswith("/run/") else ["--ro-bind-try", path, path]
    for source, target in ((plan.tmp, "/tmp"), (plan.var_tmp, "/var/tmp")):
        if source:
            line += ["--bind", source, target]
    for path in plan.keep_run:
        if not path.startswith("/run/"):
            line += ["--ro-bind-try", path, path]
    veiled = [p for p in plan.masks if _below(plan, p)]
    for path in veiled:
        line += ["--perms", "0755", "--tmpfs", path]
        for shown in _below(plan, path):
            line += ["--ro-bind-try", shown, shown]
    for path, writable in plan.roots:
        line += ["--bind" if writable else "--ro-bind", path, path]
    for path, how in plan.binds:
        line += ["--ro-bind-try" if how == "ro" else "--bind-try", path, path]
    return [*line, *_closing(plan, veiled)]


def _closing(plan: Plan, veiled: list[str]) -> list[str]:
    """What is made read-only or hidden once everything else is in place."""
    line: list[str] = []
    # Every command begins anew: a folder that was renamed would be found without its protection.
    pins: dict[str, str] = {}
    for path in plan.linked:
        layout.pin_parents(path, [root for root, _ in plan.roots], pins)
    for path in sorted(pins):
        line += ["--bind-try", path, path]
    for path in plan.linked:
        line += ["--ro-bind-try", path, path]
    for path in veiled:
        line += ["--remount-ro", path]
    for path in plan.masks:
        if path in veiled:
            continue
        if os.path.isdir(path):
            line += ["--perms", "0000", "--tmpfs", path, "--remount-ro", path]
        else:
            line += ["--perms", "0000", "--ro-bind-data", str(_nothing()), path]
    for path in filter(os.path.exists, plan.covers):
        line += ["--ro-bind-data", str(_nothing()), path]
    return line


def _below(plan: Plan, mask: str) -> list[str]:
    return [path for path in plan.shown if path.startswith(mask + "/")]


def _nothing() -> int:
    fd = lx.high(os.memfd_create("nothing"))
    os.set_inheritable(fd, True)
    return fd
