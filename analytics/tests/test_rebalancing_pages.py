"""The pages of rebalancing: with and without scripts, from targets to booked trades and back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from analytics.models import RebalanceProposal
from assets.models import Asset
from assets.tests.factories import make_asset, make_bars
from core.testing import Page
from portfolios.models import Portfolio, TargetSet, Trade
from portfolios.queries.targets import targets_of
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

URL = "/analytics/rebalancing/"


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    """60 % AAA in two lots, 40 % BBB; lots are picked."""
    made = make_portfolio(alice, cost_method="specific")
    for symbol, close in (("AAA", 60), ("BBB", 40), ("CCC", 25)):
        make_bars(make_asset(symbol), [close])
    aaa, bbb = (Asset.objects.get(symbol=symbol) for symbol in ("AAA", "BBB"))
    buy(made, aaa, 50, 20, "2023-01-03")
    buy(made, aaa, 50, 70, "2024-01-02")
    buy(made, bbb, 100, 40, "2024-01-02")
    return made


@pytest.fixture
def client(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def form(*rows: tuple[str, ...], **values: str) -> dict[str, str]:
    first = {"mode": "full", "reach": "target", "units": "whole", "threshold": "", "use_cash": "on"}
    cells = {
        f"target-{number}-{name}": text
        for number, row in enumerate(rows)
        for name, text in zip(("asset", "weight", "lot_size"), row, strict=False)
    }
    return first | cells | values


HALF = form(("AAA", "50"), ("bbb", "50"))


def text_of(answer: Any) -> str:
    found = answer.content.decode()
    assert not Page(found).faults
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found))


def test_before_there_are_targets_it_says_how_to_begin(client: Client, portfolio: Portfolio) -> None:
    text = text_of(client.get(URL))
    assert "None yet: write weights, or fill them in" in text
    assert "Write target weights to see the trades" in text
    assert "None was kept yet" in text


def test_somebody_without_a_portfolio_is_led_on(client: Client) -> None:
    assert client.get(URL).status_code == 200


@pytest.mark.parametrize(("fill", "weights"), [("current", ["60", "40"]), ("equal", ["50", "50"])])
def test_weights_can_be_filled_in(client: Client, portfolio: Portfolio, fill: str, weights: list[str]) -> None:
    answer = client.get(URL, {"fill": fill})
    rows = {row.text("asset"): row.text("weight") for row in answer.context["form"].rows}
    assert list(rows.values()) == weights
    assert answer.context["found"] is not None
    assert not TargetSet.objects.exists()


def test_without_scripts_the_page_shows_what_to_trade(client: Client, portfolio: Portfolio) -> None:
    text = text_of(client.post(URL, HALF | {"action": "preview", "short_rate": "40", "long_rate": "20"}))
    assert "Sell 17 AAA" in text
    assert "Buy 25 BBB" in text
    assert "−170.00" in text
    assert "Tax, estimated −34.00" in text
    assert "Without picking, oldest first" in text
    assert "outside its band" in text
    assert not RebalanceProposal.objects.exists()


def test_htmx_gets_the_part_and_errors_beside_their_inputs(client: Client, portfolio: Portfolio) -> None:
    answer = client.post(f"{URL}preview/", HALF, headers={"hx-request": "true"})
    assert "Sell" in text_of(answer)
    assert "<html" not in answer.content.decode()
    wrong = client.post(f"{URL}preview/", form(("NOSUCH", "50"), ("AAA", "x"), ("BBB", "10", "-1"), minimum="1e5"))
    said = wrong.content.decode()
    for name in ("target-0-asset", "target-1-weight", "minimum"):
        assert re.search(rf'id="error-{name}" hx-swap-oob="true"><p>', said), name
    over = client.post(f"{URL}preview/", form(("AAA", "60"), ("BBB", "60"))).content.decode()
    assert "add up to 1.2, which is more than 1" in over
    lot = client.post(f"{URL}preview/", form(("AAA", "60", "0"))).content.decode()
    assert re.search(r'id="error-target-0-lot_size" hx-swap-oob="true"><p>This must be more than 0', lot)
    nameless = client.post(f"{URL}preview/", form(("", "60"))).content.decode()
    assert "Name the security" in nameless


def test_targets_are_kept_with_the_threshold(client: Client, portfolio: Portfolio) -> None:
    answer = client.post(URL, form(("AAA", "59.5", "5"), ("BBB", "40.5"), threshold="7.5", action="targets"))
    assert answer.status_code == 302
    kept = targets_of(Portfolio.objects.get())
    assert kept is not None
    assert {row.asset.symbol: (str(row.weight), row.lot_size) for row in kept.weights.all()} == {
        "AAA": ("0.5950000000", 5),
        "BBB": ("0.4050000000", None),
    }
    text = text_of(client.get(URL))
    assert "no weight lies further than 7.50% from its target" in text


def test_a_proposal_is_kept_booked_after_a_question_and_taken_back(client: Client, portfolio: Portfolio) -> None:
    answer = client.post(URL, HALF | {"action": "save"})
    page = answer["Location"]
    assert "Book the trades…" in text_of(client.get(page))
    assert "at the prices of the proposal" in text_of(client.get(f"{page}book/"))
    assert Trade.objects.count() == 3
    for _ in range(2):
        booked = client.post(f"{page}book/", follow=True)
        assert "Booked 2 trades." in text_of(booked)
    assert Trade.objects.standing().count() == 5
    assert "Take all trades back" in text_of(client.get(page))
    assert "Booked" in text_of(client.get(URL))
    assert "The trades were taken back." in text_of(client.post(f"{page}undo/", follow=True))
    assert Trade.objects.standing().count() == 3
    assert "Discard" not in text_of(client.get(page))
    assert "neither booked again nor discarded" in text_of(client.post(f"{page}discard/", follow=True))
    other = client.post(URL, HALF | {"action": "save"})["Location"]
    assert "The proposal was discarded." in text_of(client.post(f"{other}discard/", follow=True))
    assert other not in client.get(URL).content.decode()
    assert page in client.get(URL).content.decode()


def test_prices_that_moved_are_asked_about_before_booking(client: Client, portfolio: Portfolio) -> None:
    page = client.post(URL, HALF | {"action": "save"})["Location"]
    assert "accept_prices" not in client.get(f"{page}book/").content.decode()
    make_bars(Asset.objects.get(symbol="AAA"), [66])
    assert "prices have moved" in text_of(client.get(URL))
    assert "Prices have moved since" in text_of(client.get(page))
    assert "Book at the proposal’s prices anyway" in text_of(client.get(f"{page}book/"))
    assert "Prices have moved since" in text_of(client.post(f"{page}book/", follow=True))
    assert Trade.objects.count() == 3
    booked = client.post(f"{page}book/", {"accept_prices": "on"}, follow=True)
    assert "Booked 2 trades." in text_of(booked)


def test_a_book_that_changed_is_said_and_nothing_booked(client: Client, portfolio: Portfolio) -> None:
    page = client.post(URL, HALF | {"action": "save"})["Location"]
    buy(portfolio, Asset.objects.get(symbol="CCC"), 1, 25, "2024-01-03")
    assert "The book has changed since" in text_of(client.get(page))
    assert "cannot be booked" in text_of(client.get(f"{page}book/"))
    assert "The book has changed since" in text_of(client.post(f"{page}book/", follow=True))
    assert Trade.objects.count() == 4


def test_a_run_that_is_not_there_is_said(client: Client, portfolio: Portfolio) -> None:
    assert "no finished optimisation with this number" in text_of(client.get(URL, {"run": "7"}))


def test_a_fifo_book_says_what_picking_would_save(client: Client, alice: User, portfolio: Portfolio) -> None:
    other = make_portfolio(alice, "Plain")
    buy(other, Asset.objects.get(symbol="AAA"), 50, 20, "2023-01-03")
    buy(other, Asset.objects.get(symbol="AAA"), 50, 70, "2024-01-02")
    text = text_of(client.post(f"{URL}?portfolio={other.pk}", form(("AAA", "50"), action="preview")))
    assert "Picking lots would realise less" in text
    assert "Picked for the least" in text


def test_somebody_elses_is_not_there(bob: User, client: Client, portfolio: Portfolio) -> None:
    page = client.post(URL, HALF | {"action": "save"})["Location"]
    stranger = Client()
    stranger.force_login(bob)
    for url in (page, f"{page}book/", f"{URL}?portfolio={portfolio.pk}"):
        assert stranger.get(url).status_code == 404
    for url in (f"{page}book/", f"{page}undo/", f"{page}discard/", f"{URL}preview/?portfolio={portfolio.pk}"):
        assert stranger.post(url, HALF).status_code == 404
    assert RebalanceProposal.objects.get().state == "saved"
