"""The money-weighted return against cases of another program, against that program itself, and by its definition."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pyxirr
from hypothesis import given
from hypothesis import strategies as st

from portfolios.book.money_weighted import NoMoneyWeightedReturn, annualised, irr, over, xirr, xnpv

CASES = json.loads((Path(__file__).parent / "golden" / "xirr.json").read_text())["cases"]
START = date(2020, 1, 1)


def rate_of(case: dict[str, Any]) -> float:
    if case["function"] == "irr":
        return irr([Decimal(amount) for amount in case["flows"]]).rate
    return xirr(dated(case), days=case["days"]).rate


def dated(case: dict[str, Any]) -> list[tuple[date, Decimal]]:
    return [(date.fromisoformat(day), Decimal(amount)) for day, amount in case["flows"]]


def after(*flows: tuple[int, int | str]) -> list[tuple[date, Decimal]]:
    """Payments by days after the first of January 2020."""
    return [(START + timedelta(days=days), Decimal(amount)) for days, amount in flows]


def absolute(flows: list[tuple[date, Decimal]]) -> list[tuple[date, Decimal]]:
    """The sizes of payments, to judge how near to 0 their sum is."""
    return [(day, abs(amount)) for day, amount in flows]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_cases(case: dict[str, Any]) -> None:
    if case["expected"] is None:
        with pytest.raises(NoMoneyWeightedReturn):
            rate_of(case)
    else:
        assert rate_of(case) == pytest.approx(float(case["expected"]), abs=case.get("accuracy", 1e-9), rel=0)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["function"] == "xirr" and case["expected"]], ids=lambda case: case["id"]
)
def test_the_present_value_at_the_rate_is_zero(case: dict[str, Any]) -> None:
    rate = rate_of(case)
    assert xnpv(rate, dated(case), days=case["days"]) == pytest.approx(0, abs=1e-3)
    days, amounts = zip(*dated(case), strict=True)
    theirs = pyxirr.xnpv(0.05, days, amounts, day_count="act/365f")
    assert xnpv(0.05, sorted(dated(case))) == pytest.approx(theirs * 1.05 ** ((days[0] - min(days)).days / 365 * -1))


@pytest.mark.parametrize(
    ("flows", "rate", "several"),
    [
        pytest.param(after((0, -100), (365, 110)), 0.1, False, id="one year"),
        pytest.param(after((365, 110), (0, -100)), 0.1, False, id="any order"),
        pytest.param(after((0, -60), (0, -40), (365, 110)), 0.1, False, id="two payments on one day"),
        pytest.param(after((0, -100), (365, 100)), 0.0, False, id="nothing earned"),
        pytest.param(after((0, -100), (365, 1)), -0.99, False, id="nearly all lost"),
        pytest.param(after((0, -1), (365, "1e9")), 1e9 - 1, False, id="a very high rate"),
        pytest.param(after((0, 100), (365, -110)), 0.1, False, id="a loan: the only rate, though the value rises"),
        # −100 + 230x − 132x² = 0 at x = 1/1.1 and 1/1.2; the value falls as the rate rises at 1.2 alone
        pytest.param(after((0, -100), (365, 230), (730, -132)), 0.2, True, id="two rates"),
        # (1 − 1.1x)(1 − 1.2x)(1 − 1.5x) with x = 1 / (1 + rate): falls at 1.1 and at 1.5
        pytest.param(
            after((0, -100), (365, 380), (730, -477), (1095, 198)), 0.1, True, id="three rates: the one nearest to 0"
        ),
    ],
)
def test_rates(flows: list[tuple[date, Decimal]], rate: float, several: bool) -> None:
    found = xirr(flows)
    assert found.rate == pytest.approx(rate, abs=1e-9, rel=1e-9)
    assert found.several is several


@pytest.mark.parametrize(
    "flows",
    [
        pytest.param([], id="nothing"),
        pytest.param(after((0, -100)), id="paid in only"),
        pytest.param(after((0, -100), (9, -1)), id="never anything out"),
        pytest.param(after((0, -100), (0, 110)), id="one day"),
        pytest.param(after((0, -100), (0, 100)), id="cancelled on its day"),
        pytest.param(after((0, -100), (365, 150), (730, -100)), id="no real root"),
    ],
)
def test_no_rate(flows: list[tuple[date, Decimal]]) -> None:
    with pytest.raises(NoMoneyWeightedReturn) as error:
        xirr(flows)
    assert error.value.code == "no_money_weighted_return"


@given(
    st.lists(st.tuples(st.integers(1, 4000), st.integers(-10_000, 10_000)), min_size=1, max_size=40),
    st.integers(1, 20_000),
)
def test_random_payments(later: list[tuple[int, int]], first: int) -> None:
    flows = after((0, -first), *later)
    days, amounts = zip(*flows, strict=True)
    theirs = pyxirr.xirr(days, amounts, silent=True)
    try:
        found = xirr(flows)
    except NoMoneyWeightedReturn:
        if theirs is not None and -1 < theirs <= 1e300:  # beyond, a float holds no rate
            assert abs(xnpv(theirs, flows)) > 1e-6 * xnpv(theirs, absolute(flows))
        return
    if found.rate > -0.9:
        assert abs(xnpv(found.rate, flows)) <= 1e-9 * xnpv(found.rate, absolute(flows))
    if theirs is not None and not found.several and -0.9 < theirs < 1e3:
        assert found.rate == pytest.approx(theirs, abs=1e-7, rel=1e-7)


@given(st.integers(1, 10**6), st.floats(-0.95, 5), st.integers(1, 5000))
def test_one_payment_in_and_one_out(amount: int, rate: float, days: int) -> None:
    grown = Decimal(repr(amount * (1 + rate) ** (days / 365)))
    assert over(xirr(after((0, -amount), (days, str(grown)))).rate, days) == pytest.approx(
        float(grown) / amount - 1, abs=1e-12, rel=1e-9
    )


def test_a_year_of_a_longer_return() -> None:
    assert annualised(0.21, 730) == pytest.approx(0.1, abs=1e-15)
    assert over(0.1, 730) == pytest.approx(0.21, abs=1e-15)
