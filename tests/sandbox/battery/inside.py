"""What every script that runs inside begins with: proof of its start, system calls, small tools."""

from __future__ import annotations

# The script's proof goes to standard output before anything else can fail; a claim is for effects
# that leave no trace on the host, such as a system call the kernel would have carried out.
PRELUDE = r"""
import os, sys
os.write(1, b"@START " + NONCE.encode() + b"\n")
import ctypes, errno, fcntl, mmap, select, signal, socket, stat, struct, subprocess, threading, time
from pathlib import Path
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000

def _one_at_a_time(act):
    # A script that also plays with no sandbox must never reach "all processes" or its own group.
    def guarded(pid, number):
        if pid <= 0:
            raise ValueError("the battery never signals pid <= 0")
        return act(pid, number)
    return guarded

os.kill, os.killpg = _one_at_a_time(os.kill), _one_at_a_time(os.killpg)

def claim(what="effect"):
    os.write(1, f"@CLAIM {NONCE} {what}\n".encode())

def call(number, *arguments):
    ctypes.set_errno(0)
    fixed = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return LIBC.syscall(ctypes.c_long(number), *fixed), ctypes.get_errno()

def refused(number, *arguments):
    result, error = call(number, *arguments)
    return result < 0 and error in (errno.EPERM, errno.ENOSYS, errno.EACCES, errno.EAFNOSUPPORT)

def tried(action, *arguments, **named):
    try:
        return action(*arguments, **named)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"{error!r}\n")
        return None

def in_child(action):
    pid = os.fork()
    if not pid:
        try:
            action()
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
        os._exit(0)
    os.waitpid(pid, 0)

def id_maps(uid, gid):
    tried(Path("/proc/self/setgroups").write_text, "deny")
    tried(Path("/proc/self/uid_map").write_text, f"0 {uid} 1")
    tried(Path("/proc/self/gid_map").write_text, f"0 {gid} 1")

def new_userns(extra=0):
    uid, gid = os.getuid(), os.getgid()
    result, error = call(272, CLONE_NEWUSER | CLONE_NEWNS | extra)
    if result < 0:
        sys.stderr.write(f"unshare: {os.strerror(error)}\n")
        return False
    id_maps(uid, gid)
    return True

def mount(source, target, kind, flags, data=None):
    text = lambda v: None if v is None else str(v).encode()
    result = LIBC.mount(text(source), text(target), text(kind), ctypes.c_ulong(flags), text(data))
    if result < 0:
        sys.stderr.write(f"mount {target}: {os.strerror(ctypes.get_errno())}\n")
    return result == 0

def daemon(lock, ready):
    # A double-forked daemon that holds a lock for a minute: the host sees it live by the lock.
    if os.fork():
        while not os.path.exists(ready):
            time.sleep(0.01)
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    held = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.flock(held, fcntl.LOCK_EX)
    Path(ready).write_text("x")
    time.sleep(60)
    os._exit(0)
"""

SHELL_PRELUDE = "printf '@START %s\\n' \"$NONCE\"\n"
