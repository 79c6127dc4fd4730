"""Securities and where they trade."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Case, Q, When
from django.utils.translation import gettext_lazy as _

from assets import sessions
from assets.isin import validate_isin
from assets.providers.base import NAMES
from core.errors import DomainError
from core.fields import QuantityField
from core.money import HUNDREDTH, minor_currency
from users.models import validate_currency, validate_time_zone

if TYPE_CHECKING:
    from users.models import User


PRICE_FACTOR_LIMIT = 10**6
MOST_WORDS = 8  # of what is searched


def validate_calendar(name: str) -> None:
    try:
        sessions.validate_calendar(name)
    except DomainError as error:
        raise ValidationError(error.message) from error


def validate_provider_order(names: str) -> None:
    """A list of providers such as "polygon, yahoo", each at most once."""
    listed = split_order(names)
    unknown = [name for name in listed if name not in NAMES]
    if unknown:
        raise ValidationError(f"“{unknown[0]}” is no provider; known are {', '.join(NAMES)}.")
    if len(set(listed)) < len(listed):
        raise ValidationError("Name each provider once.")


def split_order(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


class Exchange(models.Model):
    """A market with its own sessions, and when its prices are fetched."""

    code = models.CharField(max_length=8, primary_key=True, help_text="Market identifier code, such as XNYS.")
    name = models.CharField(max_length=100)
    calendar = models.CharField(
        max_length=16, validators=[validate_calendar], help_text="Name in exchange_calendars, such as XNYS or 24/7."
    )
    time_zone = models.CharField(max_length=64, validators=[validate_time_zone])
    ingest_at = models.TimeField(default=time(3), help_text="From when on yesterday's session is fetched.")
    ingest_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    ingest_since = models.DateField(
        null=True, blank=True, help_text="The first day that is fetched: the day of installation. Empty: never fetched."
    )

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code


class AssetType(models.TextChoices):
    EQUITY = "equity", _("Equity")
    ETF = "etf", _("ETF")
    FUND = "fund", _("Fund")
    BOND = "bond", _("Bond")
    CRYPTO = "crypto", _("Crypto")
    CASH = "cash", _("Cash")
    FX = "fx", _("Exchange rate")
    INDEX = "index", _("Index")
    OTHER = "other", _("Other")


NOT_TRADED = (AssetType.FX, AssetType.INDEX)


class PriceBasis(models.TextChoices):
    """What a source's closes are, and so what must not be applied to them again."""

    RAW = "raw", _("As traded")
    SPLIT_ADJUSTED = "split_adjusted", _("Adjusted for splits")
    TOTAL_RETURN = "total_return", _("Dividends included in price")


class AssetQuerySet(models.QuerySet["Asset"]):
    def visible_to(self, user: User) -> AssetQuerySet:
        """Securities are shared by everybody who has logged in."""
        return self if user.is_authenticated else self.none()

    def tradable(self) -> AssetQuerySet:
        """Without indices and exchange rates, which nobody can hold."""
        return self.exclude(type__in=NOT_TRADED)

    def matching(self, text: str) -> AssetQuerySet:
        """Those whose symbol or name holds ``text``, or whose ISIN it is."""
        return self.filter(Q(symbol__icontains=text) | Q(name__icontains=text) | Q(isin__iexact=text))

    def nearest(self, text: str) -> AssetQuerySet:
        """Those that match ``text`` or begin to; first the symbol itself, then what begins so, then the rest."""
        found = self.filter(Q(symbol__icontains=text) | Q(name__icontains=text) | Q(isin__istartswith=text))
        rank = Case(
            When(symbol__iexact=text, then=0),
            When(symbol__istartswith=text, then=1),
            When(name__istartswith=text, then=2),
            default=3,
        )
        return found.annotate(likeness=rank).order_by("likeness", "symbol")

    def searched(self, text: str) -> AssetQuerySet:
        """Those whose symbol begins with ``text``, whose ISIN it is, or whose name has each of its words, in any order.

        The symbol or ISIN itself comes first, then what begins so, then names that begin so, then the rest by symbol.
        """
        code, words = "".join(text.split()).upper(), text.split()[:MOST_WORDS]
        if not words:
            return self.none()
        named = reduce(and_, (Q(name__icontains=word) for word in words))
        likeness = Case(
            When(symbol=code, then=0),
            When(isin=code, then=0),
            When(symbol__startswith=code, then=1),
            When(name__istartswith=" ".join(words), then=2),
            default=3,
        )
        found = self.filter(Q(symbol__startswith=code) | Q(isin=code) | named)
        return found.annotate(likeness=likeness).order_by("likeness", "symbol")

    def named(self, text: str) -> list[Asset]:
        """The one with the symbol ``text``, else two with this ISIN, else two of this name; case does not matter."""
        found: list[Asset] = []
        for where in (Q(symbol=text.upper()), Q(isin=text.upper()), Q(name__iexact=text)):
            found = found or list(self.filter(where).select_related("exchange")[:2])
        return found

    def traded_on(self, day: date) -> AssetQuerySet:
        """Those that have not been delisted before ``day``."""
        return self.filter(Q(delisted_on__isnull=True) | Q(delisted_on__gte=day))


class Asset(models.Model):
    """A security, an index or an exchange rate: whatever has a price history."""

    symbol = models.CharField(
        max_length=32,
        unique=True,
        validators=[RegexValidator(r"^[A-Z0-9][A-Z0-9.\-=^/]*\Z", "Use capitals, digits and . - = ^ / only.")],
    )
    name = models.CharField(max_length=200)
    type = models.CharField(max_length=8, choices=AssetType, default=AssetType.EQUITY)
    sector = models.CharField(max_length=64, blank=True)
    exchange = models.ForeignKey(Exchange, models.PROTECT, null=True, blank=True, related_name="assets")
    currency = models.CharField(max_length=3, validators=[validate_currency])
    isin = models.CharField("ISIN", max_length=12, blank=True, validators=[validate_isin])
    price_basis = models.CharField(max_length=16, choices=PriceBasis, default=PriceBasis.RAW)
    price_factor = QuantityField(
        default=Decimal(1),
        help_text="What one unit costs at a price of 1: 0.01 where prices are in pence or in percent of par.",
    )
    providers = models.CharField(
        max_length=200,
        blank=True,
        validators=[validate_provider_order],
        help_text="Who is asked for this asset, in this order, such as “polygon, yahoo”. Empty: as its type.",
    )
    delisted_on = models.DateField(
        null=True, blank=True, help_text="The last day it traded: no price is expected after it."
    )
    price_version = models.PositiveBigIntegerField(
        default=0, editable=False, help_text="The price clock when a price of this asset last changed."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AssetQuerySet.as_manager()

    class Meta:
        ordering = ["symbol"]
        constraints = [
            models.CheckConstraint(condition=Q(type__in=AssetType.values), name="asset_type_known"),
            models.CheckConstraint(condition=Q(price_basis__in=PriceBasis.values), name="asset_price_basis_known"),
            models.CheckConstraint(condition=~Q(symbol=""), name="asset_has_symbol"),
            models.CheckConstraint(condition=~Q(currency=""), name="asset_has_currency"),
            models.CheckConstraint(
                condition=Q(price_factor__gt=0, price_factor__lt=PRICE_FACTOR_LIMIT),
                name="asset_price_factor_positive",
                violation_error_message="The price factor must be more than 0 and less than 1,000,000.",
            ),
            models.CheckConstraint(
                condition=~Q(type=AssetType.FX) | Q(price_factor=1),
                name="asset_rate_without_factor",
                violation_error_message="An exchange rate has no price factor.",
            ),
        ]
        indexes = [
            models.Index(fields=["sector"], name="asset_sector"),
            models.Index(fields=["isin"], condition=~Q(isin=""), name="asset_isin"),
        ]

    def __str__(self) -> str:
        return self.symbol

    @property
    def quote_currency(self) -> str:
        """What prices are in: GBX where they are in pence. A bond's factor is that of par, so it has none."""
        in_hundredths = self.price_factor == HUNDREDTH and self.type != AssetType.BOND
        return (minor_currency(self.currency) if in_hundredths else "") or self.currency

    @property
    def tradable(self) -> bool:
        """Whether anybody can hold it."""
        return self.type not in NOT_TRADED

    @property
    def quoted_in_minor(self) -> bool:
        return self.quote_currency != self.currency

    @property
    def own_order(self) -> list[str]:
        """The providers that are asked for this asset, in order; empty when its type decides."""
        return split_order(self.providers)
