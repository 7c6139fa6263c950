"""What a replay starts from: the snapshot before the first writing step, or else the commit."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from codex_py.core.entries import Decision, Entry, Snapshot, Started, ToolCall, ToolResult
from codex_py.host.git import head
from codex_py.snapshots import bases
from codex_py.snapshots.state import State, look
from codex_py.snapshots.store import Record, Store, workspace
from codex_py.snapshots.tree import Tree, reach
from codex_py.ui.footing import footing
from codex_py.ui.scratch import cleared, scratch
from tests.conftest import GIT, Program
from tests.snapshots.test_undo import tree
from tests.turns import call, text
from tests.ui.test_replay import recorded


def unfinished(repo: Path) -> None:
    """What a person had not committed when the session began."""
    (repo / "hello.py").write_text("def hello():\n    return 'not committed'\n")
    (repo / "notes").write_text("untracked\n")
    (repo / "run.sh").write_text("#!/bin/sh\ncat notes\n")
    (repo / "run.sh").chmod(0o750)
    (repo / "near").symlink_to("notes")
    (repo / "far").symlink_to(repo / "sub" / "deep")
    (repo / "sub").mkdir()
    (repo / "sub" / "deep").write_bytes(b"\xff\0deep")
    (repo / "sub").chmod(0o700)
    (repo / ".gitignore").write_text("build/\n.env\n")
    (repo / ".env").write_text("A=1\n")
    (repo / "build").mkdir()
    (repo / "build" / "out").write_text("made")


LINES = [
    "cat hello.py notes near far .env && ./run.sh && stat -c '%a %Y %n' hello.py run.sh && stat -c %a sub",
    "readlink -f far && echo more >> notes && rm near",
    "cat notes && ls -1 *e* r*",
]


def session(program: Program, *lines: str) -> str:
    """A recorded session that ran these commands; its id."""
    return recorded(program, *([call("shell", {"command": line})] for line in lines), text("ok"))[0]


@pytest.mark.parametrize("how", [("--tools",), ("--model", "recorded")])
def test_what_was_not_committed_is_there_again(
    program: Program, repo: Path, tmp_path: Path, how: tuple[str, ...]
) -> None:
    (repo / "same").write_text("committed")
    for args in (["add", "same"], ["commit", "-qm", "second"]):
        subprocess.run([*GIT, *args], cwd=repo, check=True)
    unfinished(repo)
    ran = tmp_path / "ran"
    for name in ("post-checkout", "post-index-change", "reference-transaction"):
        hook = repo / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
        hook.chmod(0o755)
    name = session(program, *LINES, "git diff-files; git log --oneline; git diff --stat hello.py")
    ran.unlink(missing_ok=True)
    (repo / "hello.py").write_text("by hand, later\n")
    before = tree(repo)
    done = program.run("replay", name, *how)
    assert done.code == 0, done.out
    assert "the snapshot from before the first step that could change files: 9 files" in done.out
    assert f"Git at commit {(head(repo) or '')[:12]}, nothing staged" in done.out
    assert "not there: build (folders that snapshots leave out)" in done.out
    assert tree(repo) == before and not ran.exists()


def test_no_git_is_needed(program: Program, repo: Path) -> None:
    shutil.rmtree(repo / ".git")
    unfinished(repo)
    name = session(program, *LINES)
    done = program.run("replay", name, "--tools")
    assert done.code == 0, done.out
    assert "the snapshot from before" in done.out and "Git" not in done.out


def test_the_fresh_folder_lies_outside_the_workspace(program: Program, repo: Path) -> None:
    (repo / "t").mkdir()
    name = session(program, "pwd; date +%N")
    done = program.run("replay", name, "--tools", env={"TMPDIR": str(repo / "t")})
    assert "its output differs" in done.out and "/codex-py-replay-" in done.out
    assert str(repo) not in done.out, done.out
    assert list((repo / "t").iterdir()) == []


def test_a_snapshot_that_is_gone_is_said_and_the_commit_taken(program: Program, repo: Path) -> None:
    unfinished(repo)
    name = session(program, "cat hello.py; ls")
    (store,) = (program.home / "state" / "snapshots").iterdir()
    for part, why in (
        ("packs", "its kept content is"),
        ("bases", "snapshot"),
        ("journals", "its snapshot is no longer kept"),
        ("", "the snapshots of this folder were removed"),
    ):
        shutil.rmtree(store / part)
        done = program.run("replay", name, "--tools")
        assert done.code == 1 and "+    return 'hello'" in done.out
        told = done.out.split("\n")[0]
        begun = f"run again in commit {(head(repo) or '')[:12]}; what was not committed then"
        assert told.startswith(begun) and why in told, told


def test_where_there_is_neither_both_are_said(program: Program, repo: Path) -> None:
    shutil.rmtree(repo / ".git")
    name = session(program, "ls")
    shutil.rmtree(program.home / "state" / "snapshots")
    done = program.run("replay", name, "--tools")
    assert done.code == 1 and "an empty folder: no commit was recorded" in done.out
    assert "the snapshots of this folder were removed" in done.out


def test_a_repository_that_is_gone_leaves_the_files(program: Program, repo: Path) -> None:
    unfinished(repo)
    name = session(program, "cat hello.py notes")
    shutil.rmtree(repo / ".git")
    done = program.run("replay", name, "--tools", "-C", str(program.home))
    assert done.code == 2 and "is not in a git repository" in done.err
    done = program.run("replay", name, "--tools")
    assert done.code == 0 and "not there: Git's history" in done.out, done.out


STAGING = """\
echo 'x = 1' >> hello.py && git add hello.py && echo 'y = 2' >> hello.py
echo added > added && echo later >> added && git add added && git rm -q --cached gone
printf 'odd' > 'odd \303\251\tname' && printf '\\0\\377' > 'b\\300' && git add . && echo more >> added
git mv moved moved-to && chmod +x moved-to && git add moved-to && echo no > untracked
"""
GIT_LINES = [
    "git status --short && git diff --cached && git diff && git diff-files",
    "git log --oneline && git ls-files --stage && cat ../hello.py hello.py; git rev-parse --show-prefix",
    "git stash list; git diff --cached --stat; ls -A .. | sort",
]


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("within", ["", "sub", "a b/sub"])
def test_what_was_staged_is_staged_again_also_below_the_top_of_a_repository(
    program: Program, outside: Path, within: str, older: bool
) -> None:
    top = outside / "repo"
    work = top / within
    work.mkdir(parents=True)
    for name in ("hello.py", "gone", "moved"):
        (work / name).write_text(f"first {name}\n")
    (top / "hello.py").write_text("of the top\n")
    for args in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*GIT, *args], cwd=top, check=True)
    subprocess.run(["sh", "-ec", STAGING], cwd=work, check=True)
    name = session(Program(program.home, work), *GIT_LINES)
    if older:
        (log,) = (program.home / "state" / "sessions").rglob("*.jsonl")
        log.write_bytes(log.read_bytes().replace(b'"within":', b'"beyond":'))
    subprocess.run(["git", "reset", "-q", "--hard"], cwd=top, check=True)
    before = tree(top)
    done = program.run("replay", name, "--tools")
    assert done.code == 0, done.out
    assert "5 files staged, as then" in done.out or "6 files staged, as then" in done.out, done.out
    assert ("outside of the session's folder all is as committed" in done.out) == bool(within)
    assert tree(top) == before
    subprocess.run(["git", "gc", "-q", "--prune=now"], cwd=top, check=True)
    done = program.run("replay", name, "--tools")
    assert done.code == 1 and "nothing staged" in done.out.split("\n")[0]
    assert "not there: what was staged (a content that was staged is no longer" in done.out


def test_without_its_snapshot_a_session_below_the_top_runs_at_its_place(
    program: Program, outside: Path
) -> None:
    work = outside / "repo" / "sub"
    work.mkdir(parents=True)
    (work / "in").write_text("in\n")
    (work.parent / "out").write_text("out\n")
    for args in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*GIT, *args], cwd=work.parent, check=True)
    name = session(Program(program.home, work), "cat in ../out && git rev-parse --show-prefix")
    shutil.rmtree(program.home / "state" / "snapshots")
    moved = shutil.move(work.parent, outside / "moved")
    done = program.run("replay", name, "--tools", "-C", moved)
    assert done.code == 0 and "run again in commit" in done.out, done.out


@pytest.mark.parametrize("within", ["..", "sub/../..", ".git", "/", "a//b", "x" * 300, "link/sub"])
def test_a_place_in_a_repository_that_is_none_leads_nowhere(
    program: Program, repo: Path, tmp_path: Path, within: str
) -> None:
    (tmp_path / "far" / "sub").mkdir(parents=True)
    (repo / "link").symlink_to(tmp_path / "far")
    for args in (["add", "link"], ["commit", "-qm", "a link"]):
        subprocess.run([*GIT, *args], cwd=repo, check=True)
    name = session(program, "echo made > made")
    shutil.rmtree(program.home / "state" / "snapshots")
    (log,) = (program.home / "state" / "sessions").rglob("*.jsonl")
    lines = [json.loads(line) for line in log.read_bytes().splitlines()]
    lines[0] |= {"cwd": f"{repo}/{within}", "within": within}
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = program.run("replay", name, "--tools", "-C", str(repo))
    assert done.code in (0, 1, 2) and "Traceback" not in done.err, done.err
    assert list((tmp_path / "far").rglob("*")) == [tmp_path / "far" / "sub"]


def test_what_a_killed_replay_left_is_cleared_by_the_next(
    program: Program, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    child = os.fork()
    if child == 0:
        with scratch("/tmp/nowhere") as free:
            (free / "shut").mkdir(mode=0o500)
            os._exit(0)  # as by kill -9
    os.waitpid(child, 0)
    (left,) = place.iterdir()
    (place / "codex-py-replay-link").symlink_to(repo)
    (place / "codex-py-replay-file").write_text("not ours")
    others = {place / "codex-py-replay-link", place / "codex-py-replay-file"}
    name = session(program, "true")
    with scratch("/tmp/nowhere") as held:
        assert set(place.iterdir()) == {held, *others} and not left.exists()
        assert program.run("replay", name, "--tools", env={"TMPDIR": str(place)}).code == 0
        assert set(place.iterdir()) == {held, *others}
    assert set(place.iterdir()) == others and (repo / "hello.py").exists()


class Kept:
    """A workspace, its store, and a log made by hand."""

    def __init__(self, tmp: Path) -> None:
        self.top, self.home, self.work = tmp / "ws", tmp / "home", tmp / "again"
        for each in (self.top, self.work):
            each.mkdir()
        self.first = Started(session="s", cwd=os.path.realpath(self.top))
        self.log: list[Entry] = [self.first]
        self.store = Store(workspace(os.path.realpath(self.home), self.first.cwd), "mine")

    def edited(self, name: str, content: str) -> None:
        """An edit before the first walk was done: only its file is kept."""
        path = os.path.join(self.first.cwd, name)
        if not self.store.open:
            self.store.begin("", [], [self.first.cwd])
        fd = reach(self.first.cwd)
        state = look(fd, name, self.store.keep, 1 << 20)
        os.close(fd)
        call_id = f"edit {name}"
        self.store.write([Record(path, state, state, f"?{call_id}")])
        self.log.append(Snapshot(call_id=call_id, tree=self.store.place))
        Path(path).write_text(content)

    def walked(self, index: State | None = None) -> None:
        """The first walk, then a command."""
        own = os.path.realpath(self.home)
        tree = Tree([self.first.cwd], own, self.store.keep, (1 << 20, 1 << 20))
        for _ in tree.walk():
            pass
        self.store.flush()
        bases.write(self.store.folder, "mine", tree.roots, tree.known, ["mine"])
        self.store.begin("mine", ["mine"], tree.roots, index)
        self.log.append(Snapshot(call_id="run", tree=self.store.place))

    def ran(self) -> None:
        """A command that nothing was kept for."""
        self.log += [
            ToolCall(call_id="x", name="shell", arguments="{}"),
            Decision(call_id="x", verdict="allow", effects={"command": "make"}),
            ToolResult(call_id="x", ok=True, parts=()),
        ]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """A workspace whose store is closed in the end."""
    found = Kept(tmp_path)
    yield found
    found.store.close()


def test_edits_before_the_first_whole_snapshot_are_taken_back(kept: Kept) -> None:
    (kept.top / "a").write_text("first")
    (kept.top / "b").write_text("stays")
    kept.edited("a", "second")
    kept.edited("a", "third")
    kept.edited("new", "made")
    kept.walked()
    told = footing(kept.log, kept.first, kept.home, "", kept.work)
    assert "the snapshot" in told.place
    assert {each.name: each.read_text() for each in kept.work.iterdir()} == {
        "a": "first", "b": "stays",
    }  # fmt: skip


def test_edits_alone_and_steps_without_a_snapshot_are_no_start(kept: Kept) -> None:
    (kept.top / "a").write_text("first")
    told = footing(kept.log, kept.first, kept.home, "", kept.work)
    assert "no snapshot was taken in it" in told.place
    kept.edited("a", "second")
    told = footing(kept.log, kept.first, kept.home, "", kept.work)
    assert "its snapshots hold single files only" in told.place
    kept.ran()
    kept.walked()
    told = footing(kept.log, kept.first, kept.home, "", kept.work)
    assert "a step ran before its first snapshot was whole" in told.place
    assert list(kept.work.iterdir()) == []


def test_of_a_snapshot_that_is_damaged_nothing_stays(kept: Kept) -> None:
    for name in ("a", "b", "c"):
        (kept.top / name).write_text(name)
    kept.walked()
    pack = Path(kept.store.folder) / "packs" / "mine"
    os.truncate(pack, pack.stat().st_size - 1)
    told = footing(kept.log, kept.first, kept.home, "", kept.work)
    assert "its kept content is damaged" in told.place
    assert list(kept.work.iterdir()) == []


def test_what_was_never_kept_is_named_and_odd_modes_leave_nothing_behind(kept: Kept) -> None:
    (kept.top / "shut").mkdir()
    (kept.top / "shut" / "in").write_text("x")
    (kept.top / "large").write_bytes(b"x" * (1 << 21))
    (kept.top / "set").write_text("x")
    (kept.top / "set").chmod(0o4755)
    os.mkfifo(kept.top / "pipe")
    (kept.top / "shut").chmod(0o500)
    kept.walked()
    told = footing(kept.log, kept.first, kept.home, "", kept.work)
    assert told.missing == ("large, pipe (too large, not readable or no file: not kept)",)
    assert stat.S_IMODE((kept.work / "shut").stat().st_mode) == 0o500
    assert stat.S_IMODE((kept.work / "set").stat().st_mode) == 0o755
    cleared(kept.work)
    assert not kept.work.exists()
    (kept.top / "shut").chmod(0o700)


@pytest.mark.parametrize("name", ["../out", "..", ".git", "a/b"])
def test_a_store_that_was_written_by_somebody_else_writes_nothing_outside(
    kept: Kept, tmp_path: Path, name: str
) -> None:
    (kept.top / "a").write_text("first")
    kept.walked()
    base = Path(kept.store.folder) / "bases" / "mine"
    base.write_text(base.read_text().replace('"a"', json.dumps(name)))
    before = sorted(tmp_path.rglob("*"))
    told = footing(kept.log, kept.first, kept.home, "", kept.work)
    assert "a name that no file has" in told.place
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("spoilt", ["pack", "content", "kind"])
def test_an_index_that_is_spoilt_stages_nothing(kept: Kept, spoilt: str) -> None:
    for args in (["init", "-q"], ["commit", "-qm", "first", "--allow-empty"]):
        subprocess.run([*GIT, *args], cwd=kept.top, check=True)
    (kept.top / "a").write_text("new")
    subprocess.run(["git", "add", "a"], cwd=kept.top, check=True)
    index = kept.top / ".git" / "index"
    if spoilt == "content":
        index.write_bytes(b"DIRC" + bytes(90))
    fd = reach(os.path.realpath(index.parent))
    state = look(fd, "index", kept.store.keep, 1 << 20)
    os.close(fd)
    assert state is not None
    if spoilt != "content":
        state = state._replace(**{spoilt: 7})  # type: ignore[arg-type]
    kept.walked(state)
    first = replace(kept.first, commit=head(kept.top) or "")
    told = footing([first, *kept.log[1:]], first, kept.home, "", kept.work)
    assert "nothing staged" in told.place and "what was staged (" in told.missing[0]
    done = subprocess.run(
        ["git", "status", "--short"], cwd=kept.work, capture_output=True, text=True
    )
    assert done.stdout == "?? a\n"
