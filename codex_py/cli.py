"""The command line: arguments become settings and one front-end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn, TextIO, cast

from codex_py.core.errors import Unwritten, UsageError

EXAMPLES = """\
examples:
  codex-py exec --full-auto "fix the failing test"     one task, confined, no questions
  codex-py exec "explain how requests are retried"     reads only; edits and commands ask
  codex-py exec -i sketch.png "build this page"        with a picture
  git diff | codex-py exec "review this change"        text from a pipe is added
  codex-py exec --json --full-auto "…" > events.jsonl  typed events, one a line
  codex-py login                                       keep a key; it is asked for, not shown
  codex-py resume --last                               go on where you left off
  codex-py undo                                        take back what the last turn changed
  codex-py policy explain -a suggest -- git log -p     what would be asked, and why
  codex-py sandbox doctor                              what can be enforced here

approval modes:
  suggest    reading is free; edits and commands ask (the default)
  auto-edit  edits inside the workspace are free too; commands ask
  full-auto  all free, but every command is confined: no network, writes only in the
             workspace and temporary files

exit codes:
  0 finished  1 the turn failed  2 usage or configuration  3 stopped at a limit or stuck
  4 a required check failed  5 an action was refused as nobody could be asked
  130/143 interrupted

environment: OPENAI_API_KEY, OPENAI_BASE_URL, CODEX_PY_HOME (default ~/.codex-py), NO_COLOR
"""

FRONTS = {
    "apply-patch": "codex_py.ui.apply_patch",
    "audit": "codex_py.ui.audit",
    "local": "codex_py.ui.local",
    "login": "codex_py.ui.login",
    "logout": "codex_py.ui.logout",
    "models": "codex_py.ui.models",
    "policy": "codex_py.ui.policy",
    "redo": "codex_py.ui.redo",
    "replay": "codex_py.ui.replay",
    "sandbox": "codex_py.ui.sandbox",
    "sessions": "codex_py.ui.sessions",
    "undo": "codex_py.ui.undo",
}
"""Verbs that read their own arguments: the module whose `main(argv)` returns the exit code."""


TASKS = ("exec", "resume", "fork", "debug")
"""Verbs that run a task, or show what it would send."""

ABOUT = {
    "": "A coding agent in your terminal: it reads, edits and runs until the task is done.",
    "exec": "One task without questions: its result to stdout, its progress to stderr.",
    "resume": "Go on with a session where it was left.",
    "fork": "Go on with a copy of a session; the session itself stays as it is.",
    "prompt": "Print exactly what would be sent with the first request. Nothing is sent.",
}
"""What `--help` says of a verb that runs a task, by its last word."""


OLD_LOGS = ("audit", "replay", "sessions")
"""Verbs that print logs, which may be older than a key is known."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def main(argv: Sequence[str]) -> int:
    """Run one command line. Returns the exit code; a usage error is one line and code 2."""
    try:
        return _dispatch(list(argv))
    except SystemExit as ended:  # argparse has said all there is to say
        return ended.code if isinstance(ended.code, int) else 2
    except UsageError as error:
        from codex_py.ui.guard import line  # late: only on the way out

        sys.stderr.write(line(error))
        return 1 if isinstance(error, Unwritten) else 2
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        from codex_py.ui.guard import astray, crash, shut  # late: only on the way out

        if isinstance(error, OSError) and shut(sys.stdout):
            return 1  # `__main__` says why
        if isinstance(error, FileNotFoundError) and astray():
            sys.stderr.write("codex-py: the current folder no longer exists; go to one that does\n")
            return 2
        sys.stderr.write(crash(error))
        return 1


def _dispatch(argv: list[str]) -> int:
    verb = argv[0] if argv else ""
    if verb in FRONTS:
        from importlib import import_module  # late: one front-end a run

        if verb in OLD_LOGS:
            from codex_py.ui.guard import Cleaned, secrets  # late: as above

            sys.stdout = cast(TextIO, Cleaned(sys.stdout, secrets()))
        return int(import_module(FRONTS[verb]).main(argv[1:]))
    if verb == "debug":
        if argv[1:2] in (["-h"], ["--help"]):
            argv = ["debug", "prompt", "--help"]
        if argv[1:2] != ["prompt"]:
            raise UsageError("debug needs a word: `codex-py debug prompt [PROMPT]`")
        return _task(argv[2:], "codex-py debug prompt", _debug)
    if verb == "exec" and argv[1:2] in (["resume"], ["fork"]):
        return _task(argv[2:], f"codex-py exec {argv[1]}", _exec, again=argv[1])
    if verb == "exec":
        return _task(argv[1:], "codex-py exec", _exec)
    if verb in ("resume", "fork"):
        return _task(argv[1:], f"codex-py {verb}", _start, again=verb)
    return _task(argv, "codex-py", _start)


def _task(
    argv: list[str], prog: str, front: Callable[[argparse.Namespace], int], again: str = ""
) -> int:
    parser = _parser(prog, again)
    if front is _debug:
        parser.add_argument("--tokens", action="store_true", help="where the tokens go")
    try:
        args = parser.parse_intermixed_args(argv) if again else parser.parse_args(argv)
    except UsageError as error:
        late = next((each for each in argv if each in (*TASKS, *FRONTS)), "")
        if not late or prog != "codex-py":
            raise
        raise UsageError(f"{error}; `{late}` comes before options: codex-py {late} …") from None
    if args.version:
        from codex_py.version import __version__  # late: all that this answer needs

        sys.stdout.write(f"codex-py {__version__}\n")
        return 0
    return front(args)


def _parser(prog: str, again: str = "") -> _Parser:
    parser = _Parser(
        prog=prog,
        description=ABOUT.get(prog.rpartition(" ")[2], ABOUT[""]),
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    if again:
        _going_on(parser, again)
    else:
        add("prompt", nargs="?", help="what to do; - reads it from stdin")
        parser.set_defaults(words=None)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "-a",
        "--approval-mode",
        metavar="MODE",
        help="suggest (default), auto-edit or full-auto",
    )
    mode.add_argument("--auto-edit", action="store_true", help="short for -a auto-edit")
    mode.add_argument("--full-auto", action="store_true", help="short for -a full-auto")
    add("-m", "--model", help="a model of the catalogue, or provider/model (default o4-mini)")
    add("--effort", help="reasoning effort: none minimal low medium high xhigh max")
    add("-i", "--image", action="append", nargs="+", default=[], metavar="FILE")
    add("--search", action="store_true", help="let the provider search the web (sends queries)")
    add("-C", "--cd", metavar="DIR", help="work in this folder")
    add("--add-dir", action="append", default=[], metavar="DIR", help="also writable")
    add("-c", "--config", action="append", default=[], metavar="KEY=VALUE", dest="config")
    add("-p", "--profile", default="", help="PROFILE.config.toml in the home folder")
    add("--local", action="store_true", help="use the built-in small model: no key, no network")
    add("--oss", action="store_true", help="use a model server on this machine (Ollama, …)")
    add("-q", "--quiet", action="store_true", help="the same as exec")
    add("--json", action="store_true", help="events as JSON lines on stdout")
    add("-o", "--output-last-message", default="", metavar="FILE")
    add("--output-schema", default="", metavar="FILE", help="JSON schema of the final message")
    add("--skip-git-repo-check", action="store_true", help="no warning outside Git")
    _budgets(parser)
    _proof(parser)
    add("--color", choices=("auto", "always", "never"), default="auto")
    add("-V", "--version", action="store_true")
    return parser


def _going_on(parser: argparse.ArgumentParser, verb: str) -> None:
    """The arguments of `resume` and `fork`."""
    add = parser.add_argument
    told = "a session: its id or how it begins, its name, or a log file; then the prompt"
    add("words", nargs="*", metavar="[SESSION] [PROMPT]", help=told)
    add("--last", action="store_true", help="the newest session of this project")
    add("--all", action="store_true", help="look in every folder, not only in this project")
    if verb == "fork":
        add("--at", type=int, metavar="N", help="only up to line N of the log, as #N tells")
    parser.set_defaults(prompt=None, fork=verb == "fork", at=None)


def _budgets(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("budgets (exit code 3 when one is used up)").add_argument
    add("--max-cost", default="", metavar="USD", help="stop before this run costs more")
    add("--max-tokens", type=int, metavar="N", help="… uses more tokens")
    add("--max-steps", type=int, metavar="N", help="… after N model requests in a turn")
    add("--max-time", default="", metavar="TIME", help="… after 90 (s), 10m or 1h30m in a turn")


def _proof(parser: argparse.ArgumentParser) -> None:
    """What must be shown before a turn counts as done."""
    add = parser.add_argument
    add("--receipt", default="", metavar="FILE", help="write what really happened as JSON")
    add("--verify", action="store_true", help="claims without evidence go back to the model once")
    add(
        "--require",
        action="append",
        default=[],
        metavar="CMD",
        help="run CMD, confined, once the model is done: it must end with 0 (repeatable)",
    )


def _start(args: argparse.Namespace) -> int:
    if args.quiet:
        return _exec(args)
    from codex_py.ui.tui import main as run  # late: one front-end a run

    return run(args)


def _exec(args: argparse.Namespace) -> int:
    from codex_py.ui.start import one_shot  # late: one front-end a run

    return one_shot(args)


def _debug(args: argparse.Namespace) -> int:
    from codex_py.ui.debug import prompt  # late: one front-end a run

    return prompt(args)
