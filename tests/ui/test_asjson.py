"""JSON on a terminal: it obeys nothing, and a machine reads exactly what was meant."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from codex_py.ui.asjson import as_json, escaped
from codex_py.ui.text import harmless
from tests.conftest import Program
from tests.server import Server
from tests.turns import call, text

EVIL = "a\x9b2J\x9d0;owned\x9cb \u202egnp\u2066x\u2069 \u2028\u200e\x7f\x1b[2J \U000e0041é日本 👩\u200d💻"
HOSTILE = [each for each in EVIL if not harmless(each)]


def sound(out: str) -> None:
    """Nothing in it can steer a terminal."""
    assert [each for each in HOSTILE if each in out] == []


def test_every_character_comes_back_and_none_that_steers_is_left() -> None:
    for start in range(0, 0x110000, 0x8000):
        # A high surrogate and a low one beside it would come back as one character.
        block = range(start, start + 0x8000)
        data = {"x": "".join(chr(each) for each in block if not 0xDC00 <= each < 0xE000)}
        told = as_json(data)
        assert json.loads(told) == data
        assert all(harmless(each) for each in told) and "\n" not in told
    assert as_json({"é": "日本"}) == '{"é": "日本"}'
    assert json.loads(escaped(json.dumps({EVIL: [EVIL]}, ensure_ascii=False))) == {EVIL: [EVIL]}


@pytest.fixture
def evil(program: Program, tmp_path: Path) -> Program:
    """A folder, a prompt, a command, its output and an answer that would steer a terminal."""
    folder = tmp_path / f"w{EVIL.replace('/', '')}"
    folder.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    (folder / "AGENTS.md").write_text(EVIL)
    return Program(program.home, folder)


def test_no_command_that_writes_json_lets_a_terminal_be_steered(evil: Program) -> None:
    command = f"printf '%s' '{EVIL}'"
    turns = [[call("shell", {"command": command})], text(EVIL)]
    with Server(turns) as server:
        ran = evil.run("exec", "--json", "--full-auto", f"say {EVIL}", url=server.url)
    assert ran.code == 0, ran.err
    sound(ran.out)
    items = [each["item"] for each in ran.events if each["type"] == "item.completed"]
    assert [each["text"] for each in items if each["type"] == "agent_message"] == [EVIL]
    runs = [each for each in items if each["type"] == "command_execution"]
    assert EVIL in runs[0]["aggregated_output"] and EVIL in runs[0]["command"]

    listed = evil.run("sessions", "list", "--json").out
    sound(listed)
    row = json.loads(listed)
    assert row["cwd"] == os.path.realpath(evil.cwd) and EVIL[:10] in row["words"]
    audit = evil.run("audit", row["id"], "--json").out
    sound(audit)
    assert command in [json.loads(line).get("what") for line in audit.splitlines()]
    policy = evil.run("policy", "explain", "--json", command).out
    sound(policy)
    assert json.loads(policy)["command"] == command
    debug = evil.run("debug", "prompt", "hi", env={"OPENAI_API_KEY": "sk-test-1"}).out
    sound(debug)
    shown = [part["text"] for each in json.loads(debug)["input"] for part in each["content"]]
    assert any(EVIL in each for each in shown)
    for words in (("show", row["id"]), ("search", "say"), ("list",)):
        done = evil.run("sessions", *words)
        assert done.code == 0 and done.out
        sound(done.out)


def test_what_a_server_calls_its_models_does_not_steer_a_terminal(program: Program) -> None:
    state = program.home / "state"
    state.mkdir()
    name = "".join(f"\\U{ord(each):08x}" for each in EVIL)
    (state / "models.toml").write_text(f'[models."openai/{name}"]\nwindow = 9\n')
    done = program.run("models", "--json")
    sound(done.out)
    assert EVIL in {json.loads(line)["name"] for line in done.out.splitlines()}


def test_a_log_shown_on_a_terminal_is_escaped_and_elsewhere_as_it_is(evil: Program) -> None:
    import pty

    with Server([text(EVIL)]) as server:
        evil.run("exec", "hi", url=server.url)
    (path,) = (evil.home / "state/sessions").rglob("*.jsonl")
    argv = ("sessions", "export", "--format", "jsonl", path.stem.rpartition("-")[2])
    assert evil.run(*argv).out == path.read_text("utf-8")
    master, slave = pty.openpty()
    with subprocess.Popen(
        evil.argv(*argv), cwd=evil.cwd, env=evil.env(), stdin=subprocess.DEVNULL, stdout=slave
    ) as running:
        os.close(slave)
        shown = b""
        try:
            while piece := os.read(master, 65_536):
                shown += piece
        except OSError:
            pass  # its end
        assert running.wait() == 0
    os.close(master)
    told = shown.decode("utf-8")
    sound(told)
    assert [json.loads(x) for x in told.splitlines()] == [
        json.loads(x) for x in path.read_text("utf-8").split("\n") if x
    ]
