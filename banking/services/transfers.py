"""Moving money between two accounts of this server: both legs or none."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from activity.services import record
from banking.models import Account, CashTransaction, Category, ClassifiedBy, Counterparty, Section, Transfer
from banking.services.classification import LONGEST, counterparty_named
from banking.services.transactions import (
    AmountNotBookable,
    check_amount,
    check_classification,
    check_open,
    restore_cash,
    void_cash,
)
from core.errors import DomainError
from core.fields import QUANTITY_LIMIT, SQLITE_DIGITS
from core.money import EXACT, divide, minor_units, multiply, quantise
from users.models import Organisation

if TYPE_CHECKING:
    from users.models import User

RATE_DECIMALS = 10
STATED_DECIMALS = 4  # a rate that is stated with fewer means them with zeros: 1.1 is 1.1000


class TransferToSelf(DomainError):
    """A transfer needs two different accounts."""


class TransferToAnother(DomainError):
    """Money moves to an account that you may book into, or to one that receives by its IBAN or alias."""


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
    payee: str = "",
    category: Category | None = None,
    opens: bool = False,
) -> Transfer:
    """Book both legs of a transfer on one day, or neither.

    ``amount`` leaves ``source``, ``received`` arrives at ``target``, each in its account's currency; ``rate`` is
    units of the target's for one of the source's. In two currencies one of ``received`` and ``rate`` is enough.

    The target receives, or ``actor`` may book into it, or ``opens`` says that this opens it for the payer. Between two
    owners each end knows the other one as a counterparty, ``payee`` being the payer's name for it, and it is an
    expense of the one and income of the other, unless ``category``, which is the payer's, is of another section.
    Raises TransferToSelf, TransferToAnother, TransferNotPositive, AmountNotBookable, RateRequired, RateNotUsable,
    RateInconsistent, AccountClosed, CategoryOfAnother, SectionOfAnother.
    """
    Account.objects.filter(pk__in=[source.pk, target.pk]).bump()
    check_open(source, booked_on)
    if source.pk == target.pk:
        raise TransferToSelf(field="target")
    _check_reachable(source, target, booked_on, None if opens else actor)
    check_positive(amount, source.currency, "amount")
    received, rate = converted(amount, received, rate, source.currency, target.currency)
    sections = _sections(source, target, category)
    check_classification(source, sections[0], category)
    parties = _counterparties(source, target, payee)
    ends = zip((source, target), (-amount, received), sections, (category, None), parties, strict=True)
    sent, arrived = (_leg(*end, booked_on=booked_on, description=description, created_by=actor) for end in ends)
    transfer = Transfer.objects.create(sent=sent, received=arrived, rate=rate, created_by=actor)
    data = {"from": source.pk, "to": target.pk, "amount": f"{amount:f}", "received": f"{received:f}"}
    record(actor=actor, action="transfer.booked", subject=transfer, data=data)
    return transfer


def _leg(
    account: Account,
    amount: Decimal,
    section: Section,
    category: Category | None,
    counterparty: Counterparty | None,
    **values: Any,
) -> CashTransaction:
    return CashTransaction.objects.create(
        account=account,
        amount=amount,
        section=section,
        category=category,
        classified_by=ClassifiedBy.PERSON if category else ClassifiedBy.NOBODY,
        counterparty=counterparty,
        **values,
    )


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


def _check_reachable(source: Account, target: Account, day: date, actor: User | None) -> None:
    """Whether money may move to ``target``; of what ``actor`` may not book into nothing is told but that it does not
    receive. Without an actor it is the server's own doing, within one owner's accounts."""
    if actor is None:
        open_to = source.belongs_with(target)
    else:
        open_to = Account.objects.editable_by(actor).filter(pk=target.pk).exists()
    if open_to:
        check_open(target, day)
    elif not Account.objects.filter(pk=target.pk, receives=True).open_on(day).exists():
        raise TransferToAnother(field="target")


def _sections(source: Account, target: Account, category: Category | None) -> tuple[Section, Section]:
    """What each leg counts as: within one owner's books a transfer is neither income nor expense."""
    section = Section(category.section) if category else None
    if source.belongs_with(target):
        return Section.TRANSFER, Section.TRANSFER
    if section in (None, Section.EXPENSE):
        return Section.EXPENSE, Section.INCOME
    return Section.TRANSFER, Section.TRANSFER


def _counterparties(source: Account, target: Account, payee: str) -> list[Counterparty | None]:
    """How the payer knows the target and the payee the source, made in the order of their owners.

    Two who pay each other at once would else wait for each other's new counterparties for ever. An alias is told
    only of an account that receives by it, since any other may be named like somebody else's.
    """
    if source.belongs_with(target):
        return [None, None]
    ends = [(source, target, payee), (target, source, "")]
    made: dict[int, Counterparty] = {}
    for books, other, name in sorted(ends, key=lambda end: (end[0].organisation_id or 0, end[0].owner_id or 0)):
        iban = other.iban if other.receives else ""
        known_as = name or (_name_of(other) if other is source or not iban else iban)
        made[books.pk] = counterparty_named(known_as, books=books, iban=iban)
    return [made[source.pk], made[target.pk]]


def _name_of(account: Account) -> str:
    """Whom an account belongs to, as others know them."""
    holder = account.holder
    name = holder.name if isinstance(holder, Organisation) else holder.get_full_name() or holder.username
    return name[: LONGEST[Counterparty]]


def check_positive(amount: Decimal, currency: str, field: str) -> None:
    if amount.is_finite() and amount <= 0:
        raise TransferNotPositive(field=field)
    check_amount(amount, currency, field)


def converted(
    amount: Decimal, received: Decimal | None, rate: Decimal | None, source: str, target: str
) -> tuple[Decimal, Decimal]:
    """(amount that arrived, rate), both of which are stored."""
    if rate is not None:
        _check_rate(rate)
    if source == target:
        received, rate = amount if received is None else received, Decimal(1) if rate is None else rate
        check_positive(received, target, "received")
        if received != amount or rate != 1:
            message = _("Both accounts are in %(currency)s, so what leaves one arrives at the other.") % {
                "currency": source
            }
            raise RateInconsistent(message, field="rate" if received == amount else "received")
        return received, rate
    if received is None:
        if rate is None:
            raise RateRequired(field="rate")
        received = _arriving(amount, rate, target)
    check_positive(received, target, "received")
    rate = rate_of(amount, received) if rate is None else rate
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
        raise AmountNotBookable(
            _("At this rate less than the smallest unit of %(currency)s arrives.") % {"currency": currency},
            field="rate",
        )
    return received


def rate_of(amount: Decimal, received: Decimal) -> Decimal:
    """The rate that the amounts imply, with as many digits as every database keeps."""
    rate = storable(divide(received, amount))
    if not 0 < rate < QUANTITY_LIMIT:
        raise RateNotUsable(_("The amounts imply an exchange rate that cannot be kept."), field="received")
    return rate


def storable(rate: Decimal) -> Decimal:
    """``rate`` with as many digits as every database keeps."""
    digits = min(RATE_DECIMALS, SQLITE_DIGITS - 1 - rate.adjusted())
    return rate.quantize(Decimal(1).scaleb(-digits), context=EXACT)


def _fresh(transfer: Transfer) -> Transfer:
    return Transfer.objects.select_related("sent", "received").get(pk=transfer.pk)
