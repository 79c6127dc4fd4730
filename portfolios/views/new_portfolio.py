"""The page that makes a portfolio."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import View

from core.errors import DomainError
from portfolios.forms import PortfolioForm
from portfolios.services.portfolios import enter_portfolio
from users.models import User


class NewPortfolioPage(View):
    """``/portfolio/new/``: sent twice from one page, it makes one portfolio."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return _shown(request, PortfolioForm(user=cast("User", request.user)))

    def post(self, request: HttpRequest) -> HttpResponse:
        user = cast("User", request.user)
        form = PortfolioForm(request.POST, user=user)
        if not form.is_valid():
            return _shown(request, form)
        try:
            made = enter_portfolio(owner=form.owner, actor=user, key=form.once_key, **form.terms())
        except DomainError as error:
            form.refuse(error)
            return _shown(request, form)
        messages.success(request, _("The portfolio “%(name)s” is there.") % {"name": form.cleaned_data["name"]})
        return redirect(f"{reverse('dashboard')}?portfolio={made}")


def _shown(request: HttpRequest, form: PortfolioForm) -> HttpResponse:
    status = 400 if form.is_bound and form.errors else 200
    return render(request, "portfolios/new_portfolio.html", {"form": form}, status=status)
