"""The real program: undo and redo after real runs, in hostile repositories, killed, without room."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import GIT, Program
from tests.server import Server
from tests.snapshots.test_undo import tree
from tests.turns import call, text

MODEL = ("-m", "openai/o4-mini")


def ran(program: Program, *lines: str, prefix: tuple[str, ...] = ()) -> str:
    """A full-auto run of one turn with these commands; what it told on stderr."""
    turns = [[call("shell", {"command": line})] for line in lines]
    with Server([*turns, text("ok")]) as server:
        done = program.run("exec", "--full-auto", *MODEL, "go", url=server.url)
    assert done.code == 0, done.err
    return done.err


def digest(folder: Path) -> str:
    """One value for all that a repository's own folder holds."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        found.update(os.fsencode(path.relative_to(folder)))
        if path.is_file():
            found.update(path.read_bytes())
    return found.hexdigest()


def git(repo: Path, *args: str) -> None:
    subprocess.run([*GIT, *args], cwd=repo, check=True, capture_output=True)


@pytest.mark.parametrize("kind", ["repository", "worktree", "no git"])
def test_undo_in_a_hostile_repository(
    program: Program, repo: Path, tmp_path: Path, kind: str
) -> None:
    """Nothing that the repository names runs, and nothing of its own is touched."""
    ran_it = tmp_path / "ran"
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\necho $0 $* >> {ran_it}\ncat\n")
    evil.chmod(0o755)
    work = repo
    if kind == "worktree":
        work = tmp_path / "linked"
        git(repo, "worktree", "add", "-q", str(work))
    if kind == "no git":
        subprocess.run(["rm", "-rf", ".git"], cwd=repo, check=True)
    else:
        (repo / "staged.txt").write_text("staged")
        git(repo, "add", "staged.txt")
        for name in ("filter.x.clean", "filter.x.smudge", "filter.x.process", "core.fsmonitor"):
            git(repo, "config", name, str(evil))
        for name in ("post-checkout", "post-index-change", "pre-commit", "reference-transaction"):
            (repo / ".git" / "hooks" / name).symlink_to(evil)
    (work / ".gitattributes").write_text("*.txt filter=x text eol=crlf\n")
    (work / ".gitignore").write_text("out/\n.env\n")
    (work / "lines.txt").write_bytes(b"one\r\ntwo\n\0")
    (work / ".env").write_text("SECRET=1\n")
    (work / "out").mkdir()
    (work / "out" / "built").write_text("b")
    (work / "empty").mkdir()
    ran_it.unlink(missing_ok=True)
    there = Program(program.home, work)
    before, own = tree(work), digest(repo / ".git")
    line = "echo x >> lines.txt; rm .env; rm -r empty; mkdir new; mv hello.py new/; chmod 700 new"
    told = ran(there, line, "ln -s new/hello.py l; echo more >> new/hello.py")
    session = told.split("codex-py undo ")[1].split()[0]
    done = there.run("undo", session, "--yes")
    assert (done.code, done.err) == (0, "") and "undone: " in done.out
    assert tree(work) == before
    assert "left out by rule: out" in done.out
    after = tree(work)
    assert there.run("redo", "--yes").code == 0
    assert (work / "l").is_symlink() and not (work / ".env").exists()
    assert there.run("undo", "--yes", "--turn", "1").code == 0
    assert tree(work) == after
    assert digest(repo / ".git") == own
    assert not ran_it.exists(), ran_it.read_text()
    if kind != "no git":
        git(work, "status")
        assert ran_it.exists(), "the traps work"


def test_conflicts_and_exit_codes(program: Program, repo: Path) -> None:
    ran(program, "echo agent > a.txt; echo agent > b.txt")
    (repo / "a.txt").write_text("mine\n")
    assert program.run("undo", "--preview").code == 0
    asked = program.run("undo")
    assert asked.code == 2 and "--yes" in asked.err and (repo / "b.txt").exists()
    wrong = program.run("undo", "--yes", "--take", "hello.py")
    assert wrong.code == 2 and "did not change it" in wrong.err
    done = program.run("undo", "--yes")
    assert done.code == 1 and "a.txt" in done.out.split("left as it is")[1]
    assert (repo / "a.txt").read_text() == "mine\n" and not (repo / "b.txt").exists()
    assert program.run("redo", "--yes").code == 0
    assert program.run("undo", "--yes", "--keep-mine").code == 0
    assert program.run("redo", "--yes").code == 0
    assert program.run("undo", "--yes", "--take", "a.txt").code == 0
    assert not (repo / "a.txt").exists()
    assert program.run("redo", "--yes").code == 0
    assert (repo / "a.txt").read_text() == "mine\n", "what was overwritten comes back"
    again = program.run("redo", "--yes")
    assert again.code == 2 and "nothing to redo" in again.err
    kinds = [entry["kind"] for entry in program.log() if entry["kind"].startswith("undo")]
    assert kinds == ["undoing", "undone"] * 6


def test_what_an_undo_left_can_be_taken_later_and_one_redo_takes_all_back(
    program: Program, repo: Path
) -> None:
    ran(program, "echo agent > a.txt; echo agent > b.txt; rm hello.py; ln -s a.txt l")
    (repo / "a.txt").write_text("mine\n")
    (repo / "l").unlink()
    (repo / "l").symlink_to("mine")
    changed = tree(repo)
    assert program.run("undo", "--yes").code == 1
    plain = program.run("undo", "--yes")
    assert plain.code == 2 and "all is undone already" in plain.err
    assert program.run("undo", "--yes", "--take", "a.txt").code == 1
    assert not (repo / "a.txt").exists() and (repo / "l").is_symlink()
    assert program.run("undo", "--turn", "1", "--yes", "--take-all").code == 0
    assert not (repo / "l").is_symlink() and (repo / "hello.py").exists()
    assert program.run("redo", "--yes").code == 0
    assert tree(repo) == changed
    assert program.run("redo", "--yes").code == 2


def killed(program: Program, *args: str, when: Path, gone: bool, url: str = "") -> None:
    """Start the program, and kill it as soon as a path is there, or is gone."""
    env = program.env(OPENAI_API_KEY="sk-test-0123456789abcdef", OPENAI_BASE_URL=url)
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        program.argv(*args), cwd=program.cwd, env=env, stdin=quiet, stdout=quiet, stderr=quiet
    )
    end = time.monotonic() + 40
    while when.exists() == gone and process.poll() is None and time.monotonic() < end:
        os.sched_yield()
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_killed_in_the_middle_of_an_undo(program: Program, repo: Path) -> None:
    """Every file is whole, old or new, and undo again finishes the work."""
    old = {f"f{number}": os.urandom(3_000 + number) for number in range(400)}
    for name, data in old.items():
        (repo / name).write_bytes(data)
    before = tree(repo)
    ran(program, "for f in f*; do echo changed > $f; done; touch created; rm hello.py")
    changed = tree(repo)
    halves = 0
    for name in ("f105", "f250", "f7"):
        start = (repo / name).stat().st_ino
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(
            program.argv("undo", "--yes"), cwd=repo, env=program.env(), stdout=quiet, stderr=quiet
        )
        while (repo / name).stat().st_ino == start and process.poll() is None:
            os.sched_yield()
        process.send_signal(signal.SIGKILL)
        process.wait()
        for each, data in old.items():
            assert (repo / each).read_bytes() in (data, b"changed\n"), each
        halves += program.log()[-1]["kind"] == "undoing"
    assert halves, "each undo was quicker than the kill"
    done = program.run("undo", "--yes")
    if done.code == 2:
        assert "all is undone already" in done.err
    assert tree(repo) == before
    assert program.run("redo", "--yes").code == 0
    assert tree(repo) == changed


def test_killed_in_the_middle_of_a_step(program: Program, repo: Path) -> None:
    """What the step changed is offered for the person to decide, and put back as a whole."""
    before = tree(repo)
    line = "rm hello.py; mkdir d; echo x > d/x; touch marker; sleep 60"
    with Server([[call("shell", {"command": line})], text("ok")]) as server:
        marker = repo / "marker"
        killed(
            program, "exec", "--full-auto", *MODEL, "go", when=marker, gone=False, url=server.url
        )
    shown = program.run("undo", "--preview")
    assert "cut off" in shown.out and "hello.py" in shown.out
    kept = program.run("undo", "--yes")
    assert kept.code == 1 and not (repo / "hello.py").exists()
    done = program.run("undo", "--yes", "--take-all")
    assert (done.code, done.err) == (0, "")
    assert tree(repo) == before


def test_an_interrupted_step_can_be_undone(program: Program, repo: Path) -> None:
    before = tree(repo)
    line = "rm hello.py; touch marker; sleep 60"
    with Server([[call("shell", {"command": line})], text("ok")]) as server:
        env = program.env(OPENAI_API_KEY="sk-test-0123456789abcdef", OPENAI_BASE_URL=server.url)
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(
            program.argv("exec", "--full-auto", *MODEL, "go"),
            cwd=repo, env=env, stdin=quiet, stdout=quiet, stderr=quiet,
        )  # fmt: skip
        while not (repo / "marker").exists() and process.poll() is None:
            os.sched_yield()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert program.run("undo", "--yes").code == 0
    assert tree(repo) == before


def test_no_room_is_said_once_and_the_work_goes_on(program: Program, repo: Path) -> None:
    """A limit on file sizes stands in for a full disk: the store cannot be written."""
    (repo / "big").write_bytes(os.urandom(2 << 20))
    turns = [[call("shell", {"command": f"echo {n} >> log"})] for n in range(3)]
    with Server([*turns, text("ok")]) as server:
        env = program.env(OPENAI_API_KEY="sk-test-0123456789abcdef", OPENAI_BASE_URL=server.url)
        argv = program.argv("exec", "--full-auto", *MODEL, "go")
        done = subprocess.run(
            ["bash", "-c", 'ulimit -f 1024; exec "$@"', "bash", *argv],
            cwd=repo, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (repo / "log").read_text() == "0\n1\n2\n"
    notices = [each["text"] for each in program.log() if each["kind"] == "notice"]
    assert len([each for each in notices if "undo will not cover this" in each]) == 1
    listed = program.run("undo")
    assert listed.code == 2 and "nothing to undo" in listed.err


def test_a_session_that_is_open_is_left_alone(program: Program, repo: Path) -> None:
    ran(program, "touch x")
    log = next((program.home / "state" / "sessions").rglob("*.jsonl"))
    import fcntl

    with open(log, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = program.run("undo", "--yes")
    assert done.code == 2 and "open in another process" in done.err and (repo / "x").exists()


def test_undo_switched_off_keeps_nothing(program: Program, repo: Path) -> None:
    with Server([[call("shell", {"command": "touch x"})], text("ok")]) as server:
        done = program.run("exec", "--full-auto", *MODEL, "-c", "undo=false", "go", url=server.url)
    assert done.code == 0 and "codex-py undo" not in done.err
    assert not (program.home / "state" / "snapshots").exists()
