"""Pure: entries become the typed events of `codex exec --json`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

from codex_py.core.entries import (
    Assistant,
    Checked,
    Cited,
    Decision,
    Delta,
    Entry,
    Hosted,
    Image,
    Json,
    Notice,
    Reasoning,
    Started,
    Text,
    ToolCall,
    ToolResult,
    TurnEnded,
    User,
    words,
)
from codex_py.core.money import Tally, whole
from codex_py.dataclass import dataclass

EDITS = frozenset({"apply_patch", "edit_file", "write_file"})


@dataclass(slots=True)
class Mapping:
    """The fold: feed it entries in order, it gives the events each one makes.

    Usage is cumulative over the session, as there; item ids count from `item_0`.
    """

    _items: int = 0
    _begun: bool = False
    """A turn runs: what is said within it begins no other."""
    _ids: dict[str, str] = field(default_factory=dict)
    _calls: dict[str, ToolCall] = field(default_factory=dict)
    _plan: str = ""
    _plan_items: list[Json] = field(default_factory=list)
    _tally: Tally = field(default_factory=Tally)

    @staticmethod
    def resumed(before: Iterable[Tally]) -> Mapping:
        """The fold over the rest of a session that used so much before."""
        return Mapping(_tally=whole(before))

    def events(self, entry: Entry | Delta) -> list[Json]:
        """The events of one entry or delta, often none."""
        self._tally.feed(entry)
        match entry:
            case Started():
                return [{"type": "thread.started", "thread_id": entry.session}]
            case User():
                begun, self._begun = self._begun, True
                return [] if begun else [{"type": "turn.started"}]
            case Reasoning() if entry.summary:
                return [self._whole({"type": "reasoning", "text": entry.summary})]
            case Assistant() if entry.text and not entry.partial:
                return [self._whole({"type": "agent_message", "text": entry.text})]
            case Hosted() if entry.name == "web_search":
                action = (entry.raw or {}).get("action")
                item = {"type": "web_search", "query": entry.detail, "action": action}
                return [self._whole(item)]
            case Cited():
                named = [{"url": each.url, "title": each.title} for each in entry.sources]
                return [self._whole({"type": "sources", "sources": named})]
            case ToolCall():
                self._calls[entry.call_id] = entry
            case Decision():
                return self._decided(entry)
            case ToolResult():
                return self._finished(entry)
            case Checked():
                status = "completed" if entry.ok else "failed"
                return [self._whole(_command(entry.command, entry.output, entry.exit_code, status))]
            case Notice() if entry.level != "info":
                return [self._whole({"type": "error", "message": entry.text})]
            case Delta(of="retry"):
                return [{"type": "error", "message": entry.text}]
            case Delta(of="quiet"):
                return [{"type": "waiting", "message": entry.text}]
            case TurnEnded():
                return self._ended(entry)
        return []

    def _next(self) -> str:
        self._items += 1
        return f"item_{self._items - 1}"

    def _whole(self, item: Json) -> Json:
        return {"type": "item.completed", "item": {"id": self._next(), **item}}

    def _decided(self, entry: Decision) -> list[Json]:
        call = self._calls.get(entry.call_id)
        if call is None or entry.verdict != "allow" or call.name == "update_plan":
            return []
        self._ids[entry.call_id] = self._next()
        if call.name == "shell":
            item = _command(str(entry.effects.get("command", "")), "", None, "in_progress")
        elif call.name in EDITS:
            writes = entry.effects.get("writes", [])
            changes = [{"path": path, "kind": "update"} for path in writes]
            item = {"type": "file_change", "changes": changes, "status": "in_progress"}
        else:
            item = _tool(call, None, "in_progress")
        return [{"type": "item.started", "item": {"id": self._ids[entry.call_id], **item}}]

    def _finished(self, entry: ToolResult) -> list[Json]:
        call = self._calls.pop(entry.call_id, None)
        if call is None:
            return []
        started = self._ids.pop(entry.call_id, None)
        declined = started is None
        status = "completed" if entry.ok else ("declined" if declined else "failed")
        if call.name == "update_plan" and "plan" in entry.data:
            return [self._planned(entry)]
        if call.name == "shell":
            command = str(entry.data.get("command", call.arguments))
            code = entry.data.get("exit_code")
            item = _command(command, words(entry.parts), code, status)
        elif call.name in EDITS:
            changes = [
                {"path": each["path"], "kind": each["kind"]}
                for each in entry.data.get("changes", [])
            ]
            item = {"type": "file_change", "changes": changes, "status": status}
        else:
            item = _tool(call, entry, "completed" if entry.ok else "failed")
        return [{"type": "item.completed", "item": {"id": started or self._next(), **item}}]

    def _planned(self, entry: ToolResult) -> Json:
        kind = "item.updated" if self._plan else "item.started"
        self._plan = self._plan or self._next()
        self._plan_items = [
            {"text": step["step"], "completed": step["status"] == "completed"}
            for step in entry.data["plan"]
        ]
        return {"type": kind, "item": self._todo()}

    def _todo(self) -> Json:
        return {"id": self._plan, "type": "todo_list", "items": self._plan_items}

    def _ended(self, entry: TurnEnded) -> list[Json]:
        self._begun = False
        found: list[Json] = []
        if self._plan:
            found.append({"type": "item.completed", "item": self._todo()})
            self._plan = ""
        if entry.reason == "done":
            return [*found, {"type": "turn.completed", "usage": self._used()}]
        message = entry.error or entry.reason
        failed = {"type": "turn.failed", "error": {"message": message}, "usage": self._used()}
        return [*found, failed]

    def _used(self) -> Json:
        """Codex's keys, and ours: `cost_usd` is null when a price is not known."""
        usage, total = self._tally.usage, self._tally.total
        return {
            "input_tokens": usage.input,
            "cached_input_tokens": usage.cached,
            "cache_write_input_tokens": 0,
            "output_tokens": usage.output,
            "reasoning_output_tokens": usage.reasoning,
            "cost_usd": float(total) if total is not None else None,
            "estimated": self._tally.estimated,
        }


def _command(command: str, output: str, code: object, status: str) -> Json:
    return {
        "type": "command_execution",
        "command": command,
        "aggregated_output": output,
        "exit_code": code,
        "status": status,
    }


def _tool(call: ToolCall, result: ToolResult | None, status: str) -> Json:
    """A tool that Codex does not have, in the shape it uses for tools of a server."""
    item: Json = {
        "type": "mcp_tool_call",
        "server": "codex_py",
        "tool": call.name,
        "arguments": call.arguments,
        "result": None,
        "error": None,
        "status": status,
    }
    if result is None:
        return item
    if not result.ok:
        return {**item, "error": {"message": words(result.parts)}}
    content = [
        {"type": "text", "text": part.text}
        if isinstance(part, Text)
        else {"type": "image", "mimeType": part.media_type, "blob": part.blob}
        for part in result.parts
        if isinstance(part, (Text, Image))
    ]
    return {**item, "result": {"content": content, "structured_content": None}}
