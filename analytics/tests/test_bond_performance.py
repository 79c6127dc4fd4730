"""A Treasury bought between coupons, held over two, sold: every cent of the change is explained."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from assets.tests.factories import make_bond
from banking.models import Account, Section
from banking.services.transactions import book_cash
from core.testing import client_of
from portfolios.models import CashSetting, Portfolio
from portfolios.services.coupons import propose_payments
from portfolios.services.proposals import apply_due
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

CLOSES = {
    date(2024, 5, 14): "98.50",
    date(2024, 5, 15): "98.50",
    date(2024, 8, 15): "99.25",
    date(2025, 3, 3): "100.50",
}
AFTER = datetime(2025, 3, 4, tzinfo=UTC)


@pytest.fixture
def portfolio(alice: User, settings: Any) -> Portfolio:
    """10,000 paid in, 10,000 of nominal value bought at 98.50 and sold at 100.50, each for a fee of 5."""
    settings.FEED_ACTIONS = "automatic"
    treasury = make_bond(closes=CLOSES)
    made = make_portfolio(alice, cash=CashSetting.TRACKED)
    account = Account.objects.get()
    paid_in = {"amount": Decimal(10_000), "booked_on": date(2024, 5, 14), "section": Section.TRANSFER}
    book_cash(account=account, actor=alice, **paid_in)  # type: ignore[arg-type]
    buy(made, treasury, 10_000, "98.50", "2024-05-15", fee=Decimal(5))
    sell(made, treasury, 10_000, "100.50", "2025-03-03", fee=Decimal(5))
    assert propose_payments(AFTER) == 2
    assert apply_due(AFTER) == 2
    return made


def ask(portfolio: Portfolio, start: str, end: str) -> Any:
    url = f"/api/portfolios/{portfolio.pk}/performance/"
    answer = client_of(portfolio.owner).get(url, {"start": start, "end": end})
    assert answer.status_code == 200, answer.content
    return answer.json()["reconciliation"]


@pytest.mark.parametrize(
    ("start", "end", "values", "change"),
    [  # value at the borders: cash + 10,000 × (close + accrued) / 100; coupons accrue in 182 and 184 days
        ("2024-05-14", "2024-05-15", (10_000, 9_995), -5),  # the interest that is paid is in the value
        ("2024-05-14", "2025-03-03", (10_000, "10508.78"), "508.78"),  # 200 on the price, 318.78 earned, 10 of fees
        ("2024-05-15", "2024-08-14", (9_995, 10_095), 100),  # 91 days
        ("2024-08-14", "2024-08-15", (10_095, "10171.10"), "76.10"),  # 75 on the price, 1.10 of the coupon's last day
        ("2024-08-15", "2025-02-14", ("10171.10", "10370.01"), "198.91"),
        ("2025-02-14", "2025-02-15", ("10370.01", "10371.10"), "1.09"),  # the second coupon, on a Saturday: no jump
    ],
)
def test_the_lines_add_up_to_the_change(
    portfolio: Portfolio, start: str, end: str, values: tuple[str | int, str | int], change: str | int
) -> None:
    told = ask(portfolio, start, end)
    assert (Decimal(told["start_value"]), Decimal(told["end_value"])) == tuple(map(Decimal, values))
    assert Decimal(told["change"]) == Decimal(change) == sum(Decimal(line["amount"]) for line in told["lines"])


def test_coupons_are_income_and_the_rest_is_the_price(portfolio: Portfolio) -> None:
    lines = ask(portfolio, "2024-05-14", "2025-03-03")["lines"]
    told = {line["key"]: Decimal(line["amount"]) for line in lines if Decimal(line["amount"])}
    assert told["realised_gains"] == 190  # the fees are part of cost and proceeds
    assert told["income"] == Decimal("318.78")  # 400 of coupons, less 98.90 paid, and 17.68 received
    assert set(told) == {"realised_gains", "income"}
