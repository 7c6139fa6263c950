"""The seccomp program, interpreted call by call against what it should say."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_py_sandbox import _bpf
from codex_py_sandbox._linux import KNOWN_MACHINE, NR, X86

pytestmark = pytest.mark.skipif(not KNOWN_MACHINE, reason="no filter for this machine")
ARCH = 0xC000003E if X86 else 0xC00000B7
ALL = (_bpf.AF_UNIX, _bpf.AF_INET, _bpf.AF_INET6, _bpf.AF_NETLINK)
ALLOW, EPERM, ENOSYS, EAF = 0x7FFF0000, 0x50001, 0x50026, 0x50061


def answer(program: bytes, nr: int, *args: int, arch: int = ARCH) -> int:
    """What the kernel would return for one call."""
    data = struct.pack("=iIQ6Q", nr, arch, 0, *[*args, 0, 0, 0, 0, 0, 0][:6])
    lines = [struct.unpack_from("HBBI", program, at) for at in range(0, len(program), 8)]
    at = held = 0
    for _ in range(len(lines)):
        code, yes, no, k = lines[at]
        at += 1
        if code == 0x20:
            held = struct.unpack_from("=I", data, k)[0]
        elif code == 0x54:
            held &= k
        elif code == 0x06:
            return k
        elif code == 0x05:
            at += k
        else:
            hit = {0x15: held == k, 0x35: held >= k, 0x45: bool(held & k)}[code]
            at += yes if hit else no
    raise AssertionError("the program runs off its end")


PROGRAM = _bpf.program(families=ALL) if KNOWN_MACHINE else b""


@given(st.integers(0, 600))
def test_every_call_gets_the_answer_that_the_tables_say(nr: int) -> None:
    names = {number: name for name, number in NR.items()}
    name = names.get(nr, "")
    got = answer(PROGRAM, nr)
    if name in _bpf.REFUSED:
        assert got == EPERM
    elif name in ("clone3", "openat2"):
        assert got == ENOSYS
    elif name == "socket":
        assert got == EAF
    elif name == "socketpair":
        assert got == EAF
    else:
        assert got == ALLOW


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("clone", (0x11,), ALLOW),
        ("clone", (0x10000011,), EPERM),
        ("unshare", (0x20000,), EPERM),
        ("unshare", (0x400,), ALLOW),
        ("ioctl", (0, 0x5412), EPERM),
        ("ioctl", (0, 0x541C), EPERM),
        ("ioctl", (0, 0x5413), ALLOW),
        ("socket", (1, 1), ALLOW),
        ("socket", (1, 0x80801), ALLOW),
        ("socket", (1, 5), ALLOW),
        ("socket", (1, 2), EAF),
        ("socket", (1, 0x80002), EAF),
        ("socket", (2, 2), ALLOW),
        ("socket", (10, 1), ALLOW),
        ("socket", (16, 3, 0), ALLOW),
        ("socket", (16, 3, 9), EAF),
        ("socket", (40, 1), EAF),
        ("socket", (38, 5), EAF),
        ("socketpair", (1, 1), ALLOW),
        ("socketpair", (1, 2), EAF),
        ("fchmodat", (0, 0, 0o4755), EPERM),
        ("fchmodat", (0, 0, 0o755), ALLOW),
    ],
)
def test_arguments_decide(name: str, args: tuple[int, ...], expected: int) -> None:
    assert answer(PROGRAM, NR[name], *args) == expected


def test_foreign_calls_are_not_answered() -> None:
    assert answer(PROGRAM, 1, arch=0x40000003) == ENOSYS
    if X86:
        assert answer(PROGRAM, 0x40000000 | 1) == ENOSYS


def test_without_namespaces_no_unix_socket_can_be_made() -> None:
    bare = _bpf.program(families=(_bpf.AF_NETLINK,))
    for family in (1, 2, 10, 40):
        assert answer(bare, NR["socket"], family, 1) == EAF
    assert answer(bare, NR["socketpair"], 1, 1) == ALLOW
