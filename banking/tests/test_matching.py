"""Two rows become one transfer and two again; what a person decided stays."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from assets.tests.factories import make_asset, make_rate
from banking.models import Account, CashSplit, CashTransaction, Category, MatchedBy, RefusedMatch, Section, Transfer
from banking.models.account import AccountQuerySet
from banking.queries.matches import suggestions
from banking.services import matching
from banking.services.matching import match_transfer, match_unique, refuse_match, unmatch_transfer
from banking.services.transactions import AlreadyVoided, book_cash, void_cash
from banking.services.transfers import RateInconsistent, TransferToSelf, book_transfer, void_transfer
from banking.services.verification import cash_findings
from core.errors import DomainError
from core.testing import client_of, count_queries
from users.models import User

URL = "/api/banking/transfers/"
DAY = date(2024, 5, 10)


@pytest.fixture
def checking(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Checking", currency="USD")


@pytest.fixture
def savings(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Savings", currency="USD")


def row(account: Account, amount: str, after: int = 0, section: str = "expense", **values: Any) -> CashTransaction:
    day = values.pop("day", DAY) + timedelta(days=after)
    return book_cash(
        account=account, amount=Decimal(amount), booked_on=day, section=Section(section), actor=account.owner, **values
    )


def found(user: User, since: date = DAY) -> list[tuple[int, int]]:
    return [(pair.sent.id, pair.received.id) for pair in suggestions(own(user), since)]


def own(user: User) -> AccountQuerySet:
    return Account.objects.editable_by(user)


def test_matched_rows_count_as_a_transfer_and_unmatched_as_before(
    checking: Account, savings: Account, alice: User
) -> None:
    food = Category.objects.create(owner=alice, section="expense", name="My food")
    sent, received = row(checking, "-5", category=food), row(savings, "5", 2, "income")
    transfer = match_transfer(sent=sent, received=received, actor=alice)
    assert (transfer.rate, transfer.matched_by) == (1, MatchedBy.PERSON)
    shown = list(CashTransaction.objects.order_by("pk").values_list("section", "category", "classified_by"))
    assert shown == [("transfer", None, ""), ("transfer", None, "")]
    assert list(cash_findings()) == []
    assert found(alice) == []

    unmatch_transfer(transfer=transfer, actor=alice)
    shown = list(CashTransaction.objects.order_by("pk").values_list("section", "category", "classified_by"))
    assert shown == [("expense", food.pk, "person"), ("income", None, "")]
    assert not Transfer.objects.exists()
    assert found(alice) == [], "the rule does not take again what was taken apart"
    match_transfer(sent=sent, received=received, actor=alice)
    assert not RefusedMatch.objects.exists()


def test_a_category_that_is_gone_is_not_given_back(checking: Account, savings: Account, alice: User) -> None:
    gone = Category.objects.create(owner=alice, section="expense", name="Gone")
    transfer = match_transfer(sent=row(checking, "-5", category=gone), received=row(savings, "5"), actor=alice)
    gone.delete()
    sent, _ = unmatch_transfer(transfer=transfer, actor=alice)
    assert (sent.section, sent.category, sent.classified_by) == ("expense", None, "")


def test_both_legs_of_a_match_are_voided_together(checking: Account, savings: Account, alice: User) -> None:
    transfer = match_transfer(sent=row(checking, "-5"), received=row(savings, "5", 3), actor=alice)
    void_transfer(transfer=transfer, actor=alice)
    assert not CashTransaction.objects.standing().exists()


def test_what_cannot_be_one_is_refused(checking: Account, savings: Account, alice: User) -> None:
    sent, received = row(checking, "-5"), row(savings, "5")
    split, voided, of_asset = row(checking, "-5"), row(checking, "-5"), row(checking, "-5", asset=make_asset())
    CashSplit.objects.create(
        transaction=split, category=Category.objects.create(owner=alice, section="expense", name="x"), amount=-5
    )
    void_cash(row=voided, actor=alice)
    leg = book_transfer(source=checking, target=savings, amount=Decimal(5), booked_on=DAY, actor=alice)
    cases: list[tuple[CashTransaction, CashTransaction, type[DomainError]]] = [
        (received, sent, matching.NotAgainstEachOther),
        (sent, row(checking, "5"), TransferToSelf),
        (sent, row(savings, "5.01"), RateInconsistent),
        (leg.sent, received, matching.LegAlready),
        (sent, leg.received, matching.LegAlready),
        (split, received, matching.RowIsSplit),
        (of_asset, received, matching.RowOfAsset),
        (voided, received, AlreadyVoided),
    ]
    for first, second, error in cases:
        with pytest.raises(error):
            match_transfer(sent=first, received=second, actor=alice)
    with pytest.raises(matching.NotMatched):
        unmatch_transfer(transfer=leg, actor=alice)
    assert Transfer.objects.count() == 1
    assert {pair[0] for pair in found(alice)} == {sent.pk}


def test_two_currencies_are_offered_and_say_the_rate_when_matched(checking: Account, alice: User) -> None:
    euros = Account.objects.create(owner=alice, name="Euros", currency="EUR")
    make_rate("EURUSD", {DAY: "1.25"})
    sent, received = row(checking, "-100"), row(euros, "79", 1)
    assert found(alice) == [(sent.pk, received.pk)]
    assert match_unique(accounts=own(alice), since=DAY, actor=None) == []
    assert match_transfer(sent=sent, received=received, actor=alice).rate == Decimal("0.79")
    assert list(cash_findings()) == []


def test_only_what_fits_nothing_else_is_matched_by_rule(
    checking: Account, savings: Account, alice: User, bob: User
) -> None:
    third = Account.objects.create(owner=alice, name="Third", currency="USD")
    theirs = Account.objects.create(owner=bob, name="Bob's", currency="USD")
    unique = (row(checking, "-5"), row(savings, "5"))
    row(checking, "-7"), row(savings, "7"), row(third, "7")
    refused = (row(checking, "-9"), row(savings, "9"))
    row(checking, "-11"), row(theirs, "11")
    refuse_match(sent=refused[0], received=refused[1], actor=alice)
    refuse_match(sent=refused[0], received=refused[1], actor=alice)
    assert match_unique(accounts=own(alice), since=DAY, actor=None, rows=[refused[0].pk]) == []
    [made] = match_unique(accounts=own(alice), since=DAY, actor=None, rows=[unique[1].pk])
    assert (made.sent, made.received, made.matched_by) == (*unique, MatchedBy.RULE)
    assert match_unique(accounts=own(alice), since=DAY, actor=None) == []
    assert found(bob) == []
    assert found(alice, DAY + timedelta(days=1)) == []


def test_suggestions_take_a_fixed_number_of_queries(checking: Account, savings: Account, alice: User) -> None:
    row(checking, "-1"), row(savings, "1")
    few, _ = count_queries(lambda: found(alice))
    for number in range(2, 30):
        row(checking, f"-{number}"), row(savings, f"{number}")
    assert len(found(alice)) == 29
    assert count_queries(lambda: found(alice))[0] == few == 2


def test_over_the_api(checking: Account, savings: Account, alice: User, bob: User) -> None:
    today = timezone.now().date()
    sent, received = row(checking, "-5", day=today), row(savings, "5", day=today)
    client, body = client_of(alice), {"sent": sent.pk, "received": received.pk}
    [offered] = client.get(f"{URL}suggestions/").json()["results"]
    assert (offered["sent"]["id"], offered["received"]["amount"], offered["certainty"]) == (sent.pk, "5", "unique")
    assert client.get(f"{URL}suggestions/?since={today + timedelta(days=1)}").json()["count"] == 0
    assert client.get(f"{URL}suggestions/?since=x").status_code == 400
    missing = client_of(bob).post(f"{URL}match/", {"sent": 987654321, "received": received.pk})
    assert client_of(bob).post(f"{URL}match/", body).content == missing.content
    made = client.post(f"{URL}match/", body)
    assert (made.status_code, made.json()["matched_by"]) == (201, "person")
    assert client.post(f"{URL}match/", body).json()["code"] == "leg_already"
    assert client_of(bob).post(f"{URL}{made.json()['id']}/unmatch/").status_code == 404
    assert client.post(f"{URL}{made.json()['id']}/unmatch/").status_code == 204
    RefusedMatch.objects.all().delete()
    assert client.post(f"{URL}match-unique/").json() == {"matched": 1}
