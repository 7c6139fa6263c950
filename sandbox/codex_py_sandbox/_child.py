"""The first process of one command: confines itself, starts the command, reaps, reports."""

from __future__ import annotations

import os
import resource
import select
import time

from codex_py_sandbox import _linux as lx

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as sig
    from collections.abc import Mapping
    from typing import Any

    from codex_py_sandbox._watch import Ear
else:
    import _signal as sig

DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
_SIGNALS = [n for n in range(1, 65) if n not in (9, 19, 32, 33)]


def spawn(job: Mapping[str, Any], fds: tuple[int, int, int]) -> int:
    """Start the command with `fds` as 0 to 2; its pid, or OSError with a clear text."""
    try:
        os.chdir(job["cwd"])
    except OSError as error:
        raise OSError(error.errno, f"cannot work in {job['cwd']}: {error.strerror}") from None
    argv: list[str] = job["argv"]
    env: dict[str, str] = job["env"]
    path = find(argv[0], env)
    actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(fds)]
    options: dict[str, Any] = {"file_actions": actions, "setsigmask": [], "setsigdef": _SIGNALS}
    try:
        return os.posix_spawn(path, argv, env, **options)
    except OSError as error:
        if error.errno != 8:
            raise OSError(error.errno, f"cannot run {argv[0]}: {error.strerror}") from None
    return os.posix_spawn("/bin/sh", ["sh", path, *argv[1:]], env, **options)


def find(name: str, env: Mapping[str, str]) -> str:
    """The program `name` by the command's own PATH; OSError when there is none."""
    if "/" in name:
        return name
    refused = False
    for folder in env.get("PATH", DEFAULT_PATH).split(":"):
        path = f"{folder or '.'}/{name}"
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
        refused = refused or os.path.isfile(path)
    if refused:
        raise OSError(13, f"cannot run {name}: Permission denied")
    raise OSError(2, f"{name}: command not found")


def terminal(fd: int) -> None:
    """Make `fd` the controlling terminal of this new session."""
    import fcntl

    fcntl.ioctl(fd, 0x540E, 0)


def reap(main: int, deadline: float | None, ear: Ear | None, told: list[int]) -> tuple[int, bool]:
    """Wait for `main`, collecting orphans: its wait status and whether time ran out.

    The signals in `told` and SIGCHLD must be blocked; the former are handed on to everything
    inside. On a time-out the status is that of a kill.
    """
    signals = lx.signal_fd([sig.SIGCHLD, *told])
    poll = select.poll()
    poll.register(signals, select.POLLIN)
    if ear:
        poll.register(ear.fd, select.POLLIN)
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
        for fd, happened in poll.poll(left * 1000):
            if fd == signals:
                number, sent = lx.signalled(signals)
                # What the terminal made, as by ^C, went to whom it concerns already.
                if number != sig.SIGCHLD and sent:
                    _everyone(number)
            elif ear and happened & select.POLLIN:
                ear.hear()
            elif ear:
                poll.unregister(fd)


def _everyone(number: int) -> None:
    try:
        os.kill(-1, number)
    except ProcessLookupError:
        pass


def end_all() -> None:
    """Kill every process of this PID namespace but ourselves, and wait until they are gone."""
    if os.getpid() != 1:
        raise OSError(1, "only the first process of a PID namespace may end all others")
    try:
        os.kill(-1, sig.SIGKILL)
    except ProcessLookupError:
        pass
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        pass


def limit(limits: Mapping[str, float]) -> None:
    """Set the per-process ceilings of the plan."""

    def cap(which: int, value: float) -> None:
        hard = resource.getrlimit(which)[1]
        number = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
        resource.setrlimit(which, (number, number))

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name, which, unit in (
        ("procs", resource.RLIMIT_NPROC, 1),
        ("cpu_s", resource.RLIMIT_CPU, 1),
        ("data_mb", resource.RLIMIT_DATA, 1 << 20),
        ("fsize_mb", resource.RLIMIT_FSIZE, 1 << 20),
        ("nofile", resource.RLIMIT_NOFILE, 1),
    ):
        if name in limits:
            cap(which, limits[name] * unit)


def report(fd: int, text: str) -> None:
    """Send the one line that says how it ended."""
    try:
        os.write(fd, text.encode("utf-8", "replace")[:60000])
    except OSError:
        pass


def run(
    job: Mapping[str, Any],
    fds: tuple[int, int, int],
    ear: Ear | None,
    told: list[int],
) -> str:
    """Run the job to its end; everything else in the namespace dies with it. The report."""
    deadline = time.monotonic() + job["wall"] if job["wall"] else None
    try:
        if job["tty"]:
            terminal(fds[0])
        pid = spawn(job, fds)
    except OSError as error:
        return f"error {error.errno} {error.strerror}"
    for fd in fds:
        os.close(fd)
    code, late = reap(pid, deadline, ear, told)
    end_all()
    return "\n".join([f"exit {code} {int(late)}", *(ear.events if ear else ())])


def harden() -> None:
    """No new privileges and no reading of our memory by the command."""
    lx.prctl(lx.PR_SET_NO_NEW_PRIVS, 1)
    lx.prctl(lx.PR_SET_DUMPABLE, 0)
