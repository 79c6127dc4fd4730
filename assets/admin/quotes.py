"""What providers last said, and what people watch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from activity.admin import OnSite, ReadOnly, SecurityOnSite
from assets.models import CompanyProfile, Quote, Watchlist

if TYPE_CHECKING:  # generic in their stubs only
    FactAdmin = admin.ModelAdmin[Any]
else:
    FactAdmin = admin.ModelAdmin


class KeptAdmin(SecurityOnSite, ReadOnly, FactAdmin):
    """What providers last said; it is asked for again on its own."""

    list_filter = ["source"]
    list_select_related = ["asset"]
    search_fields = ["=asset__symbol"]
    date_hierarchy = "fetched_at"
    ordering = ["asset__symbol"]


@admin.register(Quote)
class QuoteAdmin(KeptAdmin):
    list_display = ["asset", "price", "percent_change", "at", "source", "fetched_at", "retry_at"]


@admin.register(CompanyProfile)
class CompanyProfileAdmin(KeptAdmin):
    list_display = ["asset", "name", "country", "industry", "market_cap", "source", "fetched_at", "retry_at"]


@admin.register(Watchlist)
class WatchlistAdmin(OnSite, ReadOnly, FactAdmin):
    list_display = ["name", "owner", "created_at"]
    list_filter = ["created_at"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username"]
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Watchlist]:
        own = ExpressionWrapper(Q(owner=request.user.pk), output_field=BooleanField())
        return super().get_queryset(request).annotate(own=own)

    def site_page(self, row: Any) -> str | None:
        """A watchlist is its owner's alone."""
        return reverse("watchlist", args=[row.pk]) if row.own else None
