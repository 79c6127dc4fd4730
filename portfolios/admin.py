"""Portfolios in the admin: facts are voided and restored through the services, derived rows are for reading."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from activity.admin import RESTORED, VOIDED, ReadOnly, SecurityOnSite, act_on_each
from assets.models import CorporateAction
from banking.models import Account
from portfolios.models import (
    CostMethodChange,
    Departure,
    Disposal,
    Entitlement,
    Goal,
    Investment,
    Lot,
    LotPick,
    PaymentMatch,
    Portfolio,
    PortfolioAccount,
    TargetSet,
    TargetWeight,
    Trade,
    TransferLot,
)
from portfolios.services.actions import restore_action, void_action
from portfolios.services.methods import restore_change, void_change
from portfolios.services.payments import restore_match, void_match
from portfolios.services.portfolios import (
    JoinsInFuture,
    attach_account,
    change_portfolio,
    create_portfolio,
    delete_portfolio,
)
from portfolios.services.trades import restore_trade, void_trade
from portfolios.wording import action_words, change_words, match_words, trade_words
from users.admin import OwnedOnSite

if TYPE_CHECKING:  # generic in their stubs only
    ModelAdmin = admin.ModelAdmin[Any]
    Inline = admin.TabularInline[Any, Any]
else:
    ModelAdmin, Inline = admin.ModelAdmin, admin.TabularInline

EDITABLE = (
    "name",
    "description",
    "benchmark",
    "allow_short",
    "long_term_days",
    "rebalance_threshold",
    "risk_tolerance",
)


class AccountInline(Inline):
    model = PortfolioAccount
    fields = ["account", "joined_on"]
    extra = 0
    verbose_name_plural = _("accounts that hold its cash")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only accounts of the portfolio's owner that serve no portfolio yet."""
        if db_field.name == "account":
            taken = PortfolioAccount.objects.values("account")
            kwargs["queryset"] = Account.objects.belonging_with(_portfolio(request)).exclude(pk__in=taken)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A new one joins on a day; those that were there from the beginning have none."""
        if db_field.name == "joined_on":
            kwargs |= {"required": True, "initial": timezone.now().date, "validators": [_not_in_future]}
        return super().formfield_for_dbfield(db_field, request, **kwargs)


def _not_in_future(day: date) -> None:
    if day > timezone.now().date():
        raise ValidationError(JoinsInFuture().message)


def _portfolio(request: HttpRequest) -> Portfolio:
    """The one whose page it is; one that is nobody's where there is none."""
    match = request.resolver_match
    portfolio_id = match.kwargs.get("object_id") if match else None
    return Portfolio.objects.filter(pk=portfolio_id or 0).first() or Portfolio()


class OfPortfolio(OwnedOnSite):
    """Rows of a portfolio: the page of it that ``page`` names."""

    through = "portfolio"
    page = "dashboard"

    def own_page(self, row: Any) -> str:
        return f"{reverse(self.page)}?portfolio={row.portfolio_id}"


class OfHolding(OfPortfolio):
    """Rows about one security in a portfolio: the page of that holding."""

    def own_page(self, row: Any) -> str:
        return f"{reverse('holding', args=[row.asset.symbol])}?portfolio={row.portfolio_id}"


@admin.register(Portfolio)
class PortfolioAdmin(OwnedOnSite, ModelAdmin):
    date_hierarchy = "created_at"
    list_display = ["name", "owner", "organisation", "base_currency", "cost_method", "cash", "benchmark", "version"]
    list_filter = ["base_currency", "cost_method", "cash", "risk_tolerance"]
    list_select_related = ["owner", "organisation", "benchmark"]
    search_fields = ["name", "owner__username", "organisation__name"]
    autocomplete_fields = ["owner", "organisation", "benchmark"]
    readonly_fields = ["version", "rates_version", "created_at"]
    inlines = [AccountInline]

    def own_page(self, row: Any) -> str:
        return f"{reverse('dashboard')}?portfolio={row.pk}"

    def get_readonly_fields(self, request: HttpRequest, obj: Portfolio | None = None) -> list[str]:
        fixed = ["owner", "organisation", "base_currency", "cost_method", "cash"] if obj else []
        return [*fixed, *self.readonly_fields]

    def get_inlines(self, request: HttpRequest, obj: Portfolio | None) -> list[Any]:
        return [AccountInline] if obj else []

    def save_model(self, request: HttpRequest, obj: Portfolio, form: Any, change: bool) -> None:
        unsaid = {"rebalance_threshold"} if form.cleaned_data["rebalance_threshold"] is None else set()
        if change:
            changes = {name: form.cleaned_data[name] for name in EDITABLE if name not in unsaid}
            change_portfolio(portfolio=obj, actor=request.user, **changes)  # type: ignore[arg-type]
            return
        names = {*EDITABLE, "base_currency", "cost_method", "cash"} - unsaid
        values = {name: getattr(obj, name) for name in names}
        obj.pk = create_portfolio(owner=obj.holder, actor=request.user, **values).pk  # type: ignore[arg-type]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A threshold that is left empty stays as it is."""
        if db_field.name == "rebalance_threshold":
            kwargs["required"] = False
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for link in formset.save(commit=False):
            attach_account(
                portfolio=link.portfolio,
                account=link.account,
                joined_on=link.joined_on,
                actor=request.user,  # type: ignore[arg-type]
            )

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What goes with a portfolio is decided by the service, not by the permissions for single rows."""
        trades = Trade.objects.filter(portfolio__in=list(objs)).count()
        names = [str(model._meta.verbose_name_plural) for model in (Portfolio, Trade)]  # noqa: SLF001  Django's public name
        counts = dict(zip(names, (len(objs), trades), strict=True))
        return [str(portfolio) for portfolio in objs], counts, set(), []

    def delete_model(self, request: HttpRequest, obj: Portfolio) -> None:
        delete_portfolio(portfolio=obj, actor=request.user)  # type: ignore[arg-type]

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Portfolio]) -> None:
        for portfolio in queryset.order_by("pk"):
            self.delete_model(request, portfolio)


class TargetWeightInline(ReadOnly, Inline):
    model = TargetWeight
    fields = ["asset", "weight", "lot_size"]
    extra = 0


@admin.register(TargetSet)
class TargetSetAdmin(OfPortfolio, ReadOnly, ModelAdmin):
    """Target weights as they were laid down; the newest set of a portfolio counts."""

    page = "analytics-rebalancing"
    list_filter = ["created_at", "portfolio__base_currency"]
    list_display = ["created_at", "portfolio", "cash", "created_by"]
    list_select_related = ["portfolio", "created_by"]
    search_fields = ["portfolio__name"]
    date_hierarchy = "created_at"
    inlines = [TargetWeightInline]


@admin.register(Goal)
class GoalAdmin(OfPortfolio, ReadOnly, ModelAdmin):
    """What people wish for; they set and change it in the settings of their portfolio."""

    page = "portfolio-settings"
    list_display = ["due_on", "portfolio", "name", "amount", "currency", "start_on", "created_by"]
    list_filter = ["currency", "created_at"]
    list_select_related = ["portfolio", "created_by"]
    search_fields = ["name", "portfolio__name"]
    date_hierarchy = "due_on"


class TransferLotInline(ReadOnly, Inline):
    model = TransferLot
    fields = ["sequence", "opened_on", "quantity", "cost", "cost_base"]
    extra = 0


class LotPickInline(ReadOnly, Inline):
    model = LotPick
    fk_name = "trade"
    fields = ["opened_by", "sequence", "quantity"]
    extra = 0


@admin.register(Trade)
class TradeAdmin(OfPortfolio, ReadOnly, ModelAdmin):
    list_display = ["day", "portfolio", "kind", "asset", "quantity", "price", "currency", "fee", "tax", "voided_at"]
    list_filter = ["kind", ("voided_at", admin.EmptyFieldListFilter), "currency"]
    list_select_related = ["portfolio", "asset"]
    date_hierarchy = "day"
    search_fields = ["asset__symbol", "portfolio__name", "external_id", "note"]
    inlines = [TransferLotInline, LotPickInline]
    actions = ["void", "restore"]

    def own_page(self, row: Any) -> str:
        return reverse("trade-page", args=[row.pk])

    def has_correct_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("portfolios.change_trade")

    @admin.action(description=_("Void the selected trades"), permissions=["correct"])
    def void(self, request: HttpRequest, queryset: QuerySet[Trade]) -> None:
        """The last one first, so that sales go before the purchases they sold from."""
        self._each(request, queryset.order_by("-day", "-traded_at", "-pk"), void_trade, VOIDED)

    @admin.action(description=_("Restore the selected trades"), permissions=["correct"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Trade]) -> None:
        self._each(request, queryset.in_booking_order(), restore_trade, RESTORED)  # type: ignore[attr-defined]

    def _each(self, request: HttpRequest, trades: QuerySet[Trade], act: Callable[..., Trade], done: Promise) -> None:
        found = trades.select_related("portfolio", "asset")
        act_on_each(self, request, found, lambda trade: act(trade=trade, actor=request.user), done, called=trade_words)


class DerivedAdmin(OfHolding, ReadOnly, ModelAdmin):
    """Rows that follow from trades. ``manage.py rebuild`` derives them anew."""

    search_fields = ["asset__symbol", "portfolio__name"]
    list_select_related = ["portfolio", "asset"]


@admin.register(Lot)
class LotAdmin(DerivedAdmin):
    list_display = ["opened_on", "portfolio", "asset", "opened_quantity", "quantity", "cost", "cost_base"]
    list_filter = ["portfolio__cost_method", "portfolio__base_currency"]
    date_hierarchy = "opened_on"


@admin.register(Disposal)
class DisposalAdmin(DerivedAdmin):
    list_display = ["closed_on", "portfolio", "asset", "opened_on", "quantity", "proceeds", "cost", "gain", "gain_base"]
    list_filter = ["portfolio__cost_method", "portfolio__base_currency"]
    date_hierarchy = "closed_on"

    @admin.display(description=_("Gain"))
    def gain(self, disposal: Disposal) -> Decimal:
        return disposal.gain

    @admin.display(description=_("Gain in the base currency"))
    def gain_base(self, disposal: Disposal) -> Decimal:
        return disposal.gain_base


@admin.register(Investment)
class InvestmentAdmin(DerivedAdmin):
    list_display = ["portfolio", "asset", "quantity", "cost", "cost_base", "realised_gain_base", "first_traded_on"]
    list_filter = ["asset__type", "asset__sector", "portfolio__base_currency"]
    date_hierarchy = "first_traded_on"


@admin.register(Departure)
class DepartureAdmin(DerivedAdmin):
    list_display = ["trade", "portfolio", "asset", "opened_on", "quantity", "cost", "cost_base"]
    list_filter = ["portfolio__cost_method", "portfolio__base_currency"]
    list_select_related = ["trade__asset", "portfolio", "asset"]
    date_hierarchy = "opened_on"


@admin.register(Entitlement)
class EntitlementAdmin(DerivedAdmin):
    list_display = ["ex_date", "pay_date", "portfolio", "asset", "quantity", "gross", "withholding", "currency"]
    list_filter = ["currency", "portfolio__base_currency"]
    date_hierarchy = "ex_date"


class VoidableAdmin(ReadOnly, ModelAdmin):
    """Facts that staff void and restore through their service, one after the other."""

    actions = ["void", "restore"]
    voiding: Callable[[Any, Any], Any]
    restoring: Callable[[Any, Any], Any]
    called: Callable[[Any], str]

    def has_correct_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    @admin.action(description=_("Void what is selected"), permissions=["correct"])
    def void(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._each(request, queryset, type(self).voiding, VOIDED)

    @admin.action(description=_("Restore what is selected"), permissions=["correct"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._each(request, queryset, type(self).restoring, RESTORED)

    def _each(self, request: HttpRequest, facts: QuerySet[Any], act: Callable[[Any, Any], Any], done: Promise) -> None:
        found = facts.order_by("pk")
        act_on_each(self, request, found, lambda fact: act(fact, request.user), done, called=type(self).called)


@admin.register(CostMethodChange)
class CostMethodChangeAdmin(OfPortfolio, VoidableAdmin):
    page = "method-page"
    date_hierarchy = "day"
    list_display = ["day", "portfolio", "method", "created_by", "voided_at"]
    list_select_related = ["portfolio", "created_by"]
    list_filter = ["method", ("voided_at", admin.EmptyFieldListFilter)]
    search_fields = ["portfolio__name"]
    voiding = staticmethod(lambda fact, user: void_change(change=fact, actor=user))
    restoring = staticmethod(lambda fact, user: restore_change(change=fact, actor=user))
    called = staticmethod(change_words)


@admin.register(PaymentMatch)
class PaymentMatchAdmin(OfPortfolio, VoidableAdmin):
    page = "income-page"
    list_filter = ["action__kind", ("voided_at", admin.EmptyFieldListFilter)]
    date_hierarchy = "created_at"
    list_display = ["created_at", "portfolio", "action", "row", "created_by", "voided_at"]
    list_select_related = ["portfolio", "action__asset", "row", "created_by"]
    search_fields = ["portfolio__name", "action__asset__symbol"]
    voiding = staticmethod(lambda fact, user: void_match(match=fact, actor=user))
    restoring = staticmethod(lambda fact, user: restore_match(match=fact, actor=user))
    called = staticmethod(match_words)


@admin.register(CorporateAction)
class CorporateActionAdmin(SecurityOnSite, VoidableAdmin):
    """Here and not with the assets, since voiding one changes the books of its holders."""

    list_display = ["ex_date", "asset", "kind", "ratio", "per", "cash", "currency", "target", "voided_at"]
    list_select_related = ["asset", "target"]
    list_filter = ["kind", ("voided_at", admin.EmptyFieldListFilter)]
    search_fields = ["asset__symbol"]
    date_hierarchy = "ex_date"
    voiding = staticmethod(lambda fact, user: void_action(action=fact, actor=user))
    restoring = staticmethod(lambda fact, user: restore_action(action=fact, actor=user))
    called = staticmethod(action_words)
