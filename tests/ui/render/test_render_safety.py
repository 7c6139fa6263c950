"""Whatever the text: no sequence is obeyed, no line is too wide, no chunking shows."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import fields, replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from wcwidth import wcswidth

from codex_py.core.entries import Decision, Delta, Text, ToolCall, ToolResult, User
from codex_py.ui.render import Renderer
from tests.ui.render.script import MARKDOWN, OWN, bare, call, entries, result, streamed

PIECES = [
    "\x1b[31m", "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\", "\x9b2J", "\x07", "\b", "\r", "\0",
    "\u202e", "\u2066", "\u200b", "\u200d", "\ufe0f", "&#27;[2J", "&#x202e;", "\u2028", "\x7f",
    "\t", "漢字", "🎉", "👨‍👩‍👧", "❤️", "e\u0301", "\u3000", "\u00a0", "\ud800", "plain words ", "\n",
    "\n\n", "\r\n", "```", "```python\n", "~~~", "- ", "  - ", "1. ", "> ", "# ", "| a | b |\n",
    "|---|---|\n", "**", "_", "`", "[a](http://x.y/z)", "[", "](", "![", "---\n", "===\n", "    ",
    "\\", "<b>", "x" * 90, "\u1ab0", "한", "&amp;", "[https://a.b](https://c.d)", "%", "+", "-",
]  # fmt: skip
NASTY = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=12)), max_size=30).map("".join)
PAPERS = st.tuples(st.sampled_from([12, 20, 40, 80]), st.booleans(), st.booleans(), st.booleans())
FEW = settings(max_examples=150, deadline=None)


def check(printed: str | None, renderer: tuple[int, bool, bool, bool]) -> None:
    width, colour, unicode, links = renderer
    if printed is None:
        return
    if not colour:
        assert "\x1b" not in printed
    if not (colour and links):
        assert "\x1b]" not in printed
    if not unicode:
        assert printed.isascii()
    assert printed == "" or printed.endswith("\n")
    for line in bare(printed).split("\n"):
        assert not [each for each in line if unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp")]
        assert not [each for each in line if unicodedata.bidirectional(each) in BIDI]
        assert wcswidth(line) <= width, line


BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def made(paper: tuple[int, bool, bool, bool]) -> Renderer:
    return Renderer(*paper[:3], links=paper[3])


@FEW
@given(NASTY, PAPERS, st.integers(1, 40))
@example("1. \x1b[31m\x1b[31m", (12, True, True, False), 1)
@example("\x1b[31m\x1b[31m\U0001f3fb", (12, False, True, False), 1)
def test_a_streamed_text_is_harmless_and_fits(text: str, paper, size: int) -> None:
    renderer = made(paper)
    for at in range(0, len(text), size):
        check(renderer.delta(Delta("text", text[at : at + size])), paper)
        check(renderer.live(), paper)
    check(renderer.flush(), paper)


@FEW
@given(NASTY, PAPERS, st.integers(1, 7))
def test_how_a_text_was_cut_does_not_show(text: str, paper, size: int) -> None:
    assert streamed(text, size, made(paper)) == streamed(text, len(text) or 1, made(paper))


@pytest.mark.parametrize("length", [2_999, 3_000, 3_001, 3_002, 6_001, 9_000])
@pytest.mark.parametrize("end", ["\n", "\r\n", "", " y\n"])
def test_how_a_long_line_was_cut_does_not_show(length: int, end: str) -> None:
    for text in ("x" * length + end, "- " + "x y " * (length // 4) + end + "more\n"):
        whole = streamed(text, len(text), Renderer(40, True, True))
        for size in (1, 7, 2_999, 3_001):
            assert streamed(text, size, Renderer(40, True, True)) == whole


def spoiled(value: object, text: str) -> object:
    """The same data with every string in it replaced."""
    if isinstance(value, str):
        return text
    if isinstance(value, dict):
        return {key: spoiled(each, text) for key, each in value.items() if key != "status"}
    if isinstance(value, (list, tuple)):
        return type(value)(spoiled(each, text) for each in value)
    if isinstance(value, Text):
        return Text(text)
    return value


FIXED = ("call_id", "verdict", "by", "level", "reason", "n", "at")


@settings(max_examples=40, deadline=None)
@given(NASTY, PAPERS)
def test_an_entry_of_any_text_is_harmless_and_fits(text: str, paper) -> None:
    renderer = made(paper)
    for entry in entries():
        given = {
            each.name: spoiled(getattr(entry, each.name), text)
            for each in fields(entry)
            if each.name not in FIXED
        }
        changed = replace(entry, **given)
        check(renderer.entry(changed), paper)
        check(renderer.live(), paper)
        check(renderer.expand(changed, text), paper)


@FEW
@given(NASTY, NASTY, PAPERS)
def test_output_diffs_and_questions_of_any_text_are_harmless_and_fit(a, b, paper) -> None:
    renderer = made(paper)
    shell = call("shell", command=a)
    asked = Decision(verdict="ask", reason=b, effects={"command": a, "cwd": b})
    check(renderer.question(shell, asked), paper)
    write = call("write_file", path=a, content=b)
    edits = Decision(verdict="ask", reason="asks", effects={"writes": [a]})
    check(renderer.question(write, edits, lambda path: a.encode("utf-8", "replace")), paper)
    patch = ToolCall(call_id="c", name="apply_patch", arguments=a, freeform=True)
    check(renderer.question(patch, edits, lambda path: None), paper)
    check(renderer.question(ToolCall(call_id="c", name=a, arguments=b), edits), paper)
    renderer.entry(shell)
    renderer.entry(Decision(call_id="c", verdict="allow", effects={"command": a}))
    check(renderer.delta(Delta("output", b, "c")), paper)
    check(renderer.delta(Delta("arguments", b, "d", a)), paper)
    check(renderer.delta(Delta("reasoning", b)), paper)
    check(renderer.live(), paper)
    diff = f"--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n-{a}\n+{b}\n {a}"
    check(renderer.entry(result(a, changes=[{"path": a, "kind": "update", "diff": diff}])), paper)
    check(renderer.delta(Delta("retry", b)), paper)


def test_a_text_cannot_write_into_the_terminal() -> None:
    renderer = Renderer(60, True, True, links=True)
    for text in ("\x1b[2J gone", "a&#27;[31mb", "\u202eevil", "```\n\x1b]52;c;aGk=\x07\n```"):
        printed = streamed(text + "\n\n", 3, renderer)
        assert "\x1b" not in bare(printed)
        assert not re.search("[\u202e\x07]", printed)
    assert "^[[2J" in bare(Renderer(60, True, True).entry(User(parts=(Text("\x1b[2J"),))) or "")


def test_links_are_of_the_web_only_and_never_hide_another_address() -> None:
    def shown(text: str) -> str:
        return streamed(text, 100, Renderer(80, True, True, links=True))

    assert "\x1b]8;;https://a.org/x\x1b\\" in shown("[here](https://a.org/x)")
    for address in ("file:///etc/passwd", "ftp://a.org/x", "mailto:me@a.org", "ssh://a.org"):
        assert "\x1b]8" not in shown(f"[here]({address})")
        assert address in shown(f"[here]({address})")
    assert "file:///etc/passwd" in shown("[here](file:///etc/passwd)")
    assert "(https://evil.org)" in bare(shown("[https://good.org](https://evil.org)"))
    assert "\x1b]8" not in streamed("[a](https://a.org)", 9, Renderer(80, True, True))


def test_without_colour_nothing_but_text_is_written() -> None:
    renderer = Renderer(80, False, True, links=True)
    told = streamed(MARKDOWN, 10, renderer) + "".join(renderer.entry(e) or "" for e in entries())
    assert "\x1b" not in told
    assert OWN.search(streamed(MARKDOWN, 10, Renderer(80, True, True)))


def test_no_theme_names_black_or_white() -> None:
    for theme in ("ansi", "dark", "light", "colour-blind"):
        renderer = Renderer(80, True, True, theme)
        told = streamed(MARKDOWN, 10, renderer)
        told += "".join(renderer.entry(entry) or "" for entry in entries())
        codes = {code for found in re.findall(r"\x1b\[([0-9;]*)m", told) for code in [found]}
        plain = {part for code in codes if "8;5" not in code for part in code.split(";")}
        assert not plain & {"30", "37", "40", "47", "90", "97", "100", "107"}, theme


def test_a_result_without_a_call_is_still_drawn() -> None:
    assert "tool" in (Renderer(40, False, True).entry(ToolResult(
        call_id="?", ok=True, parts=())) or "")  # fmt: skip
