"""A portfolio's goals: added, changed and deleted by who may set it up."""

from __future__ import annotations

from functools import cached_property
from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import View

from core.errors import DomainError
from core.web import Right, obtain
from portfolios.forms.goal import GoalForm
from portfolios.models import Goal, Portfolio
from portfolios.services.goals import change_goal, delete_goal, enter_goal
from portfolios.views.base import ManagedPage, rights_of, visible, welcome
from users.forms.settings import focus_first_mistake
from users.models import User


def settings_of(portfolio: Portfolio) -> str:
    """Where a portfolio's goals are listed."""
    return f"{reverse('portfolio-settings')}?portfolio={portfolio.pk}#goals"


class NewGoalPage(ManagedPage):
    """``/settings/goals/?portfolio=``, of those that the person may set up."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest) -> HttpResponse:
        if self.page["portfolio"] is None:
            return welcome(request, "settings")
        return self.shown(GoalForm(portfolio=self.portfolio))

    def post(self, request: HttpRequest) -> HttpResponse:
        portfolio, form = self.portfolio, GoalForm(request.POST, portfolio=self.portfolio)
        if not form.is_valid():
            return self.shown(form)
        user = cast("User", request.user)
        try:
            enter_goal(portfolio=portfolio, terms=form.goal_terms(), actor=user, key=form.once_key)
        except DomainError as error:
            form.refuse(error)
            return self.shown(form)
        messages.success(request, _("The goal is stored."))
        return redirect(settings_of(portfolio))

    def shown(self, form: GoalForm) -> HttpResponse:
        return _page(self.request, self.page, form, None)


class GoalView(View):
    """What the pages of one goal share: 404 for a stranger's, 403 for who may look but not set up."""

    kwargs: dict[str, Any]

    @cached_property
    def goal(self) -> Goal:
        rows = Goal.objects.select_related("portfolio")
        return obtain(rows, cast("User", self.request.user), Right.MANAGE, pk=self.kwargs["pk"])


class GoalPage(GoalView):
    """``/settings/goals/<id>/``"""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.shown(GoalForm(portfolio=self.goal.portfolio, goal=self.goal))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        goal = self.goal
        form = GoalForm(request.POST, portfolio=goal.portfolio, goal=goal)
        if not form.is_valid():
            return self.shown(form)
        try:
            change_goal(goal=goal, actor=cast("User", request.user), **form.terms())
        except DomainError as error:
            form.refuse(error)
            return self.shown(form)
        messages.success(request, _("The goal is stored."))
        return redirect(settings_of(goal.portfolio))

    def shown(self, form: GoalForm) -> HttpResponse:
        choices = list(visible(self.request))
        portfolio = next(row for row in choices if row.pk == self.goal.portfolio_id)
        user = cast("User", self.request.user)
        page = {"portfolios": choices, "portfolio": portfolio, **rights_of(portfolio.role_for(user))}
        return _page(self.request, page, form, self.goal)


class GoalDelete(GoalView):
    """``/settings/goals/<id>/delete/``"""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        portfolio = self.goal.portfolio
        try:
            delete_goal(goal=self.goal, actor=cast("User", request.user))
            messages.success(request, _("The goal is deleted."))
        except DomainError as error:
            messages.error(request, error.message)
        return redirect(settings_of(portfolio))


def _page(request: HttpRequest, page: dict[str, Any], form: GoalForm, goal: Goal | None) -> HttpResponse:
    if form.is_bound:
        focus_first_mistake(form)
    shown = {"section": "settings", "tab": "portfolio", "form": form, "goal": goal, "picker_path": reverse("goal-new")}
    return render(request, "portfolios/goal.html", page | shown)
