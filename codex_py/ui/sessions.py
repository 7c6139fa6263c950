"""`codex-py sessions`: the kept sessions, listed, shown, searched, exported, put away."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from codex_py.core import logfile
from codex_py.core.entries import Assistant, Entry, ToolCall, ToolResult, User, words
from codex_py.core.errors import UsageError
from codex_py.core.shelf import Shelf, delete, move, rename
from codex_py.settings import home
from codex_py.ui.asjson import as_json, escaped
from codex_py.ui.cards import here, money, project, rows
from codex_py.ui.guard import secrets
from codex_py.ui.start import where
from codex_py.ui.text import one_line, paint, visible
from codex_py.ui.which import Parser, find, home_shelf


def main(argv: Sequence[str]) -> int:
    """Run one command of `codex-py sessions`. Returns the exit code."""
    args = _parser().parse_args(list(argv) or ["list"])
    run: Callable[[argparse.Namespace], int] = args.run
    return run(args)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="codex-py sessions", allow_abbrev=False)
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)

    def verb(name: str, run: Callable[[argparse.Namespace], int], about: str) -> Parser:
        found: Parser = verbs.add_parser(name, help=about, description=about)
        found.set_defaults(run=run)
        return found

    listing = verb("list", _list, "the newest sessions of this project")
    listing.add_argument("--all", action="store_true", help="of every folder")
    listing.add_argument("--archived", action="store_true", help="those that were put away")
    listing.add_argument("-n", type=int, default=20, metavar="N", help="at most N; 0 for all")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    show = verb("show", _show, "a session as it was seen")
    show.add_argument("id")
    show.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    search = verb("search", _search, "sessions in which some words occur")
    search.add_argument("words")
    search.add_argument("-n", type=int, default=20, metavar="N", help="at most N; 0 for all")
    export = verb("export", _export, "a session as Markdown, or its log as it is")
    export.add_argument("id")
    export.add_argument("file", nargs="?", default="-", help="a new file; - is stdout")
    export.add_argument("--format", choices=("md", "jsonl"), default="md")
    naming = verb("rename", _rename, "give a session a name; it can be found by it")
    naming.add_argument("id")
    naming.add_argument("name")
    verb("archive", _archive, "put sessions away").add_argument("id", nargs="+")
    verb("unarchive", _unarchive, "bring sessions back").add_argument("id", nargs="+")
    gone = verb("delete", _delete, "remove sessions for good")
    gone.add_argument("id", nargs="+")
    gone.add_argument("--yes", action="store_true", help="do not ask")
    return parser


def _list(args: argparse.Namespace) -> int:
    _count(args.n)
    shelf, mine = home_shelf(archived=args.archived), project(where())
    found = []
    for card in shelf.cards():
        if args.all or here(card, mine):
            found.append(card)
            if len(found) == args.n:
                break
    shelf.save()
    if args.json:
        for card in found:
            cost = money(card)
            told = {**asdict(card), "cost": float(cost) if cost is not None else None}
            sys.stdout.write(as_json(told) + "\n")
        return 0
    for line in rows(found, folders=args.all):
        sys.stdout.write(line + "\n")
    if not found:
        sys.stderr.write("no sessions here (--all lists those of every folder)\n")
    return 0


def _count(most: int) -> None:
    if most < 0:
        raise UsageError("-n is a number, 0 or more")


def _meant(shelf: Shelf, names: Sequence[str]) -> list[Path]:
    """The logs that are meant, each once."""
    return list(dict.fromkeys(shelf.find(each) for each in names))


def _show(args: argparse.Namespace) -> int:
    path = find(args.id)
    from codex_py.ui.render import Renderer  # late: only where something is drawn

    colour = args.color == "always" or (
        args.color == "auto" and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    )
    unicode = "utf" in (sys.stdout.encoding or "").lower()
    renderer = Renderer(min(shutil.get_terminal_size().columns, 120), colour, unicode)
    for entry in logfile.entries(logfile.lines(path)):
        text = renderer.entry(entry)
        if text:
            sys.stdout.write(text)
    return 0


def _search(args: argparse.Namespace) -> int:
    if not args.words.strip():
        raise UsageError("search for what?")
    _count(args.n)
    shelf, count = home_shelf(), 0
    for _, _, path in shelf.files():
        hit = _hit(Path(path), args.words)
        if hit is None:
            continue
        entry, text = hit
        at = text.lower().find(args.words.lower())
        around = text[max(0, at - 60) : at + len(args.words) + 100]
        who = {"user": "you", "assistant": "codex-py"}.get(entry.kind, entry.kind)
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        name = paint(Path(path).stem.rpartition("-")[2][:8], "bold", colour)
        sys.stdout.write(f"{name}  {Path(path).stem[:10]}  #{entry.n} {who}: {one_line(around)}\n")
        count += 1
        if count == args.n:
            break
    if not count:
        sys.stderr.write("found nowhere\n")
    return 0 if count else 1


def _hit(path: Path, wanted: str) -> tuple[Entry, str] | None:
    """The first entry of a log in whose words some words occur, whatever their case."""
    once = json.dumps(wanted, ensure_ascii=False)[1:-1]
    twice = json.dumps(once, ensure_ascii=False)[1:-1]  # as in the arguments of a call
    quoted = [re.escape(each.encode("utf-8", "replace")) for each in {once, twice}]
    plain = wanted.isascii()
    pattern = re.compile(b"|".join(quoted), re.IGNORECASE)
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if plain and not pattern.search(data):
        return None
    for line in data.split(b"\n"):
        if line and (not plain or pattern.search(line)):
            entry = next(logfile.entries([line]))
            for text in _texts(entry):
                if wanted.lower() in text.lower():
                    return entry, text
    return None


def _texts(entry: Entry) -> Iterator[str]:
    if isinstance(entry, (User, ToolResult)):
        yield words(entry.parts)
    elif isinstance(entry, Assistant):
        yield entry.text
    elif isinstance(entry, ToolCall):
        yield entry.arguments
        with contextlib.suppress(ValueError, RecursionError):
            given = json.loads(entry.arguments)
            values = given.values() if isinstance(given, dict) else ()
            yield from (each for each in values if isinstance(each, str))


def _export(args: argparse.Namespace) -> int:
    path = find(args.id)
    lines: Iterable[str]
    if args.format == "jsonl":
        lines = (line.decode("utf-8", "replace") for line in logfile.lines(path))
    else:
        from codex_py.ui.export import markdown  # late: one of two forms

        lines = markdown(logfile.entries(logfile.lines(path)))
    clean = secrets()
    lines = (clean.text(line).encode("utf-8", "replace").decode() for line in lines)
    if args.file == "-":
        show = visible if args.format == "md" else escaped
        safe = show if sys.stdout.isatty() else str
        sys.stdout.writelines(f"{safe(line)}\n" for line in lines)
        return 0
    try:
        with open(args.file, "x", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    except FileExistsError:
        raise UsageError(f"{args.file} exists: name another file") from None
    except OSError as error:
        raise UsageError(f"{args.file}: {error.strerror}") from error
    return 0


def _rename(args: argparse.Namespace) -> int:
    name = " ".join(args.name.split())
    if not name or len(name) > 100 or not name.isprintable():
        raise UsageError("a name has 1 to 100 visible characters")
    rename(find(args.id), name)
    return 0


def _archive(args: argparse.Namespace) -> int:
    for path in _meant(home_shelf(), args.id):
        move(home(os.environ), path, archive=True)
        home_shelf().forget(path)
    return 0


def _unarchive(args: argparse.Namespace) -> int:
    for path in _meant(home_shelf(archived=True), args.id):
        move(home(os.environ), path, archive=False)
        home_shelf(archived=True).forget(path)
    return 0


def _delete(args: argparse.Namespace) -> int:
    paths = list(dict.fromkeys(find(each) for each in args.id))
    if not args.yes:
        if not sys.stdin.isatty():
            raise UsageError("delete removes sessions for good: give --yes")
        for path in paths:
            sys.stderr.write(f"{path}\n")
        sys.stderr.write("remove for good? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise UsageError("nothing was removed")
    for path in paths:
        delete(path)
        for archived in (False, True):
            home_shelf(archived=archived).forget(path)
    return 0
