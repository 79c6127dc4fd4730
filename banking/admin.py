"""Accounts and cash: booked and voided through the services, never edited."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from activity.admin import RESTORED, VOIDED, OnSite, ReadOnly, act_on_each
from banking.models import (
    Account,
    BalanceAssertion,
    CashTransaction,
    Category,
    Counterparty,
    ImportBatch,
    Possession,
    Schedule,
    Section,
    Tag,
    TermDeposit,
    Transfer,
    Valuation,
)
from banking.models.classification import everybodys
from banking.models.transaction import counted_now
from banking.services.categories import check_place
from banking.services.transactions import book_cash, check_cash, restore_cash, void_cash
from banking.services.transfers import restore_transfer, void_transfer
from banking.wording import row_words, transfer_words
from core.errors import DomainError
from users.admin import OwnedOnSite

if TYPE_CHECKING:  # generic in their stubs only
    AccountModelAdmin = admin.ModelAdmin[Account]
    CashModelAdmin = admin.ModelAdmin[CashTransaction]
    TransferModelAdmin = admin.ModelAdmin[Transfer]
    DepositModelAdmin = admin.ModelAdmin[TermDeposit]
    ScheduleModelAdmin = admin.ModelAdmin[Schedule]
    CategoryModelAdmin = admin.ModelAdmin[Category]
    AssertionModelAdmin = admin.ModelAdmin[BalanceAssertion]
    CounterpartyModelAdmin = admin.ModelAdmin[Counterparty]
    ImportModelAdmin = admin.ModelAdmin[ImportBatch]
    TagModelAdmin = admin.ModelAdmin[Tag]
    CategoryModelForm = forms.ModelForm[Category]
    PossessionModelAdmin = admin.ModelAdmin[Possession]
    ValuationTabularInline = admin.TabularInline[Valuation, Possession]
    AccountModelForm = forms.ModelForm[Account]
    CashModelForm = forms.ModelForm[CashTransaction]
else:
    AccountModelAdmin = CashModelAdmin = TransferModelAdmin = DepositModelAdmin = admin.ModelAdmin
    ScheduleModelAdmin = PossessionModelAdmin = ImportModelAdmin = admin.ModelAdmin
    ValuationTabularInline = admin.TabularInline
    AccountModelForm = CashModelForm = forms.ModelForm
    CategoryModelAdmin = AssertionModelAdmin = CounterpartyModelAdmin = TagModelAdmin = admin.ModelAdmin
    AccountModelForm = CashModelForm = CategoryModelForm = forms.ModelForm


class AccountForm(AccountModelForm):
    def clean_iban(self) -> str:
        """Django checks no constraint that a read-only field, here the owner, is part of."""
        iban: str = self.cleaned_data["iban"]
        same = Account.objects.belonging_with(self.instance).filter(iban=iban).exclude(pk=self.instance.pk)
        if iban and self.instance.pk and same.exists():
            raise ValidationError(gettext("The owner has an account with this IBAN or alias already."))
        return iban


class OfAccount(OwnedOnSite):
    """Rows of an account: its page."""

    through = "account"

    def own_page(self, row: Any) -> str:
        return reverse("banking-account", args=[row.account_id])


@admin.register(Account)
class AccountAdmin(OwnedOnSite, AccountModelAdmin):
    form = AccountForm
    list_display = ["name", "kind", "currency", "balance", "owner", "organisation"]
    list_filter = ["kind", "currency", ("closed_on", admin.EmptyFieldListFilter)]
    date_hierarchy = "created_at"
    list_select_related = ["owner", "organisation"]
    search_fields = ["name", "iban", "owner__username", "organisation__name"]
    autocomplete_fields = ["owner", "organisation", "employer"]
    readonly_fields = ["version", "created_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        standing = Q(transactions__voided_at__isnull=True) & counted_now("transactions__")
        return super().get_queryset(request).annotate(total=Sum("transactions__amount", filter=standing))

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> list[str]:
        """Amounts and portfolios depend on the currency and the owner, so both stay."""
        return [*self.readonly_fields, "owner", "organisation", "currency"] if obj else list(self.readonly_fields)

    def own_page(self, row: Any) -> str:
        return reverse("banking-account", args=[row.pk])

    @admin.display(description=_("Balance"), ordering="total")
    def balance(self, account: Any) -> str:
        return number_format(Decimal(account.total or 0).quantize(Decimal("0.01")), 2, force_grouping=True)


class CategoryAdminForm(CategoryModelForm):
    """A category of everybody's stands where the tree stays one."""

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        section, parent = values.get("section", self.instance.section), values.get("parent")
        if section and not self.errors:
            try:
                check_place(Category(pk=self.instance.pk, section=section), parent)
            except DomainError as error:
                raise ValidationError({error.field: error.message}) from error
        return values


class CashForm(CashModelForm):
    class Meta:
        model = CashTransaction
        fields = ["account", "booked_on", "amount", "section", "description", "asset", "external_id"]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if {"account", "amount", "section"} <= values.keys():
            wanted = {name: values[name] for name in ("account", "amount", "section", "external_id")}
            try:
                check_cash(**wanted)
                CashTransaction._meta.get_field("amount").get_db_prep_save(wanted["amount"], connection)  # noqa: SLF001  Django's documented name
            except DomainError as error:
                raise ValidationError({error.field: error.message}) from error
        return values


@admin.register(CashTransaction)
class CashTransactionAdmin(OfAccount, CashModelAdmin):
    form = CashForm
    list_display = ["booked_on", "account", "amount", "section", "description", "origin", "voided_at"]
    list_filter = ["section", "origin", ("voided_at", admin.EmptyFieldListFilter), "account__currency"]
    list_select_related = ["account"]
    date_hierarchy = "booked_on"
    search_fields = ["description", "external_id", "account__name"]
    autocomplete_fields = ["account", "asset"]
    actions = ["void", "restore"]

    def own_page(self, row: Any) -> str:
        return reverse("banking-transaction", args=[row.pk])

    def has_change_permission(self, request: HttpRequest, obj: CashTransaction | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: CashTransaction | None = None) -> bool:
        return False

    def has_void_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("banking.change_cashtransaction")

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """What only the booking itself finds, such as an id that another request took meanwhile, is shown."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except DomainError as error:
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: CashTransaction, form: Any, change: bool) -> None:
        booked = book_cash(
            account=obj.account,
            amount=obj.amount,
            booked_on=obj.booked_on,
            section=Section(obj.section),
            description=obj.description,
            asset=obj.asset,
            external_id=obj.external_id,
            actor=request.user,  # type: ignore[arg-type]
        )
        obj.pk = booked.pk

    @admin.action(description=_("Void the selected rows"), permissions=["void"])
    def void(self, request: HttpRequest, queryset: QuerySet[CashTransaction]) -> None:
        self._each(request, queryset, void_cash, VOIDED)

    @admin.action(description=_("Restore the selected rows"), permissions=["void"])
    def restore(self, request: HttpRequest, queryset: QuerySet[CashTransaction]) -> None:
        self._each(request, queryset, restore_cash, RESTORED)

    def _each(self, request: HttpRequest, rows: QuerySet[Any], act: Callable[..., Any], done: Promise) -> None:
        in_order = rows.order_by("pk")
        act_on_each(self, request, in_order, lambda row: act(row=row, actor=request.user), done, called=row_words)


@admin.register(Transfer)
class TransferAdmin(OwnedOnSite, ReadOnly, TransferModelAdmin):
    through = "sent__account"
    list_filter = ["created_at", ("sent__voided_at", admin.EmptyFieldListFilter)]
    date_hierarchy = "created_at"
    list_display = ["created_at", "sent", "sent_from", "received", "received_by", "rate", "voided_at"]
    list_select_related = ["sent__account", "received__account"]
    search_fields = ["sent__description", "sent__account__name", "received__account__name"]
    actions = ["void", "restore"]

    @admin.display(description=_("From"), ordering="sent__account__name")
    def sent_from(self, transfer: Transfer) -> str:
        return str(transfer.sent.account)

    @admin.display(description=pgettext_lazy("account", "To"), ordering="received__account__name")
    def received_by(self, transfer: Transfer) -> str:
        return str(transfer.received.account)

    @admin.display(description=_("Voided at"), ordering="sent__voided_at")
    def voided_at(self, transfer: Transfer) -> datetime | None:
        return transfer.sent.voided_at

    def own_page(self, row: Any) -> str:
        return reverse("banking-transfer", args=[row.pk])

    def has_void_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("banking.change_transfer")

    @admin.action(description=_("Void the selected transfers"), permissions=["void"])
    def void(self, request: HttpRequest, queryset: QuerySet[Transfer]) -> None:
        self._each(request, queryset, void_transfer, VOIDED)

    @admin.action(description=_("Restore the selected transfers"), permissions=["void"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Transfer]) -> None:
        self._each(request, queryset, restore_transfer, RESTORED)

    def _each(self, request: HttpRequest, facts: QuerySet[Any], act: Callable[..., Any], done: Promise) -> None:
        in_order = facts.order_by("pk")
        act_on_each(
            self, request, in_order, lambda fact: act(transfer=fact, actor=request.user), done, called=transfer_words
        )


@admin.register(Category)
class CategoryAdmin(OwnedOnSite, CategoryModelAdmin):
    """Everybody's tree, which staff look after; those of people and organisations are theirs to change."""

    list_display = ["name", "section", "parent", "owner", "organisation"]
    list_filter = ["section", ("owner", admin.EmptyFieldListFilter), ("organisation", admin.EmptyFieldListFilter)]
    list_select_related = ["parent", "owner", "organisation"]
    search_fields = ["name"]
    fields = ["section", "name", "parent"]

    def own_page(self, row: Any) -> str:
        return reverse("banking-category", args=[row.pk])

    def get_readonly_fields(self, request: HttpRequest, obj: Category | None = None) -> list[str]:
        return ["section"] if obj else []

    def has_change_permission(self, request: HttpRequest, obj: Category | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.is_everybodys)

    def has_delete_permission(self, request: HttpRequest, obj: Category | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.is_everybodys)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "parent":
            options["queryset"] = Category.objects.filter(everybodys())
        return super().formfield_for_foreignkey(db_field, request, **options)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        return super().get_form(request, obj, change, **{"form": CategoryAdminForm} | options)


@admin.register(BalanceAssertion)
class BalanceAssertionAdmin(OfAccount, ReadOnly, AssertionModelAdmin):
    list_display = ["account", "day", "balance", "created_by", "voided_at"]
    list_filter = [("voided_at", admin.EmptyFieldListFilter), "account__currency"]
    list_select_related = ["account", "created_by"]
    date_hierarchy = "day"
    search_fields = ["account__name"]


@admin.register(Counterparty)
class CounterpartyAdmin(OwnedOnSite, ReadOnly, CounterpartyModelAdmin):
    list_display = ["name", "iban", "owner", "organisation"]
    list_filter = [("organisation", admin.EmptyFieldListFilter), "created_at"]
    list_select_related = ["owner", "organisation"]
    search_fields = ["name", "iban", "owner__username", "organisation__name"]
    date_hierarchy = "created_at"

    def own_page(self, row: Any) -> str:
        return reverse("banking-counterparty", args=[row.pk])


@admin.register(Tag)
class TagAdmin(OwnedOnSite, ReadOnly, TagModelAdmin):
    list_display = ["name", "owner", "organisation"]
    list_filter = [("organisation", admin.EmptyFieldListFilter)]
    list_select_related = ["owner", "organisation"]
    search_fields = ["name", "owner__username", "organisation__name"]

    def own_page(self, row: Any) -> str:
        return reverse("banking-tag", args=[row.pk])


@admin.register(TermDeposit)
class TermDepositAdmin(OfAccount, ReadOnly, DepositModelAdmin):
    date_hierarchy = "matures_on"
    list_select_related = ["account", "returns_to", "opening__sent", "payout"]
    list_display = ["account", "principal", "rate", "started_on", "matures_on", "state"]
    list_filter = ["day_count", "account__currency"]
    search_fields = ["account__name", "account__owner__username"]

    @admin.display(description=_("State"))
    def state(self, deposit: TermDeposit) -> str:
        return str(deposit.state.label)


@admin.register(Schedule)
class ScheduleAdmin(OwnedOnSite, ReadOnly, ScheduleModelAdmin):
    through = "source"
    date_hierarchy = "next_on"
    list_display = ["source", "payee", "amount", "unit", "interval", "next_on", "state", "retry_at"]
    list_filter = ["state", "unit"]
    list_select_related = ["source", "target"]
    search_fields = ["source__name", "target__name", "target_name", "description"]

    @admin.display(description=_("Payee"))
    def payee(self, schedule: Schedule) -> str:
        return schedule.payee

    def own_page(self, row: Any) -> str:
        return reverse("banking-schedule", args=[row.pk])


class ValuationInline(ValuationTabularInline):
    """Values are stated and taken back on the pages; here they are looked at."""

    model = Valuation
    extra = 0
    can_delete = False
    readonly_fields = ["day", "value", "note", "created_by", "voided_at"]

    def has_add_permission(self, request: HttpRequest, obj: Possession | None = None) -> bool:
        return False


@admin.register(Possession)
class PossessionAdmin(OwnedOnSite, ReadOnly, PossessionModelAdmin):
    list_display = ["name", "kind", "currency", "owner", "organisation", "disposed_on"]
    list_filter = ["kind", "currency", ("disposed_on", admin.EmptyFieldListFilter)]
    date_hierarchy = "created_at"
    list_select_related = ["owner", "organisation"]
    search_fields = ["name", "owner__username", "organisation__name"]
    inlines = [ValuationInline]

    def own_page(self, row: Any) -> str:
        return reverse("banking-possession", args=[row.pk])


@admin.register(ImportBatch)
class ImportBatchAdmin(OnSite, ReadOnly, ImportModelAdmin):
    """Files on their way into the books; whoever uploaded one books and undoes it on its page."""

    list_display = ["created_at", "file_name", "owner", "kind", "state", "rows", "new", "known", "wrong", "message"]
    list_filter = ["state", "kind", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["file_name", "owner__username", "message", "sha256"]
    date_hierarchy = "created_at"
    exclude = ["head", "mapping"]  # rows of somebody's file

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportBatch]:
        own = ExpressionWrapper(Q(owner=request.user.pk), output_field=BooleanField())
        return super().get_queryset(request).annotate(own=own)

    def site_page(self, row: Any) -> str | None:
        return reverse("import-page", args=[row.pk]) if row.own else None
