"""Where a repository's real folders are, accepted only when they point back at the work tree."""

from __future__ import annotations

import os

# What makes git run code or read its rules from elsewhere; the kind is what stands in if absent.
EXECUTES = (
    ("config", ""),
    ("config.worktree", ""),
    ("hooks", "folder"),
    ("info", "folder"),
    ("commondir", "dot"),
    ("gitdir", ""),
    ("modules", "folder"),
    ("worktrees", "folder"),
)
SKIPPED = frozenset(
    {"node_modules", ".venv", "venv", "__pycache__", ".tox", ".mypy_cache", "target", ".cache"}
)
MOST_FOLDERS = 4000


class Repo:
    """One repository: its work tree, private git folder and common git folder (often the same)."""

    __slots__ = ("common", "git", "pointer", "tree")

    def __init__(self, tree: str, git: str, common: str, pointer: bool) -> None:
        self.tree = tree
        self.git = git
        self.common = common
        self.pointer = pointer


def first_line(path: str) -> str:
    """The first line of a small file that is no link; empty when it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        return os.read(fd, 4096).split(b"\n")[0].decode("utf-8", "surrogateescape").strip()
    except OSError:
        return ""
    finally:
        os.close(fd)


def open_repo(tree: str) -> tuple[Repo | None, str]:
    """The repository whose work tree is `tree`, or None with the reason ("" if there is none)."""
    dot = f"{tree}/.git"
    if os.path.islink(dot):
        return None, f"{dot} is a link; git is read-only there"
    if os.path.isdir(dot):
        if os.path.exists(f"{dot}/commondir") and first_line(f"{dot}/commondir") != ".":
            return None, f"{dot}/commondir redirects git; git is read-only there"
        return Repo(tree, dot, dot, False), ""
    line = first_line(dot)
    if not line:
        return None, ""
    if not line.startswith("gitdir: "):
        return None, f"{dot} is not a git pointer"
    git = os.path.realpath(os.path.join(tree, line[8:]))
    common = os.path.realpath(os.path.join(git, first_line(f"{git}/commondir") or "."))
    back = first_line(f"{git}/gitdir")
    if back and os.path.dirname(git) == f"{common}/worktrees":
        if os.path.realpath(os.path.join(git, back)) == dot:
            return Repo(tree, git, common, True), ""
    elif common == git and _submodule_tree(git) == tree:
        return Repo(tree, git, git, True), ""
    return None, f"{git} does not point back at {tree}; git is read-only there"


def _submodule_tree(git: str) -> str:
    for section, _, key, value in config_entries(f"{git}/config"):
        if section == "core" and key == "worktree":
            return os.path.realpath(os.path.join(git, value))
    return ""


def config_entries(path: str) -> list[tuple[str, str, str, str]]:
    """(section, subsection, key, value) of a git config file; lower-case section and key."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return []
    try:
        text = os.read(fd, 1 << 20).decode("utf-8", "surrogateescape")
    except OSError:
        return []
    finally:
        os.close(fd)
    out: list[tuple[str, str, str, str]] = []
    section = sub = ""
    for raw in text.replace("\\\n", "").split("\n"):
        line = raw.strip()
        while line.startswith("["):
            head, closed, line = _header(line)
            if not closed:
                break
            section, sub = head
            line = line.strip()
        if not line or line[0] in "#;[":
            continue
        key, _, value = line.partition("=")
        out.append((section, sub, key.strip().lower(), _value(value.strip())))
    return out


def _header(line: str) -> tuple[tuple[str, str], bool, str]:
    quoted = False
    for at, letter in enumerate(line):
        if letter == '"' and line[at - 1] != "\\":
            quoted = not quoted
        elif letter == "]" and not quoted:
            name, _, sub = line[1:at].strip().partition(" ")
            if not sub and "." in name:
                name, _, sub = name.partition(".")
            return (name.lower(), sub.strip().strip('"')), True, line[at + 1 :]
    return ("", ""), False, ""


def _value(text: str) -> str:
    out: list[str] = []
    quoted = False
    for letter in text:
        if letter == '"':
            quoted = not quoted
        elif letter in "#;" and not quoted:
            break
        else:
            out.append(letter)
    return "".join(out).strip()


def named_paths(repo: Repo) -> list[str]:
    """Files and folders that the repository's config takes rules or hooks from."""
    out: list[str] = []
    for path in {f"{repo.common}/config", f"{repo.git}/config.worktree"}:
        for section, _, key, value in config_entries(path):
            if section == "core" and key == "hookspath":
                out.append(os.path.normpath(os.path.join(repo.tree, _home(value))))
            elif section in ("include", "includeif") and key == "path":
                out.append(os.path.normpath(os.path.join(os.path.dirname(path), _home(value))))
    return out


def _home(value: str) -> str:
    return os.path.expanduser(value) if value.startswith("~") else value


def find_trees(root: str) -> list[str]:
    """Folders at or below `root` that hold a `.git`, nearest first; a bounded look."""
    out: list[str] = []
    queue = [root]
    for seen, folder in enumerate(queue):
        if seen >= MOST_FOLDERS:
            break
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name == ".git":
                        out.append(folder)
                    elif entry.name not in SKIPPED and entry.is_dir(follow_symlinks=False):
                        queue.append(entry.path)
        except OSError:
            continue
    return out


def enclosing(root: str) -> str:
    """The nearest folder above `root` with a `.git` of our own user; empty if there is none."""
    folder = os.path.dirname(root)
    while len(folder) > 1:
        try:
            if os.lstat(f"{folder}/.git").st_uid == os.geteuid():
                return folder
        except OSError:
            pass
        folder = os.path.dirname(folder)
    return ""
