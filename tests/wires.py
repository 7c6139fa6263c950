"""Turn script items into the events of the Responses wire and the chunks of the Chat wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.turns import USAGE, Item

Json = dict[str, Any]


def status_of(items: list[Item]) -> Json:
    """The last word on each setting of a turn: usage, style, model."""
    found: Json = {"usage": USAGE, "style": [], "pace": 0}
    for item in items:
        found |= {key: item[key] for key in ("usage", "style", "model", "pace") if key in item}
    return found


def responses_item(item: Item, number: str) -> Json | None:
    """A script item as an output item of the Responses API."""
    if "text" in item:
        part = {"type": "output_text", "text": item["text"], "annotations": []}
        base: Json = {"type": "message", "id": f"msg_{number}", "status": "completed"}
        return {**base, "role": "assistant", "content": [part]}
    if "reasoning" in item:
        summary = [{"type": "summary_text", "text": item["reasoning"]}] if item["reasoning"] else []
        base = {"type": "reasoning", "id": f"rs_{number}", "summary": summary}
        return {**base, "encrypted_content": item.get("encrypted", "c2VjcmV0")}
    if "call" in item:
        base = {"type": "function_call", "id": f"fc_{number}", "status": "completed"}
        ids = {"call_id": item.get("id", f"call_{number}")}
        return {**base, **ids, "name": item["call"], "arguments": arguments_of(item)}
    if "custom" in item:
        base = {"type": "custom_tool_call", "id": f"ct_{number}", "status": "completed"}
        ids = {"call_id": item.get("id", f"call_{number}")}
        return {**base, **ids, "name": item["custom"], "input": item["input"]}
    return None


def arguments_of(item: Item) -> str:
    """The arguments of a call as text; scripts may give an object."""
    given = item.get("arguments", "{}")
    return given if isinstance(given, str) else json.dumps(given)


def open_events(out: Json, place: int, pieces: int) -> list[Json]:
    """The events that open an output item and stream its content."""
    kind, item_id = out["type"], out["id"]
    at = {"item_id": item_id, "output_index": place}
    empty: Json = {"message": {"content": []}, "function_call": {"arguments": ""}}
    empty |= {"custom_tool_call": {"input": ""}, "reasoning": {"summary": []}}
    shell = {**out, "status": "in_progress", **empty[kind]}
    found = [{"type": "response.output_item.added", "output_index": place, "item": shell}]
    if kind == "message":
        part = {"type": "output_text", "text": "", "annotations": []}
        at |= {"content_index": 0}
        found.append({"type": "response.content_part.added", **at, "part": part})
        name, whole = "response.output_text", out["content"][0]["text"]
    elif kind == "reasoning":
        at |= {"summary_index": 0}
        name = "response.reasoning_summary_text"
        whole = out["summary"][0]["text"] if out["summary"] else ""
        part = {"type": "summary_text", "text": ""}
        found.append({"type": "response.reasoning_summary_part.added", **at, "part": part})
    elif kind == "function_call":
        name, whole = "response.function_call_arguments", out["arguments"]
    else:
        name, whole = "response.custom_tool_call_input", out["input"]
    found += [{"type": f"{name}.delta", **at, "delta": each} for each in split(whole, pieces)]
    last = {"function_call": "arguments", "custom_tool_call": "input"}.get(kind, "text")
    found.append({"type": f"{name}.done", **at, last: whole})
    return found


def split(whole: str, pieces: int) -> list[str]:
    """A text in about so many equal pieces."""
    size = max(1, -(-len(whole) // max(1, pieces)))
    return [whole[at : at + size] for at in range(0, len(whole), size)]


def responses_open(number: int, model: str) -> list[Json]:
    """The first events of a response."""
    base = {"id": f"resp_{number}", "object": "response", "model": model, "output": []}
    return [
        {"type": "response.created", "response": {**base, "status": "in_progress"}},
        {"type": "response.in_progress", "response": {**base, "status": "in_progress"}},
    ]


def responses_end(number: int, model: str, output: list[Json], told: Json) -> Json:
    """`response.completed` with the whole output and usage."""
    used = told["usage"]
    return {
        "type": "response.completed",
        "response": {
            "id": f"resp_{number}",
            "object": "response",
            "status": "completed",
            "model": model,
            "output": [] if "hollow" in told["style"] else output,
            "usage": {
                "input_tokens": used["input"],
                "input_tokens_details": {"cached_tokens": used["cached"]},
                "output_tokens": used["output"],
                "output_tokens_details": {"reasoning_tokens": used["reasoning"]},
                "total_tokens": used["input"] + used["output"],
            },
        },
    }


def bare(event: Json) -> Json | None:
    """An event as llama.cpp sends it: no indexes or numbers, no `done` of arguments."""
    if event["type"].endswith(("arguments.done", "input.done")):
        return None
    leave = ("output_index", "content_index", "summary_index", "sequence_number")
    return {key: value for key, value in event.items() if key not in leave}


def chat_chunks(items: list[Item], number: int, model: str, told: Json) -> list[Json]:
    """A turn as chat.completion.chunk objects, in the shape OpenAI sends."""
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    calls = 0
    for place, item in enumerate(items):
        if "text" in item:
            deltas += [{"content": each} for each in split(item["text"], item.get("pieces", 2))]
        elif "reasoning" in item:
            deltas += [{"reasoning_content": each} for each in split(item["reasoning"], 2)]
        elif "call" in item or "custom" in item:
            name = item.get("call") or item["custom"]
            given = arguments_of(item) if "call" in item else json.dumps({"input": item["input"]})
            ids = {"id": item.get("id", f"call_{number}_{place}"), "type": "function"}
            head = {"index": calls, **ids, "function": {"name": name, "arguments": ""}}
            deltas.append({"tool_calls": [head]})
            deltas += [
                {"tool_calls": [{"index": calls, "function": {"arguments": each}}]}
                for each in split(given, 2)
            ]
            calls += 1
    found = [chat_chunk(number, model, each) for each in deltas]
    return [*found, chat_chunk(number, model, {}, "tool_calls" if calls else "stop")]


def chat_chunk(number: int, model: str, delta: Json, finish: str | None = None) -> Json:
    """One chunk of the Chat wire."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": model,
        "choices": [choice],
    }


def chat_usage(number: int, model: str, used: Json) -> Json:
    """The chunk with no choices that closes a stream asked to include usage."""
    return {
        **chat_chunk(number, model, {}),
        "choices": [],
        "usage": {
            "prompt_tokens": used["input"],
            "completion_tokens": used["output"],
            "total_tokens": used["input"] + used["output"],
            "prompt_tokens_details": {"cached_tokens": used["cached"]},
            "completion_tokens_details": {"reasoning_tokens": used["reasoning"]},
        },
    }


def responses(items: list[Item], n: int, told: Json, _asked: Json) -> Iterator[Json]:
    """The events of a turn on the Responses wire; faults and gates stay items."""
    numbered = _responses_events(items, n, told)
    for number, event in enumerate(numbered):
        plain = event.keys() & {"gate", "fault", "verbatim"}
        if "bare" in told["style"] and not plain:
            kept = bare(event)
            if kept is not None:
                yield kept
        else:
            yield event if plain else {**event, "sequence_number": number}


def _responses_events(items: list[Item], n: int, told: Json) -> Iterator[Json]:
    output: list[Json] = []
    waiting: list[Json] = []
    verbatim = any("raw" in item for item in items)
    if not verbatim:
        yield from responses_open(n, told["model"])
    for item in items:
        if "raw" in item:
            yield from (e if isinstance(e, dict) else {"verbatim": e} for e in item["raw"])
        elif "gate" in item:
            yield item
        elif "fault" in item:
            yield from waiting
            yield _responses_fault(item, n, told, output)
            return
        elif (out := responses_item(item, f"{n}_{len(output)}")) is not None:
            place = len(output)
            output.append(out)
            if "lump" in told["style"]:
                continue
            yield from open_events(out, place, item.get("pieces", 2))
            done = {"type": "response.output_item.done", "output_index": place, "item": out}
            if "late" in told["style"]:
                waiting.insert(0, done)
            else:
                yield done
    yield from waiting
    if not verbatim:
        yield responses_end(n, told["model"], output, told)


def _responses_fault(item: Item, n: int, told: Json, output: list[Json]) -> Json:
    name = item["fault"]
    end = responses_end(n, told["model"], output, told)["response"]
    if name == "failed":
        error = {"code": item["code"], "message": item["message"]}
        base = {**end, "status": "failed", "error": error}
        return {"type": "response.failed", "response": base}
    if name == "error":
        facts = {"code": item["code"], "message": item["message"], "param": None}
        return {"type": "error", **facts}
    if name == "incomplete":
        base = {**end, "status": "incomplete", "incomplete_details": {"reason": item["reason"]}}
        return {"type": "response.incomplete", "response": base}
    return item


def chat(items: list[Item], n: int, told: Json, asked: Json) -> Iterator[Json]:
    """The chunks of a turn on the Chat wire; faults and gates stay items."""
    until = next((at for at, item in enumerate(items) if item.keys() & {"fault", "gate"}), None)
    shown = [each for each in items[:until] if "raw" not in each]
    chunks = chat_chunks(shown, n, told["model"], told)
    given = [event for item in items if "raw" in item for event in item["raw"]]
    if given:
        yield from (e if isinstance(e, dict) else {"verbatim": e} for e in given)
        if not any("[DONE]" in each for each in given if isinstance(each, str)):
            yield {"verbatim": "[DONE]"}
        return
    if until is None:
        yield from chunks
    else:
        yield from chunks[:-1]
        item = items[until]
        if "gate" in item:
            yield item
            yield from chat_chunks(items[until + 1 :], n, told["model"], told)[1:]
        elif item["fault"] in ("failed", "error"):
            yield {"error": {"message": item["message"], "code": item["code"], "type": "error"}}
            return
        elif item["fault"] == "incomplete":
            reason = {"max_output_tokens": "length"}.get(item["reason"], item["reason"])
            yield chat_chunk(n, told["model"], {}, reason)
        else:
            yield item
            return
    if (asked.get("stream_options") or {}).get("include_usage"):
        yield chat_usage(n, told["model"], told["usage"])
    yield {"verbatim": "[DONE]"}
