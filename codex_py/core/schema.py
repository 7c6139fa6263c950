"""Pure: whether a model's last words are JSON of the schema that was asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from codex_py.core.entries import Assistant, Entry, Json, User, words
from codex_py.core.errors import ModelError

REMINDERS = 2
"""Times in a turn that a model is told what is wrong with its answer."""
LEAD = "Your final message is not what was asked for: "


def read(text: str) -> Json:
    """The schema in a text. Raises ValueError that says what is wrong with it."""
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("a schema is a JSON object")
    for place in _references(found):
        if not place.startswith("#"):
            raise ValueError(f"it refers to {place!r}: only references within it are followed")
    exceptions, validator = _validator(found)
    try:
        validator.check_schema(found)
    except exceptions.SchemaError as error:
        raise ValueError(f"no JSON schema: at {error.json_path}: {_short(error.message)}") from None
    return found


def strict(schema: Any) -> bool:
    """Whether every object in a schema is closed and needs all its properties.

    Only such schemas can be enforced by a provider while the model writes.
    """
    if isinstance(schema, list):
        return all(strict(each) for each in schema)
    if not isinstance(schema, dict):
        return True
    names = schema.get("properties")
    if schema.get("type") == "object" or isinstance(names, dict):
        needed = schema.get("required")
        needed = needed if isinstance(needed, list) else []
        if schema.get("additionalProperties") is not False or set(names or ()) - set(needed):
            return False
    return all(strict(each) for each in schema.values())


def flaw(text: str, schema: Json) -> str:
    """Why a text is not JSON of the schema; empty when it is."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"it is not JSON ({_short(str(error))})" if text.strip() else "it is empty"
    from referencing import exceptions as referencing  # late: with the validator

    exceptions, validator = _validator(schema)
    try:
        worst = exceptions.best_match(validator.iter_errors(found))
    except (RecursionError, referencing.Unresolvable) as error:
        return f"it cannot be checked: {_short(str(error))}"
    return f"at {worst.json_path}: {_short(worst.message)}" if worst is not None else ""


def insisting(
    text: str, first: Callable[[Sequence[Entry]], str]
) -> Callable[[Sequence[Entry]], str]:
    """A nudge that holds a model to the schema in `text`, once `first` has no more to say.

    It tells the model what is wrong, twice at most; then the turn ends with ModelError.
    """
    schema = json.loads(text)

    def nudge(turn: Sequence[Entry]) -> str:
        other = first(turn)
        if other:
            return other
        said = (each for each in reversed(turn) if isinstance(each, Assistant))
        wrong = flaw(next((each.text for each in said if not each.partial), ""), schema)
        if not wrong:
            return ""
        told = [words(each.parts) for each in turn if isinstance(each, User)]
        if sum(each.startswith(LEAD) for each in told) >= REMINDERS:
            reason = f"the final message is not of the schema that was asked for: {wrong}"
            raise ModelError(reason, fault="protocol")
        return (
            f"{LEAD}{wrong}. Send it again as one JSON value of this schema and nothing else, "
            f"no words around it and no code fence:\n{text}"
        )

    return nudge


def _validator(schema: Json) -> tuple[Any, Any]:
    import jsonschema_specifications  # late: only runs with a schema need it, and it takes 170 ms
    from jsonschema import exceptions, validators

    kind = validators.validator_for(schema, default=validators.Draft202012Validator)
    return exceptions, kind(schema, registry=jsonschema_specifications.REGISTRY)


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            yield from _references(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from _references(each)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 300 else flat[:299] + "…"
