"""One's own money on one page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from analytics.views.worth import asked, worth_context
from banking.views.base import caller
from banking.views.sections import section_page
from core.web import login_needed
from users.models import Organisation, Role


@require_safe
@login_needed
def overview(request: HttpRequest) -> HttpResponse:
    """What belongs to the caller alone: net worth, income and expense, accounts, what is to come.

    ``?as_of=&span=&month=``
    """
    reader = caller(request)
    firms = list(Organisation.objects.where(reader, Role.VIEWER))
    context = section_page("overview") | worth_context(asked(request, reader)) | {"firms": firms}
    return render(request, "banking/overview.html", context)
