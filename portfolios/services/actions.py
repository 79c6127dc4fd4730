"""Applying corporate actions to every holder, and taking them back: all books in line, or nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop as N_  # noqa: N812  the name that catalogues are gathered by

from activity.services import record
from assets.models import ActionProposal, Asset, CorporateAction
from assets.services.actions import check_action, record_action, set_void, today_of
from assets.services.quarantine import judge_anew
from banking.models import Account
from core.errors import DomainError, NotReady
from portfolios.book.types import Refused
from portfolios.models import CashSetting, Portfolio, PortfolioAccount, Trade
from portfolios.queries import with_linked
from portfolios.services.derivations import refold
from portfolios.services.refusals import broken

if TYPE_CHECKING:
    from users.models import User

ATTEMPTS = 5


class HoldersChanged(Exception):
    """Somebody booked a first trade of the asset between finding the holders and locking it."""


def apply_action(
    *,
    asset: Asset,
    kind: str,
    ex_date: date,
    actor: User | None,
    note: str = "",
    now: datetime | None = None,
    **terms: Any,
) -> CorporateAction:
    """Record a corporate action and apply it to every holder of the close before ``ex_date``.

    ``terms`` are fields of CorporateAction. Raises what ``assets.services.actions.check_action`` and
    ``record_action`` raise; BreaksLaterTrade, BreaksPick or BreaksTransfer when a holder's later trade would
    not stand; RateMissing.
    """
    check_action(asset, kind, ex_date, terms, today=today_of(asset, now or timezone.now()))
    about = {asset.pk, terms["target"].pk} if terms.get("target") else {asset.pk}

    def write() -> CorporateAction:
        return record_action(asset=asset, kind=kind, ex_date=ex_date, terms=terms, note=note, actor=actor)

    return _with_holders(about, write, actor, "action.applied")


def void_action(*, action: CorporateAction, actor: User | None) -> CorporateAction:
    """Take an action out of every book; what was before it is restored. ``restore_action`` takes this back.

    Notices of its kind and day that could not be booked are open to be tried again.
    """

    def write() -> CorporateAction:
        same = ActionProposal.objects.open().filter(asset=action.asset, kind=action.kind, ex_date=action.ex_date)
        same.exclude(problem="").update(problem="")
        return set_void(action, voided=True, actor=actor)

    return _with_holders(_about(action), write, actor, "action.voided")


def restore_action(*, action: CorporateAction, actor: User | None) -> CorporateAction:
    """Take the void of an action back and apply it again."""
    return _with_holders(_about(action), lambda: set_void(action, voided=False, actor=actor), actor, "action.restored")


def _about(action: CorporateAction) -> set[int]:
    return {action.asset_id, action.target_id} if action.target_id else {action.asset_id}


def _with_holders(about: set[int], write: Any, actor: User | None, verb: str) -> CorporateAction:
    """``write`` the fact and refold its holders in one transaction, with portfolios, accounts, clock, asset locked."""
    for _ in range(ATTEMPTS):
        try:
            with transaction.atomic():
                return _locked_write(about, write, actor, verb)
        except HoldersChanged:
            continue
    raise NotReady(N_("The holders of the asset keep changing."))


def _locked_write(about: set[int], write: Any, actor: User | None, verb: str) -> CorporateAction:
    scope, _ = with_linked(about)
    holders = holders_of(scope)
    Portfolio.objects.filter(pk__in=holders).bump()
    tracked = Portfolio.objects.filter(pk__in=holders, cash=CashSetting.TRACKED)
    links = PortfolioAccount.objects.filter(portfolio__in=tracked)
    Account.objects.filter(pk__in=list(links.values_list("account", flat=True))).bump()
    action: CorporateAction = write()
    list(Asset.objects.select_for_update().filter(pk__in=scope).order_by("pk"))
    if set(holders_of(scope)) - set(holders):
        raise HoldersChanged
    _refold_all(holders, scope)
    judge_anew(action.asset, now=timezone.now())  # a split explains what was refused as a jump
    data = {"asset": action.asset.symbol, "kind": action.kind, "ex_date": action.ex_date.isoformat()}
    record(actor=actor, action=verb, subject=action, data=data | {"holders": len(holders)})
    return action


def holders_of(asset_ids: Collection[int]) -> list[int]:
    """Ids, ascending, of the portfolios that ever traded one of these assets, voided trades included; one query."""
    trades = Trade.objects.filter(asset__in=asset_ids).order_by("portfolio")
    return list(trades.values_list("portfolio", flat=True).distinct())


def _refold_all(portfolio_ids: Sequence[int], asset_ids: Collection[int]) -> None:
    for portfolio in Portfolio.objects.filter(pk__in=portfolio_ids).order_by("pk"):
        try:
            refold(portfolio, asset_ids)
        except Refused as error:
            raise broken(error) from error
        except DomainError as error:
            error.field = ""
            raise
