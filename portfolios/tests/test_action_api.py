"""Corporate actions over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from assets.models import Asset, CorporateAction
from assets.tests.factories import make_asset
from portfolios.models import Investment
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

URL = "/api/assets/AAPL/actions/"
SPLIT = {"kind": "split", "ex_date": "2024-03-01", "ratio": "2"}


@pytest.fixture
def apple(db: None) -> Asset:
    return make_asset("AAPL")


@pytest.fixture
def staff(api: Callable[[User], APIClient], carol: User) -> APIClient:
    return api(carol)


def test_staff_book_void_and_restore_what_everybody_reads(
    staff: APIClient, api: Callable[[User], APIClient], alice: User, apple: Asset
) -> None:
    buy(make_portfolio(alice), apple, 10, 100, "2024-01-10")
    made = staff.post(URL, SPLIT, format="json")
    reader = api(alice)

    assert made.status_code == 201, made.content
    one = f"{URL}{made.json()['id']}/"
    assert (made.json()["ratio"], made.json()["per"], made.json()["voided_at"]) == ("2", "1", None)
    assert Investment.objects.get().quantity == 20
    assert [row["kind"] for row in reader.get(URL).json()["results"]] == ["split"]
    assert reader.post(URL, SPLIT, format="json").status_code == 403
    assert reader.delete(one).status_code == 403
    assert staff.delete(one).status_code == 204
    assert Investment.objects.get().quantity == 10
    assert reader.get(URL).json()["count"] == 0
    assert reader.get(URL, {"voided": "true"}).json()["count"] == 1
    assert staff.post(one + "restore/").json()["voided_at"] is None
    assert Investment.objects.get().quantity == 20


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        pytest.param({"ratio": "0"}, "term_not_positive", id="a split of 0"),
        pytest.param({"ratio": "-2"}, "term_not_positive", id="a negative split"),
        pytest.param(
            {"kind": "cash_dividend", "ratio": None, "cash": "1", "currency": "XXX"},
            "invalid",
            id="no currency",
        ),
        pytest.param({"kind": "spin_off", "target": "AAPL", "basis_share": "0.1"}, "target_is_itself", id="itself"),
        pytest.param({"kind": "spin_off", "target": "NOSUCH"}, "invalid", id="unknown target"),
        pytest.param({"ex_date": "2999-01-01"}, "action_in_future", id="in the future"),
        pytest.param({"bonus": "1"}, "invalid", id="unknown field"),
    ],
)
def test_what_is_wrong_is_named(staff: APIClient, apple: Asset, wrong: dict[str, Any], code: str) -> None:
    answer = staff.post(URL, SPLIT | wrong, format="json")

    assert answer.status_code == 400
    assert answer.json()["code"] == code, answer.json()
    assert not CorporateAction.objects.exists()


def test_an_unknown_symbol_is_a_404(staff: APIClient, apple: Asset) -> None:
    assert staff.get("/api/assets/NOSUCH/actions/").status_code == 404
    assert staff.post("/api/assets/NOSUCH/actions/", SPLIT, format="json").status_code == 404
    make_asset("BTC/USD")
    assert staff.get("/api/assets/BTC/USD/actions/").status_code == 200
