"""Streamed Markdown: printed block by block, once, with work that grows with the text alone."""

from __future__ import annotations

import sys

import pytest

from codex_py.core.entries import (
    Assistant,
    Delta,
    Reasoning,
    Sampled,
    TurnEnded,
)
from codex_py.ui.render import Renderer
from codex_py.ui.render.stream import Block, Cutter
from tests.ui.render.script import MARKDOWN, bare, call, streamed


def renderer(width: int = 60) -> Renderer:
    return Renderer(width, False, True)


def say(drawn: Renderer, text: str) -> str:
    return drawn.delta(Delta("text", text)) or ""


def test_each_block_is_printed_as_soon_as_it_is_complete() -> None:
    drawn = renderer()
    assert say(drawn, "Hello wor") == ""
    assert drawn.live() == "Hello wor\n"
    assert say(drawn, "ld\n") == ""
    assert say(drawn, "\n") == "Hello world\n"
    assert say(drawn, "# Title\n") == "\n# Title\n"
    assert say(drawn, "- one\n") == ""
    assert say(drawn, "- two\n") == "• one\n"
    assert say(drawn, "\nText\n\n") == "• two\n\nText\n"
    assert say(drawn, "```sh\nls\n") == ""
    assert say(drawn, "```\n") == "\n```sh\nls\n```\n"
    assert say(drawn, "|a|b|\n|-|-|\n|1|2|\n") == ""
    assert say(drawn, "\n").split("\n")[0].split() == ["a", "b"]
    assert drawn.live() == ""
    assert say(drawn, "the rest") == ""
    assert drawn.flush() == "\nthe rest\n"
    assert drawn.flush() is None


def test_the_live_tail_is_the_newest_lines_only() -> None:
    drawn = renderer(20)
    say(drawn, "word " * 200)
    assert drawn.live(3).count("\n") == 3
    say(drawn, "the end")
    assert drawn.live(3).rstrip().endswith("the end")
    assert drawn.live(0) == ""


def test_long_code_is_printed_in_parts_and_stays_whole() -> None:
    drawn = renderer()
    code = "".join(f"line {number}\n" for number in range(120))
    assert "line 49" in say(drawn, "```\n" + code)
    told = "```\n" + code + "```\n"
    assert streamed("```\n" + code + "```\n", 11, renderer()) == told


def test_a_string_over_two_parts_of_code_keeps_its_colour() -> None:
    doc = 'x = """\n' + "if while for\n" * 60 + '"""\n'
    printed = streamed(f"```python\n{doc}```\n", 50, Renderer(60, True, True))
    lines = {line for line in printed.split("\n") if bare(line) == "if while for"}
    assert len(lines) == 1


def test_a_message_that_was_streamed_is_not_printed_again() -> None:
    drawn = renderer()
    told = say(drawn, "One.\n\nTwo")
    told += drawn.entry(Assistant(text="One.\n\nTwo")) or ""
    told += drawn.entry(Sampled(model="m")) or ""
    assert told == "One.\n\nTwo\n"
    assert (drawn.entry(Assistant(text="Three")) or "") == "\nThree\n"


def test_two_messages_of_one_answer_are_both_claimed() -> None:
    drawn = renderer()
    told = say(drawn, "One.\n\nTwo.")
    told += drawn.entry(Assistant(text="One.")) or ""
    told += drawn.entry(Assistant(text="Two.")) or ""
    assert told.count("One.") == told.count("Two.") == 1


def test_a_message_kept_otherwise_than_streamed_is_printed_as_it_was_kept() -> None:
    drawn = renderer()
    say(drawn, "I did it.\n\n")
    told = drawn.entry(Assistant(text="I did not.")) or ""
    assert "as it was kept" in told
    assert "I did not." in told


def test_an_interrupted_message_says_that_it_was_cut_off() -> None:
    drawn = renderer()
    told = say(drawn, "Half a sen")
    told += drawn.flush() or ""
    told += drawn.entry(Assistant(text="Half a sen", partial=True)) or ""
    assert told.count("Half a sen") == 1
    assert "[cut off]" in told


def test_a_retry_voids_what_was_streamed_and_says_so() -> None:
    drawn = renderer()
    say(drawn, "Wrong.\n\nstill wro")
    told = drawn.delta(Delta("retry", "attempt 2 of 5")) or ""
    assert "attempt 2 of 5" in told
    assert "void" in told
    assert drawn.live() == ""
    told = say(drawn, "Right.") + (drawn.entry(Assistant(text="Right.")) or "")
    assert told == "\nRight.\n"
    assert "void" not in (drawn.delta(Delta("retry", "again")) or "")


def test_thinking_is_printed_before_the_answer_and_once() -> None:
    drawn = renderer()
    assert drawn.delta(Delta("reasoning", "First I look.")) is None
    assert "First I look." in drawn.live()
    told = say(drawn, "Done.\n\n")
    assert told.index("First I look.") < told.index("Done.")
    assert drawn.entry(Reasoning(summary="First I look.")) is None
    assert drawn.entry(Assistant(text="Done.")) is None
    drawn.entry(TurnEnded(reason="done"))
    assert drawn.entry(Reasoning(summary="First I look.")) is not None


def test_thinking_before_a_call_is_printed_once() -> None:
    drawn = renderer()
    drawn.delta(Delta("reasoning", "I run it."))
    assert "I run it." in (drawn.entry(Reasoning(summary="I run it.")) or "")
    assert drawn.entry(call("shell", command="ls")) is None
    assert "I run it." not in (say(drawn, "ok\n\n"))


def work(text: str, size: int) -> int:
    """Calls made, of Python and of C, while a text is cut into blocks and drawn live."""
    drawn, made = renderer(), 0
    drawn.warm()

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal made
        made += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        for at in range(0, len(text), size):
            drawn.delta(Delta("text", text[at : at + size]))
        drawn.flush()
    finally:
        sys.setprofile(None)
    return made


@pytest.mark.parametrize(
    "unit",
    [MARKDOWN, "word " * 60, "x" * 300, "- item\n  more\n", "`[*(", "| a | b |\n|---|---|\n| 1"],
    ids=["markdown", "words", "one-word", "list", "marks", "table"],
)
def test_work_grows_with_the_text_and_not_with_its_square(unit: str) -> None:
    small, large = (unit * (size // len(unit) + 1) for size in (7_000, 28_000))
    assert work(large, 40) < 5 * work(small, 40)


@pytest.mark.parametrize("size", [5, 1_000, 1_000_000])
@pytest.mark.parametrize(
    "unit",
    ["x" * 999 + " ", "words and words\n", "```\n" + "code\n" * 300 + "```\n", "- i\n\n  j\n"],
    ids=["no-newline", "one-paragraph", "code", "list"],
)
def test_of_a_megabyte_each_character_is_handed_on_once(unit: str, size: int) -> None:
    text = (unit * (1_000_000 // len(unit) + 1))[:1_000_000]
    cutter, blocks, most = Cutter(), list[Block](), 0
    for at in range(0, len(text), size):
        blocks += cutter.feed(text[at : at + size])
        most = max(most, sum(map(len, cutter.tail())))
    blocks += cutter.flush()
    handed = sum(len(line) + 1 for block in blocks for line in block.lines)
    again = sum(len(line) + 1 for block in blocks for line in block.before)
    assert 0.95 * len(text) < handed < 1.05 * len(text)
    assert again <= 2.05 * len(text)
    assert most <= 7_000
    assert max(sum(map(len, block.lines)) for block in blocks) <= 7_000
