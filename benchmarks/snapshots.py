"""What keeping the files for undo costs: the first snapshot, each step, and the whole program.

    python benchmarks/snapshots.py [--files N] [--rounds N] [--only keeper|program]

Keeper times run from the question to its answer, in milliseconds, medians; a step is both
questions, before and after. The program is run with and without undo, in turn, against the
scripted server of benchmarks/steps.py.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TOP), str(TOP / "benchmarks")]

import steps  # noqa: E402

from codex_py.host.keeping import Keeper, Keeping  # noqa: E402
from tests.turns import text  # noqa: E402


def fill(top: Path, count: int) -> None:
    """So many source files of about 3 kB, a hundred in a folder."""
    rng = random.Random(1)
    for place in range(count):
        if place % 100 == 0:
            folder = top / f"package{place // 1000}" / f"module{place // 100 % 10}"
            folder.mkdir(parents=True, exist_ok=True)
        (folder / f"file{place % 100}.py").write_bytes(
            rng.randbytes(16).hex().encode() * rng.randrange(1, 200)
        )


def memory(pid: int) -> float:
    """Resident MiB of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


async def timed(keeper: Keeper, act: Callable[[], None]) -> float:
    """Milliseconds of one step's two questions."""
    began = time.perf_counter()
    kept = await keeper.before("call", [], True)
    middle = time.perf_counter()
    if not kept.tree:
        raise SystemExit(f"not kept: {kept.why}")
    act()
    acted = time.perf_counter()
    await keeper.after("call", [], True)
    return (time.perf_counter() - acted + middle - began) * 1000


async def keepers(scratch: Path, files: int, rounds: int) -> None:
    """The keeper alone, over a large tree and a small one."""
    for count in (files, 20):
        top = scratch / f"tree{count}"
        fill(top, count)
        cwd, home = os.path.realpath(top), os.path.realpath(scratch / f"home{count}")
        every = sorted(top.rglob("*.py"))
        rng = random.Random(2)

        def edit(number: int, every: list[Path] = every, rng: random.Random = rng) -> None:
            for path in rng.sample(every, number):
                with open(path, "ab") as file:
                    file.write(b"x")

        for name, watch in (("first session", True), ("later session", True), ("walking", False)):
            keeper = Keeper(Keeping(home, cwd, (cwd,), wait=600, watch=watch))
            first = await timed(keeper, lambda: None)
            few = rounds if watch else max(3, rounds // 10)
            nothing = [await timed(keeper, lambda: None) for _ in range(few)]
            one = [await timed(keeper, lambda: edit(1)) for _ in range(few)]
            ten = [await timed(keeper, lambda: edit(10)) for _ in range(few)]
            print(
                f"{count:>7} files, {name:<14} first snapshot {first:>8.0f}  "
                f"step: nothing {statistics.median(nothing):>6.2f}  "
                f"1 file {statistics.median(one):>6.2f}  10 files {statistics.median(ten):>6.2f}  "
                f"worst {max([*nothing, *one, *ten]):>6.1f}  "
                f"memory {memory(keeper._pid):.0f} MiB",
                flush=True,
            )
            keeper.close()
        size = sum(each.stat().st_size for each in Path(home).rglob("*") if each.is_file())
        print(f"{count:>7} files, on the disk {size / 2**20:.0f} MiB")


def program(scratch: Path, rounds: int) -> None:
    """The whole program in a small repository, with and without undo."""
    bench = steps.Bench(scratch, rounds)
    gaps: dict[str, list[float]] = {}
    starts: dict[str, list[float]] = {}
    walls: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, flags in (("with undo", ()), ("without", ("-c", "undo=false"))):
            run = bench.exec(steps.steps(40, "true"), "--full-auto", *flags)
            gaps.setdefault(name, []).append(statistics.median(run.gaps[2:]))
            run = bench.exec([text("hi")], "--full-auto", *flags)
            starts.setdefault(name, []).append((run.at[0] - run.began) * 1000)
            walls.setdefault(name, []).append(run.wall)
    for title, found in (
        ("a step", gaps), ("start to first request", starts), ("a run of one turn", walls)
    ):  # fmt: skip
        told = "  ".join(f"{name} {statistics.median(each):.1f}" for name, each in found.items())
        print(f"{title}: {told}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--only", choices=("keeper", "program"), default="")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if args.only != "program":
            asyncio.run(keepers(Path(name), args.files, args.rounds))
        if args.only != "keeper":
            program(Path(name), max(3, args.rounds // 5))


if __name__ == "__main__":
    main()
