"""Results, diffs and questions: what is shown, what is folded, what must not be hidden."""

from __future__ import annotations

from pathlib import Path

import pytest

from codex_py.core.entries import Compacted, Decision, Delta, Reasoning, ToolCall
from codex_py.core.errors import UsageError
from codex_py.host.change import Change
from codex_py.tools._diff import unified
from codex_py.tools._written import KEPT, fact
from codex_py.ui.render import Renderer
from codex_py.ui.render.diffs import Row, parsed, words
from tests.ui.render.script import NEW, OLD, call, ran, result

PATCH = """\
*** Begin Patch
*** Update File: a.py
@@
-x = 1
+x = 2
*** Add File: new/b.py
+print("hello")
*** Delete File: gone.txt
*** End Patch"""
FILES = {"a.py": b"x = 1\ny = 1\n", "gone.txt": b"bye\n"}
ASKED = Decision(verdict="ask", reason="suggest mode asks before edits", effects={"writes": ["a"]})


def renderer(width: int = 80) -> Renderer:
    return Renderer(width, False, True)


def patch(text: str) -> ToolCall:
    return ToolCall(call_id="c", name="apply_patch", arguments=text, freeform=True)


def test_rows_carry_the_numbers_of_the_lines_of_each_side() -> None:
    rows = parsed(unified(Change("update", "a", OLD.encode(), NEW.encode())))
    changed = [(row.mark, row.number, row.text) for row in rows if row.mark in "-+"]
    old, new = OLD.split("\n"), NEW.split("\n")
    assert changed[:2] == [("-", 8, "line 8"), ("+", 8, "line eight, changed")]
    for mark, number, text in changed:
        assert (old if mark == "-" else new)[number - 1] == text
    for row in rows:
        if row.mark == " ":
            assert new[row.number - 1] == row.text


def test_a_line_that_looks_like_a_head_is_a_line_of_the_diff() -> None:
    before, after = b"-- a/x\nkeep\n", b"++ b/y\nkeep\n"
    rows = parsed(unified(Change("update", "a", before, after)))
    assert [(row.mark, row.text) for row in rows] == [
        ("-", "-- a/x"),
        ("+", "++ b/y"),
        (" ", "keep"),
    ]


def test_the_words_that_differ_are_marked_in_both_lines() -> None:
    old, new = "    return add(a, b)", "    return sub(a, b, c)"
    gone, come = words(old, new)
    assert [old[slice(*each)] for each in gone] == ["add"]
    assert [new[slice(*each)] for each in come] == ["sub", ", c"]


def test_lines_that_have_little_in_common_get_no_word_marks() -> None:
    assert words("import os", "class Tree(Node):") == ((), ())
    assert words("x" * 500, "x" * 499 + "y") == ((), ())


def test_a_diff_cut_off_anywhere_is_drawn_as_far_as_it_goes() -> None:
    whole = unified(Change("update", "a", OLD.encode(), NEW.encode()))
    rows = parsed(whole)
    for stop in range(0, len(whole), 7):
        told = parsed(whole[:stop])
        plain = [(row.mark, row.number) for row in told[:-1]]
        assert plain == [(row.mark, row.number) for row in rows[: len(plain)]]


def test_a_last_line_without_newline_is_no_line_of_its_own() -> None:
    rows = parsed(unified(Change("update", "a", b"x", b"y")))
    assert rows == [Row("-", 1, "x"), Row("+", 1, "y")]


def test_an_edit_keeps_its_diff_in_the_log_up_to_a_bound() -> None:
    small = fact(Change("update", "a", b"x\n", b"y\n"))
    assert small["diff"] == "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+y\n"
    assert "diff_cut" not in small
    lines = "".join(f"line number {number}\n" for number in range(5_000))
    large = fact(Change("add", "a", None, lines.encode()))
    assert KEPT - 100 < len(large["diff"]) <= KEPT
    assert large["diff"].count("\n") + large["diff_cut"] == 5_003
    drawn = renderer().entry(result("ok", changes=[large])) or ""
    assert f"+{5_000 - 40:,} lines (Ctrl+O" in drawn
    assert "more lines of the diff were not kept" in renderer().expand(
        result("ok", changes=[large])
    )


def test_a_binary_change_is_told_in_a_sentence() -> None:
    changed = fact(Change("update", "logo.png", b"\0one", b"\0three"))
    drawn = renderer().entry(result("ok", changes=[changed])) or ""
    assert "Binary file logo.png differs" in drawn


def test_output_is_folded_to_its_last_lines_and_expands_to_all() -> None:
    _, entry = ran("seq 99", "\n".join(f"row {number}" for number in range(99)))
    drawn = renderer().entry(entry) or ""
    assert "+94 lines (Ctrl+O to see all)" in drawn
    assert "row 98" in drawn
    assert "row 93\n" not in drawn
    whole = renderer().expand(entry)
    assert all(f"row {number}\n" in whole for number in range(99))
    assert "$ seq 99" in whole
    assert "from the file" in renderer().expand(entry, "from the file")


def test_reasoning_and_summaries_expand() -> None:
    text = "\n".join(f"thought {number}" for number in range(9))
    assert "thought 8" not in (renderer().entry(Reasoning(summary=text)) or "")
    assert "thought 8" in renderer().expand(Reasoning(summary=text))
    assert "thought 8" in renderer().expand(Compacted(summary=text, keep_from=0))


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "✓ Ran ls · 3.2 s\n"),
        ({"code": 3}, "✗ Ran ls · exit 3 · 3.2 s\n"),
        ({"signal": 9, "code": -9}, "✗ Ran ls · killed by signal 9 · 3.2 s\n"),
        ({"timed_out": True, "code": -1}, "✗ Ran ls · timed out · 3.2 s\n"),
        ({"confined": ""}, "✓ Ran ls · 3.2 s · not confined\n"),
    ],
)
def test_a_command_is_one_line_that_says_how_it_ended(facts: dict, said: str) -> None:
    _, entry = ran("ls", "(no output)", **facts)
    assert renderer().entry(entry) == said


def test_a_refused_call_says_so() -> None:
    drawn = renderer()
    assert drawn.entry(call("shell", command="rm -rf x")) is None
    said = drawn.entry(
        Decision(call_id="c", verdict="deny", by="user", effects={"command": "rm -rf x"})
    )
    assert "you said no" in (said or "")
    told = drawn.entry(result("The user refused this.", False)) or ""
    assert told == "✗ Running rm -rf x refused\n"


def test_only_an_allowed_call_is_shown_as_running_with_its_newest_output() -> None:
    drawn = renderer()
    drawn.entry(call("shell", command="make"))
    assert drawn.live() == ""
    drawn.entry(Decision(call_id="c", verdict="allow", effects={"command": "make"}))
    drawn.delta(Delta("output", "one\ntwo\nthree\n10 %\r20 %\rfour", "c"))
    assert drawn.live() == "▸ Running make\n    two\n    three\n    four\n"
    for _ in range(2_000):
        drawn.delta(Delta("output", "x" * 1_000, "c"))
    assert drawn.live(2).count("\n") == 2
    drawn.entry(result("done"))
    assert drawn.live() == ""


def test_arguments_are_counted_while_they_are_written() -> None:
    drawn = renderer()
    for _ in range(3):
        drawn.delta(Delta("arguments", "x" * 500, "c", "apply_patch"))
    assert drawn.live() == "▸ writing apply_patch, 1.5k characters\n"


def test_a_command_is_asked_about_whole_with_its_folder_and_its_dangers() -> None:
    command = "make test &&\n  ./deploy --to " + "production" * 20
    effects = {"command": command, "cwd": "/home/me/project", "network": True}
    asked = Decision(verdict="ask", reason="make is not known to only read", effects=effects)
    told = renderer(60).question(call("shell", command=command), asked)
    flat = "".join(line.strip() for line in told.split("\n"))
    assert "production" * 20 in flat
    assert "  $ make test &&\n      ./deploy --to" in told
    assert "in: /home/me/project" in told
    assert "why: make is not known to only read" in told
    assert "not confined" in told
    assert "would use the network" in told
    confined = Decision(verdict="ask", effects={"command": "x"}, confined="workspace-write")
    assert "not confined" not in renderer().question(call("shell", command="x"), confined)


def test_a_command_with_hidden_characters_is_asked_about_with_a_warning() -> None:
    effects = {"command": "echo \u202egnp.sh\u00a0-x"}
    told = renderer().question(call("shell"), Decision(verdict="ask", effects=effects))
    assert "echo \\u202egnp.sh\\xa0-x" in told
    assert "do not show" in told


def test_a_patch_is_asked_about_as_the_diff_of_every_file() -> None:
    told = renderer().question(patch(PATCH), ASKED, FILES.get)
    assert "Edited a.py (+1 -1)" in told
    assert "1 - x = 1\n" in told
    assert "1 + x = 2\n" in told
    assert "2   y = 1\n" in told
    assert "Added new/b.py (+1 -0)" in told
    assert 'print("hello")' in told
    assert "Deleted gone.txt (+0 -1)" in told
    assert "why: suggest mode asks before edits" in told


def test_replacements_and_whole_files_are_asked_about_as_diffs() -> None:
    edit = call("edit_file", path="a.py", old="x = 1", new="x = 3")
    assert "1 + x = 3\n" in renderer().question(edit, ASKED, FILES.get)
    whole = call("write_file", path="a.py", content="x = 1\ny = 9\n")
    told = renderer().question(whole, ASKED, FILES.get)
    assert "Edited a.py (+1 -1)" in told
    assert "2 + y = 9\n" in told
    assert "Added c.py" in renderer().question(
        call("write_file", path="c.py", content="z\n"), ASKED, FILES.get
    )


def test_an_edit_that_cannot_be_made_is_asked_about_as_it_was_written() -> None:
    def refuse(path: str) -> bytes | None:
        raise PermissionError(13, "Permission denied", path)

    for given, read in (
        (patch("*** Begin Patch\nnonsense\n*** End Patch"), FILES.get),
        (patch(PATCH.replace("x = 1", "no such line")), FILES.get),
        (patch(PATCH), refuse),
        (call("edit_file", path="a.py", old="nothing", new="y"), FILES.get),
        (call("edit_file", path="a.py"), FILES.get),
        (call("write_file", content="x"), FILES.get),
        (call("edit_file", path="b.bin", old="x", new="y"), lambda path: b"\xff\xfe"),
    ):
        told = renderer().question(given, ASKED, read)
        assert "cannot be done as it stands" in told
        for line in given.arguments.split("\n"):
            if given.freeform:
                assert line in told


def test_a_real_folder_can_be_the_source_of_a_question(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(FILES["a.py"])

    def read(path: str) -> bytes | None:
        file = tmp_path / path
        return file.read_bytes() if file.exists() else None

    edit = call("edit_file", path="a.py", old="y = 1", new="y = 2")
    assert "2 + y = 2\n" in renderer().question(edit, ASKED, read)
    assert (tmp_path / "a.py").read_bytes() == FILES["a.py"]


def test_a_foreign_tool_is_asked_about_with_its_arguments() -> None:
    asked = Decision(verdict="ask", reason="unknown tool", effects={"unknown": True})
    told = renderer().question(call("weather", city="Oslo", days=[1, 2]), asked)
    assert "Use weather?" in told
    assert '"city": "Oslo"' in told
    assert "nobody can tell" in told


def test_after_a_resize_lines_fit_the_new_width() -> None:
    drawn = renderer(80)
    drawn.delta(Delta("text", "word " * 30))
    drawn.resize(20)
    told = drawn.flush() or ""
    assert max(map(len, told.split("\n"))) <= 20
    assert told.split() == ["word"] * 30


def test_a_theme_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"'neon'.*ansi.*dark"):
        Renderer(80, True, True, "neon")
