"""The admin site: Django's, with panels about the server above the list of tables."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portfolio_site.administration.djangos import ScriptCatalog
from portfolio_site.administration.panels import panels_for, standings_for
from users.models import User


class Administration(admin.AdminSite):
    site_header = site_title = "Portfolio server"
    index_title = _("Administration")

    def i18n_javascript(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return cast("HttpResponse", ScriptCatalog.as_view(packages=["django.contrib.admin"])(request))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        user, now = cast("User", request.user), timezone.now()
        shown = {
            "panels": panels_for(user, now),
            "standings": standings_for(user, now),
            "flower": flower_address(request) if user.is_superuser else "",
        }
        return super().index(request, shown | (extra_context or {}))


def flower_address(request: HttpRequest) -> str:
    """FLOWER_URL, else FLOWER_PORT of the host by which this request came. Flower itself asks who comes."""
    if settings.FLOWER_URL:
        return str(settings.FLOWER_URL)
    host = urlsplit(f"//{request.get_host()}").hostname or "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.FLOWER_PORT}/"
