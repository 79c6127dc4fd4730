"""A portfolio's settings, beside what was measured of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics.models import Snapshot
from analytics.queries import stale
from analytics.queries.goals import GoalShown, goals_of
from analytics.views.tolerance import Tolerance, tolerance_of
from core.errors import DomainError
from portfolios.forms.settings import PortfolioSettingsForm
from portfolios.models import Portfolio
from portfolios.queries import holdings, totals
from portfolios.services.portfolios import change_portfolio
from portfolios.views.base import ManagedPage, welcome
from users.forms.settings import focus_first_mistake
from users.models import User


class PortfolioSettingsPage(ManagedPage):
    """``/settings/portfolio/?portfolio=``, of those that the person may set up."""

    http_method_names = ["get", "head", "post", "options"]

    def form(self, data: Any = None) -> PortfolioSettingsForm:
        stands = self.portfolio.trades.exists()
        user = cast("User", self.request.user)
        return PortfolioSettingsForm(data, portfolio=self.portfolio, user=user, currency_stands=stands)

    def get(self, request: HttpRequest) -> HttpResponse:
        return welcome(request, "settings") if self.page["portfolio"] is None else self.shown(self.form())

    def post(self, request: HttpRequest) -> HttpResponse:
        portfolio, form = self.portfolio, self.form(request.POST)
        if not form.is_valid():
            return self.shown(form)
        try:
            change_portfolio(portfolio=portfolio, actor=cast("User", request.user), **form.terms())
        except DomainError as error:
            form.refuse(error)
            return self.shown(form)
        messages.success(request, _("The settings of the portfolio are stored."))
        return redirect(f"{reverse('portfolio-settings')}?portfolio={portfolio.pk}")

    def goals(self, snapshot: Snapshot | None) -> list[GoalShown]:
        """Nothing is valued for a portfolio without goals."""
        if not self.portfolio.goals.exists():
            return []
        measured = snapshot.annual_return if snapshot else None
        return goals_of(self.portfolio, self.value(snapshot), measured, timezone.now().date())

    def value(self, snapshot: Snapshot | None) -> Decimal | None:
        """What the portfolio is worth now: what is stored, in one query, while that is up to date."""
        if snapshot is not None and not stale(Portfolio.objects.filter(pk=self.portfolio.pk)).exists():
            return snapshot.total_value
        found = totals(self.portfolio, holdings([self.portfolio])[self.portfolio.pk])
        return found.total_value if found.complete else None

    def tolerance(self, snapshot: Snapshot | None) -> Tolerance:
        if snapshot is None:
            return tolerance_of(self.portfolio, None, window=(None, None, 0), as_of=None)
        window = (snapshot.window_start, snapshot.window_end, snapshot.observations)
        return tolerance_of(self.portfolio, snapshot.annual_volatility, window=window, as_of=snapshot.as_of)

    def shown(self, form: PortfolioSettingsForm) -> HttpResponse:
        if form.is_bound:
            focus_first_mistake(form)
        snapshot = Snapshot.objects.filter(portfolio=self.portfolio).order_by("-as_of").first()
        context = self.page | {
            "section": "settings",
            "tab": "portfolio",
            "form": form,
            "targets": self.portfolio.target_sets.exists(),
            "goals": self.goals(snapshot),
            "tolerance": self.tolerance(snapshot),
            "past": None,
        }
        return render(self.request, "analytics/portfolio_settings.html", context)
