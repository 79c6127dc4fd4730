"""Accounts over HTTP: opened, changed, closed; their balances by the day, and what statements say of them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from activity.models import AuditEvent
from banking.models import Account, AccountShare, BalanceAssertion, CashTransaction, Counterparty, ShareRole
from banking.queries import account_balances, checked, daily_balances, differing
from banking.services.accounts import open_account
from banking.services.assertions import assert_balance
from banking.services.transactions import book_cash, void_cash
from banking.services.transfers import book_transfer
from core.testing import client_of, count_queries, make_user
from users.models import Membership, Organisation, Role, User

URL = "/api/banking/accounts/"
IBAN = "CH9300762011623852957"
JAN = date(2024, 1, 1)


@pytest.fixture
def account(alice: User) -> Account:
    return open_account(holder=alice, name="Giro", currency="EUR", actor=alice, balance=Decimal(100), opened_on=JAN)


@pytest.fixture
def firm(alice: User) -> Organisation:
    firm = Organisation.objects.create(name="Acme", base_currency="CHF")
    Membership.objects.create(organisation=firm, user=alice, role=Role.MANAGER)
    return firm


def move(account: Account, amount: str, day: date) -> CashTransaction:
    return book_cash(account=account, amount=Decimal(amount), booked_on=day, section="expense", actor=None)  # type: ignore[arg-type]


def test_an_account_is_opened_with_its_first_balance(alice: User) -> None:
    body = {"name": " Giro ", "kind": "savings", "currency": "EUR", "iban": "CH93 0076 2011 6238 5295 7"}
    answer = client_of(alice).post(URL, body | {"balance": "12.50", "opened_on": "2024-01-02", "receives": True})
    assert answer.status_code == 201, answer.content
    shown = answer.json()
    assert (shown["name"], shown["kind"], shown["iban"], shown["balance"]) == ("Giro", "savings", IBAN, "12.5")
    assert (shown["owner"], shown["organisation"], shown["overdrawn"]) == ("alice", None, False)
    assert client_of(alice).get(f"{URL}{shown['id']}/?as_of=2024-01-01").json()["balance"] == "0"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("iban", "CH94 0076 2011 6238 5295 7"),
        ("iban", "x" * 35),
        ("kind", "deposit"),
        ("kind", "purse"),
        ("currency", "XXX"),
        ("balance", "0.001"),
        ("balance", "NaN"),
        ("opened_on", "1899-12-31"),
        ("opened_on", "2999-01-01"),
        ("organisation", 987654321),
        ("employer", 987654321),
        ("name", " "),
        ("receives", True),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(alice: User, field: str, value: Any) -> None:
    answer = client_of(alice).post(URL, {"name": "Giro", "currency": "EUR"} | {field: value}, format="json")
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {{"receives": "iban"}.get(field, field)}, answer.content
    assert not Account.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(("role", "status"), [(Role.MEMBER, 400), (Role.MANAGER, 201), (Role.OWNER, 201)])
def test_those_who_manage_an_organisation_open_its_accounts(role: Role, status: int, bob: User) -> None:
    firm = Organisation.objects.create(name="Acme", base_currency="CHF")
    Membership.objects.create(organisation=firm, user=bob, role=role)
    answer = client_of(bob).post(URL, {"name": "Operating", "organisation": firm.pk}, format="json")
    assert answer.status_code == status
    if status == 201:
        assert (answer.json()["currency"], answer.json()["organisation"], answer.json()["owner"]) == (
            "CHF",
            firm.pk,
            None,
        )


def test_it_is_changed_closed_and_opened_again(account: Account, alice: User) -> None:
    client, url = client_of(alice), f"{URL}{account.pk}/"
    assert client.patch(url, {"name": "Salary", "iban": "pay me", "receives": True}).json()["iban"] == "pay me"
    refused = client.post(f"{url}close/", {"closed_on": "2024-02-01"})
    assert (refused.status_code, refused.json()["code"]) == (400, "balance_left")
    move(account, "-100", date(2024, 1, 15))
    early = client.post(f"{url}close/", {"closed_on": "2023-12-31"})
    assert (early.status_code, early.json()["code"]) == (400, "closed_before_opening")
    assert client.post(f"{url}close/", {"closed_on": "2024-02-01"}).json()["closed_on"] == "2024-02-01"
    assert client.post(f"{url}close/").json()["code"] == "account_closed"
    assert client.get(URL, {"open": "true"}).json()["count"] == 0
    assert client.get(URL, {"open": "false"}).json()["count"] == 1
    assert client.post(f"{url}reopen/").json()["closed_on"] is None


def test_it_is_deleted_only_while_nothing_was_booked(account: Account, alice: User) -> None:
    void_cash(row=CashTransaction.objects.get(), actor=alice)
    refused = client_of(alice).delete(f"{URL}{account.pk}/")
    assert (refused.status_code, refused.json()["code"]) == (400, "account_used")
    empty = open_account(holder=alice, name="Mistake", actor=alice)
    assert client_of(alice).delete(f"{URL}{empty.pk}/").status_code == 204
    assert list(Account.objects.all()) == [account]


def test_lists_are_filtered_and_those_of_others_do_not_show(account: Account, firm: Organisation, alice: User) -> None:
    open_account(holder=firm, name="Operating", kind="savings", actor=alice)
    client = client_of(alice)
    found = [client.get(URL, query).json()["count"] for query in ({}, {"kind": "savings"}, {"currency": "EUR"})]
    assert found == [2, 1, 1]
    assert client.get(URL, {"organisation": firm.pk}).json()["results"][0]["name"] == "Operating"
    assert client.get(URL, {"organisation": 987654321}).json()["count"] == 0
    assert client_of(make_user("stranger")).get(URL).json()["count"] == 0


def test_who_only_sees_or_books_does_not_change(account: Account, bob: User) -> None:
    share = AccountShare.objects.create(account=account, user=bob, role=ShareRole.VIEWER)
    client, url = client_of(bob), f"{URL}{account.pk}/"
    said = {"day": "2024-01-31", "balance": "100"}
    assert client.get(url).status_code == 200
    assert client.post(f"{url}assertions/", said).status_code == 403
    share.role = ShareRole.EDITOR
    share.save()
    assert client.post(f"{url}assertions/", said).status_code == 201
    assert [client.patch(url, {"name": "x"}).status_code, client.post(f"{url}close/").status_code] == [403, 403]


def test_the_balance_of_each_day(account: Account, alice: User) -> None:
    move(account, "-30", date(2024, 1, 3))
    client, url = client_of(alice), f"{URL}{account.pk}/balances/"
    shown = client.get(url, {"start": "2023-12-31", "end": "2024-01-04"}).json()
    assert [row["balance"] for row in shown["balances"]] == ["0", "100", "100", "70", "70"]
    assert client.get(url, {"start": "2024-01-02", "end": "2024-01-01"}).status_code == 400
    assert client.get(url, {"start": "2000-01-01", "end": "2024-01-01"}).status_code == 400
    first, _ = count_queries(lambda: daily_balances(account, JAN, date(2024, 1, 2)))
    many, _ = count_queries(lambda: daily_balances(account, JAN, date(2026, 1, 2)))
    assert (first, many) == (2, 2)


def test_overdrawn_is_what_is_not_made_to_owe(alice: User) -> None:
    for kind in ("checking", "credit", "loan", "expense"):
        move(open_account(holder=alice, name=kind, kind=kind, actor=alice), "-5", JAN)
    shown = {row["name"]: row["overdrawn"] for row in client_of(alice).get(URL).json()["results"]}
    assert shown == {"checking": True, "credit": False, "loan": False, "expense": False}


def test_counterparties_stand_for_accounts_that_receive(alice: User, bob: User) -> None:
    landlord = Counterparty.objects.create(owner=bob, name="Landlord", iban="rent")
    account = open_account(holder=alice, name="Rent", actor=alice, iban="rent", receives=True)
    landlord.refresh_from_db()
    assert landlord.account == account
    client_of(alice).patch(f"{URL}{account.pk}/", {"receives": False})
    landlord.refresh_from_db()
    assert landlord.account is None


def test_an_iban_that_somebody_writes_does_not_take_others_counterparties(alice: User, bob: User) -> None:
    parties = [Counterparty.objects.create(owner=owner, name="Landlord", iban=IBAN) for owner in (alice, bob)]
    account = open_account(holder=alice, name="Rent", actor=alice, iban=IBAN, receives=True)
    for party in parties:
        party.refresh_from_db()
    assert [party.account for party in parties] == [account, None]


def test_a_statement_is_compared_with_the_books_of_now(account: Account, alice: User) -> None:
    client, url = client_of(alice), f"{URL}{account.pk}/assertions/"
    made = client.post(url, {"day": "2024-01-31", "balance": "80.00"})
    assert made.status_code == 201, made.content
    assert (made.json()["difference"], made.json()["booked"], made.json()["state"]) == ("-20", "100", "differs")
    assert differing([account.pk])[account.pk].difference == -20
    move(account, "-20", date(2024, 1, 31))
    assert client.get(f"{url}{made.json()['id']}/").json()["state"] == "agrees"
    again = client.post(url, {"day": "2024-01-31", "balance": "1"})
    assert (again.status_code, again.json()["code"]) == (400, "stated_already")
    assert client.delete(f"{url}{made.json()['id']}/").status_code == 204
    assert client.post(url, {"day": "2024-01-31", "balance": "0"}).status_code == 201
    assert client.post(f"{url}{made.json()['id']}/restore/").json()["code"] == "stated_already"
    assert [row["state"] for row in client.get(url).json()["results"]] == ["differs", "voided"]


@pytest.mark.parametrize(
    ("day", "balance"),
    [("2999-01-01", "1"), ("1899-12-31", "1"), ("2024-01-31", "0.001"), ("2024-01-31", "1" + "0" * 15)],
)
def test_statements_that_can_not_be(account: Account, alice: User, day: str, balance: str) -> None:
    answer = client_of(alice).post(f"{URL}{account.pk}/assertions/", {"day": day, "balance": balance})
    assert answer.status_code == 400
    assert not BalanceAssertion.objects.exists()


def test_many_statements_are_compared_in_one_query(account: Account, alice: User) -> None:
    for place in range(12):
        assert_balance(account=account, day=JAN + timedelta(days=place), balance=Decimal(100), actor=alice)
    queries, _ = count_queries(lambda: checked(BalanceAssertion.objects.all()))
    assert queries == 1
    assert {row.state for row in checked(BalanceAssertion.objects.all())} == {"agrees"}


MOVES = st.lists(st.tuples(st.integers(0, 40), st.integers(-(10**6), 10**6).filter(bool), st.booleans()), max_size=12)


class DailyBalances(TestCase):
    """End-of-day balances equal the sums of what stands, whatever was booked, moved and voided."""

    @given(moves=MOVES, start=st.integers(0, 40), days=st.integers(0, 20))
    def test_they_equal_sums(self, moves: list[tuple[int, int, bool]], start: int, days: int) -> None:
        owner = make_user(f"u{User.objects.count()}")
        here, there = (Account.objects.create(owner=owner, name=name, currency="USD") for name in "ab")
        for place, cents, voided in moves:
            amount, day = Decimal(abs(cents)) / 100, JAN + timedelta(days=place)
            source, target = (here, there) if cents < 0 else (there, here)
            sent = book_transfer(source=source, target=target, amount=amount, booked_on=day, actor=owner).sent
            if voided:
                void_cash(row=sent, actor=owner)
        first = JAN + timedelta(days=start)
        last = first + timedelta(days=days)
        for day, balance in daily_balances(here, first, last):
            expected = CashTransaction.objects.filter(account=here).balances(day).get(here.pk, Decimal(0))
            assert balance == expected
            assert account_balances([here, there], as_of=day)[1].balance == -expected


def test_now_is_today(account: Account, alice: User) -> None:
    move(account, "-1", timezone.now().date() + timedelta(days=2))
    shown = client_of(alice).get(f"{URL}{account.pk}/").json()
    assert (shown["balance"], shown["as_of"]) == ("100", None)


# --- kinds --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("checking", "savings", 200),
        ("cash", "expense", 200),
        ("expense", "checking", 200),
        ("credit", "loan", 200),
        ("checking", "credit", 400),
        ("loan", "savings", 400),
        ("brokerage", "checking", 400),
        ("savings", "brokerage", 400),
        ("checking", "deposit", 400),
        ("deposit", "checking", 400),
        ("checking", "piggy bank", 400),
    ],
)
def test_a_kind_changes_where_the_books_stay(alice: User, old: str, new: str, status: int) -> None:
    account = Account.objects.create(owner=alice, name="Giro", currency="EUR", kind=old)
    answer = client_of(alice).patch(f"{URL}{account.pk}/", {"kind": new})
    assert answer.status_code == status, answer.content
    account.refresh_from_db()
    assert account.kind == (new if status == 200 else old)
    if status == 200:
        assert AuditEvent.objects.get(action="account.changed").data == {"kind": [old, new]}
    else:
        assert "kind" in answer.json()["errors"]
        assert not AuditEvent.objects.filter(action="account.changed").exists()


def test_the_employer_goes_with_the_expenses(alice: User, firm: Organisation) -> None:
    account = Account.objects.create(owner=alice, name="Trips", currency="EUR", kind="expense", employer=firm)
    browser, url = client_of(alice), f"{URL}{account.pk}/"
    assert browser.patch(url, {"kind": "savings", "employer": firm.pk}).status_code == 400
    assert browser.patch(url, {"kind": "expense"}).json()["employer"] == firm.pk
    assert browser.patch(url, {"kind": "savings"}).json()["employer"] is None
    assert browser.patch(url, {"employer": firm.pk}).status_code == 400
    assert browser.patch(url, {"kind": "expense", "employer": firm.pk}).json()["employer"] == firm.pk


def test_the_page_offers_the_kinds_that_mean_the_same(alice: User, firm: Organisation, client: Client) -> None:
    account = Account.objects.create(owner=alice, name="Trips", currency="EUR", kind="expense", employer=firm)
    client.force_login(alice)
    url = f"/banking/accounts/{account.pk}/edit/"
    shown = client.get(url).content.decode()
    assert [kind for kind in ("savings", "loan", "brokerage") if f'value="{kind}"' in shown] == ["savings"]
    terms = {"name": "Trips", "iban": "", "employer": str(firm.pk)}
    assert client.post(url, terms | {"kind": "loan"}).status_code == 200
    assert client.post(url, terms | {"kind": "cash"}).status_code == 302
    account.refresh_from_db()
    assert (account.kind, account.employer) == ("cash", None)
    broker = Account.objects.create(owner=alice, name="Broker", currency="EUR", kind="brokerage")
    url = f"/banking/accounts/{broker.pk}/edit/"
    assert 'name="kind"' not in client.get(url).content.decode()
    assert client.post(url, {"name": "My broker", "iban": ""}).status_code == 302
