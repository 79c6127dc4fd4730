"""What statements say that accounts held, to be compared with the books."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from activity.services import record
from banking.models import Account, BalanceAssertion
from banking.services.accounts import EARLIEST, EARLIEST_ZONE
from banking.services.transactions import AlreadyVoided, AmountNotBookable, NotVoided
from core.errors import DomainError, Gone
from core.fields import MONEY_LIMIT
from core.money import minor_units, quantise
from users.models import User


class StatementOfNoDay(DomainError):
    """A statement is of a day that has begun, from 1900 on."""


class StatedAlready(DomainError):
    """There is a statement of this day already: take that back first."""


@transaction.atomic
def assert_balance(*, account: Account, day: date, balance: Decimal, actor: User | None) -> BalanceAssertion:
    """Note that a statement gives ``balance``, in the account's currency, for the close of ``day``.

    It is a statement, not a booking: what differs is shown, and changes nothing. Raises StatementOfNoDay,
    StatedAlready, AmountNotBookable.
    """
    if not EARLIEST <= day <= (timezone.now() + EARLIEST_ZONE).date():
        raise StatementOfNoDay(field="day")
    _check_balance(balance, account.currency)
    made = BalanceAssertion(account=account, day=day, balance=balance, created_by=actor)
    _store(made)
    data = {"account": account.pk, "day": day.isoformat(), "balance": f"{balance:f}"}
    record(actor=actor, action="assertion.made", subject=made, data=data)
    return made


@transaction.atomic
def void_assertion(*, assertion: BalanceAssertion, actor: User | None) -> BalanceAssertion:
    """Raises AlreadyVoided, Gone."""
    found = _locked(assertion)
    if found.voided_at:
        raise AlreadyVoided(_("This statement is taken back already."))
    found.voided_at = timezone.now()
    found.save(update_fields=["voided_at"])
    record(actor=actor, action="assertion.voided", subject=found, data={"account": found.account_id})
    return found


@transaction.atomic
def restore_assertion(*, assertion: BalanceAssertion, actor: User | None) -> BalanceAssertion:
    """Raises NotVoided, StatedAlready, Gone."""
    found = _locked(assertion)
    if not found.voided_at:
        raise NotVoided(_("This statement stands."))
    found.voided_at = None
    _store(found)
    record(actor=actor, action="assertion.restored", subject=found, data={"account": found.account_id})
    return found


def _locked(assertion: BalanceAssertion) -> BalanceAssertion:
    found = BalanceAssertion.objects.select_for_update(of=("self",)).filter(pk=assertion.pk).first()
    if found is None:
        raise Gone(_("This statement was deleted meanwhile."))
    return found


def _store(assertion: BalanceAssertion) -> None:
    """The database decides whether the day has a statement, so that two at once cannot both be it."""
    try:
        with transaction.atomic():
            assertion.save()
    except IntegrityError as error:
        raise StatedAlready(field="day") from error


def _check_balance(balance: Decimal, currency: str) -> None:
    if not balance.is_finite() or abs(balance) >= MONEY_LIMIT:
        raise AmountNotBookable(_("A balance is a finite number."), field="balance")
    if quantise(balance, currency) != balance:
        raise AmountNotBookable(
            _("%(currency)s has %(number)s decimals.") % {"currency": currency, "number": minor_units(currency)},
            field="balance",
        )
