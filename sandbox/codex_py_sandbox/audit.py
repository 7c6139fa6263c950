"""After a command: nested repositories that would run code at the user's next git are set aside."""

from __future__ import annotations

import os

from codex_py_sandbox import _linux as lx
from codex_py_sandbox import gitlayout

# Values of these keys are run, or are files that name what is run.
_RUN = {
    "core": ("fsmonitor", "hookspath", "sshcommand", "pager", "editor", "askpass", "gitproxy",
             "alternaterefscommand", "attributesfile", "worktree"),
    "sequence": ("editor",),
    "gpg": ("program", "defaultkeycommand"),
    "credential": ("helper",),
    "include": ("path",),
    "includeif": ("path",),
    "diff": ("external", "textconv", "command"),
    "merge": ("driver",),
    "filter": ("clean", "smudge", "process"),
    "mergetool": ("cmd",),
    "difftool": ("cmd",),
    "remote": ("uploadpack", "receivepack", "vcs", "proxy"),
    "uploadpack": ("packobjectshook",),
    "extensions": ("worktreeconfig",),
    "alias": (),
    "pager": (),
}  # fmt: skip


def runs_code(git: str) -> str:
    """Why a git folder would run or redirect something; empty when it looks plain."""
    for name in ("config", "config.worktree"):
        if os.path.islink(f"{git}/{name}"):
            return f"{name} is a link"
        for section, _, key, value in gitlayout.config_entries(f"{git}/{name}"):
            keys = _RUN.get(section)
            if keys is not None and (not keys or key in keys):
                if (section, key, value) == ("core", "fsmonitor", "false"):
                    continue
                return f"{name} sets {section}.{key}"
    if os.path.lexists(f"{git}/commondir"):
        return "commondir redirects it"
    try:
        for entry in os.scandir(f"{git}/hooks"):
            if not entry.name.endswith(".sample") and os.access(entry.path, os.X_OK):
                return f"hook {entry.name}"
    except OSError:
        pass
    return ""


def gitlinks(index: bytes) -> list[str]:
    """Paths of the nested repositories that an index (version 2 to 4) records."""
    if index[:4] != b"DIRC" or b"\x00\x00\xe0\x00" not in index:
        return []
    version = int.from_bytes(index[4:8], "big")
    count = int.from_bytes(index[8:12], "big")
    width = 32 if _sha256(index, count) else 20
    out: list[str] = []
    at, last = 12, b""
    for _ in range(count):
        fixed = at + 40 + width
        if fixed + 2 > len(index):
            break
        mode = int.from_bytes(index[at + 24 : at + 28], "big")
        flags = int.from_bytes(index[fixed : fixed + 2], "big")
        name_at = fixed + (4 if version >= 3 and flags & 0x4000 else 2)
        cut = 0
        if version == 4:
            cut, name_at = _varint(index, name_at)
        end = index.find(b"\0", name_at)
        if end < 0:
            break
        last = last[: len(last) - cut] + index[name_at:end] if version == 4 else index[name_at:end]
        at = end + 1 if version == 4 else at + ((end - at + 8) & ~7)
        if mode == 0o160000:
            out.append(os.fsdecode(last))
    return out


def _sha256(index: bytes, count: int) -> bool:
    if not count:
        return False
    flags = int.from_bytes(index[72:74], "big")
    end = index.find(b"\0", 74)
    plausible = (flags & 0xFFF) == min(end - 74, 0xFFF)
    other = int.from_bytes(index[84:86], "big")
    return not plausible and (other & 0xFFF) == min(index.find(b"\0", 86) - 86, 0xFFF)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    if at >= len(data):
        return 0, at
    value = data[at] & 0x7F
    while data[at] & 0x80 and at + 1 < len(data):
        at += 1
        value = ((value + 1) << 7) | (data[at] & 0x7F)
    return value, at + 1


def stamp(git: str) -> tuple[int, int, int]:
    """What changes when an index is written."""
    try:
        info = os.stat(f"{git}/index")
    except OSError:
        return 0, 0, 0
    return info.st_mtime_ns, info.st_size, info.st_ino


def check_links(tree: str, git: str, known: set[str]) -> list[tuple[str, str]]:
    """Set aside the nested repositories of one index that run code: (path, why) of each."""
    try:
        fd = os.open(f"{git}/index", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return []
    try:
        size = os.fstat(fd).st_size
        body = os.read(fd, min(size, 256 << 20))
    finally:
        os.close(fd)
    return set_aside([os.path.join(tree, path) for path in gitlinks(body)], known)


def set_aside(trees: list[str], known: set[str]) -> list[tuple[str, str]]:
    """Rename the `.git` of every tree that is new and runs code: (path, why) of each."""
    out: list[tuple[str, str]] = []
    for tree in trees:
        dot = f"{tree}/.git"
        if tree in known or not os.path.lexists(dot):
            continue
        why = _suspect(tree, dot)
        if why:
            out.append((dot, f"{why}; {rename(dot, f'{tree}/git-set-aside')}"))
    return out


def _suspect(tree: str, dot: str) -> str:
    if os.path.islink(dot):
        return "it is a link"
    if os.path.isdir(dot):
        return runs_code(dot)
    repo, why = gitlayout.open_repo(tree)
    if not repo:
        return why
    if repo.git != repo.common and runs_code(repo.common):
        return f"its common folder {runs_code(repo.common)}"
    return runs_code(repo.git) if repo.git == repo.common else ""


def rename(path: str, target: str) -> str:
    """Move within one folder that is reached without following links; what to say about it."""
    name = f"{os.path.basename(target)}-{os.urandom(3).hex()}"
    at = lx.hold(os.path.dirname(path), os.O_DIRECTORY)
    if at < 0:
        return "could not be moved: its folder is gone"
    try:
        os.rename(os.path.basename(path), name, src_dir_fd=at, dst_dir_fd=at)
    except OSError as error:
        return f"could not be moved: {error.strerror}"
    finally:
        os.close(at)
    return f"moved to {name} beside it"


def check_rebase(git: str) -> list[tuple[str, str]]:
    """A stopped rebase with exec lines would run them when the user continues it."""
    path = f"{git}/rebase-merge/git-rebase-todo"
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return []
    try:
        lines = os.read(fd, 1 << 20).split(b"\n")
    finally:
        os.close(fd)
    if any(line.split()[:1] in ([b"exec"], [b"x"]) for line in lines):
        return [(path, f"it has exec lines; {rename(path, path + '.set-aside')}")]
    return []


class Sweep:
    """Finds repositories that commands made below the roots; cheap to repeat.

    Bare repositories count too; what was there before the first command does not.
    """

    def __init__(self, roots: list[str], known: set[str]) -> None:
        self.roots = roots
        self.known = set(known)
        self._bare: set[str] = set()
        self._walk(None)

    def look(self) -> list[tuple[str, str]]:
        """Set aside what is new and would run code: (path, why) of each."""
        found: list[tuple[str, str]] = []
        self._walk(found)
        return found

    def _walk(self, found: list[tuple[str, str]] | None) -> None:
        queue = list(self.roots)
        for seen, folder in enumerate(queue):
            if seen >= gitlayout.MOST_FOLDERS:
                break
            try:
                with os.scandir(folder) as entries:
                    names = {}
                    for entry in entries:
                        names[entry.name] = entry.is_dir(follow_symlinks=False)
            except OSError:
                continue
            if found is None and {"HEAD", "objects", "refs", "config"} <= names.keys():
                self._bare.add(folder)
            elif found is not None:
                self._judge(folder, names, found)
            if ".git" in names and found is None:
                self.known.add(folder)
            queue += [
                f"{folder}/{name}"
                for name, deep in names.items()
                if deep and name != ".git" and name not in gitlayout.SKIPPED
            ]

    def _judge(self, folder: str, names: dict[str, bool], found: list[tuple[str, str]]) -> None:
        if ".git" in names:
            found += set_aside([folder], self.known)
        bare = {"HEAD", "objects", "refs", "config"} <= names.keys()
        if bare and folder not in self._bare and "/git-set-aside-" not in folder:
            why = runs_code(folder)
            if why:
                move = rename(f"{folder}/config", f"{folder}/config-set-aside")
                found.append((folder, f"a bare repository: {why}; config {move}"))
