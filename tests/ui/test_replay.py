"""A session again: shown, its tools run again in a fresh folder, all of it on recorded answers."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from codex_py.core.entries import (
    Assistant,
    Decision,
    Entry,
    Sampled,
    Started,
    Text,
    ToolCall,
    ToolResult,
    TurnEnded,
    User,
)
from codex_py.core.session import create
from codex_py.host.git import head
from tests.conftest import Program
from tests.server import Server
from tests.turns import call, fault, gate, reasoning, text

PATCH = """\
*** Begin Patch
*** Update File: hello.py
@@ def hello():
-    return 'hello'
+    return 'world'
*** End Patch"""


def recorded(program: Program, *turns: object) -> tuple[str, Path]:
    """A session in full-auto; its id and its log."""
    with Server(list(turns)) as server:  # type: ignore[arg-type]
        program.run("exec", "--full-auto", "say world", url=server.url)
    path = max((program.home / "state/sessions").rglob("*.jsonl"))
    return path.stem.rpartition("-")[2], path


def test_what_ran_runs_again_in_a_fresh_folder_with_no_key_and_no_network(
    program: Program, repo: Path
) -> None:
    name, path = recorded(
        program,
        [reasoning("Looking"), call("read_file", {"path": str(repo / "hello.py")})],
        [call("apply_patch", {"input": PATCH})],
        [call("shell", {"command": "python3 -c 'import hello; print(hello.hello())'"})],
        [call("shell", {"command": f"cd {repo} && git log --oneline | wc -l && pwd"})],
        text("It says world now."),
    )
    (repo / "hello.py").write_text("def hello():\n    return 'by hand'\n")
    before = path.read_bytes()
    done = program.run("replay", name, "--tools")
    assert done.code == 0, done.out
    assert "4 calls: 4 did the same, 0 did not" in done.out
    assert f"commit {head(repo)[:12]}" in done.out
    assert "by hand" in (repo / "hello.py").read_text() and path.read_bytes() == before
    told = program.run("replay", name, "--model", "recorded")
    assert told.code == 0 and "It says world now." in told.out and "say world" in told.out
    shown = program.run("replay", name)
    assert "It says world now." in shown.out and "did the same" not in shown.out
    assert len(list((program.home / "state/sessions").rglob("*.jsonl"))) == 1


def test_every_difference_is_told(program: Program, repo: Path) -> None:
    (repo / "hello.py").write_text("def hello():\n    return 'not committed'\n")
    (repo / "notes").write_text("1")
    name, _ = recorded(
        program,
        [call("shell", {"command": "echo the same"})],
        [call("shell", {"command": "cat hello.py"})],
        [call("shell", {"command": "test -e notes"})],
        [call("shell", {"command": "ls hello.py"})],
        text("Done."),
    )
    shutil.rmtree(program.home / "state/snapshots")
    done = program.run("replay", name, "--tools")
    assert done.code == 1
    assert "the snapshots of this folder were removed" in done.out
    assert "4 calls: 2 did the same, 2 did not" in done.out
    assert "shell `cat hello.py`: its output differs" in done.out
    assert "-    return 'not committed'" in done.out and "+    return 'hello'" in done.out
    assert "shell `test -e notes`: exit code 1, was 0" in done.out


def test_a_failing_model_fails_again_in_the_same_words(program: Program) -> None:
    name, path = recorded(program, [call("shell", {"command": "echo one"})], fault("garbage"))
    done = program.run("replay", name, "--model", "recorded")
    ended = json.loads(path.read_bytes().splitlines()[-1])
    assert ended["reason"] == "failed" and ended["error"][:40] in done.out
    assert "1 call: 1 did the same" in done.out


def crafted(program: Program, repo: Path, calls: list[tuple[ToolCall, Decision]]) -> Path:
    """A log in which a person allowed some calls."""
    session = create(program.home / "state" / "sessions")
    entries: list[Entry] = [
        Started(session=session.id, cwd=str(repo), mode="suggest", commit=head(repo) or ""),
        User(parts=(Text("go"),)),
        *(each for each, _ in calls),
        Sampled(model="m"),
    ]
    for each, decision in calls:
        entries += [decision, ToolResult(call_id=each.call_id, ok=True, parts=(Text("ok"),))]
    entries += [Assistant(text="Done."), Sampled(model="m"), TurnEnded(reason="done")]
    for entry in entries:
        session.append(entry)
    session.close()
    return session.path


def test_what_a_person_once_allowed_does_not_reach_outside_again(
    program: Program, repo: Path, tmp_path: Path
) -> None:
    outside = program.home / "outside"
    outside.mkdir()
    (program.home / ".ssh").mkdir()
    (program.home / ".ssh/id_rsa").write_text("the-word")
    yes = {"verdict": "allow", "by": "user", "remember": f"edit: {outside}/b"}
    calls = [
        ("shell", {"command": "cat ~/.ssh/id_rsa", "grant_read": ["~/.ssh/id_rsa"]}),
        ("shell", {"command": f"touch {outside}/a; echo $HOME > inside; echo ran"}),
        ("write_file", {"path": f"{outside}/b", "content": "x"}),
        ("shell", {"command": "touch second"}),
    ]
    made = [
        (
            ToolCall(call_id=f"c{at}", name=name, arguments=json.dumps(given)),
            Decision(call_id=f"c{at}", **yes if at < 3 else {"verdict": "deny", "by": "user"}),
        )
        for at, (name, given) in enumerate(calls)
    ]
    path = crafted(program, repo, made)
    done = program.run("replay", str(path), "--tools")
    assert "the-word" not in done.out and "would read what may be secret" in done.out
    assert "ran" in done.out and list(outside.iterdir()) == []
    assert "not run again: write_file" in done.out and "would write outside" in done.out
    assert "not run again: shell `touch second`: it was refused then" in done.out
    assert not (repo / "inside").exists() and not (repo / "second").exists()


def test_audit_says_who_allowed_what_and_where_a_log_was_changed(
    program: Program, repo: Path
) -> None:
    made = [
        (
            ToolCall(call_id="c", name="shell", arguments='{"command":"make \\u001b[31mred"}'),
            Decision(
                call_id="c", verdict="allow", by="user", effects={"command": "make \x1b[31mred"},
                remember="command: make",
            ),
        )
    ]  # fmt: skip
    path = crafted(program, repo, made)
    done = program.run("audit", str(path))
    assert done.code == 0 and "the log is whole: 9 chained lines" in done.out
    assert "allow by the user, NOT confined: shell make ^[[31mred" in done.out
    assert "from then on also command: make" in done.out and "\x1b" not in done.out
    lines = path.read_bytes().split(b"\n")
    lines[4] = lines[4].replace(b'"by":"user"', b'"by":"policy"')
    path.write_bytes(b"\n".join(lines))
    done = program.run("audit", str(path))
    assert done.code == 1 and "THE LOG WAS CHANGED at line 5" in done.out
    facts = [
        json.loads(line) for line in program.run("audit", str(path), "--json").out.splitlines()
    ]
    assert facts[-1] == {
        "kind": "chain", "lines": 9, "unchained": 0, "whole": False,
        "breaks": [{"line": 5, "why": facts[-1]["breaks"][0]["why"]}],
    }  # fmt: skip


def test_audit_says_what_settings_and_options_opened(program: Program, repo: Path) -> None:
    (repo.parent / "more").mkdir()
    table = "sandbox_workspace_write"
    given = ("network_access=true", f'readable=["{program.home}/.ssh"]', 'keep_env=["MINE"]')
    more = [each for one in given for each in ("-c", f"{table}.{one}")]
    with Server([text("ok"), text("ok")]) as server:
        args = ("--full-auto", "--add-dir", "../more", *more)
        program.run("exec", *args, "go", url=server.url)
        told = json.dumps(server.posts()[0]["input"])
        assert "the network is open" in told and "no network" not in told
        program.run("exec", "resume", "--last", "--full-auto", "go", url=server.url)
        assert "no network" in json.dumps(server.posts()[1]["input"])
    out = program.run("audit", "--last").out
    paths = (f"write {repo.parent}/more", f"read {program.home}/.ssh")
    opened = "; ".join([*paths, "variable MINE", "network"])
    assert f"opened by settings and options: {opened}\n" in out and out.count("opened by") == 2
    assert "4 opened by settings and options" in out


def test_a_log_from_anybody_reaches_nothing_but_the_fresh_folder(
    program: Program, repo: Path
) -> None:
    path = crafted(program, repo, [])
    for cwd in ("/tmp/..", "..", "/", "", "a/../..", "/x\u0000y", 7, ["/"]):
        lines = [json.loads(line) for line in path.read_bytes().splitlines()]
        lines[0] |= {"cwd": cwd, "commit": "0" * 40}
        odd = program.home / "odd.jsonl"
        odd.write_text("".join(json.dumps(line) + "\n" for line in lines))
        before = sorted(program.home.parent.iterdir())
        done = program.run("replay", str(odd), "--tools")
        assert "Traceback" not in done.err and done.code in (0, 2), done.err
        assert sorted(program.home.parent.iterdir()) == before


def test_a_log_from_anybody_is_read_without_harm(program: Program, repo: Path) -> None:
    evil = "\x1b]0;x\x07"
    odd = ToolCall(call_id="c", name="shell" + evil, arguments="[" * 5_000)
    path = crafted(program, repo, [(odd, Decision(call_id="c", verdict="allow"))])
    for kind, wrong in (
        ("decision", {"by": evil, "verdict": evil, "reason": evil}),
        ("tool_result", {"data": {"changes": [7], "denied": 7}}),
        ("user", {"at": 1e300, "parts": [{"image": "a", "media_type": 7, "width": "x"}]}),
        ("assistant", {"at": float("nan"), "text": f"{evil}\ud800"}),
    ):
        lines = [json.loads(line) for line in path.read_bytes().splitlines()]
        lines = [{**each, **wrong} if each["kind"] == kind else each for each in lines]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        name = path.stem.rpartition("-")[2]
        for words in (("audit", name), ("sessions", "show", name), ("replay", name)):
            done = program.run(*words)
            assert done.code < 2 and "Traceback" not in done.err, done.err
            assert "\x07" not in done.out
    assert program.run("sessions", "export", name).code == 0
    assert "Traceback" not in program.run("replay", name, "--tools").err


def test_arguments_nested_without_end_end_no_turn(program: Program) -> None:
    with Server([call("shell", "[" * 50_000)] * 4 + [text("Done.")]) as server:
        done = program.run("exec", "go", url=server.url)
    assert done.code == 0 and "Traceback" not in done.err, done.err


def again(program: Program, *turns: object, args: tuple[str, ...] = ()) -> None:
    """The same session goes on."""
    with Server(list(turns)) as server:  # type: ignore[arg-type]
        mode = () if "-a" in args else ("--full-auto",)
        program.run("exec", "resume", "--last", *mode, *args, "go on", url=server.url)


def shell(line: str) -> list[object]:
    return [call("shell", {"command": line})]


def same(program: Program, count: int, more: str = "") -> None:
    """Every call did what it did, in both kinds of replay."""
    for how in (("--tools",), ("--model", "recorded")):
        done = program.run("replay", "--last", *how)
        assert done.code == 0, done.out
        assert f"{count} calls: {count - bool(more)} did the same, 0 did not" in done.out
        assert more in done.out


def test_undo_and_redo_between_turns_are_done_again(program: Program, repo: Path) -> None:
    recorded(program, shell("echo 1 > made; rm hello.py; mkdir d; echo x > d/e"), text("ok"))
    assert program.run("undo", "--yes").code == 0
    again(program, shell("ls; cat made hello.py"), shell("echo 2 > made"), text("ok"))
    assert program.run("redo", "--turn", "1", "--yes", "--take-all").code == 0
    again(program, shell("ls -R; cat made hello.py"), text("ok"))
    same(program, 4)
    shutil.rmtree(program.home / "state/snapshots")
    done = program.run("replay", "--last", "--tools")
    assert "not there: an undo between two turns (the changes of this step are gone" in done.out


def test_each_sitting_has_its_folder_and_its_mode(
    program: Program, repo: Path, outside: Path
) -> None:
    far = outside / "far"
    far.mkdir()
    (far / "z").write_text("zed")
    (outside / "far2").write_text("beside")
    line = f"mkdir sub; cat {far}/z {far}2; echo made > {far}/y"
    with Server([shell(line), text("ok")]) as server:
        program.run("exec", "--full-auto", "--add-dir", str(far), "go", url=server.url)
    again(program, shell("pwd; ls ..; echo in > f"), text("ok"), args=("-C", "sub"))
    again(program, shell("cat sub/f; touch no"), text("ok"), args=("-C", ".", "-a", "suggest"))
    again(program, shell(f"ls . sub {far}; cat {far}/y"), text("ok"), args=("-C", "."))
    same(program, 4, "not run again: shell `cat sub/f; touch no`: it was refused then")
    assert (far / "y").read_text() == "made\n" and not (repo / "no").exists()


@pytest.mark.parametrize("how", ["limit", "stuck", "killed", "interrupted"])
def test_turns_that_were_broken_off_do_not_take_the_answers_of_the_next(
    program: Program, repo: Path, how: str
) -> None:
    (repo / "more").mkdir()
    if how == "killed":
        turns = [shell("echo one"), [text("half"), gate()]]
        with Server(turns) as server:
            key = {"OPENAI_API_KEY": "sk-test-0123456789abcdef", "OPENAI_BASE_URL": server.url}
            argv = program.argv("exec", "--full-auto", "first")
            running = subprocess.Popen(argv, cwd=repo, env=program.env(**key))
            assert server.reached.wait(20)
            running.kill()
            running.wait()
    else:
        turns = [shell("cat nothing") for _ in range(7)]
        args = ("--max-steps", "2") if how == "limit" else ()
        if how == "interrupted":
            turns, args = [shell("echo one"), fault("garbage")], ("-c", "request_max_retries=0")
        with Server(turns) as server:
            program.run("exec", "--full-auto", *args, "first", url=server.url)
    calls = sum(line["kind"] == "tool_result" for line in program.log())
    again(program, shell("echo in the second turn"), text("Second answer."))
    same(program, calls + 1)
    done = program.run("replay", "--last", "--model", "recorded")
    at = done.out.index("go on")
    assert "in the second turn" in done.out[at:] and "Second answer." in done.out[at:]
    assert "Second" not in done.out[:at] and "the recording ends" not in done.out


def test_a_call_that_was_cut_off_is_named_and_not_run_again(program: Program, repo: Path) -> None:
    _, path = recorded(program, shell("echo one"), shell('echo t""wo'), text("ok"))
    lines = path.read_bytes().splitlines(keepends=True)
    results = [n for n, each in enumerate(lines) if json.loads(each)["kind"] == "tool_result"]
    path.write_bytes(b"".join(lines[: results[1]]))
    again(program, shell("echo in the second turn"), text("Second answer."))
    same(program, 3, 'not run again: shell `echo t""wo`: it was cut off then')
    done = program.run("replay", "--last", "--model", "recorded")
    assert "one" in done.out and "two" not in done.out and "Second answer." in done.out


def test_a_tool_that_there_never_was_changes_none_that_there_were(program: Program) -> None:
    recorded(
        program,
        [call("edit_file", {"path": "hello.py", "old": "a", "new": "b"})],
        [call("apply_patch", {"input": PATCH})],
        text("ok"),
    )
    same(program, 2)
