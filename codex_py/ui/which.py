"""Which session a command line means: one that is named, or the newest of this project."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import NoReturn

from codex_py.core.errors import UsageError
from codex_py.core.session import identity
from codex_py.core.shelf import Shelf
from codex_py.settings import home
from codex_py.ui.cards import here, project
from codex_py.ui.start import where


class Parser(argparse.ArgumentParser):
    """Whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def home_shelf(*, archived: bool = False) -> Shelf:
    """The sessions of this person's home, or those that were put away."""
    return Shelf(home(os.environ), archived=archived)


def find(name: str) -> Path:
    """The log of a session, put away or not. Raises UsageError."""
    try:
        return home_shelf().find(name)
    except UsageError:
        try:
            return home_shelf(archived=True).find(name)
        except UsageError:
            pass
        raise


def standing(name: str) -> Path:
    """The log of a session that is not put away. Raises UsageError."""
    try:
        return home_shelf().find(name)
    except UsageError as error:
        try:
            away = identity(home_shelf(archived=True).find(name))
        except UsageError:
            raise error from None
        told = f"it is put away: `codex-py sessions unarchive {away}` brings it back"
        raise UsageError(f"{name!r} cannot go on: {told}") from None


def last(kept: Shelf, cwd: str, *, everywhere: bool) -> Path:
    """The newest session of the project that `cwd` lies in, or of all. Raises UsageError."""
    mine = project(cwd)
    found = next((each for each in kept.cards() if everywhere or here(each, mine)), None)
    kept.save()
    if found is None:
        place = "" if everywhere else f" in {cwd} (--all looks in every folder)"
        raise UsageError(f"there is no session{place}")
    return Path(found.path)


def asked(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that `meant` reads."""
    told = "a session: its id or how it begins, its name, or a log file"
    parser.add_argument("id", nargs="?", default="", metavar="SESSION", help=told)
    parser.add_argument("--last", action="store_true", help="the newest session of this project")
    parser.add_argument("--all", action="store_true", help="with --last: of every folder")


def meant(args: argparse.Namespace) -> Path:
    """The log that the arguments of `asked` mean. Raises UsageError."""
    if args.last and args.id:
        raise UsageError(f"--last and {args.id!r} exclude each other")
    if args.all and not args.last:
        raise UsageError("--all goes with --last")
    if args.last:
        return last(home_shelf(), where(), everywhere=args.all)
    if not args.id:
        raise UsageError("name a session, or give --last (see `codex-py sessions list`)")
    return find(args.id)
