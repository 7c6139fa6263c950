"""From parsed arguments to a one-shot run: settings, prompt, pictures."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from codex_py.core.errors import UsageError
from codex_py.core.modes import MODES
from codex_py.launch import Launch
from codex_py.settings import EFFORTS, Settings, load, money, span
from codex_py.ui.stdin import read_prompt

if TYPE_CHECKING:
    from codex_py.showing import Shown


def one_shot(args: argparse.Namespace) -> int:
    """Run one task as the arguments say. Returns the exit code."""
    from codex_py.ui.exec import Options, run  # late: the loop is loaded once the input is right

    settings, launch = prepare(args)
    images = pictures(args, launch)
    launch = replace(launch, pictures=len(images))
    piped = any("-" in group for group in args.image)
    prompt = read_prompt(args.prompt, None if piped else sys.stdin)
    options = Options(
        prompt=prompt,
        json=args.json,
        last_message=args.output_last_message,
        colour=colour(args.color),
        receipt=args.receipt,
    )
    return run(settings, launch, options, images)


def prepare(args: argparse.Namespace) -> tuple[Settings, Launch]:
    """Settings and launch from the arguments. Raises UsageError for anything wrong."""
    if args.words is not None:
        from codex_py.ui.again import prepared  # late: few runs go on with a session

        return prepared(args)
    return fresh(args)


def fresh(args: argparse.Namespace) -> tuple[Settings, Launch]:
    """The same for a new session."""
    cwd = _folder(args.cd, "-C") if args.cd else where()
    launch = Launch(
        cwd=cwd,
        add_dirs=tuple(_folder(each, "--add-dir") for each in args.add_dir),
        skip_git_check=args.skip_git_repo_check,
    )
    settings = load(os.environ, profile=args.profile, overrides=tuple(args.config))
    return replace(settings, **_given(args)), launch


def _given(args: argparse.Namespace) -> dict[str, Any]:
    given: dict[str, Any] = {}
    mode = args.approval_mode
    mode = "full-auto" if args.full_auto else "auto-edit" if args.auto_edit else mode
    if mode is not None:
        if mode not in MODES:
            raise UsageError(f"--approval-mode {mode!r} is not one of {', '.join(MODES)}")
        given |= {"approval_mode": mode, "mode_given": True}
    if args.model:
        given |= {"model": args.model, "model_given": True}
    if args.effort:
        if args.effort not in EFFORTS:
            raise UsageError(f"--effort {args.effort!r} is not one of {', '.join(EFFORTS)}")
        given["model_reasoning_effort"] = args.effort
    given |= _budgets(args)
    given |= _proof(args)
    if args.local and args.oss:
        raise UsageError("--local and --oss exclude each other")
    if args.local:
        given["local"] = True
    if args.oss:
        given["oss"] = True
    if args.search:
        given["web_search"] = "live"
    if args.output_schema:
        given["output_schema"] = _schema(args.output_schema)
    return given


def _schema(path: str) -> str:
    """The schema in a file, as compact text. Raises UsageError that says what is wrong."""
    import json  # late: few runs ask for a schema

    from codex_py.core.schema import read

    try:
        with open(path, encoding="utf-8-sig") as file:
            found = read(file.read())
    except OSError as error:
        raise UsageError(f"--output-schema {path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"--output-schema {path}: {error}") from error
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def _budgets(args: argparse.Namespace) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name in ("max_steps", "max_tokens"):
        number = getattr(args, name)
        if number is not None and number < 1:
            raise UsageError(f"--{name.replace('_', '-')} must be 1 or more")
        if number:
            given[name] = number
    if args.max_cost:
        given["max_cost"] = money(args.max_cost, "--max-cost")
    if args.max_time:
        given["max_time"] = span(args.max_time, "--max-time")
    for name, value in given.items():
        if not value:  # as a setting it means no limit, which nobody reads in an option
            raise UsageError(f"--{name.replace('_', '-')} must be more than 0")
    return given


def _proof(args: argparse.Namespace) -> dict[str, Any]:
    given: dict[str, Any] = {"verify": True} if args.verify else {}
    if args.require:
        if not all(each.strip() for each in args.require):
            raise UsageError("--require needs a command, for example --require 'pytest -q'")
        given["require"] = tuple(args.require)
    return given


def colour(choice: str) -> bool:
    """Whether stderr gets colour."""
    if choice == "auto":
        return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    return choice == "always"


def pictures(args: argparse.Namespace, launch: Launch) -> tuple[Shown, ...]:
    """The pictures named, decoded. Raises UsageError for what cannot be sent.

    Several files may follow one -i; a last word there that is no file is the prompt. `-` is
    a picture on stdin; the prompt then has to be an argument.
    """
    names = [each for group in args.image for each in group]
    if names and args.prompt is None and not os.path.lexists(names[-1]) and names[-1] != "-":
        stem, dot, _ = names[-1].rpartition(".")
        if not dot or " " in stem:
            args.prompt = names.pop()
    if names.count("-") > 1 or ("-" in names and args.prompt in (None, "-")):
        raise UsageError("-i - reads one picture from stdin: give the prompt as an argument")
    from codex_py.showing import take  # late: few runs have one

    roots = [os.path.realpath(each) for each in (launch.cwd, *launch.add_dirs)]
    here = where()
    return tuple(
        take(("stdin", _piped()) if name == "-" else name, here, roots, "-i ") for name in names
    )


def _piped() -> bytes:
    from codex_py.host.images import LARGEST  # late: few runs have one

    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("-i - reads a picture from stdin, but stdin is a terminal")
    return sys.stdin.buffer.read(LARGEST + 1)


def _folder(path: str, flag: str) -> str:
    found = os.path.abspath(os.path.expanduser(path))
    if not os.path.isdir(found):
        raise UsageError(f"{flag} {path}: no such folder")
    return found


def where() -> str:
    """The current folder. Raises UsageError when it is gone."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise UsageError("the current folder no longer exists; go to one that does") from None
