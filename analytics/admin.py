"""What was computed, in the admin: to look at and to compute anew, never to edit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from kombu.exceptions import OperationalError

from activity.admin import OnSite, ReadOnly
from activity.models import Job
from activity.services import finish_job, start_job
from analytics import services, tasks
from analytics.models import (
    Factor,
    FactorSet,
    OptimisationRun,
    RebalanceProposal,
    ReportFile,
    RiskFlag,
    Snapshot,
    StressWindow,
    VarBacktest,
)
from analytics.services.recomputing import KIND as RECOMPUTE
from portfolios.admin import OfPortfolio
from portfolios.models import Portfolio
from users.admin import OverseenOnSite

if TYPE_CHECKING:
    from users.models import User

    ModelAdmin = admin.ModelAdmin[Any]  # generic in its stub only
    TabularInline = admin.TabularInline[Any, Any]
else:
    ModelAdmin, TabularInline = admin.ModelAdmin, admin.TabularInline


def queue(request: HttpRequest, portfolio_ids: Sequence[int]) -> None:
    """One job for all of them, sent to the workers in chunks once it is stored."""
    job = start_job(owner=cast("User", request.user), kind=RECOMPUTE, total=len(portfolio_ids))
    try:
        for chunk in services.chunks(portfolio_ids, tasks.CHUNK):
            tasks.recompute.delay_on_commit(chunk, str(job.pk))
    except OperationalError:
        finish_job(job.pk, error="The broker cannot be reached.")
        messages.error(request, gettext("The broker cannot be reached; nothing was queued."))
    else:
        messages.success(request, queued(len(portfolio_ids), job))


def queued(number: int, job: Job) -> str:
    """That ``number`` portfolios wait as ``job``, in the reader's language."""
    words = ngettext(
        "%(number)s portfolio is queued as job %(job)s.", "%(number)s portfolios are queued as job %(job)s.", number
    )
    return words % {"number": number, "job": job.pk}


@admin.action(description=_("Recompute value and risk"))
def recompute_portfolios(model_admin: Any, request: HttpRequest, portfolios: QuerySet[Portfolio]) -> None:
    queue(request, list(portfolios.order_by("pk").values_list("pk", flat=True)))


# The action is about analytics, which portfolios do not know of.
portfolio_admin = admin.site.get_model_admin(Portfolio)
portfolio_admin.actions = [*(portfolio_admin.actions or ()), recompute_portfolios]


class FactorInline(ReadOnly, TabularInline):
    model = Factor


@admin.register(FactorSet)
class FactorSetAdmin(OnSite, ReadOnly, ModelAdmin):
    """To look at; files are loaded on the page of factor sets."""

    list_display = ["key", "name", "frequency", "region", "currency", "source", "version", "updated_at"]
    list_filter = ["frequency", "currency"]
    search_fields = ["key", "name"]
    date_hierarchy = "updated_at"
    inlines = [FactorInline]

    def site_page(self, row: Any) -> str | None:
        return reverse("factor-sets")


@admin.register(Snapshot)
class SnapshotAdmin(OfPortfolio, ReadOnly, ModelAdmin):
    page = "analytics-risk"
    list_display = [
        *("portfolio", "as_of", "currency", "total_value", "annual_return", "annual_volatility", "sharpe_ratio"),
        *("max_drawdown", "value_at_risk", "observations", "computed_at"),
    ]
    list_filter = ["currency", "benchmark_symbol", ("sharpe_ratio", admin.EmptyFieldListFilter), "computed_at"]
    list_select_related = ["portfolio"]
    search_fields = ["portfolio__name", "portfolio__owner__username"]
    date_hierarchy = "as_of"
    actions = ["recompute"]

    @admin.action(description=_("Recompute the portfolios of the selected snapshots"), permissions=["view"])
    def recompute(self, request: HttpRequest, snapshots: QuerySet[Snapshot]) -> None:
        queue(request, sorted(set(snapshots.order_by().values_list("portfolio_id", flat=True))))


@admin.register(StressWindow)
class StressWindowAdmin(OnSite, ModelAdmin):
    list_display = ["name", "start", "end", "description"]
    date_hierarchy = "start"

    def site_page(self, row: Any) -> str | None:
        return reverse("analytics-stress")

    search_fields = ["key", "name"]


@admin.register(RebalanceProposal)
class RebalanceProposalAdmin(OfPortfolio, ReadOnly, ModelAdmin):
    """Proposals of trades; they are booked and discarded by those whose portfolio it is."""

    list_display = [
        *("created_at", "portfolio", "state", "currency", "turnover", "gain_short", "gain_long", "tax"),
        *("cash_after", "created_by", "decided_at"),
    ]
    list_filter = ["state", "currency"]
    list_select_related = ["portfolio", "created_by"]
    search_fields = ["portfolio__name"]
    date_hierarchy = "created_at"

    def own_page(self, row: Any) -> str:
        return reverse("rebalancing-proposal", args=[row.pk])


@admin.register(VarBacktest)
class VarBacktestAdmin(OfPortfolio, ReadOnly, ModelAdmin):
    page = "analytics-var"
    list_display = [
        *("portfolio", "as_of", "basis", "method", "level", "days", "exceptions", "expected", "zone"),
        *("kupiec_p_value", "independence_p_value", "joint_p_value", "problem", "computed_at"),
    ]
    list_filter = ["basis", "method", "level", "days", "zone", ("exceptions", admin.EmptyFieldListFilter)]
    list_select_related = ["portfolio"]
    search_fields = ["portfolio__name", "portfolio__owner__username"]
    date_hierarchy = "as_of"


@admin.register(OptimisationRun)
class OptimisationRunAdmin(OfPortfolio, ReadOnly, ModelAdmin):
    list_display = ["portfolio", "objective", "state", "message", "asked_by", "fence", "created_at", "finished_at"]
    list_filter = ["state", "objective", "created_at"]
    list_select_related = ["portfolio", "asked_by"]
    search_fields = ["portfolio__name", "asked_by__username"]
    date_hierarchy = "created_at"

    def own_page(self, row: Any) -> str:
        return reverse("optimisation-run", args=[row.pk])


@admin.register(RiskFlag)
class RiskFlagAdmin(OverseenOnSite, ReadOnly, ModelAdmin):
    """Causes for concern; they are acknowledged and closed on the page of flags, where a note goes with it."""

    list_display = [
        *("first_seen", "kind", "portfolio", "account", "about", "measure", "limit", "state"),
        *("last_seen", "ended_at", "decided_by"),
    ]
    list_filter = ["state", "kind", ("ended_at", admin.EmptyFieldListFilter), "first_seen"]
    list_select_related = ["portfolio", "account", "decided_by"]
    search_fields = ["about", "portfolio__name", "account__name", "note"]
    date_hierarchy = "first_seen"

    def overseers_page(self, row: Any) -> str:
        return reverse("bank-flags")


@admin.register(ReportFile)
class ReportFileAdmin(OnSite, ReadOnly, ModelAdmin):
    """Long reports that were asked for; each is for who asked alone, so the file itself is not here."""

    list_display = ["created_at", "owner", "portfolio", "kind", "start", "end", "state", "message"]
    list_filter = ["state", "kind", "created_at"]
    list_select_related = ["owner", "portfolio"]
    search_fields = ["owner__username", "portfolio__name", "message"]
    date_hierarchy = "created_at"
    exclude = ["content"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReportFile]:
        rows = super().get_queryset(request).defer("content")
        return rows.annotate(own=ExpressionWrapper(Q(owner=request.user.pk), output_field=BooleanField()))

    def site_page(self, row: Any) -> str | None:
        return reverse("report-file", args=[row.pk]) if row.own else None
