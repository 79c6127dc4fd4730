"""The terms of a trade: what may be booked, and what is refused by name before anything is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.translation import gettext

from assets.models import Asset, AssetType
from banking.models import Account
from core.errors import DomainError
from core.fields import MONEY_LIMIT, QUANTITY_LIMIT
from core.money import (
    EXACT,
    MINOR_SPELLINGS,
    UnknownCurrency,
    divide,
    major_currency,
    minor_units,
    multiply,
    total,
)
from portfolios.models import TradeKind

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
MOST_LOTS = 1000
LONGEST_ID = 64
COST_DECIMALS = 4  # a lot that was partly sold elsewhere has a share of its cost, and that is not in cents
ZERO = Decimal(0)
ONE = Decimal(1)
TRANSFERS = (TradeKind.TRANSFER_IN, TradeKind.TRANSFER_OUT)
TAKING = (TradeKind.SELL, TradeKind.TRANSFER_OUT)


@dataclass(frozen=True, slots=True)
class NewLot:
    """A lot that a transfer in brings; ``cost`` in the asset's currency, ``cost_base`` computed when not stated."""

    opened_on: date
    quantity: Decimal
    cost: Decimal
    cost_base: Decimal | None = None


@dataclass(frozen=True, slots=True)
class NewPick:
    """Units of one lot that a sale or transfer out takes by name: by its opening trade, in units of that day."""

    opened_by: int
    quantity: Decimal
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class NewTrade:
    """What is to be booked. ``currency`` is what ``price`` is in; it defaults to the asset's quote currency.

    ``price`` is per unit, as the asset is quoted. Only for a share quoted in pence does the currency make a difference:
    in GBX, or without one, the price is in pence; in GBP or a third currency it is in whole units of that. For a
    transfer it is the market value of a unit on that day and may be left out. ``exchange_rate`` is the broker's, units
    of the base currency for one of the trade's currency. ``picks`` are what a sale or a transfer out takes by name.
    ``accrued`` is the interest of a bond that is paid beside the price, in the trade's currency; without it, what its
    terms say of that day.
    """

    asset: Asset
    kind: TradeKind
    quantity: Decimal
    traded_at: datetime
    price: Decimal | None = None
    currency: str | None = None
    fee: Decimal = ZERO
    tax: Decimal = ZERO
    exchange_rate: Decimal | None = None
    account: Account | None = None
    external_id: str = ""
    note: str = ""
    lots: Sequence[NewLot] = ()
    picks: Sequence[NewPick] = ()
    accrued: Decimal | None = None

    @property
    def price_currency(self) -> str:
        return MINOR_SPELLINGS.get(self.currency or "", self.currency) or self.asset.quote_currency

    @property
    def trade_currency(self) -> str:
        """What the trade's amounts, fee and tax are in."""
        return major_currency(self.price_currency)

    @property
    def price_factor(self) -> Decimal:
        """What one unit costs in the trade's currency at a stated price of 1."""
        return factor_of(self.asset, self.price_currency)

    @property
    def quoted_price(self) -> Decimal | None:
        """The price as the asset is quoted, which is what is stored."""
        if self.price is None or self.price_factor == self.asset.price_factor:
            return self.price
        return multiply(self.price, divide(self.price_factor, self.asset.price_factor))

    @property
    def day(self) -> date:
        return exchange_day(self.asset, self.traded_at)

    @property
    def accrues(self) -> bool:
        """Whether interest is paid beside its price."""
        return self.asset.type == AssetType.BOND and self.kind not in TRANSFERS


class NotTradable(DomainError):
    """An index or an exchange rate cannot be bought or sold."""


class NotQuotedInMinor(DomainError):
    """The prices of this asset are not in this minor currency."""


class UnknownKind(DomainError):
    """A trade is a buy, a sell, a transfer in or a transfer out."""


class NotFinite(DomainError):
    """This is not a finite number."""


class NotPositive(DomainError):
    """This must be more than 0."""


class Negative(DomainError):
    """This must not be negative."""


class NumberTooLarge(DomainError):
    """This number is larger than the books keep."""


class TooManyDecimals(DomainError):
    """This number has more decimals than the books keep."""


class PriceRequired(DomainError):
    """State the price per unit."""


class DateInFuture(DomainError):
    """A trade cannot be dated in the future."""


class DateTooEarly(DomainError):
    """A trade cannot be dated before 1900."""


class ZoneMissing(DomainError):
    """The time needs a zone."""


class ExternalIdTooLong(DomainError):
    """An external id has at most 64 characters."""


class RateOfBaseCurrency(DomainError):
    """The trade is in the base currency, so its exchange rate can only be 1."""


class LotsNotAllowed(DomainError):
    """Only a transfer in brings lots."""


class PicksNotOfSale(DomainError):
    """Only a sale or a transfer out picks lots."""


class PicksExceedSale(DomainError):
    """More is picked than is sold."""


class DuplicatePick(DomainError):
    """The same lot is picked twice."""


class LotsDoNotAddUp(DomainError):
    """The lots' quantities must add up to the quantity transferred."""


class CostsDiffer(DomainError):
    """The asset is in the portfolio's base currency, so a lot has one cost."""


class TooManyLots(DomainError):
    """A trade names at most 1,000 lots."""


class TransferCosts(DomainError):
    """A transfer has no fee or tax of its own; they are part of its lots' cost or booked as cash."""


class AccruedNotOfBond(DomainError):
    """Only a bond that is bought or sold has accrued interest."""


def exchange_day(asset: Asset, at: datetime) -> date:
    """The day of an aware instant at the asset's exchange; in UTC where it has none."""
    return at.astimezone(ZoneInfo(asset.exchange.time_zone) if asset.exchange else UTC).date()


def check(trade: NewTrade, *, base: str, now: datetime) -> None:
    """Refuse ``trade`` for what is wrong with it alone, whatever the books hold; the error names its field."""
    if trade.asset.type in (AssetType.FX, AssetType.INDEX):
        raise NotTradable("{symbol} cannot be bought or sold.", symbol=trade.asset.symbol, field="asset")
    if trade.kind not in TradeKind.values:
        raise UnknownKind(field="kind")
    if len(trade.external_id) > LONGEST_ID:
        raise ExternalIdTooLong(field="external_id")
    _check_instant(trade.traded_at, trade.asset, now)
    _check_numbers(trade)
    _check_rate(trade, base)
    _check_lots(trade, base)
    _check_picks(trade)


def _check_instant(at: datetime, asset: Asset, now: datetime) -> None:
    if at.tzinfo is None:
        raise ZoneMissing(field="traded_at")
    if at < EARLIEST:
        raise DateTooEarly(field="traded_at")
    # First without a zone: an instant near the calendar's end has no day in some of them.
    if at > now + timedelta(days=2) or exchange_day(asset, at) > exchange_day(asset, now):
        raise DateInFuture(
            "It is {day} at the exchange; the trade is later.", day=exchange_day(asset, now), field="traded_at"
        )


def _check_numbers(trade: NewTrade) -> None:
    check_positive(trade.quantity, "quantity")
    if trade.price is not None:
        check_not_negative(trade.price, "price")
        check_not_negative(trade.quoted_price or ZERO, "price")
    elif trade.kind not in TRANSFERS:
        raise PriceRequired(field="price")
    if trade.price_currency not in (trade.trade_currency, trade.asset.quote_currency):
        message = gettext("The prices of %(symbol)s are in %(quote_currency)s.") % {
            "symbol": trade.asset.symbol,
            "quote_currency": trade.asset.quote_currency,
        }
        raise NotQuotedInMinor(message, field="currency")
    decimals = _minor_units(trade.trade_currency)
    for field, amount in (("fee", trade.fee), ("tax", trade.tax)):
        check_not_negative(amount, field, decimals=decimals, limit=MONEY_LIMIT)
        if amount and trade.kind in TRANSFERS:
            raise TransferCosts(field=field)
    if trade.accrued is not None:
        check_not_negative(trade.accrued, "accrued", decimals=decimals, limit=MONEY_LIMIT)
        if trade.accrued and not trade.accrues:
            raise AccruedNotOfBond(field="accrued")


def _check_rate(trade: NewTrade, base: str) -> None:
    if trade.exchange_rate is None:
        return
    check_positive(trade.exchange_rate, "exchange_rate")
    if trade.trade_currency == base and trade.exchange_rate != 1:
        raise RateOfBaseCurrency(field="exchange_rate")


def _check_lots(trade: NewTrade, base: str) -> None:
    if not trade.lots:
        return
    if trade.kind != TradeKind.TRANSFER_IN:
        raise LotsNotAllowed(field="lots")
    if len(trade.lots) > MOST_LOTS:
        raise TooManyLots(field="lots")
    for position, lot in enumerate(trade.lots):
        _check_lot(lot, f"lots.{position}.", trade, base)
    brought = total(lot.quantity for lot in trade.lots)
    if brought != trade.quantity:
        message = gettext("The lots hold %(held)s, the transfer is of %(quantity)s.") % {
            "held": f"{brought.normalize():f}",
            "quantity": f"{trade.quantity.normalize():f}",
        }
        raise LotsDoNotAddUp(message, field="lots")


def _check_picks(trade: NewTrade) -> None:
    if not trade.picks:
        return
    if trade.kind not in TAKING:
        raise PicksNotOfSale(field="lots")
    if len(trade.picks) > MOST_LOTS:
        raise TooManyLots(field="lots")
    seen = set()
    for position, pick in enumerate(trade.picks):
        check_positive(pick.quantity, f"lots.{position}.quantity")
        if (pick.opened_by, pick.sequence) in seen:
            raise DuplicatePick(field=f"lots.{position}.opened_by")
        seen.add((pick.opened_by, pick.sequence))
    picked = total(pick.quantity for pick in trade.picks)
    if picked > trade.quantity:
        message = gettext("The lots picked hold %(held)s, but %(quantity)s is taken.") % {
            "held": f"{picked.normalize():f}",
            "quantity": f"{trade.quantity.normalize():f}",
        }
        raise PicksExceedSale(message, field="lots")


def _check_lot(lot: NewLot, where: str, trade: NewTrade, base: str) -> None:
    check_positive(lot.quantity, where + "quantity")
    check_not_negative(lot.cost, where + "cost", decimals=COST_DECIMALS, limit=MONEY_LIMIT)
    if lot.cost_base is not None:
        check_not_negative(lot.cost_base, where + "cost_base", decimals=COST_DECIMALS, limit=MONEY_LIMIT)
        if trade.asset.currency == base and lot.cost_base != lot.cost:
            raise CostsDiffer(field=where + "cost_base")
    if lot.opened_on > trade.day:
        raise DateInFuture(gettext("A lot cannot be opened after its transfer."), field=where + "opened_on")
    if lot.opened_on < EARLIEST.date():
        raise DateTooEarly(field=where + "opened_on")


def _minor_units(currency: str) -> int:
    try:
        return minor_units(currency)
    except UnknownCurrency as error:
        raise UnknownCurrency(error.message, field="currency") from error


def factor_of(asset: Asset, price_currency: str) -> Decimal:
    """What one unit costs at a price of 1 that is stated in ``price_currency``, in whole units of that currency."""
    whole = asset.quoted_in_minor and price_currency != asset.quote_currency
    return ONE if whole else asset.price_factor


def check_positive(value: Decimal, field: str) -> None:
    """A quantity or a rate: finite, more than 0, at most 10 decimals."""
    check_not_negative(value, field)
    if not value:
        raise NotPositive(field=field)


def check_not_negative(value: Decimal, field: str, *, decimals: int = 10, limit: Decimal = QUANTITY_LIMIT) -> None:
    """A finite number from 0 to below ``limit`` with at most ``decimals`` decimals."""
    if not value.is_finite():
        raise NotFinite(field=field)
    if value < 0:
        raise (NotPositive if field.endswith("quantity") else Negative)(field=field)
    if value >= limit:
        raise NumberTooLarge(field=field)
    if value.quantize(Decimal(1).scaleb(-decimals), context=EXACT) != value:
        raise TooManyDecimals("At most {decimals} decimals are kept here.", decimals=decimals, field=field)
