"""Whether cash is what it promises, over the whole database. Reads only; every finding names ids."""

from __future__ import annotations

from collections.abc import Iterator

from banking.models import Account, CashTransaction, Origin, Section, Transfer
from banking.services.transfers import agree
from core.money import minor_units, quantise

HALF = "no half transfer"
BETWEEN_OWNERS = {(Section.TRANSFER, Section.TRANSFER), (Section.EXPENSE, Section.INCOME)}


def cash_findings() -> Iterator[tuple[str, str, str]]:
    """(promise, where, what) of each row and transfer that is wrong."""
    yield from _amounts()
    legs = Transfer.objects.select_related("sent__account", "received__account").order_by("pk")
    for transfer in legs.iterator():
        for what in _of_transfer(transfer):
            yield HALF, f"transfer {transfer.pk}, cash rows {transfer.sent_id} and {transfer.received_id}", what


def _amounts() -> Iterator[tuple[str, str, str]]:
    """Amounts that the currency does not have."""
    for currency in Account.objects.order_by().values_list("currency", flat=True).distinct():
        for row in CashTransaction.objects.filter(account__currency=currency).order_by("pk").iterator():
            if quantise(row.amount, currency) != row.amount:
                what = f"{row.amount} {currency} has more than {minor_units(currency)} decimals"
                yield "balances are whole", f"account {row.account_id}, cash row {row.pk}", what


def _of_transfer(transfer: Transfer) -> Iterator[str]:
    sent, received = transfer.sent, transfer.received
    if (sent.voided_at is None) != (received.voided_at is None):
        yield f"cash row {sent.pk if sent.voided_at else received.pk} is voided, the other leg is not"
    own = sent.account.belongs_with(received.account)
    sections = (Section(sent.section), Section(received.section))
    known = sections in BETWEEN_OWNERS if not own else sections == (Section.TRANSFER, Section.TRANSFER)
    if not known or any(leg.origin != Origin.ENTRY for leg in (sent, received)):
        yield "a leg is something else than entered cash of a transfer"
    if not own and not transfer.matched_by and None in (sent.counterparty_id, received.counterparty_id):
        yield "its legs are of two owners, and one does not know the other"
    if sent.account_id == received.account_id:
        yield f"it goes from account {sent.account_id} to account {received.account_id}"
    one_currency = sent.account.currency == received.account.currency
    if sent.amount >= 0 or received.amount <= 0:
        yield f"its legs are of {sent.amount} and {received.amount}"
    elif one_currency and (sent.amount + received.amount or transfer.rate != 1):
        yield f"{sent.amount} and {received.amount} do not sum to zero, or the rate {transfer.rate} is not 1"
    elif not one_currency and not agree(-sent.amount, received.amount, transfer.rate, received.account.currency):
        yield f"{-sent.amount} at {transfer.rate} is not {received.amount}"
