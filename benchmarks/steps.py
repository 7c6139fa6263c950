"""Whole runs of the installed program against the scripted model server, beside floors.

    python benchmarks/steps.py [--runs N] [--only NAME,…] [--json FILE]

The server answers in about a millisecond, so what is measured is the harness. Floors are run in
turn with the program, in the same rounds. Times are milliseconds, the median of all runs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

from tests.server import Server  # noqa: E402
from tests.turns import call, text  # noqa: E402

PROGRAM = str(Path(sys.executable).parent / "codex-py")
FLOORS = str(Path(__file__).with_name("floors.py"))


@dataclass
class Run:
    """One run: wall milliseconds, peak memory in MiB, and when each request was whole."""

    wall: float
    memory: float
    began: float
    at: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    connections: int = 0
    code: int = 0

    @property
    def gaps(self) -> list[float]:
        """Milliseconds from one request to the next: a step."""
        return [(b - a) * 1000 for a, b in zip(self.at, self.at[1:], strict=False)]


def play(argv: Sequence[str], turns: Sequence[Any], folder: Path, home: Path) -> Run:
    """Run one program against one script."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    }
    env |= {"HOME": str(home), "CODEX_PY_HOME": str(home / "state"), "OPENAI_API_KEY": "sk-test"}
    with Server(turns) as server:
        env["OPENAI_BASE_URL"] = server.url
        full = [each.replace("{url}", server.url) for each in argv]
        began = time.time()
        process = subprocess.Popen(
            full,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = (time.time() - began) * 1000
        process.returncode = os.waitstatus_to_exitcode(status)
        seen = [each for each in server.requests if each.method == "POST"]
        return Run(
            wall,
            usage.ru_maxrss / 1024,
            began,
            [each.at for each in seen],
            [len(each.raw) for each in seen],
            len({each.connection for each in seen}),
            process.returncode,
        )


def steps(count: int, command: str) -> list[Any]:
    """A script of so many shell calls."""
    turns = [[call("shell", {"command": f"{command} # {n}"})] for n in range(count)]
    return [*turns, text("done")]


def median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else float("nan")


def slope(gaps: Sequence[float]) -> float:
    """Microseconds by which a step grows, from one step to the next (least squares)."""
    n = len(gaps)
    middle = (n - 1) / 2
    top = sum((i - middle) * gap for i, gap in enumerate(gaps))
    return top / sum((i - middle) ** 2 for i in range(n)) * 1000


class Bench:
    """The measures; each gives named numbers."""

    def __init__(self, scratch: Path, runs: int) -> None:
        self.scratch = scratch
        self.runs = runs
        self.home = scratch / "home"
        self.home.mkdir()
        self.repo = repository(scratch / "repo", 20)

    def exec(self, turns: Sequence[Any], *flags: str, folder: Path | None = None) -> Run:
        argv = [PROGRAM, "exec", "-m", "o4-mini", *flags, "go"]
        run = play(argv, turns, folder or self.repo, self.home)
        if run.code != 0:
            raise SystemExit(f"a run of {' '.join(argv)} ended with {run.code}")
        return run

    def floor(self, kind: str, turns: Sequence[Any]) -> Run:
        return play([sys.executable, "-I", FLOORS, kind, "{url}"], turns, self.repo, self.home)

    def version(self) -> dict[str, float]:
        ours, bare = [], []
        for _ in range(max(self.runs, 7)):
            ours.append(play([PROGRAM, "--version"], [], self.repo, self.home).wall)
            floor = [sys.executable, "-I", "-c", "pass"]
            bare.append(play(floor, [], self.repo, self.home).wall)
        return {"--version": median(ours), "floor: python -I -c pass": median(bare)}

    def start(self) -> dict[str, float]:
        found: dict[str, list[float]] = {}
        sizes = []
        for _ in range(self.runs):
            for name, run in (
                ("full-auto", self.exec([text("hi")], "--full-auto")),
                ("suggest", self.exec([text("hi")])),
                ("floor: stdlib", self.floor("stdlib", [text("hi")])),
                ("floor: SDK post", self.floor("sdk", [text("hi")])),
            ):
                found.setdefault(f"start to first request, {name}", []).append(
                    (run.at[0] - run.began) * 1000
                )
                if name == "full-auto":
                    found.setdefault("peak memory, one turn (MiB)", []).append(run.memory)
                    found.setdefault("wall, one turn", []).append(run.wall)
                    sizes.append(run.sizes[0])
        told = {name: median(values) for name, values in found.items()}
        return {**told, "first request (bytes)": median(sizes)}

    def step(self) -> dict[str, float]:
        found: dict[str, list[float]] = {}
        script = steps(50, "true")
        for _ in range(max(2, self.runs // 2)):
            for name, run in (
                ("confined", self.exec(script, "--full-auto")),
                ("floor: stdlib, not confined", self.floor("stdlib", script)),
                ("floor: SDK post, not confined", self.floor("sdk", script)),
            ):
                found.setdefault(f"step, {name}", []).append(median(run.gaps))
                if name == "confined":
                    found.setdefault("connections", []).append(run.connections)
        return {name: median(values) for name, values in found.items()}

    def growth(self) -> dict[str, float]:
        runs = [self.exec(steps(200, "true"), "--full-auto") for _ in range(2)]
        return {
            "step of 200, confined": median([median(run.gaps) for run in runs]),
            "growth (microseconds a step)": median([slope(run.gaps[5:]) for run in runs]),
            "peak memory after 200 steps (MiB)": median([run.memory for run in runs]),
        }

    def output(self) -> dict[str, float]:
        command = "head -c 50000000 /dev/zero | tr '\\0' 'x' | fold -w 99"
        script = [[call("shell", {"command": command})], text("done")]
        found: dict[str, list[float]] = {}
        for _ in range(self.runs):
            run = self.exec(script, "--full-auto")
            found.setdefault("a step that prints 50 MB", []).append(run.gaps[0])
            found.setdefault("peak memory with it (MiB)", []).append(run.memory)
            floor = self.floor("stdlib", script)
            found.setdefault("floor: stdlib", []).append(floor.gaps[0])
        began = time.time()
        subprocess.run(["bash", "-c", f"{command} > /dev/null"], check=True)
        bare = (time.time() - began) * 1000
        return {**{name: median(values) for name, values in found.items()}, "bare command": bare}

    def edits(self) -> dict[str, float]:
        folder = repository(self.scratch / "long", 1)
        lines = [f"value_{n} = {n}\n" for n in range(10_000)]
        (folder / "long.py").write_text("".join(lines))
        turns = []
        for n in range(100):
            at = 50 + n * 97
            patch = "\n".join(
                [
                    "*** Begin Patch",
                    "*** Update File: long.py",
                    "@@",
                    f" value_{at - 1} = {at - 1}",
                    f"-value_{at} = {at}",
                    f"+value_{at} = {-at}",
                    f" value_{at + 1} = {at + 1}",
                    "*** End Patch",
                ]
            )
            turns.append([call("apply_patch", {"input": patch})])
        run = self.exec([*turns, text("done")], "--full-auto", folder=folder)
        done = sum("= -" in line for line in (folder / "long.py").read_text().splitlines())
        return {"an edit in 10,000 lines": median(run.gaps), "edits made (of 100)": done}

    def large(self) -> dict[str, float]:
        folder = repository(self.scratch / "large", 100_000)
        small, large = [], []
        for _ in range(self.runs):
            run = self.exec([text("hi")], "--full-auto")
            small.append((run.at[0] - run.began) * 1000)
            run = self.exec([text("hi")], "--full-auto", folder=folder)
            large.append((run.at[0] - run.began) * 1000)
        return {
            "first request, small repository": median(small),
            "first request, 100,000 files": median(large),
            "ratio": median(large) / median(small),
        }


def repository(folder: Path, files: int) -> Path:
    """A git repository with so many small files, committed."""
    folder.mkdir()
    for n in range(files):
        inner = folder / f"d{n // 500}"
        if n % 500 == 0:
            inner.mkdir()
        (inner / f"f{n}.py").write_text(f"x = {n}\n")
    who = ["-c", "user.name=b", "-c", "user.email=b@example.invalid", "-c", "gc.auto=0"]
    for args in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run(["git", *who, *args], cwd=folder, check=True)
    return folder


MEASURES = ("version", "start", "step", "growth", "output", "edits", "large")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", default="")
    args = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    scratch = Path(tempfile.mkdtemp(prefix="codex-py-bench-", dir=Path.home()))
    told: dict[str, dict[str, float]] = {}
    try:
        bench = Bench(scratch, args.runs)
        for name in [each for each in args.only.split(",") if each] or MEASURES:
            measure: Callable[[], dict[str, float]] = getattr(bench, name)
            told[name] = measure()
            print(f"\n{name}")
            for what, value in told[name].items():
                print(f"  {what:<48} {value:>12,.2f}", flush=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if args.json:
        Path(args.json).write_text(json.dumps(told, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
