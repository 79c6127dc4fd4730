"""Securities, their prices and how fetching them went. Prices are facts: they are looked at here, not edited."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from kombu.exceptions import OperationalError as BrokerUnreachable

from activity.admin import OnSite, ReadOnly, SecurityOnSite
from assets.models import Asset, AssetType, Exchange, HistoricValue, IngestionRun, PriceRevision, RunState
from assets.queries import SIMULATED, referred_to, with_last_bar
from assets.services import sources
from assets.services.backfill import request_backfill
from assets.services.due import JOB, MarketDay, days_to_fetch_now
from assets.services.history import move_price_versions
from assets.services.listing import begin_history, quotation
from assets.tasks import ingest_day
from core.api import plain
from core.errors import DomainError

if TYPE_CHECKING:
    from users.models import User

if TYPE_CHECKING:  # generic in their stubs only
    ExchangeModelAdmin = admin.ModelAdmin[Exchange]
    AssetModelAdmin = admin.ModelAdmin[Asset]
    AssetModelForm = forms.ModelForm[Asset]
    FactAdmin = admin.ModelAdmin[Any]
else:
    ExchangeModelAdmin = AssetModelAdmin = FactAdmin = admin.ModelAdmin
    AssetModelForm = forms.ModelForm


def queue(request: HttpRequest, days: Iterable[MarketDay]) -> None:
    """Send the market days to the workers and say so."""
    items = sorted(days, key=lambda item: (item.day, item.market))
    try:
        for item in items:
            ingest_day.delay(item.market, item.day.isoformat(), force=True)
    except BrokerUnreachable:
        text = gettext("The broker does not answer. What is due is fetched as soon as it does.")
        messages.error(request, text)
        return
    if items:
        named = ", ".join(f"{item.market} {date_format(item.day, 'SHORT_DATE_FORMAT')}" for item in items[:5])
        if len(items) > 5:
            named = gettext("%(named)s and %(number)s more") % {"named": named, "number": len(items) - 5}
        text = gettext("Queued: %(named)s. The ingestion runs show how it went.") % {"named": named}
        messages.success(request, text)
    else:
        messages.info(request, gettext("Nothing is due: every session that is over is complete or under way."))


def _missing_days(request: HttpRequest, market: Exchange) -> list[MarketDay]:
    """What is to be fetched of a market; what stands in the way is told."""
    if not sources.configured(market):
        text = gettext("No price provider is configured for %(market)s.") % {"market": market}
        messages.warning(request, text)
    try:
        return [MarketDay(market.code, day) for day in days_to_fetch_now(market, timezone.now())]
    except DomainError as error:
        messages.error(request, f"{market}: {error.message}")
        return []


@admin.register(Exchange)
class ExchangeAdmin(ExchangeModelAdmin):
    list_display = ["code", "name", "calendar", "time_zone", "ingest_at", "ingest_zone", "ingest_since"]
    list_filter = ["calendar", "ingest_zone", ("ingest_since", admin.EmptyFieldListFilter)]
    search_fields = ["code", "name"]

    def get_readonly_fields(self, request: HttpRequest, obj: Exchange | None = None) -> list[str]:
        return ["code"] if obj else []

    def save_model(self, request: HttpRequest, obj: Exchange, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "calendar" in form.changed_data:
            move_price_versions(Asset.objects.filter(exchange=obj))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {
            "ingest_at": settings.INGEST_AT,
            "ingest_zone": settings.INGEST_TIME_ZONE,
            "ingest_since": timezone.localdate(),
        }


class PriceState(admin.SimpleListFilter):
    """Where an asset's prices come from, if from anywhere."""

    title = _("prices")
    parameter_name = "prices"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("market", _("from a provider")),
            ("simulated", _("simulated")),
            ("none", _("none yet")),
            ("manual", _("not fetched nightly (no exchange)")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Asset]) -> QuerySet[Asset]:
        bars = HistoricValue.objects.filter(asset=OuterRef("pk"))
        simulated = bars.filter(source=SIMULATED)
        match self.value():
            case "market":
                return queryset.filter(Exists(bars), ~Exists(simulated))
            case "simulated":
                return queryset.filter(Exists(simulated))
            case "none":
                return queryset.filter(~Exists(bars))
            case "manual":
                return queryset.filter(exchange=None)
        return queryset


NOTHING = "–"  # a form would write None
MEANING = ["type", "currency", "price_basis", "price_factor"]


class AssetForm(AssetModelForm):
    """An asset whose currency may be given as the minor one that its prices are in."""

    currency = forms.CharField(
        label=_("Currency"),
        max_length=3,
        help_text=_("What is paid. GBX (pence), ZAC and ILA are taken as GBP, ZAR and ILS at a factor of 0.01."),
    )

    def clean(self) -> dict[str, Any] | None:
        values = super().clean() or self.cleaned_data
        if "currency" in values and "price_factor" in values:
            kind = values.get("type") or self.instance.type
            pair = quotation(values["currency"], values["price_factor"], kind)
            values["currency"], values["price_factor"] = pair
        return values


@admin.register(Asset)
class AssetAdmin(OnSite, AssetModelAdmin):
    form = AssetForm
    list_display = [
        *("symbol", "name", "type", "sector", "exchange", "currency"),
        *("last_close", "last_day", "source", "price_basis", "nightly"),
    ]
    list_filter = ["type", PriceState, "exchange", "sector", "price_basis"]
    list_select_related = ["exchange"]
    search_fields = ["symbol", "name", "isin"]
    readonly_fields = ["price_version", "created_at", "last_close", "last_day", "source", "nightly"]
    actions = ["ingest_now", "backfill_now"]

    def site_page(self, row: Any) -> str | None:
        return reverse("asset-page", args=[row.symbol])

    def get_queryset(self, request: HttpRequest) -> QuerySet[Asset]:
        return with_last_bar(super().get_queryset(request))

    def get_readonly_fields(self, request: HttpRequest, obj: Asset | None = None) -> list[str]:
        """What prices and trades mean depends on these, so they stay once there are any.

        They stay, too, once readers know the asset's price version: a rate that stopped being one would take the
        newest version of all rates back.
        """
        fixed = obj is not None and (obj.price_version > 0 or referred_to(obj))
        return [*self.readonly_fields, *(MEANING if fixed else [])]

    def has_delete_permission(self, request: HttpRequest, obj: Asset | None = None) -> bool:
        known_rate = obj is not None and obj.type == AssetType.FX and obj.price_version > 0
        return not known_rate and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Asset, form: Any, change: bool) -> None:
        """Writes what was changed alone: a price that arrives meanwhile has moved the row's price version."""
        if not change:
            super().save_model(request, obj, form, change)
            begin_history(asset=obj, actor=cast("User", request.user), now=timezone.now())
            return
        also = ["price_factor"] if "currency" in form.changed_data else []  # which pence set
        obj.save(update_fields={*form.changed_data, *also})
        if {"symbol", "exchange"} & set(form.changed_data):  # the pair of a rate; the days that count
            move_price_versions(Asset.objects.filter(pk=obj.pk))

    @admin.display(description=_("last close"), ordering="price")
    def last_close(self, asset: Any) -> str:
        price = getattr(asset, "price", None)
        return NOTHING if price is None else number_format(plain(price), force_grouping=True)

    @admin.display(description=_("as of"), ordering="price_day")
    def last_day(self, asset: Any) -> str:
        day = getattr(asset, "price_day", None)
        return NOTHING if day is None else date_format(day)

    @admin.display(description=_("source"), ordering="price_source")
    def source(self, asset: Any) -> str:
        return getattr(asset, "price_source", None) or NOTHING

    @admin.display(description=_("nightly"), boolean=True)
    def nightly(self, asset: Asset) -> bool:
        """Whether prices are fetched each night: the asset needs an exchange, and that a day to begin with."""
        return asset.exchange is not None and asset.exchange.ingest_since is not None

    @admin.action(description=_("Ingest now"), permissions=["change"])
    def ingest_now(self, request: HttpRequest, queryset: QuerySet[Asset]) -> None:
        """Queue what is missing in the markets of the chosen assets."""
        alone = [asset.symbol for asset in queryset.filter(exchange=None)]
        if alone:
            names = ", ".join(alone[:10])
            text = gettext("Without an exchange, and so not fetched: %(names)s.") % {"names": names}
            messages.warning(request, text)
        markets = Exchange.objects.filter(assets__in=queryset.values("pk")).distinct()
        queue(request, [item for market in markets for item in _missing_days(request, market)])

    @admin.action(description=_("Fetch the history"), permissions=["change"])
    def backfill_now(self, request: HttpRequest, queryset: QuerySet[Asset]) -> None:
        """Have the past of the chosen assets fetched; the backfills show how far they are."""
        asked = []
        for asset in queryset.select_related("exchange"):
            try:
                request_backfill(asset=asset, actor=cast("User", request.user), now=timezone.now())
                asked.append(asset.symbol)
            except DomainError as error:
                messages.error(request, f"{asset}: {error.message}")
        if asked:
            names = ", ".join(asked[:10])
            text = gettext("The history is fetched of %(names)s. The backfills show how far.") % {"names": names}
            messages.success(request, text)


@admin.register(HistoricValue)
class HistoricValueAdmin(SecurityOnSite, ReadOnly, FactAdmin):
    list_display = ["asset", "day", "close", "open", "high", "low", "volume", "source", "version"]
    list_filter = ["source", "asset__type"]
    list_select_related = ["asset"]
    search_fields = ["=asset__symbol"]
    search_help_text = _("The exact symbol.")
    date_hierarchy = "day"
    ordering = ["-day", "asset__symbol"]
    show_full_result_count = False


@admin.register(PriceRevision)
class PriceRevisionAdmin(SecurityOnSite, ReadOnly, FactAdmin):
    list_display = ["asset", "day", "close", "source", "version", "replaced_at"]
    list_filter = ["source"]
    list_select_related = ["asset"]
    search_fields = ["=asset__symbol"]
    date_hierarchy = "replaced_at"
    ordering = ["-replaced_at", "asset__symbol"]
    show_full_result_count = False


@admin.register(IngestionRun)
class IngestionRunAdmin(ReadOnly, FactAdmin):
    list_display = [
        "market",
        "day",
        "job",
        "state",
        "stored",
        "expected",
        "refused",
        "attempts",
        "next_attempt_at",
        "message",
    ]
    list_filter = ["state", "job", "market"]
    list_select_related = ["market"]
    search_fields = ["message", "market__code"]
    date_hierarchy = "day"
    actions = ["try_again_now"]

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("assets.change_ingestionrun")

    @admin.action(description=_("Try again now"), permissions=["retry"])
    def try_again_now(self, request: HttpRequest, queryset: QuerySet[IngestionRun]) -> None:
        """Queue the chosen runs that are not complete, whatever they are waiting for."""
        chosen = queryset.filter(job=JOB).exclude(state=RunState.COMPLETE)
        queue(request, [MarketDay(run.market_id, run.day) for run in chosen])
