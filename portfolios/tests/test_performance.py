"""Time-weighted returns, periods and reconciliation from plain numbers."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolios.book.performance import (
    LINES,
    PERIODS,
    BalanceChange,
    Reconciliation,
    ReturnUndefined,
    ValuedDay,
    beyond_a_year,
    daily_return,
    effect_of_rates,
    linked,
    months_before,
    period_start,
    same_flows,
    time_weighted,
)

CASES = {
    case["id"]: case
    for case in json.loads((Path(__file__).parent / "golden" / "time_weighted.json").read_text())["cases"]
}
MONDAY = date(2024, 1, 1)
SIGNS = {"DEPOSIT": 1, "WITHDRAWAL": -1, "INTEREST": 1, "FEES": -1}


def day(value: str, paid_in: str = "0", paid_out: str = "0", offset: int = 0) -> ValuedDay:
    return ValuedDay(MONDAY + timedelta(days=offset), Decimal(value), Decimal(paid_in), Decimal(paid_out))


def account(transactions: list[dict[str, str]]) -> list[ValuedDay]:
    """The days of an account: its balance, deposits and withdrawals."""
    sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in transactions:
        sums[row["date"]][row["type"]] += Decimal(row["amount"])
    days, balance = [], Decimal(0)
    for on, kinds in sorted(sums.items()):
        balance += sum(SIGNS[kind] * amount for kind, amount in kinds.items())
        days.append(ValuedDay(date.fromisoformat(on), balance, kinds["DEPOSIT"], kinds["WITHDRAWAL"]))
    return days


def test_an_account_checked_against_a_spreadsheet() -> None:
    case = CASES["ttwror-excel"]
    days, before = account(case["inputs"]["transactions"]), Decimal(0)
    for number, today in enumerate(days):
        earned = daily_return(before, today)
        assert earned == pytest.approx(Decimal(case["expected"]["delta"][number]), abs=Decimal("1e-5"))
        accumulated = time_weighted(days[: number + 1])
        assert accumulated == pytest.approx(Decimal(case["expected"]["accumulated"][number]), abs=Decimal("1e-5"))
        before = today.value


@pytest.mark.parametrize("name", ["transferals_minor_units_a", "transferals_minor_units_b"])
def test_payments_in_and_out_do_not_change_the_return(name: str) -> None:
    """The account earns each day what brings its accumulated return to the target, whatever is paid in and out."""
    case = CASES["ttwror-transfers-neutral"]
    target = [Decimal(each) for each in case["inputs"]["target_accumulated"]]
    days, value, quote = [], Decimal(0), Decimal(1)
    for number, (wanted, transferred) in enumerate(zip(target, case["inputs"][name], strict=True)):
        paid_in, paid_out = Decimal(max(transferred, 0)), Decimal(max(-transferred, 0))
        value = round((value + paid_in) * (wanted + 1) / quote) - paid_out
        days.append(ValuedDay(MONDAY + timedelta(days=number), Decimal(value), paid_in, paid_out))
        quote = 1 + wanted
        assert time_weighted(days) == pytest.approx(wanted, abs=Decimal("1e-5"))


def test_a_published_example_with_one_payment() -> None:
    case = CASES["twr-cibc"]
    given = {name: Decimal(value) for name, value in case["inputs"].items()}
    days = [
        day(str(given["value_before_flow"]), str(given["begin"])),
        day(str(given["end"]), str(given["flow"]), offset=1),
    ]
    first, second = daily_return(Decimal(0), days[0]), daily_return(days[0].value, days[1])
    assert first is not None
    assert second is not None
    assert [float(first), float(second)] == pytest.approx(case["expected"]["sub_period_returns"], abs=5e-5)
    assert float(time_weighted(days)) == pytest.approx(case["expected"]["twr"], abs=5e-3)


def test_a_published_example_of_linking() -> None:
    case = CASES["twr-wikipedia_lirod"]
    returns = [Decimal(str(each)) for each in case["inputs"]["sub_period_returns"]]
    assert float(linked(returns)) == pytest.approx(case["expected"]["linked"], abs=5e-5)


@pytest.mark.parametrize(
    ("before", "today", "expected"),
    [
        pytest.param("100", day("110"), "0.1", id="no flow"),
        pytest.param("100", day("220", "100"), "0.1", id="an inflow earns its day's return"),
        pytest.param("100", day("60", "0", "50"), "0.1", id="an outflow leaves at the end"),
        pytest.param("100", day("110", "100", "110"), "0.1", id="both are gross"),
        pytest.param("0", day("110", "100"), "0.1", id="the first day"),
        pytest.param("100", day("0"), "-1", id="everything lost"),
        pytest.param("100", day("-10", "0", "10"), "-1", id="n is 0"),
        pytest.param("0", day("0"), None, id="nothing there: skipped"),
        pytest.param("-50", day("0", "50"), None, id="a debt paid off: skipped"),
    ],
)
def test_a_day(before: str, today: ValuedDay, expected: str | None) -> None:
    assert daily_return(Decimal(before), today) == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("before", "today"),
    [
        pytest.param("0", day("5"), id="something from nothing"),
        pytest.param("-10", day("5"), id="from a debt"),
        pytest.param("-10", day("-10", "5"), id="a debt that is not paid off"),
        pytest.param("10", day("-1"), id="more lost than there was"),
    ],
)
def test_a_day_without_a_return(before: str, today: ValuedDay) -> None:
    with pytest.raises(ReturnUndefined, match="undefined from 2024-01-01"):
        daily_return(Decimal(before), today)


def test_the_return_is_undefined_from_a_day_on() -> None:
    days = [day("100", "100"), day("-5", offset=1), day("50", offset=2)]
    assert time_weighted(days[:1]) == 0
    with pytest.raises(ReturnUndefined) as error:
        time_weighted(days)
    assert error.value.day == date(2024, 1, 2)


def test_a_period_starts_from_its_opening_value() -> None:
    assert time_weighted([day("121")], Decimal(110)) == Decimal("0.1")
    assert time_weighted([]) == 0


@pytest.mark.parametrize(
    ("period", "start"),
    [
        ("day", "2024-03-28"),
        ("week", "2024-03-24"),
        ("month", "2024-02-29"),
        ("quarter", "2023-12-31"),
        ("ytd", "2023-12-31"),
        ("year", "2023-03-31"),
        ("three_years", "2021-03-31"),
        ("five_years", "2019-03-31"),
        ("inception", "2012-05-04"),
    ],
)
def test_periods(period: str, start: str) -> None:
    found = period_start(period, date(2024, 3, 31), date(2012, 5, 4), date(2024, 3, 28))
    assert found == date.fromisoformat(start)


def test_every_period_has_a_start() -> None:
    for period in PERIODS:
        assert period_start(period, MONDAY, date(2000, 1, 1), MONDAY - timedelta(days=3)) < MONDAY


def test_a_shorter_month_ends_earlier() -> None:
    assert months_before(date(2024, 2, 29), 12) == date(2023, 2, 28)
    assert months_before(date(2024, 1, 31), 2) == date(2023, 11, 30)


def test_only_more_than_a_year_is_brought_to_a_year() -> None:
    assert not beyond_a_year(date(2023, 1, 1), date(2024, 1, 1))
    assert beyond_a_year(date(2022, 12, 31), date(2024, 1, 1))


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        # 100 € for the whole time, from 1.10 to 1.20
        pytest.param([], "10", id="no move"),
        # 100 € from 1.10 to 1.15, then 300 € to 1.20
        pytest.param([("200", "1.15")], "20", id="one move"),
        pytest.param([("200", "1.15"), ("-300", "1.15")], "5", id="two on one day"),
    ],
)
def test_the_effect_of_rates(moves: list[tuple[str, str]], expected: str) -> None:
    changes = [BalanceChange(MONDAY, Decimal(amount), Decimal(rate)) for amount, rate in moves]
    assert effect_of_rates(Decimal(100), Decimal("1.1"), changes, Decimal("1.2")) == Decimal(expected)


@given(
    st.integers(-1000, 1000),
    st.lists(st.tuples(st.integers(-1000, 1000), st.integers(1, 500)), max_size=8),
    st.tuples(st.integers(1, 500), st.integers(1, 500)),
)
def test_the_effect_is_what_the_moves_do_not_explain(
    opening: int, moves: list[tuple[int, int]], rates: tuple[int, int]
) -> None:
    changes = [BalanceChange(MONDAY, Decimal(amount), Decimal(rate)) for amount, rate in moves]
    closing = opening + sum(amount for amount, _ in moves)
    moved = sum(amount * rate for amount, rate in moves)
    effect = effect_of_rates(Decimal(opening), Decimal(rates[0]), changes, Decimal(rates[1]))
    assert effect == closing * rates[1] - opening * rates[0] - moved


def test_the_same_flows_in_the_benchmark() -> None:
    # 100 grow by 10 %; then 50 come in and the day brings 20 %, at whose close 30 leave; 5 % to the end
    flows = [(Decimal(50), Decimal(30), Decimal("1.1"), Decimal("1.32"))]
    assert same_flows(Decimal(100), flows, Decimal("1.386")).quantize(Decimal("1e-9")) == Decimal("170.1")


money = st.decimals(-(10**6), 10**6, places=6)


@given(money, st.lists(money, min_size=len(LINES), max_size=len(LINES)), st.sampled_from(["USD", "JPY", "BHD"]))
def test_rounded_lines_still_add_up(start: Decimal, amounts: list[Decimal], currency: str) -> None:
    exact = Reconciliation(start, start + sum(amounts), dict(zip(LINES, amounts, strict=True)))
    assert exact.unexplained == 0
    shown = exact.rounded(currency)
    assert shown.unexplained == 0
    unit = {"USD": Decimal("0.01"), "JPY": Decimal(1), "BHD": Decimal("0.001")}[currency]
    moved = [abs(shown.lines[key] - amount) for key, amount in exact.lines.items()]
    assert sorted(moved)[-2] <= unit / 2
    assert all(amount % unit == 0 for amount in shown.lines.values())


def test_the_largest_line_takes_what_rounding_leaves_over() -> None:
    lines: dict[str, Any] = dict.fromkeys(LINES, Decimal(0))
    lines |= {"net_flows": Decimal("10.004"), "income": Decimal("0.004"), "costs": Decimal("-0.003")}
    shown = Reconciliation(Decimal(0), Decimal("10.005"), lines).rounded("USD")
    assert shown.end_value == Decimal("10.01")
    assert shown.lines["net_flows"] == Decimal("10.01")
