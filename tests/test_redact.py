"""Secrets are taken out by value, in every form and wherever the pieces of a stream are cut."""

from __future__ import annotations

import base64
import json
import random
import re
import subprocess
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codex_py.redact import MARK, NO_SECRETS, Redactor

KEY = "sk-proj-Ab3+/d9_xYz" + "Q7wErTy0" * 12
SHORT = "gsk_4f9aZ81kLm"
ODD = 'p"a\\ss/wö'.replace("ö", "o") + "word&1=2"
REDACTOR = Redactor((KEY, SHORT, ODD, "tiny", "ollama", ""))


def wrapped(text: str, width: int, end: str = "\n") -> str:
    return end.join(text[at : at + width] for at in range(0, len(text), width))


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "header": lambda key: f"Authorization: Bearer {key}",
    "url": lambda key: f"https://x/?key={quote(key, safe='')}&b=1",
    "path": lambda key: quote(key),
    "lower-case url": lambda key: re.sub("%..", lambda one: one[0].lower(), quote(key, safe="")),
    "json": lambda key: json.dumps({"key": key}),
    "json in json": lambda key: json.dumps(json.dumps({"key": key})),
    "base64": b64,
    "base64 of a header": lambda key: b64(f"Bearer {key}"),
    "base64 of name and key": lambda key: b64(f"ann:{key}\n"),
    "base64 after one byte": lambda key: b64(f":{key}"),
    "base64 as wrapped by base64(1)": lambda key: wrapped(b64(f"x{key}"), 76),
    "base64 as wrapped by a mail program": lambda key: wrapped(b64(f"xy{key}"), 64, "\r\n"),
    "base64 wrapped, in a log line": lambda key: json.dumps(wrapped(b64(key), 76)),
    "url-safe base64": lambda key: base64.urlsafe_b64encode(key.encode()).decode().rstrip("="),
    "hex": lambda key: key.encode().hex(),
    "HEX wrapped by xxd -p": lambda key: wrapped(key.encode().hex(), 60),
    "upper-case hex": lambda key: key.encode().hex().upper(),
}


@pytest.mark.parametrize("key", [KEY, SHORT, ODD])
@pytest.mark.parametrize("form", FORMS)
def test_no_form_of_a_secret_is_left(form: str, key: str) -> None:
    told = FORMS[form](key)
    for text in (told, f"before {told} after {told}\n"):
        clean = REDACTOR.text(text)
        assert MARK in clean
        assert REDACTOR.data(text.encode()) == clean.encode()
        left = clean.replace("\r", "").replace("\n", "").replace("\\r", "").replace("\\n", "")
        whole = told.replace("\r", "").replace("\n", "").replace("\\r", "").replace("\\n", "")
        middle = whole[len(whole) // 2 - 6 : len(whole) // 2 + 6]
        assert middle not in left and key not in left


def test_the_real_tools_give_nothing_away() -> None:
    for command in ("base64", "base64 -w0", "xxd -p", "od -An -vtx1 | tr -d ' \\n'", "cat"):
        done = subprocess.run(
            ["bash", "-c", command], input=f"Bearer {KEY}", capture_output=True, text=True
        )
        if done.returncode == 127:
            continue
        assert MARK in REDACTOR.text(done.stdout), command


def test_what_holds_no_secret_comes_back_as_it_is() -> None:
    data = {"a": ["text", 1, None, {"b": "tiny ollama"}], "c": True}
    assert REDACTOR.json(data) is data
    text = "sk-proj-Ab3 tiny " + "Q7wErTy0" * 3
    assert REDACTOR.text(text) is text and not REDACTOR.holds(text)
    assert REDACTOR.data(b"\xff\xfe\x00") == b"\xff\xfe\x00"
    assert not Redactor(NO_SECRETS) and not Redactor(("ollama", "sk-1"))
    nothing = Redactor()
    assert nothing.text(KEY) is KEY and nothing.stream()(b"x") == b"x"


def test_json_data_is_cleaned_in_keys_and_depth() -> None:
    found = REDACTOR.json({"a": [{KEY: [f"x{KEY}"]}], "b": 1})
    assert found == {"a": [{MARK: [f"x{MARK}"]}], "b": 1}


def test_the_longer_of_two_secrets_goes_first() -> None:
    pair = Redactor(("abcdefgh1", "abcdefgh1-and-more"))
    assert pair.text("abcdefgh1-and-more abcdefgh1") == f"{MARK} {MARK}"


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from([*FORMS, "s", "sk-proj-", "\n", "tail sk-", "ü", KEY[:40], KEY[40:]]),
        min_size=1,
        max_size=6,
    ),
    st.lists(st.integers(1, 60), min_size=1, max_size=40),
    st.sampled_from([KEY, SHORT]),
)
def test_pieces_of_a_stream_are_as_clean_as_the_whole(
    parts: list[str], cuts: list[int], key: str
) -> None:
    whole = " ".join(FORMS[each](key) if each in FORMS else each for each in parts).encode()
    feed, out, at = REDACTOR.stream(), b"", 0
    for place in range(len(whole)):
        size = cuts[place % len(cuts)]
        if at >= len(whole):
            break
        piece = feed(whole[at : at + size])
        out, at = out + piece, at + size
        assert not REDACTOR.holds(out.decode("utf-8", "replace"))
    out += feed(b"", last=True)
    assert out == REDACTOR.data(whole)


def test_only_what_may_begin_a_secret_is_held_back() -> None:
    feed = REDACTOR.stream()
    assert feed(b"Continue? [y/N] ") == b"Continue? [y/N] "
    assert feed(b"abc sk-pr") == b"abc "
    assert feed(b"int") == b"sk-print"
    assert feed(KEY[:30].encode()) == b""
    assert feed(KEY[30:].encode() + b"!") == f"{MARK}!".encode()
    assert feed(b"end s") == b"end "
    assert feed(b"", last=True) == b"s"


def cost(size: int) -> float:
    """Processor seconds of a stream of so many bytes."""
    line = random.Random(1).randbytes(60_000).hex().encode()
    feed, began = REDACTOR.stream(), time.process_time()
    for _ in range(size // len(line)):
        feed(line)
    return time.process_time() - began


def test_a_long_stream_costs_by_its_length() -> None:
    small, large = min(cost(2_000_000) for _ in range(3)), cost(16_000_000)
    assert large < 8 * small * 4
