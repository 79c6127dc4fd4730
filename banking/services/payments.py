"""Paying somebody by IBAN or name: a transfer where an account of this server receives, else cash that leaves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from assets.queries import rates
from banking.models import Account, CashTransaction, Category, Section, Transfer
from banking.services.accounts import clean_iban
from banking.services.classification import counterparty_named
from banking.services.transactions import book_cash
from banking.services.transfers import book_transfer, check_positive, storable
from core.errors import DomainError

if TYPE_CHECKING:
    from users.models import User

EARLIEST_ZONE = timedelta(hours=14)  # where a day begins first
EARLIEST = date(1900, 1, 1)


class PayeeNeeded(DomainError):
    """Say who is paid: one of your accounts, or somebody by IBAN or alias, or by name."""


class NobodyReceives(DomainError):
    """No account of this server receives under this IBAN or alias. Book it as a payment to a counterparty."""


class NothingToConvert(DomainError):
    """Outside this server nothing is converted: the amount is what leaves the account."""


class BadPaymentDay(DomainError):
    """A payment is booked on a day that has begun; what is to come is scheduled."""


@dataclass(frozen=True, slots=True)
class Payment:
    """``amount`` of the paying account's currency to ``target``, or else to whoever has ``iban`` or ``name``.

    ``received`` and ``rate`` are as in ``book_transfer``. With ``outside`` no account of this server is looked for.
    """

    amount: Decimal
    booked_on: date
    target: Account | None = None
    iban: str = ""
    name: str = ""
    received: Decimal | None = None
    rate: Decimal | None = None
    description: str = ""
    category: Category | None = None
    outside: bool = False


def payee_account(source: Account, iban: str, day: date, actor: User | None) -> Account | None:
    """The account of the same owner with this IBAN or alias, else the one that receives under it and is open.

    Of the owner's it is one that ``actor`` books into: to others the rest is as good as missing.
    """
    if not iban:
        return None
    known = Account.objects.select_related("owner", "organisation")
    own = known.belonging_with(source).filter(iban=iban)
    if actor is not None:
        own = own.filter(pk__in=Account.objects.editable_by(actor).values("pk"))
    return own.first() or known.filter(receives=True, iban=iban).open_on(day).first()


def check_day(day: date, now: datetime) -> None:
    """Refuse a day that has begun nowhere yet, and one from before there were accounts. Raises BadPaymentDay."""
    if day > (now + EARLIEST_ZONE).date():
        raise BadPaymentDay(field="booked_on")
    if day < EARLIEST:
        raise BadPaymentDay(_("Nothing is booked before %(year)s.") % {"year": EARLIEST.year}, field="booked_on")


@transaction.atomic
def pay(*, source: Account, payment: Payment, actor: User | None, here: bool = False) -> Transfer | CashTransaction:
    """Book a payment: both legs where it reaches an account of this server, else one row with its counterparty.

    With ``here`` it is refused where no account of this server receives it. Raises PayeeNeeded, NobodyReceives,
    NothingToConvert, BadIban, AliasTooLong, NameTooLong, and what ``book_transfer`` and ``book_cash`` raise.
    """
    payment = cleaned(payment)
    target = payment.target
    if target is None and not payment.outside:
        target = payee_account(source, payment.iban, payment.booked_on, actor)
    if target is not None:
        return book_transfer(
            source=source,
            target=target,
            amount=payment.amount,
            booked_on=payment.booked_on,
            actor=actor,
            received=payment.received,
            rate=payment.rate,
            description=payment.description,
            payee=payment.name,
            category=payment.category,
        )
    if here:
        raise NobodyReceives(field="target_iban")
    return _pay_outside(source, payment, actor)


def cleaned(payment: Payment) -> Payment:
    """The payment with its IBAN in the compact form. Raises PayeeNeeded, BadIban, AliasTooLong."""
    if payment.target is None and not (payment.iban.strip() or payment.name.strip()):
        raise PayeeNeeded(field="target")
    try:
        return replace(payment, iban=clean_iban(payment.iban) if payment.iban else "")
    except DomainError as error:
        error.field = "target_iban"
        raise


def at_days_rate(source: Account, target: Account, payment: Payment) -> Payment:
    """The payment with the exchange rate of its day where the accounts are in two currencies; one query.

    Raises RateMissing.
    """
    if source.currency == target.currency:
        return payment
    table = rates([source.currency], target.currency, payment.booked_on)
    value = table.rate(source.currency, target.currency, payment.booked_on).value
    return replace(payment, rate=storable(value))


def _pay_outside(source: Account, payment: Payment, actor: User | None) -> CashTransaction:
    if payment.rate is not None or payment.received is not None:
        raise NothingToConvert(field="rate" if payment.rate is not None else "received")
    check_positive(payment.amount, source.currency, "amount")
    Account.objects.filter(pk=source.pk).bump()
    party = counterparty_named(payment.name or payment.iban, books=source, iban=payment.iban)
    return book_cash(
        account=source,
        amount=-payment.amount,
        booked_on=payment.booked_on,
        section=Section(payment.category.section) if payment.category else Section.EXPENSE,
        actor=actor,
        description=payment.description,
        category=payment.category,
        counterparty=party,
    )
