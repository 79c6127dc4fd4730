"""Changing the cost method from a day on, and what that would mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from activity.services import once, record
from banking.models import Account
from core.errors import DomainError
from portfolios.book.types import Book, Refused, Rules
from portfolios.models import CashSetting, CostMethod, CostMethodChange, Portfolio, PortfolioAccount
from portfolios.queries import rules_of
from portfolios.queries.books import inputs_of
from portfolios.services.derivations import refold
from portfolios.services.portfolios import UnknownCostMethod
from portfolios.services.refusals import broken
from portfolios.services.trades import locked

if TYPE_CHECKING:
    from users.models import User


class MethodInFuture(DomainError):
    """A cost method can change today or earlier."""


class MethodChangesThen(DomainError):
    """The cost method changes on this day already: void that change first."""


class MethodHolds(DomainError):
    """This method holds on that day already."""


class ChangeVoided(DomainError):
    """This change is voided already."""


class ChangeStands(DomainError):
    """This change is not voided."""


@dataclass(frozen=True, slots=True)
class MethodEffect:
    """What a change of the method means for one asset: cost and realised gain in the asset's and the base currency."""

    asset_id: int
    quantity: Decimal
    lots_before: int
    lots_after: int
    cost_before: Decimal
    cost_after: Decimal
    cost_base_before: Decimal
    cost_base_after: Decimal
    realised_before: Decimal
    realised_after: Decimal

    @property
    def differs(self) -> bool:
        """Whether anything but the way of taking lots changes."""
        before = (self.lots_before, self.cost_before, self.cost_base_before, self.realised_before)
        return before != (self.lots_after, self.cost_after, self.cost_base_after, self.realised_after)


def preview_method(*, portfolio: Portfolio, method: str, day: date, today: date | None = None) -> list[MethodEffect]:
    """What ``change_method`` would change, by asset; nothing is stored. Raises what it raises."""
    _check(portfolio, method, day, today or timezone.now().date())
    inputs = inputs_of([portfolio])[portfolio.pk]  # read once: what is booked meanwhile is in neither
    before = inputs.folded()
    try:
        after = replace(inputs, rules=_with(inputs.rules, day, method)).folded()
    except Refused as error:
        raise broken(error) from error
    return [_effect(asset_id, book, after[asset_id]) for asset_id, book in sorted(before.items())]


@transaction.atomic
def change_method(
    *, portfolio: Portfolio, method: str, day: date, actor: User | None, today: date | None = None
) -> CostMethodChange:
    """Take lots by another method from the start of ``day`` on. What was disposed of before stands.

    To the average, the units open that day are pooled; from it, the pool is one lot.
    Raises UnknownCostMethod, MethodInFuture, MethodChangesThen, MethodHolds, BreaksPick, BreaksTransfer.
    """
    portfolio = _locked_whole(portfolio)
    _check(portfolio, method, day, today or timezone.now().date())
    change = CostMethodChange.objects.create(portfolio=portfolio, method=method, day=day, created_by=actor)
    _refold(portfolio)
    _record(change, actor, "method.changed")
    return change


@transaction.atomic
def enter_change(*, portfolio: Portfolio, actor: User, key: str, method: str, day: date) -> bool:
    """``change_method`` once for a ``key``; whether it happened now. Raises what it raises."""

    def work() -> int:
        return change_method(portfolio=portfolio, method=method, day=day, actor=actor).pk

    return once(user=actor, key=key, work=work)[1]


@transaction.atomic
def void_change(*, change: CostMethodChange, actor: User | None) -> CostMethodChange:
    """Take a change of the method back; everything from its day on is taken by the method before it."""
    portfolio = _locked_whole(change.portfolio)
    change = CostMethodChange.objects.get(pk=change.pk)
    if change.voided_at:
        raise ChangeVoided
    return _set_void(portfolio, change, actor, voided=True)


@transaction.atomic
def restore_change(*, change: CostMethodChange, actor: User | None) -> CostMethodChange:
    """Let a voided change of the method hold again."""
    portfolio = _locked_whole(change.portfolio)
    change = CostMethodChange.objects.get(pk=change.pk)
    if not change.voided_at:
        raise ChangeStands
    if portfolio.method_changes.standing().filter(day=change.day).exists():
        raise MethodChangesThen(field="day")
    return _set_void(portfolio, change, actor, voided=False)


def _set_void(portfolio: Portfolio, change: CostMethodChange, actor: User | None, *, voided: bool) -> CostMethodChange:
    change.voided_at, change.voided_by = (timezone.now(), actor) if voided else (None, None)
    change.save(update_fields=["voided_at", "voided_by"])
    _refold(portfolio)
    _record(change, actor, "method.voided" if voided else "method.restored")
    return change


def _check(portfolio: Portfolio, method: str, day: date, today: date) -> None:
    if method not in CostMethod.values:
        raise UnknownCostMethod(field="method")
    if day > today:
        raise MethodInFuture(field="day")
    rules = rules_of([portfolio])[portfolio.pk]
    if day in dict(rules.changes):
        raise MethodChangesThen(field="day")
    if rules.method_on(day) == method:
        raise MethodHolds(field="method")


def _with(rules: Rules, day: date, method: str) -> Rules:
    return replace(rules, changes=tuple(sorted([*rules.changes, (day, method)])))


def _effect(asset_id: int, before: Book, after: Book) -> MethodEffect:
    old, new = before.position, after.position
    return MethodEffect(
        asset_id,
        old.quantity,
        sum(1 for lot in before.lots if lot.quantity),
        sum(1 for lot in after.lots if lot.quantity),
        old.cost,
        new.cost,
        old.cost_base,
        new.cost_base,
        old.realised_gain_base,
        new.realised_gain_base,
    )


def _locked_whole(portfolio: Portfolio) -> Portfolio:
    """The portfolio and, where its cash is tracked, its accounts locked: fractions may be paid from other lots."""
    portfolio = locked(portfolio)
    if portfolio.cash == CashSetting.TRACKED:
        links = PortfolioAccount.objects.filter(portfolio=portfolio)
        Account.objects.filter(pk__in=list(links.values_list("account", flat=True))).bump()
    return portfolio


def _refold(portfolio: Portfolio) -> None:
    try:
        refold(portfolio, set(portfolio.investments.order_by().values_list("asset", flat=True)))
    except Refused as error:
        raise broken(error) from error


def _record(change: CostMethodChange, actor: User | None, verb: str) -> None:
    data = {"portfolio": change.portfolio_id, "method": change.method, "day": change.day.isoformat()}
    record(actor=actor, action=verb, subject=change, data=data)
