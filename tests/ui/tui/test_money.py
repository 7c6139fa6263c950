"""Money, budgets and models in a real terminal; a key that is typed is not shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Program
from tests.server import Server
from tests.turns import text, usage
from tests.ui.tui.terminal import Terminal, known, session

pytestmark = pytest.mark.tui


def say(term: Terminal, line: str, *until: str) -> str:
    term.type(line)
    term.press("Enter")
    return term.until(*until)


def test_money_budgets_and_models_in_mid_session(program: Program, tmp_path: Path) -> None:
    known(program)
    turns = [
        [text("One."), usage(input=10_000, cached=0, output=1_000)],
        [text("Two."), usage(input=20_000, cached=10_000, output=2_000)],
    ]
    # o4-mini: 0.011 + 0.0044; o3: 0.02 + 0.005 + 0.016
    with (
        Server(turns) as server,
        session(program, tmp_path, "--max-cost", "0.2", url=server.url, columns=120) as term,
    ):
        term.until("Ask anything")
        say(term, "go", "One.", "1.0k out · $0.0154", "7% of max-cost")
        say(term, "/cost", "1,000 tokens", "--max-cost $0.0154 of $0.2000 (7 %)")
        say(term, "/budget cost 0.5", "$0.0154 of $0.5000")
        say(term, "/budget tokens 500k", "11,000 of 500,000 tokens")
        say(term, "/budget cost much", "must be an amount")
        say(term, "/model gpt-5.5", "still o4-mini", "--max-cost 0.5", "not known")
        say(term, "/model o3 high", "model: o3 high")
        say(term, "again", "Two.", "2.0k out · $0.0410", "$0.0564", "11% of max-cost")
        say(term, "/cost", "o4-mini", "$0.0564")
        say(term, "/budget tokens 20000", "33,000 of 20,000")
        say(term, "more", "stopped at a limit", "--max-tokens")
        say(term, "/budget cost off", "33,000 of 20,000")
        say(term, "/model gpt-5.5", "model: gpt-5.5")
        say(term, "/budget cost 3", "price of gpt-5.5 is not known")
        say(term, "/quit", "EXIT 0")
    assert [each["model"] for each in server.posts()] == ["o4-mini", "o3"]
    assert server.posts()[1]["reasoning"]["effort"] == "high"


def test_a_key_that_is_typed_is_not_shown(program: Program, tmp_path: Path) -> None:
    with session(program, tmp_path, "login", "groq", url="") as term:
        term.until("key for groq")
        term.type("gsk-typed-0123456789")
        term.press("Enter")
        shown = term.until("is kept in", "EXIT 0")
    assert "gsk-typed" not in shown
    assert "gsk-typed-0123456789" in (program.home / "state" / "auth.json").read_text()
