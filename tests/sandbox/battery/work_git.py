"""Ordinary work with git: reading, committing, branches, worktrees, submodules, clones."""

from __future__ import annotations

from pathlib import Path

from tests.sandbox.battery.model import Options, must_work, should_work
from tests.sandbox.battery.stage import Stage


def repository(s: Stage, where: Path | None = None) -> Path:
    """A repository with two commits, a tag and a changed file, made on the host."""
    s.need("git")
    place = where or s.ws
    place.mkdir(exist_ok=True, parents=True)
    s.git("init", "-q", cwd=place)
    (place / "f.txt").write_text("one\n")
    s.git("add", "-A", cwd=place)
    s.git("commit", "-qm", "first", cwd=place)
    (place / "f.txt").write_text("two\n")
    s.git("commit", "-qam", "second", cwd=place)
    s.git("tag", "v1", cwd=place)
    (place / "f.txt").write_text("three\n")
    return place


def worktree(s: Stage) -> Path:
    """The workspace as a linked worktree of a repository outside; returns the main repository."""
    main = repository(s, s.base / "main")
    s.ws.rmdir()
    s.git("worktree", "add", "-q", str(s.ws), "-b", "side", cwd=main)
    return main


def commits(s: Stage, where: Path, ref: str = "HEAD") -> list[str]:
    """The subjects of a branch, newest first, read on the host."""
    return s.git("log", "--format=%s", ref, cwd=where).stdout.split()


@must_work("w34-git-read", "git status, diff, log, show, blame, grep, ls-files")
def w34(s: Stage) -> bool:
    repository(s)
    ran = s.sh(
        "git status --short && git diff | grep -c ^+three && git log --format=%s && git show -s"
        " --format=%s v1 && git blame -s f.txt | wc -l && git grep -c t && git ls-files && git fsck"
    )
    return ran.text == " M f.txt\n1\nsecond\nfirst\nsecond\n1\nf.txt:1\nf.txt\n" and ran.code == 0


@must_work("w35-git-read-worktree", "git status, diff and log in a linked worktree")
def w35(s: Stage) -> bool:
    worktree(s)
    ran = s.sh(
        "echo x > new && git status --short && git log --format=%s | head -1 && git branch --show-current"
    )
    return ran.text == "?? new\nsecond\nside\n"


@should_work("w36-git-commit", "git add and commit in the workspace repository itself")
def w36(s: Stage) -> bool:
    repository(s)
    s.sh("echo n > new && git add -A && git commit -qm third")
    return commits(s, s.ws) == ["third", "second", "first"] and not s.git("status", "-s").stdout


@should_work("w37-git-branch", "git checkout -b, stash, tag, merge, rebase, reset in the workspace")
def w37(s: Stage) -> bool:
    repository(s)
    ran = s.sh(
        "set -e; git stash -q; git checkout -qb topic; echo t > t; git add t; git commit -qm topic;"
        "git tag v2; git checkout -q main; echo m > m; git add m; git commit -qm mainly;"
        "git checkout -q topic; git rebase -q main; git checkout -q main; git merge -q topic;"
        "git stash pop -q; git branch -d topic; git gc -q; git reset -q --hard HEAD~1"
    )
    return ran.code == 0 and commits(s, s.ws)[0] == "mainly" and "v2" in s.git("tag").stdout


@should_work("w38-git-init", "git init and commit in a new folder of /tmp, as test suites do")
def w38(s: Stage) -> bool:
    s.need("git")
    ran = s.sh(
        "d=$(mktemp -d) && cd $d && git init -q . && echo x > a && git add a && git commit -qm t"
        " && git config user.nick me && git log --format=%s && rm -rf $d"
    )
    return ran.text == "t\n"


@should_work("w39-wt-commit", "git add, commit and stash inside a linked worktree")
def w39(s: Stage) -> bool:
    main = worktree(s)
    ran = s.sh(
        "set -e; echo n > new; git add -A; git commit -qm third; echo more >> new; git stash -q;"
        "git stash pop -q; git checkout -qb side2"
    )
    return ran.code == 0 and commits(s, main, "side")[0] == "third"


@should_work("w44-git-clone", "git clone of the workspace into /tmp, and fetch from it")
def w44(s: Stage) -> bool:
    repository(s)
    ran = s.sh(
        "d=$(mktemp -d) && git clone -q . $d/c && git -C $d/c log --format=%s && git -C $d/c fetch -q && rm -rf $d"
    )
    return ran.text == "second\nfirst\n"


@should_work("w67-git-sub", "commit in a folder below the root, with the command started there")
def w67(s: Stage) -> bool:
    repository(s)
    below = s.ws / "pkg/sub"
    below.mkdir(parents=True)
    s.sh("echo n > new && git add new && git commit -qm third", Options(cwd=below))
    return commits(s, s.ws)[0] == "third"


@should_work("w68-git-no-trace", "the battery of commands leaves no stray files in git status")
def w68(s: Stage) -> bool:
    repository(s)
    before = s.git("status", "--short", "--ignored").stdout
    s.sh("git status > /dev/null; ls > /dev/null")
    return s.git("status", "--short", "--ignored").stdout == before


@should_work("w69-git-nested", "git status and commit in a repository nested in the workspace")
def w69(s: Stage) -> bool:
    nested = repository(s, s.ws / "vendor/lib")
    s.sh("cd vendor/lib && git add -A && git commit -qm third")
    return commits(s, nested)[0] == "third"
