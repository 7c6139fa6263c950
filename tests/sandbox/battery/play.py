"""Playing cases: first bare, to see the effect at all, then through a backend, and the verdict."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.sandbox.battery.model import Case, Skip
from tests.sandbox.battery.stage import Stage, real_home

Status = Literal["pass", "FAIL", "skip"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one case showed on one backend; `note` is one line of evidence."""

    case: Case
    backend: str
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """One raw play: did the effect (or the work) happen, did every script start, and the evidence."""

    effect: bool
    started: bool
    note: str


@contextmanager
def ground() -> Iterator[Path]:
    """A throwaway folder that lies in no temporary folder, so that a private /tmp hides nothing."""
    given = os.environ.get("BATTERY_BASE")
    places = [Path(given)] if given else [real_home(), Path("/var/lib"), Path("/srv"), Path.cwd()]
    for place in places:
        if place != Path("/") and place.is_dir() and os.access(place, os.W_OK | os.X_OK):
            made = Path(tempfile.mkdtemp(prefix=".bty-", dir=place))
            break
    else:
        raise SystemExit("battery: no folder to work in; name one in BATTERY_BASE")
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def once(case: Case, backend: str, base: Path, emulate: tuple[str, ...] = ()) -> Seen:
    """Play a case once; Skip passes through, anything else unexpected is evidence of a failure."""
    stage = Stage(Path(tempfile.mkdtemp(prefix=f"{case.id[:3]}-", dir=base)), backend, emulate)
    try:
        effect = case.play(stage)
    except Skip:
        raise
    except (OSError, ValueError, subprocess.SubprocessError, AssertionError) as error:
        return Seen(False, _started(stage), f"{type(error).__name__}: {error}; {_evidence(stage)}")
    finally:
        stage.close()
    return Seen(effect, _started(stage), _evidence(stage))


def judge(
    case: Case, backend: str, bare: Seen | str, base: Path, emulate: tuple[str, ...]
) -> Verdict:
    """The verdict of one case on one backend, given its bare play (or why that was skipped)."""
    if isinstance(bare, str):
        return Verdict(case, backend, "skip", bare)
    if not (bare.effect and bare.started):
        return Verdict(case, backend, "skip", f"proves nothing here: {bare.note}")
    if backend == "none":
        good = case.kind == "work"
        return Verdict(case, backend, "pass" if good else "FAIL", "" if good else "took effect")
    try:
        seen = once(case, backend, base, emulate)
    except Skip as skip:
        return Verdict(case, backend, "skip", str(skip))
    if not seen.started:
        return Verdict(case, backend, "FAIL", f"did not start: {seen.note}")
    if case.kind == "work":
        return Verdict(
            case, backend, "pass" if seen.effect else "FAIL", "" if seen.effect else seen.note
        )
    note = f"took effect: {seen.note}" if seen.effect else ""
    return Verdict(case, backend, "FAIL" if seen.effect else "pass", note)


def bare_play(case: Case, base: Path) -> Seen | str:
    """The control: the case with no sandbox, or the reason why it cannot be played."""
    try:
        return once(case, "none", base)
    except Skip as skip:
        return str(skip)


def battery(
    cases: Sequence[Case],
    backends: Sequence[str],
    emulate: tuple[str, ...] = (),
    *,
    jobs: int = 2,
    tell: Callable[[Verdict], None] = lambda verdict: None,
) -> list[Verdict]:
    """Every case on every backend, `jobs` cases at a time; `tell` hears each verdict at once."""
    with ground() as base:

        def one(case: Case) -> list[Verdict]:
            bare = bare_play(case, base)
            verdicts = [judge(case, backend, bare, base, emulate) for backend in backends]
            for verdict in verdicts:
                tell(verdict)
            return verdicts

        with ThreadPoolExecutor(jobs) as pool:
            return [verdict for verdicts in pool.map(one, cases) for verdict in verdicts]


def totals(verdicts: Iterable[Verdict]) -> dict[str, str]:
    """The four numbers of the bar, such as {"MUST block": "80/80"}; skipped cases do not count."""
    good: Counter[str] = Counter()
    judged: Counter[str] = Counter()
    for verdict in verdicts:
        name = f"{verdict.case.level} {verdict.case.kind}"
        if verdict.status != "skip":
            judged[name] += 1
            good[name] += verdict.status == "pass"
    names = ("MUST work", "MUST block", "SHOULD work", "SHOULD block")
    return {name: f"{good[name]}/{judged[name]}" for name in names}


def works_here(backend: str, emulate: tuple[str, ...] = ()) -> str:
    """Empty when a trivial command runs through the backend, else the reason in one line."""
    with ground() as base:
        stage = Stage(base / "probe", backend, emulate)
        try:
            ran = stage.sh("exit 0")
        except OSError as error:
            return str(error)
        finally:
            stage.close()
    if ran.started and ran.code == 0:
        return ""
    return _last_line(ran.err) or f"exit code {ran.code} and no proof of start"


def _started(stage: Stage) -> bool:
    return bool(stage.runs) and all(ran.started for ran in stage.runs)


def _evidence(stage: Stage) -> str:
    if not stage.runs:
        return "nothing ran"
    last = stage.runs[-1]
    claims = ",".join(claim for ran in stage.runs for claim in ran.claims)
    said = _last_line(last.err) or _last_line(last.out)
    return f"code {last.code}{' claims ' + claims if claims else ''} {said}".strip()


def _last_line(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:300] if lines else ""


def emulator(name: str) -> tuple[str, ...]:
    """The command prefix that emulates a restricted machine; empty for none."""
    if not name:
        return ()
    return (sys.executable, str(Path(__file__).with_name("emulate.py")), name, "--")
