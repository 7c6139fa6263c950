"""`python -m tests.sandbox.battery`: play the battery and print a table and the four totals."""

from __future__ import annotations

import argparse
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.sandbox.battery.backends import ALL, ROOT
from tests.sandbox.battery.cases import all_cases
from tests.sandbox.battery.emulate import NAMES
from tests.sandbox.battery.model import Case
from tests.sandbox.battery.play import Verdict, battery, emulator, totals


def main(words: Sequence[str]) -> int:
    """Exit 0 when no MUST case failed, 1 otherwise, 2 for a wrong command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.sandbox.battery", description=__doc__)
    parser.add_argument("--backend", action="append", choices=ALL, help="default: auto")
    parser.add_argument("--only", default="", help="ids or beginnings of ids, with commas")
    parser.add_argument("--emulate", default="", choices=("", *NAMES))
    parser.add_argument("--as-user", action="store_true", help="as root: play as an ordinary user")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--list", action="store_true", help="only list the cases")
    args = parser.parse_args(words)
    cases = _chosen(args.only)
    if args.list:
        for case in cases:
            print(f"{case.level:6} {case.kind:5} {case.id:20} {case.title}")
        return 0
    if os.getuid() == 0 and os.environ.get("BATTERY_ROOM") != "own":
        return _in_own_room(words)
    if os.getuid() == 0:
        # High numbers, so that no outside process shares its number with one inside a sandbox.
        Path("/proc/sys/kernel/ns_last_pid").write_text("20000")
    if args.as_user and os.getuid() == 0:
        return _as_user(words)
    backends = args.backend or ["auto"]
    loud = sys.stderr.isatty() and not args.json
    verdicts = battery(
        cases,
        backends,
        emulator(args.emulate),
        jobs=args.jobs,
        tell=lambda v: (
            print(
                ".FS"["pass FAIL skip".split().index(v.status)], end="", file=sys.stderr, flush=True
            )
            if loud
            else None
        ),
    )
    _print_json(verdicts) if args.json else _print_table(verdicts, backends)
    return int(any(v.status == "FAIL" and v.case.level == "MUST" for v in verdicts))


def _chosen(only: str) -> list[Case]:
    wanted = tuple(word.strip() for word in only.split(",") if word.strip())
    chosen = [case for case in all_cases() if not wanted or case.id.startswith(wanted)]
    if not chosen:
        raise SystemExit(f"battery: no case begins with {only!r}; see --list")
    return chosen


def _in_own_room(words: Sequence[str]) -> int:
    """Play in a PID and mount namespace of our own: a mistaken signal of root's ends only us."""
    room = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    line = [*room, sys.executable, "-m", "tests.sandbox.battery", *words]
    env = dict(os.environ) | {"BATTERY_ROOM": "own"}
    try:
        return subprocess.run(line, env=env, cwd=ROOT).returncode
    except FileNotFoundError:
        raise SystemExit(
            "battery: as root it needs unshare (util-linux) to fence itself in"
        ) from None


def _as_user(words: Sequence[str]) -> int:
    """Play everything, set-up and judging included, as the first ordinary user of this machine."""
    people = [p for p in pwd.getpwall() if 1000 <= p.pw_uid < 60000]
    uid, gid = (people[0].pw_uid, people[0].pw_gid) if people else (54321, 54321)
    who = [f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
    folder = tempfile.mkdtemp(prefix="battery-", dir="/var/lib")
    os.chown(folder, uid, gid)
    kept_names = ("PATH", "LANG", "TERM", "PYTHONPATH", "BATTERY_SANDBOX", "BATTERY_ROOM")
    env = {k: v for k, v in os.environ.items() if k in kept_names}
    env |= {"HOME": folder, "BATTERY_BASE": folder, "PYTHONDONTWRITEBYTECODE": "1"}
    kept = [word for word in words if word != "--as-user"]
    try:
        for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
            prefix = ["setpriv", *who, python]
            old = "import os, sys; sys.exit(sys.version_info < (3, 11) or not os.access(sys.executable, os.X_OK))"
            if subprocess.run([*prefix, "-c", old], env=env, capture_output=True).returncode == 0:
                line = [*prefix, "-m", "tests.sandbox.battery", *kept]
                return subprocess.run(line, env=env, cwd=ROOT).returncode
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    raise SystemExit("battery: that user can run no Python 3.11 here; install a system python3")


def _print_table(verdicts: list[Verdict], backends: Sequence[str]) -> None:
    for verdict in verdicts:
        if verdict.status != "pass":
            mark = "!" if verdict.case.level == "MUST" and verdict.status == "FAIL" else " "
            what = f"{verdict.case.id}: {verdict.case.title}"
            print(f"{mark} {verdict.status:4} {verdict.backend:13} {what}\n       {verdict.note}")
    for backend in backends:
        mine = [v for v in verdicts if v.backend == backend]
        skipped = sum(v.status == "skip" for v in mine)
        counts = "  ".join(f"{name} {count}" for name, count in totals(mine).items())
        print(f"{backend:13} {counts}  skipped {skipped}")


def _print_json(verdicts: list[Verdict]) -> None:
    rows = [
        {
            "id": v.case.id,
            "level": v.case.level,
            "kind": v.case.kind,
            "backend": v.backend,
            "status": v.status,
            "note": v.note,
        }
        for v in verdicts
    ]
    names = sorted({v.backend for v in verdicts})
    sums = {name: totals(v for v in verdicts if v.backend == name) for name in names}
    print(json.dumps({"root": Path(ROOT).name, "uid": os.getuid(), "totals": sums, "cases": rows}))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
