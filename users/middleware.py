"""In which language, with which numbers and in which time zone a page is written, and which day it shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, tzinfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from core.web import is_api
from users.day import forget_day_of_address, keep_day_of_address
from users.models import User


class PersonalWriting:
    """Pages speak the person's language on the person's clock; to strangers, the browser's and UTC.

    Programs read the API, so it answers in English, with plain numbers and in UTC, whoever asks.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        locale, zone = ("", UTC) if is_api(request.path_info) else _wishes(request)
        spoken = settings.LANGUAGE_CODE if is_api(request.path_info) else locale or _of_browser(request)
        with translation.override(spoken), timezone.override(zone):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", spoken)
        if not locale and not is_api(request.path_info):
            patch_vary_headers(response, ["Accept-Language"])
        return response


def _wishes(request: HttpRequest) -> tuple[str, tzinfo]:
    """The locale and the time zone of who asks; a locale that the server knows no more counts as none."""
    user = request.user
    if not isinstance(user, User):
        return "", UTC
    return user.locale if user.locale in dict(settings.LANGUAGES) else "", user.zone


def _of_browser(request: HttpRequest) -> str:
    return translation.get_language_from_request(request)


class DayOfAddress:
    """Who opens a page by an address with a day, such as a link that was sent, looks at every page of that day.

    As if it had been chosen in the header: the links of the page need not name it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        keep_day_of_address(request, response)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """The page of an error says nothing of the day that was asked for."""
        forget_day_of_address(request)
