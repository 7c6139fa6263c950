"""The one-shot program as a user runs it: real subprocess, real git, a scripted model server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import Program, kinds
from tests.drawn import quarters, saved
from tests.server import Server
from tests.turns import call, custom, ended, fault, gate, html, rate, reasoning, refuse, text

PATCH = """\
*** Begin Patch
*** Update File: hello.py
@@ def hello():
-    return 'hello'
+    return 'world'
*** End Patch"""

CHECK = {"command": "python3 -c 'import hello; print(hello.hello())'"}
MODEL = ("-m", "openai/o4-mini")


def edit(model_takes_freeform: bool = False) -> dict[str, object]:
    if model_takes_freeform:
        return custom("apply_patch", PATCH)
    return call("apply_patch", {"input": PATCH})


def test_full_auto_reads_edits_runs_and_reports(program: Program, repo: Path) -> None:
    turns = [
        [reasoning("Looking"), call("read_file", {"path": "hello.py"}), call("list_files")],
        [edit()],
        [call("shell", CHECK)],
        text("hello() now returns 'world'; I ran it and saw world."),
    ]
    with Server(turns) as server:
        done = program.run("exec", "--approval-mode", "full-auto", "say world", url=server.url)
    assert (done.code, done.out) == (0, "hello() now returns 'world'; I ran it and saw world.\n")
    assert (repo / "hello.py").read_text() == "def hello():\n    return 'world'\n"
    log = program.log()
    results = [entry for entry in log if entry["kind"] == "tool_result"]
    assert [entry["ok"] for entry in results] == [True, True, True, True]
    assert results[3]["data"]["exit_code"] == 0
    assert "world" in results[3]["parts"][0]["text"]
    assert log[-1]["kind"] == "turn_ended" and log[-1]["reason"] == "done"
    assert len(server.posts()) == 4
    assert "world" in done.err and "exit code: 0" in done.err


def test_each_request_begins_with_the_one_before(program: Program) -> None:
    turns = [[reasoning("r"), call("shell", {"command": f"echo {n}"})] for n in range(3)]
    with Server([*turns, text("ok")]) as server:
        program.run("exec", "--full-auto", "count", url=server.url)
        bodies = server.posts()
        connections = {seen.connection for seen in server.requests}
    for before, after in zip(bodies, bodies[1:], strict=False):
        assert after["input"][: len(before["input"])] == before["input"]
        fixed = [{key: body[key] for key in body if key != "input"} for body in (before, after)]
        assert fixed[0] == fixed[1]
    assert bodies[0]["store"] is False
    assert "reasoning.encrypted_content" in bodies[0]["include"]
    assert any(item.get("encrypted_content") for item in bodies[1]["input"])
    assert len(connections) == 1


def test_first_request_is_small(program: Program) -> None:
    with Server([text("ok")]) as server:
        program.run("exec", "hi", url=server.url)
        assert len(server.requests[0].raw) < 16_000


def test_suggest_refuses_edits_when_nobody_can_be_asked(program: Program, repo: Path) -> None:
    with Server([[edit()], text("I could not edit.")]) as server:
        done = program.run("exec", "say world", url=server.url)
        told = json.dumps(server.posts()[1]["input"])
    assert done.code == 5
    assert "return 'hello'" in (repo / "hello.py").read_text()
    assert "nobody can be asked" in told
    assert "--approval-mode auto-edit" in done.err
    decisions = [entry for entry in program.log() if entry["kind"] == "decision"]
    assert [(each["verdict"], each["by"]) for each in decisions] == [("deny", "headless")]


def test_auto_edit_edits_but_asks_before_commands(program: Program, repo: Path) -> None:
    turns = [
        [edit()],
        [call("shell", {"command": "cat hello.py | head -1"})],
        [call("shell", {"command": "touch made"})],
        text("Done."),
    ]
    with Server(turns) as server:
        done = program.run("exec", "--auto-edit", "say world", url=server.url)
    assert done.code == 5
    assert "return 'world'" in (repo / "hello.py").read_text()
    assert not (repo / "made").exists()
    verdicts = [entry["verdict"] for entry in program.log() if entry["kind"] == "decision"]
    assert verdicts == ["allow", "allow", "deny"]
    assert "touch made" in done.err and "--approval-mode full-auto" in done.err


@pytest.mark.sandbox
def test_full_auto_commands_are_confined(program: Program, repo: Path, tmp_path: Path) -> None:
    outside = Path("/usr/local/codex-py-escape")
    commands = [
        f"echo x > {outside}",
        "echo evil > .git/hooks/pre-commit",
        "git config core.fsmonitor /bin/true",
        "echo $OPENAI_API_KEY; env | grep -c sk-test",
        "python3 -c \"import socket; socket.create_connection(('127.0.0.1', PORT), 2)\"",
        "echo inside > inside; cat inside",
    ]
    with Server([]) as server:
        commands[4] = commands[4].replace("PORT", server.url.rsplit(":", 1)[1].split("/")[0])
        server.turns = [*([call("shell", {"command": each})] for each in commands), text("ok")]
        done = program.run("exec", "--full-auto", "attack", url=server.url)
        reached = len(server.posts())
    results = [entry["data"]["exit_code"] for entry in program.log() if "data" in entry]
    assert done.code == 0, done.err
    assert [bool(code) for code in results] == [True, True, True, True, True, False]
    assert not outside.exists()
    assert not (repo / ".git/hooks/pre-commit").exists()
    assert "fsmonitor" not in (repo / ".git/config").read_text()
    assert (repo / "inside").read_text() == "inside\n"
    assert "sk-test-0123" not in json.dumps(program.log())
    assert reached == len(commands) + 1
    assert "refused by the sandbox" in done.err and f"write {outside}" in done.err


@pytest.mark.sandbox
def test_edits_outside_the_workspace_ask_even_in_full_auto(
    program: Program, tmp_path: Path
) -> None:
    escape = Path("/usr/local/codex-py-escape.txt")
    patch = f"*** Begin Patch\n*** Add File: {escape}\n+x\n*** End Patch"
    with Server([[call("apply_patch", {"input": patch})], text("ok")]) as server:
        done = program.run("exec", "--full-auto", "go", url=server.url)
    assert done.code == 5
    assert not escape.exists()
    assert "outside the workspace" in done.err


@pytest.mark.sandbox
def test_a_link_out_of_the_workspace_does_not_carry_an_edit(
    program: Program, repo: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target.txt"
    target.write_text("before\n")
    (repo / "link.txt").symlink_to(target)
    patch = "*** Begin Patch\n*** Update File: link.txt\n-before\n+after\n*** End Patch"
    with Server([[call("apply_patch", {"input": patch})], text("ok")]) as server:
        done = program.run("exec", "--full-auto", "go", url=server.url)
    assert (done.code, target.read_text()) == (5, "before\n")


def test_json_prints_codex_events(program: Program) -> None:
    turns = [
        [reasoning("Think"), call("update_plan", {"plan": [{"step": "a", "status": "pending"}]})],
        [edit(), call("shell", {"command": "cat hello.py"})],
        text("Done."),
    ]
    with Server(turns) as server:
        done = program.run("exec", "--auto-edit", "--json", "go", url=server.url)
    types = [(event["type"], event.get("item", {}).get("type", "")) for event in done.events]
    assert types == [
        ("thread.started", ""),
        ("turn.started", ""),
        ("item.completed", "reasoning"),
        ("item.started", "todo_list"),
        ("item.started", "file_change"),
        ("item.completed", "file_change"),
        ("item.started", "command_execution"),
        ("item.completed", "command_execution"),
        ("item.completed", "agent_message"),
        ("item.completed", "todo_list"),
        ("turn.completed", ""),
    ]
    command = done.events[7]["item"]
    assert command["exit_code"] == 0 and "world" in command["aggregated_output"]
    assert done.events[5]["item"]["changes"] == [{"path": "hello.py", "kind": "update"}]
    assert done.events[-1]["usage"]["input_tokens"] > 0


@pytest.mark.parametrize("style", ["heredoc", "folder"])
def test_a_patch_through_the_shell_is_an_edit(program: Program, repo: Path, style: str) -> None:
    command = f"apply_patch <<'EOF'\n{PATCH}\nEOF"
    if style == "folder":
        (repo / "sub").mkdir()
        (repo / "hello.py").rename(repo / "sub" / "hello.py")
        command = f"cd sub && {command}"
    with Server([[call("shell", {"command": command})], text("ok")]) as server:
        done = program.run("exec", "--auto-edit", "go", url=server.url)
    folder = repo / "sub" if style == "folder" else repo
    assert done.code == 0, done.err
    assert "'world'" in (folder / "hello.py").read_text()
    assert "hello.py +1 -1" in done.err


def test_last_message_goes_to_a_file_too(program: Program, tmp_path: Path) -> None:
    with Server([text("The answer.")]) as server:
        done = program.run("exec", "-o", str(tmp_path / "last.txt"), "q", url=server.url)
    assert (done.out, (tmp_path / "last.txt").read_text()) == ("The answer.\n", "The answer.")


def test_max_steps_stops_with_its_own_code(program: Program) -> None:
    turns = [[call("shell", {"command": f"echo {n}"})] for n in range(5)]
    with Server(turns) as server:
        done = program.run("exec", "--max-steps", "2", "loop", url=server.url)
        assert len(server.posts()) == 2
    assert done.code == 3
    assert "--max-steps 2" in done.err


def test_a_program_planted_in_the_workspace_is_not_free(program: Program, repo: Path) -> None:
    (repo / "bin").mkdir()
    (repo / "bin" / "cat").write_text("#!/bin/sh\ntouch planted\n")
    (repo / "bin" / "cat").chmod(0o755)
    path = {"PATH": f"{repo}/bin:{os.environ['PATH']}"}
    with Server([[call("shell", {"command": "cat hello.py"})], text("ok")]) as server:
        done = program.run("exec", "go", url=server.url, env=path)
    assert done.code == 5
    assert "inside the workspace" in done.err


def test_nothing_in_the_environment_runs_before_a_free_command(
    program: Program, repo: Path, tmp_path: Path
) -> None:
    (tmp_path / "rc").write_text(f"touch {tmp_path}/ran\n")
    traps = {"BASH_ENV": f"{tmp_path}/rc", "BASH_FUNC_cat%%": f"() {{ touch {tmp_path}/ran; }}"}
    with Server([[call("shell", {"command": "cat hello.py"})], text("ok")]) as server:
        done = program.run("exec", "go", url=server.url, env=traps)
        told = json.dumps(server.posts()[1]["input"])
    assert done.code == 0 and "return 'hello'" in told
    assert not (tmp_path / "ran").exists()


def test_an_answer_that_was_cut_off_does_not_count_as_finished(program: Program) -> None:
    with Server([[text("half of it"), ended("max_output_tokens")]]) as server:
        done = program.run("exec", "hi", url=server.url)
    assert done.code == 3
    assert "cut off: max_output_tokens" in done.err


def test_a_repeated_failing_step_stops_the_turn(program: Program) -> None:
    with Server([[call("shell", {"command": "cat missing"})]], loop=True) as server:
        done = program.run("exec", "loop", url=server.url)
        assert len(server.posts()) <= 8
        assert "Repeating it will not help" in json.dumps(server.posts()[-1]["input"])
    assert done.code == 3
    assert "times in a row" in done.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("mode", ["full-auto", "suggest"])
def test_a_signal_ends_the_commands_whole_tree_and_saves(
    program: Program, repo: Path, number: int, code: int, mode: str
) -> None:
    os.mkfifo(repo / "pipe")
    command = "sleep 300 & echo started; sleep 300" if mode == "full-auto" else "cat pipe"
    with Server([[call("shell", {"command": command})], text("never")]) as server:
        env = program.env(OPENAI_API_KEY="sk-test-1", OPENAI_BASE_URL=server.url)
        running = subprocess.Popen(
            program.argv("exec", "--json", "-a", mode, "wait"),
            cwd=repo,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert running.stdout
        for line in running.stdout:
            if "item.started" in line:
                break
        children = descendants(running.pid)
        running.send_signal(number)
        assert running.wait(timeout=20) == code
        running.stdout.close()
        assert running.stderr
        running.stderr.close()
    assert kinds(program.log())[-1] == "turn_ended"
    assert program.log()[-1]["reason"] == "interrupted"
    deadline = time.monotonic() + 10
    while any(alive(each) for each in children) and time.monotonic() < deadline:
        os.sched_yield()
    assert not [each for each in children if alive(each)]


def descendants(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("turn", "told"),
    [
        pytest.param(refuse(401, "Incorrect API key"), "Incorrect API key", id="wrong key"),
        pytest.param(html(403), "403", id="a proxy's page"),
        pytest.param(
            refuse(400, "too long", code="context_length_exceeded"), "context", id="overflow"
        ),
        pytest.param(refuse(429, "no credit", code="insufficient_quota"), "quota", id="quota"),
    ],
)
def test_a_refusing_provider_ends_the_turn_with_one_line(
    program: Program, turn: dict[str, object], told: str
) -> None:
    with Server([turn]) as server:
        done = program.run("exec", "hi", url=server.url)
    assert done.code == 1
    assert done.out == ""
    lines = [line for line in done.err.splitlines() if line.startswith("codex-py: ")]
    assert len(lines) == 1 and told.lower() in lines[0].lower()
    assert "Traceback" not in done.err
    assert program.log()[-1]["reason"] == "failed"


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param([rate(ms="10")], id="429"),
        pytest.param([refuse(500)], id="500"),
        pytest.param([html(502)], id="502 page"),
        pytest.param([text("half an ans"), fault("reset")], id="reset"),
        pytest.param([call("shell", {"command": "touch twice"}), fault("drop")], id="drop"),
        pytest.param([text("half"), fault("garbage")], id="garbage"),
        pytest.param([fault("hangup")], id="hangup"),
    ],
)
def test_a_passing_fault_is_retried_and_leaves_nothing_half_done(
    program: Program, repo: Path, broken: list[dict[str, object]]
) -> None:
    with Server([broken, text("All good.")]) as server:
        done = program.run("exec", "--full-auto", "hi", url=server.url)
    assert (done.code, done.out) == (0, "All good.\n"), done.err
    assert not (repo / "twice").exists()
    assert "tool_call" not in kinds(program.log())
    assert "↻" in done.err


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(call("shell", "{not json"), id="no JSON"),
        pytest.param(call("shell", {"cmd": "true"}), id="wrong shape"),
        pytest.param(call("shell", '["true"]'), id="a list"),
        pytest.param(call("teleport", {}), id="no such tool"),
        pytest.param(call("read_file", {"path": "missing.py"}), id="no such file"),
        pytest.param(call("read_file", {"path": "\x00"}), id="NUL in a path"),
    ],
)
def test_a_wrong_call_is_told_to_the_model_and_the_turn_goes_on(
    program: Program, wrong: dict[str, object]
) -> None:
    with Server([[wrong], text("I see.")]) as server:
        done = program.run("exec", "hi", url=server.url)
    assert (done.code, done.out) == (0, "I see.\n"), done.err
    results = [entry for entry in program.log() if entry["kind"] == "tool_result"]
    assert len(results) == 1 and not results[0]["ok"]
    assert results[0]["parts"][0]["text"]
    assert "Traceback" not in done.err


def test_calls_with_the_same_id_each_get_their_result(program: Program) -> None:
    turns = [
        [call("shell", {"command": "echo one"}, id="c1")],
        [call("shell", {"command": "echo two"}, id="c1")],
        text("ok"),
    ]
    with Server(turns) as server:
        done = program.run("exec", "hi", url=server.url)
        items = server.posts()[2]["input"]
    outputs = [item for item in items if item.get("type") == "function_call_output"]
    assert done.code == 0
    assert len({item["call_id"] for item in outputs}) == 2
    assert ["one" in str(item) or "two" in str(item) for item in outputs] == [True, True]


def test_an_open_idle_pipe_does_not_hang_it(program: Program) -> None:
    reader, writer = os.pipe()
    try:
        with Server([text("hello")]) as server:
            done = subprocess.run(
                program.argv("exec", "hi"),
                cwd=program.cwd,
                env=program.env(OPENAI_API_KEY="sk-test-1", OPENAI_BASE_URL=server.url),
                stdin=reader,
                capture_output=True,
                text=True,
                timeout=30,
            )
    finally:
        os.close(reader)
        os.close(writer)
    assert (done.returncode, done.stdout) == (0, "hello\n")


@pytest.mark.parametrize("args", [("exec", "-"), ("exec",), ("-q",)])
def test_the_prompt_can_come_from_a_pipe(program: Program, args: tuple[str, ...]) -> None:
    with Server([text("hello")]) as server:
        done = program.run(*args, stdin="from the pipe\n", url=server.url)
        sent = server.posts()[0]["input"]
    assert done.code == 0
    assert "from the pipe" in json.dumps(sent[-1])


def test_a_pipe_beside_a_prompt_is_added_to_it(program: Program) -> None:
    with Server([text("hello")]) as server:
        program.run("exec", "review", stdin="the diff", url=server.url)
        sent = json.dumps(server.posts()[0]["input"][-1])
    assert "review" in sent and "<stdin>\\nthe diff\\n</stdin>" in sent


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("exec",), "no prompt"),
        (("exec", ""), "no prompt"),
        (("exec", "--approval-mode", "yolo", "x"), "full-auto"),
        (("exec", "--effort", "huge", "x"), "medium"),
        (("exec", "-C", "/no/such/folder", "x"), "no such folder"),
        (
            ("exec", "-c", "modle=o3", "x"),
            "-c modle: unknown setting 'modle'; did you mean 'model'",
        ),
        (("--full-auto", "exec", "x"), "`exec` comes before options: codex-py exec"),
        (("exec", "-c", "max_steps=many", "x"), "whole number"),
        (("exec", "-p", "missing", "x"), "missing.config.toml"),
        (("exec", "--bogus", "x"), "--help"),
        (("exec", "-i", "missing.png", "--", "x"), "missing.png"),
        (("exec", "-i", "hello.py", "--", "x"), "hello.py"),
        (("exec", "-o", "/no/such/folder/x", "x"), "/no/such/folder/x"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(
    program: Program, args: tuple[str, ...], told: str
) -> None:
    with Server([]) as server:
        done = program.run(*args, url=server.url)
        assert not server.posts()
    assert done.code == 2
    assert told in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert done.out == ""


def test_without_a_key_all_the_ways_are_told_and_nothing_is_sent(program: Program) -> None:
    done = program.run("exec", "hi")
    assert done.code == 2
    for way in ("OPENAI_API_KEY", "--local", "Nothing was sent"):
        assert way in done.err


def test_outside_git_the_free_modes_warn(program: Program, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    with Server([text("a"), text("b"), text("c")]) as server:
        warned = program.run("exec", "--auto-edit", "-C", str(bare), "x", url=server.url)
        silent = program.run(
            "exec", "--auto-edit", "-C", str(bare), "--skip-git-repo-check", "x", url=server.url
        )
        refused = program.run(
            "exec", "--auto-edit", "-C", str(bare), "-c", "require_git=true", "x", url=server.url
        )
    assert warned.code == 0 and "not a Git repository" in warned.err
    assert silent.code == 0 and "not a Git repository" not in silent.err
    assert refused.code == 2 and "git init" in refused.err


def test_agents_md_is_read_from_the_root_down_and_links_out_are_not(
    program: Program, repo: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.md").write_text("TOP SECRET")
    (repo / "AGENTS.md").write_text("Use tabs.")
    inner = repo / "a" / "b"
    inner.mkdir(parents=True)
    (repo / "a" / "AGENTS.md").symlink_to(tmp_path / "secret.md")
    (inner / "AGENTS.md").write_text("Deeper wins.")
    with Server([text("ok")]) as server:
        program.run("exec", "-C", str(inner), "x", url=server.url)
        sent = server.requests[0].raw.decode()
    assert sent.index("Use tabs.") < sent.index("Deeper wins.")
    assert "TOP SECRET" not in sent


def test_a_large_output_is_cut_and_kept_whole(program: Program) -> None:
    command = "seq 1 2000000 | tail -c 10000000"
    with Server([[call("shell", {"command": command})], text("ok")]) as server:
        program.run("exec", "--full-auto", "x", url=server.url)
        told = server.posts()[1]["input"][-1]["output"]
    result = next(entry for entry in program.log() if entry["kind"] == "tool_result")
    assert result["data"]["bytes"] == 10_000_000
    assert "10,000,000 bytes" in str(told) and "2000000" in str(told)
    assert Path(result["full"]).stat().st_size == 10_000_000
    assert Path(result["full"]).stat().st_mode & 0o777 == 0o600


def test_the_log_is_private_and_written_as_it_happens(program: Program) -> None:
    with Server([[text("first"), gate()]]) as server:
        running = subprocess.Popen(
            program.argv("exec", "remember me"),
            cwd=program.cwd,
            env=program.env(OPENAI_API_KEY="sk-test-1", OPENAI_BASE_URL=server.url),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert server.reached.wait(30)
        running.kill()
        running.wait()
        server.gate.set()
    log = program.log()
    assert "remember me" in json.dumps(log)
    path = next((program.home / "state" / "sessions").rglob("*.jsonl"))
    assert path.stat().st_mode & 0o777 == 0o600


PNG = saved(quarters())


@pytest.mark.parametrize("order", ["before", "after"])
def test_pictures_go_with_the_prompt(program: Program, repo: Path, order: str) -> None:
    for name in ("a.png", "b.png"):
        (repo / name).write_bytes(PNG)
    flags = ["-i", "a.png", "b.png"]
    args = ["what is this?", *flags] if order == "after" else [*flags, "what is this?"]
    with Server([text("dots")]) as server:
        done = program.run("exec", *args, url=server.url)
        content = server.posts()[0]["input"][-1]["content"]
    assert done.code == 0, done.err
    assert [part["type"] for part in content] == ["input_text", "input_image", "input_image"]
    assert content[0]["text"] == "what is this?"
    assert content[1]["image_url"].startswith("data:image/png;base64,")


def test_an_added_folder_and_a_profile_are_honoured(program: Program, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    state = program.home / "state"
    state.mkdir()
    (state / "config.toml").write_text('model = "o3"\n')
    (state / "quick.config.toml").write_text('approval_mode = "auto-edit"\nmodel = "o4-mini"\n')
    patch = f"*** Begin Patch\n*** Add File: {other}/new.txt\n+x\n*** End Patch"
    with Server([[call("apply_patch", {"input": patch})], text("ok"), text("ok")]) as server:
        done = program.run("exec", "-p", "quick", "--add-dir", str(other), "x", url=server.url)
        program.run("exec", "-c", "model_reasoning_effort=high", "x", url=server.url)
        first, last = server.posts()[0], server.posts()[-1]
    assert done.code == 0, done.err
    assert (other / "new.txt").read_text() == "x\n"
    assert (first["model"], last["model"]) == ("o4-mini", "o3")
    assert last["reasoning"]["effort"] == "high"


def test_no_trust_is_asked_or_heeded_and_one_setting_leaves_the_projects_words_out(
    program: Program, repo: Path
) -> None:
    state = program.home / "state"
    state.mkdir()
    (state / "AGENTS.md").write_text("Of the user.")
    told = f"[projects.{json.dumps(str(repo))}]\ntrust_level = 'untrusted'\n"
    (state / "config.toml").write_text(told)
    (repo / "AGENTS.md").write_text("Of the project.")
    with Server([text("ok"), text("ok")]) as server:
        for more in ((), ("-c", "project_doc_max_bytes=0")):
            assert program.run("exec", *more, "hi", url=server.url).code == 0
        read, left = (json.dumps(each["input"]) for each in server.posts())
    assert "Of the project." in read and "Of the user." in read
    assert "Of the project." not in left and "Of the user." in left


def test_a_terminal_obeys_nothing_that_the_model_says(program: Program) -> None:
    import pty

    master, slave = pty.openpty()
    with Server([text("ok \x1b]0;owned\x07\x1b[2Jend", pieces=1)]) as server:
        subprocess.run(
            program.argv("exec", "hi"),
            cwd=program.cwd,
            env=program.env(OPENAI_API_KEY="sk-test-1", OPENAI_BASE_URL=server.url),
            stdin=subprocess.DEVNULL,
            stdout=slave,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )
    os.close(slave)
    shown = os.read(master, 10_000)
    os.close(master)
    assert b"end" in shown and b"^[[2J" in shown
    assert b"\x1b" not in shown and b"\x07" not in shown


def test_a_log_that_cannot_grow_ends_the_run_with_one_line(program: Program) -> None:
    with Server([text("ok")]) as server:
        env = program.env(OPENAI_API_KEY="sk-test-1", OPENAI_BASE_URL=server.url)
        argv = program.argv("exec", "x" * 100_000)
        done = subprocess.run(
            ["bash", "-c", 'ulimit -f 64; exec "$@"', "bash", *argv],
            cwd=program.cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert not server.posts()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("codex-py: the session's log")
    assert "Traceback" not in done.stderr
    assert kinds(program.log())[0] == "started"


def test_debug_prompt_prints_what_would_be_sent(program: Program) -> None:
    with Server([text("ok")]) as server:
        shown = program.run("debug", "prompt", "hi", url=server.url)
        assert not server.posts()
        program.run("exec", "hi", url=server.url)
        sent = server.posts()[0]
    body = json.loads(shown.out)
    body.pop("prompt_cache_key")
    sent.pop("prompt_cache_key")
    assert body == sent


@pytest.mark.sandbox
def test_a_wish_beyond_the_sandbox_is_refused_where_nobody_can_be_asked(
    program: Program, repo: Path, outside: Path
) -> None:
    (program.home / ".ssh").mkdir(exist_ok=True)
    (program.home / "state").mkdir(exist_ok=True)
    (program.home / "state/config.toml").write_text("")
    wishes = [
        {"command": f"echo x > {outside}/a", "grant_write": [str(outside)]},
        {"command": "true", "grant_network": True},
        {"command": "true", "grant_read": [f"{program.home}/.ssh"]},
        {"command": "true", "grant_write": [f"{program.home}/state/config.toml"]},
        {"command": "true", "grant_write": ["/dev/sda", "/run/docker.sock"]},
        {"command": "echo y > made", "grant_write": [str(repo)]},
    ]
    with Server([*([call("shell", each)] for each in wishes), text("ok")]) as server:
        done = program.run("exec", "--full-auto", "go", url=server.url)
        told = json.dumps(server.posts()[-1]["input"])
    assert done.code == 5
    assert not (outside / "a").exists()
    verdicts = [each["verdict"] for each in program.log() if each["kind"] == "decision"]
    assert verdicts == ["deny", "deny", "deny", "deny", "deny", "allow"]
    assert (repo / "made").read_text() == "y\n"
    assert f'writable=["{outside}"]' in done.err
    assert "network_access=true" in done.err
    assert f'readable=["{program.home}/.ssh"]' in done.err
    assert "the agent's own data is there" in told
    assert "devices and sockets" in told


@pytest.mark.sandbox
def test_a_refusal_names_what_to_ask_for_and_the_option_that_opens_just_that(
    program: Program, outside: Path
) -> None:
    (outside / "file").write_text("old\n")
    script = f"echo new > {outside}/file; echo new > {outside}/other"
    turns = [[call("shell", {"command": script})], text("ok")]
    with Server(turns) as server:
        program.run("exec", "--full-auto", "go", url=server.url)
        told = json.dumps(server.posts()[-1]["input"])
    assert "grant_write" in told and f"{outside}/file" in told
    with Server(turns) as server:
        opened = f"sandbox_workspace_write.writable=['{outside}/file']"
        program.run("exec", "--full-auto", "-c", opened, "go", url=server.url)
    assert (outside / "file").read_text() == "new\n"
    assert not (outside / "other").exists()


@pytest.mark.sandbox
def test_the_sandbox_verb_runs_as_the_agent_would(program: Program, outside: Path) -> None:
    state = program.home / "state"
    state.mkdir()
    (state / "secret").write_text("ours\n")
    (outside / "key").write_text("deep\n")
    (state / "config.toml").write_text(
        f"deny_read = ['{outside}/key']\n[sandbox_workspace_write]\nkeep_env = ['ACME_A']\n"
        f"writable = ['{outside}/file']\n"
    )
    (outside / "file").write_text("old\n")
    script = f"env | sort; cat {state}/secret {outside}/key; echo new > {outside}/file; echo x > {outside}/no"
    told = {"ACME_A": "1", "ACME_B": "2", "TERM": "xterm", "BASH_ENV": "/etc/hostname"}
    with Server([[call("shell", {"command": script})], text("ok")]) as server:
        program.run("exec", "--full-auto", "go", url=server.url, env=told)
    log = program.log()
    agents = next(each for each in log if each["kind"] == "tool_result")["parts"][0]["text"]
    mine = program.run("sandbox", "run", "--", "bash", "-c", script, env=told)
    assert (outside / "file").read_text() == "new\n"
    assert not (outside / "no").exists()
    for said in (agents, mine.out + mine.err):
        assert "ours" not in said and "deep" not in said
    names = [line.partition("=")[0] for line in mine.out.splitlines() if "=" in line]
    theirs = [line.partition("=")[0] for line in agents.splitlines() if "=" in line]
    assert "ACME_A" in names and "ACME_B" not in names and "BASH_ENV" not in names
    assert [name for name in theirs if not name.startswith("OPENAI")] == names
    assert "TERM=dumb" in mine.out


@pytest.mark.sandbox
def test_a_link_that_a_command_put_in_the_place_of_o_is_not_followed(
    program: Program, repo: Path
) -> None:
    mine = program.home / ".bashrc"
    mine.write_text("mine")
    (program.home / ".ssh").mkdir()
    (repo / "results").mkdir()
    for given, command in (
        ("out.md", f"ln -sf {mine} out.md"),
        ("results/config", f"rm -r results; ln -s {program.home}/.ssh results"),
    ):
        for flag in ("-o", "--receipt"):
            with Server([call("shell", {"command": command}), text("evil")]) as server:
                done = program.run("exec", "--full-auto", flag, given, "go", url=server.url)
            assert mine.read_text() == "mine" and not list((program.home / ".ssh").iterdir())
            assert "Traceback" not in done.err and (done.code == 0) == (given == "out.md"), done.err
            link = repo / given.split("/")[0]
            if given == "out.md":
                assert link.is_file() and not link.is_symlink()
            link.unlink()
            (repo / "results").mkdir(exist_ok=True)
