"""Unix sockets: those made inside work, those of other programs are out of reach, however one tries."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from codex_py_sandbox import Policy
from tests.sandbox.conftest import Opener, Ran, run

pytestmark = pytest.mark.sandbox


@contextmanager
def listening(path: Path) -> Iterator[list[bytes]]:
    """A server outside; what it heard, a call without a word counts too."""
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(64)

        def serve() -> None:
            while True:
                try:
                    call, _ = server.accept()
                except OSError:
                    return
                with call:
                    heard.append(b"call")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield heard
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def python(work: Path, opened: Opener, script: str, *words: str, **policy: object) -> Ran:
    session = opened(Policy(roots=(work,), **policy))
    (work / "play.py").write_text(script)
    return run(session, f"{sys.executable} -I play.py {' '.join(words)}", work)


WORKS = """
import os, select, signal, socket, sys, threading, time
signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, False)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
def serve(at, family=socket.AF_UNIX):
    server = socket.socket(family); server.bind(at); server.listen(0)
    def answer():
        while True:
            call, _ = server.accept(); call.sendall(b"hi"); call.close()
    threading.Thread(target=answer, daemon=True).start()
    return server.getsockname()
os.mkdir("deep"); os.symlink("deep", "link")
at = [serve("rel"), serve(os.getcwd() + "/abs"), serve("deep/in"), serve("/tmp/t"), serve("\\0name")]
at += ["link/in", "./../" + os.path.basename(os.getcwd()) + "/rel", "/proc/self/cwd/rel"]
at += [serve(("127.0.0.1", 0), socket.AF_INET), serve(("::1", 0), socket.AF_INET6)]
for each in at * 5:
    family = socket.AF_UNIX if isinstance(each, str | bytes) else (
        socket.AF_INET if len(each) == 2 else socket.AF_INET6)
    with socket.socket(family) as client:
        client.connect(each)
        assert client.recv(9) == b"hi", each
with socket.socket(socket.AF_UNIX) as client:
    client.setblocking(False)
    client.connect("rel")
    select.select([client], [], [], 5)
    assert client.recv(9) == b"hi"
for path, number in (("none", 2), ("play.py", 111), ("deep", 111)):
    error = socket.socket(socket.AF_UNIX).connect_ex(path)
    assert error == number, (path, error)
closed = socket.socket(socket.AF_UNIX); closed.bind("closed"); closed.close()
assert socket.socket(socket.AF_UNIX).connect_ex("closed") in (111, 13)
signal.setitimer(signal.ITIMER_REAL, 0)
print("fine")
"""


@pytest.mark.parametrize("network", ["off", "on"])
def test_sockets_made_inside_work_in_every_spelling(
    opened: Opener, work: Path, network: str
) -> None:
    assert python(work, opened, WORKS, network=network).text == "fine\n"


LATE = """
import ctypes, os, socket, sys, time
if len(sys.argv) > 2: ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
open("up", "w").close()
while not os.path.exists("go"): time.sleep(0.01)
os.symlink(sys.argv[1], "alias")
for path in (sys.argv[1], "alias", "/proc/self/root" + sys.argv[1], "left"):
    print(socket.socket(socket.AF_UNIX).connect_ex(path))
"""


@pytest.mark.parametrize("network", ["off", "on"])
@pytest.mark.parametrize("dumpable", ["", "no"])
def test_a_socket_that_another_program_makes_later_is_out_of_reach(
    opened: Opener, work: Path, tmp_path: Path, dumpable: str, network: str
) -> None:
    session = opened(Policy(roots=(work,), network=network))
    (work / "play.py").write_text(LATE)
    with open(os.devnull) as null, open(tmp_path / "said", "wb") as out:
        line = [sys.executable, "-I", "play.py", str(tmp_path / "late"), *filter(None, [dumpable])]
        job = session.start(line, work, stdin=null.fileno(), stdout=out.fileno(), stderr=2)
        while not (work / "up").exists():
            os.sched_yield()
        with listening(tmp_path / "late") as heard, listening(work / "left") as left:
            (work / "go").touch()
            ended = job.wait(20)
    said = (tmp_path / "said").read_text().split()
    assert heard == []
    assert said[:3] == ["13", "13", "13"]
    if network == "off":
        assert left == [], "left in the workspace by another program"
    if not dumpable:
        assert ended is not None
        assert ("connect", f"unix:{tmp_path / 'late'}") in {
            (e.kind, e.target) for e in ended.events
        }


RACE = """
import ctypes, os, socket, sys, threading, time
libc = ctypes.CDLL(None)
out = sys.argv[1].encode()
server = socket.socket(socket.AF_UNIX); server.bind("in"); server.listen(512)
good, bad = (b"\\1\\0" + path.ljust(106, b"\\0") for path in (b"in", out))
memory = ctypes.create_string_buffer(good, 108)
stop = False
def flip():
    while not stop:
        memory.raw = bad
        memory.raw = good
def swap():
    # The descriptor changes between a socket of the loopback and one of the file system.
    one, two = socket.socket(socket.AF_INET), socket.socket(socket.AF_UNIX)
    while not stop:
        os.dup2(one.fileno(), 99)
        os.dup2(two.fileno(), 99)
sys.setswitchinterval(0.0002)
for each in (flip, swap): threading.Thread(target=each, daemon=True).start()
tried = 0
end = time.monotonic() + 4
while time.monotonic() < end or tried <= 100 and time.monotonic() < end + 12:
    client = socket.socket(socket.AF_UNIX); client.setblocking(False)
    libc.connect(client.fileno(), memory, 108)
    libc.connect(99, memory, 108)
    client.close(); tried += 1
    try:
        server.setblocking(False)
        while True: server.accept()[0].close()
    except OSError: pass
stop = True
print("tried", tried > 100)
"""


@pytest.mark.parametrize("network", ["off", "on"])
def test_changing_the_address_or_the_descriptor_under_way_does_not_help(
    opened: Opener, work: Path, tmp_path: Path, network: str
) -> None:
    session = opened(Policy(roots=(work,), network=network))
    (work / "play.py").write_text(RACE)
    with listening(tmp_path / "late") as heard:
        ran = run(session, f"{sys.executable} -I play.py {tmp_path}/late", work)
    assert ran.text == "tried True\n"
    assert heard == []
