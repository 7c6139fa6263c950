"""Modes, owners, times and attributes outside stay as they are, also where only Landlock is left."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from codex_py_sandbox import Policy
from tests.sandbox.conftest import BACKENDS, Opener, run

pytestmark = pytest.mark.sandbox

INSIDE = """
import array, fcntl, os, struct, subprocess
open("mine", "w").write("x"); os.symlink("mine", "link"); os.mkdir("deep")
os.chmod("mine", 0o640); assert os.stat("mine").st_mode & 0o777 == 0o640
os.utime("mine", (5, 6)); assert os.stat("mine").st_mtime == 6
os.utime("link", (7, 8), follow_symlinks=False); assert os.lstat("link").st_mtime == 8
assert os.stat("mine").st_mtime == 6
os.utime("mine"); os.chown("link", -1, -1, follow_symlinks=False); os.chown("mine", os.getuid(), -1)
fd = os.open("mine", os.O_RDWR); os.fchmod(fd, 0o600); os.utime(fd, (1, 2)); os.fchown(fd, -1, -1)
at = os.open("deep", os.O_RDONLY); open("deep/x", "w").close()
os.chmod("x", 0o600, dir_fd=at); os.utime("x", (1, 2), dir_fd=at)
os.chmod("/proc/self/cwd/mine", 0o644); os.chmod(f"/proc/self/fd/{fd}", 0o644)
try: os.chmod("none", 0o600)
except FileNotFoundError: pass
script = "cp -p mine b && install -m 755 mine c && tar cf t mine b && tar xf t -C deep && touch -d 2001-01-01 b"
subprocess.run(script, shell=True, check=True)
print("fine")
"""

RACE = """
import ctypes, os, sys, threading, time
libc = ctypes.CDLL(None)
out = sys.argv[1].encode()
open("in", "w").close()
os.mkdir("d"); open("d/file", "w").close(); os.symlink(os.path.dirname(out), b"l")
memory = ctypes.create_string_buffer(b"in", 200)
end = time.monotonic() + 3
def flip():
    while time.monotonic() < end:
        memory.value = out
        memory.value = b"in"
def swap():
    one, two = os.open("in", os.O_RDONLY), os.open(out, os.O_RDONLY)
    while time.monotonic() < end:
        os.dup2(one, 99); os.dup2(two, 99)
def turn():
    while time.monotonic() < end:
        for a, b in (("d", "k"), ("l", "d"), ("d", "l"), ("k", "d")): os.rename(a, b)
for each in (flip, swap, turn): threading.Thread(target=each, daemon=True).start()
name = os.path.basename(out)
tried = 0
while time.monotonic() < end:
    libc.chmod(memory, 0o777)
    libc.fchmod(99, 0o777)
    libc.chmod(b"d/" + name, 0o777)
    libc.utimes(memory, None)
    libc.setxattr(memory, b"user.x", b"1", 1, 0)
    tried += 1
print("tried", tried > 50)
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_everything_of_ones_own_can_be_changed(opened: Opener, work: Path, backend: str) -> None:
    session = opened(Policy(roots=(work,)), backend)
    (work / "play.py").write_text(INSIDE)
    assert run(session, f"{sys.executable} -I play.py", work).text == "fine\n"


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_race_reaches_a_file_outside(
    opened: Opener, work: Path, tmp_path: Path, backend: str
) -> None:
    outside = tmp_path / "file"
    outside.write_text("x")
    outside.chmod(0o600)
    os.utime(outside, (1, 2))
    session = opened(Policy(roots=(work,)), backend)
    (work / "play.py").write_text(RACE)
    ran = run(session, f"{sys.executable} -I play.py {outside}", work)
    assert ran.text == "tried True\n"
    after = outside.stat()
    assert (after.st_mode & 0o7777, after.st_mtime) == (0o600, 2)
    assert os.listxattr(outside) == []
