"""The slash commands: each a name, what it does in a line, and the function that does it."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Any

from codex_py.dataclass import dataclass

if TYPE_CHECKING:
    from codex_py.ui.tui.session import Sitting


@dataclass(frozen=True, slots=True)
class Command:
    """A command. `beside`: it may run while a turn does.

    `does` names a function of a module beside this one, `module.function`, loaded when it is first
    needed. It is called with the sitting and the words after the name; it may be a coroutine, and
    text that it returns is said.
    """

    name: str
    about: str
    does: str
    beside: bool = True


def find(does: str) -> Any:
    """The function that a name stands for."""
    module, _, name = does.partition(".")
    return getattr(import_module(f"codex_py.ui.tui.{module}"), name)


async def perform(sitting: Sitting, does: str, rest: str = "") -> None:
    """Do what a command or a key stands for, and say what it returns."""
    found = find(does)(sitting, rest)
    told = await found if inspect.isawaitable(found) else found
    if told:
        sitting.say(told, "")


COMMANDS = (
    Command("help", "commands and keys", "told.helping"),
    Command("model", "another model, or effort: /model NAME [EFFORT]", "models.choose", False),
    Command("mode", "approval mode: suggest, auto-edit, full-auto", "modes.set_mode"),
    Command("new", "a new conversation", "opening.begin_anew", False),
    Command(
        "resume", "go on with another session of this project: /resume [ID]", "past.resume", False
    ),
    Command(
        "fork", "part here: a copy goes on, from a message of yours if you like", "past.fork", False
    ),
    Command("compact", "have the conversation summed up, to make room", "past.compact", False),
    Command("rename", "give this session a name: /rename NAME", "past.rename"),
    Command("undo", "take back what the last turn changed: /undo [turn N]", "undoing.undo", False),
    Command("redo", "make it again: /redo [turn N]", "undoing.redo", False),
    Command("diff", "what has changed since the last commit", "changes.diff"),
    Command("plan", "plan without changing anything: /plan [TASK]", "planning.plan", False),
    Command("review", "have the changes reviewed: /review [WHAT]", "errands.review", False),
    Command("init", "have AGENTS.md written", "errands.init", False),
    Command("status", "model, mode, confinement, folder, session", "told.status"),
    Command("context", "what fills the model's context", "told.context"),
    Command("cost", "tokens and money of this session", "told.cost"),
    Command("budget", "what it may still use: /budget [NAME AMOUNT]", "budget.budget"),
    Command("permissions", "what is free, what asks, what you allowed", "told.permissions"),
    Command("add-dir", "one more writable folder: /add-dir FOLDER", "grants.add_dir", False),
    Command("receipt", "what really happened in the last turn, and its proof", "proof.receipt"),
    Command("why", "why the last calls were allowed, asked or refused", "told.why"),
    Command("tasks", "background processes: /tasks [stop] [NUMBER]", "tasks.tasks"),
    Command("tools", "the model's tools", "told.tools"),
    Command("copy", "copy the last answer", "clipboard.copy_answer"),
    Command(
        "export", "write the conversation to a Markdown file: /export [FILE]", "changes.export"
    ),
    Command("image", "add a picture: /image [FILE], or the clipboard's", "own.image"),
    Command("config", "the settings that are not the default", "told.config"),
    Command("doctor", "what works here: terminal, confinement, git, model", "told.doctor"),
    Command("theme", "the colours: /theme [NAME]", "tune.theme", False),
    Command("vim", "vi keys on or off", "tune.vim"),
    Command("feedback", "write a report to a file; nothing is sent", "feedback.feedback"),
    Command("keys", "the keys", "told.keys"),
    Command("quit", "leave", "tune.leave"),
)
