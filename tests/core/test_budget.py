"""Budgets: counted to the last digit, warned of once, checked before a request."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from codex_py.core.budget import RESERVE, Step, before, gauges
from codex_py.core.entries import (
    Changed,
    Entry,
    Notice,
    Resumed,
    Sampled,
    Spent,
    Started,
    Text,
    Usage,
    User,
)
from codex_py.core.limits import Limits
from codex_py.core.money import Price, of_turn, spoken, tally, whole, written
from codex_py.core.session import create, resume

PRICE = Price(Decimal("1.10"), Decimal("0.275"), Decimal("4.40"))


def sampled(input: int = 0, cached: int = 0, output: int = 0, cost: str = "") -> Sampled:
    usage = Usage(input, cached, output, 0)
    return Sampled(model="m", usage=usage, cost=cost or written(PRICE.cost(usage)))


def log(*entries: Entry) -> list[Entry]:
    return [Started(session="s", cwd="/"), User(parts=(Text("go"),)), *entries]


def ask(
    entries: list[Entry],
    limits: Limits,
    *,
    price: Price | None = PRICE,
    wanted: int = 0,
    elapsed: float = 0.0,
) -> Step:
    return before(entries, 1, limits, price, elapsed=elapsed, estimate=lambda: wanted)


def dollars(text: str) -> Limits:
    return Limits(max_cost=Decimal(text))


def test_money_is_exact_and_is_never_a_float() -> None:
    usage = Usage(input=1, cached=1, output=0)
    assert written(PRICE.cost(usage)) == "0.000000275"
    many = tally([sampled(input=1, cached=1) for _ in range(1_000)])
    assert many.total == Decimal("0.000275")
    assert written(Decimal("0.1") + Decimal("0.2")) == "0.3"
    assert written(Decimal(3)) == "3" and written(Decimal("1E+3")) == "1000"


def test_an_unknown_price_is_unknown_not_nothing() -> None:
    unknown = Sampled(model="m", usage=Usage(input=5))
    assert tally([unknown, sampled(input=1_000_000)]).total is None
    assert of_turn([unknown]) == "" and spoken(None) == "unknown"
    assert tally([Sampled(model="m")]).total == 0
    assert of_turn([]) == ""


@pytest.mark.parametrize(
    ("cost", "told"),
    [("0", "$0"), ("0.00004", "<$0.0001"), ("0.0312", "$0.0312"), ("1234.5", "$1,234.50")],
)
def test_money_for_people(cost: str, told: str) -> None:
    assert spoken(Decimal(cost)) == told


def test_a_request_fits_to_the_last_millionth() -> None:
    """0.044 for what was, 0.011 for the input, and the reserve must fit: not a millionth less."""
    spent = log(sampled(output=10_000))
    reserve = RESERVE * PRICE.output.scaleb(-6)
    needed = Decimal("0.044") + Decimal("0.011") + reserve
    assert ask(spent, Limits(max_cost=needed), wanted=10_000).stop is None
    step = ask(spent, Limits(max_cost=needed - Decimal("0.000001")), wanted=10_000)
    assert step.stop is not None and step.stop.reason == "limit"
    assert "$0.0440 of" in step.stop.text and "--max-cost" in step.stop.text


def test_near_the_end_the_answer_is_held_to_what_is_left() -> None:
    step = ask(log(sampled(output=10_000)), dollars("0.10"), wanted=10_000)
    assert step.stop is None and step.room == int(Decimal("0.045") / PRICE.output.scaleb(-6))
    step = ask(log(sampled(output=10_000)), Limits(max_tokens=30_000), wanted=10_000)
    assert step.stop is None and step.room == 10_000
    assert ask(log(), dollars("5")).room == 0


def test_children_reviewers_and_failed_tries_count() -> None:
    child = Spent(by="sub-agent", usage=Usage(input=9_000, output=1_000), cost="0.05")
    entries = log(sampled(output=1_000), child)
    assert ask(entries, dollars("0.0544")).stop is not None
    found = gauges(entries, 1, Limits(max_cost=Decimal("0.1"), max_tokens=20_000), 0)
    assert [each.used for each in found] == [Decimal("0.0544"), 11_000]
    summing = Sampled(model="m", usage=Usage(output=5), cost="0.05", purpose="compaction")
    assert ask([*entries, summing], dollars("0.1044")).stop is not None
    assert ask([*entries, summing], Limits(max_steps=3)).stop is None
    assert ask([*entries, summing], Limits(max_steps=2)).stop is not None
    # What a child used at no known price makes the sum unknown: that is no reason to go on.
    stop = ask(log(Spent(by="sub-agent", usage=Usage(input=1))), dollars("9")).stop
    assert stop is not None and "price is not known" in stop.text


def test_a_budget_counts_from_where_the_log_was_opened() -> None:
    old = sampled(output=1_000_000)
    entries = [*log(old), Resumed(cwd="/"), User(parts=(Text("on"),)), sampled(output=1_000)]
    assert ask(entries, dollars("1")).stop is None
    assert ask(log(old), dollars("1")).stop is not None


def test_each_mark_is_told_once_and_again_after_a_change() -> None:
    entries, told = log(), []
    for _ in range(95):
        step = ask(entries, dollars("1"))
        entries += [Notice(text=each) for each in step.notices]
        told += [each.split()[2] for each in step.notices]
        entries.append(sampled(cost="0.01", output=1))
    assert told == ["50", "75", "90"]
    entries.append(Changed(setting="budget.max_cost", value="1.10"))
    assert [each.split()[2] for each in ask(entries, dollars("1")).notices] == ["75"]


def test_a_jump_over_marks_tells_the_highest() -> None:
    step = ask(log(sampled(output=230_000)), Limits(max_tokens=250_000), wanted=1)
    assert [each.split()[1:3] for each in step.notices] == [["--max-tokens", "90"]]


def test_budgets_are_changed_in_mid_session() -> None:
    spent = sampled(cost="0.50", output=1)
    off = log(spent, Changed(setting="budget.max_cost", value="0"))
    assert ask(off, dollars("0.40")).stop is None
    more = log(spent, Changed(setting="budget.max_cost", value="0.90"))
    assert ask(more, dollars("0.40")).stop is None
    first = log(spent, Changed(setting="budget.max_tokens", value="3"))
    stop = ask(first, Limits()).stop
    assert stop is not None and "--max-tokens" in stop.text


def test_steps_and_time_count_for_the_turn() -> None:
    earlier = [Started(session="s", cwd="/"), *[sampled() for _ in range(9)]]
    entries = [*earlier, User(parts=(Text("go"),)), *[sampled() for _ in range(4)]]

    def ask_here(limits: Limits, elapsed: float = 0.0) -> Step:
        return before(entries, 10, limits, None, elapsed=elapsed, estimate=lambda: 0)

    assert ask_here(Limits(max_steps=5)).stop is None
    stop = ask_here(Limits(max_steps=4)).stop
    assert stop is not None and "after 4 steps" in stop.text
    assert ask_here(Limits(max_time=60), 59).seconds == pytest.approx(1)
    assert ask_here(Limits(max_time=60), 59).notices
    stop = ask_here(Limits(max_time=60), 60).stop
    assert stop is not None and "60 of 60 s" in stop.text


def test_nothing_is_estimated_without_a_budget() -> None:
    def estimate() -> int:
        raise AssertionError("asked")

    before(log(sampled()), 1, Limits(max_steps=9), None, elapsed=0, estimate=estimate)


def test_a_log_that_is_opened_again_knows_what_was_spent(tmp_path: Path) -> None:
    session = create(tmp_path)
    session.append(Started(session="s", cwd="/"))
    session.append(sampled(input=1_000_000))
    session.append(Spent(by="sub-agent", usage=Usage(output=5), cost="0.05"))
    session.append(sampled(output=10))
    session.append(Spent(by="failed try", usage=Usage(input=7)))
    session.close()
    again = resume(session.path)
    found = whole(again.spent.values())
    assert (found.cost, found.requests, found.unpriced) == (Decimal("1.150044"), 4, 1)
    assert found.total is None and again.spent["m"].total == Decimal("1.100044")
    assert again.spent == session.spent
    again.close()
