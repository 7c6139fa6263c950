"""What confinement adds to one command: plain spawn, cold and warm, interleaved in one run."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from codex_py_sandbox import Policy, open_session
from codex_py_sandbox.session import Session

PAUSE = 0.02  # between commands, as between an agent's steps: the spare is made meanwhile


def plain() -> None:
    """The floor: spawn and wait."""
    pid = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(pid, 0)


def confined(session: Session, root: Path) -> Callable[[], None]:
    """One confined command, from the call to its collected ending."""

    def once() -> None:
        found = session.start(["/bin/true"], root).wait(10)
        if found is None or found.code != 0:
            raise SystemExit(f"confine: the command failed: {found}")

    return once


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each way: median and minimum."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as name:
        root = Path(name) / "work"
        root.mkdir()
        state = Path(name) / "state"
        policy = Policy(roots=(root,))
        environ = dict(os.environ)
        with (
            open_session(policy, environ=environ, state=state, warm=False) as cold,
            open_session(policy, environ=environ, state=state) as warm,
        ):
            ways = {"plain": plain, "cold": confined(cold, root), "warm": confined(warm, root)}
            print(f"backend: {cold.ready()}", file=sys.stderr)
            warm.ready()
            times: dict[str, list[float]] = {way: [] for way in ways}
            for turn in range(rounds + 3):
                for way, once in ways.items():
                    time.sleep(PAUSE)
                    begun = time.perf_counter()
                    once()
                    if turn >= 3:
                        times[way].append((time.perf_counter() - begun) * 1000)
    return {
        way: {"median_ms": statistics.median(seen), "min_ms": min(seen)}
        for way, seen in times.items()
    }


def main() -> int:
    """Print a small table, or JSON with --json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = measure(args.rounds)
    if args.json:
        print(json.dumps(found))
        return 0
    floor = found["plain"]
    print(f"{'':8}{'median':>10}{'minimum':>10}{'added':>10}   (ms, {args.rounds} rounds)")
    for way, row in found.items():
        added = row["median_ms"] - floor["median_ms"]
        print(f"{way:8}{row['median_ms']:10.2f}{row['min_ms']:10.2f}{added:10.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
