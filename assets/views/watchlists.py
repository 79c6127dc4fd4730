"""The page of watchlists: their assets with the last prices, in an order that their owner gives them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.views import View

from assets.forms.watchlists import EntryForm, NewEntryForm, WatchlistForm
from assets.models import Watchlist, WatchlistEntry
from assets.queries import distance_to
from assets.quotes import LastPrice
from assets.services import watchlists as service
from assets.services.quotes import closes_on, last_prices
from assets.tasks import quotes_wanted
from assets.trends import Trend, trends
from core.errors import DomainError, Gone
from core.web import bad_request, login_needed, typable
from users.day import day_shown
from users.models import User

private: Any = method_decorator(cast("Any", login_needed), name="dispatch")


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of the page. ``distance``: by which fraction of the price the target lies above it."""

    entry: WatchlistEntry
    price: LastPrice | None
    trend: Trend | None
    distance: Decimal | None
    form: EntryForm


@private
class WatchlistsView(View):
    """One list of the caller's: ``?list=<id>``, else the first. A POST makes a new one."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return page(request, _chosen(request))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = WatchlistForm(request.POST, prefix="new")
        if form.is_valid():
            made = tried(form, lambda: service.create_watchlist(owner=_caller(request), **form.cleaned_data))
            if made is not None:
                return redirect(address_of(made))
        return page(request, _chosen(request), new_form=form)


@private
class WatchlistView(View):
    """What is done with one list: ``action`` is "add", "rename" or "delete"."""

    def post(self, request: HttpRequest, watchlist_id: int) -> HttpResponse:
        watchlist = get_object_or_404(Watchlist.objects.editable_by(_caller(request)), pk=watchlist_id)
        actions = {"add": self._add, "rename": self._rename, "delete": self._delete}
        action = actions.get(request.POST.get("action", ""))
        return action(request, watchlist) if action else bad_request(request)

    def _add(self, request: HttpRequest, watchlist: Watchlist) -> HttpResponse:
        form = NewEntryForm(request.POST, prefix="add", user=_caller(request))
        if form.is_valid():
            added = tried(form, lambda: service.add_entry(watchlist=watchlist, **form.cleaned_data))
            if added is not None:
                return shown_again(
                    request, watchlist, gettext("%(symbol)s was added.") % {"symbol": added.asset.symbol}
                )
        return page(request, watchlist, add_form=form)

    def _rename(self, request: HttpRequest, watchlist: Watchlist) -> HttpResponse:
        form = WatchlistForm(request.POST, prefix="rename")
        if form.is_valid():
            actor = _caller(request)
            renamed = tried(
                form, lambda: service.rename_watchlist(watchlist=watchlist, actor=actor, **form.cleaned_data)
            )
            if renamed is not None:
                return redirect(address_of(renamed))
        return page(request, watchlist, rename_form=form)

    def _delete(self, request: HttpRequest, watchlist: Watchlist) -> HttpResponse:
        _or_404(lambda: service.delete_watchlist(watchlist=watchlist, actor=_caller(request)))
        return redirect("watchlists")


@private
class EntryView(View):
    """What is done with one entry: ``action`` is "up", "down", "change" or "remove"."""

    def post(self, request: HttpRequest, watchlist_id: int, entry_id: int) -> HttpResponse:
        own = WatchlistEntry.objects.editable_by(_caller(request)).select_related("asset", "watchlist")
        entry = get_object_or_404(own, pk=entry_id, watchlist=watchlist_id)
        match request.POST.get("action", ""):
            case "up" | "down" as way:
                return self._move(request, entry, -1 if way == "up" else 1)
            case "remove":
                _or_404(lambda: service.remove_entry(entry=entry))
                return shown_again(
                    request, entry.watchlist, gettext("%(symbol)s was removed.") % {"symbol": entry.asset.symbol}
                )
            case "change":
                return self._change(request, entry)
        return bad_request(request)

    def _move(self, request: HttpRequest, entry: WatchlistEntry, by: int) -> HttpResponse:
        place = max(entry.position + by, 0)
        moved = _or_404(lambda: service.change_entry(entry=entry, position=place))
        return shown_again(
            request,
            entry.watchlist,
            gettext("%(symbol)s is number %(position)s now.")
            % {"symbol": entry.asset.symbol, "position": moved.position + 1},
        )

    def _change(self, request: HttpRequest, entry: WatchlistEntry) -> HttpResponse:
        form = EntryForm(request.POST, prefix=f"entry-{entry.pk}")
        if form.is_valid():
            given = form.cleaned_data
            drop = given["target_price"] is None
            changed = tried(form, lambda: service.change_entry(entry=entry, drop_target=drop, **given))
            if changed is not None:
                return shown_again(
                    request, entry.watchlist, gettext("%(symbol)s was changed.") % {"symbol": entry.asset.symbol}
                )
        return page(request, entry.watchlist, entry_form=(entry.pk, form))


def page(
    request: HttpRequest,
    watchlist: Watchlist | None,
    *,
    said: str = "",
    entry_form: tuple[int, EntryForm] | None = None,
    **given: forms.Form,
) -> HttpResponse:
    """The whole page, or for htmx the card of the list. ``said`` tells a screen reader what has just happened."""
    lists = list(Watchlist.objects.visible_to(_caller(request)).annotate(count=Count("entries")))
    problems = [text for form in (*given.values(), *(entry_form or ())[1:]) for text in _problems(form)]
    context: dict[str, Any] = {"section": "watchlists", "lists": lists, "watchlist": watchlist}
    context["said"] = said or " ".join(problems)
    context["new_form"] = given.get("new_form") or WatchlistForm(prefix="new")
    if watchlist is not None:
        context["past"] = day_shown(request)
        context["rows"] = rows_of(watchlist, context["past"], *([entry_form] if entry_form else []))
        context["add_form"] = given.get("add_form") or NewEntryForm(prefix="add", user=_caller(request))
        context["rename_form"] = given.get("rename_form") or WatchlistForm(
            prefix="rename", initial={"name": watchlist.name}
        )
    part = getattr(request, "htmx", False) and watchlist is not None
    return render(request, "assets/_watchlist.html" if part else "assets/watchlists.html", context)


def _problems(form: forms.Form) -> list[str]:
    return [str(text) for texts in form.errors.values() for text in texts]


def shown_again(request: HttpRequest, watchlist: Watchlist, said: str) -> HttpResponse:
    """After a change: the list's card for htmx, else the page anew, so that a reload repeats nothing."""
    return page(request, watchlist, said=said) if getattr(request, "htmx", False) else redirect(address_of(watchlist))


def rows_of(watchlist: Watchlist, day: date | None, *bound: tuple[int, EntryForm]) -> Sequence[Row]:
    """The entries with how they moved of late and their closes of ``day``, or their last prices.

    Prices that are due are asked for by a worker.
    """
    entries = list(WatchlistEntry.objects.filter(watchlist=watchlist).select_related("asset").order_by("position"))
    assets = [entry.asset_id for entry in entries]
    known = closes_on(assets, day=day) if day else last_prices(assets, now=timezone.now())
    quotes_wanted(known.due)
    moved, given = trends(assets, day), dict(bound)
    return [
        _row(entry, known.by_asset.get(entry.asset_id), moved.get(entry.asset_id), given.get(entry.pk))
        for entry in entries
    ]


def _row(entry: WatchlistEntry, price: LastPrice | None, trend: Trend | None, form: EntryForm | None) -> Row:
    target = entry.target_price
    initial = {"note": entry.note, "target_price": "" if target is None else typable(f"{target.normalize():f}")}
    distance = distance_to(target, price.price if price else None)
    return Row(entry, price, trend, distance, form or EntryForm(prefix=f"entry-{entry.pk}", initial=initial))


def address_of(watchlist: Watchlist) -> str:
    return f"{reverse('watchlists')}?list={watchlist.pk}"


def tried(form: forms.Form, change: Callable[[], Any]) -> Any:
    """What ``change`` gives, or None with its refusal beside the form. Raises Http404 where nothing is left."""
    try:
        return _or_404(change)
    except DomainError as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
    except ValidationError as error:
        form.add_error(None, [*error.messages])
    return None


def _or_404(change: Callable[[], Any]) -> Any:
    try:
        return change()
    except Gone as error:
        raise Http404 from error


def _chosen(request: HttpRequest) -> Watchlist | None:
    """The list that ``?list=<id>`` names, else the first; None for somebody without any. Raises Http404."""
    wanted = request.GET.get("list")
    for watchlist in Watchlist.objects.visible_to(_caller(request)):
        if wanted is None or str(watchlist.pk) == wanted:
            return watchlist
    if wanted is not None:
        raise Http404
    return None


def _caller(request: HttpRequest) -> User:
    return cast("User", request.user)
