"""Each request begins with the bytes of the one before it, whatever a session goes through."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codex_py.core.entries import (
    Assistant,
    Cited,
    Compacted,
    Context,
    Decision,
    Entry,
    Hosted,
    Image,
    Notice,
    Part,
    Reasoning,
    Sampled,
    Source,
    Text,
    ToolCall,
    ToolResult,
    TurnEnded,
    User,
    stamped,
)
from codex_py.core.request import ModelSettings, Request, project
from codex_py.models.chat_body import Body as ChatBody
from codex_py.models.chat_body import Quirks, body
from codex_py.models.door import encoded
from codex_py.models.responses_body import ORIGIN, Body, origin
from tests.models.contract import SHELL

SERVER = "https://here/v1"
STEPS = (
    "sample", "sample", "calls", "calls", "pictures", "search", "cut off", "interrupted", "lost call",
    "user", "typed", "retry", "compact",
)  # fmt: skip
PICTURE = Image("b10b", "image/png", "shot.png")


class Story:
    """A log that grows step by step; `points` are where a request is made."""

    def __init__(self) -> None:
        self.log: list[Entry] = []
        self.ids = 0
        self.add(
            Context(name="environment", text="cwd /x"), Context(name="AGENTS.md", text="Be kind.")
        )
        self.add(User(parts=(Text("go"), PICTURE)))

    def add(self, *entries: Entry) -> None:
        for each in entries:
            self.log.append(stamped(each, len(self.log), 1.0))

    def raw(self, **item: Any) -> Any:
        self.ids += 1
        return {**item, "id": f"it_{self.ids}", ORIGIN: origin(SERVER, "m")}

    def calls(self, count: int, parts: tuple[Part, ...], freeform: bool = False) -> None:
        self.add(
            Reasoning(
                summary="hm", raw=self.raw(type="reasoning", summary=[], encrypted_content="x")
            )
        )
        self.add(Assistant(text="I look."))
        made = []
        for _ in range(count):
            self.ids += 1
            given = "*** Begin" if freeform else '{"command": "ls"}'
            made.append(
                ToolCall(call_id=f"c{self.ids}", name="shell", arguments=given, freeform=freeform)
            )
        self.add(*made, Sampled(model="m"))
        for each in made:
            self.add(Decision(call_id=each.call_id, verdict="allow"))
            self.add(ToolResult(call_id=each.call_id, ok=True, parts=parts))

    def step(self, kind: str) -> None:
        if kind == "sample":
            self.add(
                Assistant(text="Done.", raw=self.raw(type="message", content="Done.")),
                Sampled(model="m"),
            )
            self.add(TurnEnded(reason="done"), User(parts=(Text("and now?"),)))
        elif kind == "calls":
            self.calls(1 + self.ids % 3, (Text("out"),), freeform=self.ids % 2 == 0)
        elif kind == "pictures":
            self.calls(2, (Text("shown"), PICTURE))
        elif kind == "search":
            looked = self.raw(type="web_search_call", status="completed")
            self.add(Hosted(name="web_search", detail="x", raw=looked), Assistant(text="Found."))
            self.add(
                Cited(sources=(Source("https://a"),)),
                Sampled(model="m"),
                User(parts=(Text("more"),)),
            )
        elif kind == "cut off":
            self.add(
                Assistant(text="Hal", partial=True),
                TurnEnded(reason="failed"),
                User(parts=(Text("again"),)),
            )
        elif kind == "interrupted":
            self.add(
                ToolCall(call_id=f"i{len(self.log)}", name="shell", arguments="{}"),
                Sampled(model="m"),
            )
            self.add(TurnEnded(reason="interrupted"), User(parts=(Text("go on"),)))
        elif kind == "lost call":
            self.add(
                ToolCall(call_id=f"l{len(self.log)}", name="shell", arguments="{"),
                Sampled(model="m"),
            )
            self.add(Notice(text="resumed"))
        elif kind in ("user", "typed"):
            self.add(User(parts=(Text("listen"), *((PICTURE,) if kind == "user" else ()))))
        elif kind == "compact":
            self.add(Compacted(summary="all so far", keep_from=max(0, len(self.log) - 4)))


def requests(story: list[str]) -> Iterator[tuple[str, Request]]:
    told = Story()
    options = ModelSettings("m", reasoning=True, freeform=True, cache_key="s", effort="low")
    for kind in ("begin", *story):
        told.step(kind)
        yield kind, Request("Be brief.", project(told.log), (SHELL,), options, lambda _: b"png")


def alike(one: bytes, two: bytes) -> bytes:
    """The bytes that two bodies begin with."""
    end = next((at for at, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), len(one))
    return one[:end]


def responses() -> Callable[[Request], bytes]:
    return Body(SERVER).build


def chat(quirks: Quirks) -> Callable[[Request], bytes]:
    """What the model reads, in its order: settings and tools, then the messages as words.

    A message that grows from words alone to words and pictures is written otherwise, and read
    the same.
    """

    def flat(message: Any) -> Any:
        parts = message["content"]
        if isinstance(parts, list):
            parts = "\n\n".join(each.get("text") or json.dumps(each) for each in parts)
        return {**message, "content": parts}

    building = ChatBody()

    def build(request: Request) -> bytes:
        made = json.loads(building.build(request, quirks))
        assert made == json.loads(encoded(body(request, quirks)))
        messages = [flat(each) for each in made.pop("messages")]
        return encoded({**made, "messages": messages})

    return build


WIRES: dict[str, Callable[[], Callable[[Request], bytes]]] = {
    "responses": responses,
    "chat": lambda: chat(Quirks(replay="reasoning_content")),
    "chat, single calls": lambda: chat(Quirks(single=True, bridge=True)),
    "chat, in words": lambda: chat(Quirks(tools="text", images=False)),
}


@pytest.mark.parametrize("wire", WIRES)
@given(story=st.lists(st.sampled_from(STEPS), min_size=1, max_size=25))
@settings(max_examples=40, deadline=None)
def test_each_request_begins_with_the_one_before_it(wire: str, story: list[str]) -> None:
    build, before = WIRES[wire](), b""
    for kind, request in requests(story):
        made = build(request)
        assert made == WIRES[wire]()(request), "what was built before must not show"
        json.loads(made)
        common = alike(before, made)
        if kind == "compact":
            # From here on the summary stands for what was; instructions, tools and facts stay.
            assert b"Be kind." in common
        else:
            # A message that grows loses its closing brackets and quotes, no more.
            assert len(common) >= len(before) - (2 if wire == "responses" else 6), kind
        if kind == "retry":
            assert made == before
        before = made
