"""`exec --output-schema`: the final message is JSON of the schema, or the run says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Program
from tests.server import Server
from tests.turns import call, refuse, text

SCHEMA = {
    "type": "object",
    "properties": {"sum": {"type": "integer"}, "why": {"type": "string"}},
    "required": ["sum", "why"],
    "additionalProperties": False,
}
GOOD = '{"sum": 3, "why": "1 + 2"}'


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(SCHEMA))
    return path


def wired(server: Server, wire: str) -> list[str]:
    """The options that choose a server of the user's own on a wire."""
    house = f"model_providers.house={{base_url='{server.url}', wire_api='{wire}'}}"
    return ["exec", "--skip-git-repo-check", "-m", "house/some-model", "-c", house]


def asked_for(body: Any, wire: str) -> Any:
    found = body["text"]["format"] if wire == "responses" else body["response_format"]
    return found if wire == "responses" else {"type": found["type"], **found["json_schema"]}


@pytest.mark.parametrize("wire", ["responses", "chat"])
def test_the_final_message_is_of_the_schema(program: Program, schema: Path, wire: str) -> None:
    with Server([[call("list_files")], text(GOOD)]) as server:
        done = program.run(*wired(server, wire), "--output-schema", str(schema), "add up")
        posts = server.posts()
    assert (done.code, json.loads(done.out)) == (0, {"sum": 3, "why": "1 + 2"})
    assert [asked_for(body, wire) for body in posts] == [
        {"type": "json_schema", "name": "final_message", "schema": SCHEMA, "strict": True}
    ] * 2


@pytest.mark.parametrize("wire", ["responses", "chat"])
def test_a_model_that_strays_is_told_what_is_wrong(
    program: Program, schema: Path, wire: str
) -> None:
    with Server([text("Three."), text('{"sum": "3"}'), text(GOOD)]) as server:
        done = program.run(*wired(server, wire), "--json", "--output-schema", str(schema), "add up")
        last = json.dumps(server.posts()[-1])
    assert done.code == 0
    assert "it is not JSON" in last and "'why' is a required property" in last
    kinds = [event["type"] for event in done.events]
    assert kinds.count("turn.started") == 1 and kinds[-1] == "turn.completed"


def test_a_model_that_cannot_ends_the_run_with_the_reason(program: Program, schema: Path) -> None:
    with Server([text('{"sum": 1.5, "why": ""}')] * 3) as server:
        done = program.run(*wired(server, "responses"), "--output-schema", str(schema), "add up")
        assert len(server.posts()) == 3
    assert (done.code, done.out) == (1, "")
    assert (
        "not of the schema that was asked for: at $.sum: 1.5 is not of type 'integer'" in done.err
    )


def test_a_server_that_takes_no_schema_is_told_it_in_words(program: Program, schema: Path) -> None:
    turns = [refuse(400, "response_format is not supported with tools"), text(GOOD)]
    with Server(turns) as server:
        done = program.run(*wired(server, "chat"), "--output-schema", str(schema), "add up")
        first, second = server.posts()
    assert done.code == 0
    assert "response_format" in first and "response_format" not in second
    assert json.dumps(SCHEMA, separators=(",", ":")) in second["messages"][0]["content"]


def test_an_open_schema_is_checked_by_us_and_not_called_strict(
    program: Program, tmp_path: Path
) -> None:
    path = tmp_path / "open.json"
    path.write_text(
        '{"type": "array", "items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"minimum": 2}}}'
    )
    with Server([text("[2, 1]"), text("[2, 3]")]) as server:
        done = program.run(*wired(server, "responses"), "--output-schema", str(path), "add up")
        told, again = server.posts()
    assert (done.code, done.out) == (0, "[2, 3]\n")
    assert told["text"]["format"]["type"] == "json_schema"
    assert told["text"]["format"]["strict"] is True
    assert "at $[1]: 1 is less than the minimum of 2" in json.dumps(again)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "Expecting value"),
        ("[]", "a schema is a JSON object"),
        ('{"type": "thing"}', "at $.type: 'thing' is not valid"),
        ('{"$ref": "http://198.51.100.1/x"}', "only references within it are followed"),
    ],
)
def test_a_schema_that_is_none_is_refused_before_anything_is_sent(
    program: Program, tmp_path: Path, words: str, told: str
) -> None:
    path = tmp_path / "schema.json"
    path.write_text(words)
    with Server([text("x")]) as server:
        done = program.run("exec", "--output-schema", str(path), "go", url=server.url)
        assert server.requests == []
    assert done.code == 2 and f"--output-schema {path}: " in done.err and told in done.err
    assert len(done.err.splitlines()) == 1
    missing = program.run("exec", "--output-schema", "nowhere.json", "go", url="http://127.0.0.1:1")
    assert missing.code == 2 and "nowhere.json: No such file" in missing.err
