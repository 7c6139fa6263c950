"""The interactive session as a person has it: a real terminal, a scripted model."""

# ruff: noqa: SIM117 (the server outlives the terminal: two contexts, two lines)

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Program, kinds
from tests.server import Server
from tests.turns import call, fault, gate, text
from tests.ui.tui.terminal import known, session

pytestmark = pytest.mark.tui

READY = "Ask anything"


def shell(command: str) -> list[dict[str, object]]:
    return [call("shell", {"command": command})]


def test_a_first_start_asks_for_mode_and_trust_and_remembers(
    program: Program, repo: Path, tmp_path: Path
) -> None:
    (repo / "AGENTS.md").write_text("Always say PINEAPPLE.\n")
    with Server([text("Hello."), text("Hello.")]) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until("How much may it do", "key from OPENAI_API_KEY")
            term.press("Down", "Enter")
            term.until("Trust this folder?")
            term.type("n")
            term.until(READY, "auto-edit [commands ask]", "not trusted")
            term.type("hi")
            term.press("Enter")
            term.until("Hello.")
        assert "PINEAPPLE" not in json.dumps(server.posts())
        with session(program, tmp_path, url=server.url) as term:
            shown = term.until(READY, "auto-edit [commands ask]")
        assert "How much" not in shown
        assert "Trust this folder?" not in shown


def test_without_a_model_it_says_what_to_do_and_stays(program: Program, tmp_path: Path) -> None:
    known(program)
    with session(program, tmp_path, url="", OPENAI_API_KEY="") as term:
        term.until("OPENAI_API_KEY", "--local", "/model NAME")
        term.type("/quit")
        term.press("Enter")
        term.until("EXIT 0")


def test_yes_runs_the_command_and_a_remembered_prefix_is_not_asked_again(
    program: Program, repo: Path, tmp_path: Path
) -> None:
    known(program)
    turns = [
        shell("touch one"),
        shell("git branch two"),
        shell("git branch three"),
        text("Fin."),
    ]
    with Server(turns) as server, session(program, tmp_path, url=server.url) as term:
        term.until(READY)
        term.type("go")
        term.press("Enter")
        term.until("Allow this?", "touch one", str(repo))
        term.type("1")
        term.until("git branch two", "don't ask again")
        term.type("a")
        term.until("Fin.")
    assert (repo / "one").exists()
    assert (repo / ".git/refs/heads/three").exists()
    decisions = [each for each in program.log() if each["kind"] == "decision"]
    assert [each["verdict"] for each in decisions] == ["allow", "allow", "allow"]
    assert decisions[1]["remember"] == "command: git branch"
    assert decisions[2]["by"] == "policy"


def test_no_with_a_comment_is_what_the_model_reads(
    program: Program, repo: Path, tmp_path: Path
) -> None:
    known(program)
    with Server([shell("touch bad"), text("As you wish.")]) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until(READY)
            term.type("go")
            term.press("Enter")
            term.until("Allow this?")
            term.type("e")
            term.until("asked because")
            term.type("n")
            term.until("What should it do instead?")
            term.type("use make instead")
            term.press("Enter")
            term.until("As you wish.")
        told = json.dumps(server.posts()[1]["input"])
    assert "use make instead" in told
    assert not (repo / "bad").exists()


def test_escape_at_a_question_refuses_and_stops_and_the_next_message_goes_on(
    program: Program, repo: Path, tmp_path: Path
) -> None:
    known(program)
    with Server([shell("touch bad"), text("Going on.")]) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until(READY)
            term.type("go")
            term.press("Enter")
            term.until("Allow this?")
            term.press("Escape")
            term.until("interrupted", READY)
            assert len(server.posts()) == 1
            term.type("go on")
            term.press("Enter")
            term.until("Going on.")
    log = program.log()
    assert kinds(log).count("turn_ended") == 2
    assert [each["reason"] for each in log if each["kind"] == "turn_ended"] == [
        "interrupted",
        "done",
    ]
    assert not (repo / "bad").exists()


def test_escape_interrupts_a_running_command_with_its_children(
    program: Program, repo: Path, tmp_path: Path
) -> None:
    known(program)
    turns = [shell("(sleep 300; touch late) & echo begun; wait"), text("On.")]
    with Server(turns) as server, session(program, tmp_path, url=server.url) as term:
        term.until(READY)
        term.type("go")
        term.press("Enter")
        term.until("Allow this?")
        term.type("y")
        term.until("begun", "esc to interrupt")
        term.press("Escape")
        shown = term.until("interrupted", READY)
        assert re.search(r"✗ Running \(sleep 300.* stopped", shown)
        term.type("next")
        term.press("Enter")
        term.until("On.")


def test_escape_interrupts_a_streaming_model_and_keeps_what_came(
    program: Program, tmp_path: Path
) -> None:
    known(program)
    with Server([[text("First half.\n\nSecond"), gate()]]) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until(READY)
            term.type("go")
            term.press("Enter")
            term.until("esc to interrupt")
            assert server.reached.wait(20)
            term.press("Escape")
            term.until("interrupted", READY)
    assert program.log()[-1]["reason"] == "interrupted"


def test_messages_queue_steer_and_come_back(program: Program, tmp_path: Path) -> None:
    known(program)
    turns = [
        [gate(), *shell("true")],
        text("Steered."),
        text("Queued."),
    ]
    with Server(turns) as server, session(program, tmp_path, url=server.url) as term:
        term.until(READY)
        term.type("go")
        term.press("Enter")
        assert server.reached.wait(30)
        term.type("first queued")
        term.press("Enter")
        term.until("queued: first queued", "1 queued")
        term.type("taken back")
        term.press("Enter")
        term.until("queued: taken back", "2 queued")
        term.press("Up")
        term.until("› taken back", gone="queued: taken back")
        term.press("C-c")
        term.until(gone="taken back")
        term.type("steer me")
        term.press("C-s")
        term.until("sent in: steer me")
        server.gate.set()
        term.until("Steered.", "Queued.", READY)
        second = json.dumps(server.posts()[1]["input"])
        assert "steer me" in second
        assert "first queued" not in second
        assert "first queued" in json.dumps(server.posts()[2]["input"])


def test_a_long_paste_is_one_token_and_is_sent_whole(program: Program, tmp_path: Path) -> None:
    known(program)
    pasted = "\n".join(f"row {number}" for number in range(60))
    with Server([text("Read.")]) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until(READY)
            term.paste(pasted)
            term.until("[Pasted text #1 +60 lines]")
            term.press("Enter")
            term.until("Read.")
        assert "row 59" in json.dumps(server.posts()[0]["input"])


def test_files_are_completed_after_an_at_sign(program: Program, repo: Path, tmp_path: Path) -> None:
    known(program)
    (repo / ".gitignore").write_text("secret_hello.txt\n")
    (repo / "secret_hello.txt").write_text("")
    with Server([]) as server, session(program, tmp_path, url=server.url) as term:
        term.until(READY)
        term.type("read @hel")
        shown = term.until("  hello.py")
        assert "secret_hello" not in shown
        term.press("Tab")
        term.until("› read @hello.py")


def test_a_mistyped_command_is_never_run(program: Program, tmp_path: Path) -> None:
    known(program)
    with Server([]) as server, session(program, tmp_path, url=server.url) as term:
        term.until(READY)
        term.type("/qit")
        term.until("  /quit")
        term.press("Enter")
        shown = term.until("› /quit")
        assert "EXIT" not in shown
        term.press("C-c")
        term.until(READY)
        term.type("/zzqq")
        term.press("Enter")
        term.until("there is no command /zzqq")
        assert server.posts() == []


def test_a_command_of_ones_own_is_put_before_the_model(
    program: Program, repo: Path, tmp_path: Path
) -> None:
    known(program)
    with Server([text("Seen.")]) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until("codex-py 0", READY)
            term.type("!echo from-me; exit 4")
            term.press("Enter")
            term.until("Exit code: 4", "from-me")
            term.type("what was that?")
            term.press("Enter")
            term.until("Seen.")
        told = json.dumps(server.posts()[0]["input"])
    assert "echo from-me" in told
    assert "Exit code: 4" in told


def test_control_sequences_are_shown_and_never_obeyed(program: Program, tmp_path: Path) -> None:
    known(program)
    evil = "before \x1b[2J\x1b]2;evil-title\x07 after"
    turns = [shell("printf 'x' # \x1b[2Jwipe"), text(evil)]
    with Server(turns) as server, session(program, tmp_path, url=server.url) as term:
        term.until(READY)
        term.type("go")
        term.press("Enter")
        term.until("Allow this?", "^[[2Jwipe")
        term.type("y")
        term.until("before ^[[2J", "after", READY)
        assert "evil" not in term.tmux("display-message", "-p", "-t", "t", "#{pane_title}")


def test_it_works_in_forty_columns_and_keeps_what_was_printed(
    program: Program, tmp_path: Path
) -> None:
    known(program)
    with Server([text("The first answer."), text("The second answer.")]) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until(READY)
            term.type("one")
            term.press("Enter")
            term.until("The first answer.", READY)
            term.type("a draft")
            term.resize(40, 20)
            term.until("› a draft", "suggest [commands ask]")
            assert all(len(line) <= 40 for line in term.screen().split("\n"))
            term.type(" two")
            term.press("Enter")
            term.until("The second answer.", READY)
            assert term.whole().count("The first answer.") == 1
            assert max(term.whole().count(READY) for _ in range(20)) == 1


def test_fifty_megabytes_of_output_do_not_hold_it_up(program: Program, tmp_path: Path) -> None:
    known(program)
    turns = [shell("head -c 50000000 /dev/zero | tr '\\0' 'x' | fold -w 99"), text("Big.")]
    with Server(turns) as server, session(program, tmp_path, url=server.url) as term:
        term.until(READY)
        term.type("go")
        term.press("Enter")
        term.until("Big.", READY)
        assert len(term.whole().splitlines()) < 200


def test_shift_tab_changes_the_mode_for_the_next_decision(
    program: Program, repo: Path, tmp_path: Path
) -> None:
    known(program)
    patch = "*** Begin Patch\n*** Add File: new.txt\n+x\n*** End Patch"
    with Server([[call("apply_patch", {"input": patch})], text("Made.")]) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until("codex-py 0", READY)
            term.press("BTab")
            term.until("auto-edit [commands ask]")
            term.type("make it")
            term.press("Enter")
            term.until("Made.")
        assert "auto-edit" in json.dumps(server.posts()[0]["input"])
    assert (repo / "new.txt").read_text() == "x\n"


def test_the_history_comes_back_with_up_in_the_next_session(
    program: Program, tmp_path: Path
) -> None:
    known(program)
    with Server([text("ok"), text("ok")]) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until(READY)
            for each in ("an old message", "my token is hunter2hunter2"):
                term.type(each)
                term.press("Enter")
                term.until(each, READY, gone="esc to")
        with session(program, tmp_path, url=server.url) as term:
            term.until(READY)
            term.press("Up")
            term.until("› an old message")


def test_the_terminal_is_restored_when_it_is_ended(program: Program, tmp_path: Path) -> None:
    known(program)
    with Server([[fault("hang")]]) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until(READY)
            term.type("go")
            term.press("Enter")
            term.until("esc to interrupt")
            program_pid = term.tmux("display-message", "-p", "-t", "t", "#{pane_pid}").strip()
            children = Path(f"/proc/{program_pid}/task/{program_pid}/children").read_text().split()
            os.kill(int(children[0]), signal.SIGTERM)
            shown = term.until("EXIT 143")
            assert " icanon" in shown
            assert " echo " in shown
    assert program.log()[-1]["reason"] == "interrupted"


def test_plain_lines_where_the_terminal_can_do_no_more(
    program: Program, repo: Path, tmp_path: Path
) -> None:
    with Server([shell("touch made"), text("Plainly done.")]) as server:
        with session(program, tmp_path, url=server.url, TERM="dumb") as term:
            term.until("answer:")
            term.type("1")
            term.press("Enter")
            term.until("Trust the folder")
            term.type("y")
            term.press("Enter")
            term.until("/quit")
            term.type("go")
            term.press("Enter")
            term.until("Allow this?", "touch made", "note: it would run as you do, not confined")
            term.type("y")
            term.press("Enter")
            term.until("Plainly done.", "receipt: 1 command")
            assert "\x1b" not in term.screen(colour=True)
            term.type("/quit")
            term.press("Enter")
            term.until("EXIT 0", f"to go on: codex-py resume {program.log()[0]['session'][:8]}")
    assert (repo / "made").exists()


def test_no_colour_when_asked(program: Program, tmp_path: Path) -> None:
    known(program)
    with Server([text("# Head\n\n**bold** `code`")]) as server:
        with session(program, tmp_path, url=server.url, NO_COLOR="1") as term:
            term.until(READY)
            term.type("go")
            term.press("Enter")
            term.until("Head")
            assert not re.search(
                r"\x1b\[([0-9;]*;)?(3[0-7]|4[0-7]|9[0-7]|38|48)(;|m)", term.screen(colour=True)
            )


def test_the_draft_can_be_written_in_an_editor(program: Program, tmp_path: Path) -> None:
    known(program)
    editor = tmp_path / "my editor"
    editor.write_text('#!/bin/sh\necho "and more" >> "$1"\n')
    editor.chmod(0o755)
    with Server([]) as server:
        with session(program, tmp_path, url=server.url, EDITOR=f"'{editor}'") as term:
            term.until(READY)
            term.type("a draft")
            term.press("C-g")
            term.until("› a draft", "  and more")


def test_an_earlier_message_is_found_by_its_letters(program: Program, tmp_path: Path) -> None:
    known(program)
    with Server([text("ok")] * 2) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until(READY)
            for each in ("explain the parser", "run the tests"):
                term.type(each)
                term.press("Enter")
                term.until(each, READY, gone="esc to")
            term.press("C-r")
            term.type("pars")
            term.until("› explain the parser", "backward: pars", gone=READY)


def test_folded_output_is_shown_whole_on_request(program: Program, tmp_path: Path) -> None:
    known(program)
    with Server([shell("seq 1 200"), text("Counted.")]) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until(READY)
            term.type("count")
            term.press("Enter")
            term.until("Counted.", "Ctrl+O", "tokens in", "receipt:", READY, gone="esc to")
            assert "57" not in [line.strip() for line in term.whole().splitlines()]
            term.press("C-o")
            term.until("› Ask", "199", gone="Counted.")
            assert "57" in [line.strip() for line in term.whole().splitlines()]
            assert "esc to interrupt" not in term.whole()
            # a picture can be taken between taking the live area away and drawing it again
            counts = [term.whole().count(READY) for _ in range(20)]
            assert max(counts) == 1, counts


def test_a_second_control_c_leaves(program: Program, tmp_path: Path) -> None:
    known(program)
    with Server([]) as server, session(program, tmp_path, url=server.url) as term:
        term.until("codex-py 0", READY)
        term.type("draft")
        term.press("C-c")
        term.until(READY)
        term.press("C-c")
        term.until("Ctrl+C again quits")
        term.press("C-c")
        term.until("EXIT 0")


def test_a_freer_mode_outside_git_must_be_confirmed(program: Program, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    program = Program(program.home, bare)
    known(program, "auto-edit")
    with Server([]) as server, session(program, tmp_path, url=server.url) as term:
        term.until("is not in a Git repository")
        term.press("Enter")
        term.until("codex-py 0", READY, "suggest [commands ask]")


def test_a_prompt_file_becomes_a_command(program: Program, tmp_path: Path) -> None:
    known(program)
    folder = program.home / "state" / "prompts"
    folder.mkdir()
    (folder / "translate.md").write_text("Translate to $1:\n$ARGUMENTS")
    (folder / "quit.md").write_text("never shadows a command")
    with Server([text("Bonjour.")]) as server:
        with session(program, tmp_path, url=server.url) as term:
            term.until("codex-py 0", READY)
            term.type("/tra")
            term.until("/translate", "Translate to")
            term.press("Tab")
            term.type("French hello")
            term.press("Enter")
            term.until("Bonjour.")
            assert "Translate to French:\\nFrench hello" in json.dumps(server.posts()[0])
            term.type("/quit")
            term.press("Enter")
            term.until("EXIT 0")


def test_colours_follow_the_theme(program: Program, tmp_path: Path) -> None:
    known(program)
    with Server([text("ok")]) as server, session(program, tmp_path, url=server.url) as term:
        term.until("codex-py 0", READY)
        term.type("/theme nosuch")
        term.press("Enter")
        term.until("there is no theme 'nosuch'")
        term.type("/theme")
        term.press("Enter")
        term.until("Colours")
        term.type("2")
        term.until("theme dark, kept in", READY)


def test_a_prompt_on_the_command_line_is_sent_at_once(program: Program, tmp_path: Path) -> None:
    known(program)
    with Server([text("At once.")]) as server:
        with session(program, tmp_path, "do it now", url=server.url) as term:
            term.until("do it now", "At once.", READY)


def test_without_a_terminal_it_names_exec_and_writes_nothing(program: Program) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "codex_py"],
        cwd=program.cwd,
        env=program.env(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "codex-py exec" in done.stderr
    assert not (program.home / "state").exists()
