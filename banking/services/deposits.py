"""Term deposits: opened by a transfer, paid back with interest when their day has come."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from activity.services import record
from assets.bonds import DayCount
from banking.models import Account, AccountKind, DepositState, Section, TermDeposit
from banking.models.deposit import DAY_COUNT_NAMES, PRINCIPAL_LIMIT
from banking.services.transactions import book_cash
from banking.services.transfers import book_transfer, void_transfer
from core.errors import DomainError
from core.money import EXACT
from users.models import owned_by

if TYPE_CHECKING:
    from users.models import User

log = logging.getLogger(__name__)
MOST_YEARS = 50
RATE_DECIMALS = 10


class BadDeposit(DomainError):
    """There is no such term deposit."""


class DepositPaid(DomainError):
    """This deposit has been paid back."""


class DepositCancelled(DomainError):
    """This deposit is cancelled already."""


@dataclass(frozen=True, slots=True)
class DepositTerms:
    """``principal`` in the paying account's currency; ``rate`` a year's interest as a fraction."""

    principal: Decimal
    rate: Decimal
    started_on: date
    matures_on: date
    day_count: DayCount = DayCount.ACTUAL_365


@transaction.atomic
def open_deposit(*, source: Account, name: str, terms: DepositTerms, actor: User | None, now: datetime) -> TermDeposit:
    """Move the principal from ``source`` to an account of its own; at maturity it comes back there with interest.

    A deposit that has matured by ``now`` is paid at once. Raises BadDeposit, and what ``book_transfer`` raises.
    """
    check_terms(terms, name, now)
    belongs = owned_by(source.holder)
    account = Account.objects.create(**belongs, name=name, kind=AccountKind.DEPOSIT, currency=source.currency)
    opening = book_transfer(
        source=source,
        target=account,
        amount=terms.principal,
        booked_on=terms.started_on,
        actor=actor,
        description=f"Term deposit until {terms.matures_on}",
        opens=True,
    )
    deposit = TermDeposit.objects.create(
        account=account,
        returns_to=source,
        principal=terms.principal,
        rate=terms.rate,
        started_on=terms.started_on,
        matures_on=terms.matures_on,
        day_count=terms.day_count,
        opening=opening,
        created_by=actor,
    )
    data = {"account": account.pk, "from": source.pk, "principal": f"{terms.principal:f}", "rate": f"{terms.rate:f}"}
    record(actor=actor, action="deposit.opened", subject=deposit, data=data)
    if terms.matures_on <= now.date():
        _settle(deposit)
    return fresh(deposit)


def settle_due(now: datetime) -> int:
    """Pay back every deposit whose day has come (UTC), missed ones too, each once; returns how many.

    One that cannot be booked is left for the next time and does not keep the others.
    """
    paid = 0
    for deposit in TermDeposit.objects.running().filter(matures_on__lte=now.date()).order_by("matures_on", "pk"):
        try:
            paid += _settle(deposit)
        except DomainError as error:
            log.warning("The deposit %s was not paid back: %s", deposit.pk, error)
    return paid


@transaction.atomic
def cancel_deposit(*, deposit: TermDeposit, actor: User | None) -> TermDeposit:
    """Take a deposit back that was opened by mistake: void its transfer. Raises DepositPaid, DepositCancelled."""
    deposit = _locked(deposit)
    if deposit.state == DepositState.PAID:
        raise DepositPaid
    if deposit.state == DepositState.CANCELLED:
        raise DepositCancelled
    void_transfer(transfer=deposit.opening, actor=actor)
    record(actor=actor, action="deposit.cancelled", subject=deposit, data={"account": deposit.account_id})
    return fresh(deposit)


@transaction.atomic
def _settle(deposit: TermDeposit) -> bool:
    """Book the interest, then move all of it back; False where that has been done, or the deposit was cancelled."""
    deposit = _locked(deposit)
    if deposit.state != DepositState.RUNNING:
        return False
    earned, day = deposit.full_interest, deposit.matures_on
    if earned:
        deposit.interest = book_cash(
            account=deposit.account,
            amount=earned,
            booked_on=day,
            section=Section.INCOME,
            actor=None,
            description="Interest of the term deposit",
        )
    deposit.payout = book_transfer(
        source=deposit.account,
        target=deposit.returns_to,
        amount=EXACT.add(deposit.principal, earned),
        booked_on=day,
        actor=None,
        description=f"Term deposit of {deposit.started_on}",
    )
    deposit.save(update_fields=["interest", "payout"])
    record(actor=None, action="deposit.paid", subject=deposit, data={"interest": f"{earned:f}"})
    return True


def _locked(deposit: TermDeposit) -> TermDeposit:
    """The deposit as it is now, its accounts and itself locked in the order of every booking."""
    Account.objects.filter(pk__in=[deposit.account_id, deposit.returns_to_id]).bump()
    return TermDeposit.objects.whole().select_for_update(of=("self",)).get(pk=deposit.pk)


def fresh(deposit: TermDeposit) -> TermDeposit:
    return TermDeposit.objects.whole().get(pk=deposit.pk)


def check_terms(terms: DepositTerms, name: str, now: datetime) -> None:
    """Refuse what ``open_deposit`` would refuse of the terms. Raises BadDeposit."""
    if not name.strip():
        raise BadDeposit(_("A deposit needs a name."), field="name")
    if not (terms.principal.is_finite() and 0 < terms.principal < PRINCIPAL_LIMIT):
        raise BadDeposit(
            _("The principal is more than 0 and less than %(most)s.")
            % {"most": number_format(PRINCIPAL_LIMIT, force_grouping=True)},
            field="principal",
        )
    if not (terms.rate.is_finite() and 0 <= terms.rate <= 1):
        raise BadDeposit(_("The rate is a fraction from 0 to 1: 0.03 is 3 %."), field="rate")
    if int(terms.rate.normalize(EXACT).as_tuple().exponent) < -RATE_DECIMALS:
        raise BadDeposit(_("A rate has at most %(number)s decimals.") % {"number": RATE_DECIMALS}, field="rate")
    if terms.day_count not in DAY_COUNT_NAMES:
        raise BadDeposit(_("Actual/actual needs coupon periods, which a deposit has not."), field="day_count")
    _check_days(terms, now)


def _check_days(terms: DepositTerms, now: datetime) -> None:
    if terms.started_on > now.date() + timedelta(days=1):  # somewhere it is tomorrow already
        raise BadDeposit(_("A deposit is entered from its first day on."), field="started_on")
    if terms.matures_on <= terms.started_on:
        raise BadDeposit(_("A deposit matures after it has started."), field="matures_on")
    if terms.matures_on.year - terms.started_on.year > MOST_YEARS:
        raise BadDeposit(_("A deposit matures within %(number)s years.") % {"number": MOST_YEARS}, field="matures_on")
