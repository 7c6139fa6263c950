"""Keys: kept privately, used, and never seen again, whoever tries to make us show them."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import stat
import textwrap
from pathlib import Path

import pytest

from codex_py.effects import Effects
from codex_py.host import open_host
from codex_py.host.confine import Ground
from codex_py.redact import Redactor
from tests.conftest import Done, Program
from tests.server import Server
from tests.turns import call, refuse, text

KEY = "sk-kept-0123456789abcdefghijKLMNOP"
OTHER = "hk-house-9876543210zyxwvutsrq"


def nowhere(program: Program, *keys: str) -> None:
    """No key is in any file of the home folder but auth.json, nor in the workspace."""
    for folder in (program.home, program.cwd):
        for path in folder.rglob("*"):
            if path.is_file() and path.name != "auth.json":
                data = path.read_bytes()
                for key in keys:
                    assert key.encode() not in data, path


def login(program: Program, key: str, *args: str) -> Done:
    return program.run("login", *args, stdin=f"{key}\n")


def test_a_key_is_kept_used_told_of_and_forgotten(program: Program) -> None:
    assert program.run("login", "status").code == 1
    done = login(program, KEY)
    path = program.home / "state" / "auth.json"
    assert done.code == 0 and str(path) in done.out and KEY not in done.out + done.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    told = program.run("login", "status")
    assert told.code == 0 and re.search(r"openai\s+auth.json", told.out) and KEY not in told.out
    with Server([text("hi")]) as server:
        done = program.run("exec", "go", env={"OPENAI_BASE_URL": server.url})
        assert done.code == 0, done.err
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
        done = program.run("exec", "go", url=server.url)
        assert server.requests[1].headers["authorization"] != f"Bearer {KEY}"
    nowhere(program, KEY)
    assert program.run("logout").code == 0
    assert KEY not in path.read_text()
    assert program.run("logout").code == 2
    assert program.run("login", "status").code == 1


def test_a_server_of_the_users_own_can_have_a_kept_key(program: Program) -> None:
    state = program.home / "state"
    state.mkdir()
    with Server([text("hi")]) as server:
        (state / "config.toml").write_text(
            f'[model_providers.house]\nbase_url = "{server.url}"\nwire_api = "chat"\n'
        )
        assert login(program, OTHER, "house").code == 0
        assert program.run("exec", "-m", "house/big", "go").code == 0
        assert server.requests[0].headers["authorization"] == f"Bearer {OTHER}"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_refused(program: Program, mode: int) -> None:
    login(program, KEY)
    path = program.home / "state" / "auth.json"
    path.chmod(mode)
    for args in (("exec", "go"), ("login", "status"), ("login",)):
        done = program.run(*args, stdin="" if args == ("exec", "go") else "sk-new-123456789\n")
        assert done.code == 2 and "chmod 600" in done.err and KEY not in done.err


def test_links_and_broken_files_are_refused(program: Program, tmp_path: Path) -> None:
    state = program.home / "state"
    state.mkdir()
    target = tmp_path / "elsewhere.json"
    target.write_text('{"version": 1, "keys": {"openai": {"key": "sk-12345678"}}}')
    target.chmod(0o600)
    (state / "auth.json").symlink_to(target)
    assert program.run("login", "status").code == 2
    (state / "auth.json").unlink()
    for text_ in ("{", '{"keys": 3}', '{"keys": {"a": "b"}}', "[]"):
        path = state / "auth.json"
        path.write_text(text_)
        path.chmod(0o600)
        done = program.run("login", "status")
        assert done.code == 2 and "remove it" in done.err


@pytest.mark.parametrize("args", [("openai", KEY), (KEY,), (f"--key={KEY}",), ("--key", KEY)])
def test_a_key_given_as_an_argument_is_not_said_again(
    program: Program, args: tuple[str, ...]
) -> None:
    for verb in ("login", "logout"):
        done = program.run(verb, *args, stdin="x")
        assert done.code == 2 and KEY not in done.out + done.err


@pytest.mark.parametrize("key", ["", "two words", "sk-\x1b[31m", "sk-ümlaut"])
def test_what_is_no_key_is_refused(program: Program, key: str) -> None:
    done = login(program, key)
    assert done.code == 2 and not (program.home / "state" / "auth.json").exists()


def test_the_keyring_is_used_when_asked_for(program: Program, tmp_path: Path) -> None:
    """A stand-in for the keyring package: the real one needs a desktop."""
    package = tmp_path / "lib" / "keyring"
    package.mkdir(parents=True)
    (package / "errors.py").write_text("")
    (package / "__init__.py").write_text(
        textwrap.dedent(
            f"""\
            import json, pathlib
            FILE = pathlib.Path({str(tmp_path / "ring.json")!r})
            def _all(): return json.loads(FILE.read_text()) if FILE.exists() else {{}}
            def get_password(service, name): return _all().get(f"{{service}}/{{name}}")
            def set_password(service, name, key):
                FILE.write_text(json.dumps({{**_all(), f"{{service}}/{{name}}": key}}))
            def delete_password(service, name):
                FILE.write_text(json.dumps({{}}))
            """
        )
    )
    path = os.pathsep.join(filter(None, (str(tmp_path / "lib"), os.environ.get("PYTHONPATH"))))
    env = {"PYTHONPATH": path}
    done = program.run("login", "--keyring", stdin=KEY, env=env)
    assert done.code == 0, done.err
    assert KEY not in (program.home / "state" / "auth.json").read_text()
    with Server([text("hi")]) as server:
        done = program.run("exec", "go", env={"OPENAI_BASE_URL": server.url, **env})
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert "keyring" in program.run("login", "status", env=env).out
    assert program.run("logout", env=env).code == 0
    assert KEY not in (tmp_path / "ring.json").read_text()


def test_without_the_keyring_package_one_line_says_how_to_get_it(program: Program) -> None:
    done = login(program, KEY, "--keyring")
    assert done.code == 2 and "codex-py[keyring]" in done.err
    assert not (program.home / "state" / "auth.json").exists()


def test_a_command_that_prints_the_key_shows_it_to_nobody(program: Program, repo: Path) -> None:
    """The key lies in a file of the workspace: read plainly, encoded, in a flood, and edited."""
    key = "sk-test-0123456789abcdef"
    (repo / "env.sh").write_text(f"export KEY={key}\n")
    (repo / "b64").write_bytes(base64.b64encode(f"Bearer {key}".encode()))
    flood = "for i in $(seq 20000); do echo line $i of the output; done; cat env.sh; seq 9; printf sk-test-0123; sleep 0.3; echo 456789abcdef"
    turns = [
        [call("shell", {"command": "cat env.sh; cat b64; env"})],
        [call("read_file", {"path": "env.sh"}), call("search", {"pattern": "sk-"})],
        [call("shell", {"command": flood})],
        [call("shell", {"command": f"echo {key} > copy; cat copy"})],
        text(f"The key is {key}."),
    ]
    with Server(turns) as server:
        done = program.run("exec", "--json", "--full-auto", f"use {key}", url=server.url)
        assert done.code == 0, done.err
        sent = json.dumps(server.posts())
    assert key not in sent and "[redacted]" in sent
    assert base64.b64encode(key.encode()).decode()[4:16] not in sent
    assert key not in done.out + done.err and "0123456789abcdef" not in done.out
    for path in (program.home / "state" / "sessions").rglob("*"):
        if path.is_file():
            assert b"0123456789abcdef" not in path.read_bytes(), path
    spilled = list((program.home / "state").rglob("*.txt"))
    assert any(b"[redacted]" in each.read_bytes() for each in spilled)


def test_an_approved_command_sees_no_variable_that_holds_a_key(program: Program) -> None:
    more = {"BACKUP": "Bearer sk-test-0123456789abcdef", "PLAIN": "seen", "HOUSE_KEY": OTHER}
    state = program.home / "state"
    state.mkdir()
    (state / "config.toml").write_text(
        '[model_providers.house]\nbase_url = "http://127.0.0.1:9/v1"\nenv_key = "HOUSE_KEY"\n'
    )
    turns = [call("shell", {"command": "env"}), text("ok")]
    with Server(turns) as server:
        done = program.run("exec", "--full-auto", "go", url=server.url, env=more)
        said = json.dumps(server.posts()[1])
    assert done.code == 0
    for word in ("BACKUP", "HOUSE_KEY", "OPENAI_API_KEY", "sk-test"):
        assert word not in said
    nowhere(program, OTHER, "sk-test-0123456789abcdef")


def test_errors_prompts_and_crashes_hold_no_key(program: Program, repo: Path) -> None:
    key = "sk-test-0123456789abcdef"
    echo = refuse(401, f"Incorrect API key provided: {key}", code="invalid_api_key")
    with Server([echo, echo]) as server:
        for args in (("exec", "go"), ("exec", "--json", "go")):
            done = program.run(*args, url=server.url)
            assert done.code == 1 and key not in done.out + done.err
        shown = program.run(
            "debug", "prompt", "-c", f"developer_instructions={key}", f"say {key}", url=server.url
        )
        assert shown.code == 0 and key not in shown.out and "[redacted]" in shown.out
        wrong = program.run("exec", "-c", f"approval_mode={key}", "go", url=server.url)
        assert wrong.code == 2 and key not in wrong.err
        wrong = program.run("exec", "-i", f"{key}.png", "go", url=server.url)
        assert wrong.code == 2 and key not in wrong.err
    crash = (
        "import codex_py.ui.start as start, codex_py.cli as cli, os, sys\n"
        "def boom(args): raise RuntimeError('got ' + os.environ['OPENAI_API_KEY'])\n"
        "start.one_shot = boom\nsys.exit(cli.main(['exec', 'go']))"
    )
    import subprocess
    import sys

    done_ = subprocess.run(
        [sys.executable, "-c", crash],
        cwd=repo,
        env=program.env(OPENAI_API_KEY=key),
        capture_output=True,
        text=True,
    )
    assert done_.returncode == 1 and "RuntimeError: got [redacted]" in done_.stderr
    assert key not in done_.stderr
    nowhere(program, key)


def test_private_headers_of_the_users_own_server_are_secrets_too(program: Program) -> None:
    state = program.home / "state"
    state.mkdir()
    with Server(
        [call("shell", {"command": f"echo {OTHER} abcdefgh-from-env"}), text("ok")]
    ) as server:
        (state / "config.toml").write_text(
            f'[model_providers.house]\nbase_url = "{server.url}"\nwire_api = "chat"\n'
            f'http_headers = {{ "X-Auth" = "Custom {OTHER}" }}\n'
            'env_http_headers = { "X-Token" = "FROM_ENV", "X-None" = "NOT_SET" }\n'
            'query_params = { "api-version" = "2025-01-01" }\n'
        )
        env = {"FROM_ENV": "abcdefgh-from-env"}
        done = program.run("exec", "--full-auto", "-m", "house/m", "go", env=env)
        assert done.code == 0, done.err
        first = server.requests[0]
        assert first.headers["x-auth"] == f"Custom {OTHER}"
        assert first.headers["x-token"] == "abcdefgh-from-env" and "x-none" not in first.headers
        assert first.path.endswith("/chat/completions?api-version=2025-01-01")
        sent = json.dumps(server.posts())
    assert OTHER not in sent and "abcdefgh-from-env" not in sent
    assert OTHER not in json.dumps(program.log())


def test_a_command_run_as_the_user_would_sees_no_key_either(tmp_path: Path) -> None:
    key = "sk-test-0123456789abcdef"
    environ = {
        "PATH": os.environ["PATH"],
        "OPENAI_API_KEY": key,
        "BACKUP": f"Bearer {key}",
        "ENCODED": base64.b64encode(f"x{key}".encode()).decode(),
        "PLAIN": "seen",
    }
    ground = Ground(str(tmp_path), (str(tmp_path),), own=str(tmp_path / "own"))
    host = open_host(ground, environ, timeout=20)
    try:
        kept = host.without_keys(frozenset({"OPENAI_API_KEY"}), Redactor([key]))
        shown: list[str] = []
        allowed = kept.under(Effects(command="env", cwd=str(tmp_path)))
        with open(os.devnull, "wb") as spill:
            running = allowed.run("env", str(tmp_path), 20, shown.append, lambda: ("", spill))
            ran = asyncio.run(running)
    finally:
        host.close()
    assert "PLAIN=seen" in ran.head
    for word in ("OPENAI_API_KEY", "BACKUP", "ENCODED", key):
        assert word not in ran.head + "".join(shown)


def test_an_older_log_that_holds_a_key_is_not_sent_with_it(program: Program) -> None:
    """The key was no key of ours when the session ran: it was logged, and is a key now."""
    with Server([[call("shell", {"command": f"echo {OTHER}"})], text("ok"), text("ok")]) as server:
        first = program.run("exec", "--full-auto", "go", url=server.url)
        assert first.code == 0 and OTHER in json.dumps(program.log())
        env = {"HOUSE_TOKEN": OTHER}
        again = program.run("exec", "resume", "--last", "on", url=server.url, env=env)
        assert again.code == 0, again.err
        assert OTHER in json.dumps(server.posts()[1]) and OTHER not in json.dumps(server.posts()[2])
    for verb in ("show", "export"):
        name = program.log()[0]["session"]
        assert OTHER in program.run("sessions", verb, name).out
        told = program.run("sessions", verb, name, env=env)
        assert told.code == 0 and OTHER not in told.out and "[redacted]" in told.out
