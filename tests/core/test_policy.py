"""One table a non-programmer can read: in which mode, what a call touches, what happens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from codex_py.core.entries import Changed, Decision, Resumed
from codex_py.core.policy import Mode, Piece, Policy, decide, standing, widened
from codex_py.effects import UNKNOWN, Effects

WORKSPACE, HOME = "/home/ann/shop", "/home/ann"


def policy(mode: Mode, confines: bool = True) -> Policy:
    return Policy(
        mode=mode,
        roots=(WORKSPACE, "/srv/extra"),
        confines=confines,
        secret=(f"{HOME}/.ssh", f"{HOME}/.codex-py"),
        shown=(f"{HOME}/.codex-py/sessions/now",),
    )


def read_line(command: str, cwd: str) -> tuple[Piece, ...]:
    """A stand-in grammar: parts joined by ` && `; `ls` and `cat` only read."""
    del cwd
    found = []
    for text in command.split(" && "):
        words = text.split()
        reading = words[0] in ("ls", "cat")
        found.append(
            Piece(text, reading, "" if reading else "it may change things", tuple(words[1:]))
        )
    return tuple(found)


def reads(path: str) -> Effects:
    return Effects(reads=(path,))


def writes(*paths: str) -> Effects:
    return Effects(writes=paths)


def runs(command: str) -> Effects:
    return Effects(command=command, cwd=WORKSPACE)


def wants(command: str, *writes: str, read: str = "", network: bool = False) -> Effects:
    """A command that asks for more than its confinement gives."""
    reads = (read,) if read else ()
    return Effects(command=command, cwd=WORKSPACE, writes=writes, reads=reads, network=network)


FREE, ASK = "free", "asks"
CONFINED, LOOKING = "free, confined", "free, confined to reading"

TABLE = [
    # what it touches                                    suggest   auto-edit  full-auto
    ("nothing at all", Effects(), FREE, FREE, FREE),
    ("reads a file here", reads(f"{WORKSPACE}/a.py"), FREE, FREE, FREE),
    ("reads a file elsewhere", reads("/etc/hosts"), FREE, FREE, FREE),
    ("reads a key", reads(f"{HOME}/.ssh/id_rsa"), ASK, ASK, ASK),
    ("reads our own logs", reads(f"{HOME}/.codex-py/sessions/old.jsonl"), ASK, ASK, ASK),
    ("reads its own whole output", reads(f"{HOME}/.codex-py/sessions/now/x.txt"), FREE, FREE, FREE),
    ("edits a file here", writes(f"{WORKSPACE}/a.py"), ASK, FREE, FREE),
    ("edits in an added folder", writes("/srv/extra/a.py"), ASK, FREE, FREE),
    ("edits one here, one elsewhere", writes(f"{WORKSPACE}/a", "/tmp/b"), ASK, ASK, ASK),
    ("edits a file elsewhere", writes("/etc/hosts"), ASK, ASK, ASK),
    ("edits beside the workspace", writes(f"{WORKSPACE}-old/a"), ASK, ASK, ASK),
    ("edits a git hook", writes(f"{WORKSPACE}/.git/hooks/pre-commit"), ASK, ASK, ASK),
    ("edits a nested git config", writes(f"{WORKSPACE}/sub/.git/config"), ASK, ASK, ASK),
    ("edits a git hook, other case", writes(f"{WORKSPACE}/.GIT/hooks/x"), ASK, ASK, ASK),
    ("edits a git hook, invisibly", writes(f"{WORKSPACE}/.g\u200cit/hooks/x"), ASK, ASK, ASK),
    ("edits an editor's tasks", writes(f"{WORKSPACE}/.vscode/tasks.json"), ASK, ASK, ASK),
    ("edits .gitignore", writes(f"{WORKSPACE}/.gitignore"), ASK, FREE, FREE),
    ("runs what only reads", runs("ls && cat a.py"), LOOKING, LOOKING, CONFINED),
    ("runs what may change things", runs("make"), ASK, ASK, CONFINED),
    ("runs both", runs("ls && make"), ASK, ASK, CONFINED),
    ("wants to write elsewhere", wants("make", "/opt/x"), ASK, ASK, ASK),
    ("wants it, and only reads", wants("ls", "/opt/x"), ASK, ASK, ASK),
    ("wants the network", wants("make", network=True), ASK, ASK, ASK),
    ("wants to read a key", wants("make", read=f"{HOME}/.ssh/id_rsa"), ASK, ASK, ASK),
    ("wants to read what is closed", wants("ls", read="/var/lib/x"), ASK, ASK, ASK),
    ("wants to write a git hook", wants("make", f"{WORKSPACE}/.git/hooks"), ASK, ASK, ASK),
    ("wants to write our logs", wants("make", f"{HOME}/.codex-py/sessions"), ASK, ASK, ASK),
    ("wants what it has", wants("make", f"{WORKSPACE}/out"), ASK, ASK, CONFINED),
    ("shows a key", runs(f"cat {HOME}/.ssh/id_rsa"), ASK, ASK, CONFINED),
    ("uses the network", Effects(network=True), ASK, ASK, ASK),
    ("cannot say what it touches", UNKNOWN, ASK, ASK, ASK),
]


@pytest.mark.parametrize(
    ("what", "effects", "suggest", "auto", "full"), TABLE, ids=[r[0] for r in TABLE]
)
def test_the_table(what: str, effects: Effects, suggest: str, auto: str, full: str) -> None:
    for mode, expected in (("suggest", suggest), ("auto-edit", auto), ("full-auto", full)):
        decision = decide(policy(mode), effects, read_line)  # type: ignore[arg-type]
        told = ASK if decision.verdict == "ask" else FREE
        told += (
            ""
            if told == ASK
            else {"": "", "read-only": ", confined to reading", "workspace-write": ", confined"}[
                decision.confined
            ]
        )
        assert told == expected, f"{what} in {mode}: {decision.reason}"
        assert decision.reason


def test_a_root_that_lies_in_a_protected_name_is_not_protected_itself() -> None:
    inside = Policy(mode="auto-edit", roots=("/home/ann/.claude/worktrees/x",))
    decision = decide(inside, writes("/home/ann/.claude/worktrees/x/a.py"), read_line)
    assert decision.verdict == "allow"


def test_without_confinement_full_auto_asks_before_commands() -> None:
    assert decide(policy("full-auto", False), runs("make"), read_line).verdict == "ask"
    assert decide(policy("suggest", False), runs("ls"), read_line).confined == ""


def test_what_only_reads_when_confined_asks_where_nothing_confines() -> None:
    def git(command: str, cwd: str) -> tuple[Piece, ...]:
        return (Piece(command, True, "only reads", walled=True),)

    assert decide(policy("suggest"), runs("git status"), git).verdict == "allow"
    assert decide(policy("suggest", False), runs("git status"), git).verdict == "ask"


def test_a_folder_that_holds_secrets_is_looked_through_only_where_they_are_hidden() -> None:
    for command, cwd in ((f"ls {HOME}", WORKSPACE), ("ls", HOME), ("ls /", WORKSPACE)):
        there = Effects(command=command, cwd=cwd)
        assert decide(policy("suggest"), there, read_line).verdict == "allow"
        assert decide(policy("suggest", False), there, read_line).verdict == "ask"
    assert decide(policy("suggest", False), runs("ls"), read_line).verdict == "allow"
    granted = replace(policy("suggest"), granted=frozenset({"command: make"}))
    for command, verdict in (
        ("make", "allow"),
        ("make && ls", "allow"),
        (f"make && ls {HOME}", "ask"),
    ):
        assert decide(granted, runs(command), read_line).verdict == verdict


def test_a_question_names_the_option_that_would_allow_it() -> None:
    assert decide(policy("suggest"), writes(f"{WORKSPACE}/a"), read_line).grant == (
        "--approval-mode auto-edit"
    )
    assert decide(policy("auto-edit"), runs("make"), read_line).grant == "--approval-mode full-auto"
    assert decide(policy("full-auto"), writes("/opt/x/a"), read_line).grant == "--add-dir /opt/x"


def grant(text: str) -> Decision:
    return Decision(call_id="c", verdict="allow", by="user", remember=text)


def test_grants_hold_for_a_prefix_of_words_until_the_session_is_resumed() -> None:
    log = [grant("command: npm test")]
    now = standing(policy("suggest"), log)
    assert decide(now, runs("npm test -- x"), read_line).verdict == "allow"
    assert decide(now, runs("ls && npm test"), read_line).verdict == "allow"
    assert decide(now, runs("npm tester"), read_line).verdict == "ask"
    assert decide(now, runs("npm test && make"), read_line).verdict == "ask"
    assert decide(now, runs("npm test > ../out"), read_line).verdict == "ask"
    assert decide(now, runs("npm test $(make)"), read_line).verdict == "ask"
    later = standing(policy("suggest"), [*log, Resumed(cwd=WORKSPACE)])
    assert decide(later, runs("npm test"), read_line).verdict == "ask"


def test_a_denied_question_grants_nothing() -> None:
    log = [Decision(call_id="c", verdict="deny", by="user", remember="command: make")]
    assert decide(standing(policy("suggest"), log), runs("make"), read_line).verdict == "ask"


def test_the_mode_last_chosen_holds() -> None:
    log = [Changed(setting="mode", value="auto-edit"), Changed(setting="mode", value="nonsense")]
    assert standing(policy("suggest"), log).mode == "auto-edit"


def test_what_a_command_wants_is_asked_for_by_name_and_stays_in_the_wall() -> None:
    wish = wants("make", "/opt/x", read=f"{HOME}/.ssh/id_rsa", network=True)
    for mode in ("suggest", "auto-edit", "full-auto"):
        decision = decide(policy(mode), wish, read_line)  # type: ignore[arg-type]
        assert decision.verdict == "ask"
        assert decision.confined == "workspace-write"
        for part in ("/opt/x", f"{HOME}/.ssh/id_rsa", "network"):
            assert part in decision.reason
        assert "writable=" in decision.grant and "network_access=true" in decision.grant
        assert decision.effects["writes"] == ["/opt/x"]


def kept(*grants: str) -> Decision:
    return Decision(call_id="c", verdict="allow", by="user", opened=grants)


def test_what_was_opened_for_the_session_is_given_to_each_command_until_it_is_resumed() -> None:
    log = [kept("write: /opt/x", "network"), Changed(setting="grant", value="read: /srv/keys")]
    now = standing(policy("full-auto"), log)
    assert decide(now, wants("make", "/opt/x/deep", network=True), read_line).verdict == "allow"
    assert decide(now, wants("make", "/opt/xy"), read_line).verdict == "ask"
    assert decide(now, wants("make", "/opt"), read_line).verdict == "ask"
    assert decide(now, writes("/opt/x/a.py"), read_line).verdict == "allow"
    given = widened(now, runs("make"))
    assert (given.writes, given.reads, given.network) == (("/opt/x",), ("/srv/keys",), True)
    assert widened(now, reads("/etc/hosts")) == reads("/etc/hosts")
    later = standing(policy("full-auto"), [*log, Resumed(cwd=WORKSPACE)])
    assert widened(later, runs("make")) == runs("make")
    assert decide(later, wants("make", "/opt/x"), read_line).verdict == "ask"


def test_a_path_named_like_a_grant_grants_nothing() -> None:
    log = [grant("edit: /home/ann/shop/a\nnetwork"), kept("write: /opt/a\nread: /")]
    now = standing(policy("full-auto"), log)
    assert decide(now, wants("make", network=True), read_line).verdict == "ask"
    assert decide(now, wants("make", read="/etc/shadow"), read_line).verdict == "ask"
    refused = Decision(call_id="c", verdict="deny", by="user", opened=("network",))
    assert "network" not in standing(policy("full-auto"), [refused]).granted


def test_typing_into_what_was_opened_once_is_asked_each_time() -> None:
    typed = Effects(typed="rm x\n", into="process 1 (`bash`)", walled="workspace-write")
    assert decide(policy("full-auto"), typed, read_line).verdict == "allow"
    for wider in (replace(typed, network=True), replace(typed, writes=("/opt/x",))):
        asked = decide(policy("full-auto"), wider, read_line)
        assert (asked.verdict, asked.confined) == ("ask", "workspace-write")
        assert "process 1" in asked.reason and "was opened" in asked.reason
    now = standing(policy("full-auto"), [kept("network")])
    assert decide(now, replace(typed, network=True), read_line).verdict == "allow"
