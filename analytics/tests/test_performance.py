"""Daily series and figures of a chunk, against the same in plain Python, and the rules of what has no figure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics import engine
from analytics.figures import FIGURES, MIN_OBSERVATIONS, Outcome, outcomes
from analytics.market import AssetFacts, Market
from analytics.performance import BUY, CASH, SELL, TRADE, TRANSFER_IN, Inputs, PortfolioFacts, Series, series_of
from analytics.tests.plain import PlainCash, PlainMarket, PlainTrade
from analytics.tests.plain import series as plain_series

MONDAY = date(2024, 1, 1)
KINDS = {"buy": BUY, "sell": SELL, "transfer_in": TRANSFER_IN}
DAYS = [MONDAY + timedelta(days=offset) for offset in range(80)]
WEEKDAYS = [day for day in DAYS if day.weekday() < 5]
# WHOLE has every weekday, GAPPY lacks some and begins late, EURO is in EUR, CENTS too and quoted in cents, COIN trades
# every day, NEVER nowhere.
FACTS = {
    1: AssetFacts(1, "WHOLE", "USD", "XNYS", is_rate=False),
    2: AssetFacts(2, "GAPPY", "USD", "XNYS", is_rate=False),
    3: AssetFacts(3, "EURO", "EUR", "XNYS", is_rate=False),
    4: AssetFacts(4, "COIN", "USD", "24/7", is_rate=False),
    5: AssetFacts(5, "NEVER", "USD", "XNYS", is_rate=False),
    6: AssetFacts(6, "EURUSD", "USD", "", is_rate=True),
    7: AssetFacts(7, "YEN", "JPY", "XNYS", is_rate=False),
    8: AssetFacts(8, "CENTS", "EUR", "XNYS", is_rate=False, price_factor=Decimal("0.01")),
}
IDS = {facts.symbol: facts.pk for facts in FACTS.values()}


def _closes() -> dict[str, dict[date, float]]:
    generator = np.random.default_rng(3)

    def walk(days: Sequence[date], start: float) -> dict[date, float]:
        return dict(zip(days, (start * np.cumprod(1 + generator.normal(0, 0.02, len(days)))).tolist(), strict=True))

    return {
        "WHOLE": walk(WEEKDAYS, 100),
        "GAPPY": {day: close for day, close in walk(WEEKDAYS[20:], 40).items() if day.day % 3},
        "EURO": walk(WEEKDAYS, 70),
        "COIN": walk(DAYS, 900),
        "EURUSD": walk(DAYS, 1.1),
        "YEN": walk(WEEKDAYS, 2000),
        "CENTS": walk(WEEKDAYS, 6000),
    }


CLOSES = _closes()
PLAIN = PlainMarket(
    CLOSES,
    {facts.symbol: facts.currency for facts in FACTS.values()},
    {"EUR": CLOSES["EURUSD"]},
    factors={"CENTS": 0.01},
)


def market() -> Market:
    held = sorted(IDS[symbol] for symbol in CLOSES)
    closes = [[CLOSES[FACTS[pk].symbol].get(day, np.nan) for day in DAYS] for pk in held]
    matrix = np.array(closes)
    return Market(np.array(DAYS, "datetime64[D]"), np.array(held), matrix, matrix, FACTS)


def chunk(
    books: Sequence[Sequence[PlainTrade]],
    cash: Sequence[Sequence[PlainCash]] = (),
    *,
    tracked: bool = False,
    benchmark: int | None = None,
    base: str = "USD",
) -> Inputs:
    """Portfolios 1, 2, … with these trades, each of which has its cash in the portfolio if it is tracked."""
    portfolios = [
        PortfolioFacts(number, 1, 0, 1, base, benchmark, tracked, MONDAY) for number in range(1, len(books) + 1)
    ]
    trades = [
        (
            row,
            IDS[trade.asset],
            KINDS[trade.kind],
            trade.day,
            trade.quantity,
            trade.price,
            trade.currency,
            trade.costs,
            np.nan if trade.rate is None else float(trade.rate),
            not tracked,
        )
        for row, book in enumerate(books)
        for trade in book
    ]
    banked = [
        (row, entry.day, entry.amount, entry.currency, entry.external)
        for row, rows in enumerate(cash)
        for entry in rows
    ]
    return Inputs(portfolios, np.array(trades, TRADE), np.array(banked, CASH), market())


def only(inputs: Inputs) -> tuple[Series, Outcome]:
    [series] = series_of(inputs)
    return series, outcomes(inputs, series)[0]


def buy(day: date, asset: str, quantity: str, price: str, **values: object) -> PlainTrade:
    return PlainTrade(day, asset, "buy", Decimal(quantity), Decimal(price), **values)  # type: ignore[arg-type]


def sell(day: date, asset: str, quantity: str, price: str, **values: object) -> PlainTrade:
    return PlainTrade(day, asset, "sell", Decimal(quantity), Decimal(price), **values)  # type: ignore[arg-type]


# --- against plain Python -----------------------------------------------------------------------------------------

SYMBOLS = ["WHOLE", "GAPPY", "EURO", "COIN", "NEVER"]


@st.composite
def a_book(draw: st.DrawFn) -> list[PlainTrade]:
    """Trades in order of their day that never sell more than is held; the first is of an asset with a session."""
    trades = [buy(DAYS[draw(st.integers(0, 20))], "WHOLE", "3", "101.37")]
    held = {"WHOLE": Decimal(3)}
    days = sorted(draw(st.lists(st.sampled_from(DAYS), max_size=10)))
    for day in [each for each in days if each >= trades[0].day]:
        asset = draw(st.sampled_from(SYMBOLS))
        have = held.get(asset, Decimal(0))
        kind = draw(st.sampled_from(["buy", "transfer_in"] + ["sell"] * 3 * bool(have)))
        share = draw(st.sampled_from([Decimal(1), Decimal("0.3")]))
        quantity = have * share if kind == "sell" else draw(st.decimals("0.01", 50, places=4))
        price = draw(st.decimals("0.5", 500, places=3))
        # Cheap beside what is held: proceeds below their own costs would be an inflow.
        costs = draw(st.decimals(0, "0.004", places=4)) if kind != "transfer_in" else Decimal(0)
        currency = draw(st.sampled_from(["USD", "EUR"])) if kind != "transfer_in" else PLAIN.currency[asset]
        trades.append(PlainTrade(day, asset, kind, quantity, price, currency, costs))
        held[asset] = have + trades[-1].signed
    return trades


@settings(max_examples=60, deadline=None)
@given(st.lists(a_book(), min_size=1, max_size=4))
def test_values_flows_and_returns_are_those_of_plain_python(books: list[list[PlainTrade]]) -> None:
    inputs = chunk(books)

    for series in series_of(inputs):
        for place, row in enumerate(series.rows):
            check(series, place, books[row], [], tracked=False)


@settings(max_examples=40, deadline=None)
@given(a_book(), st.lists(st.tuples(st.sampled_from(DAYS), st.integers(-500, 500), st.booleans()), max_size=6))
def test_tracked_cash_is_those_of_plain_python_too(
    book: list[PlainTrade], entries: list[tuple[date, int, bool]]
) -> None:
    deposits = [PlainCash(book[0].day, Decimal(10**7), external=True)]
    deposits += [
        PlainCash(day, Decimal(amount), external) for day, amount, external in entries if amount and day >= book[0].day
    ]
    own = [PlainCash(t.day, -t.paid, False, t.currency) for t in book if t.kind != "transfer_in" and t.paid]
    cash = sorted([*deposits, *own], key=lambda row: row.day)
    inputs = chunk([book], [cash], tracked=True)

    [series] = series_of(inputs)

    check(series, 0, book, cash, tracked=True)


def check(series: Series, place: int, book: list[PlainTrade], cash: list[PlainCash], *, tracked: bool) -> None:
    sessions = [day for day in WEEKDAYS if day >= min(trade.day for trade in book)]
    expected = plain_series(PLAIN, book, cash, sessions, tracked=tracked)
    start = len(series.grid.days) - len(sessions)
    assert series.grid.days[start:].tolist() == sessions
    for column, name in ((1, "values"), (2, "paid_in"), (3, "paid_out")):
        given_rows = getattr(series, name)[place, start:]
        inside = series.valid[place, start:] | (given_rows != 0)
        wanted = np.array([row[column] for row in expected])
        np.testing.assert_allclose(given_rows[inside], wanted[inside], rtol=1e-9, atol=1e-7)
    if series.problems[place]:
        return
    valid = series.valid[place, start:]
    if sum(trade.signed for trade in book if trade.asset == "WHOLE"):  # which has a close on the last day
        assert valid.tolist() == [row[4] is not None for row in expected]
    earned = np.array([row[4] for row, counts in zip(expected, valid, strict=True) if counts], float)
    np.testing.assert_allclose(series.returns[place, start:][valid], earned, rtol=1e-9, atol=1e-9)


# --- by hand ------------------------------------------------------------------------------------------------------


def test_a_purchase_earns_from_its_price_to_the_close() -> None:
    first, second = WEEKDAYS[0], WEEKDAYS[1]
    closes = CLOSES["WHOLE"]
    series, outcome = only(chunk([[buy(first, "WHOLE", "2", "90", costs=Decimal(1))]]))

    assert series.paid_in[0, :2].tolist() == [181, 0]
    assert series.returns[0, 0] == pytest.approx(2 * closes[first] / 181 - 1, rel=1e-12)
    assert series.returns[0, 1] == pytest.approx(closes[second] / closes[first] - 1, rel=1e-12)
    assert (outcome.start, outcome.end, outcome.observations) == (first, WEEKDAYS[-1], len(WEEKDAYS))


def test_a_sale_of_everything_ends_the_returns_and_a_purchase_resumes_them() -> None:
    book = [
        buy(WEEKDAYS[0], "WHOLE", "2", "90"),
        sell(WEEKDAYS[5], "WHOLE", "2", "95"),
        buy(WEEKDAYS[9], "WHOLE", "1", "99"),
    ]
    series, outcome = only(chunk([book]))

    assert np.flatnonzero(~series.valid[0]).tolist() == [6, 7, 8]
    assert outcome.observations == len(WEEKDAYS) - 3
    assert not set(outcome.problems) - {"annual_return", "calmar_ratio", "beta", "alpha"}


def test_what_happens_at_a_weekend_is_part_of_the_next_session() -> None:
    saturday = date(2024, 1, 6)
    series, _ = only(chunk([[buy(MONDAY, "WHOLE", "1", "100"), buy(saturday, "COIN", "1", "900")]]))

    paid = {day: amount for day, amount in zip(series.grid.days.tolist(), series.paid_in[0], strict=True) if amount}
    assert paid == {MONDAY: 100, date(2024, 1, 8): 900}


def test_a_portfolio_of_coins_alone_has_returns_every_day_and_365_a_year() -> None:
    series, outcome = only(chunk([[buy(MONDAY, "COIN", "1", "900")]]))

    assert series.grid.days.tolist() == DAYS
    returns = series.returns[0]
    assert outcome.figures["annual_volatility"] == pytest.approx(engine.annual_volatility(returns, 365), rel=1e-12)


def test_the_window_ends_with_the_last_price_of_what_is_held() -> None:
    inputs = chunk([[buy(MONDAY, "WHOLE", "1", "100")]])
    inputs.market.closes[0, 40:] = np.nan  # the others go on

    _, outcome = only(inputs)

    assert outcome.end == max(day for day in WEEKDAYS if day < DAYS[40])


@pytest.mark.parametrize(
    ("book", "problem"),
    [
        pytest.param([], "there are no trades yet", id="no trades"),
        pytest.param([buy(MONDAY, "NEVER", "1", "5")], "there is no price since the first trade", id="no price ever"),
        pytest.param(
            [buy(DAYS[-1] + timedelta(days=3), "WHOLE", "1", "5")],
            "there is no price since the first trade",
            id="bought after the last price",
        ),
        pytest.param(
            [buy(MONDAY, "YEN", "1", "5", currency="JPY")],
            "there is no exchange rate from JPY to USD",
            id="no exchange rate",
        ),
        pytest.param(
            [buy(MONDAY, "WHOLE", "1", "0")],
            "the return is undefined from 2024-01-01, when nothing was invested that could earn it",
            id="a gift",
        ),
    ],
)
def test_no_figures_and_why(book: list[PlainTrade], problem: str) -> None:
    _, outcome = only(chunk([book]))

    assert set(outcome.figures.values()) == {None}
    assert outcome.problems == dict.fromkeys(FIGURES, problem)


def test_a_rate_that_begins_too_late_names_its_first_day() -> None:
    inputs = chunk([[buy(MONDAY, "EURO", "1", "70", currency="EUR")]])
    row = inputs.market.asset_ids.tolist().index(IDS["EURUSD"])
    inputs.market.closes[row, :10] = np.nan

    _, outcome = only(inputs)

    assert outcome.problems["beta"] == f"there is no exchange rate from EUR to USD before {DAYS[10]}"


def test_one_portfolio_without_a_rate_leaves_the_others_alone() -> None:
    good = [buy(MONDAY, "WHOLE", "1", "100")]
    bad = [buy(MONDAY, "YEN", "1", "100", currency="JPY")]

    [series] = series_of(chunk([bad, good]))

    assert [bool(problem) for problem in series.problems] == [True, False]


def test_few_returns_give_no_annualised_figure() -> None:
    days = MIN_OBSERVATIONS - 1
    _, outcome = only(chunk([[buy(WEEKDAYS[-days], "WHOLE", "1", "100")]], benchmark=IDS["WHOLE"]))

    assert outcome.observations == days
    assert outcome.problems["sharpe_ratio"] == f"needs 30 days, has {days}"
    assert outcome.problems["annual_return"] == f"needs 252 days, has {days}"
    assert {name for name, value in outcome.figures.items() if value is not None} == {
        "total_return",
        "max_drawdown",
        "win_rate",
    }


def test_figures_are_the_engines() -> None:
    series, outcome = only(chunk([[buy(MONDAY, "WHOLE", "1", "100")]], benchmark=IDS["EURO"]))
    returns = series.returns[0]
    euro = np.array([CLOSES["EURO"][day] * CLOSES["EURUSD"][day] for day in WEEKDAYS])
    beside = euro[1:] / euro[:-1] - 1

    expected = {
        "total_return": np.prod(1 + returns) - 1,
        "annual_volatility": engine.annual_volatility(returns),
        "sharpe_ratio": engine.sharpe_ratio(returns),
        "sortino_ratio": engine.sortino_ratio(returns),
        "max_drawdown": engine.max_drawdown(returns),
        "value_at_risk": engine.value_at_risk(returns),
        "expected_shortfall": engine.expected_shortfall(returns),
        "skewness": engine.skewness(returns),
        "win_rate": engine.win_rate(returns),
        # The panel begins with the purchase, so the benchmark's first return is that of the second day.
        "beta": engine.beta(returns[1:], beside),
        "alpha": engine.alpha(returns[1:], beside),
    }
    known = {name: value for name, value in outcome.figures.items() if value is not None}
    assert known == {name: pytest.approx(value, rel=1e-10) for name, value in expected.items()}


def test_a_portfolio_that_is_its_benchmark_has_beta_one() -> None:
    _, outcome = only(chunk([[buy(WEEKDAYS[3], "WHOLE", "1", str(CLOSES["WHOLE"][WEEKDAYS[2]]))]], benchmark=1))

    assert outcome.figures["beta"] == pytest.approx(1, abs=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.lists(a_book(), min_size=2, max_size=5))
def test_together_is_the_same_as_one_by_one(books: list[list[PlainTrade]]) -> None:
    inputs = chunk(books, benchmark=IDS["EURO"])
    together: dict[int, Outcome] = {}
    for series in series_of(inputs):
        together |= dict(zip(series.rows.tolist(), outcomes(inputs, series), strict=True))

    for row, book in enumerate(books):
        _, alone = only(chunk([book], benchmark=IDS["EURO"]))
        assert together[row].problems == alone.problems
        assert (together[row].start, together[row].end) == (alone.start, alone.end)
        for name, value in alone.figures.items():
            assert together[row].figures[name] == (value and pytest.approx(value, rel=1e-9, abs=1e-12)), name
