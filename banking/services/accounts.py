"""Opening, changing and closing accounts."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.deletion import ProtectedError, RestrictedError
from django.utils import timezone
from django.utils.translation import gettext as _
from stdnum import iban as iban_numbers
from stdnum.exceptions import ValidationError as BadNumber

from activity.services import record
from banking.models import Account, AccountKind, CashTransaction, Counterparty, Section
from banking.services.transactions import AccountClosed, book_cash, check_amount
from core.errors import DomainError, Gone
from core.money import UnknownCurrency, minor_units
from users.models import Membership, Organisation, User, owned_by

OPENING = "Opening balance"
LONGEST_NAME = 100
EARLIEST_ZONE = timedelta(hours=14)  # where a day begins first
EARLIEST = date(1900, 1, 1)
LONGEST_ALIAS = 34
LIKE_AN_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
ALIKE = (  # what counts as money, and what counts as owed, wherever books are added up
    {AccountKind.CHECKING, AccountKind.SAVINGS, AccountKind.CASH, AccountKind.EXPENSE},
    {AccountKind.CREDIT, AccountKind.LOAN},
)
OPENABLE = {kind for kind in AccountKind.values if kind != AccountKind.DEPOSIT}


class AccountNameNeeded(DomainError):
    """An account has a name of at most 100 characters."""


class UnknownAccountKind(DomainError):
    """There is no such kind of account."""


class KindStays(DomainError):
    """An account becomes one of another kind only where both mean the same for the books."""


class BadIban(DomainError):
    """The check digits of this IBAN are wrong; look for a typing error."""


class AliasTooLong(DomainError):
    """An alias has at most 34 characters."""


class IbanTaken(DomainError):
    """There is an account with this IBAN or alias already."""


class AliasNeeded(DomainError):
    """An account that others pay into needs an IBAN or an alias."""


class NotEmployed(DomainError):
    """Only an expense account of somebody who belongs to the organisation is spent for it."""


class BalanceLeft(DomainError):
    """An account is closed when nothing is left in it."""


class BookedLater(DomainError):
    """Something is booked in this account on that day or later."""


class ClosedBeforeOpening(DomainError):
    """An account is closed on the day that it was opened at the earliest."""


class OpenedOnNoDay(DomainError):
    """An account opens on a day that has begun, from 1900 on."""


class AccountUsed(DomainError):
    """Something was booked or stated here, voided rows included: close the account instead."""


def clean_iban(text: str) -> str:
    """An IBAN in its compact form with right check digits, or an alias as it is. Raises BadIban, AliasTooLong."""
    compact = re.sub(r"[\s-]", "", text).upper()
    if LIKE_AN_IBAN.fullmatch(compact):
        try:
            return str(iban_numbers.validate(compact, check_country=False))
        except BadNumber as error:
            raise BadIban(field="iban") from error
    if len(text.strip()) > LONGEST_ALIAS:
        raise AliasTooLong(field="iban")
    return text.strip()


@transaction.atomic
def open_account(
    *,
    holder: User | Organisation,
    name: str,
    actor: User | None,
    currency: str = "",
    kind: str = AccountKind.CHECKING,
    iban: str = "",
    receives: bool = False,
    employer: Organisation | None = None,
    balance: Decimal = Decimal(0),
    opened_on: date | None = None,
) -> Account:
    """Open an account of a person or an organisation with what is in it on its first day, today when left out.

    ``currency`` is the holder's own when left out. Raises what is above, UnknownCurrency, AmountNotBookable.
    """
    first_day = opened_on or timezone.now().date()
    if not EARLIEST <= first_day <= (timezone.now() + EARLIEST_ZONE).date():
        raise OpenedOnNoDay(field="opened_on")
    values: dict[str, Any] = {
        "name": name.strip(),
        "kind": kind,
        "currency": currency or holder.base_currency,
        "iban": clean_iban(iban),
        "receives": receives,
        "employer": employer,
        "opened_on": first_day,
    }
    account = Account(**owned_by(holder), **values)
    _check(account)
    if balance:
        check_amount(balance, account.currency, "balance")
    _save(account)
    _recognise(account)
    if balance:
        book_cash(
            account=account,
            amount=balance,
            booked_on=first_day,
            section=Section.TRANSFER,
            description=OPENING,
            actor=actor,
            by_rules=False,
        )
    record(actor=actor, action="account.opened", subject=account, data={"name": account.name, "kind": kind})
    return account


@transaction.atomic
def change_account(*, account: Account, actor: User | None, **changes: Any) -> Account:
    """Change the name, kind, IBAN or alias, ``receives`` or ``employer`` of an account.

    A former employer stays where it is not changed, unless the account is one of expenses no more. Raises KindStays and
    what ``open_account`` raises of these.
    """
    Account.objects.filter(pk=account.pk).bump()
    account = Account.objects.select_related("owner", "organisation", "employer").get(pk=account.pk)
    if "iban" in changes:
        changes["iban"] = clean_iban(changes["iban"])
    if "name" in changes:
        changes["name"] = changes["name"].strip()
    if "kind" in changes and changes["kind"] not in kinds_like(account.kind):
        raise KindStays(field="kind")
    if changes.get("kind", AccountKind.EXPENSE) != AccountKind.EXPENSE:
        changes.setdefault("employer", None)
    before, employer = {name: str(getattr(account, name)) for name in changes}, account.employer
    for name, value in changes.items():
        setattr(account, name, value)
    _check(account, employer)
    _save(account, update_fields=list(changes))
    if {"iban", "receives"} & changes.keys():
        _recognise(account)
    data = {name: [before[name], str(value)] for name, value in changes.items() if before[name] != str(value)}
    if data:
        record(actor=actor, action="account.changed", subject=account, data=data)
    return account


def kinds_like(kind: str) -> list[str]:
    """The kinds that an account of this one may become, its own among them, as they are listed."""
    alike: set[str] = next(({*group} for group in ALIKE if kind in group), {kind})
    return [each for each in AccountKind.values if each in alike]


@transaction.atomic
def close_account(*, account: Account, closed_on: date, actor: User | None) -> Account:
    """Close an empty account from a day on. Raises what is above and AccountClosed."""
    Account.objects.filter(pk=account.pk).bump()
    account = Account.objects.get(pk=account.pk)
    if account.closed_on:
        raise AccountClosed
    if account.opened_on and closed_on < account.opened_on:
        raise ClosedBeforeOpening(field="closed_on")
    rows = CashTransaction.objects.standing().filter(account=account)
    if rows.filter(booked_on__gte=closed_on).exists():
        raise BookedLater(field="closed_on")
    if left := CashTransaction.objects.filter(account=account).balances(closed_on).get(account.pk):
        raise BalanceLeft(
            _("%(amount)s %(currency)s is left in the account: move it first.")
            % {"amount": f"{left.normalize():f}", "currency": account.currency}
        )
    account.closed_on = closed_on
    account.save(update_fields=["closed_on"])
    record(actor=actor, action="account.closed", subject=account, data={"closed_on": closed_on.isoformat()})
    return account


@transaction.atomic
def reopen_account(*, account: Account, actor: User | None) -> Account:
    """Take the closing of an account back. One that is open stays so."""
    Account.objects.filter(pk=account.pk).bump()
    account = Account.objects.get(pk=account.pk)
    if account.closed_on:
        record(actor=actor, action="account.reopened", subject=account, data={"was": account.closed_on.isoformat()})
        account.closed_on = None
        account.save(update_fields=["closed_on"])
    return account


@transaction.atomic
def delete_account(*, account: Account, actor: User | None) -> None:
    """Delete an account in which nothing was ever booked or stated. Raises AccountUsed, Gone."""
    Account.objects.filter(pk=account.pk).bump()
    found = Account.objects.filter(pk=account.pk).first()
    if found is None:
        raise Gone(_("This account was deleted meanwhile."))
    record(actor=actor, action="account.deleted", subject=found, data={"name": found.name})
    try:
        with transaction.atomic():
            found.delete()
    except (ProtectedError, RestrictedError, IntegrityError) as error:
        raise AccountUsed from error


def _recognise(account: Account) -> None:
    """Counterparties stand for the account while it receives under their IBAN or alias, and no longer.

    An alias is this server's own. An IBAN belongs to a bank's customer, and whoever writes it here has not proved to
    be that one: only counterparties of the account's holder come to stand for it by themselves.
    """
    mine = Counterparty.objects.filter(account=account)
    if not account.receives:
        mine.update(account=None)
        return
    mine.exclude(iban=account.iban).update(account=None)
    unknown = Counterparty.objects.filter(iban=account.iban, account__isnull=True)
    if LIKE_AN_IBAN.fullmatch(account.iban):
        unknown = unknown.belonging_with(account)
    unknown.update(account=account)


def _check(account: Account, employer: Organisation | None = None) -> None:
    """``employer`` is the one that it had: whoever left that one may keep it."""
    if not 0 < len(account.name) <= LONGEST_NAME:
        raise AccountNameNeeded(field="name")
    if account.kind not in OPENABLE and not account.pk:
        raise UnknownAccountKind(field="kind")
    if account.receives and not account.iban:
        raise AliasNeeded(field="iban")
    try:
        minor_units(account.currency)
    except UnknownCurrency as error:
        raise UnknownCurrency(error.message, field="currency") from error
    if account.employer and (account.kind != AccountKind.EXPENSE or not account.owner_id):
        raise NotEmployed(field="employer")
    if account.employer and account.employer != employer:
        employed = Membership.objects.filter(organisation=account.employer, user=account.owner_id)
        if not employed.exists():
            raise NotEmployed(field="employer")


def _save(account: Account, **options: Any) -> None:
    """The database decides whether an IBAN or alias is taken, so that two at once cannot both have it."""
    try:
        with transaction.atomic():
            account.save(**options)
    except IntegrityError as error:
        raise IbanTaken(field="iban") from error
