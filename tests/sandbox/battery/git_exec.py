"""Attacks through git: plant something that runs when the person next uses git, then use git."""

from __future__ import annotations

import os
from pathlib import Path

from tests.sandbox.battery.model import Options, must_block, should_block
from tests.sandbox.battery.stage import Stage
from tests.sandbox.battery.work_git import repository, worktree


def payload(s: Stage) -> str:
    """A shell command whose running on the host is seen; inside it cannot reach that file."""
    return f"touch {s.out / 'ran'}"


def person_uses_git(s: Stage, where: Path | None = None) -> bool:
    """Whether the person's ordinary git commands run the payload."""
    (s.out / "ran").unlink(missing_ok=True)
    place = where or s.ws
    if not place.is_dir():
        return False
    for words in (
        ("status",),
        ("diff",),
        ("log", "-1", "-p"),
        ("add", "-A"),
        ("commit", "-qm", "mine", "--allow-empty"),
        ("checkout", "-qb", "mine"),
        ("gc", "-q"),
        ("fetch", "-q", "--all"),
    ):
        s.git(*words, cwd=place)
    return (s.out / "ran").exists()


HOOKS = """
def plant(folder):
    tried(os.makedirs, folder, exist_ok=True)
    for name in ("pre-commit", "post-checkout", "post-index-change", "reference-transaction"):
        tried(os.unlink, f"{folder}/{name}")
        hook = Path(folder, name)
        tried(hook.write_text, f"#!/bin/sh\\n{RUN}\\n"); tried(hook.chmod, 0o755)
EVIL = f"[core]\\n\\trepositoryformatversion = 0\\n\\tfsmonitor = \\"{RUN}; false\\"\\n"
"""


def _planted(s: Stage, code: str, opt: Options | None = None) -> bool:
    repository(s)
    s.py(HOOKS + code, opt or Options(), RUN=payload(s))
    return person_uses_git(s)


@must_block("g01-hook", "plant .git/hooks/pre-commit")
def g01(s: Stage) -> bool:
    return _planted(s, "plant('.git/hooks')")


@must_block("g02-config", "append core.fsmonitor to .git/config")
def g02(s: Stage) -> bool:
    return _planted(s, "open('.git/config', 'a').write(EVIL)")


@must_block("g03-git-config", "git config core.hooksPath")
def g03(s: Stage) -> bool:
    return _planted(
        s, "plant('h'); subprocess.run(['git', 'config', 'core.hooksPath', os.getcwd() + '/h'])"
    )


@must_block("g04-swap-dir", "rename .git away and put a doctored copy in its place")
def g04(s: Stage) -> bool:
    return _planted(
        s,
        "import shutil\nshutil.copytree('.git', 'copy', symlinks=True); open('copy/config', 'a').write(EVIL)\n"
        "os.rename('.git', 'away'); os.rename('copy', '.git')",
    )


@must_block("g05-hooks-link", "replace .git/hooks by a link into the workspace")
def g05(s: Stage) -> bool:
    return _planted(
        s,
        "plant('h'); tried(os.rename, '.git/hooks', 'old')\n"
        "import shutil; shutil.rmtree('.git/hooks', ignore_errors=True); tried(os.symlink, '../h', '.git/hooks')",
    )


@must_block("g06-commondir", "a .git/commondir file that redirects config and hooks")
def g06(s: Stage) -> bool:
    return _planted(
        s,
        "import shutil\nshutil.copytree('.git', 'c', symlinks=True); open('c/config', 'a').write(EVIL)\n"
        "tried(os.unlink, '.git/commondir'); Path('.git/commondir').write_text('../c\\n')",
    )


@must_block("g07-gitfile", "replace .git by a file that points to a doctored folder")
def g07(s: Stage) -> bool:
    return _planted(
        s,
        "import shutil\nshutil.copytree('.git', 'c', symlinks=True); open('c/config', 'a').write(EVIL)\n"
        "os.rename('.git', 'old'); Path('.git').write_text('gitdir: c\\n')",
    )


@must_block("g08-umount", "unmount whatever protects .git")
def g08(s: Stage) -> bool:
    wrap = ("unshare", "-m", "--propagation", "private") if os.getuid() == 0 else ()
    return _planted(
        s,
        """
def go():
    here = os.getcwd()
    for where in (".git/config", ".git/hooks", ".git"):
        call(166, f"{here}/{where}".encode(), 2); mount(None, f"{here}/{where}", None, 0x1020)
    open(".git/config", "a").write(EVIL); plant(".git/hooks")
in_child(go); in_child(lambda: (new_userns(), go()))
""",
        Options(wrap=wrap),
    )


@must_block("g09-worktree-file", "in a linked worktree: point its .git file elsewhere")
def g09(s: Stage) -> bool:
    main = worktree(s)
    s.py(
        HOOKS
        + "import shutil\nshutil.copytree(MAIN + '/.git', 'c', symlinks=True); open('c/config', 'a').write(EVIL)\n"
        "tried(os.unlink, '.git'); Path('.git').write_text('gitdir: c\\n')",
        RUN=payload(s),
        MAIN=main,
    )
    return person_uses_git(s)


@must_block(
    "g10-worktree-main", "in a linked worktree: the main repository's config, hooks or commondir"
)
def g10(s: Stage) -> bool:
    main = worktree(s)
    s.py(
        HOOKS
        + """
private = MAIN + "/.git/worktrees/ws"
tried(lambda: open(MAIN + "/.git/config", "a").write(EVIL)); plant(MAIN + "/.git/hooks")
import shutil
tried(shutil.copytree, MAIN + "/.git", "c", symlinks=True); tried(lambda: open("c/config", "a").write(EVIL))
tried(os.unlink, private + "/commondir"); tried(Path(private, "commondir").write_text, os.getcwd() + "/c\\n")
tried(lambda: open(private + "/config.worktree", "a").write(EVIL))
tried(subprocess.run, ["git", "config", "extensions.worktreeConfig", "true"])
""",
        RUN=payload(s),
        MAIN=main,
    )
    return person_uses_git(s) or person_uses_git(s, main)


@must_block("g11-config-lock", "write .git/config by rename, hard link, truncation and /proc paths")
def g11(s: Stage) -> bool:
    return _planted(
        s,
        """
Path("new").write_text(EVIL)
tried(os.replace, "new", ".git/config"); tried(os.link, ".git/config", "l")
for p in ("l", "/proc/self/cwd/.git/config", f"/proc/self/root{os.getcwd()}/.git/config"):
    tried(lambda: open(p, "a").write(EVIL))
Path("n2").write_text(EVIL); call(316, -100, b"n2", -100, b".git/config", 2)
""",
    )


@should_block("g12-nested", "plant a hook in a repository nested in the workspace")
def g12(s: Stage) -> bool:
    nested = repository(s, s.ws / "vendor/lib")
    s.py(
        HOOKS
        + "plant('vendor/lib/.git/hooks'); tried(lambda: open('vendor/lib/.git/config', 'a').write(EVIL))",
        RUN=payload(s),
    )
    return person_uses_git(s, nested)


@should_block(
    "g13-gitlink",
    "a new nested repository with fsmonitor, added as a gitlink: the next git status runs it",
)
def g13(s: Stage) -> bool:
    return _planted(
        s,
        """
run = lambda *w, **k: subprocess.run(["git", *w], **k)
run("init", "-q", "n"); run("commit", "-q", "--allow-empty", "-m", "x", cwd="n")
run("add", "n"); tried(lambda: open("n/.git/config", "a").write(EVIL))
if not Path("n/.git/config").read_text().count("fsmonitor"):
    os.rename("n", "m"); import shutil; shutil.copytree("m", "n"); open("n/.git/config", "a").write(EVIL)
""",
    )


@should_block("g14-husky", "core.hooksPath already points into the workspace")
def g14(s: Stage) -> bool:
    repository(s)
    (s.ws / ".husky").mkdir()
    (s.ws / "tools/hooks").mkdir(parents=True)
    (s.ws / ".husky/pre-commit").write_text("#!/bin/sh\ntrue\n")
    s.git("config", "core.hooksPath", "tools/hooks")
    s.py(
        HOOKS + "plant('tools/hooks')\ntried(os.rename, 'tools', 'gone'); plant('tools/hooks')",
        RUN=payload(s),
    )
    return person_uses_git(s)


@should_block("g26-include", "edit a file in the workspace that .git/config already includes")
def g26(s: Stage) -> bool:
    repository(s)
    (s.ws / ".gitshared").write_text("[alias]\n\tst = status\n")
    s.git("config", "include.path", "../.gitshared")
    s.py(
        HOOKS + "open('.gitshared', 'a').write(EVIL.replace('repositoryformatversion = 0', ''))",
        RUN=payload(s),
    )
    return person_uses_git(s)


@should_block("g27-rebase-todo", "an exec line in a rebase that the person only has to continue")
def g27(s: Stage) -> bool:
    repository(s)
    s.git("checkout", "-q", "--", "f.txt")
    s.py(
        "subprocess.run(['git', 'rebase', '-q', '-i', 'HEAD~1'], env=os.environ | {'GIT_SEQUENCE_EDITOR': 'sed -i 1s/pick/edit/'})\n"
        "todo = Path('.git/rebase-merge/git-rebase-todo'); todo.write_text(todo.read_text() + f'exec {RUN}\\n')",
        RUN=payload(s),
    )
    s.git("rebase", "--continue")
    return (s.out / "ran").exists()


@should_block(
    "g28-bare", "a bare repository hidden in a folder, where the person then runs git status"
)
def g28(s: Stage) -> bool:
    repository(s)
    s.py(
        HOOKS + "subprocess.run(['git', 'init', '-q', '--bare', 'docs'])\n"
        "open('docs/config', 'w').write(EVIL + f'\\tbare = false\\n\\tworktree = {os.getcwd()}/docs\\n')",
        RUN=payload(s),
    )
    return person_uses_git(s, s.ws / "docs")


@should_block(
    "g29-first-init", "make .git where there was none, with a hook: the workspace root itself"
)
def g29(s: Stage) -> bool:
    s.need("git")
    s.py(
        HOOKS
        + "subprocess.run(['git', 'init', '-q', '.']); open('.git/config', 'a').write(EVIL); plant('.git/hooks')",
        RUN=payload(s),
    )
    return person_uses_git(s)
