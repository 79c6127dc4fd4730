"""Paying somebody or moving money: now, on a day to come, or again and again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views import View

from activity.services import once
from banking.forms.payment import PaymentForm
from banking.models import Category
from banking.recurrence import Recurrence, Unit, Weekend
from banking.services.payment_preview import Foreseen, foresee
from banking.services.payments import pay
from banking.services.schedules import create_schedule
from banking.views.base import caller, editable, private
from banking.views.sections import section_page
from core.errors import DomainError
from core.web import localised

SHOWN_DAYS = 4
GIVEN = ("source", "target", "target_iban", "name", "amount", "note")


@private
class PaymentView(View):
    """``/banking/transfers/new/``: ``?source=``, ``?name=`` and others fill in what is known already."""

    def get(self, request: HttpRequest) -> HttpResponse:
        given = {name: request.GET[name][:200] for name in GIVEN if name in request.GET}
        return shown(request, form_of(request, initial=given))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = form_of(request, request.POST)
        if form.is_valid():
            if request.POST.get("action") == "preview":
                return shown(request, form, previewed(form))
            try:
                return booked(request, form)
            except DomainError as error:
                form.refuse(error)
        return shown(request, form)


@private
class PaymentPreviewPart(View):
    """What htmx asks for while the form is written."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        form = form_of(request, request.POST)
        found = previewed(form) if form.is_valid() else {}
        return render(request, "banking/_pay_preview.html", {"form": form, **found})


def form_of(request: HttpRequest, data: Any = None, initial: dict[str, Any] | None = None) -> PaymentForm:
    user = caller(request)
    choices: dict[str, Any] = {"accounts": editable(request), "categories": Category.objects.visible_to(user)}
    return PaymentForm(data, user=user, **choices, now=timezone.now(), initial=initial)


def shown(request: HttpRequest, form: PaymentForm, found: dict[str, Any] | None = None) -> HttpResponse:
    context = section_page("transfers") | {"form": form, **(found or {})}
    return render(request, "banking/pay.html", context)


def previewed(form: PaymentForm) -> dict[str, Any]:
    """What the form would do, or what is wrong with it, which the form then says."""
    source = form.cleaned_data["source"]
    try:
        if form.scheduled:
            return {"days": _days(form), "source": source}
        foreseen: Foreseen = foresee(source=source, payment=form.payment(), actor=form.user)
    except DomainError as error:
        form.refuse(error)
        return {}
    return {"foreseen": foreseen}


def booked(request: HttpRequest, form: PaymentForm) -> HttpResponse:
    """Book or schedule it once, however often the page is sent, and go to where it can be seen."""
    source, actor = form.cleaned_data["source"], caller(request)

    def work() -> int:
        if form.scheduled:
            return create_schedule(source=source, terms=form.terms(), actor=actor, now=form.now).pk
        return pay(source=source, payment=form.payment(), actor=actor).pk

    with transaction.atomic():
        first = once(user=actor, key=form.once_key, work=work)[1]
    text = _told(form)
    if first:
        messages.success(request, text)
    else:
        messages.info(request, _("This was sent before, so nothing was booked again.") + f" {text}")
    return redirect("banking-schedules" if form.scheduled else "banking-transfers")


def _told(form: PaymentForm) -> str:
    """What was paid or scheduled, in a sentence."""
    given, source = form.cleaned_data, form.cleaned_data["source"]
    text = (
        _("Scheduled: %(amount)s %(currency)s from %(account)s to %(payee)s.")
        if form.scheduled
        else _("Paid: %(amount)s %(currency)s from %(account)s to %(payee)s.")
    )
    payee = given["target"].name if given["target"] else given["name"] or given["target_iban"]
    amount = localised(f"{given['amount']:f}")
    return text % {"amount": amount, "currency": source.currency, "account": source.name, "payee": payee}


def _days(form: PaymentForm) -> list[Any]:
    """The first days on which it would be paid."""
    terms = form.terms()
    recurrence = Recurrence(
        terms.first_on, Unit(terms.unit), terms.interval, terms.until, terms.count, Weekend(terms.weekend)
    )
    dues = [recurrence.due(position) for position in range(SHOWN_DAYS)]
    return [recurrence.payday(due) for due in dues if due]
