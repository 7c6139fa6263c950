"""Attacks on the kernel itself: calls that widen what a command may do, or that bugs hide behind."""

from __future__ import annotations

import os
from collections.abc import Callable

from tests.sandbox.battery.files_tricks import only_x86
from tests.sandbox.battery.model import Case, Level, Options
from tests.sandbox.battery.stage import Stage

# Each script claims when the kernel would have carried the call out. Arguments are wrong on purpose
# wherever the call is dangerous, so that a willing kernel answers EINVAL, EFAULT or ENOENT.
WILLING = """
def willing(number, *arguments):
    result, error = call(number, *arguments)
    if result >= 0 or error in (errno.EINVAL, errno.EFAULT, errno.ENOENT, errno.ENOEXEC, errno.EBADF, errno.ENOTBLK, errno.E2BIG):
        claim(f"call {number}: {result} {errno.errorcode.get(error)}")
"""


def _calls(code: str, root: bool = False) -> Callable[[Stage], bool]:
    def play(s: Stage) -> bool:
        only_x86()
        if root:
            s.need_root()
        wrap = ("unshare", "-m", "--propagation", "private") if os.getuid() == 0 else ()
        return bool(s.py(WILLING + code, Options(wrap=wrap)).claims)

    return play


def _case(id: str, level: Level, title: str, code: str, root: bool = False) -> Case:
    return Case(id, level, "block", title, _calls(code, root))


KERNEL = (
    _case(
        "k01-bpf",
        "MUST",
        "load a BPF map or program",
        "attr = ctypes.create_string_buffer(struct.pack('=IIII', 2, 4, 4, 1) + bytes(112))\nif call(321, 0, attr, 72)[0] >= 0: claim('map')",
        True,
    ),
    _case(
        "k02-module",
        "MUST",
        "load a kernel module",
        "f = open('m', 'wb+'); f.write(bytes(64)); f.flush()\nwilling(313, f.fileno(), b'', 0); willing(175, b'x', 1, b'')",
        True,
    ),
    _case(
        "k03-userns",
        "SHOULD",
        "make a user namespace, by unshare, clone and clone3",
        """
def kid(number, *arguments):
    result, error = call(number, *arguments)
    if result == 0: os._exit(0)
    if result > 0: claim(f"clone by {number}"); os.waitpid(result, 0)
if os.fork() == 0:
    if call(272, CLONE_NEWUSER)[0] == 0: claim("unshare")
    os._exit(0)
os.wait()
kid(56, CLONE_NEWUSER | 17, 0, 0, 0, 0)
kid(435, ctypes.create_string_buffer(struct.pack("=8Q", CLONE_NEWUSER, 0, 0, 0, 17, 0, 0, 0)), 64)
""",
    ),
    _case(
        "k04-iouring",
        "SHOULD",
        "set up an io_uring",
        "if call(425, 4, ctypes.create_string_buffer(120))[0] >= 0: claim()",
    ),
    _case(
        "k05-perf",
        "SHOULD",
        "perf_event_open on the whole machine",
        "a = ctypes.create_string_buffer(struct.pack('=IIQ', 1, 112, 0) + bytes(96))\nif call(298, a, -1, 0, -1, 0)[0] >= 0: claim()",
        True,
    ),
    _case(
        "k06-keyctl",
        "SHOULD",
        "kernel keyring calls",
        "if call(250, 0, -3, 1)[0] > 0: claim('keyctl')\nif call(248, b'user', b'bty', b'x', 1, -1)[0] > 0: claim('add_key')",
    ),
    _case(
        "k07-userfault",
        "SHOULD",
        "userfaultfd",
        "if call(323, 0)[0] >= 0 or call(323, 1)[0] >= 0: claim()",
    ),
    _case(
        "k08-kexec",
        "MUST",
        "kexec_load",
        "willing(246, 0, 999, None, 0); willing(320, -1, -1, 0, b'', 0)",
        True,
    ),
    _case(
        "k09-mount",
        "MUST",
        "mount and the new mount calls",
        "tried(os.mkdir, 'm')\nif mount('none', 'm', 'tmpfs', 0): claim('mount')\nif call(428, -100, b'/', 1)[0] >= 0: claim('open_tree clone')\nif call(430, b'tmpfs', 0)[0] >= 0: claim('fsopen')",
        True,
    ),
    _case(
        "k10-swap",
        "MUST",
        "swapon and swapoff",
        "willing(167, b'/nonexistent/bty', 0); willing(168, b'/nonexistent/bty')",
        True,
    ),
    _case(
        "k11-clock",
        "MUST",
        "set the clock",
        "willing(227, 0, ctypes.create_string_buffer(struct.pack('qq', -1, -1)))",
        True,
    ),
    _case(
        "k12-acct",
        "MUST",
        "process accounting to a file",
        "willing(163, b'/nonexistent/bty')",
        True,
    ),
    _case(
        "k13-handle",
        "MUST",
        "open_by_handle_at",
        "h = ctypes.create_string_buffer(struct.pack('Ii', 8, 1) + bytes(8)); willing(304, os.open('.', 0), h, 0)\nr, e = call(304, os.open('.', 0), h, 0)\nif e == errno.ESTALE: claim()",
        True,
    ),
    _case(
        "k14-fanotify",
        "SHOULD",
        "fanotify on the whole file system",
        "fd, _ = call(300, 0, 0)\nif fd >= 0 and call(301, fd, 1 | 0x100, 0x20, -100, b'/')[0] >= 0: claim()",
        True,
    ),
    _case(
        "k15-ioperm",
        "MUST",
        "direct port access",
        "if call(173, 0x80, 1, 1)[0] >= 0: claim('ioperm'); call(173, 0x80, 1, 0)\nif call(172, 3)[0] >= 0: claim('iopl')",
        True,
    ),
    _case(
        "k16-quota",
        "SHOULD",
        "quota calls",
        "willing(443, -1, 0x80000700, 0, None); willing(179, 0x80000700, b'/nonexistent/bty', 0, None)",
        True,
    ),
    _case(
        "k17-setns",
        "SHOULD",
        "unshare mount, network, pid and time namespaces",
        "for flag in (0x20000, 0x40000000, 0x20000000, 0x8000000, 0x4000000, 0x2000000, 0x80):\n    if os.fork() == 0:\n        if call(272, flag)[0] == 0: claim(hex(flag))\n        os._exit(0)\n    os.wait()",
        True,
    ),
    _case(
        "k18-chroot",
        "SHOULD",
        "chroot",
        "if os.fork() == 0:\n    if tried(os.chroot, '.') is None and not os.path.exists('/proc'): claim()\n    os._exit(0)\nos.wait()",
        True,
    ),
    _case(
        "k19-setuid",
        "MUST",
        "become another user",
        "if os.fork() == 0:\n    tried(os.setgroups, [0, 5]); tried(os.setgid, 12345); tried(os.setuid, 12345)\n    if os.getuid() == 12345: claim()\n    os._exit(0)\nos.wait()",
        True,
    ),
    _case(
        "k20-syslog",
        "SHOULD",
        "kernel log control",
        "if LIBC.klogctl(10, None, 0) > 0 and LIBC.klogctl(3, ctypes.create_string_buffer(99), 99) >= 0: claim()",
        True,
    ),
    _case(
        "k22-foreign",
        "SHOULD",
        "x32 system-call numbers are answered",
        "if call(0x40000000 | 39)[0] > 0: claim()",
    ),
    _case(
        "k23-reboot",
        "MUST",
        "reboot (with a wrong magic number, so that nothing can happen)",
        "willing(169, 0, 0, 0, None)",
        True,
    ),
    _case(
        "k24-pidfd-mem",
        "SHOULD",
        "process_madvise and kcmp on other processes",
        "import glob\nfor p in [int(os.path.basename(x)) for x in glob.glob('/proc/[0-9]*')]:\n    if p != os.getpid() and call(312, os.getpid(), p, 2, 0, 0)[0] >= 0 and p != os.getppid(): claim(str(p)); break",
        True,
    ),
)
