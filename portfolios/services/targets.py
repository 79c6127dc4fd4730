"""Laying down what a portfolio shall hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from activity.services import record
from assets.models import Asset, AssetType
from core.errors import DomainError
from core.money import EXACT, total
from portfolios.models import Portfolio, TargetSet, TargetWeight
from portfolios.queries.targets import targets_of
from portfolios.services.portfolios import check_threshold
from portfolios.services.terms import NotFinite, NotTradable, check_positive
from portfolios.services.trades import PortfolioGone

if TYPE_CHECKING:
    from users.models import User

ZERO = Decimal(0)
WEIGHT_DECIMALS = Decimal("1e-10")
MOST_TARGETS = 1000


@dataclass(frozen=True, slots=True)
class NewTarget:
    """The share that a security shall have; ``lot_size`` None: units are traded as those of its type are."""

    asset: Asset
    weight: Decimal
    lot_size: Decimal | None = None


class WeightOutOfRange(DomainError):
    """A weight is a fraction from 0 to 1 with at most 10 decimals."""


class WeightsExceedOne(DomainError):
    """The weights add up to more than 1."""


class DuplicateTarget(DomainError):
    """The same security has two targets."""


class TooManyTargets(DomainError):
    """At most 1,000 securities can have a target."""


class Delisted(NotTradable):
    """This security is traded no more."""


def check_targets(targets: Sequence[NewTarget], cash: Decimal = ZERO) -> None:
    """Refuse weights that cannot be; the error's field begins with the target's position."""
    if len(targets) > MOST_TARGETS:
        raise TooManyTargets(field="targets")
    seen = set()
    for position, target in enumerate(targets):
        where = f"targets.{position}."
        _check_weight(target.weight, where + "weight")
        if target.lot_size is not None:
            check_positive(target.lot_size, where + "lot_size")
        if target.asset.pk in seen:
            raise DuplicateTarget(
                gettext("%(symbol)s has two targets.") % {"symbol": target.asset.symbol}, field=where + "asset"
            )
        seen.add(target.asset.pk)
        _check_tradable(target, where + "asset")
    _check_weight(cash, "cash")
    added = total([cash, *(target.weight for target in targets)])
    if added > 1:
        raise WeightsExceedOne(
            gettext("The weights add up to %(sum)s, which is more than 1.") % {"sum": f"{added.normalize():f}"},
            field="targets",
        )


def _check_weight(weight: Decimal, field: str) -> None:
    if not weight.is_finite():
        raise NotFinite(field=field)
    if not 0 <= weight <= 1 or weight.quantize(WEIGHT_DECIMALS, context=EXACT) != weight:
        raise WeightOutOfRange(field=field)


def _check_tradable(target: NewTarget, field: str) -> None:
    asset = target.asset
    if asset.type in (AssetType.FX, AssetType.INDEX):
        raise NotTradable(gettext("%(symbol)s cannot be bought or sold.") % {"symbol": asset.symbol}, field=field)
    if target.weight and asset.delisted_on and asset.delisted_on < timezone.now().date():
        raise Delisted(
            gettext("%(symbol)s was traded until %(delisted_on)s and cannot be bought.")
            % {"symbol": asset.symbol, "delisted_on": asset.delisted_on},
            field=field,
        )


@transaction.atomic
def set_targets(
    *,
    portfolio: Portfolio,
    targets: Sequence[NewTarget],
    actor: User | None,
    cash: Decimal = ZERO,
    threshold: Decimal | None = None,
) -> TargetSet:
    """Lay down new targets in place of those that hold; the old ones stay in the history.

    ``threshold`` also changes the portfolio's. Where nothing differs nothing is stored. Raises what ``check_targets``
    raises, ThresholdOutOfRange.
    """
    check_targets(targets, cash)
    if threshold is not None:
        check_threshold(threshold, "threshold")
    locked = Portfolio.objects.select_for_update().filter(pk=portfolio.pk).first()
    if locked is None:
        raise PortfolioGone
    before, after = targets_of(locked), sorted(targets, key=lambda target: target.asset.symbol)
    new_threshold = locked.rebalance_threshold if threshold is None else threshold
    told = _told(after, cash) | {"threshold": f"{new_threshold.normalize():f}"}
    was = _as_new(before), before.cash if before else ZERO
    if before is not None and was == (after, cash) and new_threshold == locked.rebalance_threshold:
        return before
    if new_threshold != locked.rebalance_threshold:
        Portfolio.objects.filter(pk=portfolio.pk).update(rebalance_threshold=new_threshold)
        portfolio.rebalance_threshold = new_threshold
    made = TargetSet.objects.create(portfolio=locked, cash=cash, created_by=actor)
    rows = [TargetWeight(target_set=made, asset=new.asset, weight=new.weight, lot_size=new.lot_size) for new in after]
    TargetWeight.objects.bulk_create(rows)
    record(actor=actor, action="targets.changed", subject=portfolio, data=told | {"before": _told(*was)})
    return targets_of(locked) or made


def _as_new(found: TargetSet | None) -> list[NewTarget]:
    rows = found.weights.all() if found else ()
    new = [NewTarget(row.asset, row.weight, row.lot_size) for row in rows]
    return sorted(new, key=lambda target: target.asset.symbol)


def own_targets(portfolio: Portfolio) -> list[NewTarget]:
    """The portfolio's own targets, by symbol; none before they are set. 2 queries."""
    return _as_new(targets_of(portfolio))


def _told(targets: Sequence[NewTarget], cash: Decimal) -> dict[str, Any]:
    weights = {target.asset.symbol: f"{target.weight.normalize():f}" for target in targets}
    return {"weights": weights, "cash": f"{cash.normalize():f}"}
