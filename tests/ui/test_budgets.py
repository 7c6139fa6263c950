"""Budgets and money as a user meets them: the real program against a scripted model server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Program
from tests.server import Server
from tests.turns import Item, Turn, call, failed, text, usage

PRICED = ("-m", "openai/o4-mini")
"""1.10 in, 0.275 cached, 4.40 out a million tokens."""


def steps(count: int, **tokens: int) -> list[Turn]:
    return [[call("list_files", {"path": "."}, id=f"c{n}"), usage(**tokens)] for n in range(count)]


def last(program: Program) -> Item:
    return program.log()[-1]


def test_tokens_and_money_are_told_everywhere(program: Program) -> None:
    turns = [*steps(1, input=10_000, cached=4_000, output=500, reasoning=200),
             [text("ok"), usage(input=11_000, cached=10_000, output=100, reasoning=0)]]  # fmt: skip
    # (6000*1.10 + 4000*0.275 + 500*4.40 + 1000*1.10 + 10000*0.275 + 100*4.40) / 1e6
    with Server(turns) as server:
        done = program.run("exec", *PRICED, "go", url=server.url)
    assert done.code == 0
    assert "21.0k tokens in (14.0k cached), 600 out (200 reasoning) · $0.0142" in done.err
    log = program.log()
    assert [each["cost"] for each in log if each["kind"] == "sampled"] == ["0.0099", "0.00429"]
    assert log[-1]["cost"] == "0.01419"
    with Server(turns) as server:
        done = program.run("exec", "--json", *PRICED, "go", url=server.url)
    used = done.events[-1]["usage"]
    assert used["cost_usd"] == 0.01419 and used["reasoning_output_tokens"] == 200


def test_an_unknown_price_is_said_to_be_unknown(program: Program) -> None:
    with Server([[text("ok"), usage(input=10, output=1)]] * 2) as server:
        done = program.run("exec", "-m", "openai/gpt-5.5", "go", url=server.url)
        assert "price unknown" in done.err and "$" not in done.err
        assert "cost" not in last(program)
        done = program.run("exec", "--json", "-m", "openai/gpt-5.5", "go", url=server.url)
        assert done.events[-1]["usage"]["cost_usd"] is None


def test_the_users_prices_win(program: Program) -> None:
    state = program.home / "state"
    state.mkdir()
    (state / "models.toml").write_text("[models.'gpt-5.5']\nprice = [2, 0.2, 10]\n")
    with Server([[text("ok"), usage(input=100, cached=0, output=10)]]) as server:
        done = program.run("exec", "-m", "openai/gpt-5.5", "--max-cost", "1", "go", url=server.url)
    assert done.code == 0 and last(program)["cost"] == "0.0003"


def test_a_run_ends_before_the_request_that_may_not_fit(program: Program) -> None:
    turns = [*steps(20, input=10_000, cached=0, output=1_000), text("never")]
    with Server(turns) as server:
        done = program.run("exec", *PRICED, "--max-cost", "0.10", "go", url=server.url)
    # 0.0154 a step; before the sixth 0.077 is spent and about 11,000 tokens of input and the
    # reserve of 2,000 (0.0121 + 0.0088) still fit; before the seventh they do not.
    assert len(server.posts()) == 6 and done.code == 3
    assert last(program)["cost"] == "0.0924" and last(program)["reason"] == "limit"
    assert "budget --max-cost 50 % used: $0.0616 of $0.1000" in done.err
    assert "budget --max-cost 75 % used: $0.0770 of $0.1000" in done.err
    assert "budget --max-cost 90 % used: $0.0924 of $0.1000" in done.err
    assert "$0.0924 of $0.1000 used" in done.err
    # What is left holds the last answer: it cannot run over the budget.
    most = [each.get("max_output_tokens") for each in server.posts()]
    assert most[0] is not None and most[-1] is not None and most[-1] < most[0]
    left = 0.10 - 0.077 - 10_000 * 1.10e-6
    assert most[-1] <= left / 4.40e-6


def test_a_run_that_was_ended_can_be_gone_on_with(program: Program) -> None:
    turns = [*steps(2, input=10_000, cached=0, output=1_000), text("Done.")]
    with Server(turns) as server:
        done = program.run("exec", *PRICED, "--max-steps", "2", "go", url=server.url)
        assert done.code == 3 and last(program)["error"] == "stopped after 2 steps (--max-steps 2)"
        done = program.run("exec", "resume", "--last", "--max-cost", "0.03", "on", url=server.url)
        assert (done.code, done.out) == (0, "Done.\n"), done.err
    # What the first run cost is in the log's sums and not in the second one's budget.
    sampled = [each for each in program.log() if each["kind"] == "sampled"]
    assert sampled[-1]["so_far"]["o4-mini"]["cost"] == "0.0309463"


@pytest.mark.parametrize(
    ("option", "amount", "posts"), [("--max-tokens", "36000", 3), ("--max-steps", "3", 3)]
)
def test_tokens_and_steps(program: Program, option: str, amount: str, posts: int) -> None:
    with Server(steps(9, input=10_000, cached=9_000, output=1_000)) as server:
        done = program.run("exec", "--json", *PRICED, option, amount, "go", url=server.url)
    assert done.code == 3 and len(server.posts()) == posts
    assert done.events[-1]["type"] == "turn.failed"
    assert option in done.events[-1]["error"]["message"]
    assert done.events[-1]["usage"]["output_tokens"] == posts * 1_000


def test_time_ends_what_runs(program: Program) -> None:
    turns = [call("shell", {"command": "sleep 60"}), text("never")]
    with Server(turns) as server:
        done = program.run("exec", *PRICED, "--full-auto", "--max-time", "2s", "go", url=server.url)
    assert done.code == 3 and "--max-time" in last(program)["error"]
    assert last(program)["seconds"] < 30


def test_a_server_that_tells_no_tokens_is_counted_by_us(program: Program) -> None:
    silent = [usage(input=0, cached=0, output=0), call("list_files", {"path": "."})]
    with Server([silent, [text("ok"), usage(input=0, cached=0, output=0)]]) as server:
        done = program.run("exec", *PRICED, "--max-cost", "1", "go", url=server.url)
    assert done.code == 0 and "about " in done.err
    log = [each for each in program.log() if each["kind"] == "sampled"]
    assert all(each["estimated"] and each["usage"]["input"] > 500 for each in log)
    assert all(float(each["cost"]) > 0 for each in log)


def test_failed_tries_are_paid_for(program: Program) -> None:
    broken = [usage(input=10_000, cached=0, output=500), failed("server_error", "try again")]
    good = [text("ok"), usage(input=10_000, cached=10_000, output=100)]
    with Server([broken, broken, good]) as server:
        done = program.run("exec", "--json", *PRICED, "go", url=server.url)
    assert done.code == 0
    spent = [each for each in program.log() if each["kind"] == "spent"]
    assert [(each["by"], each["usage"]["input"], each["cost"]) for each in spent] == [
        ("failed try", 20_000, "0.0264")
    ]
    assert last(program)["cost"] == "0.02959"
    assert done.events[-1]["usage"]["cost_usd"] == 0.02959
    with Server([broken] * 9) as server:
        done = program.run("exec", *PRICED, "-c", "request_max_retries=2", "go", url=server.url)
    assert done.code == 1 and last(program)["usage"]["output"] == 1_500
    assert "1.5k out" in done.err and "$0.0396" in done.err


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("-m", "openai/gpt-5.5", "--max-cost", "1"), "price of gpt-5.5 is not known"),
        (("-c", "service_tier=priority", "--max-cost", "1"), "at service tier priority"),
        (("--max-cost", "cheap"), "--max-cost must be an amount"),
        (("--max-cost", "-1"), "--max-cost"),
        (("--max-tokens", "-5"), "--max-tokens must be 1 or more"),
        (("--max-steps", "0"), "--max-steps must be 1 or more"),
        (("--max-cost", "0.00"), "--max-cost must be more than 0"),
        (("--max-time", "0"), "--max-time must be more than 0"),
        (("--max-time", "soon"), "--max-time must be a time such as"),
        (("-c", "max_cost=true"), "max_cost must be an amount"),
        (("-c", "max_time=[]"), "max_time must be a time"),
        (("-c", "max_tokens=1.5"), "max_tokens must be a whole number"),
        (("-c", "max_tokens=inf"), "max_tokens must be a whole number"),
        (("-c", "max_steps=nan"), "max_steps must be a whole number"),
        (("-c", "network_access=true"), "belongs to [sandbox_workspace_write]"),
    ],
)
def test_a_budget_that_cannot_be_kept_is_refused(
    program: Program, args: tuple[str, ...], told: str
) -> None:
    with Server([text("never")]) as server:
        done = program.run("exec", *args, "go", url=server.url)
    assert done.code == 2 and told in done.err and not server.posts()
    assert done.err.count("\n") == 1


def test_budgets_in_the_config_file(program: Program, tmp_path: Path) -> None:
    state = program.home / "state"
    state.mkdir()
    (state / "config.toml").write_text('max_cost = 0.03\nmax_time = "1h"\nmax_tokens = 1000000\n')
    with Server(steps(5, input=10_000, cached=0, output=1_000)) as server:
        done = program.run("exec", *PRICED, "go", url=server.url)
    assert done.code == 3 and "--max-cost" in last(program)["error"]
    assert len(server.posts()) == 1


def test_no_retry_is_sent_that_may_not_fit(program: Program) -> None:
    broken = [usage(input=10_000, cached=0, output=500), failed("server_error", "try again")]
    # 0.0132 each; with two of them spent, about 4,000 tokens of input and the reserve of 2,000
    # (0.0044 + 0.0088) no longer fit into what is left.
    with Server([broken] * 9) as server:
        done = program.run("exec", *PRICED, "--max-cost", "0.035", "go", url=server.url)
        assert len(server.posts()) == 2 and done.code == 3
    assert last(program)["reason"] == "limit" and last(program)["cost"] == "0.0264"
    assert "$0.0264 of $0.0350 used" in done.err and "try again" in done.err
    with Server([broken] * 9) as server:
        done = program.run("exec", *PRICED, "--max-steps", "3", "go", url=server.url)
        assert len(server.posts()) == 3 and done.code == 3
    assert "(--max-steps 3)" in done.err


def test_no_summary_is_asked_for_that_may_not_fit(program: Program) -> None:
    small = ("-c", "model_context_window=10000", "-c", "model_auto_compact_token_limit=8000")
    full = [call("shell", {"command": "true"}), usage(input=9_000, cached=0, output=100)]
    tool = [call("shell", {"command": "true"}), usage(input=9_000, cached=0, output=100)]
    # 0.01034 each: one answer, and one summary that is none; a second would not fit.
    with Server([full, tool, text("SUMMARY"), text("never")]) as server:
        done = program.run(
            "exec", "--full-auto", *PRICED, *small, "--max-cost", "0.030", "go", url=server.url
        )
        assert len(server.posts()) == 2 and done.code == 3, done.err
    assert last(program)["reason"] == "limit" and last(program)["cost"] == "0.02068"
    with Server([full, tool, text("never")]) as server:
        done = program.run("exec", "--full-auto", *small, "--max-steps", "2", "go", url=server.url)
        assert len(server.posts()) == 2 and done.code == 3
    assert "(--max-steps 2)" in done.err
