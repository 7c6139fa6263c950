"""Ordinary work: files, streams, exit codes, signals and devices that every command may use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.sandbox.battery.model import Options, must_work, should_work
from tests.sandbox.battery.stage import Stage, wait_for


@must_work("w01-echo", "output, error stream and exit code 0")
def w01(s: Stage) -> bool:
    ran = s.sh("echo out; echo err >&2")
    return (ran.code, ran.text, b"err" in ran.err) == (0, "out\n", True)


@must_work("w02-files", "make, edit, rename and remove files in the workspace")
def w02(s: Stage) -> bool:
    (s.ws / "a").write_text("one\n")
    s.sh("sed -i s/one/two/ a; mkdir -p d/e; cp a d/e/b; mv d/e/b d/c; rm -r d/e; echo x >> d/c")
    return (s.ws / "d/c").read_text() == "two\nx\n" and not (s.ws / "d/e").exists()


@must_work("w03-exit-code", "the exit code is passed on")
def w03(s: Stage) -> bool:
    return s.sh("exit 37").code == 37


@must_work("w04-signal", "death by a signal is passed on as -N or 128+N")
def w04(s: Stage) -> bool:
    return s.sh("kill -TERM $$").code in (-signal.SIGTERM, 128 + signal.SIGTERM)


@must_work("w05-stdin", "standard input reaches the command")
def w05(s: Stage) -> bool:
    data = bytes(range(256)) * 400
    s.py("Path('got').write_bytes(sys.stdin.buffer.read())", Options(stdin=data))
    return (s.ws / "got").read_bytes() == data


@must_work("w06-stdin-none", "a command that reads closed input ends")
def w06(s: Stage) -> bool:
    return s.sh("cat; echo end").text == "end\n"


@must_work("w07-big-output", "five megabytes of output arrive whole")
def w07(s: Stage) -> bool:
    ran = s.sh("yes 0123456789abcde | head -c 5000000")
    return len(ran.out) == 5_000_000 and ran.code == 0


@must_work("w08-cwd", "the current folder is kept, also below the root")
def w08(s: Stage) -> bool:
    below = s.ws / "sub folder"
    below.mkdir()
    ran = s.sh("pwd; echo x > here; echo y > ../above", Options(cwd=below))
    return ran.text == f"{below}\n" and (below / "here").exists() and (s.ws / "above").exists()


@must_work("w09-argv", "long and odd arguments arrive unchanged")
def w09(s: Stage) -> bool:
    words = ["", "--", "-x", "a b", "tab\tnew\nline", "$HOME", "ü☃", "'\"\\", "z" * 100_000]
    script = s.script("import json; Path('argv').write_text(json.dumps(sys.argv[1:]))")
    out, err = (process := s.start([*script, *words])).communicate(timeout=20)
    s.note(process.returncode, out, err)
    import json

    return bool(json.loads((s.ws / "argv").read_text()) == words)


@must_work("w10-unicode", "names with spaces, accents, emoji and bytes that are not UTF-8")
def w10(s: Stage) -> bool:
    s.py("""
for name in ("sp ace", "é", "e\\u0301", "☃🐍", os.fsdecode(b"\\xff\\xfe"), "-dash", "new\\nline"):
    Path(name).write_text(name, errors="surrogateescape")
""")
    return len(list(s.ws.iterdir())) == 7


@must_work("w11-tmp", "mktemp, files in /tmp and TMPDIR")
def w11(s: Stage) -> bool:
    return (
        s.sh(
            "d=$(mktemp -d) && echo x > $d/f && echo y > /tmp/bty-$$ && cat $d/f /tmp/bty-$$"
            " && rm -r $d /tmp/bty-$$"
        ).text
        == "x\ny\n"
    )


@must_work("w12-devices", "/dev/null, zero, full, random and urandom")
def w12(s: Stage) -> bool:
    ran = s.sh(
        "echo x > /dev/null; cat /dev/null; head -c 7 /dev/zero | wc -c; head -c 9 /dev/urandom"
        " | wc -c; head -c 1 /dev/random | wc -c; (echo x > /dev/full) 2>/dev/null || echo full"
    )
    return ran.text.split() == ["7", "9", "1", "full"]


@must_work("w13-dev-fd", "/dev/fd, /dev/stdout, /dev/stderr and process substitution")
def w13(s: Stage) -> bool:
    s.need("bash")
    ran = s.sh(
        "bash -c 'cat <(echo one) /dev/fd/3 3<<<two; echo three > /dev/stdout; echo e >/dev/stderr'"
    )
    return ran.text == "one\ntwo\nthree\n" and b"e\n" in ran.err


@must_work("w14-pty", "Python's pty: a child with its own terminal")
def w14(s: Stage) -> bool:
    ran = s.py("""
import pty
pid, master = pty.fork()
if not pid:
    os.execvp("sh", ["sh", "-c", "test -t 0 && test -t 1 && stty size && echo tty-ok > /dev/tty"])
seen = b""
while True:
    try:
        piece = os.read(master, 1024)
    except OSError:
        break
    if not piece:
        break
    seen += piece
os.waitpid(pid, 0)
print("tty-ok" in seen.decode())
""")
    return ran.text == "True\n"


@must_work("w15-shebang", "a new executable with a shebang line runs")
def w15(s: Stage) -> bool:
    ran = s.sh(
        f"printf '#!{sys.executable} -S\\nprint(6*7)\\n' > run.py; chmod +x run.py; ./run.py"
    )
    return ran.text == "42\n"


@must_work("w16-heredoc", "here documents and pipelines")
def w16(s: Stage) -> bool:
    return s.sh("cat <<END | tr a-z A-Z | sort -r\nabc\nxyz\nEND").text == "XYZ\nABC\n"


@must_work("w17-background", "a background job inside one command, with wait and kill")
def w17(s: Stage) -> bool:
    ran = s.sh(
        "(sleep 0.1; echo done > f) & wait; sleep 30 & p=$!; kill $p; wait $p; echo $?; cat f"
    )
    return ran.text == "143\ndone\n"


@must_work("w18-trap", "traps, time-outs and signals between own processes")
def w18(s: Stage) -> bool:
    s.need("timeout")
    return (
        s.sh("trap 'echo usr' USR1; kill -USR1 $$; timeout 0.2 sleep 9; echo $?").text
        == "usr\n124\n"
    )


@must_work("w45-mmap", "shared memory maps, locks and sparse files in the workspace")
def w45(s: Stage) -> bool:
    ran = s.py("""
file = open("map", "w+b"); file.truncate(1 << 20)
area = mmap.mmap(file.fileno(), 1 << 20)
if not (pid := os.fork()):
    area[1000:1002] = b"hi"; os._exit(0)
os.waitpid(pid, 0); fcntl.lockf(file, fcntl.LOCK_EX); fcntl.flock(file, fcntl.LOCK_EX)
print(area[1000:1002].decode())
""")
    return ran.text == "hi\n" and (s.ws / "map").read_bytes()[1000:1002] == b"hi"


@must_work("w46-fifo", "a named pipe in the workspace")
def w46(s: Stage) -> bool:
    return s.sh("mkfifo p; (echo through > p) & cat p; wait").text == "through\n"


@must_work("w47-links", "symbolic and hard links inside the workspace")
def w47(s: Stage) -> bool:
    s.sh(
        "echo x > a; ln a hard; ln -s a soft; mkdir d; ln -s ../a d/up; echo y >> d/up; echo z >> hard"
    )
    return (s.ws / "soft").read_text() == "x\ny\nz\n" and (s.ws / "a").stat().st_nlink == 2


@must_work("w48-modes", "umask, chmod and times on own files")
def w48(s: Stage) -> bool:
    s.sh("umask 027; echo x > a; mkdir d; echo > b; chmod 751 b; touch -d 2001-02-03T04:05:06Z a")
    a, b = (s.ws / "a").stat(), (s.ws / "b").stat()
    return (
        a.st_mode & 0o777 == 0o640 and b.st_mode & 0o777 == 0o751 and int(a.st_mtime) == 981173106
    )


@must_work("w49-read", "system files can be read and the user is the same")
def w49(s: Stage) -> bool:
    ran = s.sh("id -u; head -c 4 /etc/passwd | wc -c; ls /usr/bin | wc -l; cat ../out/readme")
    del ran
    (s.out / "readme").write_text("outside\n")
    lines = s.sh("id -u; head -c 4 /etc/passwd | wc -c; cat ../out/readme").text.split()
    return lines == [str(os.getuid()), "4", "outside"]


@must_work("w50-proc", "ps-like reads of its own /proc")
def w50(s: Stage) -> bool:
    ran = s.py("""
me = Path(f"/proc/{os.getpid()}/cmdline").read_bytes()
threads = len(os.listdir("/proc/self/task")); fds = os.listdir("/proc/self/fd")
print(b"-S" in me, threads, "0" in fds, Path("/proc/meminfo").read_text().startswith("MemTotal"))
""")
    return ran.text == "True 1 True True\n"


@must_work("w51-threads", "two hundred threads and forty child processes")
def w51(s: Stage) -> bool:
    ran = s.py("""
gate = threading.Barrier(201)
threads = [threading.Thread(target=gate.wait) for _ in range(200)]
for t in threads: t.start()
gate.wait()
for t in threads: t.join()
kids = [subprocess.Popen(["sleep", "0.2"]) for _ in range(40)]
print(sum(k.wait() == 0 for k in kids))
""")
    return ran.text == "40\n"


@must_work("w52-read-only-mode", "reading and /dev/null work in read-only mode")
def w52(s: Stage) -> bool:
    (s.ws / "a").write_text("text\n")
    return s.sh("cat a; ls > /dev/null && echo ok", Options(mode="read-only")).text == "text\nok\n"


@must_work("w53-second-root", "a second writable root")
def w53(s: Stage) -> bool:
    other = s.base / "other"
    other.mkdir()
    s.sh("echo x > ../other/file", Options(roots=(other,)))
    return (other / "file").exists()


@must_work("w54-interrupt", "SIGTERM to the launcher ends the command at once")
def w54(s: Stage) -> bool:
    script = s.script("Path('ready').write_text(''); time.sleep(50)")
    process = s.start(script)
    if not wait_for(s.ws / "ready"):
        process.kill()
        s.note(None, *process.communicate())
        return False
    process.terminate()
    try:
        out, err = process.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        return False
    s.note(process.returncode, out, err)
    return process.returncode != 0


@should_work("w55-ptrace-own", "a debugger on its own child (PTRACE_TRACEME)")
def w55(s: Stage) -> bool:
    ran = s.py("""
if not (pid := os.fork()):
    LIBC.ptrace(0, 0, None, None); os.kill(os.getpid(), signal.SIGSTOP); os._exit(7)
_, status = os.waitpid(pid, 0)
print(os.WIFSTOPPED(status)); LIBC.ptrace(7, pid, None, None)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
""")
    return ran.text == "True\n7\n"


@should_work("w70-setgid-dir", "set-group-id folders (git init --shared, shared build trees)")
def w70(s: Stage) -> bool:
    ran = s.sh("mkdir d && chmod 2775 d && git init -q --shared repo && echo ok")
    return ran.text == "ok\n" and bool((s.ws / "d").stat().st_mode & 0o2000)
