"""Before the first command: a process that is confined like it tries to get out, leaving no trace."""

from __future__ import annotations

import _socket
import errno
import os

from codex_py_sandbox import _linux as lx

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_py_sandbox.plan import Plan


def holes(plan: Plan, outside: int, *, mounts: bool) -> tuple[list[str], list[str]]:
    """What was possible and must not be; called in a process that is confined like a command.

    `outside` is a process outside; with `mounts` each protected path bears a mount. Second: files
    that bore none, for another program may put a new one there at any time. Everything that is
    tried either fails or leaves nothing behind: files without a name, sockets that send nothing.
    """
    found: list[str] = []
    bare: list[str] = []

    def opened(path: str, flags: int, hole: str) -> None:
        fd = _open(path, flags)
        if fd < 0:
            return
        if mounts and lx.mount_of(fd) == lx.mount_id(os.path.dirname(path)):
            info = os.fstat(fd)
            bare.append(f"{hole} ({info.st_ino}, {info.st_ctime_ns})")
        else:
            found.append(hole)
        os.close(fd)

    writable = [path for path, on in plan.roots if on]
    for folder in {
        plan.home,
        *(os.path.dirname(path) for path, _ in plan.roots),
        "/",
        "/usr",
        "/var",
    }:
        if folder and folder not in writable and _could_write(folder, writable):
            found.append(f"a file could be made in {folder}")
    hows = dict(plan.binds)
    for folder in plan.keep_run if mounts else ():
        closed = os.path.isdir(folder) and folder not in writable and hows.get(folder) != "rw"
        fd = _open(folder, os.O_WRONLY | os.O_TMPFILE) if closed else -1
        if fd >= 0:
            found.append(f"a file could be made in {folder}")
            os.close(fd)
    for path, how in plan.binds:
        if mounts and how == "ro" and os.path.isfile(path):
            opened(path, os.O_WRONLY, f"{path} could be written")
    for path in plan.masks:
        hidden = mounts or not os.path.isdir(path)
        if hidden and not _below(plan, path):
            opened(path, os.O_RDONLY, f"{path} could be read")
    if plan.network == "off" and _routed():
        found.append("the network could be reached")
    if outside > 3 and _reached(outside):
        found.append("a process outside could be signalled")
    for name in ("io_uring_setup", "unshare", "bpf"):
        if _called(name):
            found.append(f"{name} was not refused")
    return found, bare


def _below(plan: Plan, mask: str) -> bool:
    return any(path.startswith(mask + "/") for path in plan.shown)


def _could_write(folder: str, writable: list[str]) -> bool:
    """Whether an unnamed file can be made there; a folder that is not ours proves nothing."""
    if any(folder == top or folder.startswith(top + "/") for top in writable):
        return False
    if folder in ("/tmp", "/var/tmp") or folder.startswith(("/tmp/", "/var/tmp/", "/dev/")):
        return False
    fd = _open(folder, os.O_WRONLY | os.O_TMPFILE)
    if fd >= 0:
        os.close(fd)
    return fd >= 0


def _open(path: str, flags: int) -> int:
    try:
        return os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    except OSError:
        return -1


def _routed() -> bool:
    """Whether there is a way to an address of the outside: a connect of UDP sends nothing."""
    try:
        probe = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    except OSError:
        return False
    try:
        probe.connect(("192.0.2.1", 9))
    except OSError:
        return False
    finally:
        probe.close()
    return True


def _reached(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _called(name: str) -> bool:
    """Whether a call gets past the filter; the arguments are such that it does nothing."""
    try:
        if name == "unshare":
            lx.syscall(name, lx.CLONE_NEWUSER)
        else:
            lx.syscall(name, 0, None, 0)
    except OSError as error:
        return error.errno not in (errno.EPERM, errno.ENOSYS)
    return True
