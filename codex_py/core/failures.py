"""Pure: what failed in a test run, as a signature that is the same while nothing gets better."""

from __future__ import annotations

import re

from codex_py.core.entries import ToolCall, ToolResult, words
from codex_py.dataclass import dataclass

NAMES = tuple(
    re.compile(each, re.MULTILINE)
    for each in (
        r"^(?:FAILED|ERROR) (\S+::\S+|\S+\.py)\b",  # pytest
        r"^(?:FAIL|ERROR): (.+)$",  # unittest
        r"^\s*--- FAIL: (\S+)",  # go test
        r"^test (\S+) \.\.\. FAILED",  # cargo test
        r"^\s*● (.+ › .+)$",  # jest
        r"^\s*(?:FAIL|×|✗|✕)\s{1,2}(\S.*)$",  # vitest, mocha
        r"^not ok \d+ -? ?(.+)$",  # TAP
    )
)
"""How test runners name what failed."""
ERRORS = tuple(
    re.compile(each, re.MULTILINE)
    for each in (
        r"^E\s{2,}(\S.*)$",  # pytest
        r"^((?:\w+\.)*\w*(?:Error|Exception|Failure|Interrupt)\b.*)$",  # Python's last line
        r"^\s*(?:error(?:\[\w+\])?|Error|AssertionError): (.+)$",  # rustc, tsc, Node
        r"panicked at (.+)$",
        r"^\s+\S+\.go:\d+: (.+)$",
    )
)
COUNTS = re.compile(
    r"\b(\d+) (?:tests? )?(passed|failed|failures?|errors?|ok|skipped|pending)\b"
    r"|\bRan (\d+) tests?\b",
    re.IGNORECASE,
)
"""A different count is progress, or the opposite: not the same failure."""
RUNS = re.compile(
    r"\b(?:pytest|py\.test|unittest|nosetests|tox|nox|rspec|phpunit|ctest|jest|vitest|mocha|ava)\b"
    r"|\b(?:go|cargo|mix|dotnet|swift|zig|bun|deno|npm|pnpm|yarn|gradle|mvn|make|meson|bazel)\b"
    r"[^;|&]*\b(?:tests?|check)\b"
    r"|\bpython[\d.]*\s+(?:\S*/)?\w*tests?\w*\.py\b|\btest\w*\.(?:sh|js|ts|rb)\b"
)
"""Command lines that run tests."""
NOISE = (
    (re.compile(r"0x[0-9a-fA-F]+"), "0x"),
    (re.compile(r"\b(?:line|row|col(?:umn)?) \d+"), "line"),
    (re.compile(r":\d+(?::\d+)?(?=[:\s)\]]|$)"), ""),
    (re.compile(r"\b(?:in )?\d+(?:\.\d+)?\s?(?:ms|s|sec|seconds)\b"), ""),
    (re.compile(r"(?:/private)?/(?:tmp|var/folders)/\S+"), "/tmp"),
)
"""What differs from run to run although nothing changed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failing test run: equal ones are the same failure."""

    names: tuple[str, ...]
    errors: tuple[str, ...]
    counts: tuple[str, ...]

    @property
    def spoken(self) -> str:
        """In a few words."""
        name = self.names[0] if self.names else "the tests"
        more = f" and {len(self.names) - 1} more" if len(self.names) > 1 else ""
        return f"{name}{more}" + (f" ({self.errors[-1][:160]})" if self.errors else "")


def ran_tests(call: ToolCall, result: ToolResult) -> bool:
    """Whether a call was a command that runs tests."""
    return bool(RUNS.search(str(result.data.get("command", ""))[:4_000])) and call.name == "shell"


def failure(result: ToolResult) -> Failure | None:
    """What failed in a test run; None when nothing did, or when it does not say what."""
    text = words(result.parts)[-40_000:]
    names = tuple(sorted({_plain(each) for rule in NAMES for each in rule.findall(text)}))
    errors = tuple(dict.fromkeys(_plain(each) for rule in ERRORS for each in rule.findall(text)))
    code = result.data.get("exit_code")
    if not names and not (errors and code not in (0, None)):
        return None
    counts = tuple("".join(each).lower() for each in COUNTS.findall(text))
    return Failure(names[:50], errors[:20], counts)


def _plain(line: str) -> str:
    for rule, put in NOISE:
        line = rule.sub(put, line)
    return " ".join(line.split())[:300]
