"""One of each thing that is drawn, and ways to look at what came out."""

from __future__ import annotations

import json
import re

from codex_py.core.entries import (
    Assistant,
    Changed,
    Compacted,
    Context,
    Decision,
    Delta,
    Entry,
    Image,
    Notice,
    Reasoning,
    Resumed,
    Sampled,
    Started,
    Text,
    ToolCall,
    ToolResult,
    TurnEnded,
    Unknown,
    Usage,
    User,
)
from codex_py.host.change import Change
from codex_py.tools._written import fact
from codex_py.ui.render import Renderer

OWN = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^;\x1b]*;[!-~]*\x1b\\")
"""The sequences a renderer may write: colours, and links when they are on."""

OLD = "".join(f"line {number}\n" for number in range(1, 31))
NEW = (
    OLD.replace("line 8\n", "line eight, changed\n")
    .replace("line 20\n", "")
    .replace("line 26\n", "line 26\nadded\tby 漢字\x1b[31m\n")
)
MARKDOWN = """\
# A heading

Some **bold**, *slanted* and `code` words, and a [link](https://example.com/page).
A second line with 漢字, an emoji 🎉 and an accent e\u0301.

- one
- two, which is long enough that it has to be wrapped at either of the widths tested here
  - nested

3. three
4. four

| name | size |
|:-----|-----:|
| a    | 1    |
| 漢字 | 22   |

> quoted

```python
def twice(x):
    return 2 * x  # a comment
```
"""


def call(name: str, call_id: str = "c", **arguments: object) -> ToolCall:
    return ToolCall(call_id=call_id, name=name, arguments=json.dumps(arguments))


def result(text: str, ok: bool = True, call_id: str = "c", **data: object) -> ToolResult:
    return ToolResult(call_id=call_id, ok=ok, parts=(Text(text),), data=dict(data))


def ran(command: str, text: str, code: int = 0, **data: object) -> list[Entry]:
    facts = {"command": command, "exit_code": code, "seconds": 3.25, "bytes": len(text)}
    facts |= {"confined": "read-only"} | data
    told = f"Exit code: {code}\n{text}"
    return [call("shell", command=command), result(told, code == 0, **facts)]


def entries() -> list[Entry]:
    """At least one of every kind."""
    usage = Usage(input=12_345, cached=10_000, output=940, reasoning=120)
    update = Change("update", "src/a.py", OLD.encode(), NEW.encode())
    moved = Change("update", "b.txt", b"x\n", b"y\n", moved_from="a.txt")
    gone = Change("delete", "old.txt", b"bye\n", None)
    picture = Image(blob="0", media_type="image/png", name="shot.png", width=640, height=480)
    steps = [
        {"step": "read the code", "status": "completed"},
        {"step": "write what has to be written, with enough words", "status": "in_progress"},
        {"step": "test it", "status": "pending"},
    ]
    return [
        Started(session="s1", cwd="/home/me/project", model="gpt-5", mode="suggest"),
        Resumed(cwd="/home/me/project", model="gpt-5", mode="suggest"),
        Context(name="agents", text="Be kind.", source="AGENTS.md"),
        User(parts=(Text("Fix the test.\nIt is red."), picture)),
        Reasoning(summary="**Looking**\nI read it first.\nThen I think.\nThen I act."),
        Assistant(text=MARKDOWN),
        call("read_file", path="src/a.py"),
        result("1 x"),
        call("search", pattern="def .*", path="src"),
        result("No match."),
        *ran("pytest -q", "\n".join(f"test {n} passed" for n in range(1, 10))),
        *ran("make " + "very-long-target " * 12, "boom", 2, confined=""),
        *ran("sleep 9", "(no output)", -1, timed_out=True),
        Decision(call_id="c", verdict="allow", by="user", remember="command: npm test",
                 effects={"command": "npm test"}),
        Decision(call_id="c", verdict="deny", by="user", reason="not now",
                 effects={"writes": ["/etc/passwd"]}),
        call("apply_patch"),
        result("done", changes=[fact(update), fact(moved), fact(gone)]),
        call("edit_file", path="a.py"),
        result("Nothing was changed in a.py. No such text.\nmore\nmore", False),
        call("update_plan"),
        result("Plan updated", plan=steps),
        call("weather", city="Oslo"),
        result("rain\nand wind"),
        Sampled(model="gpt-5", status="max_output_tokens"),
        Compacted(summary="We did this and that.", keep_from=3),
        Changed(setting="mode", value="full-auto"),
        Notice(text="for your information", level="info"),
        Notice(text="take care"),
        Notice(text="broken", level="error"),
        Unknown(data={"kind": "hologram"}),
        Assistant(text="Half a sent", partial=True),
        TurnEnded(reason="failed", error="the server said 500", usage=usage, seconds=75.0),
        TurnEnded(reason="done", usage=usage, seconds=4.2, cost="0.0312"),
    ]  # fmt: skip


def streamed(text: str, size: int, renderer: Renderer) -> str:
    """What is printed of a text that comes in pieces of so many characters."""
    told = [renderer.delta(Delta("text", text[at : at + size])) for at in range(0, len(text), size)]
    return "".join(each or "" for each in [*told, renderer.flush()])


def bare(printed: str) -> str:
    """What was printed, without the renderer's own sequences."""
    return OWN.sub("", printed)
