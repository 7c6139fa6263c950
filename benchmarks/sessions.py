"""What logs cost: appending, opening, folding, listing, and going on with a log of 200 MB.

    python benchmarks/sessions.py [--megabytes 200] [--sessions 10000]

Prints one line a measure: the median of several runs, and the range. Files are made in a
temporary folder and were written just before, so they are in the system's memory.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from codex_py.core import logfile
from codex_py.core.chain import chained, verify
from codex_py.core.codec import plain
from codex_py.core.entries import (
    Compacted,
    Context,
    Entry,
    Notice,
    Sampled,
    Started,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    User,
)
from codex_py.core.money import Tally, whole
from codex_py.core.request import project
from codex_py.core.session import create, identity, place, resume
from codex_py.core.shelf import Shelf
from codex_py.ui.newest import Newest
from codex_py.ui.sifter import Sifter


def timed(name: str, run: Callable[[], object], times: int = 7, per: int = 1) -> None:
    """Print the median time of some runs with its range, and the median of what the processor did.

    On a machine that does other things as well the second is what to compare.
    """
    wall, work = [], []
    for _ in range(times):
        began, busy = time.perf_counter(), _busy()
        run()
        work.append((_busy() - busy) / per)
        wall.append((time.perf_counter() - began) / per)
    middle, cpu = statistics.median(wall), statistics.median(work)
    unit, scale = ("µs", 1e6) if middle < 1e-3 else ("ms", 1e3)
    low, high = scale * min(wall), scale * max(wall)
    spread = f"({low:.1f} to {high:.1f})"
    print(
        f"{name:56} {scale * middle:9.1f} {unit}  {spread:22} processor {scale * cpu:.1f}",
        flush=True,
    )


def _busy() -> float:
    """Seconds the processor spent on us and on what we started."""
    told = os.times()
    return time.process_time() + told.children_user + told.children_system


def step(number: int, size: int) -> list[Entry]:
    """The entries of one step: a call, the response's end, a result of so many characters."""
    call = f"call_{number}"
    return [
        ToolCall(call_id=call, name="shell", arguments='{"command":"make test"}'),
        Sampled(model="o4-mini", usage=Usage(20_000, 19_000, 80, 40), seconds=1.5, cost="0.01"),
        ToolResult(call_id=call, ok=True, parts=(Text("x" * size),), data={"exit_code": 0}),
        Notice(text="n", level="info"),
    ]


def long_log(folder: Path, megabytes: int, entries: int, *, compacted: bool) -> Path:
    """A log of so many megabytes and entries, as a long session leaves it."""
    size = max(10, 4 * (megabytes * 1_000_000 // entries) - 900)
    path, link, count, spent = place(folder), "", 0, Tally()
    with open(path, "wb") as file:

        def add(entry: Entry) -> None:
            nonlocal link, count
            if isinstance(entry, Sampled):
                spent.feed(entry)
                entry = replace(entry, so_far={"o4-mini": spent.plain()})
            data = plain(entry)
            data["n"], data["at"] = count, 1.7e9 + count
            line, link = chained(data, link)
            file.write(line)
            count += 1

        add(Started(session=identity(path), cwd=str(folder), version=2, model="o4-mini"))
        add(Context(name="environment", text="here"))
        add(User(parts=(Text("begin"),)))
        number = 0
        while count < entries:
            for entry in step(number, size):
                add(entry)
            number += 1
            if compacted and number % 300 == 0:
                add(Context(name="environment", text="here"))
                add(Compacted(summary="s" * 4_000, keep_from=count - 1))
                add(User(parts=(Text("go on"),)))
    return path


def main() -> None:
    """All measures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--sessions", type=int, default=10_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        appending(Path(made) / "append")
        for compacted in (True, False):
            opening(Path(made) / f"long{compacted}", args, compacted=compacted)
        listing(Path(made) / "home", args.sessions)


def appending(folder: Path) -> None:
    """What one entry costs, with its link and without."""
    session = create(folder)
    result = step(1, 1_500)[2]
    sampled = step(1, 0)[1]

    def append(entry: Entry) -> Callable[[], None]:
        def run() -> None:
            for _ in range(1_000):
                session.append(entry)

        return run

    timed("append a result of 1.5 kB", append(result), per=1_000)
    timed("append the end of a response, brought to the disk", append(sampled), per=1_000)
    data = plain(result)
    timed("  of it: the line with its link", lambda: chained(data, "a" * 32), 200)
    session.close()


def opening(folder: Path, args: argparse.Namespace, *, compacted: bool) -> None:
    """A large log: opened, folded, verified, gone on with."""
    path = long_log(folder, args.megabytes, args.entries, compacted=compacted)
    size = path.stat().st_size / 1e6
    kind = "compacted now and then" if compacted else "never compacted"
    print(f"a log of {args.entries:,} entries and {size:.0f} MB, {kind}:")
    timed("  open", lambda: resume(path).close())
    session = resume(path)
    timed("  fold: the request", lambda: project(session.entries))
    timed("  fold: tokens and money of all of it", lambda: whole(session.spent.values()))
    session.close()
    if compacted:
        timed("  read and verify all of it", lambda: verify(logfile.lines(path)), 3)
        timed("  read all of it as entries", lambda: logfile.read(path), 3)
        going_on(path)


def going_on(path: Path) -> None:
    """The real program, from its start to its end, on the long log and on a short one."""
    home = path.parents[3]
    (home / "script.json").write_text('["ok"]')
    short = long_log(home / "sessions", 0, 20, compacted=False)
    env = {**os.environ, "CODEX_PY_HOME": str(home)}
    for name, log in (("a short log", short), ("that log", path)):
        argv = [sys.executable, "-m", "codex_py", "exec", "resume", str(log), "hi"]
        argv += ["-m", f"scripted/{home}/script.json", "-C", str(home), "--skip-git-repo-check"]

        def run(argv: list[str] = argv) -> None:
            subprocess.run(argv, env=env, check=True, capture_output=True)

        timed(f"  `exec resume` of {name}, the whole run", run, 5)


def listing(home: Path, count: int) -> None:
    """Many sessions."""
    for number in range(count):
        session = create(home / "sessions")
        session.append(Started(session=session.id, cwd=f"/home/ada/project{number % 50}"))
        session.append(User(parts=(Text(f"message {number} " * 8),)))
        for entry in step(number, 400)[:3]:
            session.append(entry)
        session.close()
    print(f"{count:,} sessions:")

    def first(most: int) -> None:
        for place_, _ in enumerate(Shelf(home).cards(), 1):
            if place_ == most:
                return

    def every() -> None:
        shelf = Shelf(home)
        list(shelf.cards())
        shelf.save()

    def sought(words: str) -> None:
        newest, sifter = Newest(Shelf(home), lambda _: True), Sifter("")
        sifter.add(newest.first(), done=newest.done)
        sifter.paste(words)
        while sifter.wants:
            sifter.add(newest.more(), done=newest.done)

    timed("  the picker's first lines, nothing known of any", lambda: sought(""), 5)
    timed("  the picker's filter for what no session has", lambda: sought("nowhere"), 1)
    timed("  the newest 20, nothing known of any", lambda: first(20), 5)
    timed("  all, nothing known of any", every, 1)
    timed("  all, known", every, 5)
    timed("  the picker's filter for what no session has, known", lambda: sought("nowhere"), 5)
    env = {**os.environ, "CODEX_PY_HOME": str(home)}
    argv = [sys.executable, "-m", "codex_py", "sessions", "list", "--all"]
    run = lambda: subprocess.run(argv, env=env, check=True, capture_output=True)  # noqa: E731
    timed("  `codex-py sessions list --all`, the whole run", run, 5)


if __name__ == "__main__":
    main()
