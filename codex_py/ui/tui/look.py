"""How to draw here: colour, Unicode, motion, or plain lines for terminals that can do no more."""

from __future__ import annotations

from collections.abc import Mapping

from codex_py.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """What the terminal and its user want. `plain` means lines only: nothing is redrawn."""

    colour: bool = True
    unicode: bool = True
    motion: bool = True
    plain: bool = False
    vi: bool = False
    links: bool = False
    """The terminal is known to make words into links (OSC 8)."""


def look(environ: Mapping[str, str], encoding: str, choice: str = "auto") -> Look:
    """The look for an environment; `choice` is the --color option.

    NO_COLOR turns colour off, FORCE_COLOR on. TERM=dumb and CODEX_PY_SCREEN_READER=1 give plain
    lines, CODEX_PY_REDUCED_MOTION=1 a still spinner, CODEX_PY_VI=1 vi keys.
    """
    dumb = environ.get("TERM", "dumb") in ("dumb", "")
    reader = _on(environ, "CODEX_PY_SCREEN_READER")
    colour = not dumb and not environ.get("NO_COLOR")
    if environ.get("FORCE_COLOR") and environ["FORCE_COLOR"] != "0":
        colour = True
    if choice != "auto":
        colour = choice == "always"
    return Look(
        colour=colour,
        unicode="utf" in encoding.lower(),
        motion=not reader and not _on(environ, "CODEX_PY_REDUCED_MOTION"),
        plain=dumb or reader,
        vi=_on(environ, "CODEX_PY_VI"),
        links=colour and _links(environ),
    )


def _links(environ: Mapping[str, str]) -> bool:
    if environ.get("TMUX") or environ.get("TERM", "").startswith("screen"):
        return False
    vte = environ.get("VTE_VERSION", "")
    return (
        environ.get("TERM_PROGRAM", "") in ("iTerm.app", "WezTerm", "ghostty", "vscode")
        or any(name in environ for name in ("KITTY_WINDOW_ID", "WT_SESSION"))
        or (vte.isdigit() and int(vte) >= 5_000)
    )


def _on(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "") not in ("", "0", "false", "no")
