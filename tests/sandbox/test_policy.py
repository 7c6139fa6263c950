"""Policies are data: they travel as JSON unchanged and refuse what makes no sense."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_py_sandbox import EnvRules, Limits, Policy, PolicyError

names = st.text("abcdef é漢-_.", min_size=1, max_size=8).filter(lambda s: s not in (".", ".."))
paths = st.lists(names, min_size=1, max_size=4).map(lambda parts: Path("/", *parts))
policies = st.builds(
    Policy,
    mode=st.sampled_from(["read-only", "workspace-write", "unrestricted"]),
    roots=st.lists(paths, min_size=1, max_size=3).map(tuple),
    git=st.sampled_from(["commit", "read-only"]),
    protect=st.lists(names, max_size=3).map(tuple),
    deny_read=st.lists(paths, max_size=3).map(tuple),
    network=st.sampled_from(["on", "off"]),
    env=st.builds(
        EnvRules,
        keep=st.lists(names, max_size=2).map(tuple),
        set=st.lists(st.tuples(names, st.text(max_size=5)), max_size=2).map(tuple),
    ),
    limits=st.builds(Limits, wall_s=st.none() | st.floats(0.1, 1e6), procs=st.integers(1, 9999)),
)


@given(policies)
def test_a_policy_survives_the_way_through_json(policy: Policy) -> None:
    assert Policy.from_json(policy.to_json()) == policy


@given(st.text() | st.binary())
def test_any_text_is_a_policy_or_refused_in_words(text: str | bytes) -> None:
    try:
        Policy.from_json(text)
    except PolicyError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"mode": "free"}', "read-only, workspace-write"),
        ('{"mode": "workspace-write"}', "at least one root"),
        ('{"roots": ["relative"]}', "absolute"),
        ('{"roots": ["/a/../etc"]}', "without '..'"),
        ('{"rots": ["/a"]}', "unknown policy field 'rots'"),
        ('{"roots": "/a"}', "list of strings"),
        ('{"roots": ["/a"], "protect": [".."]}', "cannot be protected"),
        ('{"roots": ["/a"], "limits": {"procs": -1}}', "above zero"),
        ('{"roots": ["/a"], "limits": {"ram": 1}}', "unknown limit 'ram'"),
        ('{"roots": ["/a"], "limits": {"procs": true}}', "must be a number"),
        ('{"roots": ["/a"], "secrets": 0}', "true or false"),
        ("[]", "JSON object"),
    ],
)
def test_a_wrong_policy_says_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says.replace("(", r"\(")):
        Policy.from_json(text)
