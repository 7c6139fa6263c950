"""Parsing a patch: every case of the table, then any text at all."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_py.tools._patch import Add, Block, Delete, PatchError, Update, parse

FIRST = "Invalid patch: The first line of the patch must be '*** Begin Patch'"
LAST = "Invalid patch: The last line of the patch must be '*** End Patch'"
HEADERS = (
    "is not a valid hunk header. Valid hunk headers: '*** Add File: {path}', "
    "'*** Delete File: {path}', '*** Update File: {path}'"
)
LINES = "Every line should start with ' ' (context line), '+' (added line), or '-' (removed line)"


def patch(*body: str) -> str:
    return "\n".join(["*** Begin Patch", *body, "*** End Patch"])


def update(*lines: str, path: str = "f") -> tuple[Update]:
    return (Update(path, None, (Block((), lines),)),)


REFUSED = [
    ("P1-word", "bad", FIRST),
    ("P1-prose", "Here it is:\n" + patch("*** Delete File: a"), FIRST),
    ("P2-no-end", "*** Begin Patch\n*** Delete File: a", LAST),
    ("P2-empty", "", LAST),
    (
        "P4",
        patch("*** Frobnicate File: foo"),
        f"Invalid patch hunk on line 2: '*** Frobnicate File: foo' {HEADERS}",
    ),
    (
        "P5-delete",
        patch("*** Delete File: a", "garbage"),
        f"Invalid patch hunk on line 3: 'garbage' {HEADERS}",
    ),
    (
        "P5-add",
        patch("*** Add File: a", "+x", "y"),
        f"Invalid patch hunk on line 4: 'y' {HEADERS}",
    ),
    (
        "P5-empty-line",
        patch("*** Add File: a", "+x", "", "+y"),
        f"Invalid patch hunk on line 4: '' {HEADERS}",
    ),
    (
        "P6",
        patch("*** Update File: foo.txt"),
        "Invalid patch hunk on line 2: Update file hunk for path 'foo.txt' is empty",
    ),
    (
        "P7",
        patch("*** Update File: foo.txt", "*** Move to: b", "*** Delete File: c"),
        "Invalid patch hunk on line 2: Update file hunk for path 'foo.txt' is empty",
    ),
    (
        "P8-end",
        patch("*** Update File: f", "@@"),
        "Invalid patch hunk on line 4: Update hunk does not contain any lines",
    ),
    (
        "P8-eof",
        patch("*** Update File: f", "@@", "*** End of File"),
        "Invalid patch hunk on line 4: Update hunk does not contain any lines",
    ),
    (
        "P9-glued",
        patch("*** Update File: f", "@@x"),
        f"Invalid patch hunk on line 3: Unexpected line found in update hunk: '@@x'. {LINES}",
    ),
    (
        "P9-header",
        patch("*** Update File: f", "@@", "*** Delete File: g"),
        "Invalid patch hunk on line 4: Unexpected line found in update hunk: "
        f"'*** Delete File: g'. {LINES}",
    ),
    (
        "P9-word",
        patch("*** Update File: f", "@@", "foo"),
        f"Invalid patch hunk on line 4: Unexpected line found in update hunk: 'foo'. {LINES}",
    ),
    (
        "P10",
        patch("*** Update File: f", "@@", "-a", "bad"),
        "Invalid patch hunk on line 5: Expected update hunk to start with a @@ context marker, "
        "got: 'bad'",
    ),
    ("P18", patch("*** Add File: "), f"Invalid patch hunk on line 2: '*** Add File:' {HEADERS}"),
    ("P19", patch("*** Delete File: a") + "\nmore", LAST),
    ("P23-tag", "<<'PATCH'\n" + patch("*** Delete File: a") + "\nPATCH", FIRST),
    ("P23-quotes", "<<\"EOF'\n" + patch("*** Delete File: a") + "\nEOF", FIRST),
    ("P23-open", "<<EOF\n" + patch("*** Delete File: a"), FIRST),
    ("P24", "<<EOF\n*** Begin Patch\n*** Delete File: a\nEOF", LAST),
    (
        "P25-twice",
        patch("*** Environment ID: a", "*** Environment ID: b"),
        "Invalid patch: apply_patch environment_id cannot be specified more than once",
    ),
    (
        "P25-empty",
        patch("*** Environment ID: ", "*** Delete File: a"),
        "Invalid patch: apply_patch environment_id cannot be empty",
    ),
    (
        "nul",
        patch("*** Delete File: a\0b"),
        "Invalid patch hunk on line 2: '*** Delete File: a\\x00b' holds a character that no "
        "path can hold",
    ),
    (
        "half-a-character",
        patch("*** Update File: a", "*** Move to: \ud800", " x"),
        "Invalid patch hunk on line 3: '\\ud800' holds a character that no path can hold",
    ),
    ("W37-fence", "```\n" + patch("*** Delete File: a") + "\n```", FIRST),
    ("W37-lower", patch("*** Delete File: a").lower(), FIRST),
]


@pytest.mark.parametrize(
    ("text", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_a_text_that_is_no_patch_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(PatchError) as caught:
        parse(text)
    assert str(caught.value) == message


A = (Delete("a"),)
TAKEN = [
    ("P3", patch(), ()),
    ("P11", patch("*** Update File: f", "-a", "+b"), update("-a", "+b")),
    ("P12", patch("*** Update File: f", "@@", " a", "", "-b"), update(" a", " ", "-b")),
    (
        "P13",
        patch("*** Update File: f", "@@", "-a", "*** End of File", "", "*** Delete File: a"),
        (Update("f", None, (Block((), ("-a",), end=True),)), *A),
    ),
    ("P14-before", " *** Begin Patch\n*** Delete File: a\n *** End Patch", A),
    ("P14-after", "*** Begin Patch  \n*** Delete File: a\n*** End Patch ", A),
    (
        "P14-block",
        "*** Begin Patch\n*** Update File: f\n@@\n-a\n  *** End Patch",
        update("-a"),
    ),
    ("P15", patch("*** Delete File: a", "  *** Delete File: a"), A + A),
    (
        "P15-after-add",
        patch("*** Add File: n", "+x", "  *** Update File: f", "-a"),
        (Add("n", ("x",)), *update("-a")),
    ),
    (
        "P15-after-end-of-file",
        patch("*** Update File: f", "-a", "*** End of File", " *** Delete File: a"),
        (Update("f", None, (Block((), ("-a",), end=True),)), *A),
    ),
    (
        "P16",
        patch("*** Update File: f", "@@", "-a", " *** Update File: b.txt"),
        update("-a", " *** Update File: b.txt"),
    ),
    ("P17", patch("*** Delete File: a b.txt  "), (Delete("a b.txt"),)),
    ("P17-quotes", patch('*** Delete File: "a"'), (Delete('"a"'),)),
    ("P19-blanks", patch("*** Delete File: a") + "\n \t\n\n", A),
    ("P20", patch("*** Delete File: a"), A),
    (
        "P21",
        patch("*** Update File: f", "@@ c", "-a", "+b\r").replace("\n", "\r\n") + "\r\n",
        (Update("f", None, (Block(("c",), ("-a", "+b\r")),)),),
    ),
    ("P22-plain", "<<EOF\n" + patch("*** Delete File: a") + "\nEOF\n", A),
    ("P22-single", "<<'EOF'\n" + patch("*** Delete File: a") + "\nEOF", A),
    ("P22-double", '<<"EOF"\n' + patch("*** Delete File: a") + "\nEOF", A),
    ("P25", patch("*** Environment ID: x", "*** Delete File: a"), A),
    (
        "P26",
        patch("*** Add File: /t/a", "*** Delete File: ./b", "*** Update File: ../c", "+d"),
        (Add("/t/a", ()), Delete("./b"), *update("+d", path="../c")),
    ),
    (
        "move",
        patch("*** Update File: f", "*** Move to: g/h ", "@@", " a"),
        (Update("f", "g/h", (Block((), (" a",)),)),),
    ),
    (
        "stacked-contexts",
        patch("*** Update File: f", "@@ class A", "@@   def b", "@@", "-c"),
        (Update("f", None, (Block(("class A", "  def b"), ("-c",)),)),),
    ),
    ("W35", patch("*** Add File: n", "++x", "+-y"), (Add("n", ("+x", "-y")),)),
    (
        "W34",
        patch("*** Add File: n", "+a\x0bb\x0cc\u2028d\x85e"),
        (Add("n", ("a\x0bb\x0cc\u2028d\x85e",)),),
    ),
]


@pytest.mark.parametrize(
    ("text", "operations"), [row[1:] for row in TAKEN], ids=[row[0] for row in TAKEN]
)
def test_a_patch_becomes_its_operations(text: str, operations: tuple) -> None:
    assert parse(text) == operations


PIECES = [
    "*** Begin Patch",
    "*** End Patch",
    "*** Add File: ",
    "*** Delete File: a",
    "*** Update File: b",
    "*** Move to: c",
    "*** End of File",
    "*** Environment ID: e",
    "@@",
    "@@ x",
    "<<EOF",
    "EOF",
    "+",
    "-a",
    " ",
    "",
    "\r",
    "\u2028",
]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=12))
def test_any_text_parses_or_is_refused_as_no_patch(lines: list[str]) -> None:
    text = "\n".join(lines)
    with suppress(PatchError):
        assert all(each.path == each.path.rstrip() != "" for each in parse(text))


LINE = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=8)
PATH = st.text("abc./ é", min_size=1, max_size=6).map(str.strip).filter(bool)
MARKED = st.builds(str.__add__, st.sampled_from("+- "), LINE)
# A block whose only lines are blank would read as the space between two blocks.
BLOCK = st.builds(
    Block,
    st.lists(LINE.filter(lambda line: line.strip()), min_size=1, max_size=2).map(tuple),
    st.lists(MARKED, min_size=1, max_size=4).map(tuple),
    st.booleans(),
)
OPERATION = st.one_of(
    st.builds(Add, PATH, st.lists(LINE, max_size=3).map(tuple)),
    st.builds(Delete, PATH),
    st.builds(Update, PATH, st.none() | PATH, st.lists(BLOCK, min_size=1, max_size=3).map(tuple)),
)


def written(operation: Add | Delete | Update) -> list[str]:
    match operation:
        case Add(path, lines):
            return [f"*** Add File: {path}", *("+" + line for line in lines)]
        case Delete(path):
            return [f"*** Delete File: {path}"]
        case Update(path, move_to, blocks):
            told = [f"*** Update File: {path}"]
            told += [f"*** Move to: {move_to}"] if move_to else []
            for block in blocks:
                told += [f"@@ {context}" for context in block.contexts]
                told += block.lines
                told += ["*** End of File"] if block.end else []
            return told


@given(st.lists(OPERATION, max_size=4), st.booleans())
def test_operations_written_as_a_patch_parse_to_themselves(operations: list, crlf: bool) -> None:
    text = patch(*(line for each in operations for line in written(each)))
    assert parse(text.replace("\n", "\r\n") if crlf else text) == tuple(operations)
