"""What django-axes answers once a name was refused too often."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from rest_framework import exceptions

from core.problems import problem_response
from core.web import is_api


class LockedOut(exceptions.APIException):
    status_code = 429
    default_code = "locked_out"

    def __init__(self) -> None:
        self.wait = int(settings.AXES_COOLOFF_TIME.total_seconds())
        super().__init__(
            gettext("Too many failed logins for this name. Try again in %(wait)s minutes.") % {"wait": self.wait // 60}
        )


def locked_out(request: HttpRequest, *_: object) -> HttpResponse:
    """A problem to programs, a page to people; 429 with Retry-After to both."""
    error = LockedOut()
    if is_api(request.path):
        return problem_response(error)
    credentials = getattr(request, "axes_credentials", None) or {}
    context = {"failure_limit": settings.AXES_FAILURE_LIMIT, "username": credentials.get("username", "")}
    page = render(request, "registration/lockout.html", context, status=error.status_code)
    page["Retry-After"] = str(error.wait)
    return page
