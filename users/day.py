"""Which day pages show: the one of the address, else the one that the person chose, else now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast

from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.encoding import escape_uri_path

ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
EARLIEST = date(1900, 1, 1)  # nothing is known before
EARLIEST_ZONE = timedelta(hours=14)  # where a day begins first
DAY_KEY = "day_shown"  # in the session


def past_day(text: str) -> date | None:
    """The day that ``text`` names as YYYY-MM-DD; None for what is none, for a future one and for one before 1900."""
    if not ISO_DAY.fullmatch(text):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if EARLIEST <= day <= (timezone.now() + EARLIEST_ZONE).date() else None


def day_shown(request: HttpRequest, *, chooses: bool = True) -> date | None:
    """The day at whose close a page shows everything: ``?as_of=``, else the one that the person chose, else None: now.

    A page that asks is one that follows the day; of the others the banner says that they show today. Whoever opens it
    by an address with a day chooses that day (``keep_day_of_address``), unless ``chooses`` is false: one figure's day.
    """
    vars(request)["follows_day"] = True
    asked = request.GET.get("as_of")
    named = past_day(asked or "")
    if chooses and (named or asked == "") and _is_opened(request):
        vars(request)["day_chosen"] = named if named and named < timezone.now().date() else None
        return _day_kept(request)
    return named or _day_kept(request)


def _is_opened(request: HttpRequest) -> bool:
    """Whether a person opens a page, which no part, no picture and nothing that is loaded ahead of a click is."""
    ahead = " ".join(request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Moz"))
    is_page = request.headers.get("Sec-Fetch-Dest", "document") == "document"
    return request.method == "GET" and is_page and "prefetch" not in ahead and not getattr(request, "htmx", False)


def forget_day_of_address(request: HttpRequest) -> None:
    """What is written now is no page of the day: the page that asked for it failed."""
    for name in ("follows_day", "day_chosen"):
        vars(request).pop(name, None)


def keep_day_of_address(request: HttpRequest, answer: HttpResponse) -> None:
    """Keep the day of the page that was opened, which says so; files and what leads elsewhere change nothing.

    A session is written as a whole. So what others wrote to it while the page was made is read first.
    """
    is_page = answer.headers.get("Content-Type", "").startswith("text/html") and "Location" not in answer.headers
    if not is_page or "day_chosen" not in vars(request):
        return
    day: date | None = vars(request)["day_chosen"]
    if _named_in(request.session) == day:
        return
    newest = type(request.session)(request.session.session_key)
    _put(newest, day)
    if newest.session_key:  # None: they logged out meanwhile
        with suppress(UpdateError):
            newest.save()
    if request.session.modified:  # what is about to be written as a whole, too
        _put(request.session, day)


def keep_day(request: HttpRequest, day: date | None) -> None:
    """Show every page at the close of ``day`` until the person logs out; None, or a day that is not over, shows now."""
    _put(request.session, None if day is None or day >= timezone.now().date() else day)


def _put(session: SessionBase, day: date | None) -> None:
    if day is None:
        session.pop(DAY_KEY, None)
    elif session.get(DAY_KEY) != day.isoformat():  # what is set is written, changed or not
        session[DAY_KEY] = day.isoformat()


def _day_kept(request: HttpRequest) -> date | None:
    if "day_chosen" in vars(request):
        return cast("date | None", vars(request)["day_chosen"])
    return _named_in(getattr(request, "session", {}))


def _named_in(session: SessionBase | Mapping[str, Any]) -> date | None:
    return past_day(str(session.get(DAY_KEY, "")))


@dataclass(frozen=True, slots=True)
class DayBar:
    """What the header says of the day shown. ``here`` leads back to the page.

    ``pinned``: the address names the day, which is that of this page only; ``refused``: what it names instead of one.
    """

    day: date | None
    pinned: bool
    follows: bool
    refused: str
    here: str

    @property
    def latest(self) -> date:
        return timezone.now().date()

    @property
    def earliest(self) -> date:
        return EARLIEST

    @property
    def previous(self) -> date:
        return max((self.day or self.latest) - timedelta(days=1), EARLIEST)

    @property
    def next(self) -> date | None:
        """The day after the one shown; None from yesterday on, where today follows."""
        following = self.day + timedelta(days=1) if self.day and self.day < self.latest else None
        return following if following and following < self.latest else None

    @property
    def month_end(self) -> date:
        """The last day of the month before the one shown."""
        return max((self.day or self.latest).replace(day=1) - timedelta(days=1), EARLIEST)

    @property
    def year_end(self) -> date:
        """The last day of the year before the one shown."""
        return max((self.day or self.latest).replace(month=1, day=1) - timedelta(days=1), EARLIEST)


def day_bar(request: HttpRequest) -> dict[str, Any]:
    """For the header of every page of somebody who is logged in: a context processor."""
    if not getattr(getattr(request, "user", None), "is_authenticated", False):
        return {}
    asked = request.GET.get("as_of", "")
    named = past_day(asked)
    refused = asked[:40] if asked and not named else ""
    kept, follows = _day_kept(request), bool(vars(request).get("follows_day"))
    if "day_chosen" in vars(request) or not follows:  # a page of today shows nothing of the day that it is asked for
        named = kept
    bar = DayBar(named or kept, named not in (None, kept), follows, refused, _here(request))
    return {"day_bar": bar}


def _here(request: HttpRequest) -> str:
    """The page's own address without its ``as_of``, which would win over what the person chooses next."""
    if request.method not in ("GET", "HEAD"):  # some addresses take nothing but a POST
        return "/"
    query = request.GET.copy()
    query.pop("as_of", None)
    return escape_uri_path(request.path) + (f"?{query.urlencode()}" if query else "")
