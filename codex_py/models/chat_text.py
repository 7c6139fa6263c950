"""Pure: calls and thoughts that a model writes as text, and the text protocol for tools.

The text protocol, for servers without tools: the system message lists each tool with its JSON
schema; the model calls one by ending its message with a fenced `json` block that holds
`name` and `arguments`; the result comes back as the next user message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence

from codex_py.core.entries import Json

OPENERS = ("```", "{", "<tool_call>")
FENCED = re.compile(r"\A```[ \t]*(?:json|tool_call|tool)?[ \t]*\r?\n(.*?)\r?\n?[ \t]*```\Z", re.S)
TAGGED = re.compile(r"\A<tool_call>(.*?)(?:</tool_call>)?\Z", re.S)
LAST_FENCE = re.compile(r"(?:\A|\n)(```json[ \t]*\r?\n(?:(?!```).)*```)\s*\Z", re.S)


def protocol(tools: Sequence[Json]) -> str:
    """What the system message says of tools when the server itself knows none."""
    told = "\n".join(json.dumps(each["function"], ensure_ascii=False) for each in tools)
    return (
        "You have these tools, each given as JSON with its name, description and parameters:\n"
        f"{told}\n\n"
        "To use a tool, end your message with one fenced block and nothing after it:\n"
        '```json\n{"name": "TOOL", "arguments": {"PARAMETER": "VALUE"}}\n```\n'
        "One call a message. Its result is the next message you get. When no tool is needed, "
        "answer in plain words without such a block."
    )


def written(name: str, arguments: str) -> str:
    """A call as the text protocol writes it."""
    return f'```json\n{{"name": {json.dumps(name)}, "arguments": {arguments}}}\n```'


def call_in(text: str, known: Collection[str]) -> tuple[str, str] | None:
    """The name and arguments when the whole text is one call to a known tool, else None."""
    text = text.strip()
    for shape in (FENCED, TAGGED):
        match = shape.match(text)
        if match:
            text = match.group(1).strip()
            break
    if text.startswith("{{") and text.endswith("}}"):
        # Copied from templates that show the shape with doubled braces.
        return _call(text[1:-1], known) or _call(text, known)
    return _call(text, known)


def call_at_end(text: str, known: Collection[str]) -> tuple[str, str, str] | None:
    """The words before, the name and the arguments when a text ends with a fenced call."""
    match = LAST_FENCE.search(text)
    found = call_in(match.group(1), known) if match else None
    return (text[: match.start()].strip(), *found) if match and found else None


def _call(text: str, known: Collection[str]) -> tuple[str, str] | None:
    if not text.startswith("{"):
        return None
    try:
        data = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    if isinstance(data, dict) and isinstance(data.get("function"), dict):
        data = data["function"] if set(data) <= {"type", "id", "function"} else data
    if not isinstance(data, dict) or not set(data) <= {"name", "arguments", "parameters"}:
        return None
    name, given = data.get("name"), data.get("arguments", data.get("parameters"))
    if not isinstance(name, str) or name not in known:
        return None
    if isinstance(given, str):
        return name, given
    return (name, json.dumps(given, ensure_ascii=False)) if isinstance(given, dict) else None


def may_become_call(text: str) -> bool:
    """True while a text, seen from its start, may still turn out to be one call."""
    text = text.lstrip()
    if not text.startswith("```"):
        return any(text.startswith(each[: len(text)]) for each in OPENERS)
    info, newline, _ = text[3:].partition("\n")
    if newline:
        return info.strip() in ("", "json", "tool_call", "tool")
    return any(each.startswith(info.strip()) for each in ("json", "tool_call"))


TAGS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "[THINK]": "[/THINK]",
}
"""How models mark their thoughts."""


class Thinking:
    """Parts `<think>…</think>` at the start of a text from the rest, as the text comes in.

    With `opened` the text may begin inside, in thoughts that a template opened unseen: `unseen`
    stays true until a tag shows that they were thoughts.
    """

    def __init__(self, opened: bool = False) -> None:
        self.state = "unseen" if opened else "start"
        self.held = ""
        self.close = "</think>"

    def feed(self, text: str) -> tuple[str, str]:
        """The thinking and the text that are certain now."""
        if self.state == "gap":
            return "", self._gap(text)
        if self.state == "after":
            return "", text
        self.held += text
        if self.state in ("start", "unseen"):
            begun = self.held.lstrip()
            tag = next((each for each in TAGS if begun.startswith(each)), "")
            if tag:
                self.state, self.held = "inside", begun.removeprefix(tag)
                self.close = TAGS[tag]
            elif self.state == "start":
                if any(each.startswith(begun) for each in TAGS):
                    return "", ""
                return "", self._all("after")
        thought, closed, rest = self.held.partition(self.close)
        if closed:
            self._all("gap")
            return thought, self._gap(rest)
        keep = _overlap(self.held, self.close)
        self.held = self.held[len(self.held) - keep :]
        return thought[: len(thought) - keep], ""

    def _all(self, state: str) -> str:
        held, self.held, self.state = self.held, "", state
        return held

    def _gap(self, text: str) -> str:
        text = text.lstrip()
        if text:
            self.state = "after"
        return text

    def end(self) -> tuple[str, str]:
        """What was still held back when the text ended."""
        held, self.held = self.held, ""
        return (held, "") if self.state in ("inside", "unseen") else ("", held)

    @property
    def unseen(self) -> bool:
        """Nothing has shown yet that the thoughts given out were any."""
        return self.state == "unseen"


def _overlap(text: str, tag: str) -> int:
    """How many last characters of `text` are a beginning of `tag`."""
    for size in range(min(len(text), len(tag) - 1), 0, -1):
        if tag.startswith(text[-size:]):
            return size
    return 0
