"""The page of rules: in their order, written, tried on the past, moved and applied to it."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.http import require_safe

from banking.forms.rules import RuleForm
from banking.models import Category, Rule
from banking.models.classification import tell_apart
from banking.queries.uncategorised import frequent_descriptions
from banking.services.reclassifying import apply, preview
from banking.services.rule_changes import change_rule, create_rule, delete_rule, drafted, move_rule
from banking.services.rule_names import with_names
from banking.views.base import caller, editable, private
from banking.views.sections import section_page
from banking.views.transactions import offers, say_classified
from core.api import ISO_DATE
from core.errors import DomainError
from core.web import Right, login_needed, obtain

PAST = timedelta(days=365)


@require_safe
@login_needed
def rule_list(request: HttpRequest) -> HttpResponse:
    """Every owner's rules in their order. ``?words=&section=`` fill the form with a suggestion."""
    asked = {name: request.GET.get(name, "")[:500] for name in ("words", "section")}
    form = _form(request, initial={name: value for name, value in asked.items() if value})
    return _page(request, form)


def _page(request: HttpRequest, form: RuleForm, *, status: int = 200) -> HttpResponse:
    reader = caller(request)
    rules = list(Rule.objects.whole().visible_to(reader))
    mine = set(Rule.objects.editable_by(reader).values_list("pk", flat=True))
    own = [account for account in editable(request) if account.owner_id == reader.pk]
    context = section_page("rules") | offers(request)
    tell_apart([rule.category for rule in rules], context["categories"])
    context |= {
        "groups": [(holder, list(each)) for holder, each in groupby(rules, key=lambda rule: rule.holder)],
        "mine": mine,
        "form": form,
        "open": bool(form.is_bound or form.initial.get("words")),
        "since": _a_year_ago(),
        "several": len({rule.holder for rule in rules}) > 1,
        "suggested": [] if rules else frequent_descriptions([each.pk for each in own], _a_year_ago()),
    }
    return render(request, "banking/rules.html", context, status=status)


@private
class NewRuleView(View):
    """Add a rule."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        form = _form(request)
        if form.is_valid():
            try:
                with transaction.atomic():
                    holder = form.cleaned_data["holder"]
                    values = with_names(form.terms(), holder=holder, make=True)
                    create_rule(holder=holder, actor=caller(request), **values)
            except DomainError as error:
                _refuse(form, error)
            else:
                messages.success(
                    request, _("The rule counts for new rows. Apply the rules to have it for earlier ones.")
                )
                return redirect("banking-rules")
        return _page(request, form, status=400)


@private
class RuleView(View):
    """One rule: shown, changed."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        rule = _rule(request, pk)
        return self._page(request, rule, _form(request, rule))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        rule = _rule(request, pk)
        form = _form(request, rule)
        if form.is_valid():
            try:
                with transaction.atomic():
                    values = with_names(form.terms(), holder=rule.holder, make=True, kept=rule)
                    change_rule(rule=rule, actor=caller(request), **values)
            except DomainError as error:
                _refuse(form, error)
            else:
                messages.success(request, _("The rule was changed. Rows that it classified stay as they are."))
                return redirect("banking-rules")
        return self._page(request, rule, form, status=400)

    def _page(self, request: HttpRequest, rule: Rule, form: RuleForm, *, status: int = 200) -> HttpResponse:
        context = section_page("rules") | offers(request) | {"form": form, "rule": rule}
        return render(request, "banking/rule.html", context, status=status)


@private
class TryRuleView(View):
    """What the form that is being filled in would change over the past: a part of the page. Nothing is stored."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        rule = _rule(request, pk) if pk else None
        form, found, refusal = _form(request, rule), None, ""
        if form.is_valid():
            holder = rule.holder if rule else form.cleaned_data["holder"]
            since = form.cleaned_data.get("since") or _a_year_ago()
            try:
                values = with_names(form.terms(), holder=holder, make=False, kept=rule)
                draft = drafted(holder=holder, rule=rule, values=values)
                found = preview(draft=draft, holder=holder, since=since)
            except DomainError as error:
                refusal = error.message
        else:
            refusal = str(next(iter(form.errors.values()))[0])
        context = {"found": found, "refusal": refusal, "since": form.cleaned_data.get("since") or _a_year_ago()}
        return render(request, "banking/_rule_preview.html", context)


@private
class MoveRuleView(View):
    """One place up or down: ``way``."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        rule, step = _rule(request, pk), -1 if request.POST.get("way") == "up" else 1
        before = Rule.objects.belonging_with(rule).filter(position__lt=rule.position).count()
        return _done(request, lambda: move_rule(rule=rule, place=max(0, before + step), actor=caller(request)))


@private
class DeleteRuleView(View):
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        rule = _rule(request, pk)
        return _done(request, lambda: delete_rule(rule=rule, actor=caller(request)))


@private
class ApplyRulesView(View):
    """Classify the past by the rules of ``rule``'s owner, all of them or with ``only`` that one."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        rule, typed = _rule(request, pk), request.POST.get("since", "")
        since = _day(typed)
        if since is None:
            messages.error(request, _("Write the day from which on rows are classified, such as 2024-05-31."))
            return redirect("banking-rules")
        only = rule if request.POST.get("only") else None
        try:
            act = apply(holder=rule.holder, since=since, actor=caller(request), rule=only)
        except DomainError as error:
            messages.error(request, error.message)
        else:
            say_classified(request, act)
        return redirect("banking-rules")


def _rule(request: HttpRequest, pk: int) -> Rule:
    found: Rule = obtain(Rule.objects.whole(), caller(request), Right.BOOK, pk=pk)
    tell_apart([found.category], Category.objects.for_books_of(found))
    return found


def _form(request: HttpRequest, rule: Rule | None = None, initial: dict[str, Any] | None = None) -> RuleForm:
    accounts = editable(request).belonging_with(rule) if rule else editable(request)
    sent = request.POST if request.method == "POST" else None
    return RuleForm(sent, reader=caller(request), accounts=accounts, rule=rule, initial=initial)


def _refuse(form: RuleForm, error: DomainError) -> None:
    form.add_error(error.field if error.field in form.fields else None, error.message)


def _done(request: HttpRequest, change: Any) -> HttpResponse:
    try:
        change()
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("banking-rules")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if ISO_DATE.fullmatch(text) else None
    except ValueError:
        return None


def _a_year_ago() -> date:
    return timezone.now().date() - PAST
