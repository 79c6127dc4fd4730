"""What surrounds every request: which URLs are the API, answers where no view is reached, lists, files, numbers."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import AsyncIterator, Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, wraps
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from csp.constants import SELF, UNSAFE_INLINE
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase, HttpResponseRedirectBase
from django.middleware.common import CommonMiddleware
from django.urls import reverse
from django.utils.formats import get_format
from django.utils.translation import get_language, gettext
from django.views import defaults
from django_htmx.http import HttpResponseClientRedirect
from rest_framework import exceptions
from rest_framework.renderers import BrowsableAPIRenderer

from core.problems import Unavailable, as_api_exception, failure_response, headers_of, problem_response

View = Callable[..., HttpResponseBase]
Row = TypeVar("Row", bound=Model)
API_PREFIXES = ("/api/", "/portfolios/")
LINES_AT_ONCE = 500
# What a spreadsheet takes for the beginning of a formula, in its wide forms too.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
PAGE_NUMBER = re.compile(r"[0-9]{1,9}")
PLAIN_NUMBER = re.compile(r"[+-]*[0-9]+(?:\.[0-9]+)?")
GROUP = re.compile(r"[+-]*[1-9][0-9]{0,2}\.[0-9]{3}")  # 1.234: a thousand to some, about one to others
GROUPED = re.compile(
    r"(?P<sign>[+-]*)(?P<whole>[1-9][0-9]{0,2}(?P<group>[., ’])[0-9]{3}(?:(?P=group)[0-9]{3})*)(?P<part>[.,][0-9]+)?"
)
MARKS = str.maketrans("\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}'−", "   ’-")


def is_api(path: str) -> bool:
    """Whether errors at ``path`` are problem documents; elsewhere they are pages."""
    return path.startswith(API_PREFIXES)


class Right(Enum):
    """What somebody wants to do with a row, by the door of its model that says whether they may."""

    SEE = "visible_to"
    BOOK = "editable_by"
    MANAGE = "managed_by"

    @property
    def refusal(self) -> str:
        """What is said to somebody who sees a row and has no such right to it."""
        manage = gettext("You may see this, but not set it up, share, close or delete it.")
        return manage if self is Right.MANAGE else gettext("You may see this, but not change it.")

    def lets(self, user: Any, row: Model) -> bool:
        """Whether the model's door lets ``user`` through to ``row``; no door is a closed one."""
        door = getattr(type(row)._default_manager, self.value, None)  # noqa: SLF001  Django documents it
        return door is not None and bool(door(user).filter(pk=row.pk).exists())


def obtain(rows: QuerySet[Row], user: Any, right: Right, **lookup: Any) -> Row:
    """The one of ``rows`` that ``lookup`` names, in one query for who has the right to it.

    Raises Http404 for what ``user`` does not see, as for what does not exist, and PermissionDenied for what they see
    and have no such right to.
    """
    found: Row | None = getattr(rows, right.value)(user).filter(**lookup).first()
    if found is not None:
        return found
    if right is not Right.SEE and rows.visible_to(user).filter(**lookup).exists():  # type: ignore[attr-defined]
        raise PermissionDenied(right.refusal)
    raise Http404


class PermanentRedirectAsSent(HttpResponseRedirectBase):
    """308: the client repeats method and body. After a 301 a POST arrives as a GET."""

    status_code = 308


class SlashMiddleware(CommonMiddleware):
    response_redirect_class = PermanentRedirectAsSent


class RefuseNullCharacters:
    """PostgreSQL stores no null character, so no URL that holds one can name or find anything."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path_info:
            return not_found(request)
        if "%00" in request.META.get("QUERY_STRING", ""):
            return bad_request(request)
        return self.get_response(request)


class BrowsableRenderer(BrowsableAPIRenderer):
    """The API as pages. Their markup carries style attributes, so they alone may; scripts stay under the policy."""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> Any:
        if renderer_context:
            renderer_context["response"]._csp_update = {"style-src": [SELF, UNSAFE_INLINE]}  # noqa: SLF001  django-csp's
        return super().render(data, accepted_media_type, renderer_context)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if not is_api(request.path):
        return defaults.bad_request(request, exception or ValueError())
    known = as_api_exception(exception) if exception else None
    return problem_response(known or exceptions.ParseError(gettext("The request is malformed.")))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if not is_api(request.path):
        return defaults.permission_denied(request, exception or PermissionError())
    return problem_response(exceptions.PermissionDenied(str(exception or "") or None))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if not is_api(request.path):
        return defaults.page_not_found(request, exception or ValueError())
    return problem_response(exceptions.NotFound())


def server_error(request: HttpRequest) -> HttpResponse:
    """Called while the exception is handled: a lock or a lost database is a 503 with Retry-After, the rest a 500."""
    error = sys.exc_info()[1]
    known = as_api_exception(error) if error else None
    if is_api(request.path):
        return problem_response(known) if isinstance(known, Unavailable) else failure_response()
    page = defaults.server_error(request)
    if isinstance(known, Unavailable):
        page.status_code = known.status_code
        for name, value in headers_of(known).items():
            page[name] = value
    return page


def login_needed(view: View) -> View:
    """Send strangers to the login. A part that htmx asked for sends its whole page there, and back to the Dashboard."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if getattr(request, "htmx", False):
            return HttpResponseClientRedirect(reverse("login"))
        return redirect_to_login(request.get_full_path())

    return guarded


def only_for(may: Callable[[Any], bool]) -> Callable[[View], View]:
    """Send strangers to the login, and refuse whoever ``may`` says no of."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not may(request.user):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return login_needed(guarded)

    return guard


staff_needed = only_for(lambda user: bool(user.is_staff))


def localised(text: str) -> str:
    """A number as Python groups it, 1,234.50, with the separators of the language that is spoken."""
    return text.translate(_separators(get_language()))


@cache  # a page has a thousand numbers
def _separators(language: str | None) -> dict[int, str]:
    return {ord(","): get_format("THOUSAND_SEPARATOR", language), ord("."): get_format("DECIMAL_SEPARATOR", language)}


def typable(plain: str) -> str:
    """Plain digits, 1234.5, as somebody types them in the language that is spoken, and as an input takes them back."""
    return plain.replace(".", str(get_format("DECIMAL_SEPARATOR")))


def plain_number(text: str) -> str:
    """What somebody typed as plain digits; unchanged where it is no number, "" where it can be two of them.

    The decimal sign of the language that is spoken is one; where that is a comma, a point is one too, unless three
    digits follow: 1.234 is 1234 to some. Digits may be grouped as in 1.234,56 or 1’234.
    """
    text, mark = text.strip().translate(MARKS), str(get_format("DECIMAL_SEPARATOR"))
    if PLAIN_NUMBER.fullmatch(text):
        return "" if mark != "." and GROUP.fullmatch(text) else text
    if PLAIN_NUMBER.fullmatch(text.replace(mark, ".")):
        return text.replace(mark, ".")
    found = GROUPED.fullmatch(text)
    if found is None or found["group"] == mark or (found["part"] or mark)[0] != mark:
        return text
    if found["group"] in ".," and found["part"] is None and found["whole"].count(found["group"]) == 1:
        return ""
    return found["sign"] + found["whole"].replace(found["group"], "") + (found["part"] or "").replace(mark, ".")


def two_numbers(written: str) -> str:
    """Why ``plain_number`` answered "": what the number can be, and how to write either of the two."""
    text, mark = written.strip().translate(MARKS), str(get_format("DECIMAL_SEPARATOR"))
    whole, part = re.split("[.,]", text)
    given = {"written": written.strip(), "whole": whole + part, "fraction": whole + mark + part}
    return gettext("“%(written)s” can be two numbers: write %(whole)s or %(fraction)s.") % given


@dataclass(frozen=True, slots=True)
class Paging:
    """One page of a list of ``count`` rows: those from ``start`` to before ``stop``, counted from 0."""

    number: int
    last: int
    count: int
    start: int
    stop: int

    @property
    def first_row(self) -> int:
        return self.start + 1

    @property
    def previous(self) -> int:
        return self.number - 1

    @property
    def next(self) -> int:
        return self.number + 1


def paging(request: HttpRequest, count: int, size: int) -> Paging:
    """The page that ``?page=`` names; what is no number is answered like the first, too high a one like the last."""
    wanted = request.GET.get("page", "")
    last = max(1, -(-count // size))
    number = int(wanted) if PAGE_NUMBER.fullmatch(wanted) else 1
    number = min(max(number, 1), last)
    start = (number - 1) * size
    return Paging(number, last, count, start, min(start + size, count))


def choice(request: HttpRequest, name: str, allowed: Container[str], default: str) -> str:
    """A query parameter that has few values; another value is answered like none."""
    wanted = request.GET.get(name, default)
    return wanted if wanted in allowed else default


def text_cell(text: str) -> str:
    """Words of people: an apostrophe before what would be a formula, which spreadsheets then show as text.

    Numbers do not go through here, so that a negative one stays a number. Source: OWASP, CSV injection.
    """
    return f"'{text}" if text.startswith(FORMULA) or text.lstrip().startswith(FORMULA) else text


def csv_answer(
    request: HttpRequest, name: str, head: Sequence[str], rows: Iterable[Sequence[str]]
) -> StreamingHttpResponse:
    """A download, UTF-8, lines ended and cells quoted after RFC 4180, sent while ``rows`` are read."""
    parts = _csv_parts(head, rows)
    sent = _in_thread(parts) if isinstance(request, ASGIRequest) else parts
    answer = StreamingHttpResponse(sent, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


def _csv_parts(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    for number, row in enumerate(rows, start=1):
        writer.writerow(row)
        if number % LINES_AT_ONCE == 0:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


async def _in_thread(parts: Iterator[str]) -> AsyncIterator[str]:
    """The same, read where the request's own queries run: under ASGI Django would take all of it at once."""
    read = sync_to_async(lambda: next(parts, None))
    while (part := await read()) is not None:
        yield part
