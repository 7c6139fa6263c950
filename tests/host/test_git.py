"""Git is asked without a repository's programs ever running, and its answers are true."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from codex_py.host import git

HOOKS = """applypatch-msg pre-applypatch post-applypatch pre-commit pre-merge-commit
prepare-commit-msg commit-msg post-commit pre-rebase post-checkout post-merge pre-push pre-receive
update proc-receive post-receive post-update reference-transaction push-to-checkout pre-auto-gc
post-rewrite sendemail-validate fsmonitor-watchman p4-changelist p4-prepare-changelist
p4-post-changelist p4-pre-submit post-index-change""".split()
FILTERS = [
    "plain",
    "dotted.name",
    'quo"te',
    "back\\slash",
    "UPPER",
    "semi;colon",
    "do$llar",
    "-dash",
]


def run(where: Path, *words: str, env: dict[str, str] | None = None) -> str:
    """Git as a careful person runs it, to set a scene."""
    calm = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]
    calm += ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    done = subprocess.run(
        ["git", *calm, *words], cwd=where, capture_output=True, text=True, check=True, env=env
    )
    return done.stdout


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with two commits' worth of files."""
    made = tmp_path / "repo"
    made.mkdir()
    run(made, "init", "-q", "-b", "main")
    (made / "a.txt").write_text("one\n")
    (made / "b.txt").write_text("two\n")
    (made / ".gitignore").write_text("*.log\nbuild/\n")
    run(made, "add", ".")
    run(made, "commit", "-q", "-m", "first")
    return made


WHO = ("AUTHOR", "COMMITTER")


class Trap:
    """A repository in which everything that can name a program names ours."""

    def __init__(self, tmp_path: Path, repo: Path) -> None:
        self.repo = repo
        self.marks = tmp_path / "marks"
        self.marks.mkdir()
        self.plants = tmp_path / "plants"
        self.plants.mkdir()

    @property
    def sprung(self) -> set[str]:
        """Every program that ran."""
        return {mark.name for mark in self.marks.iterdir()}

    def program(self, name: str) -> str:
        """A program that leaves a mark when it runs."""
        made = self.plants / name
        passes = "exec cat" if name.startswith("filter-") else '[ -z "$1" ] || exec cat "$1"'
        made.write_text(f'#!/bin/sh\n: > "{self.marks}/{name}"\n{passes}\n')
        made.chmod(0o755)
        return str(made)

    def config(self) -> str:
        """Settings that name programs wherever git takes any."""
        lines = []
        for section, names in {
            "core": "fsmonitor editor pager sshCommand askPass gitProxy alternateRefsCommand",
            "diff": "external",
            "sequence": "editor",
            "credential": "helper",
            "gpg": "program",
            "interactive": "diffFilter",
            "uploadpack": "packObjectsHook",
            "pager": "status diff log",
            "man": "viewer",
            "browser": "cmd",
        }.items():
            lines.append(f"[{section}]")
            lines += [f"\t{name} = {self.program(f'{section}.{name}')}" for name in names.split()]
        lines += ['[diff "evil"]', f"\tcommand = {self.program('diff-command')}"]
        lines += [f"\ttextconv = {self.program('textconv')}", "[alias]"]
        lines += [f"\t{name} = !{self.program('alias')}" for name in ("status", "st", "diff")]
        lines += ['[merge "evil"]', f"\tdriver = {self.program('merge-driver')}"]
        lines += ['[submodule "sub"]', f"\tupdate = !{self.program('submodule')}", "\turl = ./sub"]
        lines += [
            '[remote "origin"]',
            "\turl = ext::sh -c x",
            f"\tuploadpack = {self.program('up')}",
        ]
        lines += ["[protocol]", "\tallow = always", "[diff]", "\tignoreSubmodules = none"]
        lines += ["[core]", f"\thooksPath = {self.marks.parent}/hooks", "[status]"]
        lines += ["\tsubmoduleSummary = true", "[commit]", "\tgpgSign = true"]
        for name in FILTERS:
            quoted = name.replace("\\", "\\\\").replace('"', '\\"')
            lines += [f'[filter "{quoted}"]', "\trequired = true"]
            lines += [
                f"\t{kind} = {self.program('filter-' + kind)}" for kind in ("clean", "smudge")
            ]
        lines += ['[filter "spoken"]', f"\tprocess = {self.program('filter-process')}"]
        return "\n".join(lines) + "\n"

    def hooks(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name in HOOKS:
            (folder / name).write_text(f'#!/bin/sh\n: > "{self.marks}/hook-{name}"\n')
            (folder / name).chmod(0o755)

    def lay(self) -> None:
        """Plant everything, and change files so that git has something to look at."""
        own = self.repo / ".git"
        rules = ["*.txt diff=evil merge=evil"]
        for number, name in enumerate([*FILTERS, "spoken"]):
            (self.repo / f"f{number}.dat").write_text("x\n")
            rules.append(f"f{number}.dat filter={name}")
        self.nested("sub")
        run(self.repo, "add", ".")
        run(self.repo, "commit", "-q", "-m", "second")
        self.nested("unknown")
        (self.repo / ".gitattributes").write_text("\n".join(rules) + "\n")
        (own / "info" / "attributes").write_text("\n".join(rules) + "\n")
        included = self.repo / "included.cfg"
        included.write_text(f"[core]\n\tfsmonitor = {self.program('included')}\n")
        config = self.config()
        config += "[include]\n\tpath = ../included.cfg\n"
        config += f'[includeIf "gitdir:{self.repo}/"]\n\tpath = {included}\n'
        with open(own / "config", "a") as file:
            file.write("[extensions]\n\tworktreeConfig = true\n" + config)
        (own / "config.worktree").write_text(config)
        self.hooks(own / "hooks")
        self.hooks(self.marks.parent / "hooks")
        for file in [*self.repo.glob("*.dat"), *self.repo.glob("*.txt")]:
            before = file.stat()
            file.write_text(file.read_text().replace("x", "y").replace("one", "ONE"))
            os.utime(file, (before.st_atime + 9, before.st_mtime + 9))
        (self.repo / "new.txt").write_text("new\n")

    def nested(self, name: str) -> None:
        """A repository inside the repository, with traps of its own."""
        inner = self.repo / name
        inner.mkdir()
        run(inner, "init", "-q")
        (inner / "x.dat").write_text("x\n")
        run(inner, "add", ".")
        run(inner, "commit", "-q", "-m", "inner")
        with open(inner / ".git" / "config", "a") as file:
            file.write(f"[core]\n\tfsmonitor = {self.program('nested-' + name)}\n")
        self.hooks(inner / ".git" / "hooks")
        (inner / "x.dat").write_text("changed\n")

    def environment(self) -> dict[str, str]:
        """An environment that names programs too."""
        named = "EDITOR EXTERNAL_DIFF PAGER SSH_COMMAND SSH ASKPASS PROXY_COMMAND SEQUENCE_EDITOR"
        found = {f"GIT_{name}": self.program(f"env-{name}") for name in named.split()}
        return {
            **os.environ,
            **found,
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "core.fsmonitor",
            "GIT_CONFIG_VALUE_0": self.program("env-config"),
            "GIT_CONFIG_PARAMETERS": f"'core.fsmonitor={self.program('env-parameters')}'",
            "GIT_TEMPLATE_DIR": str(self.repo),
        }


OURS = """
import sys
from codex_py.host import git
path = sys.argv[1]
git.find_root(path), git.is_repository(path), git.branch(path), git.head(path)
found = git.status(path)
print(*sorted(change.path for change in found.changed))
print(*sorted(found.untracked))
unstaged, staged = git.diff(path), git.diff(path, staged=True)
print("+ONE" in unstaged.text, len(staged.text))
print(git.ignored(path, ["a.log", "a.txt", "sub/x", "new.txt", "../x", "unknown/y"]))
"""
ORDINARY = """
import sys, git
repo = git.Repo(sys.argv[1])
def quietly(call, *words, **more):
    try:
        call(*words, **more)
    except (git.GitError, OSError, ValueError):
        pass
quietly(repo.is_dirty, untracked_files=True)
quietly(repo.git.status)
quietly(repo.git.diff)
quietly(repo.git.log, "-p")
quietly(repo.index.diff, None)
quietly(repo.git.st)
quietly(repo.git.add, ".")
quietly(repo.git.update_ref, "refs/heads/other", "HEAD")
quietly(repo.git.commit, "-m", "x")
quietly(repo.git.commit, "-m", "x", "--no-gpg-sign")
quietly(repo.git.commit, "--amend", "--no-gpg-sign")
quietly(repo.git.checkout, "--", ".")
quietly(repo.git.checkout, "-f", "HEAD~1")
quietly(repo.git.submodule, "update", "--init")
quietly(repo.git.fetch, "git@example.invalid:x")
quietly(repo.git.fetch, ".")
"""


def python(script: str, where: Path, env: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, str(where)],
        cwd=where,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(params=["plain", "environment", "pointer", "linked"])
def trapped(
    request: pytest.FixtureRequest, tmp_path: Path, repo: Path
) -> tuple[Trap, dict[str, str]]:
    """A repository full of traps, kept in one of the ways that git allows."""
    trap = Trap(tmp_path, repo)
    trap.lay()
    if request.param == "pointer":
        doctored = tmp_path / "doctored"
        (repo / ".git").rename(doctored)
        (repo / ".git").write_text(f"gitdir: {doctored}\n")
    if request.param == "linked":
        run(repo, "worktree", "prune")
        linked = repo / ".git" / "worktrees" / "w"
        linked.mkdir(parents=True)
        for name in ("HEAD", "index", "config.worktree"):
            shutil.copy2(repo / ".git" / name, linked / name)
        (linked / "commondir").write_text("../..\n")
        (linked / "gitdir").write_text(f"{tmp_path}/tree/.git\n")
        shutil.copytree(repo, tmp_path / "tree", ignore=shutil.ignore_patterns(".git"))
        (tmp_path / "tree" / ".git").write_text(f"gitdir: {linked}\n")
        trap.repo = tmp_path / "tree"
    env = trap.environment() if request.param == "environment" else dict(os.environ)
    return trap, env


def test_no_trap_springs(trapped: tuple[Trap, dict[str, str]]) -> None:
    trap, env = trapped
    before = {path: path.read_bytes() for path in trap.repo.rglob("*") if path.is_file()}
    lines = python(OURS, trap.repo, env).splitlines()
    assert trap.sprung == set()
    assert before == {path: path.read_bytes() for path in trap.repo.rglob("*") if path.is_file()}
    assert lines[0].split() == ["a.txt", *(f"f{number}.dat" for number in range(9))]
    assert {".gitattributes", "included.cfg", "new.txt"} <= set(lines[1].split())
    assert lines[2] == "True 0"
    assert lines[3] == "frozenset({'a.log'})"


def test_the_traps_do_spring_for_ordinary_calls(trapped: tuple[Trap, dict[str, str]]) -> None:
    trap, env = trapped
    named = {f"GIT_{who}_{what}": "t@example.invalid" for who in WHO for what in ("NAME", "EMAIL")}
    python(ORDINARY, trap.repo, {**env, **named})
    sprung = trap.sprung
    assert {"filter-clean", "filter-process", "hook-reference-transaction"} <= sprung
    assert sprung & {"core.fsmonitor", "included", "env-config", "env-parameters"}
    assert sprung & {"diff-command", "env-EXTERNAL_DIFF"}
    assert sprung & {"core.sshCommand", "env-SSH_COMMAND"}
    assert {"textconv", "alias", "gpg.program"} <= sprung
    assert {"hook-post-checkout", "hook-post-index-change", "filter-smudge"} <= sprung
    assert {"hook-pre-commit", "hook-commit-msg", "hook-post-commit"} <= sprung
    if (trap.repo / "sub" / ".git").exists():
        assert sprung & {"nested-sub", "env-parameters"}


def test_a_git_inside_the_repository_is_not_run(tmp_path: Path, repo: Path) -> None:
    trap = Trap(tmp_path, repo)
    tools = repo / "bin"
    tools.mkdir()
    (tools / "git").write_text(f"#!/bin/sh\nexec {trap.program('git')}\n")
    (tools / "git").chmod(0o755)
    for path in (str(tools), "bin", ""):
        env = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
        script = "import sys\nfrom codex_py.host import git\ntry: git.status(sys.argv[1])\n"
        script += "except git.GitFailed as failed: print(failed)\n"
        python(script, repo, env)
        python(script, tools, env)
        assert trap.sprung == set()


def test_the_status_says_what_git_says(repo: Path) -> None:
    (repo / "a.txt").write_text("changed\n")
    run(repo, "mv", "b.txt", "c d.txt")
    (repo / "é\n.txt").write_text("odd name\n")
    (repo / "x.log").write_text("left out\n")
    (repo / "build").mkdir()
    (repo / "build" / "y").write_text("left out\n")
    found = git.status(repo / "build")
    assert found.branch == "main"
    assert found.head == run(repo, "rev-parse", "HEAD").strip()
    assert found.changed == (
        git.Change("a.txt", " ", "M"),
        git.Change("c d.txt", "R", " ", "b.txt"),
    )
    assert found.untracked == ("é\n.txt",)
    assert found.complete
    assert not found.clean


def test_a_clean_tree_is_clean_and_stays_untouched(repo: Path) -> None:
    index = (repo / ".git" / "index").stat()
    os.utime(repo / "a.txt", (1, 1))
    assert git.status(repo).clean
    assert git.diff(repo) == git.Diff("", complete=True)
    after = (repo / ".git" / "index").stat()
    assert (index.st_mtime_ns, index.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_a_change_in_the_same_instant_is_seen(repo: Path) -> None:
    run(repo, "config", "core.trustctime", "false")
    (repo / "a.txt").write_text("one!\n")
    os.utime(repo / "a.txt", (1000, 1000))
    run(repo, "add", "a.txt")
    (repo / "a.txt").write_text("two!\n")
    for file in (repo / "a.txt", repo / ".git" / "index"):
        os.utime(file, (1000, 1000))
    assert git.status(repo).changed == (git.Change("a.txt", "M", "M"),)


def test_differences_are_those_of_git(repo: Path) -> None:
    (repo / "a.txt").write_text("staged\n")
    run(repo, "add", "a.txt")
    (repo / "a.txt").write_text("unstaged\n")
    assert git.diff(repo).text == run(repo, "diff")
    assert git.diff(repo, staged=True).text == run(repo, "diff", "--cached")


def test_long_answers_are_cut_and_say_so(repo: Path) -> None:
    for number in range(300):
        (repo / f"file-{number}").write_text("x\n")
    (repo / "a.txt").write_text("line\n" * 50_000)
    short = git.status(repo, limit=1000)
    assert not short.complete
    assert not short.clean
    assert set(short.untracked) <= {f"file-{number}" for number in range(300)}
    cut = git.diff(repo, limit=1000)
    assert not cut.complete
    assert len(cut.text) == 1000


def test_left_out_names_are_told(repo: Path) -> None:
    (repo / "link").symlink_to("/etc")
    names = [
        "x.log",
        "a.txt",
        "build/",
        "deep/er/y.log",
        "link/x.log",
        "../x.log",
        "/etc/x.log",
        "",
    ]
    names += [":(glob)*.log", "-x.log", *(f"n{number}.log" for number in range(500))]
    found = git.ignored(repo, names)
    assert found == {
        "x.log",
        "build/",
        "deep/er/y.log",
        ":(glob)*.log",
        "-x.log",
        *(f"n{number}.log" for number in range(500)),
    }


def test_repositories_without_commits_branches_or_loose_names(tmp_path: Path, repo: Path) -> None:
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    run(fresh, "init", "-q", "-b", "trunk")
    assert (git.branch(fresh), git.head(fresh)) == ("trunk", None)
    (fresh / "a").write_text("a\n")
    run(fresh, "add", "a")
    assert git.status(fresh).changed == (git.Change("a", "A", " "),)
    value = run(repo, "rev-parse", "HEAD").strip()
    run(repo, "pack-refs", "--all")
    assert (git.branch(repo), git.head(repo)) == ("main", value)
    run(repo, "checkout", "-q", "--detach")
    assert (git.branch(repo), git.head(repo)) == (None, value)
    run(repo, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    assert (git.branch(tmp_path / "side"), git.head(tmp_path / "side")) == ("side", value)
    assert git.status(tmp_path / "side").clean


def test_sha256_line_ends_and_split_indexes_are_honoured(tmp_path: Path) -> None:
    made = tmp_path / "wide"
    made.mkdir()
    run(made, "init", "-q", "--object-format=sha256")
    run(made, "config", "core.autocrlf", "true")
    (made / "a").write_bytes(b"one\r\n")
    run(made, "add", "a")
    run(made, "commit", "-q", "-m", "x")
    run(made, "update-index", "--split-index")
    os.utime(made / "a", (1, 1))
    assert git.status(made).clean
    assert len(git.head(made) or "") == 64


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("HEAD", "ref: refs/../../../etc/passwd"),
        ("HEAD", "ref: ../../secret"),
        ("HEAD", "\0\0"),
        ("HEAD", ""),
        ("config", "[core"),
        ("config", "[core]\n\trepositoryformatversion = 99\n"),
        ("commondir", "/nowhere"),
        ("commondir", "\0"),
        ("index", "not an index"),
        ("packed-refs", "x" * 10_000),
    ],
)
def test_a_broken_repository_is_one_clear_line(repo: Path, name: str, text: str) -> None:
    (repo / ".git" / name).write_text(text)
    git.branch(repo), git.head(repo), git.is_repository(repo)
    for question in (git.status, git.diff):
        said = complaint(question, repo)
        assert said is None or (said and "\n" not in said)


def complaint(question: Callable[[Path], object], where: Path) -> str | None:
    """What it says when it cannot answer; any other error is a bug and comes out."""
    try:
        question(where)
    except git.GitFailed as failed:
        return str(failed)
    return None


def test_pipes_in_place_of_files_are_not_opened(repo: Path) -> None:
    for name in ("HEAD", "config", "index"):
        (repo / ".git" / name).unlink()
        os.mkfifo(repo / ".git" / name)
    assert not git.is_repository(repo)
    (repo / ".git" / "HEAD").unlink()
    (repo / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    assert [change.staged for change in git.status(repo).changed] == ["D", "D", "D"]


def test_outside_a_repository(tmp_path: Path) -> None:
    assert git.find_root(tmp_path) is None
    assert not git.is_repository(tmp_path)
    assert (git.branch(tmp_path), git.head(tmp_path)) == (None, None)
    with pytest.raises(git.GitFailed, match="not in a git repository"):
        git.status(tmp_path)


def test_finding_the_root_loads_nothing_heavy() -> None:
    script = "import sys; from codex_py.host import git; git.find_root('.')\n"
    script += "print(sorted({'git', 'tempfile', 'functools'} & set(sys.modules)))"
    bare = "import sys, codex_py.host; print(sorted({'git', 'tempfile', 'functools'} & set(sys.modules)))"
    assert python(script, Path.cwd(), dict(os.environ)) == python(
        bare, Path.cwd(), dict(os.environ)
    )
