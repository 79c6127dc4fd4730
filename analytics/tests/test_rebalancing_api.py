"""Targets and rebalancing over HTTP: previews, proposals, booking, refusals, and whose they are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from activity.models import AuditEvent, JobState
from analytics.models import OptimisationRun, RebalanceProposal
from assets.models import Asset
from assets.tests.factories import make_asset, make_bars
from banking.models import CashTransaction, Section
from portfolios.models import Portfolio, TargetSet, Trade
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

Api = Callable[[User], APIClient]


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    """60 % AAA in two lots, 40 % BBB; lots are picked. CCC could be bought."""
    made = make_portfolio(alice, cost_method="specific")
    for symbol, close in (("AAA", 60), ("BBB", 40), ("CCC", 25)):
        make_bars(make_asset(symbol, sector="Energy"), [close])
    aaa, bbb = (Asset.objects.get(symbol=symbol) for symbol in ("AAA", "BBB"))
    buy(made, aaa, 50, 20, "2023-01-03")
    buy(made, aaa, 50, 70, "2024-01-02")
    buy(made, bbb, 100, 40, "2024-01-02")
    return made


def rebalance(client: APIClient, portfolio: Portfolio, body: dict[str, Any], query: str = "") -> Any:
    return client.post(f"/portfolios/{portfolio.pk}/rebalance/{query}", body, format="json")


HALF = {"targets": [{"asset": "AAA", "weight": "0.5"}, {"asset": "BBB", "weight": "0.5"}]}


def test_a_preview_says_what_to_trade_and_stores_nothing(api: Api, alice: User, portfolio: Portfolio) -> None:
    answer = rebalance(api(alice), portfolio, HALF | {"short_rate": "0.4", "long_rate": "0.2"})
    assert answer.status_code == 200, answer.content
    found = answer.json()
    sale, purchase = found["trades"]
    assert (sale["kind"], sale["asset"], sale["quantity"], sale["cash"]) == ("sell", "AAA", "17", "1020")
    assert (purchase["kind"], purchase["asset"], purchase["quantity"]) == ("buy", "BBB", "25")
    [lot] = sale["lots"]
    assert (lot["opened_on"], lot["gain"], lot["long_term"]) == ("2024-01-02", "-170", True)
    assert sale["picked"] == [{"opened_by": lot["opened_by"], "sequence": 0, "quantity": "17"}]
    assert (found["gain"], found["gain_long"], found["tax"]) == ("-170", "-170", "-34")
    assert found["comparison"]["pro_rata"]["gain"] == "255"  # 8.5 of each lot: 340 − 85
    assert found["comparison"]["method"]["gain"] == "680"
    assert (found["proposal"], found["options"]["objective"], found["options"]["threshold"]) == (None, "tax", "0")
    drift = {row["asset"]: (row["drift"], row["outside"]) for row in found["drift"]}
    assert drift == {"AAA": (0.1, True), "BBB": (-0.1, True), None: (0, False)}
    assert not RebalanceProposal.objects.exists()
    assert Trade.objects.count() == 3


def test_a_proposal_is_kept_booked_and_taken_back(api: Api, alice: User, portfolio: Portfolio) -> None:
    client = api(alice)
    answer = rebalance(client, portfolio, HALF | {"save": True})
    assert answer.status_code == 201, answer.content
    url = f"/portfolios/{portfolio.pk}/rebalance/proposals/"
    [row] = client.get(url).json()["results"]
    assert (row["id"], row["state"], row["stale"], row["trade_count"]) == (answer.json()["proposal"], "saved", False, 2)
    one = f"{url}{row['id']}/"
    assert client.get(one).json()["result"] == answer.json()
    for _ in range(2):
        booked = client.post(f"{one}book/")
        assert booked.status_code == 200, booked.content
        assert booked.json()["state"] == "booked"
        assert len(booked.json()["booked_trades"]) == 2
    assert Trade.objects.standing().count() == 5
    assert (client.delete(one).status_code, client.delete(one).json()["code"]) == (400, "proposal_booked")
    assert client.post(f"{one}undo/").json()["state"] == "taken_back"
    assert Trade.objects.standing().count() == 3
    for answer in (client.delete(one), client.post(f"{one}book/")):
        assert (answer.status_code, answer.json()["code"]) == (400, "proposal_taken_back")
    assert len(client.get(one).json()["booked_trades"]) == 2
    other = rebalance(client, portfolio, HALF | {"save": True}).json()["proposal"]
    assert client.delete(f"{url}{other}/").status_code == 204
    assert client.get(f"{url}{other}/").status_code == 404
    actions = set(AuditEvent.objects.filter(action__startswith="rebalancing").values_list("action", flat=True))
    assert actions == {f"rebalancing.{what}" for what in ("saved", "booked", "taken_back", "discarded")}


def test_a_proposal_of_an_older_book_is_refused(api: Api, alice: User, portfolio: Portfolio) -> None:
    client = api(alice)
    kept = rebalance(client, portfolio, HALF | {"save": True}).json()["proposal"]
    buy(portfolio, Asset.objects.get(symbol="CCC"), 1, 25, "2024-01-03")
    url = f"/portfolios/{portfolio.pk}/rebalance/proposals/{kept}/"
    assert client.get(url).json()["stale"] is True
    answer = client.post(f"{url}book/")
    assert (answer.status_code, answer.json()["code"]) == (400, "book_changed")
    assert "changed since" in answer.json()["detail"]


def test_a_proposal_of_older_prices_is_booked_where_they_are_accepted(
    api: Api, alice: User, portfolio: Portfolio
) -> None:
    client = api(alice)
    kept = rebalance(client, portfolio, HALF | {"save": True}).json()["proposal"]
    make_bars(Asset.objects.get(symbol="AAA"), [66])
    url = f"/portfolios/{portfolio.pk}/rebalance/proposals/"
    for row in (client.get(url).json()["results"][0], client.get(f"{url}{kept}/").json()):
        assert (row["stale"], row["prices_moved"]) == (True, True)
    for body in ({}, {"accept_prices": False}):
        answer = client.post(f"{url}{kept}/book/", body, format="json")
        assert (answer.status_code, answer.json()["code"]) == (400, "prices_moved")
        assert "accept_prices" in answer.json()["errors"]
    assert client.post(f"{url}{kept}/book/", {"accept_prices": "perhaps"}, format="json").status_code == 400
    assert Trade.objects.count() == 3
    booked = client.post(f"{url}{kept}/book/", {"accept_prices": True}, format="json").json()
    assert (booked["state"], booked["stale"], len(booked["booked_trades"])) == ("booked", False, 2)


def test_own_targets_with_their_threshold(api: Api, alice: User, portfolio: Portfolio) -> None:
    client, url = api(alice), f"/portfolios/{portfolio.pk}/targets/"
    before = client.get(url).json()
    assert (before["targets"], before["threshold"], before["set_at"]) == ([], "0.05", None)
    assert rebalance(client, portfolio, {}).json()["code"] == "no_targets"
    body = {"targets": [*HALF["targets"][:1], {"asset": "BBB", "weight": "0.45", "lot_size": "10"}], "cash": "0.05"}
    after = client.put(url, body | {"threshold": "0.12"}, format="json")
    assert after.status_code == 200, after.content
    assert (after.json()["cash"], after.json()["threshold"], after.json()["set_by"]) == ("0.05", "0.12", "alice")
    rows = {row["asset"]: row for row in after.json()["drift"]}
    assert (rows["AAA"]["drift"], rows["AAA"]["outside"]) == (0.1, False)
    assert rows[None]["target"] == 0.05
    kept = rebalance(client, portfolio, {}).json()
    assert kept["options"]["threshold"] == "0.12"
    assert {row["quantity"] for row in kept["trades"] if row["asset"] == "BBB"} <= {"10", "20"}
    again = client.put(url, body | {"threshold": "0.12"}, format="json")
    assert again.json() == after.json()
    assert TargetSet.objects.count() == 1
    client.put(url, {"targets": []}, format="json")
    assert client.get(url).json()["targets"] == []
    assert TargetSet.objects.count() == 2
    [first, second] = AuditEvent.objects.filter(action="targets.changed").order_by("pk")
    assert second.data["before"]["weights"] == first.data["weights"] == {"AAA": "0.5", "BBB": "0.45"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"targets": [{"asset": "NOSUCH", "weight": "0.5"}]}, "targets.0.asset"),
        ({"targets": [{"asset": "AAA", "weight": "1.5"}]}, "targets.0.weight"),
        ({"targets": [{"asset": "AAA", "weight": "-0.5"}]}, "targets.0.weight"),
        ({"targets": [{"asset": "AAA", "weight": "NaN"}]}, "targets.0.weight"),
        ({"targets": [{"asset": "AAA", "weight": "0.6"}, {"asset": "BBB", "weight": "0.6"}]}, "targets"),
        ({"targets": [{"asset": "AAA", "weight": "0.5"}] * 2}, "targets.1.asset"),
        ({"targets": [{"asset": "AAA", "weight": "0.5", "lot_size": "0"}]}, "targets.0.lot_size"),
        ({"targets": [{"asset": "AAA", "weight": "1"}], "cash": "0.1"}, "targets"),
        (HALF | {"mode": "withdrawal"}, "amount"),
        (HALF | {"mode": "sideways"}, "mode"),
        (HALF | {"objective": "tax"}, "short_rate"),
        (HALF | {"fee_rate": "0.9"}, "fee_rate"),
        (HALF | {"amount": "-1"}, "amount"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    api: Api, alice: User, portfolio: Portfolio, body: dict[str, Any], field: str
) -> None:
    answer = rebalance(api(alice), portfolio, body)
    assert answer.status_code == 400
    assert field in str(answer.json()["errors"].keys()) or field.split(".", maxsplit=1)[0] in answer.json()["errors"]


def test_a_withdrawal_of_more_than_there_is(api: Api, alice: User, portfolio: Portfolio) -> None:
    answer = rebalance(api(alice), portfolio, HALF | {"mode": "withdrawal", "amount": "10001"})
    assert (answer.status_code, answer.json()["code"]) == (400, "nothing_to_rebalance")


def test_a_run_that_is_not_there(api: Api, alice: User, portfolio: Portfolio) -> None:
    for text in ("1", "x", "-1", "9" * 30):
        answer = rebalance(api(alice), portfolio, {}, f"?run={text}")
        assert (answer.status_code, "run" in answer.json()["errors"]) == (400, True), text


def test_a_stranger_sees_none_of_it(api: Api, alice: User, bob: User, portfolio: Portfolio) -> None:
    kept = rebalance(api(alice), portfolio, HALF | {"save": True}).json()["proposal"]
    base = f"/portfolios/{portfolio.pk}/"
    for method, url in (
        ("post", "rebalance/"),
        ("get", "rebalance/proposals/"),
        ("post", f"rebalance/proposals/{kept}/book/"),
        ("delete", f"rebalance/proposals/{kept}/"),
        ("get", "targets/"),
        ("put", "targets/"),
    ):
        assert getattr(api(bob), method)(base + url, HALF if method != "get" else None).status_code == 404
    mine = make_portfolio(bob)
    assert api(bob).get(f"/portfolios/{mine.pk}/rebalance/proposals/{kept}/").status_code == 404


def test_the_queries_do_not_grow_with_the_trades(api: Api, alice: User, portfolio: Portfolio) -> None:
    client = api(alice)

    def count() -> int:
        symbols = [one.asset.symbol for one in portfolio.investments.select_related("asset")]
        weight = str((Decimal(1) / len(symbols)).quantize(Decimal("0.0001")) - Decimal("0.0001"))
        body = {"targets": [{"asset": symbol, "weight": weight} for symbol in symbols]}
        with CaptureQueriesContext(connection) as seen:
            answer = rebalance(client, portfolio, body)
        assert len(answer.json()["trades"]) == len(symbols), answer.content
        return len(seen)

    few = count()
    for number in range(12):
        asset = make_asset(f"S{number}")
        make_bars(asset, [10])
        buy(portfolio, asset, 10 + number, 8, "2024-01-02")
    assert count() == few <= 45


def test_the_weights_of_an_optimisation_are_targets(api: Api, alice: User, portfolio: Portfolio) -> None:
    weights = {"weights": {"AAA": 0.33334, "BBB": 0.33334, "CCC": 0.33334}}
    run = OptimisationRun.objects.create(
        portfolio=portfolio, objective="hrp", terms={}, state=JobState.DONE, result=weights
    )

    answer = rebalance(api(alice), portfolio, {}, f"?run={run.pk}")

    assert answer.status_code == 200, answer.content
    assert [target["weight"] for target in answer.json()["targets"]] == ["0.3333333333"] * 3
    browser = Client()
    browser.force_login(alice)
    page = browser.get(f"/analytics/rebalancing/?run={run.pk}")
    assert [row.text("weight") for row in page.context["form"].rows] == ["33.33333333"] * 3


def test_an_optimisation_without_an_answer_has_no_weights(api: Api, alice: User, portfolio: Portfolio) -> None:
    run = OptimisationRun.objects.create(portfolio=portfolio, objective="hrp", terms={}, result={})
    assert rebalance(api(alice), portfolio, {}, f"?run={run.pk}").json()["code"] == "run_unknown"


@pytest.fixture
def half_cash(alice: User) -> Portfolio:
    """3,000 in each of AAA and BBB beside 6,000 in cash."""
    made = make_portfolio(alice, "Half in cash", cash="tracked", base_currency="USD", cost_method="specific")
    for symbol in ("AAA", "BBB", "CCC"):
        asset = make_asset(symbol)
        make_bars(asset, [100])
        if symbol != "CCC":
            buy(made, asset, 30, 100, "2024-01-02")
    account = made.portfolio_accounts.get().account
    CashTransaction.objects.create(
        account=account, booked_on=date(2023, 1, 2), amount=Decimal(12000), section=Section.TRANSFER
    )
    made.refresh_from_db()
    return made


def run_of(portfolio: Portfolio, **weights: float) -> OptimisationRun:
    return OptimisationRun.objects.create(
        portfolio=portfolio, objective="hrp", terms={}, state=JobState.DONE, result={"weights": weights}
    )


@pytest.mark.parametrize(
    ("body", "weights", "cash_after"),
    [
        ({}, ["0.4", "0.1"], "6000"),
        ({"cash": "0.3"}, ["0.56", "0.14"], "3600"),
        ({"cash": "0"}, ["0.8", "0.2"], "0"),
        ({"keep_others": True}, ["0.2666666666", "0.0666666666"], "6000"),
    ],
    ids=str,
)
def test_the_weights_of_an_optimisation_are_shares_of_what_is_invested(
    api: Api, alice: User, half_cash: Portfolio, body: dict[str, Any], weights: list[str], cash_after: str
) -> None:
    run = run_of(half_cash, AAA=0.8, CCC=0.2)
    answer = rebalance(api(alice), half_cash, body | {"units": "fractional"}, f"?run={run.pk}")
    assert answer.status_code == 200, answer.content
    assert [row["weight"] for row in answer.json()["targets"]] == weights
    assert float(answer.json()["cash_after"]) == pytest.approx(float(cash_after), abs=1)


def test_the_page_scales_the_weights_of_an_optimisation_and_says_so(alice: User, half_cash: Portfolio) -> None:
    run = run_of(half_cash, AAA=0.8, CCC=0.2)
    browser = Client()
    browser.force_login(alice)
    page = browser.get(f"/analytics/rebalancing/?portfolio={half_cash.pk}&run={run.pk}")
    rows = {row.text("asset"): row.text("weight") for row in page.context["form"].rows}
    assert (rows["AAA"], rows["CCC"]) == ("40", "10")
    assert page.context["found"]["cash_after"] == 6000
    assert "the 50.00% that is cash now stays cash" in page.content.decode()


def test_where_all_is_cash_its_weight_must_be_stated(api: Api, alice: User, half_cash: Portfolio) -> None:
    run = run_of(half_cash, AAA=0.8, CCC=0.2)
    for asset in Asset.objects.filter(symbol__in=["AAA", "BBB"]):
        sell(half_cash, asset, 30, 100, "2024-02-02")
    answer = rebalance(api(alice), half_cash, {}, f"?run={run.pk}")
    assert (answer.status_code, answer.json()["code"]) == (400, "nothing_invested")
    assert "cash" in answer.json()["errors"]
    browser = Client()
    browser.force_login(alice)
    page = browser.get(f"/analytics/rebalancing/?portfolio={half_cash.pk}&run={run.pk}")
    assert "shares of nothing" in page.content.decode()
    stated = rebalance(api(alice), half_cash, {"cash": "0.5"}, f"?run={run.pk}")
    assert [(row["asset"], row["quantity"]) for row in stated.json()["trades"]] == [("AAA", "48"), ("CCC", "12")]
