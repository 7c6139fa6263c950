"""Ordinary work: processes that talk to each other, servers, shared memory, watchers."""

from __future__ import annotations

import socket

from tests.sandbox.battery.model import Options, must_work, should_work
from tests.sandbox.battery.stage import Stage


@must_work("w19-socketpair", "socketpair between processes, with send and recv")
def w19(s: Stage) -> bool:
    ran = s.py("""
a, b = socket.socketpair()
if not os.fork():
    b.send(b"one"); b.sendall(b"two"); b.sendmsg([b"three"]); os._exit(0)
os.wait(); print(a.recv(100).decode())
""")
    return ran.text == "onetwothree\n"


@must_work("w20-mp", "multiprocessing Pool, Lock and Queue")
def w20(s: Stage) -> bool:
    (s.ws / "m.py").write_text(
        "import multiprocessing as m\n"
        "def f(x): return x * x\n"
        "if __name__ == '__main__':\n"
        "    for how in ('fork', 'spawn'):\n"
        "        c = m.get_context(how); q = c.Queue(); lock = c.Lock()\n"
        "        with lock, c.Pool(2) as p: q.put(sum(p.map(f, range(5))))\n"
        "        print(q.get(timeout=9))\n"
    )
    return s.py("subprocess.run([sys.executable, '-S', 'm.py'])").text == "30\n30\n"


@must_work("w21-asyncio", "asyncio child processes, pipes and signals, ten in a row")
def w21(s: Stage) -> bool:
    ran = s.py("""
import asyncio
async def one(n):
    p = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    out, _ = await p.communicate(str(n).encode())
    return int(out)
async def main():
    print(sum(await asyncio.gather(*map(one, range(10)))))
    asyncio.get_running_loop().call_soon_threadsafe(lambda: None)
    print(await asyncio.to_thread(lambda: 5))
asyncio.run(asyncio.wait_for(main(), 15))
""")
    return ran.text == "45\n5\n"


@should_work("w25-unix-in", "unix-socket server and client inside the workspace")
def w25(s: Stage) -> bool:
    ran = s.py("""
server = socket.socket(socket.AF_UNIX); server.bind("s.sock"); server.listen()
if not os.fork():
    c = socket.socket(socket.AF_UNIX); c.connect("s.sock"); c.send(b"hello"); os._exit(0)
print(server.accept()[0].recv(9).decode()); os.wait()
""")
    return ran.text == "hello\n"


@should_work("w26-loopback-in", "TCP server and client on 127.0.0.1 inside one command")
def w26(s: Stage) -> bool:
    (s.ws / "page").write_text("served")
    ran = s.py("""
import http.server, urllib.request
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
server.RequestHandlerClass.log_message = lambda *a: None
threading.Thread(target=server.serve_forever, daemon=True).start()
for host in ("127.0.0.1", "localhost"):
    url = f"http://{host}:{server.server_port}/page"
    print(urllib.request.urlopen(url, timeout=5).read().decode())
""")
    return ran.text == "served\nserved\n"


@should_work("w27-shm", "POSIX shared memory and a named semaphore")
def w27(s: Stage) -> bool:
    ran = s.py("""
from multiprocessing import shared_memory, Semaphore
m = shared_memory.SharedMemory(create=True, size=1 << 20); m.buf[0] = 7
n = shared_memory.SharedMemory(m.name); print(n.buf[0]); n.close(); m.close(); m.unlink()
Semaphore(2).acquire(); print(os.access("/dev/shm", os.W_OK))
""")
    return ran.text.split() == ["7", "True"]


@must_work("w30-sqlite", "an SQLite database in WAL mode")
def w30(s: Stage) -> bool:
    ran = s.py("""
import sqlite3
db = sqlite3.connect("d.db"); print(db.execute("pragma journal_mode=wal").fetchone()[0])
with db: db.execute("create table t(x)"); db.execute("insert into t values (5)")
print(sqlite3.connect("d.db").execute("select x from t").fetchone()[0])
""")
    return ran.text == "wal\n5\n"


@must_work("w31-inotify", "watching files")
def w31(s: Stage) -> bool:
    ran = s.py("""
watch = LIBC.inotify_init1(0); LIBC.inotify_add_watch(watch, b".", 0x100)
Path("new").write_text("")
print(select.select([watch], [], [], 5)[0] != [] and b"new" in os.read(watch, 4096))
""")
    return ran.text == "True\n"


@must_work("w32-event-fds", "epoll, eventfd, timerfd, signalfd, memfd and pidfd on own processes")
def w32(s: Stage) -> bool:
    ran = s.py("""
e = select.epoll(); event = os.eventfd(0); e.register(event, select.EPOLLIN); os.eventfd_write(event, 1)
print(len(e.poll(2)), call(283, 1, 0)[0] > 0, os.write(os.memfd_create("m"), b"abc"))
pid = os.fork() or time.sleep(30)
fd = os.pidfd_open(pid); signal.pidfd_send_signal(fd, 9)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
""")
    return ran.text == "1 True 3\n-9\n"


@must_work("w33-copy", "sendfile, copy_file_range, splice, tar and cp -a")
def w33(s: Stage) -> bool:
    (s.ws / "a").write_bytes(b"x" * 100_000)
    s.py("""
a, b = os.open("a", 0), os.open("b", os.O_RDWR | os.O_CREAT)
print(os.sendfile(b, a, 0, 50000)); os.lseek(a, 50000, 0); tried(os.copy_file_range, a, b, 50000)
subprocess.run("tar cf t.tar a b && mkdir x && tar xf t.tar -C x && cp -a x y", shell=True)
""")
    return (s.ws / "b").stat().st_size == 100_000 and (s.ws / "y/a").stat().st_size == 100_000


@must_work("w60-names", "own name, localhost and the clock")
def w60(s: Stage) -> bool:
    ran = s.py("""
print(socket.gethostbyname("localhost"), time.time() > 1.6e9, bool(os.uname().nodename))
""")
    return ran.text == "127.0.0.1 True True\n"


@must_work("w61-sysv", "SysV shared memory and queues inside")
def w61(s: Stage) -> bool:
    ran = s.py("""
m, _ = call(29, 0, 4096, 0o1600); q, _ = call(68, 0, 0o1600)
print(m >= 0, q >= 0); call(31, m, 0, None); call(71, q, 0, None)
""")
    return ran.text == "True True\n"


@must_work("w62-child-limits", "nice, setrlimit, prlimit and affinity on its own processes")
def w62(s: Stage) -> bool:
    ran = s.py("""
import resource
os.nice(1); resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.prlimit(os.getpid(), resource.RLIMIT_NOFILE, (256, 256))
os.sched_setaffinity(0, os.sched_getaffinity(0)); print("ok")
""")
    return ran.text == "ok\n"


@must_work("w63-many-files", "three thousand files, made, listed and removed")
def w63(s: Stage) -> bool:
    s.sh(
        "mkdir d; cd d; i=0; while [ $i -lt 3000 ]; do : > f$i; i=$((i+1)); done; ls | wc -l > ../n; rm f*"
    )
    return (s.ws / "n").read_text().strip() == "3000" and not list((s.ws / "d").iterdir())


@should_work("w64-network-on", "with the network on, a server of the host answers")
def w64(s: Stage) -> bool:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(3)
        ran = s.py(
            "c = socket.create_connection(('127.0.0.1', PORT), 3); c.send(b'x'); print('sent')",
            Options(network="on"),
            PORT=server.getsockname()[1],
        )
        return ran.text == "sent\n" and server.accept()[0].recv(1) == b"x"


@should_work("w65-netlink", "reading the own network interfaces (getifaddrs, if_nameindex)")
def w65(s: Stage) -> bool:
    return "lo" in s.py("print([name for _, name in socket.if_nameindex()])").text


@should_work("w66-tmux", "a terminal multiplexer of its own inside")
def w66(s: Stage) -> bool:
    s.need("tmux")
    ran = s.sh(
        "tmux -f /dev/null -S $PWD/mux new-session -d 'echo in-tmux > seen; sleep 5';"
        "i=0; while [ ! -s seen ] && [ $i -lt 100 ]; do sleep 0.05; i=$((i+1)); done;"
        "cat seen; tmux -S $PWD/mux kill-server"
    )
    return ran.text == "in-tmux\n"
