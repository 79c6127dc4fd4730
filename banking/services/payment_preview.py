"""What a payment would do, without doing it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from banking.models import Account, CashTransaction, Section
from banking.services.payments import NothingToConvert, Payment, cleaned, payee_account
from banking.services.transactions import check_classification, check_open
from banking.services.transfers import TransferToSelf, check_positive, converted
from core.money import EXACT

if TYPE_CHECKING:
    from users.models import User


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What leaves ``source`` and what arrives, each in its currency; ``before`` and ``after`` are its balances now.

    ``target`` is an account that the payer sees; ``inside`` is said of any other account of this server, of which
    nothing else is told.
    """

    source: Account
    amount: Decimal
    before: Decimal
    target: Account | None = None
    inside: bool = False
    received: Decimal | None = None
    received_currency: str = ""
    rate: Decimal | None = None

    @property
    def after(self) -> Decimal:
        return EXACT.subtract(self.before, self.amount)

    @property
    def overdraws(self) -> bool:
        return self.after < 0 <= self.before


def foresee(*, source: Account, payment: Payment, actor: User) -> Foreseen:
    """What the payment of ``actor`` would do today. Raises what ``pay`` raises."""
    payment = cleaned(payment)
    check_positive(payment.amount, source.currency, "amount")
    check_open(source, payment.booked_on)
    target = payment.target or payee_account(source, payment.iban, payment.booked_on, actor)
    before = CashTransaction.objects.filter(account=source).balances().get(source.pk, Decimal(0))
    if target is None:
        if payment.rate is not None or payment.received is not None:
            raise NothingToConvert(field="rate" if payment.rate is not None else "received")
        _check_category(source, None, payment)
        return Foreseen(source, payment.amount, before)
    if target.pk == source.pk:
        raise TransferToSelf(field="target")
    known = payment.target is not None or Account.objects.visible_to(actor).filter(pk=target.pk).exists()
    if known:
        check_open(target, payment.booked_on)
    _check_category(source, target, payment)
    received, rate = converted(payment.amount, payment.received, payment.rate, source.currency, target.currency)
    shown = target if known else None
    return Foreseen(source, payment.amount, before, shown, not known, received, target.currency, rate)


def _check_category(source: Account, target: Account | None, payment: Payment) -> None:
    if payment.category is None:
        return
    own = target is not None and target.belongs_with(source)
    section = Section.TRANSFER if own else Section(payment.category.section)
    check_classification(source, section, payment.category)
