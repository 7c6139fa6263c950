"""The list of sessions: what a line shows, what the keys do, when more is wanted."""

from __future__ import annotations

import pytest

from codex_py.core.shelf import Card
from codex_py.ui.render.cells import cells
from codex_py.ui.sifter import ROWS, Sifter, row


def card(number: int, words: str = "", **more: str) -> Card:
    spent = {"o4-mini": {"input": 12_000, "output": 300, "cost": "0.0412"}}
    at = 1_000_000.0 - number * 3_600
    about = {"cwd": "/srv/work/shop", "branch": "main", **more}
    return Card(f"{number:08x}", f"/logs/{number}", at, words=words, spent=spent, **about)  # type: ignore[arg-type]


def sifter(*cards: Card, done: bool = True) -> Sifter:
    made = Sifter("Which?")
    made.add([row(each, 1_000_000.0) for each in cards], done=done)
    return made


def shown(made: Sifter, width: int) -> list[str]:
    return "".join(text for _, text in made.fragments(width, True)).split("\n")


@pytest.mark.parametrize("width", [60, 100, 200])
def test_a_line_has_folder_branch_age_cost_and_words_and_fits(width: int) -> None:
    made = sifter(
        card(1, "mend the till " * 20),
        card(
            2,
            "日本語の説明を直す" * 20,
            cwd="/srv/漢字のとても長い名前のフォルダ",
            branch="枝" * 30,
        ),
        card(3, "👩‍👩‍👧 família " * 40, branch="feature/" + "x" * 80),
    )
    lines = shown(made, width)
    assert all(cells(each) < width for each in lines), lines
    for each in ("1 h", "shop", "main", "$0.0412", "mend"):
        assert each in lines[1]
    starts = {cells(line[: line.index("$0.0412")]) for line in lines[1:4]}
    assert len(starts) == 1, "the columns stand under one another"


def test_a_very_narrow_line_keeps_age_and_words() -> None:
    lines = shown(sifter(card(1, "mend the till")), 30)
    assert "1 h  mend the till" in lines[1]
    assert all(cells(each) < 30 for each in lines)


def test_nothing_in_a_line_is_obeyed_by_a_terminal() -> None:
    bad = "\x1b]0;x\x07 \x9b31m \u202e\r"
    text = "\n".join(shown(sifter(card(1, bad, branch=bad, cwd=f"/{bad}"), card(2)), 200))
    assert all(each == "\n" or each.isprintable() for each in text)
    assert "^[]0;x^G" in text


def test_j_and_k_move_until_a_filter_is_begun() -> None:
    made = sifter(card(0, "jam"), card(1, "plum"), card(2, "kiwi jam"))
    made.key("j")
    assert made.taken == "/logs/1"
    made.key("k")
    assert made.taken == "/logs/0"
    for each in "/ki":
        made.key(each)
    assert made.taken == "/logs/2"
    for _ in "/ki":
        made.rub()
    made.key("j")
    assert (made.typed, made.taken) == ("", "/logs/1")


def test_a_filter_looks_for_each_word_in_folder_branch_words_and_id() -> None:
    made = sifter(card(10, "jam"), card(11, "jam", branch="side"), card(12, "pie"))
    for typed, found in (("SHOP Jam side", 11), ("0000000c", 12), ("pie main", 12)):
        made.paste(typed)
        assert made.taken == f"/logs/{found}"
        for _ in typed:
            made.rub()
    made.paste("nowhere")
    assert made.taken is None


def test_the_mark_stays_on_its_session_while_more_is_read() -> None:
    made = sifter(*(card(at, "jam") for at in range(5)), done=False)
    made.move(3)
    made.add([row(card(9, "later"), 0.0)], done=True)
    assert made.taken == "/logs/3"


def test_more_is_wanted_near_the_end_and_never_after_it() -> None:
    made = sifter(*(card(at, "jam") for at in range(10 * ROWS)), done=False)
    assert not made.wants
    made.go("end")
    assert made.wants
    made.go("home")
    assert not made.wants
    made.paste("nowhere")
    assert made.wants
    made.add([], done=True)
    assert not made.wants
