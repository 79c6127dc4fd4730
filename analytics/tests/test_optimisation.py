"""Optimisations of a portfolio: asked for over HTTP, computed by a worker, and what comes out."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone
from numpy.testing import assert_allclose

from activity.models import Job, JobState
from analytics.engine import Limits, optimise
from analytics.models import OptimisationRun
from analytics.optimiser import MOST_ASSETS, MOST_VIEWS, Terms
from analytics.queries.universe import universe
from analytics.services.optimising import (
    LOST,
    MOST_ATTEMPTS,
    MOST_UNFINISHED,
    RunLost,
    _claim,
    _computed,
    request_optimisation,
    run_optimisation,
    waiting,
)
from analytics.tests.candidates import SESSIONS, invested, moving
from analytics.tests.kept import kept_for_module
from assets.models import CompanyProfile
from core.testing import client_of, owner_of
from portfolios.models import Portfolio
from portfolios.tests.factories import make_portfolio
from users.models import User

pytestmark = pytest.mark.django_db
built, alice, growth = kept_for_module(invested)


def ask(portfolio: Portfolio, user: User, **terms: Any) -> Any:
    body = {"objective": "min_variance"} | terms
    return client_of(user).post(f"/portfolios/{portfolio.pk}/optimise/", body, format="json")


def ran(portfolio: Portfolio, **terms: Any) -> OptimisationRun:
    """Asked for, computed, and read again."""
    answer = ask(portfolio, owner_of(portfolio), **terms)
    assert answer.status_code == 202, answer.content
    run_optimisation(answer.json()["id"], now=timezone.now())
    return OptimisationRun.objects.get(pk=answer.json()["id"])


def weights(run: OptimisationRun) -> dict[str, float]:
    assert run.state == "done", run.message
    return {row["symbol"]: row["weight"] for row in run.result["assets"]}


def test_from_the_request_to_the_result(growth: Portfolio, alice: User) -> None:
    answer = ask(growth, alice)

    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    job = client_of(alice).get(f"/api/jobs/{answer.json()['job']}/").json()
    assert (job["kind"], job["state"], job["done"]) == ("optimisation", "running", 0)
    run_optimisation(answer.json()["id"], now=timezone.now())

    found = client_of(alice).get(f"/portfolios/{growth.pk}/optimise/{answer.json()['id']}/").json()
    assert (found["state"], found["objective"], found["asked_by"]) == ("done", "min_variance", "alice")
    assert (found["as_of"], found["window_end"]) == (str(SESSIONS[-1]), str(SESSIONS[-1]))
    assert found["observations"] == len(SESSIONS) - 1
    result = found["result"]
    assert [row["symbol"] for row in result["assets"]] == ["AAPL", "MSFT", "XOM"]
    assert result["basis"] == "ex-ante"
    assert len(result["frontier"]["volatility"]) == 50
    job = client_of(alice).get(f"/api/jobs/{answer.json()['job']}/").json()
    assert (job["state"], job["result"]) == ("done", {"run": found["id"]})
    # The weights, the frontier, and a rebalancing every 63 sessions after the first year.
    assert job["done"] == job["total"] == 2 + -(-(len(SESSIONS) - 1 - 252) // 63)


def test_the_weights_are_the_engines_on_the_portfolios_history(growth: Portfolio) -> None:
    run = ran(growth, window=450)

    known = universe(growth)
    engine = optimise(known.returns[-450:], objective="min_variance")
    assert_allclose(list(weights(run).values()), engine.weights, atol=1e-7)
    assert_allclose(run.result["optimum"]["volatility"], engine.volatility, rtol=1e-6)
    assert run.observations == 450
    value = {row["symbol"]: row["current"] for row in run.result["assets"]}
    assert known.current is not None
    assert_allclose(list(value.values()), known.current, atol=1e-8)
    assert sum(value.values()) == pytest.approx(1)


def test_the_versions_it_was_computed_from_are_kept(growth: Portfolio) -> None:
    run = ran(growth)

    growth.refresh_from_db()
    assert run.portfolio_version == growth.version
    assert run.price_version is not None
    assert run.price_version > 0


def test_further_assets_join_what_is_held(growth: Portfolio) -> None:
    found = weights(ran(growth, objective="risk_parity", extra=["JPM", "KO", "AAPL"]))

    assert list(found) == ["AAPL", "MSFT", "XOM", "JPM", "KO"]
    assert min(found.values()) > 0.05


def test_a_portfolio_that_holds_nothing_chooses_among_the_further_assets(growth: Portfolio, alice: User) -> None:
    empty = make_portfolio(alice, "Empty")

    run = ran(empty, extra=["JPM", "KO"])

    assert set(weights(run)) == {"JPM", "KO"}
    assert run.result["current"] is None
    assert ask(empty, alice).json()["detail"].startswith("Nothing is held")


def test_limits_of_assets_sectors_and_turnover(growth: Portfolio) -> None:
    run = ran(
        growth,
        extra=["JPM"],
        upper="0.6",
        assets=[{"asset": "XOM", "lower": "0.15"}],
        sectors=[{"sector": "Technology", "maximum": "0.5", "minimum": None}],
        turnover="0.4",
    )

    found = weights(run)
    assert found["XOM"] >= 0.15 - 1e-9
    assert found["AAPL"] + found["MSFT"] <= 0.5 + 1e-6
    assert run.result["current"]["turnover"] <= 0.4 + 1e-6
    known = universe(growth, extra=["JPM"])
    plain = optimise(known.returns, objective="min_variance", limits=Limits(upper=0.6))
    assert run.result["optimum"]["volatility"] >= plain.volatility


def test_every_objective_and_estimator_runs(growth: Portfolio) -> None:
    views = [{"asset": "AAPL", "against": "XOM", "earns": "0.1", "confidence": "0.6"}]
    for terms in (
        {"objective": "max_sharpe", "estimator": "ewma"},
        {"objective": "target_return", "target": "0.05"},
        {"objective": "target_volatility", "target": 0.2, "estimator": "ledoit_wolf"},
        {"objective": "hrp"},
        {"objective": "black_litterman", "views": views, "market": "equal"},
        {"objective": "min_cvar", "level": "0.9"},
    ):
        run = ran(growth, **terms)
        assert sum(weights(run).values()) == pytest.approx(1, abs=1e-6), terms
        assert np.isfinite(json.loads(json.dumps(run.result["optimum"]["sharpe"])))


def test_views_move_black_litterman_away_from_what_is_held(growth: Portfolio) -> None:
    neutral = ran(growth, objective="black_litterman")
    view = {"asset": "XOM", "earns": "0.6", "confidence": "0.9"}
    bold = ran(growth, objective="black_litterman", views=[view])

    held = {row["symbol"]: row["current"] for row in neutral.result["assets"]}
    assert weights(neutral) == pytest.approx(held, abs=1e-5)
    assert weights(bold)["XOM"] > held["XOM"] + 0.1


def test_market_values_are_the_neutral_weights_if_they_are_known(growth: Portfolio) -> None:
    worth = {"AAPL": 3_000_000, "MSFT": 1_000_000, "XOM": 1_000_000}
    for investment in growth.investments.select_related("asset"):
        asset = investment.asset
        CompanyProfile.objects.create(asset=asset, currency="USD", market_cap=worth[asset.symbol], source="test")
    found = weights(ran(growth, objective="black_litterman", market="capitalisation"))
    assert found == pytest.approx({"AAPL": 0.6, "MSFT": 0.2, "XOM": 0.2}, abs=1e-5)

    CompanyProfile.objects.filter(asset__symbol="MSFT").update(market_cap=None)
    failed = ran(growth, objective="black_litterman", market="capitalisation")
    assert (failed.state, failed.message) == ("failed", "The market value of MSFT is not known.")


def test_the_walk_forward_is_told_with_its_figures(growth: Portfolio) -> None:
    walk = ran(growth, lookback=300, cost="0.002").result["walk_forward"]

    first = SESSIONS[1:][300]
    assert (walk["days"][0], walk["days"][-1]) == (str(first), str(SESSIONS[-1]))
    assert len(walk["days"]) == len(walk["optimised"]) == len(walk["equal"]) == len(SESSIONS) - 1 - 300
    assert walk["rebalanced"][:2] == [str(first), str(SESSIONS[1:][363])]
    for track in ("optimised", "equal"):
        assert_allclose(walk["figures"][track]["total_return"], walk[track][-1])
        assert walk["figures"][track]["turnover"] > 0
    assert walk["figures"]["optimised"]["annual_volatility"] < walk["figures"]["equal"]["annual_volatility"]


def test_too_short_a_history_for_the_walk_leaves_the_weights(growth: Portfolio) -> None:
    moving("NEW", 9, start=len(SESSIONS) - 100)

    run = ran(growth, extra=["NEW"])

    assert sum(weights(run).values()) == pytest.approx(1)
    assert run.result["walk_forward"] == {"problem": "needs 253 days, has 99"}
    assert run.observations == 99


FAILURES: dict[str, tuple[dict[str, Any], str, str]] = {
    "infeasible": (
        {"objective": "target_return", "target": "5"},
        "target",
        "An expected return of 500 % a year is out of reach",
    ),
    "sector": (
        {"sectors": [{"sector": "Energy", "minimum": "0.5"}], "upper": "0.4"},
        "sectors",
        "Energy together at least 50 % cannot be",
    ),
    "turnover": (
        {"upper": "0.34", "turnover": "0.01"},
        "turnover",
        "A turnover of at most 1 % is too little",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_what_cannot_be_is_said_in_the_run_and_its_job(case: str, growth: Portfolio) -> None:
    terms, about, words = FAILURES[case]

    run = ran(growth, **terms)

    assert (run.state, run.about, run.result) == ("failed", about, {})
    assert words in run.message
    job = Job.objects.get()
    assert (job.state, job.message) == ("failed", run.message)


def test_too_short_a_history_fails_by_name(growth: Portfolio) -> None:
    moving("YOUNG", 8, start=len(SESSIONS) - 12)

    run = ran(growth, extra=["YOUNG"])

    assert (run.state, run.message) == ("failed", "YOUNG: needs 30 days, has 11")


def test_an_earlier_day_knows_nothing_of_what_came_later(growth: Portfolio) -> None:
    run = ran(growth, as_of=str(SESSIONS[400]))

    assert (run.as_of, run.window_end) == (SESSIONS[400], SESSIONS[400])
    assert run.observations == 400


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "objective": ({"objective": "max_luck"}, "objective"),
    "no target": ({"objective": "target_return"}, "target"),
    "volatility of nothing": ({"objective": "target_volatility", "target": "0"}, "target"),
    "level 0": ({"level": "0"}, "level"),
    "level 1": ({"level": "1"}, "level"),
    "NaN": ({"lower": "NaN"}, "lower"),
    "a huge number": ({"upper": "1" * 30}, "upper"),
    "a short window": ({"window": 5}, "window"),
    "a long window": ({"window": 10**9}, "window"),
    "a short lookback": ({"lookback": 1}, "lookback"),
    "an unknown asset": ({"extra": ["NOSUCH"]}, "extra"),
    "an index": ({"extra": ["^INDEX"]}, "extra"),
    "a limit of another asset": ({"assets": [{"asset": "JPM", "upper": "0.5"}]}, "assets"),
    "a limit twice": ({"assets": [{"asset": "AAPL"}, {"asset": "AAPL"}]}, "assets"),
    "another sector": ({"sectors": [{"sector": "Mining", "maximum": "0.5"}]}, "sectors"),
    "a negative turnover": ({"turnover": "-1"}, "turnover"),
    "no confidence": ({"views": [{"asset": "AAPL", "earns": "0.1", "confidence": "0"}]}, "views"),
    "a view of another asset": ({"views": [{"asset": "JPM", "earns": "0.1", "confidence": "1"}]}, "views"),
    "a view against itself": (
        {"views": [{"asset": "AAPL", "against": "AAPL", "earns": "0.1", "confidence": "1"}]},
        "views",
    ),
    "too many views": ({"views": [{"asset": "AAPL", "earns": "0", "confidence": "1"}] * (MOST_VIEWS + 1)}, "views"),
    "too many assets": ({"extra": ["JPM"] * (MOST_ASSETS + 1)}, "extra"),
    "a day to come": ({"as_of": "2999-01-01"}, "as_of"),
    "an unknown term": ({"colour": "red"}, "colour"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_terms_that_make_no_sense_are_refused_by_name(case: str, growth: Portfolio, alice: User) -> None:
    terms, field = REFUSED[case]

    answer = ask(growth, alice, **terms)

    assert answer.status_code == 400
    assert [name.split(".")[0].split("[")[0] for name in answer.json()["errors"]] == [field]
    assert not OptimisationRun.objects.exists()
    assert not Job.objects.exists()


def test_one_person_has_a_few_under_way(growth: Portfolio, alice: User) -> None:
    for _ in range(MOST_UNFINISHED):
        assert ask(growth, alice).status_code == 202
    refused = ask(growth, alice)
    assert (refused.status_code, refused.json()["code"]) == (400, "too_many_runs")

    run_optimisation(OptimisationRun.objects.earliest("pk").pk, now=timezone.now())
    assert ask(growth, alice).status_code == 202


def test_the_same_key_asks_once(growth: Portfolio, alice: User) -> None:
    client = client_of(alice)
    url = f"/portfolios/{growth.pk}/optimise/"
    answers = [
        client.post(url, {"objective": "hrp"}, format="json", headers={"idempotency-key": "k1"}) for _ in range(2)
    ]

    assert [answer.json()["id"] for answer in answers] == [OptimisationRun.objects.get().pk] * 2
    assert answers[1]["Idempotency-Replayed"] == "true"


def test_the_list_is_the_portfolios_newest_first_and_without_results(growth: Portfolio, alice: User, bob: User) -> None:
    ran(growth, objective="hrp")
    ask(growth, alice)

    listed = client_of(alice).get(f"/api/portfolios/{growth.pk}/optimise/").json()["results"]
    assert [(row["objective"], row["state"]) for row in listed] == [("min_variance", "queued"), ("hrp", "done")]
    assert "result" not in listed[0]
    done = client_of(alice).get(f"/api/portfolios/{growth.pk}/optimise/?state=done").json()
    assert done["count"] == 1
    other = make_portfolio(alice, "Other")
    assert client_of(alice).get(f"/portfolios/{other.pk}/optimise/{listed[1]['id']}/").status_code == 404
    assert client_of(bob).get(f"/portfolios/{growth.pk}/optimise/").status_code == 404
    assert ask(growth, bob).status_code == 404


def test_a_run_is_computed_once_however_often_it_is_delivered(growth: Portfolio) -> None:
    run = ran(growth)
    finished = run.finished_at

    run_optimisation(run.pk, now=timezone.now() + timedelta(days=1))

    run.refresh_from_db()
    assert (run.finished_at, run.fence) == (finished, 1)
    assert waiting(timezone.now()) == []


def test_a_lost_run_is_found_and_the_late_worker_writes_nothing(growth: Portfolio, alice: User) -> None:
    run = request_optimisation(portfolio=growth, actor=alice, terms=Terms())
    now = timezone.now()
    late = _claim(run.pk, now)
    assert late is not None
    assert _claim(run.pk, now) is None, "it is taken"
    assert waiting(now) == []
    later = now + timedelta(minutes=5)
    assert waiting(later) == [run.pk]

    second = _claim(run.pk, later)
    with pytest.raises(RunLost):
        _computed(late, OptimisationRun.objects.select_related("portfolio", "job").get(pk=run.pk))

    assert second is not None
    run.refresh_from_db()
    assert (run.state, run.fence) == ("running", second.fence)


def test_a_run_that_kills_its_workers_ends(growth: Portfolio, alice: User) -> None:
    run = request_optimisation(portfolio=growth, actor=alice, terms=Terms())
    now = timezone.now()
    for attempt in range(MOST_ATTEMPTS):
        assert _claim(run.pk, now + timedelta(minutes=5 * attempt))

    run_optimisation(run.pk, now=now + timedelta(hours=1))

    run.refresh_from_db()
    assert (run.state, run.message) == ("failed", LOST)
    assert Job.objects.get().state == JobState.FAILED


def test_the_admin_shows_runs_and_changes_none(growth: Portfolio, carol: User) -> None:
    run = ran(growth)
    office = Client()
    office.force_login(carol)

    assert "min_variance" in office.get("/admin/analytics/optimisationrun/").content.decode()
    assert office.get(f"/admin/analytics/optimisationrun/{run.pk}/change/").status_code == 200
    assert office.post(f"/admin/analytics/optimisationrun/{run.pk}/delete/").status_code == 403


def test_terms_survive_their_way_through_json() -> None:
    terms = Terms(objective="hrp", as_of=SESSIONS[3], extra=("KO",), window=None)

    assert Terms.from_json(json.loads(json.dumps(terms.to_json()))) == terms
