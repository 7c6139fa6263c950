"""System call numbers of both machines against the kernel's published ones, and the filter of the other."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from codex_py_sandbox import _linux
from tests.sandbox.battery.backends import launcher_path
from tests.sandbox.test_filter import ALLOW, EPERM, answer

# From include/uapi/asm-generic/unistd.h, which aarch64 uses as it is.
GENERIC = {
    "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7, "removexattr": 14, "lremovexattr": 15,
    "fremovexattr": 16, "fchownat": 54, "fchown": 55, "utimensat": 88,
    "lookup_dcookie": 18, "ioctl": 29, "mknodat": 33, "umount2": 39, "mount": 40, "pivot_root": 41,
    "nfsservctl": 42, "statfs": 43, "chroot": 51, "fchmod": 52, "fchmodat": 53, "openat": 56,
    "vhangup": 58, "quotactl": 60, "signalfd4": 74, "acct": 89, "capset": 91, "unshare": 97,
    "kexec_load": 104, "init_module": 105, "delete_module": 106, "clock_settime": 112,
    "syslog": 116, "ptrace": 117, "reboot": 142, "sethostname": 161, "setdomainname": 162,
    "prctl": 167, "settimeofday": 170, "adjtimex": 171, "socket": 198, "socketpair": 199,
    "connect": 203, "add_key": 217, "request_key": 218, "keyctl": 219, "clone": 220, "swapon": 224,
    "swapoff": 225, "perf_event_open": 241, "fanotify_init": 262, "open_by_handle_at": 265,
    "clock_adjtime": 266, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271,
    "kcmp": 272, "finit_module": 273, "seccomp": 277, "bpf": 280, "userfaultfd": 282, "statx": 291,
    "kexec_file_load": 294,
}  # fmt: skip
# The same on every machine: all calls added since 5.1.
COMMON = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "clone3": 435,
    "close_range": 436, "openat2": 437, "pidfd_getfd": 438, "mount_setattr": 442,
    "quotactl_fd": 443, "landlock_create_ruleset": 444, "landlock_add_rule": 445,
    "landlock_restrict_self": 446, "fchmodat2": 452, "setxattrat": 463, "removexattrat": 466, "file_setattr": 469, "open_tree_attr": 467,
}  # fmt: skip
HEADERS = {
    "aarch64": (Path("/usr/include/asm-generic/unistd.h"), _linux._ARM),
    "x86_64": (Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), _linux._X86),
}


def test_the_numbers_of_aarch64_are_the_published_ones() -> None:
    assert GENERIC == _linux._ARM
    assert COMMON == _linux._NEW


@pytest.mark.parametrize("machine", HEADERS)
def test_no_number_differs_from_the_headers_of_the_kernel_here(machine: str) -> None:
    header, ours = HEADERS[machine]
    if not header.exists():
        pytest.skip(f"{header} is not installed")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    theirs = {name: int(number) for name, number in found}
    wrong = {
        name: (number, theirs[name])
        for name, number in {**ours, **_linux._NEW}.items()
        if theirs.get(name, number) != number
    }
    assert wrong == {}
    assert len(set(ours) & set(theirs)) > 45


OTHER = """
import json, os, sys
there = os.uname()
os.uname = lambda: os.uname_result((there.sysname, there.nodename, there.release, there.version, "aarch64"))
from codex_py_sandbox import _bpf, _linux
assert not _linux.X86
word = 0x1234567890ABCDEF
made = {"plain": _bpf.program(families=(1, 2, 10, 16)).hex(),
        "asked": _bpf.program(families=(1, 2, 10, 16), notify=True, word=word).hex(),
        "refused": sorted(set(_bpf.REFUSED) & set(_linux.NR))}
print(json.dumps(made))
"""


def test_the_filter_for_aarch64_says_what_it_should() -> None:
    env = {"PYTHONPATH": launcher_path()}
    line = [sys.executable, "-c", OTHER]
    made = json.loads(subprocess.run(line, env=env, capture_output=True, check=True).stdout)
    plain, asked = bytes.fromhex(made["plain"]), bytes.fromhex(made["asked"])
    arm, amd = 0xC00000B7, 0xC000003E
    numbers = {**GENERIC, **COMMON}

    def says(program: bytes, name: str, *args: int, arch: int = arm) -> int:
        return answer(program, numbers[name], *args, arch=arch)

    for name in made["refused"]:
        assert says(plain, name) == EPERM, name
    assert says(plain, "statx") == says(plain, "openat", 0xFFFFFF9C, 0, 0x241, 0o644) == ALLOW
    assert says(plain, "openat", 0xFFFFFF9C, 0, 0x241, 0o4755) == EPERM
    assert says(plain, "clone", 0x10000000) == says(plain, "unshare", 0x20000) == EPERM
    assert says(plain, "clone", 0x11) == ALLOW
    assert says(plain, "ioctl", 0, 0x5412) == EPERM
    assert says(plain, "socket", 1, 1) == ALLOW
    for family, kind in ((1, 2), (40, 1), (17, 3), (38, 5)):
        assert says(plain, "socket", family, kind) != ALLOW
    assert says(asked, "connect", 3, 0, 16, 0) == says(asked, "connect", 3, 0, 16, 0x90ABCDEF)
    assert says(asked, "connect", 3, 0, 16, 0) not in (ALLOW, EPERM)
    assert says(asked, "connect", 3, 0, 16, 0x1234567890ABCDEF) == ALLOW
    # A program of the other machine gets nothing at all.
    assert says(plain, "statx", arch=amd) != ALLOW
