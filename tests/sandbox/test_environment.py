"""What of the parent's environment a command may see."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_py_sandbox import EnvRules, Policy, envscrub
from codex_py_sandbox.envscrub import scrub

ROOT = Path("/srv/project")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_API_KEY", "x"),
        ("openai_api_key", "x"),
        ("MY_SECRET", "x"),
        ("GITHUB_TOKEN", "x"),
        ("DB_PASSWORD", "x"),
        ("AWS_PROFILE", "x"),
        ("DATABASE_URL", "x"),
        ("SSH_AUTH_SOCK", "/run/x"),
        ("DOCKER_HOST", "tcp://x"),
        ("PLAIN", "sk-abcdefghijklmnopqrstuvwx"),
        ("PLAIN", "postgres://user:word@host/db"),
        ("PLAIN", "ghp_abcdefghijklmnopqrstuvwxyz0123"),
        ("BASH_FUNC_ls%%", "() { evil; }"),
        ("LD_PRELOAD", "/x.so"),
        ("https_proxy", "http://proxy"),
    ],
)
def test_keys_tokens_and_sockets_do_not_get_in(name: str, value: str) -> None:
    kept, dropped = scrub({name: value, "PATH": "/bin"}, Policy(roots=(ROOT,)))
    assert name not in kept
    assert dropped == (name,)
    assert kept["PATH"] == "/bin"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATH", "/bin"),
        ("LANG", "C"),
        ("GIT_AUTHOR_NAME", "A"),
        ("CC", "gcc"),
        ("PIP_INDEX_URL", "http://a/b"),
    ],
)
def test_ordinary_variables_do(name: str, value: str) -> None:
    kept, dropped = scrub({name: value}, Policy(roots=(ROOT,)))
    assert kept[name] == value
    assert dropped == ()


def test_a_person_can_keep_drop_and_set() -> None:
    rules = EnvRules(keep=("TEST_*",), drop=("LANG",), set=(("MORE", "1"),))
    kept, dropped = scrub({"TEST_KEY": "1", "LANG": "C"}, Policy(roots=(ROOT,), env=rules))
    assert kept["TEST_KEY"] == "1"
    assert kept["MORE"] == "1"
    assert dropped == ("LANG",)


@pytest.mark.parametrize("name", ["ACME_SIGNING", "DEPLOY_PIN", "MYVAR", "URL"])
def test_names_that_nobody_listed_are_not_seen_unless_asked_for(name: str) -> None:
    policy = Policy(roots=(Path("/w"),), env=EnvRules(listed=True))
    assert name not in scrub({name: "hunter2"}, policy)[0]
    asked = policy.with_(env=EnvRules(keep=(name,), listed=True))
    assert scrub({name: "hunter2"}, asked)[0][name] == "hunter2"


LISTS = envscrub.ALLOWED + envscrub.HARMLESS + envscrub.SECRET_NAMES + envscrub.OUTSIDE_NAMES


@given(name=st.text("AB_", max_size=8), glob=st.text("AB_*", max_size=6))
def test_names_fit_globs_as_the_standard_library_says(name: str, glob: str) -> None:
    assert envscrub._fits(name, (glob,)) is fnmatchcase(name, glob)


def test_the_lists_hold_no_sign_but_stars() -> None:
    assert not [each for each in LISTS if set(each) & set("?[]")]
