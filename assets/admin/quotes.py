"""What providers last said, and what people watch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin

from activity.admin import ReadOnly
from assets.models import CompanyProfile, Quote, Watchlist

if TYPE_CHECKING:  # generic in their stubs only
    FactAdmin = admin.ModelAdmin[Any]
else:
    FactAdmin = admin.ModelAdmin


class KeptAdmin(ReadOnly, FactAdmin):
    """What providers last said; it is asked for again on its own."""

    list_filter = ["source"]
    list_select_related = ["asset"]
    search_fields = ["=asset__symbol"]
    ordering = ["asset__symbol"]


@admin.register(Quote)
class QuoteAdmin(KeptAdmin):
    list_display = ["asset", "price", "percent_change", "at", "source", "fetched_at", "retry_at"]


@admin.register(CompanyProfile)
class CompanyProfileAdmin(KeptAdmin):
    list_display = ["asset", "name", "country", "industry", "market_cap", "source", "fetched_at", "retry_at"]


@admin.register(Watchlist)
class WatchlistAdmin(ReadOnly, FactAdmin):
    list_display = ["name", "owner", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username"]
