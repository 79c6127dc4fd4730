"""Paying others: both legs where an account of this server receives, else one row with its counterparty."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from assets.tests.factories import make_rate
from banking.models import Account, AccountShare, CashTransaction, Category, Counterparty, ShareRole, Transfer
from banking.services import transactions, transfers
from banking.services.deposits import DepositTerms, open_deposit
from banking.services.payment_preview import foresee
from banking.services.payments import NobodyReceives, NothingToConvert, PayeeNeeded, Payment, at_days_rate, pay
from banking.services.transactions import AccountClosed, OtherEndNotYours, void_cash
from banking.services.transfers import TransferToAnother, book_transfer, restore_transfer, void_transfer
from banking.services.verification import cash_findings
from core.errors import DomainError
from core.testing import client_of
from users.models import Membership, Organisation, Role, User

URL = "/api/banking/transfers/"
DAY = date(2024, 1, 10)
IBAN = "DE89370400440532013000"


@pytest.fixture
def checking(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Checking", currency="USD", iban="alice", receives=True)


@pytest.fixture
def shop(bob: User) -> Account:
    """bob's, which receives."""
    return Account.objects.create(owner=bob, name="Secret name", currency="USD", iban=IBAN, receives=True)


def payment(amount: str = "30", **values: Any) -> Payment:
    return Payment(Decimal(amount), DAY, **values)


def test_both_legs_are_booked_and_each_end_knows_the_other(checking: Account, shop: Account, alice: User) -> None:
    made = pay(source=checking, payment=payment(iban="DE89 3704 0044 0532 0130 00", name="The shop"), actor=alice)
    assert isinstance(made, Transfer)
    sent, received = made.sent, made.received
    assert (sent.account, sent.amount, sent.section) == (checking, -30, "expense")
    assert (received.account, received.amount, received.section) == (shop, 30, "income")
    assert sent.counterparty
    assert received.counterparty
    assert (sent.counterparty.name, sent.counterparty.account, sent.counterparty.owner) == ("The shop", shop, alice)
    assert (received.counterparty.name, received.counterparty.account) == ("alice", checking)
    assert received.counterparty.owner == shop.owner
    assert list(cash_findings()) == []


def test_an_alias_is_told_only_of_an_account_that_receives(alice: User, shop: Account) -> None:
    own = Account.objects.create(owner=alice, name="Hidden", currency="USD", iban="alias")
    pay(source=own, payment=payment(iban=IBAN), actor=alice)
    known = Counterparty.objects.get(owner=shop.owner)
    assert (known.name, known.iban, known.account) == ("alice", "", None)
    assert Counterparty.objects.get(owner=alice).name == IBAN


def test_ones_own_account_by_its_iban_is_a_move(checking: Account, alice: User) -> None:
    savings = Account.objects.create(owner=alice, name="Savings", currency="USD", iban=IBAN)
    made = pay(source=checking, payment=payment(iban=IBAN), actor=alice)
    assert isinstance(made, Transfer)
    assert (made.received.account, made.sent.section, made.sent.counterparty) == (savings, "transfer", None)


def test_whoever_is_not_here_is_paid_with_one_row(checking: Account, alice: User) -> None:
    rent = Category.objects.create(owner=alice, section="expense", name="Own rent")
    made = pay(source=checking, payment=payment(iban=IBAN, name="Landlord", category=rent), actor=alice)
    assert isinstance(made, CashTransaction)
    assert (made.amount, made.section, made.category, str(made.counterparty)) == (-30, "expense", rent, "Landlord")
    refund = Category.objects.create(owner=alice, section="transfer", name="Loans")
    made = pay(source=checking, payment=payment(name="Friend", category=refund), actor=alice)
    assert (made.section, CashTransaction.objects.count()) == ("transfer", 2)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("values", "error", "field"),
    [
        ({}, PayeeNeeded, "target"),
        ({"iban": "DE88370400440532013000"}, DomainError, "target_iban"),
        ({"iban": "x" * 35}, DomainError, "target_iban"),
        ({"name": "x" * 141}, DomainError, "counterparty"),
        ({"name": "Somebody", "rate": Decimal(2)}, NothingToConvert, "rate"),
        ({"name": "Somebody", "received": Decimal(2)}, NothingToConvert, "received"),
        ({"name": "Somebody", "amount": "-1"}, transfers.TransferNotPositive, "amount"),
        ({"name": "Somebody", "amount": "0.001"}, transactions.AmountNotBookable, "amount"),
        ({"iban": IBAN, "amount": "NaN"}, transactions.AmountNotBookable, "amount"),
        ({"iban": "alice"}, transfers.TransferToSelf, "target"),
    ],
)
def test_what_is_wrong_is_refused(
    checking: Account, shop: Account, alice: User, values: dict[str, Any], error: type[DomainError], field: str
) -> None:
    with pytest.raises(error) as refused:
        pay(source=checking, payment=payment(**values), actor=alice)
    assert refused.value.field == field
    assert not CashTransaction.objects.exists()
    assert not Counterparty.objects.exists()


@pytest.mark.parametrize("change", [{"receives": False}, {"closed_on": DAY}])
def test_an_account_that_does_not_receive_looks_like_none(
    checking: Account, shop: Account, alice: User, change: dict[str, Any]
) -> None:
    Account.objects.filter(pk=shop.pk).update(**change)
    with pytest.raises(NobodyReceives):
        pay(source=checking, payment=payment(iban=IBAN), actor=alice, here=True)
    with pytest.raises(TransferToAnother):
        book_transfer(source=checking, target=shop, amount=Decimal(1), booked_on=DAY, actor=alice)
    assert isinstance(pay(source=checking, payment=payment(iban=IBAN), actor=alice), CashTransaction)


def test_the_payer_gives_the_rate(checking: Account, shop: Account, alice: User) -> None:
    Account.objects.filter(pk=shop.pk).update(currency="EUR")
    with pytest.raises(transfers.RateRequired):
        pay(source=checking, payment=payment(iban=IBAN), actor=alice)
    made = pay(source=checking, payment=payment(iban=IBAN, rate=Decimal("0.9")), actor=alice)
    assert made.received.amount == 27  # type: ignore[union-attr]
    made = pay(source=checking, payment=payment(iban=IBAN, received=Decimal("26.5")), actor=alice)
    assert made.received.amount == Decimal("26.5")  # type: ignore[union-attr]
    assert list(cash_findings()) == []


def test_between_what_one_may_book_into(alice: User, checking: Account) -> None:
    firm = Organisation.objects.create(name="Acme")
    operating = Account.objects.create(organisation=firm, name="Operating", currency="USD")
    terms: dict[str, Any] = {"source": operating, "target": checking, "amount": Decimal(5), "booked_on": DAY}
    with pytest.raises(TransferToAnother):
        book_transfer(source=checking, target=operating, amount=Decimal(1), booked_on=DAY, actor=alice)
    Membership.objects.create(organisation=firm, user=alice, role=Role.MEMBER)
    book_transfer(source=checking, target=operating, amount=Decimal(1), booked_on=DAY, actor=alice)
    made = book_transfer(**terms, actor=alice)
    assert str(made.received.counterparty) == "Acme"
    assert void_transfer(transfer=made, actor=alice).sent.voided_at


def test_one_end_is_not_enough_to_take_it_back(
    checking: Account, shop: Account, alice: User, bob: User, carol: User
) -> None:
    made = pay(source=checking, payment=payment(iban=IBAN), actor=alice)
    assert isinstance(made, Transfer)
    for person, leg in ((alice, made.sent), (bob, made.received)):
        with pytest.raises(OtherEndNotYours):
            void_transfer(transfer=made, actor=person)
        with pytest.raises(OtherEndNotYours):
            void_cash(row=leg, actor=person)
    assert CashTransaction.objects.standing().count() == 2
    AccountShare.objects.create(account=shop, user=alice, role=ShareRole.VIEWER)
    with pytest.raises(OtherEndNotYours):
        void_transfer(transfer=made, actor=alice)
    AccountShare.objects.update(role=ShareRole.EDITOR)
    void_transfer(transfer=made, actor=alice)
    with pytest.raises(OtherEndNotYours):
        restore_transfer(transfer=made, actor=bob)
    restore_transfer(transfer=made, actor=carol)  # looks after transfers
    assert CashTransaction.objects.standing().count() == 2


def test_nothing_comes_back_into_a_closed_account(checking: Account, alice: User) -> None:
    savings = Account.objects.create(owner=alice, name="Savings", currency="USD")
    made = book_transfer(source=checking, target=savings, amount=Decimal(5), booked_on=DAY, actor=alice)
    void_transfer(transfer=made, actor=alice)
    Account.objects.filter(pk=savings.pk).update(closed_on=DAY)
    with pytest.raises(AccountClosed):
        restore_transfer(transfer=made, actor=alice)
    assert not CashTransaction.objects.standing().exists()


@pytest.mark.parametrize("alias", ["DE89 3704 0044 0532 0130 00", "rainy-day"])
def test_an_editor_of_one_account_neither_finds_nor_books_into_the_owners_others(
    checking: Account, alice: User, bob: User, alias: str
) -> None:
    compact = alias.replace(" ", "")
    hidden = Account.objects.create(owner=alice, name="Rainy day", currency="EUR", iban=compact)
    AccountShare.objects.create(account=checking, user=bob, role=ShareRole.EDITOR)
    assert foresee(source=checking, payment=payment(iban=alias), actor=bob) == foresee(
        source=checking, payment=payment(iban="nobody"), actor=bob
    )
    assert isinstance(pay(source=checking, payment=payment(iban=alias), actor=bob), CashTransaction)
    with pytest.raises(NobodyReceives):
        pay(source=checking, payment=payment(iban=alias), actor=bob, here=True)
    with pytest.raises(TransferToAnother):
        book_transfer(source=checking, target=hidden, amount=Decimal(1), booked_on=DAY, actor=bob, received=Decimal(1))
    assert not CashTransaction.objects.filter(account=hidden).exists()
    Account.objects.filter(pk=hidden.pk).update(receives=True)
    told = foresee(source=checking, payment=payment(iban=alias, rate=Decimal(1)), actor=bob)
    assert (told.target, told.inside, told.received_currency) == (None, True, "EUR")
    assert isinstance(pay(source=checking, payment=payment(iban=alias, rate=Decimal(1)), actor=bob), Transfer)
    AccountShare.objects.create(account=hidden, user=bob, role=ShareRole.VIEWER)
    assert foresee(source=checking, payment=payment(iban=alias, rate=Decimal(1)), actor=bob).target == hidden


def test_the_editor_of_an_account_opens_a_deposit_of_its_money(checking: Account, alice: User, bob: User) -> None:
    AccountShare.objects.create(account=checking, user=bob, role=ShareRole.EDITOR)
    terms = DepositTerms(Decimal(5), Decimal("0.03"), DAY, date(2027, 1, 10))
    deposit = open_deposit(source=checking, name="Fixed", terms=terms, actor=bob, now=datetime(2024, 1, 10, tzinfo=UTC))
    assert (deposit.account.owner, deposit.opening.sent.amount) == (alice, -5)


def body(checking: Account, **values: Any) -> dict[str, Any]:
    return {
        "source": checking.pk,
        "target_iban": IBAN,
        "amount": "30",
        "booked_on": "2024-01-10",
        "note": "May",
    } | values


def test_over_the_api_neither_end_learns_of_the_others_account(
    checking: Account, shop: Account, alice: User, bob: User
) -> None:
    answer = client_of(alice).post(URL, body(checking, target_name="The shop"), headers={"idempotency-key": "k"})
    again = client_of(alice).post(URL, body(checking, target_name="The shop"), headers={"idempotency-key": "k"})
    assert (answer.status_code, again.content) == (201, answer.content)
    made = answer.json()
    assert (made["source"], made["target"], made["counterparty"]) == (checking.pk, None, "The shop")
    assert (made["amount"], made["received"], made["rate"], made["currency"]) == ("30", "30", "1", "USD")
    theirs = client_of(bob).get(f"{URL}{made['id']}/").json()
    assert (theirs["source"], theirs["target"], theirs["counterparty"]) == (None, shop.pk, "alice")
    for text in (answer.content.decode(), client_of(alice).get(URL).content.decode()):
        assert "Secret name" not in text
    refused = client_of(bob).delete(f"{URL}{made['id']}/")
    assert (refused.status_code, refused.json()["code"]) == (400, "other_end_not_yours")
    assert Transfer.objects.standing().count() == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"target_iban": "nobody"}, "target_iban"),
        ({"target_iban": ""}, "target"),
        ({"target": 987654321, "target_iban": ""}, "target"),
        ({"target": 1}, "target_iban"),
        ({"source": 987654321}, "source"),
        ({"booked_on": "2999-01-01"}, "booked_on"),
        ({"booked_on": "1899-12-31"}, "booked_on"),
        ({"category": 987654321}, "category"),
        ({"target_iban": "DE88370400440532013000"}, "target_iban"),
    ],
)
def test_bad_input_over_the_api(
    checking: Account, shop: Account, alice: User, values: dict[str, Any], field: str
) -> None:
    answer = client_of(alice).post(URL, body(checking, **values))
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert not CashTransaction.objects.exists()


def test_somebody_elses_account_is_as_good_as_missing(checking: Account, shop: Account, alice: User, bob: User) -> None:
    for values in ({"target": shop.pk, "target_iban": ""}, {"source": shop.pk}):
        missing = {name: 987654321 if value == shop.pk else value for name, value in values.items()}
        answers = [client_of(alice).post(URL, body(checking) | given) for given in (values, missing)]
        assert answers[0].content == answers[1].content
        assert answers[0].status_code == 400


def test_the_list_is_filtered(checking: Account, shop: Account, alice: User, bob: User) -> None:
    savings = Account.objects.create(owner=alice, name="Savings", currency="USD")
    own = book_transfer(source=checking, target=savings, amount=Decimal(5), booked_on=DAY, actor=alice)
    pay(source=checking, payment=payment(iban=IBAN), actor=alice)
    void_transfer(transfer=own, actor=alice)

    def count(query: str, user: User = alice) -> int:
        return int(client_of(user).get(f"{URL}?{query}").json()["count"])

    assert [count(f"account={account.pk}") for account in (checking, savings, shop)] == [2, 1, 0]
    assert [count("voided=true"), count("voided=false"), count("start=2024-01-11"), count("end=2024-01-10")] == [
        1,
        1,
        0,
        2,
    ]
    assert count("", bob) == 1
    client = client_of(alice)
    assert client.post(f"{URL}{own.pk}/restore/").json()["voided_at"] is None
    assert client.delete(f"{URL}{own.pk}/").status_code == 204
    assert client.delete(f"{URL}{own.pk}/").json()["code"] == "already_voided"


def test_it_is_the_days_rate_that_schedules_convert_at(alice: User) -> None:
    make_rate("EURUSD", {date(2024, 1, 5): "1.25"})
    dollars, francs = (Account.objects.create(owner=alice, name=name, currency=name) for name in ("USD", "EUR"))
    assert at_days_rate(dollars, francs, payment()).rate == Decimal("0.8")
