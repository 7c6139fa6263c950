"""The numbers that a test runner printed in its summary."""

from __future__ import annotations

import re

from codex_py.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers a runner printed; None where it printed none."""

    passed: int | None = None
    failed: int | None = None
    skipped: int | None = None

    @property
    def known(self) -> bool:
        """Whether the output stated a result."""
        return self.passed is not None or self.failed is not None


_SHAPES = (
    # pytest, and runners that print alike: `2 failed, 3 passed, 1 skipped in 0.1s`
    re.compile(
        r"^=*\s*(?P<all>(?:\d+ (?:passed|failed|errors?|skipped|xfailed|xpassed"
        r"|deselected|warnings?|rerun|subtests passed)(?:, )?)+)(?: in [\d.:]+ ?m?s?.*)?\s*=*$",
        re.M,
    ),
    # jest, vitest: `Tests:  1 failed, 2 passed, 3 total`
    re.compile(
        r"^\s*Tests:?\s+(?P<all>(?:\d+ (?:passed|failed|skipped|todo|total)"
        r"(?:, | \| )?)+)",
        re.M,
    ),
    # cargo: `test result: ok. 3 passed; 0 failed; 0 ignored`
    re.compile(r"^test result: \w+\. (?P<all>\d+ passed; \d+ failed; \d+ ignored)", re.M),
    # mocha: `  3 passing (5ms)` and `  1 failing`
    re.compile(r"^\s+(?P<all>\d+ passing|\d+ failing|\d+ pending)\b", re.M),
    # rspec: `5 examples, 1 failure`; phpunit: `OK (5 tests, 7 assertions)`
    re.compile(r"^(?P<total>\d+) examples?, (?P<bad>\d+) failures?", re.M),
    re.compile(r"^OK \((?P<total>\d+) tests?, \d+ assertions?\)", re.M),
    re.compile(
        r"^Tests: (?P<total>\d+), Assertions: \d+(?:, Errors: (?P<bad2>\d+))?"
        r"(?:, Failures: (?P<bad>\d+))?",
        re.M,
    ),
    # unittest: `Ran 5 tests in 0.1s` and `FAILED (failures=1, errors=2)`
    re.compile(
        r"^Ran (?P<total>\d+) tests? in [\d.]+s\s+(?P<end>OK|FAILED)(?: \((?P<ends>[^)]*)\))?",
        re.M,
    ),
    # maven: `Tests run: 5, Failures: 1, Errors: 0, Skipped: 0`
    re.compile(
        r"Tests run: (?P<total>\d+), Failures: (?P<bad>\d+), Errors: (?P<bad2>\d+)"
        r"(?:, Skipped: (?P<skip>\d+))?"
    ),
    # ctest: `90% tests passed, 1 tests failed out of 10`
    re.compile(r"^\d+% tests passed, (?P<bad>\d+) tests failed out of (?P<total>\d+)", re.M),
    # node: `# pass 3` / `# fail 0`; automake: `# PASS:  38`
    re.compile(r"^[#ℹ] (?P<word>pass|fail|skipped|PASS|FAIL|SKIP):? +(?P<number>\d+)$", re.M),
    # gradle: `88 tests completed, 1 failed`; ExUnit, bats, jasmine: `5 tests, 1 failure`
    re.compile(r"^(?P<total>\d+) tests completed, (?P<bad>\d+) failed", re.M),
    re.compile(
        r"^(?:\d+ doctests?, )?(?P<total>\d+) (?:tests?|specs?), (?P<bad>\d+) failures?"
        r"(?:, (?P<skip>\d+) (?:skipped|excluded))?",
        re.M,
    ),
    # minitest: `12 runs, 30 assertions, 1 failures, 0 errors, 2 skips`
    re.compile(
        r"^(?P<total>\d+) (?:runs|tests), \d+ assertions, (?P<bad>\d+) failures?, "
        r"(?P<bad2>\d+) errors?(?:, (?P<skip>\d+) skips?)?",
        re.M,
    ),
    # nextest: `203 tests run: 203 passed, 4 skipped`
    re.compile(r"\d+ tests? run: (?P<all>(?:\d+ (?:passed|failed|skipped)(?:, )?)+)", re.M),
    # dotnet: `Failed:     0, Passed:   112, Skipped:     0`
    re.compile(
        r"Failed: +(?P<bad>\d+), Passed: +(?P<good>\d+)(?:, Skipped: +(?P<skip>\d+))?", re.M
    ),
    # googletest: `[  PASSED  ] 22 tests.` and `[  FAILED  ] 1 test`
    re.compile(r"^\[ +(?P<word>PASSED|FAILED) +\] (?P<number>\d+) tests?\b", re.M),
    # Catch2: `All tests passed (402 assertions in 27 test cases)`, `test cases: 27 | 1 failed`
    re.compile(r"^All tests passed \(\d+ assertions? in (?P<good>\d+) test cases?\)", re.M),
    re.compile(r"^test cases: +\d+ \| (?P<all>(?:\d+ (?:passed|failed)(?: \| )?)+)", re.M),
    # swift: `Executed 5 tests, with 1 failure`; zig: `All 5 tests passed.`
    re.compile(r"Executed (?P<total>\d+) tests?, with (?P<bad>\d+) failures?", re.M),
    re.compile(r"^All (?P<good>\d+) tests? passed", re.M),
    # deno: `ok | 5 passed | 0 failed`; playwright: `12 passed (3.1s)`
    re.compile(r"^(?:ok|FAILED) \| (?P<all>\d+ passed(?: \(.*?\))? \| \d+ failed)", re.M),
    re.compile(r"^\s*(?P<all>(?:\d+ failed\s+)?\d+ passed) \([\d.]+m?s\)", re.M),
    # zig: `26/26 tests passed`; forge: `31 tests passed, 0 failed`; kaocha: `20 tests, 63
    # assertions, 0 failures.`
    re.compile(r"\b(?P<good>\d+)/\d+ tests? passed", re.M),
    re.compile(r"\b(?P<good>\d+) tests? passed, (?P<bad>\d+) failed", re.M),
    re.compile(r"^(?P<total>\d+) tests, \d+ assertions, (?P<bad>\d+) failures?\.", re.M),
    # sbt: `Tests: succeeded 5, failed 0`; prove: `Files=3, Tests=25, … Result: PASS`
    re.compile(r"Tests: succeeded (?P<good>\d+), failed (?P<bad>\d+)", re.M),
    re.compile(r"^Files=\d+, Tests=(?P<good>\d+),[^\n]*\nResult: PASS", re.M),
)
_WORDS = {
    "passed": re.compile(r"(\d+) (?:passed|passing)"),
    "failed": re.compile(r"(\d+) (?:failed|failing|errors?)\b"),
    "skipped": re.compile(r"(\d+) (?:skipped|ignored|pending|deselected|todo)"),
}
_GO = re.compile(r"^(?:\s*--- (PASS|FAIL):|(ok|FAIL)\s+\S+\s+[\d.(])", re.M)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def counted(output: str) -> Counts:
    """The numbers in a runner's last summary; nothing where there is none."""
    output = _ANSI.sub("", output)
    best: tuple[int, Counts] = (-1, Counts())
    for shape in _SHAPES:
        found = list(shape.finditer(output))
        if found and found[-1].start() > best[0]:
            best = (found[-1].start(), _counts(shape, found))
    if best[0] >= 0:
        return best[1]
    marks = [each[1] or each[2] for each in _GO.finditer(output)]
    if marks:
        return Counts(
            passed=sum(each in ("PASS", "ok") for each in marks),
            failed=sum(each == "FAIL" for each in marks),
        )
    return Counts()


def _counts(shape: re.Pattern[str], found: list[re.Match[str]]) -> Counts:
    names = shape.groupindex
    if "word" in names:
        numbers = {each["word"].lower()[:4]: int(each["number"]) for each in found}
        worse = numbers.get("fail", 0 if "pass" in numbers else None)
        return Counts(numbers.get("pass"), worse, numbers.get("skip"))
    last = found[-1]
    if "all" in names:
        several = shape.pattern.startswith((r"^\s+", "^test result"))
        text = " ".join(each["all"] for each in found) if several else last["all"]
        sums = {key: [int(n) for n in word.findall(text)] for key, word in _WORDS.items()}
        passed, failed = sums["passed"], sums["failed"]
        skipped = sums["skipped"]
        known_failed = sum(failed) if failed else (0 if passed else None)
        return Counts(
            sum(passed) if passed else (0 if failed else None),
            known_failed,
            sum(skipped) if skipped else None,
        )
    if "good" in names:
        return Counts(
            int(last["good"]),
            int(last["bad"]) if "bad" in names else 0,
            int(last["skip"]) if "skip" in names and last["skip"] else None,
        )
    total = int(last["total"])
    bad = sum(int(last[name]) for name in ("bad", "bad2") if name in names and last[name])
    skip = int(last["skip"]) if "skip" in names and last["skip"] else 0
    if "end" in names:
        inside = dict(re.findall(r"(\w[\w ]*)=(\d+)", last["ends"] or ""))
        bad = int(inside.get("failures", 0)) + int(inside.get("errors", 0))
        skip = int(inside.get("skipped", 0))
        bad = bad or (1 if last["end"] == "FAILED" else 0)
    return Counts(total - bad - skip, bad, skip or None)
