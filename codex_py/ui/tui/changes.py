"""What changed on disk, and the conversation as a file."""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import TYPE_CHECKING

from codex_py.ui.export import markdown
from codex_py.ui.text import paint, visible

if TYPE_CHECKING:
    from codex_py.ui.tui.session import Sitting

SAFE = (
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "diff.external=",
    "-c", "protocol.allow=never",
)  # fmt: skip
MOST = 400_000
"""Bytes of a diff that are shown."""


async def diff(sitting: Sitting, _: str = "") -> None:
    """Tracked changes and new files against the last commit; no program of the repository runs."""
    text, cut = await asyncio.to_thread(_diff, sitting.launch.cwd)
    if text is None:
        return sitting.say("not a Git repository, or it has no commit yet", "yellow")
    if not text.strip():
        return sitting.say("nothing has changed since the last commit")
    colour = sitting.look.colour
    styles = {"+": "green", "-": "red", "@": "cyan"}
    lines = []
    for line in visible(text).rstrip("\n").split("\n"):
        style = "bold" if line.startswith(("+++", "---", "diff ")) else styles.get(line[:1], "")
        lines.append(paint(line, style, colour) if style else line)
    sitting.screen.print("\n".join(lines))
    if cut:
        sitting.say(f"… cut at {MOST:,} bytes", "yellow")
    return None


def _diff(cwd: str) -> tuple[str | None, bool]:
    from codex_py.host.processes import capture

    git = shutil.which("git")
    if git is None:
        return None, False
    env = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_ALLOW_PROTOCOL": "none"}
    env["GIT_PAGER"] = "cat"
    flags = ["--no-ext-diff", "--no-textconv", "--no-color"]
    filters = _filters(git, cwd, env)
    run = [git, *SAFE, *filters]
    code, out, _, cut = capture([*run, "diff", *flags, "HEAD", "--"], cwd, env, b"", MOST)
    if code != 0 and not cut:
        return None, False
    argv = [*run, "ls-files", "-o", "--exclude-standard", "-z"]
    _, new, _, _ = capture(argv, cwd, env, b"", MOST)
    names = [f"new file: {name}" for name in new.split("\0") if name]
    return out + ("\n" if names and out else "") + "\n".join(names), cut


def _filters(git: str, cwd: str, env: dict[str, str]) -> list[str]:
    """Options that switch off every clean filter: a repository's filters are programs."""
    from codex_py.host.processes import capture

    argv = [
        git,
        "config",
        "--name-only",
        "-z",
        "--get-regexp",
        r"^filter\..*\.(clean|process|required)$",
    ]
    _, out, _, _ = capture(argv, cwd, env, b"", MOST)
    found: list[str] = []
    for name in sorted({each for each in out.split("\0") if each}):
        if "=" in name or "\n" in name:
            continue
        found += ["-c", f"{name}={'false' if name.endswith('required') else ''}"]
    return found


async def export(sitting: Sitting, rest: str) -> None:
    """Write the conversation as Markdown to a new file of the person's choice."""
    if sitting.agent is None:
        return sitting.say("there is nothing to export yet", "yellow")
    name = rest or f"codex-py-{sitting.agent.session.id[:8]}.md"
    path = os.path.join(sitting.launch.cwd, os.path.expanduser(name))
    lines = markdown(sitting.agent.session.history())
    try:
        await asyncio.to_thread(_fresh, path, "\n".join(lines))
    except FileExistsError:
        return sitting.say(f"{visible(path)} exists: name another file", "yellow")
    except OSError as error:
        return sitting.say(f"{visible(path)}: {error.strerror}", "red")
    return sitting.say(f"written to {visible(path)}")


def _fresh(path: str, text: str) -> None:
    with open(path, "x", encoding="utf-8") as file:
        file.write(text)
