"""Which runs are test runs, how much of the suite they cover, and what came out."""

from __future__ import annotations

import re
from typing import Literal

from codex_py.core.receipt.log.counted import Counts, counted
from codex_py.core.receipt.log.runs import AROUND, Code, Run, inside, runs
from codex_py.dataclass import dataclass

Outcome = Literal["passed", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Tests:
    """One test run: the runner, whether it took the whole suite, and its result.

    Counts are None where the output does not state them.
    """

    runner: str
    whole: bool
    """Nothing narrowed the run: no file, no name, no marker."""
    selected: tuple[str, ...] = ()
    """What narrowed it, as spelled."""
    outcome: Outcome = "unknown"
    code: Code = "own"
    """Whether the exit code of the command was the runner's."""
    passed: int | None = None
    failed: int | None = None
    skipped: int | None = None


def test_runs(command: str, exit_code: int | None, output: str) -> tuple[Tests, ...]:
    """The test runs in a command line, judged by exit code where it speaks, else by output.

    `exit_code` is None for a command that was killed or timed out.
    """
    found: list[Tests] = []
    for each in runs(command):
        known = recognised(each)
        if known is not None:
            runner, selected = known
            found.append(Tests(runner, not selected, selected, code=each.code))
    counts = counted(output)
    if not found and counts.known:
        found = [made for each in runs(command) if (made := _by_output(each)) is not None][-1:]
    if not found:
        return ()
    last = len(found) - 1
    return tuple(
        _judged(each, exit_code, counts if place == last else Counts(), output)
        for place, each in enumerate(found)
    )


_TELLERS = re.compile(
    r"(?:python|pypy|node|ruby|perl|php|lua)[\d.]*$|(?:ba|z|da|k)?sh$|(?:g|m|n)?awk$|git$|gh$|curl$"
    r"|wget$|jq$|(?:b|z|less|more|rip)?(?:cat|grep|rg|head|tail|less|more)$|sed$|echo$|printf$|ls$"
    r"|find$|tee$|true$|false$|:$|test$|cp$|mv$|rm$|mkdir$|touch$|kill$|sleep$|sort$|uniq$|cut$|tr$|wc$|cd$|diff$|journalctl$|kubectl$|aws$|strings$|xargs$"
)
"""Programs that print what they are given, or what stands somewhere: no test runners."""


def _by_output(run: Run) -> Tests | None:
    """A runner by another name, known by the summary it printed: a built test program, a script."""
    if not run.argv or _TELLERS.match(run.name) or set(run.argv[1:]) & _LOOKS:
        return None
    selected = tuple(word for word in run.argv[1:] if re.search(r"filter|\[\w|::|^-[kgRt]$", word))
    return Tests(run.name, not selected, selected, code=run.code)


def _judged(tests: Tests, exit_code: int | None, counts: Counts, output: str) -> Tests:
    outcome: Outcome = "unknown"
    if tests.code == "own" and exit_code is not None:
        outcome = "passed" if exit_code == 0 else "failed"
    elif tests.code == "success" and exit_code == 0:
        outcome = "passed"
    elif counts.known:
        outcome = "failed" if counts.failed else "passed"
    if outcome == "passed" and counts.failed:
        outcome = "failed"
    if outcome == "passed" and _nothing_ran(output, counts):
        outcome = "unknown"
    return Tests(
        tests.runner,
        tests.whole,
        tests.selected,
        outcome,
        tests.code,
        counts.passed,
        counts.failed,
        counts.skipped,
    )


_NOTHING = re.compile(
    r"Nothing to be done for|is up to date|no tests? to run|no tests ran|collected 0 items"
    r"|Ran 0 tests|no test files|No tests? (?:found|executed)"
    r"|0 passing|running 0 tests",
    re.IGNORECASE,
)


def _nothing_ran(output: str, counts: Counts) -> bool:
    return not counts.passed and bool(_NOTHING.search(output))


_PYTHON = re.compile(r"(?:python|pypy)[\d.]*$")
_SCRIPT = re.compile(
    r"(?:^|/)(?:run[-_]?tests?|tests?|check[-_]?tests?|runtests)(?:\.(?:sh|py|js|rb|bash))?$"
)
_ONE_SCRIPT = re.compile(
    r"(?:^|/)(?:test_[\w-]+|[\w-]+_test|[\w-]+\.(?:test|spec))\.(?:py|js|mjs|ts|rb|sh)$"
)
_LOOKS = frozenset(
    """--version -V --help -h --collect-only --co --fixtures --markers --list --list-tests
    --setup-plan --showConfig --dry-run -n --no-run --passWithNoTests""".split()
) - {"-n", "--passWithNoTests"}
_TARGETS = re.compile(r"(?:^|[:_-])(?:tests?|check|spec)(?:$|[:_.-])")


def recognised(run: Run) -> tuple[str, tuple[str, ...]] | None:
    """The runner's name and what narrows the run; None for what runs no tests."""
    argv = run.argv
    if not argv or set(argv[1:]) & _LOOKS:
        return None
    name = run.name
    if name in AROUND:
        return next((made for made in map(recognised, inside(run)) if made), None)
    if _PYTHON.match(name):
        return _python(argv[1:])
    if name == "php" and argv[1:3] == ("artisan", "test"):
        return "artisan test", _narrowed(argv[3:], (), False)
    if name in ("bash", "sh") and len(argv) > 1 and not argv[1].startswith("-"):
        return _script(argv[1:])
    if name in ("node", "deno", "bun") and len(argv) > 1:
        return _javascript(name, argv[1:])
    if name in _PLAIN:
        return name, _narrowed(argv[1:], *_PLAIN[name])
    if name in _VERBS and len(argv) > 1:
        return _verb(name, argv[1:])
    return _script(argv)


def _python(words: tuple[str, ...]) -> tuple[str, tuple[str, ...]] | None:
    while words and words[0] in ("-u", "-B", "-I", "-E", "-s", "-W", "-X", "-bb", "-O"):
        words = words[2:] if words[0] in ("-W", "-X") else words[1:]
    if len(words) > 1 and words[0] == "-m":
        module = words[1]
        if module in ("pytest", "unittest", "nose2", "tox", "nox", "doctest", "trial", "py.test"):
            valued, folders = _PLAIN.get(module, ((), False))
            rest = words[2:]
            if module == "unittest" and rest[:1] == ("discover",):
                return module, _narrowed(rest[1:], ("-s", "-t", "-p"), True)
            return module, _narrowed(rest, valued, folders)
        return None
    if len(words) > 1 and words[0].rpartition("/")[2] == "manage.py" and words[1] == "test":
        return "manage.py test", _narrowed(words[2:], (), False)
    return _script(words)


def _script(argv: tuple[str, ...]) -> tuple[str, tuple[str, ...]] | None:
    if not argv:
        return None
    if _ONE_SCRIPT.search(argv[0]):
        return argv[0], (argv[0],)
    if _SCRIPT.search(argv[0]) and argv[0] != "test":
        return argv[0], _narrowed(argv[1:], (), False)
    return None


def _javascript(name: str, words: tuple[str, ...]) -> tuple[str, tuple[str, ...]] | None:
    if "--test" in words or words[0] == "test":
        rest = tuple(word for word in words if word not in ("--test", "test"))
        return f"{name} test", _narrowed(rest, ("--test-name-pattern", "-t", "--filter"), False)
    if name == "bun" and words[0] == "run" and len(words) > 1 and _TARGETS.search(words[1]):
        return f"bun run {words[1]}", _narrowed(words[2:], (), False)
    return _script(words)


_PYTEST = tuple(
    """-n -c -p -o --tb --rootdir --cov --durations -W --timeout --color --junitxml --maxfail
    --cov-report --basetemp -r""".split()
)
_PLAIN: dict[str, tuple[tuple[str, ...], bool]] = {
    # runner: options that take a value, and whether a folder of tests is still the whole
    "pytest": (_PYTEST, True),
    "py.test": (_PYTEST, True),
    "unittest": (("-s", "-t", "-p"), False),
    "nose2": ((), False),
    "trial": ((), False),
    "doctest": ((), False),
    "tox": (("-c", "--workdir", "-p"), False),
    "nox": (("-f",), False),
    "jest": (("-c", "--config", "-w", "--maxWorkers"), True),
    "vitest": (("--config", "--reporter"), True),
    "pest": ((), True),
    "paratest": ((), True),
    "jasmine": ((), True),
    "minitest": ((), True),
    "mocha": (("-R", "--reporter", "--timeout", "-r"), True),
    "ava": ((), False),
    "karma": ((), False),
    "rspec": (("-f", "--format"), True),
    "phpunit": (("-c", "--configuration"), False),
    "ctest": (("--test-dir", "-C", "-j", "--timeout"), False),
    "bats": ((), True),
    "busted": ((), False),
    "prove": ((), True),
    "playwright": ((), False),
    "cypress": ((), False),
    "gotestsum": ((), False),
    "behave": ((), False),
    "robot": ((), True),
}  # fmt: skip
_VERBS: dict[str, tuple[str, ...]] = {
    "go": ("test",),
    "cargo": ("test", "nextest", "t"),
    "npm": ("test", "t", "run", "run-script"),
    "yarn": ("test", "run"),
    "pnpm": ("test", "t", "run"),
    "make": (),
    "just": (),
    "task": (),
    "rake": (),
    "mvn": ("test", "verify"),
    "gradle": ("test", "check"),
    "gradlew": ("test", "check"),
    "mvnw": ("test", "verify"),
    "dotnet": ("test",),
    "mix": ("test",),
    "swift": ("test",),
    "rails": ("test",),
    "zig": ("test",),
    "stack": ("test",),
    "cabal": ("test",),
    "hatch": ("test",),
    "bazel": ("test",),
    "lein": ("test",),
    "sbt": ("test",),
    "flutter": ("test",),
    "dart": ("test",),
    "meson": ("test",),
    "ninja": ("test",),
    "composer": ("test",),
    "django-admin": ("test",),
}


def _verb(name: str, words: tuple[str, ...]) -> tuple[str, tuple[str, ...]] | None:
    given = [word for word in words if not word.startswith("-")]
    if name == "make":
        given = [word for word in given if "=" not in word]
    if not given:
        return None
    verb = given[0]
    if name in ("npm", "yarn", "pnpm") and verb in ("run", "run-script") and len(given) > 1:
        verb = given[1]
        if not _TARGETS.search(verb):
            return None
        return f"{name} run {verb}", _narrowed(tuple(words[words.index(verb) + 1 :]), (), False)
    targets = _VERBS[name]
    if name in ("gradle", "gradlew"):
        verb = next((word for word in given if _GRADLE.search(word)), verb)
        part = verb.rpartition(":")[0].strip(":")
        if _GRADLE.search(verb):
            chosen = _narrowed(tuple(words[words.index(verb) + 1 :]), (), False)
            chosen = tuple(word for word in chosen if not word.startswith(":"))
            return f"{name} test", (*((part,) if part else ()), *chosen)
    if (targets and verb not in targets) or (not targets and not _TARGETS.search(verb)):
        return None
    if name in ("yarn", "pnpm", "npm") and verb in ("run", "run-script"):
        return None
    rest = tuple(words[words.index(verb) + 1 :])
    if name == "go":
        chosen = tuple(word for word in rest if word.startswith(("-run", "--run", "-short")))
        packages = [word for word in rest if not word.startswith("-") and word != "./..."]
        wide = "./..." in rest or any(word.endswith("/...") for word in packages)
        return "go test", chosen or (
            () if wide and not packages else tuple(packages) or ("this package",)
        )
    valued = (
        "--manifest-path",
        "--features",
        "-p",
        "--package",
        "-j",
        "--profile",
        "--test-threads",
    )
    return f"{name} {verb}", _narrowed(rest, valued if name == "cargo" else (), False)


_GRADLE = re.compile(r"(?:^|:)(?:check|test|[a-z]\w*Test|test[A-Z]\w*|connected\w*Test\w*)$")
_SELECTS = re.compile(
    r"^(?:-k|-m|--lf|--last-failed|--ff|--sw|--stepwise|--deselect|--ignore|-t|--testNamePattern"
    r"|--filter|--grep|-g|-R|-L|-E|--testPathPattern|--only|-Dtest|--tests|--example|-e|--lib"
    r"|--test|--bin|--doc|--run|--changed|--onlyChanged|--nf|--tags|--name)(?:=|$)|^-k.|^-Dtest"
)
_FOLDER = re.compile(r"^(?:\./?|(?:\./)?(?:tests?|spec|specs|src|__tests__)/?|\.\.\.)$")


def _narrowed(words: tuple[str, ...], valued: tuple[str, ...], folders: bool) -> tuple[str, ...]:
    """The words that leave part of the suite out."""
    found: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        if word in ("--", "2>&1", "run") or word.startswith(("2>", ">", "1>")):
            at += 1
        elif word in valued:
            at += 2
        elif word == "-m" and at + 1 < len(words):
            found.append(f"-m {words[at + 1]}")
            at += 2
        elif _SELECTS.match(word):
            found.append(word if "=" in word or at + 1 >= len(words) else f"{word} {words[at + 1]}")
            at += 1 if "=" in word or word.startswith("--l") else 2
        elif word.startswith("--") and words[at + 1 : at + 2] and words[at + 1].isdigit():
            at += 2
        elif word.startswith("-") or "=" in word:
            at += 1
        else:
            if not (folders and _FOLDER.match(word)):
                found.append(word)
            at += 1
    return tuple(found)
