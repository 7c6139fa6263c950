"""Search and replace: what counts as the old text, and what is said when it is not there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_py.tools._edit import edit
from codex_py.tools._lines import EditError
from codex_py.tools._placeholder import placeholder

FILE = "def f(a):\n    x = 1\n    return x\n\ndef g(a):\n    y = 2\n    return y\n"

DONE = [
    ("inside-a-line", "a = 1; b = 2\n", "b = 2", "b = 3", "a = 1; b = 3\n", ()),
    ("over-lines", "a\nb\nc\n", "a\nb\n", "x\n", "x\nc\n", ()),
    ("to-nothing", "a\nb\nc\n", "b\n", "", "a\nc\n", ()),
    ("unfinished-last-line", "a\nb", "b", "c", "a\nc", ()),
    ("byte-order-mark", "\ufeffa\nb\n", "a\nb", "c", "\ufeffc\n", ()),
    ("crlf", "a\r\nb\r\nc\r\n", "a\nb", "x\ny\nz", "x\r\ny\r\nz\r\nc\r\n", ()),
    ("crlf-old", "a\nb\n", "a\r\nb\r\n", "x\r\ny\r\n", "x\ny\n", ()),
    ("cr", "a\rb\rc\r", "b\nc\n", "x\ny\n", "a\rx\ry\r", ()),
    ("mixed", "a\r\nb\nc\r\n", "b\nc", "x\ny", "a\r\nx\ny\r\n", ()),
    ("mixed-to-nothing", "a\nb\r\nc\n", "b\n", "", "a\nc\n", ()),
    ("crlf-unfinished", "a\r\nb", "b", "c\nd", "a\r\nc\r\nd", ()),
    ("empty-file", "", "", "a\n", "a\n", ()),
    ("trailing-blanks", "a  \nb\n", "a\nb\n", "x\n", "x\n", ("after ignoring trailing blanks at line 1",)),
    ("deeper", "if a:\n    if b:\n        c\n", "if b:\n    c", "if b:\n    d\n\n    e", "if a:\n    if b:\n        d\n\n        e\n", ("after ignoring indentation at line 2",)),
    ("shallower", "if b:\n    c\n", "    if b:\n        c", "    if d:\n        e", "if d:\n    e\n", ("after ignoring indentation at line 1",)),
    ("deeper-gone", "a\n    b \n    c\nd\n", "b\nc", "", "a\nd\n", ("after ignoring indentation at line 2",)),
    ("punctuation", "say “hi” – now\n", 'say "hi" - now', "x", "x\n", ("typographic punctuation at line 1",)),
    ("blank-ends", "a\nb", "\na\nb\n", "\nc\n", "c", ("after ignoring blank lines at its ends",)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "old", "new", "after", "notes"),
    [row[1:] for row in DONE],
    ids=[row[0] for row in DONE],
)
def test_the_old_text_is_replaced_and_nothing_else(text, old, new, after, notes) -> None:
    edited = edit(text, old, new)
    assert edited.text == after
    assert len(edited.notes) == len(notes)
    assert all(note in told for note, told in zip(notes, edited.notes, strict=True))


def test_all_places_change_when_asked() -> None:
    assert edit(FILE, "return", "yield", all=True) == edit(
        FILE.replace("return", "yield", 1), "return", "yield", all=True
    ).__class__(FILE.replace("return", "yield"), (3, 7))


REFUSED = [
    ("twice", FILE, "return ", "yield ", r"there 2 times \(lines 3, 7\)\. Add lines around it"),
    ("twice-loosely", "  a\nx\n    a \n", "a \nx", "b", r"lines 1-2.*First difference|Nearest"),
    ("loose-twice", "a \nx\na \n", "a\n", "b\n", r"there 2 times \(lines 1, 3\)"),
    ("same", FILE, "x", "x", "are the same"),
    ("same-but-endings", FILE, "x\n", "x\r\n", "are the same"),
    ("empty", FILE, "", "x", "The old text is empty"),
    ("first-difference", FILE, "def f(a):\n    x = 2\n    return x\n", "z", r"(?s)Nearest match: lines 1-3 \(2 of 3 lines equal\)\. First difference at line 2:\n  expected: '    x = 2'\n  found:    '    x = 1'\nThe file there:\n1: def f"),
    ("already", FILE, "    x = 0\n", "    x = 1\n", r"already applied: the new text is there \(line 2\)"),
    ("nothing-like-it", FILE, "wholly unrelated", "x", "Nothing in the file is like"),
    ("uneven-indentation", "  a1\n    b2\n", "a1\n b2\n", "c", "Nearest match: lines 1-2"),
    ("left-out-new", FILE, "def f(a):", "def f(b):\n    # ... rest of the code unchanged ...", "in place of lines left out"),
    ("left-out-old", FILE, "def f(a):\n    # ... existing code ...\n", "x", "Give the exact lines, all of them"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "old", "new", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_what_cannot_be_replaced_says_what_to_do(text, old, new, message: str) -> None:
    with pytest.raises(EditError, match=message):
        edit(text, old, new)


@pytest.mark.parametrize(
    "line",
    [
        "# ... rest of the code unchanged ...",
        "    // ... existing code ...",
        "... (rest of the file remains the same) ...",
        "<!-- ... existing content ... -->",
        "/* … remaining methods … */",
        "[... previous code omitted ...]",
        "-- ... same as before",
    ],
)
def test_a_line_in_place_of_others_is_recognised_unless_it_was_there(line: str) -> None:
    assert placeholder(f"a\n{line}\nb") == line
    assert placeholder(f"a\n{line}\nb", f"x\n{line}") is None


@pytest.mark.parametrize(
    "line",
    [
        "def rest(*args): ...",
        "print('... the rest of it ...')",
        "# wait for the remaining jobs",
        "x = [...]",
        "    ...",
        "# and so on ...",
        "return existing ...",
    ],
)
def test_ordinary_lines_are_not_taken_for_left_out_ones(line: str) -> None:
    assert placeholder(line) is None


PIECE = st.text("ab \n\r\t“", max_size=6)


@given(PIECE, PIECE, PIECE, PIECE, st.booleans())
def test_any_texts_are_replaced_or_refused(a: str, b: str, old: str, new: str, all: bool) -> None:
    try:
        edited = edit(a + old + b, old, new, all)
    except EditError:
        return
    assert len(edited.lines) == 1 or all
    assert edited.text != a + old + b or "\r" in old + new


LINE = st.text("abc é\x0c", max_size=5)


@given(
    st.lists(LINE, max_size=5), st.lists(LINE, max_size=5), st.sampled_from(["\n", "\r\n"]), LINE
)
def test_bytes_around_the_one_place_stay(before: list, after: list, end: str, new: str) -> None:
    head = "".join(line + end for line in before)
    tail = "".join(line + end for line in after)
    edited = edit(f"{head}<old{end}text>{end}{tail}", "<old\ntext>", f"{new}\n!{new}")
    assert edited.text == f"{head}{new}{end}!{new}{end}{tail}"
    assert edited.lines == (len(before) + 1,)
