"""Commands run for real, and what they did judged from outside."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from codex_py_sandbox import Limits, Policy, Session, open_session
from tests.sandbox.conftest import BACKENDS, Opener, git, repository, run

pytestmark = pytest.mark.sandbox
each_backend = pytest.mark.parametrize("backend", BACKENDS)


@each_backend
def test_writes_reach_the_workspace_and_nothing_else(
    opened: Opener, work: Path, tmp_path: Path, backend: str
) -> None:
    session = opened(Policy(roots=(work,)), backend)
    ran = run(
        session, f"echo in > in; echo out > {tmp_path}/out; ln -s {tmp_path} l; >l/out2", work
    )
    assert (work / "in").read_text() == "in\n"
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out2").exists()
    assert str(tmp_path / "out") in ran.text


@each_backend
def test_read_only_writes_nowhere(opened: Opener, work: Path, backend: str) -> None:
    session = opened(Policy(mode="read-only", roots=(work,)), backend)
    assert run(session, "echo > file", work).exit.code != 0
    assert not (work / "file").exists()


@each_backend
def test_no_call_reaches_a_server_of_the_machine(
    opened: Opener, work: Path, tmp_path: Path, backend: str
) -> None:
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unix:
        tcp.bind(("127.0.0.1", 0))
        unix.bind(str(tmp_path / "sock"))
        for server in (tcp, unix):
            server.listen()
            server.setblocking(False)
        session = opened(Policy(roots=(work,)), backend)
        code = (
            "import socket\nfor f, a in ((2, ('127.0.0.1', %d)), (1, %r)):\n"
            " try: socket.socket(f).connect(a); print('in')\n except OSError as e: print('no', e)"
        )
        script = code % (tcp.getsockname()[1], str(tmp_path / "sock"))
        ran = run(session, f'{sys.executable} -I -c "{script}"', work)
        assert ran.text.count("no [") == 2, ran.text
        for server in (tcp, unix):
            with pytest.raises(BlockingIOError):
                server.accept()


@each_backend
def test_a_refused_connect_is_reported_with_its_address(
    opened: Opener, work: Path, backend: str
) -> None:
    if backend != "namespaces":
        pytest.skip("only our own launcher listens")
    session = opened(Policy(roots=(work,)), backend)
    script = "import socket; socket.create_connection(('192.0.2.1', 81), 1)"
    ended = run(session, f'{sys.executable} -I -c "{script}"', work).exit
    assert [(e.kind, e.target) for e in ended.events] == [("connect", "192.0.2.1:81")]
    assert session.denials(ended, "", work)[0].certain


@each_backend
def test_nothing_outlives_a_command(opened: Opener, work: Path, backend: str) -> None:
    session = opened(Policy(roots=(work,)), backend)
    daemon = "(setsid sh -c 'exec 9>held; flock 9; echo > up; sleep 600' >/dev/null 2>&1 &)"
    ran = run(session, f"{daemon}; while [ ! -e up ]; do sleep 0.01; done", work)
    assert ran.exit.code == 0
    subprocess.run(["flock", "-n", str(work / "held"), "true"], check=True)


@each_backend
def test_a_time_limit_and_a_kill_end_the_whole_tree(
    opened: Opener, work: Path, backend: str
) -> None:
    session = opened(Policy(roots=(work,)), backend)
    ended = run(session, "exec 9>held; flock 9; sleep 600 & sleep 600", work, wall_s=0.3).exit
    assert ended.timed_out
    assert ended.signal == signal.SIGKILL
    subprocess.run(["flock", "-n", str(work / "held"), "true"], check=True)
    with open(os.devnull) as null:
        job = session.start(
            ["sh", "-c", "exec 9>held; flock 9; echo > go; sleep 600"], work, stdin=null.fileno()
        )
        subprocess.run(["sh", "-c", "while [ ! -e go ]; do sleep 0.01; done"], cwd=work, timeout=9)
        job.kill_tree()
        ended = job.wait(9)
    assert ended is not None
    assert ended.signal == signal.SIGKILL
    subprocess.run(["flock", "-n", str(work / "held"), "true"], check=True)


@each_backend
def test_when_the_agent_is_killed_its_commands_end_and_its_traces_go(
    work: Path, tmp_path: Path, environ: dict[str, str], opened: Opener, backend: str
) -> None:
    opened(Policy(roots=(work,)), backend).close()
    script = (
        "import os,sys;from pathlib import Path;from codex_py_sandbox import *\n"
        f"s=open_session(Policy(roots=(Path({str(work)!r}),)),environ=os.environ,"
        f"state=Path({str(tmp_path / 'state')!r}),backends=({backend!r},))\n"
        "s.start(['sh','-c','exec 9>held; flock 9; echo up; sleep 600'],"
        f"{str(work)!r}).wait()"
    )
    env = {**environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=env) as agent:
        assert agent.stdout is not None
        assert agent.stdout.readline() == b"up\n"
        agent.kill()
    subprocess.run(["flock", "-w", "10", str(work / "held"), "true"], check=True)
    until = 'while [ -e .vscode ] || [ -n "$(ls ../state/tmp)" ]; do sleep 0.05; done'
    subprocess.run(["sh", "-c", until], cwd=work, check=True, timeout=10)


@each_backend
def test_no_descriptor_of_ours_gets_in(opened: Opener, work: Path, backend: str) -> None:
    session = opened(Policy(roots=(work,)), backend)
    with tempfile.TemporaryFile() as mine:
        os.set_inheritable(mine.fileno(), True)
        again = open_session(
            Policy(roots=(work,)), environ=dict(os.environ), state=work.parent / "s2",
            backends=(backend,),
        )  # fmt: skip
        with again:
            ran = run(again, "cd /proc/self/fd && echo *", work)
    # The shell of `sh -c` may hold one more for itself; ours would come in high.
    assert set(ran.text.split()) <= {"0", "1", "2", "3"}, ran.text
    del session


@each_backend
def test_the_environment_is_scrubbed_even_where_others_could_be_read(
    work: Path, tmp_path: Path, environ: dict[str, str], opened: Opener, backend: str
) -> None:
    opened(Policy(roots=(work,)), backend).close()
    environ["OPENAI_API_KEY"] = "very-secret-value"
    with open_session(
        Policy(roots=(work,)), environ=environ, state=tmp_path / "state", backends=(backend,)
    ) as session:
        ran = run(session, "env; cat /proc/[0-9]*/environ 2>/dev/null; true", work)
    assert "PATH=" in ran.text
    if backend != "landlock":
        assert "very-secret-value" not in ran.text
    assert "OPENAI_API_KEY=very" not in ran.text.split("\0")[0]
    assert session.dropped == ("OPENAI_API_KEY",)


def test_tmp_is_the_sessions_own_and_lasts_from_command_to_command(
    opened: Opener, work: Path
) -> None:
    session = opened(Policy(roots=(work,)))
    run(session, "echo kept > /tmp/note", work)
    assert run(session, "cat /tmp/note", work).text == "kept\n"
    assert session.host_path("/tmp/note").read_text() == "kept\n"
    assert session.host_path(work / "x") == work / "x"
    assert not Path("/tmp/note").exists()
    session.close()
    assert not session.host_path("/tmp/note").exists()


def test_commands_of_one_session_run_side_by_side(opened: Opener, work: Path) -> None:
    session = opened(Policy(roots=(work,)))
    os.mkfifo(work / "pipe")
    with open(os.devnull) as null:
        reader = session.start(["sh", "-c", "cat pipe > got"], work, stdin=null.fileno())
        writer = session.start(["sh", "-c", "echo hello > pipe"], work, stdin=null.fileno())
        assert [job.wait(9).code for job in (writer, reader)] == [0, 0]
    assert (work / "got").read_text() == "hello\n"


def test_one_session_serves_a_second_policy(opened: Opener, work: Path) -> None:
    policy = Policy(roots=(work,))
    session = opened(policy)
    reading = policy.with_(mode="read-only")
    assert run(session, "echo > a", work, policy=reading).exit.code != 0
    assert run(session, "echo > a", work).exit.code == 0


@each_backend
def test_a_missing_program_and_a_missing_folder_are_said(
    opened: Opener, work: Path, backend: str
) -> None:
    session = opened(Policy(roots=(work,)), backend)
    with open(os.devnull) as null:
        ended = session.start(["no-such-program"], work, stdin=null.fileno()).wait(9)
        assert ended is not None
        assert (ended.code, ended.error) == (127, "no-such-program: command not found")
    if backend != "bubblewrap":
        assert "cannot work in" in (run(session, "true", work / "gone").exit.error or "")


@each_backend
def test_exit_codes_and_signals_come_through(opened: Opener, work: Path, backend: str) -> None:
    session = opened(Policy(roots=(work,)), backend)
    assert run(session, "exit 37", work).exit.code == 37
    ended = run(session, "kill -TERM $$", work).exit
    assert ended.signal == signal.SIGTERM or ended.code == 128 + signal.SIGTERM


def test_git_commits_and_its_rules_stay(opened: Opener, work: Path) -> None:
    repository(work)
    session = opened(Policy(roots=(work,)))
    ran = run(session, "echo 3 > file; git add . && git commit -qm third && git stash list", work)
    assert ran.exit.code == 0, ran.text
    attacks = (
        "echo x >> .git/config; echo x > .git/hooks/pre-commit; mv .git g; rm -rf .git/hooks;"
        "echo .. > .git/commondir; ln -sf /tmp .git/config; mkdir .codex-py; echo > .vscode/x"
    )
    run(session, attacks, work)
    session.close()
    assert git(work, "log", "--format=%s").split() == ["third", "second", "first"]
    assert "x" not in (work / ".git/config").read_text().split()
    left = {p.name for p in work.iterdir()}
    assert left == {".git", "file"}
    assert not (work / ".git/commondir").exists()


def test_git_commits_in_a_linked_worktree(opened: Opener, tmp_path: Path) -> None:
    main = repository(tmp_path / "main")
    git(main, "worktree", "add", "-q", str(tmp_path / "tree"))
    session = opened(Policy(roots=(tmp_path / "tree",)))
    ran = run(session, "echo 3 > file; git commit -qam third", tmp_path / "tree")
    assert ran.exit.code == 0, ran.text
    assert git(tmp_path / "tree", "log", "-1", "--format=%s") == "third\n"


def test_a_protection_pushed_off_from_outside_is_laid_again(opened: Opener, work: Path) -> None:
    repository(work)
    session = opened(Policy(roots=(work,)))
    run(session, "true", work)
    git(work, "config", "person.set", "this")  # git writes a new file and renames it over
    run(session, "echo '[core]' >> .git/config; git config core.pager evil", work)
    assert "evil" not in (work / ".git/config").read_text()
    assert not (work / ".git/config").read_text().endswith("[core]\n")


def test_two_sessions_do_not_take_each_others_placeholders(opened: Opener, work: Path) -> None:
    first = opened(Policy(roots=(work,)))
    second = opened(Policy(roots=(work,)))
    first.close()
    assert (work / ".vscode").is_dir()
    assert run(second, "echo > .vscode/tasks.json", work).exit.code != 0
    second.close()
    assert not (work / ".vscode").exists()


def test_a_destroyed_repository_is_put_back(opened: Opener, work: Path) -> None:
    repository(work)
    git(work, "gc", "-q")
    (work / "file").write_text("loose")
    git(work, "commit", "-qam", "loose")
    session = opened(Policy(roots=(work,)))
    ended = run(session, "rm -rf .git", work).exit
    assert [e.kind for e in ended.events] == ["history"]
    session.close()
    assert git(work, "log", "--format=%s").split() == ["loose", "second", "first"]
    assert git(work, "status", "--short") == ""
    git(work, "fsck", "--strict")


def test_a_repository_that_commands_do_not_see_is_not_called_destroyed(opened: Opener) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # commands have a /tmp of their own
        below = repository(Path(folder) / "repo") / "below"
        below.mkdir()
        session = opened(Policy(roots=(below,), deny_read=(Path(folder),)), "namespaces")
        assert not run(session, "cat ../file; touch here", below).exit.events
        assert (below / "here").exists()


def test_a_nested_repository_that_runs_code_is_set_aside(opened: Opener, work: Path) -> None:
    repository(work)
    session = opened(Policy(roots=(work,)))
    plain = "git init -q plain"
    evil = "git init -q evil; git -C evil config core.fsmonitor 'touch ../ran'"
    run(session, f"{plain}; {evil}", work)
    session.close()
    assert (work / "plain/.git").is_dir()
    assert not (work / "evil/.git").exists()
    assert [Path(e.target).parent.name for e in session.findings()] == ["evil"]


@pytest.mark.parametrize(
    "limits",
    [
        (Limits(memory_mb=200, data_mb=200), "b=[bytearray(10<<20) for _ in range(60)]"),
        (Limits(fsize_mb=1), "open('big','wb').write(bytes(3<<20))"),
        (Limits(procs=350), "import os\nfor _ in range(900):\n if os.fork()==0: os.pause()"),
        (Limits(cpu_s=1), "while 1: pass"),
    ],
    ids=["memory", "file", "processes", "cpu"],
)
def test_a_hog_ends_as_an_error_of_its_own(
    opened: Opener, work: Path, limits: tuple[Limits, str]
) -> None:
    session = opened(Policy(roots=(work,), limits=limits[0]))
    code = limits[1].replace("os.pause()", "__import__('signal').pause()")
    ended = run(session, f'{sys.executable} -I -S -c "{code}"', work).exit
    assert ended.code != 0
    assert run(session, "exit 5", work).exit.code == 5


@pytest.mark.parametrize("backend", ["namespaces", "landlock"])
def test_a_terminal_works_inside(opened: Opener, work: Path, backend: str) -> None:
    session = opened(Policy(roots=(work,)), backend)
    master, slave = os.openpty()
    count = (
        "n=0; trap 'n=$((n+1))' INT; echo yes > /dev/tty; read x; while read x; do echo $n; done"
    )
    job = session.start(
        ["sh", "-c", f"test -t 0 && {{ {count}; }}"], work,
        stdin=slave, stdout=slave, stderr=slave, tty=True,
    )  # fmt: skip
    os.close(slave)
    said = b""

    def until(text: bytes) -> None:
        nonlocal said
        while text not in said:
            said += os.read(master, 100)

    until(b"yes")
    os.write(master, b"\x03")  # to the foreground, once
    until(b"^C")
    os.write(master, b"a\nb\n")
    until(b"\n1\r\n")
    os.write(master, b"\x04")
    ended = job.wait(9)
    os.close(master)
    assert ended is not None and ended.code == 0


def test_an_unconfined_command_still_ends_with_its_tree(
    work: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    policy = Policy(mode="unrestricted", roots=(work,))
    with open_session(policy, environ=environ, state=tmp_path / "state") as session:
        assert session.ready() == "unrestricted"
        daemon = "(setsid sh -c 'exec 9>held; flock 9; echo > up; sleep 600' >/dev/null 2>&1 &)"
        script = f"{daemon}; echo > {tmp_path}/out; while [ ! -e up ]; do sleep 0.01; done"
        assert run(session, script, work).exit.code == 0
    assert (tmp_path / "out").exists()
    subprocess.run(["flock", "-n", str(work / "held"), "true"], check=True)


def test_a_state_folder_of_somebody_else_is_not_used(work: Path, tmp_path: Path) -> None:
    from codex_py_sandbox import SandboxUnavailable

    (tmp_path / "real").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "real")
    with pytest.raises(SandboxUnavailable, match="not a folder of our own"):
        Session_of(work, tmp_path)


def Session_of(work: Path, tmp_path: Path) -> Session:
    return open_session(Policy(roots=(work,)), environ={"HOME": "/x"}, state=tmp_path / "state")


def test_putting_history_back_follows_no_link_that_a_command_left(
    opened: Opener, work: Path, tmp_path: Path
) -> None:
    repository(work)
    (tmp_path / "prey").mkdir()
    session = opened(Policy(roots=(work,)))
    run(session, "echo planted > .git/refs/heads/authorized_keys", work)
    run(session, f"rm -rf .git/objects .git/refs; ln -s {tmp_path}/prey .git/objects", work)
    run(session, f"rm -rf .git/refs; ln -s {tmp_path}/prey .git/refs", work)
    session.close()
    assert list((tmp_path / "prey").iterdir()) == []
    assert git(work, "log", "--format=%s", "main").split() == ["second", "first"]


@pytest.mark.parametrize("backend", ["namespaces", "bubblewrap"])
def test_a_file_that_is_also_outside_by_a_hard_link_stays_as_it_is(
    opened: Opener, work: Path, tmp_path: Path, backend: str
) -> None:
    (tmp_path / "outside").write_text("old\n")
    (work / "deep").mkdir()
    os.link(tmp_path / "outside", work / "deep/linked")
    (work / "one").write_text("old\n")
    os.link(work / "one", work / "two")
    before = (tmp_path / "outside").stat()
    session = opened(Policy(roots=(work,)), backend)
    script = (
        "mv deep moved; f=$(ls */linked); echo new > $f; chmod 0777 $f; touch -d 2001-01-01 $f; "
        "ln $f copy && echo new > copy; rm -f $f; echo new > one; echo new > free"
    )
    run(session, script, work)
    after = (tmp_path / "outside").stat()
    assert (tmp_path / "outside").read_text() == "old\n"
    assert (before.st_mode, before.st_mtime_ns) == (after.st_mode, after.st_mtime_ns)
    assert (work / "two").read_text() == "new\n"
    assert (work / "free").read_text() == "new\n"
    run(session, "echo new > moved/linked; echo new > deep/linked", work)
    assert (tmp_path / "outside").read_text() == "old\n"
