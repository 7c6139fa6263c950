"""`codex-py resume` and `codex-py fork`: a session goes on, or a copy of it does."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from codex_py.core.errors import UsageError
from codex_py.core.fork import fork
from codex_py.core.shelf import Card, Shelf, summed_up
from codex_py.launch import Launch
from codex_py.settings import Settings
from codex_py.ui.cards import here, project
from codex_py.ui.start import fresh
from codex_py.ui.which import last, standing


def prepared(args: argparse.Namespace) -> tuple[Settings, Launch]:
    """Settings and launch of a session that goes on, as the arguments say.

    It goes on in its own folder and with its own model, unless told otherwise. `args.prompt`
    becomes what is left of the words. Raises UsageError.
    """
    settings, launch = fresh(args)
    shelf = Shelf(settings.home)
    path = _chosen(args, shelf, launch.cwd)
    card = summed_up(path, named=False)
    if not args.cd and card.cwd and card.cwd != os.path.realpath(launch.cwd):
        if not os.path.isdir(card.cwd):
            raise UsageError(f"the session's folder {card.cwd} is not there: name one with -C DIR")
        args.cd = card.cwd
        settings, launch = fresh(args)
    if args.fork:
        path = fork(settings.home, path, args.at)
    return _brained(settings, args, card), replace(launch, resume=str(path))


def _chosen(args: argparse.Namespace, shelf: Shelf, cwd: str) -> Path:
    given: list[str] = list(args.words)
    if args.last:
        args.prompt = given.pop(0) if given else None
        _no_more(given)
        return last(shelf, cwd, everywhere=args.all)
    if given:
        name = given.pop(0)
        args.prompt = given.pop(0) if given else None
        _no_more(given)
        return standing(name)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("name a session, or give --last (see `codex-py sessions list`)")
    return _picked(shelf, cwd, everywhere=args.all)


def _no_more(given: list[str]) -> None:
    if given:
        raise UsageError(f"{given[0]!r} is one word too many: quote the prompt")


def _picked(shelf: Shelf, cwd: str, *, everywhere: bool) -> Path:
    from codex_py.ui.newest import Newest  # late: only where a person chooses
    from codex_py.ui.picker import pick

    mine = project(cwd)
    newest = Newest(shelf, lambda card: everywhere or here(card, mine))
    try:
        found = newest.first()
        if not found:
            where = "" if everywhere else f" in {cwd} (--all looks in every folder)"
            raise UsageError(f"there is no session{where}")
        path = pick("Go on with which session?", found, newest)
    finally:
        newest.close()
    if not path:
        raise UsageError("no session was chosen")
    return Path(path)


def _brained(settings: Settings, args: argparse.Namespace, card: Card) -> Settings:
    """The model the session used, unless one was named now."""
    if args.model or args.local or args.oss or not card.choice or args.config:
        return settings
    if card.choice == "local":
        return replace(settings, local=True)
    return replace(settings, model=card.choice, model_provider="", model_given=True, local=False)
