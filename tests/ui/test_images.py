"""Pictures on the command line and from Python: what is sent, and what is refused before that."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from codex_py.agent import Agent, open_agent
from codex_py.core.errors import UsageError
from codex_py.launch import Launch
from codex_py.settings import Settings
from codex_py.ui.exec import nobody
from tests.conftest import Program
from tests.drawn import BLUE, camera, opened, png_claiming, quarters, saved
from tests.server import Server
from tests.turns import call, text

PHOTO = saved(quarters(3_000, 2_000), "JPEG", exif=camera())


def sent(part: dict[str, Any]) -> bytes:
    """The bytes of a picture in a request of either wire."""
    url = part["image_url"]
    url = url["url"] if isinstance(url, dict) else url
    return base64.b64decode(url.partition(";base64,")[2])


def test_exact_bodies_of_both_wires(program: Program, repo: Path) -> None:
    """The picture goes scaled for the model, said to be, kept by its hash, without metadata."""
    (repo / "photo.jpg").write_bytes(PHOTO)
    look = call("view_image", {"path": "photo.jpg", "steps": ["crop 0 0 100 100"]}, id="c1")
    for wire in ("responses", "chat"):
        with Server([look, text("done")]) as server:
            own = f'model_providers.own={{base_url="{server.url}", wire_api="{wire}"}}'
            done = program.run("exec", "-c", own, "-m", "own/gpt-5", "-c", "model_pictures=yes", "-c", "model_context_window=9000",
                               "-i", "photo.jpg", "--", "what is it?")  # fmt: skip
            assert done.code == 0, done.err
            first, second = server.posts()
        field = "input" if wire == "responses" else "messages"
        content = first[field][-1]["content"]
        content = content[-3:]
        kind = "input_text" if wire == "responses" else "text"
        assert content[0] == {"type": kind, "text": "what is it?"}
        assert content[1] == {
            "type": kind,
            "text": "[photo.jpg: 2000 x 3000 pixels, sent as 1365 x 2048]",
        }
        data = sent(content[2])
        assert opened(data).size == (1_365, 2_048)
        assert b"SecretMaker" not in data
        blob = hashlib.sha256(data).hexdigest()
        url = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
        if wire == "responses":
            assert content[2] == {"type": "input_image", "image_url": url, "detail": "auto"}
            result = second["input"][-1]
            assert (result["type"], result["call_id"]) == ("function_call_output", "c1")
            note, image = result["output"]
            assert image["type"] == "input_image"
        else:
            assert content[2] == {"type": "image_url", "image_url": {"url": url}}
            tool, user = second["messages"][-2:]
            assert (tool["role"], tool["tool_call_id"]) == ("tool", "c1")
            note, image = {"text": tool["content"]}, user["content"][1]
            assert user["content"][0] == {"type": "text", "text": "From view_image:"}
        assert note["text"].splitlines() == [
            "photo.jpg: 2000 x 3000 pixels; shown 100 x 100, about 14 tokens, "
            f"kept:{hashlib.sha256(sent(image)).hexdigest()[:8]}; "
            "shows original x 0 to 100, y 0 to 100",
            "crop 0 0 100 100 -> 100 x 100",
        ]
        pixel = opened(sent(image)).convert("RGB").getpixel((50, 50))
        assert isinstance(pixel, tuple) and pixel[2] > 240 > 20 > pixel[0]  # turned: blue is up
        log = program.log()
        part = next(entry for entry in log if entry["kind"] == "user")["parts"][2]
        assert (part["image"], part["width"], part["tokens"]) == (blob, 1_365, 3_728)
        kept = next((program.home / "state" / "sessions").rglob(blob))
        assert kept.read_bytes() == data


BAD: dict[str, tuple[bytes | None, str]] = {
    "gone.png": (None, "no such file"),
    "notes.png": (b"just words\n", "no picture we know"),
    "bomb.png": (png_claiming(60_000, 60_000), "pixels"),
    "huge.png": (png_claiming(10_000, 10_000), "100,000,000 pixels"),
    "cut.png": (saved(quarters())[:-30], "cut off"),
    "really.png": (saved(quarters(), "JPEG"), "named PNG but holds JPEG"),
    "empty.png": (b"", "empty"),
}


@pytest.mark.parametrize("name", [*BAD, "folder.png", "pipe.png", "link.png"])
def test_what_is_no_picture_gets_one_line_and_no_request(
    program: Program, repo: Path, name: str
) -> None:
    data, why = BAD.get(name, (None, ""))
    if data is not None:
        (repo / name).write_bytes(data)
    elif name == "folder.png":
        (repo / name).mkdir()
        why = "it is a folder"
    elif name == "pipe.png":
        os.mkfifo(repo / name)
        why = "is not a regular file"
    elif name == "link.png":
        (repo.parent / "private.png").write_bytes(saved(quarters()))
        (repo / name).symlink_to(repo.parent / "private.png")
        why = "a link that leads out of the workspace"
    with Server([text("never")]) as server:
        done = program.run("exec", "-i", name, "--", "look", url=server.url)
        assert not server.requests
    assert done.code == 2
    assert done.err.startswith(f"codex-py: -i {name}: ") and done.err.count("\n") == 1
    assert why in done.err
    assert not list((program.home / "state").rglob("*.jsonl"))


def test_a_model_without_eyes_is_told_of_before_anything_is_sent(
    program: Program, repo: Path
) -> None:
    (repo / "a.png").write_bytes(saved(quarters()))
    with Server([text("never")]) as server:
        done = program.run("exec", "-m", "o3-mini", "-i", "a.png", "--", "look", url=server.url)
        assert not server.requests
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "codex-py: o3-mini cannot look at pictures: leave them out, or choose a model that can with -m\n"
    )
    assert not list((program.home / "state").rglob("*.jsonl"))


def test_a_picture_may_come_through_a_pipe(program: Program, repo: Path) -> None:
    data = saved(quarters())
    with Server([text("dots")]) as server:
        env = program.env(OPENAI_API_KEY="sk-test-0123456789abcdef", OPENAI_BASE_URL=server.url)
        done = subprocess.run(program.argv("exec", "-i", "-", "--", "look"), cwd=repo, env=env,
                              input=data, capture_output=True, timeout=60)  # fmt: skip
        content = server.posts()[0]["input"][-1]["content"]
    assert done.returncode == 0, done.stderr
    assert opened(sent(content[1])).size == (80, 60)
    assert b"stdin 80 x 60" in done.stderr
    for args in (["-i", "-"], ["-i", "-", "-i", "-", "--", "x"]):
        wrong = subprocess.run(program.argv("exec", *args), cwd=repo, env=env, input=data,
                               capture_output=True, timeout=60)  # fmt: skip
        assert wrong.returncode == 2 and b"one picture from stdin" in wrong.stderr


SCRIPT = [{"text": "one"}, {"text": "two"}]


@pytest.fixture
def agent(tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch) -> Agent:
    script = tmp_path / "script.json"
    script.write_text(json.dumps(SCRIPT))
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = Settings(home=tmp_path / "state", model=f"scripted/{script}")
    return open_agent(settings, Launch(str(repo)), nobody)


def test_python_takes_paths_bytes_and_pil_images(agent: Agent, repo: Path) -> None:
    (repo / "two.pdf").write_bytes(
        saved(
            quarters(100, 80),
            "PDF",
            save_all=True,
            append_images=[Image.new("RGB", (100, 80), BLUE)],
        )
    )
    (repo / "a.png").write_bytes(saved(quarters()))

    async def run() -> None:
        try:
            with pytest.raises(UsageError, match=r"^no\.png: no such file$"):
                await agent.run("look", images=["no.png"])
            assert not any(entry.kind == "user" for entry in agent.session.entries)
            given = [
                "a.png",
                repo / "a.png",
                saved(quarters()),
                quarters().convert("CMYK"),
                "two.pdf#2",
            ]
            await agent.run("look", images=given)
        finally:
            await agent.close()

    asyncio.run(run())
    user = next(entry for entry in agent.session.entries if entry.kind == "user")
    images = [part for part in user.parts if hasattr(part, "blob")]  # type: ignore[attr-defined]
    assert [(part.name, part.width) for part in images[:4]] == [
        ("a.png", 80), ("a.png", 80), ("picture", 80), ("picture", 80),
    ]  # fmt: skip
    assert len({part.blob for part in images[:3]}) == 1  # one content, one file
    pixel = opened(agent.session.blob(images[4].blob)).convert("RGB").getpixel((5, 5))
    assert isinstance(pixel, tuple) and pixel[2] > 240 > 20 > pixel[0]


def test_the_guides_example_runs(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    home = tmp_path / "state"
    home.mkdir()
    (home / "config.toml").write_text(f'model = "scripted/{tmp_path}/script.json"\n')
    monkeypatch.setenv("CODEX_PY_HOME", str(home))
    monkeypatch.chdir(repo)
    (repo / "plot.png").write_bytes(saved(quarters()))
    guide = (Path(__file__).parents[2] / "docs/guide/images.md").read_text("utf-8")
    space: dict[str, Any] = {}
    exec(guide.partition("```python\n")[2].partition("```")[0], space)
    turn = asyncio.run(space["describe"](quarters(40, 30)))
    assert [part.width for part in turn[0].parts[1:]] == [80, 40]
    assert turn[-1].reason == "done"


def test_a_resumed_session_takes_pictures_too(program: Program, repo: Path) -> None:
    (repo / "a.png").write_bytes(saved(quarters()))
    (repo / "b.png").write_bytes(saved(quarters(40, 30)))
    with Server([text("one"), text("two")]) as server:
        assert program.run("exec", "-i", "a.png", "--", "look", url=server.url).code == 0
        done = program.run(
            "exec", "resume", "--last", "-i", "b.png", "--", "and this", url=server.url
        )
        assert done.code == 0, done.err
        asked = server.posts()[-1]["input"]
    sizes = [
        opened(sent(part)).size
        for item in asked
        for part in (item.get("content") or ())
        if part["type"] == "input_image"
    ]
    assert sizes == [(80, 60), (40, 30)]
