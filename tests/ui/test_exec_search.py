"""`--search` as a user sees it: off by default, told when on, sources under the answer."""

from __future__ import annotations

from codex_py.core.entries import Cited, Source
from codex_py.ui.render.paper import Paper
from codex_py.ui.render.told import told
from codex_py.ui.tui.bare import Bare
from tests.conftest import Program
from tests.models.test_search import DONE
from tests.server import Server
from tests.turns import raw, text

SOURCES = "Sources:\n1. PEP 790 — https://a.example/x"


def test_it_is_off_unless_asked_for_and_sources_stand_under_the_answer(program: Program) -> None:
    with Server([text("hi"), raw(DONE), raw(DONE)]) as server:
        program.run("exec", "hi", url=server.url)
        done = program.run("exec", "--search", "when?", "-o", "out.md", url=server.url)
        events = program.run(
            "exec", "-c", "web_search=cached", "--json", "when?", url=server.url
        ).events
        posts = server.posts()
    assert [any(each["type"] == "web_search" for each in body["tools"]) for body in posts] == [
        False, True, True,
    ]  # fmt: skip
    assert done.out == f"In October.\n\n{SOURCES}\n"
    assert (program.cwd / "out.md").read_text() == f"In October.\n\n{SOURCES}"
    assert "web search is on (live)" in done.err
    assert "web_search python 3.15 release" in done.err
    assert "Sources" not in done.err
    items = {each["item"]["type"]: each["item"] for each in events if "item" in each}
    assert items["web_search"]["query"] == "python 3.15 release"
    assert items["sources"]["sources"] == [{"url": "https://a.example/x", "title": "PEP 790"}]
    kept = [each for each in program.log() if each["kind"] == "cited"]
    assert kept[0]["sources"] == items["sources"]["sources"]


def test_a_server_without_one_is_named(program: Program) -> None:
    with Server([text("hi")]) as server:
        house = f"model_providers.house={{base_url='{server.url}', wire_api='chat'}}"
        done = program.run("exec", "--search", "-m", "house/some-model", "-c", house, "hi")
    assert done.code == 0
    assert "house/some-model has no web search of its own: it stays off" in done.err


def test_every_front_end_lists_them() -> None:
    entry = Cited(sources=(Source("https://a.example/x", "PEP 790"),))
    paper = Paper(80, colour=False, unicode=True)
    assert "\n".join(each.plain for each in told(entry, paper)) == SOURCES
    assert SOURCES.replace("\n", "\n  ") in (Bare().entry(entry) or "")
