"""Risk flags: what raises each, what does not, how long they last, and who decides about them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from activity.models import AuditEvent
from analytics.flags import Finding, Limits, Outflows, Position, concentrated, leverage
from analytics.models import FlagKind, FlagState, RiskFlag, Snapshot
from analytics.queries.flags import account_findings, portfolio_findings
from analytics.services.flags import FlagEnded, decide, follow
from analytics.templatetags.bank import told
from assets.tests.factories import make_asset, make_bars
from banking.models import Account, BalanceAssertion, Section
from banking.services.accounts import open_account
from banking.services.transactions import book_cash, void_cash
from banking.services.transfers import book_transfer
from core.testing import client_of, make_user
from portfolios.tests.factories import buy, make_portfolio
from users.models import Organisation, User

TODAY = date(2024, 6, 28)
NOW = datetime(2024, 6, 28, 20, tzinfo=UTC)
LIMIT = Limits()


def test_the_pure_rules() -> None:
    held = [Position("A", Decimal(30)), Position("B", Decimal(25)), Position("C", Decimal(-20))]
    assert [(one.symbol, share) for one, share in concentrated(held, Decimal(100), 0.25)] == [("A", 0.3)]
    assert concentrated(held, Decimal(0), 0.25) == []
    assert leverage(held, Decimal(100)) is None
    assert leverage(held, Decimal(50)) == 1.5
    assert Outflows(11, 10.0, 104.0).limit(3) is None
    assert Outflows(12, 10.0, 104.0).limit(3) == 16.0
    assert Outflows(12, 10.0, 100.0).limit(3) == 13.0  # the same every time: a tenth of the mean


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def daily(alice: User) -> Account:
    return open_account(
        holder=alice, name="Daily", balance=Decimal(9000), opened_on=TODAY - timedelta(days=300), actor=alice
    )


def pay(account: Account, amount: int | str, before: int) -> Any:
    day = TODAY - timedelta(days=before)
    return book_cash(account=account, amount=-Decimal(amount), booked_on=day, section=Section.EXPENSE, actor=None)


def kinds() -> list[str]:
    return [finding.kind for finding in account_findings(TODAY, LIMIT)]


@pytest.mark.django_db
def test_an_unusual_outflow(daily: Account) -> None:
    for number in range(20):
        pay(daily, 100 + number, 40 + 10 * number)
    pay(daily, 120, 3)
    assert kinds() == []
    row = pay(daily, 500, 2)
    [finding] = account_findings(TODAY, LIMIT)
    assert (finding.kind, finding.about, finding.measure) == ("outflow", str(row.pk), 500)
    assert finding.figures["payments"] == 20
    assert finding.figures["mean"] == pytest.approx(109.5)
    follow([finding], NOW)
    assert told(RiskFlag.objects.get()) == "usual payment 109.50 USD, from 20 payments of a year, on 26 Jun 2024"
    void_cash(row=row, actor=None)
    assert kinds() == []


@pytest.mark.django_db
def test_money_moved_to_an_own_account_is_no_outflow(alice: User, daily: Account) -> None:
    for number in range(20):
        pay(daily, 100 + number, 40 + 10 * number)
    savings = open_account(holder=alice, name="Savings", opened_on=TODAY - timedelta(days=400), actor=alice)
    book_transfer(source=daily, target=savings, amount=Decimal(5000), booked_on=TODAY, actor=alice)
    assert kinds() == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "flagged"), [("checking", ["overdrawn"]), ("credit", []), ("loan", []), ("expense", [])]
)
def test_negative_cash(kind: str, flagged: list[str], alice: User) -> None:
    open_account(holder=alice, name="A", kind=kind, balance=Decimal(-1), opened_on=TODAY, actor=alice)
    assert kinds() == flagged


@pytest.mark.django_db
def test_a_dormant_account(alice: User) -> None:
    day = TODAY - timedelta(days=365)
    idle = open_account(holder=alice, name="Idle", balance=Decimal(5), opened_on=day, actor=alice)
    assert kinds() == ["dormant"]
    pay(idle, 1, 10)
    assert kinds() == []
    pay(open_account(holder=alice, name="Empty", balance=Decimal(1), opened_on=day, actor=alice), 1, 365)
    assert kinds() == []


@pytest.mark.django_db
def test_what_was_voided_keeps_no_account_awake(alice: User) -> None:
    day = TODAY - timedelta(days=400)
    idle = open_account(holder=alice, name="Idle", balance=Decimal(5), opened_on=day, actor=alice)
    void_cash(row=pay(idle, 1, 10), actor=alice)
    [finding] = account_findings(TODAY, LIMIT)
    assert (finding.kind, finding.measure, finding.figures["last_booked_on"]) == ("dormant", 400, day.isoformat())


@pytest.mark.django_db
def test_a_measure_beyond_all_bounds_is_cut(alice: User) -> None:
    account = open_account(holder=alice, name="A", opened_on=TODAY, actor=alice)
    follow([Finding(FlagKind.OUTFLOW, TODAY, 1e22, 1.0, account=account.pk)], NOW)
    assert RiskFlag.objects.get().measure == 1e17


@pytest.mark.django_db
def test_a_statement_that_disagrees(daily: Account) -> None:
    day = TODAY - timedelta(days=30)
    BalanceAssertion.objects.create(account=daily, day=day, balance=Decimal("8999.50"))
    [finding] = account_findings(TODAY, LIMIT)
    assert (finding.kind, finding.measure, finding.figures["booked"]) == ("assertion", 0.5, "9000.0000")
    follow([finding], NOW)
    text = "the statement says 8,999.50 USD, the books 9,000.00 USD, at the close of 29 May 2024"
    assert told(RiskFlag.objects.get()) == text
    pay(daily, "0.5", 31)
    assert kinds() == []


@pytest.mark.django_db
def test_portfolios(alice: User) -> None:
    apple, other = make_asset("AAPL"), make_asset("MSFT")
    for asset in (apple, other):
        make_bars(asset, {date(2024, 1, 2): 100})
    portfolio = make_portfolio(alice)
    buy(portfolio, apple, 3, 100, "2024-01-02")
    buy(portfolio, other, 1, 100, "2024-01-02")
    day = {"portfolio": portfolio, "as_of": TODAY, "portfolio_version": 1, "accounts_version": 0, "price_version": 0}
    Snapshot.objects.create(**day, currency="USD", value_at_risk=0.04, observations=250)
    found = list(portfolio_findings([portfolio], TODAY, LIMIT))
    assert [(each.kind, each.about, each.measure) for each in found] == [
        ("concentration", "AAPL", 0.75),
        ("value_at_risk", "", 0.04),
    ]


@pytest.mark.django_db
def test_a_flag_lasts_as_long_as_its_cause(alice: User) -> None:
    account = open_account(holder=alice, name="A", balance=Decimal(-1), opened_on=TODAY, actor=alice)
    look: Callable[[datetime], int] = lambda now: follow(account_findings(TODAY, LIMIT), now)  # noqa: E731
    assert (look(NOW), look(NOW + timedelta(days=1))) == (1, 0)
    flag = RiskFlag.objects.get()
    assert (flag.first_seen, flag.last_seen) == (NOW, NOW + timedelta(days=1))
    decide(flag=flag, state=FlagState.CLOSED, note="known", actor=alice)
    assert look(NOW + timedelta(days=2)) == 0, "it was closed by hand, and its cause lasts"
    row = book_cash(account=account, amount=Decimal(5), booked_on=TODAY, section=Section.INCOME, actor=alice)
    look(NOW + timedelta(days=3))
    flag.refresh_from_db()
    assert flag.ended_at == NOW + timedelta(days=3)
    with pytest.raises(FlagEnded):
        decide(flag=flag, state=FlagState.OPEN, actor=alice)
    void_cash(row=row, actor=alice)
    assert look(NOW + timedelta(days=4)) == 1, "the cause had gone in between"
    assert RiskFlag.objects.count() == 2


@pytest.mark.django_db
def test_who_sees_and_who_decides(alice: User) -> None:
    open_account(holder=alice, name="A", balance=Decimal(-1), opened_on=TODAY, actor=alice)
    follow(account_findings(TODAY, LIMIT), NOW)
    flag = RiskFlag.objects.get()
    url = f"/api/risk-flags/{flag.pk}/"
    overseer = make_user("overseer", superuser=True)
    seen = [client_of(user).get(url).status_code for user in (alice, make_user("bob"), overseer)]
    assert seen == [200, 404, 200]
    body = {"state": "acknowledged", "note": "agreed with her"}
    assert client_of(alice).post(f"{url}decide/", body).status_code == 403
    answer = client_of(overseer).post(f"{url}decide/", body)
    assert (answer.status_code, answer.json()["state"], answer.json()["decided_by"]) == (
        200,
        "acknowledged",
        "overseer",
    )
    assert client_of(overseer).post(f"{url}decide/", {"state": "king"}).status_code == 400


@pytest.mark.django_db
def test_each_look_of_an_overseer_is_on_record(alice: User) -> None:
    open_account(holder=alice, name="A", balance=Decimal(-1), opened_on=TODAY, actor=alice)
    firm = Organisation.objects.create(name="Acme")
    open_account(holder=firm, name="B", balance=Decimal(-1), opened_on=TODAY, actor=None)
    follow(account_findings(TODAY, LIMIT), NOW)
    flag, of_firm = RiskFlag.objects.order_by("account__name")
    looked = AuditEvent.objects.filter(action="bank.looked").order_by("pk")
    client_of(alice).get("/api/risk-flags/")
    client_of(alice).get(f"/api/risk-flags/{flag.pk}/")
    assert not looked.exists(), "she sees what is hers"
    overseer = make_user("overseer", superuser=True)
    client = client_of(overseer)
    assert client.get("/api/risk-flags/").json()["count"] == 2
    client.get(f"/api/risk-flags/{of_firm.pk}/")
    client.post(f"/api/risk-flags/{flag.pk}/decide/", {"state": "acknowledged"})
    client.get("/api/risk-flags/?kind=leverage")
    own, firms = [alice.pk], [firm.pk]
    seen = [(event.data["people"], event.data["organisations"]) for event in looked]
    assert seen == [(own, firms), ([], firms), (own, []), ([], [])]
    assert {(each.actor, each.subject_id, each.data["page"]) for each in looked} == {
        (overseer, str(overseer.pk), "api flags")
    }
