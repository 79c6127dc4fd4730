"""Transfers between accounts: both legs or none, in one currency and in two."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from activity.models import AuditEvent
from banking.models import Account, CashTransaction, Section, Transfer
from banking.services import transactions, transfers
from banking.services.transactions import book_cash, restore_cash, void_cash
from banking.services.transfers import agree, book_transfer, restore_transfer, void_transfer
from core.errors import DomainError
from core.money import MINOR_UNITS, multiply, quantise
from core.testing import owner_of
from users.models import User

DAY = date(2024, 1, 10)


@pytest.fixture
def dollars(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Checking", currency="USD")


@pytest.fixture
def savings(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Savings", currency="USD")


@pytest.fixture
def euros(alice: User) -> Account:
    return Account.objects.create(owner=alice, name="Euros", currency="EUR")


def move(source: Account, target: Account, amount: str = "100", **values: Any) -> Transfer:
    numbers: dict[str, Any] = {name: Decimal(value) for name, value in values.items()}
    return book_transfer(
        source=source, target=target, amount=Decimal(amount), booked_on=DAY, actor=source.owner, **numbers
    )


def balances() -> dict[str, Decimal]:
    names = dict(Account.objects.values_list("pk", "name"))
    return {names[pk]: amount for pk, amount in CashTransaction.objects.balances().items()}


def test_two_legs_of_one_currency_sum_to_zero(dollars: Account, savings: Account) -> None:
    transfer = move(dollars, savings)

    assert (transfer.sent.amount, transfer.received.amount, transfer.rate) == (-100, 100, 1)
    legs = CashTransaction.objects.with_transfer()
    assert {leg.transfer_id for leg in legs} == {transfer.pk}  # type: ignore[attr-defined]
    assert {leg.section for leg in legs} == {Section.TRANSFER}
    assert {leg.booked_on for leg in legs} == {DAY}
    assert balances() == {"Checking": -100, "Savings": 100}
    assert list(Account.objects.values_list("version", flat=True)) == [1, 1]
    assert AuditEvent.objects.get().action == "transfer.booked"


@pytest.mark.parametrize(
    ("stated", "received", "rate"),
    [
        ({"rate": "1.0834"}, "108.34", "1.0834"),
        ({"received": "108.37"}, "108.37", "1.0837"),
        ({"received": "108.34", "rate": "1.08337"}, "108.34", "1.08337"),
        ({"received": "108.33", "rate": "1.0833"}, "108.33", "1.0833"),
    ],
)
def test_two_currencies_carry_both_amounts_and_the_rate(
    dollars: Account, euros: Account, stated: dict[str, str], received: str, rate: str
) -> None:
    transfer = Transfer.objects.get(pk=move(euros, dollars, "100", **stated).pk)

    assert (transfer.sent.amount, transfer.received.amount) == (-100, Decimal(received))
    assert transfer.rate == Decimal(rate)
    assert balances() == {"Euros": -100, "Checking": Decimal(received)}


@given(
    currencies=st.tuples(st.sampled_from(sorted(MINOR_UNITS)), st.sampled_from(sorted(MINOR_UNITS))),
    units=st.integers(1, 10**10),
    rate=st.decimals("0.0001", 20000, places=6),
)
def test_an_amount_at_a_rate_agrees_with_it_and_a_cent_more_at_five_does_not(
    currencies: tuple[str, str], units: int, rate: Decimal
) -> None:
    amount = Decimal(units).scaleb(-MINOR_UNITS[currencies[0]])
    received = quantise(multiply(amount, rate), currencies[1])
    assert agree(amount, received, rate, currencies[1])
    off = multiply(amount, Decimal("0.0001")) + Decimal(2).scaleb(-MINOR_UNITS[currencies[1]])
    assert not agree(amount, received + off, rate, currencies[1])


@pytest.mark.parametrize(
    ("to", "values", "error", "field"),
    [
        ("Checking", {}, transfers.TransferToSelf, "target"),
        ("Bob's", {}, transfers.TransferToAnother, "target"),
        ("Savings", {"amount": "0"}, transfers.TransferNotPositive, "amount"),
        ("Savings", {"amount": "-1"}, transfers.TransferNotPositive, "amount"),
        ("Savings", {"amount": "NaN"}, transactions.AmountNotBookable, "amount"),
        ("Savings", {"amount": "Infinity"}, transactions.AmountNotBookable, "amount"),
        ("Savings", {"amount": "-Infinity"}, transactions.AmountNotBookable, "amount"),
        ("Savings", {"amount": "1E+400"}, transactions.AmountNotBookable, "amount"),
        ("Savings", {"amount": "0.001"}, transactions.AmountNotBookable, "amount"),
        ("Savings", {"received": "99"}, transfers.RateInconsistent, "received"),
        ("Savings", {"rate": "1.1"}, transfers.RateInconsistent, "rate"),
        ("Euros", {}, transfers.RateRequired, "rate"),
        ("Euros", {"rate": "0"}, transfers.RateNotUsable, "rate"),
        ("Euros", {"rate": "-1"}, transfers.RateNotUsable, "rate"),
        ("Euros", {"rate": "NaN"}, transfers.RateNotUsable, "rate"),
        ("Euros", {"rate": "1E+18"}, transfers.RateNotUsable, "rate"),
        ("Euros", {"rate": "1E-400"}, transfers.RateNotUsable, "rate"),
        ("Euros", {"rate": "0.00001"}, transactions.AmountNotBookable, "rate"),
        ("Euros", {"rate": "999999999999999"}, transactions.AmountNotBookable, "received"),
        ("Euros", {"received": "0"}, transfers.TransferNotPositive, "received"),
        ("Euros", {"received": "0.001"}, transactions.AmountNotBookable, "received"),
        ("Euros", {"received": "90", "rate": "0.91"}, transfers.RateInconsistent, "rate"),
        ("Euros", {"amount": "999999999999", "received": "0.01"}, transfers.RateNotUsable, "received"),
    ],
)
def test_what_is_wrong_is_refused_by_name_and_nothing_is_stored(
    dollars: Account,
    savings: Account,
    euros: Account,
    bob: User,
    to: str,
    values: dict[str, str],
    error: type[DomainError],
    field: str,
) -> None:
    Account.objects.create(owner=bob, name="Bob's", currency="USD")
    with pytest.raises(error) as refused:
        move(dollars, Account.objects.get(name=to), **values)

    assert refused.value.field == field
    assert not CashTransaction.objects.exists()
    assert not Transfer.objects.exists()


def test_void_and_restore_take_both_legs(dollars: Account, savings: Account) -> None:
    transfer = move(dollars, savings)

    voided = void_transfer(transfer=transfer, actor=None)
    assert voided.sent.voided_at == voided.received.voided_at is not None
    assert balances() == {}
    assert not Transfer.objects.standing().exists()
    with pytest.raises(transactions.AlreadyVoided):
        void_transfer(transfer=transfer, actor=None)

    restored = restore_transfer(transfer=transfer, actor=None)
    assert restored.sent.voided_at is restored.received.voided_at is None
    assert balances() == {"Checking": -100, "Savings": 100}
    with pytest.raises(transactions.NotVoided):
        restore_transfer(transfer=transfer, actor=None)
    assert list(AuditEvent.objects.order_by("pk").values_list("action", flat=True)) == [
        "transfer.booked",
        "transfer.voided",
        "transfer.restored",
    ]
    assert list(Account.objects.values_list("version", flat=True)) == [3, 3]


@pytest.mark.parametrize("leg", ["sent", "received"])
def test_one_leg_takes_the_other_along(dollars: Account, savings: Account, leg: str) -> None:
    row = getattr(move(dollars, savings), leg)
    assert void_cash(row=row, actor=dollars.owner) == row
    assert not CashTransaction.objects.standing().exists()
    assert {each.voided_by for each in CashTransaction.objects.all()} == {dollars.owner}
    restore_cash(row=row, actor=None)
    assert CashTransaction.objects.standing().count() == 2


def test_a_restored_row_does_not_stand_twice(dollars: Account) -> None:
    terms: dict[str, Any] = {"account": dollars, "amount": Decimal(5), "booked_on": DAY, "section": Section.INCOME}
    row = book_cash(**terms, external_id="a", actor=None)
    void_cash(row=row, actor=None)
    book_cash(**terms, external_id="a", actor=None)
    with pytest.raises(transactions.DuplicateCash):
        restore_cash(row=row, actor=None)
    assert balances() == {"Checking": 5}


def test_the_database_knows_no_half_transfer(dollars: Account, savings: Account) -> None:
    transfer = move(dollars, savings)
    with pytest.raises(IntegrityError), transaction.atomic():
        Transfer.objects.filter(pk=transfer.pk).update(received=transfer.sent)
    with pytest.raises(IntegrityError), transaction.atomic():
        Transfer.objects.filter(pk=transfer.pk).update(received=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        Transfer.objects.filter(pk=transfer.pk).update(rate=0)
    with pytest.raises(IntegrityError):
        transfer.received.delete()


def test_transfers_are_their_owners(dollars: Account, savings: Account, bob: User) -> None:
    transfer = move(dollars, savings)
    assert list(Transfer.objects.visible_to(owner_of(dollars))) == [transfer]
    assert list(Transfer.objects.editable_by(owner_of(dollars))) == [transfer]
    assert not Transfer.objects.visible_to(bob).exists()


def test_the_admin_shows_voids_and_restores_them(client: Client, carol: User, dollars: Account, euros: Account) -> None:
    client.force_login(carol)
    transfer = move(dollars, euros, rate="0.9")
    url = reverse("admin:banking_transfer_changelist")

    def act(name: str) -> list[str]:
        answer = client.post(url, {"action": name, "_selected_action": [transfer.pk]}, follow=True)
        return [str(message) for message in answer.context["messages"]]

    assert "90 on 2024-01-10" in client.get(url).content.decode()
    [told] = act("void")
    assert told.startswith("Voided: -100 on")
    assert "voided already" in act("void")[0]
    assert balances() == {}
    assert act("restore")[0].startswith("Restored")
    assert balances() == {"Checking": -100, "Euros": 90}
    assert client.get(reverse("admin:banking_transfer_add")).status_code == 403


def test_the_admin_restores_a_row(client: Client, carol: User, dollars: Account) -> None:
    client.force_login(carol)
    row = book_cash(account=dollars, amount=Decimal(5), booked_on=DAY, section=Section.INCOME, actor=None)
    url = reverse("admin:banking_cashtransaction_changelist")
    for name, left in (("void", {}), ("restore", {"Checking": 5})):
        client.post(url, {"action": name, "_selected_action": [row.pk]})
        assert balances() == left
