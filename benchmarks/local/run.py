"""Runs the small tasks with the embedded model and checks what is on disk after each.

    python benchmarks/local/run.py [--held-out | --tuning] [--only NAME] [--times N] [--keep DIR]
                                  [--score-only]

Each task is a fresh Git repository and one `codex-py exec --local --full-auto`. The score is
what the checks say, never what the model claims. Needs `codex-py local install`.
`--score-only` prints totals and nothing else, so that nobody learns which held-out task failed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from held_out import HELD_OUT
from task import Task
from tasks import TASKS

LIMIT = 900.0
"""Seconds a task may take: a machine that is busy with other things needs them."""


def run(task: Task, keep: Path | None, home: Path | None) -> dict[str, object]:
    """One task in a new repository: whether its check held, seconds, answer, exit code."""
    folder = Path(tempfile.mkdtemp(prefix=f"{task.name}-", dir=keep))
    for name, content in task.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    git = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for args in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start", "--allow-empty"]):
        subprocess.run([*git, *args], check=True)
    env = {key: value for key, value in os.environ.items() if key != "OPENAI_API_KEY"}
    if home:
        env["CODEX_PY_HOME"] = str(home)
    command = [sys.executable, "-P", "-m", "codex_py", "exec", "--local", "--full-auto", "-C"]
    began = time.monotonic()
    try:
        done = subprocess.run(
            [*command, str(folder), task.prompt],
            capture_output=True, text=True, env=env, timeout=LIMIT, check=False,
        )  # fmt: skip
        code, answer, progress = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as error:
        code, answer, progress = -1, str(error.stdout or ""), str(error.stderr or "")
    try:
        solved = task.check(folder, answer)
    except (OSError, subprocess.TimeoutExpired):
        solved = False
    if keep:
        (folder.parent / f"{folder.name}.log").write_text(f"{progress}\n---\n{answer}\n", "utf-8")
    return {
        "task": task.name,
        "held_out": task in HELD_OUT,
        "solved": solved,
        "code": code,
        "seconds": round(time.monotonic() - began, 1),
        "answer": answer.strip()[:200],
    }


def main() -> int:
    """Run the chosen tasks; one JSON line each, then the score."""
    parser = argparse.ArgumentParser(description=__doc__)
    half = parser.add_mutually_exclusive_group()
    half.add_argument("--held-out", action="store_true")
    half.add_argument("--tuning", action="store_true")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="leave folders and logs here")
    parser.add_argument("--home", type=Path, help="CODEX_PY_HOME with the installed model")
    parser.add_argument("--score-only", action="store_true", help="print only the totals")
    given = parser.parse_args()
    if given.score_only and (given.keep or given.only):
        parser.error("--score-only tells of no single task: not with --keep or --only")
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
    chosen = [
        task
        for task in TASKS
        if (not given.only or task.name in given.only)
        and not (given.held_out and task not in HELD_OUT)
        and not (given.tuning and task in HELD_OUT)
    ]
    found = []
    for _ in range(given.times):
        for task in chosen:
            found.append(run(task, given.keep, given.home))
            if not given.score_only:
                print(json.dumps(found[-1]), flush=True)
    for name, group in (("tuning", False), ("held out", True)):
        these = [each for each in found if each["held_out"] is group]
        if these:
            solved = sum(bool(each["solved"]) for each in these)
            mean = sum(float(str(each["seconds"])) for each in these) / len(these)
            print(f"{name}: {solved} of {len(these)}, {mean:.0f} s a task")
    return 0


if __name__ == "__main__":
    sys.exit(main())
