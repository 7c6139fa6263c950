"""`codex-py policy explain`: what would happen to a command, part by part."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from codex_py.core.errors import UsageError
from codex_py.core.policy import MODES, Policy, decide
from codex_py.effects import Effects
from codex_py.host import open_host
from codex_py.host.confine import Ground, Unconfined
from codex_py.lines import reader
from codex_py.settings import load, secret_places
from codex_py.ui.asjson import as_json
from codex_py.ui.text import visible

HELP = """\
usage: codex-py policy explain [-a MODE] [-C DIR] [--json] -- COMMAND…

Says what would happen to a command line in an approval mode, and why, part by part.
Nothing is run. COMMAND is one quoted command line, or the words of one command.

examples:
  codex-py policy explain -- 'git log --oneline | head'
  codex-py policy explain -a full-auto --json -- make test
"""


def main(argv: Sequence[str]) -> int:
    """Explain one command line. Returns 0 when it is free, 5 when it would ask."""
    if not argv or argv[0] in ("-h", "--help"):
        sys.stdout.write(HELP)
        return 0 if argv else 2
    if argv[0] != "explain":
        raise UsageError(f"policy has no verb {argv[0]!r}; see codex-py policy --help")
    parser = argparse.ArgumentParser(prog="codex-py policy explain", add_help=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("-a", "--approval-mode", choices=MODES, default="suggest")
    parser.add_argument("-C", "--cd", default=".")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args(list(argv[1:]))
    words = args.command[1:] if args.command[:1] == ["--"] else args.command
    if args.help or not words:
        sys.stdout.write(HELP)
        return 0 if args.help else 2
    return _explain(words, args.approval_mode, os.path.realpath(args.cd), args.json)


def _explain(words: list[str], mode: str, cwd: str, machine: bool) -> int:
    if len(words) == 1:
        command = words[0]
    else:
        import shlex  # late: only for a command given as words

        command = shlex.join(words)
    settings = load(os.environ)
    confinement = _confinement(cwd, os.path.realpath(settings.home))
    policy = Policy(
        mode=next(each for each in MODES if each == mode),
        roots=(cwd,),
        confines=bool(confinement),
        secret=secret_places(settings),
    )
    read = reader((cwd,), os.environ)
    decision = decide(policy, Effects(command=command, cwd=cwd), read)
    pieces = read(command, cwd)
    if machine:
        parts = [
            {"part": each.text, "reading": each.reading, "why": each.why, "reads": each.reads}
            for each in pieces
        ]
        told = {
            "command": command,
            "mode": mode,
            "verdict": decision.verdict,
            "reason": decision.reason,
            "confined": decision.confined or None,
            "grant": decision.grant or None,
            "confinement": confinement or None,
            "parts": parts,
        }
        sys.stdout.write(as_json(told, indent=2) + "\n")
        return 0 if decision.verdict == "allow" else 5
    how = f", confined {decision.confined} ({confinement})" if decision.confined else ""
    word = "runs without a question" + how if decision.verdict == "allow" else "asks first"
    lines = [f"{mode}: {word}", f"  because {decision.reason}"]
    for each in pieces:
        mark = "reads" if each.reading else "asks "
        lines.append(f"  {mark}  {visible(each.text)}" + (f"  ({each.why})" if each.why else ""))
    if decision.grant and decision.verdict != "allow":
        lines.append(f"  {decision.grant} would run it without a question")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if decision.verdict == "allow" else 5


def _confinement(cwd: str, own: str) -> str:
    """What would confine commands here; empty when nothing does."""
    try:
        host = open_host(Ground(cwd, (cwd,), own), os.environ, timeout=1, free=True)
    except Unconfined:
        return ""
    try:
        return host.confinement
    finally:
        host.close()
