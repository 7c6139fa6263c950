"""One sample of the small model: a request in plain words, an answer that must be one action."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import field, replace

from codex_py.core.entries import (
    Assistant,
    Delta,
    Entry,
    Json,
    Reasoning,
    Sampled,
    Spent,
    ToolCall,
    Usage,
    words,
)
from codex_py.core.errors import ModelError
from codex_py.core.gate import UNASKED
from codex_py.core.request import Request
from codex_py.dataclass import dataclass
from codex_py.models import local_moves as moves
from codex_py.models.door import Door
from codex_py.models.local_aims import Doubt
from codex_py.models.local_doubts import HARMLESS, asks, doubt
from codex_py.models.local_forks import AT_ONCE, Token, Ways, forced, tokens_of
from codex_py.models.local_grammar import grammar
from codex_py.models.local_scene import Scene, scene
from codex_py.models.local_traces import broke
from codex_py.models.local_words import Action, messages, parsed

WIRE = "local"
TRIES = 4
"""Answers asked for until one is taken that nothing speaks against."""
LONGEST = 1024
"""Tokens of one answer: enough to write a file of about 100 lines."""
ANCHORED = 2
"""Failures of a check up to which an edit must be in the function that broke."""
LOOP = re.compile(r"(.{1,60}?)\1{9,}\Z", re.S)
"""The end of an answer that goes on saying the same."""
LOOK, LONG = 700, 160
"""Characters in which that is looked for, and how many must be so."""
WARMER = 0.4
"""What the temperature rises by when an answer is asked for again."""


def body(request: Request, doubts: Sequence[Doubt] = ()) -> Json:
    """The JSON body for a request. Equal requests give equal bodies.

    `doubts` are why earlier answers to this request were not taken.
    """
    now = scene(request.input)
    told = messages(request.instructions, request.input)
    if doubts and doubts[-1].hint:
        told[-1] = {**told[-1], "content": f"{told[-1]['content']}\n\n({doubts[-1].hint})"}
    barred = {kind for each in doubts for kind in each.bars}
    barred |= {"write", "edit"} if asks(now.asked) else set()
    insert = bool(doubts) and doubts[-1].insert
    asked = request.settings.max_output_tokens or LONGEST
    return {
        "model": request.settings.model,
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": told,
        "max_tokens": min(asked, LONGEST),
        "temperature": min(1.0, temperature(now) + (0 if insert else WARMER * len(doubts))),
        "seed": 1 + len(doubts),
        "grammar": _shape(now, barred, doubts, insert) if request.tools else "",
        "cache_prompt": True,
        "logprobs": True,
        "top_logprobs": 4,
    }


def _shape(now: Scene, barred: set[str], doubts: Sequence[Doubt], insert: bool) -> str:
    """The grammar of the answer, where some kinds and files are barred."""
    spared = {each.spared for each in doubts}
    failing = now.failing()
    failed = sum(each.checks and not each.result.ok for each in now.steps)
    # Where it broke is where it is mended, mostly; when that did not help, it may be elsewhere.
    place = (
        broke(words(failing.result.parts), now.views) if failing and failed <= ANCHORED else None
    )
    holding = doubts[-1].holding if doubts else ""
    return grammar(now, barred, insert=insert, spared=spared, within=place, holding=holding)


def temperature(now: Scene) -> float:
    """0, but more with every check that fails again: else the same wrong file comes again."""
    failed = sum(each.checks and not each.result.ok for each in now.steps)
    return min(0.9, 0.3 * max(0, failed - 1))


def opening(instructions: str, model: str) -> Json:
    """The part of a request that all conversations share; one token of answer."""
    told = [*messages(instructions, ()), {"role": "user", "content": "Task:"}]
    return {
        "model": model,
        "messages": told,
        "stream": True,
        "max_tokens": 1,
        "cache_prompt": True,
        "return_progress": True,
    }


@dataclass(slots=True)
class _Said:
    """One answer under construction."""

    text: str = ""
    thought: str = ""
    """What a model that thinks aloud thought first; our own does not."""
    usage: Usage = field(default_factory=Usage)
    finish: str = ""
    tokens: list[Token] = field(default_factory=list)

    def feed(self, chunk: Json) -> tuple[str, str]:
        """Take a chunk; the new words in it, and the new thoughts."""
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            self.usage = used(usage)
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else {}
        delta = choice.get("delta") if isinstance(choice, dict) else None
        new = delta.get("content") if isinstance(delta, dict) else None
        if isinstance(choice, dict) and isinstance(choice.get("finish_reason"), str):
            self.finish = choice["finish_reason"]
        thought = delta.get("reasoning_content") if isinstance(delta, dict) else None
        thought = thought if isinstance(thought, str) else ""
        self.thought += thought
        if not isinstance(new, str):
            return "", thought
        self.text += new
        self.tokens += tokens_of(chunk)
        return new, thought


def used(told: Json) -> Usage:
    """The tokens of an answer, as the server counts them."""

    def count(group: str, name: str) -> int:
        found = told.get(group)
        return int(found.get(name) or 0) if isinstance(found, dict) else 0

    return Usage(
        input=int(told.get("prompt_tokens") or 0),
        cached=count("prompt_tokens_details", "cached_tokens"),
        output=int(told.get("completion_tokens") or 0),
        reasoning=count("completion_tokens_details", "reasoning_tokens"),
    )


def looping(text: str) -> bool:
    """Whether an answer says the same again and again."""
    found = LOOP.search(text[-LOOK:])
    return found is not None and len(found[0]) >= LONG


def ruled(request: Request) -> list[Entry]:
    """The sample, where a rule knows what comes next and the model need not be asked.

    Reading the files that a task names, running a failing check again after a change.
    """
    known = {each.name for each in request.tools}
    calls = moves.automatic(moves.moves(request.input), len(request.input))
    found: list[Entry] = [each for each in calls if each.name in known]
    return [*found, Sampled(model="rules", wire=UNASKED)] if found else []


async def sample(door: Door, request: Request) -> AsyncGenerator[Delta | Entry, None]:
    """One sample of the model; keeps ModelClient's contract."""
    began = time.monotonic()
    place = len(request.input)
    now = scene(request.input)
    lost, action, said = Usage(), None, _Said()
    doubts: list[Doubt] = []
    refused: list[Action | None] = []
    ways = Ways()
    asked = body(request)
    # Last words are shown as they come, where nothing can speak against them.
    live = doubt(Action("done"), now) is None
    while True:
        said = _Said()
        async with aclosing(door.stream("/chat/completions", asked, _last)) as chunks:
            async for chunk in chunks:
                new, thought = said.feed(chunk)
                if thought:
                    yield Delta("reasoning", thought)
                if looping(said.text):
                    said.finish = "loop"
                    break
                if live and new and said.text.startswith("done "):
                    before = len(said.text) - len(new)
                    yield Delta("text", said.text[max(5, before) :])
        # What is cut off is no action, however much it looks like one.
        whole = said.finish not in ("length", "loop")
        action = _action(said.text, request, now) if whole else None
        found = doubt(action, now) if request.tools and said.finish != "length" else None
        if found is None:
            break
        doubts.append(found)
        if len(doubts) < TRIES:
            lost += said.usage
        refused.append(action)
        if len(doubts) == TRIES:
            action = _least(refused, doubts)
            break
        asked = _again(request, action, said, doubts, ways)
    for entry in entries(action, said, place):
        yield entry
    # What answers that were not taken used fills no window: told apart, it is not taken for that.
    if lost != Usage():
        yield Spent(by="failed try", model=request.settings.model, usage=lost)
    yield Sampled(
        model=request.settings.model,
        wire=WIRE,
        usage=said.usage,
        seconds=round(time.monotonic() - began, 3),
        status="completed" if said.finish not in ("length", "loop") else "max_output_tokens",
    )


def _action(text: str, request: Request, now: Scene) -> Action | None:
    if request.tools:
        return parsed(text, now)
    return Action("done", text.strip()) if text.strip() else None


def _least(refused: list[Action | None], doubts: list[Doubt]) -> Action | None:
    """The answer that does the least harm, when something speaks against each."""
    rank = {why: place for place, why in enumerate(HARMLESS)}
    best = min(range(len(doubts)), key=lambda place: rank.get(doubts[place].why, len(rank)))
    return refused[best] if doubts[best].why in rank else refused[-1]


def _again(
    request: Request, action: Action | None, said: _Said, doubts: list[Doubt], ways: Ways
) -> Json:
    """The next request after an answer that was not taken: another way of it, or a hint."""
    kind = action.kind if action is not None else ""
    ways.add(kind, said.tokens)
    insert = doubts[-1].insert and not any(each.insert for each in doubts[:-1])
    at_once = doubts[-1].why in AT_ONCE or len(doubts) > 1
    barred = any(kind in each.bars or each.spared for each in doubts)
    fork = ways.next() if at_once and not (insert or barred) else None
    if fork is None:
        return body(request, doubts)
    return {**body(request), "grammar": forced(fork.prefix.partition(" ")[0], fork)}


def entries(action: Action | None, said: _Said, place: int) -> list[Entry]:
    """What an answer is in the log. Raises ModelError for one that is nothing."""
    if said.thought:
        return [Reasoning(summary=said.thought), *entries(action, replace(said, thought=""), place)]
    if action is not None and action.kind == "done":
        return [Assistant(text=action.text)]
    if action is not None:
        arguments = json.dumps(action.given, ensure_ascii=False)
        return [ToolCall(call_id=f"call_{place}_0", name=action.tool, arguments=arguments)]
    if said.finish in ("length", "loop") and said.text:
        return [Assistant(text=said.text)]
    raise ModelError(
        "the local model answered nothing that can be used", fault="protocol", retry=True
    )


def _last(chunk: Json) -> bool:
    """The usage comes after everything else, in a chunk of its own."""
    return bool(chunk.get("usage")) and chunk.get("choices") == []
