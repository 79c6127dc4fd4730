"""Corporate actions as the books of portfolios see them, with the rates of their day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from django.db.models import Q

from assets.models import CorporateAction
from assets.queries import RateTable
from core.money import divide
from portfolios.book.actions import RANKS, Action
from portfolios.book.types import ONE, ZERO, ActionKind
from portfolios.models import Investment


def with_linked(asset_ids: Collection[int], until: date | None = None) -> tuple[set[int], list[CorporateAction]]:
    """``asset_ids`` and all assets that spin-offs and mergers link them with, and the standing actions of them all.

    One query; a second one where there are links.
    """
    wanted = set(asset_ids)
    found = _standing(Q(asset__in=wanted) | Q(target__isnull=False), until)
    links = [(action.asset_id, action.target_id) for action in found if action.target_id]
    closed = closure(wanted, links)
    if extra := closed - wanted:
        known = {action.pk for action in found}
        found += [action for action in _standing(Q(asset__in=extra), until) if action.pk not in known]
    return closed, [action for action in found if action.asset_id in closed]


def held_assets() -> set[int]:
    """Ids of the assets that somebody holds or owes; one query."""
    return set(Investment.objects.open().order_by().values_list("asset", flat=True).distinct())


def closure(assets: Collection[int], links: Iterable[tuple[int, int]]) -> set[int]:
    """``assets`` and every asset that a chain of ``links`` leads to from one of them, in either direction."""
    closed, rest = set(assets), list(links)
    while touching := [link for link in rest if (link[0] in closed) != (link[1] in closed)]:
        closed.update(*touching)
    return closed


def _standing(which: Q, until: date | None) -> list[CorporateAction]:
    actions = CorporateAction.objects.standing().filter(which).select_related("asset", "target")
    actions = actions.filter(ex_date__lte=until) if until else actions
    return list(actions.order_by("ex_date", "pk"))


def concerning(actions: Sequence[CorporateAction], since: Mapping[int, date]) -> list[CorporateAction]:
    """Those of ``actions`` that can find a holder, if each asset came in ``since`` that day.

    They are looked at in the order in which they apply, so units that a spin-off brings meet a split of that day,
    whichever of the two was booked first.
    """
    begun, found = dict(since), []
    for action in sorted(actions, key=lambda action: (action.ex_date, RANKS[ActionKind(action.kind)], action.pk)):
        if action.ex_date <= begun.get(action.asset_id, date.max):
            continue
        found.append(action)
        if action.target_id:
            begun[action.target_id] = min(action.ex_date, begun.get(action.target_id, date.max)) - _DAY
    return found


_DAY = date.resolution


def currencies_of(actions: Iterable[CorporateAction]) -> set[str]:
    return {
        code
        for action in actions
        for code in (action.currency, action.asset.currency, action.target.currency if action.target else "")
        if code
    }


def as_booked(action: CorporateAction, base: str, table: RateTable) -> Action:
    """``action`` for the fold of a portfolio in ``base``. Raises RateMissing."""

    def rate(source: str, target: str) -> Decimal:
        return ONE if source == target else table.rate(source, target, action.ex_date).value

    own, target = action.asset.currency, action.target.currency if action.target else action.asset.currency
    currency = action.currency or own
    asset_to_base, to_base = rate(own, base), rate(currency, base)
    return Action(
        key=action.pk,
        kind=ActionKind(action.kind),
        day=action.ex_date,
        asset=action.asset_id,
        currency=currency,
        asset_currency=own,
        base=base,
        ratio=action.ratio if action.ratio is not None else ONE,
        per=action.per if action.per is not None else ONE,
        cash=action.cash or ZERO,
        withholding_rate=action.withholding_rate or ZERO,
        target=action.target_id,
        target_currency=target,
        target_price=action.target_price or ZERO,
        basis_share=action.basis_share or ZERO,
        cash_in_lieu=action.cash_in_lieu,
        to_asset=ONE if currency == own else divide(to_base, asset_to_base),
        to_base=to_base,
        asset_to_base=asset_to_base,
        asset_to_target=ONE if own == target else divide(asset_to_base, rate(target, base)),
    )
