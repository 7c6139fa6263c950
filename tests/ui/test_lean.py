"""The first request is small, and says where its tokens go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Program

MOST = 4_000
"""Tokens of instructions and tools together."""
DENSE = 3
"""Bytes a token at worst: JSON schemas have 3.2 to 4.5 in today's vocabularies, prose more."""


def size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


@pytest.mark.parametrize("model", ["gpt-5.2", "o4-mini", "o3-mini", "groq/some-model"])
def test_instructions_and_tools_are_at_most_4000_tokens(program: Program, model: str) -> None:
    keys = {"OPENAI_API_KEY": "sk-test-0123456789", "GROQ_API_KEY": "gsk-test-0123456789"}
    env = {
        **keys,
        "GROQ_BASE": "",
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }
    done = program.run("debug", "prompt", "-m", model, "hi", env=env)
    assert done.code == 0, done.err
    body = json.loads(done.out)
    told = body.get("instructions") or body["messages"][0]["content"]
    assert len(body["tools"]) >= 7 and len(told) > 1_000
    assert (size(told) + size(body["tools"])) / DENSE <= MOST


def test_the_report_adds_up_and_names_every_part(program: Program, repo: Path) -> None:
    (repo / "AGENTS.md").write_text("Be brief.\n" * 40)
    env = {"OPENAI_API_KEY": "sk-test-0123456789"}
    done = program.run("debug", "prompt", "--tokens", "--json", "what is this?", env=env)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert set(found["tools"]) >= {"read_file", "apply_patch", "shell", "update_plan"}
    assert found["fixed"] == found["instructions"] + sum(found["tools"].values())
    assert found["total"] == found["fixed"] + sum(found["shown"].values())
    assert 100 <= found["shown"][str(repo / "AGENTS.md")] < 150
    assert found["shown"]["your prompt"] == 4
    body = json.loads(program.run("debug", "prompt", "what is this?", env=env).out)
    assert abs(found["total"] - size(body) / 4) < 200
    shown = program.run("debug", "prompt", "--tokens", "what is this?", env=env).out
    for word in ("tool shell", "instructions and tools", "AGENTS.md", "in all"):
        assert word in shown
    assert f"{found['total']:,}" in shown.splitlines()[-1]
