"""What outlives a command, and what one command can use up: daemons, forks, memory, disk."""

from __future__ import annotations

import subprocess

from tests.sandbox.battery.model import Options, must_block, should_block
from tests.sandbox.battery.stage import Stage, wait_for

DAEMON = "daemon(LOCK, READY)\n"


@should_block("p15-daemon-exit", "a double-forked daemon outlives the command's normal end")
def p15(s: Stage) -> bool:
    lock = s.ws / "lock"
    s.py(DAEMON, LOCK=lock, READY=s.ws / "ready")
    return (s.ws / "ready").exists() and s.lives(lock)


def _killed(s: Stage, end: str, code: str = DAEMON) -> bool:
    lock, ready = s.ws / "lock", s.ws / "ready"
    process = s.start(s.script(code + "time.sleep(50)", LOCK=lock, READY=ready))
    assert wait_for(ready), "the daemon never came up"
    getattr(process, end)()
    try:
        out, err = process.communicate(timeout=4)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate(timeout=4)
    s.note(process.returncode, out, err)
    return s.lives(lock, 3.0)


@must_block("p16-daemon-kill", "a double-forked daemon outlives the kill of the launcher")
def p16(s: Stage) -> bool:
    return _killed(s, "kill")


@must_block("p28-daemon-term", "a daemon that ignores SIGTERM outlives SIGTERM to the launcher")
def p28(s: Stage) -> bool:
    return _killed(s, "terminate")


@should_block(
    "p29-orphan-pipe", "a background child with the output pipe open keeps the command from ending"
)
def p29(s: Stage) -> bool:
    process = s.start(s.script("subprocess.Popen(['sleep', '30'], start_new_session=True)"))
    try:
        out, err = process.communicate(timeout=6)
    except subprocess.TimeoutExpired as late:
        s.note(None, late.stdout or b"", late.stderr or b"")
        process.kill()
        return True
    s.note(process.returncode, out, err)
    return False


@should_block(
    "p30-many-daemons", "one of a chain of re-forking daemons survives the kill of the launcher"
)
def p30(s: Stage) -> bool:
    code = """
held = os.open(LOCK, os.O_RDWR | os.O_CREAT); fcntl.flock(held, fcntl.LOCK_EX); os.set_inheritable(held, True)
if not os.fork():
    os.setsid(); end = time.monotonic() + 15; Path(READY).write_text("x")
    for fd in (0, 1, 2): os.close(fd)
    while time.monotonic() < end:
        if os.fork(): os._exit(0)
os.close(held)
"""
    return _killed(s, "kill", code)


@should_block("p21-procs", "more processes than procs=60 allows")
def p21(s: Stage) -> bool:
    ran = s.py(
        """
kids = []
try:
    for _ in range(200):
        if not (pid := os.fork()): time.sleep(30); os._exit(0)
        kids.append(pid)
except OSError as error: sys.stderr.write(f"{len(kids)} {error!r}")
for pid in kids: os.kill(pid, 9)
for pid in kids: os.waitpid(pid, 0)
if len(kids) >= 200: claim("200 processes")
""",
        Options(limits=_limits(s, "procs=60")),
    )
    return bool(ran.claims)


@should_block("p22-memory", "more memory than the limit allows")
def p22(s: Stage) -> bool:
    ran = s.py(
        "hog = [bytearray(1 << 20) for _ in range(600)]; claim(f'{len(hog)} MiB')",
        Options(limits=_limits(s, "data=300")),
    )
    return bool(ran.claims)


@should_block("p31-big-file", "a file larger than the limit allows")
def p31(s: Stage) -> bool:
    s.py(
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nwith open('big', 'wb') as f:\n    for _ in range(40): f.write(bytes(1 << 20))",
        Options(limits=_limits(s, "fsize=10")),
    )
    return (s.ws / "big").stat().st_size > 20 << 20


@should_block("p32-wall", "a command that runs on after its wall time")
def p32(s: Stage) -> bool:
    lock = s.ws / "lock"
    process = s.start(
        s.script(DAEMON + "time.sleep(8); claim('ran on')", LOCK=lock, READY=s.ws / "ready"),
        Options(limits=_limits(s, "wall=2")),
    )
    try:
        ran = s.note(0, *process.communicate(timeout=12))
    except subprocess.TimeoutExpired:
        return True
    return bool(ran.claims) or s.lives(lock)


def _limits(s: Stage, text: str) -> tuple[str, ...]:
    return () if s.backend in ("none", "bwrap-by-hand") else ("--limits", text)
