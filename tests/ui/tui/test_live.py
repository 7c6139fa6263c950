"""The line that says what a running turn does: silence is told as long as it lasts, and not otherwise."""

from __future__ import annotations

from codex_py.core.entries import Compacted, Delta, Sampled
from codex_py.ui.tui.live import Live
from codex_py.ui.tui.look import Look


def said(live: Live) -> str:
    return "".join(text for _, text in live.fragments(200))


def test_silence_goes_on_when_it_was_told_and_a_summary_ends_it() -> None:
    live = Live(Look())
    live.begin()
    live._heard -= 100
    live(Delta("quiet", "nothing new from the server for 60 s"))
    assert "nothing heard for" in said(live)
    live(Delta("summary", "So far"))
    assert "Summing up" in said(live) and "nothing heard" not in said(live)
    live(Sampled(model="m", purpose="compaction"))
    live(Compacted(summary="So far", keep_from=1))
    assert "Thinking" in said(live)
