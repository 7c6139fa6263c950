"""The command line: run one command confined, say what can be enforced, explain, show the plan."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from codex_py_sandbox.job import Job
from codex_py_sandbox.policy import EnvRules, Limits, Policy, PolicyError
from codex_py_sandbox.session import open_session
from codex_py_sandbox.values import Exit, SandboxUnavailable

UNAVAILABLE = 78
EXAMPLES = """examples:
  run -- make test                          writes here and in a private /tmp only, no network
  run --mode read-only -- git log -3        writes nowhere
  run --root ../lib --deny-read .env -- npm test
  run --keep-env 'MY_APP_*' -- ./check      with these variables beside the usual ones
  run --limits wall=60,procs=200 -- ./fuzz  end the whole tree after a minute
  doctor                                    what can be enforced on this machine
  explain write ~/.bashrc                   would it be allowed, and what would allow just that
  profile                                   what would be mounted, pinned and hidden

Each verb has its own --help.
"""
RUN = """Run one command confined, exactly as a command of the agent runs: the same folders, the same
hidden secrets, the same environment (known variables only, and none that looks like a key).
Output and exit code are the command's own."""
RUN_CODES = """exit codes: the command's own; 128+N when signal N ended it; 126 or 127 when it could not
be started; 2 wrong usage; 78 nothing can be enforced here, and nothing was run"""
DOCTOR = """Say what can be enforced here. Each line was tried: a command attempted it, and what
happened was judged from outside. What was found is remembered until the next boot, kernel,
version or change of what surrounds us."""
DOCTOR_CODES = """exit codes: 0 everything is enforced; 1 commands are confined, and what cannot be
enforced is marked NO; 78 nothing can be enforced, and no command would run unasked"""
EXPLAIN = """Say whether a confined command could write or read a path or connect to an address, why,
and which single grant would change that. Nothing is run."""
EXPLAIN_CODES = "exit codes: 0 allowed; 1 refused; 2 wrong usage"
PROFILE = "Print what would be mounted, pinned, hidden, limited and refused. Nothing is run."
_LIMITS = {
    "wall": "wall_s",
    "cpu": "cpu_s",
    "procs": "procs",
    "data": "data_mb",
    "memory": "memory_mb",
    "fsize": "fsize_mb",
    "nofile": "nofile",
}


def main(
    argv: Sequence[str],
    prog: str = "codex_py_sandbox",
    base: Policy | None = None,
    state: Path | None = None,
    lay: Mapping[str, str | None] | None = None,
) -> int:
    """Run one verb; the exit code. Errors are one line on stderr.

    Options are laid over `base`, `state` is the caller's private folder, and `lay` goes over the
    environment of commands.
    """
    words = list(argv)
    command: list[str] = []
    if "--" in words:
        at = words.index("--")
        words, command = words[:at], words[at + 1 :]
    try:
        args = _parser(prog).parse_args(words)
    except SystemExit as error:
        return int(error.code or 0)
    args.base, args.lay = base or Policy(mode="read-only", env=EnvRules(listed=True)), lay or {}
    args.state = Path(args.state) if getattr(args, "state", None) else state
    try:
        if args.verb == "run":
            return _run(args, [*args.command, *command])
        if args.verb == "doctor":
            from codex_py_sandbox.doctor import doctor

            report = doctor(os.environ, args.state, fresh=args.fresh)
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
    chosen = (args.backend,) if args.backend else None
    with open_session(policy, environ=os.environ, state=args.state, backends=chosen) as session:
        lay = {name: value for name, value in args.lay.items() if not _kept(name, policy)}
        job = session.start(command, cwd, env=lay, tty=False)
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


def _kept(name: str, policy: Policy) -> bool:
    return any(fnmatchcase(name, glob) for glob in policy.env.keep)


def _policy(args: argparse.Namespace) -> Policy:
    base: Policy = args.base
    roots = [Path(os.path.realpath(p)) for p in (args.root or [args.cwd])]
    if not args.root:
        roots += base.roots
    env = replace(base.env, keep=(*base.env.keep, *args.keep_env))
    return base.with_(
        mode=args.mode,
        roots=tuple(dict.fromkeys(roots)),
        git=args.git or base.git,
        protect=(*base.protect, *args.protect),
        reserve=(*base.reserve, *args.protect),
        deny_read=(
            *base.deny_read,
            *(Path(os.path.abspath(os.path.expanduser(p))) for p in args.deny_read),
        ),
        deny_read_globs=(*base.deny_read_globs, *args.deny_read_glob),
        allow_write=(*base.allow_write, *map(_real, args.allow_write)),
        allow_read=(*base.allow_read, *map(_real, args.allow_read)),
        network=args.network or base.network,
        env=env,
        limits=_limits(args.limits) if args.limits else base.limits,
    )


def _real(path: str) -> Path:
    return Path(os.path.realpath(os.path.expanduser(path)))


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

    def verb(name: str, help: str, about: str, codes: str = "") -> argparse.ArgumentParser:
        return verbs.add_parser(
            name,
            help=help,
            description=about,
            epilog=codes,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    run = verb("run", "run one command confined: run [options] -- CMD...", RUN, RUN_CODES)
    run.add_argument("command", nargs="*", help=argparse.SUPPRESS)
    run.add_argument("--state", metavar="DIR", help="private folder for temporary files")
    run.add_argument("--json", action="store_true", help="the ending as JSON, last on stderr")
    doctor = verb("doctor", "what can be enforced here, by trying", DOCTOR, DOCTOR_CODES)
    doctor.add_argument("--json", action="store_true", help="the whole report as one JSON object")
    doctor.add_argument("--fresh", action="store_true", help="try again instead of remembering")
    explain = verb("explain", "would an access be allowed, and why", EXPLAIN, EXPLAIN_CODES)
    explain.add_argument("kind", choices=("write", "read", "connect"), help="what would be done")
    explain.add_argument("target", help="a path, or host:port")
    explain.add_argument("--json", action="store_true", help="the answer as one JSON object")
    profile = verb("profile", "print what would be set up", PROFILE)
    for each in (run, explain, profile):
        _policy_options(each)
    return parser


def _policy_options(verb: argparse.ArgumentParser) -> None:
    def add(*names: str, **more: Any) -> None:
        verb.add_argument(*names, **more)

    def many(name: str, metavar: str, help: str) -> None:
        verb.add_argument(name, action="append", default=[], metavar=metavar, help=help)

    modes = ("read-only", "workspace-write", "unrestricted")
    add("--mode", choices=modes, default="workspace-write",
        help="may it write in the roots (the default), nowhere, or anywhere (no walls at all)")  # fmt: skip
    add("--cwd", "-C", default=".", metavar="DIR", help="where the command works")
    many("--root", "DIR", "a writable folder; default: --cwd")
    add("--git", choices=("commit", "read-only"),
        help="all of .git read-only, or only what makes git run code")  # fmt: skip
    add("--network", choices=("off", "on"), help="off: a loopback of its own is all there is")
    many("--deny-read", "PATH", "one more path that cannot be read")
    many("--deny-read-glob", "GLOB", "files below the roots that cannot be read, such as .env*")
    many("--protect", "NAME", "one more name that is read-only inside the roots")
    many("--allow-write", "PATH", "one more writable path, outside or protected")
    many("--allow-read", "PATH", "a hidden path to show")
    many("--keep-env", "NAME", "a variable, or a glob of names, that it may see as well")
    many("--limits", "NAME=N,...", "ceilings: " + ", ".join(_LIMITS))
    backends = ("namespaces", "bubblewrap", "landlock", "seatbelt")
    add("--backend", choices=backends, help="this way to confine, and no other")
