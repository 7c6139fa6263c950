"""Finding blocks and computing files: every case of the tables, then any text at all."""

from __future__ import annotations

import difflib
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_py.host.change import Change
from codex_py.tools._diff import counts, unified
from codex_py.tools._lines import EditError, split
from codex_py.tools._locate import apply
from codex_py.tools._patch import Add, Block, Delete, Update, parse
from codex_py.tools._plan import plan, summary

ABC = "alpha\nbeta\ngamma\n"
FN = "fn a\nx=10\ny=2\nfn b\nx=10\ny=20\n"
FOUR = "line1\nline2\nline3\nline4\n"
DASH = "import asyncio  # local import – avoids top‑level dep\n"


def changed(before: str, body: str) -> str:
    """The file after an update with this body; `_` shows a blank line's mark."""
    blocks = parse(f"*** Begin Patch\n*** Update File: f\n{body}\n*** End Patch")[0].blocks
    return apply(before, blocks, "/w/f")[0]


FOUND = [
    (
        "L1",
        FOUR,
        "@@\n-line2\n+changed2\n@@\n-line4\n+changed4",
        "line1\nchanged2\nline3\nchanged4\n",
    ),
    ("L4", FN, "@@ fn b\n-x=10\n+x=11", "fn a\nx=10\ny=2\nfn b\nx=11\ny=20\n"),
    (
        "L5",
        "class A\n    def f\n    x\n",
        "@@ def f\n-    x\n+    y",
        "class A\n    def f\n    y\n",
    ),
    ("L9", FN, "@@ fn a\n+z=1", FN + "z=1\n"),
    ("L10", "a\n", "@@\n+b", "a\nb\n"),
    ("L10-empty", "", "@@\n+b", "b\n"),
    (
        "L11",
        "line1\nline2\nline3\n",
        "@@\n+after\n+second\n@@\n line1\n-line2\n-line3\n+r",
        "line1\nr\nafter\nsecond\n",
    ),
    ("L12", "x\nx\n", "@@\n-x\n+y", "y\nx\n"),
    ("L13", "  x\nx\n", "@@\n-x\n+Q", "  x\nQ\n"),
    ("right-trim-over-trim", "  x\nx  \n", "@@\n-x\n+Q", "  x\nQ\n"),
    ("L15", "x\ny\nx\n", "@@\n-x\n+Q\n*** End of File", "x\ny\nQ\n"),
    (
        "L16",
        DASH,
        "@@\n-import asyncio  # local import - avoids top-level dep\n+import asyncio  # HELLO",
        "import asyncio  # HELLO\n",
    ),
    ("L17", "say(“hi”, ‘x’)\n", "@@\n-say(\"hi\", 'x')\n+done", "done\n"),
    ("L19", "\ta\n\tb\n", "@@\n-    a\n+    c", "    c\n\tb\n"),
    ("L20", "ctx   \nb\n", "@@\n ctx\n-b\n+c", "ctx   \nc\n"),
    ("L21", "a\nb\n", "@@\n a\n-b\n+c\n", "a\nc\n"),
    ("L21-end", "a\nb\n", "@@\n-b\n+c\n \n*** End of File", "a\nc\n"),
    ("L22", "alpha\nomega\n", "@@\n alpha\n+beta\n omega", "alpha\nbeta\nomega\n"),
    ("L23-last", ABC, "@@\n-gamma\n+delta", "alpha\nbeta\ndelta\n"),
    ("L23-first", ABC, "@@\n-alpha\n+delta", "delta\nbeta\ngamma\n"),
    ("L23-deletion", "line1\nline2\nline3\n", "@@\n line1\n-line2\n line3", "line1\nline3\n"),
    ("L25", "a\nb\n", "@@\n-a\n-b\n+b\n+b\n+a", "b\nb\na\n"),
    ("W38", "c\nx\nc\nx\n", "@@ c\n-x\n+y\n*** End of File", "c\nx\nc\ny\n"),
    (
        "W18",
        "no newline at end",
        "@@\n-no newline at end\n+first line\n+second line",
        "first line\nsecond line\n",
    ),
    ("W18-untouched-text", "a\nb", "@@\n a", "a\nb"),
    ("W19", "a\nb\n", "@@\n-a\n-b", ""),
    (
        "W20",
        "one\r\ntwo\r\nthree\r\n",
        "@@\n-one\n+uno\n@@\n two\n+\n+between\n three",
        "uno\r\ntwo\r\n\r\nbetween\r\nthree\r\n",
    ),
    (
        "W21",
        "one\rtwo\rthree\r",
        "@@\n-one\n+uno\n@@\n two\n+\n+between\n three",
        "uno\rtwo\r\rbetween\rthree\r",
    ),
    (
        "W22",
        "one\r\ntwo\rthree\nfour\r\n",
        "@@\n one\n two\n-three\n+THREE\n four",
        "one\r\ntwo\rTHREE\r\nfour\r\n",
    ),
    ("W23", "same\r\nsame\n", "@@\n-same\n same", "same\n"),
    ("W24", "one\r\ntwo", "@@\n-one\n+ONE", "ONE\r\ntwo\r\n"),
    ("W25", "a\r\n\r\n", "@@\n+new", "a\r\n\r\nnew\r\n"),
    ("W34", "a\x0cb\u2028c\nd\n", "@@\n-d\n+e", "a\x0cb\u2028c\ne\n"),
    ("W35", "a\n", "@@\n-a\n++a\n+-b", "+a\n-b\n"),
    (
        "three-blocks",
        "a\nb\nc\nd\ne\nf\n",
        "@@\n a\n-b\n+B\n@@\n c\n d\n-e\n+E\n@@\n f\n+g\n*** End of File",
        "a\nB\nc\nd\nE\nf\ng\n",
    ),
    ("blank-context", "a\n\nb\n", "@@\n a\n\n-b\n+c", "a\n\nc\n"),
    (
        "header-as-context",
        "old a\n*** Update File: b.txt\nold b\n",
        "@@\n-old a\n+new a\n *** Update File: b.txt\n@@\n-old b\n+new b",
        "new a\n*** Update File: b.txt\nnew b\n",
    ),
    (
        "stacked",
        "class A\n  def f\n    x\nclass B\n  def f\n    x\n",
        "@@ class B\n@@   def f\n-    x\n+    y",
        "class A\n  def f\n    x\nclass B\n  def f\n    y\n",
    ),
]


@pytest.mark.parametrize(
    ("before", "body", "after"), [row[1:] for row in FOUND], ids=[row[0] for row in FOUND]
)
def test_blocks_change_what_they_name(before: str, body: str, after: str) -> None:
    assert changed(before, body) == after


def lines(*old: str) -> str:
    return "Failed to find expected lines in /w/f:\n" + "\n".join(old) + "\n\n"


LOST = [
    ("L2", "a\nb\nc\n", "@@\n-c\n+C\n@@\n-a\n+A", lines("a") + "They are line 1, but the search started at line 4"),
    ("L3", "a\nb\n", "@@\n-b\n+B\n*** End of File\n@@\n-a\n+A", lines("a") + "They are line 1"),
    ("L6", FN, "@@ fn b\n fn b\n-x=10\n+x=11", lines("fn b", "x=10") + "They are lines 4-5, which starts with the line of `@@ fn b` itself: do not repeat"),
    ("L7", "a\n", "@@ -1,2 +1,2 @@\n-a\n+b", "Failed to find context '-1,2 +1,2 @@' in /w/f\nLine numbers are not used"),
    ("L8", "x\na\n", "@@ x @@\n-a\n+b", "Failed to find context 'x @@' in /w/f\nLeave out the closing @@."),
    ("L14", "x\ny\nx\nz\n", "@@\n-x\n+Q\n*** End of File", lines("x") + "They are line 3, but not at the end of the file"),
    ("L18-ellipsis", "wait…\n", "@@\n-wait...\n+b", lines("wait...") + "Nearest match: line 1 (0 of 1 lines equal). First difference at line 1:\n  expected: 'wait...'\n  found:    'wait\\u2026'"),
    ("L18-zero-width", "ab\u200bcd\n", "@@\n-abcd\n+b", lines("abcd")),
    ("L18-blanks", "a  b\n", "@@\n-a b\n+b", lines("a b") + "Nearest match: line 1 (1 of 1 lines equal). First difference at line 1:\n  expected: 'a b'\n  found:    'a  b'"),
    ("L18-bom", "\ufeffimport os\n", "@@\n-import os\n+b", lines("import os") + "Nearest match: line 1 (0 of 1 lines equal). First difference at line 1:\n  expected: 'import os'\n  found:    '\\ufeffimport os'"),
    ("L24", "a\nb\nc\nd\n", "@@\n-b\n+B\n\n-d\n+D", lines("b", "", "d") + "Nearest match: lines 2-4 (2 of 3 lines equal). First difference at line 3:\n  expected: ''\n  found:    'c'"),
    ("L26", "one\n", "@@\n-one\n+first\n@@\n-one\n+second\n*** End of File", lines("one")),
    ("too-long", "a\n", "@@\n a\n-b\n+c", lines("a", "b") + "Nearest match: line 1 (1 of 2 lines equal). First difference at line 2:\n  expected: 'b'\n  found:    the end of the file"),
    ("already", "def f():\n    return 2\n", "@@\n def f():\n-    return 1\n+    return 2", lines("def f():", "    return 1") + "It seems already applied: the new lines are there (lines 1-2)"),
    ("already-deleted", "first\nthird\n", "@@\n first\n-second\n third", lines("first", "second", "third") + "It seems already applied"),
    ("nothing-like-it", "a\nb\n", "@@\n-completely\n+b", lines("completely") + "Nothing in the file is like these lines: read the file again."),
    ("context-near", "def one(x):\n", "@@ def one(y):\n-a\n+b", "Failed to find context 'def one(y):' in /w/f\nIt must equal a whole line. Nearest is line 1:\ndef one(x):"),
    ("contexts-in-order", "a\nb\n", "@@ b\n@@ a\n-b\n+c", "Failed to find context 'a' in /w/f\nIt is line 1, but the search started at line 3"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "body", "message"),
    [row[1:] for row in LOST],
    ids=[row[0] for row in LOST],
)
def test_a_block_that_is_not_there_says_what_is(before: str, body: str, message: str) -> None:
    with pytest.raises(EditError) as caught:
        changed(before, body)
    assert str(caught.value)[: len(message)] == message


def test_a_difference_in_composition_only_is_shown_by_escapes() -> None:
    with pytest.raises(EditError, match=r"expected: 'cafe\\u0301 = 1'\n  found:    'caf\\xe9 = 1'"):
        changed("café = 1\n", "@@\n-cafe\u0301 = 1\n+b")


NOTES = [
    ("a  \n", "@@\n-a\n+b", "matched line 1 after ignoring trailing blanks"),
    ("  a\n", "@@\n-a\n+b", "matched line 1 after ignoring indentation."),
    ("“a”\n", '@@\n-"a"\n+b', "matched line 1 after ignoring indentation and typographic"),
    ("a\nb\na\n", "@@\n-a\n+b", "matched line 1, the first of several equal places (the next: line 3)"),
    (FN, "@@ fn a\n+z", "put at the end of the file, not after '@@ fn a'"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "body", "note"), NOTES)
def test_a_loose_or_doubtful_match_is_told(before: str, body: str, note: str) -> None:
    blocks = parse(f"*** Begin Patch\n*** Update File: f\n{body}\n*** End Patch")[0].blocks
    (told,) = apply(before, blocks, "f")[1]
    assert note in told
    assert apply(ABC, (Block((), ("-beta", "+b")),), "f")[1] == ()


ENDS = st.sampled_from(["\n", "\r\n", "\r"])
WORD = st.sampled_from(["a", "b", "  a", "a ", "", "“q”", '"q"', "\x0c", "\u2028", "def f():"])
LINES = st.lists(WORD, max_size=12)
MARKED = st.builds(str.__add__, st.sampled_from(" +-"), WORD)
BLOCKS = st.lists(
    st.builds(
        Block,
        st.lists(WORD.filter(bool), max_size=2).map(tuple),
        st.lists(MARKED, min_size=1, max_size=5).map(tuple),
        st.booleans(),
    ),
    max_size=3,
)


@given(LINES, ENDS, BLOCKS)
def test_any_blocks_apply_whole_or_are_explained(file: list, end: str, blocks: list) -> None:
    text = "".join(line + end for line in file)
    try:
        after, _ = apply(text, blocks, "f")
    except EditError:
        return
    marks = [line for block in blocks for line in block.lines]
    if "+" not in marks and "-" not in marks:  # a last blank line may be left out of the match
        grown = sum((line[0] == "+") - (line[0] == "-") for line in marks)
        assert len(split(after)[0]) == len(file) + grown
        assert set(split(after)[1]) <= {end or "\n"} or not file


def blocks_between(old: list[str], new: list[str], context: int) -> list[Block]:
    """The blocks of a diff, as a careful model would write them."""
    made = []
    for group in difflib.SequenceMatcher(None, old, new).get_grouped_opcodes(context):
        told: list[str] = []
        for tag, a, b, c, d in group:
            if tag == "equal":
                told += [" " + line for line in old[a:b]]
            else:
                told += ["-" + line for line in old[a:b]] + ["+" + line for line in new[c:d]]
        made.append(Block((), tuple(told)))
    return made


@given(st.data(), ENDS, st.lists(st.integers(0, 9), max_size=15))
def test_a_diff_between_two_texts_gives_the_second(data, end: str, changes: list[int]) -> None:
    old = [f"line {n}" for n in range(data.draw(st.integers(1, 20)))]
    new = list(old)
    for n in changes:
        place = n % (len(new) + 1)
        new[place : place + n % 3] = [f"new {n}"] * (n % 2 + 1)
    blocks = blocks_between(old, new, data.draw(st.integers(1, 3)))
    after, _ = apply("".join(line + end for line in old), blocks, "f")
    assert after == "".join(line + end for line in new)


@given(
    st.lists(
        st.tuples(st.integers(0, 99), ENDS), min_size=1, max_size=12, unique_by=lambda p: p[0]
    ),
    st.data(),
)
def test_lines_that_no_block_names_keep_every_byte(file: list, data) -> None:
    place = data.draw(st.integers(0, len(file) - 1))
    parts = [f"{n}{data.draw(st.sampled_from(['', ' ', chr(9), chr(12)]))}{end}" for n, end in file]
    block = Block((), (f"-{file[place][0]}", "+new", "+lines"))
    after, _ = apply("".join(parts), (block,), "f")
    before, behind = "".join(parts[:place]), "".join(parts[place + 1 :])
    # A CR before and an LF behind would read as one ending once the line between is gone.
    assert after.startswith(before)
    assert after.endswith(behind)
    middle = after[len(before) : len(after) - len(behind)]
    assert [middle.startswith("new"), "lines" in middle, len(middle) <= 12] == [True] * 3


def followed(old: str, diff: str) -> str:
    """The new text, from the old one and a unified diff."""
    lines, made, at, kind = old.split("\n"), [], 0, ""
    for hunk in re.split(r"^@@ ", diff, flags=re.M)[1:]:
        first, *marked = hunk.removesuffix("\n").split("\n")
        start, _, count = first.split(" ")[0].removeprefix("-").partition(",")
        begin = int(start) - (count != "0")
        made += [line + "\n" for line in lines[at:begin]]
        at = begin
        for line in marked:
            if line.startswith("\\"):
                if kind != "-":
                    made[-1] = made[-1].removesuffix("\n")
                continue
            kind = line[0]
            if kind != "+":
                assert lines[at] == line[1:]
                at += 1
            if kind != "-":
                made.append(line[1:] + "\n")
    return "".join(made) + "\n".join(lines[at:])


PIECES = st.lists(st.sampled_from(["a\n", "b\n", "\n", "c c\n", "a", "é\n"]), max_size=14)


@given(PIECES, PIECES, st.integers(0, 3))
def test_a_diff_leads_to_the_second_text_and_counts_its_lines(old, new, context: int) -> None:
    before, after = "".join(old), "".join(new)
    change = Change("update", "f", before.encode(), after.encode())
    told = unified(change, context)
    assert followed(before, told) == after
    marks = [line[0] for line in told.split("\n")[2:] if line]
    assert counts(change) == (marks.count("+"), marks.count("-"))


PREVIEWS = [
    ("R9-append", "a\nb\nc\n", "a\nb\nc\nd\n", "@@ -3 +3,2 @@\n c\n+d\n"),
    ("double", "foo\nbar\nbaz\nqux\n", "foo\nBAR\nbaz\nQUX\n", "@@ -1,4 +1,4 @@\n foo\n-bar\n+BAR\n baz\n-qux\n+QUX\n"),
    ("first", "foo\nbar\nbaz\n", "FOO\nbar\nbaz\n", "@@ -1,2 +1,2 @@\n-foo\n+FOO\n bar\n"),
    ("last", "foo\nbar\nbaz\n", "foo\nbar\nBAZ\n", "@@ -2,2 +2,2 @@\n bar\n-baz\n+BAZ\n"),
    ("no-newline", "a", "a\n", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"),
    ("near", "a\nb\nc\nd\n", "A\nb\nc\nD\n", "@@ -1,4 +1,4 @@\n-a\n+A\n b\n c\n-d\n+D\n"),
    ("apart", "a\nb\nc\nd\ne\n", "A\nb\nc\nd\nE\n", "@@ -1,2 +1,2 @@\n-a\n+A\n b\n@@ -4,2 +4,2 @@\n d\n-e\n+E\n"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "hunks"), [row[1:] for row in PREVIEWS], ids=[row[0] for row in PREVIEWS]
)
def test_a_preview_shows_one_line_of_context(before: str, after: str, hunks: str) -> None:
    change = Change("update", "f", before.encode(), after.encode())
    assert unified(change, 1) == "--- a/f\n+++ b/f\n" + hunks
    made = replace(change, kind="add", before=None)
    assert unified(made, 1).startswith("--- /dev/null\n+++ b/f\n@@ -0,0 +1")


def test_a_diff_of_what_is_no_text_is_one_sentence() -> None:
    assert unified(Change("delete", "f", b"\0\1", None)) == (
        "Binary file f differs: 2 bytes before, 0 after.\n"
    )
    assert counts(Change("delete", "f", b"\xff", None)) == (0, 0)
    gone = Change("delete", "f", None, None, link="../g")
    assert unified(gone) == "The link f to ../g is removed.\n"


def planned(files: dict[str, bytes], *operations, **settings) -> tuple[Change, ...]:
    return plan(operations, files.get, cwd="/w", **settings)


SET = Update("a", None, (Block((), ("-x", "+y")),))


def test_operations_on_one_file_see_each_other_unless_once_is_asked() -> None:
    again = Update("./a", None, (Block((), ("-y", "+z")),))
    first, second = planned({"a": b"x\n"}, SET, again)
    assert (first.after, second.before, second.after) == (b"y\n", b"y\n", b"z\n")
    with pytest.raises(EditError, match="multiple operations target /w/a: put all changes"):
        planned({"a": b"x\n"}, SET, again, once=True)
    with pytest.raises(EditError, match="multiple operations target /w/b"):
        planned({"a": b"x\n"}, replace(SET, move_to="b"), Add("b", ()), once=True)
    assert [c.after for c in planned({}, Add("a", ("x",)), SET)] == [b"x\n", b"y\n"]
    gone = planned({"a": b"x\n"}, Delete("a"), Add("a", ("n",)))
    assert summary(gone) == "Success. Updated the following files:\nA a\nD a\n"
    moved = planned({"a": b"x\n"}, replace(SET, move_to="b"), Add("a", ("n",)))
    assert summary(moved) == "Success. Updated the following files:\nA a\nM b\n"
    assert (moved[0].moved_from, moved[1].before) == ("a", None)


def test_a_move_to_itself_is_a_change_in_place() -> None:
    (change,) = planned({"a": b"x\n"}, replace(SET, move_to="./a"))
    assert (change.kind, change.moved_from, change.after) == ("update", None, b"y\n")
    assert "moved to itself" in change.notes[0]


def test_removing_a_link_leaves_what_it_points_to() -> None:
    files = {"l": b"x\n", "t": b"x\n"}
    settings = {
        "key": lambda path: "/w/t" if path == "l" else f"/w/{path}",
        "link": lambda path: "t" if path == "l" else None,
    }
    gone, change = planned(files, Delete("l"), replace(SET, path="t"), **settings)
    assert (gone.link, gone.before, change.after) == ("t", None, b"y\n")
    with pytest.raises(EditError, match="Failed to read file to update /w/l: No such file"):
        planned(files, Delete("l"), replace(SET, path="l"), **settings)
    through, direct = planned(files, replace(SET, path="l"), Delete("t"), **settings)
    assert (through.after, direct.before) == (b"y\n", b"y\n")


def broken(path: str) -> bytes:
    raise IsADirectoryError(21, "Is a directory")


ERRORS = [
    ("W5", {}, SET, "Failed to read file to update /w/a: No such file or directory (os error 2)"),
    ("W6", None, SET, "Failed to read file to update /w/a: path `/w/a` is not a file"),
    ("W7", {"a": b"ok\xff\xfe"}, SET, "Failed to read file to update /w/a: invalid utf-8 sequence of 1 bytes from index 2; only UTF-8 text can be patched"),
    ("W7-cut", {"a": "é".encode()[:1]}, SET, "Failed to read file to update /w/a: incomplete utf-8 byte sequence from index 0; only UTF-8 text can be patched"),
    ("W9", {}, Delete("a"), "Failed to delete file /w/a: Failed to read /w/a: No such file or directory (os error 2)"),
    ("W9-folder", None, Delete("a"), "Failed to delete file /w/a: Failed to read /w/a: Is a directory (os error 21)"),
    ("W4", None, Add("a", ()), "Failed to write file /w/a: Is a directory (os error 21)"),
    ("half-a-character", {}, Add("a", ("\ud800",)), "The new text holds '\\ud800', half of a character"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "operation", "message"), [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS]
)
def test_an_operation_that_cannot_be_planned_says_why(files, operation, message: str) -> None:
    with pytest.raises(EditError) as caught:
        plan((operation,), broken if files is None else files.get, cwd="/w")
    assert str(caught.value).startswith(message)


def test_a_line_that_stands_for_others_is_told_not_refused() -> None:
    block = Block((), ("-x", "+y", "+    # ... rest of the code unchanged ..."))
    (change,) = planned({"a": b"x\n"}, Update("a", None, (block,)))
    assert "was written as it is" in change.notes[0]
