"""What a tool is, what it is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import field
from typing import TYPE_CHECKING, Any, BinaryIO

from codex_py.core.entries import Json, Part, Text
from codex_py.core.errors import ToolError
from codex_py.core.request import ToolSpec
from codex_py.core.truncate import LIMIT
from codex_py.dataclass import dataclass
from codex_py.effects import Effects
from codex_py.eyes import Eyes
from codex_py.host import Host

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Output:
    """What a tool gives back. `data` is facts for the log; `full` names a whole output."""

    parts: tuple[Part, ...]
    ok: bool = True
    data: Json = field(default_factory=dict)
    full: str = ""

    @staticmethod
    def of(text: str, *, ok: bool = True, full: str = "", **data: Any) -> Output:
        """A plain text output with its facts."""
        return Output((Text(text),), ok, data, full)


def nothing_kept(name: str) -> bytes:
    """Nothing is kept where no session is."""
    raise ToolError(f"Nothing is kept as {name}.")


@dataclass(frozen=True, slots=True)
class Call:
    """What a running tool is given: the narrowed host and ways to report.

    Contract: `host` refuses whatever the tool did not declare. `say` shows output as it
    comes and may be called any number of times. `spill` opens a private file beside the log.
    `digest_seen` is the digest of a file as the model last saw or wrote it, None if never.
    """

    call_id: str
    host: Host
    confined: str
    say: Callable[[str], None]
    keep: Callable[[bytes], str]
    spill: Callable[[str], tuple[Path, BinaryIO]]
    digest_seen: Callable[[str], str | None]
    vision: bool = True
    """The model can look at pictures."""
    eyes: Eyes = field(default_factory=Eyes)
    """In what size it looks at them."""
    kept: Callable[[str], bytes] = nothing_kept
    """The bytes kept beside the log under a name that begins so. Raises ToolError for none."""
    limit: int = LIMIT
    """Characters of a result that the model is shown; more is cut in the middle."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool is a value. Built-in, user-made and foreign tools are the same.

    Contract: `effects` touches nothing and tells all that `run` will touch; whatever it
    leaves out, the host refuses. Both may raise ToolError, which the model reads.
    """

    name: str
    description: str
    params: type[BaseModel]
    effects: Callable[[Any, Host], Effects]
    run: Callable[[Any, Call], Awaitable[Output]]
    grammar: str = ""
    """Lark grammar of the freeform input, for models that take one."""
    freeform: str = ""
    """Name of the parameter that a freeform input fills."""

    def spec(self) -> ToolSpec:
        """The tool as the model sees it."""
        return ToolSpec(self.name, self.description, schema(self.params), self.grammar)

    def parse(self, arguments: str, *, freeform: bool = False) -> BaseModel:
        """Arguments as the tool's parameters. Raises ToolError that names each wrong field."""
        from pydantic import ValidationError  # late: the core reads logs without it

        try:
            if freeform:
                return self.params.model_validate({self.freeform: arguments})
            return self.params.model_validate_json(arguments.strip() or "{}")
        except ValidationError as error:
            raise ToolError(_wrong(self.name, error.errors(), arguments)) from None


def _wrong(name: str, errors: Any, arguments: str) -> str:
    first = errors[0]
    if first["type"] == "json_invalid":
        return (
            f"The arguments of {name} are not valid JSON ({first['ctx']['error']}). "
            f"Send one JSON object. Got: {arguments[:200]}"
        )
    told = [
        f"{'.'.join(str(each) for each in error['loc']) or 'arguments'}: {error['msg']}"
        for error in errors[:5]
    ]
    return f"Wrong arguments for {name}: {'; '.join(told)}."


def schema(params: type[BaseModel]) -> Json:
    """A strict JSON schema: every property required, none added, optional ones nullable."""
    found: Json = _strict(params.model_json_schema())
    return found


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    found = {
        key: _strict(value) if key != "properties" else {k: _strict(v) for k, v in value.items()}
        for key, value in node.items()
        if key not in ("title", "default")
    }
    if found.get("type") == "object" and "properties" in found:
        found["additionalProperties"] = False
        found["required"] = list(found["properties"])
    return found
