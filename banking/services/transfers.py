"""Moving money between two accounts of one owner: both legs or none."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction

from activity.services import record
from banking.models import Account, CashTransaction, Section, Transfer
from banking.services.transactions import AmountNotBookable, check_amount, check_open, restore_cash, void_cash
from core.errors import DomainError
from core.fields import QUANTITY_LIMIT, SQLITE_DIGITS
from core.money import EXACT, divide, minor_units, multiply, quantise

if TYPE_CHECKING:
    from users.models import User

RATE_DECIMALS = 10
STATED_DECIMALS = 4  # a rate that is stated with fewer means them with zeros: 1.1 is 1.1000


class TransferToSelf(DomainError):
    """A transfer needs two different accounts."""


class TransferToAnother(DomainError):
    """Both accounts of a transfer belong to the same owner."""


class TransferNotPositive(DomainError):
    """A transfer moves a positive amount; swap the accounts to go the other way."""


class RateRequired(DomainError):
    """Accounts in different currencies need the amount that arrived, or the exchange rate."""


class RateNotUsable(DomainError):
    """An exchange rate is a finite number more than 0 with at most 10 decimals."""


class RateInconsistent(DomainError):
    """The amount that arrived is not the amount that left times the exchange rate."""


@transaction.atomic
def book_transfer(
    *,
    source: Account,
    target: Account,
    amount: Decimal,
    booked_on: date,
    actor: User | None,
    received: Decimal | None = None,
    rate: Decimal | None = None,
    description: str = "",
) -> Transfer:
    """Book both legs of a transfer on one day, or neither.

    ``amount`` leaves ``source``, ``received`` arrives at ``target``, each in its account's currency; ``rate`` is
    units of the target's for one of the source's. In two currencies one of ``received`` and ``rate`` is enough.
    Raises TransferToSelf, TransferToAnother, TransferNotPositive, AmountNotBookable, RateRequired, RateNotUsable,
    RateInconsistent.
    """
    Account.objects.filter(pk__in=[source.pk, target.pk]).bump()
    for account in (source, target):
        check_open(account, booked_on)
    if source.pk == target.pk:
        raise TransferToSelf(field="target")
    if not source.belongs_with(target):
        raise TransferToAnother(field="target")
    _check_positive(amount, source.currency, "amount")
    received, rate = _converted(amount, received, rate, source.currency, target.currency)
    legs = [
        CashTransaction.objects.create(
            account=account,
            amount=leg,
            booked_on=booked_on,
            section=Section.TRANSFER,
            description=description,
            created_by=actor,
        )
        for account, leg in ((source, -amount), (target, received))
    ]
    transfer = Transfer.objects.create(sent=legs[0], received=legs[1], rate=rate, created_by=actor)
    data = {"from": source.pk, "to": target.pk, "amount": f"{amount:f}", "received": f"{received:f}"}
    record(actor=actor, action="transfer.booked", subject=transfer, data=data)
    return transfer


def void_transfer(*, transfer: Transfer, actor: User | None) -> Transfer:
    """Void both legs. Raises AlreadyVoided."""
    void_cash(row=transfer.sent, actor=actor)
    return _fresh(transfer)


def restore_transfer(*, transfer: Transfer, actor: User | None) -> Transfer:
    """Take the void of both legs back. Raises NotVoided."""
    restore_cash(row=transfer.sent, actor=actor)
    return _fresh(transfer)


def agree(amount: Decimal, received: Decimal, rate: Decimal, currency: str) -> bool:
    """Whether ``received`` (in ``currency``) is ``amount`` at ``rate``, as exactly as the rate is stated.

    The true rate lies within half a unit of the stated one's last decimal, and the amount was rounded to the
    currency's minor unit, whichever way the bank rounds.
    """
    decimals = max(STATED_DECIMALS, -int(rate.normalize(EXACT).as_tuple().exponent))
    of_rate = multiply(amount, Decimal("0.5").scaleb(-decimals))
    of_amount = Decimal(1).scaleb(-minor_units(currency))
    return abs(EXACT.subtract(received, multiply(amount, rate))) <= EXACT.add(of_rate, of_amount)


def _check_positive(amount: Decimal, currency: str, field: str) -> None:
    if amount.is_finite() and amount <= 0:
        raise TransferNotPositive(field=field)
    check_amount(amount, currency, field)


def _converted(
    amount: Decimal, received: Decimal | None, rate: Decimal | None, source: str, target: str
) -> tuple[Decimal, Decimal]:
    """(amount that arrived, rate), both of which are stored."""
    if rate is not None:
        _check_rate(rate)
    if source == target:
        received, rate = amount if received is None else received, Decimal(1) if rate is None else rate
        _check_positive(received, target, "received")
        if received != amount or rate != 1:
            message = f"Both accounts are in {source}, so what leaves one arrives at the other."
            raise RateInconsistent(message, field="rate" if received == amount else "received")
        return received, rate
    if received is None:
        if rate is None:
            raise RateRequired(field="rate")
        received = _arriving(amount, rate, target)
    _check_positive(received, target, "received")
    rate = implied_rate(amount, received) if rate is None else rate
    if not agree(amount, received, rate, target):
        raise RateInconsistent(field="rate")
    return received, rate


def _check_rate(rate: Decimal) -> None:
    usable = rate.is_finite() and 0 < rate < QUANTITY_LIMIT
    if not usable or rate.quantize(Decimal(1).scaleb(-RATE_DECIMALS), context=EXACT) != rate:
        raise RateNotUsable(field="rate")


def _arriving(amount: Decimal, rate: Decimal, currency: str) -> Decimal:
    received = quantise(multiply(amount, rate), currency)
    if not received:
        raise AmountNotBookable(f"At this rate less than the smallest unit of {currency} arrives.", field="rate")
    return received


def implied_rate(amount: Decimal, received: Decimal) -> Decimal:
    """The rate that the amounts imply, with as many digits as every database keeps. Raises RateNotUsable."""
    rate = divide(received, amount)
    digits = min(RATE_DECIMALS, SQLITE_DIGITS - 1 - rate.adjusted())
    rate = rate.quantize(Decimal(1).scaleb(-digits), context=EXACT)
    if not 0 < rate < QUANTITY_LIMIT:
        raise RateNotUsable("The amounts imply an exchange rate that cannot be kept.", field="received")
    return rate


def _fresh(transfer: Transfer) -> Transfer:
    return Transfer.objects.select_related("sent", "received").get(pk=transfer.pk)
