"""The day in the past at whose close a person looks at everything."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views import View

from users.day import keep_day, past_day

TODAY = "today"


class DayView(View):
    """``/day/``: a POST chooses the day, ``jump`` before ``day``; ``next`` is the page to go back to."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        asked = request.POST.get("jump") or request.POST.get("day", "")
        day = past_day(asked)
        if day or asked == TODAY:
            keep_day(request, day)
        else:
            messages.error(request, _("Choose a day from 1900 to today, such as 2024-05-31. Nothing has changed."))
        onward, here = request.POST.get("next", ""), {request.get_host()}
        safe = url_has_allowed_host_and_scheme(onward, allowed_hosts=here, require_https=request.is_secure())
        return HttpResponseRedirect(onward if safe else "/")
