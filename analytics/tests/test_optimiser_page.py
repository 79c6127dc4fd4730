"""The optimiser's pages: the form, the list, the progress, the result and its refusals."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from activity.services import plan_job
from analytics.models import OptimisationRun
from analytics.services.optimising import run_optimisation
from analytics.tests.candidates import invested, moving
from core.testing import Page
from portfolios.models import Portfolio
from portfolios.tests.factories import make_portfolio
from users.models import User

pytestmark = pytest.mark.django_db
URL = "/analytics/optimiser/"
FORM = {
    "objective": "min_variance",
    "estimator": "sample",
    "window": "252",
    "market": "current",
    "lookback": "252",
    "lower": "0",
    "upper": "100",
}


@pytest.fixture
def growth(alice: User) -> Portfolio:
    return invested(alice)


@pytest.fixture
def client(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def text_of(answer: Any) -> str:
    """A sound page, in words."""
    assert answer.status_code == 200
    html = answer.content.decode()
    assert Page(html).faults == []
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def sent(client: Client, portfolio: Portfolio, **given: str) -> Any:
    return client.post(f"{URL}?portfolio={portfolio.pk}", FORM | given)


def done(client: Client, portfolio: Portfolio, **given: str) -> OptimisationRun:
    answer = sent(client, portfolio, **given)
    assert answer.status_code == 302, answer.content.decode()
    run = OptimisationRun.objects.latest("pk")
    assert answer["Location"] == f"{URL}{run.pk}/?portfolio={portfolio.pk}"
    run_optimisation(run.pk, now=timezone.now())
    run.refresh_from_db()
    return run


def test_the_form_has_a_row_for_each_asset_and_sector(client: Client, growth: Portfolio) -> None:
    shown = text_of(client.get(f"{URL}?portfolio={growth.pk}"))

    for words in ("Find better weights", "AAPL Inc.", "Technology", "Energy", "Nothing yet."):
        assert words in shown


def test_without_a_portfolio_it_leads_on(client: Client) -> None:
    assert client.get(URL).status_code == 200
    assert client.post(URL, FORM).status_code == 404


def test_percentages_rows_and_views_become_terms(client: Client, growth: Portfolio) -> None:
    rows = {
        "upper": "60",
        "turnover": "25.5 %",
        "extra": "jpm, KO KO",
        "lower:XOM": "5",
        "upper:XOM": "20",
        "maximum:Technology": "80",
        "view-0-asset": "aapl",
        "view-0-against": "msft",
        "view-0-earns": "-2",
        "view-0-confidence": "40",
        "objective": "black_litterman",
        "market": "equal",
    }
    run = done(client, growth, **rows)

    assert run.state == "done", run.message
    terms = run.terms
    assert (terms["upper"], terms["turnover"], terms["extra"]) == (0.6, 0.255, ["JPM", "KO"])
    assert terms["assets"] == [{"asset": "XOM", "lower": 0.05, "upper": 0.2}]
    assert terms["sectors"] == [{"sector": "Technology", "minimum": None, "maximum": 0.8}]
    assert terms["views"] == [{"asset": "AAPL", "earns": -0.02, "confidence": 0.4, "against": "MSFT"}]
    shown = text_of(client.get(f"{URL}{run.pk}/?portfolio={growth.pk}"))
    assert "View: AAPL earns −2.00% a year beyond MSFT, 40% sure." in shown
    assert "There is no walk forward: the views are of today, and nobody held them then" in shown


def test_percentages_are_written_as_the_language_writes_them(client: Client, growth: Portfolio, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(locale="de")
    assert 'value="0,1"' in client.get(f"{URL}?portfolio={growth.pk}").content.decode(), "the cost of trading"
    run = done(client, growth, upper="62,5", cost="0,15", **{"upper:XOM": "20,25 %"})
    assert (run.terms["upper"], run.terms["cost"], run.terms["assets"][0]["upper"]) == (0.625, 0.0015, 0.2025)
    for written in ("1.234", "12,5,1", "1" * 17):
        assert sent(client, growth, upper=written).status_code == 200, written
    assert OptimisationRun.objects.count() == 1


def test_a_symbol_with_small_letters_is_found(client: Client, growth: Portfolio) -> None:
    moving("Coin", 9)

    run = done(
        client, growth, extra="Coin, jpm", **{"view-0-asset": "Coin", "view-0-earns": "1", "view-0-confidence": "9"}
    )

    assert (run.state, run.terms["extra"], run.terms["views"][0]["asset"]) == ("done", ["Coin", "JPM"], "Coin")


def test_the_result_shows_weights_frontier_walk_and_the_way_on(client: Client, growth: Portfolio) -> None:
    run = done(client, growth)

    answer = client.get(f"{URL}{run.pk}/?portfolio={growth.pk}")
    shown, html = text_of(answer), answer.content.decode()
    assert "Ex-ante: 252 daily returns from" in shown
    for row in run.result["assets"]:
        assert f"{row['weight']:.2%}" in shown
    for words in ("Risk and return", "Walk forward", "Equal weights", "Make trades of it"):
        assert words in shown
    assert f"/analytics/rebalancing/?portfolio={growth.pk}&amp;run={run.pk}" in html
    assert '"kind": "plane"' in html
    assert "hx-get" not in html.split('id="optimisation"')[1]
    listed = text_of(client.get(f"{URL}?portfolio={growth.pk}"))
    assert f"Least variance , optimisation {run.pk}" in listed
    assert "Done" in listed


def test_a_run_under_way_asks_for_itself_until_it_is_done(client: Client, growth: Portfolio) -> None:
    sent(client, growth)
    run = OptimisationRun.objects.get()
    url = f"{URL}{run.pk}/"
    assert "Waiting for a worker." in text_of(client.get(f"{url}?portfolio={growth.pk}"))

    assert run.job_id is not None
    plan_job(run.job_id, 7)
    part = client.get(url, headers={"hx-request": "true"})
    assert b"<html" not in part.content
    assert f'hx-get="{url}"' in part.content.decode()
    assert "0 of 7 steps are done." in text_of(part)
    assert "Queued, 0 of 7 steps" in text_of(client.get(f"{URL}?portfolio={growth.pk}"))

    run_optimisation(run.pk, now=timezone.now())
    part = client.get(url, headers={"hx-request": "true"})
    assert "The optimisation is done." in text_of(part)
    assert f'hx-get="{url}"' not in part.content.decode()


def test_what_cannot_be_is_said(client: Client, growth: Portfolio) -> None:
    run = done(client, growth, **{"upper:AAPL": "10", "upper:MSFT": "10", "upper:XOM": "10"})

    shown = text_of(client.get(f"{URL}{run.pk}/?portfolio={growth.pk}"))
    assert "The upper limits add up to 30 % only" in shown
    assert "Ask for something else" in shown


REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "no number": ({"upper": "much"}, "Write a percentage in plain digits"),
    "NaN": ({"turnover": "NaN"}, "Write a percentage in plain digits"),
    "no target": ({"objective": "target_return"}, "This objective needs a target."),
    "an objective that is none": ({"objective": "x"}, "Select a valid choice"),
    "an unknown asset": ({"extra": "NOSUCH"}, "“NOSUCH” is no security that can be held."),
    "no symbol": ({"extra": "A" * 40}, "Write symbols"),
    "a row that is no number": ({"lower:AAPL": "some"}, "Some rows cannot be read"),
    "half a view": ({"view-0-asset": "AAPL"}, "Say what it earns a year"),
    "a view of nothing": ({"view-0-earns": "5"}, "Name the asset by its symbol."),
    "a view of no symbol": ({"view-0-asset": "A B", "view-0-earns": "5"}, "Name the asset by its symbol."),
    "a view of what is not there": (
        {"view-0-asset": "KO", "view-0-earns": "5", "view-0-confidence": "50"},
        "KO is neither held nor among the further assets.",
    ),
    "too sure": (
        {"view-0-asset": "AAPL", "view-0-earns": "5", "view-0-confidence": "150"},
        "A confidence is above 0 % and at most 100 %.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_sense_is_said_beside_its_input_and_kept(case: str, client: Client, growth: Portfolio) -> None:
    given, words = REFUSED[case]

    answer = sent(client, growth, **given)

    assert words in text_of(answer)
    for text in given.values():
        assert text in answer.content.decode()
    assert not OptimisationRun.objects.exists()


def test_what_no_database_can_store_is_refused(client: Client, growth: Portfolio) -> None:
    view = {"view-0-asset": "AA\x00PL", "view-0-earns": "5", "view-0-confidence": "50"}
    answer = client.post(f"{URL}?portfolio={growth.pk}&as_of=2022-06-30", FORM | view)

    assert "Name the asset by its symbol." in answer.content.decode()
    assert not OptimisationRun.objects.exists()


def test_more_rows_of_views_without_a_script(client: Client, growth: Portfolio) -> None:
    views = {f"view-{row}-asset": "AAPL" for row in range(3)}

    html = sent(client, growth, action="rows", **views).content.decode()

    assert [f'name="view-{row}-asset"' in html for row in (2, 5, 6)] == [True, True, False]
    assert not OptimisationRun.objects.exists()


def test_another_day_is_kept(client: Client, growth: Portfolio) -> None:
    client.post(f"{URL}?portfolio={growth.pk}&as_of=2022-06-30", FORM)

    assert OptimisationRun.objects.get().terms["as_of"] == "2022-06-30"


def test_a_run_of_somebody_else_looks_like_none(growth: Portfolio, client: Client, bob: User) -> None:
    run = done(client, growth)
    make_portfolio(bob, "Mine")
    stranger = Client()
    stranger.force_login(bob)

    assert stranger.get(f"{URL}{run.pk}/").status_code == 404
    assert stranger.post(f"{URL}?portfolio={growth.pk}", FORM).status_code == 404
