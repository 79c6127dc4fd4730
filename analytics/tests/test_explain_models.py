"""Explanations of scenarios, factor models, optimisations, pairs and drawdowns: of the numbers that are shown."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from analytics.models import OptimisationRun, Scenario, StressWindow
from analytics.queries.explain import FIGURES, Question, explain
from analytics.tests.explained import SESSIONS, ask, get, modelled, needed, varied_portfolio, walk
from analytics.tests.kept import kept_for_module
from analytics.tests.recomputing import recomputed
from assets.tests.factories import make_asset, make_bars
from core.testing import client_of, count_queries
from portfolios.models import Portfolio
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

pytestmark = pytest.mark.django_db
YOUNG = 150  # the session on which a younger share begins: after the stretch of history
DAYS: tuple[dict[str, str], ...] = ({}, {"as_of": "2025-01-15"})


def all_modelled(owner: User) -> Portfolio:
    return modelled(varied_portfolio(owner))


built, alice, older = kept_for_module(all_modelled)


@pytest.fixture
def portfolio(older: Portfolio) -> Portfolio:
    """With a share that was not traded yet in the stretch of history, and one that has hardly begun."""
    for symbol, start in (("YOUNG", YOUNG), ("NEWEST", len(SESSIONS) - 10)):
        asset = make_asset(symbol)
        make_bars(asset, walk(start, len(SESSIONS) - start), start=SESSIONS[start])
        buy(older, asset, 3, 100, SESSIONS[start])
    return older


@pytest.fixture
def client(alice: User) -> APIClient:
    return client_of(alice)


def test_what_a_scenario_does_is_what_is_shown(client: APIClient, portfolio: Portfolio) -> None:
    """In all and to each holding, whichever way its return is known."""
    ways: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("stress_window", {"window": "spring"}, {"scenario": "spring"}),
        ("stress_benchmark", {"benchmark": -0.2}, {"move": "-0.2"}),
        ("stress_scenario", {"scenario": Scenario.objects.get().pk}, {"scenario": Scenario.objects.get().pk}),
    ]
    seen = set()
    for figure, sent, asked in ways:
        for day in DAYS:
            shown = client.post(f"/portfolios/{portfolio.pk}/stress/", sent | day, format="json").json()
            assert _value(client, portfolio, figure, **asked, **day) == pytest.approx(shown["total"], rel=1e-12)
            for effect in filter(lambda row: row["symbol"], shown["holdings"]):
                seen.add(effect["source"])
                terms = asked | day | {"asset": effect["symbol"]}
                for name, column in (("return", "shock"), ("contribution", "contribution")):
                    found = _value(client, portfolio, f"{figure}_{name}", **terms)
                    assert found == pytest.approx(effect[column], rel=1e-12, abs=1e-15), (figure, terms, name)
    assert seen == {"prices", "beta", "scenario", "none"}


def test_shocks_of_factors_are_what_is_shown(client: APIClient, older: Portfolio) -> None:
    sent = {"model": "ff3", "factors": {"mkt_rf": -0.1, "smb": 0.05}}
    shown = client.post(f"/portfolios/{older.pk}/stress/", sent, format="json").json()
    terms = {"factors": "mkt_rf:-0.1,smb:0.05", "model": "ff3"}
    assert _value(client, older, "stress_factors", **terms) == pytest.approx(shown["total"], rel=1e-12)
    for effect in filter(lambda row: row["symbol"], shown["holdings"]):
        found = _value(client, older, "stress_factors_contribution", **terms, asset=effect["symbol"])
        assert found == pytest.approx(effect["contribution"], rel=1e-12)


def _value(client: APIClient, portfolio: Portfolio, figure: str, **query: Any) -> Any:
    """The figure, which follows from its own JSON."""
    body = ask(client, portfolio, figure, **query)
    assert body["problem"] is None, (figure, query, body["problem"])
    assert recomputed(body) == pytest.approx(body["value"], rel=1e-12, abs=1e-14), (figure, query)
    return body["value"]


def test_a_beta_leads_to_the_returns_behind_it(client: APIClient, portfolio: Portfolio) -> None:
    body = ask(client, portfolio, "stress_benchmark", move="-0.2")
    [betas] = [given for given in body["inputs"] if given["source"]["kind"] == "betas"]
    assert betas["source"]["each_asset"] == "asset_beta"
    for symbol, beta in zip(betas["source"]["symbol"], betas["value"], strict=True):
        assert _value(client, portfolio, "asset_beta", asset=symbol) == pytest.approx(beta, rel=1e-12)
    assert ask(client, portfolio, "asset_beta", asset="NEWEST")["problem"] == "needs 30 days, has 9"


def test_a_stretch_of_history_names_its_bars(client: APIClient, portfolio: Portfolio) -> None:
    inputs = ask(client, portfolio, "stress_window", scenario="spring")["inputs"]
    closes = [given["source"] for given in inputs if given["source"]["kind"] == "closes"]
    assert {source["price_day"][0] for source in closes} == {"2024-03-01", "2024-05-31"}
    assert all(source["version"] and None not in source["version"] and all(source["source"]) for source in closes)


def test_the_factor_model_is_what_is_shown(client: APIClient, older: Portfolio) -> None:
    for query in ({}, {"basis": "ex-post"}, {"model": "us", "as_of": "2025-01-15", "window": "100"}):
        shown = get(client, older, "factors", **query)
        expected = {
            ("factor_r_squared", ""): shown["r_squared"],
            ("factor_adjusted_r_squared", ""): shown["adjusted_r_squared"],
            ("factor_alpha", ""): shown["alpha"]["annual"],
            ("factor_alpha_t", ""): shown["alpha"]["t"],
            ("factor_volatility", ""): shown["risk"]["volatility"],
            ("factor_risk_share", ""): shown["risk"]["factor_share"],
            ("factor_specific_share", ""): shown["risk"]["specific_share"],
            ("factor_contribution", "specific"): shown["risk"]["specific_contribution"],
        }
        names = {"exposure": "value", "exposure_error": "standard_error", "exposure_t": "t", "exposure_p": "p"}
        for row in shown["exposures"]:
            expected |= {(f"factor_{name}", row["factor"]): row[column] for name, column in names.items()}
        for row in shown["risk"]["contributions"]:
            expected[("factor_contribution", row["factor"])] = row["contribution"]
            expected[("factor_contribution_share", row["factor"])] = row["share"]
        for (figure, factor), value in expected.items():
            terms = query | ({"factor": factor} if factor else {})
            assert _value(client, older, figure, **terms) == pytest.approx(value, rel=1e-11, abs=1e-14), (figure, terms)
        _attributed(client, older, query, shown)


def _attributed(client: APIClient, portfolio: Portfolio, query: dict[str, str], shown: dict[str, Any]) -> None:
    """The return of each year, and of all of them, by its sources."""
    for span, year in [
        (shown["attribution"], {}),
        *((span, {"year": span["end"][:4]}) for span in shown["attribution_by_span"]),
    ]:
        sources = {name: span[name] for name in ("total", "risk_free", "specific")} | span["factors"]
        for source, value in sources.items():
            found = _value(client, portfolio, "factor_return", factor=source, **year, **query)
            assert found == pytest.approx(value, rel=1e-11, abs=1e-14), (source, year)


def test_the_part_of_each_holding_in_the_model(client: APIClient, older: Portfolio) -> None:
    held = [row for row in get(client, older, "factors")["holdings"] if row["asset"]]
    assert {row["asset"] for row in held} == {"AAPL", "SAP"}
    for row in held:
        both = row["factor_contribution"] + row["specific_contribution"]
        names = {"r_squared": row["r_squared"], "risk": row["factor_contribution"], "total_risk": both}
        for name, value in (names | {"specific_risk": row["specific_contribution"]}).items():
            found = _value(client, older, f"factor_holding_{name}", asset=row["asset"])
            assert found == pytest.approx(value, rel=1e-11, abs=1e-14), name
        for factor, value in row["exposures"].items():
            found = _value(client, older, "factor_holding_exposure", asset=row["asset"], factor=factor)
            assert found == pytest.approx(value, rel=1e-11)
    body = ask(client, older, "factor_holding_risk", asset="SAP", basis="ex-post")
    assert "own returns" in body["problem"]


def test_a_basis_is_that_of_the_answer(client: APIClient, older: Portfolio) -> None:
    for basis in ("ex-ante", "ex-post"):
        body = ask(client, older, "factor_volatility", basis=basis)
        assert (body["basis"], body["parameters"]["basis"]) == (basis, basis)
        assert (body["parameters"]["model"], body["parameters"]["set"]) == ("ff3", "us")


def test_correlations_are_those_of_the_matrix(client: APIClient, portfolio: Portfolio) -> None:
    terms = {"window": "100", "as_of": "2024-12-31"}
    for estimator in ("sample", "ewma", "ledoit_wolf"):
        for limit in ("2", "30"):
            query = terms | {"estimator": estimator, "limit": limit}
            shown = get(client, portfolio, "correlation", **query)
            average = _value(client, portfolio, "average_correlation", **query)
            assert average == pytest.approx(shown["average"], rel=1e-12)
            matrix = np.array(shown["matrix"])
            for row, one in enumerate(shown["symbols"]):
                for column, other in enumerate(shown["symbols"]):
                    found = _value(client, portfolio, "correlation", asset=one, other=other, **query)
                    assert found == pytest.approx(matrix[row, column], rel=1e-12)


def test_an_optimisation_is_explained_by_what_it_was_stored_with(client: APIClient, older: Portfolio) -> None:
    """To the eighth decimal, which is what is stored; later prices do not change it."""
    run = OptimisationRun.objects.get()
    asset = make_asset("LATER")
    make_bars(asset, walk(77), start=SESSIONS[0])
    buy(older, asset, 3, 100, SESSIONS[20])
    result = run.result
    parts = {"optimal": result["optimum"], "held": result["current"]}
    for name, part in parts.items():
        for key in ("expected_return", "volatility", "sharpe"):
            found = _value(client, older, f"{name}_{key}", run=run.pk)
            assert found == pytest.approx(part[key], abs=5e-7), (name, key)
    frontier = result["frontier"]
    for place in (1, 17, len(frontier["volatility"])):
        for key in ("expected_return", "volatility", "sharpe"):
            found = _value(client, older, f"frontier_{key}", run=run.pk, place=place)
            assert found == pytest.approx(frontier[key][place - 1], abs=5e-7), (place, key)
    for row in result["assets"]:
        terms = {"run": run.pk, "asset": row["symbol"]}
        assert _value(client, older, "optimal_risk_share", **terms) == pytest.approx(row["risk_share"], abs=5e-7)
        for key in ("expected_return", "volatility"):
            assert _value(client, older, f"candidate_{key}", **terms) == pytest.approx(row[key], abs=1e-8)


def test_an_older_optimisation_says_that_it_cannot_be_explained(client: APIClient, older: Portfolio) -> None:
    run = OptimisationRun.objects.get()
    del run.result["expectations"]
    run.save()
    assert "ask for it again" in ask(client, older, "optimal_volatility", run=run.pk)["problem"]


def test_each_drawdown_is_that_of_the_table(client: APIClient, older: Portfolio) -> None:
    names = ("depth", "peak", "trough", "recovered", "sessions", "recovery_sessions")
    missing = {"peak": "it began with the first return", "recovered": "it has not been made good yet"}
    for day in DAYS:
        shown = get(client, older, "drawdowns", top="100", **day)["drawdowns"]
        assert len(shown) > 5
        for place, row in enumerate(shown, start=1):
            for name in names:
                body = ask(client, older, f"drawdown_{name}", place=place, **day)
                if row[name] is None:
                    assert body["problem"] == missing.get(name, missing["recovered"])
                else:
                    assert (body["value"], recomputed(body)) == (row[name], row[name]), (place, name)
        beyond = {"place": str(len(shown) + 1)} | day
        wrong = client.get(f"/portfolios/{older.pk}/explain/drawdown_depth/", beyond)
        assert (wrong.status_code, "place" in wrong.json()["errors"]) == (400, True)


# --- what is refused ----------------------------------------------------------------------------------------------

REFUSED: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("stress_window", "scenario", {"scenario": "no-such"}),
    ("stress_window", "scenario", {}),
    ("stress_window_return", "asset", {"scenario": "spring", "asset": "MSFT"}),
    ("stress_scenario", "scenario", {"scenario": "9" * 18}),
    ("stress_scenario", "scenario", {"scenario": "9" * 40}),
    ("stress_scenario", "scenario", {"scenario": "9" * 400}),
    ("stress_scenario", "scenario", {"scenario": "²"}),
    ("stress_scenario", "scenario", {"scenario": "spring"}),
    ("stress_benchmark", "move", {"move": "NaN"}),
    ("stress_benchmark", "move", {"move": "-1.5"}),
    ("stress_benchmark", "move", {}),
    ("stress_factors", "factors", {"factors": "mkt_rf"}),
    ("stress_factors", "factors", {"factors": "mkt_rf:nan"}),
    ("stress_factors", "factors", {"factors": "mkt_rf:-2"}),
    ("stress_factors", "factors", {"factors": "mkt_rf:0.1,mkt_rf:0.2"}),
    ("stress_factors", "factors", {"factors": "gold:0.1"}),
    ("stress_factors", "model", {"factors": "mkt_rf:0.1", "model": "guess"}),
    ("factor_exposure", "factor", {"factor": "gold"}),
    ("factor_exposure", "factor", {"factor": "specific"}),
    ("factor_exposure", "factor", {}),
    ("factor_r_squared", "model", {"model": "guess"}),
    ("factor_r_squared", "set", {"set": "guess"}),
    ("factor_r_squared", "basis", {"basis": "both"}),
    ("factor_return", "year", {"factor": "total", "year": "1999"}),
    ("factor_return", "year", {"factor": "total", "year": "19999"}),
    ("correlation", "other", {"asset": "AAPL"}),
    ("correlation", "other", {"asset": "AAPL", "other": "MSFT"}),
    ("correlation", "asset", {"asset": "MSFT", "other": "AAPL"}),
    ("correlation", "limit", {"asset": "SAP", "other": "AAPL", "limit": "0"}),
    ("optimal_volatility", "run", {}),
    ("optimal_volatility", "run", {"run": "987654"}),
    ("optimal_volatility", "run", {"run": "9" * 400}),
    ("drawdown_depth", "place", {"place": "0"}),
    ("drawdown_depth", "place", {"place": "100001"}),
)


def test_what_cannot_be_asked_is_refused_by_name(client: APIClient, older: Portfolio) -> None:
    for figure, field, query in REFUSED:
        answer = client.get(f"/portfolios/{older.pk}/explain/{figure}/", query)
        assert answer.status_code == 400, (figure, query, answer.content)
        assert field in answer.json()["errors"], (figure, query, answer.json())
    run = str(OptimisationRun.objects.get().pk)
    answer = client.get(f"/portfolios/{older.pk}/explain/frontier_sharpe/", {"run": run, "place": "51"})
    assert (answer.status_code, answer.json()["detail"]) == (400, "The frontier has 50 points.")
    answer = client.get(f"/portfolios/{older.pk}/explain/candidate_volatility/", {"run": run, "asset": "MSFT"})
    assert (answer.status_code, "asset" in answer.json()["errors"]) == (400, True)


def test_nobody_elses_scenario_or_optimisation_is_explained(client: APIClient, older: Portfolio, bob: User) -> None:
    """bob's own portfolio does not lead to alice's scenario, nor to an optimisation of hers."""
    own, theirs = make_portfolio(bob, "His"), client_of(bob)
    scenario, run = Scenario.objects.get().pk, OptimisationRun.objects.get().pk
    asked = {"stress_scenario": {"scenario": scenario}, "optimal_volatility": {"run": run}}
    for figure, query in asked.items():
        assert client.get(f"/portfolios/{older.pk}/explain/{figure}/", query).status_code == 200
        assert theirs.get(f"/portfolios/{older.pk}/explain/{figure}/", query).status_code == 404
        assert theirs.get(f"/portfolios/{own.pk}/explain/{figure}/", query).status_code == 400


def test_what_is_missing_is_said(client: APIClient, older: Portfolio, alice: User) -> None:
    StressWindow.objects.create(key="long", name="Long ago", start=date(1999, 1, 4), end=date(1999, 3, 4))
    assert "1999-01-04" in ask(client, older, "stress_window", scenario="long")["problem"]
    older.benchmark = None
    older.save()
    assert "no benchmark" in ask(client, older, "stress_benchmark", move="-0.1")["problem"]
    assert "no benchmark" in ask(client, older, "asset_beta", asset="SAP")["problem"]
    empty = make_portfolio(alice, "Empty")
    assert ask(client, empty, "factor_r_squared", basis="ex-post")["problem"].startswith("The portfolio has no returns")
    assert ask(client, empty, "drawdown_depth", place="1")["problem"] == "there are no trades yet"


FROM_EACH_PART: tuple[str, ...] = (
    "stress_window_return",
    "stress_benchmark",
    "stress_scenario",
    "stress_factors",
    "asset_beta",
)
FROM_EACH_PART += ("factor_exposure", "factor_holding_risk", "correlation", "optimal_sharpe", "drawdown_trough")


def test_each_figure_sends_as_many_queries_for_more_rows(older: Portfolio) -> None:
    queries = {key: _queries(older, key) for key in FROM_EACH_PART}
    assert max(queries.values()) <= 30, queries
    for number in range(5):
        asset = make_asset(f"S{number}", currency="EUR")
        make_bars(asset, walk(20 + number), start=SESSIONS[0])
        buy(older, asset, 2, 100, SESSIONS[20 + number])
    assert {key: _queries(older, key) for key in FROM_EACH_PART} == queries


def _queries(portfolio: Portfolio, key: str) -> int:
    question = Question.of(portfolio, needed(portfolio, key) | _numbers(portfolio, key) | {"asker": portfolio.owner})
    explain(FIGURES[key], question)  # what is loaded once is loaded now
    return count_queries(lambda: explain(FIGURES[key], question))[0]


def _numbers(portfolio: Portfolio, key: str) -> dict[str, int]:
    return {name: int(value) for name, value in needed(portfolio, key).items() if name in ("run", "place")}
