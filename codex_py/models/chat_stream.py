"""Pure: the chunks of a Chat Completions answer become deltas, then the sample's entries."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from codex_py.core.entries import (
    Assistant,
    Delta,
    Entry,
    Json,
    Reasoning,
    Sampled,
    ToolCall,
    Usage,
)
from codex_py.core.errors import ModelError
from codex_py.models.chat_calls import Calls
from codex_py.models.chat_text import Thinking, call_at_end, call_in, may_become_call
from codex_py.models.citing import cited
from codex_py.models.faults import nothing

STATUS = {"length": "max_output_tokens", "max_tokens": "max_output_tokens"}
FINISHED = ("stop", "tool_calls", "function_call", "end_turn", "eos", "eos_token", "stop_sequence")


class Answer:
    """One answer under construction, for servers of every habit.

    Contract: `feed` takes whatever JSON a server sent and raises nothing but ModelError; `end`
    comes when the stream is over, then `entries`. Only the first choice counts.
    """

    def __init__(
        self,
        known: Collection[str],
        *,
        place: int,
        opened: bool = False,
        in_text: bool = False,
        where: str = "the server",
    ) -> None:
        self.where = where
        """The server, for error messages."""
        self.known = known
        self.place = place
        """Number of entries before this sample: made-up call ids begin with it."""
        self.in_text = in_text
        """Calls come by the text protocol."""
        self.thinking = Thinking(opened)
        self.said: list[str] = []
        self.held = ""
        self.holding = True
        self.thought: list[str] = []
        self.unseen = ""
        """What came as thought though no tag was seen."""
        self.opened = False
        """The answer began inside thoughts that the server's template opened unseen."""
        self.details: list[Any] = []
        self.annotations: list[object] = []
        self.calls = Calls(known)
        self.usage = Usage()
        self.used = False
        self.finish = ""
        self.model = ""
        self.refusal = ""

    def feed(self, chunk: object) -> Iterator[Delta]:
        """Take one chunk, streamed or whole; what can be shown of it now."""
        if not isinstance(chunk, dict):
            return
        self.model = _text(chunk.get("model")) or self.model
        groq = chunk.get("x_groq")
        self._count(chunk.get("usage") or (groq.get("usage") if isinstance(groq, dict) else None))
        choice = _first(chunk.get("choices"))
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            yield from self._delta(delta)
        elif isinstance(choice.get("text"), str):
            yield from self._spoken(choice["text"])
        self.finish = _text(choice.get("finish_reason")) or self.finish

    def _count(self, usage: object) -> None:
        if not isinstance(usage, dict):
            return
        self.used = True
        cached = _part(usage, "prompt_tokens_details", "cached_tokens")
        self.usage = Usage(
            input=_number(usage.get("prompt_tokens")),
            cached=cached or _number(usage.get("prompt_cache_hit_tokens")),
            output=_number(usage.get("completion_tokens")),
            reasoning=_part(usage, "completion_tokens_details", "reasoning_tokens"),
        )

    def _delta(self, delta: Json) -> Iterator[Delta]:
        thinking = _text(delta.get("reasoning_content")) or _text(delta.get("reasoning"))
        if isinstance(delta.get("reasoning_details"), list):
            self.details.extend(delta["reasoning_details"])
        content = delta.get("content")
        if isinstance(content, list):
            more, content = _from_parts(content)
            thinking += more
        if thinking:
            self.thought.append(thinking)
            yield Delta("reasoning", thinking)
        if isinstance(content, str) and content:
            yield from self._spoken(content)
        self.refusal += _text(delta.get("refusal"))
        if isinstance(delta.get("annotations"), list):
            self.annotations.extend(delta["annotations"])
        calls = delta.get("tool_calls")
        if isinstance(calls, dict):
            calls = [calls]
        if not calls and isinstance(delta.get("function_call"), dict):
            calls = [{"index": 0, "function": delta["function_call"]}]
        for each in calls if isinstance(calls, list) else ():
            if isinstance(each, dict):
                yield from self.calls.feed(each)

    def _spoken(self, content: str) -> Iterator[Delta]:
        thought, text = self.thinking.feed(content)
        if thought:
            self.thought.append(thought)
            self.unseen += thought
            yield Delta("reasoning", thought)
        if text:
            yield from self._show(text)

    def _show(self, text: str) -> Iterator[Delta]:
        self.said.append(text)
        if not self.holding:
            yield Delta("text", text)
            return
        self.held += text
        if not self.known or not may_become_call(self.held):
            self.holding = False
            yield Delta("text", self.held)
            self.held = ""

    def entries(self, *, wire: str, model: str, seconds: float) -> list[Entry]:
        """The whole sample. Raises ModelError when the answer is cut off or says nothing."""
        if not self.finish and not self.used:
            told = f"{self.where} ended its answer before it was complete"
            raise ModelError(told, fault="protocol", retry=True)
        text, thinking = "".join(self.said).strip(), "".join(self.thought).strip()
        if not thinking and text.count("</think>") == 1 and "<think>" not in text:
            self.opened = True
            thinking, text = (each.strip() for each in text.split("</think>"))
        calls: list[Entry] = list(self.calls.entries(self.place))
        if not calls:
            text, calls = self._from_text(text)
        found: list[Entry] = []
        if thinking or self.details:
            raw = {"type": "chat", "reasoning_details": self.details} if self.details else None
            found.append(Reasoning(summary=thinking, raw=raw))
        if text or self.refusal:
            found.append(Assistant(text=text or self.refusal))
            found.extend(cited(self.annotations))
        found.extend(calls)
        status = self._status()
        empty = nothing(self.where, status)
        if empty is not None and not (text or self.refusal or calls):
            raise empty
        found.append(
            Sampled(
                model=self.model or model,
                wire=wire,
                usage=self.usage,
                seconds=seconds,
                status=status,
            )
        )
        return found

    def _status(self) -> str:
        if not self.finish or self.finish in FINISHED:
            return "completed"
        return STATUS.get(self.finish, self.finish)

    def _from_text(self, text: str) -> tuple[str, list[Entry]]:
        """A text that is one call to a known tool, as that call."""
        ended = call_at_end(text, self.known) if self.in_text else None
        whole = call_in(text, self.known)
        before, found = ("", whole) if whole else (ended[0], ended[1:]) if ended else (text, None)
        if found is None:
            return text, []
        name, arguments = found
        return before, [ToolCall(call_id=f"call_{self.place}_0", name=name, arguments=arguments)]

    def end(self) -> Iterator[Delta]:
        """The stream is over: show what was held back because it might have become a call."""
        thought, text = self.thinking.end()
        if self.thinking.unseen and not self.said:
            # It did not think this time: what seemed a thought was the answer.
            self.thought, text = [], self.unseen + thought
        elif thought:
            self.thought.append(thought)
            yield Delta("reasoning", thought)
        if text:
            yield from self._show(text)
        if self.held and (self.calls.slots or not call_in("".join(self.said), self.known)):
            yield Delta("text", self.held)
        self.held = ""


def _first(choices: object) -> Json:
    """The choice with index 0, or the first when none is numbered."""
    if not isinstance(choices, list):
        return {}
    found = [each for each in choices if isinstance(each, dict)]
    zero = [each for each in found if each.get("index", 0) in (0, None)]
    return zero[0] if zero else {}


def _from_parts(parts: list[Any]) -> tuple[str, str]:
    """Thinking and text of a content that came as a list of parts."""
    thinking, text = "", ""
    for part in parts:
        if isinstance(part, str):
            text += part
        elif isinstance(part, dict) and part.get("type") in ("thinking", "reasoning"):
            inner = part.get("thinking", part.get("text"))
            thinking += "".join(_from_parts(inner)) if isinstance(inner, list) else _text(inner)
        elif isinstance(part, dict):
            text += _text(part.get("text"))
    return thinking, text


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _part(usage: Json, group: str, name: str) -> int:
    inner = usage.get(group)
    return _number(inner.get(name)) if isinstance(inner, dict) else 0
