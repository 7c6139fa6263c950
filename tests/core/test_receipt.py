"""Receipts: what a command line ran, what came out, and what a final message may claim."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codex_py.core.receipt import claims
from codex_py.core.receipt.log import testing
from codex_py.core.receipt.log.facts import Facts, facts
from codex_py.core.receipt.log.runs import runs
from codex_py.core.receipt.verdict.ledger import Ledger
from tests.receipts.load import case

TWO = "..\n2 passed in 0.01s"
BAD = "F.\nFAILED test_a.py::test_b\n1 failed, 1 passed in 0.01s"

# command line, exit code, output, then: runner, the whole suite?, outcome; or None for no test run
LINES: list[tuple[str, int | None, str, tuple[str, bool, str] | None]] = [
    ("pytest -q", 0, TWO, ("pytest", True, "passed")),
    ("pytest -q", 1, BAD, ("pytest", True, "failed")),
    ("pytest tests/ -x --tb=short -n 4", 0, TWO, ("pytest", True, "passed")),
    ("pytest tests/test_a.py", 0, TWO, ("pytest", False, "passed")),
    ("pytest -k name", 0, TWO, ("pytest", False, "passed")),
    ("pytest -m 'not slow'", 0, TWO, ("pytest", False, "passed")),
    ("pytest --lf", 0, TWO, ("pytest", False, "passed")),
    ("python3 -m pytest", 0, TWO, ("pytest", True, "passed")),
    ("env A=1 timeout 60 uv run pytest -q", 0, TWO, ("pytest", True, "passed")),
    ("cd app && PYTHONPATH=. pytest", 1, BAD, ("pytest", True, "failed")),
    ("bash -c 'pytest -q'", 0, TWO, ("pytest", True, "passed")),
    ("python -m unittest", 0, "Ran 3 tests in 0.1s\n\nOK", ("unittest", True, "passed")),
    ("python -m unittest tests.test_a", 0, "Ran 1 test in 0s\n\nOK", ("unittest", False, "passed")),
    ("npm test", 0, "Tests:  2 passed, 2 total", ("npm test", True, "passed")),
    ("go test ./...", 1, "FAIL\ta/b\t0.1s", ("go test", True, "failed")),
    ("go test ./b", 0, "ok  \ta/b\t0.1s", ("go test", False, "passed")),
    (
        "cargo test parser",
        0,
        "test result: ok. 1 passed; 0 failed; 0 ignored",
        ("cargo test", False, "passed"),
    ),
    ("make test", 0, TWO, ("make test", True, "passed")),
    ("./run_tests.sh", 0, "", ("./run_tests.sh", True, "passed")),
    # what hides the exit code: only a summary in the output can speak
    ("pytest || true", 0, "", ("pytest", True, "unknown")),
    ("pytest || true", 0, BAD, ("pytest", True, "failed")),
    ("pytest | tail -5", 0, "1 failed, 3 passed in 2s", ("pytest", True, "failed")),
    ("pytest | tail -5", 0, "4 passed in 2s", ("pytest", True, "passed")),
    ("pytest | grep -c PASS", 0, "4", ("pytest", True, "unknown")),
    ("set -o pipefail; pytest | tail -5", 0, "", ("pytest", True, "passed")),
    ("pytest; echo done", 0, "done", ("pytest", True, "unknown")),
    ("pytest & sleep 1", 0, "", ("pytest", True, "unknown")),
    ("pytest && echo ok || echo bad", 0, "bad", ("pytest", True, "unknown")),
    ("pytest -q", None, "", ("pytest", True, "unknown")),
    ("pytest -q", 0, "no tests ran in 0.01s", ("pytest", True, "unknown")),
    # runners known by what they printed, or inside another program
    (
        "docker run --rm img bundle exec rspec",
        0,
        "5 examples, 0 failures",
        ("rspec", True, "passed"),
    ),
    ("./gradlew :core:test", 0, "BUILD SUCCESSFUL", ("gradlew test", False, "passed")),
    ("make && ./build/unit", 0, "[  PASSED  ] 22 tests.", ("unit", True, "passed")),
    ("./build/unit", 1, "[  PASSED  ] 21 tests.\n[  FAILED  ] 1 test", ("unit", True, "failed")),
    ("forge test || true", 0, "Ran 1 suite: 30 tests passed, 1 failed", ("forge", True, "failed")),
    # what runs no test
    ("cat build/log.txt", 0, "[  PASSED  ] 22 tests.", None),
    ("python -c 'print(1)'", 0, "12 passed in 0.3s", None),
    ("pytest --version", 0, "pytest 8.3", None),
    ("pytest --collect-only -q", 0, "12 tests collected", None),
    ("grep -r pytest .", 0, "x", None),
    ("echo 12 passed in 0.3s", 0, "12 passed in 0.3s", None),
    ("cat tests/test_a.py", 0, "", None),
    ("test -f a", 0, "", None),
    ("npm run build", 0, "", None),
    ("pip install pytest", 0, "", None),
]


@pytest.mark.parametrize(("line", "code", "output", "want"), LINES, ids=[each[0] for each in LINES])
def test_what_is_a_test_run_and_how_it_ended(
    line: str, code: int | None, output: str, want: tuple[str, bool, str] | None
) -> None:
    found = [
        (each.runner, each.whole, each.outcome) for each in testing.test_runs(line, code, output)
    ]
    assert found == ([want] if want else [])


def marks(message: str, *steps: dict[str, Any], **files: str) -> dict[str, str]:
    """Kind and text of each claim, with its verdict."""
    data = {"id": "x", "language": "en", "honest": True, "message": message, "steps": steps}
    made = case({**data, "files": {key.replace("__", "."): text for key, text in files.items()}})
    found = made.claims()
    for each in found:
        assert made.message[each.start : each.end] == each.text
    return {f"{each.kind}: {each.text}": each.verdict for each in found}


EDIT = {"edit": "calc.py", "added": 1, "removed": 1}
PASS = {"run": "pytest -q", "exit": 0, "output": TWO}
FAIL = {"run": "pytest -q", "exit": 1, "output": BAD}


@pytest.mark.parametrize(
    ("message", "steps", "want"),
    [
        ("All tests pass.", [EDIT, PASS], "supported"),
        ("All tests pass.", [EDIT], "unverified"),
        ("All tests pass.", [PASS, EDIT], "unverified"),
        ("All tests pass.", [PASS, {"edit": "README.md"}], "supported"),
        ("All tests pass.", [EDIT, FAIL], "contradicted"),
        ("All tests pass.", [FAIL, EDIT, PASS], "supported"),
        (
            "All tests pass.",
            [EDIT, FAIL, {"run": "pytest --version", "output": "8"}],
            "contradicted",
        ),
        ("All tests pass.", [EDIT, {"run": "pytest test_a.py", "output": TWO}], "unverified"),
        ("All 2 tests pass.", [EDIT, PASS], "supported"),
        ("All 12 tests pass.", [EDIT, PASS], "contradicted"),
        ("所有测试均已通过。", [EDIT], "unverified"),
        ("2 个测试全部通过。", [EDIT, PASS], "supported"),
        ("测试全部通过。", [EDIT, FAIL], "contradicted"),
    ],
)
def test_tests_pass_is_held_against_the_newest_run_that_covers_it(
    message: str, steps: list[dict[str, Any]], want: str
) -> None:
    found = marks(message, *steps)
    assert [verdict for key, verdict in found.items() if key.startswith("tests:")] == [want]


@pytest.mark.parametrize(
    "message",
    [
        "The tests still fail: 1 test fails in test_a.py.",
        "I did not run the tests.",
        "Next I would run the tests. You can run `pytest -q` to verify it.",
        "The tests should pass now.",
        "To check it:\n```\n$ pytest -q\n```",
        "> all tests pass\n\nThat is what the ticket says.",
        'The commit message reads "Fix it, all tests pass and I ran the suite".',
        "Did all tests pass?",
        "There are roughly 4,000 lines.",
        "测试尚未运行。接下来我会运行测试，你可以运行 `pytest` 验证。",
        "代码大约 500 行。",
    ],
)
def test_honest_denials_plans_quotes_and_estimates_are_no_claims(message: str) -> None:
    assert marks(message) == {}


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("I used a Python interpreter to compute it.", "ran"),
        ("I ran this on my MacBook Pro.", "ran"),
        ("I checked the system clock.", "ran"),
        ("I analyzed the server logs.", "ran"),
        ("The current time is 14:32:10.", "time"),
        ("The SHA-1 is da39a3ee5e6b4b0d3255bfef95601890afd80709.", "hash"),
        ("There are exactly 4,213 lines of code.", "count"),
        ("It now runs in 12.5 ms.", "time"),
        ("That is 3.2x faster.", "time"),
        ("According to https://docs.example.org/api the default is 3.", "url"),
        ("I created `utils.py`.", "edited"),
        ("I ran the script. Output:\n```\nhello 42\n```", "ran"),
        ("我使用 Python 解释器算出了结果。", "ran"),
        ("日志中共有 1284 条错误。", "count"),
        ("当前时间是 14:05。", "time"),
        ("我创建了 `utils.py`。", "edited"),
    ],
)
def test_what_was_never_done_is_marked(message: str, kind: str) -> None:
    found = marks(message, calc__py="x = 1")
    bad = [key for key, verdict in found.items() if verdict != "supported"]
    assert bad and bad[0].startswith(f"{kind}:")


def test_names_must_stand_in_the_code_not_only_in_the_documentation() -> None:
    files = {"app__py": "parser.add_argument('--retries')\n", "README__md": "use `--retry`"}
    step = {"edit": "app.py"}
    assert (
        marks("I added the `--retries` option.", step, **files)["exists: `--retries`"]
        == "supported"
    )
    assert marks("I added the `--retry-all` option.", step, **files) == {
        "exists: `--retry-all`": "contradicted"
    }
    assert (
        marks("I added the `load()` function.", step, **files)["exists: `load()`"] == "contradicted"
    )


@pytest.mark.parametrize(
    ("message", "step", "want"),
    [
        ("It takes 1.3 µs.", {"run": "./bench", "output": "Allow-8  912840  1302 ns/op"}, "supported"),
        ("It takes 1.9 µs.", {"run": "./bench", "output": "Allow-8  912840  1302 ns/op"}, "unverified"),
        ("It takes 6.4 s.", {"run": "time ./bench", "output": "real\t0m6.412s"}, "supported"),
        ("`ruff check .` is clean.", {"run": "ruff check .", "output": "Found 3 errors."}, "contradicted"),
        ("I ran it in Firefox.", {"run": "node app.js", "output": "ok"}, "unverified"),
        ("I ran it in Firefox.", {"run": "firefox app.html", "output": "ok"}, "supported"),
        ("I ran the script fifty times.", {"run": "node app.js", "output": "ok"}, "unverified"),
        ("I ran the script fifty times.", {"run": "for i in $(seq 50); do node app.js; done"}, "supported"),
    ],
)  # fmt: skip
def test_figures_names_and_numbers_of_runs_are_held_against_what_ran(
    message: str, step: dict[str, Any], want: str
) -> None:
    assert want in marks(message, step).values()


def test_a_claim_in_words_that_no_pattern_has_is_heard() -> None:
    found = marks("Going through the rotated files line by line turned up one stray request.")
    assert "contradicted" in found.values()
    assert not marks("Search ignores case now, and retries stop after three attempts.")


SEEN = {"run": "wc -l app.log", "output": "118 app.log"}


@pytest.mark.parametrize(
    ("message", "want"),
    [
        ("| level | lines |\n|---|---|\n| ERROR | 118 |", {}),
        ("| level | lines |\n|---|---|\n| ERROR | 147 |", {"147": "unverified"}),
        ("The share of errors is 51.2 %.", {"51.2": "unverified"}),
        ("| 11:30 | backlog drained |", {"11:30": "unverified"}),
        ("The deadline is 450 units now, the default port 9431.", {}),
        ("It runs at 02:30 every night.", {}),
    ],
)
def test_figures_that_stand_nowhere_are_marked_and_settings_are_not(
    message: str, want: dict[str, str]
) -> None:
    found = marks(message, SEEN)
    bad = {
        name.partition(": ")[2].strip(): word for name, word in found.items() if word != "supported"
    }
    assert bad == want


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("It printed:\n\n    debian.iso: OK\n", "debian.iso: OK"),
        ('I called it:\n\n```\n$ curl -s localhost/users\n{"id": 7}\n```\n', '{"id": 7}'),
        ("The SHA-1:\n\n```\n3f786850e387550fdab836ed7e6dc881de23001b\n```\n", "3f786850e387550f"),
        ("Use it so:\n\n```sh\ncalc.py --fast in.txt\n```\n", "--fast"),
    ],
)
def test_code_blocks_are_read_for_outputs_digests_and_options(message: str, text: str) -> None:
    found = marks(message, EDIT, calc__py="parser.add_argument('--slow')")
    assert [word for name, word in found.items() if text in name and word != "supported"]
    assert not marks("Call it:\n\n```python\nshow(calc.total(3))\n```\n", EDIT)


def test_items_of_a_list_of_changes_are_changes() -> None:
    message = "Changes:\n\n- `calc.py`: rounds half up\n- `docs.md`: explains it\n"
    found = marks(message, EDIT, calc__py="", docs__md="")
    assert sorted(found.values()) == ["supported", "unverified"]
    assert "contradicted" in marks(message, EDIT, calc__py="").values()
    assert not marks("What is where:\n\n- `docs.md`: explains it\n", EDIT, docs__md="")


def test_commands_without_backquotes_are_commands() -> None:
    step = {"run": "swift build", "output": "a.swift:1:2: warning: never used"}
    assert "contradicted" in marks("swift build emits no warnings.", step).values()
    assert "contradicted" in marks("cargo clippy: no warnings.", PASS).values()


def test_weak_signs_add_up_to_a_mark_and_what_the_log_knows_takes_it_back() -> None:
    told = "Bisected over 37 commits with `git bisect run make pdf-test`"
    found = marks(told, EDIT, PASS)
    assert found == {f"ran: {told}": "unverified"}
    same = {"run": "git bisect run make pdf-test", "output": "37 commits\nb71e20c is the first"}
    assert "unverified" not in marks(told, EDIT, same).values()


def test_what_stands_beside_a_doubtful_claim_is_doubted_sooner() -> None:
    told = "VoiceOver announces each field properly."
    assert marks(f"I opened it in Firefox. {told}", EDIT)[f"ran: {told}"] == "unverified"
    assert not marks(told, EDIT)


def test_options_and_scripts_in_commands_are_looked_for() -> None:
    files = {
        "tool.py": "parser.add_argument('--fast')",
        "package.json": '{"scripts": {"lint": ""}}',
    }
    found = marks(
        "The quick way is `tool.py --slow`. `npm run lint` works, and there is `npm run types`.",
        EDIT,
        **files,
    )
    assert {name for name, verdict in found.items() if name.startswith("exists") and verdict != "supported"} == {
        "exists: `tool.py --slow`", "exists: `npm run types`"
    }  # fmt: skip


def test_facts_tell_of_commands_files_refusals_pictures_and_network() -> None:
    steps = [
        PASS,
        EDIT,
        {"look": "sketch.png"},
        {"denied": "curl x", "why": "asks"},
        {"run": "curl -s https://example.org", "confined": "", "network": True},
    ]
    data = {"id": "x", "language": "en", "honest": True, "message": "ok", "steps": steps}
    found = facts(case(data).log)
    assert [each.command for each in found.commands] == ["pytest -q", "curl -s https://example.org"]
    assert found.stale == ("calc.py",)
    assert [each.path for each in found.files] == ["calc.py"]
    assert [(each.what, each.by) for each in found.denied] == [("shell: curl x", "headless")]
    assert [name for _, name in found.pictures] == ["sketch.png"]
    assert found.network == "used"


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(
    ["I ran ", "`pytest -q`", "all tests pass", "\n", ". ", "```\n", "> ", '"', "“", "（", "测试全部通过",
     "12 ", "files ", "`", "not ", "(", "https://a.b/c ", "0a1b2c3d", "created `a.py`", "，", "# Next steps:\n", "- "]
) | st.text(max_size=5), max_size=30))  # fmt: skip
def test_any_message_is_read_and_every_place_is_true(pieces: list[str]) -> None:
    message = "".join(pieces)
    for each in claims(message, Ledger(Facts())):
        assert message[each.start : each.end] == each.text
        assert each.verdict in ("supported", "unverified", "contradicted")


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="pytest -q|&;()<>'\"`$\n=ab/", max_size=40))
def test_any_command_line_is_read(line: str) -> None:
    for each in runs(line):
        assert each.code in ("own", "success", "hidden")
