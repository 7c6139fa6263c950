"""The parts of the interactive session that need no terminal."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import subprocess
import sys
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_py.core.entries import Usage
from codex_py.core.policy import Policy, decide
from codex_py.effects import Effects
from codex_py.lines import read_pieces
from codex_py.settings import THEMES
from codex_py.ui.render import THEMES as drawn_themes
from codex_py.ui.tui import commands as slash
from codex_py.ui.tui import keys
from codex_py.ui.tui.draft import Draft, cleaned
from codex_py.ui.tui.files import by_git
from codex_py.ui.tui.fuzzy import best, narrowed, score
from codex_py.ui.tui.history import ProjectHistory
from codex_py.ui.tui.menu import at_word, commands
from codex_py.ui.tui.prefix import prefix_of
from codex_py.ui.tui.question import Answer, Question
from codex_py.ui.tui.saved import save_mode, save_trust, trust_of
from codex_py.ui.tui.secrets import secret
from codex_py.ui.tui.status import Facts, line
from codex_py.ui.tui.talk import Talk

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\x90wS\xde\0\0\0\0IEND\xaeB`\x82"


@pytest.mark.parametrize(
    ("command", "prefix"),
    [
        ("git commit -m hi", "git commit"),
        ("git commit -m hi && echo done", "git commit"),
        ("npm run build --silent", "npm run build"),
        ("pytest -q tests", "pytest"),
        ("make test", "make"),
        ("python3 x.py", ""),
        ("python3.11 x.py", ""),
        ("/usr/bin/python x.py", ""),
        ("sudo make install", ""),
        ("env A=1 make", ""),
        ("FOO=1 make", ""),
        ("rm -r build", ""),
        ("bash -c 'make'", "make"),
        ("bash script", ""),
        ("terraform -chdir=x apply", ""),
        ("git push", ""),
        ("git -c core.pager=x commit", ""),
        ("uv run python x.py", ""),
        ("npx exec thing", "npx exec thing"),
        ("make > out", ""),
        ("make $(cat x)", ""),
        ("make && cargo build", ""),
        ("make & rm x", ""),
        ("make; f() { rm x; }; f", ""),
        ("make \x01", ""),
        ("git rebase main", ""),
        ("git fetch", ""),
        ("npx bash", ""),
        ("uvx python3.12", ""),
        ("uv run /usr/bin/python3 x.py", ""),
        ("flock lockfile make", ""),
    ],
)
def test_a_prefix_is_program_and_subcommand_and_never_runs_anything_else(
    command: str, prefix: str, tmp_path: Path
) -> None:
    assert prefix_of(read_pieces(command, str(tmp_path))) == prefix


def test_a_remembered_prefix_frees_that_command_and_no_other(tmp_path: Path) -> None:
    cwd = str(tmp_path)
    prefix = prefix_of(read_pieces("git commit -m one", cwd))
    policy = Policy("suggest", (cwd,), granted=frozenset({f"command: {prefix}"}))
    for command, verdict in [
        ("git commit -m two", "allow"),
        ("git commit-tree x", "ask"),
        ("git commit -m x; touch y", "ask"),
        ("git commit -m x & touch y", "ask"),
        ("git commit; f() { touch y; }; f", "ask"),
        ("git commit; ((a = 1)); touch y", "ask"),
        ("git commit -m 'x", "ask"),
        ("git commit -m \x01; touch y", "ask"),
        (f"git commit -m x; touch y #{'x' * 10_000}", "ask"),
    ]:
        found = decide(policy, Effects(command=command, cwd=cwd), read_pieces)
        assert (command, found.verdict) == (command, verdict)


SECRETS = [
    "use sk-proj-abcdefghijklmnop1234",
    "export GITHUB_TOKEN=abcd1234",
    "password: hunter22",
    "curl -H 'Authorization: Bearer abcdefghijklmnop'",
    "https://me:pass@example.com/x",
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    "AKIAIOSFODNN7EXAMPLE",
    "set it to Zx81kQp0vLm3Tt92hWs7YbNc4",
]
PLAIN = [
    "fix the token parser in src/lexer.py",
    "why does 5d41402abc4b2a76b9719d911017c592ab12cd34 fail to apply?",
    "make the password field wider",
    "rename getUserAuthenticationTokenFromRequestHeaders",
    "see codex_py/ui/tui/session.py and tests/ui/tui/test_pieces.py",
]


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_never_reaches_the_history_file(text: str, tmp_path: Path) -> None:
    history = ProjectHistory(tmp_path, "/p")
    history.store_string("before")
    history.store_string(text)
    assert secret(text)
    assert list(ProjectHistory(tmp_path, "/p").load_history_strings()) == ["before"]
    assert text.split()[-1] not in history.path.read_text()


@pytest.mark.parametrize("text", PLAIN)
def test_ordinary_words_are_kept(text: str, tmp_path: Path) -> None:
    ProjectHistory(tmp_path, "/p").store_string(text)
    assert list(ProjectHistory(tmp_path, "/p").load_history_strings()) == [text]


def test_history_is_private_per_project_newest_first_and_bounded(tmp_path: Path) -> None:
    history = ProjectHistory(tmp_path, "/p")
    for number in range(1_300):
        history.store_string(f"message {number}\nsecond line")
    history.store_string(" begins with a space")
    kept = list(ProjectHistory(tmp_path, "/p").load_history_strings())
    assert kept[:2] == ["message 1299\nsecond line", "message 1298\nsecond line"]
    assert len(kept) <= 1_000
    assert history.path.stat().st_mode & 0o777 == 0o600
    assert list(ProjectHistory(tmp_path, "/other").load_history_strings()) == []


@given(st.text(max_size=12), st.lists(st.text(min_size=1, max_size=20), max_size=20))
def test_what_fits_survives_narrowing_and_nothing_else(query: str, names: list[str]) -> None:
    asked = query.lower()
    kept = narrowed(asked, names)
    assert kept == [name for name in names if score(asked, name.lower()) is not None or not asked]


def test_the_best_file_is_the_one_that_a_person_means() -> None:
    names = ["docs/session.md", "codex_py/core/session.py", "tests/core/test_session.py", "se/s.py"]
    assert best("session.py", names, 4)[0] == "codex_py/core/session.py"
    assert best("tsess", names, 4)[0] == "tests/core/test_session.py"
    assert best("xyz", names, 4) == []


def test_only_a_word_after_a_space_is_a_file_mention() -> None:
    assert at_word("see @src/ma") == (4, "src/ma")
    assert at_word("@") == (0, "")
    assert at_word("me@example") is None
    assert at_word("@done now") is None


def test_a_typo_still_shows_what_was_meant() -> None:
    about = {"model": "", "mode": "", "compact": "", "quit": ""}
    assert [each.label for each in commands("/mdl", about)] == ["/model"]
    assert [each.label for each in commands("/zzz", about)] == []


def test_a_long_paste_is_folded_expanded_when_sent_and_deleted_as_one() -> None:
    draft = Draft()
    text = "\n".join(f"line {number}" for number in range(42))
    token = draft.paste(text)
    assert token == "[Pasted text #1 +42 lines]"
    assert draft.token_before(f"see {token}") == token
    assert draft.token_before("see [a list]") == ""
    assert draft.message(f"see {token} please", "/").text == f"see {text} please"
    assert draft.paste("short") == "short"


def test_a_paste_that_quotes_a_token_is_not_expanded_twice() -> None:
    draft = Draft()
    first = draft.paste("x" * 1_500)
    second = draft.paste(f"{first}\n" + "y" * 1_500)
    assert draft.message(second, "/").text == f"{first}\n" + "y" * 1_500


@given(st.text())
def test_no_control_character_is_pasted(text: str) -> None:
    found = cleaned(text + "\x1b[31mred\x1b]0;title\x07\r\nend")
    assert found.endswith("red\nend")
    assert not any(each < " " and each not in "\n\t" for each in found)


def test_a_dropped_picture_becomes_a_token_and_is_sent(tmp_path: Path) -> None:
    (tmp_path / "my shot.png").write_bytes(PNG)
    (tmp_path / "no.png").write_text("not a picture")
    draft = Draft()
    assert draft.dropped("my\\ shot.png", str(tmp_path)) == "[Image #1]"
    assert draft.dropped(f"file://{tmp_path}/my%20shot.png", str(tmp_path)) == "[Image #2]"
    assert draft.dropped("no.png", str(tmp_path)) == ""
    assert draft.dropped("plain words", str(tmp_path)) == ""
    message = draft.message("look [Image #1]", str(tmp_path))
    assert [data for _, data in message.images] == [PNG]


def test_a_picture_that_is_not_taken_is_said(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "private.png").write_bytes(PNG)
    (work / "link.png").symlink_to(tmp_path / "private.png")
    (work / "no.png").write_text("words")
    (work / "a.png").write_bytes(PNG)
    os.mkfifo(work / "pipe.gif")
    draft = Draft()
    message = draft.message("see @no.png link.png 'pipe.gif' gone.png @a.png", str(work))
    assert [name for name, _ in message.images] == ["a.png"]
    assert [each.partition(": ")[0] for each in draft.wrong] == ["no.png", "link.png", "pipe.gif"]
    assert "no picture we know" in draft.wrong[0]
    assert "leads out of the workspace" in draft.wrong[1]
    assert "not a regular file" in draft.wrong[2]
    (work / "logo.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")
    assert draft.message("change logo.svg and @logo.svg", str(work)).images == ()
    assert draft.dropped("logo.svg", str(work)) == "[Image #2]"


def test_trust_is_kept_per_repository_and_leaves_the_config_as_it_was(tmp_path: Path) -> None:
    home, outer = tmp_path / "home", tmp_path / 'outer "x"'
    inner = outer / "vendor"
    for folder in (home, outer, inner):
        folder.mkdir()
        if folder != home:
            subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    (home / "config.toml").write_text('# mine\nmodel = "o3"\n[tui]\nx = 1\n')
    save_mode(home, "auto-edit")
    save_trust(home, str(outer), "trusted")
    (outer / "sub").mkdir()
    assert trust_of(home, str(outer / "sub")) == "trusted"
    assert trust_of(home, str(inner)) == ""
    text = (home / "config.toml").read_text()
    assert "# mine" in text
    found = tomllib.loads(text)
    assert (found["model"], found["approval_mode"], found["tui"]) == ("o3", "auto-edit", {"x": 1})


def test_listing_files_runs_no_program_of_the_repository(repo: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
    hook.chmod(0o755)
    subprocess.run(["git", "config", "core.fsmonitor", str(hook)], cwd=repo, check=True)
    (repo / ".gitignore").write_text("*.log\n")
    (repo / "deep").mkdir()
    (repo / "deep" / "new.py").write_text("")
    (repo / "out.log").write_text("")
    found = by_git(str(repo))
    assert found is not None
    assert set(found) == {"hello.py", ".gitignore", "deep/new.py", "deep/"}
    assert not ran.exists()


@pytest.mark.parametrize("typing", [True, False])
def test_a_question_that_comes_while_someone_types_does_not_take_their_letters(
    typing: bool,
) -> None:
    async def asked() -> tuple[bool, bool]:
        talk = Talk(lambda: None)
        talk.typed_at = time.monotonic() if typing else 0.0
        choosing = asyncio.create_task(talk.choose("Allow?", [Answer("yes", "Yes", "y")]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert talk.question is not None
        taken = talk.key("y")
        await asyncio.sleep(0)
        answered = talk.question is None or talk.question.answered.done()
        choosing.cancel()
        return taken, answered

    assert asyncio.run(asked()) == (not typing, not typing)


@pytest.mark.parametrize("width", [20, 40, 60, 100, 200])
def test_the_status_line_fits_and_always_tells_the_mode(width: int) -> None:
    facts = Facts(
        model="gpt-5-with-a-long-name high",
        mode="full-auto",
        confinement="namespaces",
        cwd="/home/someone/projects/deep/inside/a/folder",
        branch="feature/branch",
        used=150_000,
        window=200_000,
        usage=Usage(input=1_000_000, output=50_000),
        money="$1.20",
        queued=3,
    )
    shown = "".join(text for _, text in line(facts, width, "·"))
    assert len(shown) <= width
    assert "full-auto" in shown
    early = "".join(text for _, text in line(replace(facts, confinement=None), width, "·"))
    assert "full-auto" in early and "confine" not in early


def test_every_command_and_key_stands_for_a_function_that_exists() -> None:
    named = [each.does for each in slash.COMMANDS]
    source = Path(keys.__file__).read_text("utf-8")
    named += re.findall(r'acts\.do\("([a-z_.]+)"\)', source)
    assert len(named) > len(slash.COMMANDS) + 2
    for each in named:
        words = list(inspect.signature(slash.find(each)).parameters)
        assert len(words) == 2, each


def test_the_prompt_is_drawn_before_the_log_and_the_drawing_are_loaded() -> None:
    code = "import sys\nimport codex_py.ui.tui.session\nprint('\\n'.join(sys.modules))"
    run = [sys.executable, "-c", code]
    loaded = set(subprocess.run(run, capture_output=True, text=True, check=True).stdout.split())
    heavy = {"rich", "pydantic", "openai", "git", "codex_py.core.entries", "codex_py.agent"}
    assert not loaded & heavy
    assert not any(name.startswith("codex_py.ui.render") for name in loaded)


def test_the_themes_that_can_be_set_are_those_that_can_be_drawn() -> None:
    assert tuple(drawn_themes) == THEMES


@pytest.mark.parametrize("typed", ['look at @"my shot.png" now', "'my shot.png'", "see @shot.png,"])
def test_a_picture_is_found_whether_or_not_its_path_is_quoted(tmp_path: Path, typed: str) -> None:
    for name in ("my shot.png", "shot.png"):
        (tmp_path / name).write_bytes(PNG)
    found = Draft().message(typed, str(tmp_path)).images
    assert len(found) == 1


def test_what_would_be_allowed_is_shown_whole_in_a_narrow_window() -> None:
    async def shown() -> str:
        label = "Yes, and don't ask again for `git commit …` in this session"
        question = Question("Allow this?", [Answer("yes", "Yes"), Answer("always", label, "a")])
        return "".join(text for _, text in question.fragments(40, True))

    found = asyncio.run(shown())
    assert all(len(line) < 40 for line in found.split("\n"))
    assert "don't ask again for `git commit …` in this session (a)" in " ".join(found.split())
