"""Asks git from a shadow: a temporary git folder of ours that borrows a repository's objects.

Git reads a repository's settings, and these can name programs: filters, hooks, watchers, pagers,
helpers. In the shadow stand our settings, a copy of the index and the commit that HEAD names.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from codex_py.host import gitfolder
from codex_py.host.gitfolder import Folder, GitFailed

if TYPE_CHECKING:
    from git.cmd import Git

SECONDS = 30.0
KEPT = re.compile(
    r"core\.(?:repositoryformatversion|filemode|ignorecase|symlinks|autocrlf|eol|precomposeunicode"
    r"|trustctime|checkstat|sparsecheckout|sparsecheckoutcone)|extensions\.objectformat"
)
"""Settings that say how files are stored. Their values are words; none can name a program."""
PLAIN = re.compile(r"[A-Za-z0-9]{0,20}")
OURS = """[core]
\tbare = false
\thooksPath = /dev/null
\tfsmonitor = false
\tuntrackedCache = false
\tpager = cat
\teditor = false
\tsshCommand = false
\taskPass = false
[diff]
\texternal =
[gc]
\tauto = 0
[protocol]
\tallow = never
"""


class Ask(Protocol):
    """Asks git one question: what it said, at most `limit` bytes, and whether that is all."""

    def __call__(
        self, words: Sequence[str], limit: int, *, good: Sequence[int] = (0,), given: str = ""
    ) -> tuple[str, bool]:
        """`given` is what git reads. Raises GitFailed when it ends with a number not in good."""


@contextlib.contextmanager
def shadowed(folder: Folder) -> Iterator[Ask]:
    """A git folder of our own, for a few questions; gives the function that asks them."""
    with tempfile.TemporaryDirectory(prefix="codex-py-git-") as made:
        shadow = Path(made)
        (shadow / "refs").mkdir()
        (shadow / "objects").mkdir()
        (shadow / "info").mkdir()
        value = gitfolder.head(folder)
        name = gitfolder.branch(folder) or "unknown"
        (shadow / "HEAD").write_text(f"{value}\n" if value else f"ref: refs/heads/{name}\n")
        (shadow / "config").write_text(OURS)
        _copy(folder.own / "index", shadow / "index")
        for shared in folder.own.glob("sharedindex.*"):
            _copy(shared, shadow / shared.name)
        for borrowed in ("exclude", "attributes"):
            _copy(folder.common / "info" / borrowed, shadow / "info" / borrowed)
        _copy(folder.own / "info" / "sparse-checkout", shadow / "info" / "sparse-checkout")
        _keep(folder, shadow)
        yield partial(_run, folder, shadow)


def _copy(source: Path, target: Path) -> None:
    """Copy a regular file with its times, by which git knows what it has not seen change."""
    try:
        if stat.S_ISREG(source.stat().st_mode):
            shutil.copy2(source, target)
    except FileNotFoundError:
        return
    except OSError as error:
        raise GitFailed(f"{source}: {error.strerror}") from error


def _keep(folder: Folder, shadow: Path) -> None:
    """Take over the settings that say how files are stored, and none of the others."""
    settings = gitfolder.text(folder.common / "config", 2**20)
    if not settings:
        return
    copy = shadow / "settings"
    copy.write_text(settings, encoding="utf-8", errors="surrogateescape")
    argv = ["config", "--file", str(copy), "--no-includes", "--list", "-z"]
    try:
        out, _ = _run(folder, shadow, argv, 2**20)
    except GitFailed:
        return
    kept = ["[core]\n"]
    for record in out.split("\0"):
        key, _, value = record.partition("\n")
        if KEPT.fullmatch(key) and PLAIN.fullmatch(value):
            section, _, name = key.partition(".")
            kept.append(f"[{section}]\n\t{name} = {value or 'true'}\n")
    with open(shadow / "config", "a", encoding="utf-8") as file:
        file.writelines(kept)


def _program(folder: Folder) -> str:
    """Git itself, which must not come out of the repository."""
    found = shutil.which("git")
    if found is None:
        raise GitFailed("git is not installed: install it to use this")
    real = os.path.realpath(found)
    inside = any(Path(each).is_relative_to(folder.root) for each in (found, real))
    if inside or not os.path.isabs(found):
        raise GitFailed(f"{found} lies in the repository, so it is not run")
    return found


def _environment(folder: Folder, shadow: Path) -> dict[str, str]:
    """Everything git may see; what the user or a repository put in ours is left behind."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(shadow),
        "XDG_CONFIG_HOME": str(shadow),
        "LC_ALL": "C",
        "GIT_DIR": str(shadow),
        "GIT_WORK_TREE": str(folder.root),
        "GIT_INDEX_FILE": str(shadow / "index"),
        "GIT_OBJECT_DIRECTORY": str(folder.common / "objects"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_PAGER": "cat",
        "GIT_EDITOR": "false",
    }


def _run(
    folder: Folder,
    shadow: Path,
    words: Sequence[str],
    limit: int,
    *,
    good: Sequence[int] = (0,),
    given: str = "",
) -> tuple[str, bool]:
    """Run git on the shadow: what it said, at most `limit` bytes, and whether that is all."""
    environment = _environment(folder, shadow)
    settings = [f"{name}={value}" for name, value in environment.items()]
    # GitPython adds to our own environment; only env -i leaves all of it behind.
    command = ["/usr/bin/env", "-i", *settings, _program(folder)]
    command += ["-c", f"core.excludesFile={_excludes()}", "--no-pager", *words]
    # A file and not a pipe: git may answer before it has read everything.
    (shadow / "given").write_text(given, encoding="utf-8", errors="surrogateescape")
    with open(shadow / "given", "rb") as stream:
        running = _gitpython()(str(folder.root)).execute(
            command, istream=stream, as_process=True, shell=False, start_new_session=True
        )
        out, code, said = _finish(running.proc, limit)
    if code not in good and len(out) <= limit:
        raise GitFailed(f"git {words[0]}: {said or f'it ended with {code}'}")
    return out[:limit].decode("utf-8", "surrogateescape"), len(out) <= limit


def _finish(process: Any, limit: int) -> tuple[bytes, int, str]:
    """Read what a process says until it ends, says more than limit, or takes too long."""
    first: list[bytes] = []
    drain = threading.Thread(target=_first_line, args=(process.stderr, first))
    watch = threading.Timer(SECONDS, process.kill)
    drain.start()
    watch.start()
    try:
        out: bytes = process.stdout.read(limit + 1)
        if len(out) > limit:
            process.kill()
        code: int = process.wait()
    finally:
        watch.cancel()
        drain.join()
        process.stdout.close()
        process.stderr.close()
    said = b"".join(first).decode("utf-8", "replace").strip()
    return out, code, f"it took more than {SECONDS:.0f} seconds" if code == -9 else said


def _first_line(stream: Any, first: list[bytes]) -> None:
    """Keep the first line; read on, or git would wait for room."""
    for line in stream:
        if not first:
            first.append(line)


def _gitpython() -> type[Git]:
    try:
        from git.cmd import Git  # late: costs a fifth of a second, and starts git
    except ImportError as error:
        raise GitFailed("git is not installed: install it to use this") from error
    return Git


def _excludes() -> str:
    """The user's own list of names to leave out, where git looks for it by itself."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(base, "git", "ignore")
