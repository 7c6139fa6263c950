"""Receipts, proof and required checks of the real one-shot program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Program
from tests.server import Server
from tests.turns import call, text

RUN = call("shell", {"command": "python3 -c 'import hello; print(hello.hello())'"})
LIE = "I ran the full test suite and all 12 tests pass. I also created `notes.md`."


def edit(before: str, after: str) -> dict[str, object]:
    patch = f"*** Begin Patch\n*** Update File: hello.py\n@@\n-    return '{before}'\n+    return '{after}'\n*** End Patch"
    return call("apply_patch", {"input": patch})


@pytest.mark.sandbox
def test_the_receipt_says_what_ran_and_which_claims_have_no_proof(
    program: Program, repo: Path, tmp_path: Path
) -> None:
    target = tmp_path / "receipt.json"
    with Server([[edit("hello", "world")], [RUN], text(LIE)]) as server:
        done = program.run(
            "exec", "--full-auto", "--receipt", str(target), "say world", url=server.url
        )
    found = json.loads(target.read_text("utf-8"))
    (command,) = found["facts"]["commands"]
    assert (command["exit_code"], command["by"], command["tests"]) == (0, "model", [])
    assert [(each["path"], each["kind"], each["added"]) for each in found["facts"]["files"]] == [
        ("hello.py", "update", 1)
    ]
    verdicts = {each["kind"]: each["verdict"] for each in found["claims"]}
    assert verdicts == {"ran": "contradicted", "tests": "unverified", "edited": "contradicted"}
    for each in found["claims"]:
        assert LIE[each["start"] : each["end"]] == each["text"]
    numbers = {entry["n"] for entry in program.log()}
    assert all(n in numbers for each in found["claims"] for n in each["evidence"])
    assert "receipt: 1 command" in done.err and 'contradicted: "I also created' in done.err
    assert done.out == LIE + "\n"


@pytest.mark.sandbox
def test_a_claim_is_looked_for_in_the_code_when_all_is_done(program: Program, repo: Path) -> None:
    last = "I added the flag `--loud`. hello.py takes --loud now."
    with Server([[edit("hello", "world")], text(last)]) as server:
        done = program.run("exec", "--full-auto", "add a flag", url=server.url)
    assert (done.code, "internal error" in done.err) == (0, False), done.err
    assert "the code has no --loud" in done.err


@pytest.mark.sandbox
def test_verify_asks_once_for_proof(program: Program, repo: Path) -> None:
    turns = [[edit("hello", "world")], text(LIE), [RUN], text("I ran the code: it printed world.")]
    with Server(turns) as server:
        done = program.run("exec", "--full-auto", "--verify", "say world", url=server.url)
        asked = server.posts()[2]["input"][-1]["content"][0]["text"]
    assert "all 12 tests pass" in asked and "take it back" in asked
    assert done.out == "I ran the code: it printed world.\n"
    assert "unverified" not in done.err and "contradicted" not in done.err


@pytest.mark.sandbox
def test_verify_lets_a_model_that_insists_end(program: Program) -> None:
    with Server([text(LIE), text(LIE)]) as server:
        done = program.run("exec", "--full-auto", "--verify", "go", url=server.url)
        assert len(server.posts()) == 2
    assert done.code == 0 and "contradicted" in done.err


CHECK = "python3 -c 'import hello; assert hello.hello() == \"world\", hello.hello()'"


@pytest.mark.sandbox
def test_a_required_check_sends_its_failure_back_until_it_passes(
    program: Program, repo: Path
) -> None:
    turns = [
        [edit("hello", "wrold")],
        text("Done."),
        [edit("wrold", "world")],
        text("Now it is done."),
    ]
    with Server(turns) as server:
        done = program.run("exec", "--full-auto", "--require", CHECK, "go", url=server.url)
        told = server.posts()[2]["input"][-1]["content"][0]["text"]
    assert (done.code, done.out) == (0, "Now it is done.\n")
    assert "AssertionError: wrold" in told and "exit code 1" in told
    checks = [entry for entry in program.log() if entry["kind"] == "checked"]
    assert [each.get("ok", False) for each in checks] == [False, True]
    assert all(each["confined"] == "workspace-write" for each in checks)


@pytest.mark.sandbox
@pytest.mark.parametrize("mode", ["--full-auto", "--auto-edit"])
def test_a_required_check_that_stays_red_decides_the_exit_code(
    program: Program, repo: Path, mode: str
) -> None:
    turns = [text("Done."), [edit("hello", "a")], text("Done."), text("All good!")]
    with Server(turns) as server:
        done = program.run("exec", mode, "--require", CHECK, "go", url=server.url)
        assert len(server.posts()) == 4
    assert done.code == 4
    assert "required check failed" in done.err


@pytest.mark.sandbox
def test_a_required_check_is_confined(program: Program, repo: Path) -> None:
    outside = Path("/usr/local/codex-py-check-escape")
    with Server([text("Done."), text("Done.")]) as server:
        done = program.run(
            "exec", "--auto-edit", "--require", f"touch {outside}", "go", url=server.url
        )
    assert done.code == 4 and not outside.exists()


def test_wrong_options_say_so_and_send_nothing(program: Program, repo: Path) -> None:
    with Server([text("x")]) as server:
        blank = program.run("exec", "--require", " ", "go", url=server.url)
        nowhere = program.run("exec", "--receipt", "/no/such/folder/r.json", "go", url=server.url)
        assert not server.posts()
    assert (blank.code, nowhere.code) == (2, 2)
    assert "--require needs a command" in blank.err and "--receipt /no/such" in nowhere.err
