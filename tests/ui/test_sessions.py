"""Sessions as a person has them: going on, parting, finding, putting away, with the real program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from codex_py.core.entries import Image, Started, Text, TurnEnded, User
from codex_py.core.session import create, resume
from tests.conftest import Program, kinds
from tests.server import Server
from tests.turns import call, gate, refuse, text


def logs(program: Program, place: str = "sessions") -> list[Path]:
    return sorted((program.home / "state" / place).rglob("*.jsonl"), key=os.path.getmtime)


def identity(path: Path) -> str:
    return path.stem.rpartition("-")[2]


def first(program: Program, *turns: object, prompt: str = "remember PLUM") -> str:
    """A first session; returns its id."""
    with Server(list(turns) or [text("I will.")]) as server:  # type: ignore[arg-type]
        assert program.run("exec", "--full-auto", prompt, url=server.url).code == 0
    return identity(logs(program)[-1])


def test_a_session_goes_on_where_it_ended_with_the_same_beginning(program: Program) -> None:
    with Server(
        [[call("shell", {"command": "echo one"})], text("I will."), text("PLUM")]
    ) as server:
        program.run("exec", "--full-auto", "remember PLUM", url=server.url)
        name = identity(logs(program)[0])
        done = program.run(
            "exec", "resume", name[:6], "--json", "--full-auto", "what?", url=server.url
        )
        before, after = server.posts()[1], server.posts()[2]
    assert done.code == 0
    assert done.events[0] == {"type": "thread.started", "thread_id": name}
    assert done.events[-1]["usage"]["input_tokens"] == 3 * 120
    assert after["input"][: len(before["input"])] == before["input"]
    assert after["instructions"] == before["instructions"]
    assert "what?" in json.dumps(after["input"][-1])
    log = program.log()
    assert len(logs(program)) == 1
    assert [entry["n"] for entry in log] == list(range(len(log)))
    again = kinds(log).index("resumed")
    assert kinds(log)[again:] == ["resumed", "user", "assistant", "sampled", "turn_ended"]


def test_last_is_the_newest_of_this_project_and_a_session_keeps_its_folder_and_model(
    program: Program, repo: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    name = first(program)
    there = Program(program.home, elsewhere)
    with Server([text("a"), text("b"), text("c")]) as server:
        there.run("exec", "-m", "gpt-4.1", "hello", url=server.url)
        done = program.run("exec", "resume", "--last", "go on", url=server.url)
        assert f"-{name}.jsonl" in done.err
        done = there.run("exec", "resume", name, "from afar", url=server.url)
        assert str(repo) in done.err
        told = there.run("exec", "resume", "--last", "--json", "x", url=server.url)
        assert server.posts()[0]["model"] == "gpt-4.1"
    assert told.code == 1 and told.events[-1]["type"] == "turn.failed"
    assert json.loads(logs(program)[-1].read_text().splitlines()[-1])["kind"] == "turn_ended"


def test_the_mode_and_what_was_allowed_do_not_outlive_a_sitting(
    program: Program, repo: Path
) -> None:
    name = first(program)
    turns = [[call("shell", {"command": "touch made"})], text("could not")]
    with Server(turns) as server:
        done = program.run("exec", "resume", name, "touch it", url=server.url)
        told = json.dumps(server.posts()[0]["input"])
    assert done.code == 5 and not (repo / "made").exists()
    assert "Approval mode: suggest" in told


def test_a_fork_has_its_own_log_and_what_lies_beside(program: Program) -> None:
    many = "for n in $(seq 30000); do echo line $n; done"
    name = first(program, [call("shell", {"command": many})], text("done"))
    source = logs(program)[0]
    before = source.read_bytes()
    with Server([text("forked"), text("half")]) as server:
        assert program.run("exec", "fork", name, "and now?", url=server.url).code == 0
        new = logs(program)[-1]
        entries = [json.loads(line) for line in source.read_bytes().splitlines()]
        at = kinds(entries).index("tool_call")
        done = program.run("exec", "fork", name, "--at", str(at), "again", url=server.url)
        told = json.dumps(server.posts()[1]["input"])
    assert done.code == 0 and "No result: the turn was interrupted" in told
    assert source.read_bytes() == before
    first_line = json.loads(new.read_bytes().split(b"\n")[0])
    assert first_line["parent"] == name and first_line["session"] == identity(new) != name
    kept = next(json.loads(line) for line in new.read_bytes().splitlines() if b'"full"' in line)
    whole = Path(kept["full"])
    assert whole.parent == new.with_suffix("") and whole.read_text().endswith("line 30000\n")
    for each in (source, new):
        assert program.run("audit", identity(each)).code == 0
    wrong = program.run("exec", "fork", name, "--at", "999", "x", url="http://127.0.0.1:9")
    assert wrong.code == 2 and "no line 999" in wrong.err
    assert not list((program.home / "state/sessions").rglob("*.part"))


def test_list_search_export_rename_archive_delete(program: Program, repo: Path) -> None:
    one = first(program, prompt="paint the fence \x1b[31mred")
    two = first(program, prompt="count Zwölf boats")
    listed = program.run("sessions", "list")
    assert [line.split()[0] for line in listed.out.splitlines()] == [two[:8], one[:8]]
    assert "master" in listed.out or "main" in listed.out
    assert "\x1b" not in listed.out and "fence" in listed.out
    rows = [json.loads(line) for line in program.run("sessions", "list", "--json").out.splitlines()]
    assert rows[0]["words"] == "count Zwölf boats" and rows[0]["cwd"] == str(repo)
    assert rows[0]["spent"]["o4-mini"]["input"] == 120 and rows[0]["cost"] > 0
    assert program.run("sessions", "search", "ZWÖLF b").out.startswith(two[:8])
    assert program.run("sessions", "search", "nowhere at all").code == 1
    assert "## You\n\npaint the fence" in program.run("sessions", "export", one).out
    assert "count Zwölf boats" in program.run("sessions", "show", two[:7]).out
    assert program.run("sessions", "rename", two, "boats").code == 0
    assert program.run("sessions", "list").out.splitlines()[0].endswith("boats")
    assert program.run("sessions", "archive", "boats").code == 0
    assert two[:8] not in program.run("sessions", "list").out
    assert two[:8] in program.run("sessions", "list", "--archived").out
    assert program.run("sessions", "unarchive", two[:8]).code == 0
    refused = program.run("sessions", "delete", "boats")
    assert refused.code == 2 and "--yes" in refused.err and len(logs(program)) == 2
    assert program.run("sessions", "delete", "boats", "--yes").code == 0
    assert [identity(path) for path in logs(program)] == [one]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("exec", "resume", "feedbeef", "x"), "no session 'feedbeef'"),
        (("exec", "resume", "--last", "x"), "there is no session in"),
        (("exec", "resume"), "name a session, or give --last"),
        (("exec", "resume", "/nowhere.jsonl", "x"), "no session log"),
        (("sessions", "show", "nope"), "no session 'nope'"),
        (("sessions", "dance"), "invalid choice"),
        (("audit", "/proc/self/mem"), "cannot read the session /proc/self/mem"),
        (("replay", "/proc/self/mem", "--tools"), "cannot read the session /proc/self/mem"),
        (("undo", "/proc/self/mem", "--list"), "cannot read the session /proc/self/mem"),
        (("exec", "resume", "a", "b", "c"), "one word too many"),
    ],
)
def test_wrong_words_are_one_line(program: Program, args: tuple[str, ...], said: str) -> None:
    done = program.run(*args, env={"OPENAI_API_KEY": "sk-x"})
    assert done.code == 2 and said in done.err and len(done.err.splitlines()) == 1


def test_a_session_open_elsewhere_is_left_alone(program: Program) -> None:
    turns = [text("hello"), [text("waiting"), gate()], refuse(400, "no more")]
    with Server(turns) as server:
        program.run("exec", "hi", url=server.url)
        name = identity(logs(program)[0])
        key = {"OPENAI_API_KEY": "sk-test-0123456789abcdef", "OPENAI_BASE_URL": server.url}
        other = subprocess.Popen(
            program.argv("exec", "resume", name, "wait"),
            cwd=program.cwd,
            env=program.env(**key),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert server.reached.wait(20)
        before = logs(program)[0].read_bytes()
        for args in (("exec", "resume", name, "me too"), ("sessions", "rename", name, "x")):
            done = program.run(*args, url=server.url)
            assert done.code == 2 and "open in another process" in done.err
        assert program.run("sessions", "delete", name, "--yes").code == 2
        assert program.run("sessions", "show", name).code == 0
        assert logs(program)[0].read_bytes() == before
        server.gate.set()
        other.communicate(timeout=20)
    assert program.run("audit", name).code == 0


def test_pictures_and_whole_outputs_can_be_read_again_after_resuming_in_every_mode(
    program: Program,
) -> None:
    many = "for n in $(seq 30000); do echo line $n; done"
    name = first(program, [call("shell", {"command": many})], text("done"))
    result = next(
        json.loads(line) for line in logs(program)[0].read_bytes().splitlines() if b'"full"' in line
    )
    whole = result["full"]
    shown = result["parts"][0]["text"]
    assert len(shown) < 45_000 and "line 1\n" in shown and "line 30000" in shown
    assert whole in shown and f"{os.path.getsize(whole):,} bytes" in shown
    read = call("read_file", {"path": whole, "start": 15_000, "lines": 2})
    for mode in ("suggest", "auto-edit", "full-auto"):
        with Server([[read], text("read")]) as server:
            done = program.run("exec", "resume", name, "-a", mode, "more", url=server.url)
            assert done.code == 0, done.err
            told = json.dumps(server.posts()[1]["input"][-1])
        assert done.code == 0, done.err
        assert "15000 line 15000" in told and "15001 line 15001" in told


def test_a_log_from_anybody_gives_away_nothing_that_its_links_lead_to(
    program: Program, repo: Path
) -> None:
    secret = program.home / ".ssh"
    secret.mkdir()
    (secret / "id_rsa").write_text("the-word-in-the-key")
    session = create(repo.parent / "given")
    picture = Image(blob="a" * 64, media_type="image/png", width=8, height=8, name="x.png")
    for entry in (
        Started(session=session.id, cwd=str(repo), mode="suggest"),
        User(parts=(Text("look"), picture)),
        TurnEnded(reason="done"),
    ):
        session.append(entry)
    session.close()
    session.beside.mkdir()
    (session.beside / ("a" * 64)).symlink_to(secret / "id_rsa")
    with Server([text("Seen."), text("Seen.")]) as server:
        for wire in ("responses", "chat"):
            own = f'model_providers.own={{base_url="{server.url}", wire_api="{wire}"}}'
            model = ("-c", own, "-m", "own/gpt-5", "-c", "model_pictures=yes")
            done = program.run("exec", "resume", str(session.path), "go on", *model)
            assert done.code == 0, done.err
        sent = json.dumps(server.posts())
    assert b64encode(b"the-word-in-the-key").decode() not in sent
    assert sent.count("picture is lost") == 2
    (session.beside / ("a" * 64)).unlink()
    session.beside.rmdir()
    session.beside.symlink_to(secret)
    for verb in ("resume", "fork"):
        done = program.run("exec", verb, str(session.path), "x", url="http://127.0.0.1:9")
        assert done.code == 2 and "is a link" in done.err and "Traceback" not in done.err
    assert len(logs(program)) == 0


def test_the_newest_session_of_the_project_is_replayed_and_audited(
    program: Program, tmp_path: Path
) -> None:
    first(program, text("one said"), prompt="one")
    name = first(program, text("two said"), prompt="two")
    (tmp_path / "far").mkdir()
    far = Program(program.home, tmp_path / "far")
    assert "two said" in program.run("replay", "--last").out
    assert "started" in program.run("audit", "--last").out
    assert "two said" in far.run("replay", "--last", "--all").out
    for verb in ("replay", "audit"):
        for words, told in (
            (("--last",), "there is no session in"),
            ((), "name a session, or give --last"),
            (("--all",), "--all goes with --last"),
            (("--last", name), "exclude each other"),
        ):
            done = far.run(verb, *words)
            assert done.code == 2 and told in done.err and len(done.err.splitlines()) == 1


def test_a_current_folder_that_is_gone_is_one_line(program: Program) -> None:
    for words in ("sessions list", "audit --last", "replay --last", "undo", "exec resume --last x"):
        line = f"mkdir gone; cd gone; rmdir ../gone; exec {sys.executable} -m codex_py {words}"
        done = subprocess.run(
            ["sh", "-c", line], cwd=program.cwd, env=program.env(), capture_output=True, text=True
        )
        assert done.returncode == 2 and "no longer exists" in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_sessions_named_twice_put_away_or_looked_at_without_a_home_to_write(
    program: Program, tmp_path: Path
) -> None:
    name = first(program, [call("shell", {"command": "echo x > made"})], text("ok"))
    key = {"OPENAI_API_KEY": "sk-x"}
    held = resume(logs(program)[0])  # open elsewhere
    done = program.run("undo", name, "--preview")
    assert done.code == 0 and "delete   made" in done.out
    held.close()
    assert program.run("sessions", "archive", name, name[:7]).code == 0
    for words in (("exec", "resume", name, "x"), ("exec", "fork", name, "x"), ("undo", name)):
        done = program.run(*words, env=key)
        assert done.code == 2 and f"sessions unarchive {name}" in done.err
        assert len(done.err.splitlines()) == 1
    assert program.run("sessions", "unarchive", name, name).code == 0
    full = tmp_path / "full"
    full.mkdir()
    if subprocess.run(["mount", "--bind", program.home / "state", full]).returncode == 0:
        try:
            subprocess.run(["mount", "-o", "remount,bind,ro", full], check=True)
            for words in (
                ("exec", "fork", name, "x"),
                ("undo", name, "--yes"),
                ("undo", "--preview"),
            ):
                done = program.run(*words, env={**key, "CODEX_PY_HOME": str(full)})
                assert done.code == (0 if "--preview" in words else 2), done.err
                assert "Traceback" not in done.err and len(done.err.splitlines()) < 2
        finally:
            subprocess.run(["umount", full], check=True)
    assert program.run("sessions", "delete", name, name, "--yes").code == 0
    assert logs(program) == []


@pytest.mark.parametrize(
    "words",
    [
        "sessions list -n -1",
        "sessions search x -n -1",
        "undo --turn 0",
        "undo --step -1",
        "undo --last abcd",
        "sessions show",
    ],
)
def test_numbers_and_names_that_mean_nothing_are_one_line(program: Program, words: str) -> None:
    done = program.run(*words.split())
    assert done.code == 2 and len(done.err.splitlines()) == 1 and done.out == ""


@pytest.mark.parametrize(
    "words", ['say "Hello\\there"', 'the "QUOTED"\nline', "-printf '%p\\n'", 'Zwölf "é"']
)
def test_what_a_search_finds_is_what_was_said_called_or_told(program: Program, words: str) -> None:
    line = f"cat <<'E'\nfirst {words} last\nE"
    one = first(program, [call("shell", {"command": f": {words!r}"})], text("ok"), prompt="a")
    assert program.run("sessions", "search", f": {words!r}".upper()).out.startswith(one[:8])
    two = first(program, [call("shell", {"command": line})], text("ok"), prompt="b")
    three = first(program, prompt=f"look for {words} now")
    found = program.run("sessions", "search", f" {words} ").out.splitlines()
    assert [each.split()[0] for each in found] == [three[:8], two[:8]]
