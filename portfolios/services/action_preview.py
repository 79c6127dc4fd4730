"""What a corporate action would do to everybody who holds the asset, before it is booked. Nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from activity.services import once
from assets.adjustment import price_factor
from assets.models import ActionKind, Asset, CorporateAction
from assets.queries import RateMissing, bond_terms, carried, last_bars, rates
from assets.services.actions import check_action, drafted_action, today_of
from core.errors import DomainError
from core.money import multiply, quantise, total
from portfolios.book.types import Book, Refused
from portfolios.book.value import per_unit
from portfolios.models import Portfolio
from portfolios.queries import books_of, with_linked
from portfolios.queries.facts import TRIAL, BookKey
from portfolios.services.actions import apply_action, holders_of
from portfolios.services.derivations import check_sizes
from portfolios.services.refusals import broken

if TYPE_CHECKING:
    from users.models import User

Books = dict[BookKey, Book]


@dataclass(frozen=True, slots=True)
class ActionPreview:
    """The sums over all holders of the close before the ex-date; who is short counts negative.

    ``price`` is the last close before, ``price_after`` what it is worth after by the action's terms alone; both are as
    the asset is quoted. Values are in its currency and None where a price or rate is missing; ``cash`` and ``withheld``
    are in the action's. ``value_after`` holds the asset's units, those of the target and the cash before withholding.
    """

    action: CorporateAction
    holders: int
    quantity_before: Decimal
    quantity_after: Decimal
    target_units: Decimal
    price: Decimal | None
    price_day: date | None
    price_after: Decimal | None
    cash: Decimal
    withheld: Decimal
    value_before: Decimal | None
    value_after: Decimal | None


def preview_action(
    *, asset: Asset, kind: str, ex_date: date, note: str = "", now: datetime | None = None, **terms: Any
) -> ActionPreview:
    """What ``apply_action`` would do. Raises what it raises for the terms, the asset and later trades of holders."""
    check_action(asset, kind, ex_date, terms, today=today_of(asset, now or timezone.now()))
    action = drafted_action(asset=asset, kind=kind, ex_date=ex_date, terms=terms, note=note)
    action.pk = TRIAL
    scope, standing = with_linked({asset.pk, action.target_id} if action.target_id else {asset.pk})
    portfolios = list(Portfolio.objects.filter(pk__in=holders_of(scope)))
    _refuse_what_breaks(portfolios, scope, [*standing, action])
    eve = ex_date - timedelta(days=1)
    earlier = [other for other in standing if other.ex_date < ex_date]
    before = books_of(portfolios, asset_ids=scope, until=eve, actions=earlier)
    after = books_of(portfolios, asset_ids=scope, until=eve, actions=[*earlier, action])
    return _summed(action, before, after, eve)


def _refuse_what_breaks(portfolios: Sequence[Portfolio], scope: set[int], actions: Sequence[CorporateAction]) -> None:
    try:
        books = books_of(portfolios, asset_ids=scope, actions=actions)
        check_sizes(dict(enumerate(books.values())))
    except Refused as error:
        raise broken(error) from error
    except DomainError as error:
        error.field = ""
        raise


def _summed(action: CorporateAction, before: Books, after: Books, eve: date) -> ActionPreview:
    held = {key: book.position.quantity for key, book in before.items() if key[1] == action.asset_id}
    left, code = _units(after, action.asset_id), action.asset.currency
    arrived = _units(after, action.target_id) - _units(before, action.target_id) if action.target_id else Decimal(0)
    due = [due for book in after.values() for due in book.entitlements if due.action == TRIAL]
    bar = carried(last_bars([action.asset_id], eve), eve, bond_terms([action.asset])).get(action.asset_id)
    price_after = per_unit(multiply(bar.dirty, price_factor(action.step, bar.dirty))) if bar else None
    cash = total(one.gross for one in due)
    value = quantise(multiply(total(held.values()), bar.dirty, action.asset.price_factor), code) if bar else None
    return ActionPreview(
        action=action,
        holders=sum(1 for quantity in held.values() if quantity),
        quantity_before=total(held.values()),
        quantity_after=left,
        target_units=arrived,
        price=per_unit(bar.dirty) if bar else None,
        price_day=bar.day if bar else None,
        price_after=price_after,
        cash=cash,
        withheld=total(one.withholding for one in due),
        value_before=value,
        value_after=_value_after(action, value, left, price_after, arrived, cash),
    )


def _units(books: Mapping[BookKey, Book], asset_id: int | None) -> Decimal:
    return total(book.position.quantity for key, book in books.items() if key[1] == asset_id)


def _value_after(
    action: CorporateAction,
    before: Decimal | None,
    left: Decimal,
    price: Decimal | None,
    arrived: Decimal,
    cash: Decimal,
) -> Decimal | None:
    """What the asset's units, the target's and the cash are worth together, in the asset's currency."""
    if before is None or price is None:
        return None
    try:
        paid = _in_asset_currency(cash, action.currency or action.asset.currency, action)
        came = _target_value(action, before, arrived)
    except RateMissing:
        return None
    worth = multiply(left, price, action.asset.price_factor)
    return None if came is None else quantise(worth + came + paid, action.asset.currency)


def _target_value(action: CorporateAction, before: Decimal, arrived: Decimal) -> Decimal | None:
    """A spin-off's units take their share of the value along; a merger's are worth their price."""
    if action.target is None or not arrived:
        return Decimal(0)
    if action.kind == ActionKind.SPIN_OFF:
        return multiply(before, action.basis_share or Decimal(0))
    bar = last_bars([action.target.pk], action.ex_date).get(action.target.pk)
    price = action.target_price or (bar and multiply(bar.close, action.target.price_factor))  # in money, both
    if not price:
        return None
    return _in_asset_currency(multiply(arrived, price), action.target.currency, action)


def _in_asset_currency(amount: Decimal, currency: str, action: CorporateAction) -> Decimal:
    own = action.asset.currency
    return multiply(amount, rates([currency], own, action.ex_date).rate(currency, own, action.ex_date).value)


@transaction.atomic
def enter_action(*, actor: User, key: str, **terms: Any) -> tuple[CorporateAction, bool]:
    """``apply_action`` once for a ``key``; whether it happened now. Raises what it raises."""
    made, first = once(user=actor, key=key, work=lambda: apply_action(actor=actor, **terms).pk)
    return CorporateAction.objects.select_related("asset").get(pk=made), first
