"""Factor models of a portfolio over HTTP and on their page: figures that follow from the books, and what is missing."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from django.test import Client
from numpy.testing import assert_allclose

from analytics import engine, queries
from analytics.models import FactorReturn, FactorSet
from analytics.services.factors import NewFactor, NewFactorSet, create_factor_set, store_returns, table_of
from assets.models import Asset
from assets.sessions import sessions
from assets.tests.factories import make_asset, make_bars
from core.testing import Page, client_of, count_queries
from portfolios.models import Portfolio
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

pytestmark = pytest.mark.django_db
DAYS = sessions("XNYS", date(2019, 1, 2), date(2022, 12, 30))
MOVES = np.random.default_rng(12).normal(0.0003, 0.01, (len(DAYS), 3))
RATE = 0.00002


def moving(symbol: str, betas: list[float], seed: int) -> Asset:
    own = np.random.default_rng(seed).normal(0, 0.006, len(DAYS))
    closes = 100 * np.cumprod(1 + MOVES @ betas + own)
    asset = make_asset(symbol)
    make_bars(asset, [f"{close:.4f}" for close in closes], start=DAYS[0])
    return asset


def factor_set(key: str, columns: dict[str, Any], days: list[date], frequency: str = "daily") -> FactorSet:
    factors = [NewFactor(name, risk_free=name == "rf") for name in columns]
    made = create_factor_set(new=NewFactorSet(key, key.title(), frequency, currency="USD", factors=factors), actor=None)
    rows = [(day, {name: float(values[place]) for name, values in columns.items()}) for place, day in enumerate(days)]
    store_returns(factor_set=made, table=table_of(rows, frequency), actor=None)
    return made


@pytest.fixture
def daily(db: None) -> FactorSet:
    """mkt_rf and smb of the moves that drive the assets, a risk-free rate, and hml."""
    columns = {name: MOVES[:, place] for place, name in enumerate(("mkt_rf", "smb", "hml"))}
    return factor_set("us", columns | {"rf": np.full(len(DAYS), RATE)}, DAYS)


@pytest.fixture
def growth(alice: User) -> Portfolio:
    portfolio = make_portfolio(alice)
    buy(portfolio, moving("AAPL", [1.2, 0.5, -0.3], 1), 10, 100, DAYS[0])
    buy(portfolio, moving("MSFT", [0.8, -0.2, 0.4], 2), 5, 100, DAYS[10])
    return portfolio


def ask(portfolio: Portfolio, query: str = "") -> Any:
    return client_of(portfolio.owner).get(f"/portfolios/{portfolio.pk}/factors/{query}")


def test_exposures_ex_ante_are_those_of_todays_weights(growth: Portfolio, daily: FactorSet) -> None:
    answer = ask(growth, "?model=ff3").json()

    held = queries.exposure(growth)
    place = np.isin(np.array(DAYS, "datetime64[D]"), held.days)
    fit = engine.factor_regression(held.portfolio_returns, MOVES[place], RATE)
    assert [row["factor"] for row in answer["exposures"]] == ["mkt_rf", "smb", "hml"]
    assert_allclose([row["value"] for row in answer["exposures"]], fit.betas, rtol=1e-9)
    assert_allclose([row["standard_error"] for row in answer["exposures"]], fit.beta_errors, rtol=1e-9)
    assert_allclose([row["t"] for row in answer["exposures"]], fit.beta_t, rtol=1e-9)
    assert_allclose(answer["alpha"]["annual"], (1 + fit.alpha) ** 252 - 1, rtol=1e-9)
    assert_allclose(answer["r_squared"], fit.r_squared, rtol=1e-9)
    assert answer["window"] == {
        "start": DAYS[1].isoformat(),
        "end": DAYS[-1].isoformat(),
        "observations": len(DAYS) - 1,
    }
    assert (answer["basis"], answer["as_of"], answer["periods"]) == ("ex-ante", "2022-12-30", 252)
    model = answer["model"]
    assert (model["key"], model["set"], model["risk_free"], model["frequency"]) == ("ff3", "us", "rf", "daily")
    assert answer["notes"] == []


def test_parts_add_up(growth: Portfolio, daily: FactorSet) -> None:
    for basis in ("ex-ante", "ex-post"):
        answer = ask(growth, f"?model=us&basis={basis}&span=month").json()
        risk = answer["risk"]
        through = sum(row["contribution"] for row in risk["contributions"])
        assert_allclose(through + risk["specific_contribution"], risk["volatility"], rtol=1e-10)
        assert_allclose(sum(row["share"] for row in risk["contributions"]), risk["factor_share"], rtol=1e-9)
        assert_allclose(risk["factor_share"] + risk["specific_share"], 1, rtol=1e-12)
        for row in (answer["attribution"], *answer["attribution_by_span"]):
            parts = row["risk_free"] + sum(row["factors"].values()) + row["specific"]
            assert_allclose(parts, row["total"], rtol=1e-9, atol=1e-13)
        assert len(answer["attribution_by_span"]) == 48
        if basis == "ex-post":
            assert answer["holdings"] is None
            continue
        assert [row["asset"] for row in answer["holdings"]] == ["AAPL", "MSFT", None]
        assert_allclose(sum(row["factor_contribution"] for row in answer["holdings"]), through, rtol=1e-9)
        alone = sum(row["specific_contribution"] for row in answer["holdings"])
        assert_allclose(alone, risk["specific_contribution"], rtol=1e-9)


def test_ex_post_is_of_the_portfolios_own_returns(growth: Portfolio, daily: FactorSet) -> None:
    answer = ask(growth, "?model=capm&basis=ex-post").json()

    own = queries.series(growth)
    place = np.isin(np.array(DAYS, "datetime64[D]"), own.days)
    fit = engine.factor_regression(own.returns, MOVES[place, 0], RATE)
    assert_allclose(answer["exposures"][0]["value"], fit.betas[0], rtol=1e-9)
    assert_allclose(answer["attribution"]["total"], own.cumulative[-1], rtol=1e-9)


def test_as_of_and_window_look_back_only(growth: Portfolio, daily: FactorSet) -> None:
    answer = ask(growth, "?model=ff3&as_of=2021-06-30&window=100&rolling=60").json()
    assert (answer["as_of"], answer["window"]["end"]) == ("2021-06-30", "2021-06-30")
    assert answer["window"]["observations"] == 100
    assert (answer["rolling"]["window"], len(answer["rolling"]["days"])) == (60, 41)
    assert set(answer["rolling"]["exposures"]) == {"mkt_rf", "smb", "hml"}


def test_a_monthly_set_compounds_days_and_a_daily_one_goes_before(growth: Portfolio) -> None:
    ends = np.unique(np.array(DAYS, "datetime64[M]"))
    values = {"mkt_rf": np.random.default_rng(4).normal(0, 0.04, len(ends))}
    factor_set("slow", values, [end.astype("datetime64[D]").item() for end in ends], "monthly")

    monthly = ask(growth, "?model=capm").json()
    # The weights change on the way to the month's end; the own returns do not.
    own = ask(growth, "?model=capm&basis=ex-post").json()

    assert (monthly["model"]["set"], monthly["periods"], monthly["window"]["observations"]) == ("slow", 12, 47)
    assert own["window"]["start"] == "2019-02-01"  # the first weekday of January 2019 had no session
    assert "no risk-free rate" in monthly["notes"][0]
    factor_set("quick", {"mkt_rf": MOVES[:, 0]}, DAYS)
    assert ask(growth, "?model=capm").json()["model"]["set"] == "quick"
    assert ask(growth, "?model=capm&set=slow").json()["model"]["set"] == "slow"


def test_a_set_that_has_too_little_gives_way_to_one_that_fits(growth: Portfolio, daily: FactorSet) -> None:
    factor_set("brief", {"mkt_rf": MOVES[:5, 0]}, DAYS[:5])
    assert ask(growth, "?model=capm").json()["model"]["set"] == "us"
    brief = ask(growth, "?model=brief")
    assert (brief.status_code, brief.json()["code"]) == (400, "too_little_overlap")


def test_without_a_name_it_is_the_richest_model_of_the_newest_set(growth: Portfolio, daily: FactorSet) -> None:
    factor_set("old", {"mom": MOVES[:900, 2]}, DAYS[:900])
    assert ask(growth).json()["model"]["key"] == "ff3"
    assert ask(growth, f"?model={FactorSet.objects.get(key='old').pk}").json()["model"]["key"] == "old"


def test_too_little_in_common_names_both_ranges(growth: Portfolio) -> None:
    factor_set("past", {"mkt_rf": MOVES[:200, 0]}, sessions("XNYS", date(2017, 1, 3), date(2018, 12, 31))[:200])
    for query in ("", "?basis=ex-post", "?model=past"):
        answer = ask(growth, query)
        assert (answer.status_code, answer.json()["code"]) == (400, "too_little_overlap")
        assert "run from 2019-01-0" in answer.json()["detail"]
        assert (
            "(Past) from 2017-01-03 to 2017-10-17; they share nothing, 60 days are needed." in answer.json()["detail"]
        )


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?model=ff5", "no_factor_set"),
        ("?model=nosuch", "no_such_model"),
        ("?model=999", "no_such_model"),
        ("?model=ff3&set=nosuch", "no_factor_set"),
        ("?set=nosuch", "no_factor_set"),
        ("?window=30", "window_too_short"),
        ("?as_of=2018-01-01", "nothing_held"),
        ("?as_of=2018-01-01&basis=ex-post", "no_returns"),
        ("?basis=guess", "invalid"),
        ("?window=0", "invalid"),
        ("?rolling=5", "invalid"),
        ("?span=day", "invalid"),
        ("?model=" + "9" * 400, "invalid"),
    ],
)
def test_what_cannot_be_answered(query: str, code: str, growth: Portfolio, daily: FactorSet) -> None:
    answer = ask(growth, query)
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.content


def test_collinear_factors_are_an_error_and_no_figure(growth: Portfolio) -> None:
    factor_set("twice", {"a": MOVES[:, 0], "b": 2 * MOVES[:, 0]}, DAYS)
    answer = ask(growth, "?model=twice")
    assert (answer.status_code, answer.json()["detail"]) == (400, "the factors are collinear")


def test_without_any_set(growth: Portfolio) -> None:
    answer = ask(growth)
    assert (answer.status_code, answer.json()["code"]) == (400, "no_factor_set")


def test_nobody_else_sees_it(growth: Portfolio, daily: FactorSet, bob: User) -> None:
    assert client_of(bob).get(f"/portfolios/{growth.pk}/factors/").status_code == 404


def test_factors_in_another_currency_are_said(growth: Portfolio, daily: FactorSet) -> None:
    FactorSet.objects.update(currency="EUR")
    assert ask(growth).json()["notes"] == ["The factors are returns in EUR, the portfolio's are in USD."]


def test_a_set_that_ends_early_is_said(growth: Portfolio) -> None:
    factor_set("past", {"mkt_rf": MOVES[:500, 0]}, DAYS[:500])
    notes = ask(growth).json()["notes"]
    assert f"The factor set has nothing after {DAYS[499]}: what happened since is not in the figures." in notes


def test_a_day_without_one_factor_is_left_out_and_not_added_to_the_next(growth: Portfolio, daily: FactorSet) -> None:
    FactorReturn.objects.filter(factor__factor_set=daily, factor__key__in=["mkt_rf", "rf"], day=DAYS[500]).delete()

    answer = ask(growth, "?model=capm&basis=ex-post").json()

    own = queries.series(growth)
    kept = own.days != np.datetime64(DAYS[500])
    place = np.isin(np.array(DAYS, "datetime64[D]"), own.days[kept])
    fit = engine.factor_regression(own.returns[kept], MOVES[place, 0], RATE)
    assert_allclose(answer["exposures"][0]["value"], fit.betas[0], rtol=1e-9)
    assert answer["window"]["observations"] == len(own.days) - 1
    assert [note for note in answer["notes"] if "left out" in note]


def test_queries_do_not_grow_with_holdings_or_days(growth: Portfolio, daily: FactorSet, settings: Any) -> None:
    settings.CALCULATION_CACHE = 0
    ask(growth)  # what is loaded once
    few, _ = count_queries(lambda: ask(growth))
    for number in range(6):
        buy(growth, moving(f"S{number}", [1, 0, 0], 20 + number), 3, 100, DAYS[0])
    ask(growth)
    many, texts = count_queries(lambda: ask(growth))
    assert many == few <= 16, texts


# --- the page --------------------------------------------------------------------------------------------------------


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def show(browser: Client, query: str = "") -> str:
    answer = browser.get(f"/analytics/factors/{query}")
    assert answer.status_code == 200
    html = answer.content.decode()
    assert Page(html).faults == []
    return html


def test_the_page_shows_every_part(browser: Client, growth: Portfolio, daily: FactorSet) -> None:
    html = show(browser)

    assert 'aria-current="page">Factors</a>' in html
    assert "Ex-ante: today&#x27;s holdings" in html or "Ex-ante: today's holdings" in html
    for part in ("Exposures", "Where the risk comes from", "Exposures over time", "Where the return came from"):
        assert part in html
    assert 'data-chart="rolling-data"' in html
    assert '<span class="symbol">MSFT</span>' in html
    assert 'value="ff3.us" selected' in html
    assert '/methods/#factor-exposures"' in html


def test_the_page_ex_post_and_of_another_model(browser: Client, growth: Portfolio, daily: FactorSet) -> None:
    html = show(browser, "?basis=ex-post&model=capm.us&as_of=2022-06-30")
    assert "Ex-post: the portfolio" in html
    assert 'value="capm.us" selected' in html
    assert "as of 30 Jun 2022" in html
    assert "Choose today's holdings to see each of them" in html or "Choose today&#x27;s holdings" in html
    assert 'value="ff3.us" selected' in show(browser, "?model=nosuch&basis=x")


def test_the_page_says_what_is_missing(browser: Client, growth: Portfolio, alice: User) -> None:
    assert "No factor set is loaded yet" in show(browser)
    assert "Load a factor set" not in show(browser)
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    assert 'href="/market/factors/"' in show(browser)
    factor_set("brief", {"mkt_rf": MOVES[:5, 0]}, DAYS[:5])
    html = show(browser)
    assert "There are no figures for this choice" in html
    assert "they share 4 whole days, 60 days are needed" in html


def test_the_page_of_somebody_without_a_portfolio(client: Client, bob: User) -> None:
    client.force_login(bob)
    assert "no portfolio of yours yet" in client.get("/analytics/factors/").content.decode()
