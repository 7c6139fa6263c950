"""A full window: summed up once, with what must not be lost, on both wires; the log stays whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Program, kinds
from tests.server import Server
from tests.turns import call, refuse, text, usage

SMALL = ("-c", "model_context_window=10000")
PLAN = {
    "plan": [
        {"step": "find the bug", "status": "completed"},
        {"step": "mend it", "status": "in_progress"},
    ]
}
OVER = refuse(400, "too long", code="context_length_exceeded")


def provider(program: Program, url: str, wire: str) -> tuple[str, ...]:
    state = program.home / "state"
    state.mkdir(exist_ok=True)
    (state / "config.toml").write_text(
        f'[model_providers.mine]\nbase_url = "{url}"\nwire_api = "{wire}"\n'
    )
    return ("-m", "mine/some-model", "--full-auto")


def messages(body: dict[str, Any]) -> list[Any]:
    return list(body.get("input") or body["messages"])


@pytest.mark.parametrize("wire", ["responses", "chat"])
def test_a_nearly_full_window_is_summed_up_and_the_work_goes_on(
    program: Program, wire: str
) -> None:
    working = [
        call("update_plan", PLAN),
        call("read_file", {"path": "hello.py"}),
        call("shell", {"command": "seq 3000 3900"}),
        usage(input=9_000),
    ]
    turns = [working, [text("SUMMARY of it all"), usage(input=9_100)], text("All done.")]
    with Server(turns) as server:
        args = provider(program, server.url, wire)
        done = program.run("exec", *args, *SMALL, "mend the PURPLE bug, but never touch setup.py")
        bodies = server.posts()
    assert (done.code, done.out) == (0, "All done.\n"), done.err
    assert "nearly full" in done.err
    first, asked, after = bodies
    begun = messages(first)
    assert messages(asked)[: len(begun)] == begun and asked.get("tools") == first.get("tools")
    told = json.dumps(after)
    for kept in (
        "SUMMARY of it all",
        "PURPLE bug, but never touch setup.py",
        "[>] mend it",
        "hello.py",
        "Working directory",
    ):
        assert kept in told, kept
    assert "3500" not in told and "return 'hello'" not in told
    assert told.count("Working directory") == 1
    log = program.log()
    ended = ["notice", "sampled", "context", "compacted", "assistant", "sampled", "turn_ended"]
    assert kinds(log)[-7:] == ended
    made = next(entry for entry in log if entry["kind"] == "compacted")
    assert made["before"] > 7_500 > made["after"]
    assert any("3500" in json.dumps(entry) for entry in log)
    assert log[-1]["usage"]["input"] == 9_000 + 9_100 + 120
    assert program.run("audit", log[0]["session"]).code == 0
    with Server([text("Still here.")]) as server:
        again = program.run(
            "exec",
            "resume",
            log[0]["session"],
            *provider(program, server.url, wire),
            *SMALL,
            "and?",
        )
        resumed = server.posts()[0]
    assert again.code == 0
    shown = messages(after)
    assert messages(resumed)[: len(shown)] == shown


@pytest.mark.parametrize("wire", ["responses", "chat"])
def test_an_overflow_told_by_the_server_sums_up_once(program: Program, wire: str) -> None:
    working = [call("shell", {"command": "seq 9000"})]
    turns = [working, OVER, OVER, text("SUMMARY"), text("All done.")]
    with Server(turns) as server:
        done = program.run("exec", *provider(program, server.url, wire), "count up")
        bodies = server.posts()
    assert (done.code, done.out) == (0, "All done.\n"), done.err
    assert len(bodies) == 5
    assert len(json.dumps(bodies[3])) < len(json.dumps(bodies[2]))
    assert "SUMMARY" in json.dumps(bodies[4]) and "count up" in json.dumps(bodies[4])


def test_a_server_that_still_refuses_is_not_asked_for_ever(program: Program) -> None:
    turns = [[call("shell", {"command": "seq 9000"})], OVER, text("SUMMARY"), OVER, text("never")]
    with Server(turns) as server:
        done = program.run("exec", "--full-auto", "count up", url=server.url)
        assert done.code == 1 and "too long" in done.err
        assert len(server.posts()) == 4
        again = program.run("exec", "resume", "--last", "--full-auto", "go on", url=server.url)
        assert len(server.posts()) == 5 and again.code == 0
    assert kinds(program.log()).count("compacted") == 1


def test_a_first_message_that_does_not_fit_is_not_summed_up(program: Program) -> None:
    with Server([OVER, text("never")]) as server:
        done = program.run("exec", *SMALL, "x" * 60_000, url=server.url)
        assert done.code == 1 and len(server.posts()) == 1
    assert "compacted" not in kinds(program.log())


def test_where_summing_up_makes_no_room_it_says_so_and_stops(program: Program) -> None:
    working = [call("shell", {"command": "true"}), usage(input=9_000)]
    with Server([working, text("long " * 8_000), text("never")]) as server:
        done = program.run("exec", "--full-auto", *SMALL, "work", url=server.url)
        assert done.code == 3 and "did not make enough room" in done.err
        again = program.run("exec", "resume", "--last", *SMALL, "go on", url=server.url)
        assert again.code == 3 and "did not make enough room" in again.err
        assert len(server.posts()) == 2
    assert kinds(program.log()).count("compacted") == 1


def test_a_model_that_calls_tools_instead_of_writing_is_asked_without_any(program: Program) -> None:
    working = [call("shell", {"command": "true"}), usage(input=9_000)]
    turns = [working, call("shell", {"command": "touch no"}), text("SUMMARY"), text("Done.")]
    with Server(turns) as server:
        done = program.run("exec", "--full-auto", *SMALL, "work", url=server.url)
        bodies = server.posts()
    assert done.code == 0 and not (program.cwd / "no").exists()
    assert bodies[1].get("tools") and not bodies[2].get("tools")


def test_a_second_summary_keeps_what_was_said_before_the_first(program: Program) -> None:
    def full(n: int) -> list[Any]:
        return [call("shell", {"command": f"echo {n}"}), usage(input=9_000)]

    turns = [full(1), text("ONE"), full(2), text("TWO"), text("Done.")]
    with Server(turns) as server:
        done = program.run("exec", "--full-auto", *SMALL, "the GREEN one", url=server.url)
        last = json.dumps(server.posts()[-1])
    assert done.code == 0
    assert "TWO" in last and "GREEN" in last and "ONE" not in last
    assert last.count("GREEN") == 1
