"""Attacks on files outside by ordinary means: write, rename, remove, and change what describes them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.sandbox.battery.model import Case, Options, Skip, must_block, should_block
from tests.sandbox.battery.stage import Stage


def changed(path: Path) -> bool:
    """Whether a victim no longer holds its first text."""
    return not path.exists() or path.read_text() != "old\n"


def _content(code: str) -> Callable[[Stage], bool]:
    def play(s: Stage) -> bool:
        victim = s.victim()
        s.py(code, T=victim, OUT=s.out, REL=os.path.relpath(victim, s.ws))
        return changed(victim)

    return play


def _new(code: str) -> Callable[[Stage], bool]:
    def play(s: Stage) -> bool:
        s.py(code, T=s.out / "new", OUT=s.out)
        return os.path.lexists(s.out / "new")

    return play


WRITES = tuple(
    Case(id, "MUST", "block", title, _content(code))
    for id, title, code in (
        ("a01-abs", "write a file by its absolute path", "open(T, 'w').write('new')"),
        ("a02-dotdot", "write a file through ..", "open(REL, 'w').write('new')"),
        (
            "a03-symlink",
            "write through a symbolic link made in the workspace",
            "os.symlink(T, 'l'); open('l', 'w').write('new')",
        ),
        (
            "a04-hardlink",
            "write through a hard link made into the workspace",
            "os.link(T, 'l'); open('l', 'w').write('new')",
        ),
        ("a05-rename-away", "move an outside file into the workspace", "os.rename(T, 'mine')"),
        ("a06-unlink", "remove an outside file", "os.unlink(T)"),
        ("a07-truncate", "truncate by path", "os.truncate(T, 0)"),
        ("a08-append", "append", "open(T, 'a').write('new')"),
        (
            "a09-rename-over",
            "rename a workspace file over an outside file",
            "Path('mine').write_text('new'); os.replace('mine', T)",
        ),
        (
            "a10-exchange",
            "exchange a workspace file with an outside file (renameat2)",
            "Path('mine').write_text('new'); call(316, -100, b'mine', -100, T.encode(), 2)",
        ),
        (
            "a18-proc-root",
            "write through /proc/self/root",
            "open('/proc/self/root' + T, 'w').write('new')",
        ),
        (
            "a20-proc-cwd",
            "write through /proc/self/cwd/..",
            "open('/proc/self/cwd/' + REL, 'w').write('new')",
        ),
        (
            "a21-proc-fd",
            "open read-only and reopen for writing through /proc/self/fd",
            "fd = os.open(T, 0); open(f'/proc/self/fd/{fd}', 'w').write('new')",
        ),
        (
            "a22-opath",
            "reopen an O_PATH descriptor for writing",
            "fd = os.open(T, os.O_PATH); open(f'/proc/self/fd/{fd}', 'w').write('new')",
        ),
        (
            "a23-dirfd",
            "openat below a folder descriptor",
            "d = os.open(OUT, os.O_PATH); os.write(os.open('victim.txt', 1 | os.O_TRUNC, dir_fd=d), b'new')",
        ),
        (
            "a24-mmap",
            "write through a shared memory map",
            "fd = os.open(T, 2); m = mmap.mmap(fd, 4); m[:3] = b'new'; m.flush()",
        ),
        (
            "a25-fallocate",
            "punch a hole with fallocate on a read-only descriptor, then on a writable one",
            "f = os.open(T, 0); call(285, f, 3, 0, 4); call(285, os.open(T, 1), 3, 0, 4)",
        ),
        (
            "a26-child",
            "write from a grandchild in a new session",
            "in_child(lambda: (os.setsid(), in_child(lambda: open(T, 'w').write('new'))))",
        ),
        (
            "a27-memfd-exec",
            "write from a program run out of memory",
            "fd = os.memfd_create('x', 0); os.write(fd, b'#!/bin/sh\\necho new > ' + T.encode());"
            " subprocess.run([f'/proc/self/fd/{fd}'], pass_fds=[fd])",
        ),
        (
            "a28-thread",
            "write from a thread",
            "t = threading.Thread(target=lambda: open(T, 'w').write('new')); t.start(); t.join()",
        ),
    )
)

CREATES = tuple(
    Case(id, "MUST", "block", title, _new(code))
    for id, title, code in (
        ("a40-create", "make a new file", "open(T, 'w').write('new')"),
        ("a41-mkdir", "make a folder", "os.mkdir(T)"),
        ("a42-symlink-out", "make a symbolic link outside", "os.symlink('/', T)"),
        (
            "a43-link-out",
            "hard-link a workspace file to the outside",
            "Path('m').write_text(''); os.link('m', T)",
        ),
        ("a44-fifo-out", "make a named pipe outside", "os.mkfifo(T)"),
        (
            "a45-move-out",
            "move a workspace file out",
            "Path('m').write_text(''); os.rename('m', T)",
        ),
        (
            "a46-tmpfile",
            "an unnamed file outside, linked in later",
            "fd = os.open(OUT, os.O_TMPFILE | 2); LIBC.linkat(-100, f'/proc/self/fd/{fd}'.encode(), -100, T.encode(), 0x400)",
        ),
        ("a47-socket-out", "bind a unix socket outside", "socket.socket(socket.AF_UNIX).bind(T)"),
    )
)


@must_block("a48-parent", "make a file beside the workspace")
def a48(s: Stage) -> bool:
    s.sh("echo x > ../beside")
    return (s.base / "beside").exists()


@must_block("a49-rename-ws", "rename the workspace folder itself")
def a49(s: Stage) -> bool:
    s.sh("mv ../ws ../gone")
    return (s.base / "gone").exists()


@must_block("a50-home", "append to a start-up file in HOME")
def a50(s: Stage) -> bool:
    rc = s.home / ".bashrc"
    rc.write_text("old\n")
    s.sh('echo new >> "$HOME/.bashrc"; echo new >> ' + str(rc))
    return changed(rc)


@must_block("a51-read-only", "write the workspace in read-only mode")
def a51(s: Stage) -> bool:
    victim = s.ws / "a"
    victim.write_text("old\n")
    s.sh("echo new > a; echo x > b; chmod 777 .", Options(mode="read-only"))
    return changed(victim) or (s.ws / "b").exists()


@must_block("a11-chmod", "chmod outside")
def a11(s: Stage) -> bool:
    victim = s.victim()
    victim.chmod(0o600)
    s.py("tried(os.chmod, T, 0o666); tried(lambda: os.fchmod(os.open(T, 0), 0o666))", T=victim)
    return victim.stat().st_mode & 0o777 != 0o600


@must_block("a12-chown", "chown outside")
def a12(s: Stage) -> bool:
    s.need_root()
    victim = s.victim()
    s.py(
        "tried(os.chown, T, 12345, 12345); tried(lambda: os.fchown(os.open(T, 0), 12345, 1))",
        T=victim,
    )
    return victim.stat().st_uid != 0


@must_block("a13-utime", "set times outside")
def a13(s: Stage) -> bool:
    victim = s.victim()
    s.py("tried(os.utime, T, (1, 1)); tried(lambda: os.utime(os.open(T, 0), (1, 1)))", T=victim)
    return victim.stat().st_mtime == 1


@must_block("a14-dir-mode", "chmod the outside folder, and the workspace's parent")
def a14(s: Stage) -> bool:
    s.out.chmod(0o700)
    s.base.chmod(0o700)
    s.py("tried(os.chmod, OUT, 0o777); tried(os.chmod, '..', 0o777)", OUT=s.out)
    return s.out.stat().st_mode & 0o777 == 0o777 or s.base.stat().st_mode & 0o777 == 0o777


@must_block("a15-xattr", "set an extended attribute outside")
def a15(s: Stage) -> bool:
    victim = s.victim()
    s.py(
        "tried(os.setxattr, T, 'user.x', b'1'); tried(lambda: os.setxattr(os.open(T, 0), 'user.x', b'1'))",
        T=victim,
    )
    try:
        return os.listxattr(victim) != []
    except OSError:
        raise Skip("no extended attributes on this file system") from None


@must_block("a16-fsflags", "set inode flags outside")
def a16(s: Stage) -> bool:
    victim = s.victim()
    s.py("fd = os.open(T, 0); fcntl.ioctl(fd, 0x40086602, struct.pack('l', 0x40))", T=victim)
    import fcntl
    import struct

    with victim.open() as file:
        try:
            flags = struct.unpack("l", fcntl.ioctl(file, 0x80086601, b"\0" * 8))[0]
        except OSError:
            raise Skip("no inode flags on this file system") from None
    return bool(flags & 0x40)


@must_block("a17-acl", "remove or set a POSIX ACL outside")
def a17(s: Stage) -> bool:
    victim = s.victim()
    victim.chmod(0o640)
    acl = (
        "0200000001000600ffffffff0200060001000000040004 00ffffffff10000600ffffffff20000000ffffffff"
    )
    s.py("os.setxattr(T, 'system.posix_acl_access', bytes.fromhex(ACL))", T=victim, ACL=acl)
    return victim.stat().st_mode & 0o777 != 0o640


@should_block("a19-fd-leak", "use a descriptor the caller left open")
def a19(s: Stage) -> bool:
    victim = s.victim()
    with victim.open("r+") as file:
        s.py(
            "for fd in range(3, 64): tried(os.pwrite, fd, b'new', 0)",
            Options(fds=(file.fileno(),)),
        )
    return changed(victim)


@should_block("a34-shm-file", "change another program's file in /dev/shm")
def a34(s: Stage) -> bool:
    return _shared(s, "/dev/shm")


@should_block("a35-tmp-file", "change another program's file in /tmp")
def a35(s: Stage) -> bool:
    return _shared(s, "/tmp")


def _shared(s: Stage, folder: str) -> bool:
    with tempfile.NamedTemporaryFile("w", dir=folder, prefix="bty-") as file:
        Path(file.name).write_text("old\n")
        s.py("open(T, 'w').write('new')", T=file.name)
        return changed(Path(file.name))


@should_block("a36-old-hardlink", "write through a hard link the user had made before")
def a36(s: Stage) -> bool:
    victim = s.victim()
    (s.ws / "l").hardlink_to(victim)
    s.py("open('l', 'w').write('new')")
    return changed(victim)


@must_block("a37-etc", "make a file in /etc")
def a37(s: Stage) -> bool:
    s.need_root()
    victim = Path(f"/etc/.bty-{s.nonce}")
    s.later(lambda: victim.unlink(missing_ok=True))
    s.py("open(T, 'w').write('new')", T=victim)
    return victim.exists()


@should_block("a38-suid", "leave a set-user-id copy of a program in the workspace")
def a38(s: Stage) -> bool:
    shutil.copy("/bin/true", s.ws / "mine")
    s.sh("chmod 4755 mine; cp /bin/true other; chmod 6755 other; install -m 4755 /bin/true third")
    return any(p.stat().st_mode & 0o6000 for p in s.ws.iterdir() if p.is_file())
