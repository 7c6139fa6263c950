"""A room: the namespaces of one policy, in which every command gets its own first process."""

from __future__ import annotations

import _socket
import gc
import os
import select

from codex_py_sandbox import (
    _bpf,
    _cgroup,
    _child,
    _host,
    _view,
    _watch,
    _wire,
    audit,
    history,
    layout,
)
from codex_py_sandbox import _linux as lx
from codex_py_sandbox.plan import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as sig
    from collections.abc import Mapping
    from typing import Any
else:
    import _signal as sig

FORWARDED = (sig.SIGHUP, sig.SIGINT, sig.SIGQUIT, sig.SIGTERM, sig.SIGUSR1, sig.SIGUSR2)
ROOM_FLAGS = (
    lx.CLONE_NEWUSER | lx.CLONE_NEWNS | lx.CLONE_NEWUTS | lx.CLONE_NEWCGROUP | lx.CLONE_NEWIPC
)
COMMAND_FLAGS = lx.CLONE_NEWPID | lx.CLONE_NEWNS | lx.CLONE_NEWIPC


def identity(uid: int, gid: int) -> None:
    """Map our own numbers onto themselves, so that files keep their owners inside."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        fd = os.open(f"/proc/self/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)


def loopback() -> None:
    """Switch on the loopback of this network namespace."""
    import fcntl
    import struct

    probe = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    try:
        fcntl.ioctl(probe.fileno(), 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))
    finally:
        probe.close()


def second_layer(plan: Plan) -> lx.Ruleset | None:
    """Landlock rules that say the same as the mounts; None where the kernel has no Landlock."""
    abi = lx.landlock_abi()
    if not abi:
        return None
    rules = lx.Ruleset(abi, reads=False, tcp=False, scope=True)
    rules.allow("/dev")
    if plan.tmp:
        rules.allow("/tmp")
        rules.allow("/var/tmp")
    for path, writable in plan.roots:
        if writable:
            rules.allow(path)
    for path, how in plan.binds:
        if how != "ro":
            rules.allow(path)
    for path, _, _ in plan.overlays:
        rules.allow(path)
    return rules


class Room:
    """One policy's namespaces, and the commands that run in them."""

    name = "namespaces"
    command_flags = COMMAND_FLAGS

    @staticmethod
    def flags(plan: Plan) -> int:
        """The namespaces of the room itself."""
        return ROOM_FLAGS | (lx.CLONE_NEWNET if plan.network == "off" else 0)

    def __init__(self, plan: Plan, env: dict[str, str], control: _socket.socket) -> None:
        self.plan = plan
        self.env = env
        self.control = control
        self.jobs: dict[str, tuple[int, int, int]] = {}
        self.spare: tuple[_socket.socket, int, int] | None = None
        self.warm = plan.warm
        self.poll = select.poll()
        self.ear: _watch.Ear | None = None

    def prepare(self, uid: int, gid: int) -> None:
        """Become the room; raises OSError where the system refuses."""
        lx.prctl(lx.PR_SET_PDEATHSIG, sig.SIGKILL)
        sig.signal(sig.SIGCHLD, sig.SIG_DFL)
        identity(uid, gid)
        if self.plan.network == "off":
            loopback()
        self.mounts = _view.build(self.plan)
        self.env.update(layout.moved_caches(self.plan, self.env))
        self.rules = second_layer(self.plan)
        families = (_bpf.AF_UNIX, _bpf.AF_INET, _bpf.AF_INET6, _bpf.AF_NETLINK)
        # Only one listener can be on the way: inside another sandbox that has one we go without.
        self.listens = not lx.listener_above()
        self.filter = _bpf.program(families=families, notify=self.listens)
        self.watch()
        lx.drop_bounding()
        lx.prctl(lx.PR_SET_DUMPABLE, 0)
        lx.prctl(lx.PR_SET_PDEATHSIG, sig.SIGKILL)
        sig.pthread_sigmask(sig.SIG_BLOCK, [sig.SIGCHLD, *FORWARDED])
        gc.freeze()

    def _held(self, root: str) -> bool:
        """Whether the root had a repository, good or not, when the session began."""
        return any(git == f"{root}/.git" for git, _ in self.plan.repos) or any(
            tree == root for tree, _ in self.plan.trees
        )

    def loop(self) -> None:
        """Serve until the agent closes the connection."""
        self.poll.register(self.control.fileno(), select.POLLIN)
        while True:
            if self.warm and self.spare is None:
                self._make_spare()
            for fd, _ in self.poll.poll():
                if fd != self.control.fileno():
                    self._ended(fd)
                elif not self._message():
                    return self.end()

    def end(self) -> None:
        """End every command and wait until all of it is gone."""
        if self.spare:
            self.spare[0].close()
        for _, pidfd, _ in self.jobs.values():
            self.signal(pidfd, sig.SIGKILL)
        for _, pidfd, _ in self.jobs.values():
            select.select([pidfd], [], [], 5)

    def _message(self) -> bool:
        try:
            text, fds = _wire.receive(self.control)
        except ConnectionError:
            return False
        if not text:
            return False
        verb, _, rest = text.partition(" ")
        if verb == "start":
            self._start(rest, fds)
        elif verb == "signal":
            name, _, number = rest.partition(" ")
            job = self.jobs.get(name)
            if job:
                self.signal(job[1], int(number))
        return True

    def signal(self, pidfd: int, number: int) -> None:
        """Pass a signal to a first process, which hands it on; SIGKILL ends it and its tree."""
        try:
            sig.pidfd_send_signal(pidfd, number)
        except ProcessLookupError:
            pass

    def _start(self, name: str, fds: list[int]) -> None:
        status = fds[4]
        self.before_start()
        pid, pidfd = self._to_spare(fds) if self.spare else (0, -1)
        if pidfd < 0:
            try:
                pid, pidfd = lx.clone(self.command_flags)
            except OSError as error:
                _child.report(status, f"error {error.errno} {error.strerror}")
                for fd in fds:
                    os.close(fd)
                return
            if pid == 0:
                self._first_process(fds)
        for fd in fds[:4]:
            os.close(fd)
        self.jobs[name] = (pid, pidfd, status)
        self.poll.register(pidfd, select.POLLIN)

    def before_start(self) -> None:
        """Check that every protection is still in place; a spare made without it goes."""
        if _view.repair(self.plan, self.mounts) and self.spare:
            self.spare[0].close()
            os.close(self.spare[2])
            self.spare = None

    def _to_spare(self, fds: list[int]) -> tuple[int, int]:
        assert self.spare
        sock, pid, pidfd = self.spare
        self.spare = None
        try:
            _wire.send(sock, "go", fds)
        except OSError:
            os.close(pidfd)
            return 0, -1
        finally:
            sock.close()
        return pid, pidfd

    def _make_spare(self) -> None:
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        try:
            pid, pidfd = lx.clone(self.command_flags)
        except OSError:
            self.warm = False
            ours.close()
            theirs.close()
            return
        if pid == 0:
            ours.close()
            self._first_process([], theirs)
        theirs.close()
        self.spare = (ours, pid, pidfd)

    def _first_process(self, fds: list[int], waiting: _socket.socket | None = None) -> None:
        """Never returns: confine, wait for the job when spare, run it, exit."""
        failed: OSError | None = None
        try:
            self._confine()
        except OSError as error:
            failed = error
        try:
            if waiting is not None:
                text, fds = _wire.receive(waiting)
                if not text:
                    os._exit(0)
                waiting.close()
            if failed is not None:
                _child.report(fds[4], f"error {failed.errno} sandbox: {failed.strerror}")
            else:
                job = _wire.unpack(fds[0])
                job["env"] = merge(self.env, job["env"])
                self.run(job, (fds[1], fds[2], fds[3]), fds[4])
        finally:
            os._exit(0)

    def run(self, job: Mapping[str, Any], fds: tuple[int, int, int], status: int) -> None:
        """Run the job in this first process and report."""
        before = self.stamps()
        line = _child.run(job, fds, self.ear, list(FORWARDED))
        _child.report(status, "\n".join([line, *self.findings(before)]))

    def watch(self) -> None:
        """Note which repositories there are before any command, for `findings`."""
        writable = self.plan.mode == "workspace-write"
        self.watched = self.plan.trees if writable else []
        self.known = {tree for tree, _ in self.plan.trees}
        roots = [path for path, on in self.plan.roots if on and writable]
        self.bare_roots = [path for path in roots if not self._held(path)]

    def stamps(self) -> list[tuple[int, int, int]]:
        """The state of every index, to see whether a command wrote it."""
        return [audit.stamp(git) for _, git in self.watched]

    def findings(self, before: list[tuple[int, int, int]]) -> list[str]:
        """What a command left that would run code, set aside: lines of events."""
        lines: list[str] = []
        found = audit.set_aside(self.bare_roots, self.known)
        for (tree, git), stamp in zip(self.watched, before, strict=True):
            if not os.path.isfile(f"{git}/HEAD"):
                lines.append(f"history\t{tree}\tits git folder was destroyed and is put back")
            found += audit.check_rebase(git)
            if audit.stamp(git) != stamp:
                found += audit.check_links(tree, git, self.known)
        return lines + [f"audit\t{path}\t{why}" for path, why in found]

    def _forget(self) -> None:
        """Close what belongs to the room and to its other commands."""
        self.control.close()
        for _, pidfd, status in self.jobs.values():
            os.close(pidfd)
            os.close(status)

    def _confine(self) -> None:
        self._forget()
        lx.prctl(lx.PR_SET_PDEATHSIG, sig.SIGKILL)
        os.setsid()
        _view.fresh()
        lx.drop_capabilities()
        _child.limit(self.plan.limits)
        _child.harden()
        if self.rules:
            self.rules.restrict()
            os.close(self.rules.fd)
        listener = lx.load_filter(self.filter, listen=self.listens)
        if self.listens:
            self.ear = _watch.Ear(listener, self.plan.network)

    def _ended(self, pidfd: int) -> None:
        """A first process is gone with all its tree: only now the agent may see the end."""
        self.poll.unregister(pidfd)
        for name, (pid, fd, status) in list(self.jobs.items()):
            if fd == pidfd:
                os.waitpid(pid, 0)
                os.close(fd)
                os.close(status)
                del self.jobs[name]


def merge(base: dict[str, str], extra: dict[str, str | None]) -> dict[str, str]:
    """`base` with `extra` on top; None removes a name."""
    out = dict(base)
    for name, value in extra.items():
        if value is None:
            out.pop(name, None)
        else:
            out[name] = value
    return out


def serve(
    fds: list[int],
    groups: list[_cgroup.Group],
    keepers: dict[str, history.Keeper],
    sweeps: list[audit.Sweep],
) -> int:
    """One request, "room": its payload and socket; the pidfd of the room, or -1 when it failed."""
    from codex_py_sandbox import _loose

    control = _socket.socket(fileno=fds[1])
    kinds: dict[str, type[Room]] = {
        "namespaces": Room,
        "bubblewrap": _loose.Bubble,
        "landlock": _loose.Landlocked,
        "unrestricted": _loose.Open,
    }
    failed: list[str] = []
    try:
        payload = _wire.unpack(fds[0])
        session = payload["session"]
        plan = layout.resolve(payload["spec"], payload["home"], payload["state"], session)
        plan.warm = payload["warm"]
        _host.make(plan, session)
        keep(plan, payload["state"], keepers)
        if plan.mode == "workspace-write":
            roots = [path for path, on in plan.roots if on and os.path.isdir(path)]
            sweeps.append(audit.Sweep(roots, {tree for tree, _ in plan.trees}))
        chosen = ["unrestricted"] if plan.mode == "unrestricted" else payload["backends"]
        for name in chosen:
            pidfd, why = _open(
                kinds[name], Plan.unwire(plan.wire()), payload["env"], control, groups
            )
            if pidfd >= 0:
                control.close()
                return pidfd
            failed.append(f"{name}: {why}")
    except Exception as error:
        failed.append(_plainly(error))
    _wire.send(control, "failed " + "; ".join(failed))
    control.close()
    return -1


def keep(plan: Plan, state: str, keepers: dict[str, history.Keeper]) -> None:
    """Keep the history of every repository that commands could write, before they can."""
    if plan.mode != "workspace-write":
        return
    hows = dict(plan.binds)
    for git, common in plan.repos:
        if common and git not in keepers and hows.get(common) == "rw":
            from hashlib import sha256

            name = sha256(os.fsencode(git)).hexdigest()[:32]
            folder = f"{state}/git/{name}"
            os.makedirs(folder, mode=0o700, exist_ok=True)
            keepers[git] = history.Keeper(git, common, folder)
            keepers[git].keep()


def _open(
    kind: type[Room],
    plan: Plan,
    env: dict[str, str],
    control: _socket.socket,
    groups: list[_cgroup.Group],
) -> tuple[int, str]:
    """Make one kind of room: (its pidfd, "") once it is ready, or (-1, why not)."""
    read, write = os.pipe()
    uid, gid = os.geteuid(), os.getegid()
    group = None
    if uid == 0 and kind.name != "unrestricted":
        # Process limits do not hold for the machine's root.
        procs, memory = plan.limits.get("procs", 0), plan.limits.get("memory_mb", 0)
        group = _cgroup.Group(f"codex_py_sandbox-{os.urandom(6).hex()}", procs, memory)
        groups.append(group)
    try:
        pid, pidfd = lx.clone(kind.flags(plan))
    except OSError as error:
        os.close(read)
        os.close(write)
        return -1, error.strerror or str(error)
    if pid:
        os.close(write)
        if group:
            group.add(pid)
        try:
            answer = os.read(read, 4096).decode("utf-8", "replace")
        finally:
            os.close(read)
        if answer == "ready":
            return pidfd, ""
        os.close(pidfd)
        return -1, answer or "it ended early"
    try:
        os.close(read)
        room = kind(plan, env, control)
        try:
            room.prepare(uid, gid)
        except Exception as error:
            os.write(write, _plainly(error).encode()[:4000])
            os._exit(1)
        _wire.send(control, f"ready {kind.name}")
        os.write(write, b"ready")
        os.close(write)
        room.loop()
    finally:
        os._exit(0)


def _plainly(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {error}"
