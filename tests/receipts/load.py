"""Cases of the receipts measure: from their files to logs as the tools would have written them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codex_py.core.entries import (
    Assistant,
    Decision,
    Entry,
    Image,
    Text,
    ToolCall,
    ToolResult,
    TurnEnded,
    User,
    stamped,
)
from codex_py.core.kept import Touched
from codex_py.core.receipt import Claim, Workspace, claims
from codex_py.core.receipt.log.facts import facts
from codex_py.core.receipt.message.names import spellings
from codex_py.core.receipt.verdict.ledger import Ledger, is_document

CASES = Path(__file__).parent / "cases"
CWD = "/work/project"
HOWS = ("created", "changed", "deleted")


@dataclass(frozen=True)
class Label:
    """What a person says of a stretch of a message."""

    text: str
    kind: str
    verdict: str
    start: int
    end: int


@dataclass(frozen=True)
class Case:
    """A message, its log, the files at the end, and its labels."""

    id: str
    language: str
    honest: bool
    message: str
    log: list[Entry]
    files: dict[str, str]
    labels: list[Label]

    @property
    def held_out(self) -> bool:
        """Whether it is only ever scored."""
        return self.id.endswith("-h")

    def claims(self, *, weigh: bool = True) -> tuple[Claim, ...]:
        """What the program makes of it; without the weighing of what patterns leave, if told."""
        return claims(self.message, self.ledger(), weigh=weigh)

    def ledger(self) -> Ledger:
        """Its log, easy to search."""
        return Ledger(facts(self.log), Workspace(self._exists, self._mentions), CWD)

    def _exists(self, path: str) -> bool | None:
        plain = path.removeprefix("./").removeprefix(f"{CWD}/").rstrip("/")
        if plain.startswith("/"):
            return None
        return any(
            name == plain or name.endswith(f"/{plain}") or f"/{name}".find(f"/{plain}/") >= 0
            for name in self.files
        )

    def _mentions(self, word: str) -> bool | None:
        code = "\n".join(text for name, text in self.files.items() if not is_document(name))
        return any(form in code for form in spellings(word))


def cases() -> Iterator[Case]:
    """Every case there is."""
    for path in sorted(CASES.glob("*.toml")):
        for data in tomllib.loads(path.read_text("utf-8"))["case"]:
            yield case(data)


def case(data: dict[str, Any]) -> Case:
    """A case from its data. Raises ValueError for a label whose text the message does not hold."""
    message = data["message"].strip("\n")
    return Case(
        data["id"],
        data["language"],
        bool(data["honest"]),
        message,
        log(data, message),
        dict(data.get("files", {})),
        [_label(each, message, data["id"]) for each in data.get("claims", ())],
    )


def _label(data: dict[str, str], message: str, name: str) -> Label:
    start = message.find(data["text"])
    if start < 0:
        raise ValueError(f"{name}: the message does not hold {data['text']!r}")
    return Label(data["text"], data["kind"], data["verdict"], start, start + len(data["text"]))


def log(data: dict[str, Any], message: str) -> list[Entry]:
    """The entries of a case's turn."""
    found: list[Entry] = [User(parts=(Text(data.get("task", "do it")),))]
    for number, step in enumerate(data.get("steps", ())):
        found += _step(step, f"call_{number}")
    found += [Assistant(text=message), TurnEnded(reason="done")]
    return [stamped(entry, n, 0.0) for n, entry in enumerate(found)]


def _step(step: dict[str, Any], call_id: str) -> list[Entry]:
    if "user" in step:
        return [User(parts=(Text(step["user"]),))]
    if "says" in step:
        return [Assistant(text=step["says"])]
    if "run" in step:
        return _run(step, call_id)
    if "denied" in step:
        effects = {"command": step["denied"], "cwd": CWD}
        return [
            ToolCall(call_id=call_id, name="shell", arguments="{}"),
            Decision(
                call_id=call_id,
                verdict="deny",
                by=step.get("by", "headless"),
                reason=step.get("why", ""),
                effects=effects,
            ),
            ToolResult(call_id=call_id, ok=False, parts=(Text("Refused."),)),
        ]
    if "edit" in step:
        change = {
            "path": step["edit"],
            "kind": step.get("kind", "update"),
            "added": step.get("added", 1),
            "removed": step.get("removed", 0),
        }
        return _call(
            "apply_patch", call_id, {"writes": [step["edit"]]}, "Done.", {"changes": [change]}
        )
    if "look" in step:
        made = _call("view_image", call_id, {"reads": [step["look"]]}, "", {})
        picture = Image("0" * 64, "image/png", step["look"], 640, 480)
        return [*made[:2], ToolResult(call_id=call_id, ok=True, parts=(picture,))]
    for name, tool in (("read", "read_file"), ("search", "search"), ("list", "list_files")):
        if name in step:
            data = {"read": step["read"]} if name == "read" else {}
            return _call(tool, call_id, {"reads": [step[name]]}, step.get("output", ""), data)
    raise ValueError(f"{call_id}: {step} is no known step")


def _run(step: dict[str, Any], call_id: str) -> list[Entry]:
    code = step.get("exit", 0)
    confined = step.get("confined", "workspace-write")
    data = {
        "command": step["run"],
        "cwd": CWD,
        "exit_code": None if "signal" in step else code,
        "signal": step.get("signal"),
        "timed_out": bool(step.get("timed_out")),
        "seconds": step.get("seconds", 0.5),
        "confined": confined,
        "network": bool(step.get("network")),
    }
    first = "Timed out and ended." if step.get("timed_out") else f"Exit code: {code}"
    text = f"{first}\n{step.get('output', '') or '(no output)'}"
    effects = {"command": step["run"], "cwd": CWD}
    made = _call("shell", call_id, effects, text, data, ok=code == 0, confined=confined)
    paths = tuple((path, how) for how in HOWS for path in step.get(how, ()))
    return [*made, Touched(call_id=call_id, paths=paths, total=len(paths))] if paths else made


def _call(
    tool: str,
    call_id: str,
    effects: dict[str, Any],
    text: str,
    data: dict[str, Any],
    *,
    ok: bool = True,
    confined: str = "",
) -> list[Entry]:
    return [
        ToolCall(call_id=call_id, name=tool, arguments="{}"),
        Decision(call_id=call_id, verdict="allow", effects=effects, confined=confined),
        ToolResult(call_id=call_id, ok=ok, parts=(Text(text),), data=data),
    ]
