"""What is not believed, missing or announced: looked at here, decided on the pages of the market."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin

from activity.admin import ReadOnly, SecurityOnSite
from assets.models import ActionProposal, Backfill, DoubtfulQuote, PriceGap, QuarantinedBar

if TYPE_CHECKING:  # generic in their stubs only
    FactAdmin = admin.ModelAdmin[Any]
else:
    FactAdmin = admin.ModelAdmin


@admin.register(QuarantinedBar)
class QuarantinedBarAdmin(SecurityOnSite, ReadOnly, FactAdmin):
    list_display = ["asset", "day", "provider", "reason", "text", "state", "first_seen", "last_seen", "decided_by"]
    list_filter = ["state", "reason", "provider"]
    list_select_related = ["asset", "decided_by"]
    search_fields = ["=asset__symbol"]
    date_hierarchy = "day"


@admin.register(DoubtfulQuote)
class DoubtfulQuoteAdmin(SecurityOnSite, ReadOnly, FactAdmin):
    list_display = ["asset", "provider", "price", "at", "previous", "state", "first_seen", "last_seen", "decided_by"]
    list_filter = ["state", "provider"]
    list_select_related = ["asset", "decided_by"]
    search_fields = ["=asset__symbol"]
    date_hierarchy = "at"


@admin.register(PriceGap)
class PriceGapAdmin(SecurityOnSite, ReadOnly, FactAdmin):
    list_display = ["asset", "start", "end", "sessions", "tries", "next_try_at", "message"]
    list_filter = ["asset__exchange"]
    list_select_related = ["asset"]
    search_fields = ["=asset__symbol"]
    date_hierarchy = "start"


@admin.register(Backfill)
class BackfillAdmin(SecurityOnSite, ReadOnly, FactAdmin):
    list_display = ["asset", "start", "end", "reached", "state", "stored", "refused", "attempts", "message"]
    list_filter = ["state"]
    list_select_related = ["asset"]
    search_fields = ["=asset__symbol"]
    date_hierarchy = "start"


@admin.register(ActionProposal)
class ActionProposalAdmin(SecurityOnSite, ReadOnly, FactAdmin):
    list_display = [
        "asset",
        "kind",
        "ex_date",
        "ratio",
        "per",
        "cash",
        "currency",
        "provider",
        "state",
        "withdrawal",
        "problem",
    ]
    list_filter = ["state", "withdrawal", "kind", "provider"]
    list_select_related = ["asset"]
    search_fields = ["=asset__symbol", "external_id"]
    date_hierarchy = "ex_date"
