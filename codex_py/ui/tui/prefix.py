"""Pure: which beginning of a command may be allowed for the rest of a session."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from codex_py.core.policy import Piece

BANNED = frozenset(
    """
    sh bash zsh fish dash ksh csh tcsh busybox python python2 python3 node deno bun ruby perl php
    lua tclsh rscript java osascript powershell pwsh sudo doas su env eval exec source command
    builtin xargs find parallel nohup setsid time timeout nice ionice watch script expect rm rmdir
    dd mkfs shred chmod chown chgrp ln mv cp tee curl wget ssh scp rsync sftp nc ncat socat telnet
    kill killall pkill reboot shutdown mount umount docker podman kubectl awk gawk sed vim vi nano
    gdb strace ltrace crontab at systemctl service apt apt-get dnf yum pacman brew
    flock taskset chrt stdbuf unbuffer unshare nsenter chroot fakeroot proot setpriv setarch
    runuser pkexec run0 systemd-run tmux screen gosu tar zip rustup nvm entr ed ex emacs
    """.split()
)
"""Programs that can do anything, or harm, whatever follows: each use is asked again."""

WHOLE = frozenset("make just task pytest tox nox mypy ruff black ls cat".split())
"""Programs whose first argument is no subcommand."""

TWO = frozenset("run exec x".split())
"""Subcommands that start a program: the program is part of the prefix."""

RUNNERS = frozenset("npx pnpx bunx uvx".split())
"""Programs that start the one their first argument names."""

BANNED_PAIRS = frozenset(
    {"git push", "git clean", "git reset", "git config", "git filter-branch", "npm exec"}
    | {f"git {each}" for each in ("rebase bisect submodule difftool mergetool for-each-repo fetch "
       "pull clone archive ls-remote send-email grep").split()}
)  # fmt: skip
"""Those of git either harm or take an option that names a program to run."""


def prefix_of(pieces: Sequence[Piece]) -> str:
    """The prefix that could be remembered; empty when none is safe.

    A line has one only when exactly one of its parts asks: program and subcommand, such as
    `git commit` or `npm run build`, never a program that runs others.
    """
    asking = [piece for piece in pieces if not piece.reading]
    if len(asking) != 1 or not asking[0].known:
        return ""
    text = asking[0].text
    if any(each in text for each in "\n$`<>|&;(){}*?~"):
        return ""
    try:
        words = shlex.split(text)
    except ValueError:
        return ""
    if not words or words != text.split():
        return ""
    return _chosen(words)


def _chosen(words: list[str]) -> str:
    program = words[0]
    name = program.rpartition("/")[2].lower()
    if "=" in program or _bans(name):
        return ""
    if program.startswith("-"):
        return ""
    if len(words) == 1 or name in WHOLE:
        return program
    second = words[1]
    if not second.replace("-", "").replace(":", "").isalnum() or second.startswith("-"):
        return ""
    if name in RUNNERS and second not in TWO and _bans(second):
        return ""
    if second in TWO:
        if len(words) < 3 or words[2].startswith("-") or _bans(words[2]):
            return ""
        return " ".join(words[:3])
    pair = f"{program} {second}"
    return "" if pair in BANNED_PAIRS else pair


def _bans(word: str) -> bool:
    name = word.rpartition("/")[2].lower()
    return name in BANNED or name.rstrip("0123456789.") in BANNED
