"""Providers in the admin: keys, which go in and never come out, symbols, and what each is said not to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from activity.admin import OnSite, ReadOnly, SecurityOnSite
from assets.models import ProviderKey, ProviderState, SymbolMapping, UnknownHere
from assets.providers.base import NAMES
from assets.services import breaker
from assets.services.keys import KEY, WITH_KEY, MalformedKey, enter_key, forget_key, origins

if TYPE_CHECKING:  # generic in their stubs only
    from users.models import User

    KeyModelForm = forms.ModelForm[ProviderKey]
    MappingModelForm = forms.ModelForm[SymbolMapping]
    ProviderModelAdmin = admin.ModelAdmin[Any]
else:
    KeyModelForm = MappingModelForm = forms.ModelForm
    ProviderModelAdmin = admin.ModelAdmin


class ProviderOnSite(OnSite):
    """Rows about a provider: the page that shows how each is doing."""

    def site_page(self, row: Any) -> str | None:
        return reverse("providers")


class KeyForm(KeyModelForm):
    """The key is written only; a saved one leaves no trace in the page."""

    provider = forms.ChoiceField(label=_("Provider"), choices=[(name, name) for name in WITH_KEY])
    key = forms.CharField(
        label=_("Key"),
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("It is stored sealed and not shown again. One in the environment goes before it."),
    )

    class Meta:
        model = ProviderKey
        fields: ClassVar = ["provider"]

    def clean_key(self) -> str:
        key: str = self.cleaned_data["key"]
        if not KEY.fullmatch(key):
            raise ValidationError(str(MalformedKey()))
        return key


@admin.register(ProviderKey)
class ProviderKeyAdmin(ProviderOnSite, ProviderModelAdmin):
    form = KeyForm
    list_display = ["provider", "in_use", "entered_at", "entered_by"]
    list_filter = ["entered_at"]
    search_fields = ["provider", "entered_by__username"]
    date_hierarchy = "entered_at"
    list_select_related = ["entered_by"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["provider"] if obj else []

    def save_model(self, request: HttpRequest, obj: ProviderKey, form: Any, change: bool) -> None:
        enter_key(actor=cast("User", request.user), provider=obj.provider, key=form.cleaned_data["key"])

    def delete_model(self, request: HttpRequest, obj: ProviderKey) -> None:
        forget_key(actor=cast("User", request.user), provider=obj.provider)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ProviderKey]) -> None:
        for stored in queryset:
            self.delete_model(request, stored)

    @admin.display(description=_("used"))
    def in_use(self, stored: ProviderKey) -> str:
        words = {
            "environment": gettext("no: the environment's is"),
            "unreadable": gettext("no: unreadable, enter it again"),
        }
        return words.get(origins().get(stored.provider, ""), gettext("yes"))


class MappingForm(MappingModelForm):
    provider = forms.ChoiceField(label=_("Provider"), choices=[(name, name) for name in NAMES])


@admin.register(SymbolMapping)
class SymbolMappingAdmin(SecurityOnSite, ProviderModelAdmin):
    form = MappingForm
    list_display = ["asset", "provider", "symbol"]
    list_filter = ["provider"]
    list_select_related = ["asset"]
    search_fields = ["asset__symbol", "symbol"]
    autocomplete_fields = ["asset"]


@admin.register(ProviderState)
class ProviderStateAdmin(ProviderOnSite, ReadOnly, ProviderModelAdmin):
    list_display = ["name", "failures", "open_until", "held_until", "last_success_at", "last_failure_at", "last_error"]
    list_filter = [("open_until", admin.EmptyFieldListFilter), "last_failure_at", "last_success_at"]
    search_fields = ["name", "last_error"]
    actions = ["close_breaker"]

    def has_close_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("assets.change_providerstate")

    @admin.action(description=_("Close the breaker"), permissions=["close"])
    def close_breaker(self, request: HttpRequest, queryset: QuerySet[ProviderState]) -> None:
        """Let everybody ask the chosen providers again."""
        for state in queryset:
            breaker.close(state.pk)
        names = ", ".join(state.pk for state in queryset)
        messages.success(request, gettext("May be asked again: %(names)s.") % {"names": names})


@admin.register(UnknownHere)
class UnknownHereAdmin(ProviderOnSite, ProviderModelAdmin):
    """Deleting a row lets the provider be asked again at once."""

    list_display = ["provider", "capability", "symbol", "until", "reason"]
    list_filter = ["provider", "capability"]
    search_fields = ["symbol", "reason"]
    date_hierarchy = "until"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
