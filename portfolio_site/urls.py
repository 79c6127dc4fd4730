"""Where every app is mounted: pages, the API, the admin."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from portfolio_site import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("analytics.urls")),
    path("", include("portfolios.page_urls")),
    path("", include("assets.page_urls")),
    path("", include("banking.page_urls")),
    path("", include("users.page_urls")),
    path("login/", LoginView.as_view(extra_context={"demo": lambda: settings.DEMO}), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}icon.svg")),  # asked for by every browser
    path("admin/", admin.site.urls),
    path("", include(api.urlpatterns)),
]
handler400 = "core.web.bad_request"
handler403 = "core.web.forbidden"
handler404 = "core.web.not_found"
handler500 = "core.web.server_error"
