"""The pages of possessions: all of them, and one with its values."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views import View

from activity.services import once
from banking.forms.possessions import DisposalForm, NameForm, PossessionForm, ValuationForm
from banking.models import Possession, Valuation
from banking.queries.possessions import kept_first, with_worth
from banking.services import possessions as service
from banking.views.base import caller, private, tried
from banking.views.sections import section_page
from core.api import PLAIN_INTEGER
from core.errors import DomainError
from core.web import Right, bad_request, obtain
from users.day import day_shown
from users.models import Organisation, Role

SHOWN = 50  # values of one possession


@private
class PossessionsView(View):
    """``/banking/possessions/``. A POST notes another one."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.shown(request, self._form(request))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self._form(request, request.POST)
        made = tried(form, lambda: self._add(request, form)) if form.is_valid() else None
        if made is None:
            return self.shown(request, form, status=400)
        messages.success(request, _("%(name)s is noted.") % {"name": form.cleaned_data["name"]})
        return redirect(f"{reverse('banking-possessions')}#possession-{made}")

    def _add(self, request: HttpRequest, form: PossessionForm) -> int:
        """The id of what was noted, now or when the same form was sent before. No Idempotency-Key has a space."""
        actor, key = caller(request), form.cleaned_data["key"] or uuid4().hex

        def work() -> int:
            return int(service.add_possession(actor=actor, **form.terms()).pk)

        with transaction.atomic():
            return once(user=actor, key=f"possession {key}", work=work)[0]

    def shown(self, request: HttpRequest, form: PossessionForm, status: int = 200) -> HttpResponse:
        day = day_shown(request)
        rows = with_worth(Possession.objects.visible_to(caller(request)), day).select_related("owner", "organisation")
        rows = rows if day is None else rows.filter(valued_on__isnull=False)
        context = {"rows": list(kept_first(rows)), "form": form}
        return render(request, "banking/possessions.html", section_page("possessions") | context, status=status)

    def _form(self, request: HttpRequest, data: Any = None) -> PossessionForm:
        reader = caller(request)
        firms = Organisation.objects.where(reader, Role.MANAGER)
        initial = {"currency": reader.base_currency, "day": timezone.now().date(), "key": uuid4().hex}
        return PossessionForm(data, reader=reader, firms=firms, initial=initial)


@private
class PossessionView(View):
    """``/banking/possessions/<id>/``: its values. A POST says with ``action`` what to do."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.shown(request, pk)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        reader, wanted = caller(request), request.POST.get("action", "")
        rows = Possession.objects
        row = obtain(rows.all(), reader, Right.BOOK if wanted in {"value", "void"} else Right.MANAGE, pk=pk)
        if wanted == "void":
            return self._void(request, row)
        if wanted in {"keep", "delete"}:
            return self._at_once(request, row, wanted)
        kinds: dict[str, tuple[type[Any], Any]] = {
            "value": (ValuationForm, service.value_possession),
            "name": (NameForm, service.change_possession),
            "dispose": (DisposalForm, service.dispose),
        }
        if wanted not in kinds:
            return bad_request(request)
        kind, change = kinds[wanted]
        form = kind(request.POST, possession=pk)
        if form.is_valid() and tried(form, lambda: change(possession=row, actor=reader, **form.cleaned_data)):
            messages.success(request, _("%(name)s is changed.") % {"name": row.name})
            return redirect("banking-possession", pk)
        return self.shown(request, pk, status=400, **{f"{wanted}_form": form})

    def shown(self, request: HttpRequest, pk: int, status: int = 200, **forms_sent: forms.Form) -> HttpResponse:
        reader, day = caller(request), day_shown(request)
        known = Possession.objects.visible_to(reader).select_related("owner", "organisation")
        row: Any = get_object_or_404(with_worth(known, day), pk=pk)
        today = timezone.now().date()
        context = {
            "row": row,
            "values": Valuation.objects.filter(possession=row, day__lte=day or date.max)[:SHOWN],
            "books": Possession.objects.editable_by(reader).filter(pk=pk).exists(),
            "manages": Possession.objects.managed_by(reader).filter(pk=pk).exists(),
            "value_form": ValuationForm(initial={"day": today}, possession=pk),
            "name_form": NameForm(initial={"name": row.name, "kind": row.kind}, possession=pk),
            "dispose_form": DisposalForm(initial={"disposed_on": today}, possession=pk),
        }
        page = section_page("possessions") | context | forms_sent
        return render(request, "banking/possession.html", page, status=status)

    def _void(self, request: HttpRequest, row: Possession) -> HttpResponse:
        number = request.POST.get("valuation", "")
        if not PLAIN_INTEGER.fullmatch(number):
            return bad_request(request)
        value = get_object_or_404(Valuation, possession=row, pk=int(number))
        try:
            service.void_valuation(valuation=value, actor=caller(request))
            messages.success(request, _("The value is taken back; the one before it counts again."))
        except DomainError as error:
            messages.error(request, error.message)
        return redirect("banking-possession", row.pk)

    def _at_once(self, request: HttpRequest, row: Possession, wanted: str) -> HttpResponse:
        try:
            if wanted == "delete":
                service.delete_possession(possession=row, actor=caller(request))
                messages.success(request, _("%(name)s is deleted.") % {"name": row.name})
                return redirect("banking-possessions")
            service.keep_possession(possession=row, actor=caller(request))
            messages.success(request, _("%(name)s counts again.") % {"name": row.name})
        except DomainError as error:
            messages.error(request, error.message)
        return redirect("banking-possession", row.pk)
