"""How amounts, quantities and ratios are written on a page: as the reader's language groups digits, signs shown,
nothing computed."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from django import template
from django.utils.formats import get_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from assets.models import Asset
from core.money import EXACT, divide, minor_units, quantise
from core.web import localised
from portfolios.models import Trade
from portfolios.queries.holdings import OF_PAR, is_of_par

register = template.Library()

MISSING = "–"
MINUS = "−"
Number = Decimal | float | int


def _signed(text: str, *, plus: bool) -> str:
    """``text`` in the reader's writing with a true minus, and with a plus if asked; a zero has no sign."""
    text = localised(text)
    if not any(digit in text for digit in "123456789"):
        return text.removeprefix("-")
    if text.startswith("-"):
        return MINUS + text[1:]
    return "+" + text if plus else text


def _percent(value: Number, digits: int, *, plus: bool) -> str:
    text = f"{value:,.{digits}%}".removesuffix("%")
    return _signed(text, plus=plus) + get_format("PERCENT_SIGN")


def _rounded(value: Number, currency: str) -> str:
    exact = value if isinstance(value, Decimal) else Decimal(str(value))  # a chart's amounts are floats
    return f"{quantise(exact, currency):,f}"


@register.filter
def amount(value: Number | None, currency: str) -> str:
    """``1,234.50``, or ``1.234,50`` to a German: in the minor units of ``currency``."""
    return MISSING if value is None else _signed(_rounded(value, currency), plus=False)


@register.filter
def minor_digits(currency: str) -> int:
    """Decimals of amounts in ``currency``."""
    return minor_units(currency)


@register.filter
def signed_amount(value: Number | None, currency: str) -> str:
    """``+1,234.50`` or ``−1,234.50``."""
    return MISSING if value is None else _signed(_rounded(value, currency), plus=True)


@register.filter
def unit_price(value: Decimal | None, currency: str) -> str:
    """A price per unit: at least the currency's minor units, up to 4 decimals, or 6 below 1, where it has them."""
    if value is None:
        return MISSING
    scale = Decimal("1e-4") if abs(value) >= 1 else Decimal("1e-6")
    rounded = value.quantize(scale, rounding=ROUND_HALF_UP, context=EXACT)
    digits = max(minor_units(currency), -int(rounded.normalize(EXACT).as_tuple().exponent))
    return _signed(f"{rounded:,.{digits}f}", plus=False)


@register.filter
def unit_said(unit: str) -> str:
    """What a price is in, as the reader says it: the code of a currency stays what it is."""
    return "% " + _("of par") if unit == OF_PAR else unit


@register.filter
def trade_unit(trade: Trade) -> str:
    """What the price of a trade is in: as the asset is quoted, or in a third currency."""
    return quoted_in(trade.asset) if trade.currency == trade.asset.currency else trade.price_currency


@register.filter
def quoted_of_par(asset: Asset) -> bool:
    return is_of_par(asset.type, asset.price_factor)


def quoted_in(asset: Asset) -> str:
    """``% of par``, or the currency, which is GBX for prices in pence."""
    return unit_said(OF_PAR) if quoted_of_par(asset) else asset.quote_currency


@register.filter
def as_quoted(money: Decimal, asset: Asset) -> Decimal:
    """Money of one unit as the asset is quoted: of a bond per 100 of nominal value."""
    return divide(money, asset.price_factor)


@register.filter
def quantity(value: Decimal | None) -> str:
    """``1,250`` or ``0.12345``: all digits, no trailing zeros."""
    return MISSING if value is None else _signed(f"{value.normalize(EXACT):,f}", plus=False)


@register.filter
def percent(value: Number | None, digits: int = 2) -> str:
    """``12.34%`` from the fraction 0.1234."""
    return MISSING if value is None else _percent(value, digits, plus=False)


@register.filter
def signed_percent(value: Number | None, digits: int = 2) -> str:
    """``+12.34%`` from the fraction 0.1234."""
    return MISSING if value is None else _percent(value, digits, plus=True)


@register.filter
def ratio(value: Number | None, digits: int = 2) -> str:
    """``1.23``: a figure without a unit."""
    return MISSING if value is None else _signed(f"{value:,.{digits}f}", plus=False)


@register.simple_tag
def change(value: Number | None, text: str) -> SafeString:
    """``text`` in the colour of a gain or a loss, with an arrow beside its sign: never by colour alone."""
    if not value:
        return format_html('<span class="flat">{}</span>', text)
    name, arrow = ("gain", "▲") if value > 0 else ("loss", "▼")
    return format_html('<span class="{}"><span class="arrow" aria-hidden="true">{}</span>{}</span>', name, arrow, text)
