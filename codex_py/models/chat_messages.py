"""Pure: a log becomes the messages of a Chat Completions call."""

from __future__ import annotations

import base64
import hashlib
import json
from copy import copy

from codex_py.core.entries import (
    Assistant,
    Context,
    Entry,
    Image,
    Json,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    User,
    words,
)
from codex_py.core.request import Request
from codex_py.models.chat_shapes import Quirks, tool
from codex_py.models.chat_text import protocol, written
from codex_py.models.formats import told_schema


def messages(request: Request, quirks: Quirks) -> list[Json]:
    """The conversation: one assistant message a sample, its results right after it."""
    building = Building(request, quirks)
    for entry in request.input:
        building.add(entry)
    return [*building.done, *building.open()]


BRIDGE = "I have read the results."


class Building:
    """Messages under construction; neighbours of one role become one message.

    What is in `done` stays as it is: more entries only add to it.
    """

    def __init__(self, request: Request, quirks: Quirks) -> None:
        self.request, self.quirks = request, quirks
        self.done: list[Json] = []
        self.said: list[str] = []
        self.thought: list[Reasoning] = []
        self.calls: list[ToolCall] = []
        self.heard: list[Part] = []
        self.shown: list[Part] = []
        self.names: dict[str, str] = {}
        self.apart: dict[str, list[Json]] = {}
        """Messages of calls that are told just before their results."""
        text = request.instructions
        if request.tools and quirks.tools == "text":
            text = f"{text}\n\n{protocol([tool(each, quirks) for each in request.tools])}"
        if request.settings.output_schema and not quirks.formats:
            text = f"{text}\n\n{told_schema(request.settings.output_schema)}"
        if text.strip() and quirks.system_role == "user":
            self.heard.append(Text(text))
        elif text.strip():
            self.done.append({"role": quirks.system_role, "content": text})

    def add(self, entry: Entry) -> None:
        """Take the next entry of the log."""
        if isinstance(entry, (Context, User)):
            self._end_sample()
            self.heard.extend(self.shown)
            self.shown = []
            self.heard.extend(entry.parts if isinstance(entry, User) else (_context(entry),))
        elif isinstance(entry, ToolResult):
            self._end_sample()
            self.done += self.apart.pop(entry.call_id, ())
            self._result(entry)
        elif isinstance(entry, (Assistant, ToolCall, Reasoning)):
            self.heard.extend(self.shown)
            self.shown = []
            self._end_heard()
            if isinstance(entry, Assistant):
                self.said.append(entry.text)
            elif isinstance(entry, ToolCall):
                self.calls.append(entry)
                self.names[entry.call_id] = entry.name
            else:
                self.thought.append(entry)

    def open(self) -> list[Json]:
        """The messages that would follow if no more entries came; nothing is changed."""
        rest = copy(self)
        last = self.done[-1:]
        rest.done, rest.apart = list(last), dict(self.apart)
        for name in ("said", "thought", "calls", "heard", "shown"):
            setattr(rest, name, list(getattr(self, name)))
        rest._flush()
        return rest.done[len(last) :]

    def _flush(self) -> None:
        self._end_sample()
        self.heard.extend(self.shown)
        self.shown = []
        self._end_heard()

    def _end_sample(self) -> None:
        if not (self.said or self.calls):
            self.thought = []
            return
        text = "\n\n".join(each for each in self.said if each)
        message: Json = {"role": "assistant", "content": text}
        if self.calls and self.quirks.tools == "text":
            told = [written(each.name, arguments(each, self.request)) for each in self.calls]
            message["content"] = "\n\n".join([*([text] if text else []), *told])
        elif self.calls:
            now, later = (
                (self.calls[:1], self.calls[1:]) if self.quirks.single else (self.calls, ())
            )
            message["tool_calls"] = [self._call(each) for each in now]
            for each in later:
                alone: Json = {"role": "assistant", "content": "", "tool_calls": [self._call(each)]}
                self.apart[each.call_id] = [alone]
        if self.quirks.replay:
            message.update(_replayed(self.thought, self.quirks.replay))
        self.done.append(message)
        self.said, self.calls, self.thought = [], [], []

    def _call(self, call: ToolCall) -> Json:
        raw = call.raw or {}
        extra = raw.get("extra") if raw.get("type") == "chat" else None
        return {
            **(extra if isinstance(extra, dict) else {}),
            "id": self._id(call.call_id),
            "type": "function",
            "function": {"name": call.name, "arguments": arguments(call, self.request)},
        }

    def _id(self, call_id: str) -> str:
        if not self.quirks.short_ids or (len(call_id) == 9 and call_id.isalnum()):
            return call_id
        return hashlib.sha256(call_id.encode()).hexdigest()[:9]

    def _result(self, entry: ToolResult) -> None:
        text = words(entry.parts) or "(no output)"
        name = self.names.get(entry.call_id, "the tool")
        if self.quirks.tools == "text":
            self.heard.append(Text(f"Result of {name}:\n{text}"))
        else:
            self.done.append(
                {"role": "tool", "tool_call_id": self._id(entry.call_id), "content": text}
            )
        pictures = [part for part in entry.parts if isinstance(part, Image)]
        if pictures:
            # Servers read pictures in user messages only.
            self.shown.extend([Text(f"From {name}:"), *pictures])

    def _end_heard(self) -> None:
        if self.heard:
            if self.quirks.bridge and self.done and self.done[-1]["role"] == "tool":
                self.done.append({"role": "assistant", "content": BRIDGE})
            self.done.append({"role": "user", "content": self._content(self.heard)})
            self.heard = []

    def _content(self, parts: list[Part]) -> str | list[Json]:
        if not self.quirks.images or not any(isinstance(part, Image) for part in parts):
            return "\n\n".join(
                part.text if isinstance(part, Text) else f"[picture {part.name}: not shown]"
                for part in parts
            )
        return [self._part(part) for part in parts]

    def _part(self, part: Part) -> Json:
        if isinstance(part, Text):
            return {"type": "text", "text": part.text}
        try:
            data = base64.b64encode(self.request.blob(part.blob)).decode("ascii")
        except OSError:
            return {"type": "text", "text": f"[{part.name or part.blob}: the picture is lost]"}
        url: Json = {"url": f"data:{part.media_type};base64,{data}"}
        if part.detail != "auto":
            url["detail"] = part.detail
        return {"type": "image_url", "image_url": url}


def _context(entry: Context) -> Text:
    return Text(f"<{entry.name}>\n{entry.text}\n</{entry.name}>")


def _replayed(thought: list[Reasoning], name: str) -> Json:
    raws = [each.raw for each in thought if each.raw and each.raw.get("type") == "chat"]
    details = [item for raw in raws for item in raw.get("reasoning_details", ())]
    if details and name == "reasoning_details":
        return {name: details}
    text = "\n\n".join(each.summary for each in thought)
    return {name: text} if text and name != "reasoning_details" else {}


def arguments(call: ToolCall, request: Request) -> str:
    """A past call's arguments as a JSON object: servers refuse a history that holds less."""
    if call.freeform:
        spec = next((each for each in request.tools if each.name == call.name), None)
        names = list(spec.schema.get("properties", ())) if spec else []
        return json.dumps({names[0] if names else "input": call.arguments}, ensure_ascii=False)
    text = call.arguments.strip()
    try:
        if isinstance(json.loads(text or "{}"), dict):
            return text or "{}"
    except (ValueError, RecursionError):
        pass
    return json.dumps({"not_json": call.arguments}, ensure_ascii=False)
