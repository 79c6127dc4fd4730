"""Every figure's explanation: it is enough to compute the figure again, and it explains the number that is shown."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from analytics import engine
from analytics.dependence import ESTIMATORS
from analytics.engine import METHODS
from analytics.engine.recording import RecordedArray
from analytics.ex_ante import MEASURES, NO_BENCHMARK
from analytics.explaining import trace_of
from analytics.figures import ALL_LABELS
from analytics.queries.ex_ante import ex_ante
from analytics.queries.explain import FIGURES
from analytics.queries.explain.holding import COLUMNS
from analytics.queries.explain.ratios import CALLS as RATIOS
from analytics.queries.explain.ratios import TAIL, Given
from analytics.queries.exposure import exposure
from analytics.queries.methods import row_of
from analytics.tests.explained import PERIOD, ask, get, modelled, needed, varied_portfolio
from analytics.tests.kept import kept_for_module
from analytics.tests.recomputing import NAMED, every_step, recomputed
from assets.models import HistoricValue
from banking.models import CashTransaction
from core.testing import client_of
from portfolios.models import Lot, Portfolio, Trade
from portfolios.queries import holdings, totals
from users.models import User

pytestmark = pytest.mark.django_db
DAY = re.compile(r"\d{4}-\d\d-\d\d")
built, alice, portfolio = kept_for_module(varied_portfolio)


@pytest.fixture
def client(alice: User) -> APIClient:
    return client_of(alice)


def close(found: Any, told: Any) -> bool:
    """Money to the last digit; anything else to 1e-12 of its size, or of 1."""
    if np.asarray(told).dtype.kind == "U" and DAY.fullmatch(str(np.ravel(told)[0])):
        return bool(np.array_equal(found, told))
    if isinstance(told, str) and told not in NAMED:
        return isinstance(found, Decimal) and found == Decimal(told)
    return bool(np.allclose(found, np.array(told, float), rtol=1e-12, atol=1e-12, equal_nan=True))


def asked(key: str) -> list[dict[str, str]]:
    """What each figure is asked with: now, on a day in the past, over a period."""
    figure = FIGURES[key]
    days: list[dict[str, str]] = [{}, {"as_of": "2025-01-15"}]
    days += [PERIOD] if "start" in figure.takes else []
    days += [{"level": "0.99", "horizon": "10"}] if "level" in figure.takes else []
    days += [{"method": method, "level": "0.975", "horizon": "5"} for method in METHODS if "method" in figure.takes]
    days += [{"window": "100"}] if "window" in figure.takes else []
    days += [{"estimator": estimator} for estimator in ESTIMATORS if "estimator" in figure.takes]
    days += [{"basis": "ex-post"}] if "basis" in figure.takes and "asset" not in figure.asks else []
    days += [{"year": "2024"}] if "year" in figure.takes else []
    return days


def variants(portfolio: Portfolio, key: str) -> list[dict[str, str]]:
    """What each figure is asked with that needs to be told of what: every one of the few assets, factors and ends."""
    base, asks = needed(portfolio, key), FIGURES[key].asks
    assets = ("AAPL", "SAP") if asks == ("asset",) else ()
    factors = {"factor_return": ("mkt_rf", "risk_free", "specific", "total"), "factor_contribution": ("specific",)}
    return [
        base,
        *(base | {"asset": asset} for asset in assets),
        *(base | {"factor": factor} for factor in factors.get(key, ())),
    ]


def test_every_figure_follows_from_its_json_alone(client: APIClient, portfolio: Portfolio) -> None:
    modelled(portfolio)
    for key in FIGURES:
        for query in (term | day for term in variants(portfolio, key) for day in asked(key)):
            body = ask(client, portfolio, key, **query)
            assert body["problem"] is None, (key, query, body["problem"])
            found = recomputed(body)
            assert close(found, body["value"]), (key, query, found, body["value"])
            for name, told, value in every_step(body):
                assert told is None or close(value, told), (key, query, name, told, value)


def test_it_explains_the_numbers_that_are_shown(client: APIClient, portfolio: Portfolio) -> None:
    """Every figure of the risk page and of performance has the value of its endpoint."""
    shown = {metric["key"]: metric["value"] for metric in get(client, portfolio, "risk", level="0.95")["metrics"]}
    for key, value in shown.items():
        assert ask(client, portfolio, key)["value"] == pytest.approx(value, rel=1e-12, abs=1e-15), key
    found = get(client, portfolio, "performance", **PERIOD)
    lines = {line["key"]: line["amount"] for line in found["reconciliation"]["lines"]}
    for name, amount in lines.items():
        assert Decimal(ask(client, portfolio, f"reconciliation_{name}", **PERIOD)["value"]) == Decimal(amount), name
    for name in ("start_value", "end_value"):
        assert Decimal(ask(client, portfolio, name, **PERIOD)["value"]) == Decimal(found["reconciliation"][name])
    assert ask(client, portfolio, "change_in_value", **PERIOD)["value"] == found["reconciliation"]["change"]
    for kind in ("time_weighted", "money_weighted"):
        for key, value in ((f"{kind}_return", "value"), (f"{kind}_return_a_year", "annual")):
            assert ask(client, portfolio, key, **PERIOD)["value"] == pytest.approx(found[kind][value], rel=1e-12), key


def test_what_lies_ahead_is_of_the_weights_of_today(client: APIClient, portfolio: Portfolio) -> None:
    held = exposure(portfolio)
    returns = held.returns @ held.weights
    expected = {
        "ex_ante_volatility": engine.annual_volatility(returns),
        "ex_ante_value_at_risk": engine.value_at_risk(returns),
        "ex_ante_expected_shortfall": engine.expected_shortfall(returns),
    }
    for key, value in expected.items():
        body = ask(client, portfolio, key)
        assert (body["basis"], body["value"]) == ("ex-ante", pytest.approx(float(value), rel=1e-12))
        kinds = {given["source"]["kind"]: given for given in body["inputs"]}
        weights = kinds["weights"]
        assert weights["source"]["symbol"] == ["AAPL", "SAP"]
        whole = Decimal(weights["source"]["total_value"])
        told = [float(Decimal(each) / whole) for each in weights["source"]["worth"]]
        assert weights["value"] == pytest.approx(told, rel=1e-12)
        assert np.shape(kinds["holdings"]["value"]) == (held.observations, 2)


def test_losses_ahead_are_those_of_every_method(client: APIClient, portfolio: Portfolio) -> None:
    for query in ({}, {"window": "120", "as_of": "2025-01-15"}):
        shown = get(client, portfolio, "value-at-risk", levels="0.95,0.975", horizons="1,5", **query)["losses"]
        assert {loss["method"] for loss in shown} == set(METHODS)
        for loss in shown:
            terms = {name: str(loss[name]) for name in ("method", "level", "horizon")} | query
            for measure in MEASURES:
                body = ask(client, portfolio, f"ex_ante_{measure}", **terms)
                assert body["value"] == pytest.approx(loss[measure], rel=1e-12), (terms, measure)
                assert row_of("methods-of-value-at-risk", loss["method"]) in body["formula"]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_who_carries_the_risk(client: APIClient, portfolio: Portfolio, estimator: str) -> None:
    query = {"estimator": estimator, "window": "200"}
    shown = get(client, portfolio, "contributions", **query)
    for key, name in (("risk_volatility", "volatility"), ("diversification_ratio", "diversification")):
        assert ask(client, portfolio, key, **query)["value"] == pytest.approx(shown[name], rel=1e-12), key
    assert {row["name"] for row in shown["holdings"]} == {"AAPL", "SAP"}
    for row in shown["holdings"]:
        for name in ("contribution", "share"):
            body = ask(client, portfolio, f"risk_{name}", asset=row["name"], **query)
            assert body["value"] == pytest.approx(row[name], rel=1e-12), (name, row["name"])
        assert ask(client, portfolio, "risk_weight", asset=row["name"])["value"] == row["weight"]


def test_the_figures_ahead_of_the_risk_page(client: APIClient, portfolio: Portfolio) -> None:
    found = ex_ante(portfolio, methods=["historical"], levels=[0.95], horizons=[1]).figures()
    for key, (value, problem) in found.items():
        assert problem == ""
        assert ask(client, portfolio, key)["value"] == pytest.approx(value, rel=1e-12), key
    portfolio.benchmark = None
    portfolio.save()
    assert ask(client, portfolio, "ex_ante_beta")["problem"] == NO_BENCHMARK


def test_it_explains_the_amounts_that_are_shown(client: APIClient, portfolio: Portfolio) -> None:
    held = holdings([portfolio], include_closed=True)[portfolio.pk]
    sums = totals(portfolio, held)
    for key in ("total_value", "market_value", "invested", "unrealised_gain", "realised_gain", "cash", "receivables"):
        assert Decimal(ask(client, portfolio, key)["value"]) == getattr(sums, key), key
    assert Decimal(ask(client, portfolio, "unrealised_return")["value"]) == sums.unrealised_return
    assert Decimal(ask(client, portfolio, "income")["value"]) == sum(holding.income for holding in held)
    for holding in held:
        for name, *_ in COLUMNS:
            body = ask(client, portfolio, f"holding_{name.removesuffix('_base')}", asset=holding.symbol)
            assert Decimal(body["value"]) == getattr(holding, name), (holding.symbol, name)


def test_periods_are_those_of_performance(client: APIClient, portfolio: Portfolio) -> None:
    for row in get(client, portfolio, "performance")["periods"]:
        for kind in ("time_weighted", "money_weighted"):
            body = ask(client, portfolio, f"{kind}_return", period=row["key"])
            assert body["problem"] == row[kind]["problem"], row["key"]
            if row[kind]["value"] is not None:
                # The table's is of the daily series, whose values are not rounded to cents; this one of the exact ones.
                near = 1e-12 if kind == "time_weighted" else 2e-6
                assert body["value"] == pytest.approx(row[kind]["value"], abs=near), row["key"]
                assert body["window"]["start"] == row["start"]


def test_risk_over_a_period_is_of_its_returns_alone(client: APIClient, portfolio: Portfolio) -> None:
    whole, part = (ask(client, portfolio, "annual_volatility", **query) for query in ({}, PERIOD))
    [returns] = [given for given in part["inputs"] if given["source"]["kind"] == "returns"]
    [every] = [given for given in whole["inputs"] if given["source"]["kind"] == "returns"]
    assert returns["value"] == every["value"][-len(returns["value"]) :]
    assert returns["source"]["days"][0] == "2024-02-01"
    assert part["window"] == {"start": "2024-02-01", "end": "2025-03-31", "observations": len(returns["value"])}
    quarter = ask(client, portfolio, "max_drawdown", period="quarter")
    assert quarter["window"]["start"] == "2025-01-02"


def test_figures_by_period_are_those_of_the_table(client: APIClient, portfolio: Portfolio) -> None:
    """Each figure of each period, or the same reason for there being none; also as of a day without a session."""
    for day in ({}, {"as_of": "2025-01-19"}):
        for row in get(client, portfolio, "periods", level="0.95", **day)["periods"]:
            for metric in row["metrics"]:
                body = ask(client, portfolio, metric["key"], period=row["key"], **day)
                assert body["problem"] == metric["problem"], (row["key"], metric["key"])
                if metric["value"] is not None:
                    assert body["value"] == pytest.approx(metric["value"], rel=1e-12, abs=1e-12), metric["key"]
                    assert recomputed(body) == pytest.approx(body["value"], rel=1e-12, abs=1e-14), metric["key"]


def test_each_return_follows_from_the_values_beside_it(client: APIClient, portfolio: Portfolio) -> None:
    body = ask(client, portfolio, "beta")
    [own] = [given for given in body["inputs"] if given["source"]["kind"] == "returns"]
    [its] = [given for given in body["inputs"] if given["source"]["kind"] == "benchmark"]
    source = {name: np.array(column) for name, column in own["source"].items() if isinstance(column, list)}
    ends, starts = source["value"] + source["paid_out"], source["value_before"] + source["paid_in"]
    np.testing.assert_allclose(ends / starts - 1, own["value"], rtol=1e-12, atol=1e-15)
    bars = {name: np.array(column) for name, column in its["source"].items() if isinstance(column, list)}
    moves = bars["close"] * bars["rate"] / (bars["close_before"] * bars["rate_before"]) - 1
    np.testing.assert_allclose(moves, its["value"], rtol=1e-12, atol=1e-15)
    assert own["source"]["days"] == its["source"]["days"]
    assert its["source"]["price_day"] == its["source"]["days"]
    assert set(its["source"]["source"]) == set(HistoricValue.objects.values_list("source", flat=True))


def test_every_input_says_where_it_stands(client: APIClient, portfolio: Portfolio) -> None:
    """Prices and rates with their day, who gave them and the price clock; lots, trades and cash rows by id."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for key in ("total_value", "realised_gain", "income"):
        for given in ask(client, portfolio, key)["inputs"]:
            kinds.setdefault(given["source"]["kind"], []).append(given)
    for key in ("holding_cost", "holding_realised_gain", "holding_income"):
        for given in ask(client, portfolio, key, asset="SAP")["inputs"]:
            kinds.setdefault(given["source"]["kind"], []).append(given)
    assert set(kinds) == {"lot", "disposal", "dividend", "price", "rate", "cash", "trade", "action"}
    for given in (*kinds["price"], *kinds["rate"]):
        bar = HistoricValue.objects.get(asset__symbol=given["source"]["symbol"], day=given["source"]["day"])
        assert (Decimal(given["value"]), given["source"]["source"], given["source"]["version"]) == (
            bar.close,
            bar.source,
            bar.version,
        )
    for given in kinds["cash"]:
        row = CashTransaction.objects.get(pk=given["source"]["id"])
        assert (Decimal(given["value"]), given["source"]["account"]) == (row.amount, row.account_id)
    for given in kinds["trade"]:
        trade = Trade.objects.get(pk=given["source"]["trade"], portfolio=portfolio)
        assert given["source"]["day"] == trade.day.isoformat()
    opened = set(Lot.objects.open().filter(portfolio=portfolio).values_list("opened_by", "sequence"))
    assert {(given["source"]["trade"], given["source"]["sequence"]) for given in kinds["lot"]} == opened


def test_other_inputs_give_the_figure_of_those(client: APIClient, portfolio: Portfolio) -> None:
    """So the trace is of the computation and not of its numbers: nothing on the way was written in as a constant."""
    random = np.random.default_rng(5)
    for key in ALL_LABELS:
        body = ask(client, portfolio, key, level="0.9", **PERIOD) if key in TAIL else ask(client, portfolio, key)
        columns = {given["source"]["kind"]: given["id"] for given in body["inputs"] if isinstance(given["value"], list)}
        count = body["window"]["observations"]
        returns, benchmark = random.normal(0.001, 0.02, count), random.normal(0.0, 0.01, count)
        others = {"returns": returns, "benchmark": benchmark}
        found = recomputed(body, {name: others[kind] for kind, name in columns.items()})
        given = Given(returns, returns, benchmark, 252, 0.9 if key in TAIL else 0.95, 1)
        assert found == pytest.approx(RATIOS[key](given), rel=1e-12, abs=1e-14), key


@pytest.mark.parametrize("seed", range(20))
def test_the_recorded_computation_is_the_one_of_many_portfolios(seed: int) -> None:
    """What is explained is the single function, what is shown comes from all twelve in one pass: they agree."""
    random = np.random.default_rng(seed)
    count = int(random.integers(30, 400))
    returns, benchmark = random.standard_t(4, count) * 0.01, random.normal(0.0, 0.01, count)
    shown = engine.metrics(returns[:, np.newaxis], benchmark)
    recorded = [RecordedArray.given(values, "") for values in (returns, returns, benchmark, 252, 0.95, 1)]
    for key in engine.METRICS:
        trace = trace_of(RATIOS[key](Given(*recorded)))
        assert trace.value == pytest.approx(float(shown[key][0]), rel=1e-12, abs=1e-12), key
