"""A room: the namespaces of one policy, in which every command gets its own first process."""

from __future__ import annotations

import _socket
import gc
import os
import select

from codex_py_sandbox import (
    _bpf,
    _broker,
    _child,
    _enter,
    _proof,
    _view,
    _watch,
    _wire,
    audit,
    layout,
    leftovers,
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
FAMILIES = (_bpf.AF_UNIX, _bpf.AF_INET, _bpf.AF_INET6, _bpf.AF_NETLINK)
PROOFS = 20
BARE = "(replaced) "
PATIENCE = 1.0
"""Seconds a spare process has to take its job."""
COMMAND_FLAGS = lx.CLONE_NEWPID | lx.CLONE_NEWNS | lx.CLONE_NEWIPC


class Room:
    """One policy's namespaces, and the commands that run in them."""

    name = "namespaces"
    command_flags = COMMAND_FLAGS
    mounted = True
    """Protected paths are read-only by mounts."""

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
        self.seats: _view.Seats = {}

    def prepare(self, uid: int, gid: int) -> None:
        """Become the room; raises OSError where the system refuses."""
        lx.prctl(lx.PR_SET_PDEATHSIG, sig.SIGKILL)
        sig.signal(sig.SIGCHLD, sig.SIG_DFL)
        _enter.identity(uid, gid)
        if self.plan.network == "off":
            _enter.loopback()
        self.mounts, self.seats = _view.build(self.plan)
        self.env.update(layout.moved_caches(self.plan, self.env))
        self.rules = _enter.second_layer(self.plan)
        # Only one listener can be on the way: inside another sandbox that has one we go without.
        self.listens = not lx.listener_above()
        # Where nobody may look into other processes, connects cannot be done for them.
        self.word = int.from_bytes(os.urandom(8), "little") | 1 if _enter.may_look() else 0
        self.filter = _bpf.program(families=FAMILIES, notify=self.listens, word=self.word)
        self.watch()
        lx.drop_bounding()
        lx.prctl(lx.PR_SET_DUMPABLE, 0)
        lx.prctl(lx.PR_SET_PDEATHSIG, sig.SIGKILL)
        sig.pthread_sigmask(sig.SIG_BLOCK, [sig.SIGCHLD, *FORWARDED])
        gc.freeze()

    def prove(self) -> None:
        """Try to get out, as a command would; OSError when anything is possible.

        Anew where another program replaced a protected file meanwhile, as when it saves it: each
        time it must be a newer file, so that it is no protection of ours that does not hold.
        """
        last = ""
        for _ in range(PROOFS):
            answer = self._trial()
            if answer == "ok":
                return
            if not answer.startswith(BARE) or answer == last:
                raise OSError(1, f"it does not hold: {answer or 'the trial ended early'}")
            last = answer
            self.mend()

    def _trial(self) -> str:
        read, write = os.pipe()
        outside = os.getppid()
        pid, pidfd = lx.clone(self.command_flags)
        if pid == 0:
            try:
                os.close(read)
                self.deaf()
                self._confine()
                self.lock_down()
                found, bare = _proof.holes(self.plan, outside, mounts=self.mounted)
                said = "; ".join(found) or (BARE + "; ".join(bare) if bare else "ok")
                os.write(write, said.encode()[:4000])
            except Exception as error:
                os.write(write, f"{type(error).__name__}: {error}".encode()[:4000])
            finally:
                os._exit(0)
        os.close(write)
        os.close(pidfd)
        answer = os.read(read, 4096).decode("utf-8", "replace")
        os.close(read)
        os.waitpid(pid, 0)
        return answer

    def deaf(self) -> None:
        """Nobody would answer the kernel's questions about this process."""
        self.listens = False
        self.filter = _bpf.program(families=FAMILIES)

    def lock_down(self) -> None:
        """What `_confine` leaves to the process that will become the command."""

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
        try:
            self.before_start()
            pid, pidfd = self._to_spare(fds) if self.spare else (0, -1)
            if pidfd < 0:
                pid, pidfd = lx.clone(self.command_flags)
        except OSError as error:
            # This command does not run; those that do go on.
            _child.report(status, f"error {error.errno} {error.strerror}")
            for fd in fds:
                os.close(fd)
            return
        if pid == 0 and pidfd < 0:
            self._first_process(fds)
        for fd in fds[:4]:
            os.close(fd)
        self.jobs[name] = (pid, pidfd, status)
        self.poll.register(pidfd, select.POLLIN)

    def before_start(self) -> None:
        """Check that every protection is still in place; a spare made without it goes."""
        if self.mend() and self.spare:
            self.spare[0].close()
            os.close(self.spare[2])
            self.spare = None

    def mend(self) -> bool:
        """Lay protections again that were pushed off; whether any was."""
        return _view.repair(self.plan, self.mounts, self.seats)

    def _to_spare(self, fds: list[int]) -> tuple[int, int]:
        assert self.spare
        sock, pid, pidfd = self.spare
        self.spare = None
        try:
            _wire.send(sock, "go", fds)
            if self._took(sock, pidfd):
                return pid, pidfd
        except OSError:
            pass
        finally:
            sock.close()
        os.close(pidfd)
        return 0, -1

    def _took(self, sock: _socket.socket, pidfd: int) -> bool:
        """Whether a spare has the job; one that has not in time is ended before another gets it."""
        if not select.select([sock], [], [], PATIENCE)[0]:
            self.signal(pidfd, sig.SIGKILL)
            select.select([pidfd], [], [], 5)
        try:
            return select.select([sock], [], [], 0)[0] != [] and _wire.receive(sock)[0] == "took"
        except OSError:
            return False

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
                if not text or failed is not None:
                    os._exit(0)  # another is made, which tells if it fails as well
                _wire.send(waiting, "took")
                waiting.close()
            if failed is not None:
                _child.report(fds[4], f"error {failed.errno} sandbox: {failed.strerror}")
            else:
                job = _wire.unpack(fds[0])
                job["env"] = merge(self.env, job["env"])
                self.run(job, (fds[1], fds[2], fds[3]), fds[4])
        except BaseException as error:
            if fds:
                _child.report(fds[4], f"error 5 sandbox: {type(error).__name__}: {error}")
        finally:
            os._exit(0)

    def run(self, job: Mapping[str, Any], fds: tuple[int, int, int], status: int) -> None:
        """Run the job in this first process and report."""
        before = self.stamps()
        line = _child.run(job, fds, self.ear, list(FORWARDED))
        _child.report(status, "\n".join([line, *self.looked(before)]))

    def looked(self, before: list[tuple[int, int, int]]) -> list[str]:
        """`findings`; how the command ended is told even when looking after it fails."""
        try:
            return self.findings(before)
        except Exception as error:
            return [f"audit\t{self.plan.roots[0][0]}\tit could not be looked at: {error!r}"]

    def watch(self) -> None:
        """Note which repositories there are before any command, for `findings`."""
        writable = self.plan.mode == "workspace-write"
        trees = self.plan.trees if writable else []
        # A repository around a workspace below /tmp is not in this view: nothing can befall it.
        self.watched = [pair for pair in trees if os.path.isfile(f"{pair[1]}/HEAD")]
        gits = {path for pair in self.plan.repos for path in pair if path} if writable else set()
        self.watching = writable
        self.there: set[str] = set()
        self.links = [leftovers.Links(git) for git in sorted(gits)]
        self.known = {tree for tree, _ in self.plan.trees}
        roots = [path for path, on in self.plan.roots if on and writable]
        self.bare_roots = [path for path in roots if not self._held(path)]

    def stamps(self) -> list[tuple[int, int, int]]:
        """The state of every index, to see whether a command wrote it."""
        self.there = {path for path, _ in self.plan.absent if os.path.lexists(path)}
        return [audit.stamp(git) for _, git in self.watched]

    def findings(self, before: list[tuple[int, int, int]]) -> list[str]:
        """What a command left that would run code, set aside: lines of events."""
        lines: list[str] = []
        left = [each for links in self.links for each in links.look()]
        left += leftovers.new_rules(self.plan.absent if self.watching else (), self.there)
        found = audit.set_aside(self.bare_roots, self.known)
        for (tree, git), stamp in zip(self.watched, before, strict=True):
            if not os.path.isfile(f"{git}/HEAD"):
                lines.append(f"history\t{tree}\tits git folder was destroyed and is put back")
            found += audit.check_rebase(git)
            if audit.stamp(git) != stamp:
                found += audit.check_links(tree, git, self.known)
        return lines + [f"audit\t{path}\t{why}" for path, why in [*left, *found]]

    def _forget(self) -> None:
        """Close what belongs to the room and to its other commands."""
        self.control.close()
        for fd, _ in self.seats.values():
            os.close(fd)
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
        broker = _broker.Broker(self.plan, self.word) if self.listens and self.word else None
        listener = lx.load_filter(self.filter, listen=self.listens)
        if self.listens:
            self.ear = _watch.Ear(listener, self.plan.network, broker)

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
