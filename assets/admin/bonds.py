"""The terms of bonds in the admin: kept through the service, so that readers of values are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from activity.admin import SecurityOnSite
from assets.bonds import BondTerms, DayCount
from assets.models import Bond
from assets.services.bonds import check_terms, remove_terms, set_terms
from core.errors import DomainError

if TYPE_CHECKING:
    from users.models import User

if TYPE_CHECKING:  # generic in their stubs only
    BondModelAdmin = admin.ModelAdmin[Bond]
    BondModelForm = forms.ModelForm[Bond]
else:
    BondModelAdmin = admin.ModelAdmin
    BondModelForm = forms.ModelForm
NAMES = ("issued", "matures", "coupon", "frequency", "day_count", "redemption")


class BondForm(BondModelForm):
    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        asset = values.get("asset") or (self.instance.asset if self.instance.pk else None)
        if asset is not None and values.keys() >= set(NAMES):
            try:
                check_terms(asset, terms_of(values))
            except DomainError as error:
                raise ValidationError({error.field if error.field in self.fields else None: error.message}) from error  # type: ignore[dict-item]  # None: the form's own
        return values


def terms_of(values: dict[str, Any]) -> BondTerms:
    """Raises BadTerms."""
    return BondTerms(**{name: values[name] for name in NAMES} | {"day_count": DayCount(values["day_count"])})


@admin.register(Bond)
class BondAdmin(SecurityOnSite, BondModelAdmin):
    form = BondForm
    list_display = ["asset", "coupon", "frequency", "day_count", "issued", "matures", "redemption"]
    list_filter = ["day_count", "frequency"]
    list_select_related = ["asset"]
    search_fields = ["asset__symbol", "asset__name", "asset__isin"]
    autocomplete_fields = ["asset"]
    date_hierarchy = "matures"
    ordering = ["asset__symbol"]

    def get_readonly_fields(self, request: HttpRequest, obj: Bond | None = None) -> list[str]:
        return ["asset"] if obj else []

    def save_model(self, request: HttpRequest, obj: Bond, form: Any, change: bool) -> None:
        set_terms(asset=obj.asset, terms=obj.terms, actor=cast("User", request.user))

    def delete_model(self, request: HttpRequest, obj: Bond) -> None:
        remove_terms(asset=obj.asset, actor=cast("User", request.user))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Bond]) -> None:
        for bond in queryset.select_related("asset").order_by("pk"):
            self.delete_model(request, bond)
