"""The command line: run one command confined, say what can be enforced, explain, show the plan."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from codex_py_sandbox.job import Job
from codex_py_sandbox.policy import PROTECTED_NAMES, RESERVED_NAMES, Limits, Policy, PolicyError
from codex_py_sandbox.session import open_session
from codex_py_sandbox.values import Exit, SandboxUnavailable

UNAVAILABLE = 78
EXAMPLES = """examples:
  run -- make test                          writes here and in a private /tmp only, no network
  run --mode read-only -- git log -3        writes nowhere
  run --root ../lib --deny-read .env -- npm test
  run --limits wall=60,procs=200 -- ./fuzz  end the whole tree after a minute
  doctor                                    what can be enforced on this machine
  explain write ~/.bashrc                   would it be allowed, and what would allow just that
  profile                                   what would be mounted, pinned and hidden

exit codes: those of the command; 2 wrong usage; 78 nothing can be enforced here
"""
_LIMITS = {
    "wall": "wall_s",
    "cpu": "cpu_s",
    "procs": "procs",
    "data": "data_mb",
    "memory": "memory_mb",
    "fsize": "fsize_mb",
    "nofile": "nofile",
}


def main(argv: Sequence[str], prog: str = "codex_py_sandbox") -> int:
    """Run one verb; the exit code. Errors are one line on stderr."""
    words = list(argv)
    command: list[str] = []
    if "--" in words:
        at = words.index("--")
        words, command = words[:at], words[at + 1 :]
    try:
        args = _parser(prog).parse_args(words)
    except SystemExit as error:
        return int(error.code or 0)
    try:
        if args.verb == "run":
            return _run(args, [*args.command, *command])
        if args.verb == "doctor":
            from codex_py_sandbox.doctor import doctor

            report = doctor(os.environ)
            print(report.to_json() if args.json else report.text())
            return report.code
        return _say(args)
    except PolicyError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 2
    except SandboxUnavailable as error:
        print(f"{prog}: {error.reason}", file=sys.stderr)
        return UNAVAILABLE


def _say(args: argparse.Namespace) -> int:
    from codex_py_sandbox import explain

    policy = _policy(args)
    if args.verb == "profile":
        print(explain.profile(policy, os.environ, args.backend))
        return 0
    target = args.target
    if args.kind != "connect":
        target = os.path.abspath(os.path.expanduser(target))
    verdict = explain.explain(policy, args.kind, target, environ=os.environ)
    if args.json:
        grant = str(verdict.grant) if verdict.grant else None
        data = {"allowed": verdict.allowed, "reason": verdict.reason, "grant": grant}
        print(json.dumps(data))
    else:
        print(("allowed: " if verdict.allowed else "refused: ") + verdict.reason)
        if verdict.grant:
            print(f"this would allow just that: {verdict.grant}")
    return 0 if verdict.allowed else 1


def _run(args: argparse.Namespace, command: list[str]) -> int:
    if not command:
        print("run: give a command after --", file=sys.stderr)
        return 2
    policy = _policy(args)
    cwd = os.path.realpath(args.cwd)
    state = Path(args.state) if args.state else None
    chosen = (args.backend,) if args.backend else None
    with open_session(policy, environ=os.environ, state=state, backends=chosen) as session:
        job = session.start(command, cwd, tty=False)
        ended = _patiently(job)
        session.ready()
    ended = replace(ended, events=(*ended.events, *session.findings()))
    lines: list[str] = []
    if args.json:
        data = {
            "code": ended.code,
            "signal": ended.signal,
            "timed_out": ended.timed_out,
            "error": ended.error,
            "events": [[e.kind, e.target, e.detail] for e in ended.events],
        }
        lines = [json.dumps(data)]
    else:
        if ended.error:
            lines.append(f"[sandbox] {ended.error}")
        if ended.timed_out:
            lines.append("[sandbox] ended: the time limit was reached")
        for event in ended.events:
            if event.kind != "connect":
                lines.append(f"[sandbox] {event.kind}: {event.target} {event.detail}".rstrip())
    for line in lines:
        print(line, file=sys.stderr)
    return ended.status


def _patiently(job: Job) -> Exit:
    """Wait for the end; a signal to us ends the command and all it started."""

    def stop(number: int, _: object) -> None:
        job.kill_tree()
        stopped.append(number)

    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    ended = job.wait()
    assert ended is not None
    return Exit(128 + stopped[0], None, ended.events) if stopped else ended


def _policy(args: argparse.Namespace) -> Policy:
    roots = [Path(os.path.realpath(p)) for p in (args.root or [args.cwd])]
    return Policy(
        mode=args.mode,
        roots=tuple(dict.fromkeys(roots)),
        git=args.git,
        protect=(*PROTECTED_NAMES, *args.protect),
        reserve=(*RESERVED_NAMES, *args.protect),
        deny_read=tuple(Path(os.path.abspath(os.path.expanduser(p))) for p in args.deny_read),
        deny_read_globs=tuple(args.deny_read_glob),
        allow_write=tuple(Path(os.path.realpath(os.path.expanduser(p))) for p in args.allow_write),
        allow_read=tuple(Path(os.path.realpath(os.path.expanduser(p))) for p in args.allow_read),
        network=args.network,
        limits=_limits(args.limits),
    )


def _limits(given: list[str]) -> Limits:
    values: dict[str, float] = {}
    for part in ",".join(given).split(","):
        name, _, number = part.partition("=")
        if not part:
            continue
        name = {v: k for k, v in _LIMITS.items()}.get(name, name)
        if name not in _LIMITS or not number.replace(".", "", 1).isdigit():
            raise PolicyError(f"--limits {part!r}: use NAME=NUMBER with {', '.join(_LIMITS)}")
        values[_LIMITS[name]] = float(number) if name == "wall" else int(float(number))
    return Limits(**values)  # type: ignore[arg-type]


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Run commands confined by the kernel.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    run = verbs.add_parser("run", help="run one command confined: run [options] -- CMD...")
    run.add_argument("command", nargs="*", help=argparse.SUPPRESS)
    run.add_argument("--state", help="private folder for temporary files")
    run.add_argument("--json", action="store_true", help="the ending as JSON, last on stderr")
    doctor = verbs.add_parser("doctor", help="what can be enforced here, by trying")
    doctor.add_argument("--json", action="store_true")
    explain = verbs.add_parser("explain", help="would an access be allowed, and why")
    explain.add_argument("kind", choices=("write", "read", "connect"))
    explain.add_argument("target", help="a path, or host:port")
    explain.add_argument("--json", action="store_true")
    profile = verbs.add_parser("profile", help="print what would be set up")
    for verb in (run, explain, profile):
        _policy_options(verb)
    return parser


def _policy_options(verb: argparse.ArgumentParser) -> None:
    add = verb.add_argument
    add(
        "--mode",
        choices=("read-only", "workspace-write", "unrestricted"),
        default="workspace-write",
    )
    add("--cwd", "-C", default=".", metavar="DIR", help="where the command works")
    add(
        "--root", action="append", default=[], metavar="DIR", help="writable folder; default: --cwd"
    )
    add("--git", choices=("commit", "read-only"), default="commit")
    add("--network", choices=("off", "on"), default="off")
    add("--deny-read", action="append", default=[], metavar="PATH")
    add("--deny-read-glob", action="append", default=[], metavar="GLOB")
    add("--protect", action="append", default=[], metavar="NAME", help="read-only inside roots")
    add("--allow-write", action="append", default=[], metavar="PATH", help="one more writable path")
    add("--allow-read", action="append", default=[], metavar="PATH", help="a denied path to show")
    add("--limits", action="append", default=[], metavar="NAME=N,...", help=", ".join(_LIMITS))
    add("--backend", choices=("namespaces", "bubblewrap", "landlock", "seatbelt"), help="only this")
