"""`codex-py undo` and `codex-py redo`: a preview, the choice per file, then the deed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from codex_py.core.entries import Entry, Undone
from codex_py.core.errors import UsageError
from codex_py.core.logfile import read
from codex_py.core.session import identity, resume
from codex_py.core.shelf import Shelf
from codex_py.settings import load
from codex_py.ui.start import where
from codex_py.ui.text import one_line, paint, visible
from codex_py.ui.which import standing
from codex_py.undo import Choice, Damaged, History, Move, Undo, history

STYLES = {"put": "", "already": "dim", "conflict": "yellow", "lost": "red", "stays": "yellow"}
MOST = 200
"""Lines of a preview."""


class Parser(argparse.ArgumentParser):
    """Whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def undo(argv: Sequence[str]) -> int:
    """Run `codex-py undo`. Returns the exit code."""
    return _main("undo", argv)


def redo(argv: Sequence[str]) -> int:
    """Run `codex-py redo`. Returns the exit code."""
    return _main("redo", argv)


def _parser(verb: str) -> Parser:
    about = {
        "undo": "Take back what the last turn of a session, or one of its steps, did to files.",
        "redo": "Make what was undone again.",
    }[verb]
    parser = Parser(
        prog=f"codex-py {verb}",
        description=f"{about} Files that changed since are left alone unless you say --take. "
        "Exit code 0: all done; 1: something was left as it was; 2: nothing could be done.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("session", nargs="?", default="", help="an id or a name; else the last of this folder")
    add("--last", action="store_true", help="the last session of this folder (the default)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--turn", type=int, metavar="N", help=f"{verb} this turn")
    which.add_argument("--step", type=int, metavar="N", help=f"{verb} this step")
    which.add_argument("--list", action="store_true", help="the turns and steps there are")
    add("--preview", action="store_true", help="say what would be done, and do nothing")
    add("--yes", action="store_true", help="do not ask")
    add("--keep-mine", action="store_true", help="leave files that changed since, and do not ask")
    add("--take", nargs="+", default=[], metavar="FILE", help="these even if they changed since")
    add("--take-all", action="store_true", help="all files even if they changed since")
    return parser


def _main(verb: str, argv: Sequence[str]) -> int:
    args = _parser(verb).parse_args(list(argv))
    settings = load(os.environ)
    for name in ("turn", "step"):
        if getattr(args, name) not in (None, *range(1, 1_000_000)):
            raise UsageError(f"--{name} is a number from 1 (see `codex-py undo --list`)")
    if args.last and args.session:
        raise UsageError(f"--last and {args.session!r} exclude each other")
    path = _find(settings.home, args.session)
    if args.list:
        sys.stdout.write("\n".join(listing(history(read(path)))) + "\n")
        return 0
    session = None if args.preview else resume(path)
    if not args.session:
        sys.stdout.write(f"session {identity(path)}\n")
    try:
        entries = session.history() if session else read(path)
        append = session.append if session else _nothing
        return _run(verb, args, Undo(entries, append, settings.home, settings.undo_file_mb << 20))
    except Damaged as error:
        raise UsageError(f"it cannot be {verb}ne: {error}") from error
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise UsageError(f"nothing was touched: {error.strerror or error}{where}") from error
    finally:
        if session:
            session.close()


def _nothing(entry: Entry) -> Entry:
    """What a preview writes."""
    return entry


def _find(home: Path, name: str) -> Path:
    shelf = Shelf(home)
    if name:
        return standing(name)
    here = os.path.realpath(where())
    for card in shelf.cards():
        if os.path.realpath(card.cwd) == here:
            shelf.save()
            return Path(card.path)
    raise UsageError("no session worked in this folder: name one (see `codex-py sessions list`)")


def _run(verb: str, args: argparse.Namespace, work: Undo) -> int:
    again = verb == "undo" and bool(args.take or args.take_all)
    choice = work.choose(redo=verb == "redo", turn=args.turn or 0, step=args.step or 0, again=again)
    here = os.path.realpath(where())
    wanted = {os.path.join(here, each) for each in args.take}
    unknown = wanted - {move.path for move in work.preview(choice)}
    if unknown:
        raise UsageError(f"--take {min(unknown)}: these steps did not change it")

    def take(path: str) -> bool:
        return args.take_all or path in wanted

    moves = work.preview(choice, take)
    tty = sys.stdin.isatty() and sys.stdout.isatty()
    colour = tty and not os.environ.get("NO_COLOR")
    sys.stdout.write("\n".join(described(choice, moves, work.history, here, colour)) + "\n")
    if args.preview or not any(move.verdict == "put" or move.undecided for move in moves):
        return 0
    asked = tty and not args.yes
    if asked and not args.keep_mine:
        wanted |= {move.path for move in moves if move.undecided and _mine(move, here)}
        moves = work.preview(choice, take)
    if not any(move.verdict == "put" for move in moves):
        if args.keep_mine or not any(move.undecided for move in moves):
            sys.stdout.write("nothing is left to do\n")
            return 0
        sys.stdout.write("nothing was done: --take FILE or --take-all overwrites these files\n")
        return 1
    if asked and not _yes(f"{verb} this? [y/N] "):
        return 2
    if not asked and not args.yes:
        raise UsageError(f"nothing was done: give --yes to {verb} this without being asked")
    done = work.perform(choice, moves)
    sys.stdout.write("\n".join(outcome(choice, done)) + "\n")
    undecided = any(move.undecided for move in moves) and not args.keep_mine
    lost = any(move.verdict == "lost" for move in moves)
    return 1 if done.failed or lost or (undecided and not asked) else 0


def _mine(move: Move, here: str) -> bool:
    """Ask about one file: whether the step goes first."""
    return _yes(f"{shown(move.path, here)}: {move.why}. Overwrite it? (redo brings it back) [y/N] ")


def _yes(question: str) -> bool:
    sys.stdout.write(question)
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def shown(path: str, here: str) -> str:
    """A path as it is told: relative where it lies below here."""
    inside = path.startswith(here.rstrip("/") + "/")
    return visible(os.path.relpath(path, here) if inside else path)


def described(
    choice: Choice, moves: Sequence[Move], past: History, here: str, colour: bool
) -> list[str]:
    """A preview, line by line."""
    lines = [f"{choice.title}:"]
    for step in choice.steps:
        lines.append(paint(f"  {step.number}. {one_line(step.what, 100)}", "dim", colour))
    for move in moves[:MOST]:
        why = f"  ({move.why})" if move.why and not move.taken else ""
        mode = ""
        if move.word == "mode" and move.now and move.to:
            mode = f"  {move.now.mode:o} → {move.to.mode:o}"
        text = f"  {move.word:<9}{shown(move.path, here)}{mode}{why}"
        lines.append(paint(text, STYLES[move.verdict], colour) if STYLES[move.verdict] else text)
    if len(moves) > MOST:
        lines.append(f"  … and {len(moves) - MOST:,} more")
    if not moves:
        lines.append("  nothing: these steps changed no files")
    if past.left:
        names = ", ".join(shown(each, here) for each in past.left[:5])
        more = f" and {len(past.left) - 5} more" if len(past.left) > 5 else ""
        lines.append(paint(f"  left out by rule: {names}{more}", "dim", colour))
    if past.uncovered:
        count = len(past.uncovered)
        what = one_line(past.uncovered[-1], 60)
        lines.append(
            paint(f"  not kept, so it stays: {count} step(s), the last: {what}", "yellow", colour)
        )
    return lines


def outcome(choice: Choice, done: Undone) -> list[str]:
    """What came of it, line by line."""
    word = "redone" if choice.redo else "undone"
    lines = [f"{word}: {done.total} file{'' if done.total == 1 else 's'}"]
    lines += [f"  left as it is: {visible(each)}" for each in done.kept]
    lines += [f"  could not be put back: {visible(each)}" for each in done.failed]
    other = "undo" if choice.redo else "redo"
    return [*lines, f"`codex-py {other}` takes this back"]


def listing(past: History) -> list[str]:
    """The turns and steps that changed files."""
    lines: list[str] = []
    turn = 0
    for step in past.steps:
        if step.turn != turn:
            turn = step.turn
            lines.append(f"turn {turn}")
        state = "" if step.state == "done" else f"  ({step.state})"
        files = f"{step.total} file{'' if step.total == 1 else 's'}"
        lines.append(f"  step {step.number}  {files:<9} {one_line(step.what, 90)}{state}")
    return lines or ["no step of this session changed files"]


main: Callable[[Sequence[str]], int] = undo
