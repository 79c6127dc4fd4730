"""A bond's figures over the API, against QuantLib."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import QuantLib as ql  # noqa: N813  the name that its own documentation uses

from assets.bonds import BondTerms, DayCount
from assets.models import Asset
from assets.tests.factories import TREASURY, make_asset, make_bond
from core.testing import client_of, count_queries
from users.models import User

URL = "/api/assets/UST34/bond/figures/"
DAY = date(2024, 5, 31)


@pytest.fixture
def treasury(db: None) -> Asset:
    return make_bond(closes={date(2024, 5, 30): "98.25", DAY: "99.5"})


def read(user: User, status: int = 200, **query: str) -> Any:
    answer = client_of(user).get(URL, query)
    assert answer.status_code == status, answer.content
    return answer.json()


def by_key(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {row["key"]: row["value"] for row in rows}


def test_the_figures_are_those_of_quantlib(treasury: Asset, alice: User) -> None:
    told = read(alice)
    start, end = (ql.Date(day.day, day.month, day.year) for day in (TREASURY.issued, TREASURY.matures))
    half = ql.Period(ql.Semiannual)
    backward = ql.DateGeneration.Backward
    schedule = ql.Schedule(start, end, half, ql.NullCalendar(), ql.Unadjusted, ql.Unadjusted, backward, False)
    counter = ql.ActualActual(ql.ActualActual.ISMA, schedule)
    bond = ql.FixedRateBond(0, 100.0, schedule, [0.04], counter)
    on = ql.Date(DAY.day, DAY.month, DAY.year)
    ql.Settings.instance().evaluationDate = on
    price = ql.BondPrice(99.5, ql.BondPrice.Clean)
    rate = bond.bondYield(price, counter, ql.Compounded, ql.Semiannual, on, 1e-14, 500)
    asked = (bond, ql.InterestRate(rate, counter, ql.Compounded, ql.Semiannual))

    figures = by_key(told["figures"])
    assert figures["yield_to_maturity"] == pytest.approx(rate, abs=1e-10)
    macaulay = ql.BondFunctions.duration(*asked, ql.Duration.Macaulay, on)
    assert figures["macaulay_duration"] == pytest.approx(macaulay, abs=1e-7)
    assert figures["modified_duration"] == pytest.approx(macaulay / (1 + rate / 2), abs=1e-7)
    assert figures["convexity"] == pytest.approx(ql.BondFunctions.convexity(*asked, on), abs=1e-5)
    prices = {key: Decimal(value) for key, value in by_key(told["prices"]).items()}
    assert float(prices["accrued"]) == pytest.approx(bond.accruedAmount(on), abs=1e-10)
    assert prices["clean"] == Decimal("99.5")
    assert abs(prices["dirty"] - prices["clean"] - prices["accrued"]) < Decimal("1e-25")


def test_each_figure_says_what_it_is(treasury: Asset, alice: User) -> None:
    told = read(alice)
    assert (told["as_of"], told["price_day"], told["price_source"]) == ("2024-05-31", "2024-05-31", "test")
    assert told["next_payment"] == {"day": "2024-08-15", "amount": "2"}
    assert (told["matures"], told["compounding"], told["currency"]) == ("2034-02-15", 2, "USD")
    units = {row["key"]: (row["unit"], row["formula"]) for row in told["prices"] + told["figures"]}
    assert units["yield_to_maturity"] == ("fraction a year", "/methods/#yield-to-maturity")
    assert units["modified_duration"] == ("years", "/methods/#duration")
    assert units["dirty"] == ("USD per 100 of nominal value", "/methods/#accrued-interest")


def test_an_earlier_day_takes_the_close_of_then(treasury: Asset, alice: User) -> None:
    told = read(alice, as_of="2024-05-30")
    assert (told["price_day"], by_key(told["prices"])["clean"]) == ("2024-05-30", "98.25")


def test_at_par_on_a_coupon_day_the_yield_is_the_coupon(treasury: Asset, alice: User) -> None:
    told = read(alice, as_of="2024-08-15", price="100")
    assert by_key(told["figures"])["yield_to_maturity"] == pytest.approx(0.04, abs=1e-12)
    assert by_key(told["prices"])["accrued"] == "0"
    assert told["price_source"] == "given"


def test_a_zero_coupon_bond_yields_by_the_year(alice: User) -> None:
    terms = BondTerms(date(2020, 6, 1), date(2030, 6, 1), Decimal(0), 0, DayCount.ACTUAL_ACTUAL)
    make_bond(terms=terms)
    told = read(alice, as_of="2025-06-01", price="80")
    figures = by_key(told["figures"])
    assert figures["yield_to_maturity"] == pytest.approx((100 / 80) ** 0.2 - 1, abs=1e-12)
    assert figures["macaulay_duration"] == pytest.approx(5, abs=1e-12)
    assert told["next_payment"] == {"day": "2030-06-01", "amount": "100"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"as_of": "2024-02-01", "price": "100"}, "bond_not_issued"),
        ({"as_of": "2024-03-01"}, "no_bond_price"),
        ({"as_of": "2030-01-01"}, None),  # has not come yet
        ({"price": "0"}, None),
        ({"price": "NaN"}, None),
        ({"price": "1e9"}, None),
    ],
)
def test_what_has_no_figures_says_why(treasury: Asset, alice: User, query: dict[str, str], code: str | None) -> None:
    problem = read(alice, 400, **query)
    assert problem["detail"]
    assert code in (None, problem["code"])


def test_past_maturity_there_are_none(alice: User) -> None:
    terms = BondTerms(date(2014, 2, 15), date(2024, 2, 15), Decimal("0.04"), 2, DayCount.ACTUAL_ACTUAL)
    make_bond(terms=terms, closes={date(2024, 2, 15): 100})
    problem = read(alice, 400)
    assert (problem["code"], problem["errors"]) == ("bond_matured", {"as_of": ["UST34 matured on 2024-02-15."]})


def test_a_price_that_no_yield_explains(alice: User) -> None:
    make_bond(terms=BondTerms(date(2014, 6, 30), date(2024, 6, 30), Decimal("0.04"), 2, DayCount.ACTUAL_ACTUAL))
    assert read(alice, 400, as_of="2024-05-31", price="1")["code"] == "undefined_metric"


def test_without_terms_that_is_said(alice: User) -> None:
    make_asset("UST34", type="bond")
    assert read(alice, 400)["code"] == "no_bond_terms"


def test_three_queries(treasury: Asset, alice: User) -> None:
    client = client_of(alice)
    count, texts = count_queries(lambda: client.get(URL))
    assert count == 3, texts
