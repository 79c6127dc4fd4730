"""Matching entered cash with the dividend that it is the payment of, so that the derived row steps aside."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from activity.services import record
from assets.models import ActionKind, CorporateAction
from banking.models import Account, CashTransaction, Origin, Section
from core.errors import DomainError
from portfolios.book.payments import pairs
from portfolios.models import CashSetting, Entitlement, PaymentMatch, Portfolio
from portfolios.queries.accounts import own_rows
from portfolios.queries.payments import parted, payables, payments, waiting
from portfolios.services.entitlements import settle_entitlements
from portfolios.services.settlement import accounts_of
from portfolios.services.trades import locked

if TYPE_CHECKING:
    from users.models import User

log = logging.getLogger(__name__)


class NoDividendDue(DomainError):
    """The portfolio's accounts are owed no dividend by this action."""


class NotAPayment(DomainError):
    """A dividend's payment is income that was entered or imported on one of the portfolio's accounts and stands."""


class PaymentOfAnotherAsset(DomainError):
    """This income is of another asset."""


class PaymentBeforeExDate(DomainError):
    """A dividend is not paid before its ex-date."""


class DividendMatched(DomainError):
    """Another row is the payment of this dividend."""


class PaymentMatched(DomainError):
    """This row is the payment of a dividend already."""


class MatchVoided(DomainError):
    """This match is voided already."""


class MatchStands(DomainError):
    """This match is not voided."""


@transaction.atomic
def match_payment(
    *, portfolio: Portfolio, action: CorporateAction, row: CashTransaction, actor: User | None
) -> PaymentMatch:
    """Let ``row`` stand in place of the cash row that follows from a dividend, whatever its amount.

    A match whose own row, or whose action, was voided gives way. Raises NoDividendDue, NotAPayment,
    PaymentOfAnotherAsset, PaymentBeforeExDate, DividendMatched, PaymentMatched.
    """
    portfolio = _locked(portfolio)
    _check(portfolio, action, row)
    return _match(portfolio, action.pk, row.pk, actor)


@transaction.atomic
def void_match(*, match: PaymentMatch, actor: User | None) -> PaymentMatch:
    """Part a row from its dividend: the derived row counts again, and the two are not matched on their own any more."""
    portfolio = _locked(match.portfolio)
    match = PaymentMatch.objects.select_related("row").get(pk=match.pk)
    if match.voided_at:
        raise MatchVoided
    return _set_void(portfolio, match, actor, voided=True)


@transaction.atomic
def restore_match(*, match: PaymentMatch, actor: User | None) -> PaymentMatch:
    """Take the void of a match back. Raises what ``match_payment`` raises."""
    portfolio = _locked(match.portfolio)
    match = PaymentMatch.objects.select_related("row", "action").get(pk=match.pk)
    if not match.voided_at:
        raise MatchStands
    _check(portfolio, match.action, match.row)
    return _set_void(portfolio, match, actor, voided=False)


def match_payments(portfolio_ids: Collection[int]) -> int:
    """Match every dividend that exactly one entered row fits which fits no other; returns how many.

    See ``book.payments`` for what fits. One query where nothing waits. A portfolio that cannot be matched
    does not hold up the others.
    """
    return sum(_matched(pk) for pk in waiting(portfolio_ids))


def _matched(portfolio_id: int) -> int:
    portfolio = Portfolio(pk=portfolio_id)
    if not _pairs(portfolio):
        return 0
    try:
        with transaction.atomic():
            portfolio = _locked(portfolio)
            found = _pairs(portfolio)
            for action_id, row_id in found:
                _match(portfolio, action_id, row_id, None)
            return len(found)
    except DomainError as error:
        log.error("payments of portfolio %s cannot be matched: %s", portfolio_id, error.message)  # noqa: TRY400
        return 0


def _pairs(portfolio: Portfolio) -> list[tuple[int, int]]:
    return pairs(payables(portfolio), payments(portfolio), parted(portfolio))


def _locked(portfolio: Portfolio) -> Portfolio:
    portfolio = locked(portfolio)
    Account.objects.filter(pk__in=[account.pk for account in accounts_of(portfolio)]).bump()
    return portfolio


def _check(portfolio: Portfolio, action: CorporateAction, row: CashTransaction) -> None:
    due = Entitlement.objects.filter(portfolio=portfolio, action=action, action__kind=ActionKind.CASH_DIVIDEND).first()
    if due is None or portfolio.cash != CashSetting.TRACKED:
        raise NoDividendDue(field="action")
    own = own_rows([account.pk for account in accounts_of(portfolio)])
    found = own.filter(pk=row.pk, origin=Origin.ENTRY, section=Section.INCOME).first()
    if found is None:
        raise NotAPayment(field="row")
    if found.asset_id not in (None, due.asset_id):
        raise PaymentOfAnotherAsset(field="row")
    if found.booked_on < due.ex_date:
        raise PaymentBeforeExDate(field="row")
    standing = PaymentMatch.objects.standing()
    if standing.filter(row=found, action__voided_at__isnull=True).exists():
        raise PaymentMatched(field="row")
    if standing.filter(portfolio=portfolio, action=action, row__voided_at__isnull=True).exists():
        raise DividendMatched(field="action")


def _match(portfolio: Portfolio, action_id: int, row_id: int, actor: User | None) -> PaymentMatch:
    _release(portfolio, action_id, row_id, actor)
    match = PaymentMatch.objects.create(portfolio=portfolio, action_id=action_id, row_id=row_id, created_by=actor)
    return _settled(portfolio, match, "payment.matched", actor)


def _release(portfolio: Portfolio, action_id: int, row_id: int, actor: User | None) -> None:
    """Void the matches that stand although their row, or the action that it paid, does not."""
    own, idle = Q(portfolio=portfolio, action=action_id), Q(row=row_id, action__voided_at__isnull=False)
    PaymentMatch.objects.standing().filter(own | idle).update(voided_at=timezone.now(), voided_by=actor)


def _set_void(portfolio: Portfolio, match: PaymentMatch, actor: User | None, *, voided: bool) -> PaymentMatch:
    if not voided:
        _release(portfolio, match.action_id, match.row_id, actor)
    match.voided_at, match.voided_by = (timezone.now(), actor) if voided else (None, None)
    match.save(update_fields=["voided_at", "voided_by"])
    return _settled(portfolio, match, "payment.parted" if voided else "payment.rejoined", actor)


def _settled(portfolio: Portfolio, match: PaymentMatch, verb: str, actor: User | None) -> PaymentMatch:
    settle_entitlements(portfolio, {match.action.asset_id})
    data = {"portfolio": portfolio.pk, "action": match.action_id, "row": match.row_id}
    record(actor=actor, action=verb, subject=match, data=data)
    return match
