"""How the small model is asked and answers: pure folds over a log, and a grammar."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from codex_py.core.entries import Assistant, Entry, Text, ToolCall, ToolResult, User, words
from codex_py.core.request import ModelSettings, Request, ToolSpec
from codex_py.models.local_dialect import body, opening, temperature
from codex_py.models.local_doubts import doubt, wants_change
from codex_py.models.local_forks import Fork, Token, Ways, forced, forks
from codex_py.models.local_grammar import grammar, quoted
from codex_py.models.local_moves import (
    FAILING,
    UNCHANGED,
    check,
    first_looks,
    moves,
    nudge,
)
from codex_py.models.local_profile import INSTRUCTIONS, TOOLS, files
from codex_py.models.local_scene import Scene, scene
from codex_py.models.local_words import SHOWN, Action, examples, messages, parsed, written

ASKED = User(parts=(Text("fix the failing test"),))


def did(
    name: str, ok: bool = True, said: str = "", auto: bool = False, **given: Any
) -> list[Entry]:
    """A call and its result, as the tools report them."""
    call_id = ("auto_" if auto else "call_") + f"{name}{given}"
    changed = name in ("edit_file", "write_file") and ok
    data = {"changes": [{"path": given.get("path")}]} if changed else {}
    return [
        ToolCall(call_id=call_id, name=name, arguments=json.dumps(given)),
        ToolResult(call_id=call_id, ok=ok, parts=(Text(said),), data=data),
    ]


def read(path: str, content: str) -> list[Entry]:
    numbered = "\n".join(f"{n:>5} {line}" for n, line in enumerate(content.splitlines(), 1))
    return did("read_file", said=numbered, auto=True, path=path)


def said(text: str) -> Entry:
    return Assistant(text=text)


def user(text: str) -> User:
    return User(parts=(Text(text),))


FAILED = did("shell", ok=False, said="Exit code: 1\nAssertionError", command="python3 test_a.py")
PASSED = did("shell", said="Exit code: 0\nok", command="python3 test_a.py")
READ = read("a.py", "def f():\n    return 1")
EDITED = did("edit_file", path="a.py", old="    return 1\n", new="    return 2\n")
LISTED = files([("a.py", 22), ("test_a.py", 40)])


def request(*entries: Entry) -> Request:
    tools = tuple(ToolSpec(each, "", {"type": "object", "properties": {}}) for each in TOOLS)
    return Request(INSTRUCTIONS, entries, tools, ModelSettings("m"), lambda _: b"")


# Reminders


def test_a_claim_without_a_change_is_reminded_once() -> None:
    turn = [ASKED, *READ, said("Fixed the bug in a.py.")]
    assert nudge(turn) == UNCHANGED
    assert nudge([*turn, user(UNCHANGED), said("It is fixed now.")]) == ""


def test_an_edit_that_was_refused_is_no_change() -> None:
    refused = did("edit_file", ok=False, path="a.py", old="x", new="y")
    assert nudge([ASKED, *READ, *refused, said("All good.")]) == UNCHANGED


def test_an_answer_to_a_question_is_left_alone() -> None:
    assert nudge([user("what is in a.py?"), *READ, said("a.py holds the number 7.")]) == ""
    assert nudge([user("what is here?"), said("There are two files.")]) == ""


def test_a_change_by_a_tool_or_a_command_is_a_change() -> None:
    assert nudge([ASKED, *EDITED, said("Changed the port.")]) == ""
    assert nudge([ASKED, *did("shell", command="mkdir src"), said("Created src.")]) == ""
    cat = did("shell", command="cat a.txt")
    assert nudge([ASKED, *cat, said("Created src.")]) == UNCHANGED


def test_a_failing_check_is_not_left_failing() -> None:
    turn = [ASKED, *EDITED, *FAILED, said("Fixed.")]
    assert nudge(turn) == FAILING
    assert nudge([*turn, user(FAILING), *FAILED, said("Fixed.")]) == ""


def test_a_check_that_does_not_exist_is_not_insisted_on() -> None:
    gone = did("shell", ok=False, said="python3: can't open file 'b.py'", command="python3 b.py")
    assert nudge([ASKED, *EDITED, *gone, said("Changed a.py.")]) == ""


# What rules do without the model


def test_a_test_to_mend_is_read_with_what_it_tests_then_run() -> None:
    log: list[Entry] = [LISTED, ASKED]
    assert moves(log) == (("read_file", {"path": "a.py"}), ("read_file", {"path": "test_a.py"}))
    log += [*READ, *read("test_a.py", "from a import f\nassert f() == 2")]
    assert moves(log) == (("shell", {"command": "python3 test_a.py"}),)
    log += did("shell", ok=False, said="Exit code: 1", auto=True, command="python3 test_a.py")
    assert moves(log) == ()
    log += EDITED
    assert moves(log) == (("shell", {"command": "python3 test_a.py"}),)
    assert moves([*log, *PASSED]) == ()


def test_the_files_of_a_task_are_read_when_they_are_small() -> None:
    log = files([("docs/notes.md", 100), ("big.csv", 9_000_000), ("other.py", 5)])
    assert first_looks(scene([log, user("what is in notes.md?")])) == ["docs/notes.md"]
    assert first_looks(scene([log, user("sum up big.csv")])) == []
    assert first_looks(scene([log, user("hello")])) == []
    few = files([("a.txt", 10), ("b.md", 10), (".env", 10)])
    assert first_looks(scene([few, user("which file is longer?")])) == ["a.txt", "b.md"]
    assert first_looks(scene([files([("a.py", 1), ("b", 9)]), user("make data.py")])) == [
        "a.py",
        "b",
    ]


def test_a_file_that_a_command_changed_is_looked_at_again() -> None:
    log = [LISTED, user("make f g in a.py"), *READ]
    log += did("shell", command="sed -i s/f/g/ a.py")
    assert moves(log) == (("read_file", {"path": "a.py"}),)
    log += read("a.py", "def g():\n    return 1")
    assert moves(log) == ()
    assert scene(log).views["a.py"] == "def g():\n    return 1\n"


def test_tests_are_run_the_way_they_are_written() -> None:
    for content, command in (
        ("assert f()", "python3 tests/test_a.py"),
        ("import unittest\nclass T: ...\nunittest.main()", "python3 tests/test_a.py"),
        ("import unittest\nclass T: ...", "python3 -m unittest tests/test_a.py"),
        ("def test_f():\n    assert f()", "python3 -m pytest -q tests/test_a.py"),
    ):
        found = check(Scene("the test fails", views={"tests/test_a.py": content}))
        assert found.removeprefix("PYTHONPATH=. ") == command
    assert check(Scene("fix the tests", sizes={"Cargo.toml": 1})) == "cargo test"
    crash = [files([("a.py", 9)]), user("a.py crashes, fix it"), *read("a.py", "print(1 / 0)")]
    assert moves(crash) == (("shell", {"command": "python3 a.py"}),)
    assert check(Scene()) == ""


# Second thoughts


def now(*entries: Entry) -> Scene:
    return scene([LISTED, *entries])


def why(action: Action | None, here: Scene) -> str:
    found = doubt(action, here)
    return found.why if found else ""


def edit(path: str, old: str, new: str) -> Action:
    return Action("edit", given={"path": path, "old": old, "new": new})


def test_what_changes_nothing_or_repeats_itself_is_not_taken() -> None:
    asked = user("make f return 2 in a.py")
    here = now(asked, *READ)
    assert why(edit("a.py", "    return 1\n", "    return 1\n"), here) == "nothing"
    assert why(edit("a.py", "    return 1\n", "return 2\n"), here) == "syntax"
    assert why(edit("a.py", "    return 1\n", "    return 2\n"), here) == ""
    assert why(None, here) == "shape"
    again = Action("run", given={"command": "ls"})
    assert why(again, now(asked, *did("shell", command="ls"))) == "same"
    assert why(again, now(asked, *did("shell", command="ls"), *EDITED)) == ""


def test_what_a_file_still_needs_is_not_taken_away() -> None:
    log = read("a.py", "import json\nimport os\n\n\ndef f():\n    return json.loads('1')")
    here = now(user("remove the unused import from a.py"), *log)
    assert why(edit("a.py", "import json\n", ""), here) == "lost"
    assert why(edit("a.py", "import os\n", ""), here) == ""
    uses = edit("a.py", "import os\n", "import os\nprint(args, len(os.sep))\n")
    assert why(uses, here) == "lost"
    four = now(user("set d to 5 in c.ini"), *read("c.ini", "a=1\nb=2\nc=3\nd=4"))
    assert why(Action("write", given={"path": "c.ini", "content": "d=5\n"}), four) == "drops"
    whole = Action("write", given={"path": "c.ini", "content": "a=1\nb=2\nc=3\nd=5\n"})
    assert why(whole, four) == ""


def test_adding_takes_nothing_away() -> None:
    here = now(user("add a function g() to a.py"), *READ)
    only = Action("write", given={"path": "a.py", "content": "def g():\n    return 2\n"})
    assert why(only, here) == "drops"
    assert why(edit("a.py", "    return 1\n", "    return 1\n\n\ndef g(): ...\n"), here) == ""
    for path, old, new in (
        ("a.json", '{"a": {"b": 1}}', '{"c": 2}\n'),
        ("a.md", "# A\n\nb", "# A\n\nc\n"),
        (".gitignore", "*.log", "*.pyc\n"),
    ):
        asked = user(f"add c to {path}")
        taken = Action("write", given={"path": path, "content": new})
        assert why(taken, now(asked, *read(path, old))) == "drops"
        assert why(taken, now(user(f"change {path}"), *read(path, old))) == ""


def test_a_task_is_not_done_before_it_is_begun() -> None:
    done = Action("done", "Fixed.")
    early = doubt(done, now(ASKED, *READ))
    assert early is not None
    assert (early.why, early.bars) == ("early", ("done",))
    assert why(done, now(user("what does f return?"), *READ)) == ""
    assert why(done, now(ASKED, *EDITED)) == ""
    assert why(done, now(ASKED, *PASSED)) == ""
    assert why(done, now(ASKED, *EDITED, *FAILED)) == "failing"
    assert why(done, now(ASKED, *EDITED, *FAILED * 5)) == ""
    looked = [each for n in range(6) for each in did("shell", command=f"ls {n}")]
    assert why(done, now(user("add a file"), *looked)) == ""


def test_what_the_task_names_must_be_there_in_the_end() -> None:
    done = Action("done", "Done.")
    flag = user("add a flag --loud to a.py")
    assert why(done, now(flag, *READ, *EDITED)) == "missing"
    assert why(edit("a.py", "    return 1\n", "    return 2\n"), now(flag, *READ)) == "missing"
    loud = did("edit_file", path="a.py", old="    return 1\n", new="    return '--loud'\n")
    assert why(done, now(flag, *READ, *loud)) == ""
    rename = user("rename the function f to g in a.py")
    assert why(done, now(rename, *READ, *EDITED)) == "left"
    assert why(done, now(user("remove the function f from a.py"), *READ, *EDITED)) == "left"
    removed = did("write_file", path="a.py", content="")
    assert why(done, now(user("remove the function f from a.py"), *READ, *removed)) == ""
    renamed = did("edit_file", path="a.py", old="def f():\n", new="def g():\n")
    assert why(done, now(rename, *READ, *renamed)) == ""


def test_the_test_to_pass_is_not_what_is_changed() -> None:
    log = [*READ, *read("test_a.py", "assert f() == 2")]
    change = edit("test_a.py", "assert f() == 2\n", "\n")
    assert why(change, now(ASKED, *log)) == "test"
    assert why(change, now(user("the test in test_a.py fails, fix a.py"), *log)) == "test"
    assert why(change, now(user("fix the wrong test in test_a.py"), *log)) == ""
    assert why(change, now(user("fix the typo in test_a.py"), *log)) == ""


def test_what_counts_as_a_check() -> None:
    for command, checks in (
        ("python3 a.py", True),
        ("PYTHONPATH=. python3 -B tests/test_a.py", True),
        ("python3 -m pytest -q", True),
        ("cargo test", True),
        ("diff a.py test_a.py", False),
        ("cat test_a.py", False),
        ("python3 -c 'print(1)'", False),
    ):
        step = scene([ASKED, *did("shell", ok=False, command=command)]).steps[0]
        assert step.checks is checks, command


def test_what_asks_for_a_change() -> None:
    for each in ("add a flag", "Please rename f", "a.py crashes, fix it", "in a.py, set x to 1"):
        assert wants_change(each), each
    for each in ("what files are here?", "how is x set?", "which test fails?", "explain a.py"):
        assert not wants_change(each), each


def test_what_fails_again_is_tried_another_way() -> None:
    assert temperature(now(ASKED, *FAILED)) == 0
    assert temperature(now(ASKED, *FAILED, *EDITED, *FAILED)) == 0.3
    assert temperature(now(ASKED, *FAILED * 9)) == 0.9
    assert temperature(now(ASKED, *FAILED * 9, ASKED)) == 0
    assert temperature(now(ASKED, *FAILED, *FAILED, user(FAILING))) == 0.3


def pieces(*told: str | tuple[str, str, float]) -> list[Token]:
    """The pieces of an answer, some with another that there might have been."""
    return [
        Token(each, ()) if isinstance(each, str) else Token(each[0], ((each[2], each[1]),))
        for each in told
    ]


def test_the_second_best_answer_is_where_the_model_was_least_sure() -> None:
    head = ("edit a.py\n<<<<<<< old\n", ("x", "never", -0.1), " * 2\n", "=======\n")
    answer = pieces(*head, ("x", "y", -2.6), (" *", " /", -1.4), (" 2", " ", -0.1), "\n>>>>>>> new")
    ways = Ways()
    ways.add("edit", answer)
    start = "edit a.py\n<<<<<<< old\nx * 2\n=======\n"
    assert [way.prefix for way in (ways.next(), ways.next()) if way] == [f"{start}x /", f"{start}y"]
    assert ways.next() is None
    ways.add("edit", answer)
    assert ways.next() is None, "each way is taken once"
    told = forced("edit", Fork(-1.4, f"{start}x /"))
    assert told.startswith(f"root ::= {quoted(start + 'x /')} [^\\n]* ")
    assert (
        forks("run", pieces("run ", ("ls", "cat", -1.0), ("`", "x", -1.0)))[0].prefix == "run cat"
    )
    written_ = pieces("write a.py\n```python", ("\n", "3", -0.5), ("x", "y", -1.0), "\n```")
    assert [each.prefix for each in forks("write", written_)] == ["write a.py\n```python\ny"]
    assert forks("done", pieces("done ", ("yes", "no", -1.0))) == []


def test_a_state_that_failed_is_not_gone_back_to() -> None:
    log = [*READ, *FAILED, *EDITED, *FAILED]
    assert why(edit("a.py", "    return 2\n", "    return 1\n"), now(ASKED, *log)) == "tried"
    assert why(edit("a.py", "    return 2\n", "    return 3\n"), now(ASKED, *log)) == ""
    assert why(edit("a.py", "    return 1\n", "    x = 1\n"), now(ASKED, *READ)) == "mute"
    twice = edit("a.py", "    return 1\n", "    return 1\n\n\ndef f():\n    return 2\n")
    assert why(twice, now(ASKED, *READ)) == "doubles"


# Words


def test_the_log_is_told_in_plain_words() -> None:
    log = [LISTED, ASKED, *READ, *FAILED, *EDITED, *PASSED, said("Fixed.")]
    told = messages("Be brief.", log)
    assert told[0] == {"role": "system", "content": "Be brief."}
    own = told[1 + len(examples()) :]
    assert [each["role"] for each in own] == ["user", "assistant"] * 4
    first = own[0]["content"]
    assert first.startswith(
        "Task: fix the failing test\nFiles: a.py test_a.py\n\na.py:\n```\ndef f"
    )
    assert own[1]["content"] == "run python3 test_a.py"
    assert own[2]["content"].startswith("$ python3 test_a.py\nExit code: 1")
    assert own[3]["content"] == written("edit_file", json.loads(EDITED[0].arguments))  # type: ignore[attr-defined]
    assert own[7]["content"] == "done Fixed."


def test_a_longer_log_begins_with_the_shorter_ones_words() -> None:
    log = [LISTED, ASKED, *READ, *FAILED, *EDITED, *PASSED, said("Fixed."), user("thanks")]
    before = ""
    for size in range(2, len(log) + 1):
        if isinstance(log[size - 1], ToolCall):
            continue
        told = messages("i", log[:size])
        flat = "".join(f"{each['role']}\n{each['content']}" for each in told)
        assert flat.startswith(before)
        before = flat
    shared = "".join(each["content"] for each in opening("i", "m")["messages"])
    assert "".join(each["content"] for each in told).startswith(shared)


def test_what_fails_again_is_told_anew() -> None:
    log = [LISTED, user("before"), said("Yes."), ASKED, *READ, *FAILED, *EDITED, *FAILED]
    told = messages("i", log)[1 + len(examples()) :]
    assert [each["role"] for each in told] == ["user", "assistant", "user"]
    assert told[2]["content"] == (
        "Task: fix the failing test\nFiles: a.py test_a.py\n\n"
        "a.py:\n```\ndef f():\n    return 2\n```\n\n"
        "$ python3 test_a.py\nExit code: 1\nAssertionError"
    )
    assert len(messages("i", log[:-2])) > len(told) + 1 + len(examples())


def test_a_long_result_is_cut() -> None:
    long = did("shell", said="word\n" * 5_000, command="cat x")
    assert len(messages("", [ASKED, *long])[-1]["content"]) < SHOWN + 300


def test_broken_files_are_told() -> None:
    bad = did("write_file", said="Wrote b.py.", path="b.py", content="def f(:\n")
    assert "b.py is not right now: line 1" in messages("", [ASKED, *bad])[-1]["content"]


def test_answers_are_actions() -> None:
    here = now(ASKED, *READ)
    assert parsed("done It works.\nReally.", here) == Action("done", "It works.\nReally.")
    assert parsed("run ls -l", here) == Action("run", given={"command": "ls -l"})
    assert parsed("read a b.py", here) == Action("read", given={"path": "a b.py"})
    found = parsed("write b.py\n```python\nx = 1\n\n```", here)
    assert found == Action("write", given={"path": "b.py", "content": "x = 1\n\n"})
    found = parsed("edit a.py\n<<<<<<< old\n    return 1\n=======\n>>>>>>> new", here)
    assert found == Action("edit", given={"path": "a.py", "old": "    return 1\n", "new": ""})
    for wrong in ("", "done", "run ", "I will run ls", "run a\nrun b", "write b.py\nx = 1"):
        assert parsed(wrong, here) is None, wrong


WORD = st.text(st.characters(codec="utf-8", exclude_characters="\n`\r\0", exclude_categories=["Z"]), min_size=1, max_size=8)  # fmt: skip
LINES = st.lists(WORD.filter(lambda each: not each.startswith((">", "="))), max_size=4)


@settings(max_examples=60, deadline=None)
@given(path=WORD, old=LINES, new=LINES)
def test_what_is_written_is_read_back(path: str, old: list[str], new: list[str]) -> None:
    lines = {
        "path": path,
        "old": "".join(f"{x}\n" for x in old),
        "new": "".join(f"{x}\n" for x in new),
    }
    here = Scene(views={path: f"a\n{lines['old']}b\n"})
    back = parsed(written("edit_file", lines), here)
    assert back == Action("edit", given=lines)
    content = {"path": path, "content": lines["new"]}
    assert parsed(written("write_file", content), here) == Action("write", given=content)


# The grammar


def test_the_grammar_offers_what_there_is() -> None:
    told = grammar(now(ASKED, *READ))
    assert 'read ::= "read " ("test_a.py")' in told
    assert '"edit a.py\\n<<<<<<< old\\n"' in told
    assert 'e0l1 ::= "    return 1\\n"' in told
    assert "edit test_a.py" not in told
    assert told.startswith("root ::= run | write | done | read | edit")
    assert grammar(now(ASKED), ("done",)).startswith("root ::= run | write | read\n")
    odd = Scene(views={'q"\\.py': 'a\t"b\\n"\x01\n'})
    assert '"a\\t\\"b\\\\n\\"\\x01\\n"' in grammar(odd)


def test_what_is_to_be_added_can_be_made_to_be_added_only() -> None:
    here = now(user("add a function g() to a.py"), *READ)
    found = doubt(edit("a.py", "    return 1\n", "    return 2\n"), here)
    assert found is not None
    assert found.insert
    told = grammar(here, insert=True)
    assert told.startswith("root ::= write | edit\n")
    assert '"    return 1\\n" "=======\\n" "    return 1\\n"' in told
    assert '"def f():' not in told, "what follows belongs to it"
    change = doubt(edit("a.py", "    return 1\n", "    x = 1\n"), now(ASKED, *READ))
    assert change is not None
    assert not change.insert


def test_the_same_log_gives_the_same_body() -> None:
    asked = request(LISTED, ASKED, *READ)
    assert body(asked) == body(replace(asked))
    assert body(asked)["temperature"] == 0
    assert body(asked)["max_tokens"] <= 1024
    assert body(replace(asked, tools=()))["grammar"] == ""


def test_many_files_are_counted() -> None:
    log = files([(f"f{n}", n) for n in range(50)])
    assert "f39 and more" in words((Text(messages("", [log, ASKED])[-1]["content"]),))
    assert scene([log, ASKED]).more


def test_every_example_is_an_action_that_its_task_allows() -> None:
    told = examples()
    assert [each["role"] for each in told] == ["user", "assistant"] * (len(told) // 2)
    for each in told[1::2]:
        assert parsed(each["content"], Scene()) is not None, each
    for place, each in enumerate(told[2::2], 1):
        if each["content"].startswith("Task:"):
            assert told[2 * place - 1]["content"].startswith("done ")
