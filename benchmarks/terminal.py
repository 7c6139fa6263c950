"""The interactive session in a pseudo-terminal: how soon, how smooth, how large.

    python benchmarks/terminal.py [--runs N] [--only NAME,…] [--json FILE]

A bare prompt_toolkit prompt is started in the same rounds as the floor. Times are milliseconds
by the clock; those called `processor` are processor time, which other programs do not disturb.
A key counts as shown when its character first appears in what the program writes.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import select
import shutil
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

from tests.server import Server  # noqa: E402
from tests.turns import call, pace, text  # noqa: E402

PROGRAM = str(Path(sys.executable).parent / "codex-py")
WATCHED = str(Path(__file__).with_name("watched.py"))
BARE = "from prompt_toolkit import prompt; prompt('> ')"
READY = b"Ask anything"
LETTERS = "абвгдежзийклмнопрстуфхцчшщъыьэюяјљњћџѓќўґєії"
"""One letter a key: none of them is in what is streamed."""


class Pane:
    """A program in a pseudo-terminal of 100 by 30."""

    def __init__(self, argv: Sequence[str], folder: Path, env: dict[str, str]) -> None:
        self.out = b""
        self.began = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(argv[0], list(argv), env)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        quiet = termios.tcgetattr(self.fd)
        quiet[3] &= ~termios.ECHO  # what is typed ahead is not echoed by the kernel
        termios.tcsetattr(self.fd, termios.TCSANOW, quiet)

    def pump(self, seconds: float) -> bool:
        """Read what comes within so many seconds; False when nothing came."""
        if not select.select([self.fd], [], [], max(0.0, seconds))[0]:
            return False
        try:
            self.out += os.read(self.fd, 1 << 16)
        except OSError:
            return False
        return True

    def until(self, what: bytes, seconds: float = 60, start: int = 0) -> float:
        """When it appeared, by the clock of `perf_counter`."""
        end = time.perf_counter() + seconds
        while what not in self.out[start:]:
            if not self.pump(end - time.perf_counter()) and time.perf_counter() > end:
                raise SystemExit(f"{what!r} never came; the end of what did: {self.out[-800:]!r}")
        return time.perf_counter()

    def send(self, words: str) -> None:
        os.write(self.fd, words.encode())

    def rest(self, seconds: float) -> None:
        """Read on for so long."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.pump(left)

    def key(self, letter: str) -> float:
        """Milliseconds from a key to its letter on the screen."""
        start, began = len(self.out), time.perf_counter()
        self.send(letter)
        return (self.until(letter.encode(), 20, start) - began) * 1000

    def tree(self) -> list[int]:
        """The program and all it started."""
        found = [self.pid]
        for pid in found:
            try:
                words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            except OSError:
                continue
            found += [int(each) for each in words]
        return found

    def cpu(self) -> float:
        """Seconds of processor time of the whole tree."""
        total = 0.0
        for pid in self.tree():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return total

    def spent(self) -> float:
        """Milliseconds of processor time of the program itself, all its threads."""
        total = 0
        for each in Path(f"/proc/{self.pid}/task").iterdir():
            total += int((each / "schedstat").read_text().split()[0])
        return total / 1e6

    def memory(self) -> float:
        """MiB of the whole tree, shared pages counted once (PSS)."""
        total = 0
        for pid in self.tree():
            try:
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            except OSError:
                continue  # a process that hides its memory: the sandbox's rooms
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return total / 1024

    def close(self) -> None:
        os.kill(self.pid, signal.SIGTERM)
        while True:
            try:
                if not self.pump(0.2) and os.waitpid(self.pid, os.WNOHANG)[0]:
                    break
            except ChildProcessError:
                break
        os.close(self.fd)


def markdown(size: int) -> str:
    """An answer with everything in it: prose, lists, a table, code."""
    part = (
        "## Part {n}\n\nSome *prose* with `code` and **weight** that goes on for a while, as the "
        "answers of models do, and then a [link](https://example.com/{n}).\n\n"
        "- first item with `name_{n}`\n- second item, which is longer than the first one is\n"
        "  and goes on\n- third\n\n"
        "```python\n" + "".join(
            f"def function_{k}(argument: int, other: str = 'text') -> dict[str, int]:\n"
            f"    return {{other: argument * {k}}}  # comment {k}\n" for k in range(12)
        ) + "```\n\n| name | value |\n|---|---|\n| a | 1 |\n| b | 2 |\n\n"
    )  # fmt: skip
    whole = "".join(part.replace("{n}", str(n)) for n in range(1 + size // len(part)))
    return whole[:size]


def tall(size: int) -> str:
    """The worst for a drawer: one code block, one list and one table without an end."""
    code = "".join(f"    value_{n} = compute(first={n}, second='text')\n" for n in range(400))
    rows = "".join(f"| row {n} | some words here | {n * 7} |\n" for n in range(150))
    words = "one paragraph that has no end and only goes on " * 150
    return f"```python\n{code[: size // 3]}```\n\n| a | b | c |\n|---|---|---|\n{rows}\n{words}"


class Bench:
    """The measures; each gives named numbers."""

    def __init__(self, scratch: Path, runs: int) -> None:
        self.runs = runs
        self.home = scratch / "home"
        self.repo = scratch / "repo"
        (self.home / "state").mkdir(parents=True)
        self.repo.mkdir()
        (self.repo / ".git").mkdir()
        (self.repo / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
        (self.home / "state" / "config.toml").write_text(
            f'approval_mode = "suggest"\n[projects."{self.repo}"]\ntrust_level = "trusted"\n'
        )

    def start(self, url: str, *args: str, program: Sequence[str] = (PROGRAM,)) -> Pane:
        env = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        env |= {"HOME": str(self.home), "CODEX_PY_HOME": str(self.home / "state")}
        env |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "OPENAI_API_KEY": "sk-test"}
        return Pane([*program, *args], self.repo, {**env, "OPENAI_BASE_URL": url})

    def ready(self, server: Server, *args: str, program: Sequence[str] = (PROGRAM,)) -> Pane:
        """A session whose agent is loaded."""
        pane = self.start(server.url, *args, program=program)
        pane.until(READY)
        pane.until(b"codex-py 0")
        pane.rest(1.0)
        return pane

    def prompt(self) -> dict[str, float]:
        """From the start to a prompt that shows a key; and the same of a bare prompt."""
        ours, floors, loaded = [], [], []
        spent: list[float] = []
        least: list[float] = []
        for _ in range(self.runs):
            with Server([]) as server:
                pane = self.start(server.url)
                pane.send("ж")
                ours.append((pane.until("ж".encode()) - pane.began) * 1000)
                spent.append(pane.spent())
                loaded.append((pane.until(b"codex-py 0") - pane.began) * 1000)
                pane.close()
            env = {"TERM": "xterm-256color", "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
            pane = Pane([sys.executable, "-c", BARE], self.repo, env)
            pane.send("ж")
            floors.append((pane.until("ж".encode()) - pane.began) * 1000)
            least.append(pane.spent())
            pane.close()
        best, floor = min(ours), min(floors)
        return {
            "prompt, median": statistics.median(ours),
            "prompt, best": best,
            "bare prompt_toolkit, median": statistics.median(floors),
            "bare prompt_toolkit, best": floor,
            "ratio of medians": statistics.median(ours) / statistics.median(floors),
            "prompt, processor, median": statistics.median(spent),
            "bare prompt_toolkit, processor, median": statistics.median(least),
            "ratio of processor medians": statistics.median(spent) / statistics.median(least),
            "agent loaded": statistics.median(loaded),
        }

    def keys(self) -> dict[str, float]:
        """Key to screen: idle, while Markdown streams, while tall blocks stream."""
        found: dict[str, float] = {}
        kinds: dict[str, list[Any]] = {
            "idle": [],
            "streaming": [pace(0.01), text(markdown(16_000), 200)],
            "streaming fast": [pace(0.001), text(markdown(48_000), 1_200)],
            "tall blocks": [pace(0.01), text(tall(24_000), 300)],
        }
        for kind, turn in kinds.items():
            times: list[float] = []
            for _ in range(max(1, self.runs // 3)):
                with Server([turn]) as server:
                    pane = self.ready(server)
                    if turn:
                        pane.send("go\r")
                        pane.until(b"esc to interrupt")
                        pane.rest(0.3)
                    for letter in LETTERS:
                        times.append(pane.key(letter))
                        pane.rest(0.035)
                    pane.close()
            found |= spread(f"key to screen, {kind}", times)
        env = {"TERM": "xterm-256color", "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        pane, times = Pane([sys.executable, "-c", BARE], self.repo, env), []
        pane.rest(2)
        for letter in LETTERS:
            times.append(pane.key(letter))
            pane.rest(0.035)
        pane.close()
        return found | spread("key to screen, bare prompt_toolkit, idle", times)

    def drawing(self) -> dict[str, float]:
        """Drawing a 16 kB answer that comes in 200 pieces: all of it, and the longest time
        for which a key would wait.
        """
        from codex_py.core.entries import Delta
        from codex_py.ui.render import Renderer

        found: dict[str, float] = {}
        for name, whole in (("16 kB", markdown(16_000)), ("tall", tall(24_000))):
            alls, steps = [], []
            for _ in range(self.runs):
                renderer = Renderer(100, True, True)
                renderer.warm()
                size = -(-len(whole) // 200)
                took = []
                for at in range(0, len(whole), size):
                    drawing = renderer.pieces(Delta("text", whole[at : at + size]))
                    while True:
                        began = time.process_time()
                        piece = next(drawing, None)
                        took.append((time.process_time() - began) * 1000)
                        if piece is None:
                            break
                    began = time.process_time()
                    renderer.live()
                    took.append((time.process_time() - began) * 1000)
                alls.append(sum(took))
                steps.append(max(took))
            found[f"{name}, all of it, processor"] = statistics.median(alls)
            found[f"{name}, the longest step, processor"] = statistics.median(steps)
        return found

    def steps(self) -> dict[str, float]:
        """The longest time for which the event loop looks at no key while an answer streams."""
        found: dict[str, float] = {}
        kinds = {
            "streaming": [pace(0.01), text(markdown(16_000), 200)],
            "streaming fast": [pace(0.001), text(markdown(48_000), 1_200)],
            "tall blocks": [pace(0.01), text(tall(24_000), 300)],
            "after 2,000 entries": [pace(0.01), text(markdown(16_000), 200)],
        }
        for kind, turn in kinds.items():
            before: list[Any] = []
            if kind.startswith("after"):
                before = [[call("shell", {"command": f"echo {n}"})] for n in range(500)]
            told = self.home / "steps.json"
            with Server([*before, text("ready"), turn]) as server:
                pane = self.ready(server, program=[sys.executable, WATCHED, str(told)])
                # The first turn opens the connection, once.
                pane.send("go\r")
                pane.until(b"tokens in", 300)
                pane.rest(0.5)
                start = len(pane.out)
                pane.send("again\r")
                pane.until(b"tokens in", 120, start)
                pane.close()
            steps = sorted(json.loads(told.read_text()), reverse=True)
            found[f"loop's longest step, {kind}, processor"] = steps[0]
            found[f"loop's tenth longest, {kind}, processor"] = steps[9] if len(steps) > 9 else 0
        return found

    def idle(self) -> dict[str, float]:
        """Processor time of the tree, idle at the prompt."""
        with Server([]) as server:
            pane = self.ready(server)
            pane.rest(2)
            before, began = pane.cpu(), time.perf_counter()
            pane.rest(10)
            share = (pane.cpu() - before) / (time.perf_counter() - began) * 100
            pane.close()
        return {"idle, % of a processor": share}

    def long(self) -> dict[str, float]:
        """Memory at the start and after 2,000 entries; keys and drawing then."""
        turns: list[Any] = [[call("shell", {"command": f"echo {n}"})] for n in range(500)]
        turns += [text("done with all"), [pace(0.01), text(markdown(16_000), 200)]]
        with Server(turns) as server:
            pane = self.ready(server)
            pane.rest(2)
            start = pane.memory()
            pane.send("go\r")
            pane.until(b"done with all", 300)
            pane.rest(1)
            later = pane.memory()
            idle = [pane.key(letter) for letter in LETTERS[:20]]
            pane.send("\x03")
            pane.rest(0.2)
            pane.send("again\r")
            pane.until(b"esc to interrupt", 20, len(pane.out))
            pane.rest(0.3)
            times = []
            for letter in LETTERS[20:]:
                times.append(pane.key(letter))
                pane.rest(0.035)
            pane.close()
        found = {"memory at the prompt, MiB": start, "memory after 2,000 entries, MiB": later}
        found |= spread("key to screen after 2,000 entries", idle)
        return found | spread("the same while streaming", times)


def spread(name: str, times: Sequence[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        f"{name}, median": statistics.median(ordered),
        f"{name}, p95": ordered[int(len(ordered) * 0.95)],
        f"{name}, worst": ordered[-1],
    }


MEASURES: dict[str, Callable[[Bench], dict[str, float]]] = {
    "prompt": Bench.prompt,
    "keys": Bench.keys,
    "steps": Bench.steps,
    "drawing": Bench.drawing,
    "idle": Bench.idle,
    "long": Bench.long,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", default="")
    args = parser.parse_args()
    names = args.only.split(",") if args.only else list(MEASURES)
    scratch = Path(tempfile.mkdtemp(prefix="codex-py-bench-"))
    results: dict[str, float] = {}
    try:
        bench = Bench(scratch, args.runs)
        for name in names:
            found = MEASURES[name](bench)
            results |= found
            for label, value in found.items():
                print(f"{label:48} {value:10.2f}", flush=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if args.json:
        Path(args.json).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
