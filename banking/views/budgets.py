"""The page of budgets: a month of all of them, and one that is made or changed."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.http import require_safe

from banking.budgeting import after, first_day, month_named
from banking.forms.budgets import BudgetForm
from banking.matching.words import folded
from banking.models import Budget, Category, Rule, Section
from banking.models.classification import tell_apart
from banking.queries.budgets import budget_months, proposals, totals
from banking.services.budgets import change_budget, create_budget, delete_budget
from banking.services.classification import category_named
from banking.views.base import caller, private
from banking.views.sections import section_page
from core.errors import DomainError
from core.web import Right, login_needed, obtain
from users.day import day_shown
from users.models import owned_by

EARLIEST, LATEST = date(1970, 2, 1), date(2199, 11, 1)


@require_safe
@login_needed
def budget_list(request: HttpRequest) -> HttpResponse:
    """``?month=YYYY-MM``, else that of the day shown; ``?category=&amount=`` fill the form with a proposal."""
    asked = {name: request.GET.get(name, "")[:60] for name in ("category", "amount")}
    initial = {name: value for name, value in asked.items() if value}
    return _page(request, BudgetForm(reader=caller(request), initial={"first_month": _this_month()} | initial))


def _page(request: HttpRequest, form: BudgetForm, *, status: int = 200) -> HttpResponse:
    reader, today = caller(request), day_shown(request) or timezone.now().date()
    this_month = first_day(today)
    month = min(max(month_named(request.GET.get("month", "")) or this_month, EARLIEST), LATEST)
    budgets = Budget.objects.select_related("category", "owner", "organisation").visible_to(reader).in_month(month)
    categories = Category.objects.visible_to(reader).filter(section=Section.EXPENSE).by_label()
    months, proposed = budget_months(budgets, month, today), proposals(reader, today)
    tell_apart([each.budget.category for each in months] + [each.category for each in proposed], categories)
    found = sorted(months, key=lambda each: folded(each.budget.category.label))
    context = section_page("budgets") | {
        "form": form,
        "open": form.is_bound or "category" in form.initial,
        "month": month,
        "previous": after(month, -1),
        "next": after(month),
        "this_month": month == this_month,
        "found": found,
        "totals": totals(found),
        "several": len({each.budget.holder for each in found}) > 1,
        "mine": set(Budget.objects.editable_by(reader).values_list("pk", flat=True)),
        "categories": categories,
        "proposed": proposed,
    }
    return render(request, "banking/budgets.html", context, status=status)


@private
class NewBudgetView(View):
    """Add a budget."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        form = BudgetForm(request.POST, reader=caller(request))
        if form.is_valid() and _tried(form, lambda: self._create(request, form)):
            messages.success(request, _("The budget counts."))
            return redirect("banking-budgets")
        return _page(request, form, status=400)

    def _create(self, request: HttpRequest, form: BudgetForm) -> Budget:
        holder, terms = form.cleaned_data["holder"], form.terms()
        books = Rule(**owned_by(holder))
        terms["category"] = category_named(terms["category"], Section.EXPENSE, books=books)
        return create_budget(holder=holder, actor=caller(request), **terms)


@private
class BudgetView(View):
    """One budget: shown, changed."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        budget = _budget(request, pk)
        return self._page(request, budget, BudgetForm(reader=caller(request), budget=budget))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        budget = _budget(request, pk)
        form = BudgetForm(request.POST, reader=caller(request), budget=budget)
        if form.is_valid():
            change = {"budget": budget, "actor": caller(request)} | form.terms()
            if _tried(form, lambda: change_budget(**change)):
                messages.success(request, _("The budget was changed, for all of its months."))
                return redirect("banking-budgets")
        return self._page(request, budget, form, status=400)

    def _page(self, request: HttpRequest, budget: Budget, form: BudgetForm, *, status: int = 200) -> HttpResponse:
        context = section_page("budgets") | {"form": form, "budget": budget}
        return render(request, "banking/budget.html", context, status=status)


@private
class DeleteBudgetView(View):
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        try:
            delete_budget(budget=_budget(request, pk), actor=caller(request))
        except DomainError as error:
            messages.error(request, error.message)
        return redirect("banking-budgets")


def _budget(request: HttpRequest, pk: int) -> Budget:
    budgets = Budget.objects.select_related("category", "owner", "organisation")
    found: Budget = obtain(budgets, caller(request), Right.BOOK, pk=pk)
    return found


def _tried(form: BudgetForm, change: Any) -> Any:
    try:
        with transaction.atomic():
            return change()
    except DomainError as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
    return None


def _this_month() -> date:
    return first_day(timezone.now().date())
