"""The nouns: Entry (always saved), Delta (never saved) and Part (text or picture)."""

from __future__ import annotations

from dataclasses import field, replace
from typing import ClassVar, Literal

from codex_py.core.checked import Checked
from codex_py.core.entry import Entry
from codex_py.core.kept import Snapshot, Touched, Undoing, Undone
from codex_py.core.parts import Delta, DeltaOf, Image, Json, Part, Source, Text, Usage, words
from codex_py.dataclass import dataclass

__all__ = [
    "KINDS",
    "Assistant",
    "By",
    "Changed",
    "Checked",
    "Cited",
    "Compacted",
    "Context",
    "Decision",
    "Delta",
    "DeltaOf",
    "Entry",
    "Hosted",
    "Image",
    "Json",
    "Notice",
    "Part",
    "Reason",
    "Reasoning",
    "Resumed",
    "Sampled",
    "Snapshot",
    "Source",
    "Spent",
    "Started",
    "Text",
    "ToolCall",
    "ToolResult",
    "Touched",
    "TurnEnded",
    "Undoing",
    "Undone",
    "Unknown",
    "Usage",
    "User",
    "Verdict",
    "stamped",
    "words",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Entry):
    """The first line of every log."""

    kind: ClassVar[str] = "started"
    session: str
    cwd: str
    version: int = 1  # of the log's format: 2 since lines are chained
    app: str = ""
    mode: str = ""
    model: str = ""
    choice: str = ""
    """The name by which the model was chosen: `local`, or as `-m` takes it."""
    branch: str = ""
    commit: str = ""
    within: str = ""
    """What Git had checked out, and where `cwd` lies in its repository: `a/b`, empty at the top."""
    parent: str | None = None
    at_line: int | None = None
    """The session that this one was forked from, and after which of its lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Entry):
    """The log was opened again; grants given before this line no longer count."""

    kind: ClassVar[str] = "resumed"
    cwd: str
    app: str = ""
    mode: str = ""
    model: str = ""
    choice: str = ""
    branch: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context(Entry):
    """Facts put before the model that no user typed: the environment, AGENTS.md."""

    kind: ClassVar[str] = "context"
    name: str
    text: str
    source: str = ""
    """The file it came from, if any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Entry):
    """What the user said or showed."""

    kind: ClassVar[str] = "user"
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assistant(Entry):
    """A message of the model. A partial one was cut off: shown on replay, never sent back."""

    kind: ClassVar[str] = "assistant"
    text: str
    partial: bool = False
    raw: Json | None = None
    """The provider's own item, sent back word for word to the wire it came from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning(Entry):
    """A reasoning item: its summary for us, its raw form for the provider."""

    kind: ClassVar[str] = "reasoning"
    summary: str
    raw: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall(Entry):
    """The model's wish to use a tool. `arguments` is the text as it came, JSON or freeform."""

    kind: ClassVar[str] = "tool_call"
    call_id: str
    name: str
    arguments: str
    freeform: bool = False
    raw: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted(Entry):
    """The provider used a tool of its own, on its machines: a web search for example."""

    kind: ClassVar[str] = "hosted"
    name: str
    """As the provider calls it, for example `web_search`."""
    detail: str = ""
    """What was looked for or opened."""
    raw: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited(Entry):
    """The pages that the message before this line names as its sources, in their order."""

    kind: ClassVar[str] = "cited"
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled(Entry):
    """One model response is complete; closes the entries it brought."""

    kind: ClassVar[str] = "sampled"
    model: str
    wire: str = ""
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    status: str = "completed"
    """`completed`, or why the answer is incomplete (for example `max_output_tokens`)."""
    cost: str = ""
    """US dollars as an exact decimal; empty when the price is not known."""
    estimated: bool = False
    """The server told no tokens: `usage` was counted by us (core/tokens.py)."""
    retries: int = 0
    """Requests that failed before this one was answered."""
    purpose: str = ""
    """What was asked for beside the conversation, as `compaction`; empty for a step of it."""
    so_far: Json = field(default_factory=dict)
    """Tokens and money of the whole session up to here, by model; the session stamps it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent(Entry):
    """Tokens used for this session outside its own samples; they count in every budget."""

    kind: ClassVar[str] = "spent"
    by: str
    """What used them: `failed try`, `compaction`, `reviewer`, `sub-agent`."""
    model: str = ""
    usage: Usage = field(default_factory=Usage)
    cost: str = ""  # as in Sampled


Verdict = Literal["allow", "ask", "deny"]
By = Literal["policy", "rule", "user", "headless", "reviewer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Entry):
    """What policy or the user said about a call: the value policy returns is what is logged."""

    kind: ClassVar[str] = "decision"
    call_id: str = ""
    verdict: Verdict = "ask"
    by: By = "policy"
    reason: str = ""
    confined: str = ""
    """How a command runs: `` as the user would, else `read-only` or `workspace-write`."""
    grant: str = ""
    """The option or setting that would have allowed it."""
    remember: str = ""
    """A grant that holds until the session is resumed: a command prefix or a path."""
    opened: tuple[str, ...] = ()
    """More grants that hold as long: what commands may use beyond what confines them."""
    effects: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult(Entry):
    """What came of a call: what the model reads, and the facts as data."""

    kind: ClassVar[str] = "tool_result"
    call_id: str
    ok: bool
    parts: tuple[Part, ...]
    full: str = ""
    """File beside the log that holds the whole output, when `parts` was cut."""
    seconds: float = 0.0
    data: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted(Entry):
    """From here on the model sees this instead of everything before line `keep_from`.

    The facts it must not lose (Context) stand anew right before this line.
    """

    kind: ClassVar[str] = "compacted"
    summary: str
    keep_from: int
    said: tuple[str, ...] = ()
    """What the user said before the cut, word for word, oldest first."""
    plan: str = ""
    files: tuple[str, ...] = ()
    """Files read or changed before the cut, newest first; `*` in front: changed."""
    before: int = 0
    """Tokens of the request before, as far as known; and about how many after."""
    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed(Entry):
    """A setting of the running session was changed: its `mode`, or a `grant` given by hand."""

    kind: ClassVar[str] = "changed"
    setting: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Entry):
    """Something the user was told that is not part of the conversation."""

    kind: ClassVar[str] = "notice"
    text: str
    level: Literal["info", "warning", "error"] = "warning"


Reason = Literal["done", "failed", "interrupted", "limit", "stuck"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnded(Entry):
    """The turn is over: why, and what it used."""

    kind: ClassVar[str] = "turn_ended"
    reason: Reason
    error: str = ""
    fault: str = ""
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    cost: str = ""
    """US dollars of this turn as an exact decimal; empty when a price is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Entry):
    """A line of a later version: kept whole, shown as such, never sent to a model."""

    kind: ClassVar[str] = "unknown"
    data: Json


KINDS: dict[str, type[Entry]] = {
    each.kind: each
    for each in (
        Started,
        Resumed,
        Context,
        User,
        Assistant,
        Reasoning,
        ToolCall,
        Hosted,
        Cited,
        Sampled,
        Spent,
        Decision,
        ToolResult,
        Compacted,
        Changed,
        Checked,
        Notice,
        TurnEnded,
        Snapshot,
        Touched,
        Undoing,
        Undone,
    )
}


def stamped(entry: Entry, n: int, at: float) -> Entry:
    """The same entry with its place and time in the log."""
    return replace(entry, n=n, at=at)
