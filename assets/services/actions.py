"""Recording and voiding corporate actions on the side of the asset: the fact, its symbol, its adjusted closes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils import timezone

from assets.adjustment import SCALE
from assets.models import ActionKind, Asset, AssetType, CorporateAction, HistoricValue, PriceBasis, PriceClock
from assets.models.action import MULTIPLYING, PAYING
from assets.services.adjusting import adjust_closes
from core.errors import DomainError
from core.fields import QUANTITY_LIMIT
from core.money import EXACT, UnknownCurrency, minor_units

if TYPE_CHECKING:
    from users.models import User

ONE = Decimal(1)
RATIO = {"ratio", "per"}
# What each kind may say, and what of it must be there.
ALLOWED: dict[str, set[str]] = {
    ActionKind.SPLIT: RATIO | {"cash_in_lieu", "currency", "pay_date"},
    ActionKind.REVERSE_SPLIT: RATIO | {"cash_in_lieu", "currency", "pay_date"},
    ActionKind.STOCK_DIVIDEND: RATIO | {"cash_in_lieu", "currency", "pay_date"},
    ActionKind.SPIN_OFF: RATIO | {"target", "basis_share", "cash_in_lieu", "currency", "pay_date"},
    ActionKind.MERGER: RATIO | {"target", "target_price", "cash", "cash_in_lieu", "currency", "pay_date"},
    ActionKind.SYMBOL_CHANGE: {"new_symbol"},
    ActionKind.RETURN_OF_CAPITAL: {"cash", "currency", "pay_date"},
    ActionKind.CASH_DIVIDEND: {"cash", "currency", "pay_date", "withholding_rate"},
}
NEEDED: dict[str, tuple[str, ...]] = {
    ActionKind.SPLIT: ("ratio",),
    ActionKind.REVERSE_SPLIT: ("ratio",),
    ActionKind.STOCK_DIVIDEND: ("ratio",),
    ActionKind.SPIN_OFF: ("ratio", "target", "basis_share"),
    ActionKind.MERGER: (),
    ActionKind.SYMBOL_CHANGE: ("new_symbol",),
    ActionKind.RETURN_OF_CAPITAL: ("cash",),
    ActionKind.CASH_DIVIDEND: ("cash",),
}
TERMS = sorted(set().union(*ALLOWED.values()))
IN_PRICES: dict[str, tuple[str, ...]] = {
    PriceBasis.SPLIT_ADJUSTED: MULTIPLYING,
    PriceBasis.TOTAL_RETURN: (*MULTIPLYING, *PAYING, ActionKind.SPIN_OFF),
}


class UnknownActionKind(DomainError):
    """There is no such kind of corporate action."""


class NoActionsHere(DomainError):
    """An index or an exchange rate has no corporate actions."""


class TermMissing(DomainError):
    """This kind of action needs this."""


class TermNotAllowed(DomainError):
    """This kind of action has no such term."""


class TermNotPositive(DomainError):
    """This must be a number of more than 0 that the books can keep."""


class NotAFraction(DomainError):
    """This must be a fraction from 0 to below 1."""


class RatioOfOtherKind(DomainError):
    """A split gives more units than there were, a reverse split fewer."""


class ActionInPrices(DomainError):
    """The source's prices include this already, so it is not applied again."""


class ActionBeforeListing(DomainError):
    """The asset was not listed then."""


class ActionInFuture(DomainError):
    """An action is booked from its ex-date on."""


class PaidBeforeExDate(DomainError):
    """The pay-date lies before the ex-date."""


class TargetIsItself(DomainError):
    """The target must be another asset."""


class DuplicateAction(DomainError):
    """The asset has such an action on that day already."""


class SymbolTaken(DomainError):
    """Another asset has this symbol."""


class SymbolMalformed(DomainError):
    """A symbol has capitals, digits and . - = ^ / only."""


class ActionVoided(DomainError):
    """This action is voided already."""


class ActionStands(DomainError):
    """This action is not voided."""


def check_action(asset: Asset, kind: str, ex_date: date, terms: Mapping[str, Any], *, today: date) -> None:
    """Refuse an action for what is wrong with it, whatever anybody holds; the error names its field."""
    if kind not in ActionKind.values:
        raise UnknownActionKind(field="kind")
    if asset.type in (AssetType.FX, AssetType.INDEX):
        raise NoActionsHere("{symbol} has no corporate actions.", symbol=asset.symbol, field="asset")
    if kind in IN_PRICES.get(asset.price_basis, ()):
        raise _in_prices(asset)
    _check_terms(kind, terms)
    _check_numbers(asset, kind, terms)
    _check_days(asset, ex_date, terms.get("pay_date"), today)
    if terms.get("target") == asset:
        raise TargetIsItself(field="target")


def _in_prices(asset: Asset) -> ActionInPrices:
    if asset.price_basis == PriceBasis.SPLIT_ADJUSTED:
        return ActionInPrices(
            "The prices of {symbol} are adjusted for splits: this is in them already.",
            symbol=asset.symbol,
            field="kind",
        )
    return ActionInPrices(
        "The prices of {symbol} include splits and dividends: this is in them already.",
        symbol=asset.symbol,
        field="kind",
    )


def _check_terms(kind: str, terms: Mapping[str, Any]) -> None:
    given = {name for name, value in terms.items() if value not in (None, "")}
    if extra := given - ALLOWED[kind]:
        raise TermNotAllowed(field=min(extra))
    needed = list(NEEDED[kind])
    if kind == ActionKind.MERGER:
        needed += ["target", "ratio"] if given & {"target", "ratio", "per"} else ["cash"]
        needed += ["target_price"] if {"target", "cash"} <= given else []
    for name in needed:
        if name not in given:
            raise TermMissing(field=name)


def _check_numbers(asset: Asset, kind: str, terms: Mapping[str, Any]) -> None:
    for name in ("ratio", "per", "cash", "target_price", "cash_in_lieu"):
        value = terms.get(name)
        if value is not None and not (_keepable(value) and (value > 0 or (name == "cash_in_lieu" and value == 0))):
            raise TermNotPositive(field=name)
    for name in ("basis_share", "withholding_rate"):
        value = terms.get(name)
        if value is not None and not (_keepable(value) and 0 <= value < 1):
            raise NotAFraction(field=name)
    if kind in (ActionKind.SPLIT, ActionKind.REVERSE_SPLIT):
        ratio, per = terms["ratio"], terms.get("per") or ONE
        if ratio == per or (ratio > per) != (kind == ActionKind.SPLIT):
            raise RatioOfOtherKind(field="ratio")
    try:
        minor_units(terms.get("currency") or asset.currency)
    except UnknownCurrency as error:
        raise UnknownCurrency(error.message, field="currency") from error


def _keepable(value: Decimal) -> bool:
    return value.is_finite() and abs(value) < QUANTITY_LIMIT and value == value.quantize(SCALE, context=EXACT)


def _check_days(asset: Asset, ex_date: date, pay_date: date | None, today: date) -> None:
    if ex_date > today:
        raise ActionInFuture(field="ex_date")
    if pay_date is not None and pay_date < ex_date:
        raise PaidBeforeExDate(field="pay_date")
    first = HistoricValue.objects.filter(asset=asset).order_by("day").values_list("day", flat=True).first()
    if first is not None and ex_date < first:
        raise ActionBeforeListing(
            "The first price of {symbol} is of {first}.", symbol=asset.symbol, first=first, field="ex_date"
        )


def record_action(
    *, asset: Asset, kind: str, ex_date: date, terms: Mapping[str, Any], note: str, actor: User | None
) -> CorporateAction:
    """Store a checked action, move the price clock and bring the adjusted closes in line.

    Call it in a transaction that holds the locks of every holder. It locks the clock and then the asset,
    so that nobody books a first trade of it meanwhile. Raises DuplicateAction, SymbolTaken, SymbolMalformed.
    """
    version, asset = _lock(asset)
    action = drafted_action(asset=asset, kind=kind, ex_date=ex_date, terms=terms, note=note, actor=actor)
    action.save()
    _rename(asset, action.old_symbol, action.new_symbol)
    adjust_closes(asset, version)
    return action


def drafted_action(
    *, asset: Asset, kind: str, ex_date: date, terms: Mapping[str, Any], note: str = "", actor: User | None = None
) -> CorporateAction:
    """The row of a checked action, not stored. Raises DuplicateAction, SymbolTaken, SymbolMalformed."""
    values = {name: value for name, value in terms.items() if value not in (None, "")}
    values.setdefault("per", ONE if "ratio" in values else None)
    if kind in PAYING or "cash" in values or "cash_in_lieu" in values:
        values.setdefault("currency", asset.currency)
    action = CorporateAction(asset=asset, kind=kind, ex_date=ex_date, note=note, created_by=actor, **values)
    action.old_symbol = asset.symbol if kind == ActionKind.SYMBOL_CHANGE else ""
    refuse_duplicate(action)
    _check_symbol(asset, action.old_symbol, action.new_symbol)
    return action


def set_void(action: CorporateAction, *, voided: bool, actor: User | None) -> CorporateAction:
    """Void an action or take its void back, on the side of the asset; locks as ``record_action`` does."""
    version, asset = _lock(action.asset)
    action = CorporateAction.objects.select_related("asset", "target").get(pk=action.pk)
    if voided == (action.voided_at is not None):
        raise ActionVoided if voided else ActionStands
    if not voided:
        refuse_duplicate(action)
    action.voided_at, action.voided_by = (timezone.now(), actor) if voided else (None, None)
    action.save(update_fields=["voided_at", "voided_by"])
    names = (action.old_symbol, action.new_symbol)
    _rename(asset, *(reversed(names) if voided else names))
    adjust_closes(asset, version)
    return action


def today_of(asset: Asset, now: datetime) -> date:
    """The day at the asset's exchange."""
    return now.astimezone(ZoneInfo(asset.exchange.time_zone if asset.exchange else "UTC")).date()


def refuse_duplicate(action: CorporateAction) -> None:
    same = CorporateAction.objects.standing().filter(asset=action.asset, kind=action.kind, ex_date=action.ex_date)
    if action.kind == ActionKind.CASH_DIVIDEND:
        same = same.filter(cash=action.cash, currency=action.currency)
    if same.exclude(pk=action.pk).exists():
        raise DuplicateAction(field="ex_date")


def _lock(asset: Asset) -> tuple[int, Asset]:
    version = PriceClock.tick()
    locked = Asset.objects.select_for_update().get(pk=asset.pk)
    Asset.objects.filter(pk=asset.pk).update(price_version=version)
    return version, locked


def _check_symbol(asset: Asset, old: str, new: str) -> None:
    if not new or old == new:
        return
    if Asset.objects.filter(symbol=new).exclude(pk=asset.pk).exists():
        raise SymbolTaken("Another asset has the symbol {new}.", new=new, field="new_symbol")
    renamed = Asset(pk=asset.pk, symbol=new)
    try:
        renamed.clean_fields(exclude={field.name for field in asset._meta.fields} - {"symbol"})  # noqa: SLF001
    except ValidationError as error:
        raise SymbolMalformed(field="new_symbol") from error


def _rename(asset: Asset, old: str, new: str) -> None:
    _check_symbol(asset, old, new)
    if new and old != new:
        asset.symbol = new
        Asset.objects.filter(pk=asset.pk).update(symbol=new)
