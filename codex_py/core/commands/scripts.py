"""Shells that are handed a script as a word, and programs that run a text as commands."""

from __future__ import annotations

from collections.abc import Callable

from codex_py.core.commands.verdict import Verdict, ask
from codex_py.core.commands.words import Word

Words = tuple[Word, ...]
FLAGS = frozenset("-c -l -e -u -x -lc -cl -ec -ce -xc -uc -euc -euxc -exc -elc".split())
PLAIN = frozenset({"sh", "dash", "ash"})
"""Shells whose language is smaller than that of bash."""


def shell(name: str, words: Words) -> Verdict:
    """`bash -c SCRIPT`: the script is looked into; a script in a file is not."""
    handed = False
    if len(words) == 1 and name == "bash" and words[0].plain and words[0].text == "--version":
        return Verdict(reading=True, why="only says its version")
    for number, word in enumerate(words):
        if not word.plain:
            return ask(f"{name} is given a script that is not known before it runs")
        if word.text in ("--norc", "--noprofile", "--login"):
            continue
        if word.text in FLAGS:
            handed = handed or "c" in word.text
        elif (
            word.text == "-o"
            or word.text in ("-euo", "-eo")
            or (word.text == "pipefail" and words[number - 1].text.endswith("o"))
        ):
            continue
        elif handed and not word.text.startswith(("-", "+")):
            why = f"{name} runs the commands that follow"
            return Verdict(reading=True, why=why, scripts=((word.text, name in PLAIN),))
        else:
            break
    return ask(f"{name} runs commands that are not on the line")


def unread(name: str, _words: Words) -> Verdict:
    """Whatever runs a text as commands in this very shell."""
    return ask(f"{name} runs commands in a way that is not looked into")


RULES: dict[str, Callable[[str, Words], Verdict]] = {
    **dict.fromkeys(("bash", *PLAIN), shell),
    **dict.fromkeys(("eval", "source", ".", "exec", "trap", "coproc", "zsh", "fish"), unread),
}
