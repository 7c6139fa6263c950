"""Faults as a user of the real program meets them, on both wires: waited out, told, nothing twice."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Program
from tests.server import Server
from tests.turns import call, failed, fault, html, rate, refuse, style, text, usage

APPEND = call("shell", {"command": "echo ran >> ran.txt"}, "c1")
WRITE = call("write_file", {"path": "made.txt", "content": "é\n"}, "c2")
FAST = ("-c", "stream_idle_timeout_ms=700", "-c", "turn_max_retries=9")


def wired(server: Server, wire: str) -> list[str]:
    house = f"model_providers.house={{base_url='{server.url}', wire_api='{wire}'}}"
    return ["exec", "--full-auto", "-m", "house/some-model", "-c", house, *FAST]


@pytest.mark.parametrize("wire", ["responses", "chat"])
def test_a_task_survives_what_passes_and_runs_each_call_once(
    program: Program, repo: Path, wire: str
) -> None:
    turns: list[Any] = [
        [text("I ru"), APPEND, WRITE, fault("reset")],
        [text("I ru"), APPEND, fault("drop")],
        [text("I run it."), APPEND, WRITE, style("pieces", "noise")],
        rate("0"),
        [text("Do"), fault("stall")],
        html(502),
        [text("Do"), failed("server_error", "The server had an error")],
        text("Done."),
    ]
    with Server(turns) as server:
        done = program.run(*wired(server, wire), "go on")
        posts = server.posts()
    assert (done.code, done.out) == (0, "Done.\n"), done.err
    assert (repo / "ran.txt").read_text() == "ran\n"
    assert (repo / "made.txt").read_text() == "é\n"
    assert posts[0] == posts[1] == posts[2]
    assert posts[3] == posts[4] == posts[5] == posts[6] == posts[7]
    assert done.err.count("↻") == 6
    assert "broke the connection" in done.err and "was silent for 0.7 s" in done.err
    assert "(4 of 5; 6 of 9 in this turn)" in done.err
    sampled = [entry for entry in program.log() if entry["kind"] == "sampled"]
    assert [entry.get("retries", 0) for entry in sampled] == [2, 4]


LASTING: dict[str, tuple[Any, str]] = {
    "401": (refuse(401, "Incorrect API key provided"), "check the API key"),
    "quota": (
        refuse(429, "You exceeded your quota", code="insufficient_quota"),
        "check the credit",
    ),
    "an error object": (
        fault("whole", body={"error": {"message": "no such model", "code": "model_not_found"}}),
        "no such model",
    ),
    "a login page": (html(200, "<html><title>Sign in</title></html>"), "a web page"),
}


@pytest.mark.parametrize(
    ("name", "wire"),
    list(zip(LASTING, ["responses", "chat", "chat", "responses"], strict=True)),
)
def test_what_lasts_ends_the_run_with_the_next_step(program: Program, name: str, wire: str) -> None:
    turn, told = LASTING[name]
    with Server([turn] * 3) as server:
        done = program.run(*wired(server, wire), "go on")
        assert len(server.requests) == 1
    assert (done.code, done.out) == (1, "")
    (line,) = [each for each in done.err.splitlines() if each.startswith("codex-py:")]
    assert told in line
    assert "Traceback" not in done.err


def test_a_server_that_comes_back_is_waited_for(program: Program, repo: Path) -> None:
    wait = "while [ ! -e back ]; do sleep 0.05; done; sleep 0.3"
    with Server([[call("shell", {"command": wait})]]) as server:
        url = server.url
        options = ["-a", "full-auto", "-m", "o4-mini"]
        running = subprocess.Popen(
            program.argv("exec", *options, "go"),
            cwd=repo,
            env=program.env(OPENAI_API_KEY="sk-test-0123456789abcdef", OPENAI_BASE_URL=url),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert running.stderr is not None
        for line in running.stderr:
            if line.startswith("$ "):
                break
    (repo / "back").touch()
    for line in running.stderr:
        if "waiting for the network" in line:
            break
    with Server([text("Here again.")], port=int(url.split(":")[2].split("/")[0])):
        out, _ = running.communicate(timeout=60)
    assert (running.returncode, out) == (0, "Here again.\n")


@pytest.mark.parametrize("wire", ["responses", "chat"])
@pytest.mark.parametrize("silence", ["before the first byte", "in mid-stream"])
def test_silence_is_told_and_then_the_same_bytes_are_sent_again(
    program: Program, wire: str, silence: str
) -> None:
    broken = [fault("hang")] if silence == "before the first byte" else [text("Ha"), fault("stall")]
    with Server([broken, text("Done.")]) as server:
        done = program.run(*wired(server, wire), "go on")
        first, again = (each.raw for each in server.requests if each.method == "POST")
    assert (done.code, done.out) == (0, "Done.\n"), done.err
    assert first == again
    told = "nothing new from the server for 0.14 s; waiting up to 0.7 s of silence; Ctrl+C ends it"
    assert done.err.count(told) >= 1
    assert "was silent for 0.7 s; retrying" in done.err
    assert done.err.index(told) < done.err.index("was silent for 0.7 s")


@pytest.mark.parametrize("wire", ["responses", "chat"])
def test_silence_is_told_in_json_and_while_a_full_window_is_summed_up(
    program: Program, wire: str
) -> None:
    told = "nothing new from the server for 0.14 s; waiting up to 0.7 s of silence"
    working = [call("shell", {"command": "true"}), usage(input=9_000)]
    turns = [working, [text("SUM"), fault("stall")], text("SUMMARY"), text("Done.")]
    small = ("-c", "model_context_window=10000", "--json")
    with Server(turns) as server:
        done = program.run(*wired(server, wire), *small, "go on")
    assert done.code == 0, done.err
    kinds = [each["type"] for each in done.events]
    waited = kinds.index("waiting")
    assert done.events[waited] == {"type": "waiting", "message": told}
    again = done.events[kinds.index("error")]["message"]
    assert waited < kinds.index("error") and "was silent for 0.7 s" in again
    assert "SUM" not in done.out.replace("SUMMARY", "")
    with Server([working, fault("hang"), text("SUMMARY"), text("Done.")]) as server:
        done = program.run(*wired(server, wire), *small[:2], "go on")
    assert (done.code, done.out) == (0, "Done.\n"), done.err
    assert done.err.index("nearly full") < done.err.index(told) < done.err.index("was silent")
