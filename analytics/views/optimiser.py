"""The optimiser: what to ask for, the optimisations that were asked for, and each of them."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.http import require_safe

from analytics.forms.optimiser import ESTIMATORS, MARKETS, OBJECTIVES, OptimiserForm
from analytics.models import OptimisationRun
from analytics.optimiser import Terms, charts
from analytics.services.optimising import request_optimisation
from analytics.tasks import optimisation_wanted
from analytics.views.sections import section_page
from analytics.wording import chart_worded, worded
from assets.models import Asset
from core.errors import DomainError
from core.web import Right, login_needed
from portfolios.models import Portfolio
from portfolios.queries.totals import UNCLASSIFIED
from portfolios.views.base import require, welcome
from users.models import User

SHOWN_RUNS = 20
MOST_SECTORS = 50


class OptimiserPage(View):
    """``/analytics/optimiser/?portfolio=``"""

    http_method_names = ["get", "head", "post", "options"]

    @cached_property
    def page(self) -> dict[str, Any]:
        return section_page(self.request, "optimiser")

    def get(self, request: HttpRequest) -> HttpResponse:
        if self.page["portfolio"] is None:
            return welcome(request, "analytics")
        return self.shown(self.form(None))

    def post(self, request: HttpRequest) -> HttpResponse:
        portfolio: Portfolio | None = self.page["portfolio"]
        if portfolio is None:
            raise Http404
        require(portfolio, cast("User", request.user), Right.BOOK)
        form = self.form(request.POST)
        if request.POST.get("action") == "rows" or not form.is_valid():
            return self.shown(form)
        try:
            terms = _spelt(form.terms(as_of=self.page["past"]))
            run = request_optimisation(portfolio=portfolio, actor=cast("User", request.user), terms=terms)
        except DomainError as error:
            form.refuse(error)
            return self.shown(form)
        optimisation_wanted(run.pk)
        return redirect(f"{reverse('optimisation-run', args=[run.pk])}?portfolio={portfolio.pk}")

    def form(self, data: Any) -> OptimiserForm:
        rows = self.page["portfolio"].investments.exclude(quantity=0).order_by("asset__symbol")
        columns = ("asset__symbol", "asset__name", "asset__sector")
        held = {symbol: (name, sector or UNCLASSIFIED) for symbol, name, sector in rows.values_list(*columns)}
        # Further assets may be of any sector.
        known = Asset.objects.tradable().exclude(sector="").order_by("sector").values_list("sector", flat=True)
        sectors = {sector for _, sector in held.values()} | set(known.distinct()[:MOST_SECTORS])
        return OptimiserForm(data, held=held, sectors=sorted(sectors))

    def shown(self, form: OptimiserForm) -> HttpResponse:
        runs = OptimisationRun.objects.filter(portfolio=self.page["portfolio"]).select_related("job", "asked_by")
        listed = [(run, OBJECTIVES.get(run.objective, run.objective)) for run in runs.defer("result")[:SHOWN_RUNS]]
        return render(self.request, "analytics/optimiser.html", self.page | {"form": form, "runs": listed})


def _spelt(terms: Terms) -> Terms:
    """The terms with symbols as they are spelt: capitals where nothing is named as it was written; one query."""
    written = {*terms.extra, *(name for _, name in terms.named)}
    asked = Asset.objects.filter(symbol__in={*written, *map(str.upper, written)})
    known = set(asked.values_list("symbol", flat=True))

    def spelt(name: str) -> str:
        return name if name in known else name.upper()

    views = tuple(replace(view, asset=spelt(view.asset), against=spelt(view.against)) for view in terms.views)
    return replace(terms, extra=tuple(dict.fromkeys(map(spelt, terms.extra))), views=views)


@require_safe
@login_needed
def optimisation_run(request: HttpRequest, run: int) -> HttpResponse:
    """One optimisation; while it is under way it asks for itself again."""
    visible = OptimisationRun.objects.visible_to(cast("User", request.user))
    found = get_object_or_404(visible.select_related("portfolio__benchmark", "job", "asked_by"), pk=run)
    context = {"run": found, "portfolio": found.portfolio, "terms": _terms(found)} | _outcome(found)
    if getattr(request, "htmx", False):
        return render(request, "analytics/_optimisation.html", context)
    page = section_page(request, "optimiser")
    return render(request, "analytics/optimisation.html", page | context)


def _outcome(run: OptimisationRun) -> dict[str, Any]:
    """What is drawn of a run that is done."""
    result = run.result
    if not result:
        return {"result": None}
    walk = charts.walk(result)
    weights = [row | {"change": row["weight"] - (row["current"] or 0.0)} for row in result["assets"]]
    return {
        "result": result,
        "weights": weights,
        "plane": _plane(result),
        "frontier_rows": charts.frontier_rows(result),
        "walk": walk and chart_worded(walk),
    }


def _plane(result: dict[str, Any]) -> dict[str, Any]:
    """What static/plane.js draws, with the words that it writes."""
    words = {
        "line": _("Efficient frontier"),
        "volatility": _("Volatility"),
        "return": _("Return"),
        "across": _("Volatility a year"),
        "up": _("Expected return a year"),
    }
    drawn = charts.plane(result)
    named = [
        point | {"name": worded(point["name"])} if point["role"] != "asset" else point for point in drawn["points"]
    ]
    return drawn | {"points": named, "words": words}


def _terms(run: OptimisationRun) -> dict[str, Any]:
    """The terms in words."""
    terms = Terms.from_json(run.terms)
    return {
        "objective": OBJECTIVES.get(terms.objective, terms.objective),
        "estimator": ESTIMATORS.get(terms.estimator, terms.estimator),
        "market": MARKETS.get(terms.market, terms.market) if terms.objective == "black_litterman" else "",
        "asked": terms,
    }
