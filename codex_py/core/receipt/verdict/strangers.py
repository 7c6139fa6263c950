"""Proper names in a claim that the log knows nothing of: a browser, a device, a tool, a system."""

from __future__ import annotations

import re

from codex_py.core.receipt.message.prose import CODE, Clause
from codex_py.core.receipt.verdict.ledger import Ledger

CAMEL = re.compile(r"\b[A-Za-z]*[a-z][A-Z]\w*\b|\b[A-Z]{2,}[a-z]+\w*\b")
CAPITAL = re.compile(r"(?<=[a-z0-9,] )(?:[A-Z][a-z]{2,}|[A-Z]{3,})\b")
FIRST = re.compile(
    r"^\W*([A-Z][a-z]{2,}|[A-Z]{3,})(?= (?:too|finds?|found|reports?|shows?|says|sees?|builds?"
    r"|compiles|accepts?|accepted|agrees?|confirms?|passes|passed|stays?|has nothing|had nothing"
    r"|complains|raises|gives|now|still|is (?:clean|happy|green|silent|quiet))\b)"
)
LATIN = re.compile(r"[A-Za-z][A-Za-z.+-]{2,}")
PLAIN = frozenset(
    """api apis json yaml toml xml csv html css http https url urls utf ascii sql cli gui tcp udp
    readme todo changelog english chinese everything nothing output build build all both each this
    that these those they it the one two three tests test suite python javascript typescript java
    rust ruby golang php swift kotlin haskell elixir scala perl january february march april may
    june july august september october november december monday tuesday wednesday thursday friday
    saturday sunday bug fix bugs fixes note also pass fail ok error errors warning warnings result
    results summary code file files function class method flag option head main master git diff
    log logs crash crashes race races leak leaks lint type types check checks path paths key keys
    bash shell yes not and with eof nan null none true false crud dom cpu gpu ram ids uuid user
    users data date time page pages app apps web server client schema index job jobs cache token
    tokens config script scripts query queries exit status""".split()
)
ALIKE = {
    "postgres": "psql|pg_|postgres", "postgresql": "psql|pg_|postgres", "kubernetes": "kubectl|k8s",
    "macos": "darwin|macos", "chrome": "chrom|puppeteer|playwright", "chromium": "chrom|playwright",
    "firefox": "firefox|gecko|playwright", "safari": "safari|webkit", "redis": "redis",
    "mongodb": "mongo", "sqlite": "sqlite", "addresssanitizer": "asan|sanitize=address",
    "asan": "asan|sanitize=|b-san", "tsan": "tsan|sanitize=thread", "ubsan": "ubsan|undefined",
    "junit": "mvn|gradle|junit", "phpunit": "phpunit|composer|artisan", "rspec": "rspec",
    "eslint": "eslint|lint", "clippy": "clippy", "github": "github|gh |git ", "mypy": "mypy",
    "jest": "jest|npm t|npm run test|yarn test|pnpm test", "vitest": "vitest|npm|pnpm|yarn",
    "valgrind": "valgrind", "dependabot": "audit|dependabot", "linux": "",
    "exunit": "mix test", "platformio": "pio", "minitest": "rake|rails|ruby",
    "docker": "docker|podman", "ripgrep": r"\brg |ripgrep",
}  # fmt: skip


def strangers(clause: Clause, ledger: Ledger) -> list[str]:
    """The names that nothing run, read, written or printed has to do with."""
    text = CODE.sub(lambda found: "`" * len(found[0]), clause.text)
    if clause.language.name == "zh":
        found = [each[0] for each in LATIN.finditer(text)]
    else:
        found = [each[0] for each in (*CAMEL.finditer(text), *CAPITAL.finditer(text))]
        found += [each[1] for each in FIRST.finditer(text)]
    known = ledger.everything
    return [
        name
        for name in dict.fromkeys(found)
        if name.casefold() not in PLAIN
        and not re.match("SIG[A-Z]{3,5}$", name)
        and not _known(name.casefold().strip(".-+"), known)
    ]


def _known(name: str, known: str) -> bool:
    if name in ALIKE:
        return not ALIKE[name] or re.search(ALIKE[name], known) is not None
    stem = re.sub(r"(?:ing|ed|es|s)$", "", name)
    return stem[:6] in known
