"""The provider's own web search: asked for only when allowed, its pages kept and replayed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from codex_py.core.codec import plain, revive
from codex_py.core.entries import Cited, Entry, Hosted, Source, Text, User, stamped
from codex_py.core.policy import Policy
from codex_py.models.chat import ChatClient
from codex_py.models.chat_body import Quirks, body
from codex_py.models.citing import cited
from codex_py.models.door import Door
from codex_py.models.responses import ResponsesClient
from tests.models.contract import entries, heard, request
from tests.server import Server
from tests.turns import raw, text

LOOKED = {
    "type": "web_search_call", "id": "ws_1", "status": "completed",
    "action": {"type": "search", "query": "python 3.15 release"},
}  # fmt: skip
MESSAGE = {
    "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
    "content": [{"type": "output_text", "text": "In October.", "annotations": [
        {"type": "url_citation", "start_index": 0, "end_index": 11, "url": "https://a.example/x", "title": "PEP\n790"},
        {"type": "url_citation", "start_index": 3, "end_index": 11, "url": "https://a.example/x", "title": "again"},
        {"type": "url_citation", "url": "javascript:alert(1)", "title": "no page"},
        {"type": "file_citation", "file_id": "f"},
    ]}],
}  # fmt: skip
DONE = {"type": "response.completed", "response": {"output": [LOOKED, MESSAGE]}}


def test_it_is_asked_for_only_when_allowed() -> None:
    asked = [
        ResponsesClient(Door("https://x/v1")).body(request(search=each))
        for each in ("", "live", "cached")
    ]
    names = [[each["type"] for each in body["tools"]] for body in asked]
    assert names == [["function"], ["function", "web_search"], ["function", "web_search"]]
    assert asked[1]["tools"][1] == {"type": "web_search"}
    assert asked[2]["tools"][1] == {"type": "web_search", "external_web_access": False}
    assert "plugins" not in body(request(search="live"), Quirks())
    assert body(request(search="live"), Quirks(search="plugins"))["plugins"] == [{"id": "web"}]
    assert body(request(search="live"), Quirks(search="options"))["web_search_options"] == {}
    assert Policy("full-auto", ()).search == ""


def test_what_was_searched_and_cited_is_kept_and_goes_back_word_for_word() -> None:
    async def main() -> Any:
        with Server([raw(DONE), text("ok")]) as server:
            client = ResponsesClient(Door(server.url))
            made = entries(await heard(client, request(search="live")))
            log = [User(n=0, parts=(Text("hi"),)), *made[:-1]]
            kept = [revive(plain(stamped(each, place, 1.0))) for place, each in enumerate(log)]
            shown: list[Entry] = [each for each in kept if not isinstance(each, Cited)]
            await heard(client, request(*shown, search="live"))
            await client.close()
            return made, kept, server.posts()[1]["input"]

    made, kept, sent = asyncio.run(main())
    assert [each.kind for each in made] == ["hosted", "assistant", "cited", "sampled"]
    assert (made[0].name, made[0].detail) == ("web_search", "python 3.15 release")
    assert made[2].sources == (Source("https://a.example/x", "PEP 790"),)
    assert [plain(each) for each in kept[1:]] == [
        plain(stamped(each, place, 1.0)) for place, each in enumerate(made[:-1], 1)
    ]
    assert sent[1:] == [LOOKED, MESSAGE]
    assert isinstance(kept[1], Hosted)


def test_a_chat_answer_may_cite_too() -> None:
    page = {"type": "url_citation", "url_citation": {"url": "https://b.example", "title": "B"}}
    chunks = [
        {"choices": [{"index": 0, "delta": {"content": "Yes."}}]},
        {"choices": [{"index": 0, "delta": {"annotations": [page]}, "finish_reason": "stop"}]},
    ]

    async def main() -> list[Entry]:
        with Server([raw(*chunks)]) as server:
            client = ChatClient(Door(server.url))
            found = entries(await heard(client, request()))
            await client.close()
            return found

    answer, sources, _ = asyncio.run(main())
    assert answer.kind == "assistant"
    assert sources == Cited(sources=(Source("https://b.example", "B"),))


@pytest.mark.parametrize(
    "odd",
    [
        None,
        3,
        [],
        {},
        {"url": 4},
        {"url": "https://"},
        {"url": "http://["},
        {"url": "https://a b"},
        {"url": "https://a\x1b[2J"},
    ],
)
def test_what_is_no_page_is_left_out(odd: Any) -> None:
    assert list(cited([odd])) == []
