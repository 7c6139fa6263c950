"""Floors: what a loop of a few lines pays for the same script, with nothing of ours in it.

`python -I floors.py stdlib|sdk URL` posts, runs what the server asks for with bash, and posts
again until the server asks for nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


def run(calls: list[dict[str, Any]], items: list[dict[str, Any]]) -> None:
    for call in calls:
        items.append(call)
        command = json.loads(call["arguments"])["command"]
        done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
        output = done.stdout[-40_000:].decode("utf-8", "replace")
        items.append({"type": "function_call_output", "call_id": call["call_id"], "output": output})


def calls_in(output: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [item for item in output if item.get("type") == "function_call"]


def stdlib(url: str) -> None:
    import http.client

    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host)
    items: list[dict[str, Any]] = [{"role": "user", "content": "go"}]
    while True:
        body = json.dumps({"model": "m", "stream": True, "input": items})
        connection.request("POST", f"/{path}/responses", body, {"content-type": "application/json"})
        output: list[dict[str, Any]] = []
        for line in connection.getresponse():
            if line.startswith(b"data: {"):
                event = json.loads(line[6:])
                if event["type"] == "response.completed":
                    output = event["response"]["output"]
        calls = calls_in(output)
        if not calls:
            return
        run(calls, items)


def sdk(url: str) -> None:
    import openai

    client = openai.OpenAI(api_key="sk-test", base_url=url, max_retries=0)
    items: list[dict[str, Any]] = [{"role": "user", "content": "go"}]
    while True:
        body = {"model": "m", "stream": True, "input": items}
        stream = client.post(
            "/responses", body=body, cast_to=object, stream=True, stream_cls=openai.Stream[object]
        )
        output: list[dict[str, Any]] = []
        for event in stream:
            if isinstance(event, dict) and event.get("type") == "response.completed":
                output = event["response"]["output"]
        calls = calls_in(output)
        if not calls:
            return
        run(calls, items)


if __name__ == "__main__":
    {"stdlib": stdlib, "sdk": sdk}[sys.argv[1]](sys.argv[2])
